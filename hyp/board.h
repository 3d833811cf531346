#pragma once

/*
 * The "virt" board as far as the host kernel uses it: addresses, interrupt numbers and limits.
 */

#define BOARD_GICD_BASE 0x08000000
#define BOARD_GICC_BASE 0x08010000
#define BOARD_UART_BASE 0x09000000
#define BOARD_RAM_BASE 0x40000000
#define BOARD_RAM_BYTES_LEAST 0x01000000   /* mapped before the device tree has been read */
#define BOARD_RAM_BYTES_MOST 0x40000000    /* one level 2 table; more RAM stays unused */

#define BOARD_INTID_EL1_TIMER 30           /* PPI of CNTP, the host's tick */

#define IMAGE_BASE 0x40200000              /* as in hyp.ld; its 2 MiB are mapped in pages */

#define CPUS_MAX 8

#define PAGE_SHIFT 12
#define PAGE_BYTES 4096
#define BLOCK_SHIFT 21                     /* a level 2 block with the 4 KiB granule */
#define BLOCK_BYTES 0x200000
#define TABLE_ENTRIES 512
