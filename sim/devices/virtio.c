/*
 * The transport of a virtio device: registers, negotiation, status, queues.
 *
 * What a driver may not do: features that were not offered leave FEATURES_OK at 0; a queue that is
 * made ready with a size that is none, or with parts that are not aligned, and one whose rings make
 * no sense (virtqueue.c) break the device, which then says DEVICE_NEEDS_RESET, tells of a change of
 * its configuration, and does nothing more until it is reset. Bits of the status that are set stay
 * until the reset; what belongs to a queue is fixed while that is ready, features once they are
 * agreed on.
 *
 * Not modelled: the legacy interface (a driver without VERSION_1 is not served), shared memory,
 * resets of one queue, notification data, an IOMMU in between.
 *
 * VIRTIO 1.2: "Basic Facilities of a Virtio Device", "Virtio Over MMIO".
 */
#include "sim/devices/virtio_parts.h"

#include <string.h>

#include "gen/virtio_mmio.inc"

#define FEATURES_ALWAYS \
    (VIO_FEATURE_VERSION_1 | VIO_FEATURE_EVENT_IDX | VIO_FEATURE_INDIRECT_DESC)
#define STATUS_DRIVER                                                                             \
    ((uint32_t)(VIO_Status_ACKNOWLEDGE | VIO_Status_DRIVER | VIO_Status_FEATURES_OK |             \
                VIO_Status_DRIVER_OK | VIO_Status_FAILED))

const struct mmio_row *virtio_row(enum virtio_register row)
{
    ensure(row < VIRTIO_REGISTER_COUNT);
    return &virtio_register_rows[row];
}

void virtio_config_put(struct virtio *v, unsigned at, unsigned size, uint64_t value)
{
    ensure(at + size <= VIRTIO_CONFIG_BYTES);
    for (unsigned i = 0; i < size; i++)
        v->config[at + i] = (uint8_t)(value >> 8 * i);
}

void virtio_init(struct virtio *v, enum virtio_type type, uint64_t features)
{
    memset(v, 0, sizeof *v);
    v->type = type;
    v->offered = type == VIRTIO_NONE ? 0 : features | FEATURES_ALWAYS;
    v->queue_count = type == VIRTIO_NONE ? 0 : type == VIRTIO_NET || type == VIRTIO_CONSOLE ? 2 : 1;
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        v->queue[i].due = DEVICE_NEVER;
}

/* What the driver asked for is gone; what the device has - disk, input, stream - is not. */
static void reset(struct virtio *v)
{
    memset(v->queue, 0, sizeof v->queue);
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        v->queue[i].due = DEVICE_NEVER;
    v->taken = 0;
    v->device_sel = v->driver_sel = v->queue_sel = 0;
    v->status = v->interrupt = 0;
}

void virtio_break(struct virtio *v)
{
    v->status |= (uint32_t)VIO_Status_DEVICE_NEEDS_RESET;
    if (v->status & VIO_Status_DRIVER_OK)
        v->interrupt |= (uint32_t)VIO_INTERRUPT_Config;
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        v->queue[i].due = DEVICE_NEVER;
}

bool virtio_line(const struct virtio *v)
{
    return v->interrupt != 0;
}

uint64_t virtio_deadline(const struct virtio *v)
{
    return v->queue[0].due < v->queue[1].due ? v->queue[0].due : v->queue[1].due;
}

bool virtio_queue_runs(const struct virtio *v, unsigned queue)
{
    return queue < v->queue_count && v->queue[queue].ready &&
           (v->status & VIO_Status_DRIVER_OK) && !(v->status & VIO_Status_DEVICE_NEEDS_RESET);
}

uint64_t virtio_latency(const struct virtio *v)
{
    switch ((enum virtio_type)v->type) {
    case VIRTIO_BLOCK:
        return 20000;
    case VIRTIO_NET:
        return 5000;
    case VIRTIO_CONSOLE:
    case VIRTIO_ENTROPY:
    case VIRTIO_NONE:
        break;
    }
    return 1000;
}

