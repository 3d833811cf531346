/*
 * Walks of either stage for one translation: the tables and stage 2 leaves that the TLB already
 * knows, stage 2 of the addresses of stage 1 tables, and the updates of descriptors that hardware
 * management of the access flag and dirty state makes.
 *
 * Follows AArch64.S1Walk, AArch64.S2Walk, AArch64.S1Translate and AArch64.S2Translate.
 * The access flag is set also where a permission or alignment fault follows
 * and by AT; the dirty state only by an access that writes and has no such fault. Observers see
 * what such an access would see, and update nothing.
 *
 * The contiguous bit is a hint, taken where the choice tlb-contiguous says so: then the entry
 * covers the whole set, by the one descriptor that was read.
 *
 * Not modelled: a table of stage 1 whose pages stage 2 has scattered is never in the walk cache.
 */
#include "mmu/walker.h"
#include "mmu/speculate.h"
#include "gen/sysreg.h"
#include "gen/vmsa.h"

#include <string.h>

#define DIRTY_BIT (UINT64_C(1) << 7) /* AP[2], clear when dirty; S2AP[1], set when dirty */
#define UPDATE_TRIES 8u /* descriptors that change while they are updated: then it is left */

/* What a stage 2 translation is for. */
struct stage2_use {
    uint64_t ipa;
    uint64_t va;
    const struct mapping *stage1; /* whose output it is; NULL: a stage 1 descriptor is there */
    bool writes;                  /* the descriptor is to be updated */
};

bool walker_fault(const struct walker *w, enum fault_kind kind, unsigned stage, unsigned level,
                  bool s1ptw, uint64_t ipa)
{
    *w->fault = (struct fault){
        .kind = (uint8_t)kind,
        .level = (uint8_t)level,
        .stage = (uint8_t)stage,
        .s1ptw = s1ptw,
        .is_write = w->request->is_write,
        .is_cache_op = w->request->is_cache_op,
        .is_fetch = w->request->kind == ACCESS_FETCH,
        .va = w->request->va,
        .ipa = ipa_make(stage == 2 ? ipa : ADDRESS_UNKNOWN),
    };
    return false;
}

struct tlb_key walker_key(const struct walker *w, unsigned stage, uint64_t input)
{
    const struct regime *r = w->regime;
    bool has_asid = (stage & TLB_COMBINED) != TLB_STAGE2;
    return (struct tlb_key){input, r->vmid, has_asid ? r->asid : 0, r->kind, (uint8_t)stage,
                            w->request->kind == ACCESS_FETCH};
}

bool walker_writes(const struct walker *w)
{
    const struct mmu_request *r = w->request;
    return (r->is_write || r->is_atomic) && !r->is_at && !r->is_cache_op;
}

static void source_add(struct walker *w, uint32_t source)
{
    if (source < w->source)
        w->source = source;
}

/* An entry that helps in a walk was used. */
static void entry_used(struct walker *w, const struct tlb_entry *e, unsigned kind, uint64_t input)
{
    source_add(w, e->source);
    walker_tell_used(w, e);
    uint64_t offset = input & bits_ones(e->map.size_log2);
    bool is_table = (e->stage & TLB_TABLE) != 0;
    bool is_stage2 = (e->stage & TLB_COMBINED) == TLB_STAGE2;
    event_emit_TLB_HIT(MMU_HEAD(w->live), e->serial, kind,
                       kind != ACCESS_WALK && w->request->is_write, e->regime, e->stage,
                       w->request->va.bits, is_stage2 ? input : e->map.ipa,
                       is_table ? e->map.output : e->map.output + offset);
}

static bool stage2_of_table(struct walker *w, uint64_t ipa, bool writes, uint64_t *pa,
                            struct attributes *a, unsigned *size_log2);

