/*
 * Mem[] of instructions: sizes, alignment, page borders, byte order, unprivileged accesses, DC
 * ZVA and exclusives, in both engines, through translations and host pointers alike.
 */
#include "tests/unit/machine_world.h"

#include "cpu/exec.h"

/* exec.h names one engine's at a time. */
extern __typeof__(mem_read_precise) mem_read_fast;
extern __typeof__(mem_write_precise) mem_write_fast;

#define FIRST_PAGE (MAP_RAM + 0x100000)
#define SECOND_PAGE (MAP_RAM + 0x203000) /* not behind the first one */
#define BORDER (WORLD_WINDOW + PAGE_BYTES)

/* EL2, two pages side by side in the window that are far apart in RAM. */
static struct machine *two_pages(void)
{
    struct machine *m = world_machine(1, 100);
    WORLD_START(m, 0, A64_NOP);
    world_mmu_on(m, 0);
    world_write(m, WORLD_WINDOW_DESCRIPTOR, FIRST_PAGE | WORLD_PAGE);
    world_write(m, WORLD_WINDOW_DESCRIPTOR + 8, SECOND_PAGE | WORLD_PAGE);
    for (unsigned i = 0; i < 16; i++) {
        uint64_t pa = i < 8 ? FIRST_PAGE + PAGE_BYTES - 8 + i : SECOND_PAGE + i - 8;
        uint8_t byte = (uint8_t)(0x10 + i);
        cr_assert(machine_poke(m, pa_make(pa), &byte, 1));
    }
    return m;
}

/* Bit 0: the fast engine's; bit 1: with host pointers that an earlier access has left. */
#define WAYS 4u

static struct core *way_prepare(struct machine *m, unsigned way)
{
    struct core *c = &m->core[0];
    struct engine_budget none = {.steps = 0, .cycles = 0};
    core_run_precise(c, &none); /* decides whether host pointers may be kept */
    if (way & 2) {
        struct mem_op byte = {.size = 1};
        uint64_t value[2];
        cr_assert(mem_read_precise(c, WORLD_WINDOW, &byte, value));
        cr_assert(mem_read_precise(c, BORDER, &byte, value));
    }
    return c;
}

static bool way_read(struct core *c, unsigned way, uint64_t va, const struct mem_op *op,
                     uint64_t value[2])
{
    return way & 1 ? mem_read_fast(c, va, op, value) : mem_read_precise(c, va, op, value);
}

static bool way_write(struct core *c, unsigned way, uint64_t va, const struct mem_op *op,
                      const uint64_t value[2])
{
    return way & 1 ? mem_write_fast(c, va, op, value) : mem_write_precise(c, va, op, value);
}

/* What the bytes at BORDER - 8 + from say, little-endian or big-endian. */
static uint64_t bytes_value(unsigned from, unsigned size, bool big)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)(0x10 + from + i) << 8 * (big ? size - 1 - i : i);
    return value;
}

Test(memory_access, reads_of_every_size_at_every_place_around_a_page_border)
{
    for (unsigned way = 0; way < WAYS; way++) {
        for (unsigned big = 0; big < 2; big++) {
            struct machine *m = two_pages();
            if (big) /* walks would be big-endian too: the entries are there before */
                way_prepare(m, 2);
            struct core *c = way_prepare(m, way);
            if (big)
                m->state->cpu[0].effective[SR_SCTLR_EL2] |= SCTLR_EL2_EE;
            for (unsigned size = 1; size <= 8; size *= 2) {
                for (unsigned from = 0; from + size <= 16; from++) {
                    struct mem_op op = {.size = (uint8_t)size};
                    uint64_t value[2] = {~UINT64_C(0), ~UINT64_C(0)};
                    cr_assert(way_read(c, way, BORDER - 8 + from, &op, value));
                    cr_assert_eq(value[0], bytes_value(from, size, big), "%u at %u", size, from);
                }
            }
            machine_free(m);
        }
    }
}

