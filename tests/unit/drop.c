/* The choice drop: which executions are left out, how they are counted, and mistakes by hand. */
#include "cpu/drop.h"
#include "sim/drop.h"

#include "tests/unit/machine_world.h"

#define TLBI_ALLE2 0xd50c871fu
#define DMB_ISH 0xd5033bbfu
#define SEV 0xd503209fu
#define DC_CVAC_X1 0xd50b7a21u
#define IC_IALLU 0xd508751fu

/* Events of a run, as far as these tests look. */
struct told {
    unsigned count[EVENT_KIND_COUNT];
    struct event_drop drop[8];
    unsigned drops;
};

static void hear(void *context, const struct event *e)
{
    struct told *told = context;
    told->count[e->kind]++;
    if (e->kind == EVENT_DROP && told->drops < ARRAY_COUNT(told->drop))
        told->drop[told->drops++] = e->drop;
}

static struct machine *drop_world(bool open, enum engine_kind engine, struct told *told)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    config.pe_count = 2;
    config.quantum = 1;
    config.ram_bytes = 16u << 20;
    config.timing_flat = 1;
    config.open_mask = open ? 1u << CHOICE_DROP : 0;
    struct machine *m = machine_new(&config, &error);
    cr_assert_not_null(m, "%s", error.text);
    m->engine = engine;
    *told = (struct told){.drops = 0};
    events_attach(&m->events, hear, told,
                  UINT64_C(1) << EVENT_DROP | UINT64_C(1) << EVENT_TLBI |
                      UINT64_C(1) << EVENT_BARRIER | UINT64_C(1) << EVENT_SYSTEM);
    return m;
}

static void count_done(void *context, const struct drop_list *list, unsigned row)
{
    unsigned *count = context;
    cr_assert_lt(row, list->count);
    (*count)++;
}

static unsigned done_count;

static void plant(struct drop_list *list, struct machine *m, const char *text)
{
    struct error error;
    if (text)
        cr_assert(drop_parse(list, text, &error), "%s", error.text);
    done_count = 0;
    drop_plant(list, m, true, count_done, &done_count);
}

Test(drop, one_of_many_is_left_out_whichever_pe_comes_to_it)
{
    WORLD_ENGINES(engine)
    {
        struct told told;
        struct drop_list list = {.count = 0};
        struct machine *m = drop_world(true, engine, &told);
        WORLD_START(m, 0, TLBI_ALLE2, A64_DSB_ISH, TLBI_ALLE2, A64_B_SELF);
        WORLD_START(m, 1, TLBI_ALLE2, A64_DSB_ISH, TLBI_ALLE2, A64_B_SELF);
        plant(&list, m, "tlbi:2");
        machine_run(m, 12);
        cr_assert_eq(told.count[EVENT_TLBI], 3u);
        cr_assert_eq(told.count[EVENT_BARRIER], 2u);
        cr_assert_eq(told.drops, 1u);
        cr_assert_eq(told.drop[0].what, DROP_TLBI);
        cr_assert_eq(told.drop[0].number, 1u, "counted from 0");
        cr_assert_eq(done_count, 1u);
        cr_assert_eq(list.done[0].pe, 1u, "the second one is PE 1's first");
        cr_assert_eq(list.done[0].pc, WORLD_PROGRAM(1));
        cr_assert_eq(drop_executed(&list, 0), 4u);
        cr_assert_eq(m->chooser.record_count, 1u, "a recording has it");
        drop_close(&list);
        machine_free(m);
    }
}

Test(drop, each_operation_is_counted_by_itself)
{
    static const char *const all[] = {"tlbi:1", "dsb:1", "dmb:1", "isb:1", "dc:1", "ic:1", "sev:1"};
    WORLD_ENGINES(engine)
    {
        struct told told;
        struct drop_list list = {.count = 0};
        struct error error;
        struct machine *m = drop_world(true, engine, &told);
        struct cpu *cpu = WORLD_START(m, 0, SEV, IC_IALLU, DC_CVAC_X1, A64_ISB, DMB_ISH,
                                      A64_DSB_ISH, TLBI_ALLE2, A64_B_SELF);
        m->state->cpu[1].wait = CPU_IS_OFF;
        for (unsigned i = 0; i < ARRAY_COUNT(all); i++)
            cr_assert(drop_parse(&list, all[i], &error), "%s", error.text);
        plant(&list, m, NULL);
        machine_run(m, 8);
        cr_assert_eq(told.drops, ARRAY_COUNT(all));
        cr_assert_eq(told.count[EVENT_TLBI] + told.count[EVENT_BARRIER], 0u);
        cr_assert_eq(told.count[EVENT_SYSTEM], 0u, "what is left out is not told as done");
        cr_assert_eq(cpu->event_register, 0, "no event was sent");
        cr_assert_eq(cpu->insns, 8u, "they are executed all the same");
        cr_assert_eq(cpu->cycles, 8u);
        drop_close(&list);
        machine_free(m);
    }
}

