/*
 * Checker progress: a PE takes the same abort at the same instruction again and again; or for a
 * long time no VM is entered or left, no PE waits or wakes, and nothing is put out. Computing
 * without either is not seen as progress: the bound has to be larger than any honest silence.
 */
#include "sim/check/check_parts.h"

#include <inttypes.h>

/* The same synchronous exception, at the same PC with the same FAR, so often in succession. */
#define REFAULT_MAX 1000u

/* Whether stage 2 is on for EL1 and EL0 of a PE: a VM, and not the host. */
static bool is_vm(const struct checks *c, unsigned pe)
{
    return (c->machine->state->cpu[pe].effective[SR_HCR_EL2] & HCR_EL2_VM) != 0;
}

static void same_abort(struct checks *c, const struct event *e)
{
    struct refault *r = &c->state->refault[e->pe];
    const struct event_exc_take *take = &e->exc_take;
    /* An interrupt in between is no progress of the instruction either. */
    if (take->vector != 0)
        return;
    if (take->pc != r->pc || take->far != r->far) {
        *r = (struct refault){.pc = take->pc, .far = take->far, .count = 1, .el = take->from_el,
                              .is_vm = is_vm(c, e->pe)};
        return;
    }
    uint64_t ec = take->esr >> 26;
    bool is_abort = ec == 0x20 || ec == 0x21 || ec == 0x24 || ec == 0x25;
    if (!is_abort || ++r->count < REFAULT_MAX)
        return;
    struct finding *f = finding_begin(c, CHECK_PROGRESS, "refault", e);
    if (!f)
        return;
    finding_event(f, e->step, e->pe, take->pc,
                  "takes the same abort for the %" PRIu64 "th time: ESR 0x%" PRIx64
                  ", FAR 0x%" PRIx64,
                  r->count, take->esr, take->far);
    finding_end(c, f, "CPU %u does not get past 0x%" PRIx64 ": the same abort %" PRIu64 " times",
                e->pe, take->pc, r->count);
}

/*
 * Whoever goes on somewhere else than at the instruction has gone forward. A return to another
 * one (EL2 to the host in the course of handling a VM's abort) says nothing.
 */
static void returned(struct checks *c, const struct event *e)
{
    struct refault *r = &c->state->refault[e->pe];
    if (e->eret.to_el == r->el && is_vm(c, e->pe) == r->is_vm && e->eret.pc != r->pc)
        r->count = 0;
}

void check_progress(struct checks *c, const struct event *e)
{
    if (e->kind == EVENT_EXC_TAKE)
        same_abort(c, e);
    else if (e->kind == EVENT_ERET)
        returned(c, e);
    else
        c->state->progress_step = e->step;
}

uint64_t checks_poll_step(const struct checks *c)
{
    if (!(c->options.mask >> CHECK_PROGRESS & 1) || c->state->found)
        return UINT64_MAX;
    uint64_t steps = c->options.progress_steps;
    steps = steps ? steps : CHECK_PROGRESS_STEPS;
    return steps > UINT64_MAX - c->state->progress_step ? UINT64_MAX
                                                        : c->state->progress_step + steps;
}

bool checks_poll(struct checks *c)
{
    const struct machine *m = c->machine;
    struct check_state *s = c->state;
    if (m->state->step < checks_poll_step(c))
        return false;
    struct event now = {.kind = EVENT_RETIRE, .pe = (uint8_t)m->state->current,
                        .step = m->state->step};
    uint64_t silence = m->state->step - s->progress_step;
    s->progress_step = m->state->step; /* who goes on behind it waits as long again */
    struct finding *f = finding_begin(c, CHECK_PROGRESS, "no-progress", &now);
    if (!f)
        return false;
    for (unsigned pe = 0; pe < m->config.pe_count && pe < FINDING_EVENT_MAX; pe++)
        finding_event(f, m->state->step, pe, check_pc(c, pe), "is still at 0x%" PRIx64 " at EL%u",
                      check_pc(c, pe), m->state->cpu[pe].el);
    finding_end(c, f, "for %" PRIu64 " steps no VM was entered or left, nobody waited, and nothing "
                "was put out", silence);
    return s->found != 0;
}