/* Sets the access flag that is missing, and the dirty state where it is wanted. */
static enum walker_update leaf_update(struct walker *w, const struct walk_state *s,
                                      const struct walker_leaf *leaf, bool dirties, bool for_walk,
                                      struct mapping *m)
{
    uint64_t wanted = leaf->descriptor, pa = leaf->pa;
    struct attributes a = leaf->access;
    dirties = dirties && m->clean;
    if (w->past && s->is_old) { /* no entry is made without the flag, and nothing has set it */
        walker_fault(w, FAULT_ACCESS_FLAG, s->stage, s->level, for_walk, s->input);
        return UPDATE_FAULT;
    }
    if (s->is_old)
        wanted |= VMSA_LEAF_AF;
    if (dirties)
        wanted ^= DIRTY_BIT;
    if (wanted == leaf->descriptor)
        return UPDATE_DONE;
    if (s->stage == 1 && w->regime->stage2_on) {
        /* Not a part of the walk that an observer asked for. */
        struct walk *walk = w->walk;
        unsigned size_log2;
        w->walk = NULL;
        bool ok = stage2_of_table(w, leaf->ipa, true, &pa, &a, &size_log2);
        w->walk = walk;
        if (!ok)
            return UPDATE_FAULT;
    }
    enum walker_update done = walker_swap(w, s->stage, leaf, pa, a, wanted);
    if (done == UPDATE_FAULT)
        walker_fault(w, FAULT_EXTERNAL_ON_WALK, s->stage, s->level, for_walk, s->input);
    if (done == UPDATE_DONE && dirties)
        m->clean = 0;
    return done;
}

/* The hint of the contiguous bit: one entry for the whole set. */
static void contiguous_take(struct walker *w, struct mapping *m)
{
    if (!w->live || m->set_log2 == m->size_log2 ||
        !choice_is_open(w->live->chooser, CHOICE_TLB_CONTIGUOUS) ||
        choose(w->live->chooser, w->live->counts, CHOICE_TLB_CONTIGUOUS, w->live->pe, 2) == 0)
        return;
    m->size_log2 = m->leaf1_log2 = m->set_log2;
    m->input = align_down(m->input, UINT64_C(1) << m->set_log2);
    m->output = align_down(m->output, UINT64_C(1) << m->set_log2);
}

/* Whether a walk may read a descriptor there, and update it. Also HCR_EL2.PTW. */
static bool table_is_open(const struct walker *w, const struct mapping *m, bool writes)
{
    bool is_barred = memory_is_device(m->memory) && (w->regime->hcr & HCR_EL2_PTW);
    uint8_t needed = PERMIT_READ | (writes ? PERMIT_WRITE : 0);
    return !is_barred && (m->permissions2 & needed) == needed;
}

static bool stage2_dirties(const struct walker *w, const struct stage2_use *use,
                           const struct mapping *m)
{
    if (!use->stage1)
        return use->writes && table_is_open(w, m, true);
    if (!walker_writes(w))
        return false;
    struct mapping both = walk_combine(use->stage1, m, use->va);
    return walker_stage2_fault(w, &both) == FAULT_NONE;
}

/* Stage 2 from the nearest table known. */
static enum walker_update stage2_descend(struct walker *w, const struct stage2_use *use,
                                         struct mapping *out)
{
    bool for_walk = use->stage1 == NULL;
    struct walk_state s = walk_start_stage2(w->regime, use->ipa);
    if (s.fault != FAULT_NONE) {
        walker_fault(w, s.fault, 2, 0, for_walk, use->ipa);
        return UPDATE_FAULT;
    }
    struct tlb_key key = walker_key(w, TLB_STAGE2 | TLB_TABLE, use->ipa);
    const struct tlb_entry *known = w->live ? tlb_find_table(w->live, &key) : NULL;
    if (known && walk_accepts(&s, &known->map)) {
        entry_used(w, known, ACCESS_WALK, use->ipa);
        walk_resume(&s, &known->map);
    }
    for (;;) {
        struct walker_leaf leaf = {.pa = walk_descriptor_address(&s), .access = s.access};
        if (!walker_read(w, &s, leaf.pa, s.access, &leaf.descriptor)) {
            walker_fault(w, FAULT_EXTERNAL_ON_WALK, 2, s.level, for_walk, use->ipa);
            return UPDATE_FAULT;
        }
        switch (walk_decode(&s, w->regime, leaf.descriptor, out)) {
        case WALK_FAULT:
            walker_fault(w, s.fault, 2, s.level, for_walk, use->ipa);
            return UPDATE_FAULT;
        case WALK_LEAF:
            return leaf_update(w, &s, &leaf, stage2_dirties(w, use, out), for_walk, out);
        case WALK_NEXT_TABLE:
            break;
        }
        out->is_global = 1;
        if (w->live)
            tlb_fill(w->live, &key, out, w->source);
    }
}

