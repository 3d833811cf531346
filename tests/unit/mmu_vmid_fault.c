/*
 * A build of the MMU that ignores VMID tags (MMU_FAULT_IGNORE_VMID): the body of mmu_vmid.c, which
 * the product passes, must fail in it.
 */
#include <criterion/criterion.h>

#include "tests/unit/mmu_vmid_body.h"

Test(mmu_vmid_fault, a_build_without_tags_fails_the_test_of_tags)
{
    cr_assert_geq(vmid_faults(false), 2);
}
