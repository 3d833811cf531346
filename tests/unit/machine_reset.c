/*
 * What firmware does to the machine: reset with its images loaded again, power-down states out of
 * which a PE begins anew, and the holding pen of a spin table.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "gen/gicv2.h"
#include "gen/pl011.h"
#include "tests/unit/machine_world.h"

#define IMAGE_HEADER_BYTES 64u
#define IMAGE_WORDS_MAX 64u
#define RAM_BYTES (UINT64_C(16) << 20)
#define MEMORY_LEFT (MAP_RAM + 0x800000) /* where the guest keeps something */

/* An arm64 Image that begins with `b .+64`; its words follow the header. */
static struct image image_of(const uint32_t *words, size_t count)
{
    uint32_t file[IMAGE_HEADER_BYTES / 4 + IMAGE_WORDS_MAX] = {0x14000010};
    struct image image;
    struct error error;
    cr_assert_leq(count, IMAGE_WORDS_MAX);
    size_t size = IMAGE_HEADER_BYTES + count * 4;
    uint64_t image_size = size;
    memcpy(&file[4], &image_size, sizeof image_size);
    memcpy(&file[14], "ARM\x64", 4);
    memcpy(&file[IMAGE_HEADER_BYTES / 4], words, count * 4);
    cr_assert(image_open(&image, "test", (const uint8_t *)file, size, pa_make(MAP_RAM), RAM_BYTES,
                         &error), "%s", error.text);
    return image;
}

static struct machine *boot(const struct image *image, const struct machine_config *config)
{
    struct error error;
    struct machine *m = machine_new(config, &error);
    cr_assert_not_null(m, "%s", error.text);
    m->engine = ENGINE_KIND_FAST;
    cr_assert(machine_load(m, image, &error), "%s", error.text);
    return m;
}

static struct machine_config configuration(unsigned pe_count)
{
    struct machine_config config;
    config_default(&config);
    config.ram_bytes = RAM_BYTES;
    config.pe_count = pe_count;
    config.timing_flat = 1;
    return config;
}

/* --- reset --------------------------------------------------------------------------------- */

/* Leaves traces of itself everywhere and resets; the second time it switches off. */
static const uint32_t reset_words[] = {
    0xd2a81009, /* mov x9, #0x40800000: MEMORY_LEFT */
    0xf9400122, /* ldr x2, [x9] */
    0xb5000222, /* cbnz x2, second */
    0xd2800022, /* mov x2, #1 */
    0xf9000122, /* str x2, [x9] */
    0x10000243, /* adr x3, data */
    0xb9000062, /* str w2, [x3]: over the image */
    0xd2a12004, /* mov x4, #0x09000000 */
    0x52800405, /* mov w5, #0x20 */
    0xb9003885, /* str w5, [x4, #0x38]: UARTIMSC */
    0x52800060, /* mov w0, #3 */
    0x72b88000, /* movk w0, #0xc400, lsl #16: CPU_ON */
    0xd2800021, /* mov x1, #1 */
    0x10000122, /* adr x2, park */
    0xd4000003, /* smc #0 */
    0x52800120, /* mov w0, #9: SYSTEM_RESET */
    0x72b08000, /* movk w0, #0x8400, lsl #16 */
    0xd4000003, /* smc #0 */
    0x14000000, /* b . */
    0x52800100, /* second: mov w0, #8: SYSTEM_OFF */
    0x72b08000, /* movk w0, #0x8400, lsl #16 */
    0xd4000003, /* smc #0 */
    0x14000000, /* park: b . */
    0x11223344, /* data */
    0x55667788,
};
#define RESET_DATA (MAP_RAM + IMAGE_HEADER_BYTES + 23 * 4)
#define RESET_STEPS 19u /* of CPU 0 up to the call, with the branch over the header */

static struct machine *run_to_reset(const struct image *image, struct machine_config *config)
{
    struct machine *m = boot(image, config);
    for (unsigned i = 0; i < 5000 && m->state->resets == 0; i++)
        cr_assert_eq(machine_run(m, m->state->step + 1), MACHINE_LIMIT);
    return m;
}

