/*
 * AArch64.TranslateAddress: from an access to a physical address or a fault, through the TLB and
 * walks of one or two stages (AArch64.FullTranslate, S1Translate, S2Translate).
 *
 * One driver serves both the machine, with TLB, events and choices, and observers
 * (mmu_peek), who walk alone and change nothing. The order of faults is that of the
 * architecture: alignment by the registers, stage 1 (walk, alignment by Device memory,
 * permission), stage 2 (the same).
 *
 * SCTLR_ELx.A and {C,I} and HCR_EL2.{CD,ID,PTW} are applied to each access; everything else that
 * registers say is taken when an entry is made, as the architecture allows.
 */
#include "gen/sysreg.h"
#include "mmu/late.h"
#include "mmu/speculate.h"
#include "mmu/walker.h"

#include <string.h>

#define ACCESS_UNIT_MAX 16u

static bool is_misaligned(const struct mmu_request *r)
{
    if (r->size > ACCESS_UNIT_MAX)
        return true;
    return r->size > 1 && (r->va.bits & (r->size - 1u)) != 0;
}

static bool lacks_permission(const struct mmu_request *r, uint8_t permissions)
{
    uint8_t needed = permission_needed(r);
    return (permissions & needed) != needed;
}

/* Of an atomic access, the fault is the write's where reading is permitted. */
static bool fault_by(struct walker *w, enum fault_kind kind, uint8_t permissions, unsigned stage,
                     unsigned level, uint64_t ipa)
{
    const struct mmu_request *r = w->request;
    walker_fault(w, kind, stage, level, false, ipa);
    if (kind == FAULT_PERMISSION && r->is_atomic)
        w->fault->is_write = (permissions & (r->el == 0 ? PERMIT_READ_EL0 : PERMIT_READ)) != 0;
    return false;
}

/* What EL0 may, EL1 may not. */
static bool is_never(const struct walker *w, const struct mapping *m)
{
    return w->request->pan && w->regime->stage1_on && (m->permissions1 & PERMIT_READ_EL0);
}

/* AArch64.S1HasAlignmentFault, AArch64.S1CheckPermissions. */
enum fault_kind walker_stage1_fault(const struct walker *w, const struct mapping *m)
{
    const struct mmu_request *r = w->request;
    bool is_device = memory_is_device(m->memory1) && r->kind != ACCESS_FETCH;
    if (is_device && is_misaligned(r))
        return FAULT_ALIGNMENT;
    return is_never(w, m) || lacks_permission(r, m->permissions1) ? FAULT_PERMISSION : FAULT_NONE;
}

static bool stage1_check(struct walker *w, const struct mapping *m)
{
    enum fault_kind kind = walker_stage1_fault(w, m);
    return kind == FAULT_NONE ||
           fault_by(w, kind, is_never(w, m) ? 0 : m->permissions1, 1, m->level1, 0);
}

/* AArch64.S2HasAlignmentFault, AArch64.S2CheckPermissions. */
enum fault_kind walker_stage2_fault(const struct walker *w, const struct mapping *m)
{
    const struct mmu_request *r = w->request;
    bool is_device = memory_is_device(m->memory) && r->kind != ACCESS_FETCH;
    if (is_device && is_misaligned(r))
        return FAULT_ALIGNMENT;
    return lacks_permission(r, m->permissions2) ? FAULT_PERMISSION : FAULT_NONE;
}

static bool stage2_check(struct walker *w, const struct mapping *m, uint64_t ipa)
{
    enum fault_kind kind = walker_stage2_fault(w, m);
    return kind == FAULT_NONE || fault_by(w, kind, m->permissions2, 2, m->level2, ipa);
}

