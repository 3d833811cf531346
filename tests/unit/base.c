/* The floor's floor: bit fields, the byte hash, the user's error line. */
#include "sim/base/base.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

Test(base, fields_follow_their_masks)
{
    for (unsigned low = 0; low < 64; low++) {
        for (unsigned high = low; high < 64; high++) {
            uint64_t mask = bits_ones(high - low + 1) << low;
            uint64_t value = UINT64_C(0x0123456789abcdef) * (low + 1) ^ high;
            uint64_t field = field_get(mask, value);
            cr_assert_eq(field, bits_get(value, high, low));
            cr_assert_eq(field, (value & mask) >> low);
            cr_assert_eq(field_put(mask, field), value & mask);
            cr_assert_eq(field_put(mask, ~UINT64_C(0)), mask);
        }
    }
}

Test(base, sign_extension_keeps_the_value)
{
    for (unsigned width = 1; width <= 64; width++) {
        uint64_t sign = UINT64_C(1) << (width - 1);
        cr_assert_eq(bits_sign_extend(sign, width), ~(sign - 1));
        cr_assert_eq(bits_sign_extend(sign - 1, width), sign - 1);
    }
    cr_assert_eq(bits_ones(0), 0u);
    cr_assert_eq(align_down(0x12345, 0x1000), 0x12000u);
}

/* Golden values: the hash is part of recorded runs. */
Test(base, hash_is_the_same_everywhere)
{
    uint8_t bytes[100];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + 1);
    cr_expect_eq(hash_mix(1), UINT64_C(0x4179b061e0c0e0d0));
    cr_expect_eq(hash_bytes(bytes, 0, 0), UINT64_C(0x7ca81025a8cf8f91));
    cr_expect_eq(hash_bytes(bytes, 7, 1), UINT64_C(0x181c0ea0849f9380));
    cr_expect_eq(hash_bytes(bytes, 100, 2), UINT64_C(0x64d44a55e61fb0da));
}

Test(base, hash_sees_every_bit_size_and_seed)
{
    uint8_t bytes[73] = {0};
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint64_t plain = hash_bytes(bytes, size, 0);
        cr_assert_neq(plain, hash_bytes(bytes, size, 1));
        cr_assert(size == sizeof bytes || plain != hash_bytes(bytes, size + 1, 0));
        for (size_t bit = 0; bit < 8 * size; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            uint64_t changed = hash_bytes(bytes, size, 0);
            cr_assert_neq(plain, changed);
            /* Avalanche: about half of the bits differ. */
            int distance = __builtin_popcountll(plain ^ changed);
            cr_assert(distance >= 10 && distance <= 54, "bit %zu of %zu: %d", bit, size, distance);
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
}

Test(base, error_is_one_line_and_false)
{
    struct error error;
    cr_assert_not(error_set(&error, "%s: line %d", "a\nb\x7f\x1b[1m", 3));
    cr_assert_str_eq(error.text, "a?b??[1m: line 3");
    char longer[2000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    error_set(&error, "%s", longer);
    cr_assert_eq(strlen(error.text), sizeof error.text - 1);
}

static void dump_bug(void *context)
{
    fprintf(stderr, "dump %s\n", (const char *)context);
    bug("inside");
}

/* The second bug must not call the hook again; it aborts. */
Test(base, bug_dumps_once_and_aborts, .signal = SIGABRT)
{
    static char name[] = "hook";
    bug_set_dump(dump_bug, name);
    ensure(1 + 1 == 2);
    ensure(1 + 1 == 3);
}
