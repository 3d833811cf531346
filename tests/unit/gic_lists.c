/*
 * List registers: every state of one, with HW, EOI and group, through acknowledge and end, and the
 * eight causes of the maintenance interrupt. IHI 0048B.b.
 */
#include <criterion/criterion.h>

#include "gen/gicv2.h"
#include "gic/state.h"

#define LISTS 4u
#define PE 1u /* not the first, so that a mistake in the bank shows */
#define SPURIOUS 1023u
#define OTHER_GROUP 1022u
#define VIRTUAL 70u
#define PHYSICAL 27u
#define PRIORITY 0x50u

static struct gic gic;

static uint32_t get(enum gic_frame frame, uint32_t offset)
{
    uint32_t value = 0;
    cr_assert_eq(gic_read(&gic, PE, frame, offset, 4, &value), GIC_OK);
    return value;
}

static void put(enum gic_frame frame, uint32_t offset, uint32_t value)
{
    cr_assert_eq(gic_write(&gic, PE, frame, offset, 4, value), GIC_OK);
}

static uint32_t list(unsigned i)
{
    return get(GIC_FRAME_H, GICH_LR_OFFSET + 4 * i);
}

static void put_list(unsigned i, uint32_t value)
{
    put(GIC_FRAME_H, GICH_LR_OFFSET + 4 * i, value);
}

static uint32_t state_of(unsigned i)
{
    return list(i) >> 28 & 3;
}

/* A list register as the manual draws it. */
static uint32_t make(unsigned state, bool hw, bool eoi, bool group, unsigned priority,
                     unsigned intid)
{
    uint32_t middle = hw ? PHYSICAL << 10 : (uint32_t)eoi << 19;
    return (uint32_t)hw << 31 | (uint32_t)group << 30 | state << 28 | priority >> 3 << 23 | middle |
           intid;
}

#define CTLR_GROUPS 3u
#define CTLR_EOIMODE 0x200u

static void start(void)
{
    struct gic_config config = {.pe_count = 2,
                                .list_registers = LISTS,
                                .interrupts = GIC_INTERRUPT_DEFAULT};
    gic_reset(&gic, &config);
    put(GIC_FRAME_H, GICH_HCR_OFFSET, 1);
    put(GIC_FRAME_V, GICV_CTLR_OFFSET, CTLR_GROUPS);
    put(GIC_FRAME_V, GICV_PMR_OFFSET, 0xf8);
}

static void make_physical_active(void)
{
    put(GIC_FRAME_D, GICD_ISACTIVER_OFFSET, 1u << PHYSICAL);
}

static bool is_physical_active(void)
{
    return get(GIC_FRAME_D, GICD_ISACTIVER_OFFSET) >> PHYSICAL & 1;
}

static uint32_t eoi_count(void)
{
    return get(GIC_FRAME_H, GICH_HCR_OFFSET) >> 27;
}

static uint32_t misr(void)
{
    return get(GIC_FRAME_H, GICH_MISR_OFFSET);
}

#define FOR_EACH_LIST_STATE                            \
    for (unsigned state = 0; state < 4; state++)       \
        for (unsigned hw = 0; hw < 2; hw++)            \
            for (unsigned eoi = 0; eoi < 2; eoi++)     \
                for (unsigned group = 0; group < 2; group++)

/* --- one list register ---------------------------------------------------------------------- */

Test(gic_lists, status_registers_follow_from_the_states)
{
    FOR_EACH_LIST_STATE {
        for (unsigned i = 0; i < LISTS; i++) {
            start();
            put_list(i, make(state, hw, eoi, group, PRIORITY, VIRTUAL));
            bool ended = state == 0 && !hw && eoi;
            uint32_t others = ((1u << LISTS) - 1) & ~(1u << i);
            cr_assert_eq(get(GIC_FRAME_H, GICH_EISR_OFFSET), ended ? 1u << i : 0u);
            cr_assert_eq(get(GIC_FRAME_H, GICH_ELRSR_OFFSET),
                         others | (state == 0 && !ended ? 1u << i : 0u));
            cr_assert_eq(misr() & 1, ended);
        }
    }
}

