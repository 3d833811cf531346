/*
 * Checker irq: each class by a story that draws it and by its nearest neighbours, which do not.
 */
#include "tests/unit/check_gic_world.h"

#define ONLY_IRQ (1u << CHECK_IRQ)
#define SGI 5u
#define PPI 27u
#define MAINTENANCE 25u
#define LOST_ENTRIES 16u
#define LEFT_TIMES 64u
#define STORM_TIMES 256u
#define VCPUS 15u

static uint32_t acknowledge_virtual(struct check_world *w)
{
    return get(w, 0, MAP_GICV + 0xc) & 0x3ff;
}

static void end_virtual(struct check_world *w, uint32_t intid)
{
    put(w, 0, MAP_GICV + 0x10, intid);
}

/* A vCPU takes an SGI and is left; then its list register is written, and it is entered again. */
static struct check_world taken_once(bool is_ended, uint8_t vector, uint64_t esr)
{
    struct check_world w = gic_world(ONLY_IRQ);
    put(&w, 0, LR(0), SGI | LR_PENDING | LR_SOURCE(1));
    enter(&w, 0, 0);
    cr_assert_eq(acknowledge_virtual(&w), SGI);
    if (is_ended)
        end_virtual(&w, SGI | 1u << 10);
    leave_by(&w, 0, vector, esr);
    put(&w, 0, MAP_GICH + 0xf0, 0);
    return w;
}

static void taken_twice(bool is_ended, uint8_t vector, uint64_t esr, unsigned source, uint64_t pc,
                        const char *kind)
{
    struct check_world w = taken_once(is_ended, vector, esr);
    put(&w, 0, LR(0), SGI | LR_PENDING | LR_SOURCE(source));
    enter_at(&w, 0, 0, pc);
    cr_assert_eq(acknowledge_virtual(&w), SGI);
    expect(&w, kind);
}

Test(check_irq, an_interrupt_taken_twice)
{
    taken_twice(false, VECTOR_IRQ, 0, 1, GUEST_PC, "taken-twice");
    taken_twice(true, VECTOR_IRQ, 0, 1, GUEST_PC, NULL);
    taken_twice(false, VECTOR_IRQ, 0, 2, GUEST_PC, NULL);
    taken_twice(false, VECTOR_SYNCHRONOUS, EC_HVC, 1, GUEST_PC, NULL);
    taken_twice(false, VECTOR_IRQ, 0, 1, GUEST_PC + 0x80, NULL);
}

static void active_again(bool is_ended, uint32_t list, const char *kind)
{
    struct check_world w = taken_once(is_ended, VECTOR_IRQ, 0);
    put(&w, 0, LR(0), list);
    enter(&w, 0, 0);
    expect(&w, kind);
}

Test(check_irq, an_interrupt_that_has_ended_is_active_again)
{
    active_again(true, SGI | LR_ACTIVE | LR_SOURCE(1), "ended-active");
    active_again(true, SGI | LR_PENDING | LR_SOURCE(1), NULL);
    active_again(false, SGI | LR_ACTIVE | LR_SOURCE(1), NULL);
    active_again(true, (SGI + 1) | LR_ACTIVE, NULL);
}

/*
 * There is room for VCPUS of whom something is remembered; those with nothing need none, and take
 * nobody's.
 */
Test(check_irq, any_number_of_vcpus_without_interrupts)
{
    const unsigned many = 300;
    for (unsigned kept = VCPUS - 1; kept <= VCPUS; kept++) {
        struct check_world w = gic_world(ONLY_IRQ);
        for (unsigned vcpu = 0; vcpu < kept; vcpu++) {
            put(&w, 0, LR(0), SGI | LR_PENDING);
            enter(&w, 0, vcpu);
            cr_assert_eq(acknowledge_virtual(&w), SGI);
            leave(&w, 0);
            put(&w, 0, MAP_GICH + 0xf0, 0);
        }
        put(&w, 0, LR(0), 0);
        for (unsigned vcpu = 0; vcpu < many; vcpu++) {
            enter(&w, 0, VCPUS + vcpu);
            leave(&w, 0);
        }
        cr_assert_eq(checks_unjudged(w.checks, CHECK_IRQ) != 0, kept == VCPUS);
        put(&w, 0, LR(0), SGI | LR_PENDING);
        enter(&w, 0, 0);
        cr_assert_eq(acknowledge_virtual(&w), SGI);
        expect(&w, "taken-twice");
    }
}

struct loss {
    uint32_t list;
    bool is_active; /* the physical interrupt */
    uint8_t vector; /* by which it is left first */
    uint64_t esr;
    uint32_t other; /* list register 1 afterwards */
    unsigned entries;
};

