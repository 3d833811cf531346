/*
 * What the pairs about emulation share: a guest with a device that the hypervisor imitates, at an
 * address that its stage 2 does not map.
 */
#pragma once
#include "tests/pairs/pair.h"

#define DEVICE WINDOW
#define DEVICE_VALUE UINT64_C(0xfedcba9876543210)

#define ISS_ISV(esr) ((esr) >> 24 & 1)
#define ISS_SIZE(esr) (8u << ((esr) >> 22 & 3)) /* bits of the access */
#define ISS_SSE(esr) ((esr) >> 21 & 1)
#define ISS_SRT(esr) ((unsigned)((esr) >> 16 & 31))
#define ISS_SF(esr) ((esr) >> 15 & 1)
#define ISS_S1PTW(esr) ((esr) >> 7 & 1)
#define ISS_WNR(esr) ((esr) >> 6 & 1)
#define ISS_DFSC(esr) ((unsigned)((esr) & 63))
#define DFSC_PERMISSION 0xcu /* and the level */

/* A register that the instruction names: 31 is XZR. */
static inline void set_x(struct vcpu *v, unsigned n, uint64_t value)
{
    if (n != 31)
        v->x[n] = value;
}

/* What a load of the access's size and sign leaves in its register. */
static inline uint64_t loaded(uint64_t esr, uint64_t value)
{
    unsigned bits = ISS_SIZE(esr);
    uint64_t mask = bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << bits) - 1;
    value &= mask;
    if (ISS_SSE(esr) && (value >> (bits - 1) & 1))
        value |= ~mask;
    return ISS_SF(esr) ? value : (uint32_t)value;
}
