/*
 * The terminal: raw input while a machine has it for its console. Output stays as it is, so that
 * guests that end lines by a line feed alone can be read.
 *
 * The terminal is given back at every end: on return, by atexit(), and before the default action
 * of each signal that ends or stops a process, those of crashes and of bug() included; a stopped
 * process takes it again when it goes on. Only SIGKILL leaves it raw, as it must.
 *
 * Not here: window sizes, and anything but bytes.
 */
#include "sim/terminal.h"

#include "sim/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_A 0x01u
#define HELP "\nCtrl-A x ends the run, Ctrl-A Ctrl-A sends a Ctrl-A, Ctrl-A h shows this\n"

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
static size_t take_commands(uint8_t *bytes, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[i];
        if (!terminal.had_ctrl_a) {
            terminal.had_ctrl_a = byte == CTRL_A;
            if (byte != CTRL_A)
                bytes[kept++] = byte;
            continue;
        }
        terminal.had_ctrl_a = false;
        if (byte == CTRL_A)
            bytes[kept++] = byte;
        else if (byte == 'x')
            run_interrupt();
        else if (byte == 'h')
            fputs(HELP, stderr);
    }
    return kept;
}

/* What has come by now, or with wait, by the time that something has. */
static size_t take(uint8_t *bytes, size_t size, bool wait)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, wait ? SLEEP_MOST : 0) <= 0)
        return 0;
    ssize_t count = read(STDIN_FILENO, bytes, size);
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
        terminal.is_closed = true;
    if (count <= 0)
        return 0;
    return terminal.is_raw ? take_commands(bytes, (size_t)count) : (size_t)count;
}

size_t terminal_read(uint8_t *bytes, size_t size, bool wait)
{
    size_t count = 0;
    fflush(stdout); /* a prompt has no end of line */
    while (count == 0 && !terminal.is_closed && !run_is_interrupted()) {
        count = take(bytes, size, wait && terminal.is_raw);
        if (!wait || !terminal.is_raw)
            break;
    }
    return count;
}
