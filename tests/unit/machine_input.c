/*
 * Input from outside: it reaches the guest, is recorded, and the recording alone makes the same run
 * again, however that is cut into pieces; also where it came while all PEs waited.
 */
#include "tests/unit/machine_world.h"

#include "gen/gicv2.h"

#define READ_FLAGS 0xb9401822u   /* ldr w2, [x1, #0x18] */
#define UNTIL_THERE 0x3727ffe2u  /* tbnz w2, #4, .-4 */
#define READ_DATA 0xb9400023u    /* ldr w3, [x1] */
#define ADD_UP 0x8b03014au       /* add x10, x10, x3 */
#define B_BACK_4 0x17fffffcu
#define B_BACK_3 0x17fffffdu

static struct machine *polling_machine(void)
{
    struct machine *m = world_machine(1, 10);
    struct cpu *cpu =
        WORLD_START(m, 0, READ_FLAGS, UNTIL_THERE, READ_DATA, ADD_UP, B_BACK_4);
    cpu->x[1] = MAP_UART;
    return m;
}

static void gic_put(struct machine *m, enum gic_frame frame, uint32_t offset, uint32_t value)
{
    cr_assert_eq(gic_write(&m->state->gic, 0, frame, offset, 4, value), GIC_OK);
}

/* Sleeps until a character interrupts, which is never taken. */
static struct machine *sleeping_machine(void)
{
    struct machine *m = world_machine(1, 10);
    struct cpu *cpu = WORLD_START(m, 0, A64_WFI, READ_DATA, ADD_UP, B_BACK_3);
    cpu->x[1] = MAP_UART;
    world_set(m, 0, SR_HCR_EL2, cpu->reg[SR_HCR_EL2] | HCR_EL2_IMO);
    gic_put(m, GIC_FRAME_D, GICD_CTLR_OFFSET, 1);
    gic_put(m, GIC_FRAME_D, GICD_ISENABLER_OFFSET + 4, 2);
    gic_put(m, GIC_FRAME_D, GICD_ITARGETSR_OFFSET + 32, 0x0100);
    gic_put(m, GIC_FRAME_C, GICC_CTLR_OFFSET, 1);
    gic_put(m, GIC_FRAME_C, GICC_PMR_OFFSET, 0xf8);
    struct device_clock clock = {.now = 0, .hz = m->hz};
    pl011_write(&m->state->uart, &clock, UARTIMSC_OFFSET, 4, UARTINT_RX);
    return m;
}

static void type(struct machine *m, const char *text)
{
    machine_console_input(m, (const uint8_t *)text, strlen(text));
}

static uint64_t sum_of(const char *text)
{
    uint64_t sum = 0;
    for (; *text; text++)
        sum += (uint8_t)*text;
    return sum;
}

/* Runs m by the recording of another, in pieces, up to its step; leaves nothing out. */
static void replay(struct machine *m, struct machine *recorded, uint64_t piece,
                   enum choice_policy policy)
{
    size_t count = recorded->chooser.record_count;
    struct choice_record *script = malloc((count + 1) * sizeof *script);
    memcpy(script, recorded->chooser.record, count * sizeof *script);
    choice_records_sort(script, count);
    m->chooser.policy = policy;
    m->chooser.script = script;
    m->chooser.script_count = count;
    m->chooser.script_used = calloc(count + 1, 1);
    uint64_t end = recorded->state->step;
    while (m->state->step < end) {
        uint64_t next = m->state->step + piece;
        if (machine_run(m, next < end ? next : end) == MACHINE_IDLE)
            break;
    }
    cr_assert_eq(m->state->step, end);
    cr_assert_null(chooser_unasked(&m->chooser));
    cr_assert_not(m->chooser.diverged);
    cr_assert_eq(machine_hash(m), machine_hash(recorded));
    cr_assert_eq(m->chooser.record_count, count);
    free(m->chooser.script_used);
    free(script);
    machine_free(m);
}

static const char text[] = "the quick brown fox jumps over the lazy dog";

Test(machine_input, is_recorded_and_replays_alone)
{
    struct machine *m = polling_machine();
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(machine_run(m, m->state->step + 100 + 37 * i), MACHINE_LIMIT);
        type(m, text);
    }
    machine_run(m, m->state->step + 500000);
    cr_assert_eq(machine_input_waiting(m), 0);
    cr_assert_eq(m->state->cpu[0].x[10], 2 * sum_of(text));
    cr_assert_gt(m->chooser.record_count, 2 * (sizeof text - 1) / 3 - 1);
    replay(polling_machine(), m, UINT64_C(1) << 40, CHOICE_STRICT);
    replay(polling_machine(), m, 1, CHOICE_STRICT);
    replay(polling_machine(), m, 997, CHOICE_STRICT);
    replay(polling_machine(), m, 50, CHOICE_LENIENT);
    machine_free(m);
}

Test(machine_input, wakes_a_machine_that_waits_for_ever)
{
    struct machine *m = sleeping_machine();
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(machine_run(m, UINT64_MAX), MACHINE_IDLE);
        type(m, i % 2 ? "ab" : "xyz");
    }
    cr_assert_eq(machine_run(m, UINT64_MAX), MACHINE_IDLE);
    cr_assert_eq(m->state->cpu[0].x[10], 3 * sum_of("xyz") + 2 * sum_of("ab"));
    cr_assert_eq(m->state->cpu[0].wait, CPU_WAITS_INTERRUPT);
    replay(sleeping_machine(), m, UINT64_C(1) << 40, CHOICE_STRICT);
    replay(sleeping_machine(), m, 1, CHOICE_STRICT);
    replay(sleeping_machine(), m, 1, CHOICE_LENIENT);
    machine_free(m);
}

