/*
 * Store buffers: stores of Normal memory that have been executed and translated, and that only
 * their own PE sees yet.
 *
 * A store leaves its buffer (becomes visible, to all others at once) when its PE's barriers, the
 * order of its PE's accesses, a full buffer or time ask for it; or when an observer looks at its
 * bytes and the choice store-drain says that it has become visible by then. The question is put
 * nowhere else, because nowhere else can anybody tell. Stores of several PEs to the same bytes
 * are asked for in the order of their execution, so that with all answers 0 each observer reads
 * what it would without buffers.
 *
 * Not modelled: merging of stores, and stores that wait although their PE, or all PEs, wait.
 *
 * DDI 0487 B2.3: "Coherent write", "Barrier-ordered-before", "Other-multi-copy atomicity".
 */
#include "mem/buffer.h"

#include "gen/trace.h"
#include "mem/history.h"
#include "mem/view.h"

#include <string.h>

/* Nothing waits for ever: instructions of its PE, and questions answered "not yet". */
#define STORE_AGE_MAX 1000u
#define STORE_PUT_OFF_MAX 8u

#define ORDER_HEAD(o, pe) \
    (o)->events, (uint8_t)(pe), *(o)->clock[pe].el, *(o)->clock[pe].insn, *(o)->clock[pe].time

static void drain(struct order *o, unsigned pe, uint64_t number, enum order_why why);

static unsigned place_of(const struct order_pe *p, uint64_t number)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (p->store[i].number == number)
            return i;
    }
    bug("store %llu does not wait", (unsigned long long)number);
}

static bool is_put_off(const struct order *o, uint64_t number)
{
    for (unsigned i = 0; i < o->put_off_count; i++) {
        if (o->put_off[i] == number)
            return true;
    }
    return false;
}

/* coherence, DMB ST, STLR: store i of a PE stays behind its store j, j < i. */
static bool stays_behind(const struct order_pe *p, unsigned i, unsigned j)
{
    const struct order_store *later = &p->store[i], *earlier = &p->store[j];
    return later->release || earlier->group < later->group ||
           order_overlaps(later->pa, later->size, earlier->pa, earlier->size);
}

/* Whether something before store i has just been found not visible. */
static bool is_blocked(const struct order *o, const struct order_pe *p, unsigned i)
{
    for (unsigned j = 0; j < i; j++) {
        if (stays_behind(p, i, j) &&
            (is_put_off(o, p->store[j].number) || is_blocked(o, p, j)))
            return true;
    }
    return false;
}

/*
 * Whether it can be told that a store has become visible: it would change what is there, or it
 * is not the only one that waits to.
 */
static bool can_be_told(const struct order *o, const struct order_store *s, uint64_t pa,
                        size_t size)
{
    for (unsigned pe = 0; pe < o->pe_count; pe++) {
        const struct order_pe *p = &o->state->pe[pe];
        for (unsigned i = 0; i < p->count; i++) {
            const struct order_store *other = &p->store[i];
            if (other != s && order_overlaps(other->pa, other->size, s->pa, s->size))
                return true;
        }
    }
    uint8_t now[16];
    const uint8_t *bytes = (const uint8_t *)s->value;
    o->below.peek(o->below.owner, pa_make(s->pa), now, s->size);
    for (unsigned i = 0; i < s->size; i++) {
        if (order_overlaps(s->pa + i, 1, pa, size) && now[i] != bytes[i])
            return true;
    }
    return false;
}

/* store-drain: whether a store has become visible. */
static bool is_visible_by_now(struct order *o, unsigned pe, struct order_store *s)
{
    if (s->put_off >= STORE_PUT_OFF_MAX)
        return true;
    if (choose(o->chooser, o->counts, CHOICE_STORE_DRAIN, pe, 2) == 0)
        return true;
    s->put_off++;
    return false;
}

/* The store of the lowest number above `above` and below `limit` that touches the bytes. */
static struct order_store *next_store(struct order *o, unsigned spared, uint64_t pa, size_t size,
                                      uint64_t above, uint64_t limit, unsigned *whose)
{
    struct order_store *best = NULL;
    for (unsigned pe = 0; pe < o->pe_count; pe++) {
        struct order_pe *p = &o->state->pe[pe];
        for (unsigned i = 0; pe != spared && i < p->count; i++) {
            struct order_store *s = &p->store[i];
            if (s->number <= above || s->number >= limit ||
                !order_overlaps(s->pa, s->size, pa, size))
                continue;
            if (!best || s->number < best->number) {
                best = s;
                *whose = pe;
            }
            break; /* a PE's stores are in the order of their numbers */
        }
    }
    return best;
}

