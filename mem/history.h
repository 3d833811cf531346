/*
 * The history of writes to the rest of this part.
 */
#pragma once
#include "mem/order.h"

/*
 * A write reaches what is below and is remembered; view is what its own PE's loads take from it.
 * PORT_EXCLUSIVE_FAIL: it did not.
 */
enum port_result history_write(struct order *o, const struct access *access,
                               const uint64_t value[2], uint64_t view);

/*
 * What a read takes that may not look before floor: asks load-early if there is more than the
 * newest. value holds the newest and is replaced; the view of what was taken. coherent: an
 * explicit access of a PE, which never goes back behind what that PE has seen there.
 */
uint64_t history_read(struct order *o, const struct access *access, uint64_t floor, bool coherent,
                      bool newest, uint64_t value[2]);
