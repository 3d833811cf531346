/*
 * The command line's shared parts: exit statuses, option reading, and the lines that every
 * command prints in the same way.
 */
#pragma once
#include "sim/base/image.h"
#include "sim/run.h"
#include "sim/symbols.h"

#include <getopt.h>
#include <stdio.h>

enum status {
    STATUS_EXPECTED = 0,
    STATUS_OTHER = 1,
    STATUS_USAGE = 2,
    STATUS_UNMODELLED = 3,
    STATUS_DIVERGED = 4,
    STATUS_INTERRUPTED = 130,
};

/* Of two statuses the one that counts: 130, 2, 3, 4, 1, 0. */
enum status status_worse(enum status a, enum status b);

/* An option that has no effect without another one, or that contradicts one. */
struct option_need {
    int option;
    const char *says; /* "needs --seed" */
    bool (*is_met)(const void *arguments); /* of the command, when all have been taken */
};

/* Which options there were: a bit each of the command's own, and of the machine's. */
struct options_given {
    uint64_t own, machine;
};

struct command {
    const char *name;
    const char *synopsis; /* what follows the name */
    const char *sentence;
    const char *options;  /* one line each for --help, or "" */
    const struct option *table; /* long options; ends with a zero row */
    const struct option_need *needs; /* ends with a zero row; or NULL */
    bool has_machine;     /* takes the options of a machine, too (sim/config_fields.h) */
    enum status (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command command_run, command_explore, command_shrink, command_replay,
    command_info, command_bench;

/* Options have values from here on; --help is always known. */
#define OPTION_FIRST 256
#define OPTION_MACHINE 1024 /* those of a machine, in the order of its table of fields */
#define OPTION_END (-1)
#define OPTION_BAD (-2)  /* has been reported */
#define OPTION_HELP (-3) /* help has been printed */

/* The row of a long option. */
#define OPTION(name, value) {name, required_argument, NULL, value}
#define OPTION_FLAG(name, value) {name, no_argument, NULL, value}

/* The next option's value, its argument in optarg; operands begin at optind after OPTION_END. */
int option_next(const struct command *command, int argc, char **argv);

void option_note(struct options_given *given, int option);
/*
 * Whether each option that was given has what it needs; false after a usage error. config is the
 * machine's, for a command that takes options of one.
 */
bool options_fit(const struct command *command, const struct options_given *given,
                 const void *arguments, const struct machine_config *config);

/* "armillary COMMAND: ..." on standard error; returns STATUS_USAGE. */
enum status usage_error(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Parse an option's argument; false after a usage error. */
bool option_number(const struct command *command, const char *option, uint64_t low, uint64_t high,
                   uint64_t *value);
bool option_u32(const struct command *command, const char *option, uint32_t low, uint32_t high,
                uint32_t *value);
/* An option of the machine (from OPTION_MACHINE on) goes to its field; false as above. */
bool option_machine(const struct command *command, int option, struct machine_config *config);
bool option_engine(const struct command *command, enum engine_kind *engine);

/* Exactly one operand; NULL after a usage error. */
const char *one_operand(const struct command *command, int argc, char **argv, const char *what);

/* Prints "summary: result=... insns= cycles= choices= hash=" and extra (printf form, or ""). */
void summary_print(const struct run_verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What addresses are called for the user: by a table that was given, or by the image itself. */
struct names {
    const struct image *image;
    const struct symbol_place *place; /* NULL: the image's own symbols and lines */
};

/*
 * A finding as text: the sentence, then the earlier events and where they were, as far as the
 * machine tells that now.
 */
void finding_print(FILE *out, const struct finding *finding, const struct names *names,
                   const struct machine *m);

/* An address in 16 digits, and behind a space what it is called, unless that is its number. */
void place_print(FILE *out, uint64_t address, const char *name);

/* "symbol+0x10 (file.c:12)" of a linked address, or its number. */
void address_text(const struct names *names, uint64_t address, char *text, size_t size);
/* The same of code as a PE would execute it there now. */
void code_text(const struct names *names, const struct machine *m, unsigned pe, uint64_t va,
               char *text, size_t size);
/* The same of code that it executed at an earlier step, as far as that can be known now. */
void past_code_text(const struct names *names, const struct machine *m, unsigned pe, uint64_t va,
                    char *text, size_t size);

/* CPU, PC, symbol, disassembly, registers of one PE and what it waits for, to standard error. */
void cpu_report(struct machine *m, unsigned pe, const struct names *names);
/* The same to a stdio stream. */
void cpu_report_to(FILE *out, struct machine *m, unsigned pe, const struct names *names);

/* Opens a payload file for a machine with that much RAM. */
bool image_read(struct image *image, const char *path, uint64_t ram_bytes, struct error *error);
