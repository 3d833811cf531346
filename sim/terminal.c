/*
 * The terminal: raw input while a machine has it for its console. Output stays as it is, so that
 * guests that end lines by a line feed alone can be read.
 *
 * The terminal is given back at every end: on return, by atexit(), and before the default action
 * of each signal that ends or stops a process, those of crashes and of bug() included; a stopped
 * process takes it again when it goes on. Only SIGKILL leaves it raw, as it must.
 *
 * Not here: what keys and sizes mean to a machine (console.c).
 */
#include "sim/terminal.h"

#include "sim/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_A 0x01u
#define HELP                                                                                  \
    "\nCtrl-A x ends the run, Ctrl-A p presses the power button, Ctrl-A c sends keys to the\n" \
    "other console, Ctrl-A Ctrl-A sends a Ctrl-A, Ctrl-A h shows this\n"

static struct {
    volatile sig_atomic_t is_raw;
    bool is_closed;   /* the end of what is piped in */
    bool had_ctrl_a;
    bool has_atexit;
    struct termios before, raw;
} terminal;

/* Before these: as it was, then what they do by default. Others ask for an end (signals.c). */
static const int ends[] = {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTSTP};
/* A signal may come just before the sleep: how long it lasts at most, in milliseconds. */
#define SLEEP_MOST 200

static void give_back(void)
{
    if (terminal.is_raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
}

static void on_end(int number)
{
    int error = errno;
    sigset_t set;
    give_back();
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* now it comes; only a stop returns from here */
    errno = error;
}

static void catch_ends(void);

static void on_continue(int number)
{
    int error = errno;
    (void)number;
    catch_ends();
    if (terminal.is_raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal.raw);
    errno = error;
}

static void catch_ends(void)
{
    struct sigaction action = {.sa_handler = on_end};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
        sigaction(ends[i], &action, NULL);
}

void terminal_open(void)
{
    terminal.is_closed = false;
    terminal.had_ctrl_a = false;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &terminal.before) != 0)
        return;
    terminal.raw = terminal.before;
    terminal.raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON | ISTRIP | BRKINT);
    terminal.raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    terminal.raw.c_cc[VMIN] = 1;
    terminal.raw.c_cc[VTIME] = 0;
    if (!terminal.has_atexit)
        terminal.has_atexit = atexit(terminal_close) == 0;
    catch_ends();
    struct sigaction action = {.sa_handler = on_continue};
    sigemptyset(&action.sa_mask);
    sigaction(SIGCONT, &action, NULL);
    terminal.is_raw = 1;
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal.raw);
    fprintf(stderr, "the console is this terminal: Ctrl-A x ends the run, Ctrl-A h helps\n");
}

void terminal_close(void)
{
    give_back();
    terminal.is_raw = 0;
}

/* What of the bytes is for the machine; the rest was for us. */
static size_t take_commands(const uint8_t *bytes, size_t count, uint16_t *keys)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[i];
        if (!terminal.had_ctrl_a) {
            terminal.had_ctrl_a = byte == CTRL_A;
            if (byte != CTRL_A)
                keys[kept++] = byte;
            continue;
        }
        terminal.had_ctrl_a = false;
        if (byte == CTRL_A)
            keys[kept++] = byte;
        else if (byte == 'p')
            keys[kept++] = TERMINAL_POWER_BUTTON;
        else if (byte == 'c')
            keys[kept++] = TERMINAL_OTHER_CONSOLE;
        else if (byte == 'x')
            run_interrupt();
        else if (byte == 'h')
            fputs(HELP, stderr);
    }
    return kept;
}

size_t terminal_read(uint16_t keys[TERMINAL_KEYS_MAX], unsigned milliseconds)
{
    uint8_t bytes[TERMINAL_KEYS_MAX];
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    fflush(stdout); /* a prompt has no end of line */
    if (terminal.is_closed || run_is_interrupted())
        return 0;
    if (milliseconds > SLEEP_MOST)
        milliseconds = SLEEP_MOST;
    if (poll(&input, 1, (int)milliseconds) <= 0)
        return 0;
    ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
        terminal.is_closed = true;
    if (count <= 0)
        return 0;
    if (terminal.is_raw)
        return take_commands(bytes, (size_t)count, keys);
    for (size_t i = 0; i < (size_t)count; i++)
        keys[i] = bytes[i];
    return (size_t)count;
}

bool terminal_is_open(void)
{
    return terminal.is_raw && !terminal.is_closed;
}

bool terminal_size(unsigned *columns, unsigned *rows)
{
    struct winsize size;
    if (!terminal.is_raw || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0)
        return false;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return size.ws_col != 0 && size.ws_row != 0;
}
