/*
 * The interrupt of a virtual timer is a level: it is there while the condition is met and not
 * masked. A host that remembers that it was there injects one that the guest has cleared, by
 * switching its timer off with interrupts masked. The level is looked at before each entry.
 *
 * DDI 0487: CNTV_CTL_EL0, HCR_EL2.VI.
 */
#include "tests/pairs/timer.h"

static struct vcpu guest;

void pair_irq(uint32_t intid)
{
    (void)intid;
}

static void guest_body(void)
{
    write_register(cntv_cval_el0, read_register(cntvct_el0));
    write_register(cntv_ctl_el0, CTL_ENABLE);
    isb();
    hvc(); /* the host sees that it has fired */
    write_register(cntv_ctl_el0, 0);
    isb();
    hvc();
    __asm__ volatile("msr daifclr, #2\n\tisb" ::: "memory");
}

void pair_main(void)
{
    static int pending;
    write_register(cntvoff_el2, 0);
    vcpu_init(&guest, stage2_new(), 1, stage1_new(), 0, guest_body);
    for (unsigned exits = 0; exits < 3; exits++) {
        uint64_t ctl = read_register(cntv_ctl_el0);
        int level = (ctl & CTL_ENABLE) && (ctl & CTL_ISTATUS) && !(ctl & CTL_IMASK);
#ifdef BAD
        pending |= level;
#else
        pending = level;
#endif
        guest.hcr = HCR_RW | HCR_VM | HCR_IMO | (pending ? HCR_VI : 0);
        if (exit_class(vcpu_run(&guest)) != EXIT_HVC || (guest.esr & 0xffff) == 1)
            pair_fail(); /* an interrupt with no cause */
    }
}
