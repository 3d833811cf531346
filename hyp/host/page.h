#pragma once

/*
 * Pages of host memory. The page freed last is given out first, so that a page goes from one owner
 * to the next as soon as possible; a free page is filled with PAGE_POISON.
 */

#include "hyp/arch.h"

#define PAGE_POISON 0xf4eef4eef4eef4eeull

/* [first, end) is ours to give out. Once. */
void page_init(uint64_t first_bytes, uint64_t end_bytes);

/* A page with any content; ends the run if there is none. */
void *page_alloc(void);

/* A page of zeroes, in the caches and in memory behind them: a guest may start with caches off. */
void *page_alloc_zeroed(void);

void page_free(void *page);

/* Writes the page's lines back to memory and drops them from the caches. */
void page_clean(void *page);
