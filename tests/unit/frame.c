/*
 * What the build itself promises to the code: the dialect, the byte order and the widths that the
 * state structs and their hashes count on. The parts have their own tests beside this one.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gen/version.h"

Test(frame, dialect_is_c11)
{
    cr_assert(__STDC_VERSION__ >= 201112L);
}

Test(frame, host_is_little_endian)
{
    uint32_t value = 0x11223344;
    uint8_t first;
    memcpy(&first, &value, 1);
    cr_assert_eq(first, 0x44);
}

Test(frame, version_is_three_numbers)
{
    unsigned major, minor, patch;
    char rest;
    cr_assert_eq(sscanf(ARMILLARY_VERSION, "%u.%u.%u%c", &major, &minor, &patch, &rest), 3);
}
