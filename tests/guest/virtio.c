/*
 * A guest that drives every virtio device that it finds on the memory-mapped transport of the
 * board, and a block device also in a way that is not allowed. It prints lines "NAME VALUE" by
 * semihosting, which must be the same here and on other machines.
 */
#include <stdint.h>

#define PLACES 32u
#define PLACE(n) (0x0a000000ul + 0x200ul * (n))
#define PENDING_WORD(intid) (*(volatile uint32_t *)(0x08000200ul + 4 * ((intid) / 32)))
#define PENDING(intid) (PENDING_WORD(intid) >> (intid) % 32 & 1)
#define QUEUE_SIZE 8u
#define PATIENCE 100000000u

enum { DEVICE_NET = 1, DEVICE_BLOCK = 2, DEVICE_CONSOLE = 3, DEVICE_ENTROPY = 4 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};

struct queue {
    struct descriptor table[QUEUE_SIZE];
    uint16_t driver[QUEUE_SIZE + 4];
    uint32_t device[2 * QUEUE_SIZE + 4];
    uint32_t offered;
} __attribute__((aligned(4096)));

static struct queue queues[PLACES][2];
static struct descriptor inner[4] __attribute__((aligned(16)));
static uint8_t head[16] __attribute__((aligned(16))), data[1024] __attribute__((aligned(16)));
static volatile uint8_t status __attribute__((aligned(16)));

__asm__(".section .text.start, \"ax\"\n"
        ".global _start\n"
        "_start: ldr x1, =stack_end\n"
        "mov sp, x1\n"
        "bl guest_main\n"
        "b .\n"
        ".bss\n.balign 16\n.skip 0x4000\nstack_end:\n.text\n");

static uint64_t call(uint64_t operation, const void *parameter)
{
    register uint64_t x0 __asm__("x0") = operation;
    register const void *x1 __asm__("x1") = parameter;
    __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}

static void print(const char *name, unsigned index, uint64_t value)
{
    char line[64];
    unsigned n = 0;
    for (; *name; name++)
        line[n++] = *name;
    line[n++] = (char)('0' + index);
    line[n++] = ' ';
    for (unsigned shift = 64; shift > 0; shift -= 4)
        line[n++] = "0123456789abcdef"[value >> (shift - 4) & 15];
    line[n++] = '\n';
    line[n] = 0;
    call(4, line);
}

static volatile uint32_t *reg(unsigned n, unsigned offset)
{
    return (volatile uint32_t *)(PLACE(n) + offset);
}

static void barrier(void)
{
    __asm__ volatile("dsb sy" : : : "memory");
}

