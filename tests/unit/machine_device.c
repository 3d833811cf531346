/*
 * Devices in the machine: who answers where, lines, time, memory by bus masters with and without
 * caches, disks over files, the wire between network devices.
 */
#include "sim/config_fields.h"
#include "tests/unit/machine_world.h"

#include <unistd.h>

static uint32_t device_get(struct machine *m, uint64_t pa)
{
    struct access a = {.pa = pa_make(pa), .size = 4};
    uint64_t value[2] = {0, 0};
    cr_assert_eq(m->port.read(m, &a, value), PORT_OK, "0x%lx", (unsigned long)pa);
    return (uint32_t)value[0];
}

static void device_put(struct machine *m, uint64_t pa, uint32_t value)
{
    struct access a = {.pa = pa_make(pa), .size = 4, .is_write = 1};
    uint64_t words[2] = {value, 0};
    cr_assert_eq(m->port.write(m, &a, words), PORT_OK, "0x%lx", (unsigned long)pa);
}

/* Lets the machine, whose PEs are off, do what devices do by themselves. */
static void settle(struct machine *m)
{
    cr_assert_eq(machine_run(m, UINT64_MAX), MACHINE_IDLE);
}

static struct machine *machine_with(const char *list, bool caches)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    config.pe_count = 1;
    config.ram_bytes = 16u << 20;
    config.caches = caches;
    config.timing_flat = 1;
    cr_assert(*list == 0 || config_field_put_option(config_field_by_option("virtio"), &config, list,
                                                    &error), "%s", error.text);
    struct machine *m = machine_new(&config, &error);
    cr_assert_not_null(m, "%s", error.text);
    return m;
}

Test(machine_device, every_place_answers_and_says_what_is_there)
{
    struct machine *m = machine_with("console,net,entropy", false);
    static const uint32_t types[] = {3, 1, 4, 0};
    for (unsigned n = 0; n < VIRTIO_PLACES; n++) {
        uint64_t base = MAP_VIRTIO + n * (uint64_t)VIO_SIZE;
        cr_assert_eq(device_get(m, base), 0x74726976u);
        cr_assert_eq(device_get(m, base + VIO_DeviceID_OFFSET), types[n < 3 ? n : 3]);
        device_put(m, base + VIO_Status_OFFSET, 1);
        cr_assert_eq(device_get(m, base + VIO_Status_OFFSET), n < 3);
    }
    cr_assert_eq(device_get(m, MAP_DMA + DMA_Identification_OFFSET), 0x41444d41u);
    cr_assert_eq(device_get(m, MAP_RTC), m->config.rtc_start);
    machine_free(m);
}

Test(machine_device, a_machine_without_virtio_has_no_state_for_it)
{
    struct machine *m = machine_with("", false), *other = machine_with("net", false);
    cr_assert_lt(cow_page_count(m->memory), cow_page_count(other->memory));
    cr_assert_neq(machine_hash(m), machine_hash(other));
    machine_free(m);
    machine_free(other);
}

/* --- the bus master -------------------------------------------------------------------------- */

static void copy_start(struct machine *m, uint64_t from, uint64_t to, uint32_t length,
                       uint32_t control)
{
    device_put(m, MAP_DMA + DMA_SourceLow_OFFSET, (uint32_t)from);
    device_put(m, MAP_DMA + DMA_SourceHigh_OFFSET, (uint32_t)(from >> 32));
    device_put(m, MAP_DMA + DMA_TargetLow_OFFSET, (uint32_t)to);
    device_put(m, MAP_DMA + DMA_TargetHigh_OFFSET, (uint32_t)(to >> 32));
    device_put(m, MAP_DMA + DMA_Length_OFFSET, length);
    device_put(m, MAP_DMA + DMA_Control_OFFSET, control | (uint32_t)DMA_Control_Go);
}

static bool line_of(const struct machine *m, unsigned intid)
{
    return gic_bit(m->state->gic.line, gic_slot(0, intid));
}

