/*
 * Arbitration against a naive restatement: after each of many random operations every interface's
 * acknowledge and highest-pending registers and its wires must be what a plain reading of the
 * registers says. A second restatement keeps pending and active state for each interrupt.
 */
#include <criterion/criterion.h>

#include "gen/gicv2.h"
#include "gic/state.h"

#define PES 3u
#define SPURIOUS 1023u
#define OTHER_GROUP 1022u
#define FIRST_SPI 40u
#define LAST_SPI 47u
#define ROUNDS 20u
#define OPERATIONS 1000u

static struct gic gic;
static uint64_t seed;

static uint32_t draw(uint32_t n)
{
    seed = hash_mix(seed + 0x9e3779b97f4a7c15u);
    return (uint32_t)(seed >> 32) % n;
}

static unsigned draw_intid(void)
{
    unsigned i = draw(16 + 2 + LAST_SPI - FIRST_SPI + 1);
    if (i < 16)
        return i;
    return i < 18 ? 26 + (i - 16) : FIRST_SPI + (i - 18);
}

static uint32_t peek(unsigned pe, enum gic_frame frame, uint32_t offset)
{
    return gic_peek(&gic, pe, frame, offset);
}

static bool flag(unsigned pe, uint32_t offset, unsigned intid)
{
    return (peek(pe, GIC_FRAME_D, offset + intid / 32 * 4) >> intid % 32) & 1u;
}

static uint32_t byte(unsigned pe, uint32_t offset, unsigned intid)
{
    return (peek(pe, GIC_FRAME_D, offset + intid / 4 * 4) >> intid % 4 * 8) & 0xffu;
}

/* --- the restatement of arbitration -------------------------------------------------------- */

struct naive {
    unsigned intid, priority, group, source;
};

static struct naive naive_next(unsigned pe)
{
    struct naive best = {SPURIOUS, 256, 0, 0};
    uint32_t ctlr = peek(pe, GIC_FRAME_D, GICD_CTLR_OFFSET);
    for (unsigned intid = 0; intid <= LAST_SPI; intid++) { /* nothing above is ever enabled */
        unsigned group = flag(pe, GICD_IGROUPR_OFFSET, intid);
        if (!flag(pe, GICD_ISPENDR_OFFSET, intid) || !flag(pe, GICD_ISENABLER_OFFSET, intid) ||
            flag(pe, GICD_ISACTIVER_OFFSET, intid))
            continue;
        if (!(ctlr & (group ? 2u : 1u)) || !(byte(pe, GICD_ITARGETSR_OFFSET, intid) & (1u << pe)))
            continue;
        unsigned priority = byte(pe, GICD_IPRIORITYR_OFFSET, intid);
        if (priority < best.priority)
            best = (struct naive){intid, priority, group, 0};
    }
    if (best.intid < 16) {
        uint32_t sources = byte(pe, GICD_SPENDSGIR_OFFSET, best.intid);
        while (best.source < PES && !(sources & (1u << best.source)))
            best.source++;
    }
    return best;
}

