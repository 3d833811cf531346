/*
 * The device tree of the machine, made with libfdt: what is in it is exactly what the machine has
 * at the addresses of sim/config.h, in the bindings that Linux and other payloads read.
 *
 * The GIC's node lists GICH and GICV with the maintenance interrupt. GICH is two pages, as in a
 * GIC-400 and in the binding's example: the PE's own one, and that of every PE behind it.
 *
 * Bindings: arm,gic, arm,armv8-timer, arm,pl011, arm,pl031, arm,pl061, gpio-keys, psci,
 * fixed-clock, memory, cpus, chosen.
 */
#include "sim/devicetree.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/model.h"
#include "gen/gicv2.h"
#include "gen/pl011.h"
#include "gen/pl031.h"
#include "gen/pl061.h"
#include "gen/dma.h"
#include "gen/virtio_mmio.h"
#include "gic/gic.h"
#include "sim/devices/pl061.h"

#define PHANDLE_GIC 1u
#define PHANDLE_CLOCK 2u
#define PHANDLE_GPIO 3u
#define UART_CLOCK_HZ 24000000u
#define KEY_POWER 116u /* of the Linux input bindings */

/* Interrupt specifiers of the arm,gic binding. */
#define GIC_SPI 0u
#define GIC_PPI 1u
#define GIC_FIRST_PPI 16u
#define GIC_FIRST_SPI 32u
#define LEVEL_HIGH 4u
#define INTID_CNTPS 29u /* listed first by the binding; nothing here drives it */

/* A tree under way: after the first error nothing more is done and the error stays. */
struct tree {
    void *fdt;
    int status;
};

/* A node by its path, made if it is not there (its parents too); negative after an error. */
static int tree_node(struct tree *t, const char *path)
{
    int node = 0;
    for (const char *name = path; t->status == 0 && *name != 0;) {
        size_t length = strcspn(name, "/");
        if (length > 0) {
            int child = fdt_subnode_offset_namelen(t->fdt, node, name, (int)length);
            if (child == -FDT_ERR_NOTFOUND)
                child = fdt_add_subnode_namelen(t->fdt, node, name, (int)length);
            if (child < 0)
                t->status = child;
            node = child;
        }
        name += length;
        name += *name == '/';
    }
    return node;
}

static void tree_bytes(struct tree *t, const char *path, const char *name, const void *bytes,
                       size_t size)
{
    int node = tree_node(t, path);
    if (t->status == 0)
        t->status = fdt_setprop(t->fdt, node, name, bytes, (int)size);
}

/* A list of strings: texts is one C string with a zero byte between its elements. */
static void tree_texts(struct tree *t, const char *path, const char *name, const char *texts,
                       size_t size)
{
    tree_bytes(t, path, name, texts, size);
}
#define TREE_TEXTS(t, path, name, texts) tree_texts(t, path, name, texts, sizeof(texts))

static void tree_text(struct tree *t, const char *path, const char *name, const char *text)
{
    tree_bytes(t, path, name, text, strlen(text) + 1);
}

static void tree_cells(struct tree *t, const char *path, const char *name, const uint32_t *cells,
                       size_t count)
{
    fdt32_t words[32];
    ensure(count <= ARRAY_COUNT(words));
    for (size_t i = 0; i < count; i++)
        words[i] = cpu_to_fdt32(cells[i]);
    tree_bytes(t, path, name, words, count * sizeof(words[0]));
}
#define TREE_CELLS(t, path, name, ...)                                           \
    tree_cells(t, path, name, (const uint32_t[]){__VA_ARGS__},                   \
               ARRAY_COUNT(((const uint32_t[]){__VA_ARGS__})))

/* A 64-bit number as two cells. */
#define HIGH_LOW(value) (uint32_t)((uint64_t)(value) >> 32), (uint32_t)(value)

/* A PPI with the CPUs that have it. */
#define PPI(config, intid) \
    GIC_PPI, (intid) - GIC_FIRST_PPI, \
        (uint32_t)(LEVEL_HIGH | bits_ones((config)->pe_count) << 8)

