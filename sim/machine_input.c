/*
 * Input from outside: keys and the like. It enters between two steps, at a moment that is the same
 * in every replay, and is recorded under that moment as a choice of the kind host-input.
 *
 * A moment is the number of steps so far and of the times that the clock went on with all PEs
 * waiting: what the machine does between two moments does not depend on how often somebody stopped
 * it there. An ordinal is a moment and the number of the input at it.
 *
 * What a device has no room for waits beside the machine and is no state: it is not part of the run
 * before it is taken. Each device has a queue of its own, so that none holds another one up.
 *
 * Keys go to the console that has printed last. Where there is more than one, they wait until one
 * has; which it was is no state either, as the recording says who got them.
 */
#include "sim/machine_parts.h"

#include "gen/trace.h"

#include <stdlib.h>
#include <string.h>

/* An answer is one more than: three bytes, how many of them there are, the device. */
#define ANSWER_BYTES UINT32_C(0x00ffffff)
#define ANSWER_COUNT UINT32_C(0x03000000)
#define ANSWER_DEVICE UINT32_C(0x3c000000)
#define ANSWERS UINT32_C(0x40000001)
#define BYTES_MAX 3u

#define ORDINAL_SHIFT 8u /* as many inputs have a place at one moment */

#define UNKNOWN_CONSOLE ((unsigned)INPUT_DEVICE_COUNT)

struct queue {
    uint8_t *byte;
    size_t first, count, capacity;
};

struct machine_input {
    struct queue queue[INPUT_DEVICE_COUNT + 1]; /* the last one: keys that wait for a console */
    size_t count;                               /* in all of them */
};

static uint64_t moment(const struct machine *m)
{
    return m->state->step + m->state->jumps;
}

/* The ordinal that an input would have now. */
static uint64_t ordinal_now(const struct machine *m)
{
    uint64_t begin = moment(m) << ORDINAL_SHIFT;
    return m->state->input_next > begin ? m->state->input_next : begin;
}

/* How many bytes a device takes now. */
static size_t room(const struct machine *m, enum machine_input_device device)
{
    switch (device) {
    case INPUT_UART:
        return pl011_room(&m->state->uart);
    case INPUT_POWER_BUTTON:
        return pl061_deadline(&m->state->gpio) == DEVICE_NEVER;
    case INPUT_VIRTIO:
        return machine_virtio_console_room(m);
    case INPUT_VIRTIO_SIZE:
        return INPUT_SIZE_BYTES;
    case INPUT_DEVICE_COUNT:
        break;
    }
    return 0;
}

static void deliver(struct machine *m, enum machine_input_device device, const uint8_t *bytes,
                    size_t count)
{
    struct machine_state *s = m->state;
    uint64_t now = s->now > s->clock.seen ? s->now : s->clock.seen;
    struct device_clock clock = {.now = now, .hz = m->hz};
    if (count > room(m, device)) /* of another model's recording */
        count = room(m, device);
    switch (device) {
    case INPUT_UART:
        pl011_send(&s->uart, &clock, bytes, count);
        break;
    case INPUT_POWER_BUTTON:
        if (count > 0)
            pl061_press(&s->gpio, now);
        break;
    case INPUT_VIRTIO:
        machine_virtio_console_input(m, now, bytes, count);
        break;
    case INPUT_VIRTIO_SIZE:
        if (count == INPUT_SIZE_BYTES)
            machine_virtio_console_resize(m, bytes[0] | (bytes[1] & 0xfu) << 8,
                                          (unsigned)bytes[1] >> 4 | (unsigned)bytes[2] << 4);
        break;
    case INPUT_DEVICE_COUNT:
        break;
    }
    for (size_t i = 0; i < count; i++)
        event_emit_INPUT(CORE_HEAD(&m->core[s->current]), (uint8_t)device, bytes[i]);
    machine_devices_update(m);
}

static void take_recorded(struct machine *m, const struct choice_record *told)
{
    uint32_t answer = told->answer - 1;
    uint8_t bytes[BYTES_MAX];
    for (unsigned i = 0; i < BYTES_MAX; i++)
        bytes[i] = (uint8_t)(answer >> 8 * i);
    m->state->input_next = told->name.ordinal + 1;
    chooser_take(&m->chooser, told);
    deliver(m, (enum machine_input_device)field_get(ANSWER_DEVICE, answer), bytes,
            field_get(ANSWER_COUNT, answer));
}

static void append(struct queue *q, const uint8_t *bytes, size_t count)
{
    if (q->count > 0)
        memmove(q->byte, q->byte + q->first, q->count);
    q->first = 0;
    if (q->capacity - q->count < count) {
        q->capacity = 2 * (q->count + count);
        q->byte = realloc(q->byte, q->capacity);
        ensure(q->byte != NULL);
    }
    memcpy(q->byte + q->count, bytes, count);
    q->count += count;
}

/* What has waited for a console is its own now. */
static void route(struct machine_input *in, unsigned device)
{
    struct queue *from = &in->queue[UNKNOWN_CONSOLE];
    if (from->count == 0 || device == UNKNOWN_CONSOLE)
        return;
    append(&in->queue[device], from->byte + from->first, from->count);
    from->count = 0;
}

