/*
 * The CPU benchmark whose figure is the speed of the simulator: seven integer kernels, 1.6 G
 * instructions on one CPU. Each prints what it found.
 */
#include "tests/bench/guest.h"

#define SORT_WORDS (1 << 16)
#define BUFFER_BYTES (1u << 18)
#define COPY_WORDS (1 << 15)
#define SIZE 96
#define NODES (1u << 16)

const char guest_name[] = "cpu";

struct node {
    struct node *next;
    uint64_t value;
    uint64_t pad[6];
};

void *memcpy(void *to, const void *from, size_t size);

static uint32_t random_state = 12345;
static uint32_t words[SORT_WORDS], table[256];
static uint8_t buffer[BUFFER_BYTES];
static uint64_t from[COPY_WORDS], to[COPY_WORDS];
static int a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];
static struct node nodes[NODES];
static uint32_t order[NODES];

void guest_prepare(void)
{
}

/* One piece of a quicksort is split until it is small; what is left over is pushed. */
static int split(int *stack, int depth, int low, int high)
{
    while (low < high) {
        uint32_t pivot = words[(low + high) >> 1];
        int i = low, j = high;
        while (i <= j) {
            while (words[i] < pivot)
                i++;
            while (words[j] > pivot)
                j--;
            if (i <= j) {
                uint32_t swap = words[i];
                words[i++] = words[j];
                words[j--] = swap;
            }
        }
        if (j - low < high - i) {
            if (i < high) {
                stack[depth++] = i;
                stack[depth++] = high;
            }
            high = j;
        } else {
            if (low < j) {
                stack[depth++] = low;
                stack[depth++] = j;
            }
            low = i;
        }
    }
    return depth;
}

static uint64_t sort(void)
{
    uint64_t hash = 0;
    for (int round = 0; round < 16; round++) {
        int stack[128], depth = 0;
        for (int i = 0; i < SORT_WORDS; i++)
            words[i] = guest_random(&random_state);
        stack[depth++] = 0;
        stack[depth++] = SORT_WORDS - 1;
        while (depth) {
            int high = stack[--depth], low = stack[--depth];
            depth = split(stack, depth, low, high);
        }
        hash = hash * 31 + words[777] + words[65000];
    }
    return hash;
}

static uint64_t crc32(void)
{
    uint32_t sum = UINT32_MAX;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t entry = i;
        for (int k = 0; k < 8; k++)
            entry = entry & 1 ? UINT32_C(0xedb88320) ^ (entry >> 1) : entry >> 1;
        table[i] = entry;
    }
    for (size_t i = 0; i < sizeof buffer; i++)
        buffer[i] = (uint8_t)(i * 7);
    for (int round = 0; round < 200; round++)
        for (size_t i = 0; i < sizeof buffer; i++)
            sum = table[(sum ^ buffer[i]) & 255] ^ (sum >> 8);
    return sum;
}

static uint64_t copy(void)
{
    for (int i = 0; i < COPY_WORDS; i++)
        from[i] = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
    for (int round = 0; round < 2000; round++) {
        memcpy(to, from, sizeof from);
        from[round & (COPY_WORDS - 1)] ^= (uint64_t)round;
    }
    return to[123] ^ to[1999];
}

static uint64_t matrix(void)
{
    uint64_t hash = 0;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = i * 3 + j;
            b[i][j] = i ^ (j * 5);
        }
    }
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < SIZE; i++) {
            for (int j = 0; j < SIZE; j++) {
                int sum = 0;
                for (int k = 0; k < SIZE; k++)
                    sum += a[i][k] * b[k][j];
                c[i][j] = sum;
            }
        }
        a[round % SIZE][5] ^= c[7][round % SIZE];
        hash += (uint64_t)c[95][95];
    }
    return hash;
}

/* A pointer chase in a random cyclic order over count nodes of 64 bytes. */
static uint64_t chase(uint32_t count, uint32_t steps)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t j = guest_random(&random_state) % (i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (uint32_t i = 0; i < count; i++) {
        nodes[order[i]].next = &nodes[order[(i + 1) & (count - 1)]];
        nodes[i].value = i;
    }
    uint64_t sum = 0;
    const struct node *node = nodes;
    while (steps--) {
        sum += node->value;
        node = node->next;
    }
    return sum;
}

static uint64_t near_list(void)
{
    return chase(1u << 10, 50000000u);
}

static uint64_t far_list(void)
{
    return chase(NODES, 2000000u);
}

static __attribute__((noinline)) uint64_t fibonacci(uint64_t n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t call(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < 3; i++)
        sum += fibonacci(32 + (i & 1));
    return sum;
}

static const struct {
    const char *name;
    uint64_t (*run)(void);
} kernels[] = {
    {"sort", sort},      {"crc32", crc32}, {"memcpy", copy}, {"matrix", matrix},
    {"list", near_list}, {"call", call},   {"far", far_list},
};

uint64_t guest_work(unsigned cpu)
{
    uint64_t sum = 0;
    for (unsigned i = 0; cpu == 0 && i < sizeof kernels / sizeof kernels[0]; i++) {
        uint64_t result = kernels[i].run();
        guest_print(kernels[i].name);
        guest_print(" result=");
        guest_print_hex(result);
        guest_print("\n");
        sum = sum * 31 + result;
    }
    return sum;
}
