/*
 * Checker bbm: which changes of a descriptor demand break-before-make, and what an invalidation
 * takes away of a descriptor that was changed.
 *
 * Without it may change: permissions, the access flag (an entry without it is never cached), bits
 * for software, the output address between read-only pages of equal content, and the pointer to a
 * table of equal content. Not judged: shareability, hardware update of flags.
 *
 * DDI 0487: "Using break-before-make when updating translation table entries", TLBI scopes,
 * "TLB maintenance requirements" for stage 2 (by IPA, then stage 1).
 */
#include "sim/check/check_states.h"

#include "gen/vmsa.h"

#include <string.h>

#define DESCRIPTOR_CONTIGUOUS (UINT64_C(1) << 52)
#define LEVEL_LAST 3u

bool bbm_is_table(const struct bbm_page *page, uint64_t descriptor)
{
    uint64_t both = VMSA_LEAF_VALID | VMSA_LEAF_TABLE;
    return page->level < LEVEL_LAST && (descriptor & both) == both;
}

bool bbm_is_live(const struct bbm_page *page, uint64_t descriptor)
{
    if ((descriptor & VMSA_LEAF_VALID) == 0)
        return false;
    if (bbm_is_table(page, descriptor))
        return true;
    bool is_page = (descriptor & VMSA_LEAF_TABLE) != 0;
    return is_page == (page->level == LEVEL_LAST) && (descriptor & VMSA_LEAF_AF) != 0;
}

uint64_t bbm_table_address(uint64_t descriptor)
{
    return descriptor & VMSA_LEAF_ADDRESS;
}

static bool same_content(const struct checks *c, uint64_t a, uint64_t b, uint64_t size)
{
    uint8_t one[PAGE_BYTES], two[PAGE_BYTES];
    for (uint64_t at = 0; at < size; at += PAGE_BYTES) {
        if (!machine_peek(c->machine, pa_make(a + at), one, sizeof one) ||
            !machine_peek(c->machine, pa_make(b + at), two, sizeof two) ||
            memcmp(one, two, sizeof one) != 0)
            return false;
    }
    return true;
}

static bool is_writable(const struct bbm_page *page, uint64_t descriptor)
{
    if (page->stage == 1)
        return (field_get(VMSA_LEAF_AP, descriptor) & 2u) == 0;
    return (field_get(VMSA_S2_LEAF_S2AP, descriptor) & 2u) != 0;
}

/* The memory type that a leaf of stage 1 or 2 names, as far as types can be compared. */
static uint64_t memory_of(const struct checks *c, const struct bbm_page *page, uint64_t descriptor)
{
    if (page->stage == 2)
        return field_get(VMSA_S2_LEAF_MEMATTR, descriptor);
    bool is_el2 = page->user[0].regime == REGIME_EL2;
    uint64_t mair = check_effective(c, page->pe)[is_el2 ? SR_MAIR_EL2 : SR_MAIR_EL1];
    return mair >> 8 * field_get(VMSA_LEAF_ATTRINDX, descriptor) & 0xff;
}

static const char *leaf_demands_break(const struct checks *c, const struct bbm_page *page,
                                      uint64_t old, uint64_t new)
{
    uint64_t address = VMSA_LEAF_ADDRESS & ~bits_ones(page->shift);
    if (((old ^ new) & address) != 0 &&
        (is_writable(page, old) || is_writable(page, new) || page->user[0].root != 0 ||
         !same_content(c, old & address, new & address, UINT64_C(1) << page->shift)))
        return "the output address";
    if (memory_of(c, page, old) != memory_of(c, page, new))
        return "the memory type";
    if (((old ^ new) & DESCRIPTOR_CONTIGUOUS) != 0)
        return "the contiguous bit, and so the size";
    bool has_asids = page->stage == 1 && page->user[0].regime != REGIME_EL2;
    if (has_asids && (old & VMSA_LEAF_NG) != 0 && (new & VMSA_LEAF_NG) == 0)
        return "non-global to global";
    return NULL;
}

