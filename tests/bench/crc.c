/*
 * CRC32 by table and a multiplying hash over a buffer; and by the CRC32 instructions where the CPU
 * has them, which must give the same.
 */
#include "tests/bench/guest.h"

#define BYTES (1u << 18)
#define ROUNDS 90u

const char guest_name[] = "crc";

static uint32_t table[256];
static uint8_t buffer[CPUS_MAX][BYTES] __attribute__((aligned(8)));

void guest_prepare(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t sum = i;
        for (unsigned bit = 0; bit < 8; bit++)
            sum = sum & 1 ? UINT32_C(0xedb88320) ^ sum >> 1 : sum >> 1;
        table[i] = sum;
    }
}

static uint32_t by_table(uint32_t sum, const uint8_t *bytes)
{
    for (size_t i = 0; i < BYTES; i++)
        sum = table[(sum ^ bytes[i]) & 255] ^ sum >> 8;
    return sum;
}

static uint32_t by_instruction(uint32_t sum, const uint8_t *bytes)
{
    const uint64_t *words = (const void *)bytes;
    for (size_t i = 0; i < BYTES / 8; i++)
        __asm__(".arch_extension crc\n\tcrc32x %w0, %w0, %1" : "+r"(sum) : "r"(words[i]));
    return sum;
}

static uint64_t hash_of(uint64_t hash, const uint8_t *bytes)
{
    const uint64_t *words = (const void *)bytes;
    for (size_t i = 0; i < BYTES / 8; i++) {
        hash ^= words[i] * UINT64_C(0x9e3779b185ebca87);
        hash = (hash << 27 | hash >> 37) * UINT64_C(0xc2b2ae3d27d4eb4f) + 0x52dce729;
    }
    return hash;
}

uint64_t guest_work(unsigned cpu)
{
    uint64_t features, hash = cpu;
    uint32_t sum = UINT32_MAX;
    __asm__("mrs %0, id_aa64isar0_el1" : "=r"(features));
    for (size_t i = 0; i < BYTES; i++)
        buffer[cpu][i] = (uint8_t)(i * 7 + cpu);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t next = by_table(sum, buffer[cpu]);
        if ((features >> 16 & 15) != 0 && by_instruction(sum, buffer[cpu]) != next)
            guest_print("the CRC32 instructions give something else\n");
        sum = next;
        for (unsigned i = 0; i < 8; i++)
            hash = hash_of(hash + sum, buffer[cpu]);
    }
    return hash;
}
