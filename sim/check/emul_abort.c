/*
 * Checker emul, what an abort was taken for:
 *
 *  stage1-walk      the abort was one of a walk of the VM's own tables (S1PTW), and the vCPU goes
 *                   on behind the instruction as if that had been done
 *  spurious         stage 2 had no page for a moment, in the middle of a change; the load is
 *                   emulated although the page is back, and gives what is not there
 *  unknown-hpfar    HPFAR_EL2, which the abort has not set, was read; then the stage 2 descriptor
 *                   of the page that it names was changed, and not that of the access, and the
 *                   vCPU sent to try again
 *
 * Reading HPFAR_EL2 is no mistake in itself: who saves it at each exit may look at the syndrome
 * later. Whose descriptor a store changes is known from checker bbm, where that is on. What a page
 * is by stage 1 is looked up at the abort. Not judged: instruction aborts; emulated stores, loads
 * without a syndrome and big-endian ones; memory beyond EMUL_MEMORY_MAX ranges.
 *
 * DDI 0487: HPFAR_EL2, "Translation fault"; ISS encoding for an exception from a Data Abort.
 */
#include "sim/check/emul.h"

#include <inttypes.h>

#define FSC_TYPE 0x3cu
#define FSC_TRANSLATION 0x04u
#define FSC_ACCESS_FLAG 0x08u /* below: translation, address size */
#define FSC_PERMISSION 0x0cu
#define NO_REGISTER 31u

static bool walk_of(const struct checks *c, unsigned pe, uint64_t va, unsigned el,
                    struct walk *walk)
{
    struct mmu_request request = {.va = va_make(va), .el = (uint8_t)el, .kind = ACCESS_PLAIN,
                                  .alignment = 1};
    check_peek(c, pe, REGIME_EL10, true, &request, walk);
    return walk->result.fault.kind == FAULT_NONE;
}

uint64_t emul_ipa_of(const struct checks *c, const struct event *abort)
{
    struct walk walk;
    const struct fault *f = &walk.result.fault;
    uint64_t ipa;
    if (walk_of(c, abort->pe, abort->exc_take.far, abort->exc_take.from_el, &walk))
        ipa = walk.result.ipa.bits;
    else if (f->stage == 2 && !f->s1ptw)
        ipa = f->ipa.bits;
    else
        return 0;
    return align_down(ipa, PAGE_BYTES) | 1;
}

/* --- HPFAR_EL2 where it is UNKNOWN ------------------------------------------------------------ */

static bool sets_hpfar(uint64_t esr)
{
    unsigned type = (unsigned)(esr & FSC_TYPE);
    return type <= FSC_ACCESS_FLAG || (type == FSC_PERMISSION && (esr & ISS_S1PTW) != 0);
}

/* The abort that the PE is about to handle. */
static struct emul_abort *abort_on(struct checks *c, unsigned pe)
{
    struct emul_state *s = c->own[CHECK_EMUL];
    struct emul_abort *last = NULL;
    for (unsigned i = 0; i < VCPU_MAX; i++) {
        struct emul_abort *a = &s->abort[i];
        if (a->root != 0 && a->pe == pe && (!last || a->step > last->step))
            last = a;
    }
    return last;
}

void emul_read(struct checks *c, const struct event *e)
{
    if (e->system.reg != SR_HPFAR_EL2 || e->system.write || e->el != 2)
        return;
    struct emul_abort *a = abort_on(c, e->pe);
    uint64_t ipa = (e->system.value & ~UINT64_C(15)) << 8;
    if (!a || sets_hpfar(a->esr) || a->ipa == 0 || (ipa | 1) == a->ipa)
        return;
    a->read_ipa = ipa | 1;
    a->read_step = e->step;
    a->read_pc = check_pc(c, e->pe);
}

/* Whether a stage 2 descriptor of the root translates an address. */
static bool is_descriptor_of(const struct bbm_page *page, uint64_t pa, uint64_t root, uint64_t ipa)
{
    uint64_t input = page->base + ((uint64_t)bbm_word(pa) << page->shift);
    bool of_root = false;
    for (unsigned i = 0; i < page->user_count; i++)
        of_root |= page->user[i].root == root;
    return page->stage == 2 && of_root && (input ^ ipa) >> page->shift == 0;
}

void emul_stored(struct checks *c, const struct event *e)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    struct emul_abort *a = b ? abort_on(c, e->pe) : NULL;
    const struct bbm_page *page =
        a && a->read_ipa != 0 ? bbm_page_find(b, e->watch_store.pa) : NULL;
    if (!page)
        return;
    if (is_descriptor_of(page, e->watch_store.pa, a->root, a->ipa - 1)) {
        a->mended = 1;
    } else if (is_descriptor_of(page, e->watch_store.pa, a->root, a->read_ipa - 1)) {
        a->store_step = e->step;
        a->store_pc = check_pc(c, e->pe);
    }
}

static void tell_abort(struct finding *f, const struct emul_abort *a)
{
    finding_event(f, a->step, a->pe, a->pc,
                  "aborts at stage 2: ESR_EL2 0x%" PRIx64 ", FAR_EL2 0x%" PRIx64, a->esr, a->far);
}

