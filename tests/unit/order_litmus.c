/*
 * The classical litmus shapes, explored completely with store buffers and early loads: an outcome
 * that the architecture forbids never comes, and one that it allows does; LB and S, whose relaxed
 * outcomes need a store before an earlier load, are marked. Verdicts follow from the ordering
 * relations of DDI 0487 B2.3 as named at each row.
 */
#include "tests/unit/order_world.h"

enum verdict {
    FORBIDDEN,
    ALLOWED,
    UNREACHED, /* allowed, but it needs a store that passes a load before it */
};

struct row {
    const char *name;
    enum verdict verdict;
    order_outcome *outcome;
    bool all_seen;
    uint32_t program[ORDER_PES][ORDER_WORDS];
};

/* PE a's X20 and X21 are (1, 0): the second load is older than the first. */
static bool pe1_10(struct machine *m)
{
    return order_reg(m, 1, 20) == 1 && order_reg(m, 1, 21) == 0;
}

static bool both_0(struct machine *m)
{
    return order_reg(m, 0, 20) == 0 && order_reg(m, 1, 20) == 0;
}

static bool both_1(struct machine *m)
{
    return order_reg(m, 0, 20) == 1 && order_reg(m, 1, 20) == 1;
}

static bool s_outcome(struct machine *m)
{
    return order_reg(m, 1, 20) == 1 && world_read(m, ORDER_X) == 2;
}

static bool r_outcome(struct machine *m)
{
    return world_read(m, ORDER_Y) == 2 && order_reg(m, 1, 20) == 0;
}

static bool two_plus_two_w(struct machine *m)
{
    return world_read(m, ORDER_X) == 1 && world_read(m, ORDER_Y) == 1;
}

static bool cowr(struct machine *m)
{
    return order_reg(m, 0, 20) == 0;
}

static bool coww(struct machine *m)
{
    return world_read(m, ORDER_X) == 1;
}

static bool corr(struct machine *m)
{
    return order_reg(m, 1, 20) == 1 && order_reg(m, 1, 21) == 0;
}

/* CoRW2: a load that saw another's store, then a store of its own that comes before that. */
static bool corw(struct machine *m)
{
    return order_reg(m, 1, 20) == 1 && world_read(m, ORDER_X) == 1;
}

static bool wrc(struct machine *m)
{
    return order_reg(m, 1, 20) == 1 && order_reg(m, 2, 20) == 1 && order_reg(m, 2, 21) == 0;
}

static bool iriw(struct machine *m)
{
    return order_reg(m, 2, 20) == 1 && order_reg(m, 2, 21) == 0 && order_reg(m, 3, 20) == 1 &&
           order_reg(m, 3, 21) == 0;
}

/* SB+rfis: each PE reads its own store, then not yet the other's. */
static bool sb_rfi(struct machine *m)
{
    return order_reg(m, 0, 20) == 1 && order_reg(m, 0, 21) == 0 && pe1_10(m);
}

#define X 1
#define Y 3
#define Z 5
#define MP_W {STR(10, X), DMB_ISH, STR(10, Y)}

