/*
 * Snapshots of the machine: state and ask counts by copying, memory by reference. Derived data
 * is dropped at a restore; nothing else is needed, because state is bytes. Observers keep their
 * own state beside it (sim/check), and the chooser's recording belongs to whoever records.
 */
#include "sim/machine_parts.h"

#include "cpu/code.h"

#include <stdlib.h>
#include <string.h>

struct machine_snapshot {
    struct cow_snapshot *memory;
    struct order_state *order; /* machine_order_bytes() of it, or NULL */
    struct machine_side side;
    size_t size;
    struct machine_state state; /* the first size bytes; the last member, cut short */
};

struct machine_snapshot *machine_save(struct machine *m)
{
    size_t size = machine_state_bytes(m);
    struct machine_snapshot *s = malloc(offsetof(struct machine_snapshot, state) + size);
    ensure(s != NULL);
    s->memory = cow_save(m->memory);
    m->port_epoch++; /* write pointers are revoked */
    memcpy(&s->side, m->side, sizeof s->side);
    s->size = size;
    s->order = NULL;
    if (m->order) {
        s->order = malloc(machine_order_bytes(m));
        ensure(s->order != NULL);
        memcpy(s->order, m->order->state, machine_order_bytes(m));
    }
    memcpy((char *)s + offsetof(struct machine_snapshot, state), m->state, size);
    return s;
}

void machine_restore(struct machine *m, const struct machine_snapshot *s)
{
    ensure(s->size == machine_state_bytes(m) && (s->order != NULL) == (m->order != NULL));
    if (m->order)
        memcpy(m->order->state, s->order, machine_order_bytes(m));
    cow_restore(m->memory, s->memory);
    m->port_epoch++;
    code_restored(m->code);
    memcpy(m->side, &s->side, sizeof *m->side);
    memcpy(m->state, (const char *)s + offsetof(struct machine_snapshot, state), s->size);
    m->unmodelled = NULL;
    m->stop_requested = m->events.stop = false;
    m->events.step = m->state->step;
    m->break_passed = false;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        mmu_restored(&m->mmu[pe]);
        core_restored(&m->core[pe]);
    }
}

void machine_snapshot_free(struct machine_snapshot *s)
{
    if (!s)
        return;
    cow_snapshot_free(s->memory);
    free(s->order);
    free(s);
}

uint64_t machine_snapshot_step(const struct machine_snapshot *s)
{
    return s->state.step;
}

uint64_t machine_hash(struct machine *m)
{
    uint64_t memory = cow_hash(m->memory);
    m->port_epoch++;
    if (m->order)
        memory = hash_bytes(m->order->state, machine_order_bytes(m), memory);
    if (m->side->lines.count != 0) /* all its bytes are 0 otherwise */
        memory = hash_bytes(&m->side->lines, sizeof m->side->lines, memory);
    if (m->side->streams.on != 0)
        memory = hash_bytes(&m->side->streams, sizeof m->side->streams, memory);
    return hash_bytes(m->state, machine_state_bytes(m), memory);
}

bool machine_peek_va(const struct machine *m, unsigned pe, va_t va, struct walk *walk)
{
    const struct cpu *cpu = &m->state->cpu[pe];
    struct regime regime = core_regime_peek(cpu, &m->mmu_config, core_regime_kind(cpu));
    struct mmu_request request = {.va = va, .el = cpu->el, .kind = ACCESS_PLAIN, .alignment = 1};
    mmu_peek(&m->mmu[pe], &regime, &request, walk);
    return walk->result.fault.kind == FAULT_NONE;
}
