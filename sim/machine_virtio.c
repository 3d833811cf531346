/*
 * The virtio devices of the machine: one place of 512 bytes of addresses each, a page of state for
 * each that is there, disks, and the wire between network devices.
 *
 * State lies in pages of the copy-on-write memory behind everything else, so that machines without
 * such devices have none of it. A disk is a file that nobody writes (sim/disk.h), and over it pages
 * that the guest has written, with a bit for each that says so. Two network devices that follow
 * each other in the configuration are joined; one that is left over hears itself.
 *
 * A request is looked at, done and finished at one time: when its device's time for it is over, or
 * later, as the choice device-done says.
 */
#include "sim/machine_parts.h"

#include "gen/trace.h"

#include <string.h>

#define FRAME_SLOTS 16u
#define FRAME_SLOT_BYTES 2048u
#define FRAME_PAGES (FRAME_SLOTS * FRAME_SLOT_BYTES / PAGE_BYTES)
#define BITS_OF_PAGE (PAGE_BYTES * 8u)
#define SEGMENTS_OF_REQUEST 126u
#define BYTES_PER_NANOSECOND 1u

/* How much later, by the answer of device-done: microseconds. */
static const uint32_t done_delay[] = {0, 1, 10, 100, 1000};

STATE_BEGIN
/* The frames that wait in front of a network device; they lie in the pages behind this one. */
struct frame_queue {
    uint32_t first, count;
    uint32_t size[FRAME_SLOTS];
};
STATE_END

_Static_assert(sizeof(struct virtio) <= PAGE_BYTES, "a device has one page");
_Static_assert(VIRTIO_PACKET_MAX <= FRAME_SLOT_BYTES, "a frame has room in its slot");

/* --- where things lie ----------------------------------------------------------------------- */

static enum virtio_type type_of(const struct machine *m, unsigned n)
{
    return n < m->config.virtio_count ? (enum virtio_type)m->config.virtio[n] : VIRTIO_NONE;
}

static size_t disk_pages(uint64_t size)
{
    return (size_t)((size + PAGE_BYTES - 1) / PAGE_BYTES);
}

static size_t bitmap_pages(uint64_t size)
{
    return (disk_pages(size) + BITS_OF_PAGE - 1) / BITS_OF_PAGE;
}

/* Pages that a device has beside the one of its registers. */
static size_t extra_pages(const struct machine *m, unsigned n, unsigned drive)
{
    switch (type_of(m, n)) {
    case VIRTIO_BLOCK:
        return bitmap_pages(m->config.drive[drive].size) + disk_pages(m->config.drive[drive].size);
    case VIRTIO_NET:
        return 1 + FRAME_PAGES;
    case VIRTIO_NONE:
    case VIRTIO_CONSOLE:
    case VIRTIO_ENTROPY:
        break;
    }
    return 0;
}

size_t machine_virtio_layout(struct machine *m, size_t first_page)
{
    size_t page = first_page;
    unsigned drive = 0;
    for (unsigned n = 0; n < m->config.virtio_count; n++) {
        m->virtio[n] = (struct machine_virtio){.page = page, .drive = drive};
        page += 1 + extra_pages(m, n, drive);
        drive += type_of(m, n) == VIRTIO_BLOCK;
    }
    return page - first_page;
}

static const struct virtio *device_look(const struct machine *m, unsigned n)
{
    return (const struct virtio *)(const void *)cow_read(m->memory, m->virtio[n].page);
}

static struct virtio *device_change(struct machine *m, unsigned n)
{
    return (struct virtio *)(void *)cow_write(m->memory, m->virtio[n].page);
}

/* --- disks ---------------------------------------------------------------------------------- */

/* The page of the overlay with a byte of a disk, and its bit in the map. */
struct overlay_place {
    size_t data_page, map_page, map_byte;
    uint8_t bit;
};

static struct overlay_place overlay_place(const struct machine *m, unsigned n, uint64_t at)
{
    size_t first = m->virtio[n].page + 1;
    size_t index = (size_t)(at / PAGE_BYTES);
    return (struct overlay_place){
        .data_page = first + bitmap_pages(m->disk[m->virtio[n].drive].size) + index,
        .map_page = first + index / BITS_OF_PAGE,
        .map_byte = index % BITS_OF_PAGE / 8,
        .bit = (uint8_t)(1u << index % 8),
    };
}

