/*
 * The page allocator: what was never used is taken from the bottom of a region, what came back is
 * a stack. The link to the next free page is its first word, the rest is poison.
 *
 * DDI 0487: DC CIVAC, CTR_EL0.DminLine.
 */

#include "hyp/host/page.h"

#include "hyp/board.h"
#include "hyp/host/console.h"
#include "hyp/host/lock.h"

static struct {
    struct spinlock lock;
    uint64_t fresh;
    uint64_t end;
    uint64_t *freed;
} pages;

void page_init(uint64_t first_bytes, uint64_t end_bytes)
{
    pages.fresh = (first_bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    pages.end = end_bytes;
}

static void page_fill(uint64_t *page, uint64_t value)
{
    for (uint64_t *at = page; at < page + PAGE_BYTES / 8; at += 8)
        __asm__ volatile("stp %1, %1, [%0]\n"
                         "stp %1, %1, [%0, #16]\n"
                         "stp %1, %1, [%0, #32]\n"
                         "stp %1, %1, [%0, #48]\n"
                         :
                         : "r"(at), "r"(value)
                         : "memory");
}

void *page_alloc(void)
{
    uint64_t mask = spin_lock_irq_save(&pages.lock);
    uint64_t *page = pages.freed;

    if (page != NULL) {
        pages.freed = (uint64_t *)page[0];
    } else {
        if (pages.fresh + PAGE_BYTES > pages.end)
            host_die("out of memory");
        page = (uint64_t *)pages.fresh;
        pages.fresh += PAGE_BYTES;
    }
    spin_unlock_irq_restore(&pages.lock, mask);
    return page;
}

void *page_alloc_zeroed(void)
{
    void *page = page_alloc();
    page_fill(page, 0);
    page_clean(page);
    return page;
}

void page_free(void *page)
{
    page_fill(page, PAGE_POISON);
    uint64_t mask = spin_lock_irq_save(&pages.lock);
    *(uint64_t **)page = pages.freed;
    pages.freed = page;
    spin_unlock_irq_restore(&pages.lock, mask);
}

void page_clean(void *page)
{
    uint64_t line = 4ull << field_of(CTR_EL0_DminLine, read_sysreg(CTR_EL0));
    for (uint64_t at = (uint64_t)page; at < (uint64_t)page + PAGE_BYTES; at += line)
        __asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
    dsb(sy);
}
