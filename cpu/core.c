/*
 * A core's wiring: derived regimes and host pointers, and reset.
 *
 * Reset follows AArch64.TakeReset for the Exception level that the configuration enters at; there
 * is no EL3 in the model, so that EL2 is the highest.
 */
#include "cpu/debug.h"
#include "cpu/direct.h"
#include "cpu/effective.h"
#include "cpu/engine.h"
#include "cpu/exception.h"
#include "cpu/exec.h"
#include "cpu/exec/vector.h"
#include "cpu/model.h"
#include "cpu/sysreg.h"
#include "gen/trace.h"

#include <stdlib.h>
#include <string.h>

void core_wire(struct core *c)
{
    c->cache = aligned_alloc(DIRECT_ALIGNMENT, sizeof *c->cache);
    ensure(c->cache != NULL);
    memset(c->cache, 0, sizeof *c->cache);
    c->cache->core = c;
    c->cache->data_era = c->cache->fetch_era = 1;
    c->regimes_stale = true;
}

void core_unwire(struct core *c)
{
    free(c->cache);
    c->cache = NULL;
}

static struct core_context context_now(const struct core *c)
{
    const struct cpu *cpu = c->cpu;
    const uint64_t *e = cpu->effective;
    struct core_context now = {.kind = (uint8_t)core_regime_kind(cpu)};
    now.live = cpu->el < 2 && (e[SR_HCR_EL2] & HCR_EL2_VM) && cpu->wait != CPU_IS_OFF;
    if (now.live) {
        struct regime regime = core_regime_peek(cpu, c->mmu->config, REGIME_EL10);
        now.root = e[SR_VTTBR_EL2] & VTTBR_EL2_BADDR;
        now.vmpidr = e[SR_VMPIDR_EL2];
        now.vmid = regime.vmid;
        now.asid = regime.asid;
    }
    return now;
}

void core_tell_context(struct core *c)
{
    struct core_context now = context_now(c);
    if (memcmp(&now, &c->told, sizeof now) == 0)
        return;
    c->told = now;
    event_emit_CONTEXT(CORE_HEAD(c), now.live, now.kind, now.vmid, now.asid, now.root, now.vmpidr);
}

void core_restored(struct core *c)
{
    c->regimes_stale = true;
    c->told = context_now(c);
    direct_drop(c);
    debug_refresh(c);
}

/* Out of a file of registers: the effective copies, or the programmed ones. */
static struct vmsa_registers vmsa_of(const uint64_t *e)
{
    return (struct vmsa_registers){
        .sctlr_el1 = e[SR_SCTLR_EL1],
        .tcr_el1 = e[SR_TCR_EL1],
        .ttbr0_el1 = e[SR_TTBR0_EL1],
        .ttbr1_el1 = e[SR_TTBR1_EL1],
        .mair_el1 = e[SR_MAIR_EL1],
        .sctlr_el2 = e[SR_SCTLR_EL2],
        .tcr_el2 = e[SR_TCR_EL2],
        .ttbr0_el2 = e[SR_TTBR0_EL2],
        .mair_el2 = e[SR_MAIR_EL2],
        .hcr_el2 = e[SR_HCR_EL2],
        .vtcr_el2 = e[SR_VTCR_EL2],
        .vttbr_el2 = e[SR_VTTBR_EL2],
    };
}

struct vmsa_registers core_vmsa(const struct cpu *cpu)
{
    return vmsa_of(cpu->effective);
}

struct regime core_regime_peek(const struct cpu *cpu, const struct mmu_config *config,
                               enum regime_kind kind)
{
    struct vmsa_registers r = core_vmsa(cpu);
    return regime_make(kind, &r, config);
}

static void regimes_make(struct core *c)
{
    c->regime[REGIME_EL10] = core_regime_peek(c->cpu, c->mmu->config, REGIME_EL10);
    c->regime[REGIME_EL2] = core_regime_peek(c->cpu, c->mmu->config, REGIME_EL2);
    c->regimes_stale = false;
    direct_drop(c);
    mmu_tell_regimes(c->mmu, &c->regime[REGIME_EL10], &c->regime[REGIME_EL2], c->cpu->el);
}

void core_tell_regimes(struct core *c)
{
    if (c->regimes_stale)
        regimes_make(c);
    else
        mmu_tell_regimes(c->mmu, &c->regime[REGIME_EL10], &c->regime[REGIME_EL2], c->cpu->el);
}

void core_tell_passing(struct core *c)
{
    const uint64_t *r = c->cpu->reg;
    struct vmsa_registers registers = vmsa_of(r);
    struct regime regime = regime_make(REGIME_EL10, &registers, c->mmu->config);
    mmu_tell_passing(c->mmu, &regime, c->cpu->el);
}

