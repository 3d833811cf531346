/*
 * EL2 executes its text and nothing else: a hypervisor that jumps into a page that it has filled
 * with a copy of code executes what whoever else can write there wants.
 *
 * DDI 0487: SCTLR_EL2.WXN, XN.
 */
#include "tests/pairs/pair.h"

#define RETURN UINT32_C(0xd65f03c0)

__attribute__((noinline)) static void function(void)
{
    isb();
}

void pair_main(void)
{
    void (*volatile there)(void) = function;
#ifdef BAD
    store(DATA_PAGE(0), RETURN);
    dc(cvau, DATA_PAGE(0));
    dsb(ish);
    ic_by(ivau, DATA_PAGE(0));
    dsb(ish);
    isb();
    there = (void (*)(void))(uintptr_t)DATA_PAGE(0);
#endif
    there();
}
