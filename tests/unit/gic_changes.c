/*
 * What observers are told of a register access: each change once, with whose it is, and nothing
 * where nothing changed.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "gen/gicv2.h"
#include "gic/changes.h"
#include "gic/state.h"

#define PPI 27u
#define SPI 40u

static struct gic gic, before;
static struct gic_change told[16];
static unsigned count;

static void sink(void *context, const struct gic_change *change)
{
    cr_assert_eq(context, &told);
    cr_assert_lt(count, ARRAY_COUNT(told));
    told[count++] = *change;
}

static void start(void)
{
    struct gic_config config = {.pe_count = 4,
                                .list_registers = 64,
                                .interrupts = GIC_INTERRUPT_MAX};
    gic_reset(&gic, &config);
}

static void compare(void)
{
    count = 0;
    gic_changes(&before, &gic, sink, &told);
}

static void put(unsigned pe, enum gic_frame frame, uint32_t offset, uint32_t value)
{
    before = gic;
    cr_assert_eq(gic_write(&gic, pe, frame, offset, 4, value), GIC_OK);
    compare();
}

static uint32_t get(unsigned pe, enum gic_frame frame, uint32_t offset)
{
    uint32_t value;
    before = gic;
    cr_assert_eq(gic_read(&gic, pe, frame, offset, 4, &value), GIC_OK);
    compare();
    return value;
}

static void expect(unsigned i, struct gic_change change)
{
    const struct gic_change *found = &told[i];
    cr_assert_lt(i, count);
    cr_assert(found->kind == change.kind && found->pe == change.pe &&
                  found->is_virtual == change.is_virtual && found->index == change.index &&
                  found->intid == change.intid && found->old == change.old &&
                  found->now == change.now,
              "%u: kind %d PE %u virtual %u index %u intid %u: %x to %x", i, (int)found->kind,
              found->pe, found->is_virtual, found->index, found->intid, found->old, found->now);
}

#define EXPECT(i, ...) expect(i, (struct gic_change){__VA_ARGS__})

Test(gic_changes, nothing_is_told_of_settings_and_lines)
{
    start();
    put(1, GIC_FRAME_D, GICD_CTLR_OFFSET, 3);
    cr_assert_eq(count, 0u);
    put(1, GIC_FRAME_D, GICD_IPRIORITYR_OFFSET, ~0u);
    cr_assert_eq(count, 0u);
    put(1, GIC_FRAME_V, GICV_PMR_OFFSET, 0xf8);
    cr_assert_eq(count, 0u);
    before = gic;
    gic_set_line(&gic, 2, PPI, true);
    compare();
    cr_assert_eq(count, 0u);
}

Test(gic_changes, sgi_from_request_to_its_end)
{
    start();
    put(0, GIC_FRAME_D, GICD_CTLR_OFFSET, 1);
    put(3, GIC_FRAME_C, GICC_CTLR_OFFSET, 1);
    put(3, GIC_FRAME_C, GICC_PMR_OFFSET, 0xf8);
    put(1, GIC_FRAME_D, GICD_SGIR_OFFSET, 0x00090005); /* to PEs 0 and 3 */
    cr_assert_eq(count, 2u);
    EXPECT(0, .kind = GIC_CHANGE_PENDING, .pe = 0, .intid = 5, .old = 0, .now = 2);
    EXPECT(1, .kind = GIC_CHANGE_PENDING, .pe = 3, .intid = 5, .old = 0, .now = 2);
    put(1, GIC_FRAME_D, GICD_SGIR_OFFSET, 0x00090005);
    cr_assert_eq(count, 0u, "asked for already");
    put(2, GIC_FRAME_D, GICD_SGIR_OFFSET, 0x00080005);
    EXPECT(0, .kind = GIC_CHANGE_PENDING, .pe = 3, .intid = 5, .old = 2, .now = 6);
    cr_assert_eq(get(3, GIC_FRAME_C, GICC_IAR_OFFSET), 1u << 10 | 5);
    cr_assert_eq(count, 3u);
    EXPECT(0, .kind = GIC_CHANGE_PENDING, .pe = 3, .intid = 5, .old = 6, .now = 4);
    EXPECT(1, .kind = GIC_CHANGE_ACTIVE, .pe = 3, .intid = 5, .old = 0, .now = 1);
    EXPECT(2, .kind = GIC_CHANGE_PRIORITIES, .pe = 3, .old = 0, .now = 1);
    (void)get(3, GIC_FRAME_C, GICC_IAR_OFFSET);
    cr_assert_eq(count, 0u, "1023");
    put(3, GIC_FRAME_C, GICC_EOIR_OFFSET, 1u << 10 | 5);
    cr_assert_eq(count, 2u);
    EXPECT(0, .kind = GIC_CHANGE_ACTIVE, .pe = 3, .intid = 5, .old = 1, .now = 0);
    EXPECT(1, .kind = GIC_CHANGE_PRIORITIES, .pe = 3, .old = 1, .now = 0);
}

