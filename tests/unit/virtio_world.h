/*
 * A virtio device with a little memory of its own around it, and the driver's half of its queues.
 */
#pragma once
#include <string.h>

#include "sim/devices/virtqueue.h"

#define WORLD_BASE UINT64_C(0x1000)
#define WORLD_BYTES 0x20000u
#define WORLD_SECTORS 16u
#define WORLD_QUEUE(q) (WORLD_BASE + 0x8000 * (uint64_t)(q))
#define WORLD_DRIVER(q) (WORLD_QUEUE(q) + 0x4000)
#define WORLD_DEVICE(q) (WORLD_QUEUE(q) + 0x5000)
#define WORLD_BUFFERS (WORLD_BASE + 0x10000)

struct virtio_world {
    struct virtio device;
    uint8_t memory[WORLD_BYTES];
    uint8_t disk[WORLD_SECTORS * VIRTIO_SECTOR];
    uint8_t out[4096];
    size_t out_count;
    uint8_t frame[VIRTIO_PACKET_MAX];
    size_t frame_size;
    uint64_t moved_outside; /* bytes asked for that are no memory */
};

static inline bool world_has(uint64_t pa, size_t size)
{
    return pa >= WORLD_BASE && pa - WORLD_BASE <= WORLD_BYTES &&
           size <= WORLD_BYTES - (pa - WORLD_BASE);
}

static inline bool world_get(void *owner, unsigned number, uint64_t pa, void *bytes, size_t size)
{
    struct virtio_world *w = owner;
    (void)number;
    if (!world_has(pa, size)) {
        w->moved_outside += size;
        return false;
    }
    memcpy(bytes, w->memory + (pa - WORLD_BASE), size);
    return true;
}

static inline bool world_put(void *owner, unsigned number, uint64_t pa, const void *bytes,
                             size_t size)
{
    struct virtio_world *w = owner;
    (void)number;
    if (!world_has(pa, size)) {
        w->moved_outside += size;
        return false;
    }
    memcpy(w->memory + (pa - WORLD_BASE), bytes, size);
    return true;
}

static inline void world_disk_read(void *owner, unsigned number, uint64_t at, void *bytes,
                                   size_t size)
{
    struct virtio_world *w = owner;
    (void)number;
    ensure(at <= sizeof w->disk && size <= sizeof w->disk - at);
    memcpy(bytes, w->disk + at, size);
}

static inline void world_disk_write(void *owner, unsigned number, uint64_t at, const void *bytes,
                                    size_t size)
{
    struct virtio_world *w = owner;
    (void)number;
    ensure(at <= sizeof w->disk && size <= sizeof w->disk - at);
    memcpy(w->disk + at, bytes, size);
}

static inline void world_output(void *owner, unsigned number, uint8_t byte)
{
    struct virtio_world *w = owner;
    (void)number;
    w->out[w->out_count++ % sizeof w->out] = byte;
}

static inline void world_frame_send(void *owner, unsigned number, const uint8_t *frame,
                                    size_t size)
{
    struct virtio_world *w = owner;
    (void)number;
    ensure(size <= sizeof w->frame);
    memcpy(w->frame, frame, size);
    w->frame_size = size;
}

static inline size_t world_frame_look(void *owner, unsigned number,
                                      uint8_t frame[VIRTIO_PACKET_MAX])
{
    struct virtio_world *w = owner;
    (void)number;
    memcpy(frame, w->frame, w->frame_size);
    return w->frame_size;
}

static inline void world_frame_done(void *owner, unsigned number)
{
    struct virtio_world *w = owner;
    (void)number;
    w->frame_size = 0;
}

static inline struct virtio_host world_host(struct virtio_world *w)
{
    return (struct virtio_host){
        .device = &w->device,
        .owner = w,
        .read = world_get,
        .write = world_put,
        .disk_read = world_disk_read,
        .disk_write = world_disk_write,
        .output = world_output,
        .frame_send = world_frame_send,
        .frame_look = world_frame_look,
        .frame_done = world_frame_done,
    };
}

