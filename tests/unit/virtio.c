/*
 * virtio: every register row, negotiation, queues, the four types of devices; and each way in which
 * a driver can break a queue, after which the device says so and stands still until a reset.
 */
#include <criterion/criterion.h>

#include "tests/unit/virtio_world.h"

static struct virtio_world w;

static uint64_t serve(unsigned queue)
{
    struct virtio_host host = world_host(&w);
    return virtio_serve(&host, queue);
}

static bool is_broken(void)
{
    return (world_read(&w, VIO_Status_OFFSET) & VIO_Status_DEVICE_NEEDS_RESET) != 0;
}

Test(virtio, every_row_of_a_device_and_of_an_empty_place)
{
    for (unsigned type = VIRTIO_NONE; type <= VIRTIO_ENTROPY; type++) {
        memset(&w, 0, sizeof w);
        virtio_init(&w.device, (enum virtio_type)type, 0);
        for (unsigned i = 0; i < VIRTIO_REGISTER_COUNT; i++) {
            const struct mmio_row *row = virtio_row((enum virtio_register)i);
            uint32_t expected = row->readable ? row->reset : 0;
            if (type == VIRTIO_NONE && row->offset > VIO_VendorID_OFFSET)
                expected = 0;
            if (row->offset == VIO_DeviceID_OFFSET)
                expected = type;
            if (type != VIRTIO_NONE && row->offset == VIO_QueueNumMax_OFFSET)
                expected = VIRTIO_QUEUE_SIZE_MAX;
            if (type != VIRTIO_NONE && row->offset == VIO_DeviceFeatures_OFFSET)
                expected = VIO_FEATURE_INDIRECT_DESC | VIO_FEATURE_EVENT_IDX;
            cr_assert_eq(world_read(&w, row->offset), expected, "%s", row->name);
            uint32_t value;
            bool parts = row->bytes;
            cr_assert_eq(virtio_read(&w.device, row->offset, 1, &value),
                         parts ? DEVICE_OK : DEVICE_ABORT, "%s", row->name);
            cr_assert_eq(virtio_read(&w.device, row->offset + 2, 2, &value),
                         parts ? DEVICE_OK : DEVICE_ABORT, "%s", row->name);
            cr_assert_eq(virtio_read(&w.device, row->offset + 1, 4, &value), DEVICE_ABORT);
            cr_assert_eq(virtio_read(&w.device, row->offset, 8, &value), DEVICE_ABORT);
            cr_assert_eq(virtio_write(&w.device, row->offset + 2, 4, 0).answer, DEVICE_ABORT);
        }
    }
    virtio_init(&w.device, VIRTIO_NONE, 0);
    struct virtio before = w.device;
    for (uint32_t offset = 0; offset < VIO_SIZE; offset += 4)
        world_write(&w, offset, 0xffffffff);
    cr_assert_arr_eq(&w.device, &before, sizeof before, "nothing is there");
}

Test(virtio, features_are_agreed_on_or_not)
{
    memset(&w, 0, sizeof w);
    virtio_init(&w.device, VIRTIO_BLOCK, VIRTIO_BLOCK_F_FLUSH);
    cr_assert_eq(world_read(&w, VIO_DeviceFeatures_OFFSET) & 0xffff, VIRTIO_BLOCK_F_FLUSH);
    world_write(&w, VIO_DeviceFeaturesSel_OFFSET, 1);
    cr_assert_eq(world_read(&w, VIO_DeviceFeatures_OFFSET), 1u, "VERSION_1");
    world_write(&w, VIO_DeviceFeaturesSel_OFFSET, 2);
    cr_assert_eq(world_read(&w, VIO_DeviceFeatures_OFFSET), 0u);
    world_write(&w, VIO_Status_OFFSET, 1);
    world_write(&w, VIO_Status_OFFSET, 3);
    world_write(&w, VIO_Status_OFFSET, 15);
    cr_assert_eq(world_read(&w, VIO_Status_OFFSET), 3u, "not without VERSION_1");
    world_negotiate(&w, VIRTIO_BLOCK_F_RO);
    cr_assert_eq(world_read(&w, VIO_Status_OFFSET), 3u, "not with what was not offered");
    world_negotiate(&w, VIRTIO_BLOCK_F_FLUSH);
    cr_assert_eq(world_read(&w, VIO_Status_OFFSET), 11u);
    world_write(&w, VIO_DriverFeaturesSel_OFFSET, 0);
    world_write(&w, VIO_DriverFeatures_OFFSET, 0);
    cr_assert_eq(w.device.taken, VIRTIO_BLOCK_F_FLUSH | VIO_FEATURE_VERSION_1, "fixed");
    world_write(&w, VIO_Status_OFFSET, 0x80);
    cr_assert_eq(world_read(&w, VIO_Status_OFFSET), 0x8bu, "bits stay until the reset");
    world_write(&w, VIO_Status_OFFSET, 0);
    cr_assert_eq(world_read(&w, VIO_Status_OFFSET), 0u);
    cr_assert_eq(w.device.taken, 0u);
}

