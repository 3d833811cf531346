/*
 * `armillary run`: boots an image and says how it ended. Beside the checkers it watches for one
 * thing that would otherwise look like an endless run: an exception whose vector cannot be
 * executed, so that the CPU takes exceptions there for ever.
 */
#include "sim/command_watch.h"
#include "cpu/errata.h"
#include "gic/gic.h"
#include "sim/progress.h"
#include "sim/terminal.h"
#include "sim/trace_file.h"

#include "gen/trace.h"
#include "mem/order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many exceptions in a row at the vector itself mean that it goes on like this. */
#define LOST_EXCEPTIONS 16u
#define RATE_DEFAULT 1000u

enum {
    RUN_CPUS = OPTION_FIRST, RUN_RAM, RUN_CPU, RUN_ENTRY, RUN_APPEND, RUN_CHECK, RUN_SEED,
    RUN_OPEN, RUN_RATE, RUN_RECORD, RUN_MAX_INSNS, RUN_SYMBOLS, RUN_ENGINE, RUN_TIMING, RUN_PROP,
    RUN_QUANTUM, RUN_TLB, RUN_ERRATA,
    RUN_STORE_BUFFER, RUN_HISTORY,
    RUN_CACHES, RUN_CACHE_SETS,
    RUN_IRQS, RUN_LIST_REGISTERS,
    RUN_INITRD, RUN_DTB, RUN_RESETS, RUN_RELEASE,
    RUN_COUNTER_HZ,
    RUN_RTC, RUN_DRIVE, RUN_VIRTIO, RUN_ENTROPY_SEED,
    RUN_DROP, RUN_FINDINGS, RUN_PROFILE,
};

static const struct option options[] = {
    OPTION("cpus", RUN_CPUS), OPTION("ram", RUN_RAM), OPTION("cpu", RUN_CPU),
    OPTION("entry", RUN_ENTRY), OPTION("append", RUN_APPEND), OPTION("check", RUN_CHECK),
    OPTION("seed", RUN_SEED), OPTION("choices", RUN_OPEN), OPTION("rate", RUN_RATE),
    OPTION("record", RUN_RECORD), OPTION("max-insns", RUN_MAX_INSNS),
    OPTION("symbols", RUN_SYMBOLS), OPTION("engine", RUN_ENGINE), OPTION("timing", RUN_TIMING),
    OPTION("prop", RUN_PROP), OPTION("quantum", RUN_QUANTUM),
    OPTION("tlb", RUN_TLB), OPTION("errata", RUN_ERRATA),
    OPTION("store-buffer", RUN_STORE_BUFFER), OPTION("history", RUN_HISTORY),
    OPTION("caches", RUN_CACHES), OPTION("cache-sets", RUN_CACHE_SETS),
    OPTION("irqs", RUN_IRQS), OPTION("list-registers", RUN_LIST_REGISTERS),
    OPTION("initrd", RUN_INITRD), OPTION("dtb", RUN_DTB),
    OPTION("resets", RUN_RESETS), OPTION("release", RUN_RELEASE),
    OPTION("counter-hz", RUN_COUNTER_HZ),
    OPTION("rtc", RUN_RTC), OPTION("drive", RUN_DRIVE), OPTION("virtio", RUN_VIRTIO),
    OPTION("entropy-seed", RUN_ENTROPY_SEED),
    OPTION("drop", RUN_DROP), OPTION("findings", RUN_FINDINGS),
    OPTION("profile", RUN_PROFILE), {0},
};

