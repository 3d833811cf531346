/*
 * Memory types of the two stages and how they combine (no FEAT_S2FWB, no FEAT_MTE).
 *
 * A byte has the outer policy in bits 7:4 and the inner one in 3:0, as in MAIR_ELx; 0b0000dd00 is
 * Device. Reserved encodings are CONSTRAINED UNPREDICTABLE: unknown Device sub-types are taken
 * without their low bits, an inner policy of 0 as Non-cacheable, the reserved shareability as
 * Outer Shareable. Device and Non-cacheable memory is always Outer Shareable. Fetches from Device
 * memory that is not execute-never read as from Non-cacheable memory.
 */
#include "mmu/attributes.h"
#include "gen/sysreg.h"
#include "gen/vmsa.h"

#define POLICY_NON_CACHEABLE 4u

/* 0: Non-cacheable, 1: Write-Through, 2: Write-Back. */
static unsigned policy_strength(unsigned policy)
{
    if (policy == POLICY_NON_CACHEABLE)
        return 0;
    return policy >= 12 || (policy >= 5 && policy < 8) ? 2 : 1;
}

/* The weaker one; allocation hints and transience are those of stage 1. */
static unsigned policy_combine(unsigned stage1, unsigned stage2)
{
    unsigned a = policy_strength(stage1), b = policy_strength(stage2);
    if (a == 0 || b == 0)
        return POLICY_NON_CACHEABLE;
    if (a == 1 || b == 2)
        return stage1;
    unsigned hints = stage1 & 3u;
    bool transient = stage1 < 8;
    return transient ? hints : 8u | hints;
}

static struct attributes attributes_regular(unsigned memory, unsigned sh)
{
    struct attributes a = {(uint8_t)memory, (uint8_t)(sh == 1 ? SHAREABILITY_OUTER : sh)};
    if (memory_is_device(a.memory) || a.memory == MEMORY_NON_CACHEABLE)
        a.shareability = SHAREABILITY_OUTER;
    return a;
}

struct attributes attributes_stage1(uint8_t mair_byte, unsigned sh)
{
    unsigned memory = mair_byte;
    if ((memory & 0xf0u) == 0)
        memory &= 0x0cu;
    else if ((memory & 0x0fu) == 0)
        memory |= POLICY_NON_CACHEABLE;
    return attributes_regular(memory, sh);
}

struct attributes attributes_stage2(unsigned mem_attr, unsigned sh)
{
    static const uint8_t policy[4] = {POLICY_NON_CACHEABLE, POLICY_NON_CACHEABLE, 0xb, 0xf};
    unsigned outer = mem_attr >> 2;
    if (outer == 0)
        return attributes_regular((mem_attr & 3u) << 2, sh);
    return attributes_regular((unsigned)policy[outer] << 4 | policy[mem_attr & 3u], sh);
}

struct attributes attributes_combine(struct attributes a, struct attributes b)
{
    bool device1 = memory_is_device(a.memory), device2 = memory_is_device(b.memory);
    unsigned memory;
    if (device1 && device2)
        memory = a.memory < b.memory ? a.memory : b.memory;
    else if (device1 || device2)
        memory = device1 ? a.memory : b.memory;
    else
        memory = policy_combine(a.memory >> 4, b.memory >> 4) << 4 |
                 policy_combine(a.memory & 15u, b.memory & 15u);
    unsigned sh = SHAREABILITY_NON;
    if (a.shareability == SHAREABILITY_OUTER || b.shareability == SHAREABILITY_OUTER)
        sh = SHAREABILITY_OUTER;
    else if (a.shareability == SHAREABILITY_INNER || b.shareability == SHAREABILITY_INNER)
        sh = SHAREABILITY_INNER;
    return attributes_regular(memory, sh);
}

struct attributes attributes_walk(unsigned irgn, unsigned orgn, unsigned sh)
{
    static const uint8_t policy[4] = {POLICY_NON_CACHEABLE, 0xf, 0xa, 0xe};
    return attributes_regular((unsigned)policy[orgn & 3u] << 4 | policy[irgn & 3u], sh);
}

struct attributes attributes_effective(struct attributes a, const struct regime *regime,
                                       bool is_fetch, bool stage1_only)
{
    bool off1 = regime->stage1_on && !(regime->sctlr & (is_fetch ? SCTLR_EL1_I : SCTLR_EL1_C));
    bool off2 = regime->stage2_on && !stage1_only &&
                (regime->hcr & (is_fetch ? HCR_EL2_ID : HCR_EL2_CD));
    bool device = memory_is_device(a.memory);
    if (device ? is_fetch : off1 || off2)
        return (struct attributes){MEMORY_NON_CACHEABLE, SHAREABILITY_OUTER};
    return a;
}
