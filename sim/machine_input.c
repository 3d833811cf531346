/*
 * Input from outside: keys and the like. It enters between two steps, at a moment that is the same
 * in every replay, and is recorded under that moment as a choice of the kind host-input.
 *
 * A moment is the number of steps so far and of the times that the clock went on with all PEs
 * waiting: what the machine does between two moments does not depend on how often somebody stopped
 * it there. An ordinal is a moment and the number of the input at it.
 *
 * What a device has no room for waits beside the machine and is no state: it is not part of the run
 * before it is taken.
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

struct machine_input {
    struct {
        uint8_t device, byte;
    } *item;
    size_t first, count, capacity;
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
        return 2;
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
        if (count == 2)
            machine_virtio_console_resize(m, bytes[0], bytes[1]);
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

/* Takes the next bytes of one device, as many as one answer holds and the device has room for. */
static bool take_waiting(struct machine *m)
{
    struct machine_input *in = m->input;
    if (in->count == 0)
        return false;
    enum machine_input_device device = (enum machine_input_device)in->item[in->first].device;
    uint64_t ordinal = ordinal_now(m);
    if (ordinal >> ORDINAL_SHIFT != moment(m))
        return false; /* no place any more at this moment */
    size_t most = room(m, device), count = 0;
    uint8_t bytes[BYTES_MAX] = {0};
    while (count < BYTES_MAX && count < most && count < in->count &&
           in->item[in->first + count].device == device) {
        bytes[count] = in->item[in->first + count].byte;
        count++;
    }
    if (count == 0)
        return false;
    in->first += count;
    in->count -= count;
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
    while (m->input && !chooser_is_replay(&m->chooser) && take_waiting(m))
        continue;
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

void machine_input(struct machine *m, enum machine_input_device device, const uint8_t *bytes,
                   size_t count)
{
    ensure(device < INPUT_DEVICE_COUNT);
    if (chooser_is_replay(&m->chooser) || count == 0)
        return;
    if (!m->input) {
        m->input = calloc(1, sizeof *m->input);
        ensure(m->input != NULL);
    }
    struct machine_input *in = m->input;
    if (in->count > 0)
        memmove(in->item, in->item + in->first, in->count * sizeof *in->item);
    in->first = 0;
    if (in->capacity - in->count < count) {
        in->capacity = 2 * (in->count + count);
        in->item = realloc(in->item, in->capacity * sizeof *in->item);
        ensure(in->item != NULL);
    }
    for (size_t i = 0; i < count; i++) {
        in->item[in->count].device = (uint8_t)device;
        in->item[in->count++].byte = bytes[i];
    }
}

void machine_console_input(struct machine *m, const uint8_t *bytes, size_t count)
{
    machine_input(m, INPUT_UART, bytes, count);
}

size_t machine_input_waiting(const struct machine *m)
{
    return m->input ? m->input->count : 0;
}

void machine_input_free(struct machine *m)
{
    if (m->input)
        free(m->input->item);
    free(m->input);
    m->input = NULL;
}
