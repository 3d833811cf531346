/*
 * The store buffers to the rest of this part.
 */
#pragma once
#include "mem/order.h"

/* Why a store became visible: STORE_DRAINED.why. */
enum order_why {
    ORDER_SEEN,     /* an observer asked, and it was */
    ORDER_BEFORE,   /* something that had to come behind it became visible */
    ORDER_BARRIER,  /* a barrier waited for it */
    ORDER_FULL,     /* the buffer was full, or it had waited for long */
    ORDER_TLBI,     /* the entry that translated it has been invalidated */
    ORDER_SETTLED,  /* the PE, or all, had nothing else to do */
};

#define ORDER_NO_PE PE_COUNT_MAX

static inline bool order_overlaps(uint64_t a, size_t a_size, uint64_t b, size_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

/* Whether an access is a store that waits. */
bool buffer_takes(const struct order *o, const struct access *access);
/* Puts it in, for that. */
void buffer_put(struct order *o, const struct access *access, const uint64_t value[2],
                uint64_t view);

/*
 * Somebody looks at bytes: asks store-drain of each store there that may be visible by now, in
 * the order of execution; spared: the PE whose own stores are not asked, or ORDER_NO_PE.
 */
void buffer_observe(struct order *o, unsigned spared, uint64_t pa, size_t size, bool always);

/* An access goes past the buffer: its PE's stores that have to be visible before it go. */
void buffer_pass(struct order *o, const struct access *access);

/*
 * Overlays what the PE's own stores have for these bytes; for a walk or fetch only those that a
 * DSB has completed for it. Returns how many bytes, and raises *view to those stores' views.
 */
unsigned buffer_forward(const struct order *o, const struct access *access, bool is_apart,
                        uint64_t value[2], uint64_t *view);

/* Stores of a PE of which filter says so become visible, oldest first. False: there was none. */
typedef bool buffer_filter(const struct order_store *store, uint64_t argument);
bool buffer_drain(struct order *o, unsigned pe, buffer_filter *filter, uint64_t argument,
                  enum order_why why);
bool buffer_is_any(const struct order_store *store, uint64_t argument);
bool buffer_is_number(const struct order_store *store, uint64_t number);
/* The number of the store of any PE that was executed first; 0: none waits. */
uint64_t buffer_oldest(const struct order *o);
