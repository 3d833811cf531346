/*
 * Table walks and fetches as observers of their own: what they may miss of stores to tables and
 * code, and what holds them to an order. Explored completely; the names say who does what: `pte`
 * a store to the descriptor of the window, `T` an access through it. There is no FEAT_ETS.
 */
#include "tests/unit/order_world.h"

#define PAGE_A (MAP_RAM + 0x100000)
#define LEAF_A (PAGE_A | WORLD_PAGE)

/* X5 the window's descriptor, X6 and X7 the window, X8 and X9 the same bytes by their own address,
   X12 a valid descriptor, X13 invalid, X14 the operand of TLBI. */
#define PTE 5
#define W 6
#define W2 7
#define A 8
#define A2 9
#define TLBI_VAE2IS 0xd50c832eu
#define TLBI_VAE2 0xd50c872eu

static void set_registers(struct machine *m)
{
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        uint64_t *x = m->state->cpu[pe].x;
        x[PTE] = WORLD_WINDOW_DESCRIPTOR;
        x[W] = WORLD_WINDOW;
        x[W2] = WORLD_WINDOW + 8;
        x[A] = PAGE_A;
        x[A2] = PAGE_A + 8;
        x[12] = LEAF_A;
        x[13] = 0;
        x[14] = WORLD_WINDOW >> PAGE_SHIFT;
    }
}

/* The descriptor is invalid: nobody has an entry. */
static void invalid_first(struct machine *m)
{
    set_registers(m);
    world_window(m, 0);
}

static bool faulted(struct machine *m, unsigned pe)
{
    return order_reg(m, pe, 29) == ORDER_FAULTED;
}

static bool own_fault(struct machine *m)
{
    return faulted(m, 0);
}

/* PE 1 has seen the flag, and its access faults. */
static bool seen_and_faulted(struct machine *m)
{
    return order_reg(m, 1, 20) == 1 && faulted(m, 1);
}

/* PE 1 gets through the window and does not see what was written before it was mapped. */
static bool mapped_but_old(struct machine *m)
{
    return !faulted(m, 1) && order_reg(m, 1, 20) == 0;
}

static bool mapped_but_second_old(struct machine *m)
{
    return !faulted(m, 1) && order_reg(m, 1, 21) == 0;
}

enum verdict { FORBIDDEN, ALLOWED };

struct row {
    const char *name;
    enum verdict verdict;
    order_outcome *outcome;
    uint32_t program[ORDER_PES][ORDER_WORDS];
};

static const struct row rows[] = {
    /* walk-is-an-observer: DSB and a context synchronization event, and no less */
    {"pte;T", ALLOWED, own_fault, {{STR(12, PTE), LDR(20, W)}}},
    {"pte;isb;T", ALLOWED, own_fault, {{STR(12, PTE), ISB, LDR(20, W)}}},
    {"pte;dmb;isb;T", ALLOWED, own_fault, {{STR(12, PTE), DMB_ISH, ISB, LDR(20, W)}}},
    {"pte;dsb;T", ALLOWED, own_fault, {{STR(12, PTE), DSB_ISH, LDR(20, W)}}},
    {"pte;dsb.ld;isb;T", ALLOWED, own_fault, {{STR(12, PTE), DSB_ISHLD, ISB, LDR(20, W)}}},
    {"pte;isb;dsb;T", ALLOWED, own_fault, {{STR(12, PTE), ISB, DSB_ISH, LDR(20, W)}}},
    {"pte;dsb;isb;T", FORBIDDEN, own_fault, {{STR(12, PTE), DSB_ISH, ISB, LDR(20, W)}}},
    {"pte;dsb.st;isb;T", FORBIDDEN, own_fault, {{STR(12, PTE), DSB_ISHST, ISB, LDR(20, W)}}},
    {"pte;dsb.nsh;isb;T", FORBIDDEN, own_fault, {{STR(12, PTE), DSB_NSH, ISB, LDR(20, W)}}},
    {"pte;dsb.nsh;T", ALLOWED, own_fault, {{STR(12, PTE), DSB_NSH, LDR(20, W)}}},
    /* the flag of another PE */
    {"pte;dmb;flag / flag;T", ALLOWED, seen_and_faulted,
     {{STR(12, PTE), DMB_ISH, STR(10, 3)}, {LDR(20, 3), LDR(21, W)}}},
    {"pte;dmb;flag / acq;T", ALLOWED, seen_and_faulted,
     {{STR(12, PTE), DMB_ISH, STR(10, 3)}, {LDAR(20, 3), LDR(21, W)}}},
    {"pte;dmb;flag / flag;dsb;T", ALLOWED, seen_and_faulted,
     {{STR(12, PTE), DMB_ISH, STR(10, 3)}, {LDR(20, 3), DSB_ISH, LDR(21, W)}}},
    {"pte;dmb;flag / flag;ctrl;T", ALLOWED, seen_and_faulted,
     {{STR(12, PTE), DMB_ISH, STR(10, 3)}, {LDR(20, 3), CBNZ_NEXT(20), LDR(21, W)}}},
    {"pte;dmb;flag / flag;isb;T", ALLOWED, seen_and_faulted,
     {{STR(12, PTE), DMB_ISH, STR(10, 3)}, {LDR(20, 3), ISB, LDR(21, W)}}},
    {"pte;flag / flag;ctrl;isb;T", ALLOWED, seen_and_faulted,
     {{STR(12, PTE), STR(10, 3)}, {LDR(20, 3), CBNZ_NEXT(20), ISB, LDR(21, W)}}},
    {"pte;dmb;flag / flag;ctrl;isb;T", FORBIDDEN, seen_and_faulted,
     {{STR(12, PTE), DMB_ISH, STR(10, 3)}, {LDR(20, 3), CBNZ_NEXT(20), ISB, LDR(21, W)}}},
    {"pte;dmb;flag / flag;dsb;isb;T", FORBIDDEN, seen_and_faulted,
     {{STR(12, PTE), DMB_ISH, STR(10, 3)}, {LDR(20, 3), DSB_ISH, ISB, LDR(21, W)}}},
    {"pte;dmb;flag / flag;addr;T", FORBIDDEN, seen_and_faulted,
     {{STR(12, PTE), DMB_ISH, STR(10, 3)}, {LDR(20, 3), EOR(25, 20, 20), LDR_INDEX(21, W, 25)}}},
    {"pte;rel / flag;addr;T", FORBIDDEN, seen_and_faulted,
     {{STR(12, PTE), STLR(10, 3)}, {LDR(20, 3), EOR(25, 20, 20), LDR_INDEX(21, W, 25)}}},
    /* an access comes behind the walk that translates it, also by an entry made before */
    {"data;pte / T", ALLOWED, mapped_but_old, {{STR(10, A), STR(12, PTE)}, {LDR(20, W)}}},
    {"data;dmb.st;pte / T", FORBIDDEN, mapped_but_old,
     {{STR(10, A), DMB_ISHST, STR(12, PTE)}, {LDR(20, W)}}},
    {"data;dmb.st;pte / T;T", FORBIDDEN, mapped_but_second_old,
     {{STR(10, A2), DMB_ISHST, STR(12, PTE)}, {LDR(20, W), LDR(21, W2)}}},
    {"data;dmb.st;pte / T;R", ALLOWED, mapped_but_second_old,
     {{STR(10, A2), DMB_ISHST, STR(12, PTE)}, {LDR(20, W), LDR(21, A2)}}},
};

