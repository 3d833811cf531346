/*
 * Copying and filling, by words where both ends allow it.
 */

#include "hyp/host/memory.h"

#include <stdint.h>

void *memcpy(void *restrict target, const void *restrict source, size_t bytes)
{
    size_t n = 0;
    if ((((uintptr_t)target | (uintptr_t)source) & 7) == 0)
        for (; n + 8 <= bytes; n += 8)
            *(uint64_t *)((char *)target + n) = *(const uint64_t *)((const char *)source + n);
    for (; n < bytes; n++)
        ((char *)target)[n] = ((const char *)source)[n];
    return target;
}

void *memset(void *target, int value, size_t bytes)
{
    for (size_t n = 0; n < bytes; n++)
        ((char *)target)[n] = (char)value;
    return target;
}
