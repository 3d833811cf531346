/*
 * Fuzz target: virtio devices under any driver. The input is a program of register accesses and of
 * bytes put into memory, for one type of device; after each of them every queue is served for a
 * while. Nothing crashes or goes on for ever, nothing but memory is touched, and a device that is
 * broken stays so until its driver resets it.
 */
#include "tests/fuzz/target.h"
#include "tests/unit/virtio_world.h"

#define SERVED_MAX 64u /* requests between two actions */

struct action {
    uint8_t what, size;
    uint16_t where;
    uint32_t value;
};

static struct virtio_world world;

/* Some of the ring's indices are on their way for long: each request ends some time. */
static void serve_all(void)
{
    struct virtio_host host = world_host(&world);
    for (unsigned queue = 0; queue < VIRTIO_QUEUES; queue++) {
        for (unsigned i = 0; i < SERVED_MAX; i++) {
            bool was_broken = (world.device.status & VIO_Status_DEVICE_NEEDS_RESET) != 0;
            uint64_t moved = virtio_serve(&host, queue);
            ensure(!was_broken || moved == VIRTIO_NOTHING);
            if (moved == VIRTIO_NOTHING)
                break;
        }
    }
}

static void act(const struct action *a)
{
    uint32_t value;
    bool was_broken = (world.device.status & VIO_Status_DEVICE_NEEDS_RESET) != 0;
    switch (a->what % 6) {
    case 0:
        virtio_read(&world.device, a->where % 0x220, a->size, &value);
        break;
    case 1:
    case 2: {
        virtio_write(&world.device, a->where % 0x220, a->what % 6 == 1 ? 4 : a->size, a->value);
        bool is_reset = a->where % 0x220 == VIO_Status_OFFSET && a->value == 0;
        bool is_broken = (world.device.status & VIO_Status_DEVICE_NEEDS_RESET) != 0;
        ensure(!was_broken || is_broken || is_reset);
        break;
    }
    case 3:
    case 4:
        world_number(&world, WORLD_BASE + a->where, a->size % 4 + 1, a->value);
        break;
    case 5:
        if (world.device.type == VIRTIO_CONSOLE && virtio_console_room(&world.device) > 0)
            virtio_console_input(&world.device, &a->size, 1);
        world.frame_size = a->value % (VIRTIO_PACKET_MAX - 12);
        break;
    }
    serve_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    unsigned features = bytes[0] / 5;
    uint64_t taken = (features & 1 ? VIO_FEATURE_INDIRECT_DESC : 0) |
                     (features & 2 ? VIO_FEATURE_EVENT_IDX : 0);
    world_start(&world, (enum virtio_type)(bytes[0] % 5), features & 4 ? VIRTIO_BLOCK_F_RO : 0,
                taken);
    for (size_t at = 1; size - at >= sizeof(struct action); at += sizeof(struct action)) {
        struct action a;
        memcpy(&a, bytes + at, sizeof a);
        act(&a);
    }
    ensure(world.device.input_count <= VIRTIO_INPUT_MAX);
    return 0;
}

#define PUT(where, size, value) {3, (size) - 1, (uint16_t)((where) - WORLD_BASE), value}
#define DESCRIPTOR(queue, index, address, bytes, flags, next)                 \
    PUT(WORLD_QUEUE(queue) + 16 * (index), 4, (uint32_t)(address)),           \
        PUT(WORLD_QUEUE(queue) + 16 * (index) + 8, 4, bytes),                 \
        PUT(WORLD_QUEUE(queue) + 16 * (index) + 12, 4, (flags) | (next) << 16)

/* A good request of each type, with chains and with tables, told by an index at the end. */
const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    static const struct action requests[] = {
        DESCRIPTOR(0, 0, WORLD_QUEUE(1) - 0x1000, 16, 1, 1),
        DESCRIPTOR(0, 1, WORLD_QUEUE(1) - 0x800, 512, 3, 2),
        DESCRIPTOR(0, 2, WORLD_QUEUE(1) - 0xf00, 1, 2, 0),
        DESCRIPTOR(0, 3, WORLD_QUEUE(0), 48, 4, 0),
        DESCRIPTOR(0, 4, WORLD_QUEUE(1) - 0x800, 64, 2, 0),
        PUT(WORLD_DRIVER(0) + 6, 2, 3),
        PUT(WORLD_DRIVER(0) + 2, 2, 2),
        {5, 'x', 0, 100},
        DESCRIPTOR(1, 0, WORLD_QUEUE(1) - 0x800, 64, 0, 0),
        PUT(WORLD_DRIVER(1) + 2, 2, 3),
        PUT(WORLD_DRIVER(0) + 4, 2, 4),
        PUT(WORLD_DRIVER(0) + 2, 2, 3),
        {1, 4, VIO_Status_OFFSET, 0},
    };
    static uint8_t seed[1 + sizeof requests];
    if (index >= 20)
        return NULL;
    seed[0] = (uint8_t)index;
    memcpy(seed + 1, requests, sizeof requests);
    *size = sizeof seed;
    return seed;
}
