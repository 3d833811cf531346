/*
 * The interconnect: physical addresses to RAM (machine_memory.c), the GIC and devices
 * (machine_devices.c), and the operations
 * by which a PE reaches the others (TLBI, DSB, SEV, counter).
 *
 * Not modelled: bus errors of devices other than an address or a size that none of them answers.
 */
#include "sim/machine_parts.h"

#include "cpu/errata.h"
#include "cpu/sysreg.h"
#include "gen/trace.h"

/* Frame and offset of a GIC address. */
static bool gic_frame(uint64_t pa, enum gic_frame *frame, uint32_t *offset)
{
    static const struct {
        uint64_t base, size;
        enum gic_frame frame;
    } frames[] = {
        {MAP_GICD, 0x1000, GIC_FRAME_D},
        {MAP_GICC, 0x2000, GIC_FRAME_C},
        {MAP_GICH, 0x1000, GIC_FRAME_H},
        {MAP_GICH_ALL, GIC_FRAME_H_ALL_SIZE, GIC_FRAME_H_ALL},
        {MAP_GICV, 0x2000, GIC_FRAME_V},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(frames); i++) {
        if (pa - frames[i].base < frames[i].size) {
            *frame = frames[i].frame;
            *offset = (uint32_t)(pa - frames[i].base);
            return true;
        }
    }
    return false;
}

static enum port_result gic_access(struct machine *m, const struct access *a, enum gic_frame frame,
                                   uint32_t offset, uint64_t value[2])
{
    uint32_t word = (uint32_t)value[0];
    bool is_watched = machine_gic_is_watched(m);
    struct gic before;
    if (is_watched)
        before = m->state->gic;
    enum gic_answer answer =
        a->is_write ? gic_write(&m->state->gic, a->pe, frame, offset, a->size, word)
                    : gic_read(&m->state->gic, a->pe, frame, offset, a->size, &word);
    if (answer == GIC_ABORT)
        return PORT_EXTERNAL_ABORT;
    value[0] = word;
    event_emit_GIC(CORE_HEAD(&m->core[a->pe]), offset, word, a->is_write, (uint8_t)frame);
    if (is_watched)
        machine_gic_tell(m, &before,
                         &(struct gic_told){a->pe, frame, offset, word, a->is_write});
    return PORT_OK;
}

/* Whose register this is, as far as it costs something of its own. */
static enum timing_frame timing_frame_of(uint64_t pa)
{
    static const uint8_t frames[GIC_FRAME_COUNT] = {
        [GIC_FRAME_D] = TIMING_GICD,
        [GIC_FRAME_C] = TIMING_GICC,
        [GIC_FRAME_H] = TIMING_GICH,
        [GIC_FRAME_H_ALL] = TIMING_GICH,
        [GIC_FRAME_V] = TIMING_GICV,
    };
    enum gic_frame frame;
    uint32_t offset;
    if (gic_frame(pa, &frame, &offset))
        return (enum timing_frame)frames[frame];
    return pa - MAP_UART < PAGE_BYTES ? TIMING_UART : TIMING_DEVICE;
}

static enum port_result device_access(struct machine *m, const struct access *a, uint64_t value[2])
{
    enum gic_frame frame;
    uint32_t offset;
    struct core *c = &m->core[a->pe];
    if (m->order)
        order_device(m->order, a);
    c->visible = VISIBLE_DEVICE;
    c->lines_may_change = true;
    c->extra_cost += m->timing.device[timing_frame_of(a->pa.bits)][a->is_write != 0];
    if (a->size > 4)
        return PORT_EXTERNAL_ABORT;
    if (gic_frame(a->pa.bits, &frame, &offset))
        return gic_access(m, a, frame, offset, value);
    return machine_device_access(m, a, value);
}

static enum port_result port_read(void *owner, const struct access *access, uint64_t value[2])
{
    struct machine *m = owner;
    if (!memory_has(m, access->pa, access->size)) {
        value[0] = value[1] = 0;
        if (access->kind == ACCESS_WALK || access->kind == ACCESS_FETCH ||
            access->kind == ACCESS_DMA)
            return PORT_EXTERNAL_ABORT;
        return device_access(m, access, value);
    }
    memory_read(m, access, value);
    return PORT_OK;
}

static enum port_result port_write(void *owner, const struct access *access,
                                   const uint64_t value[2])
{
    struct machine *m = owner;
    if (!memory_has(m, access->pa, access->size)) {
        if (access->kind == ACCESS_DMA)
            return PORT_EXTERNAL_ABORT;
        uint64_t copy[2] = {value[0], value[1]};
        return device_access(m, access, copy);
    }
    return memory_write(m, access, value);
}

void machine_port_init(struct machine *m)
{
    m->port = (struct port){
        .owner = m,
        .read = port_read,
        .write = port_write,
        .page = memory_page,
        .monitor_arm = memory_monitor_arm,
        .monitor_store = memory_monitor_store,
        .code = memory_code,
        .epoch = &m->port_epoch,
        .peek = memory_peek,
    };
}

/* --- what a PE asks of the machine ------------------------------------------------------- */

