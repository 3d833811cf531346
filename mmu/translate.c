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
#include "mmu/permission.h"
#include "mmu/speculate.h"
#include "mmu/tlb.h"

#include <string.h>

#define NO_SOURCE UINT32_MAX
#define ACCESS_UNIT_MAX 16u

/* One translation on its way. */
struct walker {
    const struct mmu *mmu;
    struct mmu *live; /* the same, when TLB, events and choices take part; NULL for observers */
    const struct regime *regime;
    const struct mmu_request *request;
    struct walk *walk;    /* the record of an observer, or NULL */
    struct speculation *past; /* says what descriptors were, for a walk in the past; or NULL */
    struct fault *fault;
    uint32_t source;      /* oldest entry used so far */
    uint32_t entry;       /* the entry that gives the result */
    uint32_t cost;
    bool missed;
};

static bool fault_make(const struct walker *w, enum fault_kind kind, unsigned stage,
                       unsigned level, bool s1ptw, uint64_t ipa)
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

static struct tlb_key key_make(const struct walker *w, unsigned stage, uint64_t input)
{
    const struct regime *r = w->regime;
    bool has_asid = (stage & TLB_COMBINED) != TLB_STAGE2;
    return (struct tlb_key){input, r->vmid, has_asid ? r->asid : 0, r->kind, (uint8_t)stage,
                            w->request->kind == ACCESS_FETCH};
}

static unsigned stage1_tag(const struct regime *regime)
{
    return regime->stage2_on ? TLB_COMBINED : TLB_STAGE1;
}

static void source_add(struct walker *w, uint32_t source)
{
    if (source < w->source)
        w->source = source;
}

/* An entry that helps in a walk was used. */
static void entry_used(struct walker *w, const struct tlb_entry *e, unsigned kind,
                       uint64_t input)
{
    source_add(w, e->source);
    uint64_t offset = input & bits_ones(e->map.size_log2);
    bool is_table = (e->stage & TLB_TABLE) != 0;
    bool is_stage2 = (e->stage & TLB_COMBINED) == TLB_STAGE2;
    event_emit_TLB_HIT(MMU_HEAD(w->live), e->serial, kind,
                       kind != ACCESS_WALK && w->request->is_write, e->regime, e->stage,
                       w->request->va.bits, is_stage2 ? input : e->map.ipa,
                       is_table ? e->map.output : e->map.output + offset);
}

static bool descriptor_get(struct walker *w, const struct walk_state *s, uint64_t pa,
                           struct attributes a, uint64_t *out)
{
    const struct port *port = w->mmu->port;
    if (w->past)
        return speculation_read(w->past, s, pa, out);
    if (w->live == NULL)
        return port->peek(port->owner, pa_make(pa), out, sizeof *out);
    struct access access = {
        .pa = pa_make(pa),
        .pe = w->mmu->pe,
        .size = 8,
        .kind = ACCESS_WALK,
        .memory = a.memory,
        .shareability = a.shareability,
        .el = *w->mmu->clock->el,
    };
    uint64_t value[2] = {0, 0};
    if (mmu_keeps_versions(w->mmu))
        version_see_table(w->mmu->versions, pa, s->level, s->stage == 1 && w->regime->stage2_on);
    w->cost += w->mmu->config->cost_walk_step;
    if (port->read(port->owner, &access, value) != PORT_OK)
        return false;
    *out = value[0];
    return true;
}

/* Reads and tells one descriptor; false: external abort. */
static bool descriptor_read(struct walker *w, const struct walk_state *s, uint64_t pa,
                            struct attributes a, uint64_t *descriptor)
{
    if (!descriptor_get(w, s, pa, a, descriptor))
        return false;
    bool swap = s->stage == 1 ? (w->regime->sctlr & SCTLR_EL1_EE) != 0
                              : w->regime->stage2_is_big_endian;
    if (swap)
        *descriptor = __builtin_bswap64(*descriptor);
    if (w->live)
        event_emit_WALK(MMU_HEAD(w->live), s->stage, s->level, w->regime->kind, pa, *descriptor,
                        s->input);
    if (w->walk) {
        ensure(w->walk->step_count < WALK_STEP_MAX);
        w->walk->step[w->walk->step_count++] = (struct walk_step){
            .descriptor = *descriptor,
            .descriptor_pa = pa_make(pa),
            .input = s->input,
            .stage = s->stage,
            .level = s->level,
        };
    }
    return true;
}