Test(machine_reset, everything_begins_anew_but_time_and_memory)
{
    struct image image = image_of(reset_words, ARRAY_COUNT(reset_words));
    struct machine_config config = configuration(2);
    struct machine *m = run_to_reset(&image, &config);
    const struct machine_state *s = m->state;
    cr_assert_eq(s->resets, 1u);
    cr_assert_eq(s->exit, (uint32_t)EXIT_NONE);
    cr_assert_eq(world_read(m, MEMORY_LEFT), 1u, "RAM keeps what is not loaded");
    cr_assert_eq(world_read(m, RESET_DATA), UINT64_C(0x5566778811223344), "loaded again");
    cr_assert_eq(s->cpu[0].pc, MAP_RAM);
    cr_assert_eq(s->cpu[0].x[9], 0u);
    cr_assert_eq(s->cpu[0].wait, (uint8_t)CPU_RUNS);
    cr_assert_eq(s->cpu[1].wait, (uint8_t)CPU_IS_OFF);
    cr_assert_eq(s->uart.imsc, 0u);
    cr_assert_geq(s->cpu[0].insns, (uint64_t)RESET_STEPS - 1, "time goes on");
    cr_assert_geq(s->cpu[0].cycles, (uint64_t)RESET_STEPS - 1);
    cr_assert_eq(machine_run(m, 10000), MACHINE_EXIT);
    cr_assert_eq(s->exit, (uint32_t)EXIT_OFF);
    machine_free(m);
    image_close(&image);
}

Test(machine_reset, after_so_many_resets_the_run_ends)
{
    struct image image = image_of(reset_words, ARRAY_COUNT(reset_words));
    struct machine_config config = configuration(2);
    config.resets = 0;
    struct machine *m = boot(&image, &config);
    cr_assert_eq(machine_run(m, 10000), MACHINE_EXIT);
    cr_assert_eq(m->state->exit, (uint32_t)EXIT_RESET);
    cr_assert_eq(m->state->resets, 0u);
    machine_free(m);
    image_close(&image);
}

/* Caches, the order of accesses and versions have state of their own: it goes, too. */
Test(machine_reset, what_is_on_beside_the_ordinary_is_reset)
{
    struct image image = image_of(reset_words, ARRAY_COUNT(reset_words));
    for (unsigned part = 0; part < 3; part++) {
        struct machine_config config = configuration(2);
        config.caches = part == 0;
        config.store_buffer = part == 1 ? 8 : 0;
        config.open_mask = part == 2 ? 1u << CHOICE_SPEC_FILL : 0;
        struct machine *m = run_to_reset(&image, &config);
        cr_assert_eq(world_read(m, RESET_DATA), UINT64_C(0x5566778811223344));
        cr_assert_eq(machine_run(m, 10000), MACHINE_EXIT);
        cr_assert_eq(m->state->exit, (uint32_t)EXIT_OFF);
        machine_free(m);
    }
    image_close(&image);
}

static void note_store(void *context, const struct event *e)
{
    if (e->watch_store.pa == MEMORY_LEFT)
        *(uint64_t *)context = e->watch_store.new;
}

/* Who looks for stores does not care for resets; checkers begin anew behind one. */
Test(machine_reset, pages_stay_watched_for_a_session)
{
    struct image image = image_of(reset_words, ARRAY_COUNT(reset_words));
    struct machine_config config = configuration(1);
    for (unsigned who = WATCHER_BBM; who <= WATCHER_SESSION; who++) {
        struct machine *m = run_to_reset(&image, &config);
        uint64_t told = 0;
        events_attach(&m->events, note_store, &told, UINT64_C(1) << EVENT_WATCH_STORE);
        machine_watch_page(m, pa_make(MEMORY_LEFT), (enum machine_watcher)who, true);
        machine_reset(m, 0);
        world_write(m, MEMORY_LEFT, 7);
        cr_assert_eq(told, who == WATCHER_SESSION ? 7u : 0u);
        machine_free(m);
    }
    image_close(&image);
}

Test(machine_reset, a_snapshot_from_before_leads_to_the_same)
{
    struct image image = image_of(reset_words, ARRAY_COUNT(reset_words));
    struct machine_config config = configuration(2);
    struct machine *m = boot(&image, &config);
    machine_run(m, 5);
    struct machine_snapshot *before = machine_save(m);
    cr_assert_eq(machine_run(m, 10000), MACHINE_EXIT);
    uint64_t hash = machine_hash(m);
    machine_restore(m, before);
    cr_assert_eq(m->state->resets, 0u);
    m->engine = ENGINE_KIND_PRECISE;
    cr_assert_eq(machine_run(m, 10000), MACHINE_EXIT);
    cr_assert_eq(machine_hash(m), hash);
    machine_snapshot_free(before);
    machine_free(m);
    image_close(&image);
}

/* --- power-down states --------------------------------------------------------------------- */