/* Both stages without an entry for the whole: what the result's entry is made of. */
static bool map_by_walk(struct walker *w, uint64_t va, struct mapping *out)
{
    const struct regime *r = w->regime;
    if (r->stage1_on) {
        w->missed = true;
        if (!walker_stage1(w, out))
            return false;
    } else {
        if (!walk_disabled(r, w->request, out))
            return walker_fault(w, FAULT_ADDRESS_SIZE, 1, 0, false, 0);
        va = out->input | (va & bits_ones(PAGE_SHIFT));
    }
    if (r->stage2_on && !w->request->stage1_only) {
        struct mapping m2;
        if (!stage1_check(w, out) || !walker_stage2(w, out, va, &m2))
            return false;
        *out = walk_combine(out, &m2, va);
    }
    bool is_whole = !(r->stage2_on && w->request->stage1_only);
    if (w->live && r->stage1_on && is_whole) {
        struct tlb_key key = walker_key(w, walker_stage1_tag(r), va);
        w->entry = tlb_fill(w->live, &key, out, w->source);
    }
    return true;
}

/* The mapping and the access give the result, or a fault of stage 1 or 2. */
static bool finish(struct walker *w, const struct mapping *m, struct translation *t)
{
    const struct regime *r = w->regime;
    const struct mmu_request *q = w->request;
    uint64_t offset = q->va.bits & bits_ones(m->size_log2);
    bool has_ipa = m->ipa != ADDRESS_UNKNOWN;
    bool is_fetch = q->kind == ACCESS_FETCH;
    bool stage1_only = r->stage2_on && q->stage1_only;
    uint64_t output = m->output;
    struct attributes a = {m->memory, m->shareability};
    if (!stage1_check(w, m))
        return false;
    if (stage1_only) {
        output = has_ipa ? m->ipa : m->output;
        a = (struct attributes){m->memory1, m->shareability1};
    } else if (r->stage2_on && !stage2_check(w, m, m->ipa + offset)) {
        return false;
    }
    a = attributes_effective(a, r, is_fetch, stage1_only);
    t->pa = pa_make(output + offset);
    t->ipa = ipa_make(stage1_only ? output + offset : has_ipa ? m->ipa + offset : m->ipa);
    t->memory = a.memory;
    t->shareability = a.shareability;
    t->size_log2 = m->size_log2;
    t->permissions =
        stage1_only ? m->permissions1 : (uint8_t)(m->permissions1 & m->permissions2);
    if (m->clean)
        t->permissions &= (uint8_t) ~(PERMIT_WRITE | PERMIT_WRITE_EL0);
    return true;
}

/* Alignment that does not depend on memory: AArch64.CheckAlignment. */
static bool alignment_check(struct walker *w)
{
    const struct mmu_request *r = w->request;
    bool misaligned = r->alignment > 1 && (r->va.bits & (r->alignment - 1u)) != 0;
    bool checked = (w->regime->sctlr & SCTLR_EL1_A) && r->size <= ACCESS_UNIT_MAX;
    if (misaligned || (checked && is_misaligned(r)))
        return walker_fault(w, FAULT_ALIGNMENT, 1, 0, false, 0);
    return true;
}

static struct walker walker_make(const struct mmu *mmu, const struct regime *regime,
                                 const struct mmu_request *request, struct translation *result)
{
    memset(result, 0, sizeof *result);
    result->ipa = ipa_make(ADDRESS_UNKNOWN);
    return (struct walker){.mmu = mmu,
                           .regime = regime,
                           .request = request,
                           .fault = &result->fault,
                           .source = WALKER_NO_SOURCE};
}

/* What a walk nobody asked for may have left for the address of this request. */
static void speculate_before(struct walker *w, uint64_t va)
{
    struct mapping m;
    if (w->regime->stage1_on)
        speculate(w->live, w->regime, va);
    else if (w->regime->stage2_on && walk_disabled(w->regime, w->request, &m))
        speculate(w->live, w->regime, m.output + (va & bits_ones(PAGE_SHIFT)));
}