Test(machine_device, the_bus_master_copies_and_interrupts)
{
    struct machine *m = machine_with("", false);
    uint8_t bytes[1000], copy[1000];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 3);
    machine_poke(m, pa_make(WORLD_DATA + 3), bytes, sizeof bytes);
    copy_start(m, WORLD_DATA + 3, WORLD_DATA + 0x1ff1, sizeof bytes, DMA_Control_Interrupt);
    cr_assert_eq(device_get(m, MAP_DMA + DMA_Status_OFFSET), DMA_STATE_Busy);
    copy_start(m, 0, 0, 7, DMA_Control_Interrupt);
    settle(m);
    cr_assert_eq(device_get(m, MAP_DMA + DMA_Status_OFFSET), DMA_STATE_Done, "the first copy");
    cr_assert(line_of(m, INTID_DMA));
    machine_peek(m, pa_make(WORLD_DATA + 0x1ff1), copy, sizeof copy);
    cr_assert_arr_eq(copy, bytes, sizeof bytes);
    device_put(m, MAP_DMA + DMA_Clear_OFFSET, DMA_STATE_Done);
    machine_wires(m);
    cr_assert_not(line_of(m, INTID_DMA));
    static const struct {
        uint64_t from, to;
        uint32_t length, left;
    } bad[] = {{0, WORLD_DATA, 64, 64},
               {WORLD_DATA, MAP_UART, 64, 64},
               {MAP_UART, WORLD_DATA, 4, 4},
               {WORLD_DATA, MAP_RAM + (16u << 20) - 64, 128, 64},
               {UINT64_MAX - 7, WORLD_DATA, 16, 16}};
    for (unsigned i = 0; i < ARRAY_COUNT(bad); i++) {
        copy_start(m, bad[i].from, bad[i].to, bad[i].length, 0);
        settle(m);
        cr_assert_eq(device_get(m, MAP_DMA + DMA_Status_OFFSET), DMA_STATE_Error, "case %u", i);
        cr_assert_eq(device_get(m, MAP_DMA + DMA_Left_OFFSET), bad[i].left, "case %u", i);
        device_put(m, MAP_DMA + DMA_Clear_OFFSET, DMA_STATE_Error);
    }
    copy_start(m, WORLD_DATA, WORLD_DATA, 0, 0);
    settle(m);
    cr_assert_eq(device_get(m, MAP_DMA + DMA_Status_OFFSET), DMA_STATE_Done, "nothing to copy");
    machine_free(m);
}

/* With a dirty line in a cache over 0x55 in memory, what does the copy have? */
static uint8_t copied_past_a_dirty_line(uint32_t control)
{
    struct machine *m = machine_with("", true);
    uint8_t old[64], copy;
    memset(old, 0x55, sizeof old);
    memory_copy_in(m, pa_make(WORLD_DATA), old, sizeof old);
    struct access store = {.pa = pa_make(WORLD_DATA), .size = 1, .is_write = 1, .memory = 0xff,
                           .shareability = 3};
    uint64_t value[2] = {0xaa, 0};
    cr_assert_eq(m->port.write(m, &store, value), PORT_OK);
    copy_start(m, WORLD_DATA, WORLD_DATA + 0x1000, 64, control);
    settle(m);
    machine_peek(m, pa_make(WORLD_DATA + 0x1000), &copy, 1);
    machine_free(m);
    return copy;
}

Test(machine_device, the_bus_master_sees_memory_past_dirty_lines_unless_it_is_coherent)
{
    cr_assert_eq(copied_past_a_dirty_line(0), 0x55);
    cr_assert_eq(copied_past_a_dirty_line(DMA_Control_Coherent), 0xaa);
}

Test(machine_device, what_is_copied_clears_exclusive_monitors)
{
    struct machine *m = machine_with("", false);
    struct access load = {.pa = pa_make(WORLD_DATA), .size = 8, .exclusive = 1};
    uint64_t value[2];
    cr_assert_eq(m->port.read(m, &load, value), PORT_OK);
    cr_assert_eq(m->state->monitors_armed, 1);
    copy_start(m, WORLD_DATA + 64, WORLD_DATA, 8, 0);
    settle(m);
    cr_assert_eq(m->state->monitors_armed, 0);
    machine_free(m);
}

/* --- disks ----------------------------------------------------------------------------------- */

static char path[] = "/tmp/armillary-disk-XXXXXX";

static void file_make(size_t size, unsigned step)
{
    static uint8_t bytes[300 * 512];
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i / 512 * step + i);
    cr_assert_eq(write(file, bytes, size), (ssize_t)size);
    close(file);
}

#define QUEUE (WORLD_DATA + 0x4000)

