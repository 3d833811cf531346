/*
 * What the pairs share. A pair is one source file about one rule: compiled with BAD it breaks the
 * rule, without it keeps it. pair_main() runs on CPU 0 at EL2 with the MMU on; the library maps the
 * program at its own address, and leaves addresses from WINDOW on, and the pages from DATA on, to
 * the pair.
 *
 * Tables have one shape at both stages and at EL2: 4 KiB granule, 39 bits of input, three levels
 * from level 1 on.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define PAGE UINT64_C(4096)
#define BLOCK UINT64_C(0x200000)

#define PROGRAM UINT64_C(0x40200000) /* one block: text, data, stacks, tables */
#define WINDOW UINT64_C(0x80000000)  /* input addresses that only the pair maps */
#define DATA UINT64_C(0x40400000)    /* physical pages that only the pair uses */
#define DATA_PAGE(n) (DATA + (uint64_t)(n) * PAGE)
#define DATA_BLOCK(n) (DATA + (uint64_t)(n) * BLOCK)
#define CPU_MOST 4u

/* --- barriers, registers, maintenance -------------------------------------------------------- */

#define isb() __asm__ volatile("isb" ::: "memory")
#define dsb(domain) __asm__ volatile("dsb " #domain ::: "memory")
#define dmb(domain) __asm__ volatile("dmb " #domain ::: "memory")
#define tlbi(operation) __asm__ volatile("tlbi " #operation ::: "memory")
#define tlbi_by(operation, operand) \
    __asm__ volatile("tlbi " #operation ", %0" ::"r"((uint64_t)(operand)) : "memory")
#define dc(operation, address) \
    __asm__ volatile("dc " #operation ", %0" ::"r"((uint64_t)(address)) : "memory")
#define ic(operation) __asm__ volatile("ic " #operation ::: "memory")
#define ic_by(operation, address) \
    __asm__ volatile("ic " #operation ", %0" ::"r"((uint64_t)(address)) : "memory")
#define at(operation, address) \
    __asm__ volatile("at " #operation ", %0" ::"r"((uint64_t)(address)) : "memory")
#define write_register(name, value) \
    __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)) : "memory")
#define read_register(name) \
    ({ \
        uint64_t value_of_register; \
        __asm__ volatile("mrs %0, " #name : "=r"(value_of_register)::"memory"); \
        value_of_register; \
    })

/* The operand of TLBI by VA (with an ASID) or by IPA. */
#define TLBI_VA(address, asid) \
    ((uint64_t)(asid) << 48 | ((uint64_t)(address) >> 12 & 0xfffffffffff))
#define TLBI_IPA(address) ((uint64_t)(address) >> 12)

/* One access, as written. */
static inline uint64_t load(uint64_t address)
{
    uint64_t value;
    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void store(uint64_t address, uint64_t value)
{
    __asm__ volatile("str %0, [%1]" ::"r"(value), "r"(address) : "memory");
}

/* --- between PEs ----------------------------------------------------------------------------- */

/* Release and acquire: what came before a flag is seen by whoever has waited for it. */
static inline void flag_set(volatile uint64_t *flag, uint64_t value)
{
    __asm__ volatile("stlr %0, [%1]" ::"r"(value), "r"(flag) : "memory");
    __asm__ volatile("dsb ish\n\tsev" ::: "memory");
}

static inline uint64_t flag_read(const volatile uint64_t *flag)
{
    uint64_t value;
    __asm__ volatile("ldar %0, [%1]" : "=r"(value) : "r"(flag) : "memory");
    return value;
}

static inline void flag_wait(const volatile uint64_t *flag, uint64_t value)
{
    while (flag_read(flag) != value)
        __asm__ volatile("wfe" ::: "memory");
}

/*
 * How often to try something while a flag is not set. Who then waits by flag_wait(), and does not
 * try on, lets those run who are held back until nobody else can.
 */
#define TRIES 8u

/* Lets another PE run body() at EL2; pair_join() waits until it has returned. */
void pair_start(unsigned cpu, void (*body)(void));
void pair_join(unsigned cpu);

/*
 * The pair's program; when it returns, the machine is stopped with a good status. Schedules begin
 * here: what takes long and is nobody's question, as filling tables, goes into pair_setup().
 */
void pair_main(void);
/* Before that, on the same PE; without one nothing is done. */
void pair_setup(void);
/* The guest has seen what it must never see: stops the machine with a bad status. */
_Noreturn void pair_fail(void);

/* --- translation tables ---------------------------------------------------------------------- */

#define DESCRIPTOR_VALID UINT64_C(1)
#define DESCRIPTOR_TABLE UINT64_C(3) /* or a page, at level 3 */
#define DESCRIPTOR_BLOCK UINT64_C(1)
#define DESCRIPTOR_ADDRESS UINT64_C(0x0000fffffffff000)

/* Attributes of leaves, without the type: write-back memory, inner shareable, accessed. */
#define STAGE1_RW UINT64_C(0x704)        /* global; MAIR index 1 */
#define STAGE1_RO (STAGE1_RW | 1 << 7)   /* AP[2] */
#define STAGE1_NG UINT64_C(0x800)        /* of one ASID */
#define STAGE1_DEVICE UINT64_C(0x700)    /* MAIR index 0 */
#define STAGE2_RW UINT64_C(0x7fc)        /* S2AP read and write, write-back */
#define STAGE2_RO UINT64_C(0x77c)

/* An empty table. */
uint64_t *table_new(void);
/* The descriptor of an address at a level (1, 2, 3); tables on the way are made where none are. */
uint64_t *table_entry(uint64_t *root, uint64_t address, unsigned level);
/* One page, or one block of 2 MiB, where nothing was mapped before. */
void map_page(uint64_t *root, uint64_t address, uint64_t to, uint64_t attributes);
void map_block(uint64_t *root, uint64_t address, uint64_t to, uint64_t attributes);
/* Descriptors that somebody else may walk: one store each. */
static inline void set_entry(uint64_t *entry, uint64_t descriptor)
{
    *(volatile uint64_t *)entry = descriptor;
}
static inline uint64_t page_of(uint64_t to, uint64_t attributes)
{
    return to | attributes | DESCRIPTOR_TABLE;
}
static inline uint64_t block_of(uint64_t to, uint64_t attributes)
{
    return to | attributes | DESCRIPTOR_BLOCK;
}
static inline uint64_t table_of(const uint64_t *table)
{
    return (uint64_t)(uintptr_t)table | DESCRIPTOR_TABLE;
}

/* EL2's own tables, in use by all PEs. */
extern uint64_t *el2_root;

/* New tables in which the program is mapped at its own address. */
uint64_t *stage1_new(void); /* for EL1 */
uint64_t *stage2_new(void);

/* --- virtual CPUs ---------------------------------------------------------------------------- */

struct vcpu {
    uint64_t x[31];
    uint64_t sp, pc, pstate, sp_el0; /* so far start.S knows the places */
    uint64_t hcr, vttbr, vmpidr;
    uint64_t sctlr, tcr, ttbr0, ttbr1, mair, vbar, par;
    uint64_t esr; /* of its last exit */
};

#define HCR_RW (UINT64_C(1) << 31)
#define HCR_VM UINT64_C(1)
#define HCR_FB (UINT64_C(1) << 9)
#define HCR_BSU_INNER (UINT64_C(1) << 10)
#define VMID(n) ((uint64_t)(n) << 48)
#define ASID(n) ((uint64_t)(n) << 48)

/*
 * A vCPU that runs body() at EL1 on a stack of its own, with the stage 1 tables and ASID given;
 * stage 2 is on if vm is a table. TCR_EL1.A1 is 0.
 */
void vcpu_init(struct vcpu *v, uint64_t *vm, uint64_t vmid, uint64_t *stage1, uint64_t asid,
               void (*body)(void));
/* Puts its registers in place, VTTBR_EL2 included, and synchronizes. */
void vcpu_load(const struct vcpu *v);
/* Takes out of the PE what EL1 may have changed. */
void vcpu_save(struct vcpu *v);
/* Enters it, with what is in place, until it comes back; ESR_EL2 of that. */
uint64_t vcpu_enter(struct vcpu *v);
/* All three. */
uint64_t vcpu_run(struct vcpu *v);
/* From where vcpu_run() has come back. */
static inline unsigned exit_class(uint64_t esr)
{
    return (unsigned)(esr >> 26);
}
#define EXIT_HVC 0x16u
#define EXIT_DATA 0x24u
#define EXIT_FETCH 0x20u

/* At EL1: back to EL2, for a while or for good. */
#define hvc() __asm__ volatile("hvc #2" ::: "memory")

extern char pair_vectors[], pair_el1_vectors[];
