/*
 * Checker emul: its parts to each other. emul.c judges what has changed when a vCPU comes back from
 * an abort, emul_abort.c what the abort was taken for.
 */
#pragma once
#include "sim/check/check_states.h"

#define EC_DABT_LOWER 0x24u
#define ISS_ISV (1u << 24)
#define ISS_SSE (1u << 21)
#define ISS_SF (1u << 15)
#define ISS_CM (1u << 8)
#define ISS_S1PTW (1u << 7)
#define ISS_WNR (1u << 6)

/* The page of the access that aborts, as stage 1 gives it, | 1; 0: it does not. */
uint64_t emul_ipa_of(const struct checks *c, const struct event *abort);

/* A vCPU goes on at the instruction that aborted (is_retry), or behind it. */
void emul_judge_abort(struct checks *c, const struct event *e, const struct emul_abort *a,
                      bool is_retry);

/* A register was read or written; a table was stored to; a TLB entry was made. */
void emul_read(struct checks *c, const struct event *e);
void emul_stored(struct checks *c, const struct event *e);
void emul_filled(struct checks *c, const struct event *e);
