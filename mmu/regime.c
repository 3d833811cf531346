/*
 * Registers to a value: everything that a translation under one regime depends on.
 *
 * Registers of the other regimes and bits that no translation looks at are left out, so that their
 * writes make no new regime. Follows AArch64.GetS1TTWParams, AArch64.GetS2TTWParams, the effective
 * values of HCR_EL2 and SCTLR_EL1 under HCR_EL2.{DC,TGE}, and the widths of ASID and VMID given by
 * TCR_EL1.AS and VTCR_EL2.VS.
 *
 * There is no Virtualization Host Extension in the model, so that nobody can ask for EL2&0. For a
 * granule that is reserved or not implemented the architecture takes one that is: here the
 * smallest.
 */
#include "mmu/regime.h"
#include "gen/sysreg.h"

#include <string.h>

#define SCTLR_USED                                                                                 \
    (SCTLR_EL1_M | SCTLR_EL1_A | SCTLR_EL1_C | SCTLR_EL1_I | SCTLR_EL1_WXN | SCTLR_EL1_EE)
#define HCR_USED (HCR_EL2_VM | HCR_EL2_PTW | HCR_EL2_DC | HCR_EL2_CD | HCR_EL2_ID)
#define VTCR_USED                                                                                  \
    (VTCR_EL2_T0SZ | VTCR_EL2_SL0 | VTCR_EL2_IRGN0 | VTCR_EL2_ORGN0 | VTCR_EL2_SH0 | VTCR_EL2_PS | \
     VTCR_EL2_TG0 | VTCR_EL2_HA | VTCR_EL2_HD)

uint16_t regime_vmid(const struct vmsa_registers *r, const struct mmu_config *config)
{
    uint64_t vmid = field_get(VTTBR_EL2_VMID, r->vttbr_el2);
    bool wide = config->vmid_bits == 16 && (r->vtcr_el2 & VTCR_EL2_VS);
    return (uint16_t)(wide ? vmid : vmid & 0xff);
}

uint16_t regime_asid(const struct vmsa_registers *r, const struct mmu_config *config, uint64_t asid)
{
    bool wide = config->asid_bits == 16 && (r->tcr_el1 & TCR_EL1_AS);
    return (uint16_t)(wide ? asid : asid & 0xff);
}

/* log2 of the granule: an encoding that is reserved or not implemented is the smallest one. */
static uint8_t page_log2(const struct mmu_config *config, unsigned wanted)
{
    unsigned there = config->granules != 0 ? config->granules : MMU_GRANULE_4K;
    if (there & wanted & MMU_GRANULE_4K)
        return 12;
    if (there & wanted & MMU_GRANULE_16K)
        return 14;
    if (there & wanted & MMU_GRANULE_64K)
        return 16;
    return page_log2(config, there);
}

/* AArch64.S1DecodeTG0 (also TCR_EL2.TG0 and VTCR_EL2.TG0) and AArch64.S1DecodeTG1. */
static uint8_t decode_tg0(const struct mmu_config *config, uint64_t tg)
{
    static const uint8_t granule[4] = {MMU_GRANULE_4K, MMU_GRANULE_64K, MMU_GRANULE_16K, 0};
    return page_log2(config, granule[tg]);
}

static uint8_t decode_tg1(const struct mmu_config *config, uint64_t tg)
{
    static const uint8_t granule[4] = {0, MMU_GRANULE_16K, MMU_GRANULE_4K, MMU_GRANULE_64K};
    return page_log2(config, granule[tg]);
}

/* HA, and HD which counts only with it, as bits of the regime. */
static uint8_t updates(const struct mmu_config *config, bool ha, bool hd, unsigned shift)
{
    bool access_flag = ha && (config->features & MMU_FEATURE_AF);
    bool dirty = access_flag && hd && (config->features & MMU_FEATURE_DIRTY);
    return (uint8_t)((access_flag ? REGIME_AF1 << shift : 0) |
                     (dirty ? REGIME_DIRTY1 << shift : 0));
}

static void add_feature(struct regime *regime, bool on, unsigned feature)
{
    if (on)
        regime->features |= (uint8_t)feature;
}

