/*
 * The caches' place in the machine: their geometry from the model's CCSIDR_EL1, memory below them,
 * and what PEs ask of them: DC and IC, DSB, context synchronization, TLB maintenance.
 *
 * AArch64.DC and AArch64.IC decide here what an instruction becomes under HCR_EL2: at EL1 with
 * stage 2 in use an invalidation cleans as well (also by SWIO for set and way), and FB broadcasts
 * IC IALLU.
 */
#include "sim/machine_parts.h"

#include "cpu/errata.h"
#include "gen/trace.h"

#include <string.h>

/* --- memory below ---------------------------------------------------------------------------- */

static void host_read(void *owner, uint64_t pa, void *bytes, size_t size)
{
    memory_copy_out(owner, pa_make(pa), bytes, size);
}

static void host_write(void *owner, uint64_t pa, const void *bytes, size_t size)
{
    memory_copy_in(owner, pa_make(pa), bytes, size);
}

/* Whether, and by which tables, a PE reaches cacheable memory: see struct cache_host. */
static uint64_t host_regime(void *owner, unsigned pe, bool el2)
{
    const struct machine *m = owner;
    const struct cpu *cpu = &m->state->cpu[pe];
    const uint64_t *e = cpu->effective;
    if (cpu->wait == CPU_IS_OFF || (!el2 && cpu->el == 2))
        return 0;
    uint64_t on = el2 ? e[SR_SCTLR_EL2] : e[SR_SCTLR_EL1];
    bool is_on = (on & SCTLR_EL1_M) && (on & SCTLR_EL1_C);
    uint64_t hcr = e[SR_HCR_EL2] & (HCR_EL2_VM | HCR_EL2_DC | HCR_EL2_CD);
    if (!is_on && (el2 || !(hcr & HCR_EL2_DC)))
        return 0;
    if (el2)
        return hash_mix(e[SR_TTBR0_EL2] ^ hash_mix(e[SR_TCR_EL2] ^ e[SR_MAIR_EL2] << 7)) | 1;
    uint64_t tables = e[SR_TTBR0_EL1] ^ hash_mix(e[SR_TTBR1_EL1]) ^ e[SR_TCR_EL1] << 5;
    return hash_mix(tables ^ hash_mix(e[SR_VTTBR_EL2] ^ hcr)) | 1;
}

/* --- geometry -------------------------------------------------------------------------------- */

static struct cache_shape shape_of(const struct cpu_model *model, unsigned index)
{
    uint64_t id = model_value(model, SR_CCSIDR_EL1, index, 0);
    return (struct cache_shape){
        .sets = (uint32_t)field_get(CCSIDR_EL1_NumSets, id) + 1,
        .ways = (uint32_t)field_get(CCSIDR_EL1_Associativity, id) + 1,
    };
}

struct cache_config machine_cache_config(const struct machine *m)
{
    uint64_t levels = model_value(&m->model, SR_CLIDR_EL1, 0, 0);
    return (struct cache_config){
        .pe_count = m->config.pe_count,
        .fetch_sees_data = field_get(CLIDR_EL1_LoUIS, levels) == 0,
        .stale_fetch = erratum_is_on(m->config.errata, ERRATUM_STALE_FETCH),
        .data = shape_of(&m->model, 0), /* the index is CSSELR_EL1: Level and InD */
        .code = shape_of(&m->model, 1),
        .unified = shape_of(&m->model, 2),
        .ram_base = MAP_RAM,
        .ram_bytes = m->config.ram_bytes,
    };
}

void machine_cache_init(struct machine *m, size_t first_page)
{
    struct cache_config config = machine_cache_config(m);
    struct cache_host host = {
        .owner = m,
        .read = host_read,
        .write = host_write,
        .regime = host_regime,
        .chooser = &m->chooser,
        .counts = &m->side->counts,
        .events = &m->events,
    };
    for (unsigned pe = 0; pe <= PE_COUNT_MAX; pe++) {
        struct cpu *cpu = &m->state->cpu[pe < m->config.pe_count ? pe : 0];
        host.clock[pe] =
            (struct cache_clock){.insn = &cpu->insns, .time = &cpu->cycles, .el = &cpu->el};
    }
    m->cache = &m->cache_wiring;
    cache_init(m->cache, &config, m->memory, first_page, &host);
}

/* --- accesses --------------------------------------------------------------------------------- */

