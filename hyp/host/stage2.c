/*
 * Stage 2 tables. A descriptor goes from invalid to valid (no maintenance needed: what is invalid
 * is not cached) or from valid to invalid, followed by DSB, TLBI, DSB before the page or table is
 * used for anything else. It never goes from one valid value to another.
 *
 * Not modelled: blocks, attributes other than normal write-back memory with all rights.
 *
 * DDI 0487: VMSAv8-64 stage 2 descriptors, "TLB maintenance requirements".
 */

#include "hyp/host/stage2.h"

#include "gen/vmsa.h"
#include "hyp/board.h"
#include "hyp/host/console.h"
#include "hyp/host/page.h"
#include "hyp/host/vm.h"

/* All that a descriptor says beside its address. MemAttr 15: inner and outer write-back. */
#define S2_TABLE (VMSA_TABLE_TABLE | VMSA_TABLE_VALID)
#define S2_PAGE                                                                             \
    (VMSA_S2_LEAF_AF | FIELD(VMSA_S2_LEAF_SH, SHAREABILITY_INNER) |                         \
     FIELD(VMSA_S2_LEAF_S2AP, 3) | FIELD(VMSA_S2_LEAF_MEMATTR, 15) | VMSA_S2_LEAF_TABLE |   \
     VMSA_S2_LEAF_VALID)
#define S2_VALID VMSA_S2_LEAF_VALID        /* in tables and pages */

static unsigned index_of(uint64_t ipa_bytes, unsigned shift)
{
    return (unsigned)(ipa_bytes >> shift) & (TABLE_ENTRIES - 1);
}

static void *page_of(uint64_t descriptor)
{
    return (void *)(descriptor & VMSA_S2_LEAF_ADDRESS);
}

/* The level 3 descriptor of an IPA, or null if there is no table and none shall be made. */
static uint64_t *stage2_find(struct stage2 *stage2, uint64_t ipa_bytes, bool shall_make)
{
    uint64_t *entry = &stage2->root[index_of(ipa_bytes, BLOCK_SHIFT)];
    if ((*entry & S2_VALID) == 0) {
        if (!shall_make)
            return NULL;
        uint64_t *table = page_alloc_zeroed();
        dmb(ishst);                        /* an empty table, then the way to it */
        WRITE_ONCE(*entry, (uint64_t)table | S2_TABLE);
    }
    uint64_t *table = page_of(*entry);
    return &table[index_of(ipa_bytes, PAGE_SHIFT)];
}

void stage2_init(struct stage2 *stage2)
{
    stage2->lock.is_held = 0;
    stage2->root = page_alloc_zeroed();
}

bool stage2_map(struct vm *vm, uint64_t ipa_bytes, void *page)
{
    spin_lock(&vm->stage2.lock);
    uint64_t *entry = stage2_find(&vm->stage2, ipa_bytes, true);
    bool is_free = (*entry & S2_VALID) == 0;
    if (is_free) {
        WRITE_ONCE(*entry, (uint64_t)page | S2_PAGE);
        dsb(ishst);                        /* seen by the walks of every CPU */
    }
    spin_unlock(&vm->stage2.lock);
    return is_free;
}

void *stage2_unmap(struct vm *vm, uint64_t ipa_bytes)
{
    void *page = NULL;

    spin_lock(&vm->stage2.lock);
    uint64_t *entry = stage2_find(&vm->stage2, ipa_bytes, false);
    if (entry != NULL && (*entry & S2_VALID) != 0) {
        page = page_of(*entry);
        WRITE_ONCE(*entry, 0);
        el2_call(EL2_CALL_TLB_FLUSH_PAGE, vm, ipa_bytes);
    }
    spin_unlock(&vm->stage2.lock);
    return page;
}

/*
 * The tables die as a whole: the entries of the root go first, then the flush; after it no walk can
 * be under way in what hung below.
 */
void stage2_destroy(struct vm *vm)
{
    uint64_t *root = vm->stage2.root;
    uint64_t below[8];
    unsigned count = 0;

    for (unsigned n = 0; n < TABLE_ENTRIES; n++) {
        if ((root[n] & S2_VALID) == 0)
            continue;
        if (count == 8)
            host_die("stage 2 with more than 8 tables");
        below[count++] = root[n];
        WRITE_ONCE(root[n], 0);
    }
    el2_call(EL2_CALL_TLB_FLUSH_VM, vm, 0);
    for (unsigned n = 0; n < count; n++) {
        uint64_t *table = page_of(below[n]);
        for (unsigned m = 0; m < TABLE_ENTRIES; m++)
            if ((table[m] & S2_VALID) != 0)
                page_free(page_of(table[m]));
        page_free(table);
    }
    page_free(root);
}
