/*
 * The text form of events: one line per event, key=value in the order of trace.def, for people,
 * grep and golden files. Written and read through the same rows, so that text -> event -> text
 * and event -> text -> event are identities: the parser takes nothing that the writer would not
 * write (no leading zeros, no other order, no spare spaces), and both ends check every byte.
 */
#include "sim/base/event.h"

#include <string.h>

#include "gen/trace.h"

struct names {
    const char *const *names;
    size_t count;
};

/* Wiring: the floor knows no registers and instructions, their owners tell it the names. */
static struct names sysreg_names, op_names;

static void names_set(struct names *n, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *s = names[i];
        ensure(!s || ((s[0] | 0x20) >= 'a' && (s[0] | 0x20) <= 'z') || s[0] == '_');
        ensure(!s || (!strpbrk(s, " \n") && strlen(s) <= 128));
    }
    n->names = names;
    n->count = count;
}

void event_set_sysreg_names(const char *const *names, size_t count)
{
    names_set(&sysreg_names, names, count);
}

void event_set_op_names(const char *const *names, size_t count)
{
    names_set(&op_names, names, count);
}

/* The names that a form uses, or NULL. */
static const struct names *form_names(uint8_t form)
{
    switch ((enum event_form)form) {
    case EVENT_FORM_SYSREG:
        return &sysreg_names;
    case EVENT_FORM_OP:
        return &op_names;
    case EVENT_FORM_DECIMAL:
    case EVENT_FORM_HEX:
        return NULL;
    }
    bug("event field of form %u", form);
}

static const char *name_of(const struct names *n, uint64_t value)
{
    return n && value < n->count ? n->names[value] : NULL;
}

bool event_kind_by_name(const char *name, unsigned *kind)
{
    for (unsigned k = 0; k < EVENT_KIND_COUNT; k++) {
        if (strcmp(event_rows[k].name, name) == 0) {
            *kind = k;
            return true;
        }
    }
    return false;
}

const struct event_field *event_field_by_name(unsigned kind, const char *name)
{
    ensure(kind < EVENT_KIND_COUNT);
    for (size_t i = 0; i < event_rows[kind].field_count; i++) {
        if (strcmp(event_rows[kind].fields[i].name, name) == 0)
            return &event_rows[kind].fields[i];
    }
    return NULL;
}

uint64_t event_field_value(const struct event *event, const struct event_field *field)
{
    const uint8_t *at = (const uint8_t *)event + field->offset;
    uint64_t v64;
    uint32_t v32;
    uint16_t v16;

    switch (field->size) {
    case 1:
        return *at;
    case 2:
        memcpy(&v16, at, sizeof v16);
        return v16;
    case 4:
        memcpy(&v32, at, sizeof v32);
        return v32;
    default:
        memcpy(&v64, at, sizeof v64);
        return v64;
    }
}

void event_field_set(struct event *event, const struct event_field *field, uint64_t value)
{
    uint8_t *at = (uint8_t *)event + field->offset;
    uint32_t v32 = (uint32_t)value;
    uint16_t v16 = (uint16_t)value;

    ensure((value & ~bits_ones(8u * field->size)) == 0);
    switch (field->size) {
    case 1:
        *at = (uint8_t)value;
        return;
    case 2:
        memcpy(at, &v16, sizeof v16);
        return;
    case 4:
        memcpy(at, &v32, sizeof v32);
        return;
    default:
        memcpy(at, &value, sizeof value);
        return;
    }
}

/* Text under construction: counts on beyond the end, so that the length wanted is known. */
struct out {
    char *text;
    size_t size, length;
};

static void put(struct out *o, const char *s, size_t length)
{
    if (o->length < o->size) {
        size_t room = o->size - o->length;
        memcpy(o->text + o->length, s, length < room ? length : room);
    }
    o->length += length;
}

static void put_string(struct out *o, const char *s)
{
    put(o, s, strlen(s));
}

static void put_decimal(struct out *o, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put(o, digits + at, sizeof digits - at);
}

static void put_hex(struct out *o, uint64_t value, unsigned bytes)
{
    char digits[18] = "0x";
    for (unsigned i = 0; i < 2 * bytes; i++)
        digits[2 + i] = "0123456789abcdef"[(value >> (4 * (2 * bytes - 1 - i))) & 15u];
    put(o, digits, 2 + 2 * bytes);
}

static void put_head(struct out *o, const char *key, uint64_t value)
{
    put_string(o, key);
    put_decimal(o, value);
}

