/* Events: emitters and observers, and the text form of every kind there and back. */
#include "gen/trace.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct heard {
    unsigned count;
    struct event last;
};

static void hear(void *context, const struct event *event)
{
    struct heard *h = context;
    h->count++;
    h->last = *event;
}

Test(event, emitters_reach_those_who_listen)
{
    struct events events = {.step = 17};
    struct heard some = {0}, all = {0};

    event_emit_RETIRE(&events, 0, 1, 5, 6, 0x1000, 0xd503201f, 0);
    events_attach(&events, hear, &some, UINT64_C(1) << EVENT_EXC_TAKE);
    events_attach(&events, hear, &all, ~UINT64_C(0));
    event_emit_RETIRE(&events, 0, 1, 5, 6, 0x1000, 0xd503201f, 0);
    cr_assert_eq(all.last.retire.word, 0xd503201fu);
    event_emit_EXC_TAKE(&events, 3, 2, 50, 60, 1, 2, 0, 0x5a000000, 7, 0x1004, 0x40000400);
    cr_assert_eq(some.count, 1u);
    cr_assert_eq(all.count, 2u);
    const struct event *e = &some.last;
    cr_assert_eq(e->kind, EVENT_EXC_TAKE);
    cr_assert(e->pe == 3 && e->el == 2 && e->step == 17 && e->insn == 50 && e->time == 60);
    cr_assert(e->exc_take.from_el == 1 && e->exc_take.to_el == 2 && e->exc_take.vector == 0);
    cr_assert(e->exc_take.esr == 0x5a000000 && e->exc_take.far == 7);
    cr_assert(e->exc_take.pc == 0x1004 && e->exc_take.to_pc == 0x40000400);

    events_detach(&events, hear, &events);
    cr_assert_eq(events.sink_count, 2u, "not one of them");
    events_detach(&events, hear, &all);
    cr_assert_eq(events.mask, UINT64_C(1) << EVENT_EXC_TAKE);
    event_emit_RETIRE(&events, 0, 1, 5, 6, 0x1000, 0xd503201f, 0);
    cr_assert_eq(all.count, 2u);
    events_detach(&events, hear, &some);
    cr_assert_eq(events.mask, 0u);
}

Test(event, needs_are_those_of_all_who_listen)
{
    const uint64_t system = UINT64_C(1) << EVENT_SYSTEM, vreg = UINT64_C(1) << EVENT_VREG;
    struct events events = {0};
    struct heard one = {0}, other = {0};
    events_attach(&events, hear, &one, system | vreg);
    events_attach(&events, hear, &other, system);
    cr_assert(events.needs[0] == (system | vreg) && events.needs[7] == (system | vreg));
    cr_assert_not(events.stop);

    events_need(&events, hear, &one, 7, 0);
    cr_assert(events.needs[7] == system && events.needs[0] == (system | vreg));
    cr_assert(events.stop, "the engine that runs is to look again");
    events.stop = false;
    events_need(&events, hear, &other, 7, 0);
    cr_assert(events.needs[7] == 0 && events.stop);
    cr_assert_eq(events.mask, system | vreg, "what is told of is as it was");
    events.stop = false;
    events_need(&events, hear, &other, 7, vreg);
    cr_assert(events.needs[7] == 0 && !events.stop, "it is not among those that listen to VREG");
    events_need(&events, hear, &events, 0, 0);
    cr_assert(events.needs[0] == (system | vreg) && !events.stop, "that is nobody");
    events_detach(&events, hear, &one);
    cr_assert(events.needs[0] == system && events.needs[7] == 0);
}

Test(event, a_value_too_wide_for_its_field_is_our_bug, .signal = SIGABRT)
{
    struct events events = {0};
    struct heard all = {0};
    events_attach(&events, hear, &all, ~UINT64_C(0));
    event_emit_REG(&events, 0, 1, 0, 0, 256, 0, 0);
}

/* The rows describe the struct: each field has its own bytes, outside the head. */
Test(event, fields_do_not_overlap)
{
    for (unsigned k = 0; k < EVENT_KIND_COUNT; k++) {
        const struct event_row *row = &event_rows[k];
        bool taken[sizeof(struct event)] = {true, true, true};
        memset(taken + 8, true, 24);
        unsigned kind;
        cr_assert(event_kind_by_name(row->name, &kind) && kind == k);
        for (size_t i = 0; i < row->field_count; i++) {
            const struct event_field *f = &row->fields[i];
            cr_assert_eq(event_field_by_name(k, f->name), f);
            cr_assert_eq(f->offset % f->size, 0);
            for (unsigned byte = 0; byte < f->size; byte++) {
                cr_assert_not(taken[f->offset + byte], "%s.%s", row->name, f->name);
                taken[f->offset + byte] = true;
            }
        }
    }
    unsigned kind;
    cr_assert_not(event_kind_by_name("retire", &kind));
    cr_assert_null(event_field_by_name(EVENT_RETIRE, "va"));
}

static uint64_t random_state = 1;

static uint64_t random_value(void)
{
    uint64_t r = hash_mix(random_state++);
    switch (r % 5) {
    case 0:
        return 0;
    case 1:
        return ~UINT64_C(0);
    case 2:
        return (r >> 8) % 10;
    default:
        return hash_mix(r) >> (r >> 8) % 64;
    }
}

