/*
 * The guest "worker": one or more vCPUs that work in rounds and check, after each round, what a VM
 * may rely on.
 *
 * - Private data: each vCPU has a word that only it writes; every VM has its words at the same
 *   address, so another VM's translation shows another VM's tag.
 * - A mapping torn down: in its round a vCPU maps GUEST_WINDOW to the other of two pages, by
 *   break-before-make, and says so; then no vCPU may read through the old translation.
 * - A page given back: in every fourth round the vCPU whose turn it is gives a page to the host and
 *   takes a new one at the same address, which must be empty; then no vCPU may see the old page.
 *
 * DDI 0487: "Using break-before-make when updating translation table entries", TLBI VAE1IS.
 */

#include "hyp/guest/lib.h"

#define VCPUS_MOST 4
#define RELEASE_EVERY 4

GUEST_PAGES static struct guest_page private_page;
GUEST_PAGES static struct guest_page loan_page;
GUEST_PAGES static struct guest_page window_pages[2];

static uint64_t round_published;
static uint64_t round_checked[VCPUS_MOST];

/* The rounds in which window and loan were last written: what their tags must say. */
struct expected {
    uint64_t window_round;
    uint64_t loan_round;
};

void worker_remap(uint64_t round);
void worker_renew_loan(uint64_t round);
void worker_check(const struct expected *expected);

static const uint64_t *window_word(void)
{
    return (const uint64_t *)GUEST_WINDOW;
}

void guest_build(void)
{
    guest_tables_fill(&guest_tables, &window_pages[0]);
}

__attribute__((noinline)) void worker_remap(uint64_t round)
{
    uint64_t *entry = guest_entry(&guest_tables, GUEST_WINDOW);
    uint64_t mapped = guest_descriptor(&window_pages[0], GUEST_S1_PRIVATE);
    struct guest_page *page = &window_pages[READ_ONCE(*entry) == mapped ? 1 : 0];

    WRITE_ONCE(page->word[0], guest_tag(0, round));
    WRITE_ONCE(*entry, 0);
    dsb(ishst);
    tlbi_address(vae1is, (uint64_t)GUEST_ASID << 48 | GUEST_WINDOW >> 12);
    dsb(ish);
    isb();
    WRITE_ONCE(*entry, guest_descriptor(page, GUEST_S1_PRIVATE));
    dsb(ishst);
    isb();
}

__attribute__((noinline)) void worker_renew_loan(uint64_t round)
{
    guest_release(&loan_page);
    guest_check(GUEST_FAIL_RELEASED, &loan_page, 0, READ_ONCE(loan_page.word[0]));
    WRITE_ONCE(loan_page.word[0], guest_tag(1, round));
}

__attribute__((noinline)) void worker_check(const struct expected *expected)
{
    if (expected->window_round != 0)
        guest_check(GUEST_FAIL_REMAPPED, window_word(), guest_tag(0, expected->window_round),
                    READ_ONCE(*window_word()));
    if (expected->loan_round != 0)
        guest_check(GUEST_FAIL_RELEASED, &loan_page, guest_tag(1, expected->loan_round),
                    READ_ONCE(loan_page.word[0]));
}

static void check_private(uint64_t round)
{
    uint64_t *word = &private_page.word[guest_vcpu()];
    guest_check(GUEST_FAIL_PRIVATE, word, round == 1 ? 0 : guest_tag(guest_vcpu(), round - 1),
                READ_ONCE(*word));
    WRITE_ONCE(*word, guest_tag(guest_vcpu(), round));
}

void guest_main(uint64_t iterations, uint64_t vcpu_count)
{
    struct expected expected = {0, 0};
    uint64_t turn = 0;

    for (uint64_t round = 1; round <= iterations; round++) {
        bool is_renewal = round % RELEASE_EVERY == 0;
        check_private(round);
        if (turn == guest_vcpu()) {
            if (is_renewal)
                worker_renew_loan(round);
            else
                worker_remap(round);
            store_release(&round_published, round);
        } else {
            guest_wait(&round_published, round);
        }
        if (is_renewal)
            expected.loan_round = round;
        else
            expected.window_round = round;
        worker_check(&expected);
        store_release(&round_checked[guest_vcpu()], round);
        if (++turn == vcpu_count)
            turn = 0;
        if (turn == guest_vcpu())          /* the next round is ours: all must be done with this */
            for (uint64_t n = 0; n < vcpu_count; n++)
                guest_wait(&round_checked[n], round);
    }
}
