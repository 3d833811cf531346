/*
 * The machine: birth, the choice of who runs next, and the one loop that moves time.
 *
 * Scheduling: a PE runs a quantum of steps or until it waits; then the one with the lowest cycle
 * count runs, ties by number. The choice next-cpu may hold a PE back after a visible operation.
 * When all PEs wait, time jumps to the next deadline.
 */
#include "sim/machine_parts.h"

#include "cpu/code.h"
#include "cpu/errata.h"
#include "cpu/model.h"
#include "cpu/pmu.h"
#include "gen/trace.h"

#include <stdlib.h>
#include <string.h>

/* Steps of the precise engine until the fast one, where it is wanted, is tried again. */
#define PRECISE_PART 100u

const uint64_t hold_distance[HOLD_ANSWERS] = {0, 8, 64, 512, 4096, HOLD_UNTIL_OTHERS_WAIT};

size_t machine_state_bytes(const struct machine *m)
{
    return offsetof(struct machine_state, cpu) + m->config.pe_count * sizeof(struct cpu);
}

static void wire_pe(struct machine *m, unsigned pe)
{
    struct cpu *cpu = &m->state->cpu[pe];
    size_t ram_pages = (size_t)(m->config.ram_bytes >> PAGE_SHIFT);
    m->event_clock[pe] =
        (struct event_clock){.insn = &cpu->insns, .time = &cpu->cycles, .el = &cpu->el};
    m->mmu[pe] = (struct mmu){
        .state = &m->state->mmu[pe],
        .memory = m->memory,
        .tlb_page = ram_pages + pe * mmu_tlb_pages(&m->mmu_config),
        .config = &m->mmu_config,
        .port = &m->port,
        .chooser = &m->chooser,
        .counts = &m->side->counts,
        .events = &m->events,
        .clock = &m->event_clock[pe],
        .listener = m->order ? &m->mmu_listener : NULL,
        .versions = m->has_versions ? &m->versions : NULL,
        .pe = (uint8_t)pe,
    };
    mmu_wire(&m->mmu[pe]);
    m->core[pe] = (struct core){
        .cpu = cpu,
        .mmu = &m->mmu[pe],
        .port = &m->port,
        .chooser = &m->chooser,
        .counts = &m->side->counts,
        .events = &m->events,
        .model = &m->model,
        .timing = &m->timing,
        .ops = &machine_core_ops,
        .owner = m,
        .code = m->code,
        .errata = m->config.errata,
        .pe = pe,
        .conduit_hvc = m->config.entry_el == 1,
        .keeps_order = m->order != NULL,
        .may_drop = m->config.open_mask >> CHOICE_DROP & 1,
    };
    core_wire(&m->core[pe]);
}

static void mmu_config_make(struct machine *m)
{
    const struct cpu_model *model = &m->model;
    m->mmu_config = (struct mmu_config){
        .pa_bits = (uint8_t)model_pa_bits(model),
        .vmid_bits = (uint8_t)model_vmid_bits(model),
        .asid_bits = (uint8_t)model_asid_bits(model),
        .granules = (uint8_t)model_granules(model),
        .features = (uint8_t)model_mmu_features(model),
        .late_loads = erratum_is_on(m->config.errata, ERRATUM_TLBI_LOADS),
        .tlb_entries = m->config.tlb_entries,
        .cost_walk_step = m->timing.walk_step,
        .cost_tlb_miss = m->timing.tlb_miss,
        .cost_tlb_second = m->timing.tlb_second,
    };
    if (!m->config.tlb_core)
        return;
    if (!tlb_shape_find(m->config.model, &m->mmu_config.shape))
        bug("model %s has no TLB geometry", m->config.model);
    m->mmu_config.tlb_entries = m->mmu_config.shape.entries;
}

/* RAM, the TLBs, and what spec-fill needs where it may be open. */
static void memory_make(struct machine *m)
{
    size_t ram_pages = (size_t)(m->config.ram_bytes >> PAGE_SHIFT);
    size_t pages = ram_pages + m->config.pe_count * mmu_tlb_pages(&m->mmu_config);
    m->has_versions = m->config.open_mask >> CHOICE_SPEC_FILL & 1;
    m->versions = (struct version_log){.first_page = pages,
                                       .ram_base = MAP_RAM,
                                       .ram_pages = ram_pages,
                                       .chooser = &m->chooser,
                                       .out_of_context = erratum_is_on(
                                           m->config.errata, ERRATUM_SPECULATIVE_AT)};
    if (m->has_versions)
        pages += version_log_pages(ram_pages);
    struct cache_config caches = machine_cache_config(m);
    size_t first_of_caches = pages;
    if (m->config.caches)
        pages += cache_pages(&caches);
    m->device_page = pages;
    pages += machine_virtio_layout(m, pages);
    m->memory = m->versions.memory = cow_new(pages);
    if (m->config.caches)
        machine_cache_init(m, first_of_caches);
}

