/*
 * Reading the manifest of a trace. A reader takes keys out of a JSON object one by one; what is
 * left over at the end is unknown, and an error. The first error stays. Whether the configuration
 * that is read makes a machine is config.c's to say.
 */
#include "sim/trace_file.h"
#include "cpu/errata.h"
#include "sim/config_fields.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct error *error;
    bool failed;
};

static void fail(struct reader *r, const char *key, const char *what)
{
    if (!r->failed)
        error_set(r->error, "%s: %s", key, what);
    r->failed = true;
}

/* The value of a key, taken out of its object (to be given back with json_decref), or NULL. */
static json_t *take(struct reader *r, json_t *object, const char *key, json_type type)
{
    json_t *value = json_object_get(object, key);
    if (!value || json_typeof(value) != type) {
        fail(r, key, value ? "is of another type" : "is missing");
        return NULL;
    }
    json_incref(value);
    json_object_del(object, key);
    return value;
}

static void take_nothing_more(struct reader *r, json_t *object)
{
    void *first = json_object_iter(object);
    if (first)
        fail(r, json_object_iter_key(first), "is not known");
}

static uint64_t take_number(struct reader *r, json_t *object, const char *key, uint64_t most)
{
    json_t *value = take(r, object, key, JSON_INTEGER);
    json_int_t number = value ? json_integer_value(value) : 0;
    json_decref(value);
    if (number < 0 || (uint64_t)number > most) {
        fail(r, key, "is out of range");
        return 0;
    }
    return (uint64_t)number;
}

static uint32_t take_u32(struct reader *r, json_t *object, const char *key)
{
    return (uint32_t)take_number(r, object, key, UINT32_MAX);
}

static uint64_t take_u64(struct reader *r, json_t *object, const char *key)
{
    return take_number(r, object, key, INT64_MAX);
}

static bool take_bool(struct reader *r, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    bool is_true = json_is_true(value);
    if (!json_is_boolean(value))
        fail(r, key, value ? "is of another type" : "is missing");
    json_object_del(object, key);
    return is_true;
}

static void copy_text(struct reader *r, const char *key, const json_t *value, char *text,
                      size_t size)
{
    const char *from = json_string_value(value);
    size_t length = from ? json_string_length(value) : 0;
    if (!from || length >= size || strlen(from) != length) {
        fail(r, key, from ? "is too long" : "is of another type");
        return;
    }
    memcpy(text, from, length + 1);
}

static void take_text(struct reader *r, json_t *object, const char *key, char *text, size_t size)
{
    json_t *value = take(r, object, key, JSON_STRING);
    if (value)
        copy_text(r, key, value, text, size);
    json_decref(value);
}

static uint64_t take_hex(struct reader *r, json_t *object, const char *key)
{
    char text[20] = "";
    uint64_t value = 0;
    take_text(r, object, key, text, sizeof text);
    if (!r->failed && (strncmp(text, "0x", 2) != 0 || !config_parse_number(text, &value)))
        fail(r, key, "is no hexadecimal number");
    return value;
}

/* --- the parts ---------------------------------------------------------------------------- */

static void take_property(struct reader *r, json_t *row, struct config_property *p)
{
    if (!json_is_object(row)) {
        fail(r, "properties", "has something else in it");
        return;
    }
    take_text(r, row, "node", p->node, sizeof p->node);
    take_text(r, row, "name", p->name, sizeof p->name);
    p->is_text = json_object_get(row, "text") != NULL;
    if (p->is_text)
        take_text(r, row, "text", p->text, sizeof p->text);
    else
        p->number = take_u32(r, row, "number");
    take_nothing_more(r, row);
}