Test(order_walk, walks_and_stores_to_tables)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct order_test t = {.store_buffer = 8,
                               .history = 16,
                               .set_up = invalid_first,
                               .open = 1u << CHOICE_STORE_DRAIN | 1u << CHOICE_LOAD_EARLY};
        memcpy(t.program, rows[i].program, sizeof t.program);
        struct order_result r = order_explore(&t, rows[i].outcome);
        if (rows[i].verdict == ALLOWED)
            cr_expect_gt(r.hits, 0, "%s: allowed, and not seen in %u runs", rows[i].name, r.runs);
        else
            cr_expect_eq(r.hits, 0, "%s: seen in %u of %u runs", rows[i].name, r.hits, r.runs);
    }
}

/* The window is mapped, and PE 1 has used it. */
static void valid_and_used(struct machine *m)
{
    set_registers(m);
    world_window(m, LEAF_A);
    world_write(m, PAGE_A, 7);
    struct mmu_request request = {.va = va_make(WORLD_WINDOW), .el = 2, .alignment = 1};
    struct translation t;
    mmu_translate(&m->mmu[1], core_regime(&m->core[1], REGIME_EL2), &request, &t);
    cr_assert_eq(t.fault.kind, FAULT_NONE);
}

/* PE 1 has seen that the invalidation is over, and the old translation still serves it. */
static bool seen_and_served(struct machine *m)
{
    return order_reg(m, 1, 20) == 1 && order_reg(m, 1, 21) == 7;
}

/* tlbi-completes: behind TLBI and DSB no walk finds the descriptor as it was before the DSB in
   front of the TLBI. Without that DSB it may. */
