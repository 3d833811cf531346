/*
 * The virtio network device: frames go to whoever the machine has joined it with. Each is one
 * buffer with a header of twelve bytes. A frame that its buffer is too small for, and one that
 * comes while the receiver has no room, is lost, as on a wire.
 *
 * Not modelled: offloads, merged buffers, control queue; none of them is offered.
 *
 * VIRTIO 1.2: "Network Device".
 */
#include "sim/devices/virtio_parts.h"

#include <string.h>

#define HEADER_BYTES 12u
#define HEADER_BUFFERS 10u /* how many buffers hold the frame */

static uint64_t transmit(const struct virtio_host *host, const struct virtqueue_chain *chain)
{
    uint8_t bytes[VIRTIO_PACKET_MAX];
    if (chain->readable < HEADER_BYTES || chain->writable != 0)
        return VIRTIO_BROKEN;
    if (chain->readable <= sizeof bytes) {
        if (!virtqueue_read(host, chain, 0, bytes, (size_t)chain->readable))
            return VIRTIO_BROKEN;
        host->frame_send(host->owner, host->number, bytes + HEADER_BYTES,
                         (size_t)chain->readable - HEADER_BYTES);
    } else {
        host->device->lost++;
    }
    return virtqueue_put(host, VIRTIO_TRANSMIT, chain, 0) ? chain->readable : VIRTIO_BROKEN;
}

static uint64_t receive(const struct virtio_host *host, const struct virtqueue_chain *chain,
                        const uint8_t *frame, size_t size)
{
    uint8_t header[HEADER_BYTES] = {[HEADER_BUFFERS] = 1};
    if (chain->writable < HEADER_BYTES + size) {
        virtqueue_untake(host, VIRTIO_RECEIVE);
        host->device->lost++;
        return 0;
    }
    if (!virtqueue_write(host, chain, 0, header, sizeof header) ||
        !virtqueue_write(host, chain, HEADER_BYTES, frame, size) ||
        !virtqueue_put(host, VIRTIO_RECEIVE, chain, (uint32_t)(HEADER_BYTES + size)))
        return VIRTIO_BROKEN;
    return HEADER_BYTES + size;
}

uint64_t virtio_net_serve(const struct virtio_host *host, unsigned queue)
{
    struct virtqueue_chain chain;
    uint8_t frame[VIRTIO_PACKET_MAX];
    size_t size = 0;
    if (queue == VIRTIO_RECEIVE) {
        size = host->frame_look(host->owner, host->number, frame);
        if (size == 0)
            return VIRTIO_NOTHING;
    }
    switch (virtqueue_take(host, queue, &chain)) {
    case VIRTQUEUE_EMPTY:
        return VIRTIO_NOTHING;
    case VIRTQUEUE_BROKEN:
        return VIRTIO_BROKEN;
    case VIRTQUEUE_CHAIN:
        break;
    }
    if (queue == VIRTIO_TRANSMIT)
        return transmit(host, &chain);
    if (chain.readable != 0)
        return VIRTIO_BROKEN;
    uint64_t moved = receive(host, &chain, frame, size);
    host->frame_done(host->owner, host->number);
    return moved;
}
