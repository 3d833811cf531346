/*
 * The machine: birth and death, and what it says of itself. Who runs next is decided in
 * machine_schedule.c, and time moves in machine_run.c.
 *
 * Not modelled: PEs of several models in one machine.
 */
#include "sim/machine_parts.h"

#include "cpu/code.h"
#include "cpu/errata.h"
#include "cpu/model.h"
#include "gen/trace.h"

#include <stdlib.h>
#include <string.h>

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
        return good ? error_set(error, "--drive: %.400s: its content is not that of this run",
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
