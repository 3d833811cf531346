/*
 * The part of the configuration that says which virtio devices there are, and what is on the disks.
 *
 * Not here: the devices that every machine has.
 */
#include "sim/config.h"

#include "sim/devices/virtio.h"
#include "sim/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint8_t type;
} types[] = {
    {"block", VIRTIO_BLOCK},
    {"console", VIRTIO_CONSOLE},
    {"entropy", VIRTIO_ENTROPY},
    {"net", VIRTIO_NET},
};

const char *config_virtio_name(unsigned type)
{
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (types[i].type == type)
            return types[i].name;
    }
    return NULL;
}

bool config_virtio_by_name(const char *name, uint8_t *type)
{
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            *type = types[i].type;
            return true;
        }
    }
    return false;
}

static bool add_device(struct machine_config *config, uint8_t type, struct error *error)
{
    if (config->virtio_count == VIRTIO_PLACES)
        return error_set(error, "more than %u virtio devices", VIRTIO_PLACES);
    config->virtio[config->virtio_count++] = type;
    return true;
}

bool config_drive_place(struct config_drive *drive, const char *path, struct error *error)
{
    char *whole = realpath(path, NULL);
    bool fits = whole && strlen(whole) < sizeof drive->path;
    if (!whole)
        error_set(error, "%.400s: %s", path, strerror(errno));
    else if (!fits)
        error_set(error, "%.100s...: a name has 1 to %u characters", whole, DRIVE_PATH_MAX - 1);
    else
        snprintf(drive->path, sizeof drive->path, "%s", whole);
    free(whole);
    return fits;
}

bool config_add_drive(struct machine_config *config, const char *path, bool read_only,
                      struct error *error)
{
    struct config_drive *drive = &config->drive[config->drive_count];
    struct disk disk;
    if (config->drive_count == DRIVE_MAX)
        return error_set(error, "more than %u", DRIVE_MAX);
    if (path[0] == 0)
        return error_set(error, "a name has 1 to %u characters", DRIVE_PATH_MAX - 1);
    if (!disk_open(&disk, path, error))
        return false;
    memset(drive, 0, sizeof *drive);
    if (!config_drive_place(drive, path, error)) {
        disk_close(&disk);
        return false;
    }
    drive->size = disk.size;
    drive->hash = disk.hash;
    drive->read_only = read_only;
    disk_close(&disk);
    config->drive_count++;
    return add_device(config, VIRTIO_BLOCK, error);
}

bool config_add_virtio(struct machine_config *config, const char *name, struct error *error)
{
    uint8_t type;
    if (!config_virtio_by_name(name, &type) || type == VIRTIO_BLOCK)
        return error_set(error, "%.40s is neither console, entropy nor net", name);
    return add_device(config, type, error);
}

bool config_check_devices(const struct machine_config *config, struct error *error)
{
    uint32_t blocks = 0;
    if (config->virtio_count > VIRTIO_PLACES)
        return error_set(error, "--virtio: more than %u devices", VIRTIO_PLACES);
    if (config->drive_count > DRIVE_MAX)
        return error_set(error, "--drive: more than %u", DRIVE_MAX);
    for (uint32_t i = 0; i < config->virtio_count; i++) {
        if (!config_virtio_name(config->virtio[i]))
            return error_set(error, "--virtio: %u is no type of device", config->virtio[i]);
        blocks += config->virtio[i] == VIRTIO_BLOCK;
    }
    if (blocks != config->drive_count)
        return error_set(error, "--virtio: %u block devices for %u drives", blocks,
                         config->drive_count);
    for (uint32_t i = 0; i < config->drive_count; i++) {
        const struct config_drive *drive = &config->drive[i];
        if (!memchr(drive->path, 0, sizeof drive->path) || drive->path[0] == 0)
            return error_set(error, "--drive: no name");
        if (drive->size == 0 || drive->size % VIRTIO_SECTOR != 0 ||
            drive->size > UINT64_C(64) << 30)
            return error_set(error, "--drive: %s: no size of a disk", drive->path);
    }
    return true;
}