Test(memory_access, writes_touch_their_bytes_and_no_others)
{
    for (unsigned way = 0; way < WAYS; way++) {
        for (unsigned size = 1; size <= 8; size *= 2) {
            for (unsigned from = 0; from + size <= 16; from++) {
                struct machine *m = two_pages();
                struct core *c = way_prepare(m, way);
                struct mem_op op = {.size = (uint8_t)size};
                uint64_t value[2] = {UINT64_C(0xf7f6f5f4f3f2f1f0), 0};
                cr_assert(way_write(c, way, BORDER - 8 + from, &op, value));
                for (unsigned i = 0; i < 16; i++) {
                    uint64_t pa = i < 8 ? FIRST_PAGE + PAGE_BYTES - 8 + i : SECOND_PAGE + i - 8;
                    uint8_t byte;
                    cr_assert(machine_peek(m, pa_make(pa), &byte, 1));
                    bool inside = i >= from && i < from + size;
                    cr_assert_eq(byte, inside ? 0xf0 + i - from : 0x10 + i, "%u at %u: %u", size,
                                 from, i);
                }
                machine_free(m);
            }
        }
    }
}

Test(memory_access, a_fault_in_the_second_page_writes_nothing)
{
    for (unsigned way = 0; way < WAYS; way++) {
        struct machine *m = two_pages();
        world_write(m, WORLD_WINDOW_DESCRIPTOR + 8, SECOND_PAGE | WORLD_PAGE | WORLD_READ_ONLY);
        struct core *c = way_prepare(m, way);
        struct mem_op op = {.size = 8};
        uint64_t before = world_read(m, FIRST_PAGE + PAGE_BYTES - 8);
        static const uint64_t value[2] = {~UINT64_C(0), 0};
        cr_assert_not(way_write(c, way, BORDER - 3, &op, value));
        cr_assert_eq(c->fault.kind, FAULT_PERMISSION);
        cr_assert_eq(c->fault.va.bits, BORDER, "the first byte that faults");
        cr_assert(c->fault.is_write);
        cr_assert_eq(world_read(m, FIRST_PAGE + PAGE_BYTES - 8), before);
        uint64_t read[2];
        cr_assert(way_read(c, way, BORDER - 3, &op, read), "reading is allowed");
        machine_free(m);
    }
}

Test(memory_access, alignment_is_checked_by_registers_kind_and_memory)
{
    for (unsigned way = 0; way < WAYS; way++) {
        struct machine *m = two_pages();
        struct core *c = way_prepare(m, way);
        struct mem_op plain = {.size = 8}, ordered = {.size = 8, .aligned = 1};
        uint64_t value[2];
        cr_assert(way_read(c, way, WORLD_WINDOW + 4, &plain, value));
        cr_assert_not(way_read(c, way, WORLD_WINDOW + 4, &ordered, value));
        cr_assert_eq(c->fault.kind, FAULT_ALIGNMENT);
        cr_assert_eq(c->fault.va.bits, WORLD_WINDOW + 4);
        world_set(m, 0, SR_SCTLR_EL2, m->state->cpu[0].reg[SR_SCTLR_EL2] | SCTLR_EL2_A);
        cr_assert_not(way_read(c, way, WORLD_WINDOW + 4, &plain, value));
        cr_assert_eq(c->fault.kind, FAULT_ALIGNMENT);
        cr_assert_not(way_write(c, way, BORDER - 4, &plain, value), "also across a border");
        cr_assert_eq(c->fault.kind, FAULT_ALIGNMENT);
        cr_assert(way_read(c, way, WORLD_WINDOW + 8, &plain, value));
        machine_free(m);
        m = two_pages(); /* Device memory */
        world_write(m, WORLD_WINDOW_DESCRIPTOR, FIRST_PAGE | WORLD_PAGE | WORLD_DEVICE);
        c = way_prepare(m, way);
        cr_assert_not(way_read(c, way, WORLD_WINDOW + 4, &plain, value));
        cr_assert_eq(c->fault.kind, FAULT_ALIGNMENT);
        cr_assert(way_read(c, way, WORLD_WINDOW + 8, &plain, value));
        machine_free(m);
    }
}

