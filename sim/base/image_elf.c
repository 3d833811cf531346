/*
 * ELF64 executables for AArch64: segments, entry and symbols.
 *
 * Only what lies at fixed addresses is loaded (ET_EXEC): nobody is there to relocate a shared
 * object or a position-independent executable, and guessing a base would hide a wrong link.
 * Segments go to their physical addresses (p_paddr); symbols keep the addresses that they were
 * linked to. Every range is checked against the file before libelf's values are used, so that a
 * truncated or mutilated file ends in a message.
 */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/image_parts.h"

static bool elf_error(const struct image *image, struct error *error, const char *what)
{
    return error_set(error, "%s: ELF: %s", image->name, what);
}

static bool in_file(const struct image *image, uint64_t offset, uint64_t size)
{
    return size <= image->file_size && offset <= image->file_size - size;
}

/* What can be told from the first bytes; the rest of the header is laid out by them. */
static bool check_ident(const struct image *image, struct error *error)
{
    if (image->file_size < EI_NIDENT)
        return elf_error(image, error, "truncated in its header");
    if (image->file[EI_CLASS] != ELFCLASS64)
        return elf_error(image, error, image->file[EI_CLASS] == ELFCLASS32
                                           ? "a 32-bit file, 64-bit wanted"
                                           : "neither 32-bit nor 64-bit");
    if (image->file[EI_DATA] != ELFDATA2LSB)
        return elf_error(image, error, image->file[EI_DATA] == ELFDATA2MSB
                                           ? "big-endian, little-endian wanted"
                                           : "neither little-endian nor big-endian");
    if (image->file_size < sizeof(Elf64_Ehdr))
        return elf_error(image, error, "truncated in its header");
    return true;
}

static bool check_machine(const struct image *image, const GElf_Ehdr *header, struct error *error)
{
    if (header->e_machine == EM_AARCH64)
        return true;
    return error_set(error, "%s: ELF: for machine %u, AArch64 (%u) wanted", image->name,
                     header->e_machine, EM_AARCH64);
}

static bool check_header(const struct image *image, const GElf_Ehdr *header, struct error *error)
{
    if (!check_machine(image, header, error))
        return false;
    if (header->e_type == ET_DYN)
        return elf_error(image, error,
                         "position-independent (ET_DYN), an executable linked to fixed addresses "
                         "wanted (-no-pie)");
    if (header->e_type == ET_REL)
        return elf_error(image, error, "an object file, an executable wanted");
    if (header->e_type != ET_EXEC)
        return error_set(error, "%s: ELF: type %u, an executable (%u) wanted", image->name,
                         header->e_type, ET_EXEC);
    return true;
}

/*
 * The two tables of headers must lie in the file as a whole; a cut-off file loses the second. The
 * header's own counts are used where they can be: libelf lowers its own to what is there.
 */
static bool check_tables(const struct image *image, Elf *elf, const GElf_Ehdr *header,
                         struct error *error)
{
    size_t program_count = header->e_phnum, section_count = header->e_shnum;

    if (section_count == 0 && header->e_shoff != 0 && elf_getshdrnum(elf, &section_count) != 0)
        return elf_error(image, error, elf_errmsg(-1));
    if (section_count != 0 &&
        (header->e_shentsize != sizeof(Elf64_Shdr) ||
         !in_file(image, header->e_shoff, section_count * sizeof(Elf64_Shdr))))
        return elf_error(image, error, "truncated: section headers outside the file");
    if (program_count == PN_XNUM && elf_getphdrnum(elf, &program_count) != 0)
        return elf_error(image, error, elf_errmsg(-1));
    if (program_count != 0 &&
        (header->e_phentsize != sizeof(Elf64_Phdr) ||
         !in_file(image, header->e_phoff, program_count * sizeof(Elf64_Phdr))))
        return elf_error(image, error, "truncated: program headers outside the file");
    return true;
}

static bool add_program(struct image *image, const GElf_Phdr *p, size_t index,
                        const struct image_ram *ram, struct error *error)
{
    if (!in_file(image, p->p_offset, p->p_filesz))
        return error_set(error, "%s: ELF: truncated: segment %zu reaches outside the file",
                         image->name, index);
    if (p->p_filesz > p->p_memsz)
        return error_set(error, "%s: ELF: segment %zu has more bytes in the file than in memory",
                         image->name, index);
    if (p->p_vaddr + p->p_memsz < p->p_vaddr)
        return error_set(error, "%s: ELF: segment %zu goes round the end of the address space",
                         image->name, index);
    const struct image_segment segment = {
        .address = pa_make(p->p_paddr),
        .linked = va_make(p->p_vaddr),
        .file_size = p->p_filesz,
        .memory_size = p->p_memsz,
        .bytes = image->file + p->p_offset,
        .flags = p->p_flags,
    };
    return image_add_segment(image, &segment, ram, error);
}

static bool read_programs(struct image *image, Elf *elf, const struct image_ram *ram,
                          struct error *error)
{
    size_t count = 0;

    if (elf_getphdrnum(elf, &count) != 0)
        return elf_error(image, error, elf_errmsg(-1));
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr p;
        if (!gelf_getphdr(elf, (int)i, &p))
            return error_set(error, "%s: ELF: program header %zu: %s", image->name, i,
                             elf_errmsg(-1));
        if (p.p_type == PT_INTERP || p.p_type == PT_DYNAMIC)
            return elf_error(image, error, "dynamically linked, a static executable wanted");
        if (p.p_type == PT_LOAD && p.p_memsz != 0 && !add_program(image, &p, i, ram, error))
            return false;
    }
    if (image->segment_count == 0)
        return elf_error(image, error, "nothing to load: no PT_LOAD segment");
    return true;
}

/* The entry is a linked address; the machine starts with the MMU off, at the physical one. */
static bool find_entry(struct image *image, uint64_t entry, struct error *error)
{
    if (entry % 4 != 0)
        return error_set(error, "%s: ELF: the entry 0x%llx is not a multiple of 4", image->name,
                         (unsigned long long)entry);
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *s = &image->segments[i];
        if (entry - s->linked.bits < s->memory_size) {
            image->entry = entry - s->linked.bits + s->address.bits;
            return true;
        }
    }
    return error_set(error, "%s: ELF: the entry 0x%llx is in no segment", image->name,
                     (unsigned long long)entry);
}

bool image_read_elf(struct image *image, const struct image_ram *ram, struct error *error)
{
    GElf_Ehdr header;

    if (!check_ident(image, error))
        return false;
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)(uintptr_t)image->file, image->file_size);
    image->kind = IMAGE_ELF;
    bool ok = (elf && gelf_getehdr(elf, &header)) || elf_error(image, error, elf_errmsg(-1));
    ok = ok && check_header(image, &header, error) && check_tables(image, elf, &header, error) &&
         read_programs(image, elf, ram, error) && find_entry(image, header.e_entry, error) &&
         image_read_symbols(image, elf, error);
    elf_end(elf);
    return ok;
}

bool image_read_elf_symbols(struct image *image, struct error *error)
{
    GElf_Ehdr header;

    if (!check_ident(image, error))
        return false;
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)(uintptr_t)image->file, image->file_size);
    image->kind = IMAGE_ELF;
    bool ok = (elf && gelf_getehdr(elf, &header)) || elf_error(image, error, elf_errmsg(-1));
    if (ok && header.e_type == ET_REL)
        ok = elf_error(image, error, "an object file, whose symbols have no addresses");
    ok = ok && check_machine(image, &header, error) && check_tables(image, elf, &header, error) &&
         image_read_symbols(image, elf, error);
    elf_end(elf);
    return ok;
}