Test(virtio, a_queue_is_fixed_while_it_is_ready)
{
    world_start(&w, VIRTIO_BLOCK, 0, 0);
    cr_assert_eq(world_read(&w, VIO_QueueReady_OFFSET), 1u);
    world_write(&w, VIO_QueueNum_OFFSET, 4);
    world_write(&w, VIO_QueueDescHigh_OFFSET, 1);
    cr_assert_eq(w.device.queue[0].size, 8u);
    cr_assert_eq(w.device.queue[0].descriptors, WORLD_QUEUE(0));
    world_write(&w, VIO_QueueReady_OFFSET, 0);
    cr_assert_eq(world_read(&w, VIO_QueueReady_OFFSET), 0u);
    world_write(&w, VIO_QueueSel_OFFSET, 1);
    cr_assert_eq(world_read(&w, VIO_QueueNumMax_OFFSET), 0u, "a block device has one queue");
    world_write(&w, VIO_QueueReady_OFFSET, 1);
    cr_assert_eq(world_read(&w, VIO_QueueReady_OFFSET), 0u);
    cr_assert_eq(world_write(&w, VIO_QueueNotify_OFFSET, 1), 0u);
    cr_assert_eq(world_write(&w, VIO_QueueNotify_OFFSET, UINT32_MAX), 0u);
    static const uint32_t bad_sizes[] = {0, 3, 12, 2048, UINT32_MAX};
    for (unsigned i = 0; i < ARRAY_COUNT(bad_sizes); i++) {
        world_start(&w, VIRTIO_BLOCK, 0, 0);
        world_write(&w, VIO_QueueReady_OFFSET, 0);
        world_queue(&w, 0, bad_sizes[i]);
        cr_assert_eq(world_read(&w, VIO_QueueReady_OFFSET), 0u);
        cr_assert(is_broken(), "size %u", bad_sizes[i]);
    }
}

Test(virtio, nothing_is_taken_before_the_driver_is_ready)
{
    memset(&w, 0, sizeof w);
    virtio_init(&w.device, VIRTIO_ENTROPY, 0);
    world_negotiate(&w, 0);
    world_queue(&w, 0, 8);
    world_descriptor(&w, 0, 0, WORLD_BUFFERS, 16, VIO_DESCRIPTOR_WRITE, 0);
    world_offer(&w, 0, 0);
    cr_assert_eq(world_write(&w, VIO_QueueNotify_OFFSET, 0), 0u);
    cr_assert_eq(serve(0), VIRTIO_NOTHING);
    cr_assert_eq(world_write(&w, VIO_Status_OFFSET, 15), 1u, "now it is looked at");
    cr_assert_eq(serve(0), 16u);
    cr_assert_eq(world_read(&w, VIO_InterruptStatus_OFFSET), VIO_INTERRUPT_Used);
    cr_assert(virtio_line(&w.device));
    world_write(&w, VIO_InterruptACK_OFFSET, 1);
    cr_assert(!virtio_line(&w.device));
    cr_assert_eq(serve(0), VIRTIO_NOTHING);
}

/* --- block ---------------------------------------------------------------------------------- */

#define HEAD WORLD_BUFFERS
#define DATA (WORLD_BUFFERS + 0x100)
#define STATUS (WORLD_BUFFERS + 0x80)

