/*
 * The devices of the machine beside the GIC: where they lie, which line they drive, and when they
 * do something by themselves. All of them share one slot of the clock, in which the nearest of
 * their deadlines stands; of those due at the same time the one with the lowest address is first.
 *
 * The map is that of the "virt" board. Not modelled: bus errors other than an address, a size or an
 * alignment that nothing answers.
 */
#include "sim/machine_parts.h"

#include "gen/trace.h"

/* When somebody presses the power button, by the answer of guest-input: microseconds from now. */
static const uint32_t press_delay[] = {0, 0, 1, 10, 100, 1000, 10000};

/* How much later a copy of the bus master begins, by the answer of device-done: microseconds. */
static const uint32_t done_delay[] = {0, 1, 10, 100, 1000};

#define DMA_LATENCY 100u /* nanoseconds, and one for each byte */

static struct device_clock clock_at(const struct machine *m, uint64_t cycles)
{
    return (struct device_clock){.now = cycles, .hz = m->hz};
}

/* The time of a PE's access: never before something that has already happened. */
static struct device_clock clock_of(const struct machine *m, unsigned pe)
{
    uint64_t cycles = m->state->cpu[pe].cycles;
    return clock_at(m, cycles > m->state->clock.seen ? cycles : m->state->clock.seen);
}

void machine_devices_reset(struct machine *m)
{
    pl011_reset(&m->state->uart);
    pl031_reset(&m->state->rtc, m->config.rtc_start);
    pl061_reset(&m->state->gpio);
    dma_reset(&m->state->dma);
    machine_virtio_reset(m);
    machine_devices_update(m);
}

/* --- the console ---------------------------------------------------------------------------- */

void machine_console(struct machine *m, unsigned pe, uint8_t byte)
{
    event_emit_CONSOLE(CORE_HEAD(&m->core[pe]), byte);
    if (m->console)
        m->console(m->console_context, byte);
}

void machine_console_of(struct machine *m, enum machine_input_device device, unsigned pe,
                        uint8_t byte)
{
    m->printed = device;
    machine_console(m, pe, byte);
}

/* --- accesses ------------------------------------------------------------------------------- */

static enum device_answer uart_access(struct machine *m, const struct access *a, uint32_t offset,
                                      uint32_t *word)
{
    struct device_clock clock = clock_of(m, a->pe);
    if (!a->is_write)
        return pl011_read(&m->state->uart, &clock, offset, a->size, word);
    struct pl011_effect effect = pl011_write(&m->state->uart, &clock, offset, a->size, *word);
    if (effect.has_output)
        machine_console_of(m, INPUT_UART, a->pe, effect.output);
    return effect.answer;
}

/* The clock is one with the system counter: what was read once is never later than what is read
   next. */
static enum device_answer rtc_access(struct machine *m, const struct access *a, uint32_t offset,
                                     uint32_t *word)
{
    struct device_clock clock = clock_of(m, a->pe);
    clock_read(&m->state->clock, clock.now);
    return a->is_write ? pl031_write(&m->state->rtc, &clock, offset, a->size, *word)
                       : pl031_read(&m->state->rtc, &clock, offset, a->size, word);
}

/* Whether and when somebody presses the button is asked when the guest begins to listen. */
static enum device_answer gpio_access(struct machine *m, const struct access *a, uint32_t offset,
                                      uint32_t *word)
{
    bool armed;
    if (!a->is_write)
        return pl061_read(&m->state->gpio, offset, a->size, word);
    enum device_answer answer = pl061_write(&m->state->gpio, offset, a->size, *word, &armed);
    if (armed) {
        uint32_t k = choose(&m->chooser, &m->side->counts, CHOICE_GUEST_INPUT,
                            GUEST_INPUT_POWER_BUTTON, ARRAY_COUNT(press_delay));
        if (k != 0)
            pl061_press(&m->state->gpio,
                        clock_of(m, a->pe).now + press_delay[k] * (m->hz / 1000000));
    }
    return answer;
}

static enum device_answer virtio_access(struct machine *m, const struct access *a, uint32_t offset,
                                        uint32_t *word)
{
    return machine_virtio_access(m, a, offset, clock_of(m, a->pe).now, word);
}

/* The next piece of a copy begins; a copy may begin late. */
static void dma_schedule(struct machine *m, uint64_t now, uint64_t late)
{
    struct dma *dma = &m->state->dma;
    dma->due = now + (DMA_LATENCY + dma_next(dma).size + late) * (m->hz / 1000000) / 1000;
}