static void core_tlbi(void *owner, unsigned pe, struct tlbi *message)
{
    struct machine *m = owner;
    struct machine_state *s = m->state;
    message->message = ++s->tlbi_message;
    s->pe[pe].tlbi_issued = message->message;
    m->core[pe].visible = VISIBLE_TLBI;
    if (m->order)
        order_tlbi(m->order, pe, message->scope != TLBI_LOCAL);
    event_emit_TLBI(CORE_HEAD(&m->core[pe]), message->message, message->operation, message->scope,
                    message->vmid, message->asid, message->address, message->vttbr);
    for (unsigned target = 0; target < m->config.pe_count; target++) {
        if (target != pe && message->scope == TLBI_LOCAL)
            continue;
        mmu_tlbi_receive(&m->mmu[target], message);
        if (m->cache)
            cache_translations_gone(m->cache, target);
    }
}

/*
 * DSB: completes TLBIs when its access types are both loads and stores (CRm<1:0> = 3); those to
 * other PEs when its domain is inner shareable or wider (CRm<3:2> is not 01, non-shareable).
 * Reserved types (CRm<1:0> = 0) are those of SY; SSBB and PSSBB (CRm = 0 and 4) complete nothing.
 */
static bool dsb_completes(unsigned crm)
{
    return (crm & 3u) == 3u || crm == 8u || crm == 12u;
}

/* What of a finished TLBI the order of accesses has to know, and what errata leave of it. */
static void finish_at(struct machine *m, unsigned target, unsigned issuer)
{
    order_tlbi_finish(m->order, target, issuer);
    if (target == issuer)
        mmu_late_end(&m->mmu[target]);
    else if (order_owes_tlbi(m->order, issuer))
        mmu_late_finish(&m->mmu[target], issuer);
}

static void core_barrier(void *owner, unsigned pe, enum barrier_kind kind, unsigned crm)
{
    struct machine *m = owner;
    m->core[pe].visible = VISIBLE_BARRIER;
    event_emit_BARRIER(CORE_HEAD(&m->core[pe]), (uint8_t)kind, (uint8_t)crm);
    if (m->order)
        machine_order_barrier(m, pe, kind, crm);
    if (kind != BARRIER_DSB || !dsb_completes(crm))
        return;
    bool covers_broadcast = (crm & 0xcu) != 4u;
    if (m->cache)
        cache_barrier(m->cache, pe, covers_broadcast);
    for (unsigned target = 0; target < m->config.pe_count; target++) {
        if (target != pe && !covers_broadcast)
            continue;
        if (mmu_tlbi_finish(&m->mmu[target], pe, covers_broadcast))
            m->core[pe].extra_cost += m->timing.tlbi_broadcast;
        if (m->order)
            finish_at(m, target, pe);
    }
    if (m->order && covers_broadcast)
        order_tlbi_done(m->order, pe);
    if (covers_broadcast)
        event_emit_TLBI_DONE(CORE_HEAD(&m->core[pe]), m->state->pe[pe].tlbi_issued);
    else
        event_emit_TLBI_LOCAL_DONE(CORE_HEAD(&m->core[pe]), m->state->pe[pe].tlbi_issued);
}

static void core_send_event(void *owner, unsigned pe)
{
    struct machine *m = owner;
    m->core[pe].visible = VISIBLE_BARRIER;
    for (unsigned target = 0; target < m->config.pe_count; target++)
        machine_event(m, target, m->state->cpu[pe].cycles);
}

static bool core_stream_event(void *owner, unsigned pe)
{
    return machine_stream_event(owner, pe);
}

static uint64_t core_counter(void *owner, unsigned pe)
{
    struct machine *m = owner;
    return clock_read(&m->state->clock, m->state->cpu[pe].cycles);
}

static void core_timer_changed(void *owner, unsigned pe)
{
    struct machine *m = owner;
    m->core[pe].lines_may_change = true;
    machine_timer_update(m, pe, m->state->cpu[pe].cycles);
}

/* While caches are off only the order of accesses has to know: decoded code follows memory. */
static void core_cache_operation(void *owner, unsigned pe, enum sysreg operation,
                                 const struct translation *t, uint64_t operand)
{
    struct machine *m = owner;
    if (m->order)
        machine_order_cache(m, pe, operation, t ? t->pa : pa_make(0));
    if (!m->cache)
        return;
    m->core[pe].visible = VISIBLE_BARRIER;
    machine_cache_operation(m, pe, operation, t, operand);
}

static void core_synchronize_caches(void *owner, unsigned pe)
{
    struct machine *m = owner;
    if (m->order)
        machine_order_synchronize(m, pe);
    if (m->cache)
        cache_synchronize(m->cache, pe);
}

/* No GICv3 CPU interface: no row has owner=gic. */
static uint64_t core_gic_register(void *owner, unsigned pe, enum sysreg reg, bool is_write,
                                  uint64_t value)
{
    (void)owner;
    (void)value;
    bug("PE %u: %s of register %s, which no GICv2 owns", pe, is_write ? "write" : "read",
        sysreg_name(reg));
}

const struct core_ops machine_core_ops = {
    .visible = machine_visible,
    .tlbi = core_tlbi,
    .barrier = core_barrier,
    .woken = machine_order_woken,
    .instruction_begin = machine_order_instruction_begin,
    .instruction_end = machine_order_instruction_end,
    .send_event = core_send_event,
    .stream_event = core_stream_event,
    .counter = core_counter,
    .timer_changed = core_timer_changed,
    .cache = core_cache_operation,
    .synchronize = core_synchronize_caches,
    .gic_register = core_gic_register,
};
