/*
 * A core: one PE's state together with its wiring - MMU, port, chooser, events, and the
 * operations that reach beyond the PE, which the machine performs. Wiring and the scratch of the
 * instruction under way are not state; they can be thrown away between two instructions.
 */
#pragma once
#include "cpu/cpu.h"
#include "cpu/model.h"
#include "cpu/timing.h"
#include "mmu/mmu.h"
#include "sim/base/choice.h"
#include "sim/base/event.h"
#include "sim/base/port.h"

enum barrier_kind { BARRIER_DMB, BARRIER_DSB, BARRIER_ISB };

struct operand_sets; /* operands.h */

/* What a PE asks of the machine around it. */
struct core_ops {
    /* Sends an invalidation to every PE in its scope, the issuer included. */
    void (*tlbi)(void *owner, unsigned pe, struct tlbi *message);
    /* A DSB (any option) or DMB was executed. For DSB: finishes what this PE's TLBIs owe. */
    void (*barrier)(void *owner, unsigned pe, enum barrier_kind kind, unsigned crm);
    /* SEV: sets every PE's event register. */
    void (*send_event)(void *owner, unsigned pe);
    /* WFE looks at the event register: whether an event stream has set it since it was last looked
       at. Asked only while a stream is on. */
    bool (*stream_event)(void *owner, unsigned pe);
    /* The system counter in ticks as this PE reads it. */
    uint64_t (*counter)(void *owner, unsigned pe);
    /* A timer register was written: deadlines and lines are to be computed again. */
    void (*timer_changed)(void *owner, unsigned pe);
    /* DC or IC, by its row (gen/sysreg.h names them); Xt, and for those by VA its translation.
       Free when caches are off. */
    void (*cache)(void *owner, unsigned pe, enum sysreg operation, const struct translation *t,
                  uint64_t operand);
    /*
     * A visible operation is over (core.visible says which), steps and time are left, and the PE
     * would go on: whether it does. Asked when the engine's budget says so.
     */
    bool (*visible)(void *owner, unsigned pe);
    /* A context synchronization event has been done. */
    void (*synchronize)(void *owner, unsigned pe);
    /* Registers with owner=gic (a GICv3 CPU interface later). */
    uint64_t (*gic_register)(void *owner, unsigned pe, enum sysreg reg, bool is_write,
                             uint64_t value);
    /* An interrupt is taken, or a WFE took an event that had come; while core.follows. */
    void (*woken)(void *owner, unsigned pe);
    /* Around each instruction while core.follows; completed: it has not ended in a fault. */
    void (*instruction_begin)(void *owner, unsigned pe, const struct operand_sets *operands);
    void (*instruction_end)(void *owner, unsigned pe, const struct operand_sets *operands,
                            bool completed);
};

/* How an instruction ends. */
enum step {
    STEP_NEXT,       /* go on at pc + 4 */
    STEP_BRANCHED,   /* pc has been set */
    STEP_FAULT,      /* core.fault and core.fault_iss describe a Data Abort to be taken */
    STEP_UNDEFINED,  /* to be taken as UNDEFINED */
    STEP_EXCEPTION,  /* an exception has been taken */
    STEP_WAIT,       /* go on at pc + 4, and wait (cpu.wait is set) */
    STEP_FIRMWARE,   /* go on at pc + 4 after the firmware has served an SMC or HVC */
    STEP_SEMIHOST,   /* go on at pc + 4 after a semihosting call has been served */
    STEP_UNMODELLED, /* stop: the model lacks this; core.unmodelled says what */
};

/* What the last visible operation was, for strategies: a physical address, or one of these. */
#define VISIBLE_NONE UINT64_C(0)
#define VISIBLE_BARRIER (UINT64_MAX - 1)
#define VISIBLE_EXCEPTION (UINT64_MAX - 2)
#define VISIBLE_REGISTER (UINT64_MAX - 3)
#define VISIBLE_TLBI (UINT64_MAX - 4)
#define VISIBLE_DEVICE (UINT64_MAX - 5)
#define VISIBLE_WALK (UINT64_MAX - 6) /* a TLB miss: tables were read */
#define VISIBLE_STORE (UINT64_C(1) << 60) /* beside an address: it was a store */
#define VISIBLE_SPECIAL (UINT64_MAX - 7) /* hints above or equal to this are not addresses */

