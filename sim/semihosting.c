/*
 * Arm semihosting: the operations that need no host. Input is always at its end. The console is
 * ":tt", opened for reading (handle 1), writing (2) or appending (3: what C calls stderr).
 *
 * Everything else - files, removing, renaming, system commands, heap information, elapsed ticks -
 * fails with -1 and ENOSYS. Time is the machine's: SYS_TIME counts seconds from power-on.
 *
 * Arm 100863 (Semihosting for AArch32 and AArch64): the operations of the same names.
 */
#include "sim/semihosting.h"

#include <string.h>

enum operation {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITEC = 0x03,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_ISERROR = 0x08,
    SYS_ISTTY = 0x09,
    SYS_CLOCK = 0x10,
    SYS_TIME = 0x11,
    SYS_ERRNO = 0x13,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT = 0x18,
    SYS_EXIT_EXTENDED = 0x20,
};

/* errno values of the interface's C library. */
enum { ERROR_NO_ENTRY = 2, ERROR_BAD_HANDLE = 9, ERROR_FAULT = 14, ERROR_INVALID = 22,
       ERROR_NO_CALL = 38 };

enum { HANDLE_INPUT = 1, HANDLE_OUTPUT = 2, HANDLE_APPEND = 3 };

#define ADP_STOPPED_APPLICATION_EXIT UINT64_C(0x20026)
#define STATUS_OTHER_REASON 1u /* a stop for any reason but the application's own exit */
#define OPEN_MODES 12u         /* r, w and a with their + and b forms, four each */
#define WRITE_PART 256u        /* bytes of SYS_WRITE that are read at once */
#define STRING_MAX (UINT64_C(1) << 20)
#define NANOSECONDS_PER_SECOND UINT64_C(1000000000)
#define FAILURE UINT64_MAX

void semihosting_reset(struct semihosting *state)
{
    memset(state, 0, sizeof(*state));
}

static struct semihosting_result answers(uint64_t value)
{
    return (struct semihosting_result){.has_value = true, .value = value};
}

/* The operation failed in the way of those that answer -1. */
static struct semihosting_result fails(struct semihosting *state, uint32_t error)
{
    state->error = error;
    return answers(FAILURE);
}

/* Reads the operation's argument block of 64-bit words. */
static bool read_block(const struct semihosting_wiring *w, uint64_t va, uint64_t *words,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[8];
        if (!w->read(w->context, va + 8 * i, bytes, sizeof(bytes)))
            return false;
        words[i] = 0;
        for (unsigned b = 0; b < 8; b++)
            words[i] |= (uint64_t)bytes[b] << (8 * b);
    }
    return true;
}

static bool is_open(const struct semihosting *state, uint64_t handle)
{
    return handle < 32 && ((state->open_handles >> handle) & 1u);
}

static struct semihosting_result open_console(struct semihosting *state,
                                              const struct semihosting_wiring *w,
                                              const uint64_t block[3])
{
    static const char console[] = ":tt";
    char name[sizeof(console)];
    uint64_t mode = block[1];
    if (mode >= OPEN_MODES)
        return fails(state, ERROR_INVALID);
    if (block[2] != sizeof(console) - 1)
        return fails(state, ERROR_NO_ENTRY);
    if (!w->read(w->context, block[0], name, sizeof(name)))
        return fails(state, ERROR_FAULT);
    if (memcmp(name, console, sizeof(console)) != 0)
        return fails(state, ERROR_NO_ENTRY);
    unsigned handle = HANDLE_INPUT + (unsigned)mode / 4;
    state->open_handles |= UINT32_C(1) << handle;
    return answers(handle);
}

static struct semihosting_result close_handle(struct semihosting *state, uint64_t handle)
{
    if (!is_open(state, handle))
        return fails(state, ERROR_BAD_HANDLE);
    state->open_handles &= ~(UINT32_C(1) << handle);
    return answers(0);
}

/* Answers how many bytes have not been written. */
static struct semihosting_result write_bytes(struct semihosting *state,
                                             const struct semihosting_wiring *w,
                                             const uint64_t block[3])
{
    uint64_t left = block[2];
    if (!is_open(state, block[0]) || block[0] == HANDLE_INPUT) {
        state->error = ERROR_BAD_HANDLE;
        return answers(left);
    }
    for (uint64_t va = block[1]; left > 0;) {
        uint8_t bytes[WRITE_PART];
        size_t part = left < WRITE_PART ? (size_t)left : WRITE_PART;
        if (!w->read(w->context, va, bytes, part))
            part = w->read(w->context, va, bytes, 1); /* up to the first that cannot be read */
        if (part == 0) {
            state->error = ERROR_FAULT;
            break;
        }
        for (size_t i = 0; i < part; i++)
            w->output(w->context, bytes[i]);
        va += part;
        left -= part;
    }
    return answers(left);
}

