/*
 * The bare core: wiring in the place of a machine. Memory is two flat arrays; there is one PE, so
 * that a store exclusive which the local monitor lets through always stores.
 */
#include "tests/diff/bare.h"
#include "cpu/code.h"
#include "cpu/exception.h"
#include "cpu/sysreg.h"
#include "gen/sysreg.h"

#include <stdlib.h>
#include <string.h>

#define HLT_SEMIHOST UINT32_C(0xd45e0000)
/* Level 1 block: valid, AF, inner shareable; AP[1] lets EL0 in. */
#define BLOCK UINT64_C(0x701)
#define BLOCK_EL0 UINT64_C(0x40)

static uint8_t *bytes_at(struct bare *b, uint64_t pa, size_t size)
{
    if (pa >= BARE_USER_BASE && pa - BARE_USER_BASE + size <= BARE_USER_BYTES)
        return b->user + (pa - BARE_USER_BASE);
    if (pa >= BARE_KERNEL_BASE && pa - BARE_KERNEL_BASE + size <= BARE_KERNEL_BYTES)
        return b->kernel + (pa - BARE_KERNEL_BASE);
    return NULL;
}

/* Whether code was decoded from a page, so that stores there are told. */
static bool *watch_of(struct bare *b, uint64_t pa)
{
    bool is_user = pa < BARE_KERNEL_BASE;
    return &b->watched[is_user ? (pa - BARE_USER_BASE) / PAGE_BYTES
                               : BARE_USER_PAGES + (pa - BARE_KERNEL_BASE) / PAGE_BYTES];
}

static enum port_result port_read(void *owner, const struct access *access, uint64_t value[2])
{
    const uint8_t *from = bytes_at(owner, access->pa.bits, access->size);
    if (!from)
        return PORT_EXTERNAL_ABORT;
    value[0] = value[1] = 0;
    memcpy(value, from, access->size);
    return PORT_OK;
}

static enum port_result port_write(void *owner, const struct access *access,
                                   const uint64_t value[2])
{
    uint8_t *to = bytes_at(owner, access->pa.bits, access->size);
    if (!to)
        return PORT_EXTERNAL_ABORT;
    memcpy(to, value, access->size);
    bool *watched = watch_of(owner, access->pa.bits);
    if (*watched) {
        uint64_t page = align_down(access->pa.bits, PAGE_BYTES);
        *watched = code_written(((struct bare *)owner)->core.code, access->pa, access->size,
                                bytes_at(owner, page, PAGE_BYTES));
    }
    return PORT_OK;
}

static uint8_t *port_page(void *owner, unsigned pe, pa_t page, bool is_write)
{
    (void)pe;
    uint8_t *bytes = bytes_at(owner, page.bits, PAGE_BYTES);
    return bytes && is_write && *watch_of(owner, page.bits) ? NULL : bytes;
}

/* One PE: the global monitor says what the local one says. */
static void port_monitor_arm(void *owner, unsigned pe, pa_t pa)
{
    (void)owner, (void)pe, (void)pa;
}

static bool port_monitor_store(void *owner, unsigned pe, pa_t pa, unsigned size)
{
    (void)owner, (void)pe, (void)pa, (void)size;
    return true;
}

static const uint8_t *port_code(void *owner, pa_t page, uint8_t *told)
{
    struct bare *b = owner;
    const uint8_t *bytes = bytes_at(b, page.bits, PAGE_BYTES);
    if (bytes)
        *watch_of(b, page.bits) = true;
    b->epoch++;
    *told = 0;
    return bytes;
}

static bool port_peek(const void *owner, pa_t pa, void *bytes, size_t size)
{
    const struct bare *b = owner;
    if (pa.bits < BARE_KERNEL_BASE || pa.bits - BARE_KERNEL_BASE + size > BARE_KERNEL_BYTES)
        return false;
    memcpy(bytes, b->kernel + (pa.bits - BARE_KERNEL_BASE), size);
    return true;
}

static void op_tlbi(void *owner, unsigned pe, struct tlbi *message)
{
    (void)pe;
    mmu_tlbi_receive(&((struct bare *)owner)->mmu, message);
}

static void op_barrier(void *owner, unsigned pe, enum barrier_kind kind, unsigned crm)
{
    (void)pe, (void)crm;
    struct bare *b = owner;
    b->barriers |= 1u << kind;
    if (kind == BARRIER_DSB)
        mmu_tlbi_finish(&b->mmu, 0, true);
}

