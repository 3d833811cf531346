/* Fuzz target: tables of symbols, ELF files and texts; whatever is taken answers every question. */
#include "sim/symbols.h"

#include "tests/fuzz/make_image.h"
#include "tests/fuzz/target.h"

static const char *const texts[] = {
    "0000000000000000 A _kernel_flags_le_hi32\nffff800008000000 t _head\n"
    "ffff800008010000 T _stext\nffff800008010000 T __irqentry_text_start\n"
    "ffff800008010000 t handle_irq\nffff800008d00000 D _etext\n",
    "ffff800001230000 t probe\t[virtio_blk]\nffffffffffffffff d last\n",
};

/* Each symbol is found at its own address, and what is found covers what was asked for. */
static void table_check(const struct symbols *s)
{
    struct symbol symbol;
    uint64_t at = 0, address;
    for (unsigned i = 0; i < 256; i++, at += UINT64_MAX / 256) {
        if (!symbols_find(s, at, &symbol))
            continue;
        ensure(symbol.address + symbol.offset == at && symbol.index < symbols_count(s));
        ensure(symbols_address(s, symbol.name, &address) && address <= at);
        at = symbol.address;
        ensure(!symbols_find(s, at, &symbol) || symbol.offset <= at);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error error = {""};
    struct symbols *s = symbols_parse("fuzz", bytes, size, &error);
    if (s) {
        ensure(symbols_count(s) != 0);
        table_check(s);
        symbols_free(s);
    } else {
        ensure(strncmp(error.text, "fuzz:", 5) == 0 && !strchr(error.text, '\n'));
    }
    return 0;
}

const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    static struct made_elf elf;
    if (index < sizeof texts / sizeof texts[0]) {
        *size = strlen(texts[index]);
        return (const uint8_t *)texts[index];
    }
    if (index > sizeof texts / sizeof texts[0])
        return NULL;
    make_elf(&elf);
    *size = sizeof elf;
    return (const uint8_t *)&elf;
}
