/*
 * What the files of the machine share with each other, and with nobody else.
 */
#pragma once
#include "sim/machine.h"

/* machine_port.c: memory map, monitors, and what a PE asks of the machine around it. */
extern const struct core_ops machine_core_ops;
void machine_port_init(struct machine *m);
/* Bytes of RAM for reading and writing by the machine itself; page-crossing is fine. */
bool machine_poke(struct machine *m, pa_t pa, const void *bytes, size_t size);

/* machine_lines.c: timers and wires; recomputed only when an input changed. */
void machine_timer_update(struct machine *m, unsigned pe, uint64_t cycles);
void machine_wires(struct machine *m);
/* Fires every deadline that is due at `cycles`. */
void machine_deadlines(struct machine *m, uint64_t cycles);
/* Ends a wait; the PE's time becomes at least `cycles`. */
void machine_wake(struct machine *m, unsigned pe, uint64_t cycles);
/* An event for WFE: ends such a wait, or is kept in the event register. */
void machine_event(struct machine *m, unsigned pe, uint64_t cycles);

/* machine_calls.c: firmware and semihosting, after the engine stopped for them. */
void machine_firmware(struct machine *m, unsigned pe);
void machine_semihosting(struct machine *m, unsigned pe);

/* How many bytes of machine_state are in use with the configured number of PEs. */
size_t machine_state_bytes(const struct machine *m);