static void op_send_event(void *owner, unsigned pe)
{
    (void)pe;
    ((struct bare *)owner)->events_sent++;
}

static uint64_t op_counter(void *owner, unsigned pe)
{
    (void)pe;
    return ((struct bare *)owner)->cpu.cycles;
}

static void op_timer_changed(void *owner, unsigned pe)
{
    (void)owner, (void)pe;
}

static void op_cache(void *owner, unsigned pe, enum sysreg operation, const struct translation *t,
                     uint64_t operand)
{
    (void)owner, (void)pe, (void)operation, (void)t, (void)operand;
}

static void op_synchronize(void *owner, unsigned pe)
{
    (void)owner, (void)pe;
}

static bool op_stream_event(void *owner, unsigned pe)
{
    (void)owner, (void)pe;
    return false;
}

static uint64_t op_gic_register(void *owner, unsigned pe, enum sysreg reg, bool is_write,
                                uint64_t value)
{
    (void)owner, (void)pe, (void)is_write, (void)value;
    bug("no register %s here", sysreg_name(reg));
}

static const struct core_ops ops = {
    .tlbi = op_tlbi,
    .barrier = op_barrier,
    .send_event = op_send_event,
    .stream_event = op_stream_event,
    .counter = op_counter,
    .timer_changed = op_timer_changed,
    .cache = op_cache,
    .synchronize = op_synchronize,
    .gic_register = op_gic_register,
};

/* armv8.0 with every feature that has instructions, but for those of AArch32 and FP. */
static void model_make(struct bare *b)
{
    const struct cpu_model *row = model_find("armv8.0");
    ensure(row && row->value_count < ARRAY_COUNT(b->values));
    memcpy(b->values, row->values, row->value_count * sizeof b->values[0]);
    b->model = *row;
    b->model.features |= SYSREG_FEATURE_FP;
    b->model.values = b->values;
    b->model.features |= SYSREG_FEATURE_CRC32 | SYSREG_FEATURE_LSE | SYSREG_FEATURE_RCPC |
                         SYSREG_FEATURE_LOR | SYSREG_FEATURE_PAN | SYSREG_FEATURE_UAO |
                         SYSREG_FEATURE_DPB | SYSREG_FEATURE_PMU | SYSREG_FEATURE_AES |
                         SYSREG_FEATURE_PMULL | SYSREG_FEATURE_SHA1 | SYSREG_FEATURE_SHA256 |
                         SYSREG_FEATURE_RDM;
    b->values[b->model.value_count++] =
        (struct sysreg_value){.reg = SR_PMCR_EL0, .value = field_put(PMCR_EL0_N, 6)};
    for (unsigned i = 0; i < row->value_count; i++) {
        if (b->values[i].reg == SR_ID_AA64ISAR0_EL1)
            b->values[i].value |= field_put(ID_AA64ISAR0_EL1_CRC32, 1);
    }
}

static void wire(struct bare *b)
{
    b->mmu_config = (struct mmu_config){
        .pa_bits = 40, .vmid_bits = 8, .asid_bits = 16, .tlb_entries = 256};
    b->memory = cow_new(mmu_tlb_pages(&b->mmu_config));
    b->port = (struct port){
        .owner = b,
        .read = port_read,
        .write = port_write,
        .page = port_page,
        .monitor_arm = port_monitor_arm,
        .monitor_store = port_monitor_store,
        .code = port_code,
        .epoch = &b->epoch,
        .peek = port_peek,
    };
    b->clock = (struct event_clock){&b->cpu.insns, &b->cpu.cycles, &b->cpu.el};
    b->mmu = (struct mmu){
        .state = &b->mmu_state,
        .memory = b->memory,
        .config = &b->mmu_config,
        .port = &b->port,
        .chooser = &b->chooser,
        .counts = &b->counts,
        .events = &b->events,
        .clock = &b->clock,
    };
    mmu_wire(&b->mmu);
    b->timing = timing_make("armv8.0", true);
    b->core = (struct core){
        .cpu = &b->cpu,
        .mmu = &b->mmu,
        .port = &b->port,
        .chooser = &b->chooser,
        .counts = &b->counts,
        .events = &b->events,
        .model = &b->model,
        .timing = &b->timing,
        .ops = &ops,
        .owner = b,
        .code = code_new(),
    };
    core_wire(&b->core);
}

