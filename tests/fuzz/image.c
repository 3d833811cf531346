/* Fuzz target: the image loader, on files that lie about everything. */
#include "sim/base/image.h"

#include <stdlib.h>

#include "tests/fuzz/make_image.h"
#include "tests/fuzz/target.h"

/* What was taken must be in the file and in RAM, and every question must have an answer. */
static void image_check(const struct image *image)
{
    char text[64];
    uint64_t sum = 0;

    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *s = &image->segments[i];
        ensure(s->file_size <= s->memory_size);
        ensure(s->address.bits >= MAKE_RAM_BASE);
        ensure(s->address.bits + s->memory_size <= MAKE_RAM_BASE + MAKE_RAM_BYTES);
        sum += hash_bytes(s->bytes, s->file_size, 0);
        image_symbol_at(image, s->linked.bits + sum % s->memory_size);
    }
    ensure(image->entry >= MAKE_RAM_BASE && image->entry < MAKE_RAM_BASE + MAKE_RAM_BYTES);
    for (size_t i = 0; i < image->symbol_count; i++) {
        uint64_t address;
        ensure(image_symbol_address(image, image->symbols[i].name, &address));
        ensure(i == 0 || image->symbols[i - 1].address <= image->symbols[i].address);
    }
    image_line_at(image, image->entry, text, sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct image image;
    struct error error;

    if (!image_open(&image, "fuzz", bytes, size, pa_make(MAKE_RAM_BASE), MAKE_RAM_BYTES, &error)) {
        ensure(strncmp(error.text, "fuzz: ", 6) == 0 && !strchr(error.text, '\n'));
        return 0;
    }
    image_check(&image);
    image_close(&image);
    return 0;
}

const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    static struct made_elf elf;
    static struct made_arm64 arm64;
    static struct made_efi efi;

    switch (index) {
    case 0:
        make_elf(&elf);
        *size = sizeof elf;
        return (const uint8_t *)&elf;
    case 1:
        make_arm64(&arm64);
        *size = sizeof arm64;
        return (const uint8_t *)&arm64;
    case 2:
        make_efi(&efi);
        *size = sizeof efi;
        return (const uint8_t *)&efi;
    default:
        return NULL;
    }
}
