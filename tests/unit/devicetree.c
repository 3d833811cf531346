/*
 * The device tree, read back with libfdt: what it says is what the configuration says.
 */
#include <criterion/criterion.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gic/gic.h"
#include "sim/devicetree.h"

static uint8_t *tree;
static size_t tree_size;

/* Not by config_default, so that every number here is the test's own. */
static struct machine_config configuration(void)
{
    struct machine_config config;
    memset(&config, 0, sizeof(config));
    config.ram_bytes = UINT64_C(0x180000000);
    config.pe_count = 3;
    config.entry_el = 2;
    return config;
}

static void make(const struct machine_config *config, uint64_t initrd, uint64_t initrd_size)
{
    struct devicetree_boot boot = {.initrd_start = initrd, .initrd_size = initrd_size};
    struct error error = {{0}};
    free(tree);
    cr_assert(devicetree_make(config, &boot, &tree, &tree_size, &error), "%s", error.text);
    cr_assert_eq(fdt_check_full(tree, tree_size), 0);
}

static const void *property(const char *path, const char *name, int *length)
{
    int node = fdt_path_offset(tree, path);
    cr_assert_geq(node, 0, "%s is not there", path);
    return fdt_getprop(tree, node, name, length);
}

static void is_text(const char *path, const char *name, const char *text)
{
    int length;
    const char *found = property(path, name, &length);
    cr_assert_not_null(found, "%s:%s is not there", path, name);
    cr_assert_eq((size_t)length, strlen(text) + 1);
    cr_assert_str_eq(found, text);
}

static void are_cells(const char *path, const char *name, const uint32_t *cells, size_t count)
{
    int length;
    const fdt32_t *found = property(path, name, &length);
    cr_assert_not_null(found, "%s:%s is not there", path, name);
    cr_assert_eq((size_t)length, count * 4, "%s:%s", path, name);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(fdt32_to_cpu(found[i]), cells[i], "%s:%s[%zu]", path, name, i);
}
#define ARE_CELLS(path, name, ...)                            \
    are_cells(path, name, (const uint32_t[]){__VA_ARGS__},    \
              ARRAY_COUNT(((const uint32_t[]){__VA_ARGS__})))

static void is_compatible(const char *path, const char *with)
{
    cr_assert_eq(fdt_node_check_compatible(tree, fdt_path_offset(tree, path), with), 0, "%s", path);
}

static bool is_there(const char *path, const char *name)
{
    return property(path, name, NULL) != NULL;
}

Test(devicetree, memory_and_cpus)
{
    struct machine_config config = configuration();
    make(&config, 0, 0);
    ARE_CELLS("/memory@40000000", "reg", 0, 0x40000000, 1, 0x80000000);
    is_text("/memory@40000000", "device_type", "memory");
    int cpus = fdt_path_offset(tree, "/cpus"), node, count = 0;
    fdt_for_each_subnode(node, tree, cpus) {
        const fdt32_t *reg = fdt_getprop(tree, node, "reg", NULL);
        cr_assert_eq(fdt32_to_cpu(*reg), (uint32_t)count, "in order");
        cr_assert_str_eq(fdt_getprop(tree, node, "enable-method", NULL), "psci");
        cr_assert_str_eq(fdt_getprop(tree, node, "device_type", NULL), "cpu");
        count++;
    }
    cr_assert_eq(count, 3);
    ARE_CELLS("/cpus", "#address-cells", 1);
    ARE_CELLS("/cpus", "#size-cells", 0);
    free(tree);
}

Test(devicetree, psci_conduit_follows_the_entry_level)
{
    struct machine_config config = configuration();
    make(&config, 0, 0);
    is_text("/psci", "method", "smc");
    is_compatible("/psci", "arm,psci-1.0");
    is_compatible("/psci", "arm,psci-0.2");
    config.entry_el = 1;
    make(&config, 0, 0);
    is_text("/psci", "method", "hvc");
    free(tree);
}

