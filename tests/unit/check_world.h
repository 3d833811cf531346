/*
 * A machine with checkers, and events made by hand: what the checkers say of a story told in
 * events, without any program. Registers and page tables that they peek at are set here.
 */
#pragma once
#include "tests/unit/machine_world.h"

#include "sim/check/check.h"

#define ROOT_A (MAP_RAM + 0x40000)
#define ROOT_B (MAP_RAM + 0x50000)
#define PAGE_OF_VM (MAP_RAM + 0x200000)
#define IPA_OF_VM UINT64_C(0x3000)

struct check_world {
    struct machine *m;
    struct checks *checks;
    uint64_t step;
};

static inline struct check_world check_world(uint32_t mask, bool one_id, uint64_t progress)
{
    struct check_world w = {.m = world_machine(2, 1)};
    struct check_options options = {
        .mask = mask, .one_root_one_id = one_id, .progress_steps = progress};
    w.checks = checks_new(w.m, &options);
    for (unsigned pe = 0; pe < 2; pe++)
        WORLD_START(w.m, pe, A64_B_SELF);
    return w;
}

static inline void check_world_close(struct check_world *w)
{
    checks_free(w->checks);
    machine_free(w->m);
}

static inline const struct finding *found(const struct check_world *w)
{
    return checks_finding(w->checks);
}

static inline void send(struct check_world *w, unsigned kind, unsigned pe, struct event e)
{
    e.kind = (uint8_t)kind;
    e.pe = (uint8_t)pe;
    e.step = ++w->step;
    w->m->events.step = e.step;
    events_send(&w->m->events, &e);
}

/* A PE runs a VM, or nothing (root 0); the registers say the same. */
static inline void runs(struct check_world *w, unsigned pe, uint64_t root, uint16_t vmid)
{
    struct cpu *cpu = &w->m->state->cpu[pe];
    cpu->el = root ? 1 : 2;
    world_set(w->m, pe, SR_HCR_EL2, HCR_EL2_RW | (root ? HCR_EL2_VM : 0));
    world_set(w->m, pe, SR_VTTBR_EL2, root | (uint64_t)vmid << 48);
    /* 4 KiB pages, 39 bits from level 1, 40-bit output */
    world_set(w->m, pe, SR_VTCR_EL2,
              field_put(VTCR_EL2_T0SZ, 25) | field_put(VTCR_EL2_SL0, 1) |
                  field_put(VTCR_EL2_PS, 2));
    send(w, EVENT_CONTEXT, pe,
         (struct event){.context = {.live = root != 0, .vmid = vmid, .root = root}});
}

/* A VM's tables map IPA_OF_VM to a page (0: not). */
static inline void maps(struct check_world *w, uint64_t root, uint64_t page)
{
    world_write(w->m, root, (root + 0x1000) | 3);
    world_write(w->m, root + 0x1000, (root + 0x2000) | 3);
    world_write(w->m, root + 0x2000 + (IPA_OF_VM >> PAGE_SHIFT) * 8,
                page ? page | 0x7ff : 0); /* AF, inner shareable, read and write, Normal */
}

static inline void fills(struct check_world *w, unsigned pe, uint32_t entry, uint8_t stage,
                         uint64_t input, uint64_t output, uint16_t vmid)
{
    send(w, EVENT_TLB_FILL, pe,
         (struct event){.tlb_fill = {.entry = entry, .stage = stage, .level = 3,
                                     .regime = REGIME_EL10, .vmid = vmid, .asid = 1,
                                     .input = input, .output = output,
                                     .size_log2 = PAGE_SHIFT}});
}

static inline void goes(struct check_world *w, unsigned pe, uint32_t entry)
{
    send(w, EVENT_TLB_GONE, pe, (struct event){.tlb_gone = {.entry = entry}});
}

static inline void hits(struct check_world *w, unsigned pe, uint32_t entry, uint8_t stage,
                        uint64_t va, uint64_t pa)
{
    send(w, EVENT_TLB_HIT, pe,
         (struct event){.tlb_hit = {.entry = entry, .regime = REGIME_EL10, .stage = stage,
                                    .va = va, .ipa = IPA_OF_VM, .pa = pa}});
}

static inline void tlbi(struct check_world *w, unsigned pe, uint32_t message, unsigned operation,
                        uint64_t root, uint16_t vmid, uint64_t address)
{
    send(w, EVENT_TLBI, pe,
         (struct event){.tlbi = {.message = message, .operation = (uint8_t)operation,
                                 .scope = TLBI_INNER, .vmid = vmid, .asid = 1,
                                 .address = address, .vttbr = root | (uint64_t)vmid << 48}});
}

static inline void dsb(struct check_world *w, unsigned pe, uint32_t message)
{
    send(w, EVENT_TLBI_DONE, pe, (struct event){.tlbi_done = {.message = message}});
}

static inline void isb(struct check_world *w, unsigned pe)
{
    send(w, EVENT_BARRIER, pe, (struct event){.barrier = {.barrier = BARRIER_ISB}});
}
