/*
 * The virtual CPU interface as a guest sees it: priorities, binary points, groups, wires, and
 * GICH_VMCR as the hypervisor's view of it. IHI 0048B.b.
 */
#include <criterion/criterion.h>

#include "gen/gicv2.h"
#include "gic/state.h"

#define PE 2u
#define SPURIOUS 1023u

#define CTLR_GROUPS 3u
#define CTLR_ACKCTL 4u
#define CTLR_FIQEN 8u
#define CTLR_CBPR 0x10u
#define CTLR_EOIMODE 0x200u

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

static uint32_t ack(void)
{
    return get(GIC_FRAME_V, GICV_IAR_OFFSET);
}

static void eoi(uint32_t id)
{
    put(GIC_FRAME_V, GICV_EOIR_OFFSET, id);
}

static uint32_t running(void)
{
    return get(GIC_FRAME_V, GICV_RPR_OFFSET);
}

static void put_list(unsigned i, uint32_t value)
{
    put(GIC_FRAME_H, GICH_LR_OFFSET + 4 * i, value);
}

/* A pending interrupt. */
static uint32_t pending(unsigned group, unsigned priority, unsigned intid)
{
    return group << 30 | 1u << 28 | priority >> 3 << 23 | intid;
}

static void start(uint32_t ctlr)
{
    struct gic_config config = {.pe_count = 4,
                                .list_registers = 8,
                                .interrupts = GIC_INTERRUPT_DEFAULT};
    gic_reset(&gic, &config);
    put(GIC_FRAME_H, GICH_HCR_OFFSET, 1);
    put(GIC_FRAME_V, GICV_CTLR_OFFSET, CTLR_GROUPS | ctlr);
    put(GIC_FRAME_V, GICV_PMR_OFFSET, 0xf8);
}

Test(gic_virtual, nothing_is_signalled_while_it_is_off)
{
    start(0);
    put_list(0, pending(0, 0x10, 40));
    put_list(1, 1u << 19);
    cr_assert_eq(gic_wires(&gic, PE), GIC_WIRE_VIRQ | GIC_WIRE_MAINTENANCE);
    put(GIC_FRAME_H, GICH_HCR_OFFSET, 0);
    cr_assert_eq(gic_wires(&gic, PE), 0u);
    cr_assert_eq(ack(), SPURIOUS);
    cr_assert_eq(get(GIC_FRAME_V, GICV_AIAR_OFFSET), SPURIOUS);
    cr_assert_eq(get(GIC_FRAME_V, GICV_HPPIR_OFFSET), SPURIOUS);
    put(GIC_FRAME_H, GICH_HCR_OFFSET, 1);
    cr_assert_eq(ack(), 40u);
}

Test(gic_virtual, wires_of_both_groups)
{
    for (unsigned group = 0; group < 2; group++)
        for (uint32_t ctlr = 0; ctlr < 16; ctlr++) {
            start(0);
            put(GIC_FRAME_V, GICV_CTLR_OFFSET, ctlr);
            put_list(7, pending(group, 0x10, 40));
            unsigned wire = group == 0 && (ctlr & CTLR_FIQEN) ? GIC_WIRE_VFIQ : GIC_WIRE_VIRQ;
            bool enabled = ctlr & (group == 0 ? 1 : 2);
            cr_assert_eq(gic_wires(&gic, PE), enabled ? wire : 0u, "group %u, %x", group, ctlr);
            for (unsigned other = 0; other < 4; other++)
                cr_assert(other == PE || gic_wires(&gic, other) == 0);
        }
}

Test(gic_virtual, highest_priority_first_then_the_lowest_list_register)
{
    start(0);
    put_list(0, pending(0, 0x60, 44));
    put_list(1, pending(0, 0x40, 43));
    put_list(2, pending(0, 0x40, 42));
    static const uint32_t order[] = {43, 42, 44};
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(get(GIC_FRAME_V, GICV_HPPIR_OFFSET), order[i]);
        cr_assert_eq(ack(), order[i]);
        eoi(order[i]);
    }
    cr_assert_eq(ack(), SPURIOUS);
}

Test(gic_virtual, priority_mask_is_strict_and_has_five_bits)
{
    for (unsigned priority = 0; priority < 256; priority += 8)
        for (unsigned mask = 0; mask < 256; mask++) {
            start(0);
            put_list(0, pending(0, priority, 40));
            put(GIC_FRAME_V, GICV_PMR_OFFSET, mask);
            cr_assert_eq(get(GIC_FRAME_V, GICV_PMR_OFFSET), mask & 0xf8u);
            bool passes = priority < (mask & 0xf8u);
            cr_assert_eq(gic_wires(&gic, PE), passes ? GIC_WIRE_VIRQ : 0u);
            cr_assert_eq(get(GIC_FRAME_V, GICV_HPPIR_OFFSET), 40u, "the mask does not hide it");
            cr_assert_eq(ack(), passes ? 40u : SPURIOUS);
        }
}

