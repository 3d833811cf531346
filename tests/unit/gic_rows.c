/*
 * The GIC's registers, by iteration over the rows of gicv2.def: reset values, widths, read-only
 * bits, banking, and observers that change nothing.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "gic/rows.h"
#include "gic/state.h"

#define PES 4u

static struct gic gic;

static void reset(unsigned pe_count)
{
    struct gic_config config = {.pe_count = (uint8_t)pe_count, .list_registers = 4};
    memset(&gic, 0xa5, sizeof(gic));
    gic_reset(&gic, &config);
}

static enum gic_frame frame_of(const struct mmio_row *row)
{
    return strcmp(row->frame, "GICD") == 0 ? GIC_FRAME_D : GIC_FRAME_C;
}

static uint32_t read_word(unsigned pe, enum gic_frame frame, uint32_t offset)
{
    uint32_t value = 0xdeadbeef;
    cr_assert_eq(gic_read(&gic, pe, frame, offset, 4, &value), GIC_OK);
    return value;
}

static void write_word(unsigned pe, enum gic_frame frame, uint32_t offset, uint32_t value)
{
    cr_assert_eq(gic_write(&gic, pe, frame, offset, 4, value), GIC_OK);
}

#define FOR_EACH_WORD(row, word)                                              \
    for (unsigned i_ = 0; i_ < GICV2_COUNT; i_++)                             \
        for (const struct mmio_row *row = gic_row((enum gicv2)i_); row; row = NULL) \
            for (uint32_t word = 0; word < row->count; word++)

Test(gic_rows, every_offset_is_found_and_nothing_else)
{
    static unsigned seen[2][GICC_SIZE / 4];
    FOR_EACH_WORD (row, word) {
        enum gic_frame frame = frame_of(row);
        uint32_t offset = row->offset + 4 * word;
        cr_assert_eq(gic_row_find(frame, offset), i_, "%s", row->name);
        cr_assert_eq(gic_row_find(frame, offset + 3), i_, "%s", row->name);
        seen[frame][offset / 4] = 1;
    }
    for (uint32_t offset = 0; offset < GICC_SIZE; offset += 4) {
        if (!seen[0][offset / 4])
            cr_assert_eq(gic_row_find(GIC_FRAME_D, offset), GICV2_COUNT, "GICD + %x", offset);
        if (!seen[1][offset / 4])
            cr_assert_eq(gic_row_find(GIC_FRAME_C, offset), GICV2_COUNT, "GICC + %x", offset);
    }
}

/* What a word holds after reset. */
static uint32_t reset_value(const struct mmio_row *row, uint32_t word, unsigned pe)
{
    if (row->offset == GICD_TYPER_OFFSET && frame_of(row) == GIC_FRAME_D)
        return (PES - 1) << 5 | (GIC_INTID_COUNT / 32 - 1);
    if (strcmp(row->name, "GICD_ITARGETSR") == 0 && word < 8)
        return 0x01010101u << pe;
    return word == 0 || row->per_int == 0 ? row->reset : 0;
}

Test(gic_rows, reset_values)
{
    reset(PES);
    for (unsigned pe = 0; pe < PES; pe++)
        FOR_EACH_WORD (row, word) {
            uint32_t expected = row->readable ? reset_value(row, word, pe) : 0;
            uint32_t found = read_word(pe, frame_of(row), row->offset + 4 * word);
            cr_assert_eq(found, expected, "%s[%u] of PE %u: %x, not %x", row->name, word, pe,
                         found, expected);
        }
}

Test(gic_rows, identity_is_that_of_a_gic_400)
{
    reset(PES);
    cr_assert_eq(read_word(0, GIC_FRAME_D, 0x008), 0x0200143bu);
    cr_assert_eq(read_word(0, GIC_FRAME_C, 0x0fc), 0x0202143bu);
    cr_assert_eq(read_word(0, GIC_FRAME_D, 0xfe8) >> 4, 2u);
    cr_assert_eq(read_word(0, GIC_FRAME_D, 0x004) & 0x400u, 0u);
}

Test(gic_rows, widths)
{
    reset(PES);
    FOR_EACH_WORD (row, word) {
        enum gic_frame frame = frame_of(row);
        uint32_t offset = row->offset + 4 * word, value;
        enum gic_answer byte = row->bytes ? GIC_OK : GIC_ABORT;
        cr_assert_eq(gic_read(&gic, 0, frame, offset, 1, &value), byte, "%s", row->name);
        cr_assert_eq(gic_read(&gic, 0, frame, offset + 3, 1, &value), byte, "%s", row->name);
        cr_assert_eq(gic_write(&gic, 0, frame, offset, 1, 0), byte, "%s", row->name);
        cr_assert_eq(gic_read(&gic, 0, frame, offset, 2, &value), GIC_ABORT, "%s", row->name);
        cr_assert_eq(gic_read(&gic, 0, frame, offset, 8, &value), GIC_ABORT, "%s", row->name);
        cr_assert_eq(gic_write(&gic, 0, frame, offset, 8, 0), GIC_ABORT, "%s", row->name);
        cr_assert_eq(gic_read(&gic, 0, frame, offset + 2, 4, &value), GIC_ABORT, "%s", row->name);
    }
    uint32_t value;
    cr_assert_eq(gic_read(&gic, 0, GIC_FRAME_D, GICD_SIZE, 4, &value), GIC_ABORT);
    cr_assert_eq(gic_read(&gic, 0, GIC_FRAME_C, GICC_SIZE, 4, &value), GIC_ABORT);
}

