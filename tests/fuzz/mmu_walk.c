/*
 * Fuzz target: walks under any registers through any descriptors. The input is the registers, one
 * request and a pool of descriptors; every address of memory holds one of the pool. A walk never
 * crashes and reads at most 24 descriptors (and those of updates of the access flag and dirty
 * state); a TLB that starts empty gives the same, once filled too; and what is translated lies in
 * the PA space.
 */
#include <stdlib.h>
#include <string.h>

#include "gen/sysreg.h"
#include "gen/vmsa.h"
#include "mmu/mmu.h"
#include "tests/fuzz/target.h"

struct input {
    struct vmsa_registers registers;
    uint64_t va;
    uint8_t el, kind, is_write, size, alignment, stage1_only, pa_bits, big_ids;
    uint8_t granules, features, is_special, reserved[5];
};

struct pool {
    const uint8_t *bytes; /* any alignment */
    uint64_t count;
};

static uint64_t pool_get(const struct pool *pool, uint64_t pa)
{
    uint64_t descriptor = 0;
    if (pool->count != 0)
        memcpy(&descriptor, pool->bytes + hash_mix(pa) % pool->count * 8, 8);
    return descriptor;
}

static enum port_result port_read(void *owner, const struct access *access, uint64_t value[2])
{
    value[0] = pool_get(owner, access->pa.bits);
    return access->pa.bits >> 47 ? PORT_EXTERNAL_ABORT : PORT_OK;
}

/* Updates of descriptors are lost: every address has its descriptor for ever. */
static enum port_result port_write(void *owner, const struct access *access,
                                   const uint64_t value[2])
{
    ensure(access->kind == ACCESS_WALK && access->atomic && access->size == 8);
    return pool_get(owner, access->pa.bits) == value[0] ? PORT_EXTERNAL_ABORT : PORT_OK;
}

static bool port_peek(const void *owner, pa_t pa, void *bytes, size_t size)
{
    uint64_t descriptor = pool_get(owner, pa.bits);
    ensure(size == sizeof descriptor);
    memcpy(bytes, &descriptor, size);
    return pa.bits >> 47 == 0;
}

/*
 * An observer sees a page that the walk itself has made dirty (the page of a stage 1 table, which
 * is read too) as clean: then only the permission to write may differ.
 */
