/*
 * What a world switch costs, part by part, as a KVM of the years of GICv2 does it (Linux 4.0, all
 * of it at each exit and entry): general registers, vector registers, system registers of EL1, the
 * virtual interface control, the virtual timer, EL2's configuration. Nothing is switched: each part
 * is done ROUNDS times between two looks at the counter, less a loop that does nothing.
 *
 * Prints NAME SAVE RESTORE, in cycles. Linked with the library of the benchmark's guests; EL2, one
 * CPU. tests/guest/world_switch.py puts published figures beside it.
 */
#include "tests/bench/guest.h"

#define ROUNDS 400u
#define CYCLES_PER_TICK 16u /* of the counter, by the timing tables */
#define LISTS 4u

#define GICH(offset) (*(volatile uint32_t *)(uintptr_t)(0x08030000 + (offset)))
#define HCR 0x0
#define VMCR 0x8
#define MISR 0x10
#define EISR0 0x20
#define EISR1 0x24
#define ELRSR0 0x30
#define ELRSR1 0x34
#define APR 0xf0
#define LR(n) (0x100 + 4 * (n))

const char guest_name[] = "world_switch";

static uint64_t image[64] __attribute__((aligned(16)));
static volatile uint32_t vgic[8 + LISTS];

#define REGISTERS(OF) \
    OF("0", "1", 0) OF("2", "3", 16) OF("4", "5", 32) OF("6", "7", 48) OF("8", "9", 64) \
    OF("10", "11", 80) OF("12", "13", 96) OF("14", "15", 112) OF("20", "21", 128) \
    OF("22", "23", 144) OF("24", "25", 160) OF("26", "27", 176)
#define STORE_X(a, b, at) "stp x" a ", x" b ", [x17, #" #at "]\n"
#define LOAD_X(a, b, at) "ldp x" a ", x" b ", [x17, #" #at "]\n"
#define STORE_Q(a, b, at) "stp q" a ", q" b ", [x17, #" #at "]\nstp q" a ", q" b ", [x17]\n"
#define LOAD_Q(a, b, at) "ldp q" a ", q" b ", [x17, #" #at "]\nldp q" a ", q" b ", [x17]\n"
#define ALL_X                                                                                  \
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",    \
        "x14", "x15", "x17", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "memory"
#define IMAGE "adrp x17, image\nadd x17, x17, :lo12:image\n"

/* KVM's list of that version, but for those of AArch32. */
#define EL1_REGISTERS(OF) \
    OF(csselr_el1, 0) OF(sctlr_el1, 1) OF(actlr_el1, 2) OF(cpacr_el1, 3) OF(ttbr0_el1, 4) \
    OF(ttbr1_el1, 5) OF(tcr_el1, 6) OF(esr_el1, 7) OF(afsr0_el1, 8) OF(afsr1_el1, 9) \
    OF(far_el1, 10) OF(mair_el1, 11) OF(vbar_el1, 12) OF(contextidr_el1, 13) \
    OF(tpidr_el0, 14) OF(tpidrro_el0, 15) OF(tpidr_el1, 16) OF(amair_el1, 17) \
    OF(cntkctl_el1, 18) OF(par_el1, 19) OF(mdscr_el1, 20) OF(sp_el1, 21) OF(elr_el1, 22) \
    OF(spsr_el1, 23) OF(sp_el0, 24)
#define SAVE(name, n) __asm__ volatile("mrs %0, " #name : "=r"(image[n]));
#define RESTORE(name, n) __asm__ volatile("msr " #name ", %0" ::"r"(image[n]));

static void nothing(void)
{
    __asm__ volatile("" ::: "memory");
}

static void general_save(void)
{
    __asm__ volatile(IMAGE REGISTERS(STORE_X) "stp x28, x29, [x17, #192]\n"
                                              "stp x18, x19, [x17, #208]\n"
                                              "str x30, [x17, #224]" ::: "x17", "memory");
}

static void general_restore(void)
{
    __asm__ volatile(IMAGE REGISTERS(LOAD_X) "ldp x0, x1, [x17, #192]\nldp x2, x3, [x17, #208]\n"
                     "ldr x4, [x17, #224]" ::: ALL_X);
}