void machine_gic_reset(struct machine *m)
{
    struct gic_config gic = {.pe_count = (uint8_t)m->config.pe_count,
                             .list_registers = (uint8_t)m->config.list_registers,
                             .interrupts = (uint16_t)(m->config.irqs ? m->config.irqs
                                                                     : GIC_INTERRUPT_DEFAULT)};
    gic_reset(&m->state->gic, &gic);
    semihosting_reset(&m->state->semihosting);
}

static void disks_close(struct disk disks[DRIVE_MAX])
{
    for (unsigned i = 0; i < DRIVE_MAX; i++)
        disk_close(&disks[i]);
}

/* The drives' files, which must hold what the configuration says that they do. */
static bool disks_open(struct disk disks[DRIVE_MAX], const struct machine_config *config,
                       struct error *error)
{
    struct error why;
    memset(disks, 0, DRIVE_MAX * sizeof *disks);
    for (unsigned i = 0; i < config->drive_count; i++) {
        const struct config_drive *drive = &config->drive[i];
        bool good = disk_open(&disks[i], drive->path, &why);
        if (good && disks[i].size == drive->size && disks[i].hash == drive->hash)
            continue;
        disks_close(disks);
        return good ? error_set(error, "--drive: %s: its content is not that of this run",
                                drive->path)
                    : error_set(error, "--drive: %.480s", why.text);
    }
    return true;
}

struct machine *machine_new(const struct machine_config *config, struct error *error)
{
    struct disk disks[DRIVE_MAX];
    if (!config_check(config, error) || !config_check_errata(config, error))
        return NULL;
    const struct cpu_model *model = model_find(config->model);
    if (!model) {
        error_set(error, "--cpu %s: no such model (see `armillary info models`)", config->model);
        return NULL;
    }
    if (!disks_open(disks, config, error))
        return NULL;
    struct machine *m = calloc(1, sizeof *m);
    ensure(m != NULL);
    memcpy(m->disk, disks, sizeof m->disk);
    m->config = *config;
    m->model = model_configure(model, config->vmid_bits, config->asid_bits);
    m->model.cache_sets = config->cache_sets;
    m->timing = timing_make(config->model, config->timing_flat);
    m->model.counter_hz = CYCLES_PER_SECOND / m->timing.cycles_per_tick;
    if (config->counter_hz != 0) {
        m->model.counter_hz = config->counter_hz;
        m->timing.cycles_per_tick = CYCLES_PER_SECOND / config->counter_hz;
    }
    mmu_config_make(m);
    m->state = calloc(1, sizeof *m->state);
    m->side = calloc(1, sizeof *m->side);
    ensure(m->state != NULL && m->side != NULL);
    memory_make(m);
    m->notes = calloc((size_t)(config->ram_bytes >> PAGE_SHIFT), sizeof *m->notes);
    ensure(m->notes != NULL);
    m->port_epoch = 1;
    m->printed = INPUT_DEVICE_COUNT;
    m->code = code_new();
    chooser_init(&m->chooser, CHOICE_DEFAULT);
    m->chooser.open_mask = config->open_mask;
    machine_port_init(m);
    machine_order_new(m);
    clock_init(&m->state->clock, m->timing.cycles_per_tick);
    m->hz = m->timing.cycles_per_tick * model_value(&m->model, SR_CNTFRQ_EL0, 0, 0);
    machine_gic_reset(m);
    machine_devices_reset(m);
    for (unsigned pe = 0; pe < config->pe_count; pe++) {
        wire_pe(m, pe);
        core_reset(&m->core[pe], config->entry_el, 0, 0);
        m->state->cpu[pe].wait = CPU_IS_OFF;
    }
    return m;
}

void machine_free(struct machine *m)
{
    if (!m)
        return;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        core_unwire(&m->core[pe]);
        mmu_unwire(&m->mmu[pe]);
    }
    chooser_free(&m->chooser);
    code_free(m->code);
    cow_free(m->memory);
    machine_order_free(m);
    machine_input_free(m);
    disks_close(m->disk);
    free(m->notes);
    free(m->side);
    free(m->state);
    free(m);
}