/* There only in machines that have some. */
static void take_errata(struct reader *r, json_t *object, struct machine_config *config)
{
    if (!json_object_get(object, "errata"))
        return;
    json_t *errata = take(r, object, "errata", JSON_ARRAY);
    for (size_t i = 0; i < json_array_size(errata); i++) {
        enum erratum erratum;
        const char *name = json_string_value(json_array_get(errata, i));
        if (!name || !erratum_by_name(name, &erratum))
            fail(r, "errata", "names an erratum that is not known");
        else
            config->errata |= 1u << erratum;
    }
    json_decref(errata);
}

static void take_open(struct reader *r, json_t *object, struct machine_config *config)
{
    json_t *open = take(r, object, "open", JSON_ARRAY);
    for (size_t i = 0; i < json_array_size(open); i++) {
        enum choice_kind kind;
        const char *name = json_string_value(json_array_get(open, i));
        if (!name || !choice_kind_by_name(name, &kind))
            fail(r, "open", "names a kind of choice that is not known");
        else
            config->open_mask |= 1u << kind;
    }
    json_decref(open);
}

static void take_drive(struct reader *r, json_t *row, struct config_drive *drive)
{
    if (!json_is_object(row)) {
        fail(r, "drives", "has something else in it");
        return;
    }
    take_text(r, row, "path", drive->path, sizeof drive->path);
    drive->size = take_u64(r, row, "size");
    drive->hash = take_hex(r, row, "hash");
    drive->read_only = take_bool(r, row, "read-only");
    take_nothing_more(r, row);
}

/* There only in machines that have some. */
static void take_devices(struct reader *r, json_t *object, struct machine_config *config)
{
    if (!json_object_get(object, "virtio"))
        return;
    json_t *devices = take(r, object, "virtio", JSON_ARRAY);
    json_t *drives = take(r, object, "drives", JSON_ARRAY);
    if (json_array_size(devices) > VIRTIO_PLACES || json_array_size(drives) > DRIVE_MAX)
        fail(r, "virtio", "are too many");
    for (size_t i = 0; !r->failed && i < json_array_size(devices); i++) {
        const char *name = json_string_value(json_array_get(devices, i));
        if (!name || !config_virtio_by_name(name, &config->virtio[config->virtio_count++]))
            fail(r, "virtio", "names a type of device that is not known");
    }
    for (size_t i = 0; !r->failed && i < json_array_size(drives); i++)
        take_drive(r, json_array_get(drives, i), &config->drive[config->drive_count++]);
    json_decref(devices);
    json_decref(drives);
}

/* A number or a text, by the table. A number that is not there is 0. */
static void take_field(struct reader *r, json_t *object, const struct config_field *field,
                       struct machine_config *config)
{
    if (field->kind == CONFIG_TEXT) {
        take_text(r, object, field->member, (char *)config + field->offset, field->size);
    } else if (config_field_is_number(field) &&
               (field->is_always_told || json_object_get(object, field->member))) {
        uint64_t most = field->size == sizeof(uint32_t) ? UINT32_MAX : INT64_MAX;
        config_field_set(field, config, take_number(r, object, field->member, most));
    }
}

static void take_config(struct reader *r, json_t *root, struct machine_config *config)
{
    json_t *object = take(r, root, "machine", JSON_OBJECT);
    if (!object)
        return;
    for (size_t i = 0; i < config_field_count; i++)
        take_field(r, object, &config_fields[i], config);
    take_devices(r, object, config);
    take_errata(r, object, config);
    take_open(r, object, config);
    json_t *properties = take(r, object, "properties", JSON_ARRAY);
    if (json_array_size(properties) > PROPERTY_MAX)
        fail(r, "properties", "are too many");
    for (size_t i = 0; !r->failed && i < json_array_size(properties); i++)
        take_property(r, json_array_get(properties, i),
                      &config->property[config->property_count++]);
    json_decref(properties);
    take_nothing_more(r, object);
    json_decref(object);
    struct error why;
    if (!r->failed && !config_check(config, &why))
        fail(r, "machine", why.text);
}

