/*
 * Hot forms of system instructions: hints, barriers, PSTATE, and system registers that are only
 * read and written.
 *
 * A row of cpu/sysreg.def is only read where its access rights allow it and no rule may trap it,
 * whatever registers hold; that is so for some Exception levels and not for others, and known
 * when the word is decoded. Such a read or write has no event, question or effect but the one on
 * the register file as long as nobody needs it and no register is UNKNOWN. All else is done by its
 * handler, and then it is looked whether the hot half may go on. Exceptions and returns end it.
 *
 * DDI 0487: "System instructions" and the register descriptions; what they do stands in
 * cpu/sysreg.c and cpu/exec/system.c.
 */
#include "cpu/hot/hot.h"
#include "cpu/interrupt.h"
#include "cpu/sysreg.h"
#include "cpu/sysreg_row.h"
#include "gen/trace.h"

#define ALL_LEVELS 7u
#define EVENT_BIT(kind) (UINT64_C(1) << EVENT_##kind)

_Static_assert(offsetof(struct cpu, effective) / 8 + SYSREG_COUNT <= UINT16_MAX, "16 bits do");

/* Whether somebody needs events that forms do not send. */
static inline bool is_told(const struct core_cache *h, uint64_t events)
{
    const struct core *c = h->core;
    return __builtin_expect((c->events->needs[c->pe] & events) != 0, 0);
}

/* Whether the form of s may do its work here and now; `told`: the events that it does not send. */
static inline bool is_plain(const struct core_cache *h, const struct hot_slot *s, uint64_t told)
{
    const struct cpu *cpu = h->core->cpu;
    return (s->ra >> cpu->el & 1u) != 0 && cpu->unknown == 0 &&
           !is_told(h, told | EVENT_BIT(SYSTEM));
}

static inline unsigned place_of(const struct hot_slot *s)
{
    return s->rm | (unsigned)s->rn << 8;
}

HOT(hint)
{
    HOT_NEXT(1);
}

/* Memory is in order as long as the machine keeps no order of its own, and then nothing is fast. */
HOT(dmb)
{
    if (is_told(h, EVENT_BIT(BARRIER)) || __builtin_expect(h->core->may_drop, 0))
        return hot_system(HOT_PASS);
    HOT_NEXT(1);
}

/* A register of the file, or a stack pointer. */
HOT(mrs)
{
    if (__builtin_expect(!is_plain(h, s, 0), 0))
        return hot_system(HOT_PASS);
    x[s->rd] = x[place_of(s)];
    HOT_NEXT(1);
}

HOT(mrs_daif)
{
    if (__builtin_expect(!is_plain(h, s, 0), 0))
        return hot_system(HOT_PASS);
    x[s->rd] = h->core->cpu->daif;
    HOT_NEXT(1);
}

/* A register whose copies always agree; imm has the bits that can be written. */
HOT(msr)
{
    if (__builtin_expect(!is_plain(h, s, EVENT_BIT(SYSREG)), 0))
        return hot_system_slow(HOT_PASS);
    uint64_t value = x[s->rd] & s->imm;
    unsigned place = place_of(s);
    x[place] = value;
    x[place + SYSREG_COUNT] = value;
    HOT_NEXT(1);
}

HOT(msr_sp)
{
    if (__builtin_expect(!is_plain(h, s, 0), 0))
        return hot_system_slow(HOT_PASS);
    x[place_of(s)] = x[s->rd] & s->imm;
    HOT_NEXT(1);
}

_Static_assert(offsetof(struct cpu, effective) ==
                   offsetof(struct cpu, reg) + 8 * (size_t)SYSREG_COUNT, "copies side by side");

/* Whether nothing traps the form of s, and nobody listens. */
static inline bool is_sys_open(struct core_cache *h, const struct hot_slot *s)
{
    struct core *c = h->core;
    uint8_t bit = (uint8_t)(1u << s->ra);
    if (__builtin_expect((h->sys_asked & bit) == 0, 0)) {
        h->sys_asked |= bit;
        h->sys_open &= (uint8_t)~bit;
        if (sysreg_executes_sys(c, s->word) && !c->may_drop)
            h->sys_open |= bit;
    }
    return (h->sys_open & bit) != 0 && !is_told(h, EVENT_BIT(SYSTEM));
}

