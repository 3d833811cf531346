/*
 * What a fuzz target is: the function that libFuzzer calls, and seeds made in code. driver.c runs
 * the same with a fixed number of mutations, so that each test run does a little of it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The input number `index` to start from, or NULL when there are no more. */
const uint8_t *fuzz_seed(unsigned index, size_t *size);
