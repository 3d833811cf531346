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
#include "cpu/debug.h"
#include "cpu/direct.h"
#include "cpu/errata.h"
#include "cpu/exec.h"
#include "cpu/exception.h"

#include <string.h>

/* The exclusives reservation granule: CTR_EL0.ERG says 64 bytes. */
#define GRANULE_BYTES 64u
#define REST_BYTES 0xff /* of a misaligned access, behind a page border: no Device memory */

/* BigEndian: by the level that executes, also where its accesses have the permissions of EL0. */
static bool is_big_endian(const struct core *c)
{
    const struct cpu *cpu = c->cpu;
    if (cpu->el == 2)
        return cpu->effective[SR_SCTLR_EL2] & SCTLR_EL2_EE;
    uint64_t bit = cpu->el == 0 ? SCTLR_EL1_E0E : SCTLR_EL1_EE;
    return cpu->effective[SR_SCTLR_EL1] & bit;
}

/* Bytes of an access: the sizes that there are, each as one move. */
static inline void copy_bytes(void *to, const void *from, unsigned size)
{
    switch (size) {
    case 1:
        memcpy(to, from, 1);
        break;
    case 2:
        memcpy(to, from, 2);
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    default:
        ensure(size == 16);
        memcpy(to, from, 16);
        break;
    }
}

/* Big-endian data: the bytes of each element in reverse; how many there are is the access's. */
static void swap_value(uint64_t value[2], const struct mem_op *op)
{
    unsigned element = op->pair ? op->size / 2u : op->element ? op->element : op->size;
    uint8_t *bytes = (uint8_t *)value;
    for (uint8_t *at = bytes; at < bytes + op->size; at += element) {
        for (unsigned i = 0; i < element / 2; i++) {
            uint8_t low = at[i];
            at[i] = at[element - 1 - i];
            at[element - 1 - i] = low;
        }
    }
}

/* AArch64.AccessUsesEL: LDTR and STTR are EL0's from EL1, unless PSTATE.UAO overrides it. */
static inline unsigned access_view(const struct core *c, const struct mem_op *op)
{
    const struct cpu *cpu = c->cpu;
    if (op->unprivileged && cpu->el == 1 && (cpu->access & PSTATE_UAO) == 0)
        return 0;
    return direct_view(cpu);
}

/* AArch64.CheckWatchpoint: a PE with one that is on runs in the precise engine. */
static inline bool is_watched(struct core *c, uint64_t va, const struct mem_op *op, bool is_write,
                              unsigned size, unsigned el)
{
#if defined(ENGINE_FAST)
    (void)c, (void)va, (void)op, (void)is_write, (void)size, (void)el;
    return false;
#else
    return __builtin_expect(c->debug_on, 0) &&
           debug_watch(c, va, size, el, is_write, op->atomic);
#endif
}

/* What has to be aligned by itself, with SCTLR_ELx.A and in Device memory. */
static uint8_t alignment_unit(const struct mem_op *op, unsigned size)
{
    return op->element != 0 && op->element < size ? op->element : (uint8_t)size;
}

/* Translates for an access; false with the fault noted. Remembers what the walk cost. */
static bool translate(struct core *c, uint64_t va, const struct mem_op *op, bool is_write,
                      unsigned size, bool check, struct translation *result)
{
    const struct cpu *cpu = c->cpu;
    unsigned view = access_view(c, op);
    struct mmu_request request = {
        .va = va_make(va),
        .el = (uint8_t)(view == DIRECT_VIEW_PAN ? 1 : view),
        .pan = view == DIRECT_VIEW_PAN,
        .is_atomic = op->atomic,
        .kind = op->kind,
        .is_write = is_write,
        .size = check ? alignment_unit(op, size) : size == REST_BYTES ? REST_BYTES : 0,
        .alignment = check && op->aligned ? (uint8_t)size : 1,
    };
    uint64_t fills = c->mmu->state->fills;
    if (__builtin_expect(cpu->unsynchronized_count != 0, 0))
        event_emit_LAG(CORE_HEAD(c), va, op->kind, is_write);
    mmu_translate(c->mmu, core_regime(c, core_regime_kind(cpu)), &request, result);
    c->extra_cost += result->cost;
    if (c->mmu->state->fills != fills)
        c->visible = VISIBLE_WALK;
    if (result->fault.kind == FAULT_NONE) {
        uint64_t first = size > 16 ? align_down(va, size) : va; /* DC ZVA: its block */
        return !check || !is_watched(c, first, op, is_write, size, request.el);
    }
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
    event_emit_MEM(CORE_HEAD(c), va, pa, value, op->size, is_write, op->kind, op->exclusive,
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
        .atomic = op->atomic,
        .memory = t->memory,
        .shareability = t->shareability,
        .el = c->cpu->el,
        .weak = op->weak,
        .entry = t->entry,
    };
}

