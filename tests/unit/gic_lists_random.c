/*
 * The virtual CPU interface against a restatement in plain words: after each of many random
 * operations of hypervisor and guest, every register of GICH and GICV, the wires and the physical
 * interrupts are what the restatement says.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "gen/gicv2.h"
#include "gic/state.h"

#define LISTS 6u
#define PE 3u
#define SPURIOUS 1023u
#define OTHER_GROUP 1022u
#define ROUNDS 40u
#define OPERATIONS 1000u

static struct gic gic;
static uint64_t seed;

/* What a list register says, field by field. */
struct entry {
    bool pending, active, hw, group;
    unsigned priority, intid, middle; /* middle: bits 19:10 */
};

static struct {
    struct entry entry[LISTS];
    bool active[32]; /* group priorities */
    bool enabled[2], on, ackctl, fiqen, cbpr, split;
    unsigned mask, point, alias_point, count, causes; /* causes: bits 7:1 of GICH_HCR */
    bool physical[32];
} plain;

static uint32_t draw(uint32_t n)
{
    seed = hash_mix(seed + 0x9e3779b97f4a7c15u);
    return (uint32_t)(seed >> 32) % n;
}

static uint32_t get(enum gic_frame frame, uint32_t offset)
{
    uint32_t value = 0;
    cr_assert_eq(gic_read(&gic, PE, frame, offset, 4, &value), GIC_OK);
    return value;
}

static void put(enum gic_frame frame, uint32_t offset, uint32_t value)
{
    cr_assert_eq(gic_write(&gic, PE, frame, offset, 4, value), GIC_OK);
}

/* --- the restatement ------------------------------------------------------------------------ */

static unsigned running(void)
{
    for (unsigned p = 0; p < 32; p++)
        if (plain.active[p])
            return p * 8;
    return 255;
}

/* Which entry is next, or none. */
static struct entry *next(void)
{
    struct entry *best = NULL;
    for (unsigned i = 0; plain.on && i < LISTS; i++) {
        struct entry *e = &plain.entry[i];
        bool ready = e->pending && !e->active && e->intid < 1020;
        if (ready && (!best || e->priority < best->priority))
            best = e;
    }
    return best;
}

/* How many priorities there are in one that preempts, for interrupts like this. */
static unsigned level_size(const struct entry *e)
{
    bool own = !e->group || plain.cbpr;
    return 1u << (own ? plain.point + 1 : plain.alias_point);
}

static unsigned preemption_level(const struct entry *e)
{
    return e->priority / level_size(e) * level_size(e);
}

static bool signals(const struct entry *e)
{
    return e && plain.enabled[e->group] && e->priority < plain.mask &&
           (running() == 255 || e->priority / level_size(e) < running() / level_size(e));
}

static uint32_t shown(const struct entry *e, bool is_alias)
{
    if (!e || !plain.enabled[e->group] || (is_alias && !e->group))
        return SPURIOUS;
    if (!is_alias && e->group && !plain.ackctl)
        return OTHER_GROUP;
    bool has_source = e->intid < 16 && !e->hw;
    return (has_source ? (e->middle & 7u) << 10 : 0) | e->intid;
}

static uint32_t maintenance(void)
{
    unsigned valid = 0, pending = 0, ended = 0;
    for (unsigned i = 0; i < LISTS; i++) {
        const struct entry *e = &plain.entry[i];
        valid += e->pending || e->active;
        pending += e->pending && !e->active;
        ended += !e->pending && !e->active && !e->hw && (e->middle >> 9);
    }
    const bool conditions[8] = {false,       valid < 2,         plain.count > 0,
                                pending < 1, plain.enabled[0],  !plain.enabled[0],
                                plain.enabled[1], !plain.enabled[1]};
    uint32_t status = ended > 0;
    for (unsigned i = 1; i < 8; i++)
        if (conditions[i] && (plain.causes >> i & 1))
            status |= 1u << i;
    return status;
}

static void acknowledge(bool is_alias)
{
    struct entry *e = next();
    uint32_t expected = signals(e) ? shown(e, is_alias) : SPURIOUS;
    uint32_t found = get(GIC_FRAME_V, is_alias ? GICV_AIAR_OFFSET : GICV_IAR_OFFSET);
    cr_assert_eq(found, expected, "%x, not %x", found, expected);
    if (expected == SPURIOUS || expected == OTHER_GROUP)
        return;
    plain.active[preemption_level(e) / 8] = true;
    e->pending = false;
    e->active = true;
}

