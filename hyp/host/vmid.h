#pragma once

/*
 * Virtual machine identifiers: which number tags a VM's translations. There are more VMs than
 * numbers, so numbers belong to a generation; when a generation has none left, a new one begins
 * (rollover): all CPUs leave their guests, all translations go, and every VM takes a new number
 * before it runs again. Number 0 is the host's.
 *
 * One interface, eight implementations in hyp/host/vmid/, one of which is linked: "correct",
 * "asid-style" and six that have mistakes, some of them once in Linux. What each gets wrong is told
 * on its top.
 */

#include "hyp/arch.h"

struct vm;

/* Name of the implementation, for the banner. */
extern const char vmid_variant[];

/* A VM's share. Who owns which field, and in which order they are written, is the variant's. */
struct vmid {
    uint64_t generation;                   /* 0: never had a number */
    uint64_t number;
    uint64_t vttbr;                        /* composed value; only variants that keep one */
};

/* Numbers 1 .. 2^bits - 1 may be given out, bits 2 .. 16. Once, before any VM exists. */
void vmid_init(unsigned bits);

/* Before each entry, interrupts on: sees to it that the VM has a number of this generation. */
void vmid_update(struct vm *vm);

/* Just before entry, interrupts off: the number is not of this generation (any more). */
bool vmid_is_stale(const struct vm *vm);

/* At EL2, during the world switch and for TLB maintenance: the VM's VTTBR_EL2 as of now. */
uint64_t vmid_vttbr(const struct vm *vm);

/* All stage 1 and stage 2 translations of all VMs go, on all CPUs. Common to the variants. */
void vmid_flush_all(void);
