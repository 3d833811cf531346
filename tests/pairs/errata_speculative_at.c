/*
 * The erratum speculative-at: at EL2 walks nobody asked for go on with the registers of EL1&0 as
 * they are, also amid a switch of them. With the VMID of one VM and the tables of another such a
 * walk leaves an entry that the former uses later.
 *
 * The workaround is to switch walks off first (TCR_EL1.EPDn) and on again last, each with an ISB.
 * DDI 0487: "Out-of-context translation regimes"; Cortex-A57 1319537, Cortex-A72 1319367.
 */
#include "tests/pairs/pair.h"

#define TCR_EPD (UINT64_C(1) << 7 | UINT64_C(1) << 23)

static struct vcpu a, b;

static void body_a(void)
{
    load(WINDOW);
    hvc();
    load(WINDOW);
}

static void body_b(void)
{
    hvc();
    if (load(WINDOW) != 2)
        pair_fail();
}

static void enter(struct vcpu *v)
{
#ifdef BAD
    vcpu_run(v);
#else
    write_register(tcr_el1, v->tcr | TCR_EPD);
    isb();
    write_register(vmpidr_el2, v->vmpidr);
    write_register(ttbr0_el1, v->ttbr0);
    write_register(ttbr1_el1, v->ttbr1);
    write_register(mair_el1, v->mair);
    write_register(vbar_el1, v->vbar);
    write_register(par_el1, v->par);
    write_register(vttbr_el2, v->vttbr);
    write_register(hcr_el2, v->hcr);
    isb();
    write_register(sctlr_el1, v->sctlr);
    write_register(tcr_el1, v->tcr);
    isb();
    v->esr = vcpu_enter(v);
    vcpu_save(v);
#endif
}

void pair_main(void)
{
    uint64_t *vm_a = stage2_new(), *vm_b = stage2_new();
    uint64_t *tables_a = stage1_new(), *tables_b = stage1_new();
    store(DATA_PAGE(2), 2);
    map_page(vm_a, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm_b, WINDOW, DATA_PAGE(1), STAGE2_RW);
    map_page(vm_b, WINDOW + PAGE, DATA_PAGE(2), STAGE2_RW);
    map_page(tables_a, WINDOW, WINDOW, STAGE1_RW);
    map_page(tables_b, WINDOW, WINDOW + PAGE, STAGE1_RW);
    vcpu_init(&a, vm_a, 1, tables_a, 0, body_a);
    vcpu_init(&b, vm_b, 2, tables_b, 0, body_b);
    enter(&a);
    enter(&b);
    enter(&a);
    enter(&b);
}
