/* The SYS space: TLB maintenance, address translation, cache maintenance. */
#pragma once
#include "cpu/core.h"

/* Executes a SYS row that sysreg_resolve() has allowed; operand is Xt. STEP_FAULT leaves the
 * abort in the core; tells SYSTEM of what has been done. */
enum step maintenance_execute(struct core *c, enum sysreg operation, uint64_t operand);
