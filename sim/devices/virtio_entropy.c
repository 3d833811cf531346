/*
 * The virtio entropy device: a stream of bytes that the configuration's seed determines, the same
 * in every run. Nothing here is fit for secrets.
 *
 * VIRTIO 1.2: "Entropy Device".
 */
#include "sim/devices/virtio_parts.h"

static uint8_t next_byte(struct virtio *v)
{
    uint64_t word = hash_mix(hash_mix(v->seed) + v->given / 8);
    return (uint8_t)(word >> 8 * (v->given++ % 8));
}

uint64_t virtio_entropy_serve(const struct virtio_host *host)
{
    struct virtqueue_chain chain;
    switch (virtqueue_take(host, VIRTIO_REQUESTS, &chain)) {
    case VIRTQUEUE_EMPTY:
        return VIRTIO_NOTHING;
    case VIRTQUEUE_BROKEN:
        return VIRTIO_BROKEN;
    case VIRTQUEUE_CHAIN:
        break;
    }
    uint8_t bytes[64];
    if (chain.writable == 0 || chain.readable != 0)
        return VIRTIO_BROKEN;
    uint64_t most = chain.writable < UINT32_MAX ? chain.writable : UINT32_MAX;
    for (uint64_t done = 0; done < most;) {
        size_t part = most - done < sizeof bytes ? (size_t)(most - done) : sizeof bytes;
        for (size_t i = 0; i < part; i++)
            bytes[i] = next_byte(host->device);
        if (!virtqueue_write(host, &chain, done, bytes, part))
            return VIRTIO_BROKEN;
        done += part;
    }
    return virtqueue_put(host, VIRTIO_REQUESTS, &chain, (uint32_t)most) ? most : VIRTIO_BROKEN;
}