Test(gic_rows, unmodelled_frames_say_so)
{
    uint32_t value;
    reset(PES);
    for (uint32_t offset = 0; offset < 0x2000; offset += 4) {
        cr_assert_eq(gic_read(&gic, 1, GIC_FRAME_H, offset, 4, &value), GIC_UNMODELLED);
        cr_assert_eq(gic_write(&gic, 1, GIC_FRAME_H, offset, 4, 0), GIC_UNMODELLED);
        cr_assert_eq(gic_read(&gic, 1, GIC_FRAME_V, offset, 4, &value), GIC_UNMODELLED);
        cr_assert_eq(gic_write(&gic, 1, GIC_FRAME_V, offset, 4, 0), GIC_UNMODELLED);
        cr_assert_eq(gic_peek(&gic, 1, GIC_FRAME_V, offset), 0u);
    }
}

Test(gic_rows, unallocated_offsets_read_zero_and_ignore_writes)
{
    reset(PES);
    static struct gic before;
    (void)gic_take_changed(&gic);
    before = gic;
    for (unsigned f = GIC_FRAME_D; f <= GIC_FRAME_C; f++)
        for (uint32_t offset = 0; offset < gic_frame_size((enum gic_frame)f); offset += 4) {
            if (gic_row_find((enum gic_frame)f, offset) != GICV2_COUNT)
                continue;
            write_word(0, (enum gic_frame)f, offset, 0xffffffff);
            cr_assert_eq(read_word(0, (enum gic_frame)f, offset), 0u);
        }
    cr_assert_arr_eq(&gic, &before, sizeof(gic));
}

Test(gic_rows, read_only_registers_ignore_writes)
{
    FOR_EACH_WORD (row, word) {
        if (row->writable)
            continue;
        static struct gic before;
        reset(PES);
        before = gic;
        write_word(1, frame_of(row), row->offset + 4 * word, 0xffffffff);
        cr_assert_arr_eq(&gic, &before, sizeof(gic), "%s", row->name);
    }
}

/* The bits of a word that keep a 1 which is written to them; per_int registers by their kind. */
static uint32_t sticky_bits(const struct mmio_row *row, uint32_t word)
{
    static const struct {
        const char *name;
        uint32_t first, others; /* the first word, which is SGIs'; the others */
    } kinds[] = {
        {"GICD_IGROUPR", 0xffffffff, 0xffffffff},   {"GICD_ISENABLER", 0xffffffff, 0xffffffff},
        {"GICD_ICENABLER", 0x0000ffff, 0},          {"GICD_ISPENDR", 0xffff0000, 0xffffffff},
        {"GICD_ICPENDR", 0, 0},                     {"GICD_ISACTIVER", 0xffffffff, 0xffffffff},
        {"GICD_ICACTIVER", 0, 0},                   {"GICD_IPRIORITYR", 0xf8f8f8f8, 0xf8f8f8f8},
        {"GICD_ITARGETSR", 0x04040404, 0x0f0f0f0f}, {"GICD_ICFGR", 0xaaaaaaaa, 0xaaaaaaaa},
        {"GICD_CPENDSGIR", 0, 0},                   {"GICD_SPENDSGIR", 0x0f0f0f0f, 0x0f0f0f0f},
    };
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, row->name) != 0)
            continue;
        if (strcmp(row->name, "GICD_ITARGETSR") == 0)
            return word < 8 ? kinds[i].first : kinds[i].others;
        if (strcmp(row->name, "GICD_ICFGR") == 0 && word == 1)
            return 0; /* PPIs are level-sensitive */
        return word == 0 ? kinds[i].first : kinds[i].others;
    }
    cr_assert_eq(row->per_int, 0, "%s is not in the list", row->name);
    return ~row->zeros;
}

Test(gic_rows, writable_bits_and_no_others_take_a_one)
{
    FOR_EACH_WORD (row, word) {
        if (!row->writable)
            continue;
        reset(PES);
        enum gic_frame frame = frame_of(row);
        uint32_t offset = row->offset + 4 * word;
        write_word(2, frame, offset, 0xffffffff);
        uint32_t expected = row->readable ? sticky_bits(row, word) : 0;
        uint32_t found = read_word(2, frame, offset);
        cr_assert_eq(found, expected, "%s[%u]: %x, not %x", row->name, word, found, expected);
    }
}

