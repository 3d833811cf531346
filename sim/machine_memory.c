/*
 * Physical memory behind the port: RAM in copy-on-write pages, the global exclusive monitors, and
 * the host pointers that fast paths are given.
 *
 * Store buffers and the history of writes (mem/order.h), then caches (mem/cache.h), stand between
 * memory_read(), memory_write() and RAM, where they are on; memory_page() and memory_code() answer
 * NULL then, so that each access is seen.
 */
#include "sim/machine_parts.h"

#include "cpu/code.h"
#include "gen/trace.h"

#include <string.h>

static bool is_ram(const struct machine *m, uint64_t pa, size_t size)
{
    return pa >= MAP_RAM && pa - MAP_RAM < m->config.ram_bytes &&
           size <= m->config.ram_bytes - (pa - MAP_RAM);
}

static size_t ram_page(uint64_t pa)
{
    return (size_t)((pa - MAP_RAM) >> PAGE_SHIFT);
}

static struct page_note *note_of(const struct machine *m, uint64_t pa)
{
    return &m->notes[ram_page(pa)];
}

/* Takes back all host pointers into RAM that are out. */
static void pointers_revoke(struct machine *m)
{
    m->port_epoch++;
}

/* The page for writing; pointers that others keep are revoked when it had to be copied. */
static uint8_t *page_for_write(struct machine *m, uint64_t pa)
{
    size_t page = ram_page(pa);
    const uint8_t *before = cow_read(m->memory, page);
    uint8_t *after = cow_write(m->memory, page);
    if (after != before && m->notes[page].read_epoch == (uint32_t)m->port_epoch)
        pointers_revoke(m);
    return after;
}

/* Writes bytes within one page; decoded code there is dropped if it has changed. */
static void ram_store(struct machine *m, uint64_t pa, const void *bytes, size_t size)
{
    uint8_t *page = page_for_write(m, pa);
    if (__builtin_expect(m->has_versions, 0))
        version_log_store(&m->versions, pa_make(pa), page, bytes, size);
    memcpy(page + (pa & (PAGE_BYTES - 1)), bytes, size);
    struct page_note *note = note_of(m, pa);
    if (__builtin_expect(note->has_code, 0))
        note->has_code = code_written(m->code, pa_make(pa), size, page);
}

/* The page of a store as everybody sees it before, for watched_tell(). False: nobody watches. */
static bool watched_begin(const struct machine *m, uint64_t pa, uint64_t before[PAGE_BYTES / 8])
{
    return __builtin_expect(note_of(m, pa)->watchers != 0, 0) &&
           machine_peek(m, pa_make(align_down(pa, PAGE_BYTES)), before, PAGE_BYTES);
}

/* Tells observers which words the store has changed. */
static void watched_tell(struct machine *m, unsigned pe, uint64_t pa, size_t size,
                         const uint64_t before[PAGE_BYTES / 8])
{
    const struct core *c = &m->core[pe < m->config.pe_count ? pe : m->state->current];
    for (uint64_t at = align_down(pa, 8); at < pa + size; at += 8) {
        uint64_t old = before[at % PAGE_BYTES / 8], new = old;
        machine_peek(m, pa_make(at), &new, sizeof new);
        if (new != old)
            event_emit_WATCH_STORE(CORE_HEAD(c), at, old, new);
    }
}

void machine_watch_page(struct machine *m, pa_t page, enum machine_watcher who, bool on)
{
    if (!is_ram(m, page.bits, PAGE_BYTES))
        return;
    struct page_note *note = note_of(m, page.bits);
    unsigned before = note->watchers;
    if (on && before == 0 && note->write_epoch == (uint32_t)m->port_epoch)
        pointers_revoke(m); /* every store to this page has to be seen from now on */
    note->watchers = (uint8_t)(on ? before | 1u << who : before & ~(1u << who));
}

void machine_watch_fetches(struct machine *m, pa_t page, unsigned levels)
{
    if (!is_ram(m, page.bits, PAGE_BYTES))
        return;
    struct page_note *note = note_of(m, page.bits);
    if (note->tells_fetches == levels)
        return;
    code_forget(m->code, page); /* the port is asked again */
    note->has_code = false;
    note->tells_fetches = (uint8_t)levels;
}

