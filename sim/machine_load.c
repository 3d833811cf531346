/*
 * Loading: segments into RAM, the device tree and the initrd beside them, CPU 0 to the entry
 * point with the tree's address in X0, as the boot protocol of arm64 kernels has it. The other
 * CPUs stay off until PSCI CPU_ON.
 *
 * The tree lies at the start of RAM if the image leaves room for it there, else behind the image;
 * the initrd behind both. Each begins at a border of 2 MiB and a tree is shorter than that, so
 * that it is in one such block, which early kernels map whole.
 */
#include "sim/machine_parts.h"

#include "sim/devicetree.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES UINT64_C(0x200000)

static uint64_t next_block(uint64_t address)
{
    return align_down(address + BLOCK_BYTES - 1, BLOCK_BYTES);
}

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

/* Zero bytes where RAM is not zero: at power-on there is nothing to do. */
static bool clear(struct machine *m, uint64_t address, uint64_t size)
{
    static const uint8_t zeros[PAGE_BYTES];
    uint8_t found[PAGE_BYTES];
    while (size > 0) {
        uint64_t left = PAGE_BYTES - address % PAGE_BYTES, part = size < left ? size : left;
        if (!machine_peek(m, pa_make(address), found, part))
            return false;
        if (memcmp(found, zeros, part) != 0 && !machine_poke(m, pa_make(address), zeros, part))
            return false;
        address += part;
        size -= part;
    }
    return true;
}

static bool load_segments(struct machine *m, const struct image *image, struct error *error)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *s = &image->segments[i];
        if (!machine_poke(m, s->address, s->bytes, s->file_size) ||
            !clear(m, s->address.bits + s->file_size, s->memory_size - s->file_size))
            return error_set(error, "%s: segment %zu at 0x%llx is outside RAM", image->name, i,
                             (unsigned long long)s->address.bits);
    }
    return true;
}

static bool tree_make(struct machine *m, const struct devicetree_boot *boot, uint8_t **tree,
                      size_t *size, struct error *error)
{
    const struct machine_payload *p = &m->payload;
    if (p->tree == NULL)
        return devicetree_make(&m->config, boot, tree, size, error);
    const struct devicetree_given given = {p->tree_name, p->tree, p->tree_size};
    return devicetree_fit(&m->config, boot, &given, tree, size, error);
}

static bool load_initrd(struct machine *m, uint64_t at, struct error *error)
{
    const struct machine_payload *p = &m->payload;
    if (p->initrd == NULL || machine_poke(m, pa_make(at), p->initrd, p->initrd_size))
        return true;
    return error_set(error, "%s: no room in RAM for an initrd of %zu bytes at 0x%llx",
                     p->initrd_name, p->initrd_size, (unsigned long long)at);
}

/* RAM as the boot loader leaves it; *tree_at is where the tree lies. */
static bool load_all(struct machine *m, uint64_t *tree_at, struct error *error)
{
    const struct image *image = m->payload.image;
    uint64_t low, high;
    image_extent(image, &low, &high);
    size_t room = DEVICETREE_BYTES_MAX + (m->payload.tree ? m->payload.tree_size : 0);
    struct devicetree_boot boot = {next_block(next_block(high) + room),
                                   m->payload.initrd ? m->payload.initrd_size : 0};
    uint8_t *tree;
    size_t size;
    if (!load_segments(m, image, error) || !tree_make(m, &boot, &tree, &size, error))
        return false;
    *tree_at = low - MAP_RAM >= size ? MAP_RAM : next_block(high);
    bool fits = machine_poke(m, pa_make(*tree_at), tree, size);
    free(tree);
    if (!fits)
        return error_set(error, "%s: no room in RAM for the device tree at 0x%llx", image->name,
                         (unsigned long long)*tree_at);
    return load_initrd(m, boot.initrd_start, error);
}

bool machine_boot(struct machine *m, const struct machine_payload *payload, struct error *error)
{
    uint64_t tree_at;
    m->payload = *payload;
    if (!load_all(m, &tree_at, error))
        return false;
    core_reset(&m->core[0], m->config.entry_el, payload->image->entry, tree_at);
    m->state->cpu[0].wait = CPU_RUNS;
    machine_timer_update(m, 0, 0);
    return true;
}

bool machine_load(struct machine *m, const struct image *image, struct error *error)
{
    const struct machine_payload payload = {.image = image};
    return machine_boot(m, &payload, error);
}
