/*
 * Names of code where a machine executes it.
 *
 * A kernel executes at three kinds of addresses: linked ones, physical ones before the MMU is on,
 * and EL2 at addresses of its own choice. And other code may lie where it was: pages of its start
 * are given away later, a guest has another kernel at the same addresses. So an address becomes a
 * linked one in one of two ways - it is one, or its physical address lies where the image was
 * loaded - and counts only if the words around it are the image's there. Not all need to be: a
 * kernel patches itself (alternatives, jump labels, calls of tracers). EL0 has no names.
 */
#include "sim/symbols.h"

#include <string.h>

#define LINE_BYTES 128u /* how much is compared, the aligned line that the address is in */
#define LINE_WORDS (LINE_BYTES / 4)
#define LINKED_ALIGNMENT UINT64_C(0x200000) /* of an arm64 Image's first byte */

/* Where an arm64 Image begins in terms of its symbols; table without _text: the 2 MiB below. */
static bool linked_start(const struct symbols *symbols, uint64_t *start)
{
    if (symbols_address(symbols, "_text", start))
        return true;
    if (!symbols_address(symbols, "_stext", start))
        return false;
    *start &= ~(LINKED_ALIGNMENT - 1);
    return true;
}

void symbol_place_init(struct symbol_place *place, const struct symbols *symbols,
                       const struct image *image)
{
    uint64_t start;
    *place = (struct symbol_place){.symbols = symbols, .image = image};
    if (image->kind == IMAGE_ARM64 && linked_start(symbols, &start))
        place->shift = start - image->segments[0].linked.bits;
}

/* Whether most of the image's words of a line stand in memory. */
static bool is_same_code(const struct machine *m, const uint8_t *image, pa_t line)
{
    uint32_t there[LINE_WORDS], wanted[LINE_WORDS];
    unsigned words = 0, same = 0;
    if (!machine_peek(m, line, there, sizeof there))
        return false;
    memcpy(wanted, image, sizeof wanted);
    for (unsigned i = 0; i < LINE_WORDS; i++) {
        words += wanted[i] != 0;
        same += wanted[i] != 0 && wanted[i] == there[i];
    }
    return same != 0 && 2 * same >= words;
}

/* At offset `at` of a segment: whether its code is what lies at pa. */
static bool segment_has(const struct machine *m, const struct image_segment *s, uint64_t at,
                        pa_t pa)
{
    uint64_t in_line = pa.bits % LINE_BYTES;
    return at < s->file_size && at >= in_line && s->file_size - (at - in_line) >= LINE_BYTES &&
           is_same_code(m, s->bytes + (at - in_line), pa_make(pa.bits - in_line));
}

bool symbol_at_pa(const struct symbol_place *place, const struct machine *m, uint64_t va, pa_t pa,
                  struct symbol *symbol)
{
    for (size_t i = 0; i < place->image->segment_count; i++) {
        const struct image_segment *s = &place->image->segments[i];
        uint64_t start = s->linked.bits + place->shift;
        uint64_t at = va - start;
        if (at >= s->memory_size)
            at = pa.bits - s->address.bits;
        if (at < s->memory_size && segment_has(m, s, at, pa))
            return symbols_find(place->symbols, start + at, symbol);
    }
    return false;
}

bool symbol_at(const struct symbol_place *place, const struct machine *m, unsigned pe, uint64_t va,
               struct symbol *symbol)
{
    struct walk walk;
    return m->state->cpu[pe].el != 0 && machine_peek_va(m, pe, va_make(va), &walk) &&
           symbol_at_pa(place, m, va, walk.result.pa, symbol);
}

/* As a PE would execute it with its registers of now, if it were at EL1 or EL2. */
static bool symbol_in(const struct symbol_place *place, const struct machine *m, unsigned pe,
                      enum regime_kind kind, uint64_t va, struct symbol *symbol)
{
    struct walk walk;
    struct regime regime = core_regime_peek(&m->state->cpu[pe], &m->mmu_config, kind);
    struct mmu_request request = {.va = va_make(va),
                                  .el = kind == REGIME_EL2 ? 2 : 1,
                                  .kind = ACCESS_FETCH,
                                  .alignment = 1};
    mmu_peek(&m->mmu[pe], &regime, &request, &walk);
    return walk.result.fault.kind == FAULT_NONE &&
           symbol_at_pa(place, m, va, walk.result.pa, symbol);
}

/* A linked address or a physical one, of code that is where it was loaded. */
static bool symbol_where_loaded(const struct symbol_place *place, const struct machine *m,
                                uint64_t va, struct symbol *symbol)
{
    for (size_t i = 0; i < place->image->segment_count; i++) {
        const struct image_segment *s = &place->image->segments[i];
        uint64_t at = va - (s->linked.bits + place->shift);
        if (at < s->memory_size &&
            symbol_at_pa(place, m, va, pa_make(s->address.bits + at), symbol))
            return true;
    }
    return symbol_at_pa(place, m, va, pa_make(va), symbol);
}

bool symbol_of_past(const struct symbol_place *place, const struct machine *m, unsigned pe,
                    uint64_t va, struct symbol *symbol)
{
    static const enum regime_kind kinds[] = {REGIME_EL2, REGIME_EL10};
    if (symbol_at(place, m, pe, va, symbol))
        return true;
    for (unsigned i = 0; i < m->config.pe_count; i++) {
        for (unsigned k = 0; k < ARRAY_COUNT(kinds); k++) {
            if (symbol_in(place, m, (pe + i) % m->config.pe_count, kinds[k], va, symbol))
                return true;
        }
    }
    return symbol_where_loaded(place, m, va, symbol);
}

bool symbol_is_next(void *context, const struct machine *m, unsigned pe)
{
    const struct symbol_wanted *wanted = context;
    uint64_t pc = m->state->cpu[pe].pc;
    struct symbol symbol;
    return pc == wanted->linked || (symbol_at(wanted->place, m, pe, pc, &symbol) &&
                                    symbol.address + symbol.offset == wanted->linked);
}
