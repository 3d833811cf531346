/*
 * `armillary run`: boots an image and says how it ended. Beside the checkers it watches for one
 * thing that would otherwise look like an endless run: an exception whose vector cannot be
 * executed, so that the CPU takes exceptions there for ever.
 */
#include "sim/command_outputs.h"
#include "sim/command_watch.h"
#include "sim/config_fields.h"
#include "sim/console.h"
#include "sim/signals.h"
#include "sim/trace_file.h"

#include "gen/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many exceptions in a row at the vector itself mean that it goes on like this. */
#define LOST_EXCEPTIONS 16u
#define RATE_DEFAULT 1000u
#define PATH_TEXT_MAX 500u /* of a file's name in a message */
#define EMBED_DEFAULT (UINT64_C(4) << 20)

enum {
    RUN_CHECK = OPTION_FIRST, RUN_SEED, RUN_OPEN, RUN_RATE, RUN_RECORD, RUN_MAX_INSNS,
    RUN_SYMBOLS, RUN_ENGINE, RUN_INITRD, RUN_DTB, RUN_EMBED, RUN_DROP, RUN_FINDINGS, RUN_PROFILE,
    RUN_PROGRESS,
};

static const struct option options[] = {
    OPTION("check", RUN_CHECK), OPTION("seed", RUN_SEED), OPTION("choices", RUN_OPEN),
    OPTION("rate", RUN_RATE), OPTION("record", RUN_RECORD), OPTION("max-insns", RUN_MAX_INSNS),
    OPTION("symbols", RUN_SYMBOLS), OPTION("engine", RUN_ENGINE),
    OPTION("initrd", RUN_INITRD), OPTION("dtb", RUN_DTB), OPTION("embed", RUN_EMBED),
    OPTION("drop", RUN_DROP), OPTION("findings", RUN_FINDINGS), OPTION("profile", RUN_PROFILE),
    OPTION("progress-steps", RUN_PROGRESS), {0},
};

/* Behind those of the machine. */
static const char option_help[] =
    "  --initrd FILE     initial RAM disk, told in /chosen\n"
    "  --dtb FILE        this device tree, with the machine's memory (one is made)\n"
    "  --check LIST      checkers, like vmid,tlb (none; see armillary info checkers)\n"
    "  --findings N      go on behind a finding, and report N places of each class of them\n"
    "  --progress-steps N        with --check progress: so many steps without any (1000000000)\n"
    "  --drop KIND:N     leave out the N-th tlbi, dsb, dmb, isb, dc, ic or sev; may be repeated\n"
    "  --profile FILE    where the guest's time goes, and stacks for flame graphs in FILE.folded\n"
    "  --seed N          answer open choices at random from this seed\n"
    "  --choices LIST    which kinds are open, with --seed (next-cpu; see armillary info choices)\n"
    "  --rate N          one question in N gets an answer other than 0, with --seed (1000)\n"
    "  --record FILE     write a trace of the run\n"
    "  --embed SIZE      with --record: larger files are named, not kept in the trace (4M)\n"
    "  --max-insns N     stop after so many instructions\n"
    "  --symbols FILE    names for addresses: an ELF or a System.map (the image itself)\n"
    "  --engine precise|fast     (fast)\n";

struct arguments {
    struct run_setup setup;
    const char *image, *record, *symbols, *initrd, *dtb;
    const char *overlay[DRIVE_MAX]; /* where a drive goes after the run, or NULL */
    struct outputs outputs;
    enum engine_kind engine;
    bool has_seed;
    uint64_t seed;
    uint32_t rate, open_mask;
    uint64_t embed_max;
    struct watch watch;
};

/* --- the lost-CPU watch ------------------------------------------------------------------- */

struct lost {
    struct machine *machine;
    uint64_t vector[PE_COUNT_MAX];
    unsigned count[PE_COUNT_MAX];
    int pe; /* who is lost, or -1 */
};

