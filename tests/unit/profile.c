/* The profile: exact accounts of levels, VMs and exits; stacks; and a run is the same with it. */
#include "sim/profile_parts.h"

#include "gen/esr.h"
#include "tests/unit/machine_world.h"

#define ROOT (MAP_RAM + 0x40000)
#define EL1_CODE (MAP_RAM + 0x9000)
#define STACK (MAP_RAM + 0x60000)
#define A64_HVC 0xd4000002u
#define A64_ERET 0xd69f03e0u
#define A64_RET 0xd65f03c0u
#define LOWER_SYNC (WORLD_VECTORS + 0x400)

/* Stage 2 maps the first GiB of RAM at its own address: 4 KiB granule, level 1 first, 39 bits. */
static void vm_make(struct machine *m)
{
    world_write(m, ROOT + 8, MAP_RAM | 0x7fd);
    world_set(m, 0, SR_VTTBR_EL2, ROOT | UINT64_C(5) << 48);
    world_set(m, 0, SR_VTCR_EL2,
              field_put(VTCR_EL2_T0SZ, 25) | field_put(VTCR_EL2_SL0, 1) |
                  field_put(VTCR_EL2_PS, 2));
    world_set(m, 0, SR_VMPIDR_EL2, UINT64_C(0x80000003));
    world_set(m, 0, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_VM);
    world_set(m, 0, SR_ELR_EL2, EL1_CODE);
    world_set(m, 0, SR_SPSR_EL2, 0x3c5);
}

static void words_write(struct machine *m, uint64_t at, const uint32_t *words, size_t count)
{
    cr_assert(machine_poke(m, pa_make(at), words, count * sizeof *words));
}

/* EL2 enters a VM, which does two things and calls EL2, which returns; ten times and more. */
static struct machine *vm_world(enum engine_kind engine)
{
    static const uint32_t guest[] = {A64_NOP, A64_COUNT, A64_HVC, A64_B_BACK - 2};
    static const uint32_t vector[] = {A64_NOP, A64_NOP, A64_NOP, A64_ERET};
    struct machine *m = world_machine(1, 1000);
    m->engine = engine;
    WORLD_START(m, 0, A64_NOP, A64_ERET);
    vm_make(m);
    words_write(m, EL1_CODE, guest, ARRAY_COUNT(guest));
    words_write(m, LOWER_SYNC, vector, ARRAY_COUNT(vector));
    return m;
}

Test(profile, levels_and_exits_are_exact)
{
    WORLD_ENGINES(engine)
    {
        struct machine *m = vm_world(engine);
        struct profile *p = profile_new(m, NULL);
        /* 2 steps of EL2; then NOP, ADD, HVC | NOP, NOP, NOP, ERET | B, and so on */
        machine_run(m, 2 + 10 * 8);
        profile_end(p);
        cr_assert_eq(p->vm_count, 2u);
        cr_assert_eq(p->vm[1].root, ROOT);
        cr_assert_eq(p->vm[1].vmid, 5);
        /* an instruction that changes the level counts with the level that it leads to */
        cr_assert_eq(p->bucket[profile_bucket_of(0, 2)].insns, 1u, "before the VM: the host's");
        cr_assert_eq(p->bucket[profile_bucket_of(1, 1)].insns, 41u);
        cr_assert_eq(p->bucket[profile_bucket_of(1, 2)].insns, 40u, "EL2 works for the VM");
        const struct profile_exit *exit = &p->exit[1][ESR_EC_HVC64];
        cr_assert_eq(exit->count, 10u);
        cr_assert_eq(exit->returns, 10u);
        cr_assert_eq(exit->el2_cycles, 40u);
        cr_assert_eq(exit->away_cycles, 50u);
        uint64_t cycles = 0;
        for (uint32_t bucket = 0; bucket < PROFILE_BUCKETS; bucket++)
            cycles += p->bucket[bucket].cycles;
        cr_assert_eq(cycles, machine_cycles(m));
        profile_free(p);
        machine_free(m);
    }
}

Test(profile, a_run_is_the_same_with_it)
{
    WORLD_ENGINES(engine)
    {
        struct machine *with = vm_world(engine), *without = vm_world(engine);
        struct profile *p = profile_new(with, NULL);
        for (uint64_t step = 7; step < 500; step += 7) {
            machine_run(with, step);
            profile_sample(p);
        }
        profile_end(p);
        machine_run(with, 500);
        machine_run(without, 500);
        cr_assert_eq(machine_hash(with), machine_hash(without));
        profile_free(p);
        machine_free(with);
        machine_free(without);
    }
}

Test(profile, waiting_is_counted_apart)
{
    struct machine *m = world_machine(2, 1);
    WORLD_START(m, 0, A64_NOP, A64_NOP, A64_WFI, A64_B_SELF);
    WORLD_START(m, 1, A64_B_SELF);
    struct profile *p = profile_new(m, NULL);
    machine_run(m, 50);
    profile_end(p);
    cr_assert_eq(p->bucket[profile_bucket_of(0, 2)].insns, 50u);
    cr_assert_leq(p->pe[0].since - p->pe[0].waited, 3u);
    cr_assert_eq(p->pe[1].waited, 0u);
    profile_free(p);
    machine_free(m);
}