static const struct row mp_rows[] = {
    {"MP", ALLOWED, pe1_10, false, {{STR(10, X), STR(10, Y)}, {LDR(20, Y), LDR(21, X)}}},
    /* barrier-ordered at the writer, none at the reader: and the other way round */
    {"MP+dmb+po", ALLOWED, pe1_10, false, {MP_W, {LDR(20, Y), LDR(21, X)}}},
    {"MP+po+dmb", ALLOWED, pe1_10, false,
     {{STR(10, X), STR(10, Y)}, {LDR(20, Y), DMB_ISH, LDR(21, X)}}},
    {"MP+dmb+dmb", FORBIDDEN, pe1_10, false, {MP_W, {LDR(20, Y), DMB_ISH, LDR(21, X)}}},
    {"MP+dmb.st+dmb.ld", FORBIDDEN, pe1_10, false,
     {{STR(10, X), DMB_ISHST, STR(10, Y)}, {LDR(20, Y), DMB_ISHLD, LDR(21, X)}}},
    {"MP+dmb.ld+dmb.ld", ALLOWED, pe1_10, false,
     {{STR(10, X), DMB_ISHLD, STR(10, Y)}, {LDR(20, Y), DMB_ISHLD, LDR(21, X)}}},
    {"MP+dmb.st+dmb.st", ALLOWED, pe1_10, false,
     {{STR(10, X), DMB_ISHST, STR(10, Y)}, {LDR(20, Y), DMB_ISHST, LDR(21, X)}}},
    /* a barrier of the non-shareable domain orders nothing for others */
    {"MP+dmb.nsh+dmb", ALLOWED, pe1_10, false,
     {{STR(10, X), DMB_NSH, STR(10, Y)}, {LDR(20, Y), DMB_ISH, LDR(21, X)}}},
    {"MP+dmb+dmb.nsh", ALLOWED, pe1_10, false, {MP_W, {LDR(20, Y), DMB_NSH, LDR(21, X)}}},
    {"MP+dsb.st+dsb.ld", FORBIDDEN, pe1_10, false,
     {{STR(10, X), DSB_ISHST, STR(10, Y)}, {LDR(20, Y), DSB_ISHLD, LDR(21, X)}}},
    {"MP+dsb.nsh+dsb", ALLOWED, pe1_10, false,
     {{STR(10, X), DSB_NSH, STR(10, Y)}, {LDR(20, Y), DSB_ISH, LDR(21, X)}}},
    {"MP+rel+acq", FORBIDDEN, pe1_10, false,
     {{STR(10, X), STLR(10, Y)}, {LDAR(20, Y), LDR(21, X)}}},
    {"MP+rel+acqpc", FORBIDDEN, pe1_10, false,
     {{STR(10, X), STLR(10, Y)}, {LDAPR(20, Y), LDR(21, X)}}},
    /* a store-release orders what is before it, a load-acquire what is behind it; not vice versa */
    {"MP+rel-first+acq", ALLOWED, pe1_10, false,
     {{STLR(10, X), STR(10, Y)}, {LDAR(20, Y), LDR(21, X)}}},
    {"MP+rel+acq-second", ALLOWED, pe1_10, false,
     {{STR(10, X), STLR(10, Y)}, {LDR(20, Y), LDAR(21, X)}}},
    /* dependency-ordered: an address dependency, also one that comes to nothing */
    {"MP+dmb+addr", FORBIDDEN, pe1_10, false,
     {MP_W, {LDR(20, Y), EOR(25, 20, 20), LDR_INDEX(21, X, 25)}}},
    /* a control dependency does not order a load; with ISB it does; ISB alone does not */
    {"MP+dmb+ctrl", ALLOWED, pe1_10, false, {MP_W, {LDR(20, Y), CBNZ_NEXT(20), LDR(21, X)}}},
    {"MP+dmb+ctrl-isb", FORBIDDEN, pe1_10, false,
     {MP_W, {LDR(20, Y), CBNZ_NEXT(20), ISB, LDR(21, X)}}},
    {"MP+dmb+isb", ALLOWED, pe1_10, false, {MP_W, {LDR(20, Y), ISB, LDR(21, X)}}},
    {"MP+dmb+addr-po-isb", FORBIDDEN, pe1_10, false,
     {MP_W, {LDR(20, Y), EOR(25, 20, 20), LDR_INDEX(22, Z, 25), ISB, LDR(21, X)}}},
    {"MP+dmb+addr-po", ALLOWED, pe1_10, false,
     {MP_W, {LDR(20, Y), EOR(25, 20, 20), LDR_INDEX(22, Z, 25), LDR(21, X)}}},
    /* data dependency into a store that the PE reads itself: (data; rfi) and then an address */
    {"MP+dmb+data-rfi-addr", FORBIDDEN, pe1_10, false,
     {MP_W, {LDR(20, Y), STR(20, Z), LDR(22, Z), EOR(25, 22, 22), LDR_INDEX(21, X, 25)}}},
    /* the store depends on nothing but control, and so does what the PE reads of it */
    {"MP+dmb+ctrl-rfi-addr", ALLOWED, pe1_10, false,
     {MP_W, {LDR(20, Y), CBNZ_NEXT(20), STR(10, Z), LDR(22, Z), EOR(25, 22, 22),
             LDR_INDEX(21, X, 25)}}},
};

