#pragma once

/*
 * The values that hyp/ writes into whole registers, put together from the masks of the generated
 * headers. Usable from C and from assembly.
 */

#include "gen/sysreg.h"

/* A field given by its mask, holding this number; and the number in it. */
#define FIELD(mask, number) ((mask) & ((number) * ((mask) & (~(mask) + 1))))

/* PSTATE of a start at EL1 with SP_EL1: M[3:0] is EL1h; D, A, I and F are masked. */
#define PSTATE_EL1H_MASKED 0x3c5
#define PSTATE_EL0_MASKED 0x3c0

/* Bytes of MAIR_ELx: 0 is Device-nGnRE, 1 is Normal, inner and outer write-back. */
#define MAIR_VALUE 0xff04

/* 32 bits of address, so that walks start at level 1; write-back, inner shareable walks. */
#define TCR_EL2_VALUE                                                                           \
    (TCR_EL2_RES1 | FIELD(TCR_EL2_SH0, 3) | FIELD(TCR_EL2_ORGN0, 1) | FIELD(TCR_EL2_IRGN0, 1) | \
     FIELD(TCR_EL2_T0SZ, 32))

/* Of EL1: the same below, nothing above (no walks of TTBR1_EL1). */
#define TCR_EL1_COMMON                                                                         \
    (FIELD(TCR_EL1_TG1, 2) | TCR_EL1_EPD1 | FIELD(TCR_EL1_T1SZ, 32) | FIELD(TCR_EL1_SH0, 3) |  \
     FIELD(TCR_EL1_ORGN0, 1) | FIELD(TCR_EL1_IRGN0, 1))
#define TCR_EL1_HOST (TCR_EL1_COMMON | FIELD(TCR_EL1_T0SZ, 32))
#define TCR_EL1_GUEST (TCR_EL1_COMMON | FIELD(TCR_EL1_T0SZ, 34))

/* 30 bits of IPA, walks start at level 2 (SL0 is 0). */
#define VTCR_EL2_VALUE                                                                      \
    (VTCR_EL2_RES1 | FIELD(VTCR_EL2_SH0, 3) | FIELD(VTCR_EL2_ORGN0, 1) |                    \
     FIELD(VTCR_EL2_IRGN0, 1) | FIELD(VTCR_EL2_SL0, 0) | FIELD(VTCR_EL2_T0SZ, 34))

/* In Armv8.0 the AArch32-only bits, SPAN, EIS and EOS are RES1 for code that is AArch64 only. */
#define SCTLR_EL1_OFF                                                                       \
    (SCTLR_EL1_RES1 | SCTLR_EL1_LSMAOE | SCTLR_EL1_nTLSMD | SCTLR_EL1_SPAN | SCTLR_EL1_EIS | \
     SCTLR_EL1_EOS)
#define SCTLR_EL1_ON                                                                        \
    (SCTLR_EL1_OFF | SCTLR_EL1_I | SCTLR_EL1_SA0 | SCTLR_EL1_SA | SCTLR_EL1_C | SCTLR_EL1_M)
#define SCTLR_EL2_ON                                                                        \
    (SCTLR_EL2_RES1 | SCTLR_EL2_EIS | SCTLR_EL2_EOS | SCTLR_EL2_I | SCTLR_EL2_SA |          \
     SCTLR_EL2_C | SCTLR_EL2_M)

/* The VMID begins here in VTTBR_EL2; it has 8 bits, or 16 with VTCR_EL2.VS. */
#define VTTBR_VMID_SHIFT 48