static void take_mark(struct reader *r, json_t *root, const char *key, struct run_mark *mark)
{
    json_t *object = take(r, root, key, JSON_OBJECT);
    if (!object)
        return;
    take_text(r, object, "symbol", mark->symbol, sizeof mark->symbol);
    json_t *cpu = take(r, object, "cpu", JSON_INTEGER);
    json_int_t pe = cpu ? json_integer_value(cpu) : 0;
    if (pe < -1 || pe >= (json_int_t)PE_COUNT_MAX)
        fail(r, key, "has no such CPU");
    else
        mark->pe = (int32_t)pe;
    json_decref(cpu);
    mark->hit = take_u32(r, object, "hit");
    take_nothing_more(r, object);
    json_decref(object);
}

static bool check_by_name(const char *name, uint32_t *check)
{
    for (unsigned kind = 0; name && kind < CHECK_COUNT; kind++) {
        if (strcmp(check_name((enum check_kind)kind), name) == 0) {
            *check = kind;
            return true;
        }
    }
    return false;
}

static void take_checks(struct reader *r, json_t *root, struct check_options *checks)
{
    json_t *object = take(r, root, "checks", JSON_OBJECT);
    if (!object)
        return;
    json_t *list = take(r, object, "checkers", JSON_ARRAY);
    for (size_t i = 0; i < json_array_size(list); i++) {
        uint32_t check;
        if (check_by_name(json_string_value(json_array_get(list, i)), &check))
            checks->mask |= 1u << check;
        else
            fail(r, "checkers", "names a checker that is not known");
    }
    json_decref(list);
    checks->one_root_one_id = take_bool(r, object, "one-root-one-id");
    checks->progress_steps = take_u64(r, object, "progress-steps");
    take_nothing_more(r, object);
    json_decref(object);
}

static void take_finding_event(struct reader *r, json_t *row, struct finding_event *event)
{
    if (!json_is_object(row)) {
        fail(r, "events", "has something else in it");
        return;
    }
    event->pc = take_hex(r, row, "pc");
    event->pe = (uint32_t)take_number(r, row, "cpu", PE_COUNT_MAX - 1);
    event->step = take_u64(r, row, "step");
    take_text(r, row, "text", event->text, sizeof event->text);
    take_nothing_more(r, row);
}

static void take_finding(struct reader *r, json_t *root, struct finding *f)
{
    char name[32] = "";
    json_t *object = take(r, root, "finding", JSON_OBJECT);
    if (!object)
        return;
    take_text(r, object, "check", name, sizeof name);
    if (!r->failed && !check_by_name(name, &f->check))
        fail(r, "check", "is a checker that is not known");
    f->pe = (uint32_t)take_number(r, object, "cpu", PE_COUNT_MAX - 1);
    f->step = take_u64(r, object, "step");
    take_text(r, object, "kind", f->kind, sizeof f->kind);
    take_text(r, object, "text", f->text, sizeof f->text);
    json_t *events = take(r, object, "events", JSON_ARRAY);
    if (json_array_size(events) > FINDING_EVENT_MAX)
        fail(r, "events", "are too many");
    for (size_t i = 0; !r->failed && i < json_array_size(events); i++)
        take_finding_event(r, json_array_get(events, i), &f->event[f->event_count++]);
    json_decref(events);
    take_nothing_more(r, object);
    json_decref(object);
}