static void judge_hpfar(struct checks *c, const struct event *e, const struct emul_abort *a)
{
    struct finding *f = finding_begin(c, CHECK_EMUL, "unknown-hpfar", e);
    if (!f)
        return;
    tell_abort(f, a);
    finding_event(f, a->read_step, a->pe, a->read_pc,
                  "reads HPFAR_EL2, which is UNKNOWN then: IPA 0x%" PRIx64, a->read_ipa - 1);
    finding_event(f, a->store_step, a->pe, a->store_pc,
                  "changes the stage 2 descriptor of that address");
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "is sent to try again");
    finding_end(c, f, "a permission fault does not set HPFAR_EL2: the access was to IPA 0x%" PRIx64
                ", and what was changed is IPA 0x%" PRIx64,
                a->ipa - 1, a->read_ipa - 1);
}

/* --- walks ------------------------------------------------------------------------------------ */

static void judge_walk(struct checks *c, const struct event *e, const struct emul_abort *a)
{
    struct finding *f = finding_begin(c, CHECK_EMUL, "stage1-walk", e);
    if (!f)
        return;
    tell_abort(f, a);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "is resumed behind the instruction");
    finding_end(c, f, "the vCPU of root 0x%" PRIx64 " that aborted at 0x%" PRIx64
                " goes on behind it, but the abort was one of the walk of its own tables: nothing "
                "was accessed",
                a->root, a->pc);
}

/* --- memory that is back ---------------------------------------------------------------------- */

void emul_filled(struct checks *c, const struct event *e)
{
    struct emul_state *s = c->own[CHECK_EMUL];
    const struct event_tlb_fill *fill = &e->tlb_fill;
    uint64_t root = check_root(c, e->pe);
    if (fill->stage != 2 || root == 0)
        return;
    uint64_t ipa = align_down(fill->input, UINT64_C(1) << fill->size_log2);
    s->memory[hash_mix(ipa ^ root ^ fill->size_log2) % EMUL_MEMORY_MAX] =
        (struct emul_memory){.root = root, .ipa = ipa, .step = e->step,
                             .size_log2 = fill->size_log2, .pe = e->pe};
}

/* Where the address was translated before the abort, or NULL. */
static const struct emul_memory *memory_before(const struct checks *c, const struct emul_abort *a)
{
    const struct emul_state *s = c->own[CHECK_EMUL];
    for (unsigned i = 0; i < EMUL_MEMORY_MAX; i++) {
        const struct emul_memory *m = &s->memory[i];
        if (m->root == a->root && m->step < a->step &&
            (m->ipa ^ (a->ipa - 1)) >> m->size_log2 == 0)
            return m;
    }
    return NULL;
}

/* What the load gives if it is done now; false: that is not known. */
static bool loads_now(const struct checks *c, const struct event *e, const struct emul_abort *a,
                      uint64_t *value)
{
    struct walk walk;
    unsigned bytes = 1u << (a->esr >> 22 & 3);
    uint64_t raw = 0, big_endian = SCTLR_EL1_EE | SCTLR_EL1_E0E;
    if ((check_effective(c, e->pe)[SR_SCTLR_EL1] & big_endian) != 0 ||
        !walk_of(c, e->pe, a->far, (unsigned)(a->spsr >> 2 & 3), &walk) ||
        !machine_peek(c->machine, walk.result.pa, &raw, bytes))
        return false;
    if (a->esr & ISS_SSE)
        raw = bits_sign_extend(raw, 8 * bytes);
    *value = a->esr & ISS_SF ? raw : (uint32_t)raw;
    return true;
}

static void judge_memory(struct checks *c, const struct event *e, const struct emul_abort *a)
{
    unsigned target = (unsigned)(a->esr >> 16 & 31);
    uint64_t got = target == NO_REGISTER ? 0 : c->machine->state->cpu[e->pe].x[target], value;
    const struct emul_memory *m = memory_before(c, a);
    if (!m || target == NO_REGISTER || !loads_now(c, e, a, &value) || value == got)
        return;
    struct finding *f = finding_begin(c, CHECK_EMUL, "spurious", e);
    if (!f)
        return;
    finding_event(f, m->step, m->pe, 0, "stage 2 translates IPA 0x%" PRIx64 ": it is memory",
                  m->ipa);
    tell_abort(f, a);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "is resumed behind the instruction with X%u = 0x%" PRIx64
                  "; memory is back, and has 0x%" PRIx64,
                  target, got, value);
    finding_end(c, f, "a load of IPA 0x%" PRIx64 " is emulated, which was memory before its abort "
                "and is again: it should have been tried again",
                a->ipa - 1);
}

void emul_judge_abort(struct checks *c, const struct event *e, const struct emul_abort *a,
                      bool is_retry)
{
    bool is_load = (a->esr & ISS_ISV) != 0 && (a->esr & (ISS_WNR | ISS_CM)) == 0;
    if (is_retry) {
        if (a->store_step != 0 && !a->mended)
            judge_hpfar(c, e, a);
    } else if (a->esr & ISS_S1PTW) {
        judge_walk(c, e, a);
    } else if (is_load && a->ipa != 0 && (a->esr & FSC_TYPE) == FSC_TRANSLATION) {
        judge_memory(c, e, a);
    }
}
