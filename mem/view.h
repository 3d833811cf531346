/*
 * Views: before which time a PE may not look any more.
 *
 *  read                     floor
 *  load                     read_new, the view of its address, that of its translation
 *  load-acquire (LDAR)      also release: RCsc, behind the PE's own store-releases
 *  walk                     observer, the view of the address, of descriptors before it
 *  fetch                    observer, that of its translation
 *
 *  event                    raises                by
 *  load                     read_old, its target  its floor and what it took
 *  load-acquire             read_new              the same ("load-acquire: barrier-ordered")
 *  DMB LD                   read_new              read_old
 *  DMB (all)                read_new              read_old, write_old
 *  DSB                      read_new, complete    as DMB, by its type; also DSB ST
 *  ISB, exception, return   read_new              control (a control or address dependency, then
 *                                                 a context synchronization event)
 *                           observer              complete, control
 *  WFE, WFI goes on, or an  read_new, observer    when the event came or the line rose: what is
 *  interrupt is taken                             behind it does not run ahead of that
 *  TLBI arrives             observer              what its issuer's DSB before it completed
 *  DSB that finishes TLBIs  read_new, complete    now
 */
#pragma once
#include "mem/order.h"

static inline void view_raise(uint64_t *view, uint64_t to)
{
    if (*view < to)
        *view = to;
}

/* A write of the PE has become visible. */
void view_wrote(struct order_views *v, uint64_t time, bool is_release);

/* The floor of a read, and what follows from what it took. */
uint64_t view_floor(const struct order_views *v, const struct access *access);
void view_took(struct order_views *v, const struct access *access, uint64_t floor, uint64_t view);

/* A read took the newest without being asked: until now there was nothing older to take. */
void view_forget(struct order_views *v, uint64_t now);

/* Barriers, by what they order: loads and stores before them. */
void view_dmb(struct order_views *v, bool loads, bool stores);
void view_dsb(struct order_views *v, bool loads, bool stores, bool others);
void view_synchronize(struct order_views *v);

/* The view of a TLB entry is that of the walk that made it; views up to forgotten bind nobody. */
void view_entry_made(struct order_views *v, uint32_t entry, uint64_t forgotten);
void view_entry_used(struct order_views *v, uint32_t entry);
void view_entry_gone(struct order_views *v, uint32_t entry);

void view_begin(struct order_views *v, const struct order_operands *operands);
void view_end(struct order_views *v, const struct order_operands *operands, bool completed);