static const char option_help[] =
    "  --cpus N          CPUs, 1 to 8 (2)\n"
    "  --ram SIZE        RAM, like 64M or 1G (64M)\n"
    "  --cpu MODEL       CPU model (armv8.0; see armillary info models)\n"
    "  --entry el1|el2   exception level of the first instruction (el2)\n"
    "  --append TEXT     /chosen/bootargs of the device tree\n"
    "  --initrd FILE     initial RAM disk, told in /chosen\n"
    "  --dtb FILE        this device tree, with the machine's memory (one is made)\n"
    "  --prop /NODE:NAME=VALUE   one more property in the device tree; may be repeated\n"
    "  --release psci|spin-table how the other CPUs are started (psci)\n"
    "  --resets N        how often the guest may reset the machine before that ends the run\n"
    "  --quantum N       instructions before the next CPU's turn (1000)\n"
    "  --timing model|flat       what instructions cost: the model's table, or a cycle (model)\n"
    "  --tlb architectural|core  nothing leaves it untold, or the core's geometry (architectural)\n"
    "  --errata LIST     errata that the CPUs have (none; see armillary info errata)\n"
    "  --store-buffer N  stores of a CPU that may wait, 1 to 64 (0: none; choice store-drain)\n"
    "  --history N       writes that loads may look behind, 1 to 256 (0: none; choice load-early)\n"
    "  --caches on|off   L1 caches of each CPU and a shared L2, in the model's sizes (off)\n"
    "  --counter-hz N    ticks of the system counter a second, a divisor of 10^9 (62500000)\n"
    "  --cache-sets N    at most N sets in each cache, a power of two (the model's)\n"
    "  --irqs N          interrupts of the GIC, 96 to 992 by 32s, or 1020 (288)\n"
    "  --list-registers N        list registers of each CPU, 1 to 64 (4)\n"
    "  --drive FILE[,ro|,overlay=OUT]   a disk; what the guest writes goes to OUT, if anywhere\n"
    "  --virtio LIST     more devices: console, entropy, net; two nets are joined (none)\n"
    "  --entropy-seed N  of what the entropy devices give (0)\n"
    "  --rtc N           what the real-time clock says at first: seconds since 1970 (1767225600)\n"
    "  --check LIST      checkers, like vmid,tlb (none; see armillary info checkers)\n"
    "  --findings N      go on behind a finding, and report N places of each class of them\n"
    "  --drop KIND:N     leave out the N-th tlbi, dsb, dmb, isb, dc, ic or sev; may be repeated\n"
    "  --profile FILE    where the guest's time goes, and stacks for flame graphs in FILE.folded\n"
    "  --seed N          answer open choices at random from this seed\n"
    "  --choices LIST    which kinds are open, with --seed (next-cpu; see armillary info choices)\n"
    "  --rate N          one question in N gets an answer other than 0, with --seed (1000)\n"
    "  --record FILE     write a trace of the run\n"
    "  --max-insns N     stop after so many instructions\n"
    "  --symbols FILE    names for addresses: an ELF or a System.map (the image itself)\n"
    "  --engine precise|fast     (fast)\n";

struct arguments {
    struct run_setup setup;
    const char *image, *record, *symbols, *initrd, *dtb;
    const char *overlay[DRIVE_MAX]; /* where a drive goes after the run, or NULL */
    enum engine_kind engine;
    bool has_seed;
    uint64_t seed;
    uint32_t rate, open_mask;
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
    *mask = 0;
    while (*list) {
        size_t length = strcspn(list, ",");
        enum choice_kind kind;
        snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), list);
        if (!choice_kind_by_name(name, &kind)) {
            usage_error(command, "--choices: %s is no kind of choice", name);
            return false;
        }
        *mask |= 1u << kind;
        list += length + (list[length] == ',');
    }
    return true;
}

static bool parse_errata(const struct command *command, const char *list, uint32_t *mask)
{
    char name[64];
    *mask = 0;
    while (*list) {
        size_t length = strcspn(list, ",");
        enum erratum erratum;
        snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), list);
        if (!erratum_by_name(name, &erratum)) {
            usage_error(command, "--errata: %s is no erratum (see armillary info errata)", name);
            return false;
        }
        *mask |= 1u << erratum;
        list += length + (list[length] == ',');
    }
    return true;
}

static bool parse_words(const struct command *command, const char *option, const char *zero,
                        const char *one, uint32_t *value)
{
    *value = strcmp(optarg, one) == 0;
    if (*value || strcmp(optarg, zero) == 0)
        return true;
    usage_error(command, "%s: %s is neither %s nor %s", option, optarg, zero, one);
    return false;
}

static bool copy_argument(const struct command *command, const char *option, char *text,
                          size_t size)
{
    if (strlen(optarg) < size) {
        memset(text, 0, size);
        memcpy(text, optarg, strlen(optarg));
        return true;
    }
    usage_error(command, "%s: longer than %zu characters", option, size - 1);
    return false;
}

static bool add_property(const struct command *command, struct machine_config *config)
{
    struct error error;
    if (config->property_count == PROPERTY_MAX) {
        usage_error(command, "--prop: more than %u", PROPERTY_MAX);
        return false;
    }
    if (config_parse_property(optarg, &config->property[config->property_count], &error)) {
        config->property_count++;
        return true;
    }
    usage_error(command, "--prop: %s", error.text);
    return false;
}

