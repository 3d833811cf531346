/*
 * Events: everything that changes in the machine is told through here, to observers that only
 * read. The kinds are rows of trace.def; gen/trace.h has, for each kind, its struct, its text
 * form and `event_emit_KIND()`, which is nothing but a test of a mask bit while nobody listens.
 */
#pragma once
#include "sim/base/base.h"

#define EVENT_SINK_MAX 8u

struct event; /* gen/trace.h */

/* An observer: must not change anything but its own context. */
typedef void event_sink(void *context, const struct event *event);

/* Wiring, not state: turning observers on or off never changes a run. */
struct events {
    uint64_t mask; /* kinds that somebody listens to: bit per enum event_kind */
    uint64_t step; /* machine step now; set by the machine before a PE runs */
    bool stop;     /* the engine that runs ends behind the current step; the machine clears it */
    uint64_t renew; /* an observer adds 1 to be told of TLB_HIT anew; see trace.def */
    struct {
        event_sink *sink;
        void *context;
        uint64_t mask;
        uint64_t needs[PE_COUNT_MAX];
    } sinks[EVENT_SINK_MAX];
    unsigned sink_count;
    uint64_t needs[PE_COUNT_MAX]; /* kinds of which somebody needs every event of a PE */
};

/* Adds an observer for the kinds in mask, every event. At most EVENT_SINK_MAX. */
void events_attach(struct events *e, event_sink *sink, void *context, uint64_t mask);
/* Removes the observer with this function and context; nothing if it is not there. */
void events_detach(struct events *e, event_sink *sink, void *context);
/*
 * Of which kinds the observer needs every event of a PE; those that it is told of anyway count
 * only. Of the kinds that it does without, some events may be missing, and which ones is up to
 * the engine, so that nothing it makes of them may depend on that:
 *
 *   RETIRE, REG, VREG   any
 *   SYSTEM, SYSREG      of registers that are only storage, whose copies always agree
 *   SYSTEM              of DC and IC by address
 *   BARRIER             DMB
 *
 * May be called by the observer itself: what it has begun to need comes from the next step on,
 * since the engine that runs ends behind this one.
 */
void events_need(struct events *e, event_sink *sink, void *context, unsigned pe, uint64_t kinds);
/* Hands a filled event to the sinks that want its kind. Called by the generated emitters. */
void events_send(struct events *e, const struct event *event);

/* Fills the head of an event and zeroes the rest. For the generated emitters. */
void event_begin(struct event *event, const struct events *events, unsigned kind, unsigned pe,
                 unsigned el, uint64_t insn, uint64_t time);

/* How a field is written as text. */
enum event_form {
    EVENT_FORM_DECIMAL,
    EVENT_FORM_HEX,    /* 0x and all digits of its width */
    EVENT_FORM_SYSREG, /* the register's name, or its number while no names are known */
    EVENT_FORM_OP,     /* the instruction row's name, or its number */
};

/* What a kind is and has: rows of trace.def, in the order in which they stand there. */
struct event_field {
    const char *name;
    const char *sentence;
    uint8_t offset; /* in struct event */
    uint8_t size;   /* bytes: 1, 2, 4 or 8 */
    uint8_t form;   /* enum event_form */
};
struct event_row {
    const char *name; /* as in trace.def: "TLB_FILL" */
    const char *sentence;
    const struct event_field *fields;
    size_t field_count;
};
extern const struct event_row event_rows[]; /* EVENT_KIND_COUNT of them */

/* The kind (enum event_kind) of a name; false if there is none. */
bool event_kind_by_name(const char *name, unsigned *kind);
/* The field of a kind, or NULL. */
const struct event_field *event_field_by_name(unsigned kind, const char *name);
/* A field's value, whatever its width. field must be one of the event's own kind. */
uint64_t event_field_value(const struct event *event, const struct event_field *field);
void event_field_set(struct event *event, const struct event_field *field, uint64_t value);

/*
 * The names that the text form uses for sysreg and op fields: set once at start by whoever owns
 * them (the floor knows no registers). Entries may be NULL; a name begins with a letter or _ and
 * has no space. Not state: names appear in text only.
 */
void event_set_sysreg_names(const char *const *names, size_t count);
void event_set_op_names(const char *const *names, size_t count);

/* No event's text is longer, with its final 0, as long as no name is longer than 128. */
#define EVENT_TEXT_MAX 512u

/*
 * The text form, one line without a newline:
 *   KIND pe=0 el=2 step=17 insn=5 time=5 field=value ...
 * Returns its length; at most size - 1 characters and a 0 are stored. The kind must be valid.
 */
size_t event_text_write(const struct event *event, char *text, size_t size);
/* The event of a text that event_text_write made; anything else is an error. */
bool event_text_parse(const char *text, struct event *event, struct error *error);
