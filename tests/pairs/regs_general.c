/*
 * General registers belong to the vCPU: a world switch that saves what a procedure call would
 * save, X19 to X30, hands the next guest the rest of the last one's.
 *
 * DDI 0487: nothing but software switches X0 to X30.
 */
#include "tests/pairs/pair.h"

#define FIRST_SAVED 19

static struct vcpu first, second;

static void guest_body(void)
{
    __asm__ volatile("mov x9, %0\n\tmov x10, %1\n\thvc #2"
                     :: "r"(UINT64_C(0x1122334455667788)), "r"(UINT64_C(0x99aabbccddeeff00))
                     : "x9", "x10", "memory");
}

static void other_body(void)
{
}

/* The registers that are still in the PE when the next vCPU is entered. */
static void switch_registers(struct vcpu *next, const struct vcpu *last)
{
#ifdef BAD
    for (unsigned i = 0; i < FIRST_SAVED; i++)
        next->x[i] = last->x[i];
#else
    (void)next;
    (void)last;
#endif
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    vcpu_init(&first, stage2_new(), 1, stage1, 0, guest_body);
    vcpu_init(&second, stage2_new(), 2, stage1, 0, other_body);
    vcpu_run(&first);
    switch_registers(&second, &first);
    vcpu_run(&second);
}
