/*
 * What every benchmark guest has: the console, the other CPUs, the end.
 */
#include "tests/bench/guest.h"

#define UART ((volatile uint32_t *)0x09000000)
#define PSCI_CPU_ON UINT64_C(0xc4000003)
#define PSCI_CPU_OFF UINT64_C(0x84000002)
#define PSCI_SYSTEM_OFF UINT64_C(0x84000008)

void guest_main(void);
void guest_secondary_main(uint64_t cpu);
void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);

static volatile uint64_t results[CPUS_MAX];
static volatile uint32_t finished[CPUS_MAX];

void guest_print(const char *text)
{
    while (*text)
        *UART = (uint8_t)*text++;
}

void guest_print_number(uint64_t value)
{
    char digits[24];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count)
        *UART = (uint8_t)digits[--count];
}

void guest_print_hex(uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        *UART = (uint8_t)"0123456789abcdef"[value >> shift & 15];
}

void *memset(void *to, int byte, size_t size)
{
    uint8_t *p = to;
    for (; size >= 1; size--) {
        *p++ = (uint8_t)byte;
        __asm__ volatile("" ::: "memory");
    }
    return to;
}

/* Words only, as the callers have it. */
void *memcpy(void *to, const void *from, size_t size)
{
    uint64_t *p = to;
    const uint64_t *q = from;
    for (; size >= 8; size -= 8) {
        *p++ = *q++;
        __asm__ volatile("" ::: "memory");
    }
    return to;
}

static void finish(unsigned cpu, uint64_t result)
{
    results[cpu] = result;
    __asm__ volatile("dmb ish" ::: "memory");
    finished[cpu] = 1;
    __asm__ volatile("dsb ish\n\tsev" ::: "memory");
}

void guest_secondary_main(uint64_t cpu)
{
    finish((unsigned)cpu, guest_work((unsigned)cpu));
    guest_firmware(PSCI_CPU_OFF, 0, 0, 0);
}

void guest_main(void)
{
    unsigned count = 1;
    guest_prepare();
    while (count < CPUS_MAX &&
           guest_firmware(PSCI_CPU_ON, count, (uint64_t)(uintptr_t)guest_secondary, count) == 0)
        count++;
    uint64_t sum = guest_work(0);
    for (unsigned cpu = 1; cpu < count; cpu++) {
        while (!finished[cpu])
            __asm__ volatile("wfe" ::: "memory");
        sum += results[cpu];
    }
    guest_print(guest_name);
    guest_print(" cpus=");
    guest_print_number(count);
    guest_print(" result=");
    guest_print_hex(sum);
    guest_print("\n");
    guest_firmware(PSCI_SYSTEM_OFF, 0, 0, 0);
}
