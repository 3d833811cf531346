/*
 * Tables of symbols: read from ELF files and from texts like System.map, sorted, searched.
 *
 * System.map has no sizes: a symbol reaches up to the next one, the last one to the end of its
 * page. Left out is what names no place: absolute and undefined symbols, mapping symbols ($x, $d).
 * Modules in /proc/kallsyms are named like the rest. Not read: DWARF; compressed tables inside a
 * kernel Image (payload/symbols.py makes a System.map of one).
 */
#include "sim/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_ALIGNMENT UINT64_C(4096) /* up to where a last symbol without a size reaches */

struct entry {
    uint64_t address, end; /* behind its last byte */
    const char *name;
    bool is_function, has_size;
};

struct symbols {
    struct entry *entry; /* by address, then the better name first */
    uint64_t *reach;     /* largest end of this one and all before it */
    size_t count, capacity;
    char *text;          /* owned: what names point into, or NULL */
    struct image image;  /* the same for ELF files */
    bool has_image;
};

static void add(struct symbols *s, const struct entry *entry)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 1024;
        s->entry = realloc(s->entry, s->capacity * sizeof *s->entry);
        ensure(s->entry != NULL);
    }
    s->entry[s->count++] = *entry;
}

/* --- order -------------------------------------------------------------------------------- */

static bool ends_in(const char *name, const char *tail)
{
    size_t length = strlen(name), tail_length = strlen(tail);
    return length >= tail_length && strcmp(name + length - tail_length, tail) == 0;
}

/* What somebody who reads a name wants least: data, then borders that linker scripts define. */
static unsigned badness(const struct entry *e)
{
    bool is_border = ends_in(e->name, "_start") || ends_in(e->name, "_end") ||
                     ends_in(e->name, "_begin") || strchr(e->name, '.') != NULL;
    return (e->is_function ? 0u : 4u) + (is_border ? 2u : 0u) + (e->has_size ? 0u : 1u);
}

static int entry_compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    unsigned bad_x = badness(x), bad_y = badness(y);
    if (bad_x != bad_y)
        return bad_x < bad_y ? -1 : 1;
    size_t length_x = strlen(x->name), length_y = strlen(y->name);
    if (length_x != length_y)
        return length_x < length_y ? -1 : 1;
    int order = strcmp(x->name, y->name);
    if (order != 0)
        return order;
    return x->end < y->end ? -1 : x->end > y->end; /* then nothing differs */
}

/* Sorts, and says how far those without a size reach. */
static void finish(struct symbols *s)
{
    uint64_t next = 0, reach = 0;
    if (s->count != 0)
        qsort(s->entry, s->count, sizeof *s->entry, entry_compare);
    s->reach = calloc(s->count + 1, sizeof *s->reach);
    ensure(s->reach != NULL);
    for (size_t i = s->count; i-- > 0;) {
        struct entry *e = &s->entry[i];
        if (i + 1 < s->count && s->entry[i + 1].address != e->address)
            next = s->entry[i + 1].address;
        else if (i + 1 == s->count)
            next = (e->address | (LAST_ALIGNMENT - 1)) == UINT64_MAX
                       ? UINT64_MAX
                       : (e->address | (LAST_ALIGNMENT - 1)) + 1;
        if (!e->has_size)
            e->end = next;
    }
    for (size_t i = 0; i < s->count; i++) {
        reach = s->entry[i].end > reach ? s->entry[i].end : reach;
        s->reach[i] = reach;
    }
}

/* --- ELF ---------------------------------------------------------------------------------- */

static void take_image(struct symbols *s, const struct image *image)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        const struct image_symbol *from = &image->symbols[i];
        uint64_t room = UINT64_MAX - from->address;
        struct entry e = {
            .address = from->address,
            .end = from->address + (from->size < room ? from->size : room),
            .name = from->name,
            .is_function = from->is_function,
            .has_size = from->size != 0,
        };
        add(s, &e);
    }
    finish(s);
}

static struct symbols *symbols_new(void)
{
    struct symbols *s = calloc(1, sizeof *s);
    ensure(s != NULL);
    return s;
}

struct symbols *symbols_of_image(const struct image *image)
{
    struct symbols *s = symbols_new();
    take_image(s, image);
    return s;
}

/* --- text --------------------------------------------------------------------------------- */

static bool take_address(const char **at, uint64_t *address)
{
    const char *start = *at;
    *address = 0;
    for (;; (*at)++) {
        unsigned digit;
        char c = **at;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else
            break;
        *address = *address << 4 | digit;
    }
    return *at > start && *at - start <= 16;
}

/* What may stand behind a name: nothing, or the module that it is of. */
static bool is_tail(const char *tail)
{
    size_t length = strlen(tail);
    return length == 0 || (length > 3 && tail[0] == '\t' && tail[1] == '[' &&
                           tail[length - 1] == ']' && strchr(tail, ' ') == NULL);
}

