/*
 * Interrupts: which is taken, where it goes and what ends a WFI, for every input, against a
 * restatement that follows the tables of the manual one interrupt at a time.
 */
#include <criterion/criterion.h>

#include "cpu/interrupt.h"

enum verdict { TAKEN, MASKED_BY_PSTATE, NOT_TAKEN };

/* "Physical interrupt target and masking", without EL3 and E2H; rows of the manual's table. */
static enum verdict physical(unsigned el, bool tge, bool route)
{
    if (tge && el == 1)
        return TAKEN; /* such a state cannot be reached by an exception return */
    if (!tge && !route) /* goes to EL1 */
        return el == 2 ? NOT_TAKEN : MASKED_BY_PSTATE;
    return el == 2 ? MASKED_BY_PSTATE : TAKEN; /* goes to EL2 */
}

static enum verdict virtual(unsigned el, bool tge, bool route)
{
    return el < 2 && !tge && route ? MASKED_BY_PSTATE : NOT_TAKEN;
}

static bool is_taken(enum verdict verdict, bool masked)
{
    return verdict == TAKEN || (verdict == MASKED_BY_PSTATE && !masked);
}

struct input {
    struct cpu cpu;
    bool tge;
    bool route[3], pending[3], virtual_pending[3], masked[3]; /* SError, FIQ, IRQ */
};

/* The input of a number: 5 lines, 3 masks, 7 bits of HCR_EL2. */
static struct input input_of(unsigned number, unsigned el)
{
    static const uint8_t lines[3] = {CPU_LINE_SERROR, CPU_LINE_FIQ, CPU_LINE_IRQ};
    static const uint8_t virtual_lines[3] = {0, CPU_LINE_VFIQ, CPU_LINE_VIRQ};
    static const uint32_t masks[3] = {PSTATE_A, PSTATE_F, PSTATE_I};
    static const uint64_t routes[3] = {HCR_EL2_AMO, HCR_EL2_FMO, HCR_EL2_IMO};
    static const uint64_t bits[3] = {HCR_EL2_VSE, HCR_EL2_VF, HCR_EL2_VI};
    struct input in = {.cpu = {.el = (uint8_t)el}};
    uint64_t hcr = 0;
    for (unsigned i = 0; i < 3; i++) {
        in.pending[i] = number & 1;
        in.masked[i] = number & 2;
        in.route[i] = number & 4;
        bool bit = number & 8;
        number >>= 4;
        in.cpu.lines |= in.pending[i] ? lines[i] : 0;
        in.cpu.daif |= in.masked[i] ? masks[i] : 0;
        hcr |= in.route[i] ? routes[i] : 0;
        hcr |= bit ? bits[i] : 0;
        in.virtual_pending[i] = bit;
    }
    for (unsigned i = 1; i < 3; i++, number >>= 1)
        if (number & 1) {
            in.cpu.lines |= virtual_lines[i];
            in.virtual_pending[i] = true;
        }
    in.tge = number & 1;
    in.cpu.effective[SR_HCR_EL2] = hcr | (in.tge ? HCR_EL2_TGE : 0);
    return in;
}

static enum interrupt_kind expected(const struct input *in)
{
    static const enum interrupt_kind physicals[3] = {INTERRUPT_SERROR, INTERRUPT_FIQ,
                                                     INTERRUPT_IRQ};
    static const enum interrupt_kind virtuals[3] = {INTERRUPT_VSERROR, INTERRUPT_VFIQ,
                                                    INTERRUPT_VIRQ};
    for (unsigned i = 0; i < 3; i++)
        if (in->pending[i] &&
            is_taken(physical(in->cpu.el, in->tge, in->route[i]), in->masked[i]))
            return physicals[i];
    for (unsigned i = 0; i < 3; i++)
        if (in->virtual_pending[i] &&
            is_taken(virtual(in->cpu.el, in->tge, in->route[i]), in->masked[i]))
            return virtuals[i];
    return INTERRUPT_NONE;
}

#define INPUTS (1u << 15)