Test(gic_rows, zeros_stick_where_writes_replace)
{
    FOR_EACH_WORD (row, word) {
        bool replaces = row->readable && row->writable && (row->per_int == 0 ||
                        strcmp(row->name, "GICD_IGROUPR") == 0 ||
                        strcmp(row->name, "GICD_IPRIORITYR") == 0 ||
                        (strcmp(row->name, "GICD_ITARGETSR") == 0 && word >= 8) ||
                        (strcmp(row->name, "GICD_ICFGR") == 0 && word >= 2));
        if (!replaces)
            continue;
        reset(PES);
        enum gic_frame frame = frame_of(row);
        write_word(2, frame, row->offset + 4 * word, 0xffffffff);
        write_word(2, frame, row->offset + 4 * word, 0);
        uint32_t least = strcmp(row->name, "GICC_BPR") == 0    ? 2
                         : strcmp(row->name, "GICC_ABPR") == 0 ? 3
                                                               : 0;
        cr_assert_eq(read_word(2, frame, row->offset + 4 * word), least, "%s[%u]", row->name, word);
    }
}

/* Banked words belong to one PE, the others to all. */
Test(gic_rows, banking)
{
    FOR_EACH_WORD (row, word) {
        if (!row->writable || !row->readable)
            continue;
        reset(PES);
        enum gic_frame frame = frame_of(row);
        uint32_t offset = row->offset + 4 * word;
        bool is_banked = frame == GIC_FRAME_C || word * 32 < (uint32_t)row->banked * row->per_int;
        uint32_t other = read_word(3, frame, offset);
        write_word(2, frame, offset, 0xffffffff);
        uint32_t expected = is_banked ? other : read_word(2, frame, offset);
        cr_assert_eq(read_word(3, frame, offset), expected, "%s[%u]", row->name, word);
    }
}

Test(gic_rows, bytes_are_parts_of_words)
{
    FOR_EACH_WORD (row, word) {
        if (!row->bytes)
            continue;
        reset(PES);
        uint32_t offset = row->offset + 4 * word, value;
        static const uint8_t bytes[4] = {0x0b, 0x50, 0xa8, 0xff};
        static struct gic by_word;
        write_word(1, GIC_FRAME_D, offset, 0xffa8500b);
        by_word = gic;
        reset(PES);
        for (unsigned i = 0; i < 4; i++)
            cr_assert_eq(gic_write(&gic, 1, GIC_FRAME_D, offset + i, 1, bytes[i]), GIC_OK);
        cr_assert_arr_eq(&gic, &by_word, sizeof(gic), "%s[%u]", row->name, word);
        for (unsigned i = 0; i < 4; i++) {
            cr_assert_eq(gic_read(&gic, 1, GIC_FRAME_D, offset + i, 1, &value), GIC_OK);
            cr_assert_eq(value, (read_word(1, GIC_FRAME_D, offset) >> (8 * i)) & 0xff);
        }
    }
}

Test(gic_rows, one_pe_has_no_targets_to_choose)
{
    reset(1);
    for (uint32_t word = 0; word < 72; word++) {
        write_word(0, GIC_FRAME_D, GICD_ITARGETSR_OFFSET + 4 * word, 0xffffffff);
        cr_assert_eq(read_word(0, GIC_FRAME_D, GICD_ITARGETSR_OFFSET + 4 * word), 0u);
    }
}

Test(gic_rows, status_registers_show_lines)
{
    reset(PES);
    gic_set_line(&gic, 1, 27, true);
    gic_set_line(&gic, 0, 33, true);
    gic_set_line(&gic, 0, 287, true);
    cr_assert_eq(read_word(1, GIC_FRAME_D, GICD_PPISR_OFFSET), 1u << 11);
    cr_assert_eq(read_word(0, GIC_FRAME_D, GICD_PPISR_OFFSET), 0u);
    cr_assert_eq(read_word(3, GIC_FRAME_D, GICD_SPISR_OFFSET), 2u);
    cr_assert_eq(read_word(3, GIC_FRAME_D, GICD_SPISR_OFFSET + 28), 0x80000000u);
}

/* A peek of every word of every frame, with interrupts pending and active. */
Test(gic_rows, peek_changes_nothing_and_reads_the_same)
{
    reset(PES);
    write_word(0, GIC_FRAME_D, GICD_CTLR_OFFSET, 3);
    write_word(0, GIC_FRAME_C, GICC_CTLR_OFFSET, 3);
    write_word(0, GIC_FRAME_C, GICC_PMR_OFFSET, 0xf0);
    write_word(2, GIC_FRAME_D, GICD_SGIR_OFFSET, 0x00010005);
    static struct gic before;
    before = gic;
    for (unsigned f = 0; f < GIC_FRAME_COUNT; f++)
        for (uint32_t offset = 0; offset < GICC_SIZE; offset += 4) {
            uint32_t peeked = gic_peek(&gic, 0, (enum gic_frame)f, offset), value = 0;
            cr_assert_arr_eq(&gic, &before, sizeof(gic));
            (void)gic_read(&gic, 0, (enum gic_frame)f, offset, 4, &value);
            cr_assert_eq(peeked, value, "frame %u + %x", f, offset);
            gic = before;
        }
    cr_assert_eq(gic_peek(&gic, 0, GIC_FRAME_C, GICC_IAR_OFFSET), 2u << 10 | 5);
}