static bool stage2_walk(struct walker *w, const struct stage2_use *use, struct mapping *out)
{
    enum walker_update done = UPDATE_AGAIN;
    for (unsigned i = 0; done == UPDATE_AGAIN && i < UPDATE_TRIES; i++)
        done = stage2_descend(w, use, out);
    if (done == UPDATE_FAULT)
        return false;
    contiguous_take(w, out);
    return true;
}

/* A stage 2 entry that may be used as it is: not a clean page for an access that dirties it. */
static const struct tlb_entry *stage2_find(struct walker *w, const struct stage2_use *use,
                                           const struct tlb_key *key, unsigned *conflict)
{
    const struct tlb_entry *e = tlb_find(w->live, key, conflict);
    if (!e || !e->map.clean || !stage2_dirties(w, use, &e->map))
        return e;
    tlb_drop(w->live, key, e->serial);
    return NULL;
}

/* Stage 2 of an IPA: a stage 2 only entry, or a walk that makes one. */
static bool stage2_map(struct walker *w, const struct stage2_use *use, struct mapping *out)
{
    bool for_walk = use->stage1 == NULL;
    uint32_t source = w->source, entry = 0;
    w->source = WALKER_NO_SOURCE;
    if (w->live) {
        unsigned conflict;
        struct tlb_key key = walker_key(w, TLB_STAGE2, use->ipa);
        const struct tlb_entry *e = stage2_find(w, use, &key, &conflict);
        if (conflict)
            return walker_fault(w, FAULT_TLB_CONFLICT, 2, 0, for_walk, use->ipa);
        if (e) {
            *out = e->map;
            entry = e->serial;
            source_add(w, e->source);
            walker_tell_used(w, e);
            if (for_walk || w->regime->stage1_on)
                entry_used(w, e, for_walk || w->request->is_at ? ACCESS_WALK : w->request->kind,
                           use->ipa);
        } else {
            w->missed = true;
            if (!stage2_walk(w, use, out))
                return false;
            entry = tlb_fill(w->live, &key, out, w->source);
        }
    } else {
        if (w->past)
            speculation_begin_stage2(w->past);
        if (!stage2_walk(w, use, out))
            return false;
        if (w->past)
            speculation_end_stage2(w->past, out);
    }
    source_add(w, source);
    if (!for_walk)
        w->entry = entry;
    return true;
}

bool walker_stage2(struct walker *w, const struct mapping *stage1, uint64_t va, struct mapping *out)
{
    struct stage2_use use = {
        .ipa = stage1->output + (va & bits_ones(stage1->size_log2)), .va = va, .stage1 = stage1};
    return stage2_map(w, &use, out);
}

bool walker_stage2_alone(struct walker *w, uint64_t ipa, struct mapping *out)
{
    static const struct mapping identity = {.permissions1 = PERMIT_ALL};
    struct stage2_use use = {.ipa = ipa, .va = ipa, .stage1 = &identity};
    return stage2_map(w, &use, out);
}

/* Stage 2 of a stage 1 descriptor's address, to read it or to update it: S1PTW faults. */
static bool stage2_of_table(struct walker *w, uint64_t ipa, bool writes, uint64_t *pa,
                            struct attributes *a, unsigned *size_log2)
{
    struct stage2_use use = {.ipa = ipa, .writes = writes};
    struct mapping m;
    bool ok = stage2_map(w, &use, &m);
    if (ok && !table_is_open(w, &m, writes))
        ok = walker_fault(w, FAULT_PERMISSION, 2, m.level2, true, ipa);
    if (!ok) {
        w->fault->is_write |= writes;
        return false;
    }
    *pa = m.output + (ipa & bits_ones(m.size_log2));
    *size_log2 = m.size_log2;
    *a = attributes_combine(*a, (struct attributes){m.memory, m.shareability});
    *a = attributes_effective(*a, w->regime, false, false);
    return true;
}

