/*
 * Checker bbm: break-before-make by the rules, in stories told by events. Each rule has a story
 * that keeps it and one that breaks it.
 */
#include "tests/unit/check_world.h"

#define ONLY_BBM (1u << CHECK_BBM)
#define TABLE2 (ROOT_A + 0x1000) /* level 2 */
#define TABLE3 (ROOT_A + 0x2000) /* level 3 */
#define DESCRIPTOR3 (TABLE3 + (IPA_OF_VM >> PAGE_SHIFT) * 8)
#define DESCRIPTOR2 TABLE2
#define S2_PAGE_BITS UINT64_C(0x7ff) /* AF, inner shareable, read and write, Normal */
#define S2_BLOCK_BITS UINT64_C(0x7fd)
#define OTHER_PAGE (PAGE_OF_VM + 0x1000)
#define EMPTIED UINT64_C(1536) /* more records than a small machine has room for */

/* A PE walks stage 2 of VM A to IPA_OF_VM. */
static void walks(struct check_world *w, unsigned pe)
{
    uint64_t at[3] = {ROOT_A, TABLE2, DESCRIPTOR3};
    struct core *core = &w->m->core[pe];
    core->regime[REGIME_EL10] =
        core_regime_peek(core->cpu, &w->m->mmu_config, REGIME_EL10);
    for (unsigned i = 0; i < 3; i++)
        send(w, EVENT_WALK, pe,
             (struct event){.walk = {.stage = 2, .level = (uint8_t)(1 + i),
                                     .regime = REGIME_EL10, .descriptor_pa = at[i],
                                     .descriptor = world_read(w->m, at[i]),
                                     .input = IPA_OF_VM}});
}

/* A PE stores to a table: through the port, so that the watch is what tells it. */
static void stores(struct check_world *w, unsigned pe, uint64_t pa, uint64_t value)
{
    w->m->events.step = ++w->step;
    struct access access = {.pa = pa_make(pa), .pe = (uint8_t)pe, .size = 8, .is_write = 1};
    uint64_t two[2] = {value, 0};
    cr_assert_eq(w->m->port.write(w->m->port.owner, &access, two), PORT_OK);
}

static void dsb_before(struct check_world *w, unsigned pe)
{
    send(w, EVENT_BARRIER, pe,
         (struct event){.barrier = {.barrier = BARRIER_DSB, .option = 10}}); /* ISHST */
}

static void tlbi_of(struct check_world *w, unsigned pe, uint32_t message, unsigned operation,
                    unsigned scope, uint16_t vmid, uint64_t address)
{
    send(w, EVENT_TLBI, pe,
         (struct event){.tlbi = {.message = message, .operation = (uint8_t)operation,
                                 .scope = (uint8_t)scope, .vmid = vmid, .address = address,
                                 .vttbr = ROOT_A | (uint64_t)vmid << 48}});
}

static struct check_world bbm_world(void)
{
    struct check_world w = check_world(ONLY_BBM, false, 0);
    maps(&w, ROOT_A, PAGE_OF_VM);
    runs(&w, 1, ROOT_A, 5);
    walks(&w, 1);
    cr_assert_null(found(&w));
    return w;
}

static void expect(struct check_world *w, const char *kind)
{
    const struct finding *f = found(w);
    if (kind) {
        cr_assert_not_null(f, "%s is expected", kind);
        cr_assert_eq(f->check, CHECK_BBM);
        cr_assert_str_eq(f->kind, kind);
        cr_assert_geq(f->event_count, 2);
        cr_assert_geq(strlen(f->text), 20);
    } else {
        cr_assert_null(f, "%s: %s", f ? f->kind : "", f ? f->text : "");
    }
    check_world_close(w);
}

static void invalidates(struct check_world *w, unsigned pe)
{
    dsb_before(w, pe);
    tlbi_of(w, pe, 1, TLBI_IPAS2E1, TLBI_INNER, 5, IPA_OF_VM);
    dsb(w, pe, 1);
    tlbi_of(w, pe, 2, TLBI_VMALLE1, TLBI_INNER, 5, 0);
    dsb(w, pe, 2);
}

Test(check_bbm, break_and_make_by_the_rules)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR3, 0);
    invalidates(&w, 0);
    stores(&w, 0, DESCRIPTOR3, OTHER_PAGE | S2_PAGE_BITS);
    walks(&w, 1);
    stores(&w, 0, DESCRIPTOR3, 0); /* and again */
    invalidates(&w, 0);
    stores(&w, 0, DESCRIPTOR3, PAGE_OF_VM | S2_PAGE_BITS);
    expect(&w, NULL);
}