/* A vCPU is left with an interrupt pending, and entered without it. */
static void lost(struct loss loss, const char *kind)
{
    struct check_world w = gic_world(ONLY_IRQ);
    if (loss.is_active)
        put(&w, 0, MAP_GICD + 0x300, 1u << PPI);
    put(&w, 0, LR(0), loss.list);
    enter(&w, 0, 0);
    leave_by(&w, 0, loss.vector, loss.esr);
    put(&w, 0, LR(0), 0);
    put(&w, 0, LR(1), loss.other);
    for (unsigned i = 0; i < loss.entries; i++) {
        enter(&w, 0, 0);
        leave(&w, 0);
    }
    expect(&w, kind);
}

Test(check_irq, an_sgi_is_lost)
{
    const uint32_t list = SGI | LR_PENDING;
    lost((struct loss){list, false, VECTOR_IRQ, 0, 0, LOST_ENTRIES}, "sgi-lost");
    lost((struct loss){list, false, VECTOR_IRQ, 0, 0, LOST_ENTRIES - 1}, NULL);
    lost((struct loss){list, false, VECTOR_SYNCHRONOUS, EC_HVC, 0, LOST_ENTRIES}, NULL);
    lost((struct loss){list, false, VECTOR_IRQ, 0, 9 | LR_PENDING, LOST_ENTRIES}, NULL);
    lost((struct loss){list, false, VECTOR_IRQ, 0, 9 | LR_ACTIVE, LOST_ENTRIES}, "sgi-lost");
    lost((struct loss){SGI | LR_ACTIVE, false, VECTOR_IRQ, 0, 0, LOST_ENTRIES}, NULL);
    lost((struct loss){list, false, VECTOR_IRQ, 0, list, LOST_ENTRIES}, NULL);
}

Test(check_irq, a_ppi_is_lost)
{
    const uint32_t list = PPI | LR_PENDING | LR_HW | LR_PHYSICAL(PPI);
    lost((struct loss){list, true, VECTOR_IRQ, 0, 0, LOST_ENTRIES}, "ppi-lost");
    lost((struct loss){list, true, VECTOR_IRQ, 0, 0, LOST_ENTRIES - 1}, NULL);
    lost((struct loss){list, true, VECTOR_SYNCHRONOUS, EC_HVC, 0, LOST_ENTRIES}, NULL);
    lost((struct loss){list, false, VECTOR_IRQ, 0, 0, LOST_ENTRIES}, NULL);
    lost((struct loss){PPI | LR_PENDING | LR_EOI, true, VECTOR_IRQ, 0, 0, LOST_ENTRIES}, NULL);
}

#define SPI 40u

struct edge {
    bool is_level, is_inactive;
    uint32_t list;
    uint8_t vector; /* by which it is left first */
    uint64_t esr;
    bool by_other;  /* another vCPU of the VM asks for something */
    uint32_t other; /* list register 1 afterwards */
    unsigned entries;
};

static void edge_lost(struct edge edge, const char *kind)
{
    struct check_world w = gic_world(ONLY_IRQ);
    put(&w, 0, MAP_GICD + 0xc00 + SPI / 16 * 4, edge.is_level ? 0 : 2u << SPI % 16 * 2);
    if (!edge.is_inactive)
        put(&w, 0, MAP_GICD + 0x304, 1u << SPI % 32);
    put(&w, 0, LR(0), edge.list);
    enter(&w, 0, 0);
    leave_by(&w, 0, edge.vector, edge.esr);
    put(&w, 0, LR(0), 0);
    if (edge.by_other) {
        enter(&w, 1, 1);
        leave_by(&w, 1, VECTOR_SYNCHRONOUS, EC_HVC);
    }
    put(&w, 0, LR(1), edge.other);
    for (unsigned i = 0; i < edge.entries; i++) {
        enter(&w, 0, 0);
        leave(&w, 0);
    }
    expect(&w, kind);
}

Test(check_irq, an_edge_is_lost)
{
    const uint32_t list = SPI | LR_PENDING | LR_HW | LR_PHYSICAL(SPI);
    const struct edge lost = {.list = list, .vector = VECTOR_IRQ, .entries = LOST_ENTRIES};
    struct edge e = lost;
    edge_lost(e, "edge-lost");
    e.entries--;
    edge_lost(e, NULL);
    e = lost, e.is_level = true;
    edge_lost(e, NULL);
    e = lost, e.is_inactive = true;
    edge_lost(e, NULL);
    e = lost, e.vector = VECTOR_SYNCHRONOUS, e.esr = EC_HVC;
    edge_lost(e, NULL);
    e = lost, e.by_other = true;
    edge_lost(e, NULL);
    e = lost, e.other = 9 | LR_PENDING;
    edge_lost(e, NULL);
    e = lost, e.other = list;
    edge_lost(e, NULL);
    e = lost, e.list = SPI | LR_ACTIVE | LR_HW | LR_PHYSICAL(SPI);
    edge_lost(e, NULL);
    e = lost, e.list = SPI | LR_PENDING;
    edge_lost(e, NULL);
}

