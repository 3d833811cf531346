/*
 * What the files of the virtio devices share with each other, and with nobody else: for each type
 * the features it offers, the bytes of its configuration, and how a request is done.
 */
#pragma once
#include "sim/devices/virtqueue.h"

/*
 * Each does at most one request of a queue: bytes moved, VIRTIO_NOTHING when there was none, and
 * VIRTIO_BROKEN when the driver did what it may not do.
 */
#define VIRTIO_BROKEN (UINT64_MAX - 1)
uint64_t virtio_block_serve(const struct virtio_host *host);
uint64_t virtio_console_serve(const struct virtio_host *host, unsigned queue);
uint64_t virtio_entropy_serve(const struct virtio_host *host);
uint64_t virtio_net_serve(const struct virtio_host *host, unsigned queue);

/* A write to the configuration of a console, behind features or not. */
void virtio_console_configure(uint32_t offset, uint32_t value, struct virtio_effect *effect);