static void queue_start(struct machine *m, unsigned n, unsigned queue)
{
    uint64_t base = MAP_VIRTIO + n * (uint64_t)VIO_SIZE, at = QUEUE + 0x2000 * queue + 0x8000 * n;
    if (queue == 0) {
        device_put(m, base + VIO_Status_OFFSET, 3);
        device_put(m, base + VIO_DriverFeaturesSel_OFFSET, 1);
        device_put(m, base + VIO_DriverFeatures_OFFSET, 1);
        device_put(m, base + VIO_Status_OFFSET, 11);
    }
    device_put(m, base + VIO_QueueSel_OFFSET, queue);
    device_put(m, base + VIO_QueueNum_OFFSET, 8);
    device_put(m, base + VIO_QueueDescLow_OFFSET, (uint32_t)at);
    device_put(m, base + VIO_QueueDriverLow_OFFSET, (uint32_t)at + 0x400);
    device_put(m, base + VIO_QueueDeviceLow_OFFSET, (uint32_t)at + 0x800);
    device_put(m, base + VIO_QueueReady_OFFSET, 1);
}

static void descriptor(struct machine *m, unsigned n, unsigned queue, unsigned index,
                       uint64_t address, uint32_t size, unsigned flags, unsigned next)
{
    uint64_t at = QUEUE + 0x2000 * queue + 0x8000 * n + 16 * index;
    world_write(m, at, address);
    world_write(m, at + 8, size | (uint64_t)flags << 32 | (uint64_t)next << 48);
}

/* Offers chain `index - 1`, the index-th of the ring, and tells the device. */
static void offer(struct machine *m, unsigned n, unsigned queue, unsigned index, unsigned head)
{
    uint64_t at = QUEUE + 0x2000 * queue + 0x8000 * n + 0x400;
    uint16_t half = (uint16_t)head;
    machine_poke(m, pa_make(at + 4 + 2 * ((index - 1) % 8)), &half, 2);
    half = (uint16_t)index;
    machine_poke(m, pa_make(at + 2), &half, 2);
    device_put(m, MAP_VIRTIO + n * (uint64_t)VIO_SIZE + VIO_QueueNotify_OFFSET, queue);
}

#define HEAD (WORLD_DATA + 0x100)
#define DATA (WORLD_DATA + 0x1000)

static unsigned disk_do(struct machine *m, unsigned index, unsigned type, uint64_t sector,
                        bool is_in)
{
    world_write(m, HEAD, type);
    world_write(m, HEAD + 8, sector);
    world_write(m, HEAD + 16, 0xff);
    descriptor(m, 0, 0, 0, HEAD, 16, 1, 1);
    descriptor(m, 0, 0, 1, DATA, 512, is_in ? 3 : 1, 2);
    descriptor(m, 0, 0, 2, HEAD + 16, 1, 2, 0);
    offer(m, 0, 0, index, 0);
    settle(m);
    cr_assert(line_of(m, INTID_VIRTIO));
    device_put(m, MAP_VIRTIO + VIO_InterruptACK_OFFSET, 1);
    return (unsigned)(world_read(m, HEAD + 16) & 0xff);
}

static struct machine *disk_machine(struct machine_config *config, bool read_only)
{
    struct error error;
    config_default(config);
    config->pe_count = 1;
    config->ram_bytes = 16u << 20;
    cr_assert(config_add_drive(config, path, read_only, &error), "%s", error.text);
    struct machine *m = machine_new(config, &error);
    cr_assert_not_null(m, "%s", error.text);
    queue_start(m, 0, 0);
    device_put(m, MAP_VIRTIO + VIO_Status_OFFSET, 15);
    return m;
}

Test(machine_device, a_disk_is_a_file_that_is_never_written)
{
    struct machine_config config;
    struct error error;
    uint8_t sector[512];
    file_make(300 * 512, 7);
    struct machine *m = disk_machine(&config, false);
    cr_assert_eq(device_get(m, MAP_VIRTIO + VIO_Config_OFFSET), 300u);
    struct machine_snapshot *start = machine_save(m);
    uint64_t hash = machine_hash(m);
    cr_assert_eq(disk_do(m, 1, 0, 299, true), 0u);
    machine_peek(m, pa_make(DATA), sector, 512);
    for (unsigned i = 0; i < 512; i++)
        cr_assert_eq(sector[i], (uint8_t)(299 * 7 + i));
    memset(sector, 0xab, sizeof sector);
    machine_poke(m, pa_make(DATA), sector, 512);
    cr_assert_eq(disk_do(m, 2, 1, 10, false), 0u);
    uint8_t around[3 * 512];
    machine_disk_read(m, 0, 9 * 512, around, sizeof around);
    cr_assert_eq(around[511], (uint8_t)(9 * 7 + 511));
    cr_assert_arr_eq(around + 512, sector, 512);
    cr_assert_eq(around[1024], (uint8_t)(11 * 7));
    machine_restore(m, start);
    cr_assert_eq(machine_hash(m), hash);
    machine_disk_read(m, 0, 9 * 512, around, sizeof around);
    cr_assert_eq(around[512], (uint8_t)(10 * 7), "a snapshot has the disk as it was");
    machine_snapshot_free(start);
    machine_free(m);

    m = disk_machine(&config, true);
    cr_assert_eq(disk_do(m, 1, 1, 10, false), 1u, "read-only");
    machine_free(m);

    unlink(path);
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    file_make(300 * 512, 8);
    memcpy(config.drive[0].path, path, sizeof path);
    cr_assert_null(machine_new(&config, &error));
    cr_assert_not_null(strstr(error.text, path));
    cr_assert_not_null(strstr(error.text, "content"), "%s", error.text);
    unlink(path);
    cr_assert_null(machine_new(&config, &error), "and without the file");
    cr_assert_not_null(strstr(error.text, path));
}