/* The EL2 timer in 100 ticks, then CPU_SUSPEND; power_state is the tenth word's. */
#define SUSPEND_WORDS(power_state)                                         \
    0xd2800c81, /* mov x1, #100 */                                         \
    0xd51ce201, /* msr cnthp_tval_el2, x1 */                               \
    0xd2800021, /* mov x1, #1 */                                           \
    0xd51ce221, /* msr cnthp_ctl_el2, x1 */                                \
    0xd5033fdf, /* isb */                                                  \
    0x52800020, /* mov w0, #1 */                                           \
    0x72b88000, /* movk w0, #0xc400, lsl #16: CPU_SUSPEND */               \
    power_state, /* mov x1, ... */                                         \
    0x100000c2, /* adr x2, up */                                           \
    0xd28000e3, /* mov x3, #7 */                                           \
    0xd28000b3, /* mov x19, #5 */                                          \
    0xd4000003, /* smc #0 */                                               \
    0xd2800034, /* mov x20, #1 */                                          \
    0x14000000, /* b . */                                                  \
    0xaa0003f5, /* up: mov x21, x0 */                                      \
    0xaa1303f6, /* mov x22, x19 */                                         \
    0xd53ce237, /* mrs x23, cnthp_ctl_el2 */                               \
    0x14000000  /* b . */
#define STANDBY 0xd2800001u    /* mov x1, #0 */
#define POWER_DOWN 0xd2a00021u /* mov x1, #0x10000 */

/* The timer's interrupt goes to the PE. */
static void gic_on(struct machine *m)
{
    gic_write(&m->state->gic, 0, GIC_FRAME_D, GICD_CTLR_OFFSET, 4, 1);
    gic_write(&m->state->gic, 0, GIC_FRAME_D, GICD_ISENABLER_OFFSET, 4, 1u << INTID_CNTHP);
    gic_write(&m->state->gic, 0, GIC_FRAME_C, GICC_PMR_OFFSET, 4, 0xf0);
    gic_write(&m->state->gic, 0, GIC_FRAME_C, GICC_CTLR_OFFSET, 4, 1);
}

Test(machine_reset, standby_returns_to_the_caller)
{
    struct machine *m = world_machine(1, 1000);
    struct cpu *cpu = WORLD_START(m, 0, SUSPEND_WORDS(STANDBY));
    gic_on(m);
    machine_run(m, 40);
    cr_assert_eq(cpu->x[20], 1u, "came back");
    cr_assert_eq(cpu->x[0], 0u);
    cr_assert_eq(cpu->x[19], 5u);
    cr_assert_geq(cpu->cycles, 100u * 16, "not before the timer");
    machine_free(m);
}

Test(machine_reset, power_down_begins_at_the_entry_point)
{
    struct machine *m = world_machine(1, 1000);
    struct cpu *cpu = WORLD_START(m, 0, SUSPEND_WORDS(POWER_DOWN));
    gic_on(m);
    world_set(m, 0, SR_TPIDR_EL2, 99);
    machine_run(m, 40);
    cr_assert_eq(cpu->x[20], 0u, "does not come back");
    cr_assert_eq(cpu->x[21], 7u, "the context");
    cr_assert_eq(cpu->x[22], 0u, "registers are as out of reset");
    cr_assert_eq(cpu->reg[SR_VBAR_EL2] & 0x7ff, 0u);
    cr_assert_eq(cpu->el, 2u);
    cr_assert_eq(cpu->x[23], 5u, "the timer is on and has fired");
    cr_assert_geq(cpu->cycles, 100u * 16, "not before the timer");
    machine_free(m);
}

/* --- spin table ---------------------------------------------------------------------------- */

static const uint32_t release_words[] = {
    0xd2a81fe2, /* mov x2, #0x40ff0000 */
    0xf29e0902, /* movk x2, #0xf048: CPU 1's word in the last page */
    0x10000081, /* adr x1, go */
    0xf9000041, /* str x1, [x2] */
    0xd503209f, /* sev */
    0x14000000, /* b . */
    0xd2800035, /* go: mov x21, #1 */
    0x14000000, /* b . */
};

Test(machine_reset, spin_table_releases_one_cpu)
{
    struct image image = image_of(release_words, ARRAY_COUNT(release_words));
    struct machine_config config = configuration(3);
    config.spin_table = 1;
    struct machine *m = boot(&image, &config);
    cr_assert_eq(machine_run(m, 5000), MACHINE_LIMIT);
    cr_assert_eq(m->state->cpu[1].x[21], 1u);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(m->state->cpu[1].x[i], 0u, "the boot protocol");
    cr_assert_eq(m->state->cpu[1].el, 2u);
    cr_assert_eq(m->state->cpu[2].wait, (uint8_t)CPU_WAITS_EVENT);
    machine_free(m);
    image_close(&image);
}

Test(machine_reset, spin_table_needs_room)
{
    static const uint32_t words[IMAGE_WORDS_MAX];
    struct image image = image_of(words, ARRAY_COUNT(words));
    struct machine_config config = configuration(1);
    struct error error;
    config.spin_table = 1;
    image.segments[0].memory_size = RAM_BYTES;
    struct machine *m = machine_new(&config, &error);
    cr_assert(!machine_load(m, &image, &error));
    machine_free(m);
    image_close(&image);
}
