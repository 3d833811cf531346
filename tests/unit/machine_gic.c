/*
 * The GIC in the machine: where its frames are, and that the maintenance interrupt and the virtual
 * wires reach the PE that they belong to.
 */
#include "tests/unit/machine_world.h"

#include "gic/changes.h"

#define LDR_W2_X1 0xb9400022u
#define STR_W2_X1 0xb9000022u

/* One access to a device by a PE, and what follows of it for the lines. */
static uint32_t access_word(struct machine *m, unsigned pe, bool is_write, uint64_t address,
                            uint32_t value)
{
    const uint32_t words[2] = {LDR_W2_X1, STR_W2_X1};
    struct cpu *cpu = &m->state->cpu[pe];
    if (cpu->wait == CPU_IS_OFF && cpu->cycles == 0)
        world_start(m, pe, words, 2);
    cpu->wait = CPU_RUNS;
    cpu->pc = WORLD_PROGRAM(pe) + (is_write ? 4 : 0);
    cpu->x[1] = address;
    cpu->x[2] = value;
    m->state->current = pe;
    m->state->quantum_left = 1;
    for (unsigned other = 0; other < m->config.pe_count; other++)
        if (other != pe)
            m->state->cpu[other].wait = CPU_IS_OFF;
    cr_assert_eq(machine_run(m, m->state->step + 1), MACHINE_LIMIT);
    cr_assert_eq(cpu->pc, WORLD_PROGRAM(pe) + (is_write ? 8 : 4), "0x%lx", (unsigned long)address);
    return (uint32_t)cpu->x[2];
}

static void put(struct machine *m, unsigned pe, uint64_t address, uint32_t value)
{
    (void)access_word(m, pe, true, address, value);
}

static uint32_t get(struct machine *m, unsigned pe, uint64_t address)
{
    return access_word(m, pe, false, address, 0);
}

Test(machine_gic, frames_are_those_of_the_board)
{
    struct machine *m = world_machine(4, 1);
    put(m, 1, MAP_GICH + 0x100, 0x12345678);
    cr_assert_eq(get(m, 1, UINT64_C(0x08030100)), 0x12045678u);
    cr_assert_eq(get(m, 0, UINT64_C(0x08031300)), 0x12045678u, "the GICH of PE 1");
    cr_assert_eq(get(m, 0, UINT64_C(0x08030100)), 0u);
    put(m, 0, UINT64_C(0x08031608), 0x80000000);
    cr_assert_eq(get(m, 3, MAP_GICV + 4), 0x80u, "GICV_PMR of PE 3 by GICH_VMCR");
    cr_assert_eq(get(m, 3, MAP_GICV + 0xfc), 0x0202143bu);
    machine_free(m);
}

/* A level: it comes with its cause, waits as a PPI like any other, and goes with its cause. */
Test(machine_gic, maintenance_is_a_ppi_of_its_own_pe)
{
    WORLD_ENGINES (kind) {
        struct machine *m = world_machine(2, 1);
        m->engine = kind;
        put(m, 1, MAP_GICD, 1);
        put(m, 1, MAP_GICD + 0x100, 1u << INTID_MAINTENANCE);
        put(m, 1, MAP_GICC, 1);
        put(m, 1, MAP_GICC + 4, 0xf8);
        put(m, 1, MAP_GICH, 3); /* En, UIE: no list register is valid */
        cr_assert_eq(get(m, 1, MAP_GICD + 0x200), 1u << INTID_MAINTENANCE);
        cr_assert_eq(get(m, 0, MAP_GICD + 0x200), 0u);
        cr_assert_eq(m->state->cpu[1].lines, GIC_WIRE_IRQ);
        cr_assert_eq(m->state->cpu[0].lines, 0);
        cr_assert_eq(get(m, 1, MAP_GICC + 0xc), INTID_MAINTENANCE);
        cr_assert_eq(m->state->cpu[1].lines, 0);
        put(m, 1, MAP_GICC + 0x10, INTID_MAINTENANCE);
        cr_assert_eq(m->state->cpu[1].lines, GIC_WIRE_IRQ, "the cause is there still");
        put(m, 1, MAP_GICH, 1);
        cr_assert_eq(m->state->cpu[1].lines, 0);
        cr_assert_eq(get(m, 1, MAP_GICC + 0xc), 1023u);
        machine_free(m);
    }
}

Test(machine_gic, list_registers_drive_the_virtual_wires)
{
    WORLD_ENGINES (kind) {
        struct machine *m = world_machine(2, 1);
        m->engine = kind;
        put(m, 0, MAP_GICH, 1);
        put(m, 0, MAP_GICH + 8, 0xf8000009); /* the mask open, FIQEn, Group 0 */
        put(m, 0, MAP_GICH + 0x100, 0x18000028);
        cr_assert_eq(m->state->cpu[0].lines, GIC_WIRE_VFIQ);
        put(m, 0, MAP_GICV, 3);
        cr_assert_eq(m->state->cpu[0].lines, GIC_WIRE_VIRQ);
        cr_assert_eq(m->state->cpu[1].lines, 0);
        cr_assert_eq(get(m, 0, MAP_GICV + 0xc), 40u);
        cr_assert_eq(m->state->cpu[0].lines, 0);
        put(m, 0, MAP_GICV + 0x10, 40);
        cr_assert_eq(get(m, 0, MAP_GICH + 0x30), 0xfu);
        machine_free(m);
    }
}

