/*
 * VMID tags keep VMs apart; with the fault planted in the configuration they do not, and the same
 * body sees it. mmu_vmid_fault.c is the same against a library built with the fault.
 */
#include <criterion/criterion.h>

#include "tests/unit/mmu_vmid_body.h"

Test(mmu_vmid, tags_keep_vms_apart)
{
    cr_assert_eq(vmid_faults(false), 0);
}

Test(mmu_vmid, without_tags_another_vms_page_is_hit)
{
    cr_assert_geq(vmid_faults(true), 2);
}
