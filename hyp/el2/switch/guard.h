#pragma once

/*
 * The guard against walks that a core makes by the registers of EL1&0 while it is at EL2: with EPD0
 * and EPD1 set a TLB miss is a fault, and nothing is cached.
 */

#include "hyp/el2/switch/parts.h"

/* No walks from here on, whatever the rest of the registers says. */
ALWAYS_INLINE void guard_raise(void)
{
    uint64_t tcr = read_sysreg(TCR_EL1);
    uint64_t sctlr = read_sysreg(SCTLR_EL1);
    write_sysreg(TCR_EL1, tcr | TCR_EL1_EPD0 | TCR_EL1_EPD1);
    isb();
    write_sysreg(SCTLR_EL1, sctlr | SCTLR_EL1_M);
    isb();
}

/* All else is in place: the two registers that forbade walks get these values. */
ALWAYS_INLINE void guard_lower(uint64_t sctlr, uint64_t tcr)
{
    isb();
    write_sysreg(SCTLR_EL1, sctlr);
    isb();
    write_sysreg(TCR_EL1, tcr);
    isb();
}
