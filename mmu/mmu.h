/*
 * The MMU's one public header: translation of a virtual address under a regime, the tagged TLB
 * of a PE, and its invalidation by messages.
 *
 * Pure half: regime_make() and the walk and permission functions compute values. Commit half:
 * mmu_translate() fills the TLB and tells events. Everything that a walk reads goes through the
 * port, so that caches and other observers of memory see it.
 */
#pragma once
#include "sim/base/base.h"
#include "sim/base/choice.h"
#include "sim/base/cow.h"
#include "sim/base/event.h"
#include "sim/base/port.h"

/* Translation regimes; open: EL2&0 of VHE is in it so that tags and keys have its place. */
enum regime_kind { REGIME_EL10, REGIME_EL2, REGIME_EL20, REGIME_KIND_COUNT };

/* The effective copies of the registers that translation uses; the CPU keeps them. */
struct vmsa_registers {
    uint64_t sctlr_el1, tcr_el1, ttbr0_el1, ttbr1_el1, mair_el1;
    uint64_t sctlr_el2, tcr_el2, ttbr0_el2, mair_el2;
    uint64_t hcr_el2, vtcr_el2, vttbr_el2;
};

/* The geometry of a core's TLB (mmu/cores.def, shape.c). */
#define TLB_HOLDS_FETCH 1u
#define TLB_HOLDS_DATA 2u
#define TLB_HOLDS_TABLE 4u
#define TLB_HOLDS_STAGE2 8u
#define TLB_ARRAY_MAX 6u

struct tlb_array {
    uint16_t entries, ways;
    uint8_t level; /* 1: looked at first */
    uint8_t holds; /* TLB_HOLDS_* */
};

struct tlb_shape {
    uint32_t count;   /* arrays; 0: the architectural shape, where only capacity limits */
    uint32_t entries; /* of all arrays */
    struct tlb_array array[TLB_ARRAY_MAX];
};

/* The shape of a core by its model's name; false: none is known. */
bool tlb_shape_find(const char *core, struct tlb_shape *shape);

/* Translation granules that are implemented, at both stages: ID_AA64MMFR0_EL1.TGran*. */
#define MMU_GRANULE_4K 1u
#define MMU_GRANULE_16K 2u
#define MMU_GRANULE_64K 4u

/* Parts of later architecture versions: ID_AA64MMFR1_EL1.{HAFDBS,XNX,HPDS}. */
#define MMU_FEATURE_AF 1u    /* hardware updates the access flag */
#define MMU_FEATURE_DIRTY 2u /* and the dirty state */
#define MMU_FEATURE_XNX 4u   /* stage 2 forbids EL1 and EL0 to fetch one by one */
#define MMU_FEATURE_HPD 8u   /* hierarchical permissions can be switched off */

/* What the machine fixes: ID_AA64MMFR0/1_EL1 as numbers, TLB shape, costs in cycles. */
struct mmu_config {
    uint8_t pa_bits;          /* 32..48 */
    uint8_t vmid_bits;        /* 8 or 16 */
    uint8_t asid_bits;        /* 8 or 16 */
    uint8_t ignore_vmid_tags; /* a planted fault for the tests: lookups do not compare VMIDs */
    uint8_t granules;         /* MMU_GRANULE_*; 0: 4 KiB only */
    uint8_t features;         /* MMU_FEATURE_* */
    uint8_t late_loads;       /* erratum tlbi-loads: what a TLBI removed serves loads under way */
    uint8_t reserved[1];
    uint32_t tlb_entries;     /* capacity per PE; of another shape: shape.entries */
    struct tlb_shape shape;
    uint32_t cost_walk_step;  /* cycles for each descriptor read */
    uint32_t cost_tlb_miss;   /* cycles added once for a miss */
    uint32_t cost_tlb_second; /* ... for a hit that the first level of a core's TLB has not */
};

/* Everything that a translation depends on, but for the request. A value; compare with memcmp. */
struct regime {
    uint64_t sctlr, tcr, ttbr[2], mair;
    uint64_t hcr, vtcr, vttbr;
    uint16_t vmid; /* 0 for REGIME_EL2 */
    uint16_t asid; /* as TCR.A1 selects; 0 for REGIME_EL2 */
    uint8_t kind;  /* enum regime_kind */
    uint8_t stage1_on, stage2_on;
    uint8_t pa_bits;
    uint8_t stage2_is_big_endian; /* SCTLR_EL2.EE: byte order of stage 2 descriptors */
    uint8_t page_log2[2];         /* granule of TTBR0 and TTBR1: 12, 14 or 16 */
    uint8_t page2_log2;           /* of stage 2 */
    uint8_t features;             /* REGIME_*: what the registers have on */
    uint8_t reserved[3];
};

