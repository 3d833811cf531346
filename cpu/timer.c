/*
 * The generic timer, as pure functions of the registers and a counter value: the physical and
 * the virtual timer of EL1, and the physical timer of EL2. When a line is looked at, and what
 * the counter is, is the machine's business.
 *
 * The event streams of CNTKCTL_EL1 and CNTHCTL_EL2 are values of the same kind: the counter at
 * which the next event comes.
 *
 * Conditions compare unsigned 64-bit values: a virtual counter that is behind 0 because of its
 * offset meets every condition, and leaves it where it wraps.
 *
 * Not modelled: the secure physical timer (there is no EL3), CNTPOFF, scaling.
 *
 * DDI 0487: "The Generic Timer in AArch64 state"; CNTx_CTL_EL0, CNTx_CVAL_EL0, CNTVOFF_EL2.
 */
#include "cpu/timer.h"

struct timer_registers {
    enum sysreg ctl, cval;
};

static const struct timer_registers timer_registers[TIMER_COUNT] = {
    [TIMER_P] = {SR_CNTP_CTL_EL0, SR_CNTP_CVAL_EL0},
    [TIMER_V] = {SR_CNTV_CTL_EL0, SR_CNTV_CVAL_EL0},
    [TIMER_HP] = {SR_CNTHP_CTL_EL2, SR_CNTHP_CVAL_EL2},
};

uint64_t timer_count(const struct cpu *cpu, enum cpu_timer timer, uint64_t count)
{
    return timer == TIMER_V ? count - cpu->effective[SR_CNTVOFF_EL2] : count;
}

bool timer_condition(const struct cpu *cpu, enum cpu_timer timer, uint64_t count)
{
    ensure(timer < TIMER_COUNT);
    return (cpu->effective[timer_registers[timer].ctl] & TIMER_CTL_ENABLE) != 0 &&
           timer_count(cpu, timer, count) >= cpu->effective[timer_registers[timer].cval];
}

bool timer_line(const struct cpu *cpu, enum cpu_timer timer, uint64_t count)
{
    return timer_condition(cpu, timer, count) &&
           (cpu->effective[timer_registers[timer].ctl] & TIMER_CTL_IMASK) == 0;
}

/* When the level changes by itself, by one file of registers: effective copies, or programmed. */
static uint64_t deadline_by(const uint64_t *file, enum cpu_timer timer, uint64_t count)
{
    uint64_t ctl = file[timer_registers[timer].ctl], cval = file[timer_registers[timer].cval];
    uint64_t now = timer == TIMER_V ? count - file[SR_CNTVOFF_EL2] : count;
    if ((ctl & TIMER_CTL_ENABLE) == 0 || (ctl & TIMER_CTL_IMASK) != 0 || cval == 0)
        return UINT64_MAX;
    uint64_t left = now < cval ? cval - now : -now; /* it rises, or falls where its counter wraps */
    return left > UINT64_MAX - count ? UINT64_MAX : count + left;
}

uint64_t timer_deadline(const struct cpu *cpu, enum cpu_timer timer, uint64_t count)
{
    ensure(timer < TIMER_COUNT);
    return deadline_by(cpu->effective, timer, count);
}

uint64_t timer_look(const struct cpu *cpu, enum cpu_timer timer, uint64_t count)
{
    ensure(timer < TIMER_COUNT);
    uint64_t effective = deadline_by(cpu->effective, timer, count);
    uint64_t programmed = deadline_by(cpu->reg, timer, count);
    return effective < programmed ? effective : programmed;
}

/* The next value above `now` at which bit `bit` changes in the direction of an event. */
static uint64_t stream_next(uint64_t now, unsigned bit, bool falling)
{
    uint64_t period = UINT64_C(2) << bit;
    uint64_t place = falling ? 0 : period / 2;
    uint64_t next = align_down(now, period) + place;
    return next > now ? next : next + period;
}

static const struct {
    enum sysreg reg;
    enum cpu_timer counter;
    uint64_t enable, direction, bit;
} streams[] = {
    {SR_CNTKCTL_EL1, TIMER_V, CNTKCTL_EL1_EVNTEN, CNTKCTL_EL1_EVNTDIR, CNTKCTL_EL1_EVNTI},
    {SR_CNTHCTL_EL2, TIMER_P, CNTHCTL_EL2_EVNTEN, CNTHCTL_EL2_EVNTDIR, CNTHCTL_EL2_EVNTI},
};

bool timer_event_stream_is_on(const struct cpu *cpu)
{
    for (unsigned i = 0; i < ARRAY_COUNT(streams); i++)
        if (cpu->effective[streams[i].reg] & streams[i].enable)
            return true;
    return false;
}

uint64_t timer_event_deadline(const struct cpu *cpu, uint64_t count)
{
    uint64_t soonest = UINT64_MAX;
    for (unsigned i = 0; i < ARRAY_COUNT(streams); i++) {
        uint64_t control = cpu->effective[streams[i].reg];
        if ((control & streams[i].enable) == 0)
            continue;
        uint64_t now = timer_count(cpu, streams[i].counter, count);
        uint64_t next = stream_next(now, (unsigned)field_get(streams[i].bit, control),
                                    (control & streams[i].direction) != 0);
        if (next - now <= UINT64_MAX - count && count + (next - now) < soonest)
            soonest = count + (next - now);
    }
    return soonest;
}