static bool is_written(const struct machine *m, const struct overlay_place *p)
{
    return (cow_read(m->memory, p->map_page)[p->map_byte] & p->bit) != 0;
}

/* Bytes within one page. */
static void page_read(const struct machine *m, unsigned n, uint64_t at, void *bytes, size_t size)
{
    struct overlay_place p = overlay_place(m, n, at);
    if (is_written(m, &p))
        memcpy(bytes, cow_read(m->memory, p.data_page) + at % PAGE_BYTES, size);
    else
        memcpy(bytes, m->disk[m->virtio[n].drive].bytes + at, size);
}

static void page_write(struct machine *m, unsigned n, uint64_t at, const void *bytes, size_t size)
{
    struct overlay_place p = overlay_place(m, n, at);
    const struct disk *disk = &m->disk[m->virtio[n].drive];
    uint8_t *page = cow_write(m->memory, p.data_page);
    if (!is_written(m, &p)) {
        uint64_t base = align_down(at, PAGE_BYTES);
        size_t there = (size_t)(disk->size - base < PAGE_BYTES ? disk->size - base : PAGE_BYTES);
        memcpy(page, disk->bytes + base, there);
        cow_write(m->memory, p.map_page)[p.map_byte] |= p.bit;
    }
    memcpy(page + at % PAGE_BYTES, bytes, size);
}

static size_t page_part(uint64_t at, size_t left)
{
    size_t part = PAGE_BYTES - (size_t)(at % PAGE_BYTES);
    return part < left ? part : left;
}

static void disk_read(void *owner, unsigned n, uint64_t at, void *bytes, size_t size)
{
    for (size_t done = 0, part; done < size; done += part) {
        part = page_part(at + done, size - done);
        page_read(owner, n, at + done, (uint8_t *)bytes + done, part);
    }
}

static void disk_write(void *owner, unsigned n, uint64_t at, const void *bytes, size_t size)
{
    for (size_t done = 0, part; done < size; done += part) {
        part = page_part(at + done, size - done);
        page_write(owner, n, at + done, (const uint8_t *)bytes + done, part);
    }
}

void machine_disk_read(const struct machine *m, unsigned drive, uint64_t at, void *bytes,
                       size_t size)
{
    for (unsigned n = 0; n < m->config.virtio_count; n++) {
        if (type_of(m, n) == VIRTIO_BLOCK && m->virtio[n].drive == drive)
            disk_read((void *)(uintptr_t)m, n, at, bytes, size);
    }
}

/* --- time ----------------------------------------------------------------------------------- */

/* A queue is looked at after so many nanoseconds, unless it is going to be anyway. */
static void schedule(struct machine *m, unsigned n, unsigned queue, uint64_t now,
                     uint64_t nanoseconds)
{
    struct virtio *v = device_change(m, n);
    if (v->queue[queue].due != DEVICE_NEVER || !virtio_queue_runs(v, queue))
        return;
    uint32_t k = choose(&m->chooser, &m->side->counts, CHOICE_DEVICE_DONE, n,
                        ARRAY_COUNT(done_delay));
    uint64_t late = done_delay[k] * UINT64_C(1000);
    v->queue[queue].due = now + (nanoseconds + virtio_latency(v) + late) * (m->hz / 1000000) / 1000;
}

/* --- the wire ------------------------------------------------------------------------------- */

/* Who hears a network device: its neighbour of the pair, or itself. */
static unsigned peer_of(const struct machine *m, unsigned n)
{
    unsigned before = 0, after = n;
    for (unsigned i = 0; i < n; i++)
        before += type_of(m, i) == VIRTIO_NET;
    if (before % 2 == 1) {
        while (type_of(m, --after) != VIRTIO_NET)
            continue;
        return after;
    }
    while (++after < m->config.virtio_count) {
        if (type_of(m, after) == VIRTIO_NET)
            return after;
    }
    return n;
}

static struct frame_queue *frames_of(struct machine *m, unsigned n)
{
    return (struct frame_queue *)(void *)cow_write(m->memory, m->virtio[n].page + 1);
}

static size_t slot_page(const struct machine *m, unsigned n, uint32_t slot)
{
    return m->virtio[n].page + 2 + slot * FRAME_SLOT_BYTES / PAGE_BYTES;
}