static void lost_sink(void *context, const struct event *event)
{
    struct lost *lost = context;
    unsigned pe = event->pe;
    const struct event_exc_take *e = &event->exc_take;
    bool at_vector = e->pc == lost->vector[pe] && e->pc == e->to_pc;
    lost->count[pe] = at_vector ? lost->count[pe] + 1 : 0;
    lost->vector[pe] = e->to_pc;
    if (lost->count[pe] == LOST_EXCEPTIONS) {
        lost->pe = (int)pe;
        machine_request_stop(lost->machine);
    }
}

/* --- arguments ---------------------------------------------------------------------------- */

static bool parse_choices(const struct command *command, const char *list, uint32_t *mask)
{
    char name[64];
    while (config_next_name(&list, name, sizeof name)) {
        enum choice_kind kind;
        if (!choice_kind_by_name(name, &kind)) {
            usage_error(command, "--choices: %s is no kind of choice", name);
            return false;
        }
        *mask |= 1u << kind;
    }
    return true;
}

static bool take_check(const struct command *command, struct arguments *a)
{
    struct error error;
    if (check_parse_list(optarg, &a->setup.checks.mask, &error))
        return true;
    usage_error(command, "--check: %s", error.text);
    return false;
}

/* An option of the machine; of a drive's, where it goes afterwards is no matter of the machine. */
static bool take_machine_option(const struct command *command, int option, struct arguments *a)
{
    struct machine_config *config = &a->setup.config;
    uint32_t drives = config->drive_count;
    char *tail = strrchr(optarg, ','), *overlay = NULL;
    if (config_fields[option - OPTION_MACHINE].kind == CONFIG_FILES && tail &&
        strncmp(tail, ",overlay=", 9) == 0 && tail[9] != 0) {
        overlay = tail + 9;
        *tail = 0;
    }
    if (!option_machine(command, option, config))
        return false;
    if (config->drive_count == drives)
        return true;
    a->overlay[drives] = overlay;
    if (!overlay || !config->drive[drives].read_only)
        return true;
    usage_error(command, "--drive: ro leaves nothing for an overlay");
    return false;
}

/* --- what options need -------------------------------------------------------------------- */

static bool is_seeded(const void *arguments)
{
    return ((const struct arguments *)arguments)->has_seed;
}

static bool is_recorded(const void *arguments)
{
    return ((const struct arguments *)arguments)->record != NULL;
}

static bool is_checked(const void *arguments)
{
    return ((const struct arguments *)arguments)->setup.checks.mask != 0;
}

static bool is_checked_for_progress(const void *arguments)
{
    return ((const struct arguments *)arguments)->setup.checks.mask >> CHECK_PROGRESS & 1;
}

static const struct option_need needs[] = {
    {RUN_OPEN, "needs --seed", is_seeded},
    {RUN_RATE, "needs --seed", is_seeded},
    {RUN_EMBED, "needs --record", is_recorded},
    {RUN_FINDINGS, "needs --check", is_checked},
    {RUN_PROGRESS, "needs --check progress", is_checked_for_progress},
    {0},
};

/* Whether all kinds that were opened can be asked. */
static bool choices_fit(const struct command *command, const struct arguments *a)
{
    for (unsigned kind = 0; kind < CHOICE_KIND_COUNT; kind++) {
        const char *lacks = a->open_mask >> kind & 1
                                ? config_choice_lacks(&a->setup.config, (enum choice_kind)kind)
                                : NULL;
        if (!lacks)
            continue;
        usage_error(command, "--choices: %s: needs %s", choice_rows[kind].name, lacks);
        return false;
    }
    return true;
}

