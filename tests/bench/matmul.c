/*
 * Matrix multiplication in double precision, scalar and with vectors. A CPU without FP and SIMD
 * does nothing, and says so.
 */
#include "tests/bench/guest.h"

#define SIZE 96u
#define ROUNDS 40u

const char guest_name[] = "matmul";

typedef double pair_of_doubles __attribute__((vector_size(16)));

static double a[CPUS_MAX][SIZE][SIZE] __attribute__((aligned(16)));
static double b[CPUS_MAX][SIZE][SIZE] __attribute__((aligned(16)));
static double c[CPUS_MAX][SIZE][SIZE] __attribute__((aligned(16)));

void guest_prepare(void)
{
}

static void by_scalars(unsigned cpu)
{
    for (unsigned i = 0; i < SIZE; i++) {
        for (unsigned j = 0; j < SIZE; j++) {
            double sum = 0;
            for (unsigned k = 0; k < SIZE; k++)
                sum += a[cpu][i][k] * b[cpu][k][j];
            c[cpu][i][j] = sum;
        }
    }
}

static void by_vectors(unsigned cpu)
{
    for (unsigned i = 0; i < SIZE; i++) {
        for (unsigned j = 0; j < SIZE; j += 4) {
            pair_of_doubles low = {0, 0}, high = {0, 0};
            for (unsigned k = 0; k < SIZE; k++) {
                const pair_of_doubles *row = (const void *)&b[cpu][k][j];
                pair_of_doubles factor = {a[cpu][i][k], a[cpu][i][k]};
                low += factor * row[0];
                high += factor * row[1];
            }
            pair_of_doubles *to = (void *)&c[cpu][i][j];
            to[0] = low;
            to[1] = high;
        }
    }
}

uint64_t guest_work(unsigned cpu)
{
    uint64_t features, hash = 0;
    __asm__("mrs %0, id_aa64pfr0_el1" : "=r"(features));
    if ((features >> 16 & 15) == 15) {
        guest_print("no FP and SIMD\n");
        return 0;
    }
    for (unsigned i = 0; i < SIZE; i++) {
        for (unsigned j = 0; j < SIZE; j++) {
            a[cpu][i][j] = (double)(i * 3 + j + cpu) * 0.25;
            b[cpu][i][j] = (double)(i ^ j * 5) * 0.125;
        }
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        by_scalars(cpu);
        hash = hash * 31 + (uint64_t)c[cpu][7][round % SIZE];
        by_vectors(cpu);
        hash = hash * 31 + (uint64_t)c[cpu][round % SIZE][7];
        a[cpu][round % SIZE][5] += 1;
    }
    return hash;
}
