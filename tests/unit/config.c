/*
 * Configuration: numbers and properties are read strictly, ranges are checked.
 */
#include "sim/config.h"

#include <criterion/criterion.h>
#include <string.h>

Test(config, sizes_are_read_strictly)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0},          {"4096", 4096},
                {"0x1000", 4096},  {"64M", UINT64_C(64) << 20},
                {"1G", 1u << 30},  {"2K", 2048}, {"3k", 3072}, {"5m", 5u << 20}, {"1g", 1u << 30},
                {"1T", UINT64_C(1) << 40}, {"2t", UINT64_C(2) << 40},
                {"18446744073709551615", UINT64_MAX}, {"0xFFFFFFFFFFFFFFFF", UINT64_MAX}};
    static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "1mm", "1MM", "M", "0x", "0xg",
                                      "1e3", "18446744073709551616", "0x10000000000000000",
                                      "17179869184G", "16777216T", "1P",
                                      "1.5", "64M ", "\t3"};
    uint64_t value;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        cr_expect(config_parse_size(good[i].text, &value), "%s", good[i].text);
        cr_expect_eq(value, good[i].value, "%s", good[i].text);
    }
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        cr_expect_not(config_parse_size(bad[i], &value), "%s", bad[i]);
    cr_expect_not(config_parse_number("1K", &value));
}

Test(config, defaults_are_valid_and_ranges_are_checked)
{
    struct machine_config c;
    struct error error;
    config_default(&c);
    cr_assert(config_check(&c, &error), "%s", error.text);
    cr_expect_eq(c.pe_count, 2);
    cr_expect_eq(c.entry_el, 2);

#define REFUSED(member, value, option)                              \
    do {                                                            \
        struct machine_config other = c;                            \
        other.member = value;                                       \
        cr_expect_not(config_check(&other, &error), "%s", #member); \
        cr_expect(strstr(error.text, option), "%s", error.text);    \
    } while (0)
    REFUSED(pe_count, 0, "--cpus");
    REFUSED(pe_count, 9, "--cpus");
    REFUSED(ram_bytes, 0, "--ram");
    REFUSED(ram_bytes, 4096, "--ram");
    REFUSED(ram_bytes, UINT64_C(1) << 60, "--ram");
    REFUSED(entry_el, 0, "--entry");
    REFUSED(entry_el, 3, "--entry");
    REFUSED(quantum, 0, "--quantum");
    REFUSED(vmid_bits, 9, "--vmid-bits");
    REFUSED(asid_bits, 12, "--asid-bits");
    REFUSED(list_registers, 65, "--list-registers");
    REFUSED(tlb_entries, 0, "--tlb-entries");
    REFUSED(caches, 2, "--caches");
    REFUSED(cache_sets, 3, "--cache-sets");
    REFUSED(cache_sets, 8192, "--cache-sets");
    REFUSED(counter_hz, 999999, "--counter-hz");
    REFUSED(counter_hz, 62500001, "--counter-hz");
    REFUSED(counter_hz, 500000, "--counter-hz");
    REFUSED(model[0], 0, "--cpu");
    REFUSED(irqs, 100, "--irqs");
    REFUSED(irqs, 32, "--irqs");
    REFUSED(property_count, PROPERTY_MAX + 1, "--prop");
}

Test(config, properties_are_numbers_or_texts)
{
    struct config_property p;
    struct error error;
    cr_assert(config_parse_property("/hypervisor:armillary,vmid-bits=0x2", &p, &error));
    cr_expect_str_eq(p.node, "/hypervisor");
    cr_expect_str_eq(p.name, "armillary,vmid-bits");
    cr_expect_not(p.is_text);
    cr_expect_eq(p.number, 2);
    cr_assert(config_parse_property("/chosen:stdout-path=/pl011@9000000:115200", &p, &error));
    cr_expect(p.is_text);
    cr_expect_str_eq(p.text, "/pl011@9000000:115200");

    static const char *const bad[] = {"", "/a", "/a:b", "a:b=c", ":b=c", "/a:=c",
                                      "/a:b=4294967296"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        cr_expect_not(config_parse_property(bad[i], &p, &error), "%s", bad[i]);
    char text[300] = "/a:b=";
    memset(text + 5, 'x', PROPERTY_TEXT_MAX);
    cr_expect_not(config_parse_property(text, &p, &error));
}
