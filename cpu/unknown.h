/* Registers that the architecture leaves UNKNOWN: which ones are now, and what a read of one
 * finds, by the choice unknown-value. Nothing is noted while that kind is closed: then every
 * register keeps its previous value. */
#pragma once
#include "cpu/core.h"

/* The register holds an UNKNOWN value from now on; one that has a row in unknown.c. */
void unknown_mark(struct core *c, enum sysreg reg);

/* An exception return from an Exception level makes its syndrome registers UNKNOWN. */
void unknown_leave(struct core *c, unsigned el);

/* The register has been written: it is known. */
void unknown_clear(struct cpu *cpu, enum sysreg reg);

/* Before a read: an UNKNOWN register gets the value that the choice gives, and keeps it. */
void unknown_settle(struct core *c, enum sysreg reg);
