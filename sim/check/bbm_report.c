/*
 * Checker bbm: its reports: who walks the table, who changed the descriptor, which invalidation
 * came near and why it does not do, and what follows all the same.
 *
 * DDI 0487: "Using break-before-make when updating translation table entries".
 */
#include "sim/check/check_states.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const why_text[BBM_WHY_COUNT] = {
    [BBM_WHY_NONE] = "",
    [BBM_WHY_DSB] = "no DSB stands between the store and the TLBI",
    [BBM_WHY_VMID] = "it acts on another VMID",
    [BBM_WHY_ASID] = "it acts on another ASID",
    [BBM_WHY_LOCAL] = "it does not reach the other CPUs that use the table",
    [BBM_WHY_LEAF] = "it removes last levels only, and a table went",
    [BBM_WHY_STAGE1] = "it leaves entries that combine both stages",
    [BBM_WHY_ORDER] = "stage 2 has to be invalidated, and that finished, before stage 1",
    [BBM_WHY_REST] = "it leaves others of what hung below the table",
};

/* A covering invalidation that no DSB has finished, the last one. */
static const struct shadow_tlbi *unfinished(const struct checks *c, const struct bbm_record *r)
{
    const struct check_state *s = c->state;
    uint32_t oldest = s->tlbi_count > TLBI_LOG_MAX ? s->tlbi_count - TLBI_LOG_MAX : 0;
    for (uint32_t i = s->tlbi_count; i > oldest; i--) {
        const struct shadow_tlbi *t = &s->tlbi[(i - 1) % TLBI_LOG_MAX];
        if (t->step > r->step && t->done_step == 0)
            return t;
    }
    return NULL;
}

/* What was done about it, and why that is not enough. */
static void tell_near(const struct checks *c, struct finding *f, const struct bbm_record *r)
{
    const struct shadow_tlbi *t = unfinished(c, r);
    if (r->why != BBM_WHY_NONE)
        finding_event(f, r->near_step, r->near_pe, r->near_pc, "executes TLBI %s%s, but %s",
                      shadow_tlbi_name(r->near_operation),
                      r->near_scope == TLBI_LOCAL ? "" : "IS", why_text[r->why]);
    else if (t)
        finding_event(f, t->step, t->pe, t->pc, "executes TLBI %s%s, which no DSB has finished",
                      shadow_tlbi_name(t->operation), t->scope == TLBI_LOCAL ? "" : "IS");
}

static void tell_table(struct finding *f, const struct bbm_page *page)
{
    const struct bbm_user *u = &page->user[0];
    char owner[80] = "EL2";
    if (page->stage == 2)
        snprintf(owner, sizeof owner, "root 0x%" PRIx64 " with VMID %u", u->root, u->vmid);
    else if (u->regime != REGIME_EL2)
        snprintf(owner, sizeof owner, "root 0x%" PRIx64 ", table 0x%" PRIx64 ", ASID %u", u->root,
                 u->ttbr, u->asid);
    finding_event(f, page->step, page->pe, page->pc,
                  "walks the table at 0x%" PRIx64 ", level %u of stage %u of %s", page->pa - 1,
                  page->level, page->stage, owner);
}

void bbm_report(struct checks *c, const struct event *e, const char *kind,
                const struct bbm_page *page, const struct bbm_record *r, uint64_t pa,
                uint64_t value, const char *detail)
{
    struct finding *f = finding_begin(c, CHECK_BBM, kind, e);
    if (!f)
        return;
    uint64_t input = page->base + ((uint64_t)bbm_word(pa) << page->shift);
    const char *what = page->stage == 2 ? "IPA" : "VA";
    bool is_store = e->kind == EVENT_WATCH_STORE;
    tell_table(f, page);
    if (r) {
        finding_event(f, r->step, r->pe, r->pc,
                      "changes the descriptor at 0x%" PRIx64 " of %s 0x%" PRIx64
                      ", which was 0x%" PRIx64,
                      r->pa - 1, what, input, r->old);
        tell_near(c, f, r);
    }
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), is_store
                  ? "stores 0x%" PRIx64 " to 0x%" PRIx64 "%s%s"
                  : "goes on with 0x%" PRIx64 " at 0x%" PRIx64 "%s%s",
                  value, pa, detail ? ": changes " : "", detail ? detail : "");
    if (detail && !r)
        finding_end(c, f, "CPU %u changes %s of a live descriptor (%s 0x%" PRIx64
                    ", level %u of stage %u) without break-before-make",
                    e->pe, detail, what, input, page->level, page->stage);
    else if (page->unlinked && is_store)
        finding_end(c, f, "CPU %u uses the table at 0x%" PRIx64 " for something else before the "
                    "tables it was taken from are clean",
                    e->pe, page->pa - 1);
    else if (r && r->why == BBM_WHY_NONE && !unfinished(c, r))
        finding_end(c, f, "the descriptor of %s 0x%" PRIx64 " (level %u of stage %u) was broken on "
                    "CPU %u, and nothing was invalidated before what follows",
                    what, input, page->level, page->stage, r->pe);
    else
        finding_end(c, f, "the descriptor of %s 0x%" PRIx64 " (level %u of stage %u) is not clean: "
                    "%s", what, input, page->level, page->stage,
                    r && r->why != BBM_WHY_NONE ? why_text[r->why] : "the TLBI is not finished");
}
