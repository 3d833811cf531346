#pragma once

/*
 * Stage 2 translation of one VM: 30 bits of IPA, tables at levels 2 and 3, 4 KiB pages. The tables
 * are ordinary host memory, written at EL1; only the TLB maintenance needs EL2.
 */

#include "hyp/host/lock.h"

struct vm;

struct stage2 {
    struct spinlock lock;                  /* who writes the tables */
    uint64_t *root;                        /* the level 2 table; identity map, so also its PA */
};

#define STAGE2_IPA_BITS 30

/* An empty translation. */
void stage2_init(struct stage2 *stage2);

/*
 * Maps the page of `ipa_bytes` to `page`, which belongs to the VM from then on. If the IPA is
 * mapped already (another vCPU was faster), nothing is done and the answer is false.
 */
bool stage2_map(struct vm *vm, uint64_t ipa_bytes, void *page);

/* Takes the page at `ipa_bytes` away from the guest; answers it, or null if there was none. */
void *stage2_unmap(struct vm *vm, uint64_t ipa_bytes);

/* Takes everything away and frees it, the tables as well. No vCPU runs any more. */
void stage2_destroy(struct vm *vm);
