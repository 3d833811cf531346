#pragma once

/*
 * The two functions that the compiler calls on its own, for host code; not for EL2.
 */

#include <stddef.h>

void *memcpy(void *restrict target, const void *restrict source, size_t bytes);
void *memset(void *target, int value, size_t bytes);
