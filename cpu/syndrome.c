/*
 * Exception syndromes: fault status codes, the ISS of aborts and of trapped instructions.
 *
 * The syndrome of a load or store (ISV, SAS, SSE, SRT, SF, AR) is made by the instruction; here
 * is when it counts: for a stage 2 fault of the access itself that is no external abort. WnR is 1
 * for cache maintenance and address translation whatever they do, and for a stage 2 fault of the
 * write by which a walk updates a stage 1 descriptor. FAR is valid for every external abort.
 *
 * Not modelled: external aborts with SET (there is no RAS extension), the level -1 codes.
 *
 * DDI 0487: AArch64.FaultSyndrome, EncodeLDFSC, IPAValid, ESR_ELx.
 */
#include "cpu/syndrome.h"

#define COND_ALWAYS 14u

uint32_t syndrome_status(const struct fault *fault)
{
    switch ((enum fault_kind)fault->kind) {
    case FAULT_ADDRESS_SIZE:
        return FSC_ADDRESS_SIZE_L0 + fault->level;
    case FAULT_TRANSLATION:
        return FSC_TRANSLATION_L0 + fault->level;
    case FAULT_ACCESS_FLAG:
        return FSC_ACCESS_FLAG_L1 - 1u + fault->level;
    case FAULT_PERMISSION:
        return FSC_PERMISSION_L1 - 1u + fault->level;
    case FAULT_ALIGNMENT:
        return FSC_ALIGNMENT;
    case FAULT_EXTERNAL:
        return FSC_EXTERNAL;
    case FAULT_EXTERNAL_ON_WALK:
        return FSC_EXTERNAL_WALK_L0 + fault->level;
    case FAULT_TLB_CONFLICT:
        return FSC_TLB_CONFLICT;
    case FAULT_UNSUPPORTED_EXCLUSIVE:
        return FSC_UNSUPPORTED_EXCLUSIVE;
    case FAULT_DEBUG:
        return FSC_DEBUG;
    case FAULT_NONE:
        break;
    }
    bug("no fault status for fault kind %u", fault->kind);
}

uint32_t syndrome_abort(const struct fault *fault, uint32_t load_store)
{
    uint32_t iss = syndrome_status(fault);
    if (fault->stage == 2 && fault->s1ptw)
        iss |= (uint32_t)ISS_DATA_ABORT_S1PTW;
    if (fault->is_fetch)
        return iss;
    bool is_external = fault->kind == FAULT_EXTERNAL || fault->kind == FAULT_EXTERNAL_ON_WALK;
    if (fault->stage == 2 && !fault->s1ptw && !is_external)
        iss |= load_store;
    if (fault->is_cache_op)
        iss |= (uint32_t)ISS_DATA_ABORT_CM;
    if (fault->is_cache_op || fault->is_write)
        iss |= (uint32_t)ISS_DATA_ABORT_WNR;
    return iss;
}

bool syndrome_ipa_is_valid(const struct fault *fault)
{
    if (fault->stage != 2)
        return false;
    return fault->kind == FAULT_TRANSLATION || fault->kind == FAULT_ACCESS_FLAG ||
           fault->kind == FAULT_ADDRESS_SIZE || (fault->kind == FAULT_PERMISSION && fault->s1ptw);
}

uint32_t syndrome_sysreg(uint32_t word)
{
    return (uint32_t)(field_put(ISS_SYSREG_OP0, bits_get(word, 20, 19)) |
                      field_put(ISS_SYSREG_OP2, bits_get(word, 7, 5)) |
                      field_put(ISS_SYSREG_OP1, bits_get(word, 18, 16)) |
                      field_put(ISS_SYSREG_CRN, bits_get(word, 15, 12)) |
                      field_put(ISS_SYSREG_RT, bits_get(word, 4, 0)) |
                      field_put(ISS_SYSREG_CRM, bits_get(word, 11, 8)) |
                      field_put(ISS_SYSREG_READ, bits_get(word, 21, 21)));
}

uint32_t syndrome_wait(bool is_wfe)
{
    return (uint32_t)(ISS_WFX_CV | field_put(ISS_WFX_COND, COND_ALWAYS) |
                      field_put(ISS_WFX_TI, is_wfe));
}

uint32_t syndrome_step(bool is_valid, bool is_exclusive)
{
    return (uint32_t)(field_put(ISS_SOFTWARE_STEP_ISV, is_valid) |
                      field_put(ISS_SOFTWARE_STEP_EX, is_valid && is_exclusive) |
                      field_put(ISS_SOFTWARE_STEP_IFSC, FSC_DEBUG));
}

uint32_t syndrome_fp(void)
{
    return (uint32_t)(ISS_FP_CV | field_put(ISS_FP_COND, COND_ALWAYS));
}
