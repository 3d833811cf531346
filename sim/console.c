/*
 * The console of `armillary run`. Keys go to the console that printed last (machine_input.c), until
 * somebody says by Ctrl-A c that they go to the other one; Ctrl-A p is the power button; the
 * terminal's size goes to the virtio console, at first and whenever it has changed.
 *
 * A pipe is read as fast as the machine takes it. A terminal is always read, also while a guest
 * takes nothing: what is for us must reach us. Where somebody sits at it, a machine whose PEs all
 * wait waits as long as its clock says, and what is typed meanwhile comes at once. A PE that works
 * is as fast as the host is: that time counts for nothing.
 *
 * Not here: the terminal itself (terminal.c), and when a run looks for input (run.c).
 */
#include "sim/console.h"

#include "sim/progress.h"
#include "sim/terminal.h"

#include <stdio.h>

/* How long the host sleeps at a time, in seconds. */
#define SLEEP_LEAST 0.002
#define SLEEP_MOST 0.2

static bool is_amid_line; /* on standard output */

void console_end_line(void)
{
    if (is_amid_line)
        putchar('\n');
    is_amid_line = false;
    fflush(stdout);
}

static void print(void *context, uint8_t byte)
{
    (void)context;
    putchar(byte);
    is_amid_line = byte != '\n';
    if (byte == '\n')
        fflush(stdout);
}

/* Whether there is another one, too. */
static void go_to_other(struct console *c, struct machine *m)
{
    if (!machine_has_virtio_console(m)) {
        fputs("\nthe machine has one console only\n", stderr);
        return;
    }
    enum machine_input_device now = c->is_fixed ? c->to : machine_console_device(m);
    c->is_fixed = true;
    c->to = now == INPUT_VIRTIO ? INPUT_UART : INPUT_VIRTIO;
    fprintf(stderr, "\nkeys go to the %s\n", c->to == INPUT_UART ? "UART" : "virtio console");
}

static void take_key(struct console *c, struct machine *m, uint16_t key)
{
    uint8_t byte = (uint8_t)key;
    if (key == TERMINAL_POWER_BUTTON)
        machine_input(m, INPUT_POWER_BUTTON, &byte, 1);
    else if (key == TERMINAL_OTHER_CONSOLE)
        go_to_other(c, m);
    else if (c->is_fixed)
        machine_input(m, c->to, &byte, 1);
    else
        machine_console_input(m, &byte, 1);
}

/* What has come, or comes within that time; false: nothing for the machine. */
static bool look(struct console *c, struct machine *m, unsigned milliseconds)
{
    uint16_t keys[TERMINAL_KEYS_MAX];
    unsigned columns, rows;
    size_t before = machine_input_waiting(m), count = terminal_read(keys, milliseconds);
    for (size_t i = 0; i < count; i++)
        take_key(c, m, keys[i]);
    if (machine_has_virtio_console(m) && terminal_size(&columns, &rows) &&
        (columns != c->columns || rows != c->rows)) {
        c->columns = columns;
        c->rows = rows;
        machine_input_size(m, columns, rows);
    }
    return machine_input_waiting(m) != before;
}

static bool take_input(void *context, struct machine *m, bool wait)
{
    struct console *c = context;
    if (wait && machine_console_settle(m))
        return true;
    if (!terminal_is_open())
        return (wait || machine_input_waiting(m) == 0) && look(c, m, 0);
    do {
        if (look(c, m, wait ? UINT32_MAX : 0))
            return true;
    } while (wait && terminal_is_open() && !run_is_interrupted());
    return false;
}

/*
 * Time of the host that goes by here is owed to the guest until its clock goes on; a wait that is
 * cut short by a key is not begun anew. Short waits are added up, as the host sleeps no shorter.
 */
static enum machine_idle pass_time(void *context, struct machine *m, uint64_t cycles)
{
    struct console *c = context;
    double wait = (double)cycles / (double)m->hz;
    while (terminal_is_open() && !run_is_interrupted() && c->ahead + wait >= SLEEP_LEAST) {
        double left = c->ahead + wait, most = left < SLEEP_MOST ? left : SLEEP_MOST;
        double before = progress_seconds();
        bool is_there = look(c, m, (unsigned)(most * 1e3));
        double passed = progress_seconds() - before;
        c->ahead -= passed < most ? passed : most;
        if (is_there)
            return IDLE_LOOK;
    }
    c->ahead += wait;
    if (!terminal_is_open())
        c->ahead = 0;
    return run_is_interrupted() ? IDLE_END : IDLE_GO_ON;
}

void console_open(struct console *c, struct run *r)
{
    struct machine *m = run_machine(r);
    *c = (struct console){.run = r};
    m->console = print;
    terminal_open();
    run_set_input(r, take_input, c);
    if (!terminal_is_open())
        return;
    m->idle = pass_time;
    m->idle_context = c;
}

void console_close(struct console *c)
{
    run_set_input(c->run, NULL, NULL);
    run_machine(c->run)->console = NULL;
    run_machine(c->run)->idle = NULL;
    terminal_close();
    console_end_line();
}
