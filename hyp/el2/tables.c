/*
 * The identity maps of the two regimes that the hypervisor itself uses, EL1&0 (the host kernel,
 * VMID 0) and EL2. Both: 32 bits of address from level 1; the first GiB is device memory; RAM in
 * 2 MiB blocks; the 2 MiB that hold this image in 4 KiB pages, so that text is read-only and each
 * exception level executes its own text only.
 *
 * boot_tables_build runs at EL2 with every MMU and cache off, so its stores go to memory; when it
 * is done, the lines that a cache may hold of what has been written so (the tables, as all of .bss,
 * and the stack) are invalidated for the walks and accesses to come.
 *
 * DDI 0487: VMSAv8-64 block, page and table descriptors, 4 KiB granule.
 */

#include "gen/vmsa.h"
#include "hyp/board.h"
#include "hyp/el2/el2.h"

/* Descriptors beside their addresses. Attribute 0 of MAIR is device memory, 1 is normal. */
#define S1_TABLE (VMSA_TABLE_TABLE | VMSA_TABLE_VALID)
#define S1_XN VMSA_LEAF_UXN
#define S1_PXN VMSA_LEAF_PXN               /* EL1&0 only */
#define S1_READ_ONLY FIELD(VMSA_LEAF_AP, 2)
#define S1_EL2_AP FIELD(VMSA_LEAF_AP, 1)   /* AP[1] is RES1 where there is one privilege level */
#define S1_DEVICE (VMSA_LEAF_AF | S1_XN | FIELD(VMSA_LEAF_ATTRINDX, 0) | VMSA_LEAF_VALID)
#define S1_DATA                                                                           \
    (VMSA_LEAF_AF | S1_XN | FIELD(VMSA_LEAF_SH, SHAREABILITY_INNER) |                     \
     FIELD(VMSA_LEAF_ATTRINDX, 1) | VMSA_LEAF_VALID)
#define S1_PAGE VMSA_LEAF_TABLE            /* at level 3 */

struct boot_tables {
    uint64_t level2[TABLE_ENTRIES];
    uint64_t level3[TABLE_ENTRIES];
} __attribute__((aligned(PAGE_BYTES)));

static struct boot_tables tables_el1, tables_el2;
uint64_t boot_table_el1[4] __attribute__((aligned(64)));
uint64_t boot_table_el2[4] __attribute__((aligned(64)));

extern const uint8_t el2_text_start[], el2_text_end[], text_start[], text_end[], rodata_end[];
extern const uint8_t bss_start[], bss_end[];

ALWAYS_INLINE bool is_within(uint64_t at, const uint8_t *start, const uint8_t *end)
{
    return at >= (uint64_t)start && at < (uint64_t)end;
}

/* One page of the image's 2 MiB: text is read-only, other text than `own` not executable. */
ALWAYS_INLINE uint64_t image_page(uint64_t at, const uint8_t *own, const uint8_t *own_end)
{
    uint64_t page = at | S1_DATA | S1_PXN | S1_PAGE;
    if (is_within(at, el2_text_start, rodata_end))
        page |= S1_READ_ONLY;
    if (is_within(at, own, own_end))
        page &= ~(S1_XN | S1_PXN);
    return page;
}

/* Stores go out before any walk; lines from before the caches were off, or unasked, go away. */
ALWAYS_INLINE void boot_settle(const void *start, const void *end)
{
    uint64_t line = 4ull << field_of(CTR_EL0_DminLine, read_sysreg(CTR_EL0));
    dmb(sy);
    for (uint64_t at = (uint64_t)start; at < (uint64_t)end; at += line)
        __asm__ volatile("dc ivac, %0" : : "r"(at) : "memory");
    dsb(sy);
}

EL2_CODE void boot_tables_build(void)
{
    boot_table_el1[0] = S1_DEVICE | S1_PXN;
    boot_table_el1[1] = (uint64_t)tables_el1.level2 | S1_TABLE;
    boot_table_el2[0] = S1_DEVICE | S1_EL2_AP;
    boot_table_el2[1] = (uint64_t)tables_el2.level2 | S1_TABLE;

    for (unsigned n = 0; n < BOARD_RAM_BYTES_LEAST / BLOCK_BYTES; n++) {
        uint64_t at = BOARD_RAM_BASE + (uint64_t)n * BLOCK_BYTES;
        tables_el1.level2[n] = at | S1_DATA | S1_PXN;
        tables_el2.level2[n] = at | S1_DATA | S1_EL2_AP;
    }
    unsigned image_block = (IMAGE_BASE - BOARD_RAM_BASE) / BLOCK_BYTES;
    tables_el1.level2[image_block] = (uint64_t)tables_el1.level3 | S1_TABLE;
    tables_el2.level2[image_block] = (uint64_t)tables_el2.level3 | S1_TABLE;
    for (unsigned n = 0; n < TABLE_ENTRIES; n++) {
        uint64_t at = IMAGE_BASE + (uint64_t)n * PAGE_BYTES;
        tables_el1.level3[n] = image_page(at, text_start, text_end) | S1_XN;
        tables_el2.level3[n] =
            (image_page(at, el2_text_start, el2_text_end) & ~S1_PXN) | S1_EL2_AP;
    }
    boot_settle(bss_start, bss_end);
    boot_settle(&el2_cpus[0], &el2_cpus[1]);
}

void boot_tables_add_ram(uint64_t first_bytes, uint64_t end_bytes)
{
    for (uint64_t at = first_bytes; at + BLOCK_BYTES <= end_bytes; at += BLOCK_BYTES) {
        unsigned n = (unsigned)((at - BOARD_RAM_BASE) / BLOCK_BYTES);
        tables_el1.level2[n] = at | S1_DATA | S1_PXN;
        tables_el2.level2[n] = at | S1_DATA | S1_EL2_AP;
    }
    /* Invalid entries are never cached: from invalid to valid needs no TLBI. */
    dsb(ish);
    isb();
}
