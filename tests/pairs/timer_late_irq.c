/*
 * A timer's interrupt may be taken after the timer has been switched off: its line falls when it
 * falls. A host that has put a vCPU's timer away must find out from the timer whether it has
 * fired, and leave what it has put away alone: the late interrupt is nobody's.
 *
 * DDI 0487: CNTV_CTL_EL0; IHI 0048B.b: level-sensitive interrupts, spurious interrupts.
 */
#include "tests/pairs/timer.h"

static struct {
    uint64_t ctl, cval;
    int is_loaded;
} timer;

void pair_irq(uint32_t intid)
{
    uint64_t ctl = read_register(cntv_ctl_el0);
    if (intid != CNTV_INTID)
        pair_fail();
#ifndef BAD
    if (!timer.is_loaded || !(ctl & CTL_ISTATUS))
        return;
#endif
    timer.ctl = ctl | CTL_IMASK; /* it has fired: no more interrupts until the vCPU has seen it */
    write_register(cntv_ctl_el0, timer.ctl);
    isb();
}

static void load_timer(void)
{
    write_register(cntv_cval_el0, timer.cval);
    write_register(cntv_ctl_el0, timer.ctl);
    isb();
    timer.is_loaded = 1;
}

static void put_timer(void)
{
    timer.cval = read_register(cntv_cval_el0);
    timer.ctl = read_register(cntv_ctl_el0);
    write_register(cntv_ctl_el0, 0);
    isb();
    timer.is_loaded = 0;
}

void pair_main(void)
{
    timer_irq_on();
    for (unsigned i = 0; i < 20; i++) {
        timer.ctl = CTL_ENABLE;
        timer.cval = read_register(cntvct_el0); /* it fires as soon as it is on */
        load_timer();
        put_timer();
        irq_window(40); /* the host does something else */
        if ((timer.ctl & (CTL_ENABLE | CTL_IMASK)) != CTL_ENABLE)
            pair_fail(); /* the vCPU's timer is lost */
    }
}