/* The walk of stage 2 itself, from the nearest table; fills tables and the leaf. */
static bool stage2_walk(struct walker *w, uint64_t ipa, bool for_walk, struct mapping *out)
{
    struct walk_state s = walk_start_stage2(w->regime, ipa);
    struct tlb_key key = key_make(w, TLB_STAGE2 | TLB_TABLE, ipa);
    if (s.fault != FAULT_NONE)
        return fault_make(w, s.fault, 2, 0, for_walk, ipa);
    const struct tlb_entry *table = w->live ? tlb_find_table(w->live, &key) : NULL;
    if (table) {
        entry_used(w, table, ACCESS_WALK, ipa);
        walk_resume(&s, &table->map);
    }
    for (;;) {
        uint64_t descriptor, pa = walk_descriptor_address(&s);
        if (!descriptor_read(w, &s, pa, s.access, &descriptor))
            return fault_make(w, FAULT_EXTERNAL_ON_WALK, 2, s.level, for_walk, ipa);
        enum walk_verdict verdict = walk_decode(&s, w->regime, descriptor, out);
        if (verdict == WALK_FAULT)
            return fault_make(w, s.fault, 2, s.level, for_walk, ipa);
        if (verdict == WALK_LEAF)
            break;
        out->is_global = 1;
        if (w->live)
            tlb_fill(w->live, &key, out, w->source);
    }
    return true;
}

/* Stage 2 of an IPA: a stage 2 only entry, or a walk that makes one. */
static bool stage2_map(struct walker *w, uint64_t ipa, bool for_walk, struct mapping *out)
{
    uint32_t source = w->source, entry = 0;
    w->source = NO_SOURCE;
    if (w->live) {
        unsigned conflict;
        struct tlb_key key = key_make(w, TLB_STAGE2, ipa);
        const struct tlb_entry *e = tlb_find(w->live, &key, &conflict);
        if (conflict)
            return fault_make(w, FAULT_TLB_CONFLICT, 2, 0, for_walk, ipa);
        if (e) {
            *out = e->map;
            entry = e->serial;
            source_add(w, e->source);
            if (for_walk || w->regime->stage1_on)
                entry_used(w, e, for_walk || w->request->is_at ? ACCESS_WALK : w->request->kind,
                           ipa);
        } else {
            w->missed = true;
            if (!stage2_walk(w, ipa, for_walk, out))
                return false;
            entry = tlb_fill(w->live, &key, out, w->source);
        }
    } else {
        if (w->past)
            speculation_begin_stage2(w->past);
        if (!stage2_walk(w, ipa, for_walk, out))
            return false;
        if (w->past)
            speculation_end_stage2(w->past, out);
    }
    source_add(w, source);
    if (!for_walk)
        w->entry = entry;
    return true;
}

/* Stage 2 of a stage 1 descriptor's address: S1PTW faults, HCR_EL2.PTW. */
static bool stage2_of_table(struct walker *w, uint64_t ipa, uint64_t *pa, struct attributes *a)
{
    struct mapping m;
    if (!stage2_map(w, ipa, true, &m))
        return false;
    bool is_device = memory_is_device(m.memory);
    if (!(m.permissions2 & PERMIT_READ) || (is_device && (w->regime->hcr & HCR_EL2_PTW)))
        return fault_make(w, FAULT_PERMISSION, 2, m.level2, true, ipa);
    *pa = m.output + (ipa & bits_ones(m.size_log2));
    *a = attributes_combine(*a, (struct attributes){m.memory, m.shareability});
    *a = attributes_effective(*a, w->regime, false);
    return true;
}

