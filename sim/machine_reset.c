/*
 * Reset of the whole machine, as PSCI SYSTEM_RESET asks for it: PEs, MMUs, caches, GIC and devices
 * are as at power-on and the boot loader loads its images again. RAM keeps the rest of what it
 * has, as on the board, whose memory goes on being refreshed. Time goes on: steps, cycles and the
 * system counter are those of the run, and so are the names of choices.
 *
 * Also the waking state of a PE that goes into a power-down state of PSCI: what it will resume as
 * is made when it goes down, so that no more state than its registers is needed. Its timers are
 * always on (as the device tree says) and keep their registers, since they have to wake it.
 *
 * Not modelled: RAM that loses its content, and a power domain of the GIC or of devices.
 */
#include "sim/machine_parts.h"

#include "cpu/code.h"
#include "gen/trace.h"

#include <string.h>

/* What processors have in copy-on-write pages: TLBs, logs, caches. All begin as zero. */
static void clear_processor_pages(struct machine *m)
{
    static const uint8_t zeros[PAGE_BYTES];
    for (size_t i = (size_t)(m->config.ram_bytes >> PAGE_SHIFT); i < m->device_page; i++) {
        if (memcmp(cow_read(m->memory, i), zeros, PAGE_BYTES) != 0)
            memset(cow_write(m->memory, i), 0, PAGE_BYTES);
    }
    m->port_epoch++;
    for (size_t i = 0; i < (size_t)(m->config.ram_bytes >> PAGE_SHIFT); i++)
        m->notes[i] = (struct page_note){
            .watchers = (uint8_t)(m->notes[i].watchers & 1u << WATCHER_SESSION)};
    code_restored(m->code);
}

/* A PE goes off, and nothing is live on it any more. */
static void pe_off(struct machine *m, unsigned pe)
{
    struct machine_state *s = m->state;
    core_reset(&m->core[pe], m->config.entry_el, 0, 0);
    s->cpu[pe].wait = CPU_IS_OFF;
    event_emit_WAIT(CORE_HEAD(&m->core[pe]), CPU_IS_OFF);
    core_tell_context(&m->core[pe]);
    s->pe[pe] = (struct pe_state){.hold_left = 0};
    m->side->visible[pe] = VISIBLE_NONE;
    memset(&s->mmu[pe], 0, sizeof s->mmu[pe]);
}

void machine_reset(struct machine *m, unsigned caller)
{
    struct machine_state *s = m->state;
    uint64_t now = s->cpu[caller].cycles, seen = s->clock.seen;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        pe_off(m, pe);
    s->exit = EXIT_NONE;
    event_emit_EXIT(CORE_HEAD(&m->core[caller]), EXIT_RESET - EXIT_OFF, 0);
    clear_processor_pages(m);
    if (m->order)
        memset(m->order->state, 0, machine_order_bytes(m));
    s->monitors_armed = 0;
    s->current = 0;
    s->quantum_left = m->config.quantum;
    clock_init(&s->clock, m->timing.cycles_per_tick);
    s->clock.seen = seen;
    machine_gic_reset(m);
    machine_devices_reset(m);
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        mmu_restored(&m->mmu[pe]);
        core_restored(&m->core[pe]);
    }
    if (s->cpu[0].cycles < now)
        s->cpu[0].cycles = now;
    struct error error;
    if (!machine_start(m, &error))
        bug("what was loaded once does not load again: %s", error.text);
}

/* --- power-down states --------------------------------------------------------------------- */

static const enum sysreg timer_registers[] = {
    SR_CNTP_CTL_EL0,  SR_CNTP_CVAL_EL0,  SR_CNTV_CTL_EL0, SR_CNTV_CVAL_EL0, SR_CNTHP_CTL_EL2,
    SR_CNTHP_CVAL_EL2, SR_CNTVOFF_EL2,   SR_CNTKCTL_EL1,  SR_CNTHCTL_EL2,
};

void machine_power_down(struct machine *m, unsigned pe, uint64_t entry, uint64_t context)
{
    struct cpu *cpu = &m->state->cpu[pe];
    uint64_t reg[ARRAY_COUNT(timer_registers)], effective[ARRAY_COUNT(timer_registers)];
    core_synchronize(&m->core[pe]);
    for (size_t i = 0; i < ARRAY_COUNT(timer_registers); i++) {
        reg[i] = cpu->reg[timer_registers[i]];
        effective[i] = cpu->effective[timer_registers[i]];
    }
    if (m->cache)
        cache_power_down(m->cache, pe);
    core_reset(&m->core[pe], m->config.entry_el, entry, context);
    for (size_t i = 0; i < ARRAY_COUNT(timer_registers); i++) {
        cpu->reg[timer_registers[i]] = reg[i];
        cpu->effective[timer_registers[i]] = effective[i];
    }
    cpu->lines = (uint8_t)(gic_wires(&m->state->gic, pe) & GIC_WIRES_TO_PE);
    cpu->wait = CPU_WAITS_INTERRUPT;
    machine_timer_update(m, pe, cpu->cycles);
    event_emit_WAIT(CORE_HEAD(&m->core[pe]), CPU_WAITS_INTERRUPT);
    core_tell_context(&m->core[pe]);
}