static void vector_save(void)
{
    __asm__ volatile(IMAGE REGISTERS(STORE_Q) ::: "x17", "memory");
}

static void vector_restore(void)
{
    __asm__ volatile(IMAGE REGISTERS(LOAD_Q) ::: "x17", "memory");
}

static void el1_save(void)
{
    EL1_REGISTERS(SAVE)
}

static void el1_restore(void)
{
    EL1_REGISTERS(RESTORE)
}

static void vgic_save(void)
{
    vgic[0] = GICH(HCR);
    vgic[1] = GICH(VMCR);
    vgic[2] = GICH(MISR);
    vgic[3] = GICH(EISR0);
    vgic[4] = GICH(EISR1);
    vgic[5] = GICH(ELRSR0);
    vgic[6] = GICH(ELRSR1);
    vgic[7] = GICH(APR);
    GICH(HCR) = 0;
    for (unsigned i = 0; i < LISTS; i++)
        vgic[8 + i] = GICH(LR(i));
}

static void vgic_restore(void)
{
    GICH(HCR) = vgic[0];
    GICH(VMCR) = vgic[1];
    GICH(APR) = vgic[7];
    for (unsigned i = 0; i < LISTS; i++)
        GICH(LR(i)) = vgic[8 + i];
}

static void timer_save(void)
{
    SAVE(cntv_ctl_el0, 32)
    __asm__ volatile("msr cntv_ctl_el0, xzr\n\tisb" ::: "memory");
    SAVE(cntv_cval_el0, 33)
    SAVE(cnthctl_el2, 34)
    RESTORE(cnthctl_el2, 34)
    __asm__ volatile("msr cntvoff_el2, xzr");
}

static void timer_restore(void)
{
    SAVE(cnthctl_el2, 34)
    RESTORE(cnthctl_el2, 34)
    RESTORE(cntvoff_el2, 35)
    RESTORE(cntv_cval_el0, 33)
    __asm__ volatile("isb" ::: "memory");
    RESTORE(cntv_ctl_el0, 32)
}

static void el2_switch(void)
{
    SAVE(hcr_el2, 40)
    RESTORE(hcr_el2, 40)
    SAVE(cptr_el2, 41)
    RESTORE(cptr_el2, 41)
    SAVE(mdcr_el2, 42)
    RESTORE(mdcr_el2, 42)
    SAVE(hstr_el2, 43)
    RESTORE(hstr_el2, 43)
    SAVE(vttbr_el2, 44)
    RESTORE(vttbr_el2, 44)
}

static uint64_t counter(void)
{
    uint64_t ticks;
    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

static uint64_t ticks_of(void (*part)(void))
{
    uint64_t start = counter();
    for (unsigned i = 0; i < ROUNDS; i++)
        part();
    return counter() - start;
}

static uint64_t cycles_of(void (*part)(void), uint64_t empty)
{
    uint64_t ticks = ticks_of(part);
    return (ticks - empty) * CYCLES_PER_TICK / ROUNDS;
}

void guest_prepare(void)
{
    __asm__ volatile("msr cptr_el2, %0\n\tisb" ::"r"(UINT64_C(0x33ff)));
    el1_save();
    el2_switch();
}

uint64_t guest_work(unsigned cpu)
{
    static const struct {
        const char *name;
        void (*save)(void), (*restore)(void);
    } parts[] = {{"general", general_save, general_restore},
                 {"vector", vector_save, vector_restore},
                 {"el1", el1_save, el1_restore},
                 {"vgic", vgic_save, vgic_restore},
                 {"timer", timer_save, timer_restore},
                 {"el2", el2_switch, el2_switch}};
    uint64_t empty = ticks_of(nothing);
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        guest_print(parts[i].name);
        guest_print(" ");
        guest_print_number(cycles_of(parts[i].save, empty));
        guest_print(" ");
        guest_print_number(cycles_of(parts[i].restore, empty));
        guest_print("\n");
    }
    return cpu;
}
