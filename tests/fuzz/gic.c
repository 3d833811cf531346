/*
 * Fuzz target: accesses to the GIC's frames, of any size, alignment and value, by any PE, with
 * lines that go up and down in between. Never a crash; what is not an aligned word or an allowed
 * byte aborts; observers change nothing; and a PE whose wires change is marked.
 */
#include <stdlib.h>
#include <string.h>

#include "gic/changes.h"
#include "gic/lists.h"
#include "gic/rows.h"
#include "tests/fuzz/target.h"

struct operation {
    uint8_t kind, pe, frame, size;
    uint16_t offset, spare;
    uint32_t value;
};

struct header {
    uint8_t pe_count, list_registers, interrupts, spare;
};

static struct gic gic, before;
static unsigned wires[PE_COUNT_MAX];

/* Whoever is not marked has the wires that it had. */
static void check_wires(void)
{
    unsigned changed = gic_take_changed(&gic);
    ensure(changed >> gic.pe_count == 0);
    for (unsigned pe = 0; pe < gic.pe_count; pe++) {
        unsigned now = gic_wires(&gic, pe);
        ensure(((changed >> pe) & 1u) || now == wires[pe]);
        wires[pe] = now;
    }
}

/* What the configuration does not have stays as it is after reset. */
static void check_state(void)
{
    for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++) {
        const struct gic_virtual *v = &gic.virtual[pe];
        ensure(pe < gic.pe_count || v->hcr == 0);
        ensure(v->interface.active_priorities[1] == 0);
        ensure((lists_empty(&gic, pe) & lists_ended(&gic, pe)) == 0);
        for (unsigned i = gic.list_registers; i < GIC_LIST_REGISTER_MAX; i++)
            ensure(v->list[i] == 0);
        for (unsigned intid = 0; intid < GIC_SGI_COUNT; intid++)
            ensure(gic_bit(gic.latched, gic_slot(pe, intid)) == (gic.sgi_sources[pe][intid] != 0));
    }
    for (unsigned intid = gic.interrupts; intid < GIC_WORD_MAX * 32; intid++)
        ensure(!gic_bit(gic.latched, gic_slot(0, intid)) &&
               !gic_bit(gic.active, gic_slot(0, intid)));
}

/* Every difference that is told is one. */
static void changed(void *context, const struct gic_change *change)
{
    ensure(context == &before);
    ensure(change->old != change->now);
    ensure(change->pe == GIC_NO_PE || change->pe < gic.pe_count);
    ensure(change->intid < gic.interrupts);
}

static bool takes(enum gic_frame frame, uint32_t offset, unsigned size, unsigned pe)
{
    if (offset >= gic_frame_size(frame))
        return false;
    if (size == 4)
        return offset % 4 == 0;
    enum gicv2 row = gic_row_find(frame, offset);
    return size == 1 && pe < gic.pe_count && row != GICV2_COUNT && gic_row(row)->bytes;
}

static void operate(const struct operation *op)
{
    static const unsigned sizes[] = {4, 4, 4, 4, 4, 1, 1, 2, 8, 3, 0, 16};
    unsigned pe = op->pe % gic.pe_count, size = sizes[op->size % ARRAY_COUNT(sizes)];
    enum gic_frame frame = (enum gic_frame)(op->frame % GIC_FRAME_COUNT);
    uint32_t offset = op->offset % (gic_frame_size(frame) + 64), value = 0xdead;
    enum gic_answer expected = takes(frame, offset, size, pe) ? GIC_OK : GIC_ABORT;
    before = gic;
    if (op->kind % 8 == 7) {
        unsigned intid = 16 + op->offset % (gic.interrupts - 16u);
        gic_set_line(&gic, pe, intid, op->value & 1);
    } else if (op->kind & 1) {
        ensure(gic_write(&gic, pe, frame, offset, size, op->value) == expected);
    } else {
        uint32_t peeked = gic_peek(&gic, pe, frame, offset);
        ensure(memcmp(&before, &gic, sizeof gic) == 0);
        ensure(gic_read(&gic, pe, frame, offset, size, &value) == expected);
        ensure(expected == GIC_OK || value == 0xdead);
        ensure(size != 4 || expected != GIC_OK || value == peeked);
    }
    ensure(expected == GIC_OK || op->kind % 8 == 7 || memcmp(&before, &gic, sizeof gic) == 0);
    gic_changes(&before, &gic, changed, &before);
    check_wires();
    check_state();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct header header = {0, 0, 0, 0};
    memcpy(&header, bytes, size < sizeof header ? size : sizeof header);
    unsigned interrupts = 32 * (1u + header.interrupts % 32);
    struct gic_config config = {
        .pe_count = (uint8_t)(1 + header.pe_count % PE_COUNT_MAX),
        .list_registers = (uint8_t)(1 + header.list_registers % GIC_LIST_REGISTER_MAX),
        .interrupts = (uint16_t)(interrupts < GIC_INTERRUPT_MAX ? interrupts : GIC_INTERRUPT_MAX)};
    gic_reset(&gic, &config);
    memset(wires, 0, sizeof wires);
    for (size_t at = sizeof header; at + sizeof(struct operation) <= size;
         at += sizeof(struct operation)) {
        struct operation op;
        memcpy(&op, bytes + at, sizeof op);
        operate(&op);
    }
    return 0;
}