/* Page table and registers: see bare_new(). */
static void set_up(struct bare *b)
{
    uint64_t table[2] = {BLOCK | BLOCK_EL0, BARE_KERNEL_BASE | BLOCK};
    memcpy(b->kernel, table, sizeof table);
    for (uint64_t at = 0; at < 0x800; at += 0x80)
        memcpy(b->kernel + (BARE_VECTORS - BARE_KERNEL_BASE) + at, &(uint32_t){HLT_SEMIHOST}, 4);
    struct core *c = &b->core;
    core_reset(c, 1, BARE_CODE, 0);
    sysreg_set(c, SR_MAIR_EL1, 0xff);
    sysreg_set(c, SR_TTBR0_EL1, BARE_KERNEL_BASE);
    /* T0SZ=25: 512 GiB, so the walk starts at level 1; EPD1; 40-bit output */
    sysreg_set(c, SR_TCR_EL1, 25u | 1u << 8 | 1u << 10 | 3u << 12 | 1u << 23 | UINT64_C(2) << 32);
    sysreg_set(c, SR_CPACR_EL1, CPACR_EL1_FPEN);
    sysreg_set(c, SR_CPTR_EL2, sysreg_get(c, SR_CPTR_EL2) & ~CPTR_EL2_TFP);
    sysreg_set(c, SR_VBAR_EL1, BARE_VECTORS);
    sysreg_set(c, SR_VBAR_EL2, BARE_VECTORS);
    sysreg_set(c, SR_SCTLR_EL1,
               sysreg_get(c, SR_SCTLR_EL1) | SCTLR_EL1_M | SCTLR_EL1_C | SCTLR_EL1_I |
                   SCTLR_EL1_SA | SCTLR_EL1_SA0 | SCTLR_EL1_DZE | SCTLR_EL1_UCT | SCTLR_EL1_UCI |
                   SCTLR_EL1_nTWI | SCTLR_EL1_nTWE);
    core_synchronize(c);
}

struct bare *bare_new(void)
{
    struct bare *b = calloc(1, sizeof *b);
    ensure(b);
    b->user = aligned_alloc(PAGE_BYTES, BARE_USER_BYTES);
    b->kernel = aligned_alloc(PAGE_BYTES, BARE_KERNEL_BYTES);
    ensure(b->user && b->kernel);
    memset(b->user, 0, BARE_USER_BYTES);
    memset(b->kernel, 0, BARE_KERNEL_BYTES);
    chooser_init(&b->chooser, CHOICE_DEFAULT);
    model_make(b);
    wire(b);
    set_up(b);
    return b;
}

void bare_free(struct bare *b)
{
    core_unwire(&b->core);
    code_free(b->core.code);
    mmu_unwire(&b->mmu);
    cow_free(b->memory);
    chooser_free(&b->chooser);
    free(b->user);
    free(b->kernel);
    free(b);
}

void bare_enter(struct bare *b, unsigned el, uint64_t pc)
{
    b->cpu.el = (uint8_t)el;
    b->cpu.spsel = el != 0;
    b->cpu.daif = 0;
    b->cpu.nzcv = 0;
    b->cpu.wait = CPU_RUNS;
    b->cpu.pc = pc;
}

static struct engine_result run(struct bare *b, enum engine_kind kind, uint64_t steps)
{
    struct engine_budget budget = {.steps = steps, .cycles = UINT64_MAX};
    code_restored(b->core.code); /* tests write to memory between runs */
    return kind == ENGINE_KIND_FAST ? core_run_fast(&b->core, &budget)
                                    : core_run_precise(&b->core, &budget);
}

enum engine_reason bare_run(struct bare *b, enum engine_kind kind, uint64_t max_steps)
{
    for (uint64_t done = 0; done < max_steps;) {
        struct engine_result result = run(b, kind, max_steps - done);
        done += result.steps;
        if (result.reason != ENGINE_BUDGET && result.reason != ENGINE_LINES)
            return result.reason;
    }
    return ENGINE_BUDGET;
}

struct engine_result bare_step(struct bare *b, enum engine_kind kind, uint32_t word)
{
    b->cpu.pc = bare_code(b->cpu.el);
    memcpy(bytes_at(b, b->cpu.pc, sizeof word), &word, sizeof word);
    return run(b, kind, 1);
}
