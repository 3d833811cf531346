/*
 * Any bytes as a scenario file: an error with a line, or a scenario whose machine is valid.
 */
#include "sim/scenario.h"
#include "tests/fuzz/target.h"

#include <string.h>

static const char *const seeds[] = {
    "title: t\nmachine: {cpus: 2, ram: 64M, timing: flat}\nproperties:\n"
    "  - {node: /hypervisor, name: \"armillary,vmid-bits\", value: 2}\n"
    "choices: [next-cpu]\ncheckers: [vmid, owner]\none-root-one-vmid: yes\n"
    "start: {symbol: vmid_update, cpu: 1, hit: 3}\n"
    "explore: {strategy: pct, schedules: 5000, depth: 2,\n"
    "  window: 0x1000, length: 9999, max-steps: 1000000}\nvariants:\n  a:\n    payload: a.elf\n"
    "    expect: [vmid/two-vmids]\n  b: {payload: b.elf, expect: clean}\n",
    "%YAML 1.2\n---\n# c\n- &a [x, {y: 'z'}, \"w\\n\"]\n- *a\n- !!str |\n   text\n"
    "   more\n- >-\n   folded\n...\n",
};

const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    if (index >= sizeof seeds / sizeof seeds[0])
        return NULL;
    *size = strlen(seeds[index]);
    return (const uint8_t *)seeds[index];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct scenario s;
    struct error error = {""};
    if (scenario_parse(&s, "f.yaml", "n", (const char *)bytes, size, &error)) {
        ensure(config_check(&s.setup.config, &error));
        ensure(s.variant_count > 0 && s.setup.max_steps > 0 && s.title[0] != 0);
    } else {
        ensure(strncmp(error.text, "f.yaml:", 7) == 0 && strchr(error.text, '\n') == NULL);
    }
    return 0;
}