/* The regimes as uses of effective copies; and the byte orders and alignment checks beside them. */
static uint64_t use_el10(const struct core *c, const void *context)
{
    struct regime regime = core_regime_peek(c->cpu, c->mmu->config, REGIME_EL10);
    (void)context;
    return hash_bytes(&regime, sizeof regime,
                      c->cpu->effective[SR_SCTLR_EL1] & (SCTLR_EL1_E0E | SCTLR_EL1_EE));
}

static uint64_t use_el2(const struct core *c, const void *context)
{
    struct regime regime = core_regime_peek(c->cpu, c->mmu->config, REGIME_EL2);
    (void)context;
    return hash_bytes(&regime, sizeof regime, c->cpu->effective[SR_SCTLR_EL2] & SCTLR_EL2_EE);
}

const struct regime *core_regime(struct core *c, enum regime_kind kind)
{
    effective_before(c, kind == REGIME_EL2 ? use_el2 : use_el10, NULL);
    if (__builtin_expect(c->regimes_stale, 0))
        regimes_make(c);
    return &c->regime[kind];
}

void direct_drop_data(struct core *c)
{
    struct core_cache *cache = c->cache;
    if (++cache->data_era == DIRECT_ERA_COUNT) {
        memset(cache->data, 0, sizeof cache->data);
        cache->data_era = 1;
    }
    cache->generation = c->mmu->revoked.generation;
    cache->epoch = *c->port->epoch;
    cache->renew = c->events->renew;
}

void direct_drop(struct core *c)
{
    struct core_cache *cache = c->cache;
    direct_drop_data(c);
    cache->code_gone = true;
    if (++cache->fetch_era == DIRECT_ERA_COUNT) {
        memset(cache->fetch, 0, sizeof cache->fetch);
        cache->fetch_era = 1;
    }
    cache->code_epoch = c->code ? c->code->epoch : 0;
}

void core_forget_writes(struct core *c, pa_t page)
{
    for (size_t i = 0; i < DIRECT_COUNT; i++) {
        struct direct_entry *e = &c->cache->data[i];
        if (e->pa == page.bits)
            e->write_tag = 0;
    }
}

static void drop_range(struct core_cache *cache, uint64_t address, unsigned size_log2)
{
    for (uint64_t at = 0; at < UINT64_C(1) << size_log2; at += PAGE_BYTES) {
        struct direct_entry *data = direct_entry(cache, address + at);
        data->read_tag = data->write_tag = 0; /* whatever page they are for */
        for (unsigned el = 0; el < DIRECT_LEVELS; el++) {
            struct direct_fetch *fetch = direct_fetch(cache, el, address + at);
            cache->code_gone |= fetch->tag != 0;
            fetch->tag = fetch->hot_tag = 0;
        }
    }
}

/* Drops what the MMU has revoked since it was last asked; false: that is all. */
static bool drop_revoked(struct core *c)
{
    const struct mmu_revoked *r = &c->mmu->revoked;
    struct core_cache *cache = c->cache;
    if (cache->generation < r->all || r->generation - cache->generation > MMU_REVOKED_COUNT)
        return false;
    while (cache->generation != r->generation) {
        unsigned i = (unsigned)(++cache->generation % MMU_REVOKED_COUNT);
        drop_range(cache, r->range[i].address, r->range[i].size_log2);
    }
    return true;
}

void direct_refresh(struct core *c)
{
    const struct core_cache *cache = c->cache;
    if (cache->renew != c->events->renew || c->regimes_stale ||
        (c->code && cache->code_epoch != c->code->epoch) || !drop_revoked(c))
        direct_drop(c);
    else if (cache->epoch != *c->port->epoch)
        direct_drop_data(c); /* code is keyed by content: it may move */
}

/*
 * Choices that are asked at a TLB hit: while one is open, no hit may be skipped. (tlbi-deliver is
 * asked only at uses of what a waiting message removes, and over that no pointer is kept.)
 */
#define CHOICES_AT_HIT                                                                      \
    (1u << CHOICE_TLBI_DRAIN | 1u << CHOICE_SYSREG_EFFECTIVE |                              \
     1u << CHOICE_SPEC_FILL | 1u << CHOICE_TLB_EVICT | 1u << CHOICE_TLB_CONFLICT |          \
     1u << CHOICE_CACHE_WRITEBACK | 1u << CHOICE_CACHE_ALLOCATE |                           \
     1u << CHOICE_ICACHE_STALE | 1u << CHOICE_STORE_DRAIN | 1u << CHOICE_LOAD_EARLY)