static void take_verdict(struct reader *r, json_t *root, struct run_verdict *v)
{
    char name[32] = "";
    json_t *object = take(r, root, "verdict", JSON_OBJECT);
    if (!object)
        return;
    take_text(r, object, "result", name, sizeof name);
    unsigned result = RUN_OFF;
    while (result <= RUN_INTERRUPTED && strcmp(run_result_name((enum run_result)result), name) != 0)
        result++;
    if (result > RUN_INTERRUPTED || result == RUN_DIVERGED) { /* a run that did is no recording */
        fail(r, "result", "is none");
        result = RUN_OFF;
    }
    v->result = (enum run_result)result;
    v->exit_status = take_u32(r, object, "exit_status");
    v->insns = take_u64(r, object, "insns");
    v->cycles = take_u64(r, object, "cycles");
    v->steps = take_u64(r, object, "steps");
    v->choices = take_u32(r, object, "choices");
    v->idle = take_bool(r, object, "idle");
    v->held = take_bool(r, object, "held");
    v->hash = take_hex(r, object, "hash");
    if (v->result == RUN_VIOLATION)
        take_finding(r, object, &v->finding);
    take_nothing_more(r, object);
    json_decref(object);
}

/* There only in traces that name files. */
static void take_files(struct reader *r, json_t *root, struct trace *trace)
{
    if (!json_object_get(root, "files"))
        return;
    json_t *files = take(r, root, "files", JSON_ARRAY);
    for (size_t i = 0; !r->failed && i < json_array_size(files); i++) {
        json_t *row = json_array_get(files, i);
        if (!json_is_object(row)) {
            fail(r, "files", "has something else in it");
            break;
        }
        struct trace_named *named =
            &trace->named[take_number(r, row, "part", TRACE_PART_COUNT - 1)];
        if (named->path[0] != 0)
            fail(r, "files", "names a part twice");
        take_text(r, row, "path", named->path, sizeof named->path);
        named->size = take_u64(r, row, "size");
        named->hash = take_hex(r, row, "hash");
        if (named->path[0] == 0 || named->size == 0)
            fail(r, "files", "has no name or no size");
        take_nothing_more(r, row);
    }
    json_decref(files);
}

static void take_kinds(struct reader *r, json_t *root, uint32_t *kinds, size_t *kind_count)
{
    json_t *list = take(r, root, "kinds", JSON_ARRAY);
    size_t count = json_array_size(list);
    if (count > *kind_count)
        fail(r, "kinds", "are too many");
    for (size_t i = 0; !r->failed && i < count; i++) {
        enum choice_kind kind;
        const char *name = json_string_value(json_array_get(list, i));
        if (!name || !choice_kind_by_name(name, &kind))
            fail(r, "kinds", "names a kind of choice that is not known");
        else
            kinds[i] = kind;
    }
    *kind_count = count;
    json_decref(list);
}

bool trace_manifest_decode(struct trace *trace, const char *text, size_t size, uint32_t *kinds,
                           size_t *kind_count, struct error *error)
{
    struct reader r = {.error = error};
    json_error_t why;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        json_decref(root);
        return error_set(error, "not JSON: %s", root ? "no object" : why.text);
    }
    take_text(&r, root, "title", trace->title, sizeof trace->title);
    take_text(&r, root, "scenario", trace->scenario, sizeof trace->scenario);
    take_text(&r, root, "variant", trace->variant, sizeof trace->variant);
    take_text(&r, root, "image", trace->image_name, sizeof trace->image_name);
    trace->fingerprint = take_hex(&r, root, "fingerprint");
    trace->setup.window = take_u64(&r, root, "window");
    trace->setup.length = take_u64(&r, root, "length");
    trace->setup.max_steps = take_u64(&r, root, "max_steps");
    trace->setup.max_insns = take_u64(&r, root, "max_insns");
    trace->hash_interval = take_u64(&r, root, "hash-interval");
    if (trace->hash_interval == 0)
        fail(&r, "hash-interval", "is out of range");
    take_files(&r, root, trace);
    take_kinds(&r, root, kinds, kind_count);
    take_config(&r, root, &trace->setup.config);
    take_mark(&r, root, "start", &trace->setup.start);
    take_mark(&r, root, "end", &trace->setup.end);
    take_checks(&r, root, &trace->setup.checks);
    take_verdict(&r, root, &trace->verdict);
    take_nothing_more(&r, root);
    json_decref(root);
    return !r.failed;
}