const char *bbm_demands_break(const struct checks *c, const struct bbm_page *page, uint64_t old,
                              uint64_t new)
{
    bool was_table = bbm_is_table(page, old);
    if (was_table != bbm_is_table(page, new))
        return was_table ? "a table to a block" : "a block to a table";
    if (!was_table)
        return leaf_demands_break(c, page, old, new);
    uint64_t from = bbm_table_address(old), to = bbm_table_address(new);
    if (from == to || (page->stage == 2 && same_content(c, from, to, PAGE_BYTES)))
        return NULL;
    bool is_physical = page->stage == 1 && page->user[0].root == 0;
    return is_physical && same_content(c, from, to, PAGE_BYTES) ? NULL : "the table pointed to";
}

static bool uses(const struct checks *c, unsigned pe, const struct bbm_page *page,
                 const struct bbm_user *u)
{
    const struct machine *m = c->machine;
    const struct cpu *cpu = &m->state->cpu[pe];
    const uint64_t *e = cpu->effective;
    if (cpu->wait == CPU_IS_OFF)
        return false;
    if (u->regime == REGIME_EL2)
        return (e[SR_SCTLR_EL2] & SCTLR_EL2_M) && (e[SR_TTBR0_EL2] & TTBR0_EL2_BADDR) == u->ttbr;
    if (check_root(c, pe) != u->root)
        return false;
    struct regime regime = core_regime_peek(cpu, &m->mmu_config, REGIME_EL10);
    if (regime.vmid != u->vmid)
        return false;
    return page->stage == 2 ||
           (regime.stage1_on && ((regime.ttbr[0] & TTBR0_EL1_BADDR) == u->ttbr ||
                                 (regime.ttbr[1] & TTBR0_EL1_BADDR) == u->ttbr));
}

unsigned bbm_user_in_use(const struct checks *c, const struct bbm_page *page,
                         const struct bbm_user *u)
{
    unsigned pes = 0;
    for (unsigned pe = 0; pe < c->machine->config.pe_count; pe++)
        pes |= (unsigned)uses(c, pe, page, u) << pe;
    return pes;
}

bool bbm_is_reached(const struct checks *c, const struct bbm_page *page,
                    const struct bbm_record *r, unsigned pe)
{
    const struct machine *m = c->machine;
    struct regime regime = core_regime_peek(&m->state->cpu[pe], &m->mmu_config, REGIME_EL10);
    bool is_global = !bbm_is_table(page, r->old) && (r->old & VMSA_LEAF_NG) == 0;
    for (unsigned i = 0; i < page->user_count; i++) {
        const struct bbm_user *u = &page->user[i];
        bool same_asid = !u->any_asid && u->asid == regime.asid;
        if (u->regime != REGIME_EL2 && (r->combined[i] >> pe & 1) && (is_global || same_asid) &&
            uses(c, pe, page, u))
            return true;
    }
    return false;
}

unsigned bbm_in_use(const struct checks *c, const struct bbm_page *page)
{
    unsigned pes = 0;
    for (unsigned i = 0; i < page->user_count; i++)
        pes |= bbm_user_in_use(c, page, &page->user[i]);
    return pes;
}

/* --- invalidations -------------------------------------------------------------------------- */

/* What an operation does, by its rows in mmu/tlbi.def. */
struct operation {
    uint8_t regime;
    bool stage1, stage2; /* entries with stage 1 in them; stage 2 only */
    bool by_address, by_asid, last_level, any_vmid, any_asid;
};

