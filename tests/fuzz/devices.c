/*
 * Fuzz target: registers of the PL011, PL031, PL061 and the bus master under any accesses, with
 * time and input in between. Nothing crashes; what a device wants next lies in the future; reading
 * changes nothing but what UARTDR takes.
 */
#include <string.h>

#include "sim/devices/dma.h"
#include "sim/devices/pl011.h"
#include "sim/devices/pl031.h"
#include "sim/devices/pl061.h"
#include "tests/fuzz/target.h"

struct action {
    uint8_t what, size;
    uint16_t offset;
    uint32_t value;
};

static struct pl011 uart;
static struct pl031 rtc;
static struct pl061 gpio;
static struct dma dma;
static struct device_clock now;

/* A device that is due never is so for ever. */
static void pass(uint64_t cycles)
{
    uint64_t end = now.now + cycles;
    for (unsigned i = 0; i < 1000 && pl011_deadline(&uart) <= end; i++) {
        now.now = pl011_deadline(&uart);
        pl011_fire(&uart, &now);
        ensure(pl011_deadline(&uart) > now.now);
    }
    now.now = now.now > end ? now.now : end;
    pl011_fire(&uart, &now);
    for (unsigned i = 0; i < 4 && pl061_deadline(&gpio) <= now.now; i++)
        pl061_fire(&gpio, &now);
    ensure(pl061_deadline(&gpio) > now.now);
    if (pl031_deadline(&rtc) <= now.now)
        pl031_fire(&rtc, &now);
    ensure(pl031_deadline(&rtc) > now.now);
}

static void act(const struct action *a)
{
    uint32_t value = 0;
    bool flag;
    switch (a->what % 10) {
    case 0:
        pl011_read(&uart, &now, a->offset, a->size, &value);
        break;
    case 1:
        pl011_write(&uart, &now, a->offset, a->size, a->value);
        break;
    case 2:
        pl031_read(&rtc, &now, a->offset, a->size, &value);
        break;
    case 3:
        pl031_write(&rtc, &now, a->offset, a->size, a->value);
        break;
    case 4:
        pl061_read(&gpio, a->offset, a->size, &value);
        break;
    case 5:
        pl061_write(&gpio, a->offset, a->size, a->value, &flag);
        break;
    case 6:
        dma_read(&dma, a->offset, a->size, &value);
        break;
    case 7:
        dma_write(&dma, a->offset, a->size, a->value, &flag);
        for (unsigned i = 0; i < 100 && (dma.status & DMA_STATE_Busy); i++) {
            struct dma_piece piece = dma_next(&dma);
            ensure(piece.size <= DMA_LINE_BYTES && piece.size <= dma.left);
            ensure(piece.size != 0 || dma.left == 0);
            dma_done(&dma, &piece, i < 99);
        }
        ensure(!(dma.status & DMA_STATE_Busy));
        break;
    case 8:
        pass((uint64_t)a->value << a->size % 16);
        break;
    case 9: {
        uint8_t byte = a->size;
        if (pl011_room(&uart) > 0)
            pl011_send(&uart, &now, &byte, 1);
        pl061_press(&gpio, now.now + a->value);
        break;
    }
    }
    ensure(uart.fifo_count <= PL011_FIFO_DEPTH && uart.fifo_first < PL011_FIFO_DEPTH);
    ensure(uart.sender_count <= PL011_SENDER_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    now = (struct device_clock){.now = 0, .hz = 1000000000};
    pl011_reset(&uart);
    pl031_reset(&rtc, 0);
    pl061_reset(&gpio);
    dma_reset(&dma);
    for (size_t at = 0; size - at >= sizeof(struct action); at += sizeof(struct action)) {
        struct action a;
        memcpy(&a, bytes + at, sizeof a);
        act(&a);
    }
    return 0;
}

const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    static const struct action actions[] = {
        {1, 4, UARTIBRD_OFFSET, 13},  {1, 4, UARTLCR_H_OFFSET, 0x70},
        {1, 4, UARTIMSC_OFFSET, 0x7ff}, {9, 'a', 0, 500},
        {9, 'b', 0, 100},             {8, 4, 0, 100000},
        {0, 4, UARTDR_OFFSET, 0},     {1, 4, UARTCR_OFFSET, 0xfb81},
        {1, 2, UARTDR_OFFSET, 'x'},   {1, 4, UARTLCR_H_OFFSET, 0x71},
        {1, 4, UARTLCR_H_OFFSET, 0},  {0, 1, UARTFR_OFFSET, 0},
        {3, 4, RTCMR_OFFSET, 3},      {3, 4, RTCLR_OFFSET, 2},
        {8, 0, 0, 2000000000},        {2, 4, RTCRIS_OFFSET, 0},
        {5, 4, GPIOIE_OFFSET, 0xff},  {5, 4, GPIOIBE_OFFSET, 0xff},
        {4, 4, GPIODATA_OFFSET + 32, 0}, {7, 4, DMA_Length_OFFSET, 200},
        {7, 4, DMA_SourceLow_OFFSET, 0x40000030}, {7, 4, DMA_Control_OFFSET, 3},
        {6, 4, DMA_Status_OFFSET, 0},
    };
    if (index >= 1)
        return NULL;
    *size = sizeof actions;
    return (const uint8_t *)actions;
}
