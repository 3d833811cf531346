/*
 * The hot half of the fast engine: threaded code over decoded pages.
 *
 * A decoded page has a slot for each word, in place, so that a slot's address is its PC. A slot
 * names the function that does its work, with operands taken apart. Functions end by jumping to
 * the next slot's function (a sibling call), and what they all need - slot, registers, budget,
 * operands of the flags - travels in argument registers.
 *
 * A run is a straight line of slots up to the branch that ends it, and every slot knows how many
 * instructions and cycles lie from it to the end of its run. A run is entered only if that fits
 * into the budget, which is taken off at once; whoever leaves in the middle gives back what its
 * slot says is left. Nothing that is taken off is dynamic: a walk, a miss, a device, an exception
 * leaves the hot half, and the engine's loop settles it.
 *
 * Flags are lazy: a compare leaves its operands, and who wants flags compares them.
 */
#pragma once
#include "cpu/direct.h"
#include "cpu/exec.h"
#include "cpu/exec/bits.h"

#if !defined(HOT_THREADED)
#define HOT_THREADED 0
#endif

struct hot_slot;

/*
 * h: the core's cache; s: the slot; x: the registers as HOT_* number them; b: budget left behind
 * the run that has been entered; fa, fb: the operands of lazy flags.
 */
typedef void hot_function(struct core_cache *h, const struct hot_slot *s, uint64_t *x, uint64_t b,
                          uint64_t fa, uint64_t fb);
#define HOT_ARGUMENTS                                                                           \
    struct core_cache *h, const struct hot_slot *s, uint64_t *x, uint64_t b, uint64_t fa,       \
        uint64_t fb
#define HOT_PASS h, s, x, b, fa, fb

struct hot_slot {
    hot_function *go;
    uint64_t run; /* instructions and cycles from here to the end of the run, as in a budget */
    uint64_t imm;
    uint8_t rd, rn, rm, ra;
    uint32_t word; /* the encoding; branches and fused pairs keep an offset here */
};

/*
 * A budget: instructions left in bits 63:32, and below a count of cycles that begins at the top
 * and is large enough for that many of the dearest instructions, so that comparing the whole
 * compares instructions.
 */
#define HOT_INSN (UINT64_C(1) << 32)
#define HOT_CYCLES UINT32_MAX

/*
 * Registers, as indices from struct cpu's start: x[0..31], where 31 reads as zero; writes to the
 * zero register go to the PC, which is kept in the slot's address while the hot half runs; SP of
 * each EL.
 */
#define HOT_NOWHERE 32u
#define HOT_SP 33u
_Static_assert(offsetof(struct cpu, x) == 0, "x leads");
_Static_assert(offsetof(struct cpu, pc) == 8 * HOT_NOWHERE, "pc is behind x");
_Static_assert(offsetof(struct cpu, sp) == 8 * HOT_SP, "sp is behind pc");

/* What the flags are. */
enum hot_flags {
    HOT_FLAGS_NZCV,  /* cpu.nzcv */
    HOT_FLAGS_SUB,   /* those of fa - fb; for W registers both are shifted to the top */
    HOT_FLAGS_LOGIC, /* N and Z of fa, C and V clear; fb is 0 */
};

/* Why the hot half came back. */
enum hot_outcome {
    HOT_BEFORE, /* the instruction at `at` is for the engine's loop: does not fit, or is no matter
                   for the hot half */
    HOT_DONE,   /* it has been executed with something out of the ordinary: settle it */
    HOT_HELD,   /* the instruction before it was a visible operation behind which the PE is held */
    HOT_OVER,   /* the budget is used up, or somebody wants to stop */
};

/* --- what functions are made of ------------------------------------------------------------- */

#define HOT(name)                                                                               \
    void hot_##name(HOT_ARGUMENTS);                                                             \
    void hot_##name(HOT_ARGUMENTS)

/*
 * A sibling call needs an optimizing compiler and no sanitizer, which keeps frames; the build says
 * so (HOT_THREADED). Without it every function returns to a loop that calls the next one.
 */
