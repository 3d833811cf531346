/*
 * Pointer chasing over 64 MiB in a random order: every node is another line, nearly every node
 * another page; what a node holds is added up.
 */
#include "tests/bench/guest.h"

#define NODES (1u << 20)
#define VISITS 3000000u

const char guest_name[] = "chase";

struct node {
    struct node *next;
    uint64_t value[7];
};

static struct node nodes[NODES] __attribute__((aligned(64)));
static uint32_t order[NODES];

void guest_prepare(void)
{
    uint32_t state = 777;
    for (uint32_t i = 0; i < NODES; i++)
        order[i] = i;
    for (uint32_t i = NODES - 1; i > 0; i--) {
        uint32_t j = guest_random(&state) % (i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (uint32_t i = 0; i < NODES; i++) {
        nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
        for (unsigned k = 0; k < 7; k++)
            nodes[order[i]].value[k] = i * (k + 1);
    }
}

uint64_t guest_work(unsigned cpu)
{
    const struct node *node = &nodes[order[cpu * (NODES / CPUS_MAX)]];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < VISITS; i++) {
        for (unsigned k = 0; k < 7; k++)
            sum = (sum ^ node->value[k]) + k;
        node = node->next;
    }
    return sum;
}