static bool take_option(const struct command *command, int option, struct arguments *a)
{
    switch (option) {
    case RUN_CHECK:
        return take_check(command, a);
    case RUN_SEED:
        a->has_seed = true;
        return option_number(command, "--seed", 0, UINT64_MAX, &a->seed);
    case RUN_OPEN:
        return parse_choices(command, optarg, &a->open_mask);
    case RUN_RATE:
        return option_u32(command, "--rate", 1, UINT32_MAX, &a->rate);
    case RUN_RECORD:
        a->record = optarg;
        return true;
    case RUN_EMBED:
        if (config_parse_size(optarg, &a->embed_max) && a->embed_max <= TRACE_EMBED_MAX)
            return true;
        usage_error(command, "--embed: %s is no size (like 4M) up to 128M", optarg);
        return false;
    case RUN_MAX_INSNS:
        return option_number(command, "--max-insns", 1, INT64_MAX, &a->setup.max_insns);
    case RUN_FINDINGS:
        return option_u32(command, "--findings", 1, WATCH_SITES_MAX, &a->watch.sites_per_class);
    case RUN_PROGRESS:
        return option_number(command, "--progress-steps", 1, INT64_MAX,
                             &a->setup.checks.progress_steps);
    case RUN_PROFILE:
        a->watch.profile_path = optarg;
        return true;
    case RUN_DROP:
        return watch_take_drop(command, &a->watch);
    case RUN_SYMBOLS:
        a->symbols = optarg;
        return true;
    case RUN_INITRD:
        a->initrd = optarg;
        return true;
    case RUN_DTB:
        a->dtb = optarg;
        return true;
    case RUN_ENGINE:
        return option_engine(command, &a->engine);
    default:
        return take_machine_option(command, option, a);
    }
}

/* --- the run ------------------------------------------------------------------------------ */

/* A run that came to no end of its own: why, and where the CPUs are. */
static void report_stop(struct machine *m, const struct lost *lost,
                        const struct run_verdict *verdict, const struct names *names)
{
    if (lost->pe >= 0) {
        fprintf(stderr, "CPU %d is lost: it takes exceptions at the vector 0x%" PRIx64
                " for ever\n", lost->pe, lost->vector[lost->pe]);
        cpu_report(m, (unsigned)lost->pe, names);
        return;
    }
    if (verdict->result == RUN_INTERRUPTED)
        fprintf(stderr, "interrupted at step %" PRIu64 "\n", verdict->steps);
    else
        fprintf(stderr, verdict->idle ? "all CPUs wait, and nothing will wake them\n"
                                      : "the limit of instructions was reached\n");
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        cpu_report(m, pe, names);
}

static enum status report(struct machine *m, const struct lost *lost,
                          const struct run_verdict *v, const struct names *names,
                          const struct watch *watch)
{
    switch (v->result) {
    case RUN_LIMIT:
        report_stop(m, lost, v, names);
        return STATUS_OTHER;
    case RUN_UNMODELLED:
        fprintf(stderr, "the model does not have this: %s\n", m->unmodelled);
        cpu_report(m, m->unmodelled_pe, names);
        return STATUS_UNMODELLED;
    case RUN_VIOLATION:
        if (watch->sites_per_class == 0) /* else it has been told */
            finding_print(stdout, &v->finding, names, m);
        return STATUS_OTHER;
    case RUN_EXIT:
        return v->exit_status == 0 ? STATUS_EXPECTED : STATUS_OTHER;
    case RUN_INTERRUPTED:
        report_stop(m, lost, v, names);
        return STATUS_INTERRUPTED;
    case RUN_DIVERGED:
        return STATUS_DIVERGED;
    case RUN_OFF:
    case RUN_CLEAN:
        break;
    }
    return STATUS_EXPECTED;
}