static bool take_check(const struct command *command, struct arguments *a)
{
    struct error error;
    if (check_parse_list(optarg, &a->setup.checks.mask, &error))
        return true;
    usage_error(command, "--check: %s", error.text);
    return false;
}

/* FILE, FILE,ro or FILE,overlay=OUT. */
static bool take_drive(const struct command *command, struct arguments *a)
{
    struct machine_config *config = &a->setup.config;
    struct error error;
    char *tail = strrchr(optarg, ','), *overlay = NULL;
    bool read_only = tail && strcmp(tail, ",ro") == 0;
    if (tail && strncmp(tail, ",overlay=", 9) == 0 && tail[9] != 0)
        overlay = tail + 9;
    if (tail && !read_only && !overlay) {
        usage_error(command, "--drive: %s is neither ro nor overlay=FILE", tail + 1);
        return false;
    }
    if (tail)
        *tail = 0;
    if (!config_add_drive(config, optarg, read_only, &error)) {
        usage_error(command, "%s", error.text);
        return false;
    }
    a->overlay[config->drive_count - 1] = overlay;
    return true;
}

/* One option of the machine; false after an error. */
static bool take_machine_option(const struct command *command, int option,
                                struct machine_config *config)
{
    uint32_t is_el2;
    struct error error;
    switch (option) {
    case RUN_CPUS:
        return option_u32(command, "--cpus", 1, PE_COUNT_MAX, &config->pe_count);
    case RUN_RAM:
        if (config_parse_size(optarg, &config->ram_bytes))
            return true;
        usage_error(command, "--ram: %s is no size (like 64M)", optarg);
        return false;
    case RUN_CPU:
        return copy_argument(command, "--cpu", config->model, sizeof config->model);
    case RUN_ENTRY:
        if (!parse_words(command, "--entry", "el1", "el2", &is_el2))
            return false;
        config->entry_el = 1 + is_el2;
        return true;
    case RUN_APPEND:
        return copy_argument(command, "--append", config->bootargs, sizeof config->bootargs);
    case RUN_TIMING:
        return parse_words(command, "--timing", "model", "flat", &config->timing_flat);
    case RUN_TLB:
        return parse_words(command, "--tlb", "architectural", "core", &config->tlb_core);
    case RUN_ERRATA:
        return parse_errata(command, optarg, &config->errata);
    case RUN_CACHES:
        return parse_words(command, "--caches", "off", "on", &config->caches);
    case RUN_COUNTER_HZ:
        return option_u32(command, "--counter-hz", 1, UINT32_MAX, &config->counter_hz);
    case RUN_CACHE_SETS:
        return option_u32(command, "--cache-sets", 1, UINT32_MAX, &config->cache_sets);
    case RUN_RESETS:
        return option_u32(command, "--resets", 0, UINT32_MAX, &config->resets);
    case RUN_RELEASE:
        return parse_words(command, "--release", "psci", "spin-table", &config->spin_table);
    case RUN_VIRTIO:
        if (config_add_virtio(config, optarg, &error))
            return true;
        usage_error(command, "%s", error.text);
        return false;
    case RUN_ENTROPY_SEED:
        return option_u32(command, "--entropy-seed", 0, UINT32_MAX, &config->entropy_seed);
    case RUN_RTC:
        return option_u32(command, "--rtc", 0, UINT32_MAX, &config->rtc_start);
    case RUN_PROP:
        return add_property(command, config);
    case RUN_QUANTUM:
        return option_u32(command, "--quantum", 1, UINT32_MAX, &config->quantum);
    case RUN_IRQS:
        return option_u32(command, "--irqs", 1, GIC_INTERRUPT_MAX, &config->irqs);
    case RUN_LIST_REGISTERS:
        return option_u32(command, "--list-registers", 1, GIC_LIST_REGISTER_MAX,
                          &config->list_registers);
    case RUN_STORE_BUFFER:
        return option_u32(command, "--store-buffer", 0, ORDER_STORE_MAX, &config->store_buffer);
    case RUN_HISTORY:
        return option_u32(command, "--history", 0, ORDER_HISTORY_MAX, &config->history);
    default:
        bug("option %d", option);
    }
}