Test(memory_access, device_memory_behind_a_page_border_is_part_of_a_misaligned_access)
{
    for (unsigned way = 0; way < WAYS; way++) {
        struct machine *m = two_pages();
        world_write(m, WORLD_WINDOW_DESCRIPTOR + 8, SECOND_PAGE | WORLD_PAGE | WORLD_DEVICE);
        struct core *c = way_prepare(m, way);
        struct mem_op plain = {.size = 8}, bytes = {.size = 8, .element = 1};
        uint64_t value[2] = {0, 0};
        cr_assert_not(way_read(c, way, BORDER - 3, &plain, value));
        cr_assert_eq(c->fault.kind, FAULT_ALIGNMENT);
        cr_assert_eq(c->fault.va.bits, BORDER, "of the byte that is there");
        cr_assert_not(way_write(c, way, BORDER - 3, &plain, value));
        cr_assert_eq(c->fault.kind, FAULT_ALIGNMENT);
        cr_assert(way_read(c, way, BORDER - 3, &bytes, value), "each is aligned");
        cr_assert_eq(value[0], bytes_value(5, 8, false));
        machine_free(m);
    }
}

Test(memory_access, elements_are_aligned_each_by_itself)
{
    for (unsigned way = 0; way < WAYS; way++) {
        struct machine *m = two_pages();
        world_write(m, WORLD_WINDOW_DESCRIPTOR, FIRST_PAGE | WORLD_PAGE | WORLD_DEVICE);
        struct core *c = way_prepare(m, way);
        struct mem_op words = {.size = 16, .element = 4};
        uint64_t value[2];
        cr_assert(way_read(c, way, WORLD_WINDOW + 4, &words, value));
        cr_assert_not(way_read(c, way, WORLD_WINDOW + 2, &words, value));
        cr_assert_eq(c->fault.kind, FAULT_ALIGNMENT);
        machine_free(m);
    }
}

Test(memory_access, a_zero_block_is_64_bytes_wherever_one_points)
{
    for (unsigned offset = 0; offset < 192; offset += 13) {
        struct machine *m = two_pages();
        struct core *c = way_prepare(m, 0);
        uint8_t bytes[256];
        memset(bytes, 0xaa, sizeof bytes);
        cr_assert(machine_poke(m, pa_make(FIRST_PAGE), bytes, sizeof bytes));
        cr_assert(mem_zero_block_precise(c, WORLD_WINDOW + offset));
        cr_assert(machine_peek(m, pa_make(FIRST_PAGE), bytes, sizeof bytes));
        for (unsigned i = 0; i < sizeof bytes; i++)
            cr_assert_eq(bytes[i], i / 64 == offset / 64 ? 0 : 0xaa, "%u for %u", i, offset);
        machine_free(m);
    }
}

Test(memory_access, a_zero_block_faults_on_device_and_read_only_memory)
{
    static const uint64_t attribute[] = {WORLD_DEVICE, WORLD_READ_ONLY};
    static const uint8_t kind[] = {FAULT_ALIGNMENT, FAULT_PERMISSION};
    for (unsigned i = 0; i < 2; i++) {
        struct machine *m = two_pages();
        world_write(m, WORLD_WINDOW_DESCRIPTOR, FIRST_PAGE | WORLD_PAGE | attribute[i]);
        struct core *c = way_prepare(m, 0);
        cr_assert_not(mem_zero_block_precise(c, WORLD_WINDOW + 70));
        cr_assert_eq(c->fault.kind, kind[i]);
        cr_assert(c->fault.is_write);
        cr_assert_eq(c->fault.va.bits, WORLD_WINDOW + 70);
        machine_free(m);
    }
}