/* One request with data in two parts; the device's status byte. */
static unsigned request(uint32_t type, uint64_t sector, uint32_t size, bool is_in)
{
    unsigned next = VIO_DESCRIPTOR_NEXT, data = next | (is_in ? VIO_DESCRIPTOR_WRITE : 0);
    world_number(&w, HEAD, 8, type);
    world_number(&w, HEAD + 8, 8, sector);
    world_number(&w, STATUS, 1, 0xee);
    world_descriptor(&w, 0, 0, HEAD, 16, next, size ? 5 : 7);
    world_descriptor(&w, 0, 5, DATA, size / 2, data, 2);
    world_descriptor(&w, 0, 2, DATA + size / 2, size - size / 2, data, 7);
    world_descriptor(&w, 0, 7, STATUS, 1, VIO_DESCRIPTOR_WRITE, 0);
    world_offer(&w, 0, 0);
    uint64_t used = world_number_at(&w, WORLD_DEVICE(0) + 2, 2);
    cr_assert_neq(serve(0), VIRTIO_NOTHING);
    cr_assert_not(is_broken());
    cr_assert_eq(world_number_at(&w, WORLD_DEVICE(0) + 2, 2), (used + 1) % 65536);
    cr_assert_eq(world_number_at(&w, WORLD_DEVICE(0) + 4 + used % 8 * 8, 4), 0);
    return (unsigned)world_number_at(&w, STATUS, 1);
}

static uint64_t used_length(void)
{
    uint64_t used = world_number_at(&w, WORLD_DEVICE(0) + 2, 2);
    return world_number_at(&w, WORLD_DEVICE(0) + 8 + (used - 1) % 8 * 8, 4);
}

static uint8_t *bytes_at(uint64_t pa)
{
    return w.memory + (pa - WORLD_BASE);
}

Test(virtio, block_reads_and_writes_sectors)
{
    world_start(&w, VIRTIO_BLOCK, 0, 0);
    for (unsigned i = 0; i < sizeof w.disk; i++)
        w.disk[i] = (uint8_t)(i * 7 + i / 256);
    cr_assert_eq(request(0, 3, 1024, true), 0u);
    cr_assert_eq(used_length(), 1025u);
    cr_assert_arr_eq(bytes_at(DATA), w.disk + 3 * 512, 1024);
    memset(bytes_at(DATA), 0x5a, 1024);
    cr_assert_eq(request(1, 14, 1024, false), 0u);
    cr_assert_eq(used_length(), 1u);
    cr_assert_arr_eq(w.disk + 14 * 512, bytes_at(DATA), 1024);
    cr_assert_eq(w.disk[14 * 512 - 1], (uint8_t)((14 * 512 - 1) * 7 + (14 * 512 - 1) / 256));
    cr_assert_eq(request(4, 0, 0, false), 0u, "flush");
    cr_assert_eq(request(8, 0, 20, true), 0u);
    cr_assert_str_eq((const char *)bytes_at(DATA), "armillary disk");
    for (unsigned i = 0; i < 70000; i++) /* indices turn over */
        cr_assert_eq(request(0, 15, 512, true), 0u);
}

Test(virtio, block_refuses_what_it_cannot_do)
{
    world_start(&w, VIRTIO_BLOCK, 0, 0);
    cr_assert_eq(request(0, 16, 512, true), 1u);
    cr_assert_eq(request(0, 15, 1024, true), 1u);
    cr_assert_eq(request(0, UINT64_MAX, 512, true), 1u);
    cr_assert_eq(request(0, UINT64_MAX / 512 + 1, 512, true), 1u);
    cr_assert_eq(request(0, 0, 100, true), 1u, "a part of a sector");
    cr_assert_eq(request(1, 16, 512, false), 1u);
    cr_assert_eq(request(11, 0, 16, false), 2u, "discard was not offered");
    cr_assert_eq(request(99, 0, 0, false), 2u);
    world_start(&w, VIRTIO_BLOCK, VIRTIO_BLOCK_F_RO, VIRTIO_BLOCK_F_RO);
    cr_assert_eq(request(1, 0, 512, false), 1u, "read-only");
    cr_assert_eq(request(0, 0, 512, true), 0u);
}