bool memory_is_monitored(const struct machine *m, const struct access *access)
{
    for (unsigned pe = 0; m->state->monitors_armed != 0 && pe < m->config.pe_count; pe++) {
        const struct pe_state *s = &m->state->pe[pe];
        if (pe != access->pe && s->monitor_size != 0 &&
            access->pa.bits < s->monitor_pa + s->monitor_size &&
            s->monitor_pa < access->pa.bits + access->size)
            return true;
    }
    return false;
}

/* Any store clears the global monitors of the other PEs on the same granule. */
static void monitors_see_store(struct machine *m, const struct access *access)
{
    if (m->state->monitors_armed == 0)
        return;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        struct pe_state *s = &m->state->pe[pe];
        if (s->monitor_size == 0 || access->pa.bits >= s->monitor_pa + s->monitor_size ||
            access->pa.bits + access->size <= s->monitor_pa)
            continue;
        if (pe == access->pe && !access->exclusive)
            continue; /* a PE's own plain store leaves its monitor as it is */
        s->monitor_size = 0;
        m->state->monitors_armed--;
        uint64_t now = access->pe < m->config.pe_count ? m->state->cpu[access->pe].cycles
                                                       : m->state->clock.seen;
        if (pe != access->pe) /* clearing the global monitor is an event for WFE */
            machine_event(m, pe, now);
    }
}

void memory_monitor_arm(void *owner, unsigned pe, pa_t pa)
{
    struct machine *m = owner;
    struct pe_state *s = &m->state->pe[pe];
    if (s->monitor_size == 0)
        m->state->monitors_armed++;
    s->monitor_size = 64;
    s->monitor_pa = align_down(pa.bits, 64);
}

/* Whether stores of a PE to this page have to be seen because another one's monitor is there. */
static bool monitors_watch(const struct machine *m, unsigned pe, uint64_t page)
{
    for (unsigned other = 0; m->state->monitors_armed != 0 && other < m->config.pe_count; other++) {
        const struct pe_state *s = &m->state->pe[other];
        if (other != pe && s->monitor_size != 0 && align_down(s->monitor_pa, PAGE_BYTES) == page)
            return true;
    }
    return false;
}

void memory_guard_monitors(struct machine *m, unsigned pe)
{
    for (unsigned other = 0; other < m->config.pe_count; other++) {
        const struct pe_state *s = &m->state->pe[other];
        if (other == pe || s->monitor_size == 0)
            continue;
        struct page_note *note = note_of(m, s->monitor_pa);
        unsigned writers = note->writers;
        if (note->write_epoch != (uint32_t)m->port_epoch || (writers >> pe & 1u) == 0)
            continue;
        core_forget_writes(&m->core[pe], pa_make(align_down(s->monitor_pa, PAGE_BYTES)));
        note->writers &= (uint8_t) ~(1u << pe);
    }
}

static bool monitor_passes(const struct machine *m, const struct access *access)
{
    const struct pe_state *s = &m->state->pe[access->pe];
    return s->monitor_size != 0 && s->monitor_pa == align_down(access->pa.bits, 64);
}

bool memory_monitor_store(void *owner, unsigned pe, pa_t pa, unsigned size)
{
    struct machine *m = owner;
    const struct access access = {
        .pa = pa, .pe = (uint8_t)pe, .size = (uint8_t)size, .is_write = 1, .exclusive = 1};
    if (!monitor_passes(m, &access))
        return false;
    monitors_see_store(m, &access);
    return true;
}

bool memory_has(const struct machine *m, pa_t pa, size_t size)
{
    return is_ram(m, pa.bits, size);
}

void memory_copy_out(const struct machine *m, pa_t pa, void *bytes, size_t size)
{
    const uint8_t *page = cow_read(m->memory, ram_page(pa.bits));
    memcpy(bytes, page + (pa.bits & (PAGE_BYTES - 1)), size);
}

void memory_copy_in(struct machine *m, pa_t pa, const void *bytes, size_t size)
{
    ram_store(m, pa.bits, bytes, size);
}

void memory_read_below(void *owner, const struct access *access, uint64_t value[2])
{
    struct machine *m = owner;
    value[0] = value[1] = 0;
    if (m->cache)
        machine_cache_read(m, access, value);
    else
        memory_copy_out(m, access->pa, value, access->size);
    if (access->exclusive)
        memory_monitor_arm(m, access->pe, access->pa);
}