Test(gic_lists, acknowledge_makes_pending_active_and_nothing_else)
{
    FOR_EACH_LIST_STATE {
        for (unsigned alias = 0; alias < 2; alias++) {
            start();
            uint32_t before = make(state, hw, eoi, group, PRIORITY, VIRTUAL);
            put_list(2, before);
            uint32_t id = get(GIC_FRAME_V, alias ? GICV_AIAR_OFFSET : GICV_IAR_OFFSET);
            uint32_t expected = state != 1       ? SPURIOUS
                                : alias == group ? VIRTUAL
                                : alias          ? SPURIOUS
                                                 : OTHER_GROUP;
            cr_assert_eq(id, expected, "state %u group %u alias %u: %u", state, group, alias, id);
            bool taken = id == VIRTUAL;
            cr_assert_eq(list(2), taken ? before + 0x10000000u : before, "1 becomes 2");
            cr_assert_eq(get(GIC_FRAME_H, GICH_APR_OFFSET), taken ? 1u << (PRIORITY >> 3) : 0u);
            cr_assert_eq(get(GIC_FRAME_V, GICV_APR0_OFFSET), get(GIC_FRAME_H, GICH_APR_OFFSET));
            cr_assert_eq(get(GIC_FRAME_V, GICV_RPR_OFFSET), taken ? PRIORITY : 0xffu);
        }
    }
}

/* With an active priority there, as an acknowledge leaves it. */
static void start_to_end(uint32_t content, uint32_t ctlr)
{
    start();
    make_physical_active();
    put(GIC_FRAME_V, GICV_CTLR_OFFSET, CTLR_GROUPS | ctlr);
    put_list(2, content);
    put(GIC_FRAME_H, GICH_APR_OFFSET, 1u << (PRIORITY >> 3));
}

/* What an end of the active interrupt, or the lack of one, must have left. */
static void check_ended(uint32_t before, bool is_deactivated, const char *how)
{
    unsigned state = before >> 28 & 3;
    bool hw = before >> 31, was_active = state >= 2;
    uint32_t after = is_deactivated && was_active ? before - 0x20000000u : before;
    cr_assert_eq(list(2), after, "%s: %x becomes %x", how, before, list(2));
    bool forwards = is_deactivated && was_active && hw;
    cr_assert_eq(is_physical_active(), !forwards, "%s: %x", how, before);
    cr_assert_eq(eoi_count(), is_deactivated && !was_active, "%s: %x", how, before);
    bool is_told = (after >> 28 & 3) == 0 && !hw && (before >> 19 & 1);
    cr_assert_eq(get(GIC_FRAME_H, GICH_EISR_OFFSET), is_told ? 4u : 0u, "%s: %x", how, before);
}

Test(gic_lists, end_with_eoi_mode_0_drops_and_deactivates)
{
    FOR_EACH_LIST_STATE {
        uint32_t before = make(state, hw, eoi, group, PRIORITY, VIRTUAL);
        start_to_end(before, 0);
        put(GIC_FRAME_V, GICV_DIR_OFFSET, VIRTUAL);
        check_ended(before, false, "DIR is ignored");
        put(GIC_FRAME_V, GICV_EOIR_OFFSET, VIRTUAL);
        check_ended(before, true, "EOIR");
        cr_assert_eq(get(GIC_FRAME_V, GICV_RPR_OFFSET), 0xffu);
        start_to_end(before, 0);
        put(GIC_FRAME_V, GICV_AEOIR_OFFSET, VIRTUAL);
        bool is_hidden = group == 0 && state >= 2;
        check_ended(before, !is_hidden, "AEOIR");
        cr_assert_eq(get(GIC_FRAME_V, GICV_RPR_OFFSET), is_hidden ? PRIORITY : 0xffu);
    }
}

Test(gic_lists, end_with_eoi_mode_1_drops_and_dir_deactivates)
{
    FOR_EACH_LIST_STATE {
        uint32_t before = make(state, hw, eoi, group, PRIORITY, VIRTUAL);
        start_to_end(before, CTLR_EOIMODE);
        put(GIC_FRAME_V, GICV_EOIR_OFFSET, VIRTUAL);
        check_ended(before, false, "EOIR only drops");
        cr_assert_eq(get(GIC_FRAME_V, GICV_RPR_OFFSET), 0xffu);
        put(GIC_FRAME_V, GICV_DIR_OFFSET, VIRTUAL);
        check_ended(before, true, "DIR");
    }
}