Test(check_bbm, an_output_address_changed_in_place_is_found)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR3, OTHER_PAGE | S2_PAGE_BITS);
    cr_assert_not_null(found(&w));
    cr_assert_eq(found(&w)->event[0].pe, 1, "who walks the table");
    cr_assert_eq(found(&w)->pe, 0, "who changes it");
    expect(&w, "no-break");
}

Test(check_bbm, a_table_replaced_by_a_block_is_found)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR2, PAGE_OF_VM | S2_BLOCK_BITS);
    expect(&w, "no-break");
}

Test(check_bbm, changes_of_permissions_and_software_bits_need_no_break)
{
    struct check_world w = bbm_world();
    uint64_t page = PAGE_OF_VM | S2_PAGE_BITS;
    stores(&w, 0, DESCRIPTOR3, page & ~UINT64_C(0x80)); /* read only */
    stores(&w, 0, DESCRIPTOR3, page);
    stores(&w, 0, DESCRIPTOR3, page | UINT64_C(1) << 54); /* not executable */
    stores(&w, 0, DESCRIPTOR3, page | UINT64_C(1) << 55); /* for software */
    stores(&w, 0, DESCRIPTOR3, 0);
    stores(&w, 0, DESCRIPTOR3, page); /* the same again: nothing that is held is wrong */
    expect(&w, NULL);
}

Test(check_bbm, a_change_of_memory_type_needs_one)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR3, (PAGE_OF_VM | S2_PAGE_BITS) & ~UINT64_C(0x3c));
    expect(&w, "no-break");
}

Test(check_bbm, what_was_invalid_may_become_valid)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR3 + 8, OTHER_PAGE | S2_PAGE_BITS);
    expect(&w, NULL);
}

Test(check_bbm, make_without_tlbi_is_found)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR3, 0);
    dsb_before(&w, 0);
    stores(&w, 0, DESCRIPTOR3, OTHER_PAGE | S2_PAGE_BITS);
    expect(&w, "unclean");
}

Test(check_bbm, make_before_the_dsb_behind_the_tlbi_is_found)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR3, 0);
    dsb_before(&w, 0);
    tlbi_of(&w, 0, 1, TLBI_VMALLS12E1, TLBI_INNER, 5, 0);
    stores(&w, 0, DESCRIPTOR3, OTHER_PAGE | S2_PAGE_BITS);
    expect(&w, "unclean");
}

Test(check_bbm, a_tlbi_by_address_without_the_dsb_before_is_found_at_once)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR3, 0);
    tlbi_of(&w, 0, 1, TLBI_IPAS2E1, TLBI_INNER, 5, IPA_OF_VM);
    expect(&w, "no-dsb");
}

Test(check_bbm, a_tlbi_of_all_without_the_dsb_before_does_not_count)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR3, 0);
    tlbi_of(&w, 0, 1, TLBI_VMALLS12E1, TLBI_INNER, 5, 0);
    dsb(&w, 0, 1);
    cr_assert_null(found(&w));
    stores(&w, 0, DESCRIPTOR3, OTHER_PAGE | S2_PAGE_BITS);
    expect(&w, "unclean");
}

/* Break, DSB, one or two operations with their DSBs, make. */
static void operations(const unsigned ops[2], unsigned scope, uint16_t vmid, uint64_t address,
                       const char *kind)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR3, 0);
    dsb_before(&w, 0);
    for (unsigned i = 0; i < 2 && ops[i] != TLBI_OPERATION_COUNT; i++) {
        tlbi_of(&w, 0, i + 1, ops[i], scope, vmid, address);
        dsb(&w, 0, i + 1);
    }
    stores(&w, 0, DESCRIPTOR3, OTHER_PAGE | S2_PAGE_BITS);
    expect(&w, kind);
}

