/*
 * The erratum tlbi-loads: a broadcast TLBI removes entries on other PEs as it should, and with its
 * DSB it finishes what it should, but for loads that were translated by such an entry and are
 * still under way: one may read memory later, through a translation that is gone.
 *
 * This model does a load when it executes it. A load that is under way when the message comes is
 * thus one that its PE executes soon afterwards, in whose place nothing has to be translated anew:
 * before the PE's next context synchronization event and its next DSB, which waits for loads, and
 * within as many instructions as a core has under way. It may use the entry that went (choice
 * tlbi-drain, asked where a walk would give something else). A second TLBI with a DSB of the same
 * PE, behind the first ones, finishes the loads: that is the workaround.
 *
 * Stores, atomics and walks are not concerned, nor loads with stage 1 off. The rule that is
 * weakened: DDI 0487, "Ordering and completion of TLB maintenance instructions".
 */
#include "mmu/late.h"

#include "mmu/walker.h"

#include <string.h>

#define LATE_MAX 32u      /* the oldest is forgotten for the next */
#define LATE_WINDOW 128u  /* instructions that a core has under way */

STATE_BEGIN
struct late_entry {
    struct tlb_entry entry;
    uint64_t insn;    /* of the PE when it went */
    uint8_t issuer;   /* of the message */
    uint8_t finished; /* by a DSB of the issuer */
    uint8_t reserved[6];
};

struct late_page {
    uint32_t count;
    uint32_t reserved;
    struct late_entry late[LATE_MAX]; /* oldest first */
};
STATE_END

_Static_assert(sizeof(struct late_page) <= PAGE_BYTES, "a page for each PE");

size_t late_pages(const struct mmu_config *config)
{
    return config->late_loads ? 1 : 0;
}

static size_t page_number(const struct mmu *mmu)
{
    return mmu->tlb_page + mmu_tlb_pages(mmu->config) - 1;
}

static const struct late_page *page_at(const struct mmu *mmu)
{
    const void *page = cow_read(mmu->memory, page_number(mmu));
    return page;
}

static struct late_page *page_change(struct mmu *mmu)
{
    void *page = cow_write(mmu->memory, page_number(mmu));
    return page;
}

static void forget(struct late_page *page, unsigned i)
{
    page->count--;
    memmove(&page->late[i], &page->late[i + 1], (page->count - i) * sizeof page->late[i]);
    memset(&page->late[page->count], 0, sizeof page->late[i]);
}

void late_keep(struct mmu *mmu, const struct tlb_entry *entry, const struct tlbi *message)
{
    if (message->issuer == mmu->pe || message->scope == TLBI_LOCAL ||
        (entry->stage != TLB_STAGE1 && entry->stage != TLB_COMBINED))
        return;
    struct late_page *page = page_change(mmu);
    if (page->count == LATE_MAX)
        forget(page, 0);
    page->late[page->count++] = (struct late_entry){
        .entry = *entry, .insn = *mmu->clock->insn, .issuer = message->issuer};
}

void mmu_late_end(struct mmu *mmu)
{
    if (mmu->config->late_loads && page_at(mmu)->count != 0)
        memset(page_change(mmu), 0, sizeof(struct late_page));
}

void mmu_late_finish(struct mmu *mmu, unsigned issuer)
{
    if (!mmu->config->late_loads || page_at(mmu)->count == 0)
        return;
    struct late_page *page = page_change(mmu);
    for (unsigned i = 0; i < page->count;) {
        struct late_entry *late = &page->late[i];
        if (late->issuer != issuer) {
            i++;
        } else if (late->finished) {
            forget(page, i);
        } else {
            late->finished = 1;
            i++;
        }
    }
}

static bool is_load(const struct mmu_request *r)
{
    return (r->kind == ACCESS_PLAIN || r->kind == ACCESS_ACQUIRE) && !r->is_write &&
           !r->is_atomic && !r->is_at && !r->is_cache_op;
}

/* tlb_index_match()'s rule for one entry. */
static bool translates(const struct mmu *mmu, const struct tlb_entry *e, const struct tlb_key *key)
{
    return e->stage == key->stage && e->regime == key->regime &&
           (e->vmid == key->vmid || tlb_ignores_vmid(mmu)) &&
           (e->map.is_global || e->asid == key->asid) &&
           (e->map.input ^ key->input) >> e->map.size_log2 == 0;
}

/* Whether the load goes through there, to somewhere else than by the tables of now. */
static bool makes_a_difference(const struct walker *w, const struct mapping *m)
{
    struct walk walk;
    if (walker_stage1_fault(w, m) != FAULT_NONE || walker_stage2_fault(w, m) != FAULT_NONE)
        return false;
    mmu_peek(w->mmu, w->regime, w->request, &walk);
    uint64_t offset = w->request->va.bits & bits_ones(m->size_log2);
    return walk.result.fault.kind != FAULT_NONE || walk.result.pa.bits != m->output + offset;
}

const struct tlb_entry *late_find(struct walker *w, const struct tlb_key *key)
{
    struct mmu *mmu = w->live;
    const struct late_page *page = page_at(mmu);
    if (page->count == 0 || !is_load(w->request) ||
        !choice_is_open(mmu->chooser, CHOICE_TLBI_DRAIN))
        return NULL;
    for (unsigned i = page->count; i-- > 0;) {
        const struct late_entry *late = &page->late[i];
        if (*mmu->clock->insn - late->insn > LATE_WINDOW || !translates(mmu, &late->entry, key) ||
            !makes_a_difference(w, &late->entry.map))
            continue;
        uint32_t k = choose(mmu->chooser, mmu->counts, CHOICE_TLBI_DRAIN, mmu->pe, 2);
        return k != 0 ? &late->entry : NULL;
    }
    return NULL;
}
