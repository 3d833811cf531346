/*
 * PSCI and SMCCC as a pure decision: every function, every return code, both call forms.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/firmware.h"

#define RAM UINT64_C(0x40000000)
#define RAM_BYTES UINT64_C(0x4000000)
#define NOT_SUPPORTED (-1)
#define INVALID_PARAMETERS (-2)
#define DENIED (-3)
#define ALREADY_ON (-4)
#define ON_PENDING (-5)
#define INVALID_ADDRESS (-9)

/* PE 0 calls; PE 2 is on, PE 3 is on its way, the others are off. */
static struct firmware_result call(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    struct firmware_request request = {
        .function = function,
        .argument = {a, b, c},
        .ram_base = RAM,
        .ram_bytes = RAM_BYTES,
        .pe_count = 5,
        .power = {FIRMWARE_ON, FIRMWARE_OFF, FIRMWARE_ON, FIRMWARE_ON_PENDING, FIRMWARE_OFF},
    };
    return firmware_call(&request);
}

static void is_value(struct firmware_result result, int64_t value)
{
    cr_assert_eq(result.action, FIRMWARE_NONE);
    cr_assert_eq((int64_t)result.value, value, "%lld", (long long)result.value);
}

Test(firmware, versions)
{
    is_value(call(0x84000000, 0, 0, 0), 0x10001);
    is_value(call(0x80000000, 0, 0, 0), 0x10001);
    is_value(call(0x84000006, 0, 0, 0), 2);
}

Test(firmware, function_id_is_w0)
{
    is_value(call(UINT64_C(0xffffffff84000000), 0, 0, 0), 0x10001);
}

Test(firmware, what_is_not_there_says_so_in_64_bits)
{
    static const uint32_t ids[] = {0,          0x04000000, 0x84000005, 0x84000007, 0x8400000b,
                                   0x84000013, 0xc4000000, 0xc4000008, 0xc400000a, 0x8400000f,
                                   0x80008000, 0x86000000, 0xc6000000, 0x83000000, 0xffffffff};
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
        is_value(call(ids[i], 0, 0, 0), NOT_SUPPORTED);
}

Test(firmware, immediate_must_be_zero)
{
    struct firmware_request request = {.function = 0x84000000, .immediate = 1, .pe_count = 1};
    is_value(firmware_call(&request), NOT_SUPPORTED);
}

/* PSCI_FEATURES must agree with what a call answers, for every ID of the PSCI range. */
Test(firmware, features_agree_with_the_calls)
{
    unsigned found = 0;
    for (uint32_t number = 0; number < 0x100; number++)
        for (unsigned wide = 0; wide < 2; wide++) {
            uint32_t id = (wide ? 0xc4000000 : 0x84000000) + number;
            struct firmware_result feature = call(0x8400000a, id, 0, 0);
            struct firmware_result result = call(id, 0, 0, 0);
            bool is_there = result.action != FIRMWARE_NONE ||
                            result.value != (uint64_t)NOT_SUPPORTED || number == 0x0a;
            is_value(feature, is_there && !(number == 0x0a && wide) ? 0 : NOT_SUPPORTED);
            found += feature.value == 0;
        }
    cr_assert_eq(found, 18u);
    is_value(call(0x8400000a, 0x80000000, 0, 0), 0);
    is_value(call(0x8400000a, 0x83004749, 0, 0), NOT_SUPPORTED);
    is_value(call(0x80000001, 0x80000000, 0, 0), 0);
    is_value(call(0x80000001, 0x80000001, 0, 0), 0);
    static const uint32_t workarounds[] = {0x80008000, 0x80007fff, 0x80003fff, 0x80000002};
    for (size_t i = 0; i < ARRAY_COUNT(workarounds); i++)
        is_value(call(0x80000001, workarounds[i], 0, 0), NOT_SUPPORTED);
}

