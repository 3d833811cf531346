/*
 * What VMID tags are for, as one body for two libraries: the right one, and one that was built
 * with VMIDs ignored, in which the same body must find the fault.
 */
#pragma once
#include "tests/unit/mmu_world.h"

#define VMID_VA UINT64_C(0x5000)
#define VMID_IPA UINT64_C(0x10000000)

/* Two VMs with the same stage 1 and each its own page behind the same IPA. */
static inline void vmid_world(struct world *w, uint64_t root[2])
{
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.ttbr0_el1 = world_page(w);
    world_map1(w, w->registers.ttbr0_el1, VMID_VA, VMID_IPA, 0);
    for (unsigned vm = 0; vm < 2; vm++) {
        root[vm] = world_page(w) | (uint64_t)(vm + 1) << 48;
        world_map2_tables(w, root[vm] & VTTBR_EL2_BADDR);
        world_map2(w, root[vm] & VTTBR_EL2_BADDR, VMID_IPA,
                   UINT64_C(0x80000000) + vm * UINT64_C(0x1000000));
    }
}

/* How many of three things that only tags can give are wrong. */
static inline unsigned vmid_faults(bool ignore_by_config)
{
    struct world *w = world_new(64);
    uint64_t root[2];
    unsigned faults = 0;
    if (ignore_by_config) {
        w->config.ignore_vmid_tags = 1;
        mmu_unwire(&w->mmu[0]);
        mmu_wire(&w->mmu[0]);
    }
    vmid_world(w, root);
    w->registers.vttbr_el2 = root[0];
    uint64_t first = world_read(w, 0, VMID_VA).pa.bits;
    w->registers.vttbr_el2 = root[1];
    struct translation other = world_read(w, 0, VMID_VA);
    faults += other.pa.bits == first; /* the other VM's page through our entry */
    w->registers.vttbr_el2 = root[0];
    faults += world_read(w, 0, VMID_VA).pa.bits != UINT64_C(0x80000000);
    w->registers.vttbr_el2 = root[1];
    world_read(w, 0, VMID_VA);
    world_tlbi(w, 1, TLBI_VMALLS12E1, 0, TLBI_INNER); /* of the second VM */
    world_dsb(w, 1, true);
    w->registers.vttbr_el2 = root[0];
    faults += world_read(w, 0, VMID_VA).cost != 0; /* the first VM's entries stay */
    world_free(w);
    return faults;
}