#if HOT_THREADED
#define HOT_JUMP(next) return (next)->go(h, (next), x, b, fa, fb)
#else
#define HOT_JUMP(next)                                                                          \
    do {                                                                                        \
        (void)x;                                                                                \
        h->at = (next);                                                                         \
        h->budget = b;                                                                          \
        h->fa = fa;                                                                             \
        h->fb = fb;                                                                             \
        return;                                                                                 \
    } while (0)
#endif

/* Goes on with the next instruction of the run, or the one behind it for a fused pair. */
#define HOT_NEXT(n)                                                                             \
    do {                                                                                        \
        s += (n);                                                                               \
        HOT_JUMP(s);                                                                            \
    } while (0)

/* Enters a run if it fits. */
#define HOT_ENTER(target)                                                                       \
    do {                                                                                        \
        const struct hot_slot *to = (target);                                                   \
        if (__builtin_expect(b < to->run, 0))                                                   \
            return hot_stop(h, to, x, b, fa, fb);                                               \
        b -= to->run;                                                                           \
        s = to;                                                                                 \
        HOT_JUMP(s);                                                                            \
    } while (0)

/* Stops before s: budget as it is; and the same amid a run, of which s and what follows is left. */
void hot_stop(HOT_ARGUMENTS);
void hot_stop_amid(HOT_ARGUMENTS);
/* The handler of the instruction itself does it, with everything in its place. */
void hot_slow(HOT_ARGUMENTS);
void hot_generic(HOT_ARGUMENTS); /* the same, the handler is s->imm */
void hot_generic_sp(HOT_ARGUMENTS); /* the same, and SP may be written: it is register s->rd */
/* hot_slow for the last instruction of a run behind which the next run is entered: it computes. */
void hot_cut(HOT_ARGUMENTS);
/* hot_generic and hot_slow for what may change how to go on: registers, masks, TLBs. */
void hot_system(HOT_ARGUMENTS);
void hot_system_slow(HOT_ARGUMENTS);
/* hot_generic and hot_system where visible operations are asked about (core_ops.visible). */
void hot_asking(HOT_ARGUMENTS);
void hot_asking_sp(HOT_ARGUMENTS);
void hot_asking_system(HOT_ARGUMENTS);
/* What takes an exception or returns from one: the last of its run, and of the visit. */
void hot_exception(HOT_ARGUMENTS);
void hot_undecoded(HOT_ARGUMENTS);
void hot_page_end(HOT_ARGUMENTS);

/* NZCV in bits 31:28, whatever it is kept as. */
static inline uint32_t hot_nzcv(const struct core_cache *h, uint64_t fa, uint64_t fb)
{
    uint32_t nzcv;
    if (h->flags_kind == HOT_FLAGS_NZCV)
        return h->core->cpu->nzcv;
    if (h->flags_kind == HOT_FLAGS_LOGIC)
        return flags_of_result(fa, true);
    add_with_carry(fa, ~fb, true, true, &nzcv);
    return nzcv;
}

static inline uint64_t hot_index(const struct core_cache *h, const struct hot_slot *s)
{
    return (uint64_t)(s - h->slots);
}

/* Everything that can be read from outside is as it is before the instruction at s. */
static inline __attribute__((always_inline)) void hot_settle(struct core_cache *h,
                                                             const struct hot_slot *s, uint64_t b,
                                                             uint64_t fa, uint64_t fb)
{
    struct core *c = h->core;
    struct cpu *cpu = c->cpu;
    cpu->pc = h->page_va + 4 * hot_index(h, s);
    cpu->insns = h->insns_end - (b >> 32);
    cpu->cycles = h->cycles_end - (uint32_t)b;
    c->events->step = h->steps_end - (b >> 32);
    cpu->nzcv = hot_nzcv(h, fa, fb);
    h->flags_kind = HOT_FLAGS_NZCV;
}

