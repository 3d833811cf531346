/*
 * Where a walk starts, by the registers alone: VMSAv8-64 with granules of 4, 16 and 64 KiB, stage 1
 * of EL1&0 and EL2 and stage 2; and the output of a stage 1 that is off.
 *
 * Follows AArch64.S1Walk and AArch64.S2Walk up to the first descriptor, AArch64.S1InvalidTxSZ,
 * VAIsOutOfRange, S1StartLevel, S2InvalidTxSZ, S2InvalidSL, S2InconsistentSL, IPAIsOutOfRange and
 * S1DisabledOutput. Where the architecture leaves a choice for misprogrammed registers the walk
 * faults: TxSZ out of range (16..39) and an IPA size above the PA size give a Translation fault
 * at level 0. Bits of a table's base below its alignment are taken as 0, and reserved output
 * sizes as 48 bits.
 *
 * Not modelled: 52-bit addresses, small tables, E0PD, TBID.
 */
#include "gen/sysreg.h"
#include "gen/vmsa.h"
#include "mmu/permission.h"
#include "mmu/walk.h"

#include <string.h>

#define TXSZ_MIN 16u
#define TXSZ_MAX 39u
#define CONCATENATED_BITS 4u /* up to 16 stage 2 tables side by side at the start */
#define VA_SIGN_BIT 55u

/* TCR_EL1.IPS, TCR_EL2.PS, VTCR_EL2.PS: never more than is implemented. */
static uint8_t output_size(uint64_t ps, uint8_t pa_bits)
{
    static const uint8_t size[8] = {32, 36, 40, 42, 44, 48, 48, 48};
    return size[ps] < pa_bits ? size[ps] : pa_bits;
}

static bool out_of_range(uint64_t address, unsigned bits)
{
    return (address & ~bits_ones(bits)) != 0;
}

/* Upper addresses (TTBR1) exist in regimes with two privileges only. */
static bool is_upper(const struct regime *regime, uint64_t va)
{
    return regime->kind != REGIME_EL2 && (va >> VA_SIGN_BIT & 1u);
}

static bool ignores_top_byte(const struct regime *regime, uint64_t va)
{
    if (regime->kind == REGIME_EL2)
        return (regime->tcr & TCR_EL2_TBI) != 0;
    return (regime->tcr & (is_upper(regime, va) ? TCR_EL1_TBI1 : TCR_EL1_TBI0)) != 0;
}

uint64_t walk_canonical_va(const struct regime *regime, uint64_t va)
{
    if (!ignores_top_byte(regime, va))
        return va;
    if (regime->kind == REGIME_EL2)
        return va & bits_ones(VA_SIGN_BIT + 1);
    return bits_sign_extend(va, VA_SIGN_BIT + 1);
}

static struct walk_state state_make(unsigned stage, uint64_t input, uint8_t page_log2)
{
    struct walk_state s;
    memset(&s, 0, sizeof s);
    s.stage = (uint8_t)stage;
    s.input = input;
    s.page_log2 = page_log2;
    return s;
}

/* The first table: aligned to its size, checked against the output size. */
static void state_set_base(struct walk_state *s, uint64_t baddr, unsigned input_bits,
                           unsigned level)
{
    s->level = (uint8_t)level;
    s->index_bits = (uint8_t)(input_bits - walk_level_shift(s->page_log2, level));
    s->table = align_down(baddr, UINT64_C(8) << s->index_bits);
    if (out_of_range(s->table, s->output_bits))
        s->fault = FAULT_ADDRESS_SIZE;
}

/* AArch64.S1StartLevel */
static unsigned start_level(unsigned page_log2, unsigned input_bits)
{
    return WALK_LEVEL_LAST - (input_bits - 1 - page_log2) / (page_log2 - 3);
}

/*
 * AArch64.S2InvalidSL and AArch64.S2InconsistentSL: false, or the level that SL0 says. The highest
 * level of a granule can start only where the PA is wide enough to need it.
 */
static bool start_level_stage2(const struct regime *regime, unsigned input_bits, unsigned *level)
{
    unsigned page_log2 = regime->page2_log2;
    unsigned sl0 = (unsigned)field_get(VTCR_EL2_SL0, regime->vtcr);
    unsigned needed = page_log2 == 14 ? 42 : 44;
    if (sl0 == 3 || (sl0 == 2 && regime->pa_bits < needed))
        return false;
    *level = (page_log2 == 12 ? 2 : 3) - sl0;
    unsigned shift = walk_level_shift(page_log2, *level);
    return input_bits > shift && input_bits <= shift + (page_log2 - 3) + CONCATENATED_BITS;
}

