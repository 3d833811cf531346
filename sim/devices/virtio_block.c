/*
 * The virtio block device: reads, writes, flush, the name of the disk.
 *
 * A request is done in one piece when its time has come, so that what was written is there when
 * the request is finished, and a flush has nothing left to do. Requests of other types are answered
 * with UNSUPP; sectors that are not there, parts of sectors and writes to a read-only disk with
 * IOERR. A request without the head or the byte for the status breaks the device.
 *
 * VIRTIO 1.2: "Block Device".
 */
#include "sim/devices/virtio_parts.h"

#include <string.h>

#define HEAD_BYTES 16u
#define NAME_BYTES 20u

/* Types of requests, of which a driver may give any number, and their outcomes. */
#define REQUEST_IN 0u
#define REQUEST_OUT 1u
#define REQUEST_FLUSH 4u
#define REQUEST_GET_ID 8u
#define STATUS_OK 0u
#define STATUS_IOERR 1u
#define STATUS_UNSUPP 2u

/* Sectors between memory and the disk. False: the driver gave an address that is none. */
static bool sectors_move(const struct virtio_host *host, const struct virtqueue_chain *chain,
                         bool is_write, uint64_t at, uint64_t size)
{
    uint8_t bytes[VIRTIO_SECTOR];
    for (uint64_t done = 0; done < size; done += sizeof bytes) {
        if (is_write) {
            if (!virtqueue_read(host, chain, HEAD_BYTES + done, bytes, sizeof bytes))
                return false;
            host->disk_write(host->owner, host->number, at + done, bytes, sizeof bytes);
        } else {
            host->disk_read(host->owner, host->number, at + done, bytes, sizeof bytes);
            if (!virtqueue_write(host, chain, done, bytes, sizeof bytes))
                return false;
        }
    }
    return true;
}

static bool are_sectors(const struct virtio *v, uint64_t sector, uint64_t size)
{
    uint64_t count = size / VIRTIO_SECTOR;
    return size % VIRTIO_SECTOR == 0 && sector <= v->capacity && count <= v->capacity - sector;
}

/* Does what a request asks for; *written: bytes of data for the driver. */
static bool request_do(const struct virtio_host *host, const struct virtqueue_chain *chain,
                       uint32_t type, uint64_t sector, uint8_t *status, uint64_t *written)
{
    const struct virtio *v = host->device;
    uint64_t out = chain->readable - HEAD_BYTES, in = chain->writable - 1;
    char name[NAME_BYTES] = "armillary disk";
    *written = 0;
    *status = STATUS_OK;
    switch (type) {
    case REQUEST_IN:
        if (are_sectors(v, sector, in)) {
            *written = in;
            return sectors_move(host, chain, false, sector * VIRTIO_SECTOR, in);
        }
        *status = STATUS_IOERR;
        return true;
    case REQUEST_OUT:
        if (are_sectors(v, sector, out) && !(v->offered & VIRTIO_BLOCK_F_RO))
            return sectors_move(host, chain, true, sector * VIRTIO_SECTOR, out);
        *status = STATUS_IOERR;
        return true;
    case REQUEST_FLUSH:
        return true;
    case REQUEST_GET_ID:
        *written = in < NAME_BYTES ? in : NAME_BYTES;
        return virtqueue_write(host, chain, 0, name, (size_t)*written);
    default:
        *status = STATUS_UNSUPP;
        return true;
    }
}

uint64_t virtio_block_serve(const struct virtio_host *host)
{
    struct virtqueue_chain chain;
    uint8_t head[HEAD_BYTES], status;
    switch (virtqueue_take(host, VIRTIO_REQUESTS, &chain)) {
    case VIRTQUEUE_EMPTY:
        return VIRTIO_NOTHING;
    case VIRTQUEUE_BROKEN:
        return VIRTIO_BROKEN;
    case VIRTQUEUE_CHAIN:
        break;
    }
    if (chain.readable < HEAD_BYTES || chain.writable < 1 ||
        !virtqueue_read(host, &chain, 0, head, sizeof head))
        return VIRTIO_BROKEN;
    uint32_t type = 0;
    uint64_t sector = 0, written;
    for (unsigned i = 0; i < 8; i++) {
        type |= i < 4 ? (uint32_t)head[i] << 8 * i : 0;
        sector |= (uint64_t)head[8 + i] << 8 * i;
    }
    /* The status stands behind the data even where less data came than there was room for. */
    if (!request_do(host, &chain, type, sector, &status, &written) ||
        !virtqueue_write(host, &chain, chain.writable - 1, &status, 1))
        return VIRTIO_BROKEN;
    uint32_t total = (uint32_t)(written + 1 == chain.writable ? chain.writable : written);
    if (!virtqueue_put(host, VIRTIO_REQUESTS, &chain, total))
        return VIRTIO_BROKEN;
    return chain.readable + written;
}