Test(firmware, cpu_on)
{
    struct firmware_result result = call(0xc4000003, 1, RAM + 0x1000, 0x1234567890);
    cr_assert_eq(result.action, FIRMWARE_CPU_ON);
    cr_assert_eq(result.value, 0u);
    cr_assert_eq(result.target, 1u);
    cr_assert_eq(result.entry, RAM + 0x1000);
    cr_assert_eq(result.context, UINT64_C(0x1234567890));
}

Test(firmware, cpu_on_masks_the_target_to_its_affinity_fields)
{
    cr_assert_eq(call(0xc4000003, UINT64_C(0xffffff00ff000004), RAM, 0).action, FIRMWARE_CPU_ON);
    cr_assert_eq(call(0xc4000003, UINT64_C(0x80000001), RAM, 0).action, FIRMWARE_CPU_ON);
    is_value(call(0xc4000003, UINT64_C(0x100000001), RAM, 0), INVALID_PARAMETERS);
    is_value(call(0xc4000003, 0x101, RAM, 0), INVALID_PARAMETERS);
    is_value(call(0xc4000003, 0x10001, RAM, 0), INVALID_PARAMETERS);
    is_value(call(0xc4000003, 5, RAM, 0), INVALID_PARAMETERS);
}

Test(firmware, cpu_on_in_its_32_bit_form_takes_32_bits)
{
    struct firmware_result result = call(0x84000003, UINT64_C(0xaa000000ff000001),
                                         UINT64_C(0x7700000000) + RAM, UINT64_C(0x5500000042));
    cr_assert_eq(result.action, FIRMWARE_CPU_ON);
    cr_assert_eq(result.target, 1u);
    cr_assert_eq(result.entry, RAM);
    cr_assert_eq(result.context, 0x42u);
}

Test(firmware, cpu_on_errors)
{
    is_value(call(0xc4000003, 0, RAM, 0), ALREADY_ON);
    is_value(call(0xc4000003, 2, RAM, 0), ALREADY_ON);
    is_value(call(0xc4000003, 3, RAM, 0), ON_PENDING);
    is_value(call(0xc4000003, 1, RAM + 2, 0), INVALID_ADDRESS);
    is_value(call(0xc4000003, 1, RAM - 4, 0), INVALID_ADDRESS);
    is_value(call(0xc4000003, 1, RAM + RAM_BYTES, 0), INVALID_ADDRESS);
    cr_assert_eq(call(0xc4000003, 1, RAM + RAM_BYTES - 4, 0).action, FIRMWARE_CPU_ON);
}

Test(firmware, affinity_info)
{
    static const int64_t states[5] = {0, 1, 0, 2, 1};
    for (uint64_t pe = 0; pe < 5; pe++) {
        is_value(call(0xc4000004, pe, 0, 0), states[pe]);
        is_value(call(0x84000004, pe | UINT64_C(0xff00000000), 0, 0), states[pe]);
    }
    is_value(call(0xc4000004, 5, 0, 0), INVALID_PARAMETERS);
    for (uint64_t level = 1; level < 4; level++)
        is_value(call(0xc4000004, 0x04, level, 0), 0);
    is_value(call(0xc4000004, 0x100, 1, 0), INVALID_PARAMETERS);
    is_value(call(0xc4000004, 0x100, 2, 0), 0);
    is_value(call(0xc4000004, 0, 4, 0), INVALID_PARAMETERS);
}

Test(firmware, actions)
{
    cr_assert_eq(call(0x84000002, 0, 0, 0).action, FIRMWARE_CPU_OFF);
    cr_assert_eq(call(0x84000008, 0, 0, 0).action, FIRMWARE_SYSTEM_OFF);
    cr_assert_eq(call(0x84000009, 0, 0, 0).action, FIRMWARE_SYSTEM_RESET);
    for (uint32_t id = 0x84000001; id != 0; id = id == 0x84000001 ? 0xc4000001 : 0) {
        cr_assert_eq(call(id, 0, 0, 0).action, FIRMWARE_SUSPEND);
        cr_assert_eq(call(id, 0x0300ffff, 3, 0).action, FIRMWARE_SUSPEND, "the entry is for later");
        cr_assert_eq(call(id, 0, 0, 0).value, 0u);
        is_value(call(id, 0x00020000, 0, 0), INVALID_PARAMETERS);
        is_value(call(id, 0x80000000, 0, 0), INVALID_PARAMETERS);
    }
}

