/*
 * Checker guest: the software under test has looked at what it can see, and reports by its exit
 * status that it saw what it must never see. It is the one checker that trusts the guest; the
 * others see the same races earlier, at the access.
 */
#include "sim/check/check_parts.h"

void check_guest(struct checks *c, const struct event *e)
{
    if (e->exit.how != 2 || e->exit.status == 0)
        return;
    struct finding *f = finding_begin(c, CHECK_GUEST, "self-check", e);
    if (!f)
        return;
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "exits with status %u", e->exit.status);
    finding_end(c, f, "the guest software reports a failed self-check (exit status %u)",
                e->exit.status);
}
