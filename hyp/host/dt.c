/*
 * A reader of flattened device trees, for the four things that the host asks: RAM, CPUs, and the
 * node /hypervisor. It walks the structure block once and keeps nothing but the answers. Every
 * offset is checked against the sizes in the header; at the first thing that is wrong it stops,
 * and the rest stays as assumed.
 *
 * Not modelled: #address-cells and #size-cells other than 2 (memory) and 1 or 2 (cpus), reserved
 * memory, several banks of RAM.
 *
 * Devicetree Specification, "Flattened Devicetree (DTB) Format".
 */

#include "hyp/host/dt.h"

#define FDT_MAGIC 0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE 2u
#define FDT_PROP 3u
#define FDT_NOP 4u

struct dt_config dt_config;

/* Big-endian header of a tree. */
struct fdt_header {
    uint32_t magic, totalsize, off_struct, off_strings, off_reserved, version, last_compatible;
    uint32_t boot_cpu, size_strings, size_struct;
};

enum node {
    NODE_OTHER,
    NODE_MEMORY,
    NODE_CPU,
    NODE_HYPERVISOR,
};

struct property {
    const char *name;
    const uint32_t *value;                 /* big-endian words */
    uint32_t bytes;
};

static uint32_t word_at(const uint32_t *word)
{
    return __builtin_bswap32(*word);
}

static bool starts_with(const char *text, const char *prefix)
{
    while (*prefix != 0)
        if (*text++ != *prefix++)
            return false;
    return true;
}

static bool is_same(const char *one, const char *other)
{
    while (*one != 0 && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

/* Kind of a node from its depth (root: 1) and name; `inside_cpus`: its parent is /cpus. */
static enum node node_kind(unsigned depth, bool inside_cpus, const char *name)
{
    if (depth == 2 && starts_with(name, "memory@"))
        return NODE_MEMORY;
    if (depth == 2 && is_same(name, "hypervisor"))
        return NODE_HYPERVISOR;
    if (depth == 3 && inside_cpus && starts_with(name, "cpu@"))
        return NODE_CPU;
    return NODE_OTHER;
}

static void take_memory(const struct property *p)
{
    if (!is_same(p->name, "reg") || p->bytes < 16 || word_at(p->value) != 0 ||
        word_at(p->value + 1) != BOARD_RAM_BASE)
        return;
    uint64_t bytes = (uint64_t)word_at(p->value + 2) << 32 | word_at(p->value + 3);
    if (bytes > BOARD_RAM_BYTES_MOST)
        bytes = BOARD_RAM_BYTES_MOST;
    dt_config.ram_end = BOARD_RAM_BASE + bytes;
}

static void take_cpu(const struct property *p)
{
    if (!is_same(p->name, "reg") || p->bytes < 4 || dt_config.cpu_count >= CPUS_MAX)
        return;
    uint64_t mpidr = word_at(p->value);
    if (p->bytes >= 8)
        mpidr = mpidr << 32 | word_at(p->value + 1);
    dt_config.cpu_mpidr[dt_config.cpu_count++] = mpidr;
}

/* The properties of /hypervisor that are one number, and where it goes. */
static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"vmid-bits", offsetof(struct dt_config, vmid_bits)},
    {"vms", offsetof(struct dt_config, vms)},
    {"vcpus", offsetof(struct dt_config, vcpus)},
    {"iterations", offsetof(struct dt_config, iterations)},
    {"visitors", offsetof(struct dt_config, visitors)},
    {"visitors-live", offsetof(struct dt_config, visitors_live)},
    {"visitor-iterations", offsetof(struct dt_config, visitor_iterations)},
    {"tick-counts", offsetof(struct dt_config, tick_counts)},
};

static void take_hypervisor(const struct property *p)
{
    static const char vendor[] = "armillary,";

    if (!starts_with(p->name, vendor))
        return;
    const char *name = p->name + sizeof vendor - 1;
    if (is_same(name, "workload")) {
        const char *text = (const char *)p->value;
        for (unsigned n = 0; n < p->bytes && n < sizeof dt_config.workload - 1; n++)
            dt_config.workload[n] = text[n];
        return;
    }
    for (unsigned n = 0; n < sizeof numbers / sizeof numbers[0]; n++)
        if (p->bytes == 4 && is_same(name, numbers[n].name))
            *(uint32_t *)((char *)&dt_config + numbers[n].offset) = word_at(p->value);
}

