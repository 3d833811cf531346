/*
 * The tick. Writing the timer value both sets the next deadline and takes the line down.
 *
 * DDI 0487: CNTP_TVAL_EL0, CNTP_CTL_EL0, CNTFRQ_EL0.
 */

#include "hyp/host/timer.h"

#include "hyp/host/dt.h"
#include "hyp/host/thread.h"

#define TVAL_MOST 0x7fffffff

static void timer_rearm(void)
{
    uint64_t counts = dt_config.tick_counts;
    if (counts == 0 || counts > TVAL_MOST) /* the timer value is signed: the rest is in the past */
        counts = read_sysreg(CNTFRQ_EL0) / 1000;
    write_sysreg(CNTP_TVAL_EL0, counts);
    isb();
}

void timer_start(void)
{
    timer_rearm();
    write_sysreg(CNTP_CTL_EL0, 1);
    isb();
}

void timer_tick(void)
{
    cpu_current()->must_reschedule = true;
    timer_rearm();
}
