/*
 * How hot forms of loads and stores find the host memory under an address.
 *
 * Each form is compiled twice: for aligned accesses, and for those that need not be, to which the
 * first leaves when it does not match. In one function the second look would cost the first one
 * registers.
 */
#pragma once

#include "cpu/hot/hot.h"

/* What an entry has to say: HOT_REACH's `matches`. */
#define HOT_ALIGNED(tag, va, bytes, who) direct_matches(tag, va, bytes, who)
#define HOT_ANYWHERE(tag, va, bytes, who)                                                       \
    (h->unaligned && direct_matches_unaligned(tag, va, bytes, who))

/*
 * `at` is the host address of an access of `bytes` at va by `who`, a tag like data_tag, or off to
 * or_else, which is another form or the handler.
 */
#define HOT_REACH(who, matches, or_else, tag, bytes)                                            \
    const struct direct_entry *e = direct_entry(h, va);                                         \
    if (__builtin_expect(!matches(e->tag, va, (unsigned)(bytes), who), 0))                      \
        return or_else(HOT_PASS);                                                               \
    uint8_t *at = direct_host(e, va)

/* The same for pieces of so many bytes, `whole` together, which are in one page. */
#define HOT_REACH_ALL(who, matches, or_else, tag, piece, whole)                                 \
    HOT_REACH(who, matches, or_else, tag, piece);                                               \
    if (__builtin_expect((va & (PAGE_BYTES - 1)) + (whole) > PAGE_BYTES, 0))                    \
        return hot_slow(HOT_PASS)

/* Both functions of a form: what(who, matches, or_else, name, ...) makes one of them. */
#define HOT_BOTH(what, who, name, ...)                                                          \
    what(who, HOT_ANYWHERE, hot_slow, name##_askew, __VA_ARGS__)                                \
    what(who, HOT_ALIGNED, hot_##name##_askew, name, __VA_ARGS__)

/* ExtendReg() of an index register. */
#define HOT_UXTW(n) ((uint64_t)(uint32_t)(n))
#define HOT_SXTW(n) ((uint64_t)(int64_t)(int32_t)(n))
