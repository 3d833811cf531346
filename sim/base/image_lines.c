/*
 * Source lines of addresses, from the DWARF line tables of an ELF image, through libdw.
 *
 * All rows of all units are gathered and sorted at the first question (.debug_aranges, which
 * assemblers leave out, is not needed). Addresses are those that the image was linked to. Only
 * for people: nothing of this reaches a run. A file without line tables answers nothing.
 */
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/image_parts.h"

struct line {
    uint64_t address;
    const char *file; /* libdw's; NULL where a sequence ends */
    int number;
    size_t order; /* of reading: rows of one address stay as the table has them */
};

struct image_lines {
    bool is_read;
    Elf *elf;
    Dwarf *dwarf;
    struct line *lines;
    size_t count, capacity;
};

struct image_lines *image_lines_new(void)
{
    struct image_lines *lines = calloc(1, sizeof *lines);
    ensure(lines != NULL);
    return lines;
}

void image_lines_free(struct image_lines *lines)
{
    if (!lines)
        return;
    free(lines->lines);
    if (lines->dwarf)
        dwarf_end(lines->dwarf);
    if (lines->elf)
        elf_end(lines->elf);
    free(lines);
}

static void line_add(struct image_lines *lines, Dwarf_Line *row)
{
    Dwarf_Addr address;
    bool is_end;
    int number;

    if (dwarf_lineaddr(row, &address) != 0 || dwarf_lineendsequence(row, &is_end) != 0 ||
        dwarf_lineno(row, &number) != 0)
        return;
    const char *file = is_end ? NULL : dwarf_linesrc(row, NULL, NULL);
    if (!is_end && (!file || number == 0))
        return;
    if (lines->count == lines->capacity) {
        lines->capacity = lines->capacity ? 2 * lines->capacity : 1024;
        lines->lines = realloc(lines->lines, lines->capacity * sizeof *lines->lines);
        ensure(lines->lines != NULL);
    }
    lines->lines[lines->count] = (struct line){address, file, number, lines->count};
    lines->count++;
}

/* The end of one sequence stands before the start of the next at the same address. */
static int line_compare(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    if (!x->file != !y->file)
        return x->file ? 1 : -1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void lines_read(struct image_lines *lines, const struct image *image)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;

    lines->is_read = true;
    elf_version(EV_CURRENT);
    lines->elf = elf_memory((char *)(uintptr_t)image->file, image->file_size);
    if (lines->elf)
        lines->dwarf = dwarf_begin_elf(lines->elf, DWARF_C_READ, NULL);
    if (!lines->dwarf)
        return;
    while (dwarf_get_units(lines->dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        Dwarf_Lines *rows;
        size_t count;
        if (dwarf_getsrclines(&die, &rows, &count) != 0)
            continue;
        for (size_t i = 0; i < count; i++)
            line_add(lines, dwarf_onesrcline(rows, i));
    }
    if (lines->count)
        qsort(lines->lines, lines->count, sizeof *lines->lines, line_compare);
}

bool image_line_at(const struct image *image, uint64_t address, char *text, size_t size)
{
    struct image_lines *lines = image->lines;

    if (image->kind != IMAGE_ELF)
        return false;
    if (!lines->is_read)
        lines_read(lines, image);
    size_t low = 0, high = lines->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lines->lines[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || !lines->lines[low - 1].file)
        return false;
    const struct line *line = &lines->lines[low - 1];
    const char *slash = strrchr(line->file, '/');
    snprintf(text, size, "%s:%d", slash ? slash + 1 : line->file, line->number);
    return true;
}
