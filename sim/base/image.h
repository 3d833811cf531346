/*
 * Images: what a payload file holds, taken apart into segments and symbols. Reads ELF64 AArch64
 * executables (by libelf; every range checked against the file's size) and arm64 Linux Images.
 * Works on bytes, so that an image embedded in a trace is read in the same way as a file.
 */
#pragma once
#include "sim/base/file.h"

struct image_segment {
    pa_t address;       /* p_paddr */
    va_t linked;        /* p_vaddr: what symbols and line tables speak of */
    uint64_t file_size; /* bytes at `bytes` */
    uint64_t memory_size;
    const uint8_t *bytes;
    uint32_t flags; /* PF_R, PF_W, PF_X */
    uint32_t reserved;
};

struct image_symbol {
    uint64_t address;
    uint64_t size;
    const char *name;
    bool is_function;
};

enum image_kind { IMAGE_ELF, IMAGE_ARM64 };

struct image {
    enum image_kind kind;
    uint64_t entry; /* physical address of the first instruction */
    uint64_t text_offset, image_size; /* arm64 Image header; 0 for ELF */
    const uint8_t *file;              /* owned copy of the whole file */
    size_t file_size;
    const char *name; /* for messages; owned */
    struct image_segment *segments;
    size_t segment_count;
    struct image_symbol *symbols; /* functions, objects, labels; by address, then name */
    size_t symbol_count;
    struct image_lines *lines; /* line tables, read at the first question */
};

/*
 * Takes an image apart. `name` is used in messages. ram is where RAM lies: a segment outside it
 * is an error. An arm64 Image is placed at ram_base + text_offset (2 MiB aligned base).
 */
bool image_open(struct image *image, const char *name, const uint8_t *bytes, size_t size,
                pa_t ram_base, uint64_t ram_bytes, struct error *error);
void image_close(struct image *image);
/* An ELF file of which only the symbols count: any type but relocatable, nothing is loaded. */
bool image_open_symbols(struct image *image, const char *name, const uint8_t *bytes, size_t size,
                        struct error *error);

/* The address of a symbol by name; false if there is none. */
bool image_symbol_address(const struct image *image, const char *name, uint64_t *address);

/* The symbol that covers an address (or the nearest below without size), or NULL. */
const struct image_symbol *image_symbol_at(const struct image *image, uint64_t address);

/* "file.c:123" of an address from DWARF line tables (libdw); false if unknown. */
bool image_line_at(const struct image *image, uint64_t address, char *text, size_t size);