Test(devicetree, interrupt_controller_and_timer)
{
    struct machine_config config = configuration();
    make(&config, 0, 0);
    const char *gic = "/interrupt-controller@8000000";
    ARE_CELLS(gic, "reg", 0, 0x08000000, 0, 0x1000, 0, 0x08010000, 0, 0x2000, 0, 0x08030000, 0,
              0x2000, 0, 0x08040000, 0, 0x2000);
    cr_assert_eq(MAP_GICH_ALL - MAP_GICH, 0x1000, "a GIC-400's second page of GICH");
    cr_assert_eq(GIC_FRAME_H_ALL_SIZE, 0x1000);
    ARE_CELLS(gic, "interrupts", 1, 25 - 16, 0x704);
    ARE_CELLS(gic, "#interrupt-cells", 3);
    cr_assert(is_there(gic, "interrupt-controller"));
    is_compatible(gic, "arm,gic-400");
    int phandle = fdt_node_offset_by_phandle(tree, 1);
    cr_assert_eq(phandle, fdt_path_offset(tree, gic));
    ARE_CELLS("/", "interrupt-parent", 1);
    ARE_CELLS("/timer", "interrupts", 1, 13, 0x704, 1, 14, 0x704, 1, 11, 0x704, 1, 10, 0x704);
    is_text("/timer", "compatible", "arm,armv8-timer");
    config.pe_count = 8;
    make(&config, 0, 0);
    ARE_CELLS(gic, "interrupts", 1, 9, 0xff04);
    free(tree);
}

Test(devicetree, uart_with_its_clock)
{
    struct machine_config config = configuration();
    make(&config, 0, 0);
    const char *uart = "/pl011@9000000";
    ARE_CELLS(uart, "reg", 0, 0x09000000, 0, 0x1000);
    ARE_CELLS(uart, "interrupts", 0, 1, 4);
    is_compatible(uart, "arm,pl011");
    is_compatible(uart, "arm,primecell");
    ARE_CELLS(uart, "clocks", 2, 2);
    int node = fdt_path_offset(tree, uart);
    cr_assert_eq(fdt_stringlist_count(tree, node, "clock-names"), 2);
    cr_assert_eq(fdt_stringlist_search(tree, node, "clock-names", "uartclk"), 0);
    int clock = fdt_node_offset_by_phandle(tree, 2);
    cr_assert_eq(clock, fdt_path_offset(tree, "/apb-pclk"));
    is_text("/chosen", "stdout-path", uart);
    free(tree);
}

Test(devicetree, clock_and_power_button)
{
    struct machine_config config = configuration();
    make(&config, 0, 0);
    ARE_CELLS("/pl031@9010000", "reg", 0, 0x09010000, 0, 0x1000);
    ARE_CELLS("/pl031@9010000", "interrupts", 0, 2, 4);
    is_compatible("/pl031@9010000", "arm,pl031");
    is_compatible("/pl031@9010000", "arm,primecell");
    ARE_CELLS("/pl061@9030000", "reg", 0, 0x09030000, 0, 0x1000);
    ARE_CELLS("/pl061@9030000", "interrupts", 0, 7, 4);
    is_compatible("/pl061@9030000", "arm,pl061");
    cr_assert(is_there("/pl061@9030000", "gpio-controller"));
    is_compatible("/gpio-keys", "gpio-keys");
    ARE_CELLS("/gpio-keys/poweroff", "linux,code", 116);
    ARE_CELLS("/gpio-keys/poweroff", "gpios", 3, 3, 0);
    cr_assert_eq(fdt_node_offset_by_phandle(tree, 3), fdt_path_offset(tree, "/pl061@9030000"));
    free(tree);
}

Test(devicetree, chosen)
{
    struct machine_config config = configuration();
    make(&config, 0, 0);
    cr_assert(!is_there("/chosen", "bootargs"));
    cr_assert(!is_there("/chosen", "linux,initrd-start"));
    strcpy(config.bootargs, "console=ttyAMA0 quiet");
    make(&config, UINT64_C(0x148000000), 0x1234);
    is_text("/chosen", "bootargs", "console=ttyAMA0 quiet");
    ARE_CELLS("/chosen", "linux,initrd-start", 1, 0x48000000);
    ARE_CELLS("/chosen", "linux,initrd-end", 1, 0x48001234);
    free(tree);
}

