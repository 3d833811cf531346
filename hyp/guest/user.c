/*
 * The guest "user": a kernel with two address spaces, ASIDs 2 and 3, that differ in the page behind
 * one address. It runs EL0 code in them by turns, without TLB maintenance: the ASIDs keep them
 * apart. Each space counts on its own; a hit on the other's translation shows in the count.
 *
 * vCPU 0 does all the work.
 *
 * DDI 0487: TTBR0_EL1.ASID, the nG bit.
 */

#include "hyp/guest/lib.h"

#define SPACES 2
#define FIRST_ASID 2
#define USER_DATA 0x140000                 /* VA, for EL0 */

GUEST_PAGES static struct guest_tables space_tables[SPACES];
GUEST_PAGES static struct guest_page space_data[SPACES];

/* boot.S */
uint64_t user_enter(void (*entry)(void), uint64_t x0, uint64_t x1);

/* At EL0: adds x1 to the word at x0; answers what was there before. */
void user_count(void);
__asm__("    .pushsection .user.text, \"ax\"\n"
        "    .global user_count\n"
        "    .type   user_count, %function\n"
        "user_count:\n"
        "    ldr     x2, [x0]\n"
        "    add     x1, x1, x2\n"
        "    str     x1, [x0]\n"
        "    mov     x0, x2\n"
        "    svc     #0\n"
        "    .size   user_count, . - user_count\n"
        "    .popsection\n");

void guest_build(void)
{
    guest_tables_fill(&guest_tables, &space_data[0]);
    for (unsigned n = 0; n < SPACES; n++) {
        guest_tables_fill(&space_tables[n], &space_data[0]);
        *guest_entry(&space_tables[n], USER_DATA) =
            guest_descriptor(&space_data[n], GUEST_S1_USER_DATA);
        guest_invalidate(guest_entry(&space_tables[n], USER_DATA), 8);
    }
}

void guest_main(uint64_t iterations, uint64_t vcpu_count)
{
    uint64_t count[SPACES] = {0, 0};

    (void)vcpu_count;
    if (guest_vcpu() != 0)
        return;
    for (uint64_t round = 1; round <= iterations; round++) {
        for (unsigned n = 0; n < SPACES; n++) {
            uint64_t step = (guest_vm() + 1) << 16 | (n + 1);
            write_sysreg(TTBR0_EL1, (FIRST_ASID + n + 0ull) << 48 | (uint64_t)&space_tables[n]);
            isb();
            guest_check(GUEST_FAIL_USER, (const void *)USER_DATA, count[n],
                        user_enter(user_count, USER_DATA, step));
            count[n] += step;
        }
    }
}
