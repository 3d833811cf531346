/*
 * Time goes on between two looks at a timer. Whether it has fired, and how long it will take, have
 * to come from one reading of the counter: if it has not fired by the first and is due by the
 * second, the remaining time is 0, which whoever sleeps for it takes for no timer at all.
 *
 * DDI 0487: CNTVCT_EL0, CNTV_CTL_EL0.
 */
#include "tests/pairs/pair.h"

#define CTL_ISTATUS UINT64_C(4)

/* Sleeps so long, or until somebody else wakes it when that is 0. */
static void sleep_for(uint64_t ticks)
{
    if (ticks == 0)
        pair_fail(); /* for ever: nobody will */
}

static uint64_t remaining(uint64_t deadline)
{
    isb();
    uint64_t now = read_register(cntvct_el0);
    return deadline > now ? deadline - now : 0;
}

static void wait_for(uint64_t deadline)
{
#ifdef BAD
    isb();
    if (!(read_register(cntv_ctl_el0) & CTL_ISTATUS))
        sleep_for(remaining(deadline));
#else
    uint64_t ticks = remaining(deadline);
    if (ticks != 0)
        sleep_for(ticks);
#endif
}

void pair_main(void)
{
    write_register(cntvoff_el2, 0);
    isb();
    for (unsigned delay = 0; delay < 200; delay++) {
        uint64_t deadline = read_register(cntvct_el0) + 20;
        write_register(cntv_cval_el0, deadline);
        write_register(cntv_ctl_el0, 1);
        isb();
        for (unsigned i = 0; i < delay; i++)
            __asm__ volatile("nop" ::: "memory");
        wait_for(deadline);
    }
}
