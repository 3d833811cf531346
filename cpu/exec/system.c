/*
 * Hints, barriers and system instructions. Compiled once for each engine.
 *
 * DDI 0487, "System instructions". What a register or a SYS operation means is sysreg.c's
 * business; what a barrier does to other PEs, the machine's. DMB orders nothing here that is not
 * in order already, until store buffers are modelled behind the port. YIELD and the hints of
 * later architectures do nothing.
 */
#include "cpu/drop.h"
#include "cpu/effective.h"
#include "cpu/exception.h"
#include "cpu/exec/handlers.h"
#include "cpu/sysreg.h"

#define NOTHING(name)                                \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        (void)c, (void)w;                            \
        return STEP_NEXT;                            \
    }

NOTHING(NOP)
NOTHING(YIELD)
NOTHING(HINT)

enum step EXEC(WFE)(struct core *c, uint32_t w)
{
    (void)w;
    enum step step = exception_wait(c, true);
    if (__builtin_expect(c->follows, 0) && step == STEP_NEXT)
        c->ops->woken(c->owner, c->pe); /* it did not wait: its event has come before */
    return step;
}

enum step EXEC(WFI)(struct core *c, uint32_t w)
{
    (void)w;
    return exception_wait(c, false);
}

enum step EXEC(SEV)(struct core *c, uint32_t w)
{
    (void)w;
    if (!core_drops(c, DROP_SEV))
        c->ops->send_event(c->owner, c->pe);
    return STEP_NEXT;
}

enum step EXEC(SEVL)(struct core *c, uint32_t w)
{
    (void)w;
    c->cpu->event_register = 1;
    return STEP_NEXT;
}

enum step EXEC(CLREX)(struct core *c, uint32_t w)
{
    (void)w;
    mem_clear_exclusive(c);
    return STEP_NEXT;
}

/* The domain of DMB and DSB, CRm<3:2>, below EL2 no smaller than HCR_EL2.BSU says. */
static unsigned domain_of(struct core *c, unsigned crm)
{
    static const uint8_t reach[4] = {2, 0, 1, 3};  /* outer, none, inner, full system */
    static const uint8_t of_bsu[4] = {1, 2, 0, 3}; /* none, inner, outer, full system */
    bool is_other = (crm & 3u) == 0; /* SSBB and PSSBB, and reserved types, which are those of SY */
    if (c->cpu->el == 2 || is_other)
        return crm;
    effective_before_bits(c, SR_HCR_EL2, HCR_EL2_BSU);
    unsigned least = of_bsu[field_get(HCR_EL2_BSU, c->cpu->effective[SR_HCR_EL2])];
    return reach[least] > reach[crm >> 2] ? least << 2 | (crm & 3u) : crm;
}

/* False: this one is left out. */
static bool barrier(struct core *c, uint32_t w, enum barrier_kind kind)
{
    static const enum drop_kind drops[] = {
        [BARRIER_DMB] = DROP_DMB, [BARRIER_DSB] = DROP_DSB, [BARRIER_ISB] = DROP_ISB};
    unsigned crm = a64_crm(w);
    if (core_drops(c, drops[kind]))
        return false;
    c->ops->barrier(c->owner, c->pe, kind, kind == BARRIER_ISB ? crm : domain_of(c, crm));
    return true;
}

enum step EXEC(DSB)(struct core *c, uint32_t w)
{
    barrier(c, w, BARRIER_DSB);
    return STEP_NEXT;
}

enum step EXEC(DMB)(struct core *c, uint32_t w)
{
    barrier(c, w, BARRIER_DMB);
    return STEP_NEXT;
}

enum step EXEC(ISB)(struct core *c, uint32_t w)
{
    if (barrier(c, w, BARRIER_ISB))
        core_synchronize(c);
    return STEP_NEXT;
}

#define MSR_IMMEDIATE(name)                          \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return sysreg_execute_msr_imm(c, w);         \
    }

MSR_IMMEDIATE(MSR_SPSel)
MSR_IMMEDIATE(MSR_PAN)
MSR_IMMEDIATE(MSR_UAO)
MSR_IMMEDIATE(MSR_DAIFSet)
MSR_IMMEDIATE(MSR_DAIFClr)

enum step EXEC(SYS)(struct core *c, uint32_t w)
{
    return sysreg_execute_sys(c, w);
}

enum step EXEC(SYSL)(struct core *c, uint32_t w)
{
    return sysreg_execute_sys(c, w);
}

enum step EXEC(MSR_reg)(struct core *c, uint32_t w)
{
    return sysreg_execute_msr(c, w);
}

enum step EXEC(MRS)(struct core *c, uint32_t w)
{
    return sysreg_execute_mrs(c, w);
}
