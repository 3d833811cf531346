/*
 * The erratum page-split-fault: a load that crosses into the next page, with an alignment fault of
 * stage 1 on its first page, reports the translation fault of stage 2 on its second one. It looks
 * like an access to a device there, and is none: the load must not be done.
 *
 * The workaround is to translate FAR_EL2 as well: it leads to another page than HPFAR_EL2 says. The
 * guest gets the fault that it should have had.
 * DDI 0487: HPFAR_EL2; "Prioritization of synchronous Data Abort exceptions"; Cortex-A57 834220.
 */
#include "tests/pairs/device.h"

#define ESR_ALIGNMENT (UINT64_C(0x25) << 26 | 1 << 25 | 0x21)
#define VECTOR_SYNC_SPX UINT64_C(0x200)

static struct vcpu guest;

/* Device memory, and behind it a page that the hypervisor imitates. */
static void guest_body(void)
{
    load(WINDOW + PAGE - 4);
    pair_fail(); /* what comes instead is the guest's own exception */
}

#ifndef BAD
static int is_of_another_page(uint64_t far, uint64_t ipa)
{
    at(s1e1r, far);
    isb();
    uint64_t par = read_register(par_el1);
    return (par & 1) != 0 || (par & DESCRIPTOR_ADDRESS) != ipa;
}

static void give_alignment_fault(struct vcpu *v, uint64_t far)
{
    write_register(far_el1, far);
    write_register(esr_el1, ESR_ALIGNMENT);
    write_register(elr_el1, v->pc);
    write_register(spsr_el1, v->pstate);
    v->pc = v->vbar + VECTOR_SYNC_SPX;
}
#endif

static void aborted(struct vcpu *v)
{
#ifndef BAD
    uint64_t far = read_register(far_el2);
    if (is_of_another_page(far, read_register(hpfar_el2) >> 4 << 12)) {
        give_alignment_fault(v, far);
        return;
    }
#endif
    set_x(v, ISS_SRT(v->esr), loaded(v->esr, DEVICE_VALUE));
    v->pc += 4;
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1 = stage1_new();
    map_page(stage1, WINDOW, WINDOW, STAGE1_DEVICE);
    map_page(stage1, WINDOW + PAGE, WINDOW + PAGE, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    while (exit_class(vcpu_run(&guest)) == EXIT_DATA)
        aborted(&guest);
}