/* What was recorded, and the payload, as a file. */
static enum status record(const struct command *command, const struct arguments *a, struct run *r,
                          const struct run_verdict *verdict,
                          const struct machine_payload *payload, struct trace *trace)
{
    const char *base = strrchr(a->image, '/');
    struct error error;
    trace_record_finish(trace, r, verdict);
    snprintf(trace->image_name, sizeof trace->image_name, "%.120s", base ? base + 1 : a->image);
    snprintf(trace->title, sizeof trace->title, "a run of %.100s", trace->image_name);
    bool good = trace_take_part(trace, TRACE_IMAGE, a->image, payload->image->file,
                                payload->image->file_size, a->embed_max, &error) &&
                (!payload->initrd ||
                 trace_take_part(trace, TRACE_INITRD, a->initrd, payload->initrd,
                                 payload->initrd_size, a->embed_max, &error)) &&
                (!payload->tree ||
                 trace_take_part(trace, TRACE_TREE, a->dtb, payload->tree, payload->tree_size,
                                 a->embed_max, &error)) &&
                trace_write(trace, a->record, &error);
    return good ? STATUS_EXPECTED : usage_error(command, "--record: %s", error.text);
}

struct drive_reader {
    const struct machine *machine;
    unsigned drive;
};

static void drive_read(void *owner, uint64_t at, void *bytes, size_t size)
{
    const struct drive_reader *r = owner;
    machine_disk_read(r->machine, r->drive, at, bytes, size);
}

/* What the guest has written, for those drives that asked for it: each, whatever others come to. */
static enum status save_drives(const struct command *command, struct arguments *a,
                               const struct machine *m)
{
    struct error error;
    enum status status = STATUS_EXPECTED;
    for (unsigned i = 0; i < m->config.drive_count; i++) {
        struct drive_reader r = {m, i};
        if (a->overlay[i] &&
            !disk_save(&a->outputs.overlay[i], m->config.drive[i].size, drive_read, &r, &error))
            status = usage_error(command, "--drive: %s", error.text);
    }
    return status;
}

static enum status execute(const struct command *command, struct arguments *a,
                           const struct machine_payload *payload, const struct names *names)
{
    struct error error;
    struct run_verdict verdict;
    struct trace trace = {0};
    if (a->has_seed)
        a->setup.config.open_mask = a->open_mask;
    bool drop_is_open = a->setup.config.open_mask >> CHOICE_DROP & 1;
    watch_prepare(&a->watch, &a->setup);
    struct run *r = run_boot(&a->setup, payload, &error);
    if (!r)
        return usage_error(command, "%s", error.text);
    struct machine *m = run_machine(r);
    struct console console;
    struct lost lost = {.machine = m, .pe = -1};
    for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++)
        lost.vector[pe] = UINT64_MAX;
    m->engine = a->engine;
    m->chooser.policy = a->has_seed ? CHOICE_SEEDED : CHOICE_DEFAULT;
    m->chooser.seed = a->seed;
    m->chooser.rate = a->rate;
    events_attach(&m->events, lost_sink, &lost, UINT64_C(1) << EVENT_EXC_TAKE);
    watch_begin(&a->watch, r, names, drop_is_open);
    console_open(&console, r);
    trace_record_begin(&trace, r);
    watch_execute(&a->watch, r, &verdict, a->record ? &trace : NULL);
    console_close(&console);
    events_detach(&m->events, lost_sink, &lost);
    enum status status = watch_end(&a->watch, r, &verdict);
    status = status_worse(status, report(m, &lost, &verdict, names, &a->watch));
    status = status_worse(status, save_drives(command, a, m));
    if (a->record)
        status = status_worse(status, record(command, a, r, &verdict, payload, &trace));
    trace_free(&trace);
    run_free(r);
    summary_print(&verdict, "%s", "");
    return status;
}

/* A file beside the image, as it is; more than the RAM could not be told to the guest. */
static bool read_beside(const struct command *command, const char *option, const char *path,
                        uint64_t max,
                        const uint8_t **bytes, size_t *size)
{
    struct error error;
    uint8_t *content;
    if (!file_read_max(path, max, &content, size, &error)) {
        usage_error(command, "%s: %s", option, error.text);
        return false;
    }
    *bytes = content;
    if (*size != 0)
        return true;
    usage_error(command, "%s: %s: the file is empty", option, path);
    return false;
}