/*
 * ConditionHolds() without the flags themselves: what is known of the operands of a subtraction
 * makes an index, and each condition is the set of indices where it holds. Of a logical result,
 * which is compared with 0, the carry is known to be clear.
 */
static inline bool hot_condition(const struct core_cache *h, uint64_t fa, uint64_t fb,
                                 unsigned cond)
{
    enum { EQ = 0xaaaa, LO = 0xcccc, LT = 0xf0f0, MI = 0xff00, ALL = 0xffff };
    static const uint16_t holds[16] = {
        EQ, ALL & ~EQ, ALL & ~LO, LO, MI, ALL & ~MI, LT ^ MI, ALL & ~(LT ^ MI),
        ALL & ~(LO | EQ), LO | EQ, ALL & ~LT, LT, ALL & ~(LT | EQ), LT | EQ, ALL, ALL,
    };
    if (h->flags_kind == HOT_FLAGS_NZCV)
        return condition_holds(h->core->cpu->nzcv, cond);
    unsigned lo = (fa < fb) | (h->flags_kind == HOT_FLAGS_LOGIC);
    unsigned index = (unsigned)(fa == fb) | lo << 1 |
                     (unsigned)((int64_t)fa < (int64_t)fb) << 2 |
                     (unsigned)((fa - fb) >> 63) << 3;
    return holds[cond] >> index & 1u;
}

/* --- decoding ------------------------------------------------------------------------------- */

/* What the decoded form of a word depends on. */
struct hot_place {
    unsigned index;    /* of the word in its page */
    unsigned stack;    /* whose SP */
    uint32_t features; /* enum sysreg_feature */
    bool asks;         /* about visible operations, which are by handlers then */
};

enum hot_form {
    HOT_FORM_PLAIN,  /* in a run */
    HOT_FORM_BRANCH, /* ends a run */
    HOT_FORM_NONE,   /* for the engine's loop */
};

/* Fills go, imm and the registers of a slot whose word is set. Decoders find the handler in imm. */
enum hot_form hot_decode(struct hot_slot *s, enum a64_op op, const struct hot_place *place);
/* The parts of it, by kind of instruction; false: no special form, whatever has been filled. */
typedef bool hot_decoder(struct hot_slot *s, uint32_t w, const struct hot_place *place,
                         hot_function *const *go);
struct hot_row {
    hot_decoder *decode;
    hot_function *go[8];
};
extern const struct hot_row hot_rows_alu[A64_COUNT];
extern const struct hot_row hot_rows_memory[A64_COUNT];
extern const struct hot_row hot_rows_memory_vector[A64_COUNT];
extern const struct hot_row hot_rows_vector[A64_COUNT];
extern const struct hot_row hot_rows_fp[A64_COUNT];
extern const struct hot_row hot_rows_branch[A64_COUNT];
extern const struct hot_row hot_rows_system[A64_COUNT];

/* Tries to make one slot of a compare and the conditional branch behind it. */
bool hot_fuse(struct hot_slot *s, enum a64_op op, uint32_t next, enum a64_op next_op,
              const struct hot_place *place);

/* A register as destination, and as base or operand that may be SP. */
static inline uint8_t hot_to(unsigned n)
{
    return (uint8_t)(n == 31 ? HOT_NOWHERE : n);
}

static inline uint8_t hot_or_sp(unsigned n, const struct hot_place *place)
{
    return (uint8_t)(n == 31 ? HOT_SP + place->stack : n);
}

/* What forms look at beside registers and memory is to be looked at again. */
void hot_open_forms(struct core *c);

/* --- the door ------------------------------------------------------------------------------- */

/* Whether the hot half may run this PE now. */
bool hot_is_ready(const struct core *c);

/*
 * Runs from the PC on, at most so many steps and cycles; returns how many steps. With HOT_DONE
 * the instruction at the PC has been executed, ending as *step says, and is not in the count.
 */
uint64_t hot_run(struct core *c, uint64_t steps, uint64_t cycles, enum hot_outcome *outcome,
                 enum step *step);
