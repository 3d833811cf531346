/*
 * Scenario files: what a good one means, and that each kind of broken one is refused with the
 * line and the key.
 */
#include "cpu/errata.h"
#include "sim/scenario.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char good[] =
    "# a comment\n"
    "title: Two numbers for one VM\n"
    "machine:\n"
    "  cpus: 4\n"
    "  ram: 128M\n"
    "  timing: flat\n"
    "properties:\n"
    "  - {node: /hypervisor, name: \"armillary,vmid-bits\", value: 2}\n"
    "choices: [next-cpu, tlbi-deliver]\n"
    "checkers: [vmid, owner]\n"
    "one-root-one-vmid: yes\n"
    "start: {symbol: vmid_update, cpu: 1, hit: 3}\n"
    "explore:\n"
    "  strategy: pct\n"
    "  schedules: 5000\n"
    "  depth: 3\n"
    "  window: 0x1000\n"
    "  max-steps: 1000000\n"
    "exhaustive:\n"
    "  - {window: 900, length: 2500}\n"
    "  - {start: {symbol: vmid_update, hit: 9}, window: 700}\n"
    "variants:\n"
    "  buggy:\n"
    "    payload: hyp-a.elf\n"
    "    expect: [vmid/two-vmids, owner/foreign-page]\n"
    "    start: {symbol: vmid_rollover, hit: 7}\n"
    "  correct:\n"
    "    payload: hyp-b.elf\n"
    "    expect: clean\n";

static bool parse(struct scenario *s, const char *text, struct error *error)
{
    return scenario_parse(s, "x/scenario.yaml", "x", text, strlen(text), error);
}

Test(scenario, a_good_one_is_understood)
{
    struct scenario s;
    struct error error;
    cr_assert(parse(&s, good, &error), "%s", error.text);
    cr_expect_str_eq(s.title, "Two numbers for one VM");
    cr_expect_eq(s.setup.config.pe_count, 4);
    cr_expect_eq(s.setup.config.ram_bytes, UINT64_C(128) << 20);
    cr_expect_eq(s.setup.config.timing_flat, 1);
    cr_expect_eq(s.setup.config.quantum, 1);
    cr_expect_eq(s.setup.config.open_mask,
                 (1u << CHOICE_NEXT_CPU) | (1u << CHOICE_TLBI_DELIVER));
    cr_expect_eq(s.setup.config.property_count, 1);
    cr_expect_eq(s.setup.checks.mask, (1u << CHECK_VMID) | (1u << CHECK_OWNER));
    cr_expect_eq(s.setup.checks.one_root_one_id, 1);
    cr_expect_str_eq(s.setup.start.symbol, "vmid_update");
    cr_expect_eq(s.setup.start.pe, 1);
    cr_expect_eq(s.setup.start.hit, 3);
    cr_expect_eq(s.setup.end.symbol[0], 0);
    cr_expect_eq(s.strategy, STRATEGY_PCT);
    cr_expect_eq(s.schedules, 5000);
    cr_expect_eq(s.depth, 3);
    cr_expect_eq(s.setup.window, 4096);
    cr_assert_eq(s.variant_count, 2);
    const struct scenario_variant *v = scenario_find(&s, "buggy");
    cr_assert_not_null(v);
    cr_expect(scenario_expects(v, "vmid/two-vmids"));
    cr_expect(scenario_expects(v, "owner/foreign-page"));
    cr_expect_not(scenario_expects(v, "clean"));
    struct run_setup setup = scenario_setup(&s, v, STRATEGY_RANDOM, 0);
    cr_expect_str_eq(setup.start.symbol, "vmid_rollover");
    cr_expect_eq(setup.start.hit, 7);
    cr_expect_eq(setup.window, 4096);
    cr_expect_eq(scenario_places(&s, STRATEGY_RANDOM), 1);
    cr_assert_eq(scenario_places(&s, STRATEGY_SYSTEMATIC), 2);
    setup = scenario_setup(&s, v, STRATEGY_SYSTEMATIC, 0);
    cr_expect_eq(setup.start.hit, 7, "a place without a mark has the variant's");
    cr_expect_eq(setup.window, 900);
    cr_expect_eq(setup.length, 2500);
    setup = scenario_setup(&s, v, STRATEGY_SYSTEMATIC, 1);
    cr_expect_str_eq(setup.start.symbol, "vmid_update");
    cr_expect_eq(setup.start.hit, 9);
    cr_expect_eq(setup.window, 700);
    cr_expect_eq(setup.length, s.setup.length, "what a place does not say is the scenario's");
    v = scenario_find(&s, "correct");
    cr_assert_not_null(v);
    cr_expect_eq(scenario_setup(&s, v, STRATEGY_RANDOM, 0).start.hit, 3);
    cr_expect(scenario_expects(v, "clean"));
    cr_expect_not(scenario_expects(v, "vmid/two-vmids"));
    cr_expect_null(scenario_find(&s, "other"));
}

