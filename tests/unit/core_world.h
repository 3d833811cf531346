/*
 * A small world for tests of system registers and exceptions: one PE with its MMU and a page of
 * memory, core operations that note what they were asked, and the events told.
 */
#pragma once
#include <criterion/criterion.h>
#include <string.h>

#include "cpu/core.h"
#include "cpu/model.h"
#include "cpu/timing.h"
#include "gen/trace.h"
#include "sim/base/cow.h"

struct core_world {
    struct cpu cpu;
    struct mmu_state mmu_state;
    struct mmu_config config;
    struct mmu mmu;
    struct event_clock clock;
    struct cow *memory;
    struct port port;
    uint64_t epoch;
    struct chooser chooser;
    struct choice_counts counts;
    struct events events;
    struct cpu_model model;
    struct timing timing;
    struct core_ops ops;
    bool stream_event; /* what an event stream has done */
    struct core core;

    uint64_t counter;      /* what the system counter reads */
    unsigned timer_changes; /* calls of timer_changed */
    struct tlbi tlbi;      /* the last message */
    unsigned tlbi_count;
    enum sysreg cache_operation;
    pa_t cache_address;
    unsigned cache_count;
    uint64_t cache_operand;
    unsigned synchronized_count;
    unsigned told[EVENT_KIND_COUNT];
    struct event last[EVENT_KIND_COUNT];
    uint32_t answer; /* to every open choice */
    unsigned asked;
};

static inline void world_tlbi(void *owner, unsigned pe, struct tlbi *message)
{
    struct core_world *w = owner;
    cr_assert_eq(pe, w->core.pe);
    w->tlbi = *message;
    w->tlbi_count++;
}

static inline uint64_t world_counter(void *owner, unsigned pe)
{
    struct core_world *w = owner;
    cr_assert_eq(pe, w->core.pe);
    return w->counter;
}

static inline bool world_stream_event(void *owner, unsigned pe)
{
    struct core_world *w = owner;
    cr_assert_eq(pe, w->core.pe);
    return w->stream_event;
}

static inline void world_timer_changed(void *owner, unsigned pe)
{
    struct core_world *w = owner;
    cr_assert_eq(pe, w->core.pe);
    w->timer_changes++;
}

static inline void world_cache(void *owner, unsigned pe, enum sysreg operation,
                               const struct translation *t, uint64_t operand)
{
    struct core_world *w = owner;
    cr_assert_eq(pe, w->core.pe);
    w->cache_operation = operation;
    w->cache_address = t->pa;
    w->cache_operand = operand;
    w->cache_count++;
}

static inline void world_synchronize(void *owner, unsigned pe)
{
    struct core_world *w = owner;
    cr_assert_eq(pe, w->core.pe);
    w->synchronized_count++;
}

static inline void world_hear(void *context, const struct event *event)
{
    struct core_world *w = context;
    w->told[event->kind]++;
    w->last[event->kind] = *event;
}

static inline uint32_t world_decide(void *context, const struct choice_name *name, uint32_t n,
                                    uint64_t hint)
{
    struct core_world *w = context;
    (void)name;
    (void)hint;
    w->asked++;
    return w->answer < n ? w->answer : n - 1;
}

static inline enum port_result world_read(void *owner, const struct access *access,
                                          uint64_t value[2])
{
    (void)owner;
    (void)access;
    value[0] = value[1] = 0; /* every descriptor is invalid */
    return PORT_OK;
}

static inline enum port_result world_write(void *owner, const struct access *access,
                                           const uint64_t value[2])
{
    (void)owner;
    (void)access;
    (void)value;
    return PORT_OK;
}

static inline uint8_t *world_page(void *owner, unsigned pe, pa_t page, bool is_write)
{
    (void)owner;
    (void)pe;
    (void)page;
    (void)is_write;
    return NULL;
}

/* A world whose PE has been reset into `el`. */
static inline struct core_world *world_new(unsigned el)
{
    struct core_world *w = calloc(1, sizeof *w);
    cr_assert_not_null(w);
    w->model = model_configure(model_find("armv8.0"), 0, 0);
    w->timing = timing_make("armv8.0", true);
    w->config = (struct mmu_config){
        .pa_bits = (uint8_t)model_pa_bits(&w->model),
        .vmid_bits = (uint8_t)model_vmid_bits(&w->model),
        .asid_bits = (uint8_t)model_asid_bits(&w->model),
        .tlb_entries = 64,
    };
    w->memory = cow_new(mmu_tlb_pages(&w->config));
    w->port = (struct port){.owner = w, .read = world_read, .write = world_write,
                            .page = world_page,
                            .epoch = &w->epoch};
    chooser_init(&w->chooser, CHOICE_DECIDE);
    w->chooser.decide = world_decide;
    w->chooser.decide_context = w;
    w->ops = (struct core_ops){.tlbi = world_tlbi, .counter = world_counter,
                               .stream_event = world_stream_event,
                               .timer_changed = world_timer_changed, .cache = world_cache,
                               .synchronize = world_synchronize};
    w->clock = (struct event_clock){&w->cpu.insns, &w->cpu.cycles, &w->cpu.el};
    w->mmu = (struct mmu){.state = &w->mmu_state, .memory = w->memory, .config = &w->config,
                          .port = &w->port, .chooser = &w->chooser, .counts = &w->counts,
                          .events = &w->events, .clock = &w->clock, .pe = 3};
    mmu_wire(&w->mmu);
    w->core = (struct core){.cpu = &w->cpu, .mmu = &w->mmu, .port = &w->port,
                            .chooser = &w->chooser, .counts = &w->counts, .events = &w->events,
                            .model = &w->model, .timing = &w->timing, .ops = &w->ops,
                            .owner = w, .pe = 3};
    core_wire(&w->core);
    core_reset(&w->core, el, 0x1000, 0);
    events_attach(&w->events, world_hear, w, UINT64_MAX);
    return w;
}

static inline void world_free(struct core_world *w)
{
    core_unwire(&w->core);
    mmu_unwire(&w->mmu);
    chooser_free(&w->chooser);
    cow_free(w->memory);
    free(w);
}

static inline void world_open(struct core_world *w, enum choice_kind kind, uint32_t answer)
{
    w->chooser.open_mask |= 1u << kind;
    w->answer = answer;
}

/* Sets both copies of a register, without side effects. */
static inline void world_set(struct core_world *w, enum sysreg reg, uint64_t value)
{
    w->cpu.reg[reg] = value;
    w->cpu.effective[reg] = value;
    w->core.regimes_stale = true;
}