/* The zeroed block is where data may be written straight to RAM; see mem_zero_block(). */
HOT(dc_zva)
{
    uint64_t va = align_down(x[s->rd], MEM_ZERO_BYTES);
    const struct direct_entry *e = direct_entry(h, va);
    if (__builtin_expect(!direct_matches(e->write_tag, va, MEM_ZERO_BYTES, h->data_tag) ||
                             !is_sys_open(h, s), 0))
        return hot_system(HOT_PASS);
    __builtin_memset(direct_host(e, va), 0, MEM_ZERO_BYTES);
    HOT_NEXT(1);
}

/* Where a host pointer says that the address may be read, and that there are no caches. */
HOT(cache_by_address)
{
    uint64_t va = direct_page(x[s->rd]);
    if (__builtin_expect(!direct_matches(direct_entry(h, va)->read_tag, va, 1, h->data_tag) ||
                             !is_sys_open(h, s), 0))
        return hot_system(HOT_PASS);
    HOT_NEXT(1);
}

/* New interrupt masks, under which nothing that waits now could be taken. */
#define SET_MASKS(masks)                                                                        \
    do {                                                                                        \
        struct cpu *cpu = h->core->cpu;                                                         \
        uint32_t daif = (masks);                                                                \
        if (__builtin_expect(!is_plain(h, s, 0) || interrupt_may_pend(cpu), 0))                 \
            return hot_system_slow(HOT_PASS);                                                   \
        cpu->daif = daif;                                                                       \
        HOT_NEXT(1);                                                                            \
    } while (0)

HOT(msr_daif)
{
    SET_MASKS((uint32_t)(x[s->rd] & s->imm));
}

HOT(daif_set)
{
    SET_MASKS(cpu->daif | (uint32_t)s->imm);
}

HOT(daif_clear)
{
    SET_MASKS(cpu->daif & ~(uint32_t)s->imm);
}

/* --- decoding ------------------------------------------------------------------------------- */

/* Exception levels at which an access is the register itself, whatever other registers hold. */
static uint8_t levels_of(const struct sysreg_row *row, bool is_write, const struct hot_place *place)
{
    unsigned levels = 0, direction = is_write ? 1u : 0u;
    if ((row->needs & ~place->features) != 0 || row->is_unmodelled)
        return 0;
    for (unsigned el = 0; el <= 2; el++)
        levels |= (row->access >> (2 * el + direction) & 1u) << el;
    for (unsigned i = 0; i < row->trap_count; i++) {
        const struct sysreg_trap_row *rule = sysreg_trap_row(row->trap[i]);
        if (row->trap[i] == TRAP_SP_EL0_IN_USE && place->stack != 0)
            continue;
        if (rule->dirs >> direction & 1u)
            levels &= ~(unsigned)rule->els;
    }
    return (uint8_t)(levels & ALL_LEVELS);
}

/* Where the value is, as an index from the start of struct cpu; 0: nowhere by itself. */
static unsigned value_of(enum sysreg reg, const struct sysreg_row *row)
{
    if (reg == SR_SP_EL0 || reg == SR_SP_EL1)
        return HOT_SP + (reg == SR_SP_EL1);
    if (row->on_read != SYSREG_ON_READ_NONE || row->on_write == SYSREG_ON_WRITE_DCC ||
        row->owner == SYSREG_OWNER_GIC || row->is_special || row->is_soon)
        return 0;
    return (unsigned)(offsetof(struct cpu, reg) / 8) + (unsigned)reg;
}

#define DECODER(name)                                                                           \
    static bool name(struct hot_slot *s, uint32_t w, const struct hot_place *place,             \
                     hot_function *const *go)

/* Not a form of its own: its handler. */
DECODER(decode_alone)
{
    (void)w;
    (void)place;
    s->go = go[0];
    return true;
}

/* go: the register; DAIF; any other. */
DECODER(decode_mrs)
{
    enum sysreg reg = sysreg_of_key(sysreg_key_of_word(w));
    s->go = go[2];
    if (reg == SYSREG_COUNT)
        return true;
    const struct sysreg_row *row = sysreg_row(reg);
    unsigned value = value_of(reg, row);
    s->ra = levels_of(row, false, place);
    s->rd = hot_to(a64_rt(w));
    s->rm = (uint8_t)value;
    s->rn = (uint8_t)(value >> 8);
    if (s->ra != 0 && value != 0)
        s->go = go[0];
    else if (s->ra != 0 && reg == SR_DAIF)
        s->go = go[1];
    return true;
}

