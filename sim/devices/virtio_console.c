/*
 * The virtio console: one port. What comes from outside waits in the device for buffers of the
 * driver; what goes out goes where the UART's goes. A change of the terminal's size is a change of
 * the configuration.
 *
 * Not modelled: more than one port (MULTIPORT is not offered).
 *
 * VIRTIO 1.2: "Console Device".
 */
#include "sim/devices/virtio_parts.h"

#define CONFIG_COLUMNS 0u
#define CONFIG_ROWS 2u
#define CONFIG_EMERGENCY 8u

size_t virtio_console_room(const struct virtio *v)
{
    return VIRTIO_INPUT_MAX - v->input_count;
}

void virtio_console_input(struct virtio *v, const uint8_t *bytes, size_t count)
{
    ensure(count <= virtio_console_room(v));
    for (size_t i = 0; i < count; i++)
        v->input[(v->input_first + v->input_count++) % VIRTIO_INPUT_MAX] = bytes[i];
}

void virtio_console_resize(struct virtio *v, unsigned columns, unsigned rows)
{
    virtio_config_put(v, CONFIG_COLUMNS, 2, columns);
    virtio_config_put(v, CONFIG_ROWS, 2, rows);
    v->generation++;
    if (v->status & VIO_Status_DRIVER_OK)
        v->interrupt |= (uint32_t)VIO_INTERRUPT_Config;
}

void virtio_console_size(const struct virtio *v, unsigned *columns, unsigned *rows)
{
    *columns = v->config[CONFIG_COLUMNS] | (unsigned)v->config[CONFIG_COLUMNS + 1] << 8;
    *rows = v->config[CONFIG_ROWS] | (unsigned)v->config[CONFIG_ROWS + 1] << 8;
}

void virtio_console_configure(uint32_t offset, uint32_t value, struct virtio_effect *effect)
{
    effect->has_output = offset == CONFIG_EMERGENCY;
    effect->output = (uint8_t)value;
}

static uint64_t receive(const struct virtio_host *host, const struct virtqueue_chain *chain)
{
    struct virtio *v = host->device;
    uint32_t count = 0;
    for (; count < chain->writable && v->input_count > 0; count++) {
        if (!virtqueue_write(host, chain, count, &v->input[v->input_first], 1))
            return VIRTIO_BROKEN;
        v->input_first = (uint16_t)((v->input_first + 1) % VIRTIO_INPUT_MAX);
        v->input_count--;
    }
    return virtqueue_put(host, VIRTIO_RECEIVE, chain, count) ? count : VIRTIO_BROKEN;
}

static uint64_t transmit(const struct virtio_host *host, const struct virtqueue_chain *chain)
{
    for (uint64_t at = 0; at < chain->readable; at++) {
        uint8_t byte;
        if (!virtqueue_read(host, chain, at, &byte, 1))
            return VIRTIO_BROKEN;
        host->output(host->owner, host->number, byte);
    }
    return virtqueue_put(host, VIRTIO_TRANSMIT, chain, 0) ? chain->readable : VIRTIO_BROKEN;
}

uint64_t virtio_console_serve(const struct virtio_host *host, unsigned queue)
{
    struct virtqueue_chain chain;
    if (queue == VIRTIO_RECEIVE && host->device->input_count == 0)
        return VIRTIO_NOTHING;
    switch (virtqueue_take(host, queue, &chain)) {
    case VIRTQUEUE_EMPTY:
        return VIRTIO_NOTHING;
    case VIRTQUEUE_BROKEN:
        return VIRTIO_BROKEN;
    case VIRTQUEUE_CHAIN:
        break;
    }
    if (queue == VIRTIO_RECEIVE)
        return chain.writable == 0 ? VIRTIO_BROKEN : receive(host, &chain);
    return transmit(host, &chain);
}