void machine_request_stop(struct machine *m)
{
    m->stop_requested = m->events.stop = true;
}

struct engine_result engine_run(struct machine *m, unsigned pe, const struct engine_budget *budget)
{
    struct core *c = &m->core[pe];
    m->events.step = m->state->step;
    m->events.stop = m->stop_requested;
    c->lines_may_change = false;
    if (m->state->monitors_armed != 0)
        memory_guard_monitors(m, pe);
    if (m->engine == ENGINE_KIND_FAST && !m->order && core_may_run_fast(c))
        return core_run_fast(c, budget);
    struct engine_budget part = *budget;
    if (m->engine == ENGINE_KIND_FAST && part.steps > PRECISE_PART)
        part.steps = PRECISE_PART; /* then it may run fast again */
    return core_run_precise(c, &part);
}

/* --- who runs next ------------------------------------------------------------------------ */

static bool is_ready(const struct machine *m, unsigned pe)
{
    return m->state->cpu[pe].wait == CPU_RUNS;
}

/* The ready PE with the lowest time among those held or those not held; -1: none. */
static int lowest_time(const struct machine *m, bool held)
{
    int best = -1;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (!is_ready(m, pe) || (m->state->pe[pe].hold_left != 0) != held)
            continue;
        if (best < 0 || m->state->cpu[pe].cycles < m->state->cpu[best].cycles)
            best = (int)pe;
    }
    return best;
}

static bool others_can_run(const struct machine *m, unsigned pe)
{
    for (unsigned other = 0; other < m->config.pe_count; other++) {
        if (other != pe && is_ready(m, other) && m->state->pe[other].hold_left == 0)
            return true;
    }
    return false;
}

/* The hold is over: the time that passed is charged. HOLD tells what was left of it. */
static void release(struct machine *m, unsigned pe)
{
    struct machine_state *s = m->state;
    uint64_t left = s->pe[pe].hold_left;
    s->pe[pe].hold_left = 0;
    if (s->cpu[pe].cycles < s->now)
        s->cpu[pe].cycles = s->now;
    event_emit_HOLD(CORE_HEAD(&m->core[pe]), 0, left < UINT32_MAX ? (uint32_t)left : UINT32_MAX);
}

static void count_visible(struct machine *m, unsigned pe)
{
    for (unsigned other = 0; other < m->config.pe_count; other++) {
        struct pe_state *p = &m->state->pe[other];
        if (other == pe || p->hold_left == 0)
            continue;
        if (--p->hold_left == 0)
            release(m, other);
    }
}

/* Asks whether this PE, about to run behind a visible operation, is held instead. */
static bool is_held_now(struct machine *m, unsigned pe)
{
    uint64_t hint = m->side->visible[pe];
    if (hint == VISIBLE_NONE)
        return false;
    m->side->visible[pe] = VISIBLE_NONE;
    if (!others_can_run(m, pe))
        return false;
    uint32_t k = choose_at(&m->chooser, CHOICE_NEXT_CPU, pe, m->state->cpu[pe].insns, HOLD_ANSWERS,
                           hint);
    if (k == 0)
        return false;
    m->state->pe[pe].hold_left = hold_distance[k];
    event_emit_HOLD(CORE_HEAD(&m->core[pe]), 1,
                    k + 1 == HOLD_ANSWERS ? UINT32_MAX : (uint32_t)hold_distance[k]);
    return true;
}

/* A visible operation of a PE that would go on, behind which next-cpu may be asked. */
bool machine_visible(void *owner, unsigned pe)
{
    struct machine *m = owner;
    struct core *c = &m->core[pe];
    m->state->now = m->state->cpu[pe].cycles;
    if (choice_is_open(&m->chooser, CHOICE_NEXT_CPU))
        m->side->visible[pe] = c->visible;
    c->visible = VISIBLE_NONE;
    count_visible(m, pe);
    return !is_held_now(m, pe);
}

/* The PEs that can run, by time and then number. */
static unsigned by_turns(const struct machine *m, uint8_t order[PE_COUNT_MAX])
{
    unsigned count = 0;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (!is_ready(m, pe))
            continue;
        unsigned at = count++;
        for (; at > 0 && m->state->cpu[pe].cycles < m->state->cpu[order[at - 1]].cycles; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)pe;
    }
    return count;
}

/*
 * The same with next-step open, when time says nothing: who ran goes on up to its next visible
 * operation, and then any PE may be next. Whatever lies between two such operations commutes with
 * what others do, so that these are all the interleavings that can be told apart.
 */