/* go: the register; a stack pointer; DAIF; any other. */
DECODER(decode_msr)
{
    enum sysreg reg = sysreg_of_key(sysreg_key_of_word(w));
    s->go = go[3];
    if (reg == SYSREG_COUNT)
        return true;
    const struct sysreg_row *row = sysreg_row(reg);
    unsigned value = value_of(reg, row);
    s->ra = levels_of(row, true, place);
    if (s->ra == 0 || row->read_only != 0 || sysreg_ones(reg, place->features) != 0)
        return true;
    s->rd = (uint8_t)a64_rt(w);
    s->rm = (uint8_t)value;
    s->rn = (uint8_t)(value >> 8);
    if (reg == SR_DAIF)
        s->go = go[2];
    else if (value == HOT_SP || value == HOT_SP + 1)
        s->go = go[1];
    else if (value != 0 && row->on_write == SYSREG_ON_WRITE_NONE && !row->is_effective)
        s->go = go[0];
    else
        return true;
    s->imm = ~sysreg_zeros(reg, place->features);
    return true;
}

/* go: DC ZVA; other maintenance by address; any other. */
DECODER(decode_sys)
{
    (void)place;
    static const uint16_t by_address[] = {SR_DC_CVAC, SR_DC_CVAU, SR_DC_CIVAC, SR_IC_IVAU};
    enum sysreg operation = sysreg_of_key(sysreg_key_of_word(w));
    s->rd = (uint8_t)a64_rt(w);
    s->go = go[2];
    if ((w >> 21 & 1u) != 0)
        return true;
    if (operation == SR_DC_ZVA)
        s->go = go[0];
    for (unsigned i = 0; i < ARRAY_COUNT(by_address); i++) {
        if (operation != by_address[i])
            continue;
        s->ra = (uint8_t)(1 + i);
        s->go = go[1];
    }
    return true;
}

DECODER(decode_daif)
{
    enum sysreg reg = sysreg_of_key(sysreg_key_of_word(w));
    s->go = go[1];
    if (reg == SYSREG_COUNT)
        return true;
    s->ra = levels_of(sysreg_row(reg), true, place);
    if (s->ra == 0)
        return true;
    s->imm = (uint64_t)a64_crm(w) << 6;
    s->go = go[0];
    return true;
}

#define ALONE {decode_alone, {hot_system}}
#define LEAVES {decode_alone, {hot_exception}}

const struct hot_row hot_rows_system[A64_COUNT] = {
    [A64_NOP] = {decode_alone, {hot_hint}},
    [A64_YIELD] = {decode_alone, {hot_hint}},
    [A64_HINT] = {decode_alone, {hot_hint}},
    [A64_DMB] = {decode_alone, {hot_dmb}},
    [A64_DSB] = ALONE,
    [A64_ISB] = ALONE,
    [A64_CLREX] = ALONE,
    [A64_SEV] = ALONE,
    [A64_SEVL] = ALONE,
    [A64_MSR_SPSel] = ALONE,
    [A64_MSR_PAN] = ALONE,
    [A64_MSR_UAO] = ALONE,
    [A64_MSR_DAIFSet] = {decode_daif, {hot_daif_set, hot_system}},
    [A64_MSR_DAIFClr] = {decode_daif, {hot_daif_clear, hot_system}},
    [A64_SYS] = {decode_sys, {hot_dc_zva, hot_cache_by_address, hot_system}},
    [A64_SYSL] = ALONE,
    [A64_MSR_reg] = {decode_msr, {hot_msr, hot_msr_sp, hot_msr_daif, hot_system}},
    [A64_MRS] = {decode_mrs, {hot_mrs, hot_mrs_daif, hot_system}},
    [A64_SVC] = LEAVES,
    [A64_HVC] = LEAVES,
    [A64_SMC] = LEAVES,
    [A64_BRK] = LEAVES,
    [A64_ERET] = LEAVES,
    [A64_WFI] = LEAVES,
    [A64_WFE] = LEAVES,
};
