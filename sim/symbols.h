/*
 * Names for addresses. A table is read from an ELF file of any kind that has a symbol table, or
 * from a text like System.map or /proc/kallsyms (address, type, name; one a line); it speaks of
 * the addresses that the program was linked to.
 *
 * A place ties a table to what a machine has booted: it finds the name of a program counter
 * wherever the code is executed from, before the MMU is on as well as behind it, at EL2's own
 * addresses, and in a VM that has booted the same image. The rule is one: the code in memory must
 * be that of the image at the linked address, so that a name is right or there is none.
 */
#pragma once
#include "sim/machine.h"

struct symbols;

/* What an address is called. */
struct symbol {
    const char *name;  /* belongs to the table */
    uint64_t address;  /* linked: where it begins */
    uint64_t offset;   /* of the address asked for */
    size_t index;      /* below symbols_count(); two addresses of one symbol have the same */
    bool is_function;
};

/* Reads a file; NULL with "PATH: reason" or "PATH:LINE: reason". */
struct symbols *symbols_read(const char *path, struct error *error);
/* The same with bytes; name is for messages. */
struct symbols *symbols_parse(const char *name, const uint8_t *bytes, size_t size,
                              struct error *error);
/* Those of an image, which may have none; it must outlive them. */
struct symbols *symbols_of_image(const struct image *image);
void symbols_free(struct symbols *symbols); /* NULL is fine */
size_t symbols_count(const struct symbols *symbols);

/*
 * The symbol that covers a linked address: the innermost with a size, or the nearest before it
 * without one. Of several at one address functions come first, then short names.
 */
bool symbols_find(const struct symbols *symbols, uint64_t address, struct symbol *symbol);
/* The linked address of a name, the lowest if there are several. */
bool symbols_address(const struct symbols *symbols, const char *name, uint64_t *address);

/* Makes no copies: all of it must outlive the place. */
struct symbol_place {
    const struct symbols *symbols;
    const struct image *image;
    uint64_t shift; /* from an address in the image's segments to the one that symbols speak of */
};
void symbol_place_init(struct symbol_place *place, const struct symbols *symbols,
                       const struct image *image);

/*
 * The name of code at a virtual address, as the PE would execute it now: at its EL, through its
 * tables. False where nothing is mapped or where something else than the image's code lies.
 * Reads only. A walk and a look at a few words: keep the answer if you ask often.
 */
bool symbol_at(const struct symbol_place *place, const struct machine *m, unsigned pe, uint64_t va,
               struct symbol *symbol);
/* The same, told what lies there: for who has translated already. */
bool symbol_at_pa(const struct symbol_place *place, const struct machine *m, uint64_t va, pa_t pa,
                  struct symbol *symbol);

/*
 * The same of code that the PE executed at an earlier step, as far as this can be known now: its
 * level may be another one, its tables those of a VM. What any PE's registers lead to counts, and
 * then the place where the image was loaded, if its code is still there.
 */
bool symbol_of_past(const struct symbol_place *place, const struct machine *m, unsigned pe,
                    uint64_t va, struct symbol *symbol);

/*
 * For break points: a PE is about to execute what is linked to an address, wherever it does so, or
 * whatever it has at that address.
 */
struct symbol_wanted {
    const struct symbol_place *place;
    uint64_t linked;
};
bool symbol_is_next(void *wanted, const struct machine *m, unsigned pe);

/* Room for "name+0x10". */
#define SYMBOL_TEXT_MAX 160u
/* "name+0x10", or "name" where the offset is 0; cut short where there is no room. */
void symbol_text(const struct symbol *symbol, char *text, size_t size);
