/*
 * Store buffers and the history of writes as parts of the machine: what forwards, what drains,
 * what stays as it is when all answers are 0, and that their state is state.
 */
#include "tests/unit/order_world.h"

#define NOP A64_NOP
#define STR_HIGH_BYTE(t, n) (0x39001c00u | (n) << 5 | (t)) /* strb wt, [xn, #7] */
#define STR_W_UP(t, n) (0xb9000400u | (n) << 5 | (t))      /* str wt, [xn, #4] */
#define LDR_W_UP(t, n) (0xb9400400u | (n) << 5 | (t))
#define LDR_W(t, n) (0xb9400000u | (n) << 5 | (t))
#define STUR_ACROSS(t, n) (0xf8004000u | (n) << 5 | (t)) /* stur xt, [xn, #4] */
#define LDUR_ACROSS(t, n) (0xf8404000u | (n) << 5 | (t))
#define LDADDAL(s, t, n) (0xf8e00000u | (s) << 16 | (n) << 5 | (t))
#define STLXR(s, t, n) (0xc800fc00u | (s) << 16 | (n) << 5 | (t))
#define LDAXR(t, n) (0xc85ffc00u | (n) << 5 | (t))
#define DC_CVAC_X1 0xd50b7a21u
#define DC_CVAC_X3 0xd50b7a23u
#define WFI A64_WFI
#define WFE A64_WFE

static uint32_t never[CHOICE_KIND_COUNT] = {[CHOICE_STORE_DRAIN] = 1, [CHOICE_TLBI_DRAIN] = 1};
static uint32_t ordinary[CHOICE_KIND_COUNT];

/* A machine with store buffers in which nothing becomes visible by itself. */
static struct machine *begin(const struct order_test *t)
{
    struct machine *m = order_begin(t);
    order_answer(m, never);
    return m;
}

static unsigned waiting(const struct machine *m, unsigned pe)
{
    return m->order->state->pe[pe].count;
}

static void steps(struct machine *m, unsigned pe, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        order_step(m, pe);
}

Test(order_buffer, off_by_default_and_then_not_there)
{
    struct machine *m = world_machine(1, 1);
    cr_assert_null(m->order);
    cr_assert_null(m->mmu[0].listener);
    cr_assert_not_null(m->port.page(m, 0, pa_make(MAP_RAM), true));
    machine_free(m);
    m = order_machine(1, 4, 0);
    cr_assert_null(m->port.page(m, 0, pa_make(MAP_RAM), true));
    uint8_t told;
    cr_assert_null(m->port.code(m, pa_make(MAP_RAM), &told));
    machine_free(m);
}

Test(order_buffer, a_pe_reads_its_own_stores_also_in_parts)
{
    struct order_test t = {.store_buffer = 8,
                           .program = {{STR(10, 1), STR_HIGH_BYTE(11, 1), LDR(20, 1), LDRB(21, 1),
                                        LDUR_ACROSS(22, 1)},
                                       {LDR(20, 1)}}};
    struct machine *m = begin(&t);
    world_write(m, ORDER_X + 8, 0x1122334455667788);
    steps(m, 0, 5);
    cr_assert_eq(waiting(m, 0), 2);
    cr_assert_eq(order_reg(m, 0, 20), UINT64_C(0x0200000000000001));
    cr_assert_eq(order_reg(m, 0, 21), 1);
    cr_assert_eq(order_reg(m, 0, 22), UINT64_C(0x5566778802000000));
    steps(m, 1, 1);
    cr_assert_eq(order_reg(m, 1, 20), 0, "the other PE does not see them");
    cr_assert_eq(world_read(m, ORDER_X), 0);
    machine_free(m);
}

Test(order_buffer, a_full_buffer_shows_its_oldest)
{
    struct order_test t = {.store_buffer = 2,
                           .program = {{STR(10, 1), STR(10, 3), STR(10, 5)}}};
    struct machine *m = begin(&t);
    steps(m, 0, 3);
    cr_assert_eq(waiting(m, 0), 2);
    cr_assert_eq(world_read(m, ORDER_X), 1);
    cr_assert_eq(world_read(m, ORDER_Y), 0);
    machine_free(m);
}