/* It moves to another vCPU, which takes it. */
Test(check_irq, an_edge_that_another_vcpu_takes)
{
    for (unsigned taken = 0; taken < 2; taken++) {
        struct check_world w = gic_world(ONLY_IRQ);
        put(&w, 0, MAP_GICD + 0xc00 + SPI / 16 * 4, 2u << SPI % 16 * 2);
        put(&w, 0, MAP_GICD + 0x304, 1u << SPI % 32);
        put(&w, 0, LR(0), SPI | LR_PENDING | LR_HW | LR_PHYSICAL(SPI));
        enter(&w, 0, 0);
        if (taken)
            cr_assert_eq(acknowledge_virtual(&w), SPI);
        leave(&w, 0);
        put(&w, 0, LR(0), 0);
        put(&w, 1, LR(0), SPI | LR_PENDING | LR_HW | LR_PHYSICAL(SPI));
        if (!taken) {
            enter(&w, 1, 1);
            leave(&w, 1);
        }
        for (unsigned i = 0; i < LOST_ENTRIES; i++) {
            enter(&w, 0, 0);
            leave(&w, 0);
        }
        expect(&w, NULL);
    }
}

struct level {
    uint32_t list;
    bool at_first, at_exit, at_entry, at_end; /* the level */
};

static void set_level(struct check_world *w, bool level)
{
    gic_set_line(&w->m->state->gic, 0, PPI, level);
}

/* A vCPU is left with a PPI pending, entered with it, and takes it. */
static void kept(struct level level, const char *kind)
{
    struct check_world w = gic_world(ONLY_IRQ);
    put(&w, 0, MAP_GICD + 0x300, 1u << PPI);
    set_level(&w, level.at_first);
    put(&w, 0, LR(0), level.list);
    enter(&w, 0, 0);
    set_level(&w, level.at_exit);
    leave(&w, 0);
    set_level(&w, level.at_entry);
    enter(&w, 0, 0);
    set_level(&w, level.at_end);
    cr_assert_eq(acknowledge_virtual(&w), PPI);
    expect(&w, kind);
}

Test(check_irq, a_level_that_has_gone)
{
    const uint32_t list = PPI | LR_PENDING | LR_HW | LR_PHYSICAL(PPI);
    kept((struct level){list, true, false, false, false}, "level-stale");
    kept((struct level){list, true, true, false, false}, NULL);
    kept((struct level){list, true, false, true, false}, NULL);
    kept((struct level){list, true, false, false, true}, NULL);
    kept((struct level){list, false, false, false, false}, NULL);
    kept((struct level){PPI | LR_PENDING | LR_EOI, true, false, false, false}, NULL);
}

/* In the handler of a maintenance interrupt, or not, a list register becomes another one. */
static void maintained(bool is_in_handler, bool is_over, uint32_t before, uint32_t after,
                       const char *kind)
{
    struct check_world w = gic_world(ONLY_IRQ);
    put(&w, 0, LR(0), before);
    put(&w, 0, MAP_GICH, 3); /* underflow: at most one is valid */
    if (is_in_handler)
        cr_assert_eq(get(&w, 0, MAP_GICC + 0xc), MAINTENANCE);
    if (is_over) {
        put(&w, 0, MAP_GICC + 0x10, MAINTENANCE);
        put(&w, 0, GICC_DEACTIVATE, MAINTENANCE);
    }
    put(&w, 0, LR(0), after);
    expect(&w, kind);
}

Test(check_irq, a_maintenance_interrupt_for_the_wrong_vcpu)
{
    const uint32_t list = 40 | LR_EOI;
    maintained(true, false, list | LR_PENDING, 40 | LR_PENDING, "wrong-vcpu");
    maintained(true, false, list | LR_ACTIVE, 40 | LR_ACTIVE, "wrong-vcpu");
    maintained(false, false, list | LR_PENDING, 40 | LR_PENDING, NULL);
    maintained(true, true, list | LR_PENDING, 40 | LR_PENDING, NULL);
    maintained(true, false, list, 40, NULL);
    maintained(true, false, list | LR_PENDING, 0, NULL);
    maintained(true, false, list | LR_PENDING, 41 | LR_PENDING, NULL);
    maintained(true, false, list | LR_PENDING, list | LR_ACTIVE, NULL);
    maintained(true, false, 40 | LR_PENDING, 40 | LR_ACTIVE, NULL);
}

