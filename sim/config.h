/*
 * The configuration of a machine: one plain struct, set from the command line or a scenario,
 * kept in traces. Together with images and choices it determines a run.
 */
#pragma once
#include "sim/base/base.h"
#include "sim/base/choice.h"

/* The memory map of the "virt" board (docs/architecture.md). */
#define MAP_GICD UINT64_C(0x08000000)
#define MAP_GICC UINT64_C(0x08010000)
#define MAP_GICH UINT64_C(0x08030000)
#define MAP_GICH_ALL UINT64_C(0x08031000) /* the GICH of every PE, as far behind as in a GIC-400 */
#define MAP_GICV UINT64_C(0x08040000)
#define MAP_UART UINT64_C(0x09000000)
#define MAP_RTC UINT64_C(0x09010000)
#define MAP_GPIO UINT64_C(0x09030000)
#define MAP_VIRTIO UINT64_C(0x0a000000)
#define MAP_DMA UINT64_C(0x0c000000)
#define MAP_RAM UINT64_C(0x40000000)

#define INTID_PMU 23u
#define INTID_MAINTENANCE 25u
#define INTID_CNTHP 26u
#define INTID_CNTV 27u
#define INTID_CNTP 30u
#define INTID_UART 33u
#define INTID_RTC 34u
#define INTID_GPIO 39u
#define INTID_VIRTIO 48u /* of the first one */
#define INTID_DMA 80u /* SPI 48, behind those of virtio */

#define CYCLES_PER_SECOND 1000000000u /* of every PE */

#define VIRTIO_PLACES 32u
#define DRIVE_MAX 4u
#define DRIVE_PATH_MAX 1024u
#define MODEL_NAME_MAX 32u
#define PROPERTY_MAX 16u
#define BOOTARGS_MAX 2048u /* as many as arm64 kernels take */
#define PROPERTY_TEXT_MAX 96u

/* An extra device-tree property, /node:name=value; value is a u32 or a string. */
struct config_property {
    char node[PROPERTY_TEXT_MAX];
    char name[PROPERTY_TEXT_MAX];
    char text[PROPERTY_TEXT_MAX]; /* when is_text */
    uint32_t number;
    uint32_t is_text;
};

/* A disk: a file, and what its content is, so that a run is made with the same one again. */
struct config_drive {
    uint64_t size, hash; /* of disk_open() */
    uint32_t read_only;
    uint32_t reserved;
    char path[DRIVE_PATH_MAX]; /* absolute, if it was opened */
};

struct machine_config {
    uint64_t ram_bytes;   /* multiple of 2 MiB */
    uint32_t pe_count;    /* 1..8 */
    uint32_t entry_el;    /* 1 or 2 */
    uint32_t quantum;     /* instructions a PE runs before the next is picked; >= 1 */
    uint32_t vmid_bits;   /* 8 or 16; 0: the model's */
    uint32_t asid_bits;   /* 8 or 16; 0: the model's */
    uint32_t list_registers; /* 1..64 */
    uint32_t irqs;        /* interrupts of the GIC, 96 to 992 by 32s, or 1020; 0: 288 */
    uint32_t tlb_entries; /* per PE, of the architectural shape */
    uint32_t tlb_core;    /* 1: the TLB has the shape of the model's core */
    uint32_t timing_flat; /* 1: one cycle each */
    uint32_t caches;      /* 1: L1 data and instruction caches of each PE and a shared L2 */
    uint32_t cache_sets;  /* at most so many sets in any of them, a power of two; 0: the model's */
    uint32_t counter_hz;  /* of the system counter, a divisor of 1 GHz; 0: 62.5 MHz */
    uint32_t errata;      /* bit per enum erratum that the CPUs have */
    uint32_t open_mask;   /* bit per enum choice_kind that is open */
    uint32_t store_buffer; /* stores that wait, for each PE; 0: none do */
    uint32_t history;      /* writes that early loads may look behind; 0: there are no such */
    uint32_t resets;       /* that the machine comes back from; the next one ends the run */
    uint32_t spin_table;   /* 1: the other CPUs are released by a spin table, not by PSCI */
    uint32_t rtc_start;    /* what the real-time clock says at power-on: seconds since 1970 */
    uint32_t entropy_seed; /* of the stream that virtio entropy devices give */
    uint32_t drive_count;
    uint32_t virtio_count;
    uint8_t virtio[VIRTIO_PLACES]; /* enum virtio_type; as many blocks as there are drives */
    struct config_drive drive[DRIVE_MAX];
    uint32_t property_count;
    char model[MODEL_NAME_MAX];
    char bootargs[BOOTARGS_MAX];
    struct config_property property[PROPERTY_MAX];
};

/* Defaults: 2 CPUs, 64 MiB, "armv8.0", entry at EL2, quantum 1000, 4 list registers. */
void config_default(struct machine_config *config);

/* Checks ranges; false with "OPTION: reason". */
bool config_check(const struct machine_config *config, struct error *error);

/* The part of it about virtio devices and drives. */
bool config_check_devices(const struct machine_config *config, struct error *error);

/* Checks that every erratum asked for can show on this machine; open_mask is final by then. */
bool config_check_errata(const struct machine_config *config, struct error *error);

/* Parses "64M", "1g", "4096", "0x1000" strictly; false when it is not such a number. */
bool config_parse_size(const char *text, uint64_t *value);
/* The same without a suffix. */
bool config_parse_number(const char *text, uint64_t *value);

/* The absolute name of a drive's file, which is there. False with "PATH: reason". */
bool config_drive_place(struct config_drive *drive, const char *path, struct error *error);
/*
 * The next name of a list with commas; *rest begins as the list and is NULL behind its last name.
 * A name that is missing reads as '' in quotes, which is nobody's.
 */
bool config_next_name(const char **rest, char *name, size_t size);

/* What the machine has not that a kind of choice is about, so that nobody would ask; or NULL. */
const char *config_choice_lacks(const struct machine_config *config, enum choice_kind kind);

/* Opens a file for its size and hash, and adds a block device. False with the reason alone. */
bool config_add_drive(struct machine_config *config, const char *path, bool read_only,
                      struct error *error);
/* Adds a virtio device: console, entropy or net. */
bool config_add_virtio(struct machine_config *config, const char *name, struct error *error);
/* The name of a virtio_type ("block"), and back; false if there is none. */
const char *config_virtio_name(unsigned type);
bool config_virtio_by_name(const char *name, uint8_t *type);

/* Parses "/node:name=value"; a value that reads as a number is one, anything else a string. */
bool config_parse_property(const char *text, struct config_property *property,
                           struct error *error);
/* The same from its three parts. */
bool config_set_property(struct config_property *property, const char *node, const char *name,
                         const char *value, struct error *error);