Test(check_bbm, which_operations_clean_stage_2)
{
    const unsigned none = TLBI_OPERATION_COUNT;
    operations((unsigned[]){TLBI_ALLE1, none}, TLBI_INNER, 0, 0, NULL);
    operations((unsigned[]){TLBI_VMALLS12E1, none}, TLBI_INNER, 5, 0, NULL);
    operations((unsigned[]){TLBI_VMALLS12E1, none}, TLBI_INNER, 6, 0, "unclean");
    operations((unsigned[]){TLBI_VMALLS12E1, none}, TLBI_LOCAL, 5, 0, "unclean");
    operations((unsigned[]){TLBI_IPAS2E1, none}, TLBI_INNER, 5, IPA_OF_VM, "unclean");
    operations((unsigned[]){TLBI_VMALLE1, TLBI_IPAS2E1}, TLBI_INNER, 5, IPA_OF_VM, "unclean");
    operations((unsigned[]){TLBI_IPAS2LE1, TLBI_VMALLE1}, TLBI_INNER, 5, IPA_OF_VM, NULL);
    operations((unsigned[]){TLBI_IPAS2E1, TLBI_VMALLE1}, TLBI_INNER, 5, IPA_OF_VM + 0x1000,
               "unclean");
    operations((unsigned[]){TLBI_ALLE2, none}, TLBI_INNER, 0, 0, "unclean");
}

/* The level 3 table is taken out by its level 2 descriptor. */
static struct check_world unlinked(void)
{
    struct check_world w = bbm_world();
    stores(&w, 0, DESCRIPTOR2, 0);
    dsb_before(&w, 0);
    return w;
}

Test(check_bbm, a_table_reused_before_it_is_clean_is_found)
{
    struct check_world w = unlinked();
    stores(&w, 0, DESCRIPTOR3, 0); /* emptying it is no reuse */
    cr_assert_null(found(&w));
    stores(&w, 0, TABLE3 + 64, OTHER_PAGE | S2_PAGE_BITS);
    expect(&w, "table-reuse");
}

Test(check_bbm, last_level_only_does_not_clean_a_table)
{
    struct check_world w = unlinked();
    tlbi_of(&w, 0, 1, TLBI_IPAS2LE1, TLBI_INNER, 5, IPA_OF_VM);
    dsb(&w, 0, 1);
    tlbi_of(&w, 0, 2, TLBI_VMALLE1, TLBI_INNER, 5, 0);
    dsb(&w, 0, 2);
    stores(&w, 0, TABLE3 + 64, OTHER_PAGE | S2_PAGE_BITS);
    expect(&w, "table-reuse");
}

Test(check_bbm, a_clean_table_is_anybodys)
{
    struct check_world w = unlinked();
    tlbi_of(&w, 0, 1, TLBI_VMALLS12E1, TLBI_INNER, 5, 0);
    dsb(&w, 0, 1);
    stores(&w, 0, TABLE3 + 64, OTHER_PAGE | S2_PAGE_BITS);
    stores(&w, 0, TABLE3 + 64, PAGE_OF_VM | S2_PAGE_BITS);
    stores(&w, 0, DESCRIPTOR2, PAGE_OF_VM | S2_BLOCK_BITS);
    expect(&w, NULL);
}

Test(check_bbm, what_is_changed_while_the_vm_is_away_counts_when_it_is_back)
{
    struct check_world w = bbm_world();
    runs(&w, 1, 0, 0);
    world_set(w.m, 1, SR_VTTBR_EL2, 0);
    stores(&w, 0, DESCRIPTOR3, OTHER_PAGE | S2_PAGE_BITS);
    cr_assert_null(found(&w), "nobody's tables for now");
    runs(&w, 1, ROOT_A, 5);
    expect(&w, "no-break");
}

Test(check_bbm, freed_and_flushed_tables_may_hold_anything)
{
    struct check_world w = bbm_world();
    runs(&w, 1, 0, 0);
    world_set(w.m, 1, SR_VTTBR_EL2, 0);
    stores(&w, 0, DESCRIPTOR3, OTHER_PAGE | S2_PAGE_BITS);
    stores(&w, 0, DESCRIPTOR3, 12345);
    dsb_before(&w, 0);
    tlbi_of(&w, 0, 1, TLBI_ALLE1, TLBI_INNER, 0, 0);
    dsb(&w, 0, 1);
    stores(&w, 0, DESCRIPTOR3, PAGE_OF_VM | S2_PAGE_BITS);
    runs(&w, 1, ROOT_A, 5);
    walks(&w, 1);
    expect(&w, NULL);
}

