/*
 * The interrupt handling state machine as software sees it: level and edge, SGIs, priority drop
 * and deactivation, masks, preemption, groups. IHI 0048B.b.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "gen/gicv2.h"
#include "gic/state.h"

#define SPI 40u
#define PPI 27u
#define SPURIOUS 1023u

static struct gic gic;

static uint32_t get(unsigned pe, enum gic_frame frame, uint32_t offset)
{
    uint32_t value = 0;
    cr_assert_eq(gic_read(&gic, pe, frame, offset, 4, &value), GIC_OK);
    return value;
}

static void put(unsigned pe, enum gic_frame frame, uint32_t offset, uint32_t value)
{
    cr_assert_eq(gic_write(&gic, pe, frame, offset, 4, value), GIC_OK);
}

static uint32_t ack(unsigned pe)
{
    return get(pe, GIC_FRAME_C, GICC_IAR_OFFSET);
}

static void eoi(unsigned pe, uint32_t value)
{
    put(pe, GIC_FRAME_C, GICC_EOIR_OFFSET, value);
}

static bool bit(unsigned pe, uint32_t offset, unsigned intid)
{
    return (get(pe, GIC_FRAME_D, offset + intid / 32 * 4) >> (intid % 32)) & 1u;
}

static void set_bit(unsigned pe, uint32_t offset, unsigned intid)
{
    put(pe, GIC_FRAME_D, offset + intid / 32 * 4, 1u << (intid % 32));
}

static void put_byte(uint32_t offset, unsigned pe, uint8_t value)
{
    cr_assert_eq(gic_write(&gic, pe, GIC_FRAME_D, offset, 1, value), GIC_OK);
}

static void set_priority(unsigned pe, unsigned intid, uint8_t priority)
{
    put_byte(GICD_IPRIORITYR_OFFSET + intid, pe, priority);
}

static void set_edge(unsigned intid)
{
    uint32_t offset = GICD_ICFGR_OFFSET + intid / 16 * 4;
    put(0, GIC_FRAME_D, offset, get(0, GIC_FRAME_D, offset) | 2u << (intid % 16 * 2));
}

static bool is_pending(unsigned pe, unsigned intid)
{
    cr_assert_eq(bit(pe, GICD_ISPENDR_OFFSET, intid), bit(pe, GICD_ICPENDR_OFFSET, intid));
    return bit(pe, GICD_ISPENDR_OFFSET, intid);
}

static bool is_active(unsigned pe, unsigned intid)
{
    cr_assert_eq(bit(pe, GICD_ISACTIVER_OFFSET, intid), bit(pe, GICD_ICACTIVER_OFFSET, intid));
    return bit(pe, GICD_ISACTIVER_OFFSET, intid);
}

/* Everything enabled, priorities 0xa0, the SPI to PE 0, interfaces open. */
static void start(unsigned pe_count)
{
    struct gic_config config = {.pe_count = (uint8_t)pe_count, .list_registers = 4,
                                .interrupts = GIC_INTERRUPT_DEFAULT};
    gic_reset(&gic, &config);
    put(0, GIC_FRAME_D, GICD_CTLR_OFFSET, 3);
    for (unsigned pe = 0; pe < pe_count; pe++) {
        put(pe, GIC_FRAME_C, GICC_CTLR_OFFSET, GICC_CTLR_EnableGrp0 | GICC_CTLR_EnableGrp1);
        put(pe, GIC_FRAME_C, GICC_PMR_OFFSET, 0xf8);
        set_bit(pe, GICD_ISENABLER_OFFSET, PPI);
        for (unsigned intid = 0; intid < 64; intid++)
            set_priority(pe, intid, 0xa0);
    }
    put(0, GIC_FRAME_D, GICD_ISENABLER_OFFSET + 4, 0xffffffff);
    put_byte(GICD_ITARGETSR_OFFSET + SPI, 0, 1);
    put_byte(GICD_ITARGETSR_OFFSET + SPI + 1, 0, 1);
}

Test(gic_states, spurious_when_nothing_is_there)
{
    start(2);
    cr_assert_eq(ack(0), SPURIOUS);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_HPPIR_OFFSET), SPURIOUS);
    eoi(0, SPURIOUS);
    cr_assert_eq(gic_wires(&gic, 0), 0u);
}