Test(virtio, tables_of_descriptors_and_events)
{
    uint64_t table = WORLD_BUFFERS + 0x2000;
    world_start(&w, VIRTIO_BLOCK, 0, VIO_FEATURE_INDIRECT_DESC | VIO_FEATURE_EVENT_IDX);
    world_number(&w, HEAD, 8, 0);
    w.disk[512] = 77;
    world_number(&w, HEAD + 8, 8, 1);
    world_descriptor_at(&w, table, 0, HEAD, 16, VIO_DESCRIPTOR_NEXT, 2);
    world_descriptor_at(&w, table, 2, DATA, 512, VIO_DESCRIPTOR_NEXT | VIO_DESCRIPTOR_WRITE, 1);
    world_descriptor_at(&w, table, 1, STATUS, 1, VIO_DESCRIPTOR_WRITE, 0);
    world_descriptor(&w, 0, 4, table, 48, VIO_DESCRIPTOR_INDIRECT, 0);
    for (unsigned i = 0; i < 6; i++) {
        world_number(&w, WORLD_DRIVER(0) + 4 + 16, 2, 3); /* used_event */
        world_offer(&w, 0, 4);
        cr_assert_neq(serve(0), VIRTIO_NOTHING);
        cr_assert_eq(w.device.interrupt, i == 3, "request %u", i);
        world_write(&w, VIO_InterruptACK_OFFSET, 1);
        cr_assert_eq(serve(0), VIRTIO_NOTHING);
        cr_assert_eq(world_number_at(&w, WORLD_DEVICE(0) + 4 + 64, 2), i + 1, "avail_event");
    }
    cr_assert_eq(*bytes_at(DATA), 77);
    world_start(&w, VIRTIO_BLOCK, 0, 0);
    world_number(&w, WORLD_DRIVER(0), 2, VIO_AVAILABLE_NO_INTERRUPT);
    cr_assert_eq(request(0, 0, 512, true), 0u);
    cr_assert_eq(w.device.interrupt, 0u);
}

/* --- what a driver may not do --------------------------------------------------------------- */

/* Tables of descriptors. */
static void spoil_table(unsigned i)
{
    unsigned next = VIO_DESCRIPTOR_NEXT;
    uint64_t table = WORLD_BUFFERS + 0x2000;
    switch (i) {
    case 11: /* a table that nobody agreed on */
        w.device.taken &= ~VIO_FEATURE_INDIRECT_DESC;
        world_descriptor(&w, 0, 0, table, 16, VIO_DESCRIPTOR_INDIRECT, 0);
        break;
    case 12: /* a table and a next */
        world_descriptor(&w, 0, 0, table, 16, VIO_DESCRIPTOR_INDIRECT | next, 1);
        break;
    case 13: /* no whole number of descriptors */
        world_descriptor(&w, 0, 0, table, 17, VIO_DESCRIPTOR_INDIRECT, 0);
        break;
    case 14: /* none */
        world_descriptor(&w, 0, 0, table, 0, VIO_DESCRIPTOR_INDIRECT, 0);
        break;
    case 15: /* a table in a table */
        world_descriptor_at(&w, table, 0, table, 16, VIO_DESCRIPTOR_INDIRECT, 0);
        world_descriptor(&w, 0, 0, table, 16, VIO_DESCRIPTOR_INDIRECT, 0);
        break;
    case 16: /* a loop in a table */
        world_descriptor_at(&w, table, 0, HEAD, 16, next, 0);
        world_descriptor(&w, 0, 0, table, 32, VIO_DESCRIPTOR_INDIRECT, 0);
        break;
    case 17: /* a table where no memory is */
        world_descriptor(&w, 0, 0, 0, 16, VIO_DESCRIPTOR_INDIRECT, 0);
        break;
    case 23: /* a table as long as an address space */
        world_descriptor_at(&w, table, 0, HEAD, 16, next, 1);
        world_descriptor_at(&w, table, 1, HEAD, 16, next, 65535);
        world_descriptor(&w, 0, 0, table, 0xfffffff0, VIO_DESCRIPTOR_INDIRECT, 0);
        break;
    default:
        cr_assert_fail("no case %u", i);
    }
}

