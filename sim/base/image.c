/*
 * Images: payload files taken apart into what lies where.
 *
 * The formats are in image_elf.c and image_arm64.c; here is what they share: which one it is,
 * the segments' ranges, and the questions about symbols. Compressed kernels, zImage and
 * U-Boot's uImage are not read: the message says so where the file tells (foreign_rows).
 */
#include "sim/base/image.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/image_parts.h"

bool image_add_segment(struct image *image, const struct image_segment *segment,
                       const struct image_ram *ram, struct error *error)
{
    uint64_t start = segment->address.bits, size = segment->memory_size;

    if (size > ram->bytes || start < ram->base || start - ram->base > ram->bytes - size)
        return error_set(error,
                         "%s: segment 0x%llx, 0x%llx bytes, is outside RAM (0x%llx, 0x%llx bytes)",
                         image->name, (unsigned long long)start, (unsigned long long)size,
                         (unsigned long long)ram->base, (unsigned long long)ram->bytes);
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *other = &image->segments[i];
        uint64_t other_start = other->address.bits;
        if (start < other_start + other->memory_size && other_start < start + size)
            return error_set(error, "%s: segments at 0x%llx and 0x%llx overlap", image->name,
                             (unsigned long long)other_start, (unsigned long long)start);
    }
    image->segments =
        realloc(image->segments, (image->segment_count + 1) * sizeof *image->segments);
    ensure(image->segments != NULL);
    image->segments[image->segment_count++] = *segment;
    return true;
}

/* What kernels come as, too, and is not read: the more special before the more general. */
static const struct foreign_row {
    size_t offset, size;
    const char *magic;
    const char *says;
} foreign_rows[] = {
    {0, 2, "\x1f\x8b", "compressed with gzip; unpack it first"},
    {0, 6, "\xfd" "7zXZ\0", "compressed with xz; unpack it first"},
    {0, 4, "\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first"},
    {0, 3, "BZh", "compressed with bzip2; unpack it first"},
    {0, 4, "\x04\x22\x4d\x18", "compressed with lz4; unpack it first"},
    {0, 4, "\x02\x21\x4c\x18", "compressed with lz4, in its old format; unpack it first"},
    {0, 5, "\x5d\0\0\0\x04", "compressed with lzma; unpack it first"},
    {0, 5, "\x5d\0\0\x80\0", "compressed with lzma; unpack it first"},
    {0, 9, "\x89LZO\0\r\n\x1a\n", "compressed with lzop; unpack it first"},
    {4, 4, "zimg", "a compressed EFI kernel (zboot); unpack the Image in it first"},
    {0, 2, "MZ", "an EFI or Windows program"},
    {0, 4, "\x27\x05\x19\x56", "a U-Boot image; unpack it first"},
    {0, 4, "\xd0\x0d\xfe\xed", "a device tree, or a U-Boot image of such a form"},
    {36, 4, "\x18\x28\x6f\x01", "a zImage of a 32-bit Arm kernel"},
};

static bool image_read(struct image *image, const struct image_ram *ram, struct error *error)
{
    const uint8_t *file = image->file;
    size_t size = image->file_size;

    if (size == 0)
        return error_set(error, "%s: the file is empty", image->name);
    if (size >= 4 && memcmp(file, "\177ELF", 4) == 0)
        return image_read_elf(image, ram, error);
    if (size >= 64 && memcmp(file + 56, "ARM\x64", 4) == 0)
        return image_read_arm64(image, ram, error);
    for (size_t i = 0; i < ARRAY_COUNT(foreign_rows); i++) {
        const struct foreign_row *f = &foreign_rows[i];
        if (size >= f->offset + f->size && memcmp(file + f->offset, f->magic, f->size) == 0)
            return error_set(error, "%s: neither an ELF file nor an arm64 Image, but %s",
                             image->name, f->says);
    }
    return error_set(error, "%s: neither an ELF file nor an arm64 Image", image->name);
}

/* An image with nothing but its file and its name. */
static void image_begin(struct image *image, const char *name, const uint8_t *bytes, size_t size)
{
    /* One byte more: an empty file has an address too, and strings in it always end. */
    uint8_t *file = malloc(size + 1);
    char *own_name = strdup(name);

    ensure(file != NULL && own_name != NULL);
    if (size)
        memcpy(file, bytes, size);
    file[size] = 0;
    memset(image, 0, sizeof *image);
    image->file = file;
    image->file_size = size;
    image->name = own_name;
    image->lines = image_lines_new();
}

bool image_open(struct image *image, const char *name, const uint8_t *bytes, size_t size,
                pa_t ram_base, uint64_t ram_bytes, struct error *error)
{
    const struct image_ram ram = {ram_base.bits, ram_bytes};

    ensure(ram.base + ram.bytes >= ram.base);
    image_begin(image, name, bytes, size);
    if (image_read(image, &ram, error))
        return true;
    image_close(image);
    return false;
}

bool image_open_symbols(struct image *image, const char *name, const uint8_t *bytes, size_t size,
                        struct error *error)
{
    image_begin(image, name, bytes, size);
    if (image_read_elf_symbols(image, error))
        return true;
    image_close(image);
    return false;
}

void image_close(struct image *image)
{
    image_lines_free(image->lines);
    free(image->symbols);
    free(image->segments);
    free((void *)(uintptr_t)image->file);
    free((void *)(uintptr_t)image->name);
    memset(image, 0, sizeof *image);
}

bool image_symbol_address(const struct image *image, const char *name, uint64_t *address)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        if (strcmp(image->symbols[i].name, name) == 0) {
            *address = image->symbols[i].address;
            return true;
        }
    }
    return false;
}

/* The segment at a linked address, or NULL. */
static const struct image_segment *segment_at(const struct image *image, uint64_t address)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *s = &image->segments[i];
        if (address - s->linked.bits < s->memory_size)
            return s;
    }
    return NULL;
}

const struct image_symbol *image_symbol_at(const struct image *image, uint64_t address)
{
    const struct image_segment *segment = segment_at(image, address);
    size_t low = 0, high = image->symbol_count;

    if (!segment)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image->symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    /* Downwards to the nearest that fits; a label has no size and reaches up to the next symbol. */
    const struct image_symbol *label = NULL;
    for (size_t i = low; i-- > 0;) {
        const struct image_symbol *s = &image->symbols[i];
        if (s->address < segment->linked.bits)
            break;
        if (address - s->address < s->size)
            return s;
        if (!label && s->size == 0)
            label = s;
    }
    return label;
}