static const struct row sb_rows[] = {
    {"SB", ALLOWED, both_0, false, {{STR(10, X), LDR(20, Y)}, {STR(10, Y), LDR(20, X)}}},
    {"SB+dmbs", FORBIDDEN, both_0, false,
     {{STR(10, X), DMB_ISH, LDR(20, Y)}, {STR(10, Y), DMB_ISH, LDR(20, X)}}},
    {"SB+dmb+po", ALLOWED, both_0, false,
     {{STR(10, X), DMB_ISH, LDR(20, Y)}, {STR(10, Y), LDR(20, X)}}},
    {"SB+dmb.sts", ALLOWED, both_0, false,
     {{STR(10, X), DMB_ISHST, LDR(20, Y)}, {STR(10, Y), DMB_ISHST, LDR(20, X)}}},
    {"SB+dsb.sts", FORBIDDEN, both_0, false,
     {{STR(10, X), DSB_ISHST, LDR(20, Y)}, {STR(10, Y), DSB_ISHST, LDR(20, X)}}},
    {"SB+dmb.lds", ALLOWED, both_0, false,
     {{STR(10, X), DMB_ISHLD, LDR(20, Y)}, {STR(10, Y), DMB_ISHLD, LDR(20, X)}}},
    {"SB+isbs", ALLOWED, both_0, false,
     {{STR(10, X), ISB, LDR(20, Y)}, {STR(10, Y), ISB, LDR(20, X)}}},
    /* RCsc: a load-acquire comes behind store-releases before it; RCpc: it does not */
    {"SB+rel-acqs", FORBIDDEN, both_0, false,
     {{STLR(10, X), LDAR(20, Y)}, {STLR(10, Y), LDAR(20, X)}}},
    {"SB+rel-acqpcs", ALLOWED, both_0, false,
     {{STLR(10, X), LDAPR(20, Y)}, {STLR(10, Y), LDAPR(20, X)}}},
    {"SB+rels", ALLOWED, both_0, false, {{STLR(10, X), LDR(20, Y)}, {STLR(10, Y), LDR(20, X)}}},
    {"SB+rfis", ALLOWED, sb_rfi, false,
     {{STR(10, X), LDR(20, X), LDR(21, Y)}, {STR(10, Y), LDR(20, Y), LDR(21, X)}}},
    {"SB+rfi-dmb.lds", ALLOWED, sb_rfi, false,
     {{STR(10, X), LDR(20, X), DMB_ISHLD, LDR(21, Y)},
      {STR(10, Y), LDR(20, Y), DMB_ISHLD, LDR(21, X)}}},
    {"SB+swps", ALLOWED, both_0, false, /* an atomic access without A and L is no barrier */
     {{SWP(10, 22, X), LDR(20, Y)}, {SWP(10, 22, Y), LDR(20, X)}}},
};

static const struct row store_rows[] = {
    {"LB", UNREACHED, both_1, false, {{LDR(20, X), STR(10, Y)}, {LDR(20, Y), STR(10, X)}}},
    {"LB+datas", FORBIDDEN, both_1, false, {{LDR(20, X), STR(20, Y)}, {LDR(20, Y), STR(20, X)}}},
    {"LB+dmbs", FORBIDDEN, both_1, false,
     {{LDR(20, X), DMB_ISH, STR(10, Y)}, {LDR(20, Y), DMB_ISH, STR(10, X)}}},
    {"S+dmb+po", UNREACHED, s_outcome, true,
     {{STR(11, X), DMB_ISH, STR(10, Y)}, {LDR(20, Y), STR(10, X)}}},
    {"S+po+data", ALLOWED, s_outcome, true,
     {{STR(11, X), STR(10, Y)}, {LDR(20, Y), STR(20, X)}}},
    {"S+dmb+data", FORBIDDEN, s_outcome, true,
     {{STR(11, X), DMB_ISH, STR(10, Y)}, {LDR(20, Y), STR(20, X)}}},
    {"R", ALLOWED, r_outcome, true, {{STR(10, X), STR(10, Y)}, {STR(11, Y), LDR(20, X)}}},
    {"R+dmb+po", ALLOWED, r_outcome, true,
     {{STR(10, X), DMB_ISH, STR(10, Y)}, {STR(11, Y), LDR(20, X)}}},
    {"R+po+dmb", ALLOWED, r_outcome, true,
     {{STR(10, X), STR(10, Y)}, {STR(11, Y), DMB_ISH, LDR(20, X)}}},
    {"R+dmbs", FORBIDDEN, r_outcome, true,
     {{STR(10, X), DMB_ISH, STR(10, Y)}, {STR(11, Y), DMB_ISH, LDR(20, X)}}},
    {"2+2W", ALLOWED, two_plus_two_w, true,
     {{STR(10, X), STR(11, Y)}, {STR(10, Y), STR(11, X)}}},
    {"2+2W+dmb.st+po", ALLOWED, two_plus_two_w, true,
     {{STR(10, X), DMB_ISHST, STR(11, Y)}, {STR(10, Y), STR(11, X)}}},
    {"2+2W+dmb.sts", FORBIDDEN, two_plus_two_w, true,
     {{STR(10, X), DMB_ISHST, STR(11, Y)}, {STR(10, Y), DMB_ISHST, STR(11, X)}}},
    {"2+2W+rels", FORBIDDEN, two_plus_two_w, true,
     {{STR(10, X), STLR(11, Y)}, {STR(10, Y), STLR(11, X)}}},
};

