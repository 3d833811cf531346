#pragma once

/*
 * What the device tree says, or what is assumed where it is silent or absent.
 */

#include "hyp/board.h"
#include "hyp/arch.h"

struct dt_config {
    bool has_hypervisor_node;              /* otherwise all of its properties are the defaults */
    uint64_t ram_end;                      /* end of the RAM at BOARD_RAM_BASE */
    unsigned cpu_count;
    uint64_t cpu_mpidr[CPUS_MAX];
    char workload[32];                     /* empty: not said */

    /* Properties armillary,* of /hypervisor, one u32 each; DT_NOT_SAID if absent. */
    uint32_t vmid_bits;
    uint32_t vms;
    uint32_t vcpus;
    uint32_t iterations;
    uint32_t visitors;
    uint32_t visitors_live;
    uint32_t visitor_iterations;
    uint32_t tick_counts;
};

#define DT_NOT_SAID 0xffffffffu

extern struct dt_config dt_config;

/*
 * Reads the flattened device tree at `blob` if there is one, otherwise the one at the start of RAM
 * if there is one, otherwise assumes a board with BOARD_RAM_BYTES_LEAST and CPUs 0 to CPUS_MAX - 1.
 * The first BOARD_RAM_BYTES_LEAST of RAM are readable; a tree beyond them is not looked at.
 */
void dt_read(uint64_t blob);
