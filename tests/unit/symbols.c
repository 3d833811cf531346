/* Names for addresses: tables from text and ELF, and names of code where it is executed. */
#include "sim/symbols.h"

#include "tests/fuzz/make_image.h"
#include "tests/unit/machine_world.h"

static struct symbols *parse_text(const char *text)
{
    struct error error;
    struct symbols *s = symbols_parse("map", (const uint8_t *)text, strlen(text), &error);
    cr_assert_not_null(s, "%s", error.text);
    return s;
}

/* "name+0xoffset" of a linked address. */
static const char *name_at(const struct symbols *s, uint64_t address)
{
    static char text[SYMBOL_TEXT_MAX];
    struct symbol symbol;
    if (!symbols_find(s, address, &symbol))
        return "none";
    symbol_text(&symbol, text, sizeof text);
    return text;
}

Test(symbols, a_text_names_up_to_the_next)
{
    struct symbols *s = parse_text("ffff800008010100 t second\n"
                                   "ffff800008010000 T _stext\n"
                                   "ffff800008010000 t first\n"
                                   "ffff800008010000 D object\n"
                                   "ffff800008010000 T __text_start\n"
                                   "0000000000001000 A absolute\n"
                                   "ffff800008010080 t $x\n"
                                   "ffff800009000010 t probe\t[module]");
    cr_assert_eq(symbols_count(s), 6u);
    cr_assert_str_eq(name_at(s, 0x1000), "none");
    cr_assert_str_eq(name_at(s, 0xffff80000800ffff), "none");
    cr_assert_str_eq(name_at(s, 0xffff800008010000), "first");
    cr_assert_str_eq(name_at(s, 0xffff8000080100ff), "first+0xff");
    cr_assert_str_eq(name_at(s, 0xffff800008010100), "second");
    cr_assert_str_eq(name_at(s, 0xffff800009000fff), "probe+0xfef");
    cr_assert_str_eq(name_at(s, 0xffff800009001000), "none");
    uint64_t address;
    cr_assert(symbols_address(s, "object", &address) && address == 0xffff800008010000);
    cr_assert_not(symbols_address(s, "absolute", &address));
    symbols_free(s);
}

Test(symbols, an_elf_file_has_sizes)
{
    struct made_elf e;
    struct error error;
    make_elf(&e);
    e.header.e_type = ET_DYN; /* as kernels are, that can be relocated */
    struct symbols *s = symbols_parse("elf", (const uint8_t *)&e, sizeof e, &error);
    cr_assert_not_null(s, "%s", error.text);
    cr_assert_str_eq(name_at(s, MAKE_TEXT + 15), "start+0xf");
    cr_assert_str_eq(name_at(s, MAKE_TEXT + 16), "none");
    cr_assert_str_eq(name_at(s, MAKE_TEXT + 20), "loop");
    cr_assert_str_eq(name_at(s, MAKE_DATA_LINKED + 23), "table+0x17");
    symbols_free(s);
}

Test(symbols, bad_tables_are_refused_by_one_line)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "map: the file is empty"},
        {"1000 T a\nword\n", "map:2: no line of a System.map (address, type and name)"},
        {"ffffffffffffffff B The real System.map is elsewhere\n",
         "map:1: no line of a System.map (address, type and name)"},
        {"1000 T \n", "map:1: no line of a System.map (address, type and name)"},
        {"10000000000000000 T a\n", "map:1: no line of a System.map (address, type and name)"},
        {"0 T a\n0 T b\n", "map: all addresses are 0"},
        {"10 A a\n", "map: no symbol in it"},
        {"\177ELF", "map: ELF: truncated in its header"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct error error;
        const uint8_t *bytes = (const uint8_t *)cases[i].text;
        cr_assert_null(symbols_parse("map", bytes, strlen(cases[i].text), &error));
        cr_assert_str_eq(error.text, cases[i].error);
    }
}

/* --- in a machine ------------------------------------------------------------------------- */

#define LINKED UINT64_C(0xffff800008000000)
#define LOADED MAP_RAM

/* An arm64 Image whose words are all different, loaded at the start of RAM. */
struct kernel {
    struct made_arm64 file;
    uint32_t text[0x4000];
};

static const char *code_at(const struct symbol_place *place, const struct machine *m, uint64_t va,
                           uint64_t pa)
{
    static char text[SYMBOL_TEXT_MAX];
    struct symbol symbol;
    if (!symbol_at_pa(place, m, va, pa_make(pa), &symbol))
        return "none";
    symbol_text(&symbol, text, sizeof text);
    return text;
}

static const char *was_at(const struct symbol_place *place, const struct machine *m, uint64_t va)
{
    static char text[SYMBOL_TEXT_MAX];
    struct symbol symbol;
    if (!symbol_of_past(place, m, 0, va, &symbol))
        return "none";
    symbol_text(&symbol, text, sizeof text);
    return text;
}