Test(gic_changes, spi_belongs_to_nobody)
{
    start();
    for (unsigned intid = SPI; intid < 1020; intid += 979) {
        put(2, GIC_FRAME_D, GICD_ISPENDR_OFFSET + intid / 32 * 4, 1u << intid % 32);
        cr_assert_eq(count, 1u);
        EXPECT(0, .kind = GIC_CHANGE_PENDING, .pe = GIC_NO_PE, .intid = (uint16_t)intid, .old = 0,
               .now = 1);
        put(2, GIC_FRAME_D, GICD_ISACTIVER_OFFSET + intid / 32 * 4, 1u << intid % 32);
        EXPECT(0, .kind = GIC_CHANGE_ACTIVE, .pe = GIC_NO_PE, .intid = (uint16_t)intid, .old = 0,
               .now = 1);
    }
}

/* A virtual interrupt that stands for a physical one, with notice of its end for another. */
Test(gic_changes, list_registers_maintenance_and_what_they_deactivate)
{
    const uint32_t hardware = 0x90000000u | PPI << 10 | 50, software = 0x10080000u | 51;
    start();
    put(1, GIC_FRAME_D, GICD_ISACTIVER_OFFSET, 1u << PPI);
    EXPECT(0, .kind = GIC_CHANGE_ACTIVE, .pe = 1, .intid = PPI, .old = 0, .now = 1);
    put(1, GIC_FRAME_V, GICV_CTLR_OFFSET, 1);
    put(1, GIC_FRAME_V, GICV_PMR_OFFSET, 0xf8);
    put(1, GIC_FRAME_H, GICH_HCR_OFFSET, 5); /* LRENPIE */
    put(1, GIC_FRAME_H, GICH_LR_OFFSET, hardware);
    cr_assert_eq(count, 1u);
    EXPECT(0, .kind = GIC_CHANGE_LIST, .pe = 1, .index = 0, .old = 0, .now = hardware);
    put(0, GIC_FRAME_H_ALL, GIC_FRAME_H_ALL_STEP + GICH_LR_OFFSET + 63 * 4, software);
    EXPECT(0, .kind = GIC_CHANGE_LIST, .pe = 1, .index = 63, .old = 0, .now = software);
    cr_assert_eq(get(1, GIC_FRAME_V, GICV_IAR_OFFSET), 50u);
    cr_assert_eq(count, 2u);
    EXPECT(0, .kind = GIC_CHANGE_LIST, .pe = 1, .index = 0, .old = hardware,
           .now = hardware + 0x10000000u);
    EXPECT(1, .kind = GIC_CHANGE_PRIORITIES, .pe = 1, .is_virtual = 1, .old = 0, .now = 1);
    put(1, GIC_FRAME_V, GICV_EOIR_OFFSET, 50);
    cr_assert_eq(count, 3u);
    EXPECT(0, .kind = GIC_CHANGE_ACTIVE, .pe = 1, .intid = PPI, .old = 1, .now = 0);
    EXPECT(1, .kind = GIC_CHANGE_LIST, .pe = 1, .index = 0, .old = hardware + 0x10000000u,
           .now = hardware - 0x10000000u);
    EXPECT(2, .kind = GIC_CHANGE_PRIORITIES, .pe = 1, .is_virtual = 1, .old = 1, .now = 0);
    cr_assert_eq(get(1, GIC_FRAME_V, GICV_IAR_OFFSET), 51u);
    put(1, GIC_FRAME_V, GICV_EOIR_OFFSET, 51);
    cr_assert_eq(count, 3u);
    EXPECT(2, .kind = GIC_CHANGE_MAINTENANCE, .pe = 1, .old = 0, .now = 1);
    put(1, GIC_FRAME_H, GICH_LR_OFFSET + 63 * 4, 0);
    cr_assert_eq(count, 2u);
    EXPECT(1, .kind = GIC_CHANGE_MAINTENANCE, .pe = 1, .old = 1, .now = 0);
    put(1, GIC_FRAME_V, GICV_APR0_OFFSET, 1);
    EXPECT(0, .kind = GIC_CHANGE_PRIORITIES, .pe = 1, .is_virtual = 1, .old = 0, .now = 1);
    put(1, GIC_FRAME_V, GICV_EOIR_OFFSET, 52);
    cr_assert_eq(count, 3u);
    EXPECT(0, .kind = GIC_CHANGE_PRIORITIES, .pe = 1, .is_virtual = 1, .old = 1, .now = 0);
    EXPECT(1, .kind = GIC_CHANGE_EOI_COUNT, .pe = 1, .old = 0, .now = 1);
    EXPECT(2, .kind = GIC_CHANGE_MAINTENANCE, .pe = 1, .old = 0, .now = 1);
}
