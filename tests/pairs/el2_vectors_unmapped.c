/*
 * Vectors have to be where EL2 can fetch them: a hypervisor moves its text to another address, and
 * sets VBAR_EL2 to the new one. If its tables do not map that when the next guest traps, the
 * exception is an abort, which is an exception, without end.
 *
 * DDI 0487: VBAR_EL2.
 */
#include "tests/pairs/pair.h"

static struct vcpu guest;

static void guest_body(void)
{
}

void pair_main(void)
{
    vcpu_init(&guest, stage2_new(), 1, stage1_new(), 0, guest_body);
#ifndef BAD
    map_block(el2_root, WINDOW, PROGRAM, STAGE1_RW);
#endif
    write_register(vbar_el2, WINDOW + ((uintptr_t)pair_vectors - PROGRAM));
    isb();
    vcpu_run(&guest);
}
