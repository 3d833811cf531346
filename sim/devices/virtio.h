/*
 * A virtio device: the memory-mapped transport (version 2), its queues, and the device types block,
 * console, entropy and network. A device is bytes; what it reads and writes elsewhere goes through
 * struct virtio_host.
 */
#pragma once
#include "gen/virtio_mmio.h"
#include "sim/devices/device.h"

#define VIRTIO_QUEUES 2u
#define VIRTIO_QUEUE_SIZE_MAX 1024u
#define VIRTIO_CONFIG_BYTES 64u
#define VIRTIO_INPUT_MAX 1024u
#define VIRTIO_PACKET_MAX 1526u /* a frame with its header of 12 bytes */
#define VIRTIO_SECTOR 512u

/* Device types of the specification that there are. */
enum virtio_type {
    VIRTIO_NONE = 0,
    VIRTIO_NET = 1,
    VIRTIO_BLOCK = 2,
    VIRTIO_CONSOLE = 3,
    VIRTIO_ENTROPY = 4,
};

/* Queues by their numbers. */
enum { VIRTIO_RECEIVE = 0, VIRTIO_TRANSMIT = 1, VIRTIO_REQUESTS = 0 };

#define VIRTIO_BLOCK_F_SEG_MAX (UINT64_C(1) << 2)
#define VIRTIO_BLOCK_F_RO (UINT64_C(1) << 5)
#define VIRTIO_BLOCK_F_BLK_SIZE (UINT64_C(1) << 6)
#define VIRTIO_BLOCK_F_FLUSH (UINT64_C(1) << 9)
#define VIRTIO_CONSOLE_F_SIZE (UINT64_C(1) << 0)
#define VIRTIO_CONSOLE_F_EMERG_WRITE (UINT64_C(1) << 2)
#define VIRTIO_NET_F_MAC (UINT64_C(1) << 5)
#define VIRTIO_NET_F_STATUS (UINT64_C(1) << 16)

STATE_BEGIN
struct virtio_queue {
    uint64_t descriptors, driver, device; /* where its three parts lie */
    uint64_t due;   /* cycles: when the device looks at it next; DEVICE_NEVER: not by itself */
    uint32_t size;  /* elements; what the driver wrote, good or bad */
    uint16_t next;  /* index of the available ring: what lies before it has been taken */
    uint16_t used;  /* index of the used ring */
    uint32_t ready;
    uint32_t reserved;
};

struct virtio {
    uint64_t offered, taken; /* feature bits */
    uint32_t type;           /* enum virtio_type */
    uint32_t device_sel, driver_sel, queue_sel;
    uint32_t status, interrupt;
    uint32_t generation, queue_count;
    struct virtio_queue queue[VIRTIO_QUEUES];
    uint64_t capacity; /* block: sectors */
    uint64_t seed, given; /* entropy: the stream, and how many bytes of it are gone */
    uint32_t lost;        /* network: frames for which there was no room */
    uint16_t input_first, input_count; /* console */
    uint8_t config[VIRTIO_CONFIG_BYTES];
    uint8_t input[VIRTIO_INPUT_MAX];
};
STATE_END

/* What a device reaches outside of itself. */
struct virtio_host {
    struct virtio *device;
    void *owner;
    unsigned number; /* which of the owner's devices it is */
    /* Memory, as a bus master sees it; false where there is none. */
    bool (*read)(void *owner, unsigned number, uint64_t pa, void *bytes, size_t size);
    bool (*write)(void *owner, unsigned number, uint64_t pa, const void *bytes, size_t size);
    /* Block: bytes of the disk, which are there. */
    void (*disk_read)(void *owner, unsigned number, uint64_t at, void *bytes, size_t size);
    void (*disk_write)(void *owner, unsigned number, uint64_t at, const void *bytes, size_t size);
    /* Console: a byte goes out. */
    void (*output)(void *owner, unsigned number, uint8_t byte);
    /* Network: a frame goes out; the frame that waits here (its size, 0: none); it is done with. */
    void (*frame_send)(void *owner, unsigned number, const uint8_t *frame, size_t size);
    size_t (*frame_look)(void *owner, unsigned number, uint8_t frame[VIRTIO_PACKET_MAX]);
    void (*frame_done)(void *owner, unsigned number);
};

/* What a write did. */
struct virtio_effect {
    enum device_answer answer;
    uint32_t kicked;  /* a bit for each queue that is to be looked at */
    bool has_output;  /* emergency write of a console */
    uint8_t output;
};

/* A little-endian number of the configuration. */
void virtio_config_put(struct virtio *v, unsigned at, unsigned size, uint64_t value);

/* Power-on: a device of this type. features are those of the type beside the reserved ones. */
void virtio_init(struct virtio *v, enum virtio_type type, uint64_t features);

/*
 * A register access: words of the register area, naturally aligned parts of words of the
 * configuration; anything else is an abort. Holes are RAZ/WI, as is all but the identification
 * of a place without a device.
 */
enum device_answer virtio_read(const struct virtio *v, uint32_t offset, unsigned size,
                               uint32_t *value);
struct virtio_effect virtio_write(struct virtio *v, uint32_t offset, unsigned size,
                                  uint32_t value);

bool virtio_line(const struct virtio *v);
uint64_t virtio_deadline(const struct virtio *v);

/* Whether a queue may be looked at now. */
bool virtio_queue_runs(const struct virtio *v, unsigned queue);
/* Cycles, at 1 GHz, that a device of this type takes for something small. */
uint64_t virtio_latency(const struct virtio *v);

/*
 * Does one request of a queue, if there is one. Returns the bytes that were moved, or
 * VIRTIO_NOTHING when there was nothing to be done. Afterwards the queue may be broken.
 */
#define VIRTIO_NOTHING UINT64_MAX
uint64_t virtio_serve(const struct virtio_host *host, unsigned queue);

/* The device gives up: DEVICE_NEEDS_RESET. */
void virtio_break(struct virtio *v);

/* Console: how many bytes from outside find room; those bytes; a new size of the terminal. */
size_t virtio_console_room(const struct virtio *v);
void virtio_console_input(struct virtio *v, const uint8_t *bytes, size_t count);
void virtio_console_resize(struct virtio *v, unsigned columns, unsigned rows);
void virtio_console_size(const struct virtio *v, unsigned *columns, unsigned *rows);

const struct mmio_row *virtio_row(enum virtio_register row);