Test(scenario, outcomes_are_registers_and_symbols)
{
    struct scenario s;
    struct error error;
    char text[sizeof good + 64];
    snprintf(text, sizeof text, "outcome: [cpu3.x10, \"word\"]\n%s", good);
    cr_assert(parse(&s, text, &error), "%s", error.text);
    cr_expect_eq(s.evict_from, 0);
    cr_expect_eq(s.evict_to, UINT64_MAX);
    cr_assert_eq(s.outcome_count, 2);
    cr_expect_eq(s.outcome[0].word.pe, 3);
    cr_expect_eq(s.outcome[0].word.number, 10);
    cr_expect_eq(s.outcome[1].word.pe, -1);
    cr_expect_str_eq(s.outcome[1].symbol, "word");
}

/* The good one with one text replaced. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    cr_assert_not_null(at, "%s", from);
    char *text = calloc(1, sizeof good + strlen(to));
    cr_assert_not_null(text);
    memcpy(text, good, (size_t)(at - good));
    strcat(text, to);
    strcat(text, at + strlen(from));
    return text;
}

Test(scenario, the_tlb_and_errata_of_its_machine)
{
    struct scenario s;
    struct error error;
    char *text = changed("  timing: flat",
                         "  tlb: core\n  errata: [page-split-fault, speculative-at]");
    cr_assert(parse(&s, text, &error), "%s", error.text);
    cr_expect_eq(s.setup.config.tlb_core, 1);
    cr_expect_eq(s.setup.config.errata,
                 1u << ERRATUM_PAGE_SPLIT | 1u << ERRATUM_SPECULATIVE_AT);
    free(text);
}

Test(scenario, broken_ones_are_refused_with_line_and_key)
{
    static const struct {
        const char *from, *to, *says;
    } broken[] = {
        {"  cpus: 4", "  cpus: four", "x/scenario.yaml:4: cpus: "},
        {"  cpus: 4", "  cpus: 9", "x/scenario.yaml:4: cpus: 9 is not in 1..8"},
        {"  cpus: 4", "  cpus: -1", "x/scenario.yaml:4: cpus: "},
        {"  cpus: 4", "  cpus: 4.0", "x/scenario.yaml:4: cpus: "},
        {"  cpus: 4", "  cpus: [4]", "x/scenario.yaml:4: cpus: must be a text"},
        {"  cpus: 4", "  cups: 4", "x/scenario.yaml:4: cups: unknown key"},
        {"  cpus: 4", "  cpus: 4\n  cpus: 4", "x/scenario.yaml:5: cpus: is there twice"},
        {"  timing: flat", "  tlb: small", "x/scenario.yaml:6: tlb: "},
        {"  timing: flat", "  errata: [none]", "x/scenario.yaml:6: errata: none is no erratum"},
        {"  ram: 128M", "  ram: 128MB", "x/scenario.yaml:5: ram: "},
        {"  ram: 128M", "  ram: 1000", "x/scenario.yaml:5: ram: 1000 bytes"},
        {"title: Two numbers for one VM\n", "", "title: is missing"},
        {"title: Two", "nonsense: 1\ntitle: Two", "x/scenario.yaml:2: nonsense: unknown key"},
        {"name: \"armillary,vmid-bits\", ", "", "x/scenario.yaml:8: name: is missing"},
        {"value: 2}", "value: 2, more: 1}", "x/scenario.yaml:8: more: unknown key"},
        {"tlbi-deliver", "luck", "x/scenario.yaml:9: choices: luck"},
        {"[vmid, owner]", "[vmid, ghost]", "x/scenario.yaml:10: checkers: ghost"},
        {"[vmid, owner]", "vmid", "x/scenario.yaml:10: checkers: must be a list"},
        {"one-root-one-vmid: yes", "one-root-one-vmid: maybe", "x/scenario.yaml:11: one-root"},
        {"hit: 3", "hit: 0", "x/scenario.yaml:12: hit: "},
        {"cpu: 1,", "cpu: 8,", "x/scenario.yaml:12: cpu: "},
        {"strategy: pct", "strategy: luck", "x/scenario.yaml:14: strategy: luck"},
        {"strategy: pct", "strategy: luck",
         "random, pct, conflict, systematic, complete, portfolio"},
        {"title: Two", "outcome: 7\ntitle: Two", "x/scenario.yaml:2: outcome: must be a list"},
        {"title: Two", "evict: 7\ntitle: Two", "x/scenario.yaml:2: evict: must be a mapping"},
        {"title: Two", "evict: {from: x}\ntitle: Two", "x/scenario.yaml:2: from: x is no number"},
        {"title: Two", "outcome: [cpu4.x0]\ntitle: Two", "outcome: cpu4.x0: no such register"},
        {"title: Two", "outcome: [cpu0.x31]\ntitle: Two", "outcome: cpu0.x31: no such"},
        {"title: Two", "outcome: [a, b, c, d, e, f, g, h, i]\ntitle: Two", "more than 8 words"},
        {"depth: 3", "depth: 99", "x/scenario.yaml:16: depth: "},
        {"  max-steps: 1000000\n", "", "max-steps: is missing"},
        {"payload: hyp-a.elf", "payload: ../hyp-a.elf", "x/scenario.yaml:24: payload: "},
        {"    payload: hyp-a.elf\n", "", "payload: is missing"},
        {"expect: clean", "expect: nothing", "x/scenario.yaml:29: expect: "},
        {"    expect: clean\n", "", "expect: is missing"},
        {"vmid/two-vmids", "two-vmids", "x/scenario.yaml:25: expect: two-vmids"},
        {"expect: clean", "expect: &a clean\n    other: *a", "x/scenario.yaml:"},
        {"title: Two", "title: !tag Two", "x/scenario.yaml:2: "},
        {"title: Two", "title: [Two", "x/scenario.yaml:"},
        {"window: 700}", "window: 0}", "x/scenario.yaml:21: window: "},
        {"window: 700}", "widow: 700}", "x/scenario.yaml:21: widow: unknown key"},
        {"- {window: 900, length: 2500}", "- 900", "x/scenario.yaml:20: exhaustive: must be"},
        {"expect: clean\n", "expect: clean\n---\ntitle: again\n", "more than one document"},
    };
    struct scenario s;
    struct error error;
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
        char *text = changed(broken[i].from, broken[i].to);
        cr_expect_not(parse(&s, text, &error), "%s", broken[i].to);
        cr_expect(strstr(error.text, broken[i].says), "%zu: \"%s\" is not in \"%s\"", i,
                  broken[i].says, error.text);
        cr_expect_null(strchr(error.text, '\n'), "%s", error.text);
        free(text);
    }
}

Test(scenario, what_is_no_document_is_refused)
{
    static const char *const texts[] = {
        "", "\n\n", "# nothing\n", "---\n", "---\n...\n", "[]", "just words", "\tx: 1", "a: b: c",
        "{", "- a\n- b\n", "%YAML 9.9\n---\na: 1\n"};
    struct scenario s;
    struct error error;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        memset(&error, 0, sizeof error);
        cr_expect_not(parse(&s, texts[i], &error), "%s", texts[i]);
        cr_expect(strstr(error.text, "x/scenario.yaml:"), "%s", error.text);
    }
    cr_expect_not(scenario_parse(&s, "f", "x", "a\0b", 3, &error));
    cr_expect_not(scenario_read(&s, "/nowhere/at/all", &error));
    cr_expect(strstr(error.text, "/nowhere/at/all"), "%s", error.text);
}
