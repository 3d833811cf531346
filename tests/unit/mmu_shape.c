/*
 * The shape of a core's TLB: capacities and sets, first in, first out; the second level fills the
 * first again; and that what is removed is gone from everywhere.
 */
#include <criterion/criterion.h>

#include "tests/unit/mmu_world.h"

#define VA UINT64_C(0x10000000)
#define OUTPUT UINT64_C(0x48000000)
#define MISS 5u /* what a miss costs beside its reads, of 10 each */
#define SECOND 3u

struct shaped {
    struct world *w;
    uint64_t root;
};

static struct shaped shaped_new(const char *core)
{
    struct tlb_shape shape;
    cr_assert(tlb_shape_find(core, &shape));
    struct shaped s = {.w = world_new_shaped(0, &shape)};
    s.root = world_page(s.w);
    world_page(s.w);
    s.w->registers.ttbr0_el1 = s.root;
    return s;
}

static void map(struct shaped *s, uint64_t page)
{
    world_map1(s->w, s->root, VA + page * PAGE_BYTES, OUTPUT + page % 512 * PAGE_BYTES, 0);
}

/* What the use of a page cost; it has the right address. */
static uint32_t use(struct shaped *s, uint64_t page, bool is_fetch)
{
    struct mmu_request request = world_request(VA + page * PAGE_BYTES, 1);
    request.kind = is_fetch ? ACCESS_FETCH : ACCESS_PLAIN;
    if (is_fetch) /* EL1 never executes what EL0 may write: ask as EL0 */
        request.el = 0;
    struct translation t = world_go(s->w, 0, REGIME_EL10, &request);
    cr_assert_eq(t.fault.kind, FAULT_NONE);
    cr_assert_eq(t.pa.bits, OUTPUT + page % 512 * PAGE_BYTES);
    return t.cost;
}

static uint64_t hash(struct shaped *s)
{
    return hash_bytes(&s->w->state[0], sizeof s->w->state[0], cow_hash(s->w->memory));
}

Test(mmu_shape, cores_have_their_figures)
{
    static const struct {
        const char *core;
        unsigned fetch, data, second, ways;
    } known[] = {
        {"cortex-a53", 10, 10, 512, 4},    {"cortex-a57", 48, 32, 1024, 4},
        {"cortex-a72", 48, 32, 1024, 4},   {"neoverse-n1", 48, 48, 1280, 5},
        {"armv8.0", 48, 32, 1024, 4},
    };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        struct tlb_shape shape;
        cr_assert(tlb_shape_find(known[i].core, &shape));
        cr_expect_eq(shape.array[0].entries, known[i].fetch);
        cr_expect_eq(shape.array[0].ways, known[i].fetch);
        cr_expect_eq(shape.array[1].entries, known[i].data);
        cr_expect_eq(shape.array[2].entries, known[i].second);
        cr_expect_eq(shape.array[2].ways, known[i].ways);
        unsigned sum = 0, held = 0;
        for (unsigned k = 0; k < shape.count; k++) {
            sum += shape.array[k].entries;
            held |= shape.array[k].holds;
        }
        cr_expect_eq(sum, shape.entries);
        cr_expect_eq(held, TLB_HOLDS_FETCH | TLB_HOLDS_DATA | TLB_HOLDS_TABLE | TLB_HOLDS_STAGE2);
    }
    struct tlb_shape none;
    cr_expect_not(tlb_shape_find("abacus", &none));
}

/* The 33rd page takes the place of the first, which the second level still has. */
Test(mmu_shape, the_first_level_is_first_in_first_out)
{
    struct shaped s = shaped_new("cortex-a57");
    for (unsigned page = 0; page < 33; page++)
        map(&s, page);
    for (unsigned page = 0; page < 32; page++)
        cr_assert_geq(use(&s, page, false), MISS);
    uint64_t before = hash(&s);
    for (unsigned page = 32; page-- > 0;)
        cr_assert_eq(use(&s, page, false), 0);
    cr_assert_eq(hash(&s), before); /* hits change nothing, whatever their order */
    use(&s, 32, false);
    cr_assert_eq(use(&s, 1, false), 0);
    cr_assert_eq(use(&s, 0, false), SECOND); /* and takes the place of page 1 */
    cr_assert_eq(use(&s, 0, false), 0);
    cr_assert_eq(use(&s, 1, false), SECOND);
    cr_assert_eq(s.w->state[0].evictions, 0);
    world_free(s.w);
}