Test(gic_states, level_follows_its_line)
{
    start(2);
    gic_set_line(&gic, 1, PPI, true);
    cr_assert(is_pending(1, PPI) && !is_pending(0, PPI));
    cr_assert_eq(gic_wires(&gic, 1), GIC_WIRE_IRQ);
    cr_assert_eq(gic_wires(&gic, 0), 0u);
    set_bit(1, GICD_ICPENDR_OFFSET, PPI);
    cr_assert(is_pending(1, PPI), "only the line takes a level away");
    gic_set_line(&gic, 1, PPI, false);
    cr_assert(!is_pending(1, PPI));
    cr_assert_eq(ack(1), SPURIOUS, "the line dropped before the acknowledge");
}

Test(gic_states, level_that_stays_is_active_and_pending)
{
    start(2);
    gic_set_line(&gic, 0, SPI, true);
    cr_assert_eq(ack(0), SPI);
    cr_assert(is_active(0, SPI) && is_pending(0, SPI));
    cr_assert_eq(gic_wires(&gic, 0), 0u);
    cr_assert_eq(ack(0), SPURIOUS, "an active interrupt is not acknowledged again");
    eoi(0, SPI);
    cr_assert(!is_active(0, SPI) && is_pending(0, SPI));
    cr_assert_eq(ack(0), SPI);
    gic_set_line(&gic, 0, SPI, false);
    cr_assert(is_active(0, SPI) && !is_pending(0, SPI));
    eoi(0, SPI);
    cr_assert(!is_active(0, SPI));
}

Test(gic_states, level_set_pending_by_software_is_latched_until_acknowledged)
{
    start(1);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    gic_set_line(&gic, 0, SPI, true);
    gic_set_line(&gic, 0, SPI, false);
    cr_assert(is_pending(0, SPI), "the latch is not the line");
    cr_assert_eq(ack(0), SPI);
    cr_assert(!is_pending(0, SPI));
    eoi(0, SPI);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    set_bit(0, GICD_ICPENDR_OFFSET, SPI);
    cr_assert(!is_pending(0, SPI));
}

Test(gic_states, writing_zero_bits_does_not_latch_a_level)
{
    start(1);
    gic_set_line(&gic, 0, SPI, true);
    put(0, GIC_FRAME_D, GICD_ISPENDR_OFFSET + 4, 0);
    gic_set_line(&gic, 0, SPI, false);
    cr_assert(!is_pending(0, SPI));
}

Test(gic_states, edge_is_latched_and_counted_once)
{
    start(1);
    set_edge(SPI);
    gic_set_line(&gic, 0, SPI, true);
    gic_set_line(&gic, 0, SPI, false);
    cr_assert(is_pending(0, SPI));
    gic_set_line(&gic, 0, SPI, true);
    cr_assert_eq(ack(0), SPI);
    cr_assert(!is_pending(0, SPI), "a line that stays high is no new edge");
    gic_set_line(&gic, 0, SPI, false);
    gic_set_line(&gic, 0, SPI, true);
    cr_assert(is_pending(0, SPI) && is_active(0, SPI), "an edge while active");
    eoi(0, SPI);
    cr_assert_eq(ack(0), SPI);
    eoi(0, SPI);
    cr_assert_eq(ack(0), SPURIOUS);
    gic_set_line(&gic, 0, SPI, false);
    gic_set_line(&gic, 0, SPI, true);
    set_bit(0, GICD_ICPENDR_OFFSET, SPI);
    cr_assert(!is_pending(0, SPI), "clearing takes an edge away");
}

