/*
 * The arm64 Image: a flat Linux kernel with a 64-byte header (Linux, "Booting AArch64 Linux").
 *
 *   offset  0: code, code      8: text_offset     16: image_size     24: flags
 *          32: reserved (3)   56: "ARM\x64"       60: offset of the PE header, or 0
 *
 * All fields are little-endian. flags: bit 0 big-endian kernel, bits 2:1 its page size, bit 3
 * where it may lie. Kernels before 3.17 have image_size 0, no flags, and lie at 0x80000.
 * A file that was cut off is no Image: its first branch must lead to an instruction in it, and
 * where it is an EFI program, too (PE/COFF: "MZ", section table), it must hold all sections.
 * What is not looked at: the page size (the kernel itself checks the ID registers) and bit 3
 * (text_offset from the start of RAM is right for both of its values).
 */
#include <string.h>

#include "sim/base/image_parts.h"

#define FLAG_BIG_ENDIAN UINT64_C(1)
#define OLD_TEXT_OFFSET UINT64_C(0x80000)
#define BASE_ALIGNMENT UINT64_C(0x200000)

#define HEADER_BYTES 64u
/* PE/COFF: the file header behind its signature, and a row of the section table. */
#define PE_OFFSET_AT 60u
#define PE_HEADER_BYTES 24u
#define PE_SECTION_BYTES 40u

static uint64_t number_at(const struct image *image, uint64_t offset, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)image->file[offset + i] << (8 * i);
    return value;
}

static uint64_t header_field(const struct image *image, size_t offset)
{
    return number_at(image, offset, 8);
}

/*
 * The first of the two instructions in the header that is a B: behind it comes data, so that one
 * of them has to lead away. Another way of doing that is not followed.
 */
static bool entry_is_there(const struct image *image, struct error *error)
{
    for (uint64_t at = 0; at < 8; at += 4) {
        uint64_t word = number_at(image, at, 4);
        if (word >> 26 != 5)
            continue;
        uint64_t target = at + ((word & 0x3ffffff) << 2);
        if (word & 0x2000000) /* backwards, and so out of the file */
            target -= UINT64_C(1) << 28;
        return (target >= HEADER_BYTES && target <= image->file_size - 4) ||
               error_set(error, "%s: arm64 Image: truncated or damaged: its first branch leads to "
                         "offset %lld, the file has %zu bytes", image->name, (long long)target,
                         image->file_size);
    }
    return true;
}

static bool section_is_there(const struct image *image, uint64_t row, struct error *error)
{
    char name[9] = "";
    uint64_t size = number_at(image, row + 16, 4), start = number_at(image, row + 20, 4);
    for (unsigned i = 0; i < 8; i++) {
        char c = (char)image->file[row + i];
        name[i] = (char)(c == 0 || (c > ' ' && c < 127) ? c : '?');
    }
    return size == 0 || start + size <= image->file_size ||
           error_set(error, "%s: arm64 Image: truncated: its section %s ends at %llu, the file has "
                     "%zu bytes", image->name, name, (unsigned long long)(start + size),
                     image->file_size);
}

/* An Image without the EFI stub has neither "MZ" nor what the PE offset says. */
static bool sections_are_there(const struct image *image, struct error *error)
{
    uint64_t pe = number_at(image, PE_OFFSET_AT, 4);
    if (memcmp(image->file, "MZ", 2) != 0 || pe == 0)
        return true;
    if (pe + PE_HEADER_BYTES > image->file_size)
        return error_set(error, "%s: arm64 Image: truncated: no PE header", image->name);
    if (memcmp(image->file + pe, "PE\0\0", 4) != 0)
        return true;
    uint64_t count = number_at(image, pe + 6, 2);
    uint64_t rows = pe + PE_HEADER_BYTES + number_at(image, pe + 20, 2);
    if (rows + count * PE_SECTION_BYTES > image->file_size)
        return error_set(error, "%s: arm64 Image: truncated: no table of sections", image->name);
    for (uint64_t i = 0; i < count; i++) {
        if (!section_is_there(image, rows + i * PE_SECTION_BYTES, error))
            return false;
    }
    return true;
}

bool image_read_arm64(struct image *image, const struct image_ram *ram, struct error *error)
{
    uint64_t text_offset = header_field(image, 8);
    uint64_t image_size = header_field(image, 16);
    uint64_t flags = header_field(image, 24);

    ensure(ram->base % BASE_ALIGNMENT == 0);
    if (image_size == 0) {
        text_offset = OLD_TEXT_OFFSET;
        image_size = image->file_size;
    } else if (flags & FLAG_BIG_ENDIAN) {
        return error_set(error, "%s: arm64 Image: the kernel is big-endian", image->name);
    }
    if (text_offset % 8 != 0 || text_offset >= BASE_ALIGNMENT)
        return error_set(error,
                         "%s: arm64 Image: text_offset 0x%llx is not a multiple of 8 below 2 MiB",
                         image->name, (unsigned long long)text_offset);
    if (image->file_size > image_size)
        return error_set(error,
                         "%s: arm64 Image: the file has 0x%llx bytes, its header allows 0x%llx",
                         image->name, (unsigned long long)image->file_size,
                         (unsigned long long)image_size);
    if (!sections_are_there(image, error) || !entry_is_there(image, error))
        return false;
    uint64_t start = ram->base + text_offset;
    const struct image_segment whole = {
        .address = pa_make(start),
        .linked = va_make(start),
        .file_size = image->file_size,
        .memory_size = image_size,
        .bytes = image->file,
        .flags = 7, /* PF_R | PF_W | PF_X */
    };
    image->kind = IMAGE_ARM64;
    image->entry = start;
    image->text_offset = text_offset;
    image->image_size = image_size;
    return image_add_segment(image, &whole, ram, error);
}