static bool take_option(const struct command *command, int option, struct arguments *a)
{
    struct error error;
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
    case RUN_MAX_INSNS:
        return option_number(command, "--max-insns", 1, INT64_MAX, &a->setup.max_insns);
    case RUN_FINDINGS:
        return option_u32(command, "--findings", 1, WATCH_SITES_MAX, &a->watch.sites_per_class);
    case RUN_PROFILE:
        a->watch.profile_path = optarg;
        return true;
    case RUN_DROP:
        if (drop_parse(&a->watch.drops, optarg, &error))
            return true;
        usage_error(command, "--drop: %s", error.text);
        return false;
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
    case RUN_DRIVE:
        return take_drive(command, a);
    default:
        return take_machine_option(command, option, &a->setup.config);
    }
}

/* --- the run ------------------------------------------------------------------------------ */

static void report_limit(struct machine *m, const struct lost *lost,
                         const struct run_verdict *verdict, const struct names *names)
{
    if (lost->pe >= 0) {
        fprintf(stderr, "CPU %d is lost: it takes exceptions at the vector 0x%" PRIx64
                " for ever\n", lost->pe, lost->vector[lost->pe]);
        cpu_report(m, (unsigned)lost->pe, names);
        return;
    }
    fprintf(stderr, verdict->idle ? "all CPUs wait, and nothing will wake them\n"
                                  : "the limit of instructions was reached\n");
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (m->state->cpu[pe].wait != CPU_IS_OFF)
            cpu_report(m, pe, names);
    }
}

static enum status report(struct machine *m, const struct lost *lost,
                          const struct run_verdict *v, const struct names *names,
                          const struct watch *watch)
{
    switch (v->result) {
    case RUN_LIMIT:
        report_limit(m, lost, v, names);
        return STATUS_OTHER;
    case RUN_UNMODELLED:
        fprintf(stderr, "the model does not have this: %s\n", m->unmodelled);
        cpu_report(m, m->unmodelled_pe, names);
        return STATUS_UNMODELLED;
    case RUN_VIOLATION:
        if (watch->sites_per_class == 0) /* else it has been told */
            watch_print(watch, m, &v->finding, stdout);
        return STATUS_OTHER;
    case RUN_EXIT:
        return v->exit_status == 0 ? STATUS_EXPECTED : STATUS_OTHER;
    case RUN_INTERRUPTED:
        return STATUS_INTERRUPTED;
    case RUN_DIVERGED:
        return STATUS_DIVERGED;
    case RUN_OFF:
    case RUN_CLEAN:
        break;
    }
    return STATUS_EXPECTED;
}

static uint8_t *bytes_copy(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    ensure(copy != NULL);
    memcpy(copy, bytes, size);
    return copy;
}

