/*
 * Table walks of VMSAv8-64, 4 KiB granule, stage 1 of EL1&0 and EL2 and stage 2.
 *
 * Follows AArch64.S1Walk, AArch64.S2Walk, AArch64.S1DisabledOutput, S2InvalidSL,
 * S2InconsistentSL and OAOutOfRange. Where the architecture leaves a choice for misprogrammed
 * registers the walk faults: TxSZ out of range and an IPA size above the PA size give a
 * Translation fault at level 0.
 *
 * Not modelled: 16 and 64 KiB granules, 52-bit addresses, hardware management of the access flag
 * and dirty state, small tables, Secure state (NS and NSTable are ignored). The contiguous bit is
 * a hint that is not taken: every descriptor is an entry of its own.
 */
#include "mmu/walk.h"
#include "gen/sysreg.h"
#include "gen/vmsa.h"
#include "mmu/permission.h"

#include <string.h>

#define LEVEL_LAST 3u
#define LEVEL_BITS 9u
#define TXSZ_MIN 16u
#define TXSZ_MAX 39u
#define CONCATENATED_BITS 4u /* up to 16 stage 2 tables side by side at the start */
#define VA_SIGN_BIT 55u

/* log2 of the bytes that one descriptor of a level covers. */
static unsigned level_shift(unsigned level)
{
    return PAGE_SHIFT + LEVEL_BITS * (LEVEL_LAST - level);
}

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

static struct walk_state state_make(unsigned stage, uint64_t input)
{
    struct walk_state s;
    memset(&s, 0, sizeof s);
    s.stage = (uint8_t)stage;
    s.input = input;
    return s;
}

/* The first table: aligned to its size, checked against the output size. */
static void state_set_base(struct walk_state *s, uint64_t baddr, unsigned input_bits,
                           unsigned level)
{
    s->level = (uint8_t)level;
    s->index_bits = (uint8_t)(input_bits - level_shift(level));
    s->table = align_down(baddr, UINT64_C(8) << s->index_bits);
    if (out_of_range(s->table, s->output_bits))
        s->fault = FAULT_ADDRESS_SIZE;
}

static unsigned start_level(unsigned input_bits)
{
    unsigned levels = (input_bits - PAGE_SHIFT + LEVEL_BITS - 1) / LEVEL_BITS;
    return LEVEL_LAST + 1 - levels;
}

struct walk_state walk_start_stage1(const struct regime *regime, uint64_t va)
{
    uint64_t canonical = walk_canonical_va(regime, va);
    struct walk_state s = state_make(1, canonical);
    bool upper = is_upper(regime, va);
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
    s.access = attributes_effective(s.access, regime, false);
    unsigned bits = (unsigned)(64 - txsz);
    bool in_range = txsz >= TXSZ_MIN && txsz <= TXSZ_MAX &&
                    !out_of_range(upper ? ~canonical : canonical, bits);
    if (!in_range || disabled) {
        s.fault = FAULT_TRANSLATION;
        return s;
    }
    state_set_base(&s, regime->ttbr[upper] & TTBR0_EL1_BADDR, bits, start_level(bits));
    return s;
}

struct walk_state walk_start_stage2(const struct regime *regime, uint64_t ipa)
{
    struct walk_state s = state_make(2, ipa);
    uint64_t vtcr = regime->vtcr;
    uint64_t txsz = field_get(VTCR_EL2_T0SZ, vtcr);
    unsigned sl0 = (unsigned)field_get(VTCR_EL2_SL0, vtcr);
    s.output_bits = output_size(field_get(VTCR_EL2_PS, vtcr), regime->pa_bits);
    s.access = attributes_walk((unsigned)field_get(VTCR_EL2_IRGN0, vtcr),
                               (unsigned)field_get(VTCR_EL2_ORGN0, vtcr),
                               (unsigned)field_get(VTCR_EL2_SH0, vtcr));
    if (regime->hcr & HCR_EL2_CD)
        s.access = (struct attributes){MEMORY_NON_CACHEABLE, SHAREABILITY_OUTER};
    s.fault = FAULT_TRANSLATION;
    if (txsz < TXSZ_MIN || txsz > TXSZ_MAX || 64 - txsz > regime->pa_bits)
        return s;
    if (sl0 == 3 || (sl0 == 2 && regime->pa_bits < 44))
        return s;
    unsigned bits = (unsigned)(64 - txsz), level = 2 - sl0;
    unsigned shift = level_shift(level);
    bool consistent = bits > shift && bits <= shift + LEVEL_BITS + CONCATENATED_BITS;
    if (!consistent || out_of_range(ipa, bits))
        return s;
    s.fault = FAULT_NONE;
    state_set_base(&s, regime->vttbr & VTTBR_EL2_BADDR, bits, level);
    return s;
}

void walk_resume(struct walk_state *s, const struct mapping *table)
{
    s->table = table->output;
    s->level = (uint8_t)(table->level1 + 1);
    s->index_bits = LEVEL_BITS;
    s->limits = table->limits;
    s->fault = FAULT_NONE;
}

unsigned walk_table_size(const struct walk_state *s)
{
    return level_shift(s->level) + s->index_bits;
}

uint64_t walk_descriptor_address(const struct walk_state *s)
{
    uint64_t index = s->input >> level_shift(s->level) & bits_ones(s->index_bits);
    return s->table + index * 8;
}

