/*
 * What the meaning of an instruction may use. Handlers are written once and compiled twice, for
 * the precise and for the fast engine:
 *
 *     enum step EXEC(ADD_imm)(struct core *c, uint32_t w) { ... return STEP_NEXT; }
 *
 * A handler reads and writes registers through the functions below, memory through mem_*, and
 * leaves everything else to sysreg.h and exception.h. It must not change anything before its last
 * possible fault, apart from what the architecture lets it.
 */
#pragma once
#include "cpu/core.h"
#include "gen/a64.h"
#include "gen/trace.h"

#if defined(ENGINE_FAST)
#define EXEC(name) exec_##name##_fast
#define ENGINE(name) name##_fast
#else
#define EXEC(name) exec_##name##_precise
#define ENGINE(name) name##_precise
#endif

/* Register reads: 31 is the zero register. sf=0 views are W registers. */
static inline uint64_t reg_x(const struct core *c, unsigned n)
{
    return c->cpu->x[n];
}

static inline uint64_t reg_get(const struct core *c, unsigned n, bool sf)
{
    return sf ? c->cpu->x[n] : (uint32_t)c->cpu->x[n];
}

/* 31 is the current SP. */
static inline uint64_t reg_get_sp(const struct core *c, unsigned n, bool sf)
{
    uint64_t value = n == 31 ? cpu_sp_get(c->cpu) : c->cpu->x[n];
    return sf ? value : (uint32_t)value;
}

/* Out-of-line half of a register write: tells the REG event (n as in trace.def). */
void reg_tell(struct core *c, unsigned n, uint64_t old, uint64_t value);

/* Writes a general register (31: nothing); a W write clears the upper half. */
static inline void reg_set(struct core *c, unsigned n, bool sf, uint64_t value)
{
    if (!sf)
        value = (uint32_t)value;
#if !defined(ENGINE_FAST)
    if (__builtin_expect(c->events->mask & (UINT64_C(1) << EVENT_REG), 0) && n != 31)
        reg_tell(c, n, c->cpu->x[n], value);
#endif
    if (n != 31)
        c->cpu->x[n] = value;
}

/* Writes a general register or, for 31, the current SP. */
static inline void reg_set_sp(struct core *c, unsigned n, bool sf, uint64_t value)
{
    if (n != 31) {
        reg_set(c, n, sf, value);
        return;
    }
    if (!sf)
        value = (uint32_t)value;
#if !defined(ENGINE_FAST)
    if (__builtin_expect(c->events->mask & (UINT64_C(1) << EVENT_REG), 0))
        reg_tell(c, 31, cpu_sp_get(c->cpu), value);
#endif
    cpu_sp_set(c->cpu, value);
}

static inline enum step branch_to(struct core *c, uint64_t target)
{
    c->cpu->pc = target;
    return STEP_BRANCHED;
}

/* A data access by an instruction. */
struct mem_op {
    uint8_t size;         /* 1, 2, 4, 8, or 16 for exclusive pairs (two halves in value[]) */
    uint8_t kind;         /* enum access_kind: ACCESS_PLAIN, ACCESS_ACQUIRE, ACCESS_RELEASE */
    uint8_t exclusive;    /* 1: LDXR/STXR family */
    uint8_t unprivileged; /* 1: LDTR/STTR: checked as EL0 when executed at EL1 */
    uint8_t aligned;      /* 1: must be naturally aligned whatever SCTLR_ELx.A says */
    uint8_t pair;         /* 1: two elements of half the size, each in its own byte order */
    uint8_t element;      /* bytes of each element, each in its own byte order; 0: one element */
    uint8_t atomic;       /* 1: reads and writes; kind is that of the read */
    uint8_t store_kind;   /* enum access_kind of an atomic access's write */
    uint8_t weak;         /* 1: LDAPR, an acquire that a store-release does not hold back */
    uint8_t reserved[2];
    uint32_t iss; /* ISS[24:14] if the form gives a valid syndrome (ISS_VALID below), else 0 */
};

/* ISV=1 with SAS, SSE, SRT, SF and AR, in place; size in bytes. */
#define ISS_VALID(size, sign_extends, rt, sf, acquire_release)                                  \
    ((1u << 24) | ((uint32_t)__builtin_ctz(size) << 22) | ((uint32_t)(sign_extends) << 21) |    \
     ((uint32_t)(rt) << 16) | ((uint32_t)(sf) << 15) | ((uint32_t)(acquire_release) << 14))

/*
 * Mem[] of the pseudocode. False: c->fault and c->fault_iss are set, return STEP_FAULT. Little-
 * endian unless SCTLR_ELx.EE/E0E says otherwise; unaligned and page-crossing accesses are split
 * after both pages were translated. value[1] only for size 16.
 */
bool ENGINE(mem_read)(struct core *c, uint64_t va, const struct mem_op *op, uint64_t value[2]);
bool ENGINE(mem_write)(struct core *c, uint64_t va, const struct mem_op *op,
                       const uint64_t value[2]);

/*
 * The store half of STXR and its kin: *stored tells whether the monitors let it through (choice
 * exclusive-fail); false as above on a fault.
 */
bool ENGINE(mem_write_exclusive)(struct core *c, uint64_t va, const struct mem_op *op,
                                 const uint64_t value[2], bool *stored);

/* What an atomic access makes of memory: the second operand of LDADD.., SWP or CAS. */
enum mem_atomic {
    ATOMIC_ADD,
    ATOMIC_CLR,
    ATOMIC_EOR,
    ATOMIC_SET,
    ATOMIC_SMAX,
    ATOMIC_SMIN,
    ATOMIC_UMAX,
    ATOMIC_UMIN,
    ATOMIC_SWP,
    ATOMIC_CAS, /* the store happens where memory equals `expected` */
};

/*
 * MemAtomic() and MemAtomicCompareAndSwap(): one access that nothing comes between; op->atomic is
 * set. expected only for CAS. old: what memory held. False as above on a fault.
 */
bool ENGINE(mem_atomic)(struct core *c, uint64_t va, const struct mem_op *op, enum mem_atomic what,
                        const uint64_t value[2], const uint64_t expected[2], uint64_t old[2]);

/* CheckSPAlignment(): call when the base register of a load or store is SP. False: return
 * STEP_EXCEPTION (the SP alignment fault has been taken). */
bool mem_check_sp(struct core *c);

/* DC ZVA: writes zeroes to the aligned block of so many bytes (DCZID_EL0); false on a fault. */
#define MEM_ZERO_BYTES 64u
bool ENGINE(mem_zero_block)(struct core *c, uint64_t va);

/* CLREX. */
void mem_clear_exclusive(struct core *c);

/* The execution table of this engine, one entry per row of a64.decode. */
typedef enum step exec_function(struct core *c, uint32_t w);
extern exec_function *const ENGINE(exec_table)[A64_COUNT];