uint64_t virtio_serve(const struct virtio_host *host, unsigned queue)
{
    uint64_t moved = VIRTIO_NOTHING;
    if (!virtio_queue_runs(host->device, queue))
        return moved;
    switch ((enum virtio_type)host->device->type) {
    case VIRTIO_NONE:
        break;
    case VIRTIO_BLOCK:
        moved = virtio_block_serve(host);
        break;
    case VIRTIO_CONSOLE:
        moved = virtio_console_serve(host, queue);
        break;
    case VIRTIO_ENTROPY:
        moved = virtio_entropy_serve(host);
        break;
    case VIRTIO_NET:
        moved = virtio_net_serve(host, queue);
        break;
    }
    if (moved != VIRTIO_BROKEN)
        return moved;
    virtio_break(host->device);
    return VIRTIO_NOTHING;
}

/* --- registers ------------------------------------------------------------------------------ */

/* Words of registers; in the configuration also halves and bytes, where they lie. */
static enum device_answer check(uint32_t offset, unsigned size)
{
    bool is_good = size == 4 || (offset >= VIO_Config_OFFSET && (size == 1 || size == 2));
    return is_good && offset % size == 0 && offset <= VIO_SIZE - size ? DEVICE_OK : DEVICE_ABORT;
}

static uint32_t config_get(const struct virtio *v, uint32_t at, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < size && at + i < VIRTIO_CONFIG_BYTES; i++)
        value |= (uint32_t)v->config[at + i] << 8 * i;
    return value;
}

/* 32 of 64 feature bits. */
static uint32_t part_of(uint64_t features, uint32_t index)
{
    return index < 2 ? (uint32_t)(features >> 32 * index) : 0;
}

static uint32_t word_get(const struct virtio *v, const struct mmio_row *row)
{
    const struct virtio_queue *q = v->queue_sel < v->queue_count ? &v->queue[v->queue_sel] : NULL;
    switch (row->offset) {
    case VIO_DeviceID_OFFSET:
        return v->type;
    case VIO_DeviceFeatures_OFFSET:
        return part_of(v->offered, v->device_sel);
    case VIO_QueueNumMax_OFFSET:
        return q ? VIRTIO_QUEUE_SIZE_MAX : 0;
    case VIO_QueueReady_OFFSET:
        return q ? q->ready : 0;
    case VIO_InterruptStatus_OFFSET:
        return v->interrupt;
    case VIO_Status_OFFSET:
        return v->status;
    case VIO_ConfigGeneration_OFFSET:
        return v->generation;
    default: /* identification, and regions that are not there */
        return row->reset;
    }
}

static const struct mmio_row *row_find(uint32_t offset)
{
    return device_row(virtio_register_rows, VIRTIO_REGISTER_COUNT, offset & ~UINT32_C(3));
}

enum device_answer virtio_read(const struct virtio *v, uint32_t offset, unsigned size,
                               uint32_t *value)
{
    enum device_answer answer = check(offset, size);
    if (answer != DEVICE_OK)
        return answer;
    const struct mmio_row *row = row_find(offset);
    bool is_there = v->type != VIRTIO_NONE || offset <= VIO_VendorID_OFFSET;
    *value = 0;
    if (offset >= VIO_Config_OFFSET)
        *value = config_get(v, offset - VIO_Config_OFFSET, size);
    else if (row && row->readable && is_there)
        *value = word_get(v, row);
    return DEVICE_OK;
}

static void features_put(struct virtio *v, uint32_t value)
{
    if (v->driver_sel > 1 || (v->status & VIO_Status_FEATURES_OK))
        return;
    uint64_t mask = UINT64_C(0xffffffff) << 32 * v->driver_sel;
    v->taken = (v->taken & ~mask) | ((uint64_t)value << 32 * v->driver_sel & mask);
}

/*
 * All of 0 is a reset. Queues are looked at as soon as the driver is ready, whatever was said
 * before.
 */
