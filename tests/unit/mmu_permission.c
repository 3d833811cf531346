/*
 * The permission tables, for all inputs, against a restatement in the words of the manual's
 * tables: who may read, who may write, who may execute.
 */
#include <criterion/criterion.h>

#include "mmu/permission.h"

/* Stage 1 of EL1&0, one question at a time. */
static bool el1_may_write(struct permission_bits b)
{
    return !b.read_only;
}

static bool el0_may_read(struct permission_bits b)
{
    return b.el0;
}

static bool el0_may_write(struct permission_bits b)
{
    return b.el0 && !b.read_only;
}

static bool el0_may_fetch(struct permission_bits b)
{
    if (b.wxn && el0_may_write(b))
        return false;
    return !b.uxn;
}

static bool el1_may_fetch(struct permission_bits b)
{
    if (el0_may_write(b)) /* "not executable, because it is writable at EL0" */
        return false;
    if (b.wxn && el1_may_write(b))
        return false;
    return !b.pxn;
}

static bool el2_may_fetch(struct permission_bits b)
{
    if (b.wxn && !b.read_only)
        return false;
    return !b.uxn;
}

static uint8_t expected1(struct permission_bits b)
{
    unsigned p = PERMIT_READ;
    p |= el1_may_write(b) ? PERMIT_WRITE : 0;
    if (!b.two_privileges)
        return (uint8_t)(p | (el2_may_fetch(b) ? PERMIT_FETCH : 0));
    p |= el1_may_fetch(b) ? PERMIT_FETCH : 0;
    p |= el0_may_read(b) ? PERMIT_READ_EL0 : 0;
    p |= el0_may_write(b) ? PERMIT_WRITE_EL0 : 0;
    p |= el0_may_fetch(b) ? PERMIT_FETCH_EL0 : 0;
    return (uint8_t)p;
}

Test(mmu_permission, stage1_all_inputs)
{
    for (unsigned i = 0; i < 64; i++) {
        struct permission_bits b = {i & 1, i & 2, i & 4, i & 8, i & 16, i & 32};
        cr_assert_eq(permission_stage1(b), expected1(b), "input %u", i);
    }
}

Test(mmu_permission, stage1_rows_of_the_manual)
{
    /* AP[2:1], UXN, PXN, WXN -> EL1, EL0 as rwx */
    static const struct {
        unsigned ap, uxn, pxn, wxn;
        const char *el1, *el0;
    } rows[] = {
        {0, 0, 0, 0, "rwx", "--x"}, {0, 0, 1, 0, "rw-", "--x"}, {0, 1, 0, 0, "rwx", "---"},
        {1, 0, 0, 0, "rw-", "rwx"}, {1, 1, 0, 0, "rw-", "rw-"}, {1, 0, 0, 1, "rw-", "rw-"},
        {2, 0, 0, 0, "r-x", "--x"}, {2, 1, 1, 0, "r--", "---"}, {3, 0, 0, 0, "r-x", "r-x"},
        {3, 0, 0, 1, "r-x", "r-x"}, {0, 0, 0, 1, "rw-", "--x"}, {3, 1, 0, 0, "r-x", "r--"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct permission_bits b = {.two_privileges = true,
                                    .read_only = rows[i].ap & 2,
                                    .el0 = rows[i].ap & 1,
                                    .uxn = rows[i].uxn,
                                    .pxn = rows[i].pxn,
                                    .wxn = rows[i].wxn};
        unsigned p = permission_stage1(b);
        for (unsigned k = 0; k < 3; k++) {
            cr_assert_eq(p >> (3 + k) & 1u, rows[i].el1[k] != '-', "row %zu EL1 %u", i, k);
            cr_assert_eq(p >> k & 1u, rows[i].el0[k] != '-', "row %zu EL0 %u", i, k);
        }
    }
}

Test(mmu_permission, stage2_all_inputs)
{
    /* XN[1:0]: who may fetch, EL1 and EL0. */
    static const struct {
        bool el1, el0;
    } fetch[4] = {{true, true}, {false, true}, {false, false}, {true, false}};
    for (unsigned s2ap = 0; s2ap < 4; s2ap++)
        for (unsigned xn = 0; xn < 4; xn++) {
            unsigned el = (s2ap & 1 ? 1u : 0) | (s2ap & 2 ? 2u : 0);
            unsigned expected = el | el << 3;
            expected |= fetch[xn].el1 ? PERMIT_FETCH : 0;
            expected |= fetch[xn].el0 ? PERMIT_FETCH_EL0 : 0;
            cr_assert_eq(permission_stage2(s2ap, xn), expected);
        }
}

Test(mmu_permission, one_bit_per_request)
{
    for (uint8_t el = 0; el < 3; el++)
        for (uint8_t kind = 0; kind < ACCESS_KIND_COUNT; kind++)
            for (uint8_t write = 0; write < 2; write++) {
                struct mmu_request r = {.el = el, .kind = kind, .is_write = write};
                unsigned k = kind == ACCESS_FETCH ? 2 : write ? 1 : 0;
                cr_assert_eq(permission_needed(&r), 1u << (el ? k + 3 : k));
            }
}
