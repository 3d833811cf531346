/*
 * The GIC's registers and their fields, by iteration over the rows of gicv2.def: reset values,
 * widths, read-only bits, banking, and observers that change nothing. Each word of each register
 * is tried, with the most interrupts and list registers that there can be.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "gic/rows.h"
#include "gic/state.h"

#define PES 4u

static struct gic gic;

static void reset_as(unsigned pe_count, unsigned list_registers, unsigned interrupts)
{
    struct gic_config config = {.pe_count = (uint8_t)pe_count,
                                .list_registers = (uint8_t)list_registers,
                                .interrupts = (uint16_t)interrupts};
    memset(&gic, 0xa5, sizeof(gic));
    gic_reset(&gic, &config);
}

/* Of everything as much as there can be. */
static void reset(unsigned pe_count)
{
    reset_as(pe_count, GIC_LIST_REGISTER_MAX, GIC_INTERRUPT_MAX);
}

/* Frames that have rows. */
static const char *const frame_names[] = {"GICD", "GICC", "GICH", "GICV"};

static enum gic_frame frame_of(const struct mmio_row *row)
{
    unsigned frame = 0;
    while (frame < ARRAY_COUNT(frame_names) && strcmp(row->frame, frame_names[frame]) != 0)
        frame++;
    cr_assert_lt(frame, ARRAY_COUNT(frame_names), "%s is in %s", row->name, row->frame);
    return (enum gic_frame)frame;
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
    static unsigned seen[ARRAY_COUNT(frame_names)][GICC_SIZE / 4];
    FOR_EACH_WORD (row, word) {
        enum gic_frame frame = frame_of(row);
        uint32_t offset = row->offset + 4 * word;
        cr_assert_eq(gic_row_find(frame, offset), i_, "%s", row->name);
        cr_assert_eq(gic_row_find(frame, offset + 3), i_, "%s", row->name);
        seen[frame][offset / 4] = 1;
    }
    for (unsigned f = 0; f < ARRAY_COUNT(frame_names); f++)
        for (uint32_t offset = 0; offset < GICC_SIZE; offset += 4)
            if (!seen[f][offset / 4])
                cr_assert_eq(gic_row_find((enum gic_frame)f, offset), GICV2_COUNT, "%s + %x",
                             frame_names[f], offset);
}