/* Takes the next bytes of one device, as many as one answer holds and the device has room for. */
static bool take_waiting(struct machine *m, enum machine_input_device device)
{
    struct queue *q = &m->input->queue[device];
    uint64_t ordinal = ordinal_now(m);
    if (q->count == 0 || ordinal >> ORDINAL_SHIFT != moment(m))
        return false; /* nothing, or no place any more at this moment */
    size_t most = room(m, device), count = q->count;
    uint8_t bytes[BYTES_MAX] = {0};
    if (count > most)
        count = most;
    if (count > BYTES_MAX)
        count = BYTES_MAX;
    if (count == 0)
        return false;
    memcpy(bytes, q->byte + q->first, count);
    q->first += count;
    q->count -= count;
    m->input->count -= count;
    uint32_t answer = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                      (uint32_t)field_put(ANSWER_COUNT, count) |
                      (uint32_t)field_put(ANSWER_DEVICE, device);
    m->state->input_next = ordinal + 1;
    chooser_tell(&m->chooser, CHOICE_HOST_INPUT, ordinal, ANSWERS, answer + 1);
    deliver(m, device, bytes, count);
    return true;
}

void machine_input_take(struct machine *m)
{
    const struct choice_record *told;
    while ((told = chooser_told(&m->chooser, CHOICE_HOST_INPUT, ordinal_now(m))) != NULL &&
           told->name.ordinal >> ORDINAL_SHIFT == moment(m))
        take_recorded(m, told);
    if (!m->input || m->input->count == 0 || chooser_is_replay(&m->chooser))
        return;
    route(m->input, machine_console_device(m));
    for (unsigned device = 0; device < INPUT_DEVICE_COUNT; device++) {
        while (take_waiting(m, (enum machine_input_device)device))
            continue;
    }
}

uint64_t machine_input_distance(const struct machine *m)
{
    const struct choice_record *told =
        chooser_told(&m->chooser, CHOICE_HOST_INPUT, ordinal_now(m));
    return told ? (told->name.ordinal >> ORDINAL_SHIFT) - moment(m) : UINT64_MAX;
}

bool machine_input_hurry(struct machine *m)
{
    const struct choice_record *told =
        chooser_told(&m->chooser, CHOICE_HOST_INPUT, ordinal_now(m));
    if (!told || m->chooser.policy != CHOICE_LENIENT)
        return false;
    take_recorded(m, told);
    return true;
}

/* Into a queue, the one of keys for a console among them. */
static void wait_in(struct machine *m, unsigned device, const uint8_t *bytes, size_t count)
{
    if (chooser_is_replay(&m->chooser) || count == 0)
        return;
    if (!m->input) {
        m->input = calloc(1, sizeof *m->input);
        ensure(m->input != NULL);
    }
    append(&m->input->queue[device], bytes, count);
    m->input->count += count;
}

void machine_input(struct machine *m, enum machine_input_device device, const uint8_t *bytes,
                   size_t count)
{
    ensure(device < INPUT_DEVICE_COUNT);
    wait_in(m, device, bytes, count);
}

enum machine_input_device machine_console_device(const struct machine *m)
{
    return machine_has_virtio_console(m) ? m->printed : INPUT_UART;
}

void machine_console_input(struct machine *m, const uint8_t *bytes, size_t count)
{
    wait_in(m, machine_console_device(m), bytes, count);
}

bool machine_console_settle(struct machine *m)
{
    if (!m->input || m->input->queue[UNKNOWN_CONSOLE].count == 0)
        return false;
    route(m->input, INPUT_UART);
    return true;
}

void machine_input_size(struct machine *m, unsigned columns, unsigned rows)
{
    if (columns > INPUT_SIZE_MAX)
        columns = INPUT_SIZE_MAX;
    if (rows > INPUT_SIZE_MAX)
        rows = INPUT_SIZE_MAX;
    const uint8_t bytes[INPUT_SIZE_BYTES] = {
        (uint8_t)columns, (uint8_t)(columns >> 8 | (rows & 0xf) << 4), (uint8_t)(rows >> 4)};
    machine_input(m, INPUT_VIRTIO_SIZE, bytes, sizeof bytes);
}

bool machine_input_comes(struct machine *m, struct machine_idling *idling)
{
    const struct machine_state *s = m->state;
    if (!m->idle || idling->ends || idling->done == moment(m) + 1 ||
        s->clock.next == DEADLINE_NEVER)
        return false;
    uint64_t now = s->now > s->clock.seen ? s->now : s->clock.seen;
    uint64_t cycles = s->clock.next > now ? s->clock.next - now : 0;
    switch (m->idle(m->idle_context, m, cycles)) {
    case IDLE_LOOK:
        return true;
    case IDLE_GO_ON:
        break;
    case IDLE_END:
        idling->ends = true;
        if (idling->limit > s->step + 1)
            idling->limit = s->step + 1;
        break;
    }
    idling->done = moment(m) + 1;
    return false;
}

size_t machine_input_waiting(const struct machine *m)
{
    return m->input ? m->input->count : 0;
}

void machine_input_free(struct machine *m)
{
    for (unsigned i = 0; m->input && i < ARRAY_COUNT(m->input->queue); i++)
        free(m->input->queue[i].byte);
    free(m->input);
    m->input = NULL;
}
