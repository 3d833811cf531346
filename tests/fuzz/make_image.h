/*
 * Small images made in memory, for tests and as seeds for fuzzing. The ELF file has two segments,
 * a section for each, and a symbol table; all parts are at known places, so that a test can change
 * one field and say what must be refused.
 */
#pragma once
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MAKE_RAM_BASE UINT64_C(0x40000000)
#define MAKE_RAM_BYTES UINT64_C(0x1000000)
#define MAKE_TEXT (MAKE_RAM_BASE + 0x80000)
#define MAKE_DATA (MAKE_RAM_BASE + 0x90000)
#define MAKE_DATA_LINKED (MAKE_DATA + 0x100000000)

struct made_elf {
    Elf64_Ehdr header;
    Elf64_Phdr program[3];
    uint32_t text[8];
    uint64_t data[4];
    Elf64_Sym symbol[9];
    char strings[72];
    Elf64_Shdr section[5];
};

enum { MADE_TEXT_SECTION = 1, MADE_DATA_SECTION, MADE_SYMBOL_SECTION, MADE_STRING_SECTION };

static inline Elf64_Sym make_symbol(const struct made_elf *e, const char *name, unsigned type,
                                    uint16_t section, uint64_t address, uint64_t size)
{
    uint32_t at = 1;
    while (strcmp(e->strings + at, name) != 0)
        at += (uint32_t)strlen(e->strings + at) + 1;
    return (Elf64_Sym){.st_name = at,
                       .st_info = (unsigned char)ELF64_ST_INFO(STB_GLOBAL, type),
                       .st_shndx = section,
                       .st_value = address,
                       .st_size = size};
}

#define MADE_PLACE(part) offsetof(struct made_elf, part)
#define MADE_SIZE(part) sizeof(((struct made_elf *)0)->part)

static inline void make_elf_symbols(struct made_elf *e)
{
    static const char names[] = "\0start\0loop\0table\0$x\0gone\0absolute\0data_end\0file.c";

    memcpy(e->strings, names, sizeof names);
    e->symbol[1] = make_symbol(e, "start", STT_FUNC, MADE_TEXT_SECTION, MAKE_TEXT, 16);
    e->symbol[2] = make_symbol(e, "loop", STT_NOTYPE, MADE_TEXT_SECTION, MAKE_TEXT + 20, 0);
    e->symbol[3] = make_symbol(e, "table", STT_OBJECT, MADE_DATA_SECTION, MAKE_DATA_LINKED, 24);
    e->symbol[4] = make_symbol(e, "$x", STT_NOTYPE, MADE_TEXT_SECTION, MAKE_TEXT, 0);
    e->symbol[5] = make_symbol(e, "gone", STT_NOTYPE, SHN_UNDEF, 0, 0);
    e->symbol[6] = make_symbol(e, "absolute", STT_NOTYPE, SHN_ABS, MAKE_TEXT + 4, 0);
    e->symbol[7] = make_symbol(e, "data_end", STT_NOTYPE, MADE_DATA_SECTION,
                               MAKE_DATA_LINKED + 4096, 0);
    e->symbol[8] = make_symbol(e, "file.c", STT_FILE, SHN_ABS, 0, 0);
}

