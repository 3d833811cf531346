/*
 * The split virtqueue, from the device's side.
 *
 * A chain has at most as many descriptors as its table has, which is how loops are found, and at
 * most VIRTIO_QUEUE_SIZE_MAX in all. Broken is: an index that jumps further than the ring is long,
 * a descriptor outside its table, a loop, a buffer of no bytes, an address where no memory is, a
 * buffer to read behind one to write, a table of descriptors that nobody agreed on, that is no
 * whole number of them, or that stands inside another one, and parts of the queue that are not
 * aligned as they have to be.
 *
 * Not modelled: the packed layout and queues that are used out of order.
 *
 * VIRTIO 1.2: "Split Virtqueues".
 */
#include "sim/devices/virtqueue.h"

#include <string.h>

#define DESCRIPTOR_BYTES 16u
#define USED_BYTES 8u
#define RING_HEAD 4u /* flags and index */

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};

static struct virtio_queue *queue_of(const struct virtio_host *host, unsigned queue)
{
    return &host->device->queue[queue];
}

static uint64_t little(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;
    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

static bool half_get(const struct virtio_host *host, uint64_t pa, uint16_t *value)
{
    uint8_t bytes[2];
    if (!host->read(host->owner, host->number, pa, bytes, sizeof bytes))
        return false;
    *value = (uint16_t)little(bytes, 2);
    return true;
}

static bool half_put(const struct virtio_host *host, uint64_t pa, uint16_t value)
{
    uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    return host->write(host->owner, host->number, pa, bytes, sizeof bytes);
}

static bool descriptor_get(const struct virtio_host *host, uint64_t table, uint32_t index,
                           struct descriptor *d)
{
    uint8_t bytes[DESCRIPTOR_BYTES];
    if (!host->read(host->owner, host->number, table + index * DESCRIPTOR_BYTES, bytes,
                    sizeof bytes))
        return false;
    *d = (struct descriptor){.address = little(bytes, 8),
                             .size = (uint32_t)little(bytes + 8, 4),
                             .flags = (uint16_t)little(bytes + 12, 2),
                             .next = (uint16_t)little(bytes + 14, 2)};
    return true;
}

static bool has_feature(const struct virtio_host *host, uint64_t feature)
{
    return (host->device->taken & feature) != 0;
}

static bool segment_add(struct virtqueue_chain *chain, const struct descriptor *d)
{
    bool is_written = (d->flags & VIO_DESCRIPTOR_WRITE) != 0;
    if (chain->count == VIRTIO_QUEUE_SIZE_MAX || d->size == 0 || (!is_written && chain->writable))
        return false;
    if (d->address + d->size < d->address)
        return false;
    chain->segment[chain->count++] =
        (struct virtqueue_segment){d->address, d->size, is_written};
    if (is_written)
        chain->writable += d->size;
    else
        chain->readable += d->size;
    return true;
}

/* Follows descriptors of one table; *tail: the one that leads to another table, if one does. */
static bool table_follow(const struct virtio_host *host, uint64_t table, uint32_t size,
                         uint32_t index, struct virtqueue_chain *chain, struct descriptor *tail)
{
    for (uint32_t i = 0; i < size; i++) {
        struct descriptor d;
        if (index >= size || !descriptor_get(host, table, index, &d))
            return false;
        if (d.flags & VIO_DESCRIPTOR_INDIRECT) {
            *tail = d;
            return !(d.flags & VIO_DESCRIPTOR_NEXT);
        }
        if (!segment_add(chain, &d))
            return false;
        if (!(d.flags & VIO_DESCRIPTOR_NEXT))
            return true;
        index = d.next;
    }
    return false; /* more than there are: a loop */
}

static bool chain_follow(const struct virtio_host *host, const struct virtio_queue *q,
                         struct virtqueue_chain *chain)
{
    struct descriptor tail = {0}, inner = {0};
    if (!table_follow(host, q->descriptors, q->size, chain->head, chain, &tail))
        return false;
    if (!(tail.flags & VIO_DESCRIPTOR_INDIRECT))
        return true;
    if (!has_feature(host, VIO_FEATURE_INDIRECT_DESC) || tail.size == 0 ||
        tail.size % DESCRIPTOR_BYTES != 0)
        return false;
    return table_follow(host, tail.address, tail.size / DESCRIPTOR_BYTES, 0, chain, &inner) &&
           !(inner.flags & VIO_DESCRIPTOR_INDIRECT);
}

static bool is_aligned(const struct virtio_queue *q)
{
    return q->descriptors % 16 == 0 && q->driver % 2 == 0 && q->device % 4 == 0;
}

/* Where each side says at which index it wants to hear of the other. */
static uint64_t used_event(const struct virtio_queue *q)
{
    return q->driver + RING_HEAD + 2 * (uint64_t)q->size;
}

static uint64_t available_event(const struct virtio_queue *q)
{
    return q->device + RING_HEAD + USED_BYTES * (uint64_t)q->size;
}

enum virtqueue_answer virtqueue_take(const struct virtio_host *host, unsigned queue,
                                     struct virtqueue_chain *chain)
{
    struct virtio_queue *q = queue_of(host, queue);
    uint16_t index, head;
    if (!is_aligned(q) || !half_get(host, q->driver + 2, &index))
        return VIRTQUEUE_BROKEN;
    uint16_t waiting = (uint16_t)(index - q->next);
    if (waiting > q->size)
        return VIRTQUEUE_BROKEN;
    if (waiting == 0) {
        bool told = !has_feature(host, VIO_FEATURE_EVENT_IDX) ||
                    half_put(host, available_event(q), q->next);
        return told ? VIRTQUEUE_EMPTY : VIRTQUEUE_BROKEN;
    }
    uint64_t place = q->driver + RING_HEAD + 2 * (uint64_t)(q->next & (q->size - 1));
    if (!half_get(host, place, &head))
        return VIRTQUEUE_BROKEN;
    chain->head = head;
    chain->count = 0;
    chain->readable = chain->writable = 0;
    if (!chain_follow(host, q, chain))
        return VIRTQUEUE_BROKEN;
    q->next++;
    return VIRTQUEUE_CHAIN;
}

void virtqueue_untake(const struct virtio_host *host, unsigned queue)
{
    queue_of(host, queue)->next--;
}

bool virtqueue_put(const struct virtio_host *host, unsigned queue,
                   const struct virtqueue_chain *chain, uint32_t written)
{
    struct virtio_queue *q = queue_of(host, queue);
    uint8_t element[USED_BYTES] = {0};
    for (unsigned i = 0; i < 4; i++) {
        element[i] = (uint8_t)(chain->head >> 8 * i);
        element[4 + i] = (uint8_t)(written >> 8 * i);
    }
    uint64_t place = q->device + RING_HEAD + USED_BYTES * (uint64_t)(q->used & (q->size - 1));
    uint16_t wanted;
    bool is_event = has_feature(host, VIO_FEATURE_EVENT_IDX);
    if (!host->write(host->owner, host->number, place, element, sizeof element) ||
        !half_put(host, q->device + 2, (uint16_t)(q->used + 1)) ||
        !half_get(host, is_event ? used_event(q) : q->driver, &wanted))
        return false;
    if (is_event ? wanted == q->used : !(wanted & VIO_AVAILABLE_NO_INTERRUPT))
        host->device->interrupt |= (uint32_t)VIO_INTERRUPT_Used;
    q->used++;
    return true;
}

/* Goes over the segments of one direction. */
static bool transfer(const struct virtio_host *host, const struct virtqueue_chain *chain,
                     bool is_write, uint64_t offset, uint8_t *bytes, size_t size)
{
    for (uint32_t i = 0; i < chain->count && size > 0; i++) {
        const struct virtqueue_segment *s = &chain->segment[i];
        if ((s->is_written != 0) != is_write)
            continue;
        if (offset >= s->size) {
            offset -= s->size;
            continue;
        }
        size_t part = size < s->size - offset ? size : (size_t)(s->size - offset);
        uint64_t pa = s->address + offset;
        if (is_write ? !host->write(host->owner, host->number, pa, bytes, part)
                     : !host->read(host->owner, host->number, pa, bytes, part))
            return false;
        bytes += part;
        size -= part;
        offset = 0;
    }
    return size == 0;
}

bool virtqueue_read(const struct virtio_host *host, const struct virtqueue_chain *chain,
                    uint64_t offset, void *bytes, size_t size)
{
    return transfer(host, chain, false, offset, bytes, size);
}

bool virtqueue_write(const struct virtio_host *host, const struct virtqueue_chain *chain,
                     uint64_t offset, const void *bytes, size_t size)
{
    return transfer(host, chain, true, offset, (uint8_t *)(uintptr_t)bytes, size);
}