/* The mapping for the request, or NULL: from the entry for the whole, or made in *made. */
static const struct mapping *map_live(struct walker *w, struct mapping *made)
{
    const struct regime *r = w->regime;
    uint64_t va = walk_canonical_va(r, w->request->va.bits);
    if (mmu_keeps_versions(w->live))
        speculate_before(w, va);
    if (r->stage1_on) {
        unsigned conflict;
        struct tlb_key key = walker_key(w, walker_stage1_tag(r), va);
        const struct tlb_entry *e =
            __builtin_expect(w->mmu->config->late_loads, 0) ? late_find(w, &key) : NULL;
        if (__builtin_expect(e != NULL, 0)) {
            w->entry = e->serial;
            return &e->map;
        }
        e = tlb_find(w->live, &key, &conflict);
        if (conflict) {
            walker_fault(w, FAULT_TLB_CONFLICT, conflict, 0, false, ADDRESS_UNKNOWN);
            return NULL;
        }
        if (e && __builtin_expect(e->map.clean != 0, 0) && walker_writes(w)) {
            tlb_drop(w->live, &key, e->serial); /* the descriptor has to be made dirty first */
            e = NULL;
        }
        if (e) {
            w->entry = e->serial;
            walker_tell_used(w, e);
            return &e->map;
        }
    }
    return map_by_walk(w, va, made) ? made : NULL;
}

/* Of the entry that was found or made last, which is the one that the result comes from. */
static bool is_awaited(const struct mmu *mmu, uint32_t serial)
{
    const struct tlb_entry *e = tlb_index_entry(mmu->index, mmu->last_slot);
    return e->serial != serial || tlbi_awaits(mmu, e);
}

void mmu_translate(struct mmu *mmu, const struct regime *regime, const struct mmu_request *request,
                   struct translation *result)
{
    struct walker w = walker_make(mmu, regime, request, result);
    struct mapping made;
    const struct mapping *m = NULL;
    w.live = mmu;
    mmu->refills = 0;
    if (alignment_check(&w))
        m = map_live(&w, &made);
    bool ok = m != NULL && finish(&w, m, result);
    result->cost = w.cost + (w.missed ? mmu->config->cost_tlb_miss : 0) +
                   mmu->refills * mmu->config->cost_tlb_second;
    if (!ok || w.entry == 0)
        return;
    result->entry = w.entry;
    if (__builtin_expect(mmu->state->queue_count != 0, 0))
        result->awaited = is_awaited(mmu, w.entry);
    if (request->is_at) /* it accesses nothing */
        return;
    unsigned stage = !regime->stage1_on ? TLB_STAGE2 : walker_stage1_tag(regime);
    event_emit_TLB_HIT(MMU_HEAD(mmu), w.entry, request->kind, request->is_write, regime->kind,
                       stage, request->va.bits, result->ipa.bits, result->pa.bits);
}

bool speculation_walk(const struct mmu *mmu, struct speculation *s, const struct regime *regime,
                      uint64_t address, struct mapping *out)
{
    /* What every entry allows the level that walks; entries do not depend on who asks. */
    struct mmu_request request = {
        .va = va_make(address), .el = regime->kind == REGIME_EL2 ? 2 : 1, .alignment = 1};
    struct translation ignored;
    struct walker w = walker_make(mmu, regime, &request, &ignored);
    w.past = s;
    return regime->stage1_on ? map_by_walk(&w, address, out)
                             : walker_stage2_alone(&w, address, out);
}

void mmu_peek(const struct mmu *mmu, const struct regime *regime,
              const struct mmu_request *request, struct walk *walk)
{
    memset(walk, 0, sizeof *walk);
    struct walker w = walker_make(mmu, regime, request, &walk->result);
    struct mapping m;
    w.walk = walk;
    if (alignment_check(&w) &&
        map_by_walk(&w, walk_canonical_va(regime, request->va.bits), &m))
        finish(&w, &m, &walk->result);
}