/* Answers how many bytes have not been read: all of them, the input is at its end. */
static struct semihosting_result read_bytes(struct semihosting *state, const uint64_t block[3])
{
    if (!is_open(state, block[0]) || block[0] != HANDLE_INPUT)
        return fails(state, ERROR_BAD_HANDLE);
    return answers(block[2]);
}

/* A string that ends nowhere within STRING_MAX or readable memory is cut there. */
static struct semihosting_result write_string(struct semihosting *state,
                                              const struct semihosting_wiring *w, uint64_t va)
{
    for (uint64_t i = 0; i < STRING_MAX; i++) {
        uint8_t byte;
        if (!w->read(w->context, va + i, &byte, 1)) {
            state->error = ERROR_FAULT;
            break;
        }
        if (byte == 0)
            break;
        w->output(w->context, byte);
    }
    return (struct semihosting_result){.has_value = false};
}

/* Block: buffer and its size; the size becomes the line's length. */
static struct semihosting_result get_command_line(struct semihosting *state,
                                                  const struct semihosting_wiring *w,
                                                  uint64_t parameter, const uint64_t block[2],
                                                  const char *line)
{
    uint64_t length = strlen(line);
    uint8_t bytes[8];
    if (block[1] <= length)
        return fails(state, ERROR_INVALID);
    for (unsigned b = 0; b < 8; b++)
        bytes[b] = (uint8_t)(length >> (8 * b));
    if (!w->write(w->context, block[0], line, length + 1) ||
        !w->write(w->context, parameter + 8, bytes, sizeof(bytes)))
        return fails(state, ERROR_FAULT);
    return answers(0);
}

/* Block: reason and, for the application's own exit, its status. */
static struct semihosting_result exit_run(const uint64_t block[2])
{
    struct semihosting_result result = {.action = SEMIHOSTING_EXIT};
    bool is_own = block[0] == ADP_STOPPED_APPLICATION_EXIT;
    result.status = is_own ? (uint32_t)block[1] : STATUS_OTHER_REASON;
    return result;
}

/* 64-bit words in the argument block of an operation; 0: X1 is no block or is not read as one. */
static size_t block_words(uint32_t operation)
{
    switch (operation) {
    case SYS_OPEN:
    case SYS_WRITE:
    case SYS_READ:
        return 3;
    case SYS_GET_CMDLINE:
    case SYS_EXIT:
    case SYS_EXIT_EXTENDED:
        return 2;
    case SYS_CLOSE:
    case SYS_ISERROR:
    case SYS_ISTTY:
        return 1;
    default:
        return 0;
    }
}

struct semihosting_result semihosting_call(struct semihosting *state,
                                           const struct semihosting_request *request,
                                           const struct semihosting_wiring *wiring)
{
    uint64_t block[3] = {0};
    uint8_t byte;
    if (!read_block(wiring, request->parameter, block, block_words(request->operation)))
        return fails(state, ERROR_FAULT);
    switch (request->operation) {
    case SYS_OPEN:
        return open_console(state, wiring, block);
    case SYS_CLOSE:
        return close_handle(state, block[0]);
    case SYS_WRITEC:
        if (wiring->read(wiring->context, request->parameter, &byte, 1))
            wiring->output(wiring->context, byte);
        else
            state->error = ERROR_FAULT;
        return (struct semihosting_result){.has_value = false};
    case SYS_WRITE0:
        return write_string(state, wiring, request->parameter);
    case SYS_WRITE:
        return write_bytes(state, wiring, block);
    case SYS_READ:
        return read_bytes(state, block);
    case SYS_ISERROR:
        return answers((int64_t)block[0] < 0);
    case SYS_ISTTY:
        return is_open(state, block[0]) ? answers(1) : fails(state, ERROR_BAD_HANDLE);
    case SYS_CLOCK:
        return answers(request->nanoseconds / (NANOSECONDS_PER_SECOND / 100));
    case SYS_TIME:
        return answers(request->nanoseconds / NANOSECONDS_PER_SECOND);
    case SYS_ERRNO:
        return answers(state->error);
    case SYS_GET_CMDLINE:
        return get_command_line(state, wiring, request->parameter, block, request->command_line);
    case SYS_EXIT:
    case SYS_EXIT_EXTENDED:
        return exit_run(block);
    default:
        return fails(state, ERROR_NO_CALL);
    }
}
