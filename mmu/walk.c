/*
 * What table descriptors say: tables, blocks and pages of VMSAv8-64, and both stages together.
 *
 * Follows AArch64.S1Walk, AArch64.S2Walk, AArch64.BlockDescSupported, OAOutOfRange and
 * ContiguousSize. The contiguous bit never faults, also where the set would be larger than the
 * region (implementation defined); whether a TLB entry covers the set is the walker's matter.
 *
 * Not modelled: 52-bit addresses, small tables, Secure state (NS and NSTable are ignored).
 */
#include "mmu/walk.h"
#include "gen/sysreg.h"
#include "gen/vmsa.h"
#include "mmu/permission.h"

#include <string.h>

#define VA_SIGN_BIT 55u

static bool out_of_range(uint64_t address, unsigned bits)
{
    return (address & ~bits_ones(bits)) != 0;
}

bool walk_accepts(const struct walk_state *s, const struct mapping *table)
{
    return table->size_log2 == walk_level_shift(s->page_log2, table->level1);
}

void walk_resume(struct walk_state *s, const struct mapping *table)
{
    s->table = table->output;
    s->level = (uint8_t)(table->level1 + 1);
    s->index_bits = (uint8_t)(s->page_log2 - 3);
    s->limits = table->limits;
    s->fault = FAULT_NONE;
}

unsigned walk_table_size(const struct walk_state *s)
{
    return walk_level_shift(s->page_log2, s->level) + s->index_bits;
}

uint64_t walk_descriptor_address(const struct walk_state *s)
{
    unsigned shift = walk_level_shift(s->page_log2, s->level);
    uint64_t index = s->input >> shift & bits_ones(s->index_bits);
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

/* log2 of the bytes of a contiguous set of leaves. ContiguousSize. */
static unsigned contiguous_shift(unsigned page_log2, unsigned level)
{
    unsigned shift = walk_level_shift(page_log2, level);
    if (page_log2 == 12)
        return shift + 4;
    return shift + (page_log2 == 14 && level == WALK_LEVEL_LAST ? 7 : 5);
}

/* AArch64.BlockDescSupported; level 3 has pages. */
static bool has_block(unsigned page_log2, unsigned level)
{
    return level == 2 || (level == 1 && page_log2 == 12);
}

static void decode_leaf1(const struct walk_state *s, const struct regime *regime,
                         uint64_t descriptor, struct mapping *out)
{
    unsigned index = (unsigned)field_get(VMSA_LEAF_ATTRINDX, descriptor);
    unsigned ap = (unsigned)field_get(VMSA_LEAF_AP, descriptor);
    uint8_t mair_byte = (uint8_t)(regime->mair >> 8 * index);
    struct attributes a =
        attributes_stage1(mair_byte, (unsigned)field_get(VMSA_LEAF_SH, descriptor));
    bool has_dirty = (regime->features & REGIME_DIRTY1) && (descriptor & VMSA_LEAF_DBM);
    struct permission_bits bits = {
        .two_privileges = regime->kind != REGIME_EL2,
        .read_only = ((ap & 2u) && !has_dirty) || (s->limits & WALK_LIMIT_READ_ONLY),
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
    out->clean = has_dirty && (ap & 2u) ? WALK_CLEAN1 : 0;
}

static void decode_leaf2(const struct walk_state *s, const struct regime *regime,
                         uint64_t descriptor, struct mapping *out)
{
    struct attributes a = attributes_stage2((unsigned)field_get(VMSA_S2_LEAF_MEMATTR, descriptor),
                                            (unsigned)field_get(VMSA_LEAF_SH, descriptor));
    unsigned s2ap = (unsigned)field_get(VMSA_S2_LEAF_S2AP, descriptor);
    unsigned xn = (unsigned)field_get(VMSA_S2_LEAF_XN, descriptor);
    bool has_dirty = (regime->features & REGIME_DIRTY2) && (descriptor & VMSA_LEAF_DBM);
    if (!(regime->features & REGIME_XNX))
        xn &= 2u;
    out->permissions1 = PERMIT_ALL;
    out->permissions2 = permission_stage2(has_dirty ? s2ap | 2u : s2ap, xn);
    out->is_global = 1;
    out->memory = a.memory;
    out->shareability = a.shareability;
    out->level2 = s->level;
    out->clean = has_dirty && !(s2ap & 2u) ? WALK_CLEAN2 : 0;
}

static void decode_table(struct walk_state *s, const struct regime *regime, uint64_t descriptor,
                         struct mapping *out)
{
    unsigned hpd = REGIME_HPD0;
    if (regime->kind != REGIME_EL2 && (s->input >> VA_SIGN_BIT & 1u))
        hpd = REGIME_HPD1;
    if (s->stage == 1 && !(regime->features & hpd))
        s->limits |= table_limits(descriptor);
    out->level1 = s->level;
    out->limits = s->limits;
    walk_resume(s, out);
}

enum walk_verdict walk_decode(struct walk_state *s, const struct regime *regime,
                              uint64_t descriptor, struct mapping *out)
{
    unsigned shift = walk_level_shift(s->page_log2, s->level);
    bool has_table_bit = (descriptor & VMSA_LEAF_TABLE) != 0;
    bool is_table = has_table_bit && s->level < WALK_LEVEL_LAST;
    bool is_leaf = has_table_bit ? s->level == WALK_LEVEL_LAST : has_block(s->page_log2, s->level);
    unsigned aligned = is_table ? s->page_log2 : shift;
    bool is_old = is_leaf && !(descriptor & VMSA_LEAF_AF);
    bool sets_af = (regime->features & (s->stage == 1 ? REGIME_AF1 : REGIME_AF2)) != 0;
    memset(out, 0, sizeof *out);
    out->input = align_down(s->input, UINT64_C(1) << shift);
    out->output = align_down(descriptor & VMSA_LEAF_ADDRESS, UINT64_C(1) << aligned);
    out->ipa = ADDRESS_UNKNOWN;
    out->size_log2 = out->leaf1_log2 = out->set_log2 = (uint8_t)shift;
    s->fault = FAULT_NONE;
    if (!(descriptor & VMSA_LEAF_VALID) || !(is_table || is_leaf))
        s->fault = FAULT_TRANSLATION;
    else if (out_of_range(out->output, s->output_bits))
        s->fault = FAULT_ADDRESS_SIZE;
    else if (is_old && !sets_af)
        s->fault = FAULT_ACCESS_FLAG;
    if (s->fault != FAULT_NONE)
        return WALK_FAULT;
    if (is_table) {
        decode_table(s, regime, descriptor, out);
        return WALK_NEXT_TABLE;
    }
    s->is_old = is_old;
    if (descriptor & VMSA_LEAF_CONTIGUOUS)
        out->set_log2 = (uint8_t)contiguous_shift(s->page_log2, s->level);
    if (s->stage == 1)
        decode_leaf1(s, regime, descriptor, out);
    else
        decode_leaf2(s, regime, descriptor, out);
    return WALK_LEAF;
}

struct mapping walk_combine(const struct mapping *stage1, const struct mapping *stage2, uint64_t va)
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
    m.clean |= stage2->clean;
    struct attributes a =
        attributes_combine((struct attributes){stage1->memory1, stage1->shareability1},
                           (struct attributes){stage2->memory, stage2->shareability});
    m.memory = a.memory;
    m.shareability = a.shareability;
    return m;
}