void direct_begin(struct core *c, bool asks)
{
    if (c->cache->asks != asks)
        direct_drop(c);
    c->cache->asks = asks;
    c->cache->legal = (c->chooser->open_mask & CHOICES_AT_HIT) == 0 && !c->debug_on;
}

void direct_fill(struct core *c, uint64_t va, unsigned el, const struct translation *t,
                 bool is_write)
{
    struct core_cache *cache = c->cache;
    bool is_device = (t->memory & 0xf0u) == 0;
    if (!cache->legal || is_device || t->size_log2 < PAGE_SHIFT || c->regimes_stale ||
        t->awaited)
        return;
    pa_t page = pa_make(align_down(t->pa.bits, PAGE_BYTES));
    bool can_read = t->permissions & (el == 0 ? PERMIT_READ_EL0 : PERMIT_READ);
    bool can_write = is_write && (t->permissions & (el == 0 ? PERMIT_WRITE_EL0 : PERMIT_WRITE));
    uint8_t *write = can_write ? c->port->page(c->port->owner, c->pe, page, true) : NULL;
    uint8_t *read = write;
    if (!write && can_read)
        read = c->port->page(c->port->owner, c->pe, page, false);
    if (direct_is_stale(c))
        direct_refresh(c); /* asking to write may have moved the page */
    if (!read)
        return;
    uint64_t tag = direct_page(va) + direct_data_tag(cache, el);
    *direct_entry(cache, va) = (struct direct_entry){
        .read_tag = can_read ? tag : 0,
        .write_tag = write ? tag : 0,
        .addend = (uintptr_t)read - (uintptr_t)direct_page(va),
        .pa = page.bits,
    };
    cache->serial[(va >> PAGE_SHIFT) % DIRECT_COUNT] = t->entry;
}

void core_reset(struct core *c, unsigned el, uint64_t pc, uint64_t x0)
{
    struct cpu *cpu = c->cpu;
    uint64_t insns = cpu->insns, cycles = cpu->cycles;
    memset(cpu, 0, sizeof *cpu);
    cpu->insns = insns;
    cpu->cycles = cycles;
    cpu->el = (uint8_t)el;
    cpu->spsel = 1;
    cpu->daif = PSTATE_DAIF;
    cpu->pc = pc;
    cpu->x[0] = x0;
    sysreg_reset(c);
    debug_refresh(c);
    c->regimes_stale = true; /* what was told stays: the difference is yet to be told */
    direct_drop(c);
}

void reg_tell(struct core *c, unsigned n, uint64_t old, uint64_t value)
{
    event_emit_REG(CORE_HEAD(c), (uint8_t)n, old, value);
}

void vreg_tell(struct core *c, unsigned n, uint64_t low, uint64_t high)
{
    const uint64_t *old = c->cpu->v[n];
    event_emit_VREG(CORE_HEAD(c), (uint8_t)n, old[0], old[1], low, high);
}

enum step vector_check_slowly(struct core *c)
{
    return (c->model->features & SYSREG_FEATURE_FP) ? exception_check_fp(c) : STEP_UNDEFINED;
}

void fpsr_raise_slowly(struct core *c, uint32_t bits)
{
    effective_set_both(c, SR_FPSR, c->cpu->reg[SR_FPSR] | bits);
}

void mem_clear_exclusive(struct core *c)
{
    c->cpu->monitor_size = 0;
}

bool mem_check_sp(struct core *c)
{
    const struct cpu *cpu = c->cpu;
    if ((cpu_sp_get(cpu) & 15u) == 0)
        return true;
    effective_before_bits(c, cpu->el == 2 ? SR_SCTLR_EL2 : SR_SCTLR_EL1,
                          cpu->el == 0 ? SCTLR_EL1_SA0 : SCTLR_EL1_SA);
    bool checks;
    if (cpu->el == 2)
        checks = cpu->effective[SR_SCTLR_EL2] & SCTLR_EL2_SA;
    else if (cpu->el == 1)
        checks = cpu->effective[SR_SCTLR_EL1] & SCTLR_EL1_SA;
    else
        checks = cpu->effective[SR_SCTLR_EL1] & SCTLR_EL1_SA0;
    if (checks)
        exception_sp_alignment(c);
    return !checks;
}

bool core_may_run_fast(const struct core *c)
{
    const uint64_t each = UINT64_C(1) << EVENT_RETIRE | UINT64_C(1) << EVENT_REG |
                          UINT64_C(1) << EVENT_VREG;
    return (c->events->needs[c->pe] & each) == 0 && !c->debug_on && !effective_may_ask(c);
}