static int next_by_choice(struct machine *m)
{
    struct machine_state *s = m->state;
    uint64_t *hint = &m->side->visible[s->current];
    s->quantum_left = m->config.quantum;
    if (*hint == VISIBLE_NONE && is_ready(m, s->current))
        return (int)s->current;
    uint8_t order[PE_COUNT_MAX];
    unsigned count = by_turns(m, order);
    if (count == 0)
        return -1;
    *hint = VISIBLE_NONE;
    s->current = order[choose(&m->chooser, &m->side->counts, CHOICE_NEXT_STEP, 0, count)];
    return (int)s->current;
}

/* The PE whose turn it is now, or -1 when all wait. */
static int next_pe(struct machine *m)
{
    struct machine_state *s = m->state;
    if (choice_is_open(&m->chooser, CHOICE_NEXT_STEP))
        return next_by_choice(m);
    for (;;) {
        unsigned pe = s->current;
        if (s->quantum_left == 0 || !is_ready(m, pe) || s->pe[pe].hold_left != 0) {
            int lowest = lowest_time(m, false);
            if (lowest < 0) {
                lowest = lowest_time(m, true);
                if (lowest < 0)
                    return -1;
                release(m, (unsigned)lowest);
            }
            pe = (unsigned)lowest;
            if (s->clock.next <= s->cpu[pe].cycles) { /* may wake somebody who comes first */
                machine_deadlines(m, s->cpu[pe].cycles);
                continue;
            }
            s->current = pe;
            s->quantum_left = m->config.quantum;
        }
        if (!is_held_now(m, pe))
            return (int)pe;
    }
}

/* --- the loop ----------------------------------------------------------------------------- */

static bool asks_who_is_next(const struct machine *m)
{
    return choice_is_open(&m->chooser, CHOICE_NEXT_CPU) ||
           choice_is_open(&m->chooser, CHOICE_NEXT_STEP);
}

/* Whether that may be asked, so that each visible operation of the coming run counts. */
static bool watches_visible(const struct machine *m)
{
    if (asks_who_is_next(m))
        return true;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (m->state->pe[pe].hold_left != 0)
            return true;
    }
    return false;
}

/* Whether nothing but next-cpu is to be looked at behind a visible operation. */
static bool may_ask(const struct machine *m, unsigned pe)
{
    return !choice_is_open(&m->chooser, CHOICE_NEXT_STEP) && !m->has_versions &&
           m->state->cpu[pe].reg[SR_PMINTENSET_EL1] == 0;
}

/* Ends the budget where a counter of the performance monitors may overflow and interrupt. */
static void bound_by_pmu(struct engine_budget *budget, const struct cpu *cpu)
{
    struct pmu_bound bound = pmu_bound(cpu);
    if (bound.steps < budget->steps)
        budget->steps = bound.steps;
    if (bound.cycles < budget->cycles - cpu->cycles)
        budget->cycles = cpu->cycles + bound.cycles;
}

/* Whether the end of its quantum gives nobody else a turn, whatever this PE does in between. */
static bool runs_alone(const struct machine *m, unsigned pe)
{
    for (unsigned other = 0; other < m->config.pe_count; other++) {
        uint8_t wait = m->state->cpu[other].wait;
        if (other != pe && wait != CPU_IS_OFF && wait != CPU_WAITS_INTERRUPT)
            return false; /* one in WFE is woken without the engine coming back */
    }
    return true;
}

/* What is left of the turn after so many steps; more than that only when a PE runs alone. */
static uint32_t quantum_after(const struct machine *m, uint64_t steps)
{
    uint64_t left = m->state->quantum_left, quantum = m->config.quantum;
    if (steps <= left)
        return (uint32_t)(left - steps);
    uint64_t into = (steps - left) % quantum;
    return (uint32_t)(into == 0 ? 0 : quantum - into);
}

/* What of a PC decides whether it may be at the break point. */
static uint64_t break_mask(const struct machine *m)
{
    return m->break_if ? PAGE_BYTES - 1 : UINT64_MAX;
}

static bool is_at_break(const struct machine *m, unsigned pe)
{
    return ((m->state->cpu[pe].pc ^ m->break_pc) & break_mask(m)) == 0 &&
           (!m->break_if || m->break_if(m->break_context, m, pe));
}