size_t event_text_write(const struct event *event, char *text, size_t size)
{
    ensure(event->kind < EVENT_KIND_COUNT);
    const struct event_row *row = &event_rows[event->kind];
    struct out o = {text, size, 0};

    put_string(&o, row->name);
    put_head(&o, " pe=", event->pe);
    put_head(&o, " el=", event->el);
    put_head(&o, " step=", event->step);
    put_head(&o, " insn=", event->insn);
    put_head(&o, " time=", event->time);
    for (size_t i = 0; i < row->field_count; i++) {
        const struct event_field *f = &row->fields[i];
        uint64_t value = event_field_value(event, f);
        const char *name = name_of(form_names(f->form), value);
        put(&o, " ", 1);
        put_string(&o, f->name);
        put(&o, "=", 1);
        if (name)
            put_string(&o, name);
        else if (f->form == EVENT_FORM_HEX)
            put_hex(&o, value, f->size);
        else
            put_decimal(&o, value);
    }
    if (size)
        text[o.length < size ? o.length : size - 1] = 0;
    return o.length;
}

/* A word of the text being read. */
struct word {
    const char *start;
    size_t length;
};

static struct word word_next(const char **at)
{
    struct word w = {*at, strcspn(*at, " ")};
    *at += w.length;
    return w;
}

static bool word_is(struct word w, const char *s)
{
    return strlen(s) == w.length && memcmp(w.start, s, w.length) == 0;
}

/* For messages: a text from outside may be long. */
static int word_shown(struct word w)
{
    return w.length < 80 ? (int)w.length : 80;
}

static bool parse_decimal(struct word w, uint64_t *value)
{
    *value = 0;
    if (w.length == 0 || (w.start[0] == '0' && w.length > 1))
        return false;
    for (size_t i = 0; i < w.length; i++) {
        unsigned digit = (unsigned)(unsigned char)w.start[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(*value, 10u, value) ||
            __builtin_add_overflow(*value, digit, value))
            return false;
    }
    return true;
}

static bool parse_hex(struct word w, unsigned bytes, uint64_t *value)
{
    *value = 0;
    if (w.length != 2 + 2 * (size_t)bytes || w.start[0] != '0' || w.start[1] != 'x')
        return false;
    for (size_t i = 2; i < w.length; i++) {
        char c = w.start[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit > 15)
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

static bool parse_value(struct word w, uint8_t form, unsigned bytes, uint64_t *value)
{
    const struct names *n = form_names(form);

    for (size_t i = 0; n && i < n->count; i++) {
        if (n->names[i] && word_is(w, n->names[i])) {
            *value = i;
            return true;
        }
    }
    if (form == EVENT_FORM_HEX)
        return parse_hex(w, bytes, value);
    /* What has a name is not written as a number. */
    return parse_decimal(w, value) && (*value & ~bits_ones(8 * bytes)) == 0 &&
           !name_of(n, *value);
}

/* Reads " key=value" and moves on behind it. */
static bool parse_pair(const char **at, const char *key, uint8_t form, unsigned bytes,
                       uint64_t *value, struct error *error)
{
    size_t length = strlen(key);

    if (**at != ' ' || strncmp(*at + 1, key, length) != 0 || (*at)[1 + length] != '=') {
        struct word found = {*at + (**at == ' '), strcspn(*at + (**at == ' '), " ")};
        return error_set(error, "%s= wanted, \"%.*s\" found", key, word_shown(found), found.start);
    }
    *at += 1 + length + 1;
    struct word w = word_next(at);
    if (!parse_value(w, form, bytes, value))
        return error_set(error, "%s=%.*s: not a valid value", key, word_shown(w), w.start);
    return true;
}

static bool parse_head(const char **at, struct event *event, struct error *error)
{
    const uint8_t decimal = EVENT_FORM_DECIMAL;
    uint64_t pe, el;

    if (!parse_pair(at, "pe", decimal, 1, &pe, error) ||
        !parse_pair(at, "el", decimal, 1, &el, error) ||
        !parse_pair(at, "step", decimal, 8, &event->step, error) ||
        !parse_pair(at, "insn", decimal, 8, &event->insn, error) ||
        !parse_pair(at, "time", decimal, 8, &event->time, error))
        return false;
    event->pe = (uint8_t)pe;
    event->el = (uint8_t)el;
    return true;
}

bool event_text_parse(const char *text, struct event *event, struct error *error)
{
    const char *at = text;
    struct word kind = word_next(&at);

    memset(event, 0, sizeof *event);
    while (event->kind < EVENT_KIND_COUNT && !word_is(kind, event_rows[event->kind].name))
        event->kind++;
    if (event->kind == EVENT_KIND_COUNT)
        return error_set(error, "\"%.*s\": no such event", word_shown(kind), kind.start);
    if (!parse_head(&at, event, error))
        return false;
    const struct event_row *row = &event_rows[event->kind];
    for (size_t i = 0; i < row->field_count; i++) {
        const struct event_field *f = &row->fields[i];
        uint64_t value;
        if (!parse_pair(&at, f->name, f->form, f->size, &value, error))
            return false;
        event_field_set(event, f, value);
    }
    if (*at)
        return error_set(error, "\"%.80s\" after the last field", at);
    return true;
}