/* Prepared as a good request; each case spoils one thing. */
static void spoil(unsigned i)
{
    unsigned next = VIO_DESCRIPTOR_NEXT, write = VIO_DESCRIPTOR_WRITE;
    world_descriptor(&w, 0, 0, HEAD, 16, next, 1);
    world_descriptor(&w, 0, 1, DATA, 512, next | write, 2);
    world_descriptor(&w, 0, 2, STATUS, 1, write, 0);
    world_offer(&w, 0, 0);
    switch (i) {
    case 0: /* an index that jumps */
        world_number(&w, WORLD_DRIVER(0) + 2, 2, 9);
        break;
    case 1: /* a head outside the table */
        world_number(&w, WORLD_DRIVER(0) + 4, 2, 8);
        break;
    case 2: /* a next outside the table */
        world_descriptor(&w, 0, 1, DATA, 512, next | write, 8);
        break;
    case 3: /* a loop */
        world_descriptor(&w, 0, 2, STATUS, 1, next | write, 1);
        break;
    case 4: /* a loop of one */
        world_descriptor(&w, 0, 0, HEAD, 16, next, 0);
        break;
    case 5: /* no bytes */
        world_descriptor(&w, 0, 1, DATA, 0, next | write, 2);
        break;
    case 6: /* no memory, to write */
        world_descriptor(&w, 0, 1, UINT64_C(0x800000000000), 512, next | write, 2);
        break;
    case 7: /* no memory, to read */
        world_descriptor(&w, 0, 0, 0, 16, next, 1);
        break;
    case 8: /* it leaves memory amid the buffer */
        world_descriptor(&w, 0, 1, WORLD_BASE + WORLD_BYTES - 8, 512, next | write, 2);
        break;
    case 9: /* addresses turn over */
        world_descriptor(&w, 0, 1, UINT64_MAX - 8, 512, next | write, 2);
        break;
    case 10: /* readable behind writable */
        world_descriptor(&w, 0, 2, STATUS, 1, next | write, 3);
        world_descriptor(&w, 0, 3, DATA, 8, 0, 0);
        break;
    case 18: /* rings where no memory is */
        w.device.queue[0].driver = 0;
        break;
    case 19:
        w.device.queue[0].device = UINT64_MAX - 3;
        break;
    case 20:
        w.device.queue[0].descriptors = UINT64_C(0xfffffffffffffff0);
        break;
    case 21: /* a head that is too short */
        world_descriptor(&w, 0, 0, HEAD, 15, next, 1);
        break;
    case 22: /* no room for the status */
        world_descriptor(&w, 0, 0, HEAD, 16, 0, 0);
        break;
    default:
        spoil_table(i);
    }
}

Test(virtio, what_a_driver_may_not_do_breaks_the_device_until_a_reset)
{
    for (unsigned i = 0; i < 24; i++) {
        world_start(&w, VIRTIO_BLOCK, 0, VIO_FEATURE_INDIRECT_DESC);
        spoil(i);
        cr_assert_eq(serve(0), VIRTIO_NOTHING, "case %u", i);
        cr_assert(is_broken(), "case %u", i);
        cr_assert(w.device.interrupt & VIO_INTERRUPT_Config, "case %u: the driver is told", i);
        cr_assert_eq(world_write(&w, VIO_QueueNotify_OFFSET, 0), 0u, "case %u", i);
        cr_assert_eq(serve(0), VIRTIO_NOTHING);
        world_write(&w, VIO_Status_OFFSET, 15);
        cr_assert(is_broken(), "case %u: the driver cannot take it back", i);
        world_start(&w, VIRTIO_BLOCK, 0, 0);
        cr_assert_eq(request(0, 0, 512, true), 0u);
    }
}

/* --- console, entropy, network --------------------------------------------------------------- */

