/*
 * The two halves of the shadow to each other: entries (shadow.c) and invalidations
 * (shadow_tlbi.c).
 */
#pragma once
#include "sim/check/check_parts.h"

void shadow_tlbi_issued(struct checks *c, const struct event *e);
/* TLBI_DONE, or TLBI_LOCAL_DONE: then only what was issued with local scope. */
void shadow_tlbi_finished(struct checks *c, const struct event *e);
/* A DSB: what it says of the stores before it. */
void shadow_dsb(struct checks *c, const struct event *e);