static struct entry *active_entry(unsigned intid)
{
    for (unsigned i = 0; i < LISTS; i++)
        if (plain.entry[i].active && plain.entry[i].intid == intid)
            return &plain.entry[i];
    return NULL;
}

static void deactivate(unsigned intid)
{
    struct entry *e = active_entry(intid);
    if (!e) {
        plain.count = (plain.count + 1) % 32;
        return;
    }
    e->active = false;
    if (e->hw && e->middle >= 16 && e->middle < 32)
        plain.physical[e->middle] = false;
}

static void end(unsigned intid, bool is_alias)
{
    put(GIC_FRAME_V, is_alias ? GICV_AEOIR_OFFSET : GICV_EOIR_OFFSET, draw(8) << 10 | intid);
    struct entry *e = active_entry(intid);
    unsigned level = running();
    if (intid >= 1020 || (level == 255 && !e) || (is_alias && e && !e->group))
        return;
    if (level != 255)
        plain.active[level / 8] = false;
    if (!plain.split)
        deactivate(intid);
}

/* --- random operations ---------------------------------------------------------------------- */

static unsigned draw_intid(void)
{
    static const unsigned some[] = {2, 5, 27, 40, 1019, 1021};
    return some[draw(ARRAY_COUNT(some))];
}

static void write_list(void)
{
    unsigned i = draw(LISTS);
    struct entry *e = &plain.entry[i];
    *e = (struct entry){.pending = draw(2),
                        .active = draw(4) == 0,
                        .hw = draw(4) == 0,
                        .group = draw(2),
                        .priority = draw(32) * 8,
                        .intid = draw_intid(),
                        .middle = draw(2) ? 16 + draw(20) : draw(1024)};
    put(GIC_FRAME_H, GICH_LR_OFFSET + 4 * i,
        (uint32_t)e->hw << 31 | (uint32_t)e->group << 30 | (uint32_t)e->active << 29 |
            (uint32_t)e->pending << 28 | e->priority / 8 << 23 | e->middle << 10 | e->intid);
}

static void write_settings(void)
{
    uint32_t enables = draw(4) ? 3 : draw(4);
    plain.enabled[0] = enables & 1;
    plain.enabled[1] = enables >> 1;
    plain.ackctl = draw(2);
    plain.fiqen = draw(2);
    plain.cbpr = draw(2);
    plain.split = draw(2);
    plain.mask = (draw(3) ? 31 : draw(32)) * 8;
    unsigned point = draw(8), alias_point = draw(8);
    plain.point = point < 2 ? 2 : point;
    plain.alias_point = alias_point < 3 ? 3 : alias_point;
    uint32_t bits = enables | (uint32_t)plain.ackctl << 2 | (uint32_t)plain.fiqen << 3 |
                    (uint32_t)plain.cbpr << 4 | (uint32_t)plain.split << 9;
    if (draw(2)) {
        put(GIC_FRAME_H, GICH_VMCR_OFFSET,
            plain.mask / 8 << 27 | point << 21 | alias_point << 18 | bits);
        return;
    }
    put(GIC_FRAME_V, GICV_CTLR_OFFSET, bits);
    put(GIC_FRAME_V, GICV_PMR_OFFSET, plain.mask | draw(8));
    put(GIC_FRAME_V, GICV_BPR_OFFSET, point);
    put(GIC_FRAME_V, GICV_ABPR_OFFSET, alias_point);
}

static void write_control(void)
{
    plain.on = draw(8) != 0;
    plain.causes = draw(128) << 1;
    plain.count = draw(3) ? plain.count : draw(32);
    put(GIC_FRAME_H, GICH_HCR_OFFSET, plain.count << 27 | plain.causes | plain.on);
}

static void write_priorities(void)
{
    uint32_t bits = draw(2) ? 0 : 1u << draw(32);
    for (unsigned p = 0; p < 32; p++)
        plain.active[p] = bits >> p & 1;
    if (draw(2))
        put(GIC_FRAME_H, GICH_APR_OFFSET, bits);
    else
        put(GIC_FRAME_V, GICV_APR0_OFFSET, bits);
}

static void set_physical(void)
{
    unsigned intid = 16 + draw(16);
    plain.physical[intid] = true;
    put(GIC_FRAME_D, GICD_ISACTIVER_OFFSET, 1u << intid);
}