static uint64_t sum(const volatile uint8_t *bytes, unsigned size)
{
    uint64_t hash = 14695981039346656037ul;
    for (unsigned i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211ul;
    return hash;
}

static void queue_start(unsigned n, unsigned number)
{
    struct queue *q = &queues[n][number];
    for (unsigned i = 0; i < sizeof *q; i++)
        ((volatile uint8_t *)q)[i] = 0;
    *reg(n, 0x30) = number;
    *reg(n, 0x38) = QUEUE_SIZE;
    *reg(n, 0x80) = (uint32_t)(uintptr_t)q->table;
    *reg(n, 0x84) = 0;
    *reg(n, 0x90) = (uint32_t)(uintptr_t)q->driver;
    *reg(n, 0x94) = 0;
    *reg(n, 0xa0) = (uint32_t)(uintptr_t)q->device;
    *reg(n, 0xa4) = 0;
    *reg(n, 0x44) = 1;
}

/* Whether the device takes these features, beside VERSION_1. */
static int start(unsigned n, unsigned count, uint32_t features)
{
    *reg(n, 0x70) = 0;
    while (*reg(n, 0x70) != 0)
        continue;
    *reg(n, 0x70) = 1;
    *reg(n, 0x70) = 3;
    *reg(n, 0x14) = 0;
    features &= *reg(n, 0x10);
    *reg(n, 0x24) = 0;
    *reg(n, 0x20) = features;
    *reg(n, 0x24) = 1;
    *reg(n, 0x20) = 1;
    *reg(n, 0x70) = 11;
    if (*reg(n, 0x70) != 11)
        return 0;
    for (unsigned i = 0; i < count; i++)
        queue_start(n, i);
    *reg(n, 0x70) = 15;
    return 1;
}

static void descriptor(struct descriptor *d, const volatile void *address, uint32_t size,
                       unsigned flags, unsigned next)
{
    volatile struct descriptor *v = d;
    v->address = (uint64_t)(uintptr_t)address;
    v->size = size;
    v->flags = (uint16_t)flags;
    v->next = (uint16_t)next;
}

static void offer(unsigned n, unsigned number, unsigned first)
{
    struct queue *q = &queues[n][number];
    volatile uint16_t *driver = q->driver;
    driver[2 + q->offered % QUEUE_SIZE] = (uint16_t)first;
    barrier();
    driver[1] = (uint16_t)++q->offered;
    barrier();
    *reg(n, 0x50) = number;
}

/* Until all that was offered is used; the length of the last, or -1 when nothing comes. */
static uint64_t wait(unsigned n, unsigned number)
{
    volatile struct queue *q = &queues[n][number];
    for (unsigned i = 0; i < PATIENCE; i++) {
        barrier();
        if ((uint16_t)(q->device[0] >> 16) == (uint16_t)q->offered)
            return q->device[2 + 2 * ((q->offered - 1) % QUEUE_SIZE)];
        if (*reg(n, 0x70) & 0x40)
            break;
    }
    return (uint64_t)-1;
}

/* --- block ------------------------------------------------------------------------------------ */

static void block_request(unsigned n, unsigned type, uint64_t sector, unsigned size, int is_in,
                          int is_indirect)
{
    struct descriptor *t = is_indirect ? inner : queues[n][0].table;
    for (unsigned i = 0; i < 8; i++) {
        ((volatile uint8_t *)head)[i] = (uint8_t)(i < 4 ? type >> 8 * i : 0);
        ((volatile uint8_t *)head)[8 + i] = (uint8_t)(sector >> 8 * i);
    }
    status = 0xee;
    descriptor(&t[0], head, 16, NEXT, size ? 1 : 2);
    descriptor(&t[1], data, size, NEXT | (is_in ? WRITE : 0), 2);
    descriptor(&t[2], &status, 1, WRITE, 0);
    if (is_indirect)
        descriptor(&queues[n][0].table[5], inner, 48, INDIRECT, 0);
    offer(n, 0, is_indirect ? 5 : 0);
}

static void block_status(const char *name, unsigned n)
{
    uint64_t length = wait(n, 0);
    print(name, 0, length << 8 | status);
}

static void block_rings(unsigned n, uint32_t features, unsigned index)
{
    print("block_start", index, (uint64_t)start(n, 1, features | 1u << 9));
    block_request(n, 0, 2, 1024, 1, 0);
    block_status("block_read_status", n);
    print("block_read", index, sum(data, 1024));
    print("block_interrupt", index, *reg(n, 0x60) | PENDING(48 + n) << 8);
    *reg(n, 0x64) = 1;
    barrier();
    print("block_acknowledged", index, *reg(n, 0x60) | PENDING(48 + n) << 8);
    for (unsigned i = 0; i < 1024; i++)
        ((volatile uint8_t *)data)[i] = (uint8_t)(i * 5 + index);
    block_request(n, 1, 1 + 4 * index, 1024, 0, (features & 1u << 28) != 0);
    block_status("block_write_status", n);
    block_request(n, 4, 0, 0, 0, 0);
    block_status("block_flush_status", n);
    block_request(n, 0, 1 + 4 * index, 512, 1, (features & 1u << 28) != 0);
    block_status("block_again_status", n);
    print("block_again", index, sum(data, 1024));
    block_request(n, 0, 1000000, 512, 1, 0);
    wait(n, 0);
    print("block_outside", index, status);
    block_request(n, 99, 0, 0, 0, 0);
    wait(n, 0);
    print("block_unknown", index, status);
}

/* A loop, an index that jumps, a chain that is too short: the device gives up, until a reset. */
static void block_broken(unsigned n)
{
    for (unsigned i = 0; i < 5; i++) {
        start(n, 1, 0);
        struct descriptor *t = queues[n][0].table;
        block_request(n, 0, 0, 512, 1, 0);
        wait(n, 0);
        *reg(n, 0x64) = 3;
        descriptor(&t[0], head, 16, NEXT, 1);
        if (i == 0)
            descriptor(&t[0], head, 16, NEXT, 0);
        else if (i == 1)
            queues[n][0].offered += 20;
        else if (i == 2)
            descriptor(&t[0], head, 16, 0, 0);
        else if (i == 3)
            descriptor(&t[1], data, 512, NEXT | WRITE, 9);
        offer(n, 0, i == 4 ? 8 : 0);
        for (unsigned k = 0; k < 1000000 && !(*reg(n, 0x70) & 0x40); k++)
            continue;
        print("broken_status", i, *reg(n, 0x70));
        print("broken_interrupt", i, *reg(n, 0x60));
        *reg(n, 0x70) = 0;
        print("broken_reset", i, *reg(n, 0x70));
    }
}

/* --- the others ------------------------------------------------------------------------------- */

static void console(unsigned n)
{
    static const char text[] = "out of the virtio console\n";
    print("console_start", 0, (uint64_t)start(n, 2, 0));
    descriptor(&queues[n][1].table[3], text, sizeof text - 1, 0, 0);
    offer(n, 1, 3);
    print("console_sent", 0, wait(n, 1));
}

static void entropy(unsigned n)
{
    print("entropy_start", 0, (uint64_t)start(n, 1, 0));
    for (unsigned i = 0; i < 64; i++)
        ((volatile uint8_t *)data)[i] = 0;
    descriptor(&queues[n][0].table[0], data, 64, WRITE, 0);
    offer(n, 0, 0);
    print("entropy_length", 0, wait(n, 0));
    unsigned zeros = 0;
    for (unsigned i = 0; i < 64; i++)
        zeros += data[i] == 0;
    print("entropy_is_there", 0, zeros < 16);
}

/* A frame from one network device to the other, and back. */
static void net(unsigned a, unsigned b)
{
    unsigned from[] = {a, b}, to[] = {b, a};
    print("net_start", 0, (uint64_t)(start(a, 2, 0) & start(b, 2, 0)));
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned k = 0; k < 112; k++)
            ((volatile uint8_t *)data)[k] = (uint8_t)(k < 12 ? 0 : k < 18 ? 0xff : k + i);
        descriptor(&queues[to[i]][0].table[0], data + 512, 1526 > 512 ? 512 : 0, WRITE, 0);
        offer(to[i], 0, 0);
        descriptor(&queues[from[i]][1].table[0], data, 12, NEXT, 1);
        descriptor(&queues[from[i]][1].table[1], data + 12, 100, 0, 0);
        offer(from[i], 1, 0);
        print("net_sent", i, wait(from[i], 1));
        print("net_length", i, wait(to[i], 0));
        print("net_bytes", i, sum(data + 524, 100));
    }
}

void guest_main(void)
{
    unsigned nets[PLACES], count = 0, empty = 0;
    static const uint64_t done[2] = {0x20026, 0};
    for (unsigned i = 0; i < 10; i++) /* distributor on, so that lines become pending */
        *(volatile uint32_t *)0x08000000ul = 1;
    for (unsigned n = 0; n < PLACES; n++) {
        if (*reg(n, 0) != 0x74726976u || *reg(n, 4) != 2)
            print("no_transport", 0, n);
        switch (*reg(n, 8)) {
        case DEVICE_NET:
            nets[count++] = n;
            break;
        case DEVICE_BLOCK:
            block_rings(n, 0, 0);
            block_rings(n, 1u << 28 | 1u << 29, 1);
            block_broken(n);
            break;
        case DEVICE_CONSOLE:
            console(n);
            break;
        case DEVICE_ENTROPY:
            entropy(n);
            break;
        default:
            empty++;
            break;
        }
    }
    if (count == 2)
        net(nets[0], nets[1]);
    print("empty", 0, empty);
    call(0x18, done);
}
