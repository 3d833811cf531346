/*
 * The bare-metal guest of stage2.c: vCPU 0 reads and writes pages as it is asked, vCPU 1 goes
 * through all places of the arena again and again, counts in each, and looks whether the stamp
 * there is the one it is told. Its memory is taken away and given back meanwhile, which it can
 * tell only when something is wrong.
 *
 * Translation is on when it starts (stage2_entry.S). Both vCPUs have the same ASID, and at OWN_VA
 * each sees memory of its own. No interrupts, no devices but the doorbell.
 */
#include "payload/stage2.h"

static struct mailbox *const mailbox = (struct mailbox *)(uintptr_t)MAILBOX_BASE;
static struct arena_page *const arena = (struct arena_page *)(uintptr_t)ARENA_BASE;

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static void ring(void)
{
    __asm__ volatile("str %w0, [%1]" ::"r"(RING_DONE), "r"((uintptr_t)DOORBELL) : "memory");
}

/* Until the other vCPU has gone through all places from here on. */
static void wait_round(void)
{
    uint64_t start = load(&mailbox->rounds);
    while (load(&mailbox->rounds) < start + 2)
        __asm__ volatile("yield");
}

static void serve(uint64_t *own)
{
    for (;;) {
        ring();
        uint64_t *word = &arena[load(&mailbox->page)].stamp;
        switch (load(&mailbox->ask)) {
        case ASK_READ:
            store(&mailbox->answer, load(word));
            break;
        case ASK_WRITE:
            store(word, load(&mailbox->value));
            break;
        case ASK_OWN:
            store(&mailbox->answer, load(own));
            break;
        case ASK_ROUND:
            wait_round();
            break;
        }
    }
}

static void complain(uint64_t what, uint64_t seen)
{
    if (load(&mailbox->bad) != 0)
        return;
    store(&mailbox->bad_seen, seen);
    store(&mailbox->bad, what);
}

/* One look at a place. A stamp that is changed before and behind the look may be anything. */
static void look(unsigned place)
{
    struct arena_page *page = &arena[PLACE_PAGE(place)];
    uint64_t expected = load(&mailbox->expected[place]), stamp = load(&page->stamp);
    if (expected != 0 && expected == load(&mailbox->expected[place]) && stamp != expected)
        complain(place + 1, stamp);
    store(&page->count, load(&page->count) + 1);
}

static void hammer(uint64_t *own)
{
    for (;;) {
        while (load(&mailbox->stop) == 0) {
            for (unsigned place = 0; place < PLACES; place++)
                look(place);
            if (load(own) != 1)
                complain(PLACES + 1, load(own));
            store(&mailbox->rounds, load(&mailbox->rounds) + 1);
        }
        ring();
    }
}

void guest_main(uint64_t number);

void guest_main(uint64_t number)
{
    uint64_t *own = (uint64_t *)(uintptr_t)OWN_VA;
    store(own, number);
    if (number == 0)
        serve(own);
    else
        hammer(own);
}