static enum status record(const struct command *command, const struct arguments *a, struct run *r,
                          const struct run_verdict *verdict,
                          const struct machine_payload *payload)
{
    const struct image *image = payload->image;
    struct trace trace = {0};
    struct error error;
    if (verdict->result == RUN_LIMIT && !verdict->idle)
        run_set_max_steps(r, verdict->steps);
    struct chooser *c = &run_machine(r)->chooser;
    size_t count = c->record_count;
    struct choice_record *records = malloc((count + 1) * sizeof *records);
    ensure(records != NULL);
    if (count != 0)
        memcpy(records, c->record, count * sizeof *records);
    run_machine(r)->console = NULL;
    const char *base = strrchr(a->image, '/');
    snprintf(trace.image_name, sizeof trace.image_name, "%.120s", base ? base + 1 : a->image);
    snprintf(trace.title, sizeof trace.title, "a run of %.100s", trace.image_name);
    bool good = trace_record(r, records, count, HASH_INTERVAL_DEFAULT, &trace, &error);
    if (good) {
        trace.image = bytes_copy(image->file, trace.image_size = image->file_size);
        if (payload->initrd)
            trace.initrd = bytes_copy(payload->initrd, trace.initrd_size = payload->initrd_size);
        if (payload->tree)
            trace.tree = bytes_copy(payload->tree, trace.tree_size = payload->tree_size);
        good = trace_write(&trace, a->record, &error);
    }
    free(records);
    trace_free(&trace);
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

/* What the guest has written, for those drives that asked for it. */
static enum status save_drives(const struct command *command, const struct arguments *a,
                               const struct machine *m)
{
    struct error error;
    for (unsigned i = 0; i < m->config.drive_count; i++) {
        struct drive_reader r = {m, i};
        if (a->overlay[i] &&
            !disk_save(a->overlay[i], m->config.drive[i].size, drive_read, &r, &error))
            return usage_error(command, "--drive: %s", error.text);
    }
    return STATUS_EXPECTED;
}

/* What is typed or piped in, as much as the machine has not yet taken. */
static bool console_input(void *context, struct machine *m, bool wait)
{
    uint8_t bytes[256];
    (void)context;
    if (machine_input_waiting(m) != 0 && !wait)
        return false;
    size_t count = terminal_read(bytes, sizeof bytes, wait);
    if (count != 0)
        machine_console_input(m, bytes, count);
    return count != 0;
}

static enum status execute(const struct command *command, struct arguments *a,
                           const struct machine_payload *payload, const struct names *names)
{
    struct error error;
    struct run_verdict verdict;
    if (a->has_seed)
        a->setup.config.open_mask = a->open_mask;
    bool drop_is_open = a->setup.config.open_mask >> CHOICE_DROP & 1;
    drop_open(&a->watch.drops, &a->setup.config);
    a->setup.checks.sites_per_class = a->watch.sites_per_class;
    struct run *r = run_boot(&a->setup, payload, &error);
    if (!r)
        return usage_error(command, "%s", error.text);
    if (a->watch.sites_per_class != 0 && a->record) {
        run_free(r);
        return usage_error(command, "--findings: a recording ends with its first finding");
    }
    if (!watch_open(&a->watch, &error)) {
        run_free(r);
        return usage_error(command, "%s", error.text);
    }
    struct machine *m = run_machine(r);
    struct lost lost = {.machine = m, .pe = -1};
    for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++)
        lost.vector[pe] = UINT64_MAX;
    m->engine = a->engine;
    m->console = console_to_stdout;
    m->chooser.policy = a->has_seed ? CHOICE_SEEDED : CHOICE_DEFAULT;
    m->chooser.seed = a->seed;
    m->chooser.rate = a->rate;
    events_attach(&m->events, lost_sink, &lost, UINT64_C(1) << EVENT_EXC_TAKE);
    watch_begin(&a->watch, r, names, drop_is_open);
    terminal_open();
    run_set_input(r, console_input, NULL);
    watch_execute(&a->watch, r, &verdict);
    run_set_input(r, NULL, NULL);
    terminal_close();
    events_detach(&m->events, lost_sink, &lost);
    fflush(stdout);
    enum status status = watch_end(&a->watch, r, &verdict);
    status = status_worse(status, report(m, &lost, &verdict, names, &a->watch));
    status = status_worse(status, save_drives(command, a, m));
    if (a->record && verdict.result != RUN_INTERRUPTED)
        status = status_worse(status, record(command, a, r, &verdict, payload));
    run_free(r);
    summary_print(&verdict, "%s", "");
    return status;
}

/* A file beside the image, as it is. */
static bool read_beside(const struct command *command, const char *option, const char *path,
                        const uint8_t **bytes, size_t *size)
{
    struct error error;
    uint8_t *content;
    if (!file_read(path, &content, size, &error)) {
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
    struct machine_payload payload = {
        .image = image, .initrd_name = a->initrd, .tree_name = a->dtb};
    enum status status = STATUS_USAGE;
    if ((!a->initrd || read_beside(command, "--initrd", a->initrd, &payload.initrd,
                                   &payload.initrd_size)) &&
        (!a->dtb || read_beside(command, "--dtb", a->dtb, &payload.tree, &payload.tree_size)))
        status = execute(command, a, &payload, names);
    free_beside(&payload);
    return status;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    struct arguments a = {.engine = ENGINE_KIND_FAST, .rate = RATE_DEFAULT,
                          .open_mask = 1u << CHOICE_NEXT_CPU};
    struct error error;
    struct image image;
    struct symbols *symbols = NULL;
    struct symbol_place place;
    int option;
    config_default(&a.setup.config);
    while ((option = option_next(command, argc, argv)) >= OPTION_FIRST) {
        if (!take_option(command, option, &a))
            return STATUS_USAGE;
    }
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_EXPECTED : STATUS_USAGE;
    a.image = one_operand(command, argc, argv, "IMAGE");
    if (!a.image)
        return STATUS_USAGE;
    if (!config_check(&a.setup.config, &error) ||
        !image_read(&image, a.image, a.setup.config.ram_bytes, &error))
        return usage_error(command, "%s", error.text);
    if (a.symbols && !(symbols = symbols_read(a.symbols, &error))) {
        image_close(&image);
        return usage_error(command, "--symbols: %s", error.text);
    }
    if (symbols)
        symbol_place_init(&place, symbols, &image);
    progress_catch_interrupt();
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
    .run = run,
};