Test(machine_input, waits_beside_the_machine_while_there_is_no_room)
{
    struct machine *m = sleeping_machine();
    uint8_t bytes[1000];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    machine_console_input(m, bytes, sizeof bytes);
    machine_run(m, 1);
    cr_assert_geq(machine_input_waiting(m), sizeof bytes - PL011_SENDER_MAX);
    cr_assert_lt(machine_input_waiting(m), sizeof bytes);
    cr_assert_eq(machine_run(m, UINT64_MAX), MACHINE_IDLE);
    uint64_t sum = 0;
    for (unsigned i = 0; i < sizeof bytes; i++)
        sum += bytes[i];
    cr_assert_eq(m->state->cpu[0].x[10], sum);
    replay(sleeping_machine(), m, 7, CHOICE_STRICT);
    machine_free(m);
}

Test(machine_input, a_device_without_room_does_not_hold_up_another)
{
    struct machine *m = sleeping_machine();
    uint8_t bytes[1000] = {0}, press = 1;
    machine_console_input(m, bytes, sizeof bytes);
    machine_input(m, INPUT_POWER_BUTTON, &press, 1);
    machine_run(m, 1);
    cr_assert_gt(machine_input_waiting(m), 0);
    cr_assert_neq(pl061_deadline(&m->state->gpio), DEVICE_NEVER);
    machine_free(m);
}

Test(machine_input, counts_for_nothing_in_a_replay)
{
    struct machine *m = polling_machine();
    m->chooser.policy = CHOICE_STRICT;
    type(m, "x");
    cr_assert_eq(machine_input_waiting(m), 0);
    machine_run(m, 1000);
    cr_assert_eq(m->state->cpu[0].x[10], 0);
    machine_free(m);
}

Test(machine_input, a_snapshot_goes_back_before_or_behind_it)
{
    struct machine *m = polling_machine();
    machine_run(m, 50);
    type(m, "one");
    machine_run(m, 60);
    struct machine_snapshot *behind = machine_save(m);
    machine_run(m, 5000);
    type(m, "two");
    machine_run(m, 60000);
    uint64_t hash = machine_hash(m);
    size_t count = m->chooser.record_count;
    struct choice_record script[8];
    uint8_t used[8] = {0};
    cr_assert_leq(count, ARRAY_COUNT(script));
    memcpy(script, m->chooser.record, count * sizeof *script);
    choice_records_sort(script, count);
    machine_restore(m, behind);
    chooser_rewind(&m->chooser);
    m->chooser.policy = CHOICE_STRICT;
    m->chooser.script = script;
    m->chooser.script_count = count;
    m->chooser.script_used = used;
    machine_run(m, 60000);
    cr_assert_eq(machine_hash(m), hash);
    cr_assert_eq(m->state->cpu[0].x[10], sum_of("one") + sum_of("two"));
    machine_snapshot_free(behind);
    machine_free(m);
}

Test(machine_input, presses_the_power_button)
{
    struct machine *m = polling_machine();
    bool armed;
    pl061_write(&m->state->gpio, GPIOIEV_OFFSET, 4, 8, &armed);
    pl061_write(&m->state->gpio, GPIOIE_OFFSET, 4, 8, &armed);
    uint8_t press = 1;
    machine_run(m, 10);
    machine_input(m, INPUT_POWER_BUTTON, &press, 1);
    machine_run(m, 1000);
    cr_assert(gic_bit(m->state->gic.line, gic_slot(0, INTID_GPIO)));
    cr_assert_eq(m->chooser.record_count, 1);
    machine_free(m);
}

Test(machine_input, guest_input_presses_it_when_the_guest_listens)
{
    uint64_t pressed[7];
    for (uint32_t answer = 0; answer < ARRAY_COUNT(pressed); answer++) {
        struct machine *m = world_machine(1, 10);
        /* str w4, [x1]; b . */
        struct cpu *cpu = WORLD_START(m, 0, 0xb9000024u, A64_B_SELF);
        cpu->x[1] = MAP_GPIO + GPIOIE_OFFSET;
        cpu->x[4] = 8;
        struct choice_record script = {{0, PE_COUNT_MAX, CHOICE_GUEST_INPUT}, 7, answer};
        uint8_t used = 0;
        m->chooser.open_mask = 1u << CHOICE_GUEST_INPUT;
        m->chooser.policy = CHOICE_STRICT;
        m->chooser.script = &script;
        m->chooser.script_count = answer != 0;
        m->chooser.script_used = &used;
        machine_run(m, 1);
        pressed[answer] = m->state->gpio.press_at;
        cr_assert_eq(used, answer != 0);
        machine_free(m);
    }
    cr_assert_eq(pressed[0], DEVICE_NEVER);
    for (unsigned i = 2; i < ARRAY_COUNT(pressed); i++)
        cr_assert_gt(pressed[i], pressed[i - 1]);
}