/* What is left in the buffer behind an instruction that follows stores to x and y. */
static unsigned left_behind(uint32_t word)
{
    struct order_test t = {.store_buffer = 8,
                           .program = {{STR(10, 1), DMB_ISHST, STR(10, 3), word}}};
    struct machine *m = begin(&t);
    m->state->cpu[0].x[6] = MAP_UART;
    steps(m, 0, 4);
    unsigned left = waiting(m, 0);
    machine_free(m);
    return left;
}

Test(order_buffer, what_waits_for_stores)
{
    cr_expect_eq(left_behind(NOP), 2);
    cr_expect_eq(left_behind(ISB), 2);
    cr_expect_eq(left_behind(DMB_ISHST), 2);
    cr_expect_eq(left_behind(DMB_ISHLD), 2);
    cr_expect_eq(left_behind(DSB_ISHLD), 2);
    cr_expect_eq(left_behind(DMB_NSH), 2);
    cr_expect_eq(left_behind(DSB_NSH), 2);
    cr_expect_eq(left_behind(0xd503309fu /* ssbb */), 2);
    cr_expect_eq(left_behind(DMB_ISH), 0);
    cr_expect_eq(left_behind(0xd50333bfu /* dmb osh */), 0);
    cr_expect_eq(left_behind(0xd5033fbfu /* dmb sy */), 0);
    cr_expect_eq(left_behind(0xd50334bfu /* dmb, reserved types: as sy */), 0);
    cr_expect_eq(left_behind(DSB_ISH), 0);
    cr_expect_eq(left_behind(DSB_ISHST), 0);
    /* by bytes, and what a barrier has put before those */
    cr_expect_eq(left_behind(SWP(10, 20, 5)), 1);
    cr_expect_eq(left_behind(SWP(10, 20, 1)), 1);
    cr_expect_eq(left_behind(SWP(10, 20, 3)), 0);
    cr_expect_eq(left_behind(LDXR(20, 1)), 1);
    cr_expect_eq(left_behind(DC_CVAC_X1), 1);
    cr_expect_eq(left_behind(DC_CVAC_X3), 0);
    cr_expect_eq(left_behind(0xd508711fu /* ic ialluis */), 2);
    /* releases; STLR waits itself */
    cr_expect_eq(left_behind(STLR(10, 5)), 3);
    cr_expect_eq(left_behind(LDADDAL(10, 20, 5)), 0);
    /* a device: behind a store barrier, not otherwise */
    cr_expect_eq(left_behind(0x390000cau /* strb w10, [x6] */), 1);
}

Test(order_buffer, a_device_comes_behind_a_store_barrier)
{
    struct order_test t = {.store_buffer = 8,
                           .program = {{STR(10, 1), DMB_ISHST, 0x390000cau}}};
    struct machine *m = begin(&t);
    m->state->cpu[0].x[6] = MAP_UART;
    steps(m, 0, 3);
    cr_assert_eq(waiting(m, 0), 0);
    machine_free(m);
}

Test(order_buffer, device_memory_does_not_wait)
{
    struct order_test t = {.store_buffer = 8, .program = {{STR(10, 6)}}};
    struct machine *m = begin(&t);
    world_window(m, (MAP_RAM + 0x100000) | WORLD_PAGE | WORLD_DEVICE);
    m->state->cpu[0].x[6] = WORLD_WINDOW;
    steps(m, 0, 1);
    cr_assert_eq(waiting(m, 0), 0);
    cr_assert_eq(world_read(m, MAP_RAM + 0x100000), 1);
    machine_free(m);
}

Test(order_buffer, an_old_store_becomes_visible)
{
    struct order_test t = {.store_buffer = 8, .program = {{STR(10, 1), STR(10, 3)}}};
    struct machine *m = begin(&t);
    steps(m, 0, 1);
    m->state->cpu[0].insns += 2000;
    steps(m, 0, 1);
    cr_assert_eq(waiting(m, 0), 1);
    cr_assert_eq(world_read(m, ORDER_X), 1);
    machine_free(m);
}