#define WRITE(frame, offset, value) {1, 0, frame, 0, offset, 0, value}
#define READ(frame, offset) {0, 0, frame, 0, offset, 0, 0}
#define LINE(intid, level) {7, 0, 0, 0, (intid) - 16, 0, level}

/* Seeds: interrupts through the Distributor, and through list registers with each way to end. */
const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    static const struct operation scripts[][12] = {
        {WRITE(GIC_FRAME_D, GICD_CTLR_OFFSET, 3), WRITE(GIC_FRAME_C, GICC_CTLR_OFFSET, 7),
         WRITE(GIC_FRAME_C, GICC_PMR_OFFSET, 0xf8),
         WRITE(GIC_FRAME_D, GICD_ISENABLER_OFFSET + 4, ~0u),
         WRITE(GIC_FRAME_D, GICD_ITARGETSR_OFFSET + 32, ~0u), LINE(34, 1),
         WRITE(GIC_FRAME_D, GICD_SGIR_OFFSET, 0x00ff0003), READ(GIC_FRAME_C, GICC_IAR_OFFSET),
         WRITE(GIC_FRAME_C, GICC_EOIR_OFFSET, 3), READ(GIC_FRAME_C, GICC_IAR_OFFSET), LINE(34, 0),
         WRITE(GIC_FRAME_C, GICC_EOIR_OFFSET, 34)},
        {WRITE(GIC_FRAME_H, GICH_HCR_OFFSET, 0xff), WRITE(GIC_FRAME_V, GICV_CTLR_OFFSET, 7),
         WRITE(GIC_FRAME_V, GICV_PMR_OFFSET, 0xf8),
         WRITE(GIC_FRAME_H, GICH_LR_OFFSET, 0x90006c28), /* HW, of PPI 27 */
         WRITE(GIC_FRAME_H, GICH_LR_OFFSET + 4, 0x50080029), READ(GIC_FRAME_V, GICV_IAR_OFFSET),
         READ(GIC_FRAME_V, GICV_AIAR_OFFSET), WRITE(GIC_FRAME_V, GICV_EOIR_OFFSET, 41),
         WRITE(GIC_FRAME_V, GICV_EOIR_OFFSET, 40), WRITE(GIC_FRAME_H, GICH_APR_OFFSET, 1),
         WRITE(GIC_FRAME_V, GICV_EOIR_OFFSET, 50), READ(GIC_FRAME_H_ALL, 0x200)},
    };
    static struct {
        struct header header;
        struct operation operations[12];
    } seed;
    if (index >= 2 * ARRAY_COUNT(scripts))
        return NULL;
    seed.header = (struct header){(uint8_t)(index & 1 ? 3 : 0), (uint8_t)(index & 1 ? 3 : 63),
                                  (uint8_t)(index & 1 ? 8 : 31), 0};
    memcpy(seed.operations, scripts[index / 2], sizeof seed.operations);
    *size = sizeof seed;
    return (const uint8_t *)&seed;
}
