/*
 * The order of accesses in the machine: what stands above RAM while store buffers or the history
 * of writes are on (mem/order.h), wired to PEs, MMUs, monitors and choices. Off, m->order is NULL
 * and nothing here is called.
 *
 * Its state lies beside struct machine_state, so that machines without it have the same state.
 *
 * DDI 0487 B2.3: the rules are listed in mem/order.h.
 */
#include "sim/machine_parts.h"

#include "cpu/errata.h"
#include "cpu/operands.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)OPERAND_SP == (int)ORDER_SP && (int)OPERAND_NZCV == (int)ORDER_NZCV &&
                   (int)OPERAND_VECTOR == (int)ORDER_VECTOR &&
                   (int)OPERAND_SYSTEM == (int)ORDER_SYSTEM,
               "the CPU's sets of registers are sets of views");

static void peek_below(void *owner, pa_t pa, void *bytes, size_t size)
{
    ensure(machine_peek(owner, pa, bytes, size));
}

static bool watches_below(void *owner, const struct access *access)
{
    return memory_is_monitored(owner, access);
}

static void entry_made(void *owner, unsigned pe, uint32_t entry)
{
    order_entry_made(owner, pe, entry);
}

static void entry_used(void *owner, unsigned pe, uint32_t entry)
{
    order_entry_used(owner, pe, entry);
}

static void entry_gone(void *owner, unsigned pe, uint32_t entry, bool invalidated)
{
    order_entry_gone(owner, pe, entry, invalidated);
}

static void tlbi_delivered(void *owner, unsigned pe, const struct tlbi *message)
{
    order_tlbi_delivered(owner, pe, message->issuer);
}

void machine_order_new(struct machine *m)
{
    if (m->config.store_buffer == 0 && m->config.history == 0)
        return;
    struct order *o = m->order = calloc(1, sizeof *o);
    ensure(o != NULL);
    o->state = calloc(1, sizeof *o->state);
    ensure(o->state != NULL);
    o->pe_count = m->config.pe_count;
    o->capacity = m->config.store_buffer;
    o->history = m->config.history;
    o->late_stores = erratum_is_on(m->config.errata, ERRATUM_TLBI_STORES);
    o->below = (struct order_below){.owner = m,
                                    .read = memory_read_below,
                                    .write = memory_write_below,
                                    .peek = peek_below,
                                    .watches = watches_below};
    o->chooser = &m->chooser;
    o->counts = &m->side->counts;
    o->events = &m->events;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        const struct cpu *cpu = &m->state->cpu[pe];
        o->clock[pe] = (struct order_clock){&cpu->insns, &cpu->cycles, &cpu->el};
    }
    m->mmu_listener = (struct mmu_listener){.owner = o,
                                            .made = entry_made,
                                            .used = entry_used,
                                            .gone = entry_gone,
                                            .delivered = tlbi_delivered};
}

void machine_order_free(struct machine *m)
{
    if (!m->order)
        return;
    free(m->order->state);
    free(m->order);
    m->order = NULL;
}

size_t machine_order_bytes(const struct machine *m)
{
    return m->order ? order_state_bytes(m->order) : 0;
}

void machine_order_barrier(struct machine *m, unsigned pe, enum barrier_kind kind, unsigned crm)
{
    switch (kind) {
    case BARRIER_DMB:
        order_dmb(m->order, pe, crm);
        break;
    case BARRIER_DSB:
        order_dsb(m->order, pe, crm);
        break;
    case BARRIER_ISB: /* what it orders, the context synchronization event does */
        break;
    }
}

/* DC by address comes behind the PE's own stores to that line; IC and set/way need a DSB. */
void machine_order_cache(struct machine *m, unsigned pe, enum sysreg operation, pa_t address)
{
    if (operation == SR_DC_IVAC || operation == SR_DC_CVAC || operation == SR_DC_CVAP ||
        operation == SR_DC_CVAU || operation == SR_DC_CIVAC)
        order_clean(m->order, pe, address);
}

void machine_order_synchronize(void *owner, unsigned pe)
{
    struct machine *m = owner;
    order_synchronize(m->order, pe);
}

void machine_order_woken(void *owner, unsigned pe)
{
    struct machine *m = owner;
    order_woken(m->order, pe);
}

static struct order_operands order_operands_of(const struct operand_sets *o)
{
    return (struct order_operands){.address = o->address,
                                   .data = o->data,
                                   .branch = o->branch,
                                   .source = o->source,
                                   .target = o->target,
                                   .base = o->base,
                                   .status = o->status};
}

void machine_order_instruction_begin(void *owner, unsigned pe, const struct operand_sets *operands)
{
    struct machine *m = owner;
    struct order_operands converted = order_operands_of(operands);
    order_instruction_begin(m->order, pe, &converted);
}

void machine_order_instruction_end(void *owner, unsigned pe, const struct operand_sets *operands,
                                   bool completed)
{
    struct machine *m = owner;
    struct order_operands converted = order_operands_of(operands);
    order_instruction_end(m->order, pe, &converted, completed);
}
