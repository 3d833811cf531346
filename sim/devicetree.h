/*
 * The device tree of the configured machine, as bytes for the payload.
 */
#pragma once
#include "sim/config.h"

#define DEVICETREE_BYTES_MAX (64u * 1024u)

/* What the loader adds; an initrd of size 0 is none. */
struct devicetree_boot {
    uint64_t initrd_start; /* physical address */
    uint64_t initrd_size;
};

/*
 * Makes the tree: memory, CPUs with PSCI, GIC, timers, UART, chosen, and the configuration's extra
 * properties, whose nodes are made when they are not there and which replace what is. Returns
 * false with one line when it does not fit or a property cannot be set. The caller frees *bytes.
 */
bool devicetree_make(const struct machine_config *config, const struct devicetree_boot *boot,
                     uint8_t **bytes, size_t *size, struct error *error);
