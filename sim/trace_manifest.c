/*
 * The manifest of a trace: configuration, bounds and verdict as JSON, by name. Reading takes
 * every key exactly once and refuses keys that it does not know, so that nothing is ignored.
 * 64-bit values that do not fit into a JSON integer are hexadecimal strings.
 */
#include "sim/trace_file.h"
#include "cpu/errata.h"
#include "sim/config_fields.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The numbers of a run's bounds and of its verdict: one row each. */
struct number_row {
    const char *key;
    size_t offset;
    size_t size;
};
#define ROW(type, member) {#member, offsetof(type, member), sizeof(((type *)0)->member)}

static const struct number_row setup_rows[] = {
    ROW(struct run_setup, window),
    ROW(struct run_setup, length),
    ROW(struct run_setup, max_steps),
    ROW(struct run_setup, max_insns),
};
static const struct number_row verdict_rows[] = {
    ROW(struct run_verdict, exit_status), ROW(struct run_verdict, insns),
    ROW(struct run_verdict, cycles),      ROW(struct run_verdict, steps),
    ROW(struct run_verdict, choices),
};
#define ROWS(rows) rows, ARRAY_COUNT(rows)

/* --- writing ------------------------------------------------------------------------------ */

static void put_numbers(json_t *object, const struct number_row *rows, size_t count,
                        const void *base)
{
    for (size_t i = 0; i < count; i++) {
        const char *at = (const char *)base + rows[i].offset;
        uint64_t value = 0;
        uint32_t half;
        if (rows[i].size == sizeof half) {
            memcpy(&half, at, sizeof half);
            value = half;
        } else {
            memcpy(&value, at, sizeof value);
        }
        ensure(value <= INT64_MAX);
        json_object_set_new(object, rows[i].key, json_integer((json_int_t)value));
    }
}

static void put_hex(json_t *object, const char *key, uint64_t value)
{
    char text[20];
    snprintf(text, sizeof text, "0x%016" PRIx64, value);
    json_object_set_new(object, key, json_string(text));
}

/* False when the text is not UTF-8. */
static bool put_text(json_t *object, const char *key, const char *text)
{
    return json_object_set_new(object, key, json_string(text)) == 0;
}

/* There only in machines that have some. A drive's content is not in the trace, but what it is. */
static bool put_devices(json_t *object, const struct machine_config *config)
{
    bool good = true;
    if (config->virtio_count == 0)
        return good;
    json_t *devices = json_array(), *drives = json_array();
    for (uint32_t i = 0; i < config->virtio_count; i++)
        json_array_append_new(devices, json_string(config_virtio_name(config->virtio[i])));
    for (uint32_t i = 0; i < config->drive_count; i++) {
        const struct config_drive *drive = &config->drive[i];
        json_t *row = json_object();
        good = put_text(row, "path", drive->path) && good;
        json_object_set_new(row, "size", json_integer((json_int_t)drive->size));
        put_hex(row, "hash", drive->hash);
        json_object_set_new(row, "read-only", json_boolean(drive->read_only));
        json_array_append_new(drives, row);
    }
    json_object_set_new(object, "virtio", devices);
    json_object_set_new(object, "drives", drives);
    return good;
}

/* Numbers and texts, by the table. Traces without a field are as old as the first ones. */
static bool put_fields(json_t *object, const struct machine_config *config)
{
    bool good = true;
    for (size_t i = 0; i < config_field_count; i++) {
        const struct config_field *field = &config_fields[i];
        if (field->kind == CONFIG_TEXT) {
            good = put_text(object, field->member, (const char *)config + field->offset) && good;
        } else if (config_field_is_number(field)) {
            uint64_t value = config_field_get(field, config);
            ensure(value <= INT64_MAX);
            if (value != 0 || field->is_always_told)
                json_object_set_new(object, field->member, json_integer((json_int_t)value));
        }
    }
    return good;
}

static bool put_config(json_t *root, const struct machine_config *config)
{
    json_t *object = json_object(), *properties = json_array(), *open = json_array();
    bool good = put_fields(object, config);
    if (config->errata != 0) {
        json_t *errata = json_array();
        for (uint32_t i = 0; i < ERRATUM_COUNT; i++)
            if (config->errata >> i & 1)
                json_array_append_new(errata, json_string(erratum_rows[i].name));
        json_object_set_new(object, "errata", errata);
    }
    good = put_devices(object, config) && good;
    for (uint32_t kind = 0; kind < CHOICE_KIND_COUNT; kind++) {
        if (config->open_mask >> kind & 1)
            json_array_append_new(open, json_string(choice_rows[kind].name));
    }
    for (uint32_t i = 0; i < config->property_count; i++) {
        const struct config_property *p = &config->property[i];
        json_t *row = json_object();
        good = put_text(row, "node", p->node) && put_text(row, "name", p->name) && good;
        if (p->is_text)
            good = put_text(row, "text", p->text) && good;
        else
            json_object_set_new(row, "number", json_integer(p->number));
        json_array_append_new(properties, row);
    }
    json_object_set_new(object, "open", open);
    json_object_set_new(object, "properties", properties);
    json_object_set_new(root, "machine", object);
    return good;
}