static void frame_send(void *owner, unsigned n, const uint8_t *frame, size_t size)
{
    struct machine *m = owner;
    unsigned peer = peer_of(m, n);
    struct frame_queue *frames = frames_of(m, peer);
    if (size == 0)
        return;
    if (frames->count == FRAME_SLOTS) {
        device_change(m, peer)->lost++;
        return;
    }
    uint32_t slot = (frames->first + frames->count++) % FRAME_SLOTS;
    frames->size[slot] = (uint32_t)size;
    uint8_t *page = cow_write(m->memory, slot_page(m, peer, slot));
    memcpy(page + slot * FRAME_SLOT_BYTES % PAGE_BYTES, frame, size);
    schedule(m, peer, VIRTIO_RECEIVE, m->state->clock.seen, 0);
}

static size_t frame_look(void *owner, unsigned n, uint8_t frame[VIRTIO_PACKET_MAX])
{
    struct machine *m = owner;
    const struct frame_queue *frames = frames_of(m, n);
    if (frames->count == 0)
        return 0;
    uint32_t slot = frames->first;
    const uint8_t *page = cow_read(m->memory, slot_page(m, n, slot));
    memcpy(frame, page + slot * FRAME_SLOT_BYTES % PAGE_BYTES, frames->size[slot]);
    return frames->size[slot];
}

static void frame_done(void *owner, unsigned n)
{
    struct frame_queue *frames = frames_of(owner, n);
    frames->first = (frames->first + 1) % FRAME_SLOTS;
    frames->count--;
}

/* --- devices -------------------------------------------------------------------------------- */

static bool memory_get(void *owner, unsigned n, uint64_t pa, void *bytes, size_t size)
{
    struct dma_master master = {.device = (uint8_t)n, .is_coherent = true};
    return machine_dma_read(owner, &master, pa, bytes, size);
}

static bool memory_put(void *owner, unsigned n, uint64_t pa, const void *bytes, size_t size)
{
    struct dma_master master = {.device = (uint8_t)n, .is_coherent = true};
    return machine_dma_write(owner, &master, pa, bytes, size);
}

static void output(void *owner, unsigned n, uint8_t byte)
{
    struct machine *m = owner;
    (void)n;
    machine_console_of(m, INPUT_VIRTIO, m->state->current, byte);
}

static void serve(struct machine *m, unsigned n, unsigned queue, uint64_t now)
{
    struct virtio_host host = {
        .device = device_change(m, n),
        .owner = m,
        .number = n,
        .read = memory_get,
        .write = memory_put,
        .disk_read = disk_read,
        .disk_write = disk_write,
        .output = output,
        .frame_send = frame_send,
        .frame_look = frame_look,
        .frame_done = frame_done,
    };
    host.device->queue[queue].due = DEVICE_NEVER;
    uint64_t moved = virtio_serve(&host, queue);
    if (moved != VIRTIO_NOTHING)
        schedule(m, n, queue, now, moved / BYTES_PER_NANOSECOND);
}

static void block_configure(struct virtio *v, uint64_t size)
{
    v->capacity = size / VIRTIO_SECTOR;
    virtio_config_put(v, 0, 8, v->capacity);
    virtio_config_put(v, 12, 4, SEGMENTS_OF_REQUEST);
    virtio_config_put(v, 20, 4, VIRTIO_SECTOR);
}

