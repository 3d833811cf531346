/*
 * What the guests of the benchmark share: freestanding programs for the "virt" board, entered at
 * EL2 (or EL1) with as many CPUs as the machine has. start.S turns the MMU on with RAM and devices
 * at their own addresses; guest.c starts the other CPUs, lets each do its part, prints what came
 * out, and turns the machine off.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define CPUS_MAX 4u

/* One CPU's part of the work; what it returns is added up and printed. */
uint64_t guest_work(unsigned cpu);
/* Once, before the other CPUs run. */
void guest_prepare(void);
extern const char guest_name[];

void guest_print(const char *text);
void guest_print_number(uint64_t value); /* decimal */
void guest_print_hex(uint64_t value);

/* From start.S. */
extern uint64_t guest_tables[];   /* level 1: entries 0..3 map 4 GiB, the others are free */
void guest_secondary(void);       /* where CPU_ON goes, with the CPU's number */
uint64_t guest_firmware(uint64_t function, uint64_t a, uint64_t b, uint64_t c);

static inline uint64_t guest_level(void)
{
    uint64_t value;
    __asm__ volatile("mrs %0, CurrentEL" : "=r"(value));
    return value >> 2;
}

/* xorshift: the same numbers everywhere. */
static inline uint32_t guest_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