static struct operation operation_of(unsigned operation)
{
    static const struct operation rows[TLBI_OPERATION_COUNT] = {
        [TLBI_VMALLE1] = {.stage1 = true, .any_asid = true},
        [TLBI_VAE1] = {.stage1 = true, .by_address = true, .by_asid = true},
        [TLBI_ASIDE1] = {.stage1 = true, .by_asid = true},
        [TLBI_VAAE1] = {.stage1 = true, .by_address = true, .any_asid = true},
        [TLBI_VALE1] = {.stage1 = true, .by_address = true, .by_asid = true, .last_level = true},
        [TLBI_VAALE1] = {.stage1 = true, .by_address = true, .any_asid = true,
                         .last_level = true},
        [TLBI_IPAS2E1] = {.stage2 = true, .by_address = true},
        [TLBI_IPAS2LE1] = {.stage2 = true, .by_address = true, .last_level = true},
        [TLBI_VMALLS12E1] = {.stage1 = true, .stage2 = true, .any_asid = true},
        [TLBI_ALLE1] = {.stage1 = true, .stage2 = true, .any_vmid = true, .any_asid = true},
        [TLBI_ALLE2] = {.regime = REGIME_EL2, .stage1 = true, .any_vmid = true, .any_asid = true},
        [TLBI_VAE2] = {.regime = REGIME_EL2, .stage1 = true, .by_address = true,
                       .any_vmid = true, .any_asid = true},
        [TLBI_VALE2] = {.regime = REGIME_EL2, .stage1 = true, .by_address = true,
                        .last_level = true, .any_vmid = true, .any_asid = true},
    };
    return rows[operation];
}

bool bbm_is_visible(const struct bbm_record *r, const struct shadow_tlbi *t)
{
    return t->dsb_step > r->step || (r->visible_step != 0 && r->visible_step < t->step);
}

static bool in_range(const struct bbm_page *page, const struct bbm_record *r, uint64_t address)
{
    uint64_t input = page->base + ((uint64_t)bbm_word(r->pa) << page->shift);
    return page->mixed || (input ^ address) >> page->shift == 0;
}

/* Why the operation is not one for this user's entries; NONE: it is. */
static enum bbm_why refuses(const struct bbm_page *page, const struct bbm_user *u,
                            const struct bbm_record *r, const struct shadow_tlbi *t)
{
    struct operation o = operation_of(t->operation);
    bool is_global = page->stage == 1 && !bbm_is_table(page, r->old) &&
                     (r->old & VMSA_LEAF_NG) == 0;
    if (!o.any_vmid && t->vmid != u->vmid)
        return BBM_WHY_VMID;
    if (o.by_asid && !u->any_asid && t->asid != u->asid && !(is_global && o.by_address))
        return BBM_WHY_ASID;
    if (o.by_asid && !o.by_address && is_global)
        return BBM_WHY_ASID;
    return BBM_WHY_NONE;
}

bool bbm_names(struct bbm_state *b, const struct bbm_record *r, const struct shadow_tlbi *t)
{
    const struct bbm_page *page = bbm_page_of(b, r);
    struct operation o = operation_of(t->operation);
    bool is_el2 = page->user[0].regime == REGIME_EL2;
    if (!o.by_address || (o.regime == REGIME_EL2) != is_el2 || !in_range(page, r, t->address) ||
        (page->stage == 1 ? !o.stage1 : !o.stage2))
        return false;
    for (unsigned i = 0; i < page->user_count; i++) {
        if (refuses(page, &page->user[i], r, t) == BBM_WHY_NONE)
            return true;
    }
    return false;
}

/* What hung below: one word by address, or all of it. */
static void below_invalidate(struct bbm_record *r, const struct operation *o,
                             const struct shadow_tlbi *t)
{
    if (o->by_address && r->child_shift != 0)
        bbm_bit_set(r->below, (unsigned)(t->address >> r->child_shift) % BBM_WORDS, false);
    else
        memset(r->below, 0, sizeof r->below);
}

