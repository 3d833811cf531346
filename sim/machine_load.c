/*
 * Loading: segments into RAM, the device tree and the initrd beside them, CPU 0 to the entry
 * point with the tree's address in X0, as the boot protocol of arm64 kernels has it. The other
 * CPUs stay off until PSCI CPU_ON.
 *
 * The tree lies at the start of RAM if the image leaves room for it there, else behind the image;
 * the initrd behind both. Each begins at a border of 2 MiB and a tree is shorter than that, so
 * that it is in one such block, which early kernels map whole.
 *
 * With a spin table the other CPUs run from the start, in a holding pen in the last page of RAM,
 * until their word there becomes an address. Linux, "Booting AArch64 Linux": cpu-release-addr.
 */
#include "sim/machine_parts.h"

#include "sim/devicetree.h"

#include <stdlib.h>
#include <string.h>

/* A border at which everything but the image begins. */
#define BLOCK_BYTES UINT64_C(0x200000)

/* The pen: each CPU sleeps until its word, behind the code, is not 0, and goes there. */
static const uint32_t pen_code[] = {
    0xd53800a5, /*    mrs  x5, mpidr_el1     */
    0x92401ca5, /*    and  x5, x5, #0xff     */
    0x100001c4, /*    adr  x4, words         */
    0x8b050c84, /*    add  x4, x4, x5, lsl 3 */
    0xd503205f, /* 1: wfe                    */
    0xf9400085, /*    ldr  x5, [x4]          */
    0xb4ffffc5, /*    cbz  x5, 1b            */
    0xd2800004, /*    mov  x4, #0            */
    0xd61f00a0, /*    br   x5                */
};
#define PEN_WORDS 64u /* offset of the words */
#define PEN_BYTES PAGE_BYTES

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

static uint64_t pen_address(const struct machine *m)
{
    return MAP_RAM + m->config.ram_bytes - PEN_BYTES;
}

static bool load_pen(struct machine *m, struct error *error)
{
    if (!m->config.spin_table)
        return true;
    uint64_t low, high;
    image_extent(m->payload.image, &low, &high);
    if (m->payload.tree)
        return error_set(error, "%s: a given device tree cannot be changed to a spin table",
                         m->payload.tree_name);
    if (high > pen_address(m))
        return error_set(error, "%s: no room in RAM for a spin table", m->payload.image->name);
    return clear(m, pen_address(m), PEN_BYTES) &&
           machine_poke(m, pa_make(pen_address(m)), pen_code, sizeof pen_code);
}

/* RAM as the boot loader leaves it; *tree_at is where the tree lies. */
static bool load_all(struct machine *m, uint64_t *tree_at, struct error *error)
{
    const struct image *image = m->payload.image;
    uint64_t low, high;
    image_extent(image, &low, &high);
    size_t room = DEVICETREE_BYTES_MAX + (m->payload.tree ? m->payload.tree_size : 0);
    struct devicetree_boot boot = {.initrd_start = next_block(next_block(high) + room),
                                   .initrd_size = m->payload.initrd ? m->payload.initrd_size : 0};
    if (m->config.spin_table) {
        boot.pen_start = pen_address(m);
        boot.pen_size = PEN_BYTES;
        boot.pen_release = boot.pen_start + PEN_WORDS;
    }
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
    return load_initrd(m, boot.initrd_start, error) && load_pen(m, error);
}

static void start_pe(struct machine *m, unsigned pe, uint64_t entry, uint64_t x0)
{
    struct cpu *cpu = &m->state->cpu[pe];
    core_reset(&m->core[pe], m->config.entry_el, entry, x0);
    cpu->wait = CPU_RUNS;
    machine_timer_update(m, pe, cpu->cycles);
}

bool machine_start(struct machine *m, struct error *error)
{
    uint64_t tree_at;
    if (!load_all(m, &tree_at, error))
        return false;
    start_pe(m, 0, m->payload.image->entry, tree_at);
    for (unsigned pe = 1; m->config.spin_table && pe < m->config.pe_count; pe++)
        start_pe(m, pe, pen_address(m), 0);
    return true;
}

bool machine_boot(struct machine *m, const struct machine_payload *payload, struct error *error)
{
    m->payload = *payload;
    return machine_start(m, error);
}

bool machine_load(struct machine *m, const struct image *image, struct error *error)
{
    const struct machine_payload payload = {.image = image};
    return machine_boot(m, &payload, error);
}
