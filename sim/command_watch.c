/*
 * `armillary run`: planted drops as they come to pass, findings behind which a run goes on, and
 * the table of them.
 *
 * Places are named at the moment of the report, by the tables that the CPU then has: in another
 * context an address may lead to other code, or to none. Nothing here changes a run.
 */
#include "sim/command_watch.h"

#include <inttypes.h>
#include <string.h>

static void tell_drop(void *context, const struct drop_list *list, unsigned row)
{
    const struct watch *w = context;
    const struct drop_done *done = &list->done[row];
    char what[32], where[256];
    drop_text(list, row, what, sizeof what);
    past_code_text(w->names, list->machine, done->pe, done->pc, where, sizeof where);
    fprintf(stderr, "dropped %s at step %" PRIu64 " on CPU %u at EL%u  [%s]\n", what, done->step,
            done->pe, list->machine->state->cpu[done->pe].el, where);
}

static void tell_finding(void *context, struct machine *m, const struct finding *finding)
{
    const struct watch *w = context;
    finding_print(stderr, finding, w->names, m);
}

bool watch_take_drop(const struct command *command, struct watch *w)
{
    struct error error;
    if (drop_parse(&w->drops, optarg, &error))
        return true;
    usage_error(command, "--drop: %s", error.text);
    return false;
}

void watch_prepare(const struct watch *w, struct run_setup *setup)
{
    drop_open(&w->drops, &setup->config);
    setup->checks.sites_per_class = w->sites_per_class;
}

static void profile_begin(struct watch *w, struct run *r)
{
    const struct symbol_place *place = w->names->place;
    if (!place) {
        w->own_symbols = symbols_of_image(w->names->image);
        symbol_place_init(&w->own_place, w->own_symbols, w->names->image);
        place = &w->own_place;
    }
    w->profile = profile_new(run_machine(r), place);
}

static bool take_sample(void *context, struct machine *m)
{
    (void)m;
    profile_sample(context);
    return true;
}

void watch_execute(struct watch *w, struct run *r, struct run_verdict *verdict,
                   struct trace *trace)
{
    struct run_watcher watchers[2];
    unsigned count = 0;
    if (trace)
        watchers[count++] =
            (struct run_watcher){HASH_INTERVAL_DEFAULT, trace_record_watch, trace};
    if (w->profile)
        watchers[count++] = (struct run_watcher){PROFILE_PERIOD, take_sample, w->profile};
    run_execute_watched(r, verdict, watchers, count);
}

static bool text_write(struct file_out *out, const struct profile *p,
                       void (*print)(const struct profile *p, FILE *out), struct error *error)
{
    if (!file_out_begin(out, error))
        return false;
    print(p, out->stream);
    return file_out_end(out, true, error);
}

/* Both files, whole: a disk that is full is an error like a file that cannot be made. */
static bool profile_write(struct watch *w)
{
    struct error error;
    profile_end(w->profile);
    bool good = text_write(w->profile_out, w->profile, profile_print, &error) &&
                text_write(w->stacks_out, w->profile, profile_print_stacks, &error);
    if (!good)
        usage_error(&command_run, "--profile: %s", error.text);
    profile_free(w->profile);
    symbols_free(w->own_symbols);
    return good;
}

void watch_begin(struct watch *w, struct run *r, const struct names *names, bool seeded)
{
    w->names = names;
    if (w->profile_path)
        profile_begin(w, r);
    drop_plant(&w->drops, run_machine(r), !seeded, tell_drop, w);
    if (w->sites_per_class != 0)
        run_set_report(r, tell_finding, w);
}

static bool is_same_class(const struct finding_site *a, const struct finding_site *b)
{
    return a->check == b->check && strncmp(a->kind, b->kind, sizeof a->kind) == 0;
}

/* One line for each class. */
static void findings_print(struct run *r)
{
    const struct finding_site *site;
    uint64_t lost;
    size_t count = checks_sites(run_checks(r), &site, &lost);
    for (size_t i = 0; i < count; i++) {
        size_t first = 0, sites = 0;
        uint64_t times = 0;
        while (!is_same_class(&site[first], &site[i]))
            first++;
        for (size_t k = i; first == i && k < count; k++) {
            if (is_same_class(&site[k], &site[i])) {
                sites++;
                times += site[k].count;
            }
        }
        if (first == i)
            printf("findings: %s/%s: %" PRIu64 " at %zu place%s\n",
                   check_name((enum check_kind)site[i].check), site[i].kind, times, sites,
                   sites == 1 ? "" : "s");
    }
    if (lost != 0)
        printf("findings: %" PRIu64 " more, at places for which there was no room\n", lost);
}

/* What checkers had no room for: a clean end says nothing of it. */
static void unjudged_print(struct run *r)
{
    for (unsigned kind = 0; kind < CHECK_COUNT; kind++) {
        uint64_t count = checks_unjudged(run_checks(r), (enum check_kind)kind);
        if (count != 0)
            printf("unjudged: %s: %" PRIu64 " times there was no room to go on judging\n",
                   check_name((enum check_kind)kind), count);
    }
}

/* A mistake that was not made says nothing about the payload. */
static bool drops_print(const struct watch *w)
{
    bool all = true;
    char what[32];
    for (unsigned i = 0; i < w->drops.count; i++) {
        if (w->drops.done[i].step != 0)
            continue;
        drop_text(&w->drops, i, what, sizeof what);
        usage_error(&command_run, "--drop %s: the run came to %" PRIu32 " of them only", what,
                    drop_executed(&w->drops, i));
        all = false;
    }
    return all;
}

enum status watch_end(struct watch *w, struct run *r, const struct run_verdict *verdict)
{
    drop_close(&w->drops);
    run_set_report(r, NULL, NULL);
    if (w->sites_per_class != 0)
        findings_print(r);
    unjudged_print(r);
    if (w->profile && !profile_write(w))
        return STATUS_USAGE;
    bool all = drops_print(w);
    return all || verdict->result == RUN_INTERRUPTED ? STATUS_EXPECTED : STATUS_OTHER;
}
