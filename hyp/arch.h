#pragma once

/*
 * What hyp/ needs of the architecture: access to system registers by their Arm names, barriers,
 * and the register fields that it programs. Only this file and board.h know numbers.
 */

#include "hyp/fields.h"

#ifdef __ASSEMBLER__

/* Loads the address of a symbol within 4 GiB of the program counter. */
.macro load_address reg, symbol
    adrp    \reg, \symbol
    add     \reg, \reg, :lo12:\symbol
.endm

/* Loads a constant of any width, as an immediate sequence of four 16-bit pieces. */
.macro load_constant reg, value
    movz    \reg, #((\value) >> 48) & 0xffff, lsl #48
    movk    \reg, #((\value) >> 32) & 0xffff, lsl #32
    movk    \reg, #((\value) >> 16) & 0xffff, lsl #16
    movk    \reg, #(\value) & 0xffff
.endm

#else

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Code that runs at EL2: the only text that EL2's own translation tables let it execute. */
#define EL2_CODE __attribute__((section(".el2.text"), noinline))

/* Memory that nobody clears at boot: stacks and pools whose owner initialises what it takes. */
#define NOT_CLEARED __attribute__((section(".noinit"), aligned(16)))

#define read_sysreg(name)                                      \
    ({                                                         \
        uint64_t value_;                                       \
        __asm__ volatile("mrs %0, " #name : "=r"(value_));     \
        value_;                                                \
    })

#define write_sysreg(name, value)                                               \
    do {                                                                        \
        uint64_t value_ = (value);                                              \
        __asm__ volatile("msr " #name ", %x0" : : "rZ"(value_) : "memory");     \
    } while (0)

#define isb() __asm__ volatile("isb" : : : "memory")
#define dsb(domain) __asm__ volatile("dsb " #domain : : : "memory")
#define dmb(domain) __asm__ volatile("dmb " #domain : : : "memory")
#define wfi() __asm__ volatile("wfi" : : : "memory")
#define wfe() __asm__ volatile("wfe" : : : "memory")
#define sev() __asm__ volatile("sev" : : : "memory")
#define tlbi(op) __asm__ volatile("tlbi " #op : : : "memory")
#define tlbi_address(op, value) __asm__ volatile("tlbi " #op ", %0" : : "r"(value) : "memory")

/* One access, of the width of the object, that the compiler neither repeats nor leaves out. */
#define READ_ONCE(object) (*(const volatile __typeof__(object) *)&(object))
#define WRITE_ONCE(object, value) (*(volatile __typeof__(object) *)&(object) = (value))

ALWAYS_INLINE uint64_t load_acquire(const uint64_t *address)
{
    uint64_t value;
    __asm__ volatile("ldar %0, %1" : "=r"(value) : "Q"(*address) : "memory");
    return value;
}

ALWAYS_INLINE void store_release(uint64_t *address, uint64_t value)
{
    __asm__ volatile("stlr %x1, %0" : "=Q"(*address) : "rZ"(value) : "memory");
}

/* Value of a field given by its mask. */
ALWAYS_INLINE uint64_t field_of(uint64_t mask, uint64_t value)
{
    return (value & mask) / (mask & -mask);
}

#endif
