/*
 * Exclusive monitors between PEs, by small programs, in both engines: what clears a reservation
 * and what does not.
 */
#include "tests/unit/machine_world.h"

/* PE 0: ldxr x2, [x1]; BETWEEN; stxr w3, x4, [x1]; b .    -> the status in w3 */
static uint64_t status_after(enum engine_kind kind, uint32_t between, uint64_t x9)
{
    struct machine *m = world_machine(1, 10);
    m->engine = kind;
    struct cpu *cpu = WORLD_START(m, 0, A64_LDXR_X2_X1, between, A64_STXR_W3_X4_X1, A64_B_SELF);
    cpu->x[3] = 99;
    cpu->x[4] = 7;
    cpu->x[9] = x9;
    machine_run(m, 3);
    uint64_t status = cpu->x[3];
    cr_assert_eq(world_read(m, WORLD_DATA), status == 0 ? 7 : 0);
    cr_assert_eq(m->state->monitors_armed, m->state->pe[0].monitor_size != 0);
    machine_free(m);
    return status;
}

Test(machine_monitor, what_the_pe_itself_does_in_between)
{
    WORLD_ENGINES(kind) {
        cr_assert_eq(status_after(kind, A64_NOP, 0), 0);
        cr_assert_eq(status_after(kind, 0xd5033f5f /* clrex */, 0), 1);
        cr_assert_eq(status_after(kind, 0xf9400128 /* ldr x8, [x9] */, WORLD_DATA), 0);
        cr_assert_eq(status_after(kind, 0xf9000128 /* str x8, [x9] */, WORLD_DATA + 64), 0);
        /* another reservation takes the place of the first */
        cr_assert_eq(status_after(kind, 0xc85f7d28 /* ldxr x8, [x9] */, WORLD_DATA + 64), 1);
        cr_assert_eq(status_after(kind, 0xc85f7d28 /* ldxr x8, [x9] */, WORLD_DATA + 8), 0);
        /* a store exclusive uses it up, whether it stores or not */
        cr_assert_eq(status_after(kind, 0xc8087d24 /* stxr w8, x4, [x9] */, WORLD_DATA + 8), 1);
        cr_assert_eq(status_after(kind, 0xc8087d24, WORLD_DATA + 64), 1);
    }
}

Test(machine_monitor, an_exception_return_opens_the_local_monitor)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 10);
        m->engine = kind;
        struct cpu *cpu = WORLD_START(m, 0, A64_LDXR_X2_X1, 0xd69f03e0 /* eret */, A64_NOP,
                                      A64_STXR_W3_X4_X1, A64_B_SELF);
        world_set(m, 0, SR_ELR_EL2, WORLD_PROGRAM(0) + 12);
        world_set(m, 0, SR_SPSR_EL2, 0x3c9);
        machine_run(m, 3);
        cr_assert_eq(cpu->x[3], 1);
        machine_free(m);
    }
}

/* PE 0 takes a reservation, PE 1 does one thing, PE 0 stores. Quantum 1: they alternate. */
static uint64_t status_with_other(enum engine_kind kind, uint32_t other, uint64_t address)
{
    struct machine *m = world_machine(2, 1);
    m->engine = kind;
    m->model.features |= SYSREG_FEATURE_LSE;
    struct cpu *cpu = WORLD_START(m, 0, A64_LDXR_X2_X1, A64_NOP, A64_NOP, A64_STXR_W3_X4_X1,
                                  A64_B_SELF);
    struct cpu *second = WORLD_START(m, 1, A64_NOP, other, A64_B_SELF);
    cpu->x[4] = 7;
    second->x[1] = address;
    machine_run(m, 7);
    uint64_t status = cpu->x[3];
    machine_free(m);
    return status;
}

Test(machine_monitor, what_another_pe_does_in_between)
{
    WORLD_ENGINES(kind) {
        cr_assert_eq(status_with_other(kind, A64_NOP, WORLD_DATA), 0);
        cr_assert_eq(status_with_other(kind, A64_STR_X4_X1, WORLD_DATA), 1);
        cr_assert_eq(status_with_other(kind, 0x39000022 /* strb w2, [x1] */, WORLD_DATA + 63), 1);
        cr_assert_eq(status_with_other(kind, 0x39000022, WORLD_DATA + 64), 0);
        cr_assert_eq(status_with_other(kind, 0x39000022, WORLD_DATA - 1), 0);
        cr_assert_eq(status_with_other(kind, A64_LDR_X2_X1, WORLD_DATA), 0);
        cr_assert_eq(status_with_other(kind, A64_LDXR_X2_X1, WORLD_DATA), 0);
        /* a store exclusive that fails stores nothing and takes nothing away */
        cr_assert_eq(status_with_other(kind, A64_STXR_W3_X4_X1, WORLD_DATA), 0);
        cr_assert_eq(status_with_other(kind, 0xa9001825 /* stp x5, x6, [x1] */, WORLD_DATA), 1);
        cr_assert_eq(status_with_other(kind, 0xa9001825, WORLD_DATA - 8), 1, "its second half");
        cr_assert_eq(status_with_other(kind, 0xf8240025 /* ldadd x4, x5, [x1] */, WORLD_DATA), 1);
        cr_assert_eq(status_with_other(kind, 0xf8240025, WORLD_DATA + 64), 0);
        /* an atomic access that compares unequal clears reservations all the same */
        cr_assert_eq(status_with_other(kind, 0xc8a17c24 /* cas x1, x4, [x1] */, WORLD_DATA), 1);
    }
}

