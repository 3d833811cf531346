/*
 * The floor's floor: typed addresses, bit fields by mask, the border between the three kinds of
 * error, and the bracket that keeps padding out of state.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PE_COUNT_MAX 8u
#define PAGE_SHIFT 12u
#define PAGE_BYTES (1u << PAGE_SHIFT)

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Addresses of the three spaces do not mix: a function that takes an ipa_t cannot be handed a
 * va_t. The bits are read with .bits, which is easy to find when reviewing.
 */
typedef struct va {
    uint64_t bits;
} va_t;
typedef struct ipa {
    uint64_t bits;
} ipa_t;
typedef struct pa {
    uint64_t bits;
} pa_t;

static inline va_t va_make(uint64_t bits)
{
    return (va_t){bits};
}

static inline ipa_t ipa_make(uint64_t bits)
{
    return (ipa_t){bits};
}

static inline pa_t pa_make(uint64_t bits)
{
    return (pa_t){bits};
}

/* State structs stand between these: a padding byte in one of them stops the build. */
#define STATE_BEGIN _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic error \"-Wpadded\"")
#define STATE_END _Pragma("GCC diagnostic pop")

/* A field is its mask; the shift follows from it. The mask must not be 0. */
static inline uint64_t field_get(uint64_t mask, uint64_t value)
{
    return (value & mask) / (mask & (~mask + 1));
}

static inline uint64_t field_put(uint64_t mask, uint64_t field)
{
    return (field * (mask & (~mask + 1))) & mask;
}

/* Bits high..low of value, shifted down; 63 >= high >= low. */
static inline uint64_t bits_get(uint64_t value, unsigned high, unsigned low)
{
    return (value >> low) & (~UINT64_C(0) >> (63u - (high - low)));
}

/* SignExtend(): value has width significant bits, 1..64. */
static inline uint64_t bits_sign_extend(uint64_t value, unsigned width)
{
    unsigned up = 64u - width;
    return (uint64_t)((int64_t)(value << up) >> up);
}

/* A mask of the low count bits, 0..64. */
static inline uint64_t bits_ones(unsigned count)
{
    return count == 0 ? 0 : ~UINT64_C(0) >> (64u - count);
}

static inline uint64_t align_down(uint64_t value, uint64_t power_of_two)
{
    return value & ~(power_of_two - 1);
}

/* A 64-bit finaliser with full avalanche: the base of seeded answers and of state hashes. */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    return x;
}

/* Hash of bytes, seeded; the same on every host. */
uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed);

/*
 * The user's error: one line that names the file, option or address and what is wrong, without a
 * newline. Functions that can fail for such a reason return false and fill it.
 */
struct error {
    char text[512];
};

/* Fills error (printf form) and returns false, so that callers can `return error_set(...)`. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Our own error: prints the message, calls the dump hook, aborts. Never for guests or users. */
void bug(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* What bug() calls once before it aborts, to dump what is known of the run; NULL for none. */
void bug_set_dump(void (*dump)(void *context), void *context);

/* An assertion that stays on in every build. */
#define ensure(condition)                                                          \
    do {                                                                           \
        if (__builtin_expect(!(condition), 0))                                     \
            bug("%s:%d: %s: not so: %s", __FILE__, __LINE__, __func__, #condition); \
    } while (0)