Test(order_walk, walks_behind_a_tlbi)
{
    const struct row tlbi_rows[] = {
        {"pte=0;dsb;tlbi;dsb;flag / flag;T", FORBIDDEN, seen_and_served,
         {{STR(13, PTE), DSB_ISH, TLBI_VAE2IS, DSB_ISH, STR(10, 3)}, {LDR(20, 3), LDR(21, W)}}},
        {"pte=0;tlbi;dsb;flag / flag;T", ALLOWED, seen_and_served,
         {{STR(13, PTE), TLBI_VAE2IS, DSB_ISH, STR(10, 3)}, {LDR(20, 3), LDR(21, W)}}},
        {"pte=0;dmb;tlbi;dsb;flag / flag;T", ALLOWED, seen_and_served,
         {{STR(13, PTE), DMB_ISH, TLBI_VAE2IS, DSB_ISH, STR(10, 3)}, {LDR(20, 3), LDR(21, W)}}},
        {"pte=0;dsb;tlbi;flag / flag;T", ALLOWED, seen_and_served,
         {{STR(13, PTE), DSB_ISH, TLBI_VAE2IS, STR(10, 3)}, {LDR(20, 3), LDR(21, W)}}},
        {"pte=0;dsb;tlbi local;dsb;flag / flag;T", ALLOWED, seen_and_served,
         {{STR(13, PTE), DSB_ISH, TLBI_VAE2, DSB_ISH, STR(10, 3)}, {LDR(20, 3), LDR(21, W)}}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(tlbi_rows); i++) {
        struct order_test t = {.store_buffer = 8,
                               .history = 16,
                               .set_up = valid_and_used,
                               .open = 1u << CHOICE_STORE_DRAIN | 1u << CHOICE_LOAD_EARLY |
                                       1u << CHOICE_TLBI_DELIVER | 1u << CHOICE_TLBI_DRAIN};
        memcpy(t.program, tlbi_rows[i].program, sizeof t.program);
        struct order_result r = order_explore(&t, tlbi_rows[i].outcome);
        if (tlbi_rows[i].verdict == ALLOWED)
            cr_expect_gt(r.hits, 0, "%s: not seen in %u runs", tlbi_rows[i].name, r.runs);
        else
            cr_expect_eq(r.hits, 0, "%s: seen in %u of %u runs", tlbi_rows[i].name, r.hits,
                         r.runs);
    }
}

/* tlbi-completes, the other half: a store through the old translation lands before the DSB that
   finishes the invalidation is over, and so before what its PE writes there afterwards. */
static bool late_store(struct machine *m)
{
    return !faulted(m, 1) && world_read(m, PAGE_A) == 2;
}

Test(order_walk, stores_behind_a_tlbi)
{
    const struct row store_rows[] = {
        {"pte=0;dsb;tlbi;dsb;reuse / T", FORBIDDEN, late_store,
         {{STR(13, PTE), DSB_ISH, TLBI_VAE2IS, DSB_ISH, STR(10, A)}, {STR(11, W)}}},
        {"pte=0;dsb;tlbi;reuse / T", ALLOWED, late_store,
         {{STR(13, PTE), DSB_ISH, TLBI_VAE2IS, STR(10, A)}, {STR(11, W)}}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(store_rows); i++) {
        struct order_test t = {.store_buffer = 8,
                               .set_up = valid_and_used,
                               .all_seen = true,
                               .open = 1u << CHOICE_STORE_DRAIN | 1u << CHOICE_TLBI_DELIVER |
                                       1u << CHOICE_TLBI_DRAIN};
        memcpy(t.program, store_rows[i].program, sizeof t.program);
        struct order_result r = order_explore(&t, store_rows[i].outcome);
        if (store_rows[i].verdict == ALLOWED)
            cr_expect_gt(r.hits, 0, "%s: not seen in %u runs", store_rows[i].name, r.runs);
        else
            cr_expect_eq(r.hits, 0, "%s: seen in %u of %u runs", store_rows[i].name, r.hits,
                         r.runs);
    }
}

/* The PE writes the instruction that it comes to: add x20, x20, x10 instead of x11. */
#define CODE(pe, word) (WORLD_PROGRAM(pe) + 4 * (uint64_t)(word))
#define ADD_1 ADD(20, 20, 10)
#define ADD_2 ADD(20, 20, 11)

static bool old_instruction(struct machine *m)
{
    return order_reg(m, 0, 20) == 2;
}

static unsigned code_at; /* which word the program writes */

static void code_registers(struct machine *m)
{
    m->state->cpu[0].x[5] = CODE(0, code_at);
    m->state->cpu[0].x[12] = ADD_1;
}

Test(order_walk, fetches_and_stores_to_code)
{
    static const struct {
        unsigned at;
        bool may_be_old;
        uint32_t program[ORDER_WORDS];
    } codes[] = {
        {1, true, {0xb90000acu /* str w12, [x5] */, ADD_2}},
        {2, true, {0xb90000acu, ISB, ADD_2}},
        {2, true, {0xb90000acu, DSB_ISH, ADD_2}},
        {3, false, {0xb90000acu, DSB_ISH, ISB, ADD_2}},
        {3, false, {0xb90000acu, DSB_NSH, ISB, ADD_2}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        struct order_test t = {.store_buffer = 8,
                               .history = 16,
                               .set_up = code_registers,
                               .open = 1u << CHOICE_STORE_DRAIN | 1u << CHOICE_LOAD_EARLY};
        code_at = codes[i].at;
        memcpy(t.program[0], codes[i].program, sizeof codes[i].program);
        struct order_result r = order_explore(&t, old_instruction);
        cr_expect_eq(r.hits != 0, codes[i].may_be_old, "program %zu: %u of %u", i, r.hits, r.runs);
        cr_expect_gt(r.runs, r.hits, "program %zu", i);
    }
}