Test(machine_device, files_that_are_no_disks_are_refused)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    cr_assert_not(config_add_drive(&config, "/", false, &error));
    cr_assert_not(config_add_drive(&config, "", false, &error));
    file_make(513, 1);
    cr_assert_not(config_add_drive(&config, path, false, &error));
    cr_assert_not_null(strstr(error.text, "513"), "%s", error.text);
    unlink(path);
    cr_assert_not(config_add_drive(&config, path, false, &error));
    cr_assert_eq(config.drive_count, 0);
    cr_assert_not(config_field_put_option(config_field_by_option("virtio"), &config,
                                          "console,tape", &error));
    cr_assert_not(config_add_virtio(&config, "block", &error));
}

/* --- the wire, and lateness ------------------------------------------------------------------ */

static void net_start(struct machine *m, unsigned n)
{
    queue_start(m, n, 0);
    queue_start(m, n, 1);
    device_put(m, MAP_VIRTIO + n * (uint64_t)VIO_SIZE + VIO_Status_OFFSET, 15);
    descriptor(m, n, 0, 0, DATA + 0x100 * n, 0x100, 2, 0);
    descriptor(m, n, 1, 0, HEAD, 12 + 8, 0, 0);
}

Test(machine_device, two_network_devices_are_joined_and_one_hears_itself)
{
    struct machine *m = machine_with("net,entropy,net,net", false);
    static const unsigned nets[] = {0, 2, 3}, hears[] = {2, 0, 3};
    for (unsigned i = 0; i < 3; i++)
        net_start(m, nets[i]);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t text = UINT64_C(0x1122334455667700) + i;
        world_write(m, HEAD + 12, text);
        offer(m, nets[i], 1, 1, 0);
        settle(m);
        offer(m, hears[i], 0, 1, 0);
        settle(m);
        cr_assert_eq(world_read(m, DATA + 0x100 * hears[i] + 12), text, "net %u", nets[i]);
        cr_assert(line_of(m, INTID_VIRTIO + hears[i]));
    }
    machine_free(m);
}

Test(machine_device, a_choice_says_when_a_device_is_done)
{
    uint64_t times[5];
    for (uint32_t answer = 0; answer < ARRAY_COUNT(times); answer++) {
        struct machine *m = machine_with("entropy", false);
        struct choice_record script = {{0, 0, CHOICE_DEVICE_DONE}, 5, answer};
        uint8_t used = 0;
        queue_start(m, 0, 0);
        device_put(m, MAP_VIRTIO + VIO_Status_OFFSET, 15);
        settle(m);
        m->chooser.open_mask = 1u << CHOICE_DEVICE_DONE;
        m->chooser.policy = CHOICE_STRICT;
        m->chooser.script = &script;
        m->chooser.script_count = answer != 0;
        m->chooser.script_used = &used;
        script.name.ordinal = m->side->counts.asked[CHOICE_DEVICE_DONE][0];
        descriptor(m, 0, 0, 0, DATA, 64, 2, 0);
        offer(m, 0, 0, 1, 0);
        times[answer] = m->state->clock.next;
        settle(m);
        cr_assert_eq(used, answer != 0);
        cr_assert(line_of(m, INTID_VIRTIO));
        machine_free(m);
    }
    for (unsigned i = 1; i < ARRAY_COUNT(times); i++)
        cr_assert_gt(times[i], times[i - 1]);
}
