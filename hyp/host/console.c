/*
 * The console. The PL011 is used as the loader left it, polled, without interrupts.
 *
 * DDI 0183 (PL011): UARTDR, UARTFR. Semihosting: SYS_EXIT_EXTENDED by HLT #0xF000.
 */

#include "hyp/host/console.h"

#include <stdarg.h>

#include "hyp/board.h"
#include "hyp/host/lock.h"

#define UARTDR 0x00
#define UARTFR 0x18
#define UARTFR_TXFF (1u << 5)

#define SYS_EXIT_EXTENDED 0x20
#define ADP_STOPPED_APPLICATION_EXIT 0x20026

static struct spinlock console_lock;

static void put_char(char c)
{
    volatile uint32_t *data = (volatile uint32_t *)(uint64_t)(BOARD_UART_BASE + UARTDR);
    volatile uint32_t *flags = (volatile uint32_t *)(uint64_t)(BOARD_UART_BASE + UARTFR);
    while ((*flags & UARTFR_TXFF) != 0)
        ;
    *data = (uint8_t)c;
}

static void put_string(const char *text)
{
    while (*text != 0)
        put_char(*text++);
}

static void put_decimal(uint32_t value)
{
    char digits[10];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count != 0)
        put_char(digits[--count]);
}

static void put_hex(uint64_t value)
{
    int shift = 60;
    put_string("0x");
    while (shift > 0 && value >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        put_char("0123456789abcdef"[value >> shift & 0xf]);
}

void console_print(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    spin_lock(&console_lock);
    for (const char *at = format; *at != 0; at++) {
        if (*at != '%') {
            put_char(*at);
            continue;
        }
        at++;
        if (*at == 's')
            put_string(va_arg(values, const char *));
        else if (*at == 'u')
            put_decimal(va_arg(values, uint32_t));
        else if (*at == 'x')
            put_hex(va_arg(values, uint64_t));
    }
    spin_unlock(&console_lock);
    va_end(values);
}

void console_seize(void)
{
    WRITE_ONCE(console_lock.is_held, 0);
}

void machine_exit(uint64_t status)
{
    uint64_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, status};
    register uint64_t w0 __asm__("x0") = SYS_EXIT_EXTENDED;
    register uint64_t x1 __asm__("x1") = (uint64_t)block;

    irq_disable();
    dsb(sy);
    __asm__ volatile("hlt #0xf000" : "+r"(w0) : "r"(x1) : "memory");
    for (;;)
        wfi();
}

void host_die(const char *reason)
{
    console_print("host: %s\n", reason);
    machine_exit(2);
}
