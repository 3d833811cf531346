#pragma once

/*
 * What host and guests agree on: where a guest's memory is, how an image begins, and the
 * hypercalls (HVC #0, number in x0).
 */

#define GUEST_BASE 0x80000                 /* IPA of the image, and its entry */
#define GUEST_RAM_BYTES 0x40000

#define GUEST_CALL_PASS 1                  /* this vCPU is done and saw nothing wrong */
#define GUEST_CALL_FAIL 2                  /* x1: GUEST_FAIL_*, x2: where, x3: expected, x4: seen */
#define GUEST_CALL_RELEASE 3               /* x1: IPA of a page the guest gives back to the host */

#define GUEST_FAIL_PRIVATE 0               /* own data is not what was written there */
#define GUEST_FAIL_REMAPPED 1              /* read through a mapping that was torn down */
#define GUEST_FAIL_RELEASED 2              /* a page given back is still seen */
#define GUEST_FAIL_USER 3                  /* an EL0 address space sees another one's data */
#define GUEST_FAIL_TIMEOUT 4               /* another vCPU never answered */
#define GUEST_FAIL_EXCEPTION 5             /* address: ELR_EL1, expected: ESR_EL1, seen: FAR_EL1 */
#define GUEST_FAIL_COUNT 6

#ifndef __ASSEMBLER__

#include "hyp/arch.h"

/* The first 16 bytes of an image. */
struct guest_header {
    uint32_t branch[2];                    /* to the code */
    uint64_t memory_bytes;                 /* image and zeroed memory behind it */
};

#endif