Test(gic_lists, end_without_an_active_priority_only_deactivates)
{
    FOR_EACH_LIST_STATE {
        uint32_t before = make(state, hw, eoi, group, PRIORITY, VIRTUAL);
        start_to_end(before, 0);
        put(GIC_FRAME_H, GICH_APR_OFFSET, 0);
        put(GIC_FRAME_V, GICV_EOIR_OFFSET, VIRTUAL);
        check_ended(before, state >= 2, "no active priority");
    }
}

Test(gic_lists, end_of_a_spurious_interrupt_does_nothing)
{
    for (uint32_t id = 1020; id < 1024; id++) {
        uint32_t before = make(2, false, true, false, PRIORITY, VIRTUAL);
        start_to_end(before, 0);
        put(GIC_FRAME_V, GICV_EOIR_OFFSET, id);
        check_ended(before, false, "1020 to 1023");
        cr_assert_eq(get(GIC_FRAME_V, GICV_RPR_OFFSET), PRIORITY);
    }
}

/* A physical interrupt that is pending again is signalled as soon as it is deactivated. */
Test(gic_lists, hardware_interrupt_comes_back_after_its_deactivation)
{
    start();
    put(GIC_FRAME_D, GICD_CTLR_OFFSET, 1);
    put(GIC_FRAME_D, GICD_ISENABLER_OFFSET, 1u << PHYSICAL);
    put(GIC_FRAME_C, GICC_CTLR_OFFSET, 1 | CTLR_EOIMODE);
    put(GIC_FRAME_C, GICC_PMR_OFFSET, 0xf8);
    gic_set_line(&gic, PE, PHYSICAL, true);
    cr_assert_eq(get(GIC_FRAME_C, GICC_IAR_OFFSET), PHYSICAL);
    put(GIC_FRAME_C, GICC_EOIR_OFFSET, PHYSICAL);
    put_list(0, make(1, true, false, false, PRIORITY, VIRTUAL));
    cr_assert_eq(gic_wires(&gic, PE), GIC_WIRE_VIRQ);
    cr_assert_eq(get(GIC_FRAME_V, GICV_IAR_OFFSET), VIRTUAL);
    cr_assert_eq(gic_wires(&gic, PE), 0u, "the physical one is active still");
    (void)gic_take_changed(&gic);
    put(GIC_FRAME_V, GICV_EOIR_OFFSET, VIRTUAL);
    cr_assert(gic_take_changed(&gic) >> PE & 1u);
    cr_assert_eq(gic_wires(&gic, PE), GIC_WIRE_IRQ);
    cr_assert_eq(state_of(0), 0u);
}

/* An SPI is no PE's own: any PE's list register deactivates it, for all of its targets. */
Test(gic_lists, hardware_spi_is_deactivated_for_its_target)
{
    start();
    put(GIC_FRAME_D, GICD_ITARGETSR_OFFSET + 40, 1);
    put(GIC_FRAME_D, GICD_ISACTIVER_OFFSET + 4, 1u << 8);
    put_list(0, 0xa0000000u | 40u << 10 | VIRTUAL);
    put(GIC_FRAME_H, GICH_APR_OFFSET, 1);
    (void)gic_take_changed(&gic);
    put(GIC_FRAME_V, GICV_EOIR_OFFSET, VIRTUAL);
    cr_assert_eq(get(GIC_FRAME_D, GICD_ISACTIVER_OFFSET + 4), 0u);
    cr_assert_eq(gic_take_changed(&gic), 3u, "the one that ended it and the target");
}

Test(gic_lists, physical_ids_that_cannot_be_are_left_alone)
{
    static const unsigned physical[] = {0, 15, GIC_INTERRUPT_DEFAULT, 1019, 1020, 1023};
    for (unsigned i = 0; i < ARRAY_COUNT(physical); i++) {
        start();
        put(GIC_FRAME_D, GICD_ISACTIVER_OFFSET, 0xffffffff);
        put_list(0, 0xa0000000u | physical[i] << 10 | VIRTUAL);
        put(GIC_FRAME_H, GICH_APR_OFFSET, 1);
        put(GIC_FRAME_V, GICV_EOIR_OFFSET, VIRTUAL);
        cr_assert_eq(state_of(0), 0u);
        cr_assert_eq(get(GIC_FRAME_D, GICD_ISACTIVER_OFFSET), 0xffffffffu);
    }
}