/* Fetches and data have first levels of their own and share the second. */
Test(mmu_shape, fetches_and_data_are_apart_in_the_first_level)
{
    struct shaped s = shaped_new("cortex-a57");
    map(&s, 0);
    cr_assert_geq(use(&s, 0, false), MISS);
    cr_assert_eq(use(&s, 0, true), SECOND);
    cr_assert_eq(use(&s, 0, true), 0);
    cr_assert_eq(use(&s, 0, false), 0);
    cr_assert_eq(s.w->told[EVENT_TLB_GONE], 0);
    world_free(s.w);
}

/* 256 sets of 4: five pages of one set do not fit into the second level. */
Test(mmu_shape, sets_are_full_before_the_array_is)
{
    struct shaped s = shaped_new("cortex-a57");
    for (unsigned k = 0; k < 5; k++)
        map(&s, k * 256);
    for (unsigned page = 1; page < 33; page++)
        map(&s, page);
    for (unsigned k = 0; k < 5; k++)
        use(&s, k * 256, false);
    cr_assert_eq(s.w->state[0].evictions, 0);
    cr_assert_eq(use(&s, 0, false), 0); /* the first level has it still */
    for (unsigned page = 1; page < 29; page++)
        use(&s, page, false);
    cr_assert_eq(s.w->state[0].evictions, 1); /* now it has gone from there, too */
    cr_assert_geq(use(&s, 0, false), MISS);
    world_free(s.w);
}

/* An invalidation empties places wherever they are; they are taken again before others go. */
Test(mmu_shape, what_is_removed_is_nowhere)
{
    struct shaped s = shaped_new("cortex-a53");
    for (unsigned page = 0; page < 12; page++)
        map(&s, page);
    for (unsigned page = 0; page < 10; page++)
        use(&s, page, false);
    world_tlbi(s.w, 0, TLBI_VAE1, (VA >> 12) + 3, TLBI_LOCAL);
    world_dsb(s.w, 0, true);
    mmu_synchronize(&s.w->mmu[0]);
    use(&s, 10, false); /* into the empty place */
    for (unsigned page = 0; page < 10; page++)
        if (page != 3)
            cr_assert_eq(use(&s, page, false), 0, "%u", page);
    cr_assert_geq(use(&s, 3, false), MISS);
    world_free(s.w);
}

/* A core's shape is no bound on what is true: any mix of uses and invalidations goes as by walks
 * alone, and the same from any restored state. */
Test(mmu_shape, any_mix_comes_out_right)
{
    static const char *const cores[] = {"cortex-a53", "cortex-a57", "neoverse-n1"};
    for (size_t i = 0; i < ARRAY_COUNT(cores); i++) {
        struct shaped s = shaped_new(cores[i]);
        struct world *w = s.w;
        for (unsigned page = 0; page < 2048; page++)
            map(&s, page);
        for (unsigned step = 0; step < 20000; step++) {
            uint64_t r = world_random(w);
            use(&s, r % 4 ? r >> 8 & 63 : r >> 8 & 2047, r >> 40 & 1);
            if ((r >> 41) % 64 == 0) {
                world_tlbi(w, 0, TLBI_VAE1, (VA >> 12) + (r >> 20 & 63), TLBI_LOCAL);
                world_dsb(w, 0, true);
                mmu_synchronize(&w->mmu[0]);
            }
            if (step % 1500 == 0) {
                uint64_t before = hash(&s);
                struct cow_snapshot *saved = cow_save(w->memory);
                struct mmu_state state = w->state[0];
                for (unsigned k = 0; k < 50; k++)
                    use(&s, world_random(w) & 2047, false);
                cow_restore(w->memory, saved);
                w->state[0] = state;
                mmu_restored(&w->mmu[0]);
                cr_assert_eq(hash(&s), before);
                cow_snapshot_free(saved);
            }
            cr_assert_leq(w->state[0].tlb_valid, w->config.shape.entries);
        }
        cr_assert_gt(w->state[0].evictions, 0);
        world_free(w);
    }
}