/* --- stacks ----------------------------------------------------------------------------------- */

/* The stacks of a profile as text. */
static char *stacks_of(const struct profile *p)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    profile_print_stacks(p, out);
    fclose(out);
    return text;
}

/* One look at PE 0 in a machine where symbols stand for places of its program. */
static void look(const char *map, uint64_t pc, uint64_t fp, uint64_t link, unsigned el,
                 const char *stacks)
{
    struct error error;
    uint8_t bytes[0x1000];
    struct machine *m = world_machine(1, 1000);
    struct symbols *symbols = symbols_parse("map", (const uint8_t *)map, strlen(map), &error);
    cr_assert_not_null(symbols, "%s", error.text);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256 + 1);
    cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(0)), bytes, sizeof bytes));
    struct image_segment segment = {.address = pa_make(WORLD_PROGRAM(0)),
                                    .linked = va_make(WORLD_PROGRAM(0)),
                                    .bytes = bytes, .file_size = sizeof bytes,
                                    .memory_size = sizeof bytes};
    struct image image = {.kind = IMAGE_ELF, .segments = &segment, .segment_count = 1};
    struct symbol_place place;
    symbol_place_init(&place, symbols, &image);
    core_reset(&m->core[0], 2, pc, 0);
    struct cpu *cpu = &m->state->cpu[0];
    cpu->wait = CPU_RUNS;
    cpu->el = (uint8_t)el;
    cpu->x[29] = fp;
    cpu->x[30] = link;
    world_write(m, STACK, STACK + 0x20);
    world_write(m, STACK + 8, WORLD_PROGRAM(0) + 0x204);
    world_write(m, STACK + 0x20, 0);
    world_write(m, STACK + 0x28, WORLD_PROGRAM(0) + 0x304);
    world_write(m, STACK + 0x40, STACK + 0x20); /* downwards: the last one */
    world_write(m, STACK + 0x48, WORLD_PROGRAM(0) + 0x204);
    struct profile *p = profile_new(m, &place);
    p->pe[0].el = (uint8_t)el;
    cpu->cycles += 12;
    profile_sample(p);
    profile_end(p);
    char *text = stacks_of(p);
    cr_assert_str_eq(text, stacks);
    free(text);
    profile_free(p);
    symbols_free(symbols);
    machine_free(m);
}

#define MAP                      \
    "40010000 T leaf\n"          \
    "40010100 T caller\n"        \
    "40010200 T middle;of\n" \
    "40010300 T outer\n"         \
    "40010f00 T last\n"

Test(profile, callers_come_from_frame_records)
{
    uint64_t at = WORLD_PROGRAM(0);
    /* caller has a record and has called leaf, which makes none */
    look(MAP, at + 0x10, STACK, at + 0x110, 2, "host;EL2;outer;middle_of;caller;leaf 12\n");
    /* no call so far: x30 is what the record has */
    look(MAP, at + 0x110, STACK, at + 0x204, 2, "host;EL2;outer;middle_of;caller 12\n");
    /* behind a call x30 leads into the function itself */
    look(MAP, at + 0x120, STACK, at + 0x110, 2, "host;EL2;outer;middle_of;caller 12\n");
    look(MAP, at + 0x120, STACK + 0x20, at + 0x110, 2, "host;EL2;outer;caller 12\n");
    look(MAP, at + 0x120, STACK + 0x40, at + 0x110, 2, "host;EL2;middle_of;caller 12\n");
    /* nothing to go by */
    look(MAP, at + 0x10, 0, 0, 2, "host;EL2;leaf 12\n");
    look(MAP, at + 0x10, 7, at + 0x110, 2, "host;EL2;caller;leaf 12\n");
    look(MAP, at + 0x10, MAP_RAM + (16u << 20), 0, 2, "host;EL2;leaf 12\n");
}

Test(profile, what_has_no_name)
{
    look(MAP, WORLD_PROGRAM(0) + 0x5000, 0, 0, 2, "host;EL2;[no symbol] 12\n");
    look(MAP, WORLD_PROGRAM(0) + 0x10, STACK, 0, 0, "host;EL0;[EL0] 12\n");
}

/* --- text ------------------------------------------------------------------------------------- */

Test(profile, equal_runs_have_equal_reports)
{
    char *text[2] = {NULL, NULL};
    for (unsigned i = 0; i < 2; i++) {
        size_t size;
        struct machine *m = vm_world(i == 0 ? ENGINE_KIND_FAST : ENGINE_KIND_PRECISE);
        struct profile *p = profile_new(m, NULL);
        for (uint64_t step = 13; step < 400; step += 13) {
            machine_run(m, step);
            profile_sample(p);
        }
        profile_end(p);
        FILE *out = open_memstream(&text[i], &size);
        profile_print(p, out);
        fclose(out);
        profile_free(p);
        machine_free(m);
    }
    cr_assert_str_eq(text[0], text[1]);
    cr_assert_not_null(strstr(text[0], "vm5 EL1"));
    cr_assert_not_null(strstr(text[0], "vm5, HVC64: HVC"));
    free(text[0]);
    free(text[1]);
}