static void take_property(enum node node, const struct property *p)
{
    if (node == NODE_MEMORY)
        take_memory(p);
    else if (node == NODE_CPU)
        take_cpu(p);
    else if (node == NODE_HYPERVISOR)
        take_hypervisor(p);
}

/* The tree is there and its blocks lie inside it and inside mapped RAM. */
static bool is_tree(uint64_t blob)
{
    const struct fdt_header *h = (const struct fdt_header *)blob;
    uint64_t ram_end = BOARD_RAM_BASE + BOARD_RAM_BYTES_LEAST;

    if (blob < BOARD_RAM_BASE || blob > ram_end - sizeof *h || blob % 8 != 0)
        return false;
    if (word_at(&h->magic) != FDT_MAGIC || word_at(&h->last_compatible) > 17)
        return false;
    uint64_t total = word_at(&h->totalsize);
    uint64_t struct_end = (uint64_t)word_at(&h->off_struct) + word_at(&h->size_struct);
    uint64_t strings_end = (uint64_t)word_at(&h->off_strings) + word_at(&h->size_strings);
    return total <= ram_end - blob && struct_end <= total && strings_end <= total &&
           word_at(&h->off_struct) % 4 == 0;
}

/* Bytes of the string at `text`, its end included, or 0 if it does not end before `end`. */
static uint32_t string_bytes(const char *text, const char *end)
{
    for (const char *at = text; at < end; at++)
        if (*at == 0)
            return (uint32_t)(at - text) + 1;
    return 0;
}

static void walk(const struct fdt_header *h)
{
    const char *base = (const char *)h;
    const char *strings = base + word_at(&h->off_strings);
    const char *strings_end = strings + word_at(&h->size_strings);
    const uint32_t *at = (const uint32_t *)(base + word_at(&h->off_struct));
    const uint32_t *end = (const uint32_t *)((const char *)at + (word_at(&h->size_struct) & ~3u));
    enum node node = NODE_OTHER;
    bool inside_cpus = false;
    unsigned depth = 0;

    while (at < end) {
        uint32_t token = word_at(at++);
        if (token == FDT_BEGIN_NODE) {
            const char *name = (const char *)at;
            uint32_t bytes = string_bytes(name, (const char *)end);
            if (bytes == 0)
                return;
            depth++;
            node = node_kind(depth, inside_cpus, name);
            if (depth == 2)
                inside_cpus = is_same(name, "cpus");
            if (node == NODE_HYPERVISOR)
                dt_config.has_hypervisor_node = true;
            at += (bytes + 3) / 4;
        } else if (token == FDT_END_NODE) {
            if (depth-- <= 1)
                return;
            node = NODE_OTHER;             /* properties come before subnodes */
        } else if (token == FDT_PROP) {
            if (end - at < 2)
                return;
            struct property p = {.bytes = word_at(at), .value = at + 2};
            const char *name = strings + word_at(at + 1);
            if (p.bytes > (uint64_t)((const char *)end - (const char *)p.value) ||
                name >= strings_end || string_bytes(name, strings_end) == 0)
                return;
            p.name = name;
            if (node != NODE_OTHER)
                take_property(node, &p);
            at = p.value + (p.bytes + 3) / 4;
        } else if (token != FDT_NOP) {
            return;                        /* FDT_END, or nothing that a tree contains */
        }
    }
}

void dt_read(uint64_t blob)
{
    dt_config.ram_end = BOARD_RAM_BASE + BOARD_RAM_BYTES_LEAST;
    dt_config.vmid_bits = dt_config.vms = dt_config.vcpus = DT_NOT_SAID;
    dt_config.iterations = dt_config.visitors = dt_config.visitors_live = DT_NOT_SAID;
    dt_config.visitor_iterations = dt_config.tick_counts = DT_NOT_SAID;

    if (is_tree(blob))
        walk((const struct fdt_header *)blob);
    else if (is_tree(BOARD_RAM_BASE))
        walk((const struct fdt_header *)BOARD_RAM_BASE);

    if (dt_config.cpu_count == 0) {        /* try them all: PSCI refuses those that are not there */
        dt_config.cpu_count = CPUS_MAX;
        for (unsigned n = 0; n < CPUS_MAX; n++)
            dt_config.cpu_mpidr[n] = n;
    }
}