static struct event random_event(unsigned kind)
{
    struct event e;
    memset(&e, 0, sizeof e);
    e.kind = (uint8_t)kind;
    e.pe = (uint8_t)random_value();
    e.el = (uint8_t)random_value();
    e.step = random_value();
    e.insn = random_value();
    e.time = random_value();
    for (size_t i = 0; i < event_rows[kind].field_count; i++) {
        const struct event_field *f = &event_rows[kind].fields[i];
        uint64_t value = random_value() & bits_ones(8u * f->size);
        event_field_set(&e, f, value);
        cr_assert_eq(event_field_value(&e, f), value);
    }
    return e;
}

static void there_and_back(void)
{
    struct error error;
    char text[EVENT_TEXT_MAX], again[EVENT_TEXT_MAX];
    for (unsigned k = 0; k < EVENT_KIND_COUNT; k++) {
        for (unsigned i = 0; i < 300; i++) {
            struct event e = random_event(k), back;
            size_t length = event_text_write(&e, text, sizeof text);
            cr_assert_eq(length, strlen(text));
            cr_assert(event_text_parse(text, &back, &error), "%s: %s", text, error.text);
            cr_assert_arr_eq(&e, &back, sizeof e, "%s", text);
            event_text_write(&back, again, sizeof again);
            cr_assert_str_eq(text, again);
        }
    }
}

static const char *const sysregs[] = {"HCR_EL2", NULL, "VTTBR_EL2", "S3_4_C1_C1_0"};

Test(event, text_there_and_back)
{
    there_and_back();
    event_set_sysreg_names(sysregs, ARRAY_COUNT(sysregs));
    there_and_back();
}

static struct event sysreg_event(unsigned reg)
{
    struct event e;
    memset(&e, 0, sizeof e);
    e.kind = EVENT_SYSREG;
    e.pe = 1;
    e.el = 2;
    e.step = 3;
    e.insn = 4;
    e.time = 5;
    e.sysreg.reg = (uint16_t)reg;
    e.sysreg.new = 0x80000001;
    return e;
}

Test(event, text_is_one_readable_line)
{
    char text[EVENT_TEXT_MAX];
    struct event e = sysreg_event(2);
    event_text_write(&e, text, sizeof text);
    cr_assert_str_eq(text, "SYSREG pe=1 el=2 step=3 insn=4 time=5 reg=2 "
                           "old=0x0000000000000000 new=0x0000000080000001");
    event_set_sysreg_names(sysregs, ARRAY_COUNT(sysregs));
    size_t length = event_text_write(&e, text, sizeof text);
    cr_assert(strstr(text, " reg=VTTBR_EL2 old="));
    char cut[20];
    cr_assert_eq(event_text_write(&e, cut, sizeof cut), length);
    cr_assert_str_eq(cut, "SYSREG pe=1 el=2 st");
    e = sysreg_event(1);
    event_text_write(&e, text, sizeof text);
    cr_assert(strstr(text, " reg=1 old="), "a number without a name: %s", text);
}

static void refused(const char *text, const char *reason)
{
    struct event e;
    struct error error;
    cr_assert_not(event_text_parse(text, &e, &error), "%s", text);
    cr_assert(strstr(error.text, reason), "%s: %s", text, error.text);
}

Test(event, text_with_anything_wrong_is_refused)
{
    struct event e;
    struct error error;
#define HEAD "BARRIER pe=1 el=2 step=3 insn=4 time=5"
    cr_assert(event_text_parse(HEAD " barrier=1 option=11", &e, &error));
    refused("", "no such event");
    refused("BARRIERS", "no such event");
    refused("barrier", "no such event");
    refused("BARRIER", "pe= wanted");
    refused(HEAD, "barrier= wanted");
    refused(HEAD " barrier=1", "option= wanted");
    refused(HEAD " option=1 barrier=1", "barrier= wanted");
    refused(HEAD " barrier=1 option=11 ", "after the last");
    refused(HEAD " barrier=1 option=11\n", "option=");
    refused(HEAD "  barrier=1 option=11", "barrier= wanted");
    refused(HEAD " barrier= option=11", "barrier=: not");
    refused(HEAD " barrier=256 option=11", "barrier=256");
    refused(HEAD " barrier=01 option=11", "barrier=01");
    refused(HEAD " barrier=-1 option=11", "barrier=-1");
    refused(HEAD " barrier=0x1 option=11", "barrier=0x1");
    refused("BARRIER pe=1 el=2 step=18446744073709551616 insn=4 time=5", "step=");
#undef HEAD
#define HEAD "TLBI_DONE pe=1 el=2 step=18446744073709551615 insn=4 time=5"
    cr_assert(event_text_parse(HEAD " message=4294967295", &e, &error));
    refused(HEAD " message=4294967296", "message=");
#undef HEAD
#define HEAD "SYSREG pe=1 el=2 step=3 insn=4 time=5 reg="
#define TAIL " old=0x0000000000000000 new=0x0000000080000001"
    cr_assert(event_text_parse(HEAD "0" TAIL, &e, &error));
    event_set_sysreg_names(sysregs, ARRAY_COUNT(sysregs));
    cr_assert(event_text_parse(HEAD "HCR_EL2" TAIL, &e, &error));
    cr_assert(event_text_parse(HEAD "1" TAIL, &e, &error));
    refused(HEAD "0" TAIL, "reg=0");
    refused(HEAD "HCR" TAIL, "reg=HCR");
    refused(HEAD "1 old=0x000000000000000A new=0x0000000080000001", "old=");
    refused(HEAD "1 old=0x0 new=0x0000000080000001", "old=");
#undef HEAD
#undef TAIL
}
