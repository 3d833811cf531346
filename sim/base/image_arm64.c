/*
 * The arm64 Image: a flat Linux kernel with a 64-byte header (Linux, "Booting AArch64 Linux").
 *
 *   offset  0: code, code      8: text_offset     16: image_size     24: flags
 *          32: reserved (3)   56: "ARM\x64"       60: offset of the PE header, or 0
 *
 * All fields are little-endian. flags: bit 0 big-endian kernel, bits 2:1 its page size, bit 3
 * where it may lie. Kernels before 3.17 have image_size 0, no flags, and lie at 0x80000.
 * What is not looked at: the page size (the kernel itself checks the ID registers) and bit 3
 * (text_offset from the start of RAM is right for both of its values).
 */
#include <string.h>

#include "sim/base/image_parts.h"

#define FLAG_BIG_ENDIAN UINT64_C(1)
#define OLD_TEXT_OFFSET UINT64_C(0x80000)
#define BASE_ALIGNMENT UINT64_C(0x200000)

static uint64_t header_field(const struct image *image, size_t offset)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)image->file[offset + i] << (8 * i);
    return value;
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
