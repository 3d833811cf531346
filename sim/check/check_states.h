/*
 * The state that each checker has of its own, as bytes; it lies behind the common state.
 */
#pragma once
#include "sim/check/bbm.h"
#include "sim/check/check_parts.h"

#define OWNED_MIN 4096u
#define OWNED_RAM (UINT64_C(128) << 20) /* with no more RAM that is enough */

STATE_BEGIN
/* tlb: a page whose translation was removed is changed; step 0: it is not. */
struct tlb_reuse {
    uint64_t step, pc, pa;
    uint32_t pe, reserved;
};

/* tlb: a store that waits in a PE's buffer, and the invalidation that it should not outlive. */
#define LATE_STORE_MAX 64u

struct late_store {
    struct shadow_entry entry; /* that translated it */
    uint64_t store; /* its number + 1; 0: free */
    uint64_t pa, step, pc;
    uint64_t tlbi_step, tlbi_pc, done_step, done_pc; /* done_step 0: nothing has removed it */
    uint32_t tlbi_pe, operation;
    struct tlb_reuse reuse; /* since then */
};

/* tlb: entries that went last; with the erratum tlbi-loads a load may use them yet. */
#define GONE_MAX 16u

struct tlb_gone {
    struct shadow_entry entry;
    uint64_t done_step;     /* its invalidation is finished; 0: not */
    struct tlb_reuse reuse; /* since then */
};

struct tlb_state {
    uint32_t count; /* of all PEs */
    uint32_t gone_count;
    struct tlb_gone gone[PE_COUNT_MAX][GONE_MAX]; /* by number of its going */
    struct late_store late[PE_COUNT_MAX][LATE_STORE_MAX];
    uint64_t landing_pa, landing_step; /* | 1; the late store that became visible last */
    uint32_t landing_pe, reserved;
};

/* owner: which root a range was last seen mapped by, from stage 2 fills. */
struct owned {
    uint64_t key; /* address | log2 of its size; 0: free */
    uint64_t ipa;
    uint64_t root;
    uint64_t step, pc;
    uint32_t pe;
    uint32_t reserved;
};

struct owner_state {
    uint32_t count;
    uint32_t room; /* a power of two */
    uint64_t sizes; /* bit per log2 of a size that is in the log */
    struct owned owned[]; /* room */
};

/* sync: a register write that waits for a context synchronization event. */
#define SYNC_PENDING_MAX 16u
#define SYNC_TOLD_MAX 16u

struct sync_write {
    uint64_t old; /* in effect before */
    uint64_t step, pc;
    uint32_t reg;
    uint32_t reserved;
};

struct sync_pe {
    uint32_t count;
    uint32_t at_pending; /* an AT was executed, and nothing has synchronized since */
    uint64_t at_step, at_pc;
    struct sync_write write[SYNC_PENDING_MAX];
    uint32_t told_count;
    uint32_t reserved;
    uint64_t told[SYNC_TOLD_MAX]; /* uses of pages that have been findings of these writes */
};

struct sync_state {
    struct sync_pe pe[PE_COUNT_MAX];
};

/* cache: lines that instructions were executed from. */
#define CODE_LINE_MAX 4096u
#define CODE_LINE_BYTES 64u
#define CODE_PAGES 64u

struct code_line {
    uint64_t pa;         /* | 1; 0: free */
    uint64_t store_step; /* the last store to it since it was executed; 0: none */
    uint64_t store_pc;
    uint64_t clean_step; /* DC to the point of unification behind that store */
    uint64_t clean_done; /* a DSB behind that */
    uint64_t ic_step;    /* IC behind that */
    uint64_t ic_done;    /* a DSB behind that: from here an ISB lets a PE fetch anew */
    uint32_t ic_pes;     /* PEs that the IC reached */
    uint8_t store_pe, clean_pe, ic_pe, reserved;
    uint32_t words, stale; /* bit per word: was executed; was stored after that */
};

/* cache: when a line of data became dirty last, or was written back. */
#define DATA_LINE_MAX 1024u

struct data_line {
    uint64_t pa; /* | 1; 0: free; the last one of those that share the place */
    uint64_t step, pc;
    uint32_t pe, what; /* as in CACHE_LINE */
};

/* cache: data that an invalidation has thrown away, and nobody has written anew. */
#define LOST_LINE_MAX 32u

struct lost_line {
    uint64_t pa;    /* | 1; 0: free */
    uint64_t bytes; /* bit per byte that is not what memory has */
    uint64_t step, pc;
    uint32_t pe, reserved;
    uint8_t memory[CODE_LINE_BYTES]; /* what that is */
};

struct cache_state {
    struct data_line data[DATA_LINE_MAX];
    uint32_t lost_count; /* ever */
    uint32_t lost_left;
    struct lost_line lost[LOST_LINE_MAX]; /* by number */
    uint32_t count;
    uint32_t has_stores; /* to any line */
    uint64_t isb_step[PE_COUNT_MAX];
    uint64_t page_va[PE_COUNT_MAX][CODE_PAGES]; /* | 1; where the PE fetches */
    uint64_t page_pa[PE_COUNT_MAX][CODE_PAGES];
    struct code_line line[CODE_LINE_MAX];
};

/* regs, emul: a vCPU of a VM, by root and VMPIDR_EL2, and what it left when it was last left. */
#define VCPU_MAX 15u

struct vcpu_image {
    uint64_t root, vmpidr; /* root 0: free */
    uint64_t step, pc;     /* of its last exit */
    uint64_t x[31], sp[2];
    uint64_t v[32][2];
};

struct reg_tag {
    uint64_t step, pc;
    uint32_t vcpu; /* number of a vCPU + 1; 0: EL2, the host, nobody */
    uint32_t reserved;
};

