/*
 * The machine's UART for tests/guest/uart_input.py, which tells on standard input what happens, a
 * line each, and compares what is printed with QEMU's:
 *   r SIZE OFFSET         a read: prints the value
 *   w SIZE OFFSET VALUE   a write
 *   c HEX...              characters that somebody sends from outside, two digits each
 *   t                     nobody does anything until nothing happens by itself any more
 *   l                     prints whether the GIC has the interrupt pending
 * After each, time goes on until no character is under way that the receiver has room for.
 * At the end "o HEX..." is printed: what the UART has sent. All CPUs are off.
 */
#include "gen/gicv2.h"
#include "sim/machine_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096u
#define OUTPUT_MAX (1u << 20)

static uint8_t output[OUTPUT_MAX];
static size_t output_count;

static void keep_output(void *context, uint8_t byte)
{
    (void)context;
    ensure(output_count < OUTPUT_MAX);
    output[output_count++] = byte;
}

static uint32_t word_access(struct machine *m, uint64_t pa, unsigned size, bool is_write,
                            uint32_t value)
{
    struct access a = {.pa = pa_make(pa), .size = (uint8_t)size, .is_write = is_write};
    uint64_t words[2] = {value, 0};
    enum port_result result = is_write ? m->port.write(m, &a, words) : m->port.read(m, &a, words);
    ensure(result == PORT_OK);
    machine_wires(m);
    return (uint32_t)words[0];
}

static void characters(struct machine *m, const char *text)
{
    for (unsigned byte; sscanf(text, "%2x", &byte) == 1; text += 2) {
        uint8_t character = (uint8_t)byte;
        machine_console_input(m, &character, 1);
    }
}

/* What the machine does between two steps while all PEs wait. */
static void time_goes_on(struct machine *m)
{
    m->state->jumps++;
    machine_deadlines(m, m->state->clock.next);
    machine_input_take(m);
}

static void handle(struct machine *m, const char *line)
{
    unsigned size, offset, value;
    if (sscanf(line, "r %u %x", &size, &offset) == 2)
        printf("%x\n", word_access(m, MAP_UART + offset, size, false, 0));
    else if (sscanf(line, "w %u %x %x", &size, &offset, &value) == 3)
        word_access(m, MAP_UART + offset, size, true, value);
    else if (strncmp(line, "c ", 2) == 0)
        characters(m, line + 2);
    else if (line[0] == 'l')
        printf("%x\n", word_access(m, MAP_GICD + GICD_ISPENDR_OFFSET + 4, 4, false, 0) >>
                       (INTID_UART - 32) & 1);
    else
        ensure(line[0] == 't');
    m->state->jumps++;
    machine_input_take(m);
    while (m->state->uart.arrives_at != DEVICE_NEVER ||
           (line[0] == 't' && m->state->clock.next != DEADLINE_NEVER))
        time_goes_on(m);
}

int main(void)
{
    struct machine_config config;
    struct error error;
    char line[LINE_MAX_BYTES];
    config_default(&config);
    config.pe_count = 1;
    config.ram_bytes = 16u << 20;
    struct machine *m = machine_new(&config, &error);
    ensure(m != NULL);
    m->console = keep_output;
    while (fgets(line, sizeof line, stdin))
        handle(m, line);
    printf("o ");
    for (size_t i = 0; i < output_count; i++)
        printf("%02x", output[i]);
    putchar('\n');
    machine_free(m);
    return 0;
}