#define REGIME_AF1 1u    /* the walker sets the access flag: stage 1 */
#define REGIME_DIRTY1 2u /* and makes pages with DBM writable */
#define REGIME_AF2 4u    /* the same of stage 2 */
#define REGIME_DIRTY2 8u
#define REGIME_XNX 16u
#define REGIME_HPD0 32u /* APTable, PXNTable and UXNTable below TTBR0 are ignored */
#define REGIME_HPD1 64u

struct regime regime_make(enum regime_kind kind, const struct vmsa_registers *registers,
                          const struct mmu_config *config);

/* What is asked: AccType, privilege and size of the access. */
struct mmu_request {
    va_t va;
    uint8_t el;          /* the EL whose permissions count: 0 for EL0 and unprivileged accesses */
    uint8_t kind;        /* enum access_kind */
    uint8_t is_write;
    uint8_t size;        /* bytes of one element, for SCTLR.A and alignment of Device accesses;
                            0: do not check; above 16 (DC ZVA): Device memory always faults */
    uint8_t alignment;   /* bytes to which va must be aligned whatever SCTLR.A says; 0 or 1: no */
    uint8_t is_cache_op; /* DC/IC by VA: CM=1 */
    uint8_t stage1_only; /* AT S1E*: stop after stage 1 (stage 2 still serves the walk) */
    uint8_t is_at;       /* an AT instruction */
    uint8_t is_atomic;   /* reads and writes; is_write is 0 */
    uint8_t pan;         /* an access of EL1 under PSTATE.PAN */
};

/* Fault kinds in the terms of the FaultRecord of the architecture. */
enum fault_kind {
    FAULT_NONE,
    FAULT_ADDRESS_SIZE,
    FAULT_TRANSLATION,
    FAULT_ACCESS_FLAG,
    FAULT_PERMISSION,
    FAULT_ALIGNMENT,
    FAULT_EXTERNAL,         /* synchronous external abort on the access itself */
    FAULT_EXTERNAL_ON_WALK, /* ... on a descriptor read */
    FAULT_TLB_CONFLICT,
    FAULT_UNSUPPORTED_EXCLUSIVE,
    FAULT_DEBUG, /* a breakpoint or watchpoint; never by translation */
};

struct fault {
    uint8_t kind;  /* enum fault_kind */
    uint8_t level; /* 0..3 */
    uint8_t stage; /* 1 or 2 */
    uint8_t s1ptw; /* a stage 2 fault on a stage 1 walk */
    uint8_t is_write;
    uint8_t is_cache_op;
    uint8_t is_fetch;
    uint8_t reserved;
    va_t va;
    ipa_t ipa; /* for stage 2 faults */
};

struct translation {
    struct fault fault; /* kind FAULT_NONE: translated */
    pa_t pa;
    ipa_t ipa;           /* all ones when the entry used does not hold it */
    uint8_t memory;      /* combined memory type as a MAIR attribute byte */
    uint8_t shareability;
    uint8_t size_log2;   /* bytes around va that have the same translation and permissions */
    uint8_t permissions; /* PERMIT_* of what this regime may do there, for host-pointer caches */
    uint32_t entry;      /* serial number of the TLB entry used on this PE; 0: none (MMU off) */
    uint32_t cost;       /* cycles beyond a hit */
    uint8_t awaited;     /* a message on its way removes that entry: each use has to be seen */
    uint8_t reserved[3];
};

#define PERMIT_READ_EL0 1u
#define PERMIT_WRITE_EL0 2u
#define PERMIT_FETCH_EL0 4u
#define PERMIT_READ 8u
#define PERMIT_WRITE 16u
#define PERMIT_FETCH 32u

/* One descriptor read. At most 24 for 4+4 levels. */
struct walk_step {
    uint64_t descriptor;
    pa_t descriptor_pa;
    uint64_t input; /* VA or IPA being translated by this read */
    uint8_t stage, level;
    uint8_t reserved[6];
};

#define WALK_STEP_MAX 24u

