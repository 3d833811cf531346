/*
 * Checker emul: a VM's instruction aborts at stage 2, and the vCPU is resumed. If it goes on
 * behind the instruction, that was emulated: nothing may have changed but what the instruction
 * itself changes - the register that it loads, to a value that it can load, and its base, by
 * exactly its writeback. If it goes on at the instruction, nothing may have changed at all.
 *
 * What the instruction is, is read at the abort; that another one was emulated in its place (its
 * page reused in between) shows in what has changed. Resumed anywhere else it was not resumed.
 * What the abort was taken for is judged in emul_abort.c. Not judged: memory and device accesses
 * of the emulator, which cannot be told from its other ones, and so at which address it emulates;
 * SIMD registers of such loads; flags of atomics that compare.
 *
 * DDI 0487: ISS encoding for an exception from a Data Abort; the loads and stores.
 */
#include "sim/check/emul.h"

#include <inttypes.h>
#include <string.h>

#define NOWHERE 32u

/* What an instruction may change. */
struct effect {
    unsigned target[2]; /* registers that it loads; NOWHERE */
    unsigned base;      /* writeback; NOWHERE */
    int64_t by;
    unsigned bits; /* of what it loads; 64: anything */
    bool is_signed, is_wide;
};

/* AArch64 loads and stores by their encoding; only what a syndrome may leave out matters. */
static struct effect effect_of_word(uint32_t w)
{
    struct effect e = {{NOWHERE, NOWHERE}, NOWHERE, 0, 64, false, true};
    unsigned rt = w & 31, rn = w >> 5 & 31, rt2 = w >> 10 & 31;
    bool is_vector = w >> 26 & 1;
    if ((w & 0x3a000000) == 0x28000000) { /* pairs: opc, V, bits 25:23, L */
        unsigned opc = w >> 30, mode = w >> 23 & 3;
        bool loads = w >> 22 & 1;
        unsigned scale = is_vector ? 2 + opc : opc == 2 ? 3 : 2;
        if (loads && !is_vector) {
            e.target[0] = rt;
            e.target[1] = rt2;
        }
        if (mode == 1 || mode == 3) {
            e.base = rn;
            e.by = (int64_t)((uint64_t)bits_sign_extend(w >> 15 & 127, 7) << scale);
        }
    } else if ((w & 0x3b000000) == 0x38000000) { /* unscaled, pre, post, register offset */
        unsigned opc = w >> 22 & 3, mode = w >> 10 & 3;
        bool is_atomic = (w >> 21 & 1) && mode == 0;
        if (((opc != 0) || is_atomic) && !is_vector)
            e.target[0] = rt;
        if (!(w >> 21 & 1) && (mode == 1 || mode == 3)) {
            e.base = rn;
            e.by = (int64_t)bits_sign_extend(w >> 12 & 511, 9);
        }
    } else if ((w & 0x3b000000) == 0x39000000) { /* unsigned offset */
        if ((w >> 22 & 3) != 0 && !is_vector)
            e.target[0] = rt;
    } else if ((w & 0x3b000000) == 0x18000000) { /* literal */
        if (!is_vector)
            e.target[0] = rt;
    } else if ((w & 0x3f000000) == 0x08000000) { /* exclusives, ordered, compare and swap */
        bool is_ordered = w >> 23 & 1, is_pair = w >> 21 & 1, loads = w >> 22 & 1;
        if (is_ordered && is_pair) { /* CAS: what it compares with */
            e.target[0] = w >> 16 & 31;
        } else if (loads) {
            e.target[0] = rt;
            e.target[1] = is_pair ? rt2 : NOWHERE;
        } else if (!is_ordered) { /* the status of a store */
            e.target[0] = w >> 16 & 31;
        }
    } else if ((w & 0xbe000000) == 0x0c000000 && (w >> 23 & 1)) { /* SIMD structures, moving */
        e.base = rn;
        e.by = INT64_MIN; /* by its size or a register: any */
    }
    return e;
}

