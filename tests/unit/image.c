/* Images: ELF and arm64 Image files, good ones and every way of being wrong; files as bytes. */
#include "sim/base/image.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/make_image.h"

static bool open_bytes(struct image *image, const void *bytes, size_t size, struct error *error)
{
    return image_open(image, "x.elf", bytes, size, pa_make(MAKE_RAM_BASE), MAKE_RAM_BYTES, error);
}

Test(image, elf_segments_entry_and_symbols)
{
    struct made_elf e;
    struct image image;
    struct error error;
    uint64_t address;

    make_elf(&e);
    cr_assert(open_bytes(&image, &e, sizeof e, &error), "%s", error.text);
    cr_assert_eq(image.kind, IMAGE_ELF);
    cr_assert_eq(image.entry, MAKE_TEXT + 4);
    cr_assert_eq(image.segment_count, 2u);
    const struct image_segment *data = &image.segments[1];
    cr_assert_eq(data->address.bits, MAKE_DATA);
    cr_assert_eq(data->linked.bits, MAKE_DATA_LINKED);
    cr_assert(data->file_size == sizeof e.data && data->memory_size == 4096);
    cr_assert_eq(data->flags, (uint32_t)(PF_R | PF_W));
    cr_assert_arr_eq(data->bytes, e.data, sizeof e.data);
    cr_assert_eq(image.symbol_count, 4u);
    cr_assert_str_eq(image.symbols[0].name, "start");
    cr_assert(image.symbols[0].is_function && image.symbols[0].size == 16);
    cr_assert_str_eq(image.symbols[1].name, "loop");
    cr_assert_str_eq(image.symbols[2].name, "table");
    cr_assert_not(image.symbols[2].is_function);
    cr_assert(image_symbol_address(&image, "table", &address) && address == MAKE_DATA_LINKED);
    cr_assert(image_symbol_address(&image, "data_end", &address));
    cr_assert_not(image_symbol_address(&image, "absolute", &address));
    cr_assert_not(image_symbol_address(&image, "$x", &address));
    cr_assert_not(image_symbol_address(&image, "gone", &address));
    image_close(&image);
}

static const char *symbol_name_at(const struct image *image, uint64_t address)
{
    const struct image_symbol *s = image_symbol_at(image, address);
    return s ? s->name : "none";
}

Test(image, symbol_at_an_address)
{
    struct made_elf e;
    struct image image;
    struct error error;

    make_elf(&e);
    cr_assert(open_bytes(&image, &e, sizeof e, &error));
    cr_assert_str_eq(symbol_name_at(&image, MAKE_TEXT), "start");
    cr_assert_str_eq(symbol_name_at(&image, MAKE_TEXT + 15), "start");
    cr_assert_str_eq(symbol_name_at(&image, MAKE_TEXT + 16), "none", "behind its end");
    cr_assert_str_eq(symbol_name_at(&image, MAKE_TEXT + 20), "loop");
    cr_assert_str_eq(symbol_name_at(&image, MAKE_TEXT + 31), "loop", "a label has no end");
    cr_assert_str_eq(symbol_name_at(&image, MAKE_TEXT + 32), "none", "but its segment has");
    cr_assert_str_eq(symbol_name_at(&image, MAKE_TEXT - 1), "none");
    cr_assert_str_eq(symbol_name_at(&image, MAKE_DATA_LINKED + 23), "table");
    cr_assert_str_eq(symbol_name_at(&image, MAKE_DATA_LINKED + 24), "none");
    cr_assert_str_eq(symbol_name_at(&image, UINT64_MAX), "none");
    image_close(&image);
}

/* The entry is a linked address; the machine starts at the physical one. */
Test(image, entry_is_physical)
{
    struct made_elf e;
    struct image image;
    struct error error;

    make_elf(&e);
    e.header.e_entry = MAKE_DATA_LINKED + 8;
    cr_assert(open_bytes(&image, &e, sizeof e, &error), "%s", error.text);
    cr_assert_eq(image.entry, MAKE_DATA + 8);
    image_close(&image);
}

static void refused_bytes(const void *bytes, size_t size, const char *reason)
{
    struct image image;
    struct error error;

    cr_assert_not(open_bytes(&image, bytes, size, &error), "taken, not refused: %s", reason);
    cr_assert_eq(strncmp(error.text, "x.elf: ", 7), 0, "%s", error.text);
    cr_assert(strstr(error.text, reason), "\"%s\" does not say \"%s\"", error.text, reason);
    cr_assert_null(strchr(error.text, '\n'));
}

static void refused(const struct made_elf *e, const char *reason)
{
    refused_bytes(e, sizeof *e, reason);
}

/* One case: a good file with one thing changed. */
#define REFUSED(change, reason)  \
    do {                         \
        struct made_elf e;       \
        make_elf(&e);            \
        change;                  \
        refused(&e, reason);     \
    } while (0)

