/* What the files of the profile share: accounts, stacks, exits, operations. */
#pragma once
#include "gen/trace.h"
#include "sim/profile.h"

#define PROFILE_VM_MAX 64u /* the first is whoever runs without stage 2; the last: all others */
#define PROFILE_VCPU_MAX 256u
#define PROFILE_LEVELS 3u
#define PROFILE_BUCKETS (PROFILE_VM_MAX * PROFILE_LEVELS)
#define PROFILE_REASONS 67u     /* exception classes, then IRQ, FIQ and SError */
#define PROFILE_REASON_VECTOR 63u /* plus the vector of EXC_TAKE, from 1 */
#define PROFILE_DEPTH_MAX 64u
#define PROFILE_NODE_MAX (1u << 20)
#define PROFILE_SITE_MAX 8192u

/* Frames that are no symbols; those that are come behind them, by index. */
enum profile_frame {
    FRAME_NO_SYMBOL,
    FRAME_EL0,
    FRAME_UNSEEN, /* cycles of a bucket that no look fell into */
    FRAME_CUT,    /* deeper than is looked */
    FRAME_BUCKET, /* PROFILE_BUCKETS of them: where a stack stands */
    FRAME_SYMBOL = FRAME_BUCKET + PROFILE_BUCKETS,
};

/* A VM is a stage 2 root under a VMID. */
struct profile_vm {
    uint64_t root;
    uint16_t vmid;
};

/* What one EL of one VM has used. */
struct profile_bucket {
    uint64_t cycles, insns;
};

struct profile_exit {
    uint64_t count;
    uint64_t el2_cycles;  /* from the exception to the return from EL2 that follows */
    uint64_t away_cycles; /* of VMs: until the vCPU runs again, on whatever CPU */
    uint64_t returns;     /* how many of the exits that is the sum of */
};

/* A vCPU is a VM and a VMPIDR_EL2; when it was left last, and why. */
struct profile_vcpu {
    uint64_t vmpidr, left;
    uint32_t vm, reason;
    bool is_away;
};

/* A stack is a node and its parents. */
struct profile_node {
    uint32_t parent; /* index; 0: none, the root itself is node 0 */
    uint32_t frame;
    uint64_t cycles, looks;
};

/* A barrier or invalidation where it stands in the program. */
struct profile_site {
    uint64_t pc, count, first, last; /* numbers among their kind, from 1, as --drop counts */
    uint32_t bucket, frame;
    uint64_t offset; /* in the frame's symbol */
    uint8_t kind, operation, scope; /* enum drop_kind; of TLBI and barriers, as in their events */
};

struct profile_pe {
    uint64_t since, since_insns; /* accounted for up to here */
    uint64_t switch_step;        /* of its last exception or return, + 1 */
    uint64_t exit_time;          /* the exception that EL2 was entered with */
    uint64_t waited, start;      /* cycles in WFI and the like; when the profile began */
    uint32_t exit_reason, exit_vm;
    uint32_t vm;        /* whose time it is; EL2 works for whom it was entered from */
    uint32_t live_vm;   /* whom the registers name */
    uint64_t vmpidr;
    uint8_t el, is_waiting, is_held, has_exit;
    uint64_t pending[PROFILE_BUCKETS]; /* cycles since the last look there */
};

struct profile {
    struct machine *machine;
    const struct symbol_place *names;
    uint64_t first_step, looks, cut_nodes, sites_lost;
    uint32_t vm_count, vcpu_count, node_count, site_count;
    struct profile_vm vm[PROFILE_VM_MAX];
    struct profile_vcpu vcpu[PROFILE_VCPU_MAX];
    struct profile_bucket bucket[PROFILE_BUCKETS];
    struct profile_exit exit[PROFILE_VM_MAX][PROFILE_REASONS];
    struct profile_pe pe[PE_COUNT_MAX];
    uint64_t executed[8]; /* by enum drop_kind */
    struct profile_node *node;
    uint32_t *node_index; /* hash of (parent, frame) to a node; 0: free */
    struct profile_site *site; /* a hash table */
    const char **name; /* of symbol frames, as far as they have come up */
    size_t name_count;
};

static inline uint32_t profile_bucket_of(uint32_t vm, unsigned el)
{
    return vm * PROFILE_LEVELS + el;
}

/* Stacks (profile_stack.c). The frame of code at an address, as the PE executes it now. */
uint32_t profile_frame_at(struct profile *p, unsigned pe, uint64_t va, uint64_t *offset);
/* Adds cycles to the stack that the PE now has. */
void profile_stack_add(struct profile *p, unsigned pe, uint64_t cycles);
/* The same to a stack of one special frame. */
void profile_stack_special(struct profile *p, uint32_t bucket, enum profile_frame frame,
                           uint64_t cycles);
/* "host", "vm1", or with its root where another VM had the same VMID. */
void profile_vm_text(const struct profile *p, uint32_t vm, char *text, size_t size);
/* The name of a frame. */
void profile_frame_text(const struct profile *p, uint32_t frame, char *text, size_t size);
