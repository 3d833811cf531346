/* Syndromes as pure functions: what ESR_ELx.ISS says of a fault, which of its addresses are
 * valid, and where it goes. */
#pragma once
#include "gen/esr.h"
#include "mmu/mmu.h"

/* IFSC or DFSC. EncodeLDFSC(). The fault is not FAULT_NONE. */
uint32_t syndrome_status(const struct fault *fault);

/*
 * ISS of an Instruction or Data Abort. load_store: ISV to AR of the instruction in place, or 0;
 * it counts only for stage 2 faults that are not on a stage 1 walk. AArch64.FaultSyndrome().
 */
uint32_t syndrome_abort(const struct fault *fault, uint32_t load_store);

/* Whether HPFAR_EL2 gets the fault's IPA; otherwise it becomes UNKNOWN. IPAValid(). */
bool syndrome_ipa_is_valid(const struct fault *fault);

/* ISS of a trapped MRS, MSR, SYS or MSR (immediate): the instruction's own fields. */
uint32_t syndrome_sysreg(uint32_t word);
/* ISS of a trapped WFI or WFE, and of a trapped floating-point instruction. */
uint32_t syndrome_wait(bool is_wfe);
uint32_t syndrome_fp(void);
/* ISS of a Software Step exception: whether the instruction before was stepped, and loaded
 * exclusively. */
uint32_t syndrome_step(bool is_valid, bool is_exclusive);