/* One line, ended by 0; the name in it is ended, too. */
static bool take_line(struct symbols *s, char *line)
{
    const char *at = line;
    struct entry e = {0};
    if (!take_address(&at, &e.address) || at[0] != ' ' || at[1] == 0 || at[2] != ' ')
        return false;
    char type = at[1];
    char *name = line + (at + 3 - line);
    size_t length = strcspn(name, " \t");
    if (length == 0 || !strchr("tTwWdDbBrRvVaAuUnNiIgGsS?", type) || !is_tail(name + length))
        return false;
    name[length] = 0;
    e.name = name;
    e.end = e.address;
    e.is_function = strchr("tTwW", type) != NULL;
    if (!strchr("aAuU", type) && name[0] != '$')
        add(s, &e);
    return true;
}

static bool take_text(struct symbols *s, const char *name, struct error *error)
{
    unsigned long number = 1;
    for (char *line = s->text; *line != 0; number++) {
        char *end = line + strcspn(line, "\n");
        bool is_last = *end == 0;
        *end = 0;
        if (!take_line(s, line))
            return error_set(error, "%s:%lu: no line of a System.map (address, type and name)",
                             name, number);
        line = is_last ? end : end + 1;
    }
    uint64_t any = 0;
    for (size_t i = 0; i < s->count; i++)
        any |= s->entry[i].address;
    if (any == 0)
        return error_set(error, s->count ? "%s: all addresses are 0" : "%s: no symbol in it", name);
    finish(s);
    return true;
}

/* --- reading ------------------------------------------------------------------------------ */

static bool parse(struct symbols *s, const char *name, const uint8_t *bytes, size_t size,
                  struct error *error)
{
    if (size >= 4 && memcmp(bytes, "\177ELF", 4) == 0) {
        s->has_image = image_open_symbols(&s->image, name, bytes, size, error);
        if (!s->has_image)
            return false;
        if (s->image.symbol_count == 0)
            return error_set(error, "%s: no symbol in it", name);
        take_image(s, &s->image);
        return true;
    }
    if (size == 0)
        return error_set(error, "%s: the file is empty", name);
    if (memchr(bytes, 0, size) != NULL)
        return error_set(error, "%s: neither an ELF file nor a System.map", name);
    s->text = malloc(size + 1);
    ensure(s->text != NULL);
    memcpy(s->text, bytes, size);
    s->text[size] = 0;
    return take_text(s, name, error);
}

struct symbols *symbols_parse(const char *name, const uint8_t *bytes, size_t size,
                              struct error *error)
{
    struct symbols *s = symbols_new();
    if (parse(s, name, bytes, size, error))
        return s;
    symbols_free(s);
    return NULL;
}

struct symbols *symbols_read(const char *path, struct error *error)
{
    uint8_t *bytes;
    size_t size;
    if (!file_read(path, &bytes, &size, error))
        return NULL;
    struct symbols *s = symbols_parse(path, bytes, size, error);
    free(bytes);
    return s;
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    if (s->has_image)
        image_close(&s->image);
    free(s->entry);
    free(s->reach);
    free(s->text);
    free(s);
}

/* --- questions ---------------------------------------------------------------------------- */

size_t symbols_count(const struct symbols *s)
{
    return s->count;
}

/* The first at the same address: the best name. */
static size_t first_of(const struct symbols *s, size_t i)
{
    while (i > 0 && s->entry[i - 1].address == s->entry[i].address)
        i--;
    return i;
}

bool symbols_find(const struct symbols *s, uint64_t address, struct symbol *symbol)
{
    size_t low = 0, high = s->count, found = SIZE_MAX;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->entry[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i-- > 0 && s->reach[i] > address;) {
        const struct entry *e = &s->entry[i];
        if (e->end > address && e->has_size) {
            found = i;
            break;
        }
        if (e->end > address && found == SIZE_MAX)
            found = i;
    }
    if (found == SIZE_MAX)
        return false;
    if (!s->entry[found].has_size)
        found = first_of(s, found);
    else
        while (found > 0 && s->entry[found - 1].address == s->entry[found].address &&
               s->entry[found - 1].end > address)
            found--;
    const struct entry *e = &s->entry[found];
    *symbol = (struct symbol){e->name, e->address, address - e->address, found, e->is_function};
    return true;
}

bool symbols_address(const struct symbols *s, const char *name, uint64_t *address)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->entry[i].name, name) == 0) {
            *address = s->entry[i].address;
            return true;
        }
    }
    return false;
}

void symbol_text(const struct symbol *symbol, char *text, size_t size)
{
    if (symbol->offset == 0)
        snprintf(text, size, "%s", symbol->name);
    else
        snprintf(text, size, "%s+0x%llx", symbol->name, (unsigned long long)symbol->offset);
}
