/*
 * The device tree of the configured machine, as bytes for the payload.
 */
#pragma once
#include "sim/config.h"

#define DEVICETREE_BYTES_MAX (64u * 1024u)
/* A given one: with what is added it must fit into the 2 MiB that kernels map for it. */
#define DEVICETREE_GIVEN_BYTES_MAX (1024u * 1024u)

/* What the loader adds; an initrd of size 0 is none, and so is a pen. */
struct devicetree_boot {
    uint64_t initrd_start; /* physical address */
    uint64_t initrd_size;
    uint64_t pen_start; /* of a spin table: where the other CPUs wait, not to be written over */
    uint64_t pen_size;
    uint64_t pen_release; /* where CPU 0's word would be; each CPU has the next 8 bytes */
};

/*
 * A tree that was given, fitted to the machine: memory is what the machine has, /chosen has the
 * configuration's boot arguments (if it has any) and the initrd; extra properties are set as
 * below. `name` is used in messages: false with "NAME: reason" for bytes that are no tree. The
 * caller frees *bytes.
 */
struct devicetree_given {
    const char *name;
    const uint8_t *bytes;
    size_t size;
};
bool devicetree_fit(const struct machine_config *config, const struct devicetree_boot *boot,
                    const struct devicetree_given *given, uint8_t **bytes, size_t *size,
                    struct error *error);

/*
 * Makes the tree: memory, CPUs with PSCI, GIC, timers, UART, chosen, and the configuration's extra
 * properties, whose nodes are made when they are not there and which replace what is. Returns
 * false with one line when it does not fit or a property cannot be set. The caller frees *bytes.
 */
bool devicetree_make(const struct machine_config *config, const struct devicetree_boot *boot,
                     uint8_t **bytes, size_t *size, struct error *error);