static inline void make_elf(struct made_elf *e)
{
    memset(e, 0, sizeof *e);
    memcpy(e->header.e_ident, ELFMAG, SELFMAG);
    e->header.e_ident[EI_CLASS] = ELFCLASS64;
    e->header.e_ident[EI_DATA] = ELFDATA2LSB;
    e->header.e_ident[EI_VERSION] = EV_CURRENT;
    e->header.e_type = ET_EXEC;
    e->header.e_machine = EM_AARCH64;
    e->header.e_version = EV_CURRENT;
    e->header.e_entry = MAKE_TEXT + 4;
    e->header.e_phoff = MADE_PLACE(program);
    e->header.e_shoff = MADE_PLACE(section);
    e->header.e_ehsize = sizeof e->header;
    e->header.e_phentsize = sizeof e->program[0];
    e->header.e_phnum = 3;
    e->header.e_shentsize = sizeof e->section[0];
    e->header.e_shnum = 5;
    e->program[0] = (Elf64_Phdr){PT_LOAD,   PF_R | PF_X, MADE_PLACE(text), MAKE_TEXT,
                                 MAKE_TEXT, MADE_SIZE(text), MADE_SIZE(text), 4};
    e->program[1] = (Elf64_Phdr){PT_LOAD,   PF_R | PF_W, MADE_PLACE(data), MAKE_DATA_LINKED,
                                 MAKE_DATA, MADE_SIZE(data), 4096, 8};
    e->program[2].p_type = PT_GNU_STACK;
    for (unsigned i = 0; i < 8; i++)
        e->text[i] = 0xd503201f; /* NOP */
    e->data[0] = UINT64_C(0x0123456789abcdef);
    make_elf_symbols(e);
    e->section[MADE_TEXT_SECTION] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
                                                 .sh_addr = MAKE_TEXT,
                                                 .sh_offset = MADE_PLACE(text),
                                                 .sh_size = MADE_SIZE(text)};
    e->section[MADE_DATA_SECTION] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
                                                 .sh_addr = MAKE_DATA_LINKED,
                                                 .sh_offset = MADE_PLACE(data),
                                                 .sh_size = MADE_SIZE(data)};
    e->section[MADE_SYMBOL_SECTION] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                                   .sh_offset = MADE_PLACE(symbol),
                                                   .sh_size = MADE_SIZE(symbol),
                                                   .sh_link = MADE_STRING_SECTION,
                                                   .sh_info = 1,
                                                   .sh_entsize = sizeof(Elf64_Sym)};
    e->section[MADE_STRING_SECTION] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
                                                   .sh_offset = MADE_PLACE(strings),
                                                   .sh_size = MADE_SIZE(strings)};
}

/* An arm64 Image: its header and 64 bytes of code behind it. */
struct made_arm64 {
    uint32_t code[2];
    uint64_t text_offset, image_size, flags, reserved[3];
    char magic[4];
    uint32_t pe_header;
    uint32_t text[16];
};

static inline void make_arm64(struct made_arm64 *image)
{
    memset(image, 0, sizeof *image);
    image->text_offset = 0x80000;
    image->image_size = 0x20000;
    image->flags = 0xa; /* 4 KiB pages, anywhere in memory */
    memcpy(image->magic, "ARM\x64", 4);
}

/* An Image that is an EFI program, too: two sections, the second one up to the end of the file. */
struct made_efi {
    struct made_arm64 image;
    uint8_t signature[4], machine[2], section_count[2], times[12], optional_size[2], flags[2];
    uint8_t optional[16];
    struct {
        uint8_t name[8], virtual[8], size[4], start[4], rest[16];
    } section[2];
    uint8_t data[104];
};

static inline void make_efi(struct made_efi *e)
{
    memset(e, 0, sizeof *e);
    make_arm64(&e->image);
    uint8_t *header = (uint8_t *)&e->image;
    memcpy(header, "MZ\x40\xfa\x0f\0\0\x14", 8); /* CCMP; B to offset 64 */
    header[60] = sizeof e->image;
    memcpy(e->signature, "PE\0", 4);
    e->section_count[0] = 2;
    e->optional_size[0] = sizeof e->optional;
    memcpy(e->section[0].name, ".text", 5);
    e->section[0].start[0] = 64;
    e->section[0].size[0] = 16;
    memcpy(e->section[1].name, ".datadat", 8);
    e->section[1].start[0] = (uint8_t)offsetof(struct made_efi, data);
    e->section[1].start[1] = (uint8_t)(offsetof(struct made_efi, data) >> 8);
    e->section[1].size[0] = sizeof e->data;
}
