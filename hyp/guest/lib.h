#pragma once

/*
 * What the guests share: their translation tables, hypercalls, and waiting for another vCPU.
 */

#include "gen/vmsa.h"
#include "hyp/guest/guest.h"

#define GUEST_PAGE_WORDS 512
#define GUEST_WINDOW 0x100000              /* VA of the page that is mapped here and there */
#define GUEST_ASID 1                       /* of the guest kernel's own mappings */

struct guest_page {
    uint64_t word[GUEST_PAGE_WORDS];
} __attribute__((aligned(4096)));

#define GUEST_PAGES __attribute__((section(".pages")))
#define GUEST_PAGES_COMMON __attribute__((section(".pages.common")))

/* Rights and kinds of a stage 1 page descriptor. */
#define GUEST_S1_KERNEL 0
#define GUEST_S1_PRIVATE VMSA_LEAF_NG                  /* of this ASID only */
#define GUEST_S1_USER_TEXT FIELD(VMSA_LEAF_AP, 3)      /* EL0 may read and execute */
#define GUEST_S1_USER_DATA                                                                  \
    (FIELD(VMSA_LEAF_AP, 1) | VMSA_LEAF_NG | VMSA_LEAF_PXN | VMSA_LEAF_UXN)

struct guest_tables {
    struct guest_page level2;
    struct guest_page level3;
};

extern struct guest_tables guest_tables;
extern uint8_t user_text_start[], user_text_end[];

/* Who we are: kept in a register, not in memory, so that wrong memory does not change it. */
static inline uint64_t guest_vm(void)
{
    return read_sysreg(TPIDR_EL1) >> 8;
}

static inline uint64_t guest_vcpu(void)
{
    return read_sysreg(TPIDR_EL1) & 0xff;
}

/* A value that says who wrote it and when; never 0. */
static inline uint64_t guest_tag(uint64_t vcpu, uint64_t round)
{
    return (guest_vm() + 1) << 48 | (vcpu + 1) << 40 | round;
}

/* Maps all memory of the guest at its IPA, and GUEST_WINDOW to `window`; MMU off. */
void guest_tables_fill(struct guest_tables *tables, const struct guest_page *window);

/*
 * With the MMU off, stores pass the caches: the lines that a walk could hit instead, which may have
 * come unasked, go away.
 */
void guest_invalidate(const void *start, uint64_t bytes);

/* Descriptor of a page. */
uint64_t guest_descriptor(const void *page, uint64_t kind);

/* The level 3 entry of an address in the first 2 MiB. */
uint64_t *guest_entry(struct guest_tables *tables, uint64_t va);

/* Called by boot.S: tables on vCPU 0, then the program on each vCPU; returning is passing. */
void guest_build(void);
void guest_main(uint64_t iterations, uint64_t vcpu_count);

/* Tells the host that a check failed; it does not come back. */
void guest_fail(uint64_t kind, uint64_t address, uint64_t expected, uint64_t seen)
    __attribute__((noreturn));

/* Fails unless seen is expected. */
void guest_check(uint64_t kind, const void *address, uint64_t expected, uint64_t seen);

/* Gives the page back to the host. */
void guest_release(const struct guest_page *page);

/* Waits until *word is value; fails if it is not after very many tries. */
void guest_wait(const uint64_t *word, uint64_t value);