static struct effect effect_of_syndrome(uint64_t iss)
{
    struct effect e = {{NOWHERE, NOWHERE}, NOWHERE, 0, 64, false, true};
    if ((iss & ISS_WNR) == 0) {
        e.target[0] = iss >> 16 & 31;
        e.bits = 8u << (iss >> 22 & 3);
        e.is_signed = (iss & ISS_SSE) != 0;
        e.is_wide = (iss & ISS_SF) != 0;
    }
    return e;
}

static struct effect effect_of(const struct emul_abort *a)
{
    static const struct effect nothing = {{NOWHERE, NOWHERE}, NOWHERE, 0, 64, false, true};
    if (a->esr & ISS_ISV)
        return effect_of_syndrome(a->esr);
    if ((a->esr & ISS_CM) || !a->word_known)
        return nothing;
    return effect_of_word(a->word);
}

/* Whether a load of so many bits gives such a value. */
static bool can_be_loaded(const struct effect *e, uint64_t value)
{
    if (e->bits >= 64)
        return true;
    uint64_t low = value & bits_ones(e->bits);
    uint64_t full = e->is_signed ? bits_sign_extend(low, e->bits) : low;
    return value == (e->is_wide ? full : (uint32_t)full);
}

/* --- what has changed ----------------------------------------------------------------------- */

struct change {
    const char *kind, *what;
    unsigned reg; /* 31: SP */
    uint64_t before, after;
    bool found;
};

static struct change change_of_register(const struct effect *e, unsigned n, uint64_t before,
                                        uint64_t after)
{
    struct change none = {0};
    bool is_target = n != 31 && (e->target[0] == n || e->target[1] == n);
    if (e->base == n && (e->target[0] != n || n == 31)) {
        if (e->by == INT64_MIN || after == before + (uint64_t)e->by)
            return none;
        return (struct change){"writeback", "its base is not what writeback leaves", n, before,
                               after, true};
    }
    if (is_target && can_be_loaded(e, after))
        return none;
    if (is_target)
        return (struct change){"wrong-size", "more was loaded than the access has", n, before,
                               after, true};
    if (before == after)
        return none;
    return (struct change){"side-effect", "the instruction does not write that", n, before, after,
                           true};
}

static struct change change_of(const struct emul_abort *a, const struct effect *e,
                               const struct cpu *cpu, uint64_t spsr)
{
    struct change change = {0};
    unsigned el = (unsigned)(a->spsr >> 2 & 3);
    bool uses_sp_el1 = el == 1 && (a->spsr & 1);
    for (unsigned n = 0; n < 31 && !change.found; n++)
        change = change_of_register(e, n, a->x[n], cpu->x[n]);
    for (unsigned n = 0; n < 2 && !change.found; n++) {
        struct effect none = {{NOWHERE, NOWHERE}, NOWHERE, 0, 64, false, true};
        bool is_current = n == (uses_sp_el1 ? 1u : 0u);
        change = change_of_register(is_current ? e : &none, 31, a->sp[n], cpu->sp[n]);
    }
    if (!change.found && ((spsr ^ a->spsr) & 0xf00003ff) != 0)
        change = (struct change){"side-effect", "PSTATE is another", NOWHERE, a->spsr, spsr, true};
    return change;
}

static void report(struct checks *c, const struct event *e, const struct emul_abort *a,
                   const struct change *change, bool is_retry)
{
    struct finding *f = finding_begin(c, CHECK_EMUL, change->kind, e);
    if (!f)
        return;
    char name[8] = "PSTATE";
    if (change->reg < 32) {
        name[0] = change->reg == 31 ? 'S' : 'X';
        name[1] = change->reg == 31 ? 'P' : change->reg < 10 ? (char)('0' + change->reg)
                                                             : (char)('0' + change->reg / 10);
        name[2] = change->reg == 31 || change->reg < 10 ? 0 : (char)('0' + change->reg % 10);
        name[3] = 0;
    }
    finding_event(f, a->step, a->pe, a->pc,
                  "aborts at stage 2: instruction 0x%08x, ESR_EL2 0x%" PRIx64
                  ", FAR_EL2 0x%" PRIx64,
                  a->word, a->esr, a->far);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "is resumed %s the instruction with %s = 0x%" PRIx64 ", which was 0x%" PRIx64,
                  is_retry ? "at" : "behind", name, change->after, change->before);
    finding_end(c, f, "the vCPU of root 0x%" PRIx64 " that aborted at 0x%" PRIx64
                " goes on %s it with %s changed: %s",
                a->root, a->pc, is_retry ? "at" : "behind", name, change->what);
}