Test(devicetree, extra_properties)
{
    struct machine_config config = configuration();
    config.property_count = 4;
    config.property[0] = (struct config_property){"/hypervisor", "armillary,vmid-bits", "", 3, 0};
    config.property[1] = (struct config_property){"/hypervisor", "note", "two words", 0, 1};
    config.property[2] = (struct config_property){"/a/b@1/c", "deep", "", 0xfffffffe, 0};
    config.property[3] = (struct config_property){"/cpus/cpu@1", "enable-method", "spin", 0, 1};
    make(&config, 0, 0);
    ARE_CELLS("/hypervisor", "armillary,vmid-bits", 3);
    is_text("/hypervisor", "note", "two words");
    ARE_CELLS("/a/b@1/c", "deep", 0xfffffffe);
    is_text("/cpus/cpu@1", "enable-method", "spin");
    is_text("/cpus/cpu@0", "enable-method", "psci");
    free(tree);
}

Test(devicetree, property_that_has_no_node_or_name_is_refused)
{
    static const struct config_property wrong[] = {{"hypervisor", "x", "", 1, 0},
                                                   {"/hypervisor", "", "", 1, 0},
                                                   {"", "x", "", 1, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct machine_config config = configuration();
        struct devicetree_boot boot = {.initrd_size = 0};
        struct error error = {{0}};
        config.property_count = 1;
        config.property[0] = wrong[i];
        cr_assert(!devicetree_make(&config, &boot, &tree, &tree_size, &error));
        cr_assert_not_null(strstr(error.text, "/NODE:NAME=VALUE"), "%s", error.text);
    }
}

Test(devicetree, spin_table)
{
    struct machine_config config = configuration();
    struct devicetree_boot boot = {
        .pen_start = 0x48000000, .pen_size = 0x1000, .pen_release = 0x48000040};
    struct error error = {{0}};
    cr_assert(devicetree_make(&config, &boot, &tree, &tree_size, &error), "%s", error.text);
    for (unsigned pe = 0; pe < config.pe_count; pe++) {
        char path[32];
        snprintf(path, sizeof path, "/cpus/cpu@%u", pe);
        is_text(path, "enable-method", "spin-table");
        ARE_CELLS(path, "cpu-release-addr", 0, 0x48000040 + 8 * pe);
    }
    uint64_t address, size;
    cr_assert_eq(fdt_num_mem_rsv(tree), 1);
    cr_assert_eq(fdt_get_mem_rsv(tree, 0, &address, &size), 0);
    cr_assert_eq(address, 0x48000000u);
    cr_assert_eq(size, 0x1000u);
    free(tree);
}

/* --- a tree that is given ------------------------------------------------------------------ */

static uint8_t given_bytes[4096];

/* A tree with these cells for addresses and sizes, memory in two nodes, and an old initrd. */
static struct devicetree_given given_tree(uint32_t address_cells, uint32_t size_cells)
{
    cr_assert_eq(fdt_create_empty_tree(given_bytes, sizeof given_bytes), 0);
    cr_assert_eq(fdt_setprop_u32(given_bytes, 0, "#address-cells", address_cells), 0);
    cr_assert_eq(fdt_setprop_u32(given_bytes, 0, "#size-cells", size_cells), 0);
    cr_assert_eq(fdt_setprop_string(given_bytes, 0, "model", "given"), 0);
    static const char *const memories[] = {"memory@0", "memory@80000000"};
    for (size_t i = 0; i < ARRAY_COUNT(memories); i++) {
        int node = fdt_add_subnode(given_bytes, 0, memories[i]);
        cr_assert_geq(node, 0);
        cr_assert_eq(fdt_setprop_string(given_bytes, node, "device_type", "memory"), 0);
    }
    int chosen = fdt_add_subnode(given_bytes, 0, "chosen");
    cr_assert_eq(fdt_setprop_u32(given_bytes, chosen, "linux,initrd-start", 1), 0);
    cr_assert_eq(fdt_setprop_u32(given_bytes, chosen, "linux,initrd-end", 2), 0);
    cr_assert_eq(fdt_setprop_string(given_bytes, chosen, "bootargs", "theirs"), 0);
    cr_assert_eq(fdt_pack(given_bytes), 0);
    return (struct devicetree_given){"given.dtb", given_bytes, fdt_totalsize(given_bytes)};
}

static bool fit(const struct machine_config *config, const struct devicetree_given *given,
                uint64_t initrd_size, struct error *error)
{
    struct devicetree_boot boot = {.initrd_start = UINT64_C(0x148000000),
                                   .initrd_size = initrd_size};
    return devicetree_fit(config, &boot, given, &tree, &tree_size, error);
}

Test(devicetree, given_tree_gets_memory_arguments_and_initrd)
{
    struct machine_config config = configuration();
    struct devicetree_given given = given_tree(2, 2);
    struct error error = {{0}};
    cr_assert(fit(&config, &given, 0x1234, &error), "%s", error.text);
    cr_assert_eq(fdt_check_full(tree, tree_size), 0);
    is_text("/", "model", "given");
    ARE_CELLS("/memory@40000000", "reg", 0, 0x40000000, 1, 0x80000000);
    cr_assert_lt(fdt_path_offset(tree, "/memory@0"), 0);
    cr_assert_lt(fdt_path_offset(tree, "/memory@80000000"), 0);
    is_text("/chosen", "bootargs", "theirs");
    ARE_CELLS("/chosen", "linux,initrd-start", 1, 0x48000000);
    ARE_CELLS("/chosen", "linux,initrd-end", 1, 0x48001234);
    cr_assert_lt(fdt_path_offset(tree, "/psci"), 0, "the rest is as given");
    free(tree);

    strcpy(config.bootargs, "ours");
    config.property_count = 1;
    config.property[0] = (struct config_property){"/chosen", "more", "", 3, 0};
    cr_assert(fit(&config, &given, 0, &error), "%s", error.text);
    is_text("/chosen", "bootargs", "ours");
    ARE_CELLS("/chosen", "more", 3);
    cr_assert(!is_there("/chosen", "linux,initrd-start"));
    cr_assert(!is_there("/chosen", "linux,initrd-end"));
    free(tree);
}

Test(devicetree, given_tree_has_its_own_cells)
{
    struct machine_config config = configuration();
    struct error error = {{0}};
    struct devicetree_given given = given_tree(1, 1);
    cr_assert(!fit(&config, &given, 0, &error), "6 GiB do not fit into one cell");
    cr_assert_not_null(strstr(error.text, "given.dtb"));
    config.ram_bytes = 0x30000000;
    cr_assert(fit(&config, &given, 0, &error), "%s", error.text);
    ARE_CELLS("/memory@40000000", "reg", 0x40000000, 0x30000000);
    free(tree);
    given = given_tree(3, 2);
    cr_assert(!fit(&config, &given, 0, &error));
    cr_assert_not_null(strstr(error.text, "given.dtb"));
}

Test(devicetree, damaged_given_tree_is_refused)
{
    struct machine_config config = configuration();
    struct error error = {{0}};
    struct devicetree_given good = given_tree(2, 2), bad = good;
    for (size_t size = 0; size < good.size; size += 4) {
        bad.size = size;
        cr_assert(!fit(&config, &bad, 0, &error), "%zu of %zu bytes", size, good.size);
        cr_assert_eq(strncmp(error.text, "given.dtb: ", 11), 0, "%s", error.text);
        cr_assert_null(strchr(error.text, '\n'));
    }
    given_bytes[0] ^= 1;
    cr_assert(!fit(&config, &good, 0, &error), "the magic");
}

Test(devicetree, same_configuration_same_bytes)
{
    struct machine_config config = configuration();
    make(&config, 0x48000000, 4096);
    uint8_t *first = tree;
    size_t first_size = tree_size;
    tree = NULL;
    make(&config, 0x48000000, 4096);
    cr_assert_eq(tree_size, first_size);
    cr_assert_arr_eq(tree, first, first_size);
    free(first);
    free(tree);
}
