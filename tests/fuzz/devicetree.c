/*
 * Any bytes as the device tree that is given to a machine: an error with one line, or a good tree
 * with the machine's memory in it.
 */
#include "sim/devicetree.h"
#include "tests/fuzz/target.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

static uint8_t seed[4096];

/* A whole machine's tree, and one of somebody else with other cells and memory in two parts. */
const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    struct machine_config config;
    struct devicetree_boot boot = {.initrd_start = 0x48000000, .initrd_size = 0x1000};
    struct error error;
    config_default(&config);
    if (index == 0) {
        uint8_t *bytes;
        ensure(devicetree_make(&config, &boot, &bytes, size, &error) && *size <= sizeof seed);
        memcpy(seed, bytes, *size);
        free(bytes);
        return seed;
    }
    if (index > 1)
        return NULL;
    ensure(fdt_create_empty_tree(seed, sizeof seed) == 0);
    fdt_setprop_u32(seed, 0, "#address-cells", 1);
    fdt_setprop_u32(seed, 0, "#size-cells", 1);
    fdt_setprop_string(seed, fdt_add_subnode(seed, 0, "memory@1"), "device_type", "memory");
    fdt_setprop_string(seed, fdt_add_subnode(seed, 0, "memory"), "device_type", "memory");
    fdt_setprop_u32(seed, fdt_add_subnode(seed, 0, "chosen"), "linux,initrd-start", 1);
    fdt_pack(seed);
    *size = fdt_totalsize(seed);
    return seed;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct devicetree_given given = {"fuzz", bytes, size};
    struct devicetree_boot boot = {.initrd_start = UINT64_C(0x148000000), .initrd_size = 77};
    struct machine_config config;
    struct error error = {""};
    uint8_t *tree;
    size_t tree_size;
    config_default(&config);
    memcpy(config.bootargs, "quiet", 6);
    config.property_count = 1;
    if (!config_set_property(&config.property[0], "/a/b", "c", "3", &error))
        abort();
    if (!devicetree_fit(&config, &boot, &given, &tree, &tree_size, &error)) {
        ensure(strncmp(error.text, "fuzz: ", 6) == 0 || strncmp(error.text, "property ", 9) == 0);
        ensure(strchr(error.text, '\n') == NULL);
        return 0;
    }
    ensure(fdt_check_full(tree, tree_size) == 0);
    int length, node = fdt_path_offset(tree, "/memory@40000000");
    ensure(node >= 0 && fdt_getprop(tree, node, "reg", &length) != NULL && length >= 8);
    node = fdt_path_offset(tree, "/chosen");
    ensure(node >= 0 && strcmp(fdt_getprop(tree, node, "bootargs", NULL), "quiet") == 0);
    free(tree);
    return 0;
}