/* --- events --------------------------------------------------------------------------------- */

static struct emul_abort *abort_of(struct emul_state *s, uint64_t root, uint64_t vmpidr)
{
    struct emul_abort *free_one = NULL;
    for (unsigned i = 0; i < VCPU_MAX; i++) {
        if (s->abort[i].root == root && s->abort[i].vmpidr == vmpidr)
            return &s->abort[i];
        if (s->abort[i].root == 0)
            free_one = &s->abort[i];
    }
    return free_one;
}

static void aborted(struct checks *c, const struct event *e)
{
    struct emul_state *s = c->own[CHECK_EMUL];
    const struct shadow_context *now = &c->state->context[e->pe];
    const struct cpu *cpu = &c->machine->state->cpu[e->pe];
    const struct event_exc_take *take = &e->exc_take;
    if (!now->live || take->to_el != 2 || take->from_el == 2)
        return;
    struct emul_abort *a = abort_of(s, now->root, now->vmpidr);
    if (!a)
        return;
    memset(a, 0, sizeof *a);
    if (take->vector != 0 || take->esr >> 26 != EC_DABT_LOWER)
        return;
    *a = (struct emul_abort){.root = now->root, .vmpidr = now->vmpidr, .step = e->step,
                             .pc = take->pc, .esr = take->esr, .far = take->far,
                             .spsr = cpu->reg[SR_SPSR_EL2], .pe = e->pe};
    memcpy(a->x, cpu->x, sizeof a->x);
    memcpy(a->sp, cpu->sp, sizeof a->sp);
    struct mmu_request request = {.va = va_make(take->pc), .el = take->from_el,
                                  .kind = ACCESS_FETCH, .alignment = 1};
    struct walk walk;
    check_peek(c, e->pe, REGIME_EL10, true, &request, &walk);
    a->ipa = emul_ipa_of(c, e);
    a->word_known = walk.result.fault.kind == FAULT_NONE &&
                    machine_peek(c->machine, walk.result.pa, &a->word, sizeof a->word);
}

static void resumed(struct checks *c, const struct event *e)
{
    struct emul_state *s = c->own[CHECK_EMUL];
    uint64_t root = check_root(c, e->pe);
    if (e->eret.from_el != 2 || e->eret.to_el == 2 || root == 0)
        return;
    struct emul_abort *a = abort_of(s, root, check_vcpu(c, e->pe));
    if (!a || a->root == 0)
        return;
    struct emul_abort then = *a;
    memset(a, 0, sizeof *a);
    bool is_retry = e->eret.pc == then.pc;
    if (!is_retry && e->eret.pc != then.pc + 4)
        return;
    emul_judge_abort(c, e, &then, is_retry);
    static const struct effect nothing = {{NOWHERE, NOWHERE}, NOWHERE, 0, 64, false, true};
    struct effect effect = is_retry ? nothing : effect_of(&then);
    struct change change =
        change_of(&then, &effect, &c->machine->state->cpu[e->pe], e->eret.spsr);
    if (change.found)
        report(c, e, &then, &change, is_retry);
}

void check_emul(struct checks *c, const struct event *e)
{
    if (e->kind == EVENT_EXC_TAKE)
        aborted(c, e);
    else if (e->kind == EVENT_ERET)
        resumed(c, e);
    else if (e->kind == EVENT_SYSTEM)
        emul_read(c, e);
    else if (e->kind == EVENT_WATCH_STORE)
        emul_stored(c, e);
    else
        emul_filled(c, e);
}