Test(gic_states, sgi_keeps_each_source)
{
    start(4);
    put(3, GIC_FRAME_D, GICD_SGIR_OFFSET, 0x00010000 | 7);
    put(1, GIC_FRAME_D, GICD_SGIR_OFFSET, 0x00010000 | 7);
    put(1, GIC_FRAME_D, GICD_SGIR_OFFSET, 0x00010000 | 7);
    cr_assert(is_pending(0, 7));
    cr_assert_eq(get(0, GIC_FRAME_D, GICD_SPENDSGIR_OFFSET + 4), 0x0a000000u);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_HPPIR_OFFSET), 1u << 10 | 7);
    cr_assert_eq(ack(0), 1u << 10 | 7, "the lowest source first");
    cr_assert(is_active(0, 7) && is_pending(0, 7));
    cr_assert_eq(ack(0), SPURIOUS);
    eoi(0, 1u << 10 | 7);
    cr_assert_eq(ack(0), 3u << 10 | 7);
    cr_assert(!is_pending(0, 7));
    eoi(0, 3u << 10 | 7);
    cr_assert_eq(ack(0), SPURIOUS);
}

Test(gic_states, sgi_filters)
{
    start(4);
    put(2, GIC_FRAME_D, GICD_SGIR_OFFSET, 1u << 24 | 4u << 16 | 3);
    cr_assert(is_pending(0, 3) && is_pending(1, 3) && !is_pending(2, 3) && is_pending(3, 3));
    put(2, GIC_FRAME_D, GICD_SGIR_OFFSET, 2u << 24 | 1u << 16 | 4);
    cr_assert(!is_pending(0, 4) && is_pending(2, 4));
    put(2, GIC_FRAME_D, GICD_SGIR_OFFSET, 3u << 24 | 0xffu << 16 | 5);
    for (unsigned pe = 0; pe < 4; pe++)
        cr_assert(!is_pending(pe, 5), "the reserved filter asks for nothing");
    put(2, GIC_FRAME_D, GICD_SGIR_OFFSET, 0xf0u << 16 | 6);
    for (unsigned pe = 0; pe < 4; pe++)
        cr_assert(!is_pending(pe, 6), "targets that are not there");
}

Test(gic_states, sgi_pending_by_its_own_registers)
{
    start(4);
    put_byte(GICD_SPENDSGIR_OFFSET + 9, 1, 0xff);
    cr_assert_eq(get(1, GIC_FRAME_D, GICD_CPENDSGIR_OFFSET + 8), 0x00000f00u);
    cr_assert(is_pending(1, 9) && !is_pending(0, 9));
    put_byte(GICD_CPENDSGIR_OFFSET + 9, 1, 0x07);
    cr_assert_eq(ack(1), 3u << 10 | 9);
    set_bit(1, GICD_ISPENDR_OFFSET, 9);
    cr_assert(!is_pending(1, 9), "GICD_ISPENDR is read-only for SGIs");
    put_byte(GICD_SPENDSGIR_OFFSET + 9, 1, 1);
    set_bit(1, GICD_ICPENDR_OFFSET, 9);
    cr_assert(is_pending(1, 9), "GICD_ICPENDR too");
}

Test(gic_states, eoi_mode_splits_drop_and_deactivation)
{
    start(1);
    put(0, GIC_FRAME_C, GICC_CTLR_OFFSET, GICC_CTLR_EnableGrp0 | GICC_CTLR_EOImode);
    set_edge(SPI);
    set_edge(SPI + 1);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(ack(0), SPI);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_RPR_OFFSET), 0xa0u);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI + 1);
    cr_assert_eq(ack(0), SPURIOUS, "the same priority does not preempt");
    eoi(0, SPI);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_RPR_OFFSET), 0xffu);
    cr_assert(is_active(0, SPI), "dropped, not deactivated");
    cr_assert_eq(ack(0), SPI + 1);
    put(0, GIC_FRAME_C, GICC_DIR_OFFSET, SPI);
    cr_assert(!is_active(0, SPI) && is_active(0, SPI + 1));
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_RPR_OFFSET), 0xa0u, "GICC_DIR drops nothing");
}

Test(gic_states, dir_does_nothing_with_eoi_mode_0)
{
    start(1);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(ack(0), SPI);
    put(0, GIC_FRAME_C, GICC_DIR_OFFSET, SPI);
    cr_assert(is_active(0, SPI));
}