/* Asks of each store to these bytes with a number below limit, in the order of execution. */
static void ask_in_order(struct order *o, unsigned spared, uint64_t pa, size_t size,
                         uint64_t limit, bool always)
{
    uint64_t last = 0;
    unsigned pe = 0;
    struct order_store *s;
    while ((s = next_store(o, spared, pa, size, last, limit, &pe)) != NULL) {
        last = s->number;
        if (is_put_off(o, last))
            continue;
        if (!is_blocked(o, &o->state->pe[pe], place_of(&o->state->pe[pe], last))) {
            if (!always && !can_be_told(o, s, pa, size))
                continue;
            if (is_visible_by_now(o, pe, s)) {
                drain(o, pe, last, ORDER_SEEN);
                continue;
            }
        }
        ensure(o->put_off_count < ARRAY_COUNT(o->put_off));
        o->put_off[o->put_off_count++] = last;
    }
}

static void become_visible(struct order *o, unsigned pe, const struct order_store *s,
                           enum order_why why)
{
    struct access access = {
        .va = va_make(s->va),
        .pa = pa_make(s->pa),
        .pe = (uint8_t)pe,
        .size = s->size,
        .kind = s->release ? ACCESS_RELEASE : ACCESS_PLAIN,
        .is_write = 1,
        .memory = s->memory,
        .shareability = s->shareability,
        .el = s->el,
        .entry = s->entry,
    };
    event_emit_STORE_DRAINED(ORDER_HEAD(o, pe), s->number, s->pa, s->value[0], s->entry, s->size,
                             (uint8_t)why);
    history_write(o, &access, s->value, s->view);
    struct order_views *v = &o->state->pe[pe].views;
    if (s->own != ORDER_OWN_NOT) /* what a DSB has completed stays so */
        view_raise(&v->complete, o->state->time);
    if (s->own == ORDER_OWN_SEEN)
        view_raise(&v->observer, o->state->time);
}

/*
 * A store becomes visible, and before it what its PE has to show first. Others' stores there that
 * were executed earlier may have been before it.
 */
static void drain(struct order *o, unsigned pe, uint64_t number, enum order_why why)
{
    struct order_pe *p = &o->state->pe[pe];
    unsigned i = place_of(p, number);
    for (unsigned j = 0; j < i;) {
        if (!stays_behind(p, i, j)) {
            j++;
            continue;
        }
        drain(o, pe, p->store[j].number, ORDER_BEFORE);
        i = place_of(p, number);
        j = 0;
    }
    ask_in_order(o, pe, p->store[i].pa, p->store[i].size, number, true);
    i = place_of(p, number);
    struct order_store s = p->store[i];
    p->count--;
    memmove(&p->store[i], &p->store[i + 1], (p->count - i) * sizeof s);
    memset(&p->store[p->count], 0, sizeof s);
    become_visible(o, pe, &s, why);
}

bool buffer_is_any(const struct order_store *store, uint64_t argument)
{
    (void)store, (void)argument;
    return true;
}

bool buffer_is_number(const struct order_store *store, uint64_t number)
{
    return store->number == number;
}

uint64_t buffer_oldest(const struct order *o)
{
    uint64_t oldest = 0;
    for (unsigned pe = 0; pe < o->pe_count; pe++) {
        const struct order_pe *p = &o->state->pe[pe];
        if (p->count != 0 && (oldest == 0 || p->store[0].number < oldest))
            oldest = p->store[0].number;
    }
    return oldest;
}

bool buffer_drain(struct order *o, unsigned pe, buffer_filter *filter, uint64_t argument,
                  enum order_why why)
{
    struct order_pe *p = &o->state->pe[pe];
    bool any = false;
    for (unsigned i = 0; i < p->count;) {
        if (!filter(&p->store[i], argument)) {
            i++;
            continue;
        }
        o->put_off_count = 0;
        drain(o, pe, p->store[i].number, why);
        any = true;
        i = 0; /* others have gone with it */
    }
    return any;
}