/* EL2 of a PE has the start of RAM there: a block of 1 GiB in a table at level 1. */
#define MOVED UINT64_C(0x2540000000)
static void map_moved(struct machine *m, unsigned pe)
{
    const uint64_t table = LOADED + 0x600000, block = LOADED | 1u << 10 | 3u << 8 | 1u << 6 | 1u;
    cr_assert(machine_poke(m, pa_make(table + 8 * (MOVED >> 30)), &block, sizeof block));
    world_set(m, pe, SR_TTBR0_EL2, table);
    world_set(m, pe, SR_TCR_EL2, 25); /* T0SZ: 39 bits; 4 KiB */
    world_set(m, pe, SR_SCTLR_EL2, 1);
}

Test(symbols, code_is_named_where_it_is_executed)
{
    static struct kernel kernel;
    struct image image;
    struct error error;
    struct machine *m = world_machine(2, 1);
    make_arm64(&kernel.file);
    for (uint32_t i = 0; i < ARRAY_COUNT(kernel.text); i++)
        kernel.text[i] = 0xd2800000u + i;
    const uint64_t size = sizeof kernel;
    memcpy((uint8_t *)&kernel + 16, &size, sizeof size);
    memset((uint8_t *)&kernel + 8, 0, 8); /* text_offset */
    cr_assert(image_open(&image, "Image", (uint8_t *)&kernel, sizeof kernel, pa_make(MAP_RAM),
                         16u << 20, &error), "%s", error.text);
    cr_assert(machine_poke(m, pa_make(LOADED), &kernel, sizeof kernel));
    cr_assert(machine_poke(m, pa_make(LOADED + 0x400000), &kernel, sizeof kernel));

    struct symbols *s = parse_text("ffff800008001000 t one\nffff800008002000 t two\n"
                                   "ffff800008001000 T _stext\nffff80000800f000 T _etext\n");
    struct symbol_place place;
    symbol_place_init(&place, s, &image);
    cr_assert_str_eq(code_at(&place, m, LINKED + 0x1004, LOADED + 0x1004), "one+0x4");
    cr_assert_str_eq(code_at(&place, m, LOADED + 0x2000, LOADED + 0x2000), "two");
    cr_assert_str_eq(code_at(&place, m, 0x7f0000001008, LOADED + 0x1008), "one+0x8");
    /* A guest has the same kernel at the same addresses, elsewhere in memory. */
    cr_assert_str_eq(code_at(&place, m, LINKED + 0x1004, LOADED + 0x401004), "one+0x4");
    cr_assert_str_eq(code_at(&place, m, 0x401004, LOADED + 0x401004), "none");
    /* A few words are patched; then the page is somebody else's. */
    uint32_t words[32] = {0};
    cr_assert(machine_poke(m, pa_make(LOADED + 0x1000), words, 16));
    cr_assert_str_eq(code_at(&place, m, LINKED + 0x1004, LOADED + 0x1004), "one+0x4");
    cr_assert(machine_poke(m, pa_make(LOADED + 0x1000), words, sizeof words));
    cr_assert_str_eq(code_at(&place, m, LINKED + 0x1004, LOADED + 0x1004), "none");

    struct symbol symbol;
    m->state->cpu[0].el = 2; /* the MMU is off */
    cr_assert(symbol_at(&place, m, 0, LOADED + 0x2000, &symbol));
    cr_assert_str_eq(symbol.name, "two");
    struct symbol_wanted wanted = {&place, LINKED + 0x2008};
    m->state->cpu[0].pc = LOADED + 0x2008;
    cr_assert(symbol_is_next(&wanted, m, 0));
    m->state->cpu[0].pc = LOADED + 0x402008;
    cr_assert_not(symbol_is_next(&wanted, m, 0), "a copy at addresses that are not linked ones");
    m->state->cpu[0].pc = LINKED + 0x2008;
    cr_assert(symbol_is_next(&wanted, m, 0));

    m->state->cpu[0].el = 0;
    cr_assert_not(symbol_at(&place, m, 0, LOADED + 0x2000, &symbol));
    cr_assert_str_eq(was_at(&place, m, LOADED + 0x2004), "two+0x4");
    cr_assert_str_eq(was_at(&place, m, LINKED + 0x2004), "two+0x4");
    cr_assert_str_eq(was_at(&place, m, LINKED + 0x1004), "none");
    cr_assert_str_eq(was_at(&place, m, MOVED + 0x2004), "none");
    map_moved(m, 1);
    cr_assert_str_eq(was_at(&place, m, MOVED + 0x2004), "two+0x4");
    symbols_free(s);
    image_close(&image);
    machine_free(m);
}