/* Three full tables of a VM that runs on PE 1 of a machine with 256 MiB are emptied. */
static struct check_world emptied_world(void)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    config.pe_count = 2;
    config.ram_bytes = 256u << 20;
    struct check_world w = {.m = machine_new(&config, &error)};
    struct check_options options = {.mask = ONLY_BBM};
    cr_assert_not_null(w.m, "%s", error.text);
    w.checks = checks_new(w.m, &options);
    WORLD_START(w.m, 1, A64_B_SELF);
    maps(&w, ROOT_A, PAGE_OF_VM);
    for (uint64_t i = 0; i < EMPTIED; i++) {
        world_write(w.m, TABLE2 + i / 512 * 8, (TABLE3 + i / 512 * 0x1000) | 3);
        world_write(w.m, TABLE3 + i * 8, (PAGE_OF_VM + i * 0x1000) | S2_PAGE_BITS);
    }
    runs(&w, 1, ROOT_A, 5);
    walks(&w, 1);
    for (uint64_t i = 0; i < EMPTIED; i += 512)
        send(&w, EVENT_WALK, 1,
             (struct event){.walk = {.stage = 2, .level = 3, .regime = REGIME_EL10,
                                     .descriptor_pa = TABLE3 + i * 8,
                                     .descriptor = world_read(w.m, TABLE3 + i * 8),
                                     .input = i * 0x1000}});
    for (uint64_t i = 0; i < EMPTIED; i++)
        stores(&w, 0, TABLE3 + i * 8, 0);
    cr_assert_null(found(&w));
    return w;
}

Test(check_bbm, a_big_machine_may_break_more_at_once)
{
    for (unsigned is_invalidated = 0; is_invalidated < 2; is_invalidated++) {
        struct check_world w = emptied_world();
        dsb_before(&w, 0);
        if (is_invalidated) {
            tlbi_of(&w, 0, 1, TLBI_VMALLS12E1, TLBI_INNER, 5, 0);
            dsb(&w, 0, 1);
        }
        stores(&w, 0, TABLE3 + (EMPTIED - 1) * 8, OTHER_PAGE | S2_PAGE_BITS);
        cr_assert_eq(checks_unjudged(w.checks, CHECK_BBM), 0);
        expect(&w, is_invalidated ? NULL : "unclean");
    }
}

/* What the watch says survives going back, and so do the findings. */
Test(check_bbm, state_can_be_put_back)
{
    struct check_world w = bbm_world();
    void *saved = malloc(checks_state_size(w.checks));
    cr_assert_not_null(saved);
    checks_save(w.checks, saved);
    for (unsigned round = 0; round < 2; round++) {
        cr_assert_null(found(&w));
        stores(&w, 0, DESCRIPTOR3, OTHER_PAGE | S2_PAGE_BITS);
        cr_assert_not_null(found(&w));
        checks_restore(w.checks, saved);
        machine_watch_page(w.m, pa_make(TABLE3), WATCHER_BBM, false);
        world_write(w.m, DESCRIPTOR3, PAGE_OF_VM | S2_PAGE_BITS);
        checks_restore(w.checks, saved);
    }
    free(saved);
    check_world_close(&w);
}

/* EL2's own table, by a real program: stores in place at EL2, with its MMU on. */
Test(check_bbm, tables_of_el2_by_both_engines)
{
    for (unsigned keeps = 0; keeps < 2; keeps++) {
        WORLD_ENGINES(kind)
        {
            struct check_world w = check_world(ONLY_BBM, false, 0);
            w.m->engine = kind;
            world_mmu_on(w.m, 0);
            world_window(w.m, MAP_RAM | 0x100000 | WORLD_PAGE);
            /* ldr x2, [x5]; str x4, [x1]; (dsb ishst; tlbi vae2is, x6; dsb ish; isb;)
               str x7, [x1] */
            struct cpu *cpu =
                keeps ? WORLD_START(w.m, 0, 0xf94000a2, A64_STR_X4_X1, 0xd5033a9f, 0xd50c8326,
                                    A64_DSB_ISH, A64_ISB, 0xf9000027, A64_B_SELF)
                      : WORLD_START(w.m, 0, 0xf94000a2, A64_STR_X4_X1, A64_NOP, A64_NOP,
                                    A64_NOP, A64_NOP, 0xf9000027, A64_B_SELF);
            cpu->x[1] = WORLD_WINDOW_DESCRIPTOR;
            cpu->x[4] = 0;
            cpu->x[5] = WORLD_WINDOW;
            cpu->x[6] = WORLD_WINDOW >> PAGE_SHIFT;
            cpu->x[7] = MAP_RAM | 0x101000 | WORLD_PAGE;
            world_mmu_on(w.m, 0);
            w.m->state->cpu[1].wait = CPU_IS_OFF;
            machine_run(w.m, 20);
            cr_assert_eq(world_read(w.m, WORLD_WINDOW_DESCRIPTOR), cpu->x[7]);
            expect(&w, keeps ? NULL : "unclean");
        }
    }
}