static inline void world_number(struct virtio_world *w, uint64_t pa, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        w->memory[pa - WORLD_BASE + i] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t world_number_at(const struct virtio_world *w, uint64_t pa, unsigned size)
{
    uint64_t value = 0;
    while (size-- > 0)
        value = value << 8 | w->memory[pa - WORLD_BASE + size];
    return value;
}

static inline void world_descriptor_at(struct virtio_world *w, uint64_t table, unsigned index,
                                       uint64_t address, uint32_t size, unsigned flags,
                                       unsigned next)
{
    uint64_t at = table + 16 * index;
    world_number(w, at, 8, address);
    world_number(w, at + 8, 4, size);
    world_number(w, at + 12, 2, flags);
    world_number(w, at + 14, 2, next);
}

static inline void world_descriptor(struct virtio_world *w, unsigned queue, unsigned index,
                                    uint64_t address, uint32_t size, unsigned flags, unsigned next)
{
    world_descriptor_at(w, WORLD_QUEUE(queue), index, address, size, flags, next);
}

/* Offers a chain in the available ring of a queue of 8. */
static inline void world_offer(struct virtio_world *w, unsigned queue, unsigned head)
{
    uint64_t index = world_number_at(w, WORLD_DRIVER(queue) + 2, 2);
    world_number(w, WORLD_DRIVER(queue) + 4 + 2 * (index % 8), 2, head);
    world_number(w, WORLD_DRIVER(queue) + 2, 2, index + 1);
}

static inline uint32_t world_read(const struct virtio_world *w, uint32_t offset)
{
    uint32_t value = 0xdeadbeef;
    ensure(virtio_read(&w->device, offset, 4, &value) == DEVICE_OK);
    return value;
}

static inline uint32_t world_write(struct virtio_world *w, uint32_t offset, uint32_t value)
{
    struct virtio_effect effect = virtio_write(&w->device, offset, 4, value);
    ensure(effect.answer == DEVICE_OK);
    return effect.kicked;
}

/* Up to FEATURES_OK with these features of the type beside VERSION_1, without queues. */
static inline void world_negotiate(struct virtio_world *w, uint64_t features)
{
    features |= VIO_FEATURE_VERSION_1;
    world_write(w, VIO_Status_OFFSET, 0);
    world_write(w, VIO_Status_OFFSET, 3);
    for (unsigned half = 0; half < 2; half++) {
        world_write(w, VIO_DriverFeaturesSel_OFFSET, half);
        world_write(w, VIO_DriverFeatures_OFFSET, (uint32_t)(features >> 32 * half));
    }
    world_write(w, VIO_Status_OFFSET, 11);
}

static inline void world_queue(struct virtio_world *w, unsigned queue, uint32_t size)
{
    world_write(w, VIO_QueueSel_OFFSET, queue);
    world_write(w, VIO_QueueNum_OFFSET, size);
    world_write(w, VIO_QueueDescLow_OFFSET, (uint32_t)WORLD_QUEUE(queue));
    world_write(w, VIO_QueueDriverLow_OFFSET, (uint32_t)WORLD_DRIVER(queue));
    world_write(w, VIO_QueueDeviceLow_OFFSET, (uint32_t)WORLD_DEVICE(queue));
    world_write(w, VIO_QueueReady_OFFSET, 1);
}

/* A device that a driver has brought up, with queues of 8. */
static inline void world_start(struct virtio_world *w, enum virtio_type type, uint64_t features,
                               uint64_t taken)
{
    memset(w, 0, sizeof *w);
    virtio_init(&w->device, type, features);
    w->device.capacity = WORLD_SECTORS;
    world_negotiate(w, taken);
    for (unsigned queue = 0; queue < w->device.queue_count; queue++)
        world_queue(w, queue, 8);
    world_write(w, VIO_Status_OFFSET, 15);
}