static enum machine_stop run_turn(struct machine *m, unsigned pe, uint64_t step_limit, bool *stop)
{
    struct machine_state *s = m->state;
    struct core *c = &m->core[pe];
    uint64_t steps = step_limit - s->step;
    uint64_t input = machine_input_distance(m);
    if (input < steps)
        steps = input;
    bool visible = watches_visible(m);
    if (steps > s->quantum_left && (visible || !runs_alone(m, pe)))
        steps = s->quantum_left;
    struct engine_budget budget = {
        .steps = steps,
        .cycles = s->clock.next > s->cpu[pe].cycles ? s->clock.next : s->cpu[pe].cycles + 1,
        .visible = !visible ? ENGINE_PASSES : may_ask(m, pe) ? ENGINE_ASKS : ENGINE_STOPS,
        .stop_at_pc = m->break_on && (m->break_pe < 0 || m->break_pe == (int)pe),
        .stop_pc = m->break_pc,
        .stop_mask = break_mask(m),
    };
    if (budget.stop_at_pc && !m->break_passed && is_at_break(m, pe)) {
        m->break_passed = true;
        *stop = true;
        return MACHINE_BREAK;
    }
    m->break_passed = false;
    bool monitors = s->cpu[pe].reg[SR_PMINTENSET_EL1] != 0;
    if (monitors) {
        machine_wires_of(m, pe); /* time may have passed since it last ran: counters go on in WFI */
        bound_by_pmu(&budget, &s->cpu[pe]);
    }
    struct engine_result result = engine_run(m, pe, &budget);
    s->step += result.steps;
    s->quantum_left = quantum_after(m, result.steps);
    s->now = s->cpu[pe].cycles;
    if (visible && c->visible != VISIBLE_NONE && result.reason != ENGINE_UNMODELLED) {
        if (asks_who_is_next(m))
            m->side->visible[pe] = c->visible;
        count_visible(m, pe);
    }
    switch (result.reason) {
    case ENGINE_FIRMWARE:
        machine_firmware(m, pe);
        break;
    case ENGINE_SEMIHOST:
        machine_semihosting(m, pe);
        break;
    case ENGINE_UNMODELLED:
        m->unmodelled = c->unmodelled;
        m->unmodelled_pe = pe;
        *stop = true;
        return MACHINE_UNMODELLED;
    case ENGINE_WAITS:
    case ENGINE_LINES:
        break;
    case ENGINE_BUDGET:
    case ENGINE_VISIBLE:
        if (!monitors)
            return MACHINE_LIMIT; /* no input of a line has changed */
        break;
    }
    machine_wires_of(m, pe);
    return MACHINE_LIMIT;
}

/* spec-fill may have been opened: PEs that wait for their turn, or wait, may walk by themselves. */
static void tell_regimes(struct machine *m)
{
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (m->state->cpu[pe].wait != CPU_IS_OFF && mmu_keeps_versions(&m->mmu[pe]))
            core_tell_regimes(&m->core[pe]);
    }
}

enum machine_stop machine_run(struct machine *m, uint64_t step_limit)
{
    struct machine_state *s = m->state;
    m->stop_requested = false;
    m->events.step = s->step;
    m->unmodelled = NULL;
    code_break_at(m->code, m->break_on, m->break_pc, break_mask(m));
    tell_regimes(m);
    struct machine_idling idling = {.limit = step_limit};
    for (;;) {
        if (m->stop_requested)
            return MACHINE_REQUEST;
        if (s->exit != EXIT_NONE)
            return MACHINE_EXIT;
        if (s->step >= idling.limit)
            return idling.ends ? MACHINE_REQUEST : MACHINE_LIMIT;
        machine_input_take(m);
        int pe = next_pe(m);
        if (pe < 0) {
            if (machine_input_comes(m, &idling))
                continue;
            if (m->order && order_drain_all(m->order)) /* nothing waits for ever */
                continue;
            if (s->clock.next == DEADLINE_NEVER) {
                if (machine_input_hurry(m))
                    continue;
                return MACHINE_IDLE;
            }
            s->jumps++;
            machine_deadlines(m, s->clock.next);
            continue;
        }
        if (s->clock.next <= s->cpu[pe].cycles) /* in the course of its turn */
            machine_deadlines(m, s->cpu[pe].cycles);
        bool stop = false;
        enum machine_stop why = run_turn(m, (unsigned)pe, idling.limit, &stop);
        if (stop)
            return why;
    }
}

uint64_t machine_insns(const struct machine *m)
{
    uint64_t sum = 0;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        sum += m->state->cpu[pe].insns;
    return sum;
}

uint64_t machine_cycles(const struct machine *m)
{
    uint64_t largest = 0;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (m->state->cpu[pe].cycles > largest)
            largest = m->state->cpu[pe].cycles;
    }
    return largest;
}