/* The configured numbers are what a guest reads. */
Test(machine_gic, numbers_come_from_the_configuration)
{
    static const struct {
        uint32_t irqs, list_registers, lines;
    } cases[] = {{0, 1, 8}, {96, 4, 2}, {992, 16, 30}, {1020, 64, 31}};
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct machine_config config;
        struct error error;
        config_default(&config);
        config.ram_bytes = 16u << 20;
        config.timing_flat = 1;
        config.irqs = cases[i].irqs;
        config.list_registers = cases[i].list_registers;
        cr_assert(config_check(&config, &error), "%s", error.text);
        struct machine *m = machine_new(&config, &error);
        cr_assert_not_null(m);
        cr_assert_eq(get(m, 0, MAP_GICD + 4) & 31, cases[i].lines);
        cr_assert_eq(get(m, 0, MAP_GICH + 4), 0x90000000u | (cases[i].list_registers - 1));
        machine_free(m);
    }
    static const uint32_t wrong[] = {1, 32, 64, 95, 97, 1000, 1019, 1021, 1024};
    for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct machine_config config;
        struct error error;
        config_default(&config);
        config.irqs = wrong[i];
        cr_assert(!config_check(&config, &error), "%u", wrong[i]);
    }
}

/* --- events --------------------------------------------------------------------------------- */

static struct event told[32];
static unsigned told_count;

static void keep(void *context, const struct event *event)
{
    (void)context;
    cr_assert_lt(told_count, ARRAY_COUNT(told));
    told[told_count++] = *event;
}

/* The only event of a kind since the last look. */
static const struct event *one(unsigned kind)
{
    const struct event *found = NULL;
    for (unsigned i = 0; i < told_count; i++) {
        if (told[i].kind != kind)
            continue;
        cr_assert_null(found);
        found = &told[i];
    }
    cr_assert_not_null(found, "%s", event_rows[kind].name);
    return found;
}

#define KIND(name) (UINT64_C(1) << EVENT_##name)

Test(machine_gic, changes_are_told_with_their_reason_and_vmid)
{
    struct machine *m = world_machine(2, 1);
    events_attach(&m->events, keep, NULL,
                  KIND(INTERRUPT) | KIND(LIST_REGISTER) | KIND(LIST_MISSED) | KIND(PRIORITY) |
                      KIND(MAINTENANCE));
    put(m, 1, MAP_GICV, 1);
    world_set(m, 1, SR_VTTBR_EL2, UINT64_C(0x2a) << 48);
    put(m, 1, MAP_GICH + 8, 0xf8000001);
    put(m, 1, MAP_GICH, 5);
    cr_assert_eq(told_count, 0u);
    put(m, 0, MAP_GICH_ALL + 0x300, 0x10080033);
    cr_assert_eq(told_count, 1u);
    const struct event *e = one(EVENT_LIST_REGISTER);
    cr_assert(e->pe == 0 && e->list_register.owner == 1 && e->list_register.why == GIC_WHY_WRITTEN);
    cr_assert(e->list_register.new == 0x10080033 && e->list_register.vmid == 0x2a);
    told_count = 0;
    cr_assert_eq(get(m, 1, MAP_GICV + 0xc), 0x33u);
    cr_assert_eq(told_count, 2u);
    cr_assert_eq(one(EVENT_LIST_REGISTER)->list_register.why, GIC_WHY_ACKNOWLEDGED);
    cr_assert(one(EVENT_PRIORITY)->priority.virtual == 1 && one(EVENT_PRIORITY)->priority.new == 1);
    told_count = 0;
    put(m, 1, MAP_GICV + 0x10, 0x33);
    cr_assert_eq(told_count, 3u);
    cr_assert_eq(one(EVENT_LIST_REGISTER)->list_register.why, GIC_WHY_ENDED);
    e = one(EVENT_MAINTENANCE);
    cr_assert(e->maintenance.owner == 1 && e->maintenance.vmid == 0x2a);
    cr_assert(e->maintenance.level == 1 && e->maintenance.status == 1);
    told_count = 0;
    put(m, 1, MAP_GICH + 0xf0, 1);
    put(m, 1, MAP_GICV + 0x10, 0x44);
    e = one(EVENT_LIST_MISSED);
    cr_assert(e->list_missed.intid == 0x44 && e->list_missed.old == 0 && e->list_missed.new == 1);
    told_count = 0;
    put(m, 1, MAP_GICD + 0x200, 1u << 27);
    e = one(EVENT_INTERRUPT);
    cr_assert(e->interrupt.intid == 27 && e->interrupt.owner == 1 && e->interrupt.state == 0 &&
              e->interrupt.new == 1 && e->interrupt.vmid == 0x2a);
    machine_free(m);
}

/* The same run with and without somebody who listens. */
Test(machine_gic, listening_changes_nothing)
{
    uint64_t hash[2];
    for (unsigned listens = 0; listens < 2; listens++) {
        struct machine *m = world_machine(2, 1);
        told_count = 0;
        if (listens)
            events_attach(&m->events, keep, NULL, KIND(INTERRUPT) | KIND(LIST_REGISTER));
        put(m, 1, MAP_GICH, 3);
        put(m, 1, MAP_GICH + 0x100, 0x10080033);
        put(m, 1, MAP_GICD + 0x200, 1u << 27);
        cr_assert_eq(told_count, listens ? 2u : 0u);
        hash[listens] = machine_hash(m);
        machine_free(m);
    }
    cr_assert_eq(hash[0], hash[1]);
}