static void make_stage2(struct regime *regime, const struct vmsa_registers *r,
                        const struct mmu_config *config)
{
    regime->vtcr = r->vtcr_el2 & VTCR_USED;
    regime->vttbr = r->vttbr_el2;
    regime->stage2_is_big_endian = (r->sctlr_el2 & SCTLR_EL2_EE) != 0;
    regime->page2_log2 = decode_tg0(config, field_get(VTCR_EL2_TG0, r->vtcr_el2));
    regime->features |= updates(config, r->vtcr_el2 & VTCR_EL2_HA, r->vtcr_el2 & VTCR_EL2_HD, 2);
    add_feature(regime, config->features & MMU_FEATURE_XNX, REGIME_XNX);
}

static void make_el10(struct regime *regime, const struct vmsa_registers *r,
                      const struct mmu_config *config)
{
    bool host = (r->hcr_el2 & HCR_EL2_TGE) != 0;
    bool cacheable = (r->hcr_el2 & HCR_EL2_DC) != 0;
    uint64_t holder = r->tcr_el1 & TCR_EL1_A1 ? r->ttbr1_el1 : r->ttbr0_el1;
    regime->sctlr = r->sctlr_el1 & SCTLR_USED;
    regime->stage1_on = (r->sctlr_el1 & SCTLR_EL1_M) && !host && !cacheable;
    regime->tcr = r->tcr_el1;
    regime->ttbr[0] = r->ttbr0_el1;
    regime->ttbr[1] = r->ttbr1_el1;
    regime->mair = r->mair_el1;
    regime->asid = regime_asid(r, config, field_get(TTBR0_EL1_ASID, holder));
    regime->hcr = r->hcr_el2 & HCR_USED;
    regime->vmid = regime_vmid(r, config);
    regime->stage2_on = (r->hcr_el2 & (HCR_EL2_VM | HCR_EL2_DC)) != 0;
    regime->page_log2[0] = decode_tg0(config, field_get(TCR_EL1_TG0, r->tcr_el1));
    regime->page_log2[1] = decode_tg1(config, field_get(TCR_EL1_TG1, r->tcr_el1));
    regime->features = updates(config, r->tcr_el1 & TCR_EL1_HA, r->tcr_el1 & TCR_EL1_HD, 0);
    bool has_hpd = (config->features & MMU_FEATURE_HPD) != 0;
    add_feature(regime, has_hpd && (r->tcr_el1 & TCR_EL1_HPD0), REGIME_HPD0);
    add_feature(regime, has_hpd && (r->tcr_el1 & TCR_EL1_HPD1), REGIME_HPD1);
    if (regime->stage2_on)
        make_stage2(regime, r, config);
}

static void make_el2(struct regime *regime, const struct vmsa_registers *r,
                     const struct mmu_config *config)
{
    regime->sctlr = r->sctlr_el2 & SCTLR_USED;
    regime->stage1_on = (r->sctlr_el2 & SCTLR_EL2_M) != 0;
    regime->tcr = r->tcr_el2;
    regime->ttbr[0] = r->ttbr0_el2;
    regime->mair = r->mair_el2;
    regime->page_log2[0] = decode_tg0(config, field_get(TCR_EL2_TG0, r->tcr_el2));
    regime->features = updates(config, r->tcr_el2 & TCR_EL2_HA, r->tcr_el2 & TCR_EL2_HD, 0);
    bool has_hpd = (config->features & MMU_FEATURE_HPD) != 0;
    add_feature(regime, has_hpd && (r->tcr_el2 & TCR_EL2_HPD), REGIME_HPD0);
}

struct regime regime_make(enum regime_kind kind, const struct vmsa_registers *registers,
                          const struct mmu_config *config)
{
    struct regime regime;
    memset(&regime, 0, sizeof regime);
    ensure(kind == REGIME_EL10 || kind == REGIME_EL2);
    regime.kind = (uint8_t)kind;
    regime.pa_bits = config->pa_bits;
    if (kind == REGIME_EL10)
        make_el10(&regime, registers, config);
    else
        make_el2(&regime, registers, config);
    return regime;
}
