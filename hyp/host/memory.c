/*
 * Copying and filling, by words where both ends allow it. The compiler may call these two for
 * plain C statements. They are host text, so code for EL2 must not be written such that it does;
 * the linker cannot tell, but EL2 would stop at the first call: it may not execute host text.
 */

#include "hyp/host/memory.h"

#include <stdint.h>

void *memcpy(void *restrict target, const void *restrict source, size_t bytes)
{
    size_t n = 0;
    if ((((uintptr_t)target | (uintptr_t)source) & 7) == 0)
        for (; n + 32 <= bytes; n += 32) {
            uint64_t *to = (uint64_t *)((char *)target + n);
            const uint64_t *from = (const uint64_t *)((const char *)source + n);
            uint64_t a = from[0], b = from[1], c = from[2], d = from[3];
            to[0] = a;
            to[1] = b;
            to[2] = c;
            to[3] = d;
        }
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