/* The bits of a priority that count for preemption. */
static unsigned group_priority(unsigned priority, unsigned group, uint32_t ctlr, unsigned point)
{
    unsigned least = group == 0 || (ctlr & CTLR_CBPR) ? 2 : 3;
    unsigned kept = point < least ? least : point;
    unsigned cut = least == 2 ? kept + 1 : kept;
    return priority >> cut << cut;
}

Test(gic_virtual, binary_points_of_both_groups)
{
    for (unsigned group = 0; group < 2; group++)
        for (unsigned common = 0; common < 2; common++)
            for (unsigned point = 0; point < 8; point++) {
                uint32_t ctlr = CTLR_ACKCTL | (common ? CTLR_CBPR : 0);
                start(ctlr);
                bool own = group == 0 || common;
                put(GIC_FRAME_V, own ? GICV_BPR_OFFSET : GICV_ABPR_OFFSET, point);
                put(GIC_FRAME_V, own ? GICV_ABPR_OFFSET : GICV_BPR_OFFSET, 7 - point);
                put_list(0, pending(group, 0xb8, 40));
                cr_assert_eq(ack(), 40u);
                unsigned expected = group_priority(0xb8, group, ctlr, point);
                cr_assert_eq(running(), expected, "%u %u %u", group, common, point);
                for (unsigned priority = 0; priority < 0xb8; priority += 8) {
                    put_list(1, pending(group, priority, 41));
                    bool preempts = group_priority(priority, group, ctlr, point) < expected;
                    cr_assert_eq(gic_wires(&gic, PE), preempts ? GIC_WIRE_VIRQ : 0u,
                                 "%u %u %u %x", group, common, point, priority);
                }
            }
}

/* A binary point that changes while an interrupt is active holds for that one too. */
Test(gic_virtual, binary_point_of_now_decides_on_preemption)
{
    start(0);
    put_list(0, pending(0, 0xc0, 40));
    cr_assert_eq(ack(), 40u);
    for (unsigned priority = 0; priority < 0x100; priority += 8) {
        put_list(1, pending(0, priority, 41));
        put(GIC_FRAME_V, GICV_BPR_OFFSET, 7);
        cr_assert_eq(gic_wires(&gic, PE), 0u, "no priority preempts: %x", priority);
        put(GIC_FRAME_V, GICV_BPR_OFFSET, 6);
        cr_assert_eq(gic_wires(&gic, PE), priority < 0x80 ? GIC_WIRE_VIRQ : 0u);
    }
    eoi(40);
    put_list(1, pending(0, 0xf0, 41));
    put(GIC_FRAME_V, GICV_BPR_OFFSET, 7);
    cr_assert_eq(gic_wires(&gic, PE), GIC_WIRE_VIRQ, "nothing is active");
}

Test(gic_virtual, preemption_and_drop_in_order)
{
    start(0);
    for (unsigned i = 0; i < 5; i++) {
        put_list(i, pending(0, 0xa0 - 0x20 * i, 40 + i));
        cr_assert_eq(ack(), 40 + i);
        cr_assert_eq(running(), 0xa0 - 0x20 * i);
    }
    for (unsigned i = 5; i-- > 0;) {
        cr_assert_eq(running(), 0xa0 - 0x20 * i);
        eoi(40 + i);
    }
    cr_assert_eq(running(), 0xffu);
    cr_assert_eq(get(GIC_FRAME_H, GICH_ELRSR_OFFSET), 0xffu);
}

/* Both groups have one GICH_APR, so an end drops the highest of either. */
Test(gic_virtual, groups_share_the_active_priorities)
{
    start(CTLR_ACKCTL);
    put_list(0, pending(1, 0x80, 40));
    cr_assert_eq(ack(), 40u);
    put_list(1, pending(0, 0x40, 41));
    cr_assert_eq(ack(), 41u);
    cr_assert_eq(get(GIC_FRAME_H, GICH_APR_OFFSET), 1u << 16 | 1u << 8);
    eoi(40);
    cr_assert_eq(get(GIC_FRAME_H, GICH_APR_OFFSET), 1u << 16);
    eoi(41);
    cr_assert_eq(get(GIC_FRAME_H, GICH_APR_OFFSET), 0u);
}

Test(gic_virtual, sgi_shows_who_asked_for_it)
{
    for (unsigned source = 0; source < 8; source++) {
        start(0);
        put_list(0, pending(0, 0x40, 5) | source << 10);
        cr_assert_eq(get(GIC_FRAME_V, GICV_HPPIR_OFFSET), source << 10 | 5);
        cr_assert_eq(ack(), source << 10 | 5);
        eoi(source << 10 | 5);
        cr_assert_eq(get(GIC_FRAME_H, GICH_ELRSR_OFFSET), 0xffu);
        start(0);
        put_list(0, pending(0, 0x40, 33) | source << 10);
        cr_assert_eq(ack(), 33u, "only SGIs have a source");
        start(0);
        put_list(0, pending(0, 0x40, 5) | 1u << 31 | (16 + source) << 10);
        cr_assert_eq(ack(), 5u, "with HW it is the physical interrupt");
    }
}

