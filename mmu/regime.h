/*
 * Tags by their effective widths: 16 bits only where the configuration has them and TCR_EL1.AS or
 * VTCR_EL2.VS says so, otherwise the low 8. Shared by regimes and by invalidation.
 */
#pragma once
#include "mmu/mmu.h"

uint16_t regime_vmid(const struct vmsa_registers *r, const struct mmu_config *config);
uint16_t regime_asid(const struct vmsa_registers *r, const struct mmu_config *config,
                     uint64_t asid);