/* A table's entry: it holds the PA of the table, and under stage 2 also its IPA. */
static void table_fill(struct walker *w, struct mapping table, uint64_t pa, struct attributes a)
{
    struct tlb_key key = key_make(w, stage1_tag(w->regime) | TLB_TABLE, table.input);
    if (w->regime->stage2_on)
        table.ipa = table.output;
    table.output = align_down(pa, PAGE_BYTES);
    table.memory = a.memory;
    table.shareability = a.shareability;
    table.is_global = w->regime->kind == REGIME_EL2;
    tlb_fill(w->live, &key, &table, w->source);
}

/* Stage 1: each table's address goes through stage 2, but for the one that the cache knows. */
static bool stage1_walk(struct walker *w, struct mapping *out)
{
    struct walk_state s = walk_start_stage1(w->regime, w->request->va.bits);
    if (s.fault != FAULT_NONE)
        return fault_make(w, s.fault, 1, 0, false, 0);
    struct tlb_key key = key_make(w, stage1_tag(w->regime) | TLB_TABLE, s.input);
    const struct tlb_entry *known = w->live ? tlb_find_table(w->live, &key) : NULL;
    struct attributes a = s.access;
    if (known) {
        entry_used(w, known, ACCESS_WALK, s.input);
        walk_resume(&s, &known->map);
        a = (struct attributes){known->map.memory, known->map.shareability};
    }
    bool needs_stage2 = w->regime->stage2_on && !known, has_table = false;
    for (;;) {
        uint64_t descriptor, pa = walk_descriptor_address(&s);
        if (needs_stage2 && !stage2_of_table(w, pa, &pa, &a))
            return false;
        if (has_table && w->live)
            table_fill(w, *out, pa, a);
        if (!descriptor_read(w, &s, pa, a, &descriptor))
            return fault_make(w, FAULT_EXTERNAL_ON_WALK, 1, s.level, false, 0);
        enum walk_verdict verdict = walk_decode(&s, w->regime, descriptor, out);
        if (verdict == WALK_FAULT)
            return fault_make(w, s.fault, 1, s.level, false, 0);
        if (verdict == WALK_LEAF)
            return true;
        has_table = true;
        needs_stage2 = w->regime->stage2_on;
        a = s.access;
    }
}

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
static bool permission_fault(struct walker *w, uint8_t permissions, unsigned stage, unsigned level,
                             uint64_t ipa)
{
    const struct mmu_request *r = w->request;
    fault_make(w, FAULT_PERMISSION, stage, level, false, ipa);
    if (r->is_atomic)
        w->fault->is_write = (permissions & (r->el == 0 ? PERMIT_READ_EL0 : PERMIT_READ)) != 0;
    return false;
}

/* AArch64.S1HasAlignmentFault, AArch64.S1CheckPermissions. */
static bool stage1_check(struct walker *w, const struct mapping *m)
{
    const struct mmu_request *r = w->request;
    bool is_device = memory_is_device(m->memory1) && r->kind != ACCESS_FETCH;
    if (is_device && is_misaligned(r))
        return fault_make(w, FAULT_ALIGNMENT, 1, m->level1, false, 0);
    /* What EL0 may, EL1 may not. */
    bool is_never = r->pan && w->regime->stage1_on && (m->permissions1 & PERMIT_READ_EL0);
    if (is_never || lacks_permission(r, m->permissions1))
        return permission_fault(w, is_never ? 0 : m->permissions1, 1, m->level1, 0);
    return true;
}

/* AArch64.S2HasAlignmentFault, AArch64.S2CheckPermissions. */
static bool stage2_check(struct walker *w, const struct mapping *m, uint64_t ipa)
{
    const struct mmu_request *r = w->request;
    bool is_device = memory_is_device(m->memory) && r->kind != ACCESS_FETCH;
    if (is_device && is_misaligned(r))
        return fault_make(w, FAULT_ALIGNMENT, 2, m->level2, false, ipa);
    if (lacks_permission(r, m->permissions2))
        return permission_fault(w, m->permissions2, 2, m->level2, ipa);
    return true;
}

