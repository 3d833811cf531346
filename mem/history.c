/*
 * The history of writes: which older value a load, a walk or a fetch may take.
 *
 * A load may be performed before instructions that stand before it, so that what it takes was
 * the newest value once, but not any more. Writes become visible one after the other, to all
 * others at once; the last of them are kept with what they wrote over. A read that may not look
 * before a time (its floor, see view.c) has a candidate for each write there since then: memory
 * as it was before that write. Neighbours with the same bytes are one candidate with the older
 * view, which binds later reads least. The choice load-early picks; 0 is the newest.
 *
 * Not modelled: different times for the bytes of one access; writes that the ring has forgotten.
 *
 * DDI 0487 B2.3: "Coherence-after", "External visibility requirement".
 */
#include "mem/history.h"

#include "mem/buffer.h"
#include "mem/view.h"

#include <string.h>

/* Writes that a read looks behind, at most. */
#define CANDIDATE_MAX 8u

static struct order_record *record_at(struct order *o, unsigned age)
{
    struct order_state *s = o->state;
    return &s->record[(s->first + s->count - 1 - age) % o->history];
}

static bool touches(const struct order_record *r, const struct access *access)
{
    return order_overlaps(r->pa, r->size, access->pa.bits, access->size);
}

static void record_add(struct order *o, const struct access *access, const uint8_t old[16],
                           const uint64_t value[2], uint64_t view)
{
    struct order_state *s = o->state;
    struct order_record *r;
    if (s->count < o->history) {
        r = &s->record[(s->first + s->count++) % o->history];
    } else {
        r = &s->record[s->first];
        s->first = (s->first + 1) % o->history;
    }
    *r = (struct order_record){
        .time = s->time,
        .pa = access->pa.bits,
        .view = view,
        .size = access->size,
        .pe = access->pe,
        .seen = (uint8_t)(access->pe < PE_COUNT_MAX ? 1u << access->pe : 0),
        .exclusive = access->exclusive || access->atomic,
    };
    memcpy(r->old, old, access->size);
    memcpy(r->new, value, access->size);
}

enum port_result history_write(struct order *o, const struct access *access,
                               const uint64_t value[2], uint64_t view)
{
    uint8_t old[16];
    if (o->history == 0)
        return o->below.write(o->below.owner, access, value);
    o->below.peek(o->below.owner, access->pa, old, access->size);
    uint64_t time = ++o->state->time; /* before: it may send events to those who watch */
    enum port_result result = o->below.write(o->below.owner, access, value);
    if (result != PORT_OK) {
        o->state->time--;
        return result;
    }
    record_add(o, access, old, value, view);
    if (access->pe < PE_COUNT_MAX)
        view_wrote(&o->state->pe[access->pe].views, time, access->kind == ACCESS_RELEASE);
    return result;
}

/* The write that a read takes is its own PE's: that orders no more than what it was made from. */
static uint64_t view_of(const struct order_record *r, const struct access *access)
{
    return r->pe == access->pe && !r->exclusive ? r->view : r->time;
}

/* Undoes a write in what a read would take; false: that was not there, so that reading is not
   coherent now. */
static bool undo(const struct order_record *r, const struct access *access, uint8_t *bytes)
{
    for (unsigned i = 0; i < r->size; i++) {
        uint64_t at = r->pa + i - access->pa.bits;
        if (at < access->size && bytes[at] != r->new[i])
            return false;
    }
    for (unsigned i = 0; i < r->size; i++) {
        uint64_t at = r->pa + i - access->pa.bits;
        if (at < access->size)
            bytes[at] = r->old[i];
    }
    return true;
}

struct candidate {
    uint8_t bytes[16];
    unsigned age; /* of the newest write that it leaves in place */
};

/* The next write there that is at least so old; count: none. */
static unsigned next_touching(struct order *o, const struct access *access, unsigned age)
{
    while (age < o->state->count && !touches(record_at(o, age), access))
        age++;
    return age;
}

/* Collects what a read may take, newest first; at least one. */
static unsigned candidates(struct order *o, const struct access *access, uint64_t floor,
                           bool coherent, struct candidate *out)
{
    unsigned count = 1, age = next_touching(o, access, 0);
    uint8_t bytes[16];
    memcpy(bytes, out[0].bytes, sizeof bytes);
    out[0].age = age;
    for (unsigned n = 0; n < CANDIDATE_MAX && age < o->state->count; n++) {
        const struct order_record *r = record_at(o, age);
        if (r->time <= floor || (coherent && (r->seen >> access->pe & 1u)) ||
            !undo(r, access, bytes))
            break;
        age = next_touching(o, access, age + 1);
        if (memcmp(bytes, out[count - 1].bytes, access->size) != 0)
            memcpy(out[count++].bytes, bytes, sizeof bytes);
        out[count - 1].age = age;
    }
    return count;
}

/* The view of memory as the write of that age left it. */
static uint64_t view_from(struct order *o, const struct access *access, unsigned age)
{
    uint64_t view = 0;
    for (; age < o->state->count; age = next_touching(o, access, age + 1)) {
        const struct order_record *r = record_at(o, age);
        if (view_of(r, access) > view)
            view = view_of(r, access);
        if (r->pa <= access->pa.bits && access->pa.bits + access->size <= r->pa + r->size)
            break;
    }
    return view;
}

/* coherence: the PE has seen that write, and so all before it. */
static void mark_seen(struct order *o, const struct access *access, unsigned age)
{
    for (; age < o->state->count; age = next_touching(o, access, age + 1))
        record_at(o, age)->seen |= (uint8_t)(1u << access->pe);
}

uint64_t history_read(struct order *o, const struct access *access, uint64_t floor, bool coherent,
                      bool newest, uint64_t value[2])
{
    struct candidate candidate[CANDIDATE_MAX + 1];
    memset(candidate, 0, sizeof candidate);
    memcpy(candidate[0].bytes, value, sizeof candidate[0].bytes);
    unsigned count = 1, taken = 0;
    if (newest)
        candidate[0].age = next_touching(o, access, 0);
    else
        count = candidates(o, access, floor, coherent, candidate);
    if (count > 1)
        taken = choose(o->chooser, o->counts, CHOICE_LOAD_EARLY, access->pe, count);
    memcpy(value, candidate[taken].bytes, access->size);
    if (coherent)
        mark_seen(o, access, candidate[taken].age);
    return view_from(o, access, candidate[taken].age);
}