/*
 * page-split-fault: a load over the end of a page had a fault of stage 1 on its first page, and
 * the second has a translation fault of stage 2: that one is reported, with the first's FAR_ELx.
 */
static void page_split_erratum(struct core *c, uint64_t second, const struct mem_op *op)
{
    struct fault right = c->fault;
    struct translation ignored;
    bool is_subject = right.stage == 1 && (right.kind == FAULT_PERMISSION ||
                                           (right.kind == FAULT_ALIGNMENT && right.level != 0));
    if (!is_subject)
        return;
    bool is_wrong = !translate(c, second, op, false, op->size, false, &ignored) &&
                    c->fault.stage == 2 && c->fault.kind == FAULT_TRANSLATION && !c->fault.s1ptw;
    if (is_wrong)
        c->fault.va = right.va;
    else
        c->fault = right;
}

/* An access that crosses a page: both pages are translated first, then it goes byte by byte. */
static bool access_split(struct core *c, uint64_t va, const struct mem_op *op, bool is_write,
                         uint64_t value[2])
{
    unsigned first = (unsigned)(PAGE_BYTES - (va & (PAGE_BYTES - 1)));
    struct translation page[2];
    /* The alignment check looks at the whole access, once. */
    if (!translate(c, va, op, is_write, op->size, true, &page[0])) {
        if (erratum_is_on(c->errata, ERRATUM_PAGE_SPLIT) && !is_write)
            page_split_erratum(c, va + first, op);
        return false;
    }
    unsigned rest = va & (alignment_unit(op, op->size) - 1u) ? REST_BYTES : 0;
    if (!translate(c, va + first, op, is_write, rest, false, &page[1]))
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

/* Of Device memory each element is an access of its own, as the instruction says. */
static bool is_by_element(const struct mem_op *op, const struct translation *t)
{
    return op->element != 0 && op->element < op->size && (t->memory & 0xf0u) == 0;
}

static bool access_elements(struct core *c, uint64_t va, const struct mem_op *op,
                            const struct translation *t, bool is_write, uint64_t value[2])
{
    uint8_t *bytes = (uint8_t *)value;
    for (unsigned i = 0; i < op->size; i += op->element) {
        struct translation at = *t;
        at.pa.bits += i;
        struct access access = access_make(c, va + i, &at, op, is_write, op->element);
        uint64_t one[2] = {0, 0};
        memcpy(one, bytes + i, op->element);
        enum port_result answer = is_write ? c->port->write(c->port->owner, &access, one)
                                           : c->port->read(c->port->owner, &access, one);
        if (answer == PORT_EXTERNAL_ABORT)
            return port_failed(c, va + i, op, is_write);
        memcpy(bytes + i, one, op->element);
        tell_access(c, va + i, &at, op, is_write, op->element, one[0]);
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

/* The monitors are memory's: it is told of the access, though its address is known. */
static void read_exclusive(struct core *c, uint64_t va, const struct direct_entry *direct)
{
    pa_t pa = pa_make(direct->pa + (va & (PAGE_BYTES - 1)));
    c->port->monitor_arm(c->port->owner, c->pe, pa);
    monitor_arm(c, pa);
}

bool ENGINE(mem_read)(struct core *c, uint64_t va, const struct mem_op *op, uint64_t value[2])
{
    unsigned el = access_view(c, op);
    value[1] = 0;
    const struct direct_entry *direct = direct_find(c, va, op, el, false);
    if (direct) {
        value[0] = 0;
        copy_bytes(value, direct_host(direct, va), op->size);
        if (op->exclusive)
            read_exclusive(c, va, direct);
        tell_direct(c, va, direct, op, false, value[0]);
    } else if (crosses_page(va, op->size)) {
        value[0] = 0;
        if (!access_split(c, va, op, false, value))
            return false;
    } else {
        struct translation t;
        if (!translate(c, va, op, false, op->size, true, &t))
            return false;
        if (is_by_element(op, &t)) {
            if (!access_elements(c, va, op, &t, false, value))
                return false;
        } else {
            struct access access = access_make(c, va, &t, op, false, op->size);
            if (c->port->read(c->port->owner, &access, value) != PORT_OK)
                return port_failed(c, va, op, false);
            if (op->exclusive)
                monitor_arm(c, t.pa);
            tell_access(c, va, &t, op, false, op->size, value[0]);
            direct_fill(c, va, el, &t, false);
        }
    }
    if (is_big_endian(c))
        swap_value(value, op);
    return true;
}

bool ENGINE(mem_write)(struct core *c, uint64_t va, const struct mem_op *op,
                       const uint64_t value[2])
{
    unsigned el = access_view(c, op);
    uint64_t out[2] = {value[0], op->size == 16 ? value[1] : 0};
    if (is_big_endian(c))
        swap_value(out, op);
    const struct direct_entry *direct = direct_find(c, va, op, el, true);
    if (direct) {
        copy_bytes(direct_host(direct, va), out, op->size);
        tell_direct(c, va, direct, op, true, out[0]);
        return true;
    }
    if (crosses_page(va, op->size))
        return access_split(c, va, op, true, out);
    struct translation t;
    if (!translate(c, va, op, true, op->size, true, &t))
        return false;
    if (is_by_element(op, &t))
        return access_elements(c, va, op, &t, true, out);
    struct access access = access_make(c, va, &t, op, true, op->size);
    if (c->port->write(c->port->owner, &access, out) == PORT_EXTERNAL_ABORT)
        return port_failed(c, va, op, true);
    tell_access(c, va, &t, op, true, op->size, out[0]);
    direct_fill(c, va, el, &t, true);
    return true;
}

/* What follows the translation, and the permission of the local monitor: true, it may store. */
static bool passes_monitor(struct core *c, uint64_t pa)
{
    struct cpu *cpu = c->cpu;
    bool passes = cpu->monitor_size != 0 && cpu->monitor_pa == align_down(pa, GRANULE_BYTES);
    cpu->monitor_size = 0;
    return passes && (!choice_is_open(c->chooser, CHOICE_EXCLUSIVE_FAIL) ||
                      choose(c->chooser, c->counts, CHOICE_EXCLUSIVE_FAIL, c->pe, 2) == 0);
}

/* The same through a host pointer. Who looks at memory attributes gives out no pointers. */
static bool write_exclusive_direct(struct core *c, uint64_t va, const struct mem_op *op,
                                   const struct direct_entry *direct, const uint64_t out[2])
{
    pa_t pa = pa_make(direct->pa + (va & (PAGE_BYTES - 1)));
    if (!passes_monitor(c, pa.bits))
        return false;
    if (!c->port->monitor_store(c->port->owner, c->pe, pa, op->size)) {
        c->visible = pa.bits;
        return false;
    }
    copy_bytes(direct_host(direct, va), out, op->size);
    tell_direct(c, va, direct, op, true, out[0]);
    return true;
}

bool ENGINE(mem_write_exclusive)(struct core *c, uint64_t va, const struct mem_op *op,
                                 const uint64_t value[2], bool *stored)
{
    unsigned view = access_view(c, op);
    uint64_t out[2] = {value[0], op->size == 16 ? value[1] : 0};
    if (is_big_endian(c))
        swap_value(out, op);
    const struct direct_entry *direct = direct_find(c, va, op, view, true);
    if (direct) {
        *stored = write_exclusive_direct(c, va, op, direct, out);
        return true;
    }
    /* AArch64.ExclusiveMonitorsPass: translation faults come before the monitors are asked. */
    struct translation t;
    *stored = false;
    if (!translate(c, va, op, true, op->size, true, &t))
        return false;
    if (!passes_monitor(c, t.pa.bits))
        return true;
    struct access access = access_make(c, va, &t, op, true, op->size);
    enum port_result answer = c->port->write(c->port->owner, &access, out);
    if (answer == PORT_EXTERNAL_ABORT)
        return port_failed(c, va, op, true);
    *stored = answer == PORT_OK;
    if (!*stored) {
        c->visible = t.pa.bits;
        return true;
    }
    tell_access(c, va, &t, op, true, op->size, out[0]);
    direct_fill(c, va, view, &t, true);
    return true;
}

/* What memory becomes, at 8 * size bits; of a pair only SWP and CAS, which do not compute. */
static uint64_t atomic_result(enum mem_atomic what, unsigned size, uint64_t old, uint64_t value)
{
    unsigned bits = 8u * size;
    int64_t a = (int64_t)bits_sign_extend(old, bits), b = (int64_t)bits_sign_extend(value, bits);
    switch (what) {
    case ATOMIC_ADD:
        return (old + value) & bits_ones(bits);
    case ATOMIC_CLR:
        return old & ~value;
    case ATOMIC_EOR:
        return old ^ value;
    case ATOMIC_SET:
        return old | value;
    case ATOMIC_SMAX:
        return a > b ? old : value;
    case ATOMIC_SMIN:
        return a < b ? old : value;
    case ATOMIC_UMAX:
        return old > value ? old : value;
    case ATOMIC_UMIN:
        return old < value ? old : value;
    case ATOMIC_SWP:
    case ATOMIC_CAS:
        break;
    }
    return value;
}

/*
 * The write half goes through the port also when a comparison has failed, with what was there:
 * as the architecture lets it, and so that the monitors of other PEs are cleared. An access to a
 * device is a read and then a write, which an implementation may support.
 */
bool ENGINE(mem_atomic)(struct core *c, uint64_t va, const struct mem_op *op, enum mem_atomic what,
                        const uint64_t value[2], const uint64_t expected[2], uint64_t old[2])
{
    unsigned view = access_view(c, op);
    bool swaps = is_big_endian(c);
    struct mem_op store = *op;
    store.kind = op->store_kind;
    const struct direct_entry *direct = direct_find(c, va, op, view, false);
    if (direct && !direct_find(c, va, op, view, true))
        direct = NULL;
    struct translation t;
    struct access access;
    old[0] = old[1] = 0;
    if (direct) {
        copy_bytes(old, direct_host(direct, va), op->size);
        tell_direct(c, va, direct, op, false, old[0]);
    } else {
        if (!translate(c, va, op, false, op->size, true, &t))
            return false;
        access = access_make(c, va, &t, op, false, op->size);
        if (c->port->read(c->port->owner, &access, old) != PORT_OK)
            return port_failed(c, va, op, false);
        tell_access(c, va, &t, op, false, op->size, old[0]);
    }
    uint64_t raw[2] = {old[0], old[1]};
    if (swaps)
        swap_value(old, op);
    bool stores = what != ATOMIC_CAS || (old[0] == expected[0] && old[1] == expected[1]);
    uint64_t out[2] = {raw[0], raw[1]};
    if (stores) {
        out[0] = atomic_result(what, op->size > 8 ? 8 : op->size, old[0], value[0]);
        out[1] = op->size == 16 ? value[1] : 0;
        if (swaps)
            swap_value(out, op);
    }
    if (direct) {
        copy_bytes(direct_host(direct, va), out, op->size);
        if (stores)
            tell_direct(c, va, direct, &store, true, out[0]);
        return true;
    }
    access = access_make(c, va, &t, &store, true, op->size);
    if (c->port->write(c->port->owner, &access, out) == PORT_EXTERNAL_ABORT)
        return port_failed(c, va, op, true);
    if (stores)
        tell_access(c, va, &t, &store, true, op->size, out[0]);
    direct_fill(c, va, view, &t, true);
    return true;
}

bool ENGINE(mem_zero_block)(struct core *c, uint64_t va)
{
    static const uint64_t zero[2];
    struct mem_op op = {.size = 16, .kind = ACCESS_PLAIN};
    uint64_t base = align_down(va, MEM_ZERO_BYTES);
    struct translation t;
    const struct direct_entry *direct = direct_find(
        c, base, &(struct mem_op){.size = MEM_ZERO_BYTES, .aligned = 1}, direct_view(c->cpu), true);
    if (direct) {
        memset(direct_host(direct, base), 0, MEM_ZERO_BYTES);
        for (unsigned i = 0; i < MEM_ZERO_BYTES; i += 16)
            tell_direct(c, base + i, direct, &op, true, 0);
        return true;
    }
    /* One translation decides; FAR is the address given, not the block's. */
    struct mem_op check = {.size = 1, .kind = ACCESS_PLAIN};
    if (!translate(c, va, &check, true, MEM_ZERO_BYTES, true, &t))
        return false;
    t.pa.bits = align_down(t.pa.bits, MEM_ZERO_BYTES);
    for (unsigned i = 0; i < MEM_ZERO_BYTES; i += 16) {
        struct translation part = t;
        part.pa.bits += i;
        struct access access = access_make(c, base + i, &part, &op, true, 16);
        if (c->port->write(c->port->owner, &access, zero) == PORT_EXTERNAL_ABORT)
            return port_failed(c, va, &op, true);
        tell_access(c, base + i, &part, &op, true, 16, 0);
    }
    direct_fill(c, va, direct_view(c->cpu), &t, true);
    return true;
}
