/*
 * The shadow of invalidations: each from its issue to the DSB that finished it, in a bounded log,
 * and the order in which they were finished.
 *
 * For which VM one was meant is told by VTTBR_EL2 at the issue: the root there, not the VMID. An
 * EL1 without stage 2 means itself, whatever VTTBR_EL2 holds. DDI 0487: "Ordering and completion
 * of TLB maintenance instructions", "Data Synchronization Barrier".
 */
#include "sim/check/shadow.h"

static uint64_t root_meant(const struct checks *c, const struct event *e)
{
    if (e->el == 1 && (check_effective(c, e->pe)[SR_HCR_EL2] & HCR_EL2_VM) == 0)
        return 0;
    return e->tlbi.vttbr & VTTBR_EL2_BADDR;
}

void shadow_tlbi_issued(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    const struct event_tlbi *t = &e->tlbi;
    bool is_local = t->scope == TLBI_LOCAL;
    s->tlbi[s->tlbi_count++ % TLBI_LOG_MAX] = (struct shadow_tlbi){
        .root = root_meant(c, e),
        .address = t->address,
        .step = e->step,
        .pc = check_pc(c, e->pe),
        .dsb_step = is_local ? s->dsb_local_step[e->pe] : s->dsb_step[e->pe],
        .message = t->message,
        .vmid = t->vmid,
        .asid = t->asid,
        .operation = t->operation,
        .scope = t->scope,
        .pe = e->pe,
        .el = e->el,
    };
}

void shadow_tlbi_finished(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    bool local_only = e->kind == EVENT_TLBI_LOCAL_DONE, any = false;
    uint32_t message = local_only ? e->tlbi_local_done.message : e->tlbi_done.message;
    uint32_t oldest = s->tlbi_count > TLBI_LOG_MAX ? s->tlbi_count - TLBI_LOG_MAX : 0;
    uint32_t first = s->tlbi_open[e->pe] > oldest ? s->tlbi_open[e->pe] : oldest;
    uint32_t open = s->tlbi_count;
    for (uint32_t i = first; i < s->tlbi_count; i++) {
        struct shadow_tlbi *t = &s->tlbi[i % TLBI_LOG_MAX];
        if (t->pe != e->pe || t->done_step != 0)
            continue;
        if (t->message > message || (local_only && t->scope != TLBI_LOCAL)) {
            open = i < open ? i : open;
            continue;
        }
        t->done_step = e->step;
        t->done_pc = check_pc(c, e->pe);
        s->done[s->tlbi_done++ % TLBI_LOG_MAX] = i;
        any = true;
    }
    s->tlbi_open[e->pe] = open;
    if (!any)
        return;
    s->finished_step[e->pe] = e->step;
    check_look_again(c);
}

/* CRm<1:0>: 1 loads only, 2 stores, else both; CRm<3:2>: 1 is non-shareable. SSBB, PSSBB: none. */
void shadow_dsb(struct checks *c, const struct event *e)
{
    unsigned crm = e->barrier.option;
    if ((crm & 3u) == 1 || crm == 0 || crm == 4)
        return;
    c->state->dsb_local_step[e->pe] = e->step;
    if ((crm & 0xcu) != 4)
        c->state->dsb_step[e->pe] = e->step;
}

const struct shadow_tlbi *shadow_tlbi_done(const struct checks *c, uint32_t n)
{
    const struct check_state *s = c->state;
    if (n >= s->tlbi_done || s->tlbi_done - n > TLBI_LOG_MAX)
        return NULL;
    uint32_t issue = s->done[n % TLBI_LOG_MAX];
    return s->tlbi_count - issue > TLBI_LOG_MAX ? NULL : &s->tlbi[issue % TLBI_LOG_MAX];
}

const char *shadow_tlbi_name(unsigned operation)
{
    static const char *const names[TLBI_OPERATION_COUNT] = {
        [TLBI_VMALLE1] = "VMALLE1",   [TLBI_VAE1] = "VAE1",
        [TLBI_ASIDE1] = "ASIDE1",     [TLBI_VAAE1] = "VAAE1",
        [TLBI_VALE1] = "VALE1",       [TLBI_VAALE1] = "VAALE1",
        [TLBI_IPAS2E1] = "IPAS2E1",   [TLBI_IPAS2LE1] = "IPAS2LE1",
        [TLBI_VMALLS12E1] = "VMALLS12E1", [TLBI_ALLE1] = "ALLE1",
        [TLBI_ALLE2] = "ALLE2",       [TLBI_VAE2] = "VAE2",
        [TLBI_VALE2] = "VALE2",
    };
    return operation < TLBI_OPERATION_COUNT ? names[operation] : "?";
}