static void add_root(struct tree *t, const struct machine_config *config)
{
    TREE_CELLS(t, "/", "#address-cells", 2);
    TREE_CELLS(t, "/", "#size-cells", 2);
    TREE_CELLS(t, "/", "interrupt-parent", PHANDLE_GIC);
    tree_text(t, "/", "compatible", "linux,dummy-virt");
    tree_text(t, "/", "model", "armillary,virt");
    char path[64];
    snprintf(path, sizeof(path), "/memory@%llx", (unsigned long long)MAP_RAM);
    tree_text(t, path, "device_type", "memory");
    TREE_CELLS(t, path, "reg", HIGH_LOW(MAP_RAM), HIGH_LOW(config->ram_bytes));
}

static void add_cpus(struct tree *t, const struct machine_config *config,
                     const struct devicetree_boot *boot)
{
    TREE_CELLS(t, "/cpus", "#address-cells", 1);
    TREE_CELLS(t, "/cpus", "#size-cells", 0);
    for (uint32_t pe = config->pe_count; pe-- > 0;) { /* libfdt puts each new node first */
        char path[64];
        snprintf(path, sizeof(path), "/cpus/cpu@%x", pe);
        tree_text(t, path, "device_type", "cpu");
        tree_text(t, path, "compatible", "arm,armv8");
        TREE_CELLS(t, path, "reg", pe);
        if (boot->pen_size > 0) {
            tree_text(t, path, "enable-method", "spin-table");
            TREE_CELLS(t, path, "cpu-release-addr", HIGH_LOW(boot->pen_release + 8u * pe));
        } else {
            tree_text(t, path, "enable-method", "psci");
        }
    }
    if (boot->pen_size > 0 && t->status == 0)
        t->status = fdt_add_mem_rsv(t->fdt, boot->pen_start, boot->pen_size);
    TREE_TEXTS(t, "/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
    tree_text(t, "/psci", "method", config->entry_el == 1 ? "hvc" : "smc");
    TREE_CELLS(t, "/psci", "cpu_suspend", 0xc4000001);
    TREE_CELLS(t, "/psci", "cpu_off", 0x84000002);
    TREE_CELLS(t, "/psci", "cpu_on", 0xc4000003);
}

static void add_interrupts(struct tree *t, const struct machine_config *config)
{
    char path[64];
    snprintf(path, sizeof(path), "/interrupt-controller@%llx", (unsigned long long)MAP_GICD);
    TREE_CELLS(t, path, "phandle", PHANDLE_GIC);
    tree_text(t, path, "compatible", "arm,gic-400");
    tree_bytes(t, path, "interrupt-controller", NULL, 0);
    TREE_CELLS(t, path, "#interrupt-cells", 3);
    TREE_CELLS(t, path, "#address-cells", 2);
    TREE_CELLS(t, path, "#size-cells", 2);
    TREE_CELLS(t, path, "reg", HIGH_LOW(MAP_GICD), HIGH_LOW(GICD_SIZE), HIGH_LOW(MAP_GICC),
               HIGH_LOW(GICC_SIZE), HIGH_LOW(MAP_GICH),
               HIGH_LOW(MAP_GICH_ALL + GIC_FRAME_H_ALL_SIZE - MAP_GICH), HIGH_LOW(MAP_GICV),
               HIGH_LOW(GICV_SIZE));
    TREE_CELLS(t, path, "interrupts", PPI(config, INTID_MAINTENANCE));

    tree_text(t, "/timer", "compatible", "arm,armv8-timer");
    tree_bytes(t, "/timer", "always-on", NULL, 0);
    TREE_CELLS(t, "/timer", "interrupts", PPI(config, INTID_CNTPS), PPI(config, INTID_CNTP),
               PPI(config, INTID_CNTV), PPI(config, INTID_CNTHP));

    const struct cpu_model *model = model_find(config->model);
    if (model && (model->features & SYSREG_FEATURE_PMU)) {
        tree_text(t, "/pmu", "compatible", "arm,armv8-pmuv3");
        TREE_CELLS(t, "/pmu", "interrupts", PPI(config, INTID_PMU));
    }
}

static void add_uart(struct tree *t, char *path, size_t path_size)
{
    snprintf(path, path_size, "/pl011@%llx", (unsigned long long)MAP_UART);
    TREE_TEXTS(t, path, "compatible", "arm,pl011\0arm,primecell");
    TREE_CELLS(t, path, "reg", HIGH_LOW(MAP_UART), HIGH_LOW(UART_SIZE));
    TREE_CELLS(t, path, "interrupts", GIC_SPI, INTID_UART - GIC_FIRST_SPI, LEVEL_HIGH);
    TREE_CELLS(t, path, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
    TREE_TEXTS(t, path, "clock-names", "uartclk\0apb_pclk");

    tree_text(t, "/apb-pclk", "compatible", "fixed-clock");
    TREE_CELLS(t, "/apb-pclk", "#clock-cells", 0);
    TREE_CELLS(t, "/apb-pclk", "clock-frequency", UART_CLOCK_HZ);
    tree_text(t, "/apb-pclk", "clock-output-names", "clk24mhz");
    TREE_CELLS(t, "/apb-pclk", "phandle", PHANDLE_CLOCK);
}

/* A device of the peripheral bus with one interrupt and the bus clock; path gets its name. */
static void add_peripheral(struct tree *t, const char *name, uint64_t base, uint64_t size,
                           unsigned intid, char path[64])
{
    snprintf(path, 64, "/%s@%llx", name, (unsigned long long)base);
    TREE_CELLS(t, path, "reg", HIGH_LOW(base), HIGH_LOW(size));
    TREE_CELLS(t, path, "interrupts", GIC_SPI, intid - GIC_FIRST_SPI, LEVEL_HIGH);
    TREE_CELLS(t, path, "clocks", PHANDLE_CLOCK);
    tree_text(t, path, "clock-names", "apb_pclk");
}

static void add_clock_and_button(struct tree *t)
{
    char path[64];
    add_peripheral(t, "pl031", MAP_RTC, RTC_SIZE, INTID_RTC, path);
    TREE_TEXTS(t, path, "compatible", "arm,pl031\0arm,primecell");

    add_peripheral(t, "pl061", MAP_GPIO, GPIO_SIZE, INTID_GPIO, path);
    TREE_TEXTS(t, path, "compatible", "arm,pl061\0arm,primecell");
    TREE_CELLS(t, path, "#gpio-cells", 2);
    tree_bytes(t, path, "gpio-controller", NULL, 0);
    TREE_CELLS(t, path, "#interrupt-cells", 2);
    tree_bytes(t, path, "interrupt-controller", NULL, 0);
    TREE_CELLS(t, path, "phandle", PHANDLE_GPIO);

    tree_text(t, "/gpio-keys", "compatible", "gpio-keys");
    tree_text(t, "/gpio-keys/poweroff", "label", "GPIO Key Poweroff");
    TREE_CELLS(t, "/gpio-keys/poweroff", "linux,code", KEY_POWER);
    TREE_CELLS(t, "/gpio-keys/poweroff", "gpios", PHANDLE_GPIO, PL061_POWER_BUTTON, 0);
}

/* The virtio devices that there are; they reach memory as the CPUs do. */
static void add_virtio(struct tree *t, const struct machine_config *config)
{
    for (uint32_t n = config->virtio_count; n-- > 0;) {
        char path[64];
        uint64_t base = MAP_VIRTIO + n * (uint64_t)VIO_SIZE;
        snprintf(path, sizeof path, "/virtio_mmio@%llx", (unsigned long long)base);
        tree_text(t, path, "compatible", "virtio,mmio");
        TREE_CELLS(t, path, "reg", HIGH_LOW(base), HIGH_LOW(VIO_SIZE));
        TREE_CELLS(t, path, "interrupts", GIC_SPI, INTID_VIRTIO + n - GIC_FIRST_SPI, LEVEL_HIGH);
        tree_bytes(t, path, "dma-coherent", NULL, 0);
    }
}

static void add_bus_master(struct tree *t)
{
    char path[64];
    snprintf(path, sizeof path, "/dma@%llx", (unsigned long long)MAP_DMA);
    tree_text(t, path, "compatible", "armillary,dma");
    TREE_CELLS(t, path, "reg", HIGH_LOW(MAP_DMA), HIGH_LOW(DMA_SIZE));
    TREE_CELLS(t, path, "interrupts", GIC_SPI, INTID_DMA - GIC_FIRST_SPI, LEVEL_HIGH);
}

static void add_chosen(struct tree *t, const struct machine_config *config,
                       const struct devicetree_boot *boot)
{
    if (config->bootargs[0] != 0)
        tree_text(t, "/chosen", "bootargs", config->bootargs);
    if (boot->initrd_size > 0) {
        TREE_CELLS(t, "/chosen", "linux,initrd-start", HIGH_LOW(boot->initrd_start));
        TREE_CELLS(t, "/chosen", "linux,initrd-end",
                   HIGH_LOW(boot->initrd_start + boot->initrd_size));
    }
}

/* The user's own properties; an error names the one that cannot be set. */
static bool add_properties(struct tree *t, const struct machine_config *config,
                           struct error *error)
{
    for (uint32_t i = 0; i < config->property_count; i++) {
        const struct config_property *p = &config->property[i];
        if (p->node[0] != '/' || p->name[0] == 0)
            return error_set(error, "property %s:%s: not of the form /NODE:NAME=VALUE", p->node,
                             p->name);
        if (p->is_text)
            tree_text(t, p->node, p->name, p->text);
        else
            TREE_CELLS(t, p->node, p->name, p->number);
        if (t->status != 0)
            return error_set(error, "property %s:%s: %s", p->node, p->name,
                             fdt_strerror(t->status));
    }
    return true;
}

static bool tree_fill(struct tree *t, const struct machine_config *config,
                      const struct devicetree_boot *boot, struct error *error)
{
    char console[64];
    t->status = fdt_create_empty_tree(t->fdt, DEVICETREE_BYTES_MAX);
    add_root(t, config);
    add_cpus(t, config, boot);
    add_interrupts(t, config);
    add_uart(t, console, sizeof(console));
    add_clock_and_button(t);
    add_virtio(t, config);
    add_bus_master(t);
    tree_text(t, "/chosen", "stdout-path", console);
    add_chosen(t, config, boot);
    if (t->status == 0 && !add_properties(t, config, error))
        return false;
    if (t->status == 0)
        t->status = fdt_pack(t->fdt);
    return t->status == 0 || error_set(error, "device tree: %s", fdt_strerror(t->status));
}

bool devicetree_make(const struct machine_config *config, const struct devicetree_boot *boot,
                     uint8_t **bytes, size_t *size, struct error *error)
{
    struct tree t = {.fdt = calloc(1, DEVICETREE_BYTES_MAX)};
    if (t.fdt == NULL)
        bug("out of memory");
    if (!tree_fill(&t, config, boot, error)) {
        free(t.fdt);
        return false;
    }
    *bytes = t.fdt;
    *size = fdt_totalsize(t.fdt);
    return true;
}

/* --- a tree that was given ---------------------------------------------------------------- */

static bool is_memory(const void *fdt, int node)
{
    int length;
    const char *type = fdt_getprop(fdt, node, "device_type", &length);
    return type != NULL && length == (int)sizeof "memory" && memcmp(type, "memory", 7) == 0;
}

/* What it says of memory goes; what the machine has comes, in as many cells as the root wants. */
static void fit_memory(struct tree *t, const struct machine_config *config)
{
    int node = t->status == 0 ? fdt_first_subnode(t->fdt, 0) : -1;
    while (node >= 0 && t->status == 0) {
        if (is_memory(t->fdt, node)) {
            t->status = fdt_del_node(t->fdt, node);
            node = fdt_first_subnode(t->fdt, 0); /* offsets have moved */
        } else {
            node = fdt_next_subnode(t->fdt, node);
        }
    }
    if (t->status != 0)
        return;
    int address_cells = fdt_address_cells(t->fdt, 0), size_cells = fdt_size_cells(t->fdt, 0);
    if (address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2 ||
        (size_cells == 1 && config->ram_bytes > UINT32_MAX)) {
        t->status = -FDT_ERR_BADNCELLS;
        return;
    }
    uint32_t all[4] = {HIGH_LOW(MAP_RAM), HIGH_LOW(config->ram_bytes)}, cells[4];
    size_t count = 0;
    for (int i = 2 - address_cells; i < 2; i++)
        cells[count++] = all[i];
    for (int i = 4 - size_cells; i < 4; i++)
        cells[count++] = all[i];
    char path[64];
    snprintf(path, sizeof(path), "/memory@%llx", (unsigned long long)MAP_RAM);
    tree_text(t, path, "device_type", "memory");
    tree_cells(t, path, "reg", cells, count);
}

/* An initrd that somebody else's boot loader had put somewhere. */
static void forget_initrd(struct tree *t)
{
    static const char *const names[] = {"linux,initrd-start", "linux,initrd-end"};
    int chosen = t->status == 0 ? fdt_path_offset(t->fdt, "/chosen") : -1;
    for (size_t i = 0; chosen >= 0 && i < ARRAY_COUNT(names); i++) {
        int status = fdt_delprop(t->fdt, chosen, names[i]);
        if (status != 0 && status != -FDT_ERR_NOTFOUND)
            t->status = status;
    }
}

/* What libfdt's numbers mean to who has the file. */
static const char *tree_reason(int status)
{
    switch (-status) {
    case FDT_ERR_BADMAGIC:
        return "it does not begin like one";
    case FDT_ERR_BADVERSION:
        return "it is of a version that nobody reads any more";
    case FDT_ERR_TRUNCATED:
        return "it ends too early";
    case FDT_ERR_NOSPACE:
        return "there is no room for what the machine adds";
    case FDT_ERR_BADSTATE:
    case FDT_ERR_BADSTRUCTURE:
    case FDT_ERR_BADLAYOUT:
    case FDT_ERR_BADPATH:
    case FDT_ERR_BADOFFSET:
    case FDT_ERR_BADVALUE:
    case FDT_ERR_BADNCELLS:
    case FDT_ERR_BADPHANDLE:
        return "it is damaged";
    default:
        return fdt_strerror(status);
    }
}

static bool tree_check(const struct devicetree_given *given, struct error *error)
{
    if (given->size < FDT_V1_SIZE)
        return error_set(error, "%s: too short for a device tree", given->name);
    if (given->size > DEVICETREE_GIVEN_BYTES_MAX)
        return error_set(error, "%s: a device tree of more than %u bytes", given->name,
                         DEVICETREE_GIVEN_BYTES_MAX);
    int status = 0; /* libfdt's full check is not safe for trees of old versions */
    if (fdt_magic(given->bytes) != FDT_MAGIC)
        status = -FDT_ERR_BADMAGIC;
    else if (fdt_version(given->bytes) < FDT_LAST_SUPPORTED_VERSION)
        status = -FDT_ERR_BADVERSION;
    if (status == 0)
        status = fdt_check_full(given->bytes, given->size);
    return status == 0 || error_set(error, "%s: no device tree: %s", given->name,
                                    tree_reason(status));
}

bool devicetree_fit(const struct machine_config *config, const struct devicetree_boot *boot,
                    const struct devicetree_given *given, uint8_t **bytes, size_t *size,
                    struct error *error)
{
    if (!tree_check(given, error))
        return false;
    size_t room = given->size + DEVICETREE_BYTES_MAX;
    struct tree t = {.fdt = calloc(1, room)};
    if (t.fdt == NULL)
        bug("out of memory");
    t.status = fdt_open_into(given->bytes, t.fdt, (int)room);
    fit_memory(&t, config);
    forget_initrd(&t);
    add_chosen(&t, config, boot);
    bool good = t.status != 0 || add_properties(&t, config, error);
    if (good && t.status == 0)
        t.status = fdt_pack(t.fdt);
    if (good && t.status != 0)
        good = error_set(error, "%s: device tree: %s", given->name, tree_reason(t.status));
    if (!good) {
        free(t.fdt);
        return false;
    }
    *bytes = t.fdt;
    *size = fdt_totalsize(t.fdt);
    return true;
}