struct walk_state walk_start_stage1(const struct regime *regime, uint64_t va)
{
    uint64_t canonical = walk_canonical_va(regime, va);
    bool upper = is_upper(regime, va);
    struct walk_state s = state_make(1, canonical, regime->page_log2[upper]);
    uint64_t tcr = regime->tcr;
    /* TCR_EL2 has its fields where TCR_EL1 has those of TTBR0_EL1, but for the output size. */
    uint64_t txsz = field_get(upper ? TCR_EL1_T1SZ : TCR_EL1_T0SZ, tcr);
    uint64_t irgn = field_get(upper ? TCR_EL1_IRGN1 : TCR_EL1_IRGN0, tcr);
    uint64_t orgn = field_get(upper ? TCR_EL1_ORGN1 : TCR_EL1_ORGN0, tcr);
    uint64_t sh = field_get(upper ? TCR_EL1_SH1 : TCR_EL1_SH0, tcr);
    bool disabled = false;
    if (regime->kind == REGIME_EL2) {
        s.output_bits = output_size(field_get(TCR_EL2_PS, tcr), regime->pa_bits);
    } else {
        s.output_bits = output_size(field_get(TCR_EL1_IPS, tcr), regime->pa_bits);
        disabled = (tcr & (upper ? TCR_EL1_EPD1 : TCR_EL1_EPD0)) != 0;
    }
    s.access = attributes_walk((unsigned)irgn, (unsigned)orgn, (unsigned)sh);
    s.access = attributes_effective(s.access, regime, false, false);
    unsigned bits = (unsigned)(64 - txsz);
    bool in_range =
        txsz >= TXSZ_MIN && txsz <= TXSZ_MAX && !out_of_range(upper ? ~canonical : canonical, bits);
    if (!in_range || disabled) {
        s.fault = FAULT_TRANSLATION;
        return s;
    }
    state_set_base(&s, regime->ttbr[upper] & TTBR0_EL1_BADDR, bits, start_level(s.page_log2, bits));
    return s;
}

struct walk_state walk_start_stage2(const struct regime *regime, uint64_t ipa)
{
    struct walk_state s = state_make(2, ipa, regime->page2_log2);
    uint64_t vtcr = regime->vtcr;
    uint64_t txsz = field_get(VTCR_EL2_T0SZ, vtcr);
    s.output_bits = output_size(field_get(VTCR_EL2_PS, vtcr), regime->pa_bits);
    s.access = attributes_walk((unsigned)field_get(VTCR_EL2_IRGN0, vtcr),
                               (unsigned)field_get(VTCR_EL2_ORGN0, vtcr),
                               (unsigned)field_get(VTCR_EL2_SH0, vtcr));
    if (regime->hcr & HCR_EL2_CD)
        s.access = (struct attributes){MEMORY_NON_CACHEABLE, SHAREABILITY_OUTER};
    s.fault = FAULT_TRANSLATION;
    unsigned bits = (unsigned)(64 - txsz), level;
    if (txsz < TXSZ_MIN || txsz > TXSZ_MAX || bits > regime->pa_bits)
        return s;
    if (!start_level_stage2(regime, bits, &level) || out_of_range(ipa, bits))
        return s;
    s.fault = FAULT_NONE;
    state_set_base(&s, regime->vttbr & VTTBR_EL2_BADDR, bits, level);
    return s;
}

bool walk_disabled(const struct regime *regime, const struct mmu_request *request,
                   struct mapping *out)
{
    uint64_t va = request->va.bits;
    uint64_t address = ignores_top_byte(regime, va) ? va & bits_ones(VA_SIGN_BIT + 1) : va;
    bool is_fetch = request->kind == ACCESS_FETCH;
    struct attributes a = {DEVICE_nGnRnE, SHAREABILITY_OUTER};
    if (regime->hcr & HCR_EL2_DC)
        a = (struct attributes){MEMORY_WRITE_BACK, SHAREABILITY_NON};
    else if (is_fetch && (regime->sctlr & SCTLR_EL1_I))
        a = (struct attributes){MEMORY_WRITE_THROUGH, SHAREABILITY_OUTER};
    else if (is_fetch)
        a = (struct attributes){MEMORY_NON_CACHEABLE, SHAREABILITY_OUTER};
    memset(out, 0, sizeof *out);
    out->input = align_down(address, PAGE_BYTES);
    out->output = out->input;
    out->ipa = ADDRESS_UNKNOWN;
    out->size_log2 = out->leaf1_log2 = out->set_log2 = PAGE_SHIFT;
    out->is_global = 1;
    out->memory = out->memory1 = a.memory;
    out->shareability = out->shareability1 = a.shareability;
    out->permissions1 = out->permissions2 = PERMIT_ALL;
    return !out_of_range(address, regime->pa_bits);
}