/* What it costs to be served from there. */
static void charge(struct machine *m, const struct access *access, enum cache_served served)
{
    if (access->pe >= m->config.pe_count)
        return;
    switch (served) {
    case CACHE_SERVED_L1:
        break;
    case CACHE_SERVED_L2:
        m->core[access->pe].extra_cost += m->timing.level2;
        break;
    case CACHE_SERVED_MEMORY:
        m->core[access->pe].extra_cost += m->timing.memory;
        break;
    }
}

/* A bus master whose accesses look into the caches: it sees and changes what everybody does. */
static bool is_coherent_master(const struct access *access)
{
    return access->kind == ACCESS_DMA && access->memory == 0xffu;
}

void machine_cache_read(struct machine *m, const struct access *access, uint64_t value[2])
{
    if (is_coherent_master(access))
        cache_peek(m->cache, access->pa.bits, value, access->size);
    else
        charge(m, access, cache_read(m->cache, access, value));
}

void machine_cache_write(struct machine *m, const struct access *access, const uint64_t value[2])
{
    if (is_coherent_master(access)) {
        memory_copy_in(m, access->pa, value, access->size);
        cache_poke(m->cache, access->pa.bits, value, access->size);
        return;
    }
    charge(m, access, cache_write(m->cache, access, value));
}

/* --- DC and IC -------------------------------------------------------------------------------- */

/* AArch64.DC: invalidation at EL1 must not lose what EL2 has in memory of a virtual machine. */
static unsigned dc_what(const struct cpu *cpu, unsigned what, bool by_set_way)
{
    uint64_t protects = HCR_EL2_VM | HCR_EL2_DC | (by_set_way ? HCR_EL2_SWIO : 0);
    if (what == CACHE_INVALIDATE && cpu->el == 1 && (cpu->effective[SR_HCR_EL2] & protects))
        return CACHE_INVALIDATE | CACHE_CLEAN;
    return what;
}

static void dc_line(struct machine *m, unsigned pe, enum sysreg operation, unsigned what,
                    bool to_unification, const struct translation *t)
{
    const struct cpu *cpu = &m->state->cpu[pe];
    struct cache_line_op op = {
        .pa = t->pa.bits,
        .name = operation,
        .pe = (uint8_t)pe,
        .el = cpu->el,
        .what = (uint8_t)dc_what(cpu, what, false),
        .to_unification = to_unification,
        .memory = t->memory,
        .shareability = t->shareability,
    };
    if (!memory_has(m, t->pa, 1))
        return; /* what is not memory is in no cache */
    if (operation == SR_IC_IVAU)
        cache_code_line(m->cache, &op);
    else
        cache_data_line(m->cache, &op);
}

static void ic_all(struct machine *m, unsigned pe, enum sysreg operation)
{
    const struct cpu *cpu = &m->state->cpu[pe];
    bool upgraded = cpu->el == 1 && (cpu->effective[SR_HCR_EL2] & HCR_EL2_FB);
    cache_code_all(m->cache, pe, operation, operation == SR_IC_IALLUIS || upgraded);
}

void machine_cache_operation(struct machine *m, unsigned pe, enum sysreg operation,
                             const struct translation *t, uint64_t operand)
{
    const struct cpu *cpu = &m->state->cpu[pe];
    unsigned both = CACHE_CLEAN | CACHE_INVALIDATE;
    if (operation == SR_IC_IALLU || operation == SR_IC_IALLUIS)
        ic_all(m, pe, operation);
    else if (operation == SR_IC_IVAU)
        dc_line(m, pe, operation, 0, true, t);
    else if (operation == SR_DC_IVAC)
        dc_line(m, pe, operation, CACHE_INVALIDATE, false, t);
    else if (operation == SR_DC_CVAC || operation == SR_DC_CVAP)
        dc_line(m, pe, operation, CACHE_CLEAN, false, t);
    else if (operation == SR_DC_CVAU)
        dc_line(m, pe, operation, CACHE_CLEAN, true, t);
    else if (operation == SR_DC_CIVAC)
        dc_line(m, pe, operation, both, false, t);
    else if (operation == SR_DC_ISW)
        cache_set_way(m->cache, pe, operation, operand, dc_what(cpu, CACHE_INVALIDATE, true));
    else if (operation == SR_DC_CSW)
        cache_set_way(m->cache, pe, operation, operand, CACHE_CLEAN);
    else if (operation == SR_DC_CISW)
        cache_set_way(m->cache, pe, operation, operand, both);
    else
        bug("a cache operation by register %u", (unsigned)operation);
}
