/*
 * For tests of the checkers of interrupts: accesses to the GIC as PEs make them, with the events
 * that follow, and vCPUs that are entered and left, told by hand.
 */
#pragma once
#include "tests/unit/check_world.h"

#include "gic/state.h"

#define VCPU(n) (UINT64_C(0x80000000) | (n))
#define GUEST_PC UINT64_C(0x1000)
#define EC_HVC (UINT64_C(0x16) << 26)
#define VECTOR_SYNCHRONOUS 0
#define VECTOR_IRQ 1

#define LR_PENDING (1u << 28)
#define LR_ACTIVE (2u << 28)
#define LR_EOI (1u << 19)
#define LR_HW (1u << 31)
#define LR_PHYSICAL(intid) ((uint32_t)(intid) << 10)
#define LR_SOURCE(pe) ((uint32_t)(pe) << 10)
#define LR(n) (MAP_GICH + 0x100 + 4 * (uint64_t)(n))
#define LR_OF(pe, n) (MAP_GICH_ALL + 0x200 * (uint64_t)(pe) + 0x100 + 4 * (uint64_t)(n))
#define GICC_DEACTIVATE (MAP_GICC + 0x1000)

static inline uint32_t access_gic(struct check_world *w, unsigned pe, bool is_write,
                                  uint64_t address, uint32_t value)
{
    struct access a = {.pa = pa_make(address), .pe = (uint8_t)pe, .size = 4,
                       .is_write = is_write};
    uint64_t data[2] = {value, 0};
    w->m->events.step = ++w->step;
    cr_assert_eq(is_write ? w->m->port.write(w->m, &a, data) : w->m->port.read(w->m, &a, data),
                 PORT_OK);
    w->m->wires_changed |= 3;
    machine_wires(w->m);
    return (uint32_t)data[0];
}

static inline void put(struct check_world *w, unsigned pe, uint64_t address, uint32_t value)
{
    (void)access_gic(w, pe, true, address, value);
}

static inline uint32_t get(struct check_world *w, unsigned pe, uint64_t address)
{
    return access_gic(w, pe, false, address, 0);
}

/* Two PEs with everything enabled, EOImode 1 at GICC and 0 at GICV. */
static inline struct check_world gic_world(uint32_t mask)
{
    struct check_world w = check_world(mask, false, 0);
    put(&w, 0, MAP_GICD, 1);
    for (unsigned pe = 0; pe < 2; pe++) {
        put(&w, pe, MAP_GICD + 0x100, UINT32_MAX);
        put(&w, pe, MAP_GICC + 4, 0xf8);
        put(&w, pe, MAP_GICC, 1u << 9 | 1);
        put(&w, pe, MAP_GICH + 8, 0xf8000001);
        put(&w, pe, MAP_GICH, 1);
    }
    return w;
}

static inline void enter_at(struct check_world *w, unsigned pe, unsigned vcpu, uint64_t pc)
{
    world_set(w->m, pe, SR_VMPIDR_EL2, VCPU(vcpu));
    runs(w, pe, ROOT_A, 1);
    send(w, EVENT_CONTEXT, pe,
         (struct event){
             .context = {.live = 1, .vmid = 1, .root = ROOT_A, .vmpidr = VCPU(vcpu)}});
    w->m->core[pe].told.live = true;
    send(w, EVENT_ERET, pe, (struct event){.eret = {.from_el = 2, .to_el = 1, .pc = pc}});
}

static inline void enter(struct check_world *w, unsigned pe, unsigned vcpu)
{
    enter_at(w, pe, vcpu, GUEST_PC);
}

static inline void leave_by(struct check_world *w, unsigned pe, uint8_t vector, uint64_t esr)
{
    send(w, EVENT_EXC_TAKE, pe,
         (struct event){.exc_take = {.from_el = 1, .to_el = 2, .vector = vector, .esr = esr,
                                     .pc = GUEST_PC}});
    runs(w, pe, 0, 0);
    w->m->core[pe].told.live = false;
}

static inline void leave(struct check_world *w, unsigned pe)
{
    leave_by(w, pe, VECTOR_IRQ, 0);
}

/* What the checkers have said: this class, or nothing (NULL). Forgets it. */
static inline void expect(struct check_world *w, const char *kind)
{
    const struct finding *f = found(w);
    if (kind) {
        cr_assert_not_null(f, "%s is expected", kind);
        cr_assert_str_eq(f->kind, kind);
        cr_assert_geq(f->event_count, 1);
    } else {
        cr_assert_null(f, "%s: %s", f ? f->kind : "", f ? f->text : "");
    }
    check_world_close(w);
}
