/*
 * Semihosting calls on a small memory: console, command line, time, exit, and what fails.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/semihosting.h"

#define BASE UINT64_C(0x40001000)

static uint8_t memory[512];
static char output[256];
static size_t output_count;
static struct semihosting state;
static uint64_t now;

static bool read_memory(void *context, uint64_t va, void *bytes, size_t size)
{
    (void)context;
    if (va < BASE || va - BASE > sizeof(memory) - size)
        return false;
    memcpy(bytes, memory + (va - BASE), size);
    return true;
}

static bool write_memory(void *context, uint64_t va, const void *bytes, size_t size)
{
    (void)context;
    if (va < BASE || va - BASE > sizeof(memory) - size)
        return false;
    memcpy(memory + (va - BASE), bytes, size);
    return true;
}

static void put_out(void *context, uint8_t byte)
{
    (void)context;
    cr_assert_lt(output_count, sizeof(output) - 1);
    output[output_count++] = (char)byte;
    output[output_count] = 0;
}

static struct semihosting_result call(uint32_t operation, uint64_t parameter)
{
    struct semihosting_request request = {.operation = operation, .parameter = parameter,
                                          .nanoseconds = now, .command_line = "one two"};
    struct semihosting_wiring wiring = {.read = read_memory, .write = write_memory,
                                        .output = put_out};
    return semihosting_call(&state, &request, &wiring);
}

/* The same with an argument block at BASE. */
static struct semihosting_result block(uint32_t operation, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t words[3] = {a, b, c};
    memcpy(memory, words, sizeof(words));
    return call(operation, BASE);
}

static void answers(struct semihosting_result result, int64_t value)
{
    cr_assert(result.has_value);
    cr_assert_eq(result.action, SEMIHOSTING_NONE);
    cr_assert_eq((int64_t)result.value, value, "%lld", (long long)result.value);
}

static uint64_t text(const char *string)
{
    memcpy(memory + 64, string, strlen(string) + 1);
    return BASE + 64;
}

static int64_t open_console(uint64_t mode)
{
    return (int64_t)block(0x01, text(":tt"), mode, 3).value;
}

Test(semihosting, exit_takes_its_status_from_the_block)
{
    for (uint32_t operation = 0x18; operation <= 0x20; operation += 8) {
        struct semihosting_result result = block(operation, 0x20026, 42, 0);
        cr_assert_eq(result.action, SEMIHOSTING_EXIT);
        cr_assert_eq(result.status, 42u);
        result = block(operation, 0x20026, 0, 0);
        cr_assert_eq(result.status, 0u);
        result = block(operation, 0x20023, 0, 0);
        cr_assert_eq(result.action, SEMIHOSTING_EXIT);
        cr_assert_eq(result.status, 1u, "an abort is no success");
    }
}

Test(semihosting, characters_and_strings)
{
    cr_assert(!call(0x03, text("xyz")).has_value);
    cr_assert(!call(0x04, text("hello")).has_value);
    cr_assert_str_eq(output, "xhello");
}

Test(semihosting, string_without_end_is_cut_where_memory_ends)
{
    memset(memory, 'a', sizeof(memory));
    (void)call(0x04, BASE + sizeof(memory) - 5);
    cr_assert_str_eq(output, "aaaaa");
    answers(call(0x13, 0), 14);
}

Test(semihosting, console_handles)
{
    cr_assert_eq(open_console(0), 1);
    cr_assert_eq(open_console(4), 2);
    cr_assert_eq(open_console(8), 3);
    for (uint64_t handle = 1; handle <= 3; handle++)
        answers(block(0x09, handle, 0, 0), 1);
    uint64_t where = text("abcdef");
    answers(block(0x05, 2, where, 3), 0);
    answers(block(0x05, 3, where + 3, 2), 0);
    cr_assert_str_eq(output, "abcde");
    answers(block(0x05, 1, where, 3), 3);
    answers(block(0x06, 1, BASE + 128, 10), 10);
    answers(block(0x06, 2, BASE + 128, 10), -1);
    answers(block(0x02, 2, 0, 0), 0);
    answers(block(0x02, 2, 0, 0), -1);
    answers(call(0x13, 0), 9);
    answers(block(0x09, 2, 0, 0), -1);
    answers(block(0x05, 2, where, 3), 3);
    answers(block(0x09, UINT64_C(0x100000002), 0, 0), -1);
    cr_assert_str_eq(output, "abcde");
}

Test(semihosting, a_write_that_leaves_memory_tells_what_is_left)
{
    (void)open_console(4);
    answers(block(0x05, 2, BASE + sizeof(memory) - 2, 10), 8);
    answers(call(0x13, 0), 14);
}

Test(semihosting, files_are_not_there)
{
    answers(block(0x01, text("a.c"), 0, 3), -1);
    answers(call(0x13, 0), 2);
    answers(block(0x01, text(":tt2"), 0, 4), -1);
    answers(block(0x01, text(":tt"), 12, 3), -1);
    answers(call(0x13, 0), 22);
    cr_assert_eq(state.open_handles, 0u);
}

Test(semihosting, command_line)
{
    answers(block(0x15, BASE + 256, 100, 0), 0);
    cr_assert_str_eq((char *)memory + 256, "one two");
    cr_assert_eq(memory[8], 7u);
    answers(block(0x15, BASE + 256, 8, 0), 0);
    answers(block(0x15, BASE + 256, 7, 0), -1);
    answers(block(0x15, BASE + sizeof(memory), 100, 0), -1);
}

Test(semihosting, time_is_the_machine_s)
{
    now = UINT64_C(12345678901);
    answers(call(0x10, 0), 1234);
    answers(call(0x11, 0), 12);
}

Test(semihosting, is_error)
{
    answers(block(0x08, 0, 0, 0), 0);
    answers(block(0x08, UINT64_MAX, 0, 0), 1);
}

Test(semihosting, everything_else_fails)
{
    static const bool known[0x40] = {[1] = true,    [2] = true,    [3] = true,    [4] = true,
                                     [5] = true,    [6] = true,    [8] = true,    [9] = true,
                                     [0x10] = true, [0x11] = true, [0x13] = true, [0x15] = true,
                                     [0x18] = true, [0x20] = true};
    for (uint32_t operation = 0; operation < 0x40; operation++) {
        if (known[operation])
            continue;
        semihosting_reset(&state);
        answers(call(operation, BASE), -1);
        answers(call(0x13, 0), 38);
    }
}

Test(semihosting, block_outside_memory_fails)
{
    static const uint32_t operations[] = {0x01, 0x02, 0x05, 0x06, 0x08, 0x09, 0x15, 0x18, 0x20};
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        semihosting_reset(&state);
        answers(call(operations[i], 0x10), -1);
        answers(call(0x13, 0), 14);
    }
}