/*
 * A table's entry: it holds the PA of the table, and under stage 2 also its IPA. (Where stage 2 has
 * smaller pages than the table, there is no one PA and no entry.)
 */
static void table_fill(struct walker *w, struct mapping table, unsigned page_log2, uint64_t pa,
                       struct attributes a)
{
    struct tlb_key key = walker_key(w, walker_stage1_tag(w->regime) | TLB_TABLE, table.input);
    if (w->regime->stage2_on)
        table.ipa = table.output;
    table.output = align_down(pa, UINT64_C(1) << page_log2);
    table.memory = a.memory;
    table.shareability = a.shareability;
    table.is_global = w->regime->kind == REGIME_EL2;
    tlb_fill(w->live, &key, &table, w->source);
}

/* The table from which the walk can go on, by the TLB: then ipa is where it is before stage 2. */
static bool stage1_resume(struct walker *w, struct walk_state *s, struct attributes *a,
                          uint64_t *ipa)
{
    struct tlb_key key = walker_key(w, walker_stage1_tag(w->regime) | TLB_TABLE, s->input);
    const struct tlb_entry *known = w->live ? tlb_find_table(w->live, &key) : NULL;
    if (!known || !walk_accepts(s, &known->map))
        return false;
    entry_used(w, known, ACCESS_WALK, s->input);
    walk_resume(s, &known->map);
    *a = (struct attributes){known->map.memory, known->map.shareability};
    *ipa = known->map.ipa;
    return true;
}

/* Stage 1: each table's address goes through stage 2, but for the one that the cache knows. */
static enum walker_update stage1_descend(struct walker *w, struct mapping *out)
{
    struct walk_state s = walk_start_stage1(w->regime, w->request->va.bits);
    if (s.fault != FAULT_NONE) {
        walker_fault(w, s.fault, 1, 0, false, 0);
        return UPDATE_FAULT;
    }
    uint64_t known_ipa = 0;
    struct attributes a = s.access;
    bool is_known = stage1_resume(w, &s, &a, &known_ipa), has_table = false;
    for (;; has_table = true, is_known = false, a = s.access) {
        struct walker_leaf leaf = {.pa = walk_descriptor_address(&s)};
        unsigned piece_log2 = s.page_log2;
        leaf.ipa = is_known ? known_ipa + (leaf.pa - s.table) : leaf.pa;
        if (w->regime->stage2_on && !is_known &&
            !stage2_of_table(w, leaf.ipa, false, &leaf.pa, &a, &piece_log2))
            return UPDATE_FAULT;
        leaf.access = a;
        if (has_table && w->live && piece_log2 >= s.page_log2)
            table_fill(w, *out, s.page_log2, leaf.pa, a);
        if (!walker_read(w, &s, leaf.pa, a, &leaf.descriptor)) {
            walker_fault(w, FAULT_EXTERNAL_ON_WALK, 1, s.level, false, 0);
            return UPDATE_FAULT;
        }
        switch (walk_decode(&s, w->regime, leaf.descriptor, out)) {
        case WALK_FAULT:
            walker_fault(w, s.fault, 1, s.level, false, 0);
            return UPDATE_FAULT;
        case WALK_LEAF: {
            bool dirties = walker_writes(w) && walker_stage1_fault(w, out) == FAULT_NONE;
            return leaf_update(w, &s, &leaf, dirties, false, out);
        }
        case WALK_NEXT_TABLE:
            break;
        }
    }
}

bool walker_stage1(struct walker *w, struct mapping *out)
{
    enum walker_update done = UPDATE_AGAIN;
    for (unsigned i = 0; done == UPDATE_AGAIN && i < UPDATE_TRIES; i++)
        done = stage1_descend(w, out);
    if (done == UPDATE_FAULT)
        return false;
    contiguous_take(w, out);
    return true;
}
