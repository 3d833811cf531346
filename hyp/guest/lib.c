/*
 * The guests' common part. Stage 1: 30 bits of address, a level 2 and a level 3 table, everything
 * mapped at its IPA; what is global belongs to the guest kernel, the window has GUEST_ASID.
 *
 * DDI 0487: VMSAv8-64 stage 1 descriptors; WFE, which the hypervisor traps.
 */

#include "hyp/guest/lib.h"

GUEST_PAGES_COMMON struct guest_tables guest_tables;
GUEST_PAGES_COMMON struct guest_page guest_stacks;
GUEST_PAGES_COMMON struct guest_page guest_boot_page; /* word 0: the tables are built; a stack */

uint64_t guest_descriptor(const void *page, uint64_t kind)
{
    /* Attribute 1 of MAIR is normal write-back memory. */
    return (uint64_t)page | kind | VMSA_LEAF_AF | FIELD(VMSA_LEAF_SH, SHAREABILITY_INNER) |
           FIELD(VMSA_LEAF_ATTRINDX, 1) | VMSA_LEAF_TABLE | VMSA_LEAF_VALID;
}

uint64_t *guest_entry(struct guest_tables *tables, uint64_t va)
{
    return &tables->level3.word[va >> 12 & (GUEST_PAGE_WORDS - 1)];
}

void guest_invalidate(const void *start, uint64_t bytes)
{
    uint64_t line = 4ull << field_of(CTR_EL0_DminLine, read_sysreg(CTR_EL0));
    dmb(sy);
    for (uint64_t at = (uint64_t)start; at < (uint64_t)start + bytes; at += line)
        __asm__ volatile("dc ivac, %0" : : "r"(at) : "memory");
    dsb(sy);
}

void guest_tables_fill(struct guest_tables *tables, const struct guest_page *window)
{
    const struct guest_header *header = (const struct guest_header *)GUEST_BASE;

    for (uint64_t at = GUEST_BASE; at < GUEST_BASE + header->memory_bytes; at += 4096) {
        bool is_user = at >= (uint64_t)user_text_start && at < (uint64_t)user_text_end;
        *guest_entry(tables, at) =
            guest_descriptor((const void *)at, is_user ? GUEST_S1_USER_TEXT : GUEST_S1_KERNEL);
    }
    *guest_entry(tables, GUEST_WINDOW) = guest_descriptor(window, GUEST_S1_PRIVATE);
    tables->level2.word[0] = (uint64_t)&tables->level3 | VMSA_TABLE_TABLE | VMSA_TABLE_VALID;
    guest_invalidate(&tables->level2, 64);
    guest_invalidate(guest_entry(tables, GUEST_BASE), header->memory_bytes / 4096 * 8);
    guest_invalidate(guest_entry(tables, GUEST_WINDOW), 8);
}

void guest_fail(uint64_t kind, uint64_t address, uint64_t expected, uint64_t seen)
{
    register uint64_t x0 __asm__("x0") = GUEST_CALL_FAIL;
    register uint64_t x1 __asm__("x1") = kind;
    register uint64_t x2 __asm__("x2") = address;
    register uint64_t x3 __asm__("x3") = expected;
    register uint64_t x4 __asm__("x4") = seen;
    for (;;)
        __asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
}

void guest_check(uint64_t kind, const void *address, uint64_t expected, uint64_t seen)
{
    if (seen != expected)
        guest_fail(kind, (uint64_t)address, expected, seen);
}

void guest_release(const struct guest_page *page)
{
    register uint64_t x0 __asm__("x0") = GUEST_CALL_RELEASE;
    register uint64_t x1 __asm__("x1") = (uint64_t)page;
    __asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1) : "memory");
}

/* Looks for a while, because the other vCPU is probably running; then lets the CPU go each time. */
void guest_wait(const uint64_t *word, uint64_t value)
{
    for (unsigned tries = 0; tries < 1u << 28; tries++) {
        if (load_acquire(word) == value)
            return;
        if (tries >= 128)
            wfe();
    }
    guest_fail(GUEST_FAIL_TIMEOUT, (uint64_t)word, value, load_acquire(word));
}
