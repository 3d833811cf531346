/*
 * A run for tests: a hypervisor of the build folder with more VMs than VMIDs, from the third
 * rollover on, with next-cpu open.
 */
#pragma once
#include "sim/run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct run_world {
    struct image image;
    struct run *run;
};

static inline void run_world_setup(struct run_setup *setup, unsigned pe_count)
{
    static const char *const properties[] = {
        "/hypervisor:armillary,vmid-bits=2", "/hypervisor:armillary,workload=publish-order",
        "/hypervisor:armillary,vms=4", "/hypervisor:armillary,visitors=0",
        "/hypervisor:armillary,tick-counts=100"};
    struct error error;
    *setup = (struct run_setup){0};
    config_default(&setup->config);
    setup->config.pe_count = pe_count;
    setup->config.quantum = 1;
    setup->config.timing_flat = 1;
    setup->config.tlb_entries = 256;
    setup->config.open_mask = 1u << CHOICE_NEXT_CPU;
    for (size_t i = 0; i < ARRAY_COUNT(properties); i++)
        cr_assert(config_parse_property(
            properties[i], &setup->config.property[setup->config.property_count++], &error));
    setup->checks.mask = 1u << CHECK_TLB | 1u << CHECK_OWNER | 1u << CHECK_GUEST;
    setup->start = (struct run_mark){"vmid_rollover", -1, 3};
    setup->end = (struct run_mark){"", -1, 1};
}

static inline void run_world_open_with(struct run_world *w, const char *variant,
                                       const struct run_setup *setup)
{
    char path[512];
    const char *build = getenv("BUILD");
    uint8_t *bytes;
    size_t size;
    struct error error;
    snprintf(path, sizeof path, "%s/hyp/hyp-vmid-%s.elf", build ? build : "build", variant);
    cr_assert(file_read(path, &bytes, &size, &error), "%s", error.text);
    cr_assert(image_open(&w->image, path, bytes, size, pa_make(MAP_RAM), setup->config.ram_bytes,
                         &error), "%s", error.text);
    free(bytes);
    w->run = run_new(setup, &w->image, &error);
    cr_assert_not_null(w->run, "%s", error.text);
}

static inline void run_world_open(struct run_world *w, const char *variant, unsigned pe_count)
{
    struct run_setup setup;
    run_world_setup(&setup, pe_count);
    run_world_open_with(w, variant, &setup);
}

static inline void run_world_close(struct run_world *w)
{
    run_free(w->run);
    image_close(&w->image);
}
