/*
 * Vector registers are switched lazily: the hypervisor leaves those of the last guest in place,
 * and has CPTR_EL2 trap the first use by another, to switch then. Without the trap the next guest
 * computes with the registers of the last.
 *
 * DDI 0487: CPTR_EL2.TFP.
 */
#include "tests/pairs/pair.h"

#define CPTR_RES1 UINT64_C(0x33ff)
#define CPTR_TFP (UINT64_C(1) << 10)
#define CPACR_FPEN (UINT64_C(3) << 20)

static struct vcpu first, second;

static void guest_body(void)
{
    __asm__ volatile(".arch_extension fp\n\tfmov d8, %0" ::"r"(UINT64_C(0x1122334455667788)));
}

static void other_body(void)
{
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    write_register(cpacr_el1, CPACR_FPEN);
    vcpu_init(&first, stage2_new(), 1, stage1, 0, guest_body);
    vcpu_init(&second, stage2_new(), 2, stage1, 0, other_body);
    vcpu_run(&first);
#ifndef BAD
    write_register(cptr_el2, CPTR_RES1 | CPTR_TFP);
#endif
    vcpu_run(&second);
}