Test(drop, an_isb_that_is_left_out_synchronizes_nothing)
{
    for (unsigned dropped = 0; dropped < 2; dropped++) {
        struct told told;
        struct drop_list list = {.count = 0};
        struct machine *m = drop_world(true, ENGINE_KIND_FAST, &told);
        struct cpu *cpu =
            WORLD_START(m, 0, 0xd51c2000 /* msr ttbr0_el2, x0 */, A64_ISB, A64_B_SELF);
        m->state->cpu[1].wait = CPU_IS_OFF;
        cpu->x[0] = WORLD_TABLE(1);
        plant(&list, m, dropped ? "isb:1" : "isb:2");
        machine_run(m, 4);
        cr_assert_eq(cpu->reg[SR_TTBR0_EL2], WORLD_TABLE(1));
        cr_assert_eq(cpu->effective[SR_TTBR0_EL2] == WORLD_TABLE(1), !dropped);
        drop_close(&list);
        machine_free(m);
    }
}

Test(drop, closed_nothing_is_counted_or_asked)
{
    WORLD_ENGINES(engine)
    {
        struct told told;
        struct machine *m = drop_world(false, engine, &told);
        WORLD_START(m, 0, TLBI_ALLE2, A64_DSB_ISH, DMB_ISH, A64_B_SELF);
        m->state->cpu[1].wait = CPU_IS_OFF;
        machine_run(m, 6);
        cr_assert_eq(m->side->counts.asked[CHOICE_DROP][DROP_TLBI], 0u);
        cr_assert_eq(m->side->counts.asked[CHOICE_DROP][DROP_DMB], 0u);
        cr_assert_eq(told.count[EVENT_BARRIER], 2u);
        machine_free(m);
    }
}

/* An instruction that traps has not been executed: it is counted when it is. */
Test(drop, what_traps_does_not_count)
{
    struct told told;
    struct drop_list list = {.count = 0};
    struct machine *m = drop_world(true, ENGINE_KIND_FAST, &told);
    struct cpu *cpu = WORLD_START(m, 0, 0xd508871f /* tlbi vmalle1 */, A64_B_SELF);
    m->state->cpu[1].wait = CPU_IS_OFF;
    cpu->el = 1;
    world_set(m, 0, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_TTLB);
    plant(&list, m, "tlbi:1");
    machine_run(m, 3);
    cr_assert_eq(cpu->el, 2);
    cr_assert_eq(drop_executed(&list, 0), 0u);
    cr_assert_eq(done_count, 0u);
    drop_close(&list);
    machine_free(m);
}

Test(drop, texts)
{
#define NO_KIND ": no KIND:N, like tlbi:12, with KIND one of tlbi, dsb, dmb, isb, dc, ic, sev"
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"", NO_KIND},
        {"tlb:1", "tlb:1" NO_KIND},
        {"tlbi", "tlbi" NO_KIND},
        {"tlbi:0", "tlbi:0: 0 is no number from 1 to 4294967295"},
        {"tlbi:", "tlbi::  is no number from 1 to 4294967295"},
        {"tlbi:4294967296", "tlbi:4294967296: 4294967296 is no number from 1 to 4294967295"},
        {"dsb:-1", "dsb:-1: -1 is no number from 1 to 4294967295"},
        {"isb:7", "isb:7: given twice"},
    };
    struct drop_list list = {.count = 0};
    struct error error;
    char text[32];
    cr_assert(drop_parse(&list, "isb:7", &error));
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_assert_not(drop_parse(&list, bad[i].text, &error), "%s", bad[i].text);
        cr_assert_str_eq(error.text, bad[i].error);
    }
    drop_text(&list, 0, text, sizeof text);
    cr_assert_str_eq(text, "isb:7");
    for (unsigned i = 1; i < DROP_MAX; i++) {
        snprintf(text, sizeof text, "dmb:%u", i);
        cr_assert(drop_parse(&list, text, &error));
    }
    cr_assert_not(drop_parse(&list, "dc:1", &error));
    cr_assert_str_eq(error.text, "dc:1: more than 16");
    cr_assert_str_eq(drop_kind_name(DROP_IC), "ic");
    cr_assert_null(drop_kind_name(DROP_KIND_COUNT));
}