static enum bbm_why user_invalidate(const struct bbm_page *page, unsigned i, struct bbm_record *r,
                                    const struct shadow_tlbi *t, uint8_t scope)
{
    struct operation o = operation_of(t->operation);
    enum bbm_why why = refuses(page, &page->user[i], r, t);
    if (why != BBM_WHY_NONE)
        return why;
    uint8_t reached = page->user[i].pes & scope;
    bool is_leaf_only = o.last_level && bbm_is_table(page, r->old);
    bool to_stage2 = page->stage == 2 && o.stage2;
    if (page->stage == 1 ? o.stage1 : o.stage2) {
        if (scope == UINT8_MAX || (page->user[i].pes & ~scope) == 0)
            below_invalidate(r, &o, t);
        if (is_leaf_only)
            return BBM_WHY_LEAF;
    }
    if (to_stage2)
        r->stage2[i] &= (uint8_t)~scope;
    if (page->stage == 2 && !o.stage1) {
        r->stage2_step = t->done_step;
        return BBM_WHY_STAGE1;
    }
    bool in_order = page->stage == 1 || o.stage2 ||
                    ((r->stage2[i] & reached) == 0 && r->stage2_step != 0 &&
                     r->stage2_step <= t->step);
    if (!in_order)
        return BBM_WHY_ORDER;
    if (page->stage == 2 && !o.stage2 && bbm_bits_any(r->below))
        return BBM_WHY_REST;
    r->combined[i] &= (uint8_t)~scope;
    return r->combined[i] != 0 ? BBM_WHY_LOCAL : BBM_WHY_NONE;
}

/* Keeps the last one that was near: for the report. */
static void near(struct bbm_record *r, const struct shadow_tlbi *t, enum bbm_why why)
{
    r->why = (uint8_t)why;
    r->near_step = t->step;
    r->near_pc = t->pc;
    r->near_pe = t->pe;
    r->near_operation = t->operation;
    r->near_scope = t->scope;
}

bool bbm_invalidate(struct bbm_state *b, struct bbm_record *r, const struct shadow_tlbi *t)
{
    struct bbm_page *page = bbm_page_of(b, r);
    struct operation o = operation_of(t->operation);
    bool is_el2 = page->user[0].regime == REGIME_EL2;
    uint8_t scope = (uint8_t)(t->scope == TLBI_LOCAL ? 1u << t->pe : UINT8_MAX);
    bool is_other_stage = page->stage == 1 && !o.stage1;
    bool by_va_for_stage2 = page->stage == 2 && o.by_address && !o.stage2;
    if ((o.regime == REGIME_EL2) != is_el2 || is_other_stage || by_va_for_stage2 ||
        t->step <= r->step || (o.by_address && !in_range(page, r, t->address)))
        return false;
    if (!bbm_is_visible(r, t)) {
        near(r, t, BBM_WHY_DSB);
        return false;
    }
    bool is_clean = true;
    for (unsigned i = 0; i < page->user_count; i++) {
        if ((r->stage2[i] | r->combined[i]) == 0 && !bbm_bits_any(r->below))
            continue;
        enum bbm_why why = user_invalidate(page, i, r, t, scope);
        if (why != BBM_WHY_NONE)
            near(r, t, why);
        is_clean &= (r->stage2[i] | r->combined[i]) == 0;
    }
    if (is_clean && bbm_bits_any(r->below)) { /* the entry itself is gone, not what hung below */
        near(r, t, BBM_WHY_REST);
        return false;
    }
    return is_clean;
}

bool bbm_forget_users(const struct checks *c, struct bbm_page *page, const struct shadow_tlbi *t)
{
    struct operation o = operation_of(t->operation);
    unsigned scope = t->scope == TLBI_LOCAL ? 1u << t->pe : UINT8_MAX, left = 0;
    for (unsigned i = 0; i < page->user_count; i++) {
        struct bbm_user *u = &page->user[i];
        bool is_el2 = u->regime == REGIME_EL2;
        if (is_el2 == (o.regime == REGIME_EL2) && (o.any_vmid || u->vmid == t->vmid))
            u->pes = (uint8_t)((u->pes & ~scope) | bbm_user_in_use(c, page, u));
        left |= u->pes;
    }
    return left == 0;
}