Test(gic_virtual, reserved_ids_in_a_list_register_are_never_signalled)
{
    for (uint32_t id = 1020; id < 1024; id++) {
        start(0);
        put_list(0, pending(0, 0x40, id));
        cr_assert_eq(gic_wires(&gic, PE), 0u);
        cr_assert_eq(ack(), SPURIOUS);
        put_list(1, pending(0, 0x80, 1019));
        cr_assert_eq(ack(), 1019u);
    }
}

Test(gic_virtual, two_list_registers_with_one_interrupt_are_taken_one_by_one)
{
    start(0);
    put_list(3, pending(0, 0x40, 5) | 1u << 10);
    put_list(5, pending(0, 0x40, 5) | 2u << 10);
    cr_assert_eq(ack(), 1u << 10 | 5);
    cr_assert_eq(ack(), SPURIOUS);
    eoi(1u << 10 | 5);
    cr_assert_eq(ack(), 2u << 10 | 5);
    eoi(2u << 10 | 5);
    cr_assert_eq(get(GIC_FRAME_H, GICH_ELRSR_OFFSET), 0xffu);
}

/* The same settings by GICH_VMCR and by the registers of GICV. */
Test(gic_virtual, vmcr_is_the_state_of_gicv)
{
    for (uint32_t ctlr = 0; ctlr < 64; ctlr++)
        for (unsigned point = 0; point < 8; point++) {
            unsigned mask = (ctlr * 37 + point * 8) & 0xf8;
            uint32_t bits = (ctlr & 31) | (ctlr & 32 ? CTLR_EOIMODE : 0);
            uint32_t vmcr = mask >> 3 << 27 | (7 - point) << 21 | point << 18 | bits;
            start(0);
            put(GIC_FRAME_H, GICH_VMCR_OFFSET, vmcr);
            unsigned bpr = 7 - point < 2 ? 2 : 7 - point, abpr = point < 3 ? 3 : point;
            cr_assert_eq(get(GIC_FRAME_V, GICV_CTLR_OFFSET), bits);
            cr_assert_eq(get(GIC_FRAME_V, GICV_PMR_OFFSET), mask);
            cr_assert_eq(get(GIC_FRAME_V, GICV_BPR_OFFSET), bpr);
            cr_assert_eq(get(GIC_FRAME_V, GICV_ABPR_OFFSET), abpr);
            start(0);
            put(GIC_FRAME_V, GICV_CTLR_OFFSET, bits);
            put(GIC_FRAME_V, GICV_PMR_OFFSET, mask);
            put(GIC_FRAME_V, GICV_BPR_OFFSET, 7 - point);
            put(GIC_FRAME_V, GICV_ABPR_OFFSET, point);
            cr_assert_eq(get(GIC_FRAME_H, GICH_VMCR_OFFSET),
                         mask >> 3 << 27 | bpr << 21 | abpr << 18 | bits);
        }
}

/* Saving GICH and restoring it, here or on another PE, gives the guest back what it had. */
Test(gic_virtual, state_moves_to_another_pe)
{
    start(0);
    put_list(0, pending(0, 0x80, 40));
    put_list(1, pending(0, 0x40, 41));
    put_list(2, pending(0, 0xc0, 42));
    cr_assert_eq(ack(), 41u);
    for (uint32_t offset = 0; offset < GIC_FRAME_H_ALL_STEP; offset += 4)
        cr_assert_eq(gic_write(&gic, 0, GIC_FRAME_H, offset, 4, get(GIC_FRAME_H, offset)), GIC_OK);
    uint32_t value;
    cr_assert_eq(gic_read(&gic, 0, GIC_FRAME_V, GICV_RPR_OFFSET, 4, &value), GIC_OK);
    cr_assert_eq(value, 0x40u);
    cr_assert_eq(gic_write(&gic, 0, GIC_FRAME_V, GICV_EOIR_OFFSET, 4, 41), GIC_OK);
    cr_assert_eq(gic_wires(&gic, 0), GIC_WIRE_VIRQ);
    cr_assert_eq(gic_read(&gic, 0, GIC_FRAME_V, GICV_IAR_OFFSET, 4, &value), GIC_OK);
    cr_assert_eq(value, 40u);
    cr_assert_eq(get(GIC_FRAME_H, GICH_LR_OFFSET + 4) >> 28 & 3, 2u, "a copy is a copy");
}

Test(gic_virtual, wires_are_marked_for_their_own_pe)
{
    start(0);
    (void)gic_take_changed(&gic);
    put_list(0, pending(0, 0x80, 40));
    cr_assert_eq(gic_take_changed(&gic), 1u << PE);
    (void)ack();
    cr_assert_eq(gic_take_changed(&gic), 1u << PE);
    eoi(40);
    cr_assert_eq(gic_take_changed(&gic), 1u << PE);
    put(GIC_FRAME_H_ALL, 3 * GIC_FRAME_H_ALL_STEP, 1);
    cr_assert_eq(gic_take_changed(&gic), 1u << 3);
    (void)get(GIC_FRAME_H, GICH_MISR_OFFSET);
    (void)ack();
    cr_assert_eq(gic_take_changed(&gic), 0u, "nothing was there to acknowledge");
}