struct core_cache; /* direct.h */
struct code_cache; /* code.h */

struct core {
    struct cpu *cpu;
    struct mmu *mmu;
    const struct port *port;
    struct chooser *chooser;
    struct choice_counts *counts;
    struct events *events;
    const struct cpu_model *model;
    const struct timing *timing;
    const struct core_ops *ops;
    void *owner;
    unsigned pe;
    uint32_t errata; /* cpu/errata.h */
    bool conduit_hvc; /* the payload was entered at EL1: HVC from EL1 goes to the firmware */

    /* Derived from the effective registers; regimes_stale says when to make them again. */
    struct regime regime[REGIME_KIND_COUNT];
    bool regimes_stale;
    bool may_drop;    /* the configuration opens the choice drop; drop.h */
    bool keeps_order; /* the order of accesses is modelled: instructions may have to be told */
    bool follows;   /* ... and load-early is open: dependencies through registers count */
    bool debug_on; /* derived: a step or a break- or watchpoint may come; debug.h */

    /* What the last CONTEXT event said; made anew after a restore. */
    struct core_context {
        uint64_t root, vmpidr;
        uint16_t vmid, asid;
        uint8_t live, kind;
        uint8_t reserved[2];
    } told;

    /* Scratch of the instruction under way. */
    struct fault fault;
    uint32_t fault_iss;   /* ISS bits 24:14 of the instruction: ISV..AR, or 0 */
    uint32_t extra_cost;  /* cycles beyond the instruction's own */
    uint64_t visible;     /* VISIBLE_* or the physical address of its last shared access */
    bool is_stepping;     /* software step is active and not pending */
    uint32_t word;        /* its encoding */
    bool lines_may_change; /* a device or timer was touched: the machine looks at its wires */
    const char *unmodelled; /* static text */
    bool timers_quiet; /* copies of timer registers change, but nobody is told yet; effective.c */

    /* Direct pointers to RAM, over live TLB entries; see memory.c. Owned, never state. */
    struct core_cache *cache;
    /* Decoded code, shared by the PEs of a machine; NULL: none is kept. The machine's. */
    struct code_cache *code;
};

/* The head fields of this PE's events. */
#define CORE_HEAD(c) (c)->events, (uint8_t)(c)->pe, (c)->cpu->el, (c)->cpu->insns, (c)->cpu->cycles

/* Connects derived data; call once. core_restored() after the state was replaced. */
void core_wire(struct core *c);
void core_unwire(struct core *c);
void core_restored(struct core *c);
/* Every store of this PE to a page of RAM comes through the port, until it asks for it again. */
void core_forget_writes(struct core *c, pa_t page);

/* Cold reset into the entry state: EL (1 or 2), pc, x0; system registers from rows and model. */
void core_reset(struct core *c, unsigned el, uint64_t pc, uint64_t x0);

/* The regime of this PE's current EL, or of EL1&0 for AT and unprivileged accesses. */
const struct regime *core_regime(struct core *c, enum regime_kind kind);
/* The effective registers that translation and TLB maintenance depend on. */
struct vmsa_registers core_vmsa(const struct cpu *cpu);
/* The same as a value, for observers. */
struct regime core_regime_peek(const struct cpu *cpu, const struct mmu_config *config,
                               enum regime_kind kind);
static inline enum regime_kind core_regime_kind(const struct cpu *cpu)
{
    return cpu->el == 2 ? REGIME_EL2 : REGIME_EL10;
}

/* While the MMU keeps versions: tells it by which regimes this PE may walk now; and by which it
 * may have walked in passing, if all registers that are written were in effect (lagging or not). */
void core_tell_regimes(struct core *c);
void core_tell_passing(struct core *c);

/* Tells CONTEXT when what is live on this PE has changed since it was last told. */
void core_tell_context(struct core *c);

/* A context synchronization event: effective copies catch up, own TLBIs count. */
void core_synchronize(struct core *c);
