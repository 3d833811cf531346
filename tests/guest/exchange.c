/*
 * CPUs that send each other SGIs, all to all, while each has a tick of its own: none may be lost or
 * come twice, whatever the lines do. A CPU sends its next SGI to another one when the last has been
 * counted there, which may be before it has been ended. The handler checks source and number
 * against what was sent; a tick counts when the timer has fired, and moves its deadline on.
 *
 * What an SGI that is lost leads to: its sender waits for ever, and STUCK ticks later says so. A
 * tick that is lost is the last one: the CPU sleeps for ever. Late interrupts (no SGI, the timer
 * has not fired) and spurious ones (1023) are no faults: they are counted, to show that the lines
 * have been late.
 *
 * The result of each CPU: SGIs that it has got, from bit 32 on late and spurious interrupts, from
 * bit 60 on faults. Linked with the library of the benchmark's guests; EL2.
 */
#include "tests/bench/guest.h"

#ifndef ROUNDS
#define ROUNDS 1700u /* SGIs from each CPU to each other one */
#endif
#ifndef PERIOD
#define PERIOD 500u /* of the tick, in the counter's */
#endif
#define STUCK 100000u
#define TICKS 3u /* at least so many */

#define GICD(offset) (*(volatile uint32_t *)(uintptr_t)(0x08000000 + (offset)))
#define GICC(offset) (*(volatile uint32_t *)(uintptr_t)(0x08010000 + (offset)))
#define CTLR 0x000
#define PMR 0x004
#define IAR 0x00c
#define EOIR 0x010
#define ISENABLER 0x100
#define SGIR 0xf00
#define CNTHP 26u
#define SPURIOUS 1023u
#define SGI_COUNT 16u

#define FAULT (UINT64_C(1) << 60)
#define LATE (UINT64_C(1) << 32)

const char guest_name[] = "exchange";

/* What one CPU knows of its own; padded so that each has its lines to itself. */
struct own {
    uint64_t ticks, late, sgis, faults, deadline, pad[3];
};

static struct own own[CPUS_MAX];
static volatile uint32_t cpus; /* that take part: a bit each */
static volatile uint32_t sent[CPUS_MAX][CPUS_MAX]; /* by sender, to */
static volatile uint32_t got[CPUS_MAX][CPUS_MAX];  /* by receiver, from */

void exchange_handler(uint64_t cpu);

/* Vectors of EL2: an IRQ saves what a function may use. TPIDR_EL2 is the CPU's number. */
__asm__(".balign 2048\n"
        "exchange_vectors:\n"
        ".rept 5\n"
        "b .\n"
        ".balign 128\n"
        ".endr\n"
        "b exchange_irq\n"
        ".balign 128\n"
        ".rept 10\n"
        "b .\n"
        ".balign 128\n"
        ".endr\n"
        "exchange_irq:\n"
        "stp x29, x30, [sp, #-176]!\n"
        "stp x0, x1, [sp, #16]\n"
        "stp x2, x3, [sp, #32]\n"
        "stp x4, x5, [sp, #48]\n"
        "stp x6, x7, [sp, #64]\n"
        "stp x8, x9, [sp, #80]\n"
        "stp x10, x11, [sp, #96]\n"
        "stp x12, x13, [sp, #112]\n"
        "stp x14, x15, [sp, #128]\n"
        "stp x16, x17, [sp, #144]\n"
        "str x18, [sp, #160]\n"
        "mrs x0, tpidr_el2\n"
        "bl exchange_handler\n"
        "ldr x18, [sp, #160]\n"
        "ldp x16, x17, [sp, #144]\n"
        "ldp x14, x15, [sp, #128]\n"
        "ldp x12, x13, [sp, #112]\n"
        "ldp x10, x11, [sp, #96]\n"
        "ldp x8, x9, [sp, #80]\n"
        "ldp x6, x7, [sp, #64]\n"
        "ldp x4, x5, [sp, #48]\n"
        "ldp x2, x3, [sp, #32]\n"
        "ldp x0, x1, [sp, #16]\n"
        "ldp x29, x30, [sp], #176\n"
        "eret\n");

static void barrier(void)
{
    __asm__ volatile("dsb ish" ::: "memory");
}

static void count_tick(struct own *o)
{
    uint64_t control;
    __asm__ volatile("isb\n\tmrs %0, cnthp_ctl_el2" : "=r"(control)::"memory");
    if (!(control & 4)) {
        o->late++;
        return;
    }
    o->ticks++;
    o->deadline += PERIOD;
    __asm__ volatile("msr cnthp_cval_el2, %0\n\tisb" ::"r"(o->deadline) : "memory");
}

