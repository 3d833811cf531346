/*
 * Which interrupt is taken now, and which ends a WFI or WFE: pure functions of the wires into the
 * PE, PSTATE and the effective HCR_EL2.
 *
 * Physical interrupts go to EL2 while HCR_EL2.{AMO,IMO,FMO} or TGE says so, else to EL1. One
 * that goes to a higher level is not masked by PSTATE; one that goes to a lower level waits. EL0
 * does not unmask what goes to EL1. Virtual ones go to EL1 from EL1 and EL0, while the same bits
 * are set and TGE is not. Among several, the order is SError, FIQ, IRQ, physical before virtual:
 * the architecture leaves it open.
 *
 * WFI ends with an interrupt that is pending, masked or not; WFE with one that PSTATE does not
 * mask.
 *
 * Not modelled: EL3, HCR_EL2.E2H, non-maskable interrupts.
 *
 * DDI 0487: "Asynchronous exception masking" and "routing" tables, InterruptPending().
 */
#include "cpu/exception.h"
#include "cpu/interrupt.h"

struct source {
    enum interrupt_kind physical, virtual;
    uint8_t line, virtual_line; /* CPU_LINE_* */
    uint32_t mask;              /* PSTATE */
    uint64_t route;             /* HCR_EL2: to EL2, and virtual ones exist */
    uint64_t virtual_bit;       /* HCR_EL2: a virtual one is pending */
};

static const struct source sources[] = {
    {INTERRUPT_SERROR, INTERRUPT_VSERROR, CPU_LINE_SERROR, 0, PSTATE_A, HCR_EL2_AMO, HCR_EL2_VSE},
    {INTERRUPT_FIQ, INTERRUPT_VFIQ, CPU_LINE_FIQ, CPU_LINE_VFIQ, PSTATE_F, HCR_EL2_FMO, HCR_EL2_VF},
    {INTERRUPT_IRQ, INTERRUPT_VIRQ, CPU_LINE_IRQ, CPU_LINE_VIRQ, PSTATE_I, HCR_EL2_IMO, HCR_EL2_VI},
};

static const struct source *source_of(enum interrupt_kind kind)
{
    for (unsigned i = 0; i < ARRAY_COUNT(sources); i++)
        if (sources[i].physical == kind || sources[i].virtual == kind)
            return &sources[i];
    bug("interrupt kind %d", (int)kind);
}

unsigned interrupt_target(uint64_t hcr, enum interrupt_kind kind)
{
    const struct source *source = source_of(kind);
    if (kind == source->virtual)
        return 1;
    return hcr & (source->route | HCR_EL2_TGE) ? 2 : 1;
}

static bool virtual_pending(const struct cpu *cpu, const struct source *source, uint64_t hcr)
{
    bool pending = (hcr & source->virtual_bit) != 0 || (cpu->lines & source->virtual_line) != 0;
    return pending && cpu->el < 2 && (hcr & source->route) != 0 && (hcr & HCR_EL2_TGE) == 0;
}

static bool physical_taken(const struct cpu *cpu, const struct source *source, uint64_t hcr)
{
    if ((cpu->lines & source->line) == 0)
        return false;
    unsigned target = interrupt_target(hcr, source->physical);
    if (target < cpu->el)
        return false;
    bool masked = (cpu->daif & source->mask) != 0;
    return !masked || (target == 2 && cpu->el < 2);
}

enum interrupt_kind interrupt_to_take(const struct cpu *cpu)
{
    uint64_t hcr = cpu->effective[SR_HCR_EL2];
    for (unsigned i = 0; i < ARRAY_COUNT(sources); i++)
        if (physical_taken(cpu, &sources[i], hcr))
            return sources[i].physical;
    for (unsigned i = 0; i < ARRAY_COUNT(sources); i++)
        if (virtual_pending(cpu, &sources[i], hcr) && (cpu->daif & sources[i].mask) == 0)
            return sources[i].virtual;
    return INTERRUPT_NONE;
}

bool interrupt_wakes(const struct cpu *cpu)
{
    uint64_t hcr = cpu->effective[SR_HCR_EL2];
    for (unsigned i = 0; i < ARRAY_COUNT(sources); i++)
        if ((cpu->lines & sources[i].line) != 0 || virtual_pending(cpu, &sources[i], hcr))
            return true;
    return false;
}

bool interrupt_wakes_event(const struct cpu *cpu)
{
    uint64_t hcr = cpu->effective[SR_HCR_EL2];
    for (unsigned i = 0; i < ARRAY_COUNT(sources); i++) {
        bool masked = (cpu->daif & sources[i].mask) != 0;
        if (physical_taken(cpu, &sources[i], hcr) ||
            (!masked && ((cpu->lines & sources[i].line) != 0 ||
                         virtual_pending(cpu, &sources[i], hcr))))
            return true;
    }
    return false;
}

uint64_t interrupt_status(const struct cpu *cpu)
{
    uint64_t hcr = cpu->effective[SR_HCR_EL2];
    uint64_t status = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(sources); i++) {
        bool is_virtual = cpu->el == 1 && (hcr & sources[i].route) != 0;
        bool pending = is_virtual ? virtual_pending(cpu, &sources[i], hcr)
                                  : (cpu->lines & sources[i].line) != 0;
        if (pending)
            status |= sources[i].mask; /* A, I and F stand in the same bits in both */
    }
    return status;
}