enum port_result memory_write_below(void *owner, const struct access *access,
                                    const uint64_t value[2])
{
    struct machine *m = owner;
    if (access->exclusive && !monitor_passes(m, access))
        return PORT_EXCLUSIVE_FAIL;
    monitors_see_store(m, access);
    uint64_t before[PAGE_BYTES / 8];
    bool is_watched = watched_begin(m, access->pa.bits, before);
    if (m->cache)
        machine_cache_write(m, access, value);
    else
        ram_store(m, access->pa.bits, value, access->size);
    if (__builtin_expect(is_watched, 0))
        watched_tell(m, access->pe, access->pa.bits, access->size, before);
    return PORT_OK;
}

void memory_read(struct machine *m, const struct access *access, uint64_t value[2])
{
    if (__builtin_expect(m->order != NULL, 0))
        order_read(m->order, access, value);
    else
        memory_read_below(m, access, value);
}

enum port_result memory_write(struct machine *m, const struct access *access,
                              const uint64_t value[2])
{
    if (__builtin_expect(m->order != NULL, 0))
        return order_write(m->order, access, value);
    return memory_write_below(m, access, value);
}

uint8_t *memory_page(void *owner, unsigned pe, pa_t page, bool is_write)
{
    struct machine *m = owner;
    if (m->cache || m->order || !is_ram(m, page.bits, PAGE_BYTES))
        return NULL;
    struct page_note *note = note_of(m, page.bits);
    if (!is_write) {
        note->read_epoch = (uint32_t)m->port_epoch;
        return (uint8_t *)(uintptr_t)cow_read(m->memory, ram_page(page.bits));
    }
    if (note->has_code || note->watchers != 0 || monitors_watch(m, pe, page.bits))
        return NULL;
    uint8_t *bytes = page_for_write(m, page.bits);
    if (note->write_epoch != (uint32_t)m->port_epoch)
        note->writers = 0;
    note->writers |= (uint8_t)(1u << pe);
    note->read_epoch = note->write_epoch = (uint32_t)m->port_epoch;
    return bytes;
}

const uint8_t *memory_code(void *owner, pa_t page, uint8_t *told)
{
    struct machine *m = owner;
    if (m->cache || m->order || !is_ram(m, page.bits, PAGE_BYTES))
        return NULL;
    struct page_note *note = note_of(m, page.bits);
    *told = note->tells_fetches;
    note->has_code = true;
    if (note->write_epoch == (uint32_t)m->port_epoch)
        pointers_revoke(m);
    return cow_read(m->memory, ram_page(page.bits));
}

bool memory_peek(const void *owner, pa_t pa, void *bytes, size_t size)
{
    return machine_peek(owner, pa, bytes, size);
}

bool machine_peek(const struct machine *m, pa_t pa, void *bytes, size_t size)
{
    if (!is_ram(m, pa.bits, size))
        return false;
    uint8_t *out = bytes;
    if (m->cache) {
        cache_peek(m->cache, pa.bits, bytes, size);
        return true;
    }
    for (size_t done = 0; done < size;) {
        uint64_t at = pa.bits + done;
        size_t in_page = PAGE_BYTES - (at & (PAGE_BYTES - 1));
        size_t part = size - done < in_page ? size - done : in_page;
        memcpy(out + done, cow_read(m->memory, ram_page(at)) + (at & (PAGE_BYTES - 1)), part);
        done += part;
    }
    return true;
}

bool machine_poke(struct machine *m, pa_t pa, const void *bytes, size_t size)
{
    if (!is_ram(m, pa.bits, size))
        return false;
    const uint8_t *in = bytes;
    for (size_t done = 0; done < size;) {
        uint64_t at = pa.bits + done;
        size_t in_page = PAGE_BYTES - (at & (PAGE_BYTES - 1));
        size_t part = size - done < in_page ? size - done : in_page;
        uint64_t before[PAGE_BYTES / 8];
        bool is_watched = watched_begin(m, at, before);
        ram_store(m, at, in + done, part);
        if (is_watched)
            watched_tell(m, m->state->current, at, part, before);
        done += part;
    }
    if (m->cache)
        cache_poke(m->cache, pa.bits, bytes, size);
    return true;
}