/* The report tells whose maintenance interrupt it was. */
Test(check_irq, a_maintenance_interrupt_of_a_vcpu_that_has_gone)
{
    struct check_world w = gic_world(ONLY_IRQ);
    put(&w, 0, LR(0), 40 | LR_PENDING | LR_EOI);
    enter(&w, 0, 7);
    cr_assert_eq(acknowledge_virtual(&w), 40u);
    end_virtual(&w, 40);
    leave(&w, 0);
    cr_assert_eq(get(&w, 0, MAP_GICC + 0xc), MAINTENANCE);
    put(&w, 0, LR(0), 41 | LR_PENDING | LR_EOI);
    put(&w, 0, LR(0), 41 | LR_PENDING);
    cr_assert_not_null(found(&w));
    cr_assert_not_null(strstr(found(&w)->event[0].text, "0x80000007"), "%s",
                       found(&w)->event[0].text);
    expect(&w, "wrong-vcpu");
}

/* Both PEs may have the PPI active, its priority dropped; one of them deactivates. */
static void deactivated(bool here, bool there, uint32_t mode, const char *kind)
{
    struct check_world w = gic_world(ONLY_IRQ);
    for (unsigned pe = 0; pe < 2; pe++) {
        if (!(pe ? there : here))
            continue;
        put(&w, pe, MAP_GICD + 0x200, 1u << PPI);
        cr_assert_eq(get(&w, pe, MAP_GICC + 0xc), PPI);
        put(&w, pe, MAP_GICC + 0x10, PPI);
    }
    put(&w, 0, MAP_GICC, mode | 1);
    put(&w, 0, GICC_DEACTIVATE, PPI);
    expect(&w, kind);
}

Test(check_irq, a_ppi_is_deactivated_on_another_pe)
{
    deactivated(false, true, 1u << 9, "deactivated-elsewhere");
    deactivated(true, true, 1u << 9, NULL);
    deactivated(true, false, 1u << 9, NULL);
    deactivated(false, false, 1u << 9, NULL);
    deactivated(false, true, 0, NULL);
}

/* An SGI is acknowledged, ended and sent again; then a VM is entered. */
static void left_active(bool is_deactivated, bool is_sent, unsigned entries, const char *kind)
{
    struct check_world w = gic_world(ONLY_IRQ);
    put(&w, 0, MAP_GICD + 0xf00, 2u << 24 | SGI);
    cr_assert_eq(get(&w, 0, MAP_GICC + 0xc), SGI);
    put(&w, 0, MAP_GICC + 0x10, SGI);
    if (is_deactivated)
        put(&w, 0, GICC_DEACTIVATE, SGI);
    if (is_sent)
        put(&w, 0, MAP_GICD + 0xf00, 2u << 24 | SGI);
    for (unsigned i = 0; i < entries; i++) {
        enter(&w, 0, 0);
        leave(&w, 0);
    }
    expect(&w, kind);
}

Test(check_irq, an_sgi_that_is_not_deactivated)
{
    left_active(false, true, LEFT_TIMES, "not-deactivated");
    left_active(false, true, LEFT_TIMES - 1, NULL);
    left_active(true, true, LEFT_TIMES, NULL);
    left_active(false, false, LEFT_TIMES, NULL);
}

/* The maintenance interrupt is taken again and again; after `pause` times something happens. */
static void storm(unsigned times, unsigned pause, uint64_t insns, bool line_falls,
                  const char *kind)
{
    struct check_world w = gic_world(ONLY_IRQ);
    uint64_t insn = 100;
    put(&w, 0, MAP_GICH, 3);
    for (unsigned i = 0; i < times; i++) {
        if (i == pause) {
            insn += insns;
            if (line_falls)
                send(&w, EVENT_LINE, 0, (struct event){.line = {.intid = MAINTENANCE}});
        }
        struct event taken = {.exc_take = {.from_el = 2, .to_el = 2, .vector = VECTOR_IRQ}};
        taken.insn = insn + 1;
        send(&w, EVENT_EXC_TAKE, 0, taken);
        cr_assert_eq(get(&w, 0, MAP_GICC + 0xc), MAINTENANCE);
        put(&w, 0, MAP_GICC + 0x10, MAINTENANCE);
        put(&w, 0, GICC_DEACTIVATE, MAINTENANCE);
        struct event returned = {.eret = {.from_el = 2, .to_el = 2}};
        returned.insn = insn += 10;
        send(&w, EVENT_ERET, 0, returned);
    }
    expect(&w, kind);
}

Test(check_irq, a_storm)
{
    storm(STORM_TIMES, STORM_TIMES, 0, false, "storm");
    storm(STORM_TIMES - 1, STORM_TIMES, 0, false, NULL);
    storm(STORM_TIMES, STORM_TIMES / 2, 1, false, NULL);
    storm(STORM_TIMES, STORM_TIMES / 2, 0, true, NULL);
}