/* What a word holds after reset, where that is not what its row says for the first word. */
static uint32_t reset_value(const struct mmio_row *row, uint32_t word, unsigned pe)
{
    if (strcmp(row->name, "GICD_TYPER") == 0)
        return (PES - 1) << 5 | 31;
    if (strcmp(row->name, "GICD_ITARGETSR") == 0 && word < 8)
        return 0x01010101u << pe;
    if (strcmp(row->name, "GICH_VTR") == 0)
        return row->reset | 63;
    if (strcmp(row->name, "GICH_ELRSR") == 0)
        return 0xffffffff;
    return word == 0 ? row->reset : 0;
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

/* The rows say what the default configuration has. */
Test(gic_rows, reset_values_of_the_default_configuration)
{
    reset_as(1, 4, GIC_INTERRUPT_DEFAULT);
    cr_assert_eq(read_word(0, GIC_FRAME_D, GICD_TYPER_OFFSET), GIC_INTERRUPT_DEFAULT / 32 - 1);
    FOR_EACH_WORD (row, word) {
        if (word == 0 && row->readable && row->offset != GICD_TYPER_OFFSET)
            cr_assert_eq(read_word(0, frame_of(row), row->offset), row->reset, "%s", row->name);
    }
}

Test(gic_rows, identity_is_that_of_a_gic_400)
{
    reset(PES);
    cr_assert_eq(read_word(0, GIC_FRAME_D, 0x008), 0x0200143bu);
    cr_assert_eq(read_word(0, GIC_FRAME_C, 0x0fc), 0x0202143bu);
    cr_assert_eq(read_word(0, GIC_FRAME_V, 0x0fc), 0x0202143bu);
    cr_assert_eq(read_word(0, GIC_FRAME_H, 0x008), 0x004c0000u);
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
    for (unsigned f = 0; f < GIC_FRAME_COUNT; f++) {
        uint32_t value, size = gic_frame_size((enum gic_frame)f);
        cr_assert_eq(gic_read(&gic, 0, (enum gic_frame)f, size, 4, &value), GIC_ABORT);
        cr_assert_eq(gic_write(&gic, 0, (enum gic_frame)f, size, 4, 0), GIC_ABORT);
    }
}

Test(gic_rows, unallocated_offsets_read_zero_and_ignore_writes)
{
    reset(PES);
    static struct gic before;
    (void)gic_take_changed(&gic);
    before = gic;
    for (unsigned f = 0; f < ARRAY_COUNT(frame_names); f++)
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
        uint32_t there = 0xffffffff; /* interrupts 1020 to 1023 are not */
        if (row->per_int == 1 && word == 31)
            there = 0x0fffffff;
        if (row->per_int == 2 && word == 63)
            there = 0x00ffffff;
        return (word == 0 ? kinds[i].first : kinds[i].others) & there;
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

/* A binary point below the least becomes that one. */
static uint32_t with_least(const struct mmio_row *row, uint32_t value)
{
    static const struct {
        const char *name;
        uint32_t field, least;
    } points[] = {
        {"GICC_BPR", 7, 2},         {"GICC_ABPR", 7, 3},        {"GICV_BPR", 7, 2},
        {"GICV_ABPR", 7, 3},        {"GICH_VMCR", 7u << 21, 2u << 21},
        {"GICH_VMCR", 7u << 18, 3u << 18},
    };
    for (size_t i = 0; i < ARRAY_COUNT(points); i++)
        if (strcmp(points[i].name, row->name) == 0 && (value & points[i].field) < points[i].least)
            value = (value & ~points[i].field) | points[i].least;
    return value;
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
        uint32_t found = read_word(2, frame, row->offset + 4 * word);
        cr_assert_eq(found, with_least(row, 0), "%s[%u]: %x", row->name, word, found);
    }
}

/* Each field takes its ones and zeros by itself; reserved ones take nothing. */
Test(gic_rows, fields)
{
    FOR_EACH_WORD (row, word) {
        if (row->per_int != 0)
            continue;
        enum gic_frame frame = frame_of(row);
        uint32_t offset = row->offset + 4 * word;
        for (unsigned i = 0; i < row->field_count; i++) {
            const struct reg_field *field = &row->fields[i];
            uint32_t mask = (uint32_t)(bits_ones(field->high - field->low + 1u) << field->low);
            reset(PES);
            uint32_t before = read_word(2, frame, offset);
            cr_assert_eq(before & mask, row->readable ? reset_value(row, word, 2) & mask : 0);
            write_word(2, frame, offset, mask);
            uint32_t found = read_word(2, frame, offset), expected = before;
            if (row->writable && row->readable)
                expected = with_least(row, field->kind == REG_FIELD_RW ? mask : 0);
            cr_assert_eq(found, expected, "%s[%u].%s: %x, not %x", row->name, word, field->name,
                         found, expected);
            write_word(2, frame, offset, ~mask);
            if (row->writable && row->readable)
                expected = with_least(row, ~mask & ~row->zeros);
            found = read_word(2, frame, offset);
            cr_assert_eq(found, expected, "%s[%u] without %s: %x, not %x", row->name, word,
                         field->name, found, expected);
        }
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
        bool is_banked = frame != GIC_FRAME_D || word * 32 < (uint32_t)row->banked * row->per_int;
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
    for (uint32_t word = 0; word < 255; word++) {
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
    gic_set_line(&gic, 0, 1019, true);
    cr_assert_eq(read_word(1, GIC_FRAME_D, GICD_PPISR_OFFSET), 1u << 11);
    cr_assert_eq(read_word(0, GIC_FRAME_D, GICD_PPISR_OFFSET), 0u);
    cr_assert_eq(read_word(3, GIC_FRAME_D, GICD_SPISR_OFFSET), 2u);
    cr_assert_eq(read_word(3, GIC_FRAME_D, GICD_SPISR_OFFSET + 28), 0x80000000u);
    cr_assert_eq(read_word(3, GIC_FRAME_D, GICD_SPISR_OFFSET + 120), 0x08000000u);
}

/* Every register for interrupts that the configuration does not have is RAZ/WI. */
Test(gic_rows, interrupts_beyond_the_last_are_not_there)
{
    static const unsigned counts[] = {32, 96, GIC_INTERRUPT_DEFAULT, 992};
    for (unsigned i = 0; i < ARRAY_COUNT(counts); i++) {
        static struct gic before;
        reset_as(PES, 4, counts[i]);
        cr_assert_eq(read_word(0, GIC_FRAME_D, GICD_TYPER_OFFSET) & 31, counts[i] / 32 - 1);
        before = gic;
        FOR_EACH_WORD (row, word) {
            if (row->per_int == 0 || word * 32 < counts[i] * row->per_int)
                continue;
            write_word(1, GIC_FRAME_D, row->offset + 4 * word, 0xffffffff);
            cr_assert_eq(read_word(1, GIC_FRAME_D, row->offset + 4 * word), 0u, "%s[%u] with %u",
                         row->name, word, counts[i]);
        }
        cr_assert_arr_eq(&gic, &before, sizeof(gic));
    }
}

Test(gic_rows, list_registers_beyond_the_last_are_not_there)
{
    for (unsigned count = 1; count <= GIC_LIST_REGISTER_MAX; count++) {
        reset_as(1, count, GIC_INTERRUPT_DEFAULT);
        cr_assert_eq(read_word(0, GIC_FRAME_H, GICH_VTR_OFFSET) & 63, count - 1);
        uint64_t empty = read_word(0, GIC_FRAME_H, GICH_ELRSR_OFFSET + 4);
        empty = empty << 32 | read_word(0, GIC_FRAME_H, GICH_ELRSR_OFFSET);
        cr_assert_eq(empty, bits_ones(count));
        for (unsigned i = 0; i < GIC_LIST_REGISTER_MAX; i++) {
            write_word(0, GIC_FRAME_H, GICH_LR_OFFSET + 4 * i, 0xffffffff);
            cr_assert_eq(read_word(0, GIC_FRAME_H, GICH_LR_OFFSET + 4 * i),
                         i < count ? 0xff8fffffu : 0u);
        }
    }
}

/* Each PE's GICH by way of another PE. */
Test(gic_rows, the_frame_of_all_shows_the_gich_of_each)
{
    reset(PES);
    FOR_EACH_WORD (row, word) {
        if (frame_of(row) != GIC_FRAME_H)
            continue;
        uint32_t offset = row->offset + 4 * word;
        for (unsigned pe = 0; pe < PES; pe++) {
            uint32_t at = pe * GIC_FRAME_H_ALL_STEP + offset;
            write_word(pe ^ 1, GIC_FRAME_H_ALL, at, 0x11111111u * (pe + 1));
            cr_assert_eq(read_word(pe ^ 2, GIC_FRAME_H_ALL, at),
                         read_word(pe, GIC_FRAME_H, offset), "%s[%u]", row->name, word);
            if (row->writable)
                cr_assert(pe == 0 || read_word(pe, GIC_FRAME_H, offset) !=
                                         read_word(pe - 1, GIC_FRAME_H, offset),
                          "%s[%u]", row->name, word);
        }
    }
    for (uint32_t offset = PES * GIC_FRAME_H_ALL_STEP; offset < GIC_FRAME_H_ALL_SIZE; offset += 4) {
        static struct gic before;
        before = gic;
        write_word(0, GIC_FRAME_H_ALL, offset, 0xffffffff);
        cr_assert_eq(read_word(0, GIC_FRAME_H_ALL, offset), 0u, "a PE that is not there");
        cr_assert_arr_eq(&gic, &before, sizeof(gic));
    }
}

/* A peek of every word of every frame, with interrupts pending and active. */
Test(gic_rows, peek_changes_nothing_and_reads_the_same)
{
    reset(PES);
    write_word(0, GIC_FRAME_D, GICD_CTLR_OFFSET, 3);
    write_word(0, GIC_FRAME_C, GICC_CTLR_OFFSET, 3);
    write_word(0, GIC_FRAME_C, GICC_PMR_OFFSET, 0xf0);
    write_word(2, GIC_FRAME_D, GICD_SGIR_OFFSET, 0x00010005);
    write_word(0, GIC_FRAME_V, GICV_CTLR_OFFSET, 3);
    write_word(0, GIC_FRAME_V, GICV_PMR_OFFSET, 0xf0);
    write_word(0, GIC_FRAME_H, GICH_HCR_OFFSET, 0xff);
    write_word(0, GIC_FRAME_H, GICH_LR_OFFSET + 12, 0x10000c05);
    static struct gic before;
    before = gic;
    for (unsigned f = 0; f < GIC_FRAME_COUNT; f++)
        for (uint32_t offset = 0; offset < gic_frame_size((enum gic_frame)f); offset += 4) {
            uint32_t peeked = gic_peek(&gic, 0, (enum gic_frame)f, offset), value = 0;
            cr_assert_arr_eq(&gic, &before, sizeof(gic));
            (void)gic_read(&gic, 0, (enum gic_frame)f, offset, 4, &value);
            cr_assert_eq(peeked, value, "frame %u + %x", f, offset);
            gic = before;
        }
    cr_assert_eq(gic_peek(&gic, 0, GIC_FRAME_C, GICC_IAR_OFFSET), 2u << 10 | 5);
    cr_assert_eq(gic_peek(&gic, 0, GIC_FRAME_V, GICV_IAR_OFFSET), 3u << 10 | 5);
}
