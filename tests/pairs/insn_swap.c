/*
 * To emulate a load that has no valid syndrome the hypervisor reads the instruction: the address
 * of the guest's PC by AT, and what is there. In between another vCPU can take the page out, TLBI
 * and DSB included, and use it for something else: these wait for the accesses of PEs, not for an
 * address that software has kept.
 *
 * The hypervisor asks once more behind the read; what it has read counts if the page is the same.
 * (Or it stops the other vCPUs first.)
 * DDI 0487: ISS encoding for an exception from a Data Abort, ISV; AT S1E1R, PAR_EL1; "Ordering and
 * completion of TLB maintenance instructions".
 */
#include "tests/pairs/device.h"

#define CODE WINDOW
#define OTHER_DEVICE (WINDOW + 2 * PAGE)
#define ALIAS (WINDOW + 3 * PAGE)             /* of the first page of code */
#define LOAD_X0 UINT64_C(0xf8408420)          /* ldr x0, [x1], #8 */
#define LOAD_X2 UINT64_C(0xf8408422)          /* ldr x2, [x1], #8 */
#define RETURN (UINT64_C(0xd65f03c0) << 32)   /* ret */
#define ISS_IMMEDIATE(esr) ((esr) & 0xffff)

static struct vcpu loader, pager;
static uint64_t *vm, *stage1;

static void loader_body(void)
{
    __asm__ volatile("mov x1, %0\n\tblr %1" ::"r"(OTHER_DEVICE), "r"(CODE)
                     : "x0", "x1", "x2", "x30", "memory");
}

static void pager_body(void)
{
    uint64_t *entry = table_entry(stage1, CODE, 3);
    set_entry(entry, 0);
    dsb(ish);
    tlbi_by(vaae1is, TLBI_VA(CODE, 0));
    dsb(ish);
    set_entry(entry, page_of(WINDOW + PAGE, STAGE1_RW));
    dsb(ish);
    store(ALIAS, RETURN | LOAD_X2);
}

/* The guest's page of its PC; bit 0: there is none. */
static uint64_t page_of_code(uint64_t pc)
{
    at(s1e1r, pc);
    isb();
    return read_register(par_el1) & (DESCRIPTOR_ADDRESS | 1);
}

/* Where it cannot be emulated it is tried again. */
static void emulate(struct vcpu *v)
{
    uint64_t page = page_of_code(v->pc);
    if (page & 1)
        return;
    uint32_t word = (uint32_t)load(page - WINDOW + DATA_PAGE(0));
#ifndef BAD
    dsb(ish);
    if (page_of_code(v->pc) != page)
        return;
#endif
    set_x(v, word & 31, DEVICE_VALUE);
    set_x(v, word >> 5 & 31, v->x[word >> 5 & 31] + 8);
    v->pc += 4;
}

/* A page of code that is missing for a moment is an exception of the guest's own: it goes on. */
static void loader_cpu(void)
{
    for (;;) {
        uint64_t esr = vcpu_run(&loader);
        if (exit_class(esr) == EXIT_DATA)
            emulate(&loader);
        else if (ISS_IMMEDIATE(esr) == 0)
            return;
    }
}

void pair_main(void)
{
    vm = stage2_new();
    stage1 = stage1_new();
    map_page(stage1, CODE, WINDOW, STAGE1_RW);
    map_page(stage1, ALIAS, WINDOW, STAGE1_RW);
    map_page(stage1, OTHER_DEVICE, OTHER_DEVICE, STAGE1_DEVICE);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm, WINDOW + PAGE, DATA_PAGE(1), STAGE2_RW);
    store(DATA_PAGE(0), RETURN | LOAD_X0);
    store(DATA_PAGE(1), RETURN | LOAD_X0);
    vcpu_init(&loader, vm, 1, stage1, 0, loader_body);
    vcpu_init(&pager, vm, 1, stage1, 0, pager_body);
    pair_start(1, loader_cpu);
    vcpu_run(&pager);
    pair_join(1);
}
