/*
 * Data accesses of instructions: Mem[], exclusives, DC ZVA. Compiled once for each engine.
 *
 * Translates, checks alignment through the MMU, and goes to memory through the port. Where
 * nothing needs to see each access (no observer of memory, no open choice at a TLB hit, caches
 * and store buffers off), host pointers to whole pages are kept over live TLB entries: struct
 * core_cache. It is derived data: the state is the same with and without it, because a TLB hit
 * changes nothing and costs nothing.
 *
 * AArch64.MemSingle, AArch64.ExclusiveMonitorsPass, AArch64.SetExclusiveMonitors (DDI 0487).
 */
#include "cpu/direct.h"
#include "cpu/exec.h"
#include "cpu/exception.h"

#include <string.h>

/* The exclusives reservation granule: CTR_EL0.ERG says 64 bytes. */
#define GRANULE_BYTES 64u
#define DCZVA_BYTES 64u

static bool is_big_endian(const struct core *c, unsigned el)
{
    const struct cpu *cpu = c->cpu;
    if (el == 2)
        return cpu->effective[SR_SCTLR_EL2] & SCTLR_EL2_EE;
    uint64_t bit = el == 0 ? SCTLR_EL1_E0E : SCTLR_EL1_EE;
    return cpu->effective[SR_SCTLR_EL1] & bit;
}

static uint64_t swap_bytes(uint64_t value, unsigned size)
{
    return size == 1 ? value : __builtin_bswap64(value) >> (64u - 8u * size);
}

static void swap_value(uint64_t value[2], const struct mem_op *op)
{
    unsigned size = op->size;
    if (op->pair && size == 8) { /* two words: each in its place */
        value[0] = swap_bytes(value[0], 8);
        value[0] = value[0] >> 32 | value[0] << 32;
        return;
    }
    value[0] = swap_bytes(value[0], size > 8 ? 8 : size);
    if (size == 16)
        value[1] = swap_bytes(value[1], 8);
}

/* Translates for an access; false with the fault noted. Remembers what the walk cost. */
static bool translate(struct core *c, uint64_t va, const struct mem_op *op, bool is_write,
                      unsigned size, bool check, struct translation *result)
{
    const struct cpu *cpu = c->cpu;
    struct mmu_request request = {
        .va = va_make(va),
        .el = op->unprivileged && cpu->el == 1 ? 0 : cpu->el,
        .kind = op->kind,
        .is_write = is_write,
        .size = check ? (uint8_t)size : 0,
        .alignment = check && op->aligned ? (uint8_t)size : 1,
    };
    uint64_t fills = c->mmu->state->fills;
    mmu_translate(c->mmu, core_regime(c, core_regime_kind(cpu)), &request, result);
    c->extra_cost += result->cost;
    if (c->mmu->state->fills != fills)
        c->visible = VISIBLE_WALK;
    if (result->fault.kind == FAULT_NONE)
        return true;
    c->fault = result->fault;
    c->fault_iss = op->iss;
    return false;
}

static bool port_failed(struct core *c, uint64_t va, const struct mem_op *op, bool is_write)
{
    c->fault = (struct fault){
        .kind = FAULT_EXTERNAL, .is_write = is_write, .va = va_make(va), .stage = 1};
    c->fault_iss = op->iss;
    return false;
}

static void tell_access(struct core *c, uint64_t va, const struct translation *t,
                        const struct mem_op *op, bool is_write, unsigned size, uint64_t value)
{
    if (c->visible < VISIBLE_SPECIAL)
        c->visible = t->pa.bits | (is_write ? VISIBLE_STORE : 0);
    event_emit_MEM(CORE_HEAD(c), va, t->pa.bits, value, (uint8_t)size, is_write, op->kind,
                   op->exclusive, t->entry);
}