void buffer_observe(struct order *o, unsigned spared, uint64_t pa, size_t size, bool always)
{
    o->put_off_count = 0;
    ask_in_order(o, spared, pa, size, UINT64_MAX, always);
}

static bool is_old(const struct order_store *s, uint64_t now)
{
    return now - s->insn > STORE_AGE_MAX;
}

/* Normal memory; exclusives and atomic accesses are done at once. */
bool buffer_takes(const struct order *o, const struct access *access)
{
    return o->capacity != 0 && access->is_write && !access->exclusive && !access->atomic &&
           access->pe < PE_COUNT_MAX && (access->memory & 0xf0u) != 0 &&
           (access->kind == ACCESS_PLAIN || access->kind == ACCESS_RELEASE);
}

void buffer_put(struct order *o, const struct access *access, const uint64_t value[2],
                uint64_t view)
{
    unsigned pe = access->pe;
    struct order_pe *p = &o->state->pe[pe];
    uint64_t now = *o->clock[pe].insn;
    buffer_drain(o, pe, is_old, now, ORDER_FULL);
    if (p->count == o->capacity) {
        o->put_off_count = 0;
        drain(o, pe, p->store[0].number, ORDER_FULL);
    }
    p->store[p->count++] = (struct order_store){
        .number = ++o->state->number,
        .va = access->va.bits,
        .pa = access->pa.bits,
        .value = {value[0], access->size > 8 ? value[1] : 0},
        .insn = now,
        .view = view,
        .entry = access->entry,
        .group = p->group,
        .size = access->size,
        .memory = access->memory,
        .shareability = access->shareability,
        .el = access->el,
        .release = access->kind == ACCESS_RELEASE,
    };
    event_emit_STORE_BUFFERED(ORDER_HEAD(o, pe), o->state->number, access->pa.bits, value[0],
                              access->entry, access->size);
    if (o->below.watches(o->below.owner, access))
        buffer_observe(o, ORDER_NO_PE, access->pa.bits, access->size, true);
}

/* What must be visible before a write that does not wait: by bytes, by barriers, by release. */
static bool precedes_write(const struct order_store *s, const struct access *access,
                           uint32_t group)
{
    return access->kind == ACCESS_RELEASE || s->group < group ||
           order_overlaps(s->pa, s->size, access->pa.bits, access->size);
}

void buffer_pass(struct order *o, const struct access *access)
{
    if (access->pe >= o->pe_count)
        return;
    struct order_pe *p = &o->state->pe[access->pe];
    for (unsigned i = 0; i < p->count;) {
        const struct order_store *s = &p->store[i];
        bool goes = access->is_write
                        ? precedes_write(s, access, p->group)
                        : (access->exclusive || access->atomic) &&
                              order_overlaps(s->pa, s->size, access->pa.bits, access->size);
        /* RCsc: a load-acquire comes behind the store-releases before it; LDAPR does not */
        if (!access->is_write && access->kind == ACCESS_ACQUIRE && !access->weak && s->release)
            goes = true;
        if (!goes) {
            i++;
            continue;
        }
        o->put_off_count = 0;
        drain(o, access->pe, s->number, ORDER_BEFORE);
        i = 0;
    }
}

unsigned buffer_forward(const struct order *o, const struct access *access, bool is_apart,
                        uint64_t value[2], uint64_t *view)
{
    if (access->pe >= o->pe_count)
        return 0;
    const struct order_pe *p = &o->state->pe[access->pe];
    uint8_t *out = (uint8_t *)value;
    uint32_t covered = 0;
    for (unsigned i = 0; i < p->count; i++) {
        const struct order_store *s = &p->store[i];
        if ((is_apart && s->own != ORDER_OWN_SEEN) ||
            !order_overlaps(s->pa, s->size, access->pa.bits, access->size))
            continue;
        const uint8_t *in = (const uint8_t *)s->value;
        for (unsigned b = 0; b < s->size; b++) {
            uint64_t at = s->pa + b - access->pa.bits;
            if (at >= access->size)
                continue;
            out[at] = in[b];
            covered |= 1u << at;
        }
        if (s->view > *view)
            *view = s->view;
    }
    return (unsigned)__builtin_popcount(covered);
}
