/*
 * Reading a split virtqueue. Nothing that is in memory is believed: what a driver may not do ends
 * in VIRTQUEUE_BROKEN, whatever it is.
 */
#pragma once
#include "sim/devices/virtio.h"

struct virtqueue_segment {
    uint64_t address;
    uint32_t size; /* never 0 */
    uint32_t is_written;
};

/* One request: what the device reads comes before what it writes. */
struct virtqueue_chain {
    uint32_t head;
    uint32_t count;
    uint64_t readable, writable; /* bytes */
    struct virtqueue_segment segment[VIRTIO_QUEUE_SIZE_MAX];
};

enum virtqueue_answer { VIRTQUEUE_EMPTY, VIRTQUEUE_CHAIN, VIRTQUEUE_BROKEN };

/* Takes the next chain. With nothing there the driver is asked to tell of the next one. */
enum virtqueue_answer virtqueue_take(const struct virtio_host *host, unsigned queue,
                                     struct virtqueue_chain *chain);
/* The last chain that was taken is still to be done. */
void virtqueue_untake(const struct virtio_host *host, unsigned queue);
/* A chain is done, with so many bytes written to it; may interrupt. False: the queue is broken. */
bool virtqueue_put(const struct virtio_host *host, unsigned queue,
                   const struct virtqueue_chain *chain, uint32_t written);

/* Bytes of what the device reads, or writes, at an offset into all of it; false: not there. */
bool virtqueue_read(const struct virtio_host *host, const struct virtqueue_chain *chain,
                    uint64_t offset, void *bytes, size_t size);
bool virtqueue_write(const struct virtio_host *host, const struct virtqueue_chain *chain,
                     uint64_t offset, const void *bytes, size_t size);