Test(gic_states, priority_mask_is_strict)
{
    start(1);
    set_priority(0, SPI, 0x80);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    put(0, GIC_FRAME_C, GICC_PMR_OFFSET, 0x80);
    cr_assert_eq(gic_wires(&gic, 0), 0u);
    cr_assert_eq(ack(0), SPURIOUS);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_HPPIR_OFFSET), SPI, "the mask does not hide it");
    put(0, GIC_FRAME_C, GICC_PMR_OFFSET, 0x88);
    cr_assert_eq(gic_wires(&gic, 0), GIC_WIRE_IRQ);
    cr_assert_eq(ack(0), SPI);
}

Test(gic_states, higher_priority_preempts_and_drops_in_order)
{
    start(1);
    set_priority(0, SPI + 1, 0x40);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(ack(0), SPI);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI + 1);
    cr_assert_eq(gic_wires(&gic, 0), GIC_WIRE_IRQ);
    cr_assert_eq(ack(0), SPI + 1);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_APR0_OFFSET), 1u << 8 | 1u << 20);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_RPR_OFFSET), 0x40u);
    eoi(0, SPI + 1);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_RPR_OFFSET), 0xa0u);
    eoi(0, SPI);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_RPR_OFFSET), 0xffu);
}

/* Binary point 5: bits 7:6 are the group priority, so 0x80 and 0xb8 do not preempt each other. */
Test(gic_states, binary_point_takes_preemption_away)
{
    for (unsigned point = 0; point < 8; point++) {
        start(1);
        put(0, GIC_FRAME_C, GICC_BPR_OFFSET, point);
        set_priority(0, SPI, 0xb8);
        set_priority(0, SPI + 1, 0x80);
        set_bit(0, GICD_ISPENDR_OFFSET, SPI);
        cr_assert_eq(ack(0), SPI);
        set_bit(0, GICD_ISPENDR_OFFSET, SPI + 1);
        cr_assert_eq(gic_wires(&gic, 0), point < 5 ? GIC_WIRE_IRQ : 0u, "point %u", point);
        uint32_t running = 0xb8u & (0xffu << (point < 2 ? 3 : point + 1));
        cr_assert_eq(get(0, GIC_FRAME_C, GICC_RPR_OFFSET), running, "point %u", point);
    }
}

Test(gic_states, ties_go_to_the_lowest_id_and_priority_wins_over_id)
{
    start(1);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI + 1);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_HPPIR_OFFSET), SPI);
    set_priority(0, SPI + 1, 0x98);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_HPPIR_OFFSET), SPI + 1);
}

Test(gic_states, group_1_is_seen_by_the_aliases_or_with_ackctl)
{
    start(1);
    set_bit(0, GICD_IGROUPR_OFFSET, SPI);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(gic_wires(&gic, 0), GIC_WIRE_IRQ);
    cr_assert_eq(ack(0), 1022u);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_HPPIR_OFFSET), 1022u);
    cr_assert(!is_active(0, SPI));
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_AHPPIR_OFFSET), SPI);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_AIAR_OFFSET), SPI);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_NSAPR0_OFFSET), 1u << 20);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_APR0_OFFSET), 0u);
    put(0, GIC_FRAME_C, GICC_AEOIR_OFFSET, SPI);
    cr_assert(!is_active(0, SPI));
    put(0, GIC_FRAME_C, GICC_CTLR_OFFSET, GICC_CTLR_EnableGrp1 | GICC_CTLR_AckCtl);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(ack(0), SPI);
}

Test(gic_states, aliases_do_not_see_group_0)
{
    start(1);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_AIAR_OFFSET), SPURIOUS);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_AHPPIR_OFFSET), SPURIOUS);
    cr_assert_eq(ack(0), SPI);
    put(0, GIC_FRAME_C, GICC_AEOIR_OFFSET, SPI);
    cr_assert(is_active(0, SPI));
}

Test(gic_states, fiqen_turns_group_0_into_fiq)
{
    start(1);
    put(0, GIC_FRAME_C, GICC_CTLR_OFFSET,
        GICC_CTLR_EnableGrp0 | GICC_CTLR_EnableGrp1 | GICC_CTLR_FIQEn);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(gic_wires(&gic, 0), GIC_WIRE_FIQ);
    put(0, GIC_FRAME_D, GICD_IGROUPR_OFFSET + 4, 1u << (SPI - 32));
    cr_assert_eq(gic_wires(&gic, 0), GIC_WIRE_IRQ);
}

