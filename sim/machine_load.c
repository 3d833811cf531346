/*
 * Loading: segments into RAM, the device tree beside them, CPU 0 to the entry point with the
 * tree's address in X0, as the boot protocol of arm64 kernels has it. The other CPUs stay off
 * until PSCI CPU_ON.
 */
#include "sim/machine_parts.h"

#include "sim/devicetree.h"

#include <stdlib.h>

/* Where a tree goes that does not fit below the image: at a border of 2 MiB behind it. */
#define TREE_ALIGNMENT UINT64_C(0x200000)

/* The lowest and the highest physical address that the image takes. */
static void image_extent(const struct image *image, uint64_t *low, uint64_t *high)
{
    *low = UINT64_MAX;
    *high = 0;
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *s = &image->segments[i];
        if (s->address.bits < *low)
            *low = s->address.bits;
        if (s->address.bits + s->memory_size > *high)
            *high = s->address.bits + s->memory_size;
    }
}

static bool load_segments(struct machine *m, const struct image *image, struct error *error)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *s = &image->segments[i];
        /* What lies behind file_size is zero, as RAM is at power-on. */
        if (!machine_poke(m, s->address, s->bytes, s->file_size))
            return error_set(error, "%s: segment %zu at 0x%llx is outside RAM", image->name, i,
                             (unsigned long long)s->address.bits);
    }
    return true;
}

bool machine_load(struct machine *m, const struct image *image, struct error *error)
{
    struct devicetree_boot boot = {0, 0};
    uint8_t *tree;
    size_t size;
    if (!load_segments(m, image, error) ||
        !devicetree_make(&m->config, &boot, &tree, &size, error))
        return false;
    uint64_t low, high;
    image_extent(image, &low, &high);
    uint64_t at = low >= MAP_RAM + size
                      ? MAP_RAM
                      : align_down(high + TREE_ALIGNMENT - 1, TREE_ALIGNMENT);
    bool fits = machine_poke(m, pa_make(at), tree, size);
    free(tree);
    if (!fits)
        return error_set(error, "%s: no room in RAM for the device tree at 0x%llx", image->name,
                         (unsigned long long)at);
    core_reset(&m->core[0], m->config.entry_el, image->entry, at);
    m->state->cpu[0].wait = CPU_RUNS;
    machine_timer_update(m, 0, 0);
    return true;
}