static void put_mark(json_t *root, const char *key, const struct run_mark *mark)
{
    json_object_set_new(root, key, json_pack("{s:s, s:i, s:I}", "symbol", mark->symbol, "cpu",
                                             mark->pe, "hit", (json_int_t)mark->hit));
}

static void put_checks(json_t *root, const struct check_options *checks)
{
    json_t *object = json_object(), *list = json_array();
    for (unsigned kind = 0; kind < CHECK_COUNT; kind++) {
        if (checks->mask >> kind & 1)
            json_array_append_new(list, json_string(check_name((enum check_kind)kind)));
    }
    json_object_set_new(object, "checkers", list);
    json_object_set_new(object, "one-root-one-id", json_boolean(checks->one_root_one_id));
    json_object_set_new(object, "progress-steps", json_integer((json_int_t)checks->progress_steps));
    json_object_set_new(root, "checks", object);
}

static bool put_finding(json_t *root, const struct finding *f)
{
    json_t *events = json_array();
    bool good = true;
    for (uint32_t i = 0; i < f->event_count; i++) {
        json_t *event = json_object();
        put_hex(event, "pc", f->event[i].pc);
        json_object_set_new(event, "cpu", json_integer(f->event[i].pe));
        json_object_set_new(event, "step", json_integer((json_int_t)f->event[i].step));
        good = put_text(event, "text", f->event[i].text) && good;
        json_array_append_new(events, event);
    }
    json_t *object = json_object();
    json_object_set_new(object, "check", json_string(check_name((enum check_kind)f->check)));
    json_object_set_new(object, "cpu", json_integer(f->pe));
    json_object_set_new(object, "step", json_integer((json_int_t)f->step));
    good = put_text(object, "kind", f->kind) && put_text(object, "text", f->text) && good;
    json_object_set_new(object, "events", events);
    json_object_set_new(root, "finding", object);
    return good;
}

static bool put_verdict(json_t *root, const struct run_verdict *v)
{
    json_t *object = json_object();
    put_numbers(object, ROWS(verdict_rows), v);
    json_object_set_new(object, "result", json_string(run_result_name(v->result)));
    json_object_set_new(object, "idle", json_boolean(v->idle));
    json_object_set_new(object, "held", json_boolean(v->held));
    put_hex(object, "hash", v->hash);
    bool good = v->result != RUN_VIOLATION || put_finding(object, &v->finding);
    json_object_set_new(root, "verdict", object);
    return good;
}

/* There only in traces that name files. */
static bool put_files(json_t *root, const struct trace *trace)
{
    json_t *files = json_array();
    bool good = true;
    for (unsigned part = 0; part < TRACE_PART_COUNT; part++) {
        const struct trace_named *named = &trace->named[part];
        if (named->path[0] == 0)
            continue;
        json_t *row = json_object();
        json_object_set_new(row, "part", json_integer((json_int_t)part));
        good = put_text(row, "path", named->path) && good;
        json_object_set_new(row, "size", json_integer((json_int_t)named->size));
        put_hex(row, "hash", named->hash);
        json_array_append_new(files, row);
    }
    if (json_array_size(files) != 0)
        json_object_set(root, "files", files);
    json_decref(files);
    return good;
}

char *trace_manifest_encode(const struct trace *trace, struct error *error)
{
    json_t *root = json_object(), *kinds = json_array();
    bool good = put_text(root, "title", trace->title) &&
                put_text(root, "scenario", trace->scenario) &&
                put_text(root, "variant", trace->variant) &&
                put_text(root, "image", trace->image_name);
    put_hex(root, "fingerprint", trace->fingerprint);
    put_numbers(root, ROWS(setup_rows), &trace->setup);
    json_object_set_new(root, "hash-interval", json_integer((json_int_t)trace->hash_interval));
    for (unsigned kind = 0; kind < CHOICE_KIND_COUNT; kind++)
        json_array_append_new(kinds, json_string(choice_rows[kind].name));
    json_object_set_new(root, "kinds", kinds);
    good = put_config(root, &trace->setup.config) && good;
    good = put_files(root, trace) && good;
    put_mark(root, "start", &trace->setup.start);
    put_mark(root, "end", &trace->setup.end);
    put_checks(root, &trace->setup.checks);
    good = put_verdict(root, &trace->verdict) && good;
    char *text = good ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (!text)
        error_set(error, "a text of the recording is not UTF-8");
    return text;
}
