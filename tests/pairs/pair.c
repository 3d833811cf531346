/*
 * The library of the pairs: a PE's way from reset to pair_main(), translation tables, and vCPUs. It
 * keeps every rule that the pairs are about, so that what a checker reports is the pair's own.
 *
 * All descriptors that are written here are written before anybody can walk them: into new tables,
 * or where nothing was mapped (a DSB then makes them visible, and no invalidation is needed).
 * DDI 0487: "Using break-before-make when updating translation table entries", PSCI (DEN 0022).
 */
#include "tests/pairs/pair.h"

#define PSCI_CPU_ON UINT64_C(0xc4000003)
#define PSCI_CPU_OFF UINT64_C(0x84000002)

#define TABLE_MOST 96u
#define TABLE_WORDS (PAGE / 8)
#define STACK_BYTES 4096u
#define VCPU_MOST 8u

#define MAIR UINT64_C(0xff00) /* 0: Device-nGnRnE, 1: Normal, write-back */
/* 39 bits, 4 KiB granule, walks write-back and inner shareable; no TTBR1_EL1; 36 bits of output */
#define TCR_EL1_VALUE (25 | UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(3) << 12 | \
                       UINT64_C(1) << 23 | UINT64_C(1) << 32)
#define TCR_EL2_VALUE (25 | UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(3) << 12 | \
                       UINT64_C(1) << 16 | UINT64_C(1) << 31 | UINT64_C(1) << 23)
#define VTCR_VALUE (25 | UINT64_C(1) << 6 | UINT64_C(1) << 8 | UINT64_C(1) << 10 | \
                    UINT64_C(3) << 12 | UINT64_C(1) << 16 | UINT64_C(1) << 31)
#define SCTLR_MMU UINT64_C(0x1005) /* M, C, I */
#define SCTLR_EL1_RES1 UINT64_C(0x30d00800)
#define SCTLR_EL2_RES1 UINT64_C(0x30c50830)
#define PSTATE_EL1H UINT64_C(0x3c5) /* DAIF masked */