Test(order_buffer, not_yet_is_not_said_for_ever)
{
    struct order_test t = {.store_buffer = 8, .program = {{STR(10, 1)}, {LDR(20, 1), A64_B_BACK}}};
    struct machine *m = begin(&t);
    steps(m, 0, 1);
    steps(m, 1, 1);
    cr_assert_eq(order_reg(m, 1, 20), 0);
    steps(m, 1, 100);
    cr_assert_eq(order_reg(m, 1, 20), 1);
    machine_free(m);
}

/* A PE sleeps on a location; the store that wakes it waits, and its PE goes to sleep, too. */
Test(order_buffer, stores_become_visible_when_nobody_runs)
{
    struct order_test t = {.store_buffer = 8,
                           .program = {{STR(10, 1), WFI}, {LDXR(20, 1), WFE, LDR(21, 1), WFI}}};
    struct machine *m = begin(&t);
    for (unsigned pe = 0; pe < 2; pe++)
        m->state->cpu[pe].wait = CPU_RUNS;
    steps(m, 1, 2);
    cr_assert_eq(m->state->cpu[1].wait, CPU_WAITS_EVENT);
    cr_assert_eq(machine_run(m, 1000), MACHINE_IDLE);
    cr_assert_eq(order_reg(m, 1, 20), 0);
    cr_assert_eq(order_reg(m, 1, 21), 1);
    machine_free(m);
}

/* A store that would wake somebody is asked for at once. */
Test(order_buffer, a_watched_location_is_asked_for)
{
    struct order_test t = {.store_buffer = 8,
                           .program = {{STR(10, 1)}, {LDXR(20, 1), STXR(21, 11, 1)}}};
    for (uint32_t late = 0; late < 2; late++) {
        struct machine *m = order_begin(&t);
        order_answer(m, late ? never : ordinary);
        steps(m, 1, 1);
        steps(m, 0, 1);
        cr_assert_eq(waiting(m, 0), late);
        steps(m, 1, 1);
        cr_assert_eq(order_reg(m, 1, 21), 1 - late, "visible before: the reservation is lost");
        machine_free(m);
    }
}

struct told {
    unsigned buffered, drained;
    uint64_t last;
};

static void told_sink(void *context, const struct event *e)
{
    struct told *told = context;
    told->buffered += e->kind == EVENT_STORE_BUFFERED;
    told->drained += e->kind == EVENT_STORE_DRAINED;
    if (e->kind == EVENT_STORE_DRAINED)
        told->last = e->store_drained.store;
}

Test(order_buffer, events_tell_of_each_store)
{
    struct order_test t = {.store_buffer = 8,
                           .program = {{STR(10, 1), STR(10, 3), STLR(10, 5), DSB_ISH}}};
    struct told told = {0, 0, 0};
    struct machine *m = begin(&t);
    events_attach(&m->events, told_sink, &told,
                  UINT64_C(1) << EVENT_STORE_BUFFERED | UINT64_C(1) << EVENT_STORE_DRAINED);
    steps(m, 0, 3);
    cr_assert_eq(told.buffered, 3);
    cr_assert_eq(told.drained, 0);
    steps(m, 0, 1);
    cr_assert_eq(told.drained, 3);
    cr_assert_eq(told.last, 3);
    machine_free(m);
}

/* tlbi-drain: a store by an entry that goes may wait until the DSB, no longer. */
Test(order_buffer, a_tlbi_finishes_the_stores_of_its_entries)
{
    for (uint32_t late = 0; late < 2; late++) {
        struct order_test t = {
            .store_buffer = 8,
            .program = {{0xd50c832eu /* tlbi vae2is, x14 */, NOP, DSB_ISH, NOP},
                        {STR(11, 6), STR(11, 1), LDR(20, 6)}}};
        struct machine *m = begin(&t);
        uint32_t answers[CHOICE_KIND_COUNT] = {[CHOICE_STORE_DRAIN] = 1,
                                               [CHOICE_TLBI_DRAIN] = late};
        order_answer(m, answers);
        world_window(m, (MAP_RAM + 0x100000) | WORLD_PAGE);
        m->state->cpu[0].x[14] = WORLD_WINDOW >> PAGE_SHIFT;
        m->state->cpu[1].x[6] = WORLD_WINDOW;
        steps(m, 1, 2);
        steps(m, 0, 1);
        cr_assert_eq(waiting(m, 1), 2);
        steps(m, 1, 1); /* the invalidation arrives at this use */
        cr_assert_eq(order_reg(m, 1, 20), 2);
        cr_assert_eq(waiting(m, 1), 1 + late);
        steps(m, 0, 2);
        cr_assert_eq(waiting(m, 1), 1, "the store of another entry waits on");
        cr_assert_eq(world_read(m, MAP_RAM + 0x100000), 2);
        machine_free(m);
    }
}

