/*
 * Calls out of the guest that the machine serves: firmware (PSCI, by SMC or the HVC conduit) and
 * semihosting. The engine has stopped behind the instruction; decisions are pure (firmware.h,
 * semihosting.h) and applied here.
 */
#include "sim/machine_parts.h"

#include "gen/trace.h"
#include "sim/firmware.h"

static void cpu_on(struct machine *m, unsigned caller, const struct firmware_result *r)
{
    struct cpu *target = &m->state->cpu[r->target];
    uint64_t start = m->state->cpu[caller].cycles;
    core_reset(&m->core[r->target], m->config.entry_el, r->entry, r->context);
    target->wait = CPU_RUNS;
    /* Reset does not reach the GIC. */
    machine_wires_reset(m, r->target);
    if (target->cycles < start)
        target->cycles = start;
    machine_timer_update(m, r->target, target->cycles);
    event_emit_WAIT(CORE_HEAD(&m->core[r->target]), CPU_RUNS);
    core_tell_context(&m->core[r->target]);
}

static void machine_ends(struct machine *m, unsigned pe, enum machine_exit how, uint32_t status)
{
    m->state->exit = how;
    m->state->exit_status = status;
    event_emit_EXIT(CORE_HEAD(&m->core[pe]), (uint8_t)(how - EXIT_OFF), status);
}

static void system_reset(struct machine *m, unsigned pe)
{
    if (m->state->resets == m->config.resets) {
        machine_ends(m, pe, EXIT_RESET, 0);
        return;
    }
    m->state->resets++;
    machine_reset(m, pe);
}

void machine_firmware(struct machine *m, unsigned pe)
{
    struct cpu *cpu = &m->state->cpu[pe];
    struct firmware_request request = {
        .function = cpu->x[0],
        .argument = {cpu->x[1], cpu->x[2], cpu->x[3]},
        .ram_base = MAP_RAM,
        .ram_bytes = m->config.ram_bytes,
        .immediate = m->core[pe].word >> 5 & 0xffff,
        .pe = (uint8_t)pe,
        .pe_count = (uint8_t)m->config.pe_count,
    };
    for (unsigned i = 0; i < PE_COUNT_MAX; i++)
        request.power[i] =
            m->state->cpu[i].wait == CPU_IS_OFF ? FIRMWARE_OFF : FIRMWARE_ON;
    struct firmware_result r = firmware_call(&request);
    switch (r.action) {
    case FIRMWARE_NONE:
        break;
    case FIRMWARE_CPU_ON:
        cpu_on(m, pe, &r);
        break;
    case FIRMWARE_CPU_OFF:
        cpu->wait = CPU_IS_OFF;
        if (m->cache)
            cache_power_down(m->cache, pe); /* as PSCI asks of firmware */
        event_emit_WAIT(CORE_HEAD(&m->core[pe]), CPU_IS_OFF);
        core_tell_context(&m->core[pe]); /* nothing is live on it any more */
        break;
    case FIRMWARE_SUSPEND:
        cpu->wait = CPU_WAITS_INTERRUPT;
        event_emit_WAIT(CORE_HEAD(&m->core[pe]), CPU_WAITS_INTERRUPT);
        break;
    case FIRMWARE_SYSTEM_OFF:
        machine_ends(m, pe, EXIT_OFF, 0);
        break;
    case FIRMWARE_POWER_DOWN:
        machine_power_down(m, pe, r.entry, r.context);
        break;
    case FIRMWARE_SYSTEM_RESET:
        system_reset(m, pe);
        break;
    case FIRMWARE_ASK:
        r.value = choose(&m->chooser, &m->side->counts, CHOICE_GUEST_INPUT, pe, r.answers);
        break;
    }
    event_emit_FIRMWARE(CORE_HEAD(&m->core[pe]), request.function, request.argument[0], r.value);
    if (r.action != FIRMWARE_POWER_DOWN && r.action != FIRMWARE_SYSTEM_RESET)
        cpu->x[0] = r.value;
}

/* --- semihosting -------------------------------------------------------------------------- */

struct caller {
    struct machine *machine;
    unsigned pe;
};

static bool translate(const struct caller *c, uint64_t va, pa_t *pa)
{
    struct walk walk;
    if (!machine_peek_va(c->machine, c->pe, va_make(va), &walk))
        return false;
    *pa = walk.result.pa;
    return true;
}

static size_t part_of(uint64_t va, size_t left)
{
    size_t in_page = PAGE_BYTES - (va & (PAGE_BYTES - 1));
    return left < in_page ? left : in_page;
}

static bool guest_read(void *context, uint64_t va, void *bytes, size_t size)
{
    const struct caller *c = context;
    for (size_t done = 0; done < size;) {
        size_t part = part_of(va + done, size - done);
        pa_t pa;
        if (!translate(c, va + done, &pa))
            return false;
        if (c->machine->order)
            order_look(c->machine->order, pa, part);
        if (!machine_peek(c->machine, pa, (uint8_t *)bytes + done, part))
            return false;
        done += part;
    }
    return true;
}

static bool guest_write(void *context, uint64_t va, const void *bytes, size_t size)
{
    const struct caller *c = context;
    for (size_t done = 0; done < size;) {
        size_t part = part_of(va + done, size - done);
        pa_t pa;
        if (!translate(c, va + done, &pa) ||
            !machine_poke(c->machine, pa, (const uint8_t *)bytes + done, part))
            return false;
        done += part;
    }
    return true;
}

static void output(void *context, uint8_t byte)
{
    const struct caller *c = context;
    machine_console(c->machine, c->pe, byte);
}

void machine_semihosting(struct machine *m, unsigned pe)
{
    struct cpu *cpu = &m->state->cpu[pe];
    if (m->order)
        order_drain(m->order, pe); /* the host sees what the PE has done */
    struct caller caller = {.machine = m, .pe = pe};
    struct semihosting_request request = {
        .operation = (uint32_t)cpu->x[0],
        .parameter = cpu->x[1],
        .nanoseconds = cpu->cycles,
        .command_line = m->config.bootargs,
    };
    struct semihosting_wiring wiring = {
        .context = &caller, .read = guest_read, .write = guest_write, .output = output};
    struct semihosting_result r = semihosting_call(&m->state->semihosting, &request, &wiring);
    if (r.has_value)
        cpu->x[0] = r.value;
    if (r.action == SEMIHOSTING_EXIT)
        machine_ends(m, pe, EXIT_SEMIHOST, r.status);
}