/* A zero block clears reservations as any store does. */
Test(memory_access, a_zero_block_is_seen_by_the_monitors)
{
    struct machine *m = world_machine(2, 1);
    /* ldxr; nop; nop; stxr; b .     and     nop; dc zva, x1; b . */
    struct cpu *cpu = WORLD_START(m, 0, A64_LDXR_X2_X1, A64_NOP, A64_NOP, A64_STXR_W3_X4_X1,
                                  A64_B_SELF);
    WORLD_START(m, 1, A64_NOP, 0xd50b7421, A64_B_SELF);
    world_mmu_on(m, 0);
    world_mmu_on(m, 1);
    machine_run(m, 7);
    cr_assert_eq(cpu->x[3], 1);
    machine_free(m);
}

/* Pairs of words and of doublewords: each element has its own byte order. */
Test(memory_access, exclusive_pairs_in_both_byte_orders)
{
    WORLD_ENGINES(kind) {
        for (unsigned wide = 0; wide < 2; wide++) {
            for (unsigned big = 0; big < 2; big++) {
                struct machine *m = world_machine(1, 10);
                m->engine = kind;
                /* ldxp x5, x6, [x1]; stxp w3, x6, x5, [x1]; b . (or with W registers) */
                struct cpu *cpu = WORLD_START(m, 0, wide ? 0xc87f1825 : 0x887f1825,
                                              wide ? 0xc8231426 : 0x88231426, A64_B_SELF);
                world_set(m, 0, SR_SCTLR_EL2,
                          cpu->reg[SR_SCTLR_EL2] | (big ? SCTLR_EL2_EE : 0));
                static const uint8_t bytes[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                  8, 9, 10, 11, 12, 13, 14, 15};
                cr_assert(machine_poke(m, pa_make(WORLD_DATA), bytes, sizeof bytes));
                machine_run(m, 2);
                uint64_t first = wide ? UINT64_C(0x0706050403020100) : 0x03020100;
                uint64_t second = wide ? UINT64_C(0x0f0e0d0c0b0a0908) : 0x07060504;
                if (big) {
                    first = __builtin_bswap64(first) >> (wide ? 0 : 32);
                    second = __builtin_bswap64(second) >> (wide ? 0 : 32);
                }
                cr_assert_eq(cpu->x[5], first, "wide %u big %u", wide, big);
                cr_assert_eq(cpu->x[6], second, "wide %u big %u", wide, big);
                cr_assert_eq(cpu->x[3], 0);
                uint8_t after[16];
                cr_assert(machine_peek(m, pa_make(WORLD_DATA), after, sizeof after));
                unsigned half = wide ? 8 : 4;
                cr_assert_eq(memcmp(after, bytes + half, half), 0, "the halves change places");
                cr_assert_eq(memcmp(after + half, bytes, half), 0);
                machine_free(m);
            }
        }
    }
}

Test(memory_access, an_exclusive_fault_leaves_registers_and_memory_alone)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 10);
        m->engine = kind;
        struct cpu *cpu = WORLD_START(m, 0, A64_LDXR_X2_X1, A64_STXR_W3_X4_X1, A64_B_SELF);
        world_mmu_on(m, 0);
        world_window(m, FIRST_PAGE | WORLD_PAGE | WORLD_READ_ONLY);
        cpu->x[1] = WORLD_WINDOW;
        cpu->x[3] = 99;
        machine_run(m, 2);
        cr_assert_eq(cpu->pc, WORLD_VECTORS + 0x200);
        cr_assert_eq(cpu->x[3], 99);
        cr_assert_eq(cpu->reg[SR_ESR_EL2] & 0x7f, 0x4f, "WnR, permission fault, level 3");
        machine_free(m);
        m = world_machine(1, 10); /* misaligned */
        m->engine = kind;
        cpu = WORLD_START(m, 0, A64_LDXR_X2_X1, A64_B_SELF);
        cpu->x[1] = WORLD_DATA + 4;
        cpu->x[2] = 55;
        machine_run(m, 1);
        cr_assert_eq(cpu->reg[SR_ESR_EL2] & 0x3f, 0x21, "alignment");
        cr_assert_eq(cpu->x[2], 55);
        cr_assert_eq(m->state->monitors_armed, 0);
        machine_free(m);
    }
}