static uint8_t table_limits(uint64_t descriptor)
{
    uint64_t ap = field_get(VMSA_TABLE_APTABLE, descriptor);
    unsigned limits = 0;
    if (ap & 2u)
        limits |= WALK_LIMIT_READ_ONLY;
    if (ap & 1u)
        limits |= WALK_LIMIT_NO_EL0;
    if (descriptor & VMSA_TABLE_UXNTABLE)
        limits |= WALK_LIMIT_UXN;
    if (descriptor & VMSA_TABLE_PXNTABLE)
        limits |= WALK_LIMIT_PXN;
    return (uint8_t)limits;
}

static void decode_leaf1(const struct walk_state *s, const struct regime *regime,
                         uint64_t descriptor, struct mapping *out)
{
    unsigned index = (unsigned)field_get(VMSA_LEAF_ATTRINDX, descriptor);
    unsigned ap = (unsigned)field_get(VMSA_LEAF_AP, descriptor);
    uint8_t mair_byte = (uint8_t)(regime->mair >> 8 * index);
    struct attributes a =
        attributes_stage1(mair_byte, (unsigned)field_get(VMSA_LEAF_SH, descriptor));
    struct permission_bits bits = {
        .two_privileges = regime->kind != REGIME_EL2,
        .read_only = (ap & 2u) || (s->limits & WALK_LIMIT_READ_ONLY),
        .el0 = (ap & 1u) && !(s->limits & WALK_LIMIT_NO_EL0),
        .uxn = (descriptor & VMSA_LEAF_UXN) || (s->limits & WALK_LIMIT_UXN),
        .pxn = (descriptor & VMSA_LEAF_PXN) || (s->limits & WALK_LIMIT_PXN),
        .wxn = (regime->sctlr & SCTLR_EL1_WXN) != 0,
    };
    out->permissions1 = permission_stage1(bits);
    out->permissions2 = PERMIT_ALL;
    out->is_global = regime->kind == REGIME_EL2 || !(descriptor & VMSA_LEAF_NG);
    out->memory = out->memory1 = a.memory;
    out->shareability = out->shareability1 = a.shareability;
    out->level1 = s->level;
}

static void decode_leaf2(const struct walk_state *s, uint64_t descriptor, struct mapping *out)
{
    struct attributes a = attributes_stage2((unsigned)field_get(VMSA_S2_LEAF_MEMATTR, descriptor),
                                            (unsigned)field_get(VMSA_LEAF_SH, descriptor));
    out->permissions1 = PERMIT_ALL;
    out->permissions2 = permission_stage2((unsigned)field_get(VMSA_S2_LEAF_S2AP, descriptor),
                                          (descriptor & VMSA_S2_LEAF_XN) != 0);
    out->is_global = 1;
    out->memory = a.memory;
    out->shareability = a.shareability;
    out->level2 = s->level;
}

enum walk_verdict walk_decode(struct walk_state *s, const struct regime *regime,
                              uint64_t descriptor, struct mapping *out)
{
    unsigned shift = level_shift(s->level);
    uint64_t output = descriptor & VMSA_LEAF_ADDRESS;
    bool has_table_bit = (descriptor & VMSA_LEAF_TABLE) != 0;
    bool is_table = has_table_bit && s->level < LEVEL_LAST;
    bool is_leaf = has_table_bit ? s->level == LEVEL_LAST : s->level == 1 || s->level == 2;
    memset(out, 0, sizeof *out);
    out->input = align_down(s->input, UINT64_C(1) << shift);
    out->output = is_table ? output : align_down(output, UINT64_C(1) << shift);
    out->ipa = ADDRESS_UNKNOWN;
    out->size_log2 = (uint8_t)shift;
    s->fault = FAULT_NONE;
    if (!(descriptor & VMSA_LEAF_VALID) || !(is_table || is_leaf))
        s->fault = FAULT_TRANSLATION;
    else if (out_of_range(out->output, s->output_bits))
        s->fault = FAULT_ADDRESS_SIZE;
    else if (is_leaf && !(descriptor & VMSA_LEAF_AF))
        s->fault = FAULT_ACCESS_FLAG;
    if (s->fault != FAULT_NONE)
        return WALK_FAULT;
    if (is_table) {
        if (s->stage == 1)
            s->limits |= table_limits(descriptor);
        out->level1 = s->level;
        out->limits = s->limits;
        walk_resume(s, out);
        return WALK_NEXT_TABLE;
    }
    if (s->stage == 1)
        decode_leaf1(s, regime, descriptor, out);
    else
        decode_leaf2(s, descriptor, out);
    return WALK_LEAF;
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
    out->size_log2 = PAGE_SHIFT;
    out->is_global = 1;
    out->memory = out->memory1 = a.memory;
    out->shareability = out->shareability1 = a.shareability;
    out->permissions1 = out->permissions2 = PERMIT_ALL;
    return !out_of_range(address, regime->pa_bits);
}

struct mapping walk_combine(const struct mapping *stage1, const struct mapping *stage2,
                            uint64_t va)
{
    struct mapping m = *stage1;
    uint64_t offset1 = va & bits_ones(stage1->size_log2);
    uint64_t ipa = stage1->output + offset1;
    uint64_t pa = stage2->output + (ipa & bits_ones(stage2->size_log2));
    m.size_log2 = stage1->size_log2 < stage2->size_log2 ? stage1->size_log2 : stage2->size_log2;
    uint64_t size = UINT64_C(1) << m.size_log2;
    m.input = align_down(va, size);
    m.ipa = align_down(ipa, size);
    m.output = align_down(pa, size);
    m.permissions2 = stage2->permissions2;
    m.level2 = stage2->level2;
    struct attributes a =
        attributes_combine((struct attributes){stage1->memory1, stage1->shareability1},
                           (struct attributes){stage2->memory, stage2->shareability});
    m.memory = a.memory;
    m.shareability = a.shareability;
    return m;
}