static const struct row coherence_rows[] = {
    {"CoWR0", FORBIDDEN, cowr, false, {{STR(10, X), LDR(20, X)}}},
    {"CoWW", FORBIDDEN, coww, true, {{STR(10, X), STR(11, X)}}},
    {"CoRR", FORBIDDEN, corr, false, {{STR(10, X)}, {LDR(20, X), LDR(21, X)}}},
    {"CoRW2", FORBIDDEN, corw, true, {{STR(10, X)}, {LDR(20, X), STR(11, X)}}},
    {"MP+dmb+CoRR-through-part", FORBIDDEN, corr, false,
     {{STR(10, X)}, {LDR(20, X), LDRB(21, X)}}},
};

static const struct row three_rows[] = {
    {"WRC", ALLOWED, wrc, false,
     {{STR(10, X)}, {LDR(20, X), STR(20, Y)}, {LDR(20, Y), LDR(21, X)}}},
    {"WRC+data+addr", FORBIDDEN, wrc, false,
     {{STR(10, X)},
      {LDR(20, X), STR(20, Y)},
      {LDR(20, Y), EOR(25, 20, 20), LDR_INDEX(21, X, 25)}}},
    {"WRC+dmb+po", ALLOWED, wrc, false,
     {{STR(10, X)}, {LDR(20, X), DMB_ISH, STR(10, Y)}, {LDR(20, Y), LDR(21, X)}}},
    {"IRIW", ALLOWED, iriw, false,
     {{STR(10, X)}, {STR(10, Y)}, {LDR(20, X), LDR(21, Y)}, {LDR(20, Y), LDR(21, X)}}},
    /* other-multi-copy-atomic */
    {"IRIW+addrs", FORBIDDEN, iriw, false,
     {{STR(10, X)},
      {STR(10, Y)},
      {LDR(20, X), EOR(25, 20, 20), LDR_INDEX(21, Y, 25)},
      {LDR(20, Y), EOR(25, 20, 20), LDR_INDEX(21, X, 25)}}},
    {"IRIW+dmb.lds", FORBIDDEN, iriw, false,
     {{STR(10, X)},
      {STR(10, Y)},
      {LDR(20, X), DMB_ISHLD, LDR(21, Y)},
      {LDR(20, Y), DMB_ISHLD, LDR(21, X)}}},
};

static void run_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct order_test t = {.store_buffer = 8,
                               .history = 16,
                               .open = 1u << CHOICE_STORE_DRAIN | 1u << CHOICE_LOAD_EARLY,
                               .all_seen = rows[i].all_seen};
        memcpy(t.program, rows[i].program, sizeof t.program);
        struct order_result r = order_explore(&t, rows[i].outcome);
        if (rows[i].verdict == ALLOWED)
            cr_expect_gt(r.hits, 0, "%s: allowed, and not seen in %u runs", rows[i].name, r.runs);
        else
            cr_expect_eq(r.hits, 0, "%s: seen in %u of %u runs", rows[i].name, r.hits, r.runs);
        /* without the choices, nothing but what interleaving gives */
        t.open = 0;
        struct order_result plain = order_explore(&t, rows[i].outcome);
        t.store_buffer = t.history = 0;
        struct order_result off = order_explore(&t, rows[i].outcome);
        cr_expect_eq(off.hits, 0, "%s", rows[i].name);
        cr_expect_eq(plain.hits, 0, "%s: closed", rows[i].name);
    }
}

Test(order_litmus, message_passing)
{
    run_rows(mp_rows, ARRAY_COUNT(mp_rows));
}

Test(order_litmus, store_buffering)
{
    run_rows(sb_rows, ARRAY_COUNT(sb_rows));
}

Test(order_litmus, shapes_with_two_writers)
{
    run_rows(store_rows, ARRAY_COUNT(store_rows));
}

Test(order_litmus, coherence)
{
    run_rows(coherence_rows, ARRAY_COUNT(coherence_rows));
}

Test(order_litmus, three_and_four_pes)
{
    run_rows(three_rows, ARRAY_COUNT(three_rows));
}
