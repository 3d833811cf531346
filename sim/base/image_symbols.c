/*
 * Symbols of an ELF executable: functions, objects, and labels of assembler files and linker
 * scripts. Left out are what names no place (undefined, absolute, thread-local, files, sections)
 * and the mapping symbols $x and $d. Names point into the image's own copy of the file.
 */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/image_parts.h"

/* The contents of a section, or NULL if they are not in the file. */
static const uint8_t *section_bytes(const struct image *image, const GElf_Shdr *section)
{
    if (section->sh_type == SHT_NOBITS || section->sh_size > image->file_size ||
        section->sh_offset > image->file_size - section->sh_size)
        return NULL;
    return image->file + section->sh_offset;
}

static bool is_wanted(const Elf64_Sym *symbol, const char *name)
{
    if (symbol->st_shndx == SHN_UNDEF ||
        (symbol->st_shndx >= SHN_LORESERVE && symbol->st_shndx != SHN_XINDEX))
        return false;
    switch (ELF64_ST_TYPE(symbol->st_info)) {
    case STT_FUNC:
    case STT_OBJECT:
        return name[0] != 0;
    case STT_NOTYPE:
        return name[0] != 0 && name[0] != '$';
    default:
        return false;
    }
}

static bool read_table(struct image *image, const uint8_t *table, size_t count,
                       const char *strings, size_t strings_size, struct error *error)
{
    image->symbols = malloc((count + 1) * sizeof *image->symbols);
    ensure(image->symbols != NULL);
    for (size_t i = 0; i < count; i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, table + i * sizeof symbol, sizeof symbol);
        if (symbol.st_name >= strings_size ||
            !memchr(strings + symbol.st_name, 0, strings_size - symbol.st_name))
            return error_set(error, "%s: ELF: the name of symbol %zu is outside its string table",
                             image->name, i);
        if (!is_wanted(&symbol, strings + symbol.st_name))
            continue;
        image->symbols[image->symbol_count++] = (struct image_symbol){
            .address = symbol.st_value,
            .size = symbol.st_size,
            .name = strings + symbol.st_name,
            .is_function = ELF64_ST_TYPE(symbol.st_info) == STT_FUNC,
        };
    }
    return true;
}

static bool read_section(struct image *image, Elf *elf, const GElf_Shdr *section,
                         struct error *error)
{
    GElf_Shdr strings;
    Elf_Scn *strings_section = elf_getscn(elf, section->sh_link);
    const uint8_t *table = section_bytes(image, section);

    if (!table || section->sh_entsize != sizeof(Elf64_Sym))
        return error_set(error, "%s: ELF: truncated: symbol table outside the file", image->name);
    if (!strings_section || !gelf_getshdr(strings_section, &strings) ||
        strings.sh_type != SHT_STRTAB || !section_bytes(image, &strings))
        return error_set(error, "%s: ELF: the symbol table has no string table in the file",
                         image->name);
    return read_table(image, table, section->sh_size / sizeof(Elf64_Sym),
                      (const char *)section_bytes(image, &strings), strings.sh_size, error);
}

static int symbol_compare(const void *a, const void *b)
{
    const struct image_symbol *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    int order = strcmp(x->name, y->name);
    if (order != 0)
        return order;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return x->is_function - y->is_function;
}

bool image_read_symbols(struct image *image, Elf *elf, struct error *error)
{
    for (Elf_Scn *s = elf_nextscn(elf, NULL); s; s = elf_nextscn(elf, s)) {
        GElf_Shdr section;
        if (!gelf_getshdr(s, &section))
            return error_set(error, "%s: ELF: section header: %s", image->name, elf_errmsg(-1));
        if (section.sh_type != SHT_NULL && section.sh_type != SHT_NOBITS &&
            !section_bytes(image, &section))
            return error_set(error, "%s: ELF: truncated: section %zu reaches outside the file",
                             image->name, elf_ndxscn(s));
        /* An ELF file has at most one symbol table. */
        if (section.sh_type == SHT_SYMTAB && !image->symbols &&
            !read_section(image, elf, &section, error))
            return false;
    }
    if (image->symbols)
        qsort(image->symbols, image->symbol_count, sizeof *image->symbols, symbol_compare);
    return true;
}