/* True: it is the one that is awaited. */
static uint32_t is_awaited(unsigned cpu, unsigned from, uint32_t id)
{
    barrier();
    uint32_t number = got[cpu][from] + 1;
    return from < CPUS_MAX && from != cpu && sent[from][cpu] == number && id == number % SGI_COUNT;
}

void exchange_handler(uint64_t cpu)
{
    struct own *o = &own[cpu];
    uint32_t iar = GICC(IAR), id = iar & 0x3ff, from = iar >> 10 & 7;
    if (id == SPURIOUS) {
        o->late++;
        return;
    }
    if (id == CNTHP) {
        count_tick(o);
        GICC(EOIR) = iar;
        return;
    }
    if (id >= SGI_COUNT || !is_awaited((unsigned)cpu, from, id)) {
        o->faults++;
        GICC(EOIR) = iar;
        return;
    }
    o->sgis++;
    uint32_t number = got[cpu][from] + 1;
    if (number & 1) /* the next one may come while this one is active */
        got[cpu][from] = number;
    barrier();
    GICC(EOIR) = iar;
    got[cpu][from] = number;
    barrier();
    __asm__ volatile("sev" ::: "memory");
}

void guest_prepare(void)
{
    GICD(CTLR) = 1;
}

/* The first deadline. */
static uint64_t start(unsigned cpu)
{
    struct own *o = &own[cpu];
    uint64_t now;
    __asm__ volatile("msr tpidr_el2, %0" ::"r"((uint64_t)cpu));
    __asm__ volatile("adr %0, exchange_vectors\n\tmsr vbar_el2, %0" : "=&r"(now));
    __asm__ volatile("msr hcr_el2, %0\n\tisb" ::"r"(UINT64_C(0x80000010)));
    GICD(ISENABLER) = 1u << CNTHP;
    GICC(PMR) = 0xf0;
    GICC(CTLR) = 1;
    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(now)::"memory");
    o->deadline = now + PERIOD;
    __asm__ volatile("msr cnthp_cval_el2, %0" ::"r"(o->deadline));
    __asm__ volatile("msr cnthp_ctl_el2, %0\n\tisb" ::"r"(UINT64_C(1)) : "memory");
    __atomic_fetch_or(&cpus, 1u << cpu, __ATOMIC_SEQ_CST);
    uint64_t first = o->deadline;
    __asm__ volatile("dsb ish\n\tsev\n\tmsr daifclr, #2" ::: "memory");
    return first;
}

/* Sends what may be sent: whether all has been sent, and has come. */
static int send(unsigned cpu, unsigned all)
{
    int done = 1;
    for (unsigned to = 0; to < all; to++) {
        uint32_t last = sent[cpu][to];
        if (to == cpu)
            continue;
        if (got[to][cpu] != last || got[cpu][to] != ROUNDS)
            done = 0;
        if (got[to][cpu] != last || last == ROUNDS)
            continue;
        done = 0;
        sent[cpu][to] = last + 1;
        barrier();
        GICD(SGIR) = 1u << (16 + to) | (last + 1) % SGI_COUNT;
    }
    return done;
}

/* No more ticks than the time allows, and each has moved the deadline once. */
static uint64_t wrong_ticks(const struct own *o, uint64_t first)
{
    uint64_t now;
    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(now)::"memory");
    uint64_t due = now < first ? 0 : (now - first) / PERIOD + 1;
    return o->ticks > due || o->deadline != first + o->ticks * PERIOD;
}

uint64_t guest_work(unsigned cpu)
{
    struct own *o = &own[cpu];
    uint64_t first = start(cpu);
    while ((cpus & ((1u << EXCHANGE_CPUS) - 1)) != (1u << EXCHANGE_CPUS) - 1)
        __asm__ volatile("wfe" ::: "memory");
    while (!send(cpu, EXCHANGE_CPUS) || *(volatile uint64_t *)&o->ticks < TICKS) {
        if (*(volatile uint64_t *)&o->ticks > STUCK) {
            o->faults++;
            break;
        }
        __asm__ volatile("wfe" ::: "memory");
    }
    __asm__ volatile("msr daifset, #2\n\tmsr cnthp_ctl_el2, xzr\n\tisb" ::: "memory");
    o->faults += wrong_ticks(o, first);
    return o->sgis + o->late * LATE + o->faults * FAULT;
}