static void free_beside(const struct machine_payload *payload)
{
    free((void *)(uintptr_t)payload->initrd);
    free((void *)(uintptr_t)payload->tree);
}

/* With everything read: runs it. */
static enum status run_payload(const struct command *command, struct arguments *a,
                               const struct image *image, const struct names *names)
{
    char initrd[PATH_TEXT_MAX], tree[PATH_TEXT_MAX];
    snprintf(initrd, sizeof initrd, "--initrd: %.480s", a->initrd ? a->initrd : "");
    snprintf(tree, sizeof tree, "--dtb: %.480s", a->dtb ? a->dtb : "");
    struct machine_payload payload = {.image = image, .initrd_name = initrd, .tree_name = tree};
    enum status status = STATUS_USAGE;
    uint64_t ram = a->setup.config.ram_bytes;
    if ((!a->initrd || read_beside(command, "--initrd", a->initrd, ram, &payload.initrd,
                                   &payload.initrd_size)) &&
        (!a->dtb || read_beside(command, "--dtb", a->dtb, ram, &payload.tree, &payload.tree_size)))
        status = execute(command, a, &payload, names);
    free_beside(&payload);
    return status;
}

/* What can be said of the arguments before anything is read. */
static bool check_arguments(struct arguments *a, struct error *error)
{
    struct run_files files = {.image = a->image, .initrd = a->initrd, .tree = a->dtb,
                              .symbols = a->symbols, .record = a->record,
                              .profile = a->watch.profile_path};
    memcpy(files.overlay, a->overlay, sizeof files.overlay);
    a->watch.profile_out = &a->outputs.profile;
    a->watch.stacks_out = &a->outputs.stacks;
    if (a->watch.sites_per_class != 0 && a->record)
        return error_set(error, "--findings: a recording ends with its first finding");
    return config_check(&a->setup.config, error) &&
           outputs_find(&a->outputs, &files, &a->setup.config, error);
}

static enum status run(const struct command *command, int argc, char **argv)
{
    struct arguments a = {.engine = ENGINE_KIND_FAST, .rate = RATE_DEFAULT,
                          .embed_max = EMBED_DEFAULT};
    struct error error;
    struct image image;
    struct symbols *symbols = NULL;
    struct symbol_place place;
    struct options_given given = {0, 0};
    int option;
    config_default(&a.setup.config);
    while ((option = option_next(command, argc, argv)) >= OPTION_FIRST) {
        option_note(&given, option);
        if (!take_option(command, option, &a))
            return STATUS_USAGE;
    }
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_EXPECTED : STATUS_USAGE;
    if (a.open_mask == 0)
        a.open_mask = 1u << CHOICE_NEXT_CPU;
    if (!options_fit(command, &given, &a, &a.setup.config) || !choices_fit(command, &a))
        return STATUS_USAGE;
    a.image = one_operand(command, argc, argv, "IMAGE");
    if (!a.image)
        return STATUS_USAGE;
    if (!check_arguments(&a, &error) ||
        !image_read(&image, a.image, a.setup.config.ram_bytes, &error))
        return usage_error(command, "%s", error.text);
    if (a.symbols && !(symbols = symbols_read(a.symbols, &error))) {
        image_close(&image);
        return usage_error(command, "--symbols: %s", error.text);
    }
    if (symbols)
        symbol_place_init(&place, symbols, &image);
    signals_catch(true);
    const struct names names = {&image, symbols ? &place : NULL};
    enum status status = run_payload(command, &a, &image, &names);
    symbols_free(symbols);
    image_close(&image);
    return status;
}

const struct command command_run = {
    .name = "run",
    .synopsis = "IMAGE [OPTIONS]",
    .sentence = "boots an ELF or an arm64 Image and says how it ended",
    .options = option_help,
    .table = options,
    .needs = needs,
    .has_machine = true,
    .run = run,
};