#define SEV 0xd503209fu
#define SEVL 0xd50320bfu

/* What PE 1 reads as early as it may, behind a word; PE 0 has stored, and sent an event or not. */
static uint64_t read_behind(uint32_t word, bool sends)
{
    struct order_test t = {.history = 8,
                           .program = {{STR(10, 1), DSB_ISH, sends ? SEV : NOP},
                                       {SEVL, WFE, word, LDR(20, 1)}}};
    static uint32_t early[CHOICE_KIND_COUNT] = {[CHOICE_LOAD_EARLY] = 1};
    struct machine *m = order_begin(&t);
    order_answer(m, early);
    steps(m, 1, 2);
    if (word != WFE || sends) /* else it would wait */
        steps(m, 0, 3);
    steps(m, 1, 2);
    uint64_t read = order_reg(m, 1, 20);
    machine_free(m);
    return read;
}

/* What is behind a WFE does not run ahead of the event that ends it. */
Test(order_buffer, a_load_behind_an_event)
{
    cr_assert_eq(read_behind(NOP, false), 0);
    cr_assert_eq(read_behind(NOP, true), 0);
    cr_assert_eq(read_behind(SEVL, true), 0);
    cr_assert_eq(read_behind(WFE, true), 1);
}

/* The same of an interrupt: what is behind its being taken does not run ahead of its line. */
Test(order_buffer, a_load_behind_an_interrupt)
{
    struct order_test t = {.history = 8, .program = {{STR(10, 1), STR(10, 3)}, {NOP}}};
    static uint32_t early[CHOICE_KIND_COUNT] = {[CHOICE_LOAD_EARLY] = 1};
    struct machine *m = order_begin(&t);
    struct gic *gic = &m->state->gic;
    const uint32_t handler[] = {LDR(20, 1), LDR(21, 3)};
    cr_assert(machine_poke(m, pa_make(WORLD_VECTORS + 0x280), handler, sizeof handler));
    world_set(m, 1, SR_HCR_EL2, m->state->cpu[1].reg[SR_HCR_EL2] | HCR_EL2_IMO);
    m->state->cpu[1].daif = 0;
    gic_write(gic, 1, GIC_FRAME_D, 0x000, 4, 1);           /* GICD_CTLR */
    gic_write(gic, 1, GIC_FRAME_D, 0x100, 4, 1u << 30);    /* GICD_ISENABLER0 */
    gic_write(gic, 1, GIC_FRAME_C, 0x000, 4, 1);           /* GICC_CTLR */
    gic_write(gic, 1, GIC_FRAME_C, 0x004, 4, 0xff);        /* GICC_PMR */
    order_answer(m, early);
    steps(m, 0, 1);
    gic_write(gic, 1, GIC_FRAME_D, 0x200, 4, 1u << 30);    /* GICD_ISPENDR0 */
    machine_wires(m);
    cr_assert_neq(m->state->cpu[1].lines, 0);
    steps(m, 0, 1);
    steps(m, 1, 3);
    cr_assert_eq(m->state->cpu[1].pc, WORLD_VECTORS + 0x288);
    cr_assert_eq(order_reg(m, 1, 20), 1, "stored before the line rose");
    cr_assert_eq(order_reg(m, 1, 21), 0, "stored after that");
    machine_free(m);
}