/* The same for an access through a host pointer. */
static inline void tell_direct(struct core *c, uint64_t va, const struct direct_entry *direct,
                               const struct mem_op *op, bool is_write, uint64_t value)
{
    uint64_t pa = direct->pa + (va & (PAGE_BYTES - 1));
    if (c->visible < VISIBLE_SPECIAL)
        c->visible = pa | (is_write ? VISIBLE_STORE : 0);
    event_emit_MEM(CORE_HEAD(c), va, pa, value, op->size, is_write, op->kind, 0,
                   c->cache->serial[(va >> PAGE_SHIFT) % DIRECT_COUNT]);
}

static struct access access_make(const struct core *c, uint64_t va, const struct translation *t,
                                 const struct mem_op *op, bool is_write, unsigned size)
{
    return (struct access){
        .va = va_make(va),
        .pa = t->pa,
        .pe = (uint8_t)c->pe,
        .size = (uint8_t)size,
        .kind = op->kind,
        .is_write = is_write,
        .exclusive = op->exclusive,
        .memory = t->memory,
        .shareability = t->shareability,
        .el = c->cpu->el,
    };
}

/* An access that crosses a page: both pages are translated first, then it goes byte by byte. */
static bool access_split(struct core *c, uint64_t va, const struct mem_op *op, bool is_write,
                         uint64_t value[2])
{
    unsigned first = (unsigned)(PAGE_BYTES - (va & (PAGE_BYTES - 1)));
    struct translation page[2];
    /* The alignment check looks at the whole access, once. */
    if (!translate(c, va, op, is_write, op->size, true, &page[0]) ||
        !translate(c, va + first, op, is_write, op->size, false, &page[1]))
        return false;
    uint8_t *bytes = (uint8_t *)value;
    for (unsigned i = 0; i < op->size; i++) {
        struct translation t = page[i >= first];
        t.pa.bits = i < first ? t.pa.bits + i : t.pa.bits + (i - first);
        struct access access = access_make(c, va + i, &t, op, is_write, 1);
        uint64_t one[2] = {bytes[i], 0};
        enum port_result answer = is_write ? c->port->write(c->port->owner, &access, one)
                                           : c->port->read(c->port->owner, &access, one);
        if (answer == PORT_EXTERNAL_ABORT)
            return port_failed(c, va + i, op, is_write);
        bytes[i] = (uint8_t)one[0];
        tell_access(c, va + i, &t, op, is_write, 1, one[0]);
    }
    return true;
}

static bool crosses_page(uint64_t va, unsigned size)
{
    return (va & (PAGE_BYTES - 1)) + size > PAGE_BYTES;
}

/* The local and the global monitor are set by the read itself. */
static void monitor_arm(struct core *c, pa_t pa)
{
    c->cpu->monitor_pa = align_down(pa.bits, GRANULE_BYTES);
    c->cpu->monitor_size = GRANULE_BYTES;
}

bool ENGINE(mem_read)(struct core *c, uint64_t va, const struct mem_op *op, uint64_t value[2])
{
    unsigned el = op->unprivileged && c->cpu->el == 1 ? 0 : c->cpu->el;
    value[1] = 0;
    const struct direct_entry *direct =
        op->exclusive ? NULL : direct_find(c, va, op->size, el, false);
    if (direct) {
        value[0] = 0;
        memcpy(value, direct_host(direct, va), op->size);
        tell_direct(c, va, direct, op, false, value[0]);
    } else if (crosses_page(va, op->size)) {
        value[0] = 0;
        if (!access_split(c, va, op, false, value))
            return false;
    } else {
        struct translation t;
        if (!translate(c, va, op, false, op->size, true, &t))
            return false;
        struct access access = access_make(c, va, &t, op, false, op->size);
        if (c->port->read(c->port->owner, &access, value) != PORT_OK)
            return port_failed(c, va, op, false);
        if (op->exclusive)
            monitor_arm(c, t.pa);
        tell_access(c, va, &t, op, false, op->size, value[0]);
        direct_fill(c, va, el, &t, false);
    }
    if (is_big_endian(c, el))
        swap_value(value, op);
    return true;
}