struct walk {
    struct translation result;
    unsigned step_count;
    struct walk_step step[WALK_STEP_MAX];
};

/* TLBI operations: the rows of scope are in tlbi.def; local and IS forms share a row. */
enum tlbi_operation {
    TLBI_VMALLE1,
    TLBI_VAE1,
    TLBI_ASIDE1,
    TLBI_VAAE1,
    TLBI_VALE1,
    TLBI_VAALE1,
    TLBI_IPAS2E1,
    TLBI_IPAS2LE1,
    TLBI_VMALLS12E1,
    TLBI_ALLE1,
    TLBI_ALLE2,
    TLBI_VAE2,
    TLBI_VALE2,
    TLBI_OPERATION_COUNT
};

#define TLBI_LOCAL 0u
#define TLBI_INNER 1u
#define TLBI_OUTER 2u

STATE_BEGIN
/* An invalidation on its way to one PE. */
struct tlbi {
    uint64_t vttbr;   /* effective VTTBR_EL2 at the issue (for observers) */
    uint64_t address; /* VA or IPA operand, as an address */
    uint32_t message; /* number, unique in the run, from 1 */
    uint32_t fills;   /* last serial number on the receiving PE when it came; set on receipt */
    uint16_t vmid, asid;
    uint8_t operation; /* enum tlbi_operation */
    uint8_t scope;     /* TLBI_LOCAL, ... */
    uint8_t issuer;    /* PE */
    uint8_t entries_gone;      /* half one done */
    uint8_t accesses_finished; /* half two done */
    uint8_t awaits_isb;        /* at the issuer: DSB done, counts for itself at the next CSE */
    uint8_t reserved[2];
    uint32_t received;         /* when it came, in the version log's time; 0 while there is none */
};

#define TLBI_QUEUE_MAX 64u

/* The MMU state of one PE beside its TLB array, which lies in copy-on-write pages. */
struct mmu_state {
    uint64_t fills;     /* entries ever made: the last serial number */
    uint64_t evictions; /* entries lost to a full TLB */
    uint32_t tlb_valid; /* entries now valid */
    uint32_t queue_count;
    struct tlbi queue[TLBI_QUEUE_MAX]; /* oldest first */
};
STATE_END

struct tlb_index; /* derived: finds entries by page; never state */

/*
 * The version log: what descriptors, registers and invalidations of the recent past a walk nobody
 * asked for may have met (choice spec-fill). State in copy-on-write pages, there only where that
 * kind may be open; one for a machine. See versions.h.
 */
struct version_log {
    struct cow *memory;
    size_t first_page; /* there */
    uint64_t ram_base; /* the RAM whose stores it is told of */
    size_t ram_pages;
    const struct chooser *chooser; /* it is kept while spec-fill is open */
    bool out_of_context; /* erratum: EL1&0 walks go on while at EL2 */
};

/* How many pages the log takes. */
size_t version_log_pages(size_t ram_pages);
/* A store to RAM is about to change bytes of one page, which are at `page` now. */
void version_log_store(struct version_log *log, pa_t pa, const uint8_t *page, const void *bytes,
                       size_t size);

/* A use for which nothing else than what is there could be. Derived; see speculate.c. */
#define SPECULATION_MEMO_COUNT 64u
struct speculation_memo {
    uint64_t regime, page;
    uint32_t now, after; /* now 0: none */
};

/*
 * Whom the MMU tells what becomes of entries, so that accesses that used them can be kept in
 * order; beside events, which change nothing.
 */
struct mmu_listener {
    void *owner;
    void (*made)(void *owner, unsigned pe, uint32_t entry); /* by the walk under way */
    void (*used)(void *owner, unsigned pe, uint32_t entry);
    void (*gone)(void *owner, unsigned pe, uint32_t entry, bool invalidated);
    void (*delivered)(void *owner, unsigned pe, const struct tlbi *message);
};

/*
 * Which host pointers over leaf entries may be stale: generation grows when any may be, and then
 * either all are (`all` is that generation) or those to one small range of addresses, which is
 * among the last so many.
 */
#define MMU_REVOKED_COUNT 32u
#define MMU_REVOKED_LOG2_MAX 16u
struct mmu_revoked {
    uint64_t generation, all;
    struct {
        uint64_t address;
        unsigned size_log2; /* up to MMU_REVOKED_LOG2_MAX */
    } range[MMU_REVOKED_COUNT]; /* by generation */
};

