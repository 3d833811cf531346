/*
 * VMIDs have 8 bits unless VTCR_EL2.VS says 16: the upper half of VTTBR_EL2.VMID is ignored, so
 * that an allocator that counts on runs into numbers that are in use. 0x101 is 1.
 *
 * DDI 0487: VTCR_EL2.VS, VTTBR_EL2.VMID, ID_AA64MMFR1_EL1.VMIDBits.
 */
#include "tests/pairs/pair.h"

#ifdef BAD
#define SECOND_VMID 0x101
#else
#define SECOND_VMID 2
#endif

static struct vcpu first, second;

static void guest_body(void)
{
    load(WINDOW);
}

void pair_main(void)
{
    uint64_t *vm1 = stage2_new(), *vm2 = stage2_new(), *stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm1, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm2, WINDOW, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&first, vm1, 1, stage1, 0, guest_body);
    vcpu_init(&second, vm2, SECOND_VMID, stage1, 0, guest_body);
    vcpu_run(&first);
    vcpu_run(&second);
}
