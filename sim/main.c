/*
 * The program: finds the command and lets it run.
 *
 * Options are the commands' own (command_*.c). What is done for all of them: events get the names
 * of registers and operations, and output that could not be written is an error, not a success.
 */
#include "sim/command.h"
#include "sim/signals.h"

#include "cpu/disasm.h"
#include "cpu/sysreg_row.h"
#include "gen/version.h"
#include "sim/base/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {
    &command_run, &command_explore, &command_shrink, &command_replay, &command_info, &command_bench,
};

static void help(void)
{
    printf("armillary %s: explores what an Arm hypervisor does when everything that hardware "
           "leaves open is a choice\n\nusage: armillary COMMAND [OPTIONS]\n\n", ARMILLARY_VERSION);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        printf("  %-8s %s\n", commands[i]->name, commands[i]->sentence);
    printf("\n`armillary COMMAND --help` tells more. Exit status: 0 the expected verdict, "
           "1 another one,\n2 bad usage or input, 3 something is not modelled, 4 a replay diverged,"
           " 128 and the signal's\nnumber when interrupted (130: Ctrl-C).\n");
}

/* Names for the text form of events. */
static void set_names(void)
{
    static const char *registers[SYSREG_COUNT], *ops[A64_COUNT];
    for (unsigned i = 0; i < SYSREG_COUNT; i++)
        registers[i] = sysreg_row((enum sysreg)i)->name;
    for (unsigned i = 0; i < A64_COUNT; i++)
        ops[i] = a64_op_name((enum a64_op)i);
    event_set_sysreg_names(registers, SYSREG_COUNT);
    event_set_op_names(ops, A64_COUNT);
}

/* What could not be printed is an error, whatever the status would have been. */
static int end(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "armillary: standard output: could not be written\n");
    return STATUS_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "armillary: no command (see armillary --help)\n");
        return STATUS_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        help();
        return end(STATUS_EXPECTED);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("armillary %s\n", ARMILLARY_VERSION);
        return end(STATUS_EXPECTED);
    }
    set_names();
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (strcmp(commands[i]->name, argv[1]) != 0)
            continue;
        enum status status = commands[i]->run(commands[i], argc - 1, argv + 1);
        return end(status == STATUS_INTERRUPTED ? signals_status() : (int)status);
    }
    fprintf(stderr, "armillary: %s: unknown command (see armillary --help)\n", argv[1]);
    return STATUS_USAGE;
}
