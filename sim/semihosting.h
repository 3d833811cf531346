/*
 * Arm semihosting for AArch64 (HLT #0xf000): enough for bare-metal tests to print, to read their
 * command line and the time, and to end the run with a status. Operations that would reach the
 * host's files answer -1, which is the interface's own way to say that they failed.
 */
#pragma once
#include "sim/base/base.h"

STATE_BEGIN
struct semihosting {
    uint32_t error;        /* what SYS_ERRNO answers */
    uint32_t open_handles; /* bit per handle that SYS_OPEN has given out */
};
STATE_END

struct semihosting_request {
    uint32_t operation;  /* W0 */
    uint64_t parameter;  /* X1 */
    uint64_t nanoseconds; /* the machine's time */
    const char *command_line;
};

/* The guest's memory, by its virtual addresses as the caller sees them, and the console. */
struct semihosting_wiring {
    void *context;
    /* False when not all bytes can be read (written). */
    bool (*read)(void *context, uint64_t va, void *bytes, size_t size);
    bool (*write)(void *context, uint64_t va, const void *bytes, size_t size);
    void (*output)(void *context, uint8_t byte);
};

enum semihosting_action {
    SEMIHOSTING_NONE,
    SEMIHOSTING_EXIT, /* the run ends with `status` */
};

struct semihosting_result {
    bool has_value; /* X0 takes `value`; else it stays */
    uint64_t value;
    enum semihosting_action action;
    uint32_t status;
};

/* Nothing is open, no error. */
void semihosting_reset(struct semihosting *state);

/* Serves one call. */
struct semihosting_result semihosting_call(struct semihosting *state,
                                           const struct semihosting_request *request,
                                           const struct semihosting_wiring *wiring);
