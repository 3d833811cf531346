#pragma once

/*
 * The host's tick: the EL1 physical timer of each CPU.
 */

/* Starts this CPU's tick with the period of the device tree, or a millisecond. */
void timer_start(void);

/* The tick's interrupt: asks for a switch of threads and sets the next one. */
void timer_tick(void);