Test(image, elf_of_another_sort_is_refused)
{
    REFUSED(e.header.e_ident[0] = 'x', "neither an ELF file nor an arm64 Image");
    REFUSED(e.header.e_ident[EI_CLASS] = ELFCLASS32, "32-bit");
    REFUSED(e.header.e_ident[EI_CLASS] = 7, "neither 32-bit");
    REFUSED(e.header.e_ident[EI_DATA] = ELFDATA2MSB, "big-endian");
    REFUSED(e.header.e_ident[EI_DATA] = 0, "neither little-endian");
    REFUSED(e.header.e_machine = EM_X86_64, "machine 62, AArch64");
    REFUSED(e.header.e_type = ET_DYN, "position-independent (ET_DYN)");
    REFUSED(e.header.e_type = ET_REL, "object file");
    REFUSED(e.header.e_type = ET_CORE, "type 4");
    REFUSED(e.program[2].p_type = PT_INTERP, "dynamically linked");
}

Test(image, elf_with_ranges_outside_the_file_is_refused)
{
    struct made_elf good;
    make_elf(&good);
    refused_bytes(&good, 0, "empty");
    refused_bytes(&good, 3, "neither an ELF file");
    refused_bytes(&good, 10, "truncated in its header");
    refused_bytes(&good, 63, "truncated in its header");
    for (size_t size = 64; size < sizeof good; size++)
        refused_bytes(&good, size, "");
    REFUSED(e.header.e_phoff = sizeof e - 1, "program headers outside the file");
    REFUSED(e.header.e_phoff = UINT64_MAX - 8, "program headers outside the file");
    REFUSED(e.header.e_phnum = 2000, "program headers outside the file");
    REFUSED(e.header.e_phentsize = 55, "program headers outside the file");
    REFUSED(e.header.e_shoff = sizeof e - 64, "section headers outside the file");
    REFUSED(e.header.e_shoff = UINT64_MAX - 8, "section headers outside the file");
    REFUSED(e.header.e_shnum = 60000, "section headers outside the file");
    REFUSED(e.program[0].p_offset = sizeof e - 31, "segment 0 reaches outside the file");
    REFUSED(e.program[0].p_offset = UINT64_MAX - 7, "segment 0 reaches outside the file");
    REFUSED(e.program[1].p_filesz = UINT64_MAX, "segment 1 reaches outside the file");
    REFUSED(e.section[1].sh_size = sizeof e, "section 1 reaches outside the file");
    REFUSED(e.section[4].sh_offset = sizeof e - 71, "string table");
    REFUSED(e.section[3].sh_entsize = 0, "symbol table");
    REFUSED(e.section[3].sh_link = 77, "string table");
    REFUSED(e.section[3].sh_link = 1, "string table");
    REFUSED(e.symbol[3].st_name = 72, "symbol 3 is outside its string table");
    REFUSED(e.symbol[1].st_name = UINT32_MAX, "symbol 1 is outside its string table");
    REFUSED(memset(e.strings + 1, 'a', sizeof e.strings - 1), "is outside its string table");
}

Test(image, elf_with_segments_in_the_wrong_place_is_refused)
{
    REFUSED(e.program[0].p_paddr = MAKE_RAM_BASE - 4, "outside RAM");
    REFUSED(e.program[0].p_paddr = MAKE_RAM_BASE + MAKE_RAM_BYTES - 31, "outside RAM");
    REFUSED(e.program[0].p_paddr = UINT64_MAX - 3, "outside RAM");
    REFUSED(e.program[1].p_memsz = MAKE_RAM_BYTES, "outside RAM");
    REFUSED(e.program[1].p_memsz = UINT64_C(1) << 63, "outside RAM");
    REFUSED(e.program[1].p_memsz = 8, "more bytes in the file than in memory");
    REFUSED(e.program[1].p_vaddr = UINT64_MAX - 100, "round the end");
    REFUSED(e.program[1].p_paddr = MAKE_TEXT + 28, "overlap");
    REFUSED(e.program[1].p_paddr = MAKE_TEXT - 4095, "overlap");
    REFUSED(e.header.e_entry = MAKE_TEXT + 2, "multiple of 4");
    REFUSED(e.header.e_entry = MAKE_TEXT + 32, "in no segment");
    REFUSED(e.header.e_entry = 0, "in no segment");
    REFUSED(e.program[0].p_type = e.program[1].p_type = PT_NOTE, "no PT_LOAD");
    REFUSED(e.header.e_phnum = 0, "no PT_LOAD");

    struct made_elf e;
    struct image image;
    struct error error;
    make_elf(&e);
    e.program[1].p_paddr = MAKE_TEXT + 32;
    cr_assert(open_bytes(&image, &e, sizeof e, &error), "side by side: %s", error.text);
    image_close(&image);
}

