/* Programmed and effective copies of system registers: a direct write sets the programmed copy;
 * the effective one follows at the next context synchronization event, or earlier by choice. */
#pragma once
#include "cpu/core.h"

/* What looks at effective copies: the two translation regimes (and the traps of their levels),
 * and the taking of an exception. */
enum effective_use { EFFECTIVE_USE_EL10, EFFECTIVE_USE_EL2, EFFECTIVE_USE_EXCEPTION };

/* Sets the programmed copy of a register of the file; the value is legal (sysreg_legal). A row
 * without an effective copy takes effect at once. Emits SYSREG when the value changes. */
void effective_program(struct core *c, enum sysreg reg, uint64_t value);

/* Sets both copies, as hardware does to its own registers (ESR_ELx, ELR_ELx, ...). */
void effective_set_both(struct core *c, enum sysreg reg, uint64_t value);

/*
 * At a use: for every lagging register that the use looks at, in order of writing, asks
 * sysreg-effective (object: the PE) while that kind is open; 1 lets it take effect now.
 */
void effective_before_use(struct core *c, enum effective_use use);