Test(interrupt, taken_for_all_inputs)
{
    unsigned seen[INTERRUPT_VIRQ + 1] = {0};
    for (unsigned number = 0; number < INPUTS; number++)
        for (unsigned el = 0; el < 3; el++) {
            struct input in = input_of(number, el);
            enum interrupt_kind kind = interrupt_to_take(&in.cpu);
            cr_assert_eq(kind, expected(&in), "input %x EL%u", number, el);
            seen[kind]++;
        }
    for (unsigned kind = 0; kind <= INTERRUPT_VIRQ; kind++)
        cr_assert_gt(seen[kind], 0);
}

Test(interrupt, wakes_for_all_inputs)
{
    for (unsigned number = 0; number < INPUTS; number++)
        for (unsigned el = 0; el < 3; el++) {
            struct input in = input_of(number, el);
            bool wakes = false;
            for (unsigned i = 0; i < 3; i++)
                wakes = wakes || in.pending[i] ||
                        (in.virtual_pending[i] && virtual(el, in.tge, in.route[i]) != NOT_TAKEN);
            cr_assert_eq(interrupt_wakes(&in.cpu), wakes, "input %x EL%u", number, el);
            cr_assert(wakes || interrupt_to_take(&in.cpu) == INTERRUPT_NONE);
        }
}

/* WFE: what is not masked by its bit of PSTATE, and what would be taken in spite of it. */
Test(interrupt, wakes_from_wfe_for_all_inputs)
{
    for (unsigned number = 0; number < INPUTS; number++)
        for (unsigned el = 0; el < 3; el++) {
            struct input in = input_of(number, el);
            bool wakes = false;
            for (unsigned i = 0; i < 3; i++) {
                bool taken = is_taken(physical(in.cpu.el, in.tge, in.route[i]), in.masked[i]);
                bool exists = virtual(el, in.tge, in.route[i]) != NOT_TAKEN;
                wakes = wakes || (in.pending[i] && (!in.masked[i] || taken)) ||
                        (in.virtual_pending[i] && exists && !in.masked[i]);
            }
            cr_assert_eq(interrupt_wakes_event(&in.cpu), wakes, "input %x EL%u", number, el);
            cr_assert(!wakes || interrupt_wakes(&in.cpu));
            cr_assert(wakes || interrupt_to_take(&in.cpu) == INTERRUPT_NONE);
        }
}

Test(interrupt, isr_for_all_inputs)
{
    static const unsigned bit[3] = {8, 6, 7}; /* A, F, I */
    for (unsigned number = 0; number < INPUTS; number++)
        for (unsigned el = 1; el < 3; el++) {
            struct input in = input_of(number, el);
            if (in.tge && el == 1)
                continue; /* cannot be */
            uint64_t status = 0;
            for (unsigned i = 0; i < 3; i++) {
                bool is_virtual = el == 1 && in.route[i];
                if (is_virtual ? in.virtual_pending[i] : in.pending[i])
                    status |= UINT64_C(1) << bit[i];
            }
            cr_assert_eq(interrupt_status(&in.cpu), status, "input %x EL%u", number, el);
        }
}

Test(interrupt, targets)
{
    for (enum interrupt_kind kind = INTERRUPT_SERROR; kind <= INTERRUPT_VIRQ; kind++) {
        bool is_virtual = kind >= INTERRUPT_VSERROR;
        cr_assert_eq(interrupt_target(0, kind), 1);
        cr_assert_eq(interrupt_target(HCR_EL2_TGE, kind), is_virtual ? 1 : 2);
        uint64_t own = kind == INTERRUPT_SERROR || kind == INTERRUPT_VSERROR ? HCR_EL2_AMO
                       : kind == INTERRUPT_FIQ || kind == INTERRUPT_VFIQ     ? HCR_EL2_FMO
                                                                             : HCR_EL2_IMO;
        uint64_t others = (HCR_EL2_AMO | HCR_EL2_FMO | HCR_EL2_IMO) & ~own;
        cr_assert_eq(interrupt_target(own, kind), is_virtual ? 1 : 2);
        cr_assert_eq(interrupt_target(others, kind), 1);
    }
}
