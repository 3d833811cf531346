#pragma once

/*
 * Output on the PL011, and the ways in which a run ends (Arm semihosting).
 */

#include "hyp/arch.h"

/* Prints one line as a whole: %s string, %u unsigned (32 bits), %x address or value (64 bits). */
void console_print(const char *format, ...);

/* For last words: whoever holds the console's lock will not give it back. */
void console_seize(void);

/* Ends the run with this status. */
void machine_exit(uint64_t status) __attribute__((noreturn));

/* Ends the run for a fault of the host itself, with status 2. */
void host_die(const char *reason) __attribute__((noreturn));