void pair_boot(uint64_t cpu);
void pair_secondary(void);
void pair_hvc_done(void);
uint64_t pair_firmware(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
_Noreturn void pair_exit(uint64_t status);

static uint64_t tables[TABLE_MOST][TABLE_WORDS] __attribute__((aligned(4096)));
static unsigned table_count;
static uint8_t vcpu_stack[VCPU_MOST][STACK_BYTES] __attribute__((aligned(16)));
static unsigned vcpu_count;
static void (*bodies[CPU_MOST])(void);
static volatile uint64_t finished[CPU_MOST];
uint64_t *el2_root;

/* --- tables ---------------------------------------------------------------------------------- */

uint64_t *table_new(void)
{
    if (table_count == TABLE_MOST)
        pair_exit(3);
    return tables[table_count++];
}

uint64_t *table_entry(uint64_t *root, uint64_t address, unsigned level)
{
    uint64_t *table = root;
    for (unsigned at = 1;; at++) {
        uint64_t *entry = &table[address >> (39 - 9 * at) & (TABLE_WORDS - 1)];
        if (at == level)
            return entry;
        if ((*entry & DESCRIPTOR_VALID) == 0)
            set_entry(entry, table_of(table_new()));
        table = (uint64_t *)(uintptr_t)(*entry & DESCRIPTOR_ADDRESS);
    }
}

void map_page(uint64_t *root, uint64_t address, uint64_t to, uint64_t attributes)
{
    set_entry(table_entry(root, address, 3), page_of(to, attributes));
    dsb(ish);
    isb();
}

void map_block(uint64_t *root, uint64_t address, uint64_t to, uint64_t attributes)
{
    set_entry(table_entry(root, address, 2), block_of(to, attributes));
    dsb(ish);
    isb();
}

uint64_t *stage1_new(void)
{
    uint64_t *root = table_new();
    map_block(root, PROGRAM, PROGRAM, STAGE1_RW);
    return root;
}

uint64_t *stage2_new(void)
{
    uint64_t *root = table_new();
    map_block(root, PROGRAM, PROGRAM, STAGE2_RW);
    return root;
}

/* --- PEs ------------------------------------------------------------------------------------- */

__attribute__((weak)) void pair_setup(void)
{
}

static void mmu_on(void)
{
    write_register(vbar_el2, (uintptr_t)pair_vectors);
    write_register(mair_el2, MAIR);
    write_register(tcr_el2, TCR_EL2_VALUE);
    write_register(ttbr0_el2, (uintptr_t)el2_root);
    write_register(vtcr_el2, VTCR_VALUE);
    write_register(hcr_el2, HCR_RW);
    write_register(cptr_el2, 0x33ff);
    isb();
    tlbi(alle2);
    tlbi(alle1);
    dsb(sy);
    isb();
    write_register(sctlr_el2, SCTLR_EL2_RES1 | SCTLR_MMU);
    isb();
}

void pair_boot(uint64_t cpu)
{
    if (cpu == 0) {
        el2_root = stage1_new();
        map_block(el2_root, DATA, DATA, STAGE1_RW);
        map_block(el2_root, DATA + BLOCK, DATA + BLOCK, STAGE1_RW);
    }
    mmu_on();
    if (cpu == 0) {
        pair_setup();
        pair_main();
        pair_exit(0);
    }
    bodies[cpu]();
    flag_set(&finished[cpu], 1);
    pair_firmware(PSCI_CPU_OFF, 0, 0, 0);
}

void pair_start(unsigned cpu, void (*body)(void))
{
    bodies[cpu] = body;
    dsb(ish);
    if (pair_firmware(PSCI_CPU_ON, cpu, (uint64_t)(uintptr_t)pair_secondary, cpu) != 0)
        pair_exit(3);
}

void pair_join(unsigned cpu)
{
    flag_wait(&finished[cpu], 1);
}

void pair_fail(void)
{
    pair_exit(1);
}

/* --- vCPUs ----------------------------------------------------------------------------------- */

void vcpu_init(struct vcpu *v, uint64_t *vm, uint64_t vmid, uint64_t *stage1, uint64_t asid,
               void (*body)(void))
{
    if (vcpu_count == VCPU_MOST)
        pair_exit(3);
    v->vmpidr = UINT64_C(0x80000000) | vcpu_count;
    v->sp = (uint64_t)(uintptr_t)vcpu_stack[vcpu_count++] + STACK_BYTES;
    v->pc = (uint64_t)(uintptr_t)body;
    v->x[30] = (uint64_t)(uintptr_t)pair_hvc_done;
    v->pstate = PSTATE_EL1H;
    v->hcr = HCR_RW | (vm ? HCR_VM : 0);
    v->vttbr = (uint64_t)(uintptr_t)vm | VMID(vmid);
    v->sctlr = SCTLR_EL1_RES1 | SCTLR_MMU;
    v->tcr = TCR_EL1_VALUE;
    v->ttbr0 = (uint64_t)(uintptr_t)stage1 | ASID(asid);
    v->mair = MAIR;
    v->vbar = (uint64_t)(uintptr_t)pair_el1_vectors;
}

void vcpu_load(const struct vcpu *v)
{
    write_register(vmpidr_el2, v->vmpidr);
    write_register(sctlr_el1, v->sctlr);
    write_register(tcr_el1, v->tcr);
    write_register(ttbr0_el1, v->ttbr0);
    write_register(ttbr1_el1, v->ttbr1);
    write_register(mair_el1, v->mair);
    write_register(vbar_el1, v->vbar);
    write_register(par_el1, v->par);
    write_register(vttbr_el2, v->vttbr);
    write_register(hcr_el2, v->hcr);
    isb();
}

void vcpu_save(struct vcpu *v)
{
    v->sctlr = read_register(sctlr_el1);
    v->tcr = read_register(tcr_el1);
    v->ttbr0 = read_register(ttbr0_el1);
    v->ttbr1 = read_register(ttbr1_el1);
    v->mair = read_register(mair_el1);
    v->vbar = read_register(vbar_el1);
    v->par = read_register(par_el1);
}

uint64_t vcpu_run(struct vcpu *v)
{
    vcpu_load(v);
    v->esr = vcpu_enter(v);
    vcpu_save(v);
    return v->esr;
}