Test(image, arm64_image_lies_at_its_text_offset)
{
    struct made_arm64 a;
    struct image image;
    struct error error;

    make_arm64(&a);
    cr_assert(open_bytes(&image, &a, sizeof a, &error), "%s", error.text);
    cr_assert_eq(image.kind, IMAGE_ARM64);
    cr_assert_eq(image.entry, MAKE_RAM_BASE + 0x80000);
    cr_assert_eq(image.segment_count, 1u);
    cr_assert_eq(image.segments[0].address.bits, image.entry);
    cr_assert_eq(image.segments[0].file_size, sizeof a);
    cr_assert_eq(image.segments[0].memory_size, 0x20000u);
    image_close(&image);

    a.text_offset = 0;
    cr_assert(open_bytes(&image, &a, sizeof a, &error), "%s", error.text);
    cr_assert_eq(image.entry, MAKE_RAM_BASE);
    image_close(&image);

    /* Before Linux 3.17: no size, no flags, a text_offset of unknown byte order. */
    a.image_size = 0;
    a.text_offset = UINT64_C(0x0000080000000000);
    cr_assert(open_bytes(&image, &a, sizeof a, &error), "%s", error.text);
    cr_assert_eq(image.entry, MAKE_RAM_BASE + 0x80000);
    cr_assert_eq(image.image_size, sizeof a);
    image_close(&image);
}

Test(image, arm64_image_with_a_wrong_header_is_refused)
{
    struct made_arm64 a;

    make_arm64(&a);
    refused_bytes(&a, 63, "neither");
    a.flags |= 1;
    refused_bytes(&a, sizeof a, "big-endian");
    make_arm64(&a);
    a.text_offset = 0x80001;
    refused_bytes(&a, sizeof a, "text_offset");
    a.text_offset = 0x200000;
    refused_bytes(&a, sizeof a, "text_offset");
    make_arm64(&a);
    a.image_size = sizeof a - 1;
    refused_bytes(&a, sizeof a, "header allows");
    a.image_size = MAKE_RAM_BYTES;
    refused_bytes(&a, sizeof a, "outside RAM");
    a.image_size = UINT64_MAX;
    refused_bytes(&a, sizeof a, "outside RAM");
    a.magic[0] = 'a';
    refused_bytes(&a, sizeof a, "neither an ELF file nor an arm64 Image");
}

Test(image, arm64_image_that_was_cut_off_is_refused)
{
    static const size_t ends[] = {65, 67, sizeof(struct made_arm64) + 23,
                                  offsetof(struct made_efi, data) - 1,
                                  offsetof(struct made_efi, data), sizeof(struct made_efi) - 1};
    static const char *const says[] = {"no PE header", "no PE header", "no PE header",
                                       "no table of sections", "section .datadat ends at",
                                       "section .datadat ends at"};
    struct made_efi e;
    struct image image;
    struct error error;

    make_efi(&e);
    cr_assert(open_bytes(&image, &e, sizeof e, &error), "%s", error.text);
    image_close(&image);
    for (unsigned i = 0; i < ARRAY_COUNT(ends); i++)
        refused_bytes(&e, ends[i], says[i]);
    e.section[1].size[3] = 0xff;
    refused_bytes(&e, sizeof e, "section .datadat ends at");
    e.optional_size[1] = 0xff;
    refused_bytes(&e, sizeof e, "no table of sections");
    memset((uint8_t *)&e.image + 60, 0xff, 4);
    refused_bytes(&e, sizeof e, "no PE header");
    /* Without that it is the branch: to the last instruction, behind it, into the header, back. */
    memset((uint8_t *)&e.image, 0, 2);
    memset((uint8_t *)&e.image + 60, 0, 4);
    cr_assert(open_bytes(&image, &e, 68, &error), "%s", error.text);
    image_close(&image);
    refused_bytes(&e, 67, "its first branch leads to offset 64, the file has 67 bytes");
    ((uint8_t *)&e.image)[4] = 0x0e;
    refused_bytes(&e, sizeof e, "its first branch leads to offset 60");
    memcpy((uint8_t *)&e.image, "\xff\xff\xff\x17", 4);
    refused_bytes(&e, sizeof e, "its first branch leads to offset -4,");
}

Test(image, what_kernels_come_as_too_is_named)
{
    static const struct {
        char begins[10];
        const char *says;
    } rows[] = {
        {"\x1f\x8b\x08", "gzip"}, {"\xfd" "7zXZ\0", "xz"}, {"\x28\xb5\x2f\xfd", "zstd"},
        {"BZh91AY", "bzip2"}, {"\x04\x22\x4d\x18", "lz4"}, {"\x02\x21\x4c\x18", "lz4"},
        {"\x5d\0\0\x80", "lzma"}, {"\x89LZO\0\r\n\x1a\n", "lzop"}, {"MZ\0\0zimg", "zboot"},
        {"MZ\x90", "EFI or Windows"}, {"\x27\x05\x19\x56", "U-Boot"},
        {"\xd0\x0d\xfe\xed", "device tree"},
    };
    char bytes[100];
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, rows[i].begins, sizeof rows[i].begins);
        refused_bytes(bytes, sizeof bytes, rows[i].says);
        refused_bytes(bytes, 1, "neither");
    }
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes + 36, "\x18\x28\x6f\x01", 4);
    refused_bytes(bytes, sizeof bytes, "zImage");
}