Test(virtio, console_in_both_directions)
{
    world_start(&w, VIRTIO_CONSOLE, VIRTIO_CONSOLE_F_SIZE | VIRTIO_CONSOLE_F_EMERG_WRITE, 0);
    memcpy(bytes_at(DATA), "hello", 5);
    world_descriptor(&w, 1, 0, DATA, 3, VIO_DESCRIPTOR_NEXT, 1);
    world_descriptor(&w, 1, 1, DATA + 3, 2, 0, 0);
    world_offer(&w, 1, 0);
    cr_assert_eq(serve(1), 5u);
    cr_assert_arr_eq(w.out, "hello", 5);
    cr_assert_eq(serve(0), VIRTIO_NOTHING);
    virtio_console_input(&w.device, (const uint8_t *)"abcdef", 6);
    cr_assert_eq(serve(0), VIRTIO_NOTHING, "no buffer yet");
    cr_assert_not(is_broken());
    world_descriptor(&w, 0, 3, HEAD, 4, VIO_DESCRIPTOR_WRITE, 0);
    world_offer(&w, 0, 3);
    world_offer(&w, 0, 3);
    cr_assert_eq(serve(0), 4u);
    cr_assert_arr_eq(bytes_at(HEAD), "abcd", 4);
    cr_assert_eq(serve(0), 2u);
    cr_assert_arr_eq(bytes_at(HEAD), "ef", 2);
    uint32_t before = world_read(&w, VIO_ConfigGeneration_OFFSET);
    world_write(&w, VIO_InterruptACK_OFFSET, 3);
    virtio_console_resize(&w.device, 132, 50);
    cr_assert_neq(world_read(&w, VIO_ConfigGeneration_OFFSET), before);
    cr_assert_eq(w.device.interrupt, VIO_INTERRUPT_Config);
    cr_assert_eq(world_read(&w, VIO_Config_OFFSET), 132u | 50u << 16);
    struct virtio_effect effect = virtio_write(&w.device, VIO_Config_OFFSET + 8, 4, '!');
    cr_assert(effect.has_output && effect.output == '!', "emergency write");
}

Test(virtio, entropy_is_a_stream_of_its_seed)
{
    uint8_t first[64];
    for (unsigned run = 0; run < 3; run++) {
        world_start(&w, VIRTIO_ENTROPY, 0, 0);
        w.device.seed = run / 2;
        for (unsigned i = 0; i < 4; i++) {
            world_descriptor(&w, 0, i, DATA + 16 * i, 16, VIO_DESCRIPTOR_WRITE, 0);
            world_offer(&w, 0, i);
            cr_assert_eq(serve(0), 16u);
        }
        if (run == 0)
            memcpy(first, bytes_at(DATA), sizeof first);
        cr_assert_eq(memcmp(first, bytes_at(DATA), sizeof first) == 0, run < 2);
    }
    world_offer(&w, 0, 0);
    world_descriptor(&w, 0, 0, DATA, 16, 0, 0);
    serve(0);
    cr_assert(is_broken(), "nothing to write to");
}

Test(virtio, network_frames_with_their_headers)
{
    world_start(&w, VIRTIO_NET, VIRTIO_NET_F_MAC, 0);
    memset(bytes_at(DATA), 0xff, 12);
    memcpy(bytes_at(DATA + 12), "a frame", 7);
    world_descriptor(&w, 1, 0, DATA, 19, 0, 0);
    world_offer(&w, 1, 0);
    cr_assert_eq(serve(1), 19u);
    cr_assert_eq(w.frame_size, 7u);
    cr_assert_eq(serve(0), VIRTIO_NOTHING, "no buffer");
    cr_assert_eq(w.frame_size, 7u, "it waits");
    world_descriptor(&w, 0, 0, HEAD, 64, VIO_DESCRIPTOR_WRITE, 0);
    world_offer(&w, 0, 0);
    cr_assert_eq(serve(0), 19u);
    cr_assert_arr_eq(bytes_at(HEAD + 12), "a frame", 7);
    cr_assert_eq(world_number_at(&w, HEAD, 8), 0u);
    cr_assert_eq(world_number_at(&w, HEAD + 8, 4), 1u << 16, "one buffer");
    cr_assert_eq(w.frame_size, 0u);
    world_start(&w, VIRTIO_NET, 0, 0);
    w.frame_size = 100;
    world_descriptor(&w, 0, 0, HEAD, 64, VIO_DESCRIPTOR_WRITE, 0);
    world_offer(&w, 0, 0);
    serve(0);
    cr_assert_eq(w.device.lost, 1u, "too long for its buffer");
    cr_assert_eq(w.device.queue[0].next, 0u, "which is still there");
    cr_assert_eq(w.frame_size, 0u);
    world_descriptor(&w, 1, 0, DATA, 2000, 0, 0);
    world_offer(&w, 1, 0);
    serve(1);
    cr_assert_eq(w.device.lost, 2u);
    cr_assert_not(is_broken());
    world_descriptor(&w, 1, 0, DATA, 11, 0, 0);
    world_offer(&w, 1, 0);
    serve(1);
    cr_assert(is_broken(), "no room for the header");
}