/* --- maintenance ---------------------------------------------------------------------------- */

/* The wire is there while GICH_MISR has a bit and GICH_HCR.En is set. */
static void check_maintenance(uint32_t status)
{
    uint32_t hcr = get(GIC_FRAME_H, GICH_HCR_OFFSET);
    cr_assert_eq(misr(), status, "%x, not %x", misr(), status);
    cr_assert_eq((gic_wires(&gic, PE) & GIC_WIRE_MAINTENANCE) != 0, status != 0);
    cr_assert_eq(gic_wires(&gic, 0), 0u);
    put(GIC_FRAME_H, GICH_HCR_OFFSET, hcr & ~1u);
    cr_assert_eq(misr(), status);
    cr_assert_eq(gic_wires(&gic, PE), 0u);
    put(GIC_FRAME_H, GICH_HCR_OFFSET, hcr);
}

Test(gic_lists, maintenance_at_the_end_of_an_interrupt)
{
    start();
    put_list(3, make(1, false, true, false, PRIORITY, VIRTUAL));
    check_maintenance(0);
    cr_assert_eq(get(GIC_FRAME_V, GICV_IAR_OFFSET), VIRTUAL);
    check_maintenance(0);
    put(GIC_FRAME_V, GICV_EOIR_OFFSET, VIRTUAL);
    check_maintenance(1);
    cr_assert_eq(get(GIC_FRAME_H, GICH_EISR_OFFSET), 8u);
    cr_assert_eq(get(GIC_FRAME_H, GICH_ELRSR_OFFSET), 7u, "not empty before it was told");
    put_list(3, 0);
    check_maintenance(0);
}

Test(gic_lists, maintenance_by_underflow)
{
    start();
    put(GIC_FRAME_H, GICH_HCR_OFFSET, 3);
    for (unsigned valid = 0; valid <= LISTS; valid++) {
        for (unsigned i = 0; i < LISTS; i++)
            put_list(i, i < valid ? make(2 + i % 2, false, false, false, PRIORITY, 40 + i) : 0);
        check_maintenance(valid <= 1 ? 2 : 0);
    }
}

Test(gic_lists, maintenance_by_the_count_of_ends)
{
    start();
    put(GIC_FRAME_H, GICH_HCR_OFFSET, 5);
    check_maintenance(0);
    for (unsigned i = 1; i <= 33; i++) {
        put(GIC_FRAME_H, GICH_APR_OFFSET, 1);
        put(GIC_FRAME_V, GICV_EOIR_OFFSET, 3);
        cr_assert_eq(eoi_count(), i % 32, "31 is followed by 0");
        check_maintenance(i % 32 ? 4 : 0);
    }
    put(GIC_FRAME_H, GICH_HCR_OFFSET, 5);
    check_maintenance(0);
}

Test(gic_lists, maintenance_when_nothing_is_pending)
{
    start();
    put(GIC_FRAME_H, GICH_HCR_OFFSET, 9);
    check_maintenance(8);
    static const unsigned states[4] = {8, 0, 8, 8}; /* 3 is not the pending state */
    for (unsigned state = 0; state < 4; state++) {
        put_list(1, make(state, false, false, false, PRIORITY, VIRTUAL));
        put(GIC_FRAME_V, GICV_PMR_OFFSET, 0);
        check_maintenance(states[state]);
    }
}

Test(gic_lists, maintenance_by_the_enables_of_the_groups)
{
    for (uint32_t groups = 0; groups < 4; groups++)
        for (uint32_t enables = 0; enables < 16; enables++) {
            start();
            put(GIC_FRAME_H, GICH_HCR_OFFSET, enables << 4 | 1);
            put(GIC_FRAME_V, GICV_CTLR_OFFSET, groups);
            uint32_t causes = (groups & 1 ? 1u : 2u) | (groups & 2 ? 4u : 8u);
            check_maintenance((causes & enables) << 4);
            put(GIC_FRAME_V, GICV_CTLR_OFFSET, 0);
            put(GIC_FRAME_H, GICH_VMCR_OFFSET, groups);
            check_maintenance((causes & enables) << 4);
        }
}