static enum device_answer dma_access(struct machine *m, const struct access *a, uint32_t offset,
                                     uint32_t *word)
{
    bool begins;
    if (!a->is_write)
        return dma_read(&m->state->dma, offset, a->size, word);
    enum device_answer answer = dma_write(&m->state->dma, offset, a->size, *word, &begins);
    if (begins) {
        uint32_t k = choose(&m->chooser, &m->side->counts, CHOICE_DEVICE_DONE, DMA_DEVICE,
                            ARRAY_COUNT(done_delay));
        dma_schedule(m, clock_of(m, a->pe).now, done_delay[k] * UINT64_C(1000));
    }
    return answer;
}

/* One piece: within a line, so that it is seen as a whole. */
static void dma_fire(struct machine *m, uint64_t now)
{
    struct dma *dma = &m->state->dma;
    if (dma->due > now)
        return;
    struct dma_piece piece = dma_next(dma);
    struct dma_master master = {.device = DMA_DEVICE, .is_coherent = piece.is_coherent};
    uint8_t bytes[DMA_LINE_BYTES];
    bool good = piece.size == 0 ||
                (machine_dma_read(m, &master, piece.from, bytes, piece.size) &&
                 machine_dma_write(m, &master, piece.to, bytes, piece.size));
    dma_done(dma, &piece, good);
    if (dma->status & DMA_STATE_Busy)
        dma_schedule(m, now, 0);
}

static const struct {
    uint64_t base, size;
    enum device_answer (*access)(struct machine *m, const struct access *a, uint32_t offset,
                                 uint32_t *word);
} frames[] = {
    {MAP_UART, UART_SIZE, uart_access},
    {MAP_RTC, RTC_SIZE, rtc_access},
    {MAP_GPIO, GPIO_SIZE, gpio_access},
    {MAP_VIRTIO, VIRTIO_PLACES * VIO_SIZE, virtio_access},
    {MAP_DMA, DMA_SIZE, dma_access},
};

enum port_result machine_device_access(struct machine *m, const struct access *access,
                                       uint64_t value[2])
{
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++) {
        uint64_t offset = access->pa.bits - frames[i].base;
        if (offset >= frames[i].size)
            continue;
        uint32_t word = (uint32_t)value[0];
        if (frames[i].access(m, access, (uint32_t)offset, &word) == DEVICE_ABORT)
            return PORT_EXTERNAL_ABORT;
        value[0] = word;
        machine_devices_update(m);
        event_emit_DEVICE(CORE_HEAD(&m->core[access->pe]), access->pa.bits, word, access->size,
                          access->is_write);
        return PORT_OK;
    }
    return PORT_EXTERNAL_ABORT;
}

/* --- lines ---------------------------------------------------------------------------------- */

bool machine_device_line(const struct machine *m, unsigned index, unsigned *intid, bool *level)
{
    switch (index) {
    case 0:
        *intid = INTID_UART;
        *level = pl011_line(&m->state->uart);
        return true;
    case 1:
        *intid = INTID_RTC;
        *level = pl031_line(&m->state->rtc);
        return true;
    case 2:
        *intid = INTID_GPIO;
        *level = pl061_line(&m->state->gpio);
        return true;
    case 3:
        *intid = INTID_DMA;
        *level = dma_line(&m->state->dma);
        return true;
    default:
        index -= 4;
        if (index >= m->config.virtio_count)
            return false;
        *intid = INTID_VIRTIO + index;
        *level = machine_virtio_level(m, index);
        return true;
    }
}

/* --- time ----------------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_deadline(const struct machine *m)
{
    const struct machine_state *s = m->state;
    uint64_t next = earlier(s->dma.due, earlier(pl011_deadline(&s->uart),
                                                earlier(pl031_deadline(&s->rtc),
                                                        pl061_deadline(&s->gpio))));
    return m->config.virtio_count == 0 ? next : earlier(next, machine_virtio_deadline(m));
}

void machine_devices_update(struct machine *m)
{
    uint64_t next = next_deadline(m);
    if (m->state->clock.deadline[DEVICE_SLOT] != next)
        clock_set_deadline(&m->state->clock, DEVICE_SLOT, next);
}

void machine_devices_fire(struct machine *m, uint64_t cycles)
{
    struct device_clock clock = clock_at(m, cycles);
    while (next_deadline(m) <= cycles) {
        pl011_fire(&m->state->uart, &clock);
        pl031_fire(&m->state->rtc, &clock);
        pl061_fire(&m->state->gpio, &clock);
        machine_virtio_fire(m, cycles);
        dma_fire(m, cycles);
    }
    machine_devices_update(m);
}