static uint32_t status_put(struct virtio *v, uint32_t value)
{
    if (value == 0) {
        reset(v);
        return 0;
    }
    uint32_t now = (v->status | value) & STATUS_DRIVER;
    bool is_good = (v->taken & ~v->offered) == 0 && (v->taken & VIO_FEATURE_VERSION_1);
    if (!(v->status & VIO_Status_FEATURES_OK) && !is_good)
        now &= (uint32_t)~VIO_Status_FEATURES_OK;
    if (!(now & VIO_Status_FEATURES_OK))
        now &= (uint32_t)~VIO_Status_DRIVER_OK;
    bool begins = !(v->status & VIO_Status_DRIVER_OK) && (now & VIO_Status_DRIVER_OK);
    v->status = now | (v->status & (uint32_t)VIO_Status_DEVICE_NEEDS_RESET);
    return begins ? (uint32_t)bits_ones(v->queue_count) : 0;
}

static void ready_put(struct virtio *v, struct virtio_queue *q, uint32_t value)
{
    if (value == 0) {
        memset(q, 0, sizeof *q);
        q->due = DEVICE_NEVER;
        return;
    }
    bool is_size = q->size != 0 && q->size <= VIRTIO_QUEUE_SIZE_MAX &&
                   (q->size & (q->size - 1)) == 0;
    if (!is_size || q->descriptors % 16 != 0 || q->driver % 2 != 0 || q->device % 4 != 0)
        virtio_break(v);
    else
        q->ready = 1;
}

static void half_put(uint64_t *address, bool is_high, uint32_t value)
{
    uint64_t mask = UINT64_C(0xffffffff) << (is_high ? 32 : 0);
    *address = (*address & ~mask) | (uint64_t)value << (is_high ? 32 : 0);
}

/* Registers of the queue that is selected. */
static void queue_put(struct virtio *v, uint32_t offset, uint32_t value)
{
    if (v->queue_sel >= v->queue_count)
        return;
    struct virtio_queue *q = &v->queue[v->queue_sel];
    if (offset == VIO_QueueReady_OFFSET && (value == 0 || !q->ready))
        ready_put(v, q, value);
    if (q->ready)
        return;
    switch (offset) {
    case VIO_QueueNum_OFFSET:
        q->size = value;
        break;
    case VIO_QueueDescLow_OFFSET:
    case VIO_QueueDescHigh_OFFSET:
        half_put(&q->descriptors, offset == VIO_QueueDescHigh_OFFSET, value);
        break;
    case VIO_QueueDriverLow_OFFSET:
    case VIO_QueueDriverHigh_OFFSET:
        half_put(&q->driver, offset == VIO_QueueDriverHigh_OFFSET, value);
        break;
    case VIO_QueueDeviceLow_OFFSET:
    case VIO_QueueDeviceHigh_OFFSET:
        half_put(&q->device, offset == VIO_QueueDeviceHigh_OFFSET, value);
        break;
    default: /* QueueReady, done */
        break;
    }
}

static uint32_t word_put(struct virtio *v, const struct mmio_row *row, uint32_t value)
{
    switch (row->offset) {
    case VIO_DeviceFeaturesSel_OFFSET:
        v->device_sel = value;
        break;
    case VIO_DriverFeatures_OFFSET:
        features_put(v, value);
        break;
    case VIO_DriverFeaturesSel_OFFSET:
        v->driver_sel = value;
        break;
    case VIO_QueueSel_OFFSET:
        v->queue_sel = value;
        break;
    case VIO_QueueNotify_OFFSET:
        return virtio_queue_runs(v, value) ? 1u << value : 0;
    case VIO_InterruptACK_OFFSET:
        v->interrupt &= ~value;
        break;
    case VIO_SHMSel_OFFSET: /* there is no region to select */
        break;
    default:
        queue_put(v, row->offset, value);
        break;
    }
    return 0;
}

struct virtio_effect virtio_write(struct virtio *v, uint32_t offset, unsigned size, uint32_t value)
{
    struct virtio_effect effect = {.answer = check(offset, size)};
    const struct mmio_row *row = row_find(offset);
    if (effect.answer != DEVICE_OK || !row || !row->writable || v->type == VIRTIO_NONE)
        return effect;
    if (offset == VIO_Status_OFFSET)
        effect.kicked = status_put(v, value);
    else if (offset < VIO_Config_OFFSET)
        effect.kicked = word_put(v, row, value & ~row->zeros);
    else if (v->type == VIRTIO_CONSOLE)
        virtio_console_configure(offset - VIO_Config_OFFSET, value, &effect);
    return effect;
}