Test(gic_states, group_1_uses_its_own_binary_point_unless_cbpr)
{
    start(1);
    put(0, GIC_FRAME_D, GICD_IGROUPR_OFFSET + 4, 0xffffffff);
    uint32_t ctlr = GICC_CTLR_EnableGrp1 | GICC_CTLR_AckCtl;
    put(0, GIC_FRAME_C, GICC_CTLR_OFFSET, ctlr);
    put(0, GIC_FRAME_C, GICC_ABPR_OFFSET, 7); /* group priority: bit 7 */
    set_priority(0, SPI + 1, 0x80);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(ack(0), SPI);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_RPR_OFFSET), 0x80u);
    eoi(0, SPI);
    put(0, GIC_FRAME_C, GICC_CTLR_OFFSET, ctlr | GICC_CTLR_CBPR);
    set_bit(0, GICD_ISPENDR_OFFSET, SPI);
    cr_assert_eq(ack(0), SPI);
    cr_assert_eq(get(0, GIC_FRAME_C, GICC_RPR_OFFSET), 0xa0u);
}

Test(gic_states, enables_at_both_ends)
{
    for (unsigned group = 0; group < 2; group++) {
        start(1);
        put(0, GIC_FRAME_D, GICD_IGROUPR_OFFSET + 4, group ? 0xffffffff : 0);
        set_bit(0, GICD_ISPENDR_OFFSET, SPI);
        put(0, GIC_FRAME_D, GICD_CTLR_OFFSET, group ? 1 : 2);
        cr_assert_eq(gic_wires(&gic, 0), 0u);
        put(0, GIC_FRAME_D, GICD_CTLR_OFFSET, 3);
        put(0, GIC_FRAME_C, GICC_CTLR_OFFSET, group ? 1 : 2);
        cr_assert_eq(gic_wires(&gic, 0), 0u);
        cr_assert_eq(ack(0), SPURIOUS);
        put(0, GIC_FRAME_C, GICC_CTLR_OFFSET, 3);
        cr_assert_eq(gic_wires(&gic, 0), GIC_WIRE_IRQ);
        set_bit(0, GICD_ICENABLER_OFFSET, SPI);
        cr_assert_eq(gic_wires(&gic, 0), 0u);
        cr_assert(is_pending(0, SPI));
    }
}

/* 1-N: both targets see it, the first to acknowledge gets it, the other gets 1023. */
Test(gic_states, spi_is_taken_by_one_of_its_targets)
{
    start(2);
    put_byte(GICD_ITARGETSR_OFFSET + SPI, 0, 3);
    gic_set_line(&gic, 0, SPI, true);
    cr_assert_eq(gic_wires(&gic, 0), GIC_WIRE_IRQ);
    cr_assert_eq(gic_wires(&gic, 1), GIC_WIRE_IRQ);
    cr_assert_eq(ack(1), SPI);
    cr_assert_eq(gic_wires(&gic, 0), 0u);
    cr_assert_eq(ack(0), SPURIOUS);
    eoi(1, SPI);
    cr_assert_eq(gic_wires(&gic, 0), GIC_WIRE_IRQ);
    put_byte(GICD_ITARGETSR_OFFSET + SPI, 0, 0);
    cr_assert_eq(gic_wires(&gic, 0) | gic_wires(&gic, 1), 0u);
}

Test(gic_states, active_registers_move_the_active_state)
{
    start(2);
    set_bit(0, GICD_ISACTIVER_OFFSET, SPI);
    gic_set_line(&gic, 0, SPI, true);
    cr_assert_eq(ack(0), SPURIOUS);
    set_bit(0, GICD_ICACTIVER_OFFSET, SPI);
    cr_assert_eq(ack(0), SPI);
}

Test(gic_states, change_is_told_once)
{
    start(2);
    (void)gic_take_changed(&gic);
    cr_assert(!gic_take_changed(&gic));
    gic_set_line(&gic, 0, SPI, true);
    cr_assert(gic_take_changed(&gic));
    gic_set_line(&gic, 0, SPI, true);
    cr_assert(!gic_take_changed(&gic), "the same level again is no change");
    (void)ack(0);
    cr_assert(gic_take_changed(&gic));
}
