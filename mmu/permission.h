/*
 * Permissions of leaf descriptors as PERMIT_* masks, and the check of one access. All pure.
 */
#pragma once
#include "mmu/mmu.h"

#define PERMIT_ALL                                                                          \
    (PERMIT_READ_EL0 | PERMIT_WRITE_EL0 | PERMIT_FETCH_EL0 | PERMIT_READ | PERMIT_WRITE | \
     PERMIT_FETCH)

/* The bits of stage 1 that decide, the table attributes above the leaf already merged in. */
struct permission_bits {
    bool two_privileges; /* EL1&0: AP[1], UXN and PXN mean something; EL2: only AP[2] and XN */
    bool read_only;      /* AP[2] */
    bool el0;            /* AP[1] */
    bool uxn;            /* UXN; XN for EL2 */
    bool pxn;
    bool wxn; /* SCTLR_ELx.WXN */
};

/* What stage 1 permits. AArch64.S1DirectBasePermissions. */
uint8_t permission_stage1(struct permission_bits bits);

/* What stage 2 permits; XN[1:0], the low bit 0 without XNX. AArch64.S2DirectBasePermissions. */
uint8_t permission_stage2(unsigned s2ap, unsigned xn);

/* The PERMIT_* bits that a request needs, all of them: one, or two for an atomic access. */
uint8_t permission_needed(const struct mmu_request *request);