/* Each function that takes a PE or the system down, in both forms: entry, context, errors. */
Test(firmware, power_down_states)
{
    static const struct {
        uint32_t id;
        unsigned entry; /* which argument */
        uint64_t first; /* what stands before it */
    } functions[] = {{0x84000001, 1, 0x0101ffff}, {0x8400000c, 0, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(functions); i++)
        for (unsigned wide = 0; wide < 2; wide++) {
            uint32_t id = functions[i].id | (wide ? 0x40000000 : 0);
            uint64_t a[3] = {functions[i].first, 0, 0};
            a[functions[i].entry] = RAM + 0x40;
            a[functions[i].entry + 1] = UINT64_C(0x500000042);
            struct firmware_result result = call(id, a[0], a[1], a[2]);
            cr_assert_eq(result.action, FIRMWARE_POWER_DOWN);
            cr_assert_eq(result.entry, RAM + 0x40);
            cr_assert_eq(result.context, wide ? UINT64_C(0x500000042) : 0x42u);
            static const uint64_t wrong[] = {RAM + 2, RAM - 4, RAM + RAM_BYTES, 0};
            for (size_t w = 0; w < ARRAY_COUNT(wrong); w++) {
                a[functions[i].entry] = wrong[w];
                is_value(call(id, a[0], a[1], a[2]), INVALID_ADDRESS);
            }
        }
}

Test(firmware, system_suspend_wants_all_others_off)
{
    struct firmware_request request = {
        .function = 0xc400000e,
        .argument = {RAM + 8, 7},
        .ram_base = RAM,
        .ram_bytes = RAM_BYTES,
        .pe = 1,
        .pe_count = 3,
        .power = {FIRMWARE_OFF, FIRMWARE_ON, FIRMWARE_OFF},
    };
    struct firmware_result result = firmware_call(&request);
    cr_assert_eq(result.action, FIRMWARE_POWER_DOWN);
    cr_assert_eq(result.entry, RAM + 8);
    cr_assert_eq(result.context, 7u);
    request.power[2] = FIRMWARE_ON;
    is_value(firmware_call(&request), DENIED);
    request.power[2] = FIRMWARE_ON_PENDING;
    is_value(firmware_call(&request), DENIED);
    request.power[2] = FIRMWARE_OFF;
    request.argument[0] = 0;
    is_value(firmware_call(&request), INVALID_ADDRESS);
    request.function = 0x8400000e;
    request.argument[0] = RAM;
    cr_assert_eq(firmware_call(&request).action, FIRMWARE_POWER_DOWN);
}

Test(firmware, system_reset2_knows_the_warm_reset)
{
    for (unsigned wide = 0; wide < 2; wide++) {
        uint32_t id = wide ? 0xc4000012 : 0x84000012;
        cr_assert_eq(call(id, 0, 99, 0).action, FIRMWARE_SYSTEM_RESET);
        cr_assert_eq(call(id, UINT64_C(0x700000000), 0, 0).action, FIRMWARE_SYSTEM_RESET);
        is_value(call(id, 1, 0, 0), INVALID_PARAMETERS);
        is_value(call(id, 0x80000000, 0, 0), INVALID_PARAMETERS);
    }
}

Test(firmware, guest_input_asks)
{
    for (unsigned wide = 0; wide < 2; wide++) {
        uint64_t id = FIRMWARE_GUEST_INPUT | (wide ? 0x40000000u : 0);
        struct firmware_result result = call(id, 3, 0, 0);
        cr_assert_eq(result.action, FIRMWARE_ASK);
        cr_assert_eq(result.answers, 3u);
        is_value(call(id, 0, 0, 0), -3);
    }
    is_value(call(FIRMWARE_GUEST_INPUT | 0x40000000, UINT64_C(0x100000000), 0, 0), -3);
}