/* Both stages without an entry for the whole: what the result's entry is made of. */
static bool map_by_walk(struct walker *w, uint64_t va, struct mapping *out)
{
    const struct regime *r = w->regime;
    if (r->stage1_on) {
        w->missed = true;
        if (!stage1_walk(w, out))
            return false;
    } else {
        if (!walk_disabled(r, w->request, out))
            return fault_make(w, FAULT_ADDRESS_SIZE, 1, 0, false, 0);
        va = out->input | (va & bits_ones(PAGE_SHIFT));
    }
    if (r->stage2_on && !w->request->stage1_only) {
        struct mapping m2;
        if (!stage1_check(w, out) ||
            !stage2_map(w, out->output + (va & bits_ones(out->size_log2)), false, &m2))
            return false;
        *out = walk_combine(out, &m2, va);
    }
    bool is_whole = !(r->stage2_on && w->request->stage1_only);
    if (w->live && r->stage1_on && is_whole) {
        struct tlb_key key = key_make(w, stage1_tag(r), va);
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
    a = attributes_effective(a, r, is_fetch);
    t->pa = pa_make(output + offset);
    t->ipa = ipa_make(stage1_only ? output + offset : has_ipa ? m->ipa + offset : m->ipa);
    t->memory = a.memory;
    t->shareability = a.shareability;
    t->size_log2 = m->size_log2;
    t->permissions =
        stage1_only ? m->permissions1 : (uint8_t)(m->permissions1 & m->permissions2);
    return true;
}

/* Alignment that does not depend on memory: AArch64.CheckAlignment. */
static bool alignment_check(struct walker *w)
{
    const struct mmu_request *r = w->request;
    bool misaligned = r->alignment > 1 && (r->va.bits & (r->alignment - 1u)) != 0;
    bool checked = (w->regime->sctlr & SCTLR_EL1_A) && r->size <= ACCESS_UNIT_MAX;
    if (misaligned || (checked && is_misaligned(r)))
        return fault_make(w, FAULT_ALIGNMENT, 1, 0, false, 0);
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
                           .source = NO_SOURCE};
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
        struct tlb_key key = key_make(w, stage1_tag(r), va);
        const struct tlb_entry *e = tlb_find(w->live, &key, &conflict);
        if (conflict) {
            fault_make(w, FAULT_TLB_CONFLICT, conflict, 0, false, ADDRESS_UNKNOWN);
            return NULL;
        }
        if (e) {
            w->entry = e->serial;
            return &e->map;
        }
    }
    return map_by_walk(w, va, made) ? made : NULL;
}

void mmu_translate(struct mmu *mmu, const struct regime *regime, const struct mmu_request *request,
                   struct translation *result)
{
    struct walker w = walker_make(mmu, regime, request, result);
    struct mapping made;
    const struct mapping *m = NULL;
    w.live = mmu;
    mmu->refills = 0;
    /* While a message is on its way each use of an entry asks: no pointer may be kept. */
    if (__builtin_expect(mmu->state->queue_count != 0, 0))
        mmu->generation++;
    if (alignment_check(&w))
        m = map_live(&w, &made);
    bool ok = m != NULL && finish(&w, m, result);
    result->cost = w.cost + (w.missed ? mmu->config->cost_tlb_miss : 0) +
                   mmu->refills * mmu->config->cost_tlb_second;
    if (!ok || w.entry == 0)
        return;
    result->entry = w.entry;
    if (request->is_at) /* it accesses nothing */
        return;
    unsigned stage = !regime->stage1_on ? TLB_STAGE2 : stage1_tag(regime);
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
                             : stage2_map(&w, address, false, out);
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