/* How many low bits of a priority do not count for preemption, for binary points 0 to 7. */
static unsigned naive_group_priority(unsigned pe, unsigned priority, unsigned group)
{
    static const unsigned low_bits_own[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const unsigned low_bits_group_1[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint32_t ctlr = peek(pe, GIC_FRAME_C, GICC_CTLR_OFFSET);
    unsigned bits = group == 1 && !(ctlr & 0x10)
                        ? low_bits_group_1[peek(pe, GIC_FRAME_C, GICC_ABPR_OFFSET)]
                        : low_bits_own[peek(pe, GIC_FRAME_C, GICC_BPR_OFFSET)];
    return priority / (1u << bits) * (1u << bits);
}

static bool naive_signals(unsigned pe, const struct naive *next)
{
    unsigned running = 256;
    for (unsigned p = 0; p < 32 && running == 256; p++)
        if (((peek(pe, GIC_FRAME_C, GICC_APR0_OFFSET) |
              peek(pe, GIC_FRAME_C, GICC_NSAPR0_OFFSET)) >> p) & 1u)
            running = p * 8;
    cr_assert_eq(peek(pe, GIC_FRAME_C, GICC_RPR_OFFSET), running == 256 ? 255 : running);
    return next->intid != SPURIOUS &&
           (peek(pe, GIC_FRAME_C, GICC_CTLR_OFFSET) & (next->group ? 2u : 1u)) &&
           next->priority < peek(pe, GIC_FRAME_C, GICC_PMR_OFFSET) &&
           (running == 256 || naive_group_priority(pe, next->priority, next->group) <
                                  naive_group_priority(pe, running, next->group));
}

static void check_interface(unsigned pe)
{
    struct naive next = naive_next(pe);
    uint32_t ctlr = peek(pe, GIC_FRAME_C, GICC_CTLR_OFFSET), id = next.source << 10 | next.intid;
    bool signals = naive_signals(pe, &next);
    bool is_seen = next.intid != SPURIOUS && (ctlr & (next.group ? 2u : 1u));
    uint32_t own = next.group == 0 || (ctlr & 4u) ? id : OTHER_GROUP;
    uint32_t alias = next.group == 1 ? id : SPURIOUS;
    cr_assert_eq(peek(pe, GIC_FRAME_C, GICC_HPPIR_OFFSET), is_seen ? own : SPURIOUS);
    cr_assert_eq(peek(pe, GIC_FRAME_C, GICC_AHPPIR_OFFSET), is_seen ? alias : SPURIOUS);
    cr_assert_eq(peek(pe, GIC_FRAME_C, GICC_IAR_OFFSET), signals ? own : SPURIOUS);
    cr_assert_eq(peek(pe, GIC_FRAME_C, GICC_AIAR_OFFSET), signals ? alias : SPURIOUS);
    unsigned wire = next.group == 0 && (ctlr & 8u) ? GIC_WIRE_FIQ : GIC_WIRE_IRQ;
    cr_assert_eq(gic_wires(&gic, pe), signals ? wire : 0u);
}

/* --- the restatement of interrupt state ---------------------------------------------------- */

struct plain {
    bool line, latch, active, edge;
    unsigned sources;
};
static struct plain plain[PES][GIC_INTERRUPT_DEFAULT];

/* An SPI has one state, kept at index 0. */
static struct plain *plain_of(unsigned pe, unsigned intid)
{
    return &plain[intid < 32 ? pe : 0][intid];
}

static void check_states(unsigned pe)
{
    for (unsigned intid = 0; intid <= LAST_SPI; intid++) {
        const struct plain *p = plain_of(pe, intid);
        bool pending = p->latch || p->sources || (p->line && !p->edge);
        cr_assert_eq(flag(pe, GICD_ISPENDR_OFFSET, intid), pending, "%u at PE %u", intid, pe);
        cr_assert_eq(flag(pe, GICD_ISACTIVER_OFFSET, intid), p->active, "%u at PE %u", intid, pe);
    }
}

static void put(unsigned pe, enum gic_frame frame, uint32_t offset, unsigned size, uint32_t value)
{
    cr_assert_eq(gic_write(&gic, pe, frame, offset, size, value), GIC_OK);
}

static void put_bit(unsigned pe, uint32_t offset, unsigned intid)
{
    put(pe, GIC_FRAME_D, offset + intid / 32 * 4, 4, 1u << intid % 32);
}

static void toggle_line(unsigned pe)
{
    unsigned intid = draw_intid();
    if (intid < 16)
        return;
    struct plain *p = plain_of(pe, intid);
    p->line = !p->line;
    p->latch |= p->edge && p->line;
    gic_set_line(&gic, pe, intid, p->line);
}

static void acknowledge(unsigned pe, bool is_alias)
{
    uint32_t value;
    uint32_t offset = is_alias ? GICC_AIAR_OFFSET : GICC_IAR_OFFSET;
    cr_assert_eq(gic_read(&gic, pe, GIC_FRAME_C, offset, 4, &value), GIC_OK);
    unsigned intid = value & 0x3ff;
    if (intid >= OTHER_GROUP)
        return;
    struct plain *p = plain_of(pe, intid);
    p->active = true;
    p->latch = false;
    p->sources &= ~(1u << (value >> 10));
}

/* Ends an interrupt that is active, by EOIR and, with EOImode, by DIR. */
static void end(unsigned pe)
{
    unsigned intid = draw_intid();
    struct plain *p = plain_of(pe, intid);
    bool is_idle = peek(pe, GIC_FRAME_C, GICC_RPR_OFFSET) == 0xff;
    bool is_split = peek(pe, GIC_FRAME_C, GICC_CTLR_OFFSET) & 0x200;
    if (!p->active)
        return;
    put(pe, GIC_FRAME_C, GICC_EOIR_OFFSET, 4, intid);
    if (is_split) {
        cr_assert_eq(flag(pe, GICD_ISACTIVER_OFFSET, intid), true);
        put(pe, GIC_FRAME_C, GICC_DIR_OFFSET, 4, intid);
    }
    p->active = !is_split && is_idle;
}

static void ask_sgi(unsigned pe)
{
    unsigned intid = draw(16), list = draw(1u << PES), filter = draw(3);
    put(pe, GIC_FRAME_D, GICD_SGIR_OFFSET, 4, filter << 24 | list << 16 | intid);
    for (unsigned target = 0; target < PES; target++)
        if ((filter == 0 && ((list >> target) & 1u)) || (filter == 1 && target != pe) ||
            (filter == 2 && target == pe))
            plain[target][intid].sources |= 1u << pe;
}

static void change_sources(unsigned pe)
{
    unsigned intid = draw(16), sources = draw(256);
    bool is_set = draw(2);
    put(pe, GIC_FRAME_D, (is_set ? GICD_SPENDSGIR_OFFSET : GICD_CPENDSGIR_OFFSET) + intid, 1,
        sources);
    struct plain *p = &plain[pe][intid];
    p->sources = is_set ? p->sources | (sources & ((1u << PES) - 1)) : p->sources & ~sources;
}

/* Set or clear, by one bit, of pending or active state. */
static void change_state(unsigned pe)
{
    static const uint32_t offsets[4] = {GICD_ICPENDR_OFFSET, GICD_ISPENDR_OFFSET,
                                        GICD_ICACTIVER_OFFSET, GICD_ISACTIVER_OFFSET};
    unsigned intid = draw_intid(), which = draw(4);
    put_bit(pe, offsets[which], intid);
    struct plain *p = plain_of(pe, intid);
    if (which >= 2)
        p->active = which & 1u;
    else if (intid >= 16)
        p->latch = which & 1u;
}

static void configure(unsigned pe)
{
    unsigned intid = draw_intid();
    uint32_t offset = GICD_ICFGR_OFFSET + intid / 16 * 4, value = draw(UINT32_MAX);
    switch (draw(9)) {
    case 0:
        put(pe, GIC_FRAME_D, GICD_IGROUPR_OFFSET + intid / 32 * 4, 4, value);
        break;
    case 1:
        put_bit(pe, draw(4) ? GICD_ISENABLER_OFFSET : GICD_ICENABLER_OFFSET, intid);
        break;
    case 2:
        put(pe, GIC_FRAME_D, GICD_IPRIORITYR_OFFSET + intid, 1, value);
        break;
    case 3:
        put(pe, GIC_FRAME_D, GICD_ITARGETSR_OFFSET + intid, 1, value);
        break;
    case 4:
        put(pe, GIC_FRAME_D, offset, 4, value);
        for (unsigned i = intid / 16 * 16; i < intid / 16 * 16 + 16; i++)
            if (i >= 32)
                plain_of(pe, i)->edge = (value >> (i % 16 * 2 + 1)) & 1u;
        break;
    case 5:
        put(pe, GIC_FRAME_D, GICD_CTLR_OFFSET, 4, draw(4) ? 3 : value);
        break;
    case 6:
        put(pe, GIC_FRAME_C, GICC_CTLR_OFFSET, 4, draw(3) ? value | 3 : value);
        break;
    case 7:
        put(pe, GIC_FRAME_C, GICC_PMR_OFFSET, 4, draw(3) ? 0xf8 : value);
        break;
    default:
        put(pe, GIC_FRAME_C, draw(2) ? GICC_BPR_OFFSET : GICC_ABPR_OFFSET, 4, value);
        break;
    }
}

static void operate(unsigned pe)
{
    switch (draw(16)) {
    case 0:
    case 1:
    case 2:
        toggle_line(pe);
        break;
    case 3:
    case 4:
        acknowledge(pe, draw(3) == 0);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
        end(pe);
        break;
    case 11:
        ask_sgi(pe);
        break;
    case 12:
        change_sources(pe);
        break;
    case 13:
    case 14:
        change_state(pe);
        break;
    default:
        configure(pe);
        break;
    }
}

/* Reset, then random priorities and targets, everything enabled. */
static void run(uint64_t round, uint32_t operations)
{
    struct gic_config config = {.pe_count = PES, .list_registers = 4,
                                .interrupts = GIC_INTERRUPT_DEFAULT};
    seed = round;
    gic_reset(&gic, &config);
    for (unsigned pe = 0; pe < PES; pe++)
        for (unsigned intid = 0; intid < GIC_INTERRUPT_DEFAULT; intid++)
            plain[pe][intid] = (struct plain){.edge = intid < 16};
    for (unsigned pe = 0; pe < PES; pe++) {
        put(pe, GIC_FRAME_D, GICD_ISENABLER_OFFSET, 4, 0xffffffff);
        put(pe, GIC_FRAME_C, GICC_CTLR_OFFSET, 4, 3);
        put(pe, GIC_FRAME_C, GICC_PMR_OFFSET, 4, 0xf8);
        for (unsigned intid = 0; intid <= LAST_SPI; intid++)
            put(pe, GIC_FRAME_D, GICD_IPRIORITYR_OFFSET + intid, 1, draw(256));
    }
    put(0, GIC_FRAME_D, GICD_CTLR_OFFSET, 4, 3);
    put(0, GIC_FRAME_D, GICD_ISENABLER_OFFSET + 4, 4, 0xff00);
    for (unsigned intid = FIRST_SPI; intid <= LAST_SPI; intid++)
        put(0, GIC_FRAME_D, GICD_ITARGETSR_OFFSET + intid, 1, 1 + draw(7));
    for (uint32_t i = 0; i < operations; i++) {
        operate(draw(PES));
        unsigned pe = draw(PES);
        check_interface(pe);
        check_states(pe);
    }
}

Test(gic_random, arbitration_and_states_are_as_restated)
{
    for (uint64_t round = 0; round < ROUNDS; round++)
        run(round, OPERATIONS);
}

/* The random walk must reach what it is there to check: preemption, both groups, SGIs, 1022. */
Test(gic_random, the_walk_reaches_every_kind_of_answer)
{
    unsigned preempted = 0, groups[2] = {0, 0}, sgis = 0, spis = 0, hidden = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        run(round, 0);
        for (uint32_t i = 0; i < OPERATIONS; i++) {
            unsigned pe = draw(PES);
            operate(pe);
            uint32_t iar = peek(pe, GIC_FRAME_C, GICC_IAR_OFFSET);
            hidden += iar == OTHER_GROUP;
            if (iar == SPURIOUS || iar == OTHER_GROUP)
                continue;
            groups[flag(pe, GICD_IGROUPR_OFFSET, iar & 0x3ff)]++;
            sgis += (iar & 0x3ff) < 16;
            spis += (iar & 0x3ff) >= 32;
            preempted += peek(pe, GIC_FRAME_C, GICC_RPR_OFFSET) != 0xff;
        }
    }
    cr_assert(preempted > 100 && groups[0] > 100 && groups[1] > 100 && sgis > 100 && spis > 100 &&
                  hidden > 100,
              "%u %u %u %u %u %u", preempted, groups[0], groups[1], sgis, spis, hidden);
}