Test(order_buffer, what_waits_is_state)
{
    struct order_test t = {.store_buffer = 8,
                           .history = 8,
                           .program = {{STR(10, 1), STR(10, 3), NOP, DSB_ISH}, {LDR(20, 1)}}};
    struct machine *m = begin(&t);
    steps(m, 0, 1);
    uint64_t one = machine_hash(m);
    struct machine_snapshot *s = machine_save(m);
    steps(m, 0, 3);
    steps(m, 1, 1);
    uint64_t end = machine_hash(m);
    cr_assert_neq(end, one);
    machine_restore(m, s);
    cr_assert_eq(machine_hash(m), one);
    cr_assert_eq(waiting(m, 0), 1);
    steps(m, 0, 3);
    steps(m, 1, 1);
    cr_assert_eq(machine_hash(m), end);
    machine_restore(m, s);
    m->order->state->pe[0].store[0].value[0] ^= 1;
    cr_assert_neq(machine_hash(m), one);
    machine_snapshot_free(s);
    machine_free(m);
}

/* --- all answers 0 -------------------------------------------------------------------------- */

static uint32_t some_word(uint64_t random)
{
    unsigned n = 1 + 2 * (unsigned)(random >> 8 & 1), t = 10 + (random >> 9 & 1);
    unsigned to = 20 + (random >> 10 & 3);
    const uint32_t words[] = {
        STR(t, n),          LDR(to, n),      STR_HIGH_BYTE(t, n), STR_W_UP(to, n),
        LDR_W_UP(to, n),    LDR_W(to, n),    STUR_ACROSS(to, n),  LDUR_ACROSS(to, n),
        STLR(t, n),         LDAR(to, n),     LDAPR(to, n),        SWP(t, to, n),
        LDADDAL(t, to, n),  LDXR(to, n),     STXR(24, t, n),      LDAXR(to, n),
        STLXR(24, to, n),   DMB_ISH,         DMB_ISHST,           DSB_NSH,
        EOR(25, to, 25),    ISB,             STR(to, n),          LDR_INDEX(to, n, 0),
    };
    return words[random % ARRAY_COUNT(words)];
}

static uint64_t registers_hash(const struct machine *m)
{
    uint64_t hash = 0;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        hash = hash_bytes(m->state->cpu[pe].x, sizeof m->state->cpu[pe].x, hash);
    return hash;
}

/* Runs random programs in a random order; the registers at each step, and memory at the end. */
static uint64_t random_run(uint64_t seed, uint32_t store_buffer, uint32_t history, bool open)
{
    struct order_test t = {.store_buffer = store_buffer, .history = history};
    for (unsigned pe = 0; pe < 3; pe++)
        for (unsigned i = 0; i < ORDER_WORDS; i++)
            t.program[pe][i] = some_word(hash_mix(seed * 64 + pe * 8 + i));
    struct machine *m = order_begin(&t);
    if (open)
        order_answer(m, ordinary);
    unsigned at[3] = {0};
    uint64_t hash = 0;
    for (unsigned i = 0; at[0] + at[1] + at[2] < 3 * ORDER_WORDS; i++) {
        unsigned pe = (unsigned)(hash_mix(seed * 1000 + i) % 3);
        if (at[pe] == ORDER_WORDS)
            continue;
        steps(m, pe, 1);
        at[pe]++;
        hash = hash_mix(hash + registers_hash(m));
    }
    if (m->order)
        order_drain_all(m->order);
    for (uint64_t offset = 0; offset < 0x800; offset += 8)
        hash = hash_mix(hash + world_read(m, WORLD_DATA + offset));
    machine_free(m);
    return hash;
}

Test(order_buffer, with_all_answers_0_nobody_can_tell)
{
    for (uint64_t seed = 0; seed < 400; seed++) {
        uint64_t off = random_run(seed, 0, 0, false);
        cr_assert_eq(random_run(seed, 8, 0, false), off, "seed %lu", (unsigned long)seed);
        cr_assert_eq(random_run(seed, 8, 0, true), off, "seed %lu, open", (unsigned long)seed);
        cr_assert_eq(random_run(seed, 2, 16, true), off, "seed %lu, small", (unsigned long)seed);
        cr_assert_eq(random_run(seed, 0, 16, true), off, "seed %lu, history", (unsigned long)seed);
    }
}
