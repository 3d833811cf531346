/*
 * The translation tables of the differential test's harness, which includes this file: stage 1 for
 * EL2 and for EL1&0 (the same tables), and stage 2. Memory operands of the blocks lie in pages of
 * several kinds: two that can be written and that are not neighbours in memory, one for reading,
 * one that stage 2 lacks, one without translation, one that EL0 must not touch.
 *
 * DDI 0487: VMSAv8-64 translation table format descriptors.
 */
    .balign 4096
table1:                    /* 1 GiB each: 0x40000000 is described in table2 */
    .quad 0, table2 + 3
    .fill 510, 8, 0
table2:
    .quad 0x40000000 + BLOCK_NORMAL, table3 + 3
    .set at, 0x40400000
    .rept 14
    .quad at + BLOCK_NORMAL
    .set at, at + 0x200000
    .endr
    .rept 16               /* blocks of instructions: 0x42000000 */
    .quad at + BLOCK_NORMAL + EL0_RO
    .set at, at + 0x200000
    .endr
    .rept 32
    .quad at + BLOCK_NORMAL
    .set at, at + 0x200000
    .endr
    .fill 448, 8, 0
table3:                    /* WINDOW */
    .fill 9, 8, 0
    .quad WINDOW + 0x14000 + PAGE_NORMAL + EL0_RW   /* A and B are not neighbours in memory */
table3_page_b:
    .quad WINDOW + 0x11000 + PAGE_NORMAL + EL0_RW
    .quad WINDOW + 0x16000 + PAGE_NORMAL + EL0_RO
    .quad WINDOW + 0x0c000 + PAGE_NORMAL + EL0_RO   /* stage 2 lacks it */
    .quad 0
    .quad WINDOW + 0x0e000 + PAGE_NORMAL + EL1_RO   /* not for EL0 */
    .fill 25, 8, 0
    .set at, PAGE_A - 0x1000
    .rept 4                /* PAGE_A + FLAT and around it: where their addresses are in memory */
    .quad at + PAGE_NORMAL
    .set at, at + 0x1000
    .endr
    .fill 468, 8, 0
stage2_table1:
    .quad 0, stage2_table2 + 3
    .fill 510, 8, 0
stage2_table2:
    .quad 0x40000000 + STAGE2_NORMAL, stage2_table3 + 3
    .set at, 0x40400000
    .rept 62
    .quad at + STAGE2_NORMAL
    .set at, at + 0x200000
    .endr
    .fill 448, 8, 0
stage2_table3:
    .set at, WINDOW
    .rept 12
    .quad at + STAGE2_NORMAL + 2
    .set at, at + 0x1000
    .endr
    .quad 0
    .set at, at + 0x1000
    .rept 499
    .quad at + STAGE2_NORMAL + 2
    .set at, at + 0x1000
    .endr