static void check(const struct translation *t, const struct walk *walk,
                  const struct mmu_config *config)
{
    const struct translation *p = &walk->result;
    unsigned open = config->features & MMU_FEATURE_DIRTY ? PERMIT_WRITE | PERMIT_WRITE_EL0 : 0;
    ensure(walk->step_count <= WALK_STEP_MAX);
    ensure(memcmp(&t->fault, &p->fault, sizeof t->fault) == 0);
    ensure(t->pa.bits == p->pa.bits && t->ipa.bits == p->ipa.bits);
    ensure(t->memory == p->memory && t->shareability == p->shareability);
    ensure(t->size_log2 == p->size_log2 && (t->permissions | open) == (p->permissions | open));
    ensure(t->fault.kind != FAULT_NONE || t->pa.bits >> config->pa_bits == 0);
    ensure(t->fault.level <= 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t sizes[] = {32, 36, 40, 42, 44, 48};
    struct input in;
    memset(&in, 0, sizeof in);
    memcpy(&in, bytes, size < sizeof in ? size : sizeof in);
    struct pool pool = {bytes + sizeof in, size < sizeof in ? 0 : (size - sizeof in) / 8};
    struct mmu_config config = {.pa_bits = sizes[in.pa_bits % sizeof sizes],
                                .vmid_bits = in.big_ids & 1 ? 16 : 8,
                                .asid_bits = in.big_ids & 2 ? 16 : 8,
                                .granules = in.granules & 7,
                                .features = in.features & 15,
                                .tlb_entries = 1 + (in.big_ids >> 2)};
    uint64_t insn = 0, now = 0;
    uint8_t el = in.el % 3;
    struct event_clock clock = {&insn, &now, &el};
    struct events events;
    struct chooser chooser;
    struct choice_counts counts;
    struct mmu_state state;
    struct port port = {.owner = &pool, .read = port_read, .write = port_write, .peek = port_peek};
    memset(&events, 0, sizeof events);
    memset(&counts, 0, sizeof counts);
    memset(&state, 0, sizeof state);
    chooser_init(&chooser, CHOICE_DEFAULT);
    struct mmu mmu = {.state = &state, .config = &config, .port = &port, .chooser = &chooser,
                      .counts = &counts, .events = &events, .clock = &clock};
    mmu.memory = cow_new(mmu_tlb_pages(&config));
    mmu_wire(&mmu);

    enum regime_kind kind = el == 2 ? REGIME_EL2 : REGIME_EL10;
    struct regime regime = regime_make(kind, &in.registers, &config);
    struct mmu_request request = {.va = va_make(in.va),
                                  .el = el,
                                  .kind = in.kind % ACCESS_KIND_COUNT,
                                  .is_write = in.is_write & 1,
                                  .size = (uint8_t)(in.size % 8 ? 1u << in.size % 8 >> 1 : 0),
                                  .alignment = (uint8_t)(1u << in.alignment % 5),
                                  .stage1_only = in.stage1_only & 1,
                                  .is_at = in.is_special & 1,
                                  .is_cache_op = in.is_special >> 1 & 1,
                                  .is_atomic = in.is_special >> 2 & 1,
                                  .pan = in.is_special >> 3 & 1};
    struct walk walk;
    struct translation t;
    mmu_peek(&mmu, &regime, &request, &walk);
    for (unsigned again = 0; again < 2; again++) {
        mmu_translate(&mmu, &regime, &request, &t);
        check(&t, &walk, &config);
        ensure(state.tlb_valid <= config.tlb_entries);
    }
    chooser_free(&chooser);
    mmu_unwire(&mmu);
    cow_free(mmu.memory);
    return 0;
}

/* Seeds: EL2, EL1 alone and under stage 2, with tables, blocks and pages in the pool. */
const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    static struct {
        struct input in;
        uint64_t pool[8];
    } seed;
    if (index >= 6)
        return NULL;
    memset(&seed, 0, sizeof seed);
    struct vmsa_registers *r = &seed.in.registers;
    r->sctlr_el1 = r->sctlr_el2 = SCTLR_EL1_M | SCTLR_EL1_C;
    r->tcr_el1 = field_put(TCR_EL1_T0SZ, 16) | field_put(TCR_EL1_T1SZ, 25) |
                 field_put(TCR_EL1_IPS, 5);
    r->tcr_el2 = field_put(TCR_EL2_T0SZ, 25) | field_put(TCR_EL2_PS, 5);
    r->ttbr0_el1 = r->ttbr0_el2 = 0x1000;
    r->ttbr1_el1 = 0x2000;
    r->vttbr_el2 = 0x4000;
    r->vtcr_el2 = field_put(VTCR_EL2_T0SZ, 25 - index) | field_put(VTCR_EL2_SL0, 1) |
                  field_put(VTCR_EL2_PS, 5);
    r->hcr_el2 = index & 1 ? HCR_EL2_VM : 0;
    seed.in.el = (uint8_t)(index == 0 ? 2 : 1);
    seed.in.va = index == 3 ? UINT64_C(0xffffff8000001238) : UINT64_C(0x1238);
    seed.in.pa_bits = 4;
    seed.in.big_ids = 0xff;
    if (index >= 4) { /* 16 KiB over 64 KiB, and hardware updates at both stages */
        seed.in.granules = 7;
        seed.in.features = 15;
        r->tcr_el1 = field_put(TCR_EL1_T0SZ, 20) | field_put(TCR_EL1_IPS, 5) |
                     field_put(TCR_EL1_TG0, 2) | TCR_EL1_HA | TCR_EL1_HD;
        r->vtcr_el2 = field_put(VTCR_EL2_T0SZ, 24) | field_put(VTCR_EL2_SL0, 1) |
                      field_put(VTCR_EL2_PS, 5) | field_put(VTCR_EL2_TG0, 1) | VTCR_EL2_HA |
                      VTCR_EL2_HD;
        seed.in.is_write = index == 5;
    }
    for (unsigned i = 0; i < 8; i++)
        seed.pool[i] = (uint64_t)(i + 5) << 30 | VMSA_LEAF_AF | field_put(VMSA_LEAF_AP, 1) |
                       (i < 6 ? 3 : 1) | (index >= 4 ? VMSA_LEAF_DBM : 0);
    *size = sizeof seed;
    return (const uint8_t *)&seed;
}