/* The MMU of one PE as wired by the machine. */
struct mmu {
    struct mmu_state *state;
    struct cow *memory;     /* holds the TLB array */
    size_t tlb_page;        /* its first page there */
    const struct mmu_config *config;
    const struct port *port;
    struct chooser *chooser;
    struct choice_counts *counts;
    struct events *events;
    const struct event_clock *clock; /* insn and time for the heads of events */
    struct tlb_index *index;
    const struct mmu_listener *listener; /* NULL: nobody */
    uint32_t refills;      /* scratch: first levels filled again from the second */
    uint32_t last_slot;    /* scratch: of the entry that was found or made last */
    struct version_log *versions; /* NULL: none is kept */
    struct speculation_memo memo[SPECULATION_MEMO_COUNT];
    struct mmu_revoked revoked; /* derived */
    uint8_t pe;
};

/* What a PE's events carry in their heads; the CPU keeps it up to date. */
struct event_clock {
    const uint64_t *insn, *time;
    const uint8_t *el;
};

/* How many pages of copy-on-write memory the TLB array of one PE takes. */
size_t mmu_tlb_pages(const struct mmu_config *config);

/* Makes and frees derived data; state is the caller's. After a restore call mmu_restored(). */
void mmu_wire(struct mmu *mmu);
void mmu_unwire(struct mmu *mmu);
void mmu_restored(struct mmu *mmu);

/* AArch64.TranslateAddress: translates, filling the TLB and asking choices. */
void mmu_translate(struct mmu *mmu, const struct regime *regime, const struct mmu_request *request,
                   struct translation *result);

/* The same by walking alone: no TLB, no event, no choice, nothing changes; walk says how. */
void mmu_peek(const struct mmu *mmu, const struct regime *regime,
              const struct mmu_request *request, struct walk *walk);

/*
 * The message of a TLBI instruction (message number left 0, for the caller to set): decodes the
 * operand register for operation; ASID and VMID by their effective widths; HCR_EL2.FB makes a
 * local operation of EL1 inner shareable. Pure.
 */
struct tlbi tlbi_make(enum tlbi_operation operation, const struct vmsa_registers *effective,
                      const struct mmu_config *config, uint64_t operand, unsigned scope,
                      unsigned issuer, unsigned el);

/* Puts a message into this PE's queue; a full queue delivers its oldest first. */
void mmu_tlbi_receive(struct mmu *mmu, const struct tlbi *message);

/*
 * A DSB of `issuer` finishes: its messages that the DSB covers (all when covers_broadcast, else
 * only local ones) are delivered here; at the issuer itself they count from the next context
 * synchronization event on. Call it for each PE, in PE order. True at the issuer: a broadcast one
 * was among them, which the other PEs had to answer.
 */
bool mmu_tlbi_finish(struct mmu *mmu, unsigned issuer, bool covers_broadcast);

/* A context synchronization event on this PE: what awaits it counts now. */
void mmu_synchronize(struct mmu *mmu);

/*
 * Erratum tlbi-loads (late.c): loads under way on this PE have ended; a DSB of issuer has finished
 * a broadcast TLBI of it, for each other PE. Nothing without the erratum.
 */
void mmu_late_end(struct mmu *mmu);
void mmu_late_finish(struct mmu *mmu, unsigned issuer);

/*
 * For the version log, while it is kept: the regimes of this PE, and at which level it is. Call it
 * when one of these has changed. A regime that is NULL keeps what was told before.
 */
void mmu_tell_regimes(struct mmu *mmu, const struct regime *el10, const struct regime *el2,
                      unsigned el);
/* Regimes that the PE may have walked by in passing: written, but never in effect as a whole. */
void mmu_tell_passing(struct mmu *mmu, const struct regime *el10, unsigned el);
/* Whether it is kept now. */
static inline bool mmu_keeps_versions(const struct mmu *mmu)
{
    return __builtin_expect(mmu->versions != NULL, 0) &&
           choice_is_open(mmu->versions->chooser, CHOICE_SPEC_FILL);
}

/* Observers: the valid TLB entries, oldest first. */
struct tlb_view {
    uint32_t entry;
    uint16_t vmid, asid;
    uint8_t regime, stage, level, is_global, is_table, memory, permissions, size_log2;
    uint64_t input, output, ipa;
};
unsigned mmu_tlb_list(const struct mmu *mmu, struct tlb_view *views, unsigned capacity);