static const char fixture[] =
    "int table[4] = {1, 2, 3, 4};\n"
    "__attribute__((noinline)) int sum(int n)\n"
    "{\n"
    "    return n + table[n & 3];\n" /* line 4 */
    "}\n"
    "void _start(void)\n"
    "{\n"
    "    for (;;)\n"
    "        table[0] = sum(table[1]);\n"
    "}\n";

/* A real executable, as the hypervisor's is made. */
Test(image, real_executable_has_symbols_and_lines)
{
    char folder[] = "/tmp/armillary-image-XXXXXX", source[64], path[64], command[512], text[64];
    struct image image;
    struct error error;
    uint8_t *bytes;
    size_t size;
    uint64_t sum;

    cr_assert(mkdtemp(folder));
    snprintf(source, sizeof source, "%s/fixture.c", folder);
    snprintf(path, sizeof path, "%s/fixture.elf", folder);
    cr_assert(file_write(source, fixture, sizeof fixture - 1, &error), "%s", error.text);
    snprintf(command, sizeof command,
             "aarch64-linux-gnu-gcc -g -O1 -nostdlib -static -no-pie -fno-pie "
             "-Wl,-Ttext=0x40080000,-Tdata=0x40090000,--build-id=none,-z,noseparate-code "
             "-Wl,-z,max-page-size=4096 -o %s %s",
             path, source);
    cr_assert_eq(system(command), 0, "aarch64-linux-gnu-gcc");
    cr_assert(file_read(path, &bytes, &size, &error), "%s", error.text);
    cr_assert(open_bytes(&image, bytes, size, &error), "%s", error.text);
    free(bytes);
    cr_assert(image_symbol_address(&image, "sum", &sum));
    const struct image_symbol *symbol = image_symbol_at(&image, sum + 4);
    cr_assert(symbol && symbol->is_function && strcmp(symbol->name, "sum") == 0);
    cr_assert(image_line_at(&image, sum, text, sizeof text));
    cr_assert_eq(strncmp(text, "fixture.c:", 10), 0, "%s", text);
    int line = atoi(text + 10);
    cr_assert(line >= 3 && line <= 4, "%s", text);
    cr_assert(image_line_at(&image, image.entry, text, sizeof text));
    cr_assert_geq(atoi(text + 10), 7, "%s", text);
    cr_assert_not(image_line_at(&image, 0x40090000, text, sizeof text), "data has no line");
    cr_assert_not(image_line_at(&image, 0, text, sizeof text));
    image_close(&image);
    unlink(source);
    unlink(path);
    rmdir(folder);
}

Test(image, files_are_written_whole_or_not_at_all)
{
    char folder[] = "/tmp/armillary-file-XXXXXX", path[64], inside[96];
    struct error error;
    uint8_t *bytes;
    size_t size;

    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(inside, sizeof inside, "%s/none/file", folder);
    cr_assert_not(file_read(path, &bytes, &size, &error));
    cr_assert_eq(strncmp(error.text, path, strlen(path)), 0);
    cr_assert(strstr(error.text, ": No such file or directory"));
    cr_assert_not(file_read(folder, &bytes, &size, &error));
    cr_assert(strstr(error.text, ": Is a directory"), "%s", error.text);
    cr_assert_not(file_write(folder, "x", 1, &error));
    cr_assert(strstr(error.text, ": Is a directory"), "%s", error.text);
    cr_assert_not(file_write(inside, "x", 1, &error));
    cr_assert(strstr(error.text, ": No such file or directory"), "%s", error.text);
    cr_assert_not(file_write("/dev/full", "x", 1, &error));
    cr_assert_str_eq(error.text, "/dev/full: No space left on device");

    for (size_t length = 0; length < 200000; length = 3 * length + 1) {
        uint8_t *content = malloc(length + 1);
        for (size_t i = 0; i < length; i++)
            content[i] = (uint8_t)hash_mix(i);
        cr_assert(file_write(path, content, length, &error), "%s", error.text);
        cr_assert(file_read(path, &bytes, &size, &error), "%s", error.text);
        cr_assert_eq(size, length);
        cr_assert_eq(memcmp(bytes, content, length), 0);
        free(bytes);
        free(content);
    }
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(folder), 0, "no temporary file is left");
}
