/*
 * A bare-metal program at EL2 that does what a table says to a GICv2 - frames GICD, GICC, GICH and
 * GICV, timers, and windows in which interrupts are taken - and prints each value that it got, in
 * hexadecimal, one a line, by semihosting. tests/guest/gic.py makes the table. Of two CPUs one does
 * an operation when the other has done the one before. What is acknowledged is kept on a stack, so
 * that the table can say "end the last one".
 *
 * The MMU is off, so that all memory is Device memory and accesses are in order.
 */
#include <stdint.h>

enum kind {
    END,
    READ_WORD,
    READ_BYTE,
    WRITE_WORD,
    WRITE_BYTE,
    ACKNOWLEDGE, /* reads the register, and keeps the interrupt if there is one */
    END_LAST,    /* writes the last interrupt that is kept */
    DEACTIVATE,  /* writes the last interrupt that END_LAST has written */
    WINDOW,
    WINDOW_EL1,
    TIMER,
    FORGET, /* what is kept */
};

struct operation {
    uint8_t kind, cpu, argument, reserved;
    uint32_t address, value;
};

struct taken {
    uint64_t how, acknowledged;
};

#define GICC_IAR 0x0801000cu
#define INTERRUPT 0x3ffu
#define SPECIAL 1020u /* no interrupt from here on */
#define NOTHING UINT32_C(0xffffffff)
#define DEPTH 64u

/* Interrupts of one interface, last in first out; the oldest are forgotten. */
struct kept {
    uint32_t count, interrupt[DEPTH];
};

extern const struct operation table[];
struct taken window(uint64_t unmasked);
struct taken window_el1(uint64_t unmasked);
void gic_main(uint64_t cpu);
void second_start(void);
void wrong(void);

static struct kept acknowledged[2][2], ended[2][2]; /* by CPU, and whether of GICV */
static volatile uint32_t turn;
static volatile uint32_t log_count;
static uint32_t logged[0x40000];
static char text[sizeof logged / 4 * 9 + 16];

static uint64_t semihosting(uint64_t operation, const void *parameter)
{
    register uint64_t x0 __asm__("x0") = operation;
    register const void *x1 __asm__("x1") = parameter;
    __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}

static void leave(uint64_t status)
{
    uint64_t how[2] = {0x20026, status};
    semihosting(0x18, how);
}

/* An exception that nobody asked for. */
void wrong(void)
{
    leave(3);
}

static void note(uint32_t value)
{
    logged[log_count] = value;
    log_count = log_count + 1;
}

static void keep(struct kept *kept, uint32_t interrupt)
{
    if (kept->count < DEPTH)
        kept->interrupt[kept->count++] = interrupt;
}

static uint32_t take(struct kept *kept)
{
    return kept->count == 0 ? NOTHING : kept->interrupt[--kept->count];
}

static void note_acknowledged(struct kept *kept, uint32_t value)
{
    note(value);
    if ((value & INTERRUPT) < SPECIAL)
        keep(kept, value);
}

static void timer_set(unsigned which, uint64_t control)
{
    if (which == 0)
        __asm__ volatile("msr cnthp_cval_el2, xzr\n\tmsr cnthp_ctl_el2, %0" ::"r"(control));
    else if (which == 1)
        __asm__ volatile("msr cntv_cval_el0, xzr\n\tmsr cntv_ctl_el0, %0" ::"r"(control));
    else
        __asm__ volatile("msr cntp_cval_el0, xzr\n\tmsr cntp_ctl_el0, %0" ::"r"(control));
}

static void do_windows(const struct operation *o, unsigned cpu)
{
    struct taken taken = o->kind == WINDOW ? window(o->argument) : window_el1(o->argument);
    note((uint32_t)taken.how);
    if (taken.how == 1 || taken.how == 2)
        note_acknowledged(&acknowledged[cpu][0], *(volatile uint32_t *)(uintptr_t)GICC_IAR);
    else if (taken.how > 16 && (uint32_t)taken.acknowledged != NOTHING)
        note_acknowledged(&acknowledged[cpu][1], (uint32_t)taken.acknowledged);
    else
        note(NOTHING);
}

static void do_operation(const struct operation *o, unsigned cpu)
{
    volatile uint32_t *word = (volatile uint32_t *)(uintptr_t)o->address;
    volatile uint8_t *byte = (volatile uint8_t *)(uintptr_t)o->address;
    unsigned is_virtual = o->argument & 1;
    uint32_t interrupt;
    switch ((enum kind)o->kind) {
    case END:
        break;
    case READ_WORD:
        note(*word);
        break;
    case READ_BYTE:
        note(*byte);
        break;
    case WRITE_WORD:
        *word = o->value;
        break;
    case WRITE_BYTE:
        *byte = (uint8_t)o->value;
        break;
    case ACKNOWLEDGE:
        note_acknowledged(&acknowledged[cpu][is_virtual], *word);
        break;
    case END_LAST:
        interrupt = take(&acknowledged[cpu][is_virtual]);
        note(interrupt);
        if (interrupt == NOTHING)
            break;
        *word = interrupt;
        keep(&ended[cpu][is_virtual], interrupt);
        break;
    case DEACTIVATE:
        interrupt = take(&ended[cpu][is_virtual]);
        note(interrupt);
        if (interrupt != NOTHING)
            *word = interrupt;
        break;
    case WINDOW:
    case WINDOW_EL1:
        do_windows(o, cpu);
        break;
    case TIMER:
        timer_set(o->argument, o->value);
        break;
    case FORGET:
        for (unsigned i = 0; i < 2; i++)
            acknowledged[cpu][i].count = ended[cpu][i].count = 0;
        break;
    }
    __asm__ volatile("isb\n\tdsb sy\n\tisb" ::: "memory");
}

static void print_log(void)
{
    char *at = text;
    for (uint32_t i = 0; i < log_count; i++) {
        for (int shift = 28; shift >= 0; shift -= 4)
            *at++ = "0123456789abcdef"[logged[i] >> shift & 15];
        *at++ = '\n';
    }
    *at = 0;
    semihosting(4, text);
}

void gic_main(uint64_t cpu)
{
    if (cpu == 0 && table[0].cpu == 2) { /* a second CPU takes part */
        register uint64_t x0 __asm__("x0") = 0xc4000003; /* PSCI CPU_ON */
        register uint64_t x1 __asm__("x1") = 1;
        register uint64_t x2 __asm__("x2") = (uintptr_t)second_start;
        register uint64_t x3 __asm__("x3") = 0;
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory", "x4", "x5",
                         "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
                         "x17");
        if (x0 != 0)
            leave(2);
    }
    for (uint32_t i = turn; table[i + 1].kind != END; i = turn) {
        if (table[i + 1].cpu != cpu)
            continue;
        do_operation(&table[i + 1], (unsigned)cpu);
        turn = i + 1;
    }
    if (cpu == 0) {
        print_log();
        leave(0);
    }
}
