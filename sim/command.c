/*
 * What the commands share: reading options, error lines, the summary, and reports about a CPU.
 *
 * Which options there are, and with which status a command ends, is its own matter; nothing here
 * runs a machine.
 */
#include "sim/command.h"

#include "cpu/disasm.h"
#include "cpu/sysreg.h"
#include "sim/config_fields.h"
#include "sim/console.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum status status_worse(enum status a, enum status b)
{
    static const enum status order[] = {STATUS_INTERRUPTED, STATUS_USAGE, STATUS_UNMODELLED,
                                        STATUS_DIVERGED, STATUS_OTHER};
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        if (a == order[i] || b == order[i])
            return order[i];
    }
    return STATUS_EXPECTED;
}

enum status usage_error(const struct command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "armillary %s: ", command->name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return STATUS_USAGE;
}

static void help_print(const struct command *command)
{
    printf("usage: armillary %s %s\n\n%s\n", command->name, command->synopsis, command->sentence);
    if (command->options[0] != 0 || command->has_machine)
        putchar('\n');
    for (size_t i = 0; command->has_machine && i < config_field_count; i++) {
        const struct config_field *f = &config_fields[i];
        int width = (int)(strlen(f->option) + 1 + strlen(f->argument));
        printf("  --%s %s%*s  %s\n", f->option, f->argument, width < 14 ? 14 - width : 0, "",
               f->help);
    }
    fputs(command->options, stdout);
}

/* A letter is told as such: it may stand among others, in a word that has not been left yet. */
static void unknown_option(const struct command *command, const char *word)
{
    const char letter[] = {'-', (char)optopt, 0};
    bool is_letter = optopt > 0 && optopt < OPTION_FIRST && optopt != 'h';
    usage_error(command, "%s: unknown option (see armillary %s --help)", is_letter ? letter : word,
                command->name);
}

int option_next(const struct command *command, int argc, char **argv)
{
    static const struct option help[] = {{"help", no_argument, NULL, 'h'}, {0}};
    struct option table[64] = {help[0]};
    size_t count = 1;
    for (size_t i = 0; command->has_machine && i < config_field_count; i++) {
        ensure(count + 1 < ARRAY_COUNT(table));
        table[count++] = (struct option)OPTION(config_fields[i].option, OPTION_MACHINE + (int)i);
    }
    for (const struct option *row = command->table; row && row->name; row++) {
        ensure(count + 1 < ARRAY_COUNT(table));
        table[count++] = *row;
    }
    opterr = 0;
    int value = getopt_long(argc, argv, ":h", table, NULL);
    switch (value) {
    case -1:
        return OPTION_END;
    case 'h':
        help_print(command);
        return OPTION_HELP;
    case '?':
        unknown_option(command, argv[optind - 1]);
        return OPTION_BAD;
    case ':':
        usage_error(command, "%s: needs an argument", argv[optind - 1]);
        return OPTION_BAD;
    default:
        return value;
    }
}

void option_note(struct options_given *given, int option)
{
    ensure(option >= OPTION_FIRST);
    if (option >= OPTION_MACHINE)
        given->machine |= UINT64_C(1) << (option - OPTION_MACHINE);
    else
        given->own |= UINT64_C(1) << (option - OPTION_FIRST);
}

static const char *option_name(const struct command *command, int option)
{
    const struct option *row = command->table;
    while (row->val != option)
        row++;
    return row->name;
}

bool options_fit(const struct command *command, const struct options_given *given,
                 const void *arguments, const struct machine_config *config)
{
    for (const struct option_need *need = command->needs; need && need->says; need++) {
        if ((given->own >> (need->option - OPTION_FIRST) & 1) == 0 || need->is_met(arguments))
            continue;
        usage_error(command, "--%s: %s", option_name(command, need->option), need->says);
        return false;
    }
    for (size_t i = 0; command->has_machine && i < config_field_count; i++) {
        const char *lacks = given->machine >> i & 1 ? config_field_lacks(&config_fields[i], config)
                                                    : NULL;
        if (!lacks)
            continue;
        usage_error(command, "--%s: needs --%s", config_fields[i].option, lacks);
        return false;
    }
    return true;
}

bool option_number(const struct command *command, const char *option, uint64_t low, uint64_t high,
                   uint64_t *value)
{
    if (!config_parse_number(optarg, value)) {
        usage_error(command, "%s: %s is no number", option, optarg);
        return false;
    }
    if (*value >= low && *value <= high)
        return true;
    usage_error(command, "%s: %s is not in %" PRIu64 "..%" PRIu64, option, optarg, low, high);
    return false;
}

