/*
 * `armillary info`: what is modelled, printed from the tables that run.
 *
 * There is no second list here that could say something else than the machine does: a row that is
 * added to a table, or taken out of it, changes what this prints.
 */
#include "sim/command.h"

#include "cpu/disasm.h"
#include "cpu/errata.h"
#include "cpu/model.h"
#include "gen/trace.h"
#include "gic/rows.h"
#include "sim/base/choice.h"

#include <stdio.h>
#include <string.h>

static void info_isa(void)
{
    for (unsigned i = 0; i < A64_COUNT; i++)
        printf("%s\n", a64_op_name((enum a64_op)i));
}

static void access_text(const struct sysreg_row *row, char *text)
{
    size_t at = 0;
    for (unsigned el = 0; el < 3; el++) {
        unsigned rights = row->access >> (2 * el) & 3;
        if (rights != 0)
            at += (size_t)snprintf(text + at, 8, "%sel%u%s%s", at ? "_" : "", el,
                                   rights & 1 ? "r" : "", rights & 2 ? "w" : "");
    }
    text[at] = 0;
}

static void info_sysregs(void)
{
    for (unsigned i = 0; i < SYSREG_COUNT; i++) {
        const struct sysreg_row *row = sysreg_row((enum sysreg)i);
        char rights[32];
        access_text(row, rights);
        printf("%-22s S%u_%u_C%u_C%u_%u  %-16s%s  %s\n", row->name, row->key >> 14,
               row->key >> 11 & 7, row->key >> 7 & 15, row->key >> 3 & 15, row->key & 7, rights,
               row->is_unmodelled ? " not modelled" : "", row->what);
    }
}

static bool is_reserved(const struct reg_field *field)
{
    return field->kind == REG_FIELD_RES0 || field->kind == REG_FIELD_RES1;
}

/* Whether each CPU has a copy of a register, or of its first words. */
static const char *copies(const struct mmio_row *row)
{
    if (row->frame[3] != 'D' || row->banked * row->per_int == row->count * 32)
        return "per-CPU";
    if (row->banked == 0)
        return "shared";
    return row->count == 1 ? "per-CPU" : "first";
}

/* Registers with their reset value (of the first word) and who has a copy of them; fields. */
static void info_gic(void)
{
    for (unsigned i = 0; i < GICV2_COUNT; i++) {
        const struct mmio_row *row = gic_row((enum gicv2)i);
        printf("%-5s 0x%03x %-20s %3u %s%s %-9s %-7s 0x%08x  %s\n", row->frame, row->offset,
               row->name, row->count, row->readable ? "r" : "-", row->writable ? "w" : "-",
               row->bytes ? "byte,word" : "word", copies(row), row->reset, row->what);
        for (unsigned f = 0; f < row->field_count; f++) {
            const struct reg_field *field = &row->fields[f];
            char bits[16];
            snprintf(bits, sizeof bits, field->high == field->low ? "%u" : "%u:%u", field->high,
                     field->low);
            if (!is_reserved(field))
                printf("      %-6s %-18s %s  %s\n", bits, field->name,
                       field->kind == REG_FIELD_RO ? "ro" : "rw", field->what);
        }
    }
}

static void info_choices(void)
{
    for (unsigned i = 0; i < CHOICE_KIND_COUNT; i++)
        printf("%-18s %s\n", choice_rows[i].name, choice_rows[i].sentence);
}

static void info_checkers(void)
{
    for (unsigned i = 0; i < CHECK_COUNT; i++)
        printf("%-10s %s\n", check_name((enum check_kind)i), check_sentence((enum check_kind)i));
}

static void info_models(void)
{
    const struct cpu_model *model;
    for (unsigned i = 0; (model = model_at(i)) != NULL; i++)
        printf("%-12s %s\n", model->name, model->what);
}

static void info_errata(void)
{
    for (unsigned i = 0; i < ERRATUM_COUNT; i++)
        printf("%-18s %s\n", erratum_rows[i].name, erratum_rows[i].what);
}

static void info_events(void)
{
    for (unsigned i = 0; i < EVENT_KIND_COUNT; i++)
        printf("%-16s %s\n", event_rows[i].name, event_rows[i].sentence);
}

static const struct {
    const char *name;
    void (*print)(void);
} topics[] = {
    {"isa", info_isa},         {"sysregs", info_sysregs},   {"gic", info_gic},
    {"choices", info_choices}, {"checkers", info_checkers}, {"models", info_models},
    {"errata", info_errata},   {"events", info_events},
};

static enum status run(const struct command *command, int argc, char **argv)
{
    int option = option_next(command, argc, argv);
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_EXPECTED : STATUS_USAGE;
    const char *topic = one_operand(command, argc, argv, "topic");
    if (!topic)
        return STATUS_USAGE;
    for (size_t i = 0; i < ARRAY_COUNT(topics); i++) {
        if (strcmp(topics[i].name, topic) == 0) {
            topics[i].print();
            return STATUS_EXPECTED;
        }
    }
    char names[128];
    size_t length = 0;
    for (size_t i = 0; i < ARRAY_COUNT(topics); i++) {
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "",
                                   topics[i].name);
        ensure(length < sizeof names);
    }
    return usage_error(command, "%s: none of %s", topic, names);
}

const struct command command_info = {
    .name = "info",
    .synopsis = "isa|sysregs|gic|choices|checkers|models|errata|events",
    .sentence = "prints what is modelled, from the tables that run",
    .options = "",
    .table = NULL,
    .run = run,
};