static void operate(void)
{
    unsigned what = draw(20);
    if (what < 6)
        write_list();
    else if (what < 11)
        acknowledge(draw(3) == 0);
    else if (what < 15)
        end(draw_intid(), draw(4) == 0);
    else if (what == 15)
        write_settings();
    else if (what == 16)
        write_control();
    else if (what == 17 && draw(4) == 0)
        write_priorities();
    else if (what == 18)
        set_physical();
    else {
        unsigned intid = draw_intid();
        put(GIC_FRAME_V, GICV_DIR_OFFSET, intid);
        if (plain.split && intid < 1020)
            deactivate(intid);
    }
}

static void check(void)
{
    uint32_t ended = 0, empty = 0, bits = 0;
    for (unsigned i = 0; i < LISTS; i++) {
        const struct entry *e = &plain.entry[i];
        uint32_t list = get(GIC_FRAME_H, GICH_LR_OFFSET + 4 * i);
        cr_assert_eq(list >> 28 & 3, (unsigned)e->active << 1 | e->pending);
        bool invalid = !e->active && !e->pending, tells = !e->hw && e->middle >> 9;
        ended |= (uint32_t)(invalid && tells) << i;
        empty |= (uint32_t)(invalid && !tells) << i;
    }
    for (unsigned p = 0; p < 32; p++)
        bits |= (uint32_t)plain.active[p] << p;
    cr_assert_eq(get(GIC_FRAME_H, GICH_EISR_OFFSET), ended);
    cr_assert_eq(get(GIC_FRAME_H, GICH_ELRSR_OFFSET), empty);
    cr_assert_eq(get(GIC_FRAME_H, GICH_APR_OFFSET), bits);
    cr_assert_eq(get(GIC_FRAME_V, GICV_RPR_OFFSET), running());
    cr_assert_eq(get(GIC_FRAME_H, GICH_HCR_OFFSET),
                 plain.count << 27 | plain.causes | plain.on);
    cr_assert_eq(get(GIC_FRAME_H, GICH_MISR_OFFSET), maintenance());
    const struct entry *e = next();
    cr_assert_eq(get(GIC_FRAME_V, GICV_HPPIR_OFFSET), shown(e, false));
    cr_assert_eq(get(GIC_FRAME_V, GICV_AHPPIR_OFFSET), shown(e, true));
    unsigned wires = 0;
    if (signals(e))
        wires = !e->group && plain.fiqen ? GIC_WIRE_VFIQ : GIC_WIRE_VIRQ;
    if (plain.on && maintenance() != 0)
        wires |= GIC_WIRE_MAINTENANCE;
    cr_assert_eq(gic_wires(&gic, PE), wires);
    for (unsigned intid = 16; intid < 32; intid++)
        cr_assert_eq(get(GIC_FRAME_D, GICD_ISACTIVER_OFFSET) >> intid & 1, plain.physical[intid]);
}

/* How often the walk was where it is to be: both groups signalled, preemption, counted ends. */
struct reach {
    unsigned signalled[2], preempted, counted, maintained, split;
};

static void look(struct reach *r)
{
    const struct entry *e = next();
    if (signals(e)) {
        r->signalled[e->group]++;
        r->preempted += running() != 255;
    }
    r->counted += plain.count != 0;
    r->maintained += plain.on && maintenance() != 0;
    r->split += plain.split;
}

Test(gic_lists_random, every_register_is_as_restated)
{
    struct reach r = {{0, 0}, 0, 0, 0, 0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct gic_config config = {.pe_count = 4,
                                    .list_registers = LISTS,
                                    .interrupts = GIC_INTERRUPT_DEFAULT};
        seed = round;
        gic_reset(&gic, &config);
        memset(&plain, 0, sizeof plain);
        plain.point = 2;
        plain.alias_point = 3;
        check();
        write_settings();
        write_control();
        for (unsigned i = 0; i < OPERATIONS; i++) {
            operate();
            check();
            look(&r);
        }
    }
    cr_assert(r.signalled[0] > 1000 && r.signalled[1] > 1000 && r.preempted > 500 &&
                  r.counted > 1000 && r.maintained > 1000 && r.split > 1000,
              "%u %u %u %u %u %u", r.signalled[0], r.signalled[1], r.preempted, r.counted,
              r.maintained, r.split);
}
