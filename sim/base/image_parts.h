/*
 * What the readers of the image formats share. For image*.c only. The readers work on an image
 * whose file, file_size and name are set, and fill the rest; on an error the caller closes it.
 */
#pragma once
#include <libelf.h>

#include "sim/base/image.h"

/* Where RAM lies. */
struct image_ram {
    uint64_t base, bytes;
};

bool image_read_elf(struct image *image, const struct image_ram *ram, struct error *error);
/* Its symbols only. */
bool image_read_elf_symbols(struct image *image, struct error *error);
bool image_read_arm64(struct image *image, const struct image_ram *ram, struct error *error);

/* Adds a segment; an error if it reaches outside RAM or over another one. */
bool image_add_segment(struct image *image, const struct image_segment *segment,
                       const struct image_ram *ram, struct error *error);

/* The symbol table of an ELF file whose section headers are known to be in range. */
bool image_read_symbols(struct image *image, Elf *elf, struct error *error);

/* Line tables: nothing is read before the first question. */
struct image_lines *image_lines_new(void);
void image_lines_free(struct image_lines *lines);