struct regs_state {
    uint32_t vcpu_count;
    uint32_t reserved;
    uint32_t left_by[PE_COUNT_MAX]; /* the vCPU that left this PE last, + 1 */
    struct vcpu_image vcpu[VCPU_MAX];
    struct reg_tag tag[PE_COUNT_MAX][SYSREG_COUNT];
};

/* emul: the abort that a vCPU has not yet come back from. */
struct emul_abort {
    uint64_t root, vmpidr; /* root 0: none */
    uint64_t step, pc, esr, far;
    uint64_t ipa; /* page of the access by stage 1, | 1; 0: not known */
    uint64_t spsr;
    uint64_t x[31], sp[2];
    uint64_t read_ipa; /* what was read from HPFAR_EL2, which this abort has not set, | 1; 0: not */
    uint64_t read_step, read_pc;
    uint64_t store_step, store_pc; /* to the stage 2 descriptor of that page; 0: none */
    uint32_t word; /* the instruction's encoding at the abort */
    uint8_t pe, word_known;
    uint8_t mended; /* the descriptor of the access itself was changed */
    uint8_t reserved;
};

/* emul: what stage 2 has translated once, by address. */
#define EMUL_MEMORY_MAX 256u

struct emul_memory {
    uint64_t root, ipa; /* root 0: free */
    uint64_t step;
    uint32_t size_log2;
    uint32_t pe;
};

struct emul_state {
    struct emul_abort abort[VCPU_MAX];
    struct emul_memory memory[EMUL_MEMORY_MAX];
};

/* el2: pages that EL2 has executed, and what happened there. */
#define EL2_PAGE_MAX 256u

struct el2_page {
    uint64_t pa;         /* | 1; 0: free */
    uint64_t fetch_step; /* first executed */
    uint64_t fetch_pc;
    uint64_t store_step, store_pc; /* last written by EL1 or EL0; 0: not */
    uint8_t store_pe, store_el, fetch_pe;
    uint8_t reserved[5];
    uint64_t stored[PAGE_BYTES / 4 / 64]; /* bit per word: EL1 or EL0 wrote it last */
};

struct el2_pe {
    uint64_t abort_step, abort_pc, abort_esr; /* a synchronous one taken from EL2; 0: none */
    uint64_t vbar_step;                       /* VBAR_EL2 came into effect; 0: never */
};

struct el2_state {
    uint32_t count;
    uint32_t reserved;
    struct el2_pe pe[PE_COUNT_MAX];
    struct el2_page page[EL2_PAGE_MAX];
};

/* lr, irq: when and where something happened; step 0: it has not. */
struct gic_mark {
    uint64_t step, pc;
    uint32_t pe, reserved;
};

struct lr_state {
    struct gic_mark list[PE_COUNT_MAX][GIC_LIST_REGISTER_MAX]; /* last changed */
    struct gic_mark inactive[GIC_SLOT_COUNT];                  /* physical: last deactivated */
};

/* irq: an SGI or PPI of a vCPU. */
struct irq_virtual {
    struct gic_mark acknowledged, ended;
    struct gic_mark entered; /* the vCPU was entered with it in a list register */
    uint32_t entries;        /* without it since then */
    uint8_t source;          /* of an SGI that is taken: the vCPU that asked for it */
    uint8_t physical;        /* the PPI that it stands for; 0: none */
    uint8_t is_taken, is_ended;
    uint8_t is_mixed;   /* taken from two vCPUs at once: which one ends is not told */
    uint8_t is_pending; /* when the vCPU was entered, and not taken since */
    uint8_t was_high;   /* the physical level, while it was pending */
    uint8_t is_low;     /* when the vCPU was left last */
    uint8_t is_stale;   /* and when it was entered again */
    uint8_t reserved[3];
};

struct irq_vcpu {
    uint64_t root, vmpidr;
    uint64_t pc; /* where it was left last */
    struct irq_virtual interrupt[GIC_BANKED_COUNT];
};

/* irq: an SGI or PPI of a PE. */
struct irq_physical {
    struct gic_mark acknowledged, dropped;
    uint32_t left; /* how often its PE has gone on without it */
    uint8_t is_dropped;
    uint8_t reserved[3];
};

struct irq_storm {
    struct gic_mark first;
    uint64_t return_insn; /* of the last exception return */
    uint32_t count;
    uint16_t intid;
    uint8_t is_starved; /* the interrupt being taken came right behind an exception return */
    uint8_t reserved;
};

/* irq: the maintenance interrupt of a PE. */
struct irq_maintenance {
    struct gic_mark raised;       /* its cause came up last */
    struct gic_mark acknowledged;
    uint64_t root, vmpidr;        /* the vCPU that ran then; root 0: none */
    uint64_t is_taken;            /* acknowledged, and still active */
};

/* irq: an edge-triggered SPI that was pending in a list register when its vCPU was entered. */
#define EDGE_MAX 32u

struct irq_edge {
    struct gic_mark entered;
    uint64_t root, vmpidr;
    uint64_t step;     /* of the last entry with it */
    uint32_t entries;  /* without it since then */
    uint16_t physical; /* 0: free */
    uint16_t intid;
};

struct irq_state {
    uint32_t vcpu_count, is_active_known;
    struct irq_vcpu vcpu[VCPU_MAX];
    struct irq_physical physical[PE_COUNT_MAX][GIC_BANKED_COUNT];
    struct irq_storm storm[PE_COUNT_MAX];
    struct irq_maintenance maintenance[PE_COUNT_MAX];
    uint32_t active[PE_COUNT_MAX]; /* SGIs and PPIs behind the last access to the GIC */
    struct irq_edge edge[EDGE_MAX];
    uint64_t edge_next; /* the place of the next one, ever counted */
};
STATE_END