static void net_configure(struct virtio *v, unsigned n)
{
    static const uint8_t address[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    for (unsigned i = 0; i < sizeof address; i++)
        virtio_config_put(v, i, 1, address[i]);
    virtio_config_put(v, 5, 1, address[5] + n);
    virtio_config_put(v, 6, 2, 1); /* the link is up */
}

static uint64_t features_of(const struct machine *m, unsigned n)
{
    switch (type_of(m, n)) {
    case VIRTIO_BLOCK:
        return VIRTIO_BLOCK_F_SEG_MAX | VIRTIO_BLOCK_F_BLK_SIZE | VIRTIO_BLOCK_F_FLUSH |
               (m->config.drive[m->virtio[n].drive].read_only ? VIRTIO_BLOCK_F_RO : 0);
    case VIRTIO_CONSOLE:
        return VIRTIO_CONSOLE_F_SIZE | VIRTIO_CONSOLE_F_EMERG_WRITE;
    case VIRTIO_NET:
        return VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS;
    case VIRTIO_NONE:
    case VIRTIO_ENTROPY:
        break;
    }
    return 0;
}

/* Disks, the stream of entropy and the terminal stay as they are: they are no registers. */
void machine_virtio_reset(struct machine *m)
{
    for (unsigned n = 0; n < m->config.virtio_count; n++) {
        struct virtio *v = device_change(m, n);
        uint64_t given = v->given;
        unsigned columns, rows;
        virtio_console_size(v, &columns, &rows);
        virtio_init(v, type_of(m, n), features_of(m, n));
        v->seed = m->config.entropy_seed;
        v->given = given;
        if (type_of(m, n) == VIRTIO_BLOCK)
            block_configure(v, m->disk[m->virtio[n].drive].size);
        if (type_of(m, n) == VIRTIO_CONSOLE) {
            virtio_console_resize(v, columns != 0 ? columns : 80, rows != 0 ? rows : 24);
            virtio_config_put(v, 4, 4, 1); /* ports */
        }
        if (type_of(m, n) == VIRTIO_NET) {
            net_configure(v, n);
            memset(frames_of(m, n), 0, sizeof(struct frame_queue));
        }
    }
}

enum device_answer machine_virtio_access(struct machine *m, const struct access *a,
                                         uint32_t offset, uint64_t now, uint32_t *word)
{
    static const struct virtio nobody;
    unsigned n = offset / VIO_SIZE;
    offset %= VIO_SIZE;
    bool is_there = n < m->config.virtio_count;
    if (!a->is_write)
        return virtio_read(is_there ? device_look(m, n) : &nobody, offset, a->size, word);
    if (!is_there) {
        struct virtio none = nobody;
        return virtio_write(&none, offset, a->size, *word).answer;
    }
    struct virtio_effect effect = virtio_write(device_change(m, n), offset, a->size, *word);
    for (unsigned queue = 0; queue < VIRTIO_QUEUES; queue++) {
        if (effect.kicked >> queue & 1)
            schedule(m, n, queue, now, 0);
    }
    if (effect.has_output)
        machine_console_of(m, INPUT_VIRTIO, a->pe, effect.output);
    return effect.answer;
}

bool machine_virtio_level(const struct machine *m, unsigned n)
{
    return virtio_line(device_look(m, n));
}

uint64_t machine_virtio_deadline(const struct machine *m)
{
    uint64_t next = DEVICE_NEVER;
    for (unsigned n = 0; n < m->config.virtio_count; n++) {
        uint64_t due = virtio_deadline(device_look(m, n));
        if (due < next)
            next = due;
    }
    return next;
}

void machine_virtio_fire(struct machine *m, uint64_t now)
{
    for (unsigned n = 0; n < m->config.virtio_count; n++) {
        for (unsigned queue = 0; queue < VIRTIO_QUEUES; queue++) {
            if (device_look(m, n)->queue[queue].due <= now)
                serve(m, n, queue, now);
        }
    }
}

/* --- input ---------------------------------------------------------------------------------- */

/* The first console, or -1. */
static int console_of(const struct machine *m)
{
    for (unsigned n = 0; n < m->config.virtio_count; n++) {
        if (type_of(m, n) == VIRTIO_CONSOLE)
            return (int)n;
    }
    return -1;
}

bool machine_has_virtio_console(const struct machine *m)
{
    return console_of(m) >= 0;
}

size_t machine_virtio_console_room(const struct machine *m)
{
    int n = console_of(m);
    return n < 0 ? 0 : virtio_console_room(device_look(m, (unsigned)n));
}

void machine_virtio_console_input(struct machine *m, uint64_t now, const uint8_t *bytes,
                                  size_t count)
{
    int n = console_of(m);
    if (n < 0)
        return;
    virtio_console_input(device_change(m, (unsigned)n), bytes, count);
    schedule(m, (unsigned)n, VIRTIO_RECEIVE, now, 0);
}

void machine_virtio_console_resize(struct machine *m, unsigned columns, unsigned rows)
{
    int n = console_of(m);
    if (n >= 0)
        virtio_console_resize(device_change(m, (unsigned)n), columns, rows);
}