Test(machine_monitor, one_of_two_reservations_wins)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(2, 1);
        m->engine = kind;
        for (unsigned pe = 0; pe < 2; pe++)
            WORLD_START(m, pe, A64_LDXR_X2_X1, A64_STXR_W3_X4_X1, A64_B_SELF);
        machine_run(m, 2);
        cr_assert_eq(m->state->monitors_armed, 2);
        machine_run(m, 4);
        cr_assert_eq(m->state->cpu[0].x[3], 0);
        cr_assert_eq(m->state->cpu[1].x[3], 1);
        cr_assert_eq(m->state->monitors_armed, 0);
        machine_free(m);
    }
}

Test(machine_monitor, four_pes_count_without_losing_any)
{
    WORLD_ENGINES(kind) {
        for (unsigned quantum = 1; quantum <= 7; quantum += 3) {
            struct machine *m = world_machine(4, quantum);
            m->engine = kind;
            for (unsigned pe = 0; pe < 4; pe++) {
                /* ldxr x2, [x1]; add x4, x2, #1; stxr w3, x4, [x1]; cbnz w3, .-12;
                 * sub x0, x0, #1; cbnz x0, .-20; wfi */
                WORLD_START(m, pe, A64_LDXR_X2_X1, 0x91000444, A64_STXR_W3_X4_X1, 0x35ffffa3,
                            0xd1000400, 0xb5ffff60, A64_WFI);
                m->state->cpu[pe].x[0] = 250;
            }
            cr_assert_eq(machine_run(m, 1000000), MACHINE_IDLE);
            cr_assert_eq(world_read(m, WORLD_DATA), 1000);
            machine_free(m);
        }
    }
}

/* The store goes through a host pointer that was made while no monitor was armed. */
Test(machine_monitor, a_hot_store_does_not_pass_a_monitor_by)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(2, 1);
        m->engine = kind;
        world_mmu_on(m, 0);
        world_mmu_on(m, 1);
        /* PE 1 stores all the time; PE 0 tries once: nop x4; ldxr; nop; nop; stxr; b . */
        WORLD_START(m, 1, A64_STR_X4_X1, A64_B_BACK);
        struct cpu *cpu = WORLD_START(m, 0, A64_NOP, A64_NOP, A64_NOP, A64_NOP, A64_LDXR_X2_X1,
                                      A64_NOP, A64_NOP, A64_STXR_W3_X4_X1, A64_B_SELF);
        world_mmu_on(m, 0);
        world_mmu_on(m, 1);
        machine_run(m, 60);
        cr_assert_eq(cpu->pc, WORLD_PROGRAM(0) + 32);
        cr_assert_eq(cpu->x[3], 1);
        machine_free(m);
    }
}

Test(machine_monitor, losing_a_reservation_is_an_event_for_wfe)
{
    struct machine *m = world_machine(2, 1);
    struct cpu *cpu = WORLD_START(m, 0, A64_LDXR_X2_X1, A64_WFE, A64_COUNT, A64_WFI);
    /* nop; nop; nop; str to the neighbour; nop; str to it; wfi */
    struct cpu *other = WORLD_START(m, 1, A64_NOP, A64_NOP, A64_NOP, 0xf9000128, A64_NOP,
                                    A64_STR_X4_X1, A64_WFI);
    other->x[9] = WORLD_DATA + 64;
    machine_run(m, 7);
    cr_assert_eq(cpu->wait, CPU_WAITS_EVENT);
    cr_assert_eq(machine_run(m, 100), MACHINE_IDLE);
    cr_assert_eq(cpu->x[10], 1);
    machine_free(m);
}

Test(machine_monitor, exclusive_fail_is_a_choice)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 10);
        m->engine = kind;
        struct cpu *cpu = WORLD_START(m, 0, A64_LDXR_X2_X1, A64_STXR_W3_X4_X1, A64_B_SELF);
        m->chooser.policy = CHOICE_SEEDED; /* rate 1: every answer but 0 */
        m->chooser.open_mask = 1u << CHOICE_EXCLUSIVE_FAIL;
        machine_run(m, 3);
        cr_assert_eq(cpu->x[3], 1);
        cr_assert_eq(m->chooser.record_count, 1);
        machine_free(m);
    }
}