bool option_u32(const struct command *command, const char *option, uint32_t low, uint32_t high,
                uint32_t *value)
{
    uint64_t number;
    if (!option_number(command, option, low, high, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

bool option_machine(const struct command *command, int option, struct machine_config *config)
{
    struct error why;
    ensure(option >= OPTION_MACHINE && option - OPTION_MACHINE < (int)config_field_count);
    const struct config_field *field = &config_fields[option - OPTION_MACHINE];
    if (config_field_put_option(field, config, optarg, &why))
        return true;
    usage_error(command, "--%s: %s", field->option, why.text);
    return false;
}

bool option_engine(const struct command *command, enum engine_kind *engine)
{
    if (strcmp(optarg, "precise") == 0) {
        *engine = ENGINE_KIND_PRECISE;
        return true;
    }
    *engine = ENGINE_KIND_FAST;
    if (strcmp(optarg, "fast") == 0)
        return true;
    usage_error(command, "--engine: %s is neither precise nor fast", optarg);
    return false;
}

const char *one_operand(const struct command *command, int argc, char **argv, const char *what)
{
    if (optind + 1 == argc)
        return argv[optind];
    if (optind == argc)
        usage_error(command, "%s is missing (see armillary %s --help)", what, command->name);
    else
        usage_error(command, "%s: one %s is enough", argv[optind + 1], what);
    return NULL;
}

void summary_print(const struct run_verdict *v, const char *format, ...)
{
    console_end_line();
    printf("summary: result=%s insns=%" PRIu64 " cycles=%" PRIu64 " choices=%u hash=%016" PRIx64,
           run_result_name(v->result), v->insns, v->cycles, v->choices, v->hash);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static void image_address_text(const struct image *image, uint64_t address, char *text, size_t size)
{
    const struct image_symbol *symbol = image ? image_symbol_at(image, address) : NULL;
    char line[200];
    if (!symbol) {
        snprintf(text, size, "0x%" PRIx64, address);
        return;
    }
    uint64_t offset = address - symbol->address;
    int length = offset ? snprintf(text, size, "%s+0x%" PRIx64, symbol->name, offset)
                        : snprintf(text, size, "%s", symbol->name);
    if (length > 0 && (size_t)length < size && symbol->is_function &&
        image_line_at(image, address, line, sizeof line))
        snprintf(text + length, size - (size_t)length, " (%s)", line);
}

void address_text(const struct names *names, uint64_t address, char *text, size_t size)
{
    struct symbol symbol;
    if (!names->place)
        image_address_text(names->image, address, text, size);
    else if (symbols_find(names->place->symbols, address, &symbol))
        symbol_text(&symbol, text, size);
    else
        snprintf(text, size, "0x%" PRIx64, address);
}

void code_text(const struct names *names, const struct machine *m, unsigned pe, uint64_t va,
               char *text, size_t size)
{
    struct symbol symbol;
    if (!names->place)
        image_address_text(names->image, va, text, size);
    else if (symbol_at(names->place, m, pe, va, &symbol))
        symbol_text(&symbol, text, size);
    else
        snprintf(text, size, "0x%" PRIx64, va);
}

void past_code_text(const struct names *names, const struct machine *m, unsigned pe, uint64_t va,
                    char *text, size_t size)
{
    struct symbol symbol;
    if (!names->place)
        image_address_text(names->image, va, text, size);
    else if (symbol_of_past(names->place, m, pe, va, &symbol))
        symbol_text(&symbol, text, size);
    else
        snprintf(text, size, "0x%" PRIx64, va);
}

void finding_print(FILE *out, const struct finding *f, const struct names *names,
                   const struct machine *m)
{
    char where[256];
    fprintf(out, "%s/%s on CPU %u at step %" PRIu64 ": %s\n", check_name((enum check_kind)f->check),
           f->kind, f->pe, f->step, f->text);
    for (uint32_t i = 0; i < f->event_count; i++) {
        const struct finding_event *e = &f->event[i];
        past_code_text(names, m, e->pe, e->pc, where, sizeof where);
        fprintf(out, "  step %" PRIu64 "  CPU %u  %s  [%s]\n", e->step, e->pe, e->text, where);
    }
}

void place_print(FILE *out, uint64_t address, const char *name)
{
    char number[24];
    snprintf(number, sizeof number, "0x%" PRIx64, address);
    fprintf(out, "%016" PRIx64, address);
    if (strcmp(name, number) != 0)
        fprintf(out, " %s", name);
}

static void registers_print(FILE *out, const struct cpu *cpu)
{
    for (unsigned i = 0; i < 31; i++)
        fprintf(out, "  x%-2u %016" PRIx64 "%s", i, cpu->x[i], i % 4 == 3 ? "\n" : "");
    fprintf(out, "  sp  %016" PRIx64 "\n", cpu_sp_get(cpu));
    fprintf(out, "  el %u  nzcv %x  daif %x  elr_el1 %016" PRIx64 "  esr_el1 %08" PRIx64
            "  far_el1 %016" PRIx64 "\n", cpu->el, cpu->nzcv >> 28, cpu->daif >> 6,
            cpu->reg[SR_ELR_EL1], cpu->reg[SR_ESR_EL1], cpu->reg[SR_FAR_EL1]);
    fprintf(out, "  elr_el2 %016" PRIx64 "  esr_el2 %08" PRIx64 "  far_el2 %016" PRIx64
            "  hpfar_el2 %016" PRIx64 "\n", cpu->reg[SR_ELR_EL2], cpu->reg[SR_ESR_EL2],
            cpu->reg[SR_FAR_EL2], cpu->reg[SR_HPFAR_EL2]);
}

/* In how many cycles the nearest of a PE's timers fires; DEADLINE_NEVER: none does. */
static uint64_t timer_distance(const struct machine *m, unsigned pe)
{
    uint64_t nearest = DEADLINE_NEVER, now = m->state->now;
    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        uint64_t at = m->state->clock.deadline[pe * TIMER_COUNT + i];
        if (at < nearest)
            nearest = at;
    }
    if (nearest == DEADLINE_NEVER)
        return nearest;
    return nearest > now ? nearest - now : 0;
}

static void wait_print(FILE *out, const struct machine *m, unsigned pe)
{
    const struct cpu *cpu = &m->state->cpu[pe];
    uint64_t distance = timer_distance(m, pe);
    switch ((enum cpu_wait)cpu->wait) {
    case CPU_RUNS:
        fputs(m->state->pe[pe].hold_left != 0 ? "  held: others come first\n" : "  runs\n", out);
        return;
    case CPU_WAITS_INTERRUPT:
        fputs("  waits for an interrupt (WFI)", out);
        break;
    case CPU_WAITS_EVENT:
        fputs("  waits for an event (WFE)", out);
        break;
    case CPU_IS_OFF:
        bug("CPU %u is off", pe);
    }
    if (distance == DEADLINE_NEVER)
        fputs(", none of its timers is set\n", out);
    else
        fprintf(out, ", a timer of its own in %" PRIu64 " cycles\n", distance);
}

void cpu_report_to(FILE *out, struct machine *m, unsigned pe, const struct names *names)
{
    const struct cpu *cpu = &m->state->cpu[pe];
    char where[256], text[A64_TEXT_BYTES];
    uint32_t word;
    struct walk walk;
    if (cpu->wait == CPU_IS_OFF) {
        fprintf(out, "CPU %u is off\n", pe);
        return;
    }
    code_text(names, m, pe, cpu->pc, where, sizeof where);
    fprintf(out, "CPU %u at ", pe);
    place_print(out, cpu->pc, where);
    fputc('\n', out);
    if (machine_peek_va(m, pe, va_make(cpu->pc), &walk) &&
        machine_peek(m, walk.result.pa, &word, sizeof word)) {
        enum a64_op row = a64_disassemble(word, cpu->pc, text, sizeof text);
        fprintf(out, "  %08x  %s  (row %s)\n", word, text, a64_op_name(row));
    } else {
        fprintf(out, "  nothing to execute there\n");
    }
    wait_print(out, m, pe);
    registers_print(out, cpu);
}

void cpu_report(struct machine *m, unsigned pe, const struct names *names)
{
    cpu_report_to(stderr, m, pe, names);
}

bool image_read(struct image *image, const char *path, uint64_t ram_bytes, struct error *error)
{
    uint8_t *bytes;
    size_t size;
    if (!file_read(path, &bytes, &size, error))
        return false;
    bool good = image_open(image, path, bytes, size, pa_make(MAP_RAM), ram_bytes, error);
    free(bytes);
    return good;
}
