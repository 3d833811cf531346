/*
 * Checker lr: each class by a story that draws it and by its nearest neighbours, which do not.
 */
#include "tests/unit/check_gic_world.h"

#define ONLY_LR (1u << CHECK_LR)
#define PPI 27u

/* A VM is entered on PE 0 with these two list registers. */
static void entered_with(uint32_t first, uint32_t second, uint32_t hcr, const char *kind)
{
    struct check_world w = gic_world(ONLY_LR);
    put(&w, 0, MAP_GICH, hcr);
    put(&w, 0, LR(0), first);
    put(&w, 0, LR(2), second);
    enter(&w, 0, 0);
    expect(&w, kind);
}

Test(check_lr, two_list_registers_with_one_interrupt)
{
    entered_with(40 | LR_PENDING, 40 | LR_ACTIVE, 1, "two-registers");
    entered_with(5 | LR_PENDING | LR_SOURCE(1), 5 | LR_PENDING | LR_SOURCE(2), 1, "two-registers");
    entered_with(40 | LR_PENDING, 41 | LR_PENDING, 1, NULL);
    entered_with(40 | LR_PENDING, 40, 1, NULL);
    entered_with(40 | LR_PENDING, 40 | LR_PENDING, 0, NULL);
}

/* Of another PE, while it runs a VM: the write itself is judged. */
Test(check_lr, a_list_register_is_written_under_a_running_vm)
{
    for (unsigned twin = 0; twin < 2; twin++) {
        struct check_world w = gic_world(ONLY_LR);
        put(&w, 1, LR(0), 40 | LR_PENDING);
        enter(&w, 1, 0);
        put(&w, 0, LR_OF(1, 1), (twin ? 40u : 41u) | LR_PENDING);
        expect(&w, twin ? "two-registers" : NULL);
    }
}

static void with_hardware(uint32_t list, bool is_active, const char *kind)
{
    struct check_world w = gic_world(ONLY_LR);
    if (is_active)
        put(&w, 0, MAP_GICD + 0x300, 1u << PPI);
    put(&w, 0, LR(0), list);
    enter(&w, 0, 0);
    expect(&w, kind);
}

Test(check_lr, pending_and_active_with_a_physical_interrupt)
{
    const uint32_t hw = LR_HW | LR_PHYSICAL(PPI) | 40;
    with_hardware(hw | LR_PENDING | LR_ACTIVE, true, "hw-pending-active");
    with_hardware(hw | LR_PENDING, true, NULL);
    with_hardware(hw | LR_ACTIVE, true, NULL);
    with_hardware(40 | LR_PENDING | LR_ACTIVE, true, NULL);
}

Test(check_lr, a_physical_interrupt_that_is_not_active)
{
    const uint32_t hw = LR_HW | LR_PHYSICAL(PPI) | 40;
    with_hardware(hw | LR_PENDING, false, "hw-inactive");
    with_hardware(hw | LR_ACTIVE, false, "hw-inactive");
    with_hardware(hw, false, NULL);
    with_hardware(40 | LR_PENDING, false, NULL);
}

/* A PPI is its own PE's: the other one's being active is not enough. */
Test(check_lr, the_physical_interrupt_of_another_pe)
{
    struct check_world w = gic_world(ONLY_LR);
    put(&w, 1, MAP_GICD + 0x300, 1u << PPI);
    put(&w, 0, LR(0), LR_HW | LR_PHYSICAL(PPI) | 40 | LR_PENDING);
    enter(&w, 0, 0);
    expect(&w, "hw-inactive");
}

Test(check_lr, numbers_that_are_no_interrupts)
{
    for (uint32_t intid = 1020; intid < 1024; intid++)
        with_hardware(intid | LR_PENDING, false, "reserved");
    with_hardware(1019 | LR_PENDING, false, NULL);
    with_hardware(1023, false, NULL);
    with_hardware(40 | LR_PENDING | LR_HW | LR_PHYSICAL(15), false, "reserved");
    with_hardware(40 | LR_PENDING | LR_HW | LR_PHYSICAL(288), false, "reserved");
    with_hardware(40 | LR_HW | LR_PHYSICAL(288), false, NULL);
    struct check_world w = gic_world(ONLY_LR);
    put(&w, 0, MAP_GICD + 0x320, 1u << 31);
    put(&w, 0, LR(0), 40 | LR_PENDING | LR_HW | LR_PHYSICAL(287));
    enter(&w, 0, 0);
    expect(&w, NULL);
}

static void accesses(unsigned pe, bool is_write, uint64_t address, uint32_t value,
                     const char *kind)
{
    struct check_world w = gic_world(ONLY_LR);
    (void)access_gic(&w, pe, is_write, address, value);
    expect(&w, kind);
}

Test(check_lr, behind_the_last_list_register)
{
    accesses(0, true, LR(4), 40 | LR_PENDING, "past-last");
    accesses(0, true, LR(63), 40 | LR_ACTIVE, "past-last");
    accesses(0, true, LR_OF(1, 4), 40 | LR_PENDING, "past-last");
    accesses(0, true, LR(3), 40 | LR_PENDING, NULL);
    accesses(0, true, LR_OF(1, 3), 40 | LR_PENDING, NULL);
    accesses(0, true, LR(4), 40, NULL);
    accesses(0, false, LR(4), 0, NULL);
}