bool ENGINE(mem_write)(struct core *c, uint64_t va, const struct mem_op *op,
                       const uint64_t value[2])
{
    unsigned el = op->unprivileged && c->cpu->el == 1 ? 0 : c->cpu->el;
    uint64_t out[2] = {value[0], op->size == 16 ? value[1] : 0};
    if (is_big_endian(c, el))
        swap_value(out, op);
    const struct direct_entry *direct = direct_find(c, va, op->size, el, true);
    if (direct) {
        memcpy(direct_host(direct, va), out, op->size);
        tell_direct(c, va, direct, op, true, out[0]);
        return true;
    }
    if (crosses_page(va, op->size))
        return access_split(c, va, op, true, out);
    struct translation t;
    if (!translate(c, va, op, true, op->size, true, &t))
        return false;
    struct access access = access_make(c, va, &t, op, true, op->size);
    if (c->port->write(c->port->owner, &access, out) == PORT_EXTERNAL_ABORT)
        return port_failed(c, va, op, true);
    tell_access(c, va, &t, op, true, op->size, out[0]);
    direct_fill(c, va, el, &t, true);
    return true;
}

bool ENGINE(mem_write_exclusive)(struct core *c, uint64_t va, const struct mem_op *op,
                                 const uint64_t value[2], bool *stored)
{
    struct cpu *cpu = c->cpu;
    uint64_t out[2] = {value[0], op->size == 16 ? value[1] : 0};
    struct translation t;
    *stored = false;
    /* AArch64.ExclusiveMonitorsPass: translation faults come before the monitors are asked. */
    if (!translate(c, va, op, true, op->size, true, &t))
        return false;
    bool passes =
        cpu->monitor_size != 0 && cpu->monitor_pa == align_down(t.pa.bits, GRANULE_BYTES);
    cpu->monitor_size = 0;
    if (!passes)
        return true;
    if (choice_is_open(c->chooser, CHOICE_EXCLUSIVE_FAIL) &&
        choose(c->chooser, c->counts, CHOICE_EXCLUSIVE_FAIL, c->pe, 2) == 1)
        return true;
    if (is_big_endian(c, cpu->el))
        swap_value(out, op);
    struct access access = access_make(c, va, &t, op, true, op->size);
    enum port_result answer = c->port->write(c->port->owner, &access, out);
    if (answer == PORT_EXTERNAL_ABORT)
        return port_failed(c, va, op, true);
    *stored = answer == PORT_OK;
    if (*stored)
        tell_access(c, va, &t, op, true, op->size, out[0]);
    else
        c->visible = t.pa.bits;
    return true;
}

bool ENGINE(mem_zero_block)(struct core *c, uint64_t va)
{
    static const uint64_t zero[2];
    struct mem_op op = {.size = 16, .kind = ACCESS_PLAIN};
    uint64_t base = align_down(va, DCZVA_BYTES);
    struct translation t;
    /* One translation decides; FAR is the address given, not the block's. */
    struct mem_op check = {.size = 1, .kind = ACCESS_PLAIN};
    if (!translate(c, va, &check, true, 1, false, &t))
        return false;
    if ((t.memory & 0xf0u) == 0) { /* AArch64: DC ZVA to Device memory is an alignment fault */
        c->fault = (struct fault){
            .kind = FAULT_ALIGNMENT, .stage = 1, .is_write = 1, .va = va_make(va)};
        c->fault_iss = 0;
        return false;
    }
    t.pa.bits = align_down(t.pa.bits, DCZVA_BYTES);
    for (unsigned i = 0; i < DCZVA_BYTES; i += 16) {
        struct translation part = t;
        part.pa.bits += i;
        struct access access = access_make(c, base + i, &part, &op, true, 16);
        if (c->port->write(c->port->owner, &access, zero) == PORT_EXTERNAL_ABORT)
            return port_failed(c, va, &op, true);
        tell_access(c, base + i, &part, &op, true, 16, 0);
    }
    return true;
}
