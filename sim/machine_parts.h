/*
 * What the files of the machine share with each other, and with nobody else.
 */
#pragma once
#include "sim/machine.h"

/* machine_port.c: memory map, and what a PE asks of the machine around it. */
extern const struct core_ops machine_core_ops;

/* machine_schedule.c: the PE whose turn it is now, or -1 when all wait. */
int machine_next(struct machine *m);
/* What the engine is to do behind a visible operation of the coming run of a PE. */
enum engine_visible machine_visible_mode(const struct machine *m, unsigned pe);
/*
 * A visible operation of a PE is over (core.visible says which): it counts for those that are held,
 * and there may be a question behind it.
 */
void machine_note_visible(struct machine *m, unsigned pe);
/* core_ops.visible: the same, and what machine_next() does when the turn is not over. */
bool machine_visible(void *owner, unsigned pe);
void machine_port_init(struct machine *m);

/* machine_memory.c: RAM. Whether all these bytes are in it. */
bool memory_has(const struct machine *m, pa_t pa, size_t size);
/* An access to bytes that are; exclusive ones arm and ask the global monitors. */
void memory_read(struct machine *m, const struct access *access, uint64_t value[2]);
enum port_result memory_write(struct machine *m, const struct access *access,
                              const uint64_t value[2]);
/* Bytes of RAM within one page, past everything: what the caches are filled from. */
void memory_copy_out(const struct machine *m, pa_t pa, void *bytes, size_t size);
void memory_copy_in(struct machine *m, pa_t pa, const void *bytes, size_t size);
/* The port's page(), monitor_arm(), monitor_store(), code() and peek(). */
uint8_t *memory_page(void *owner, unsigned pe, pa_t page, bool is_write);
void memory_monitor_arm(void *owner, unsigned pe, pa_t pa);
bool memory_monitor_store(void *owner, unsigned pe, pa_t pa, unsigned size);
const uint8_t *memory_code(void *owner, pa_t page, uint8_t *told);
bool memory_peek(const void *owner, pa_t pa, void *bytes, size_t size);
/*
 * To be called before a PE runs: takes back what it has for writing to pages where other PEs have
 * armed exclusive monitors. Nobody else arms one while it runs.
 */
void memory_guard_monitors(struct machine *m, unsigned pe);
/* Bytes of RAM for writing by the machine itself; page-crossing is fine. */
bool machine_poke(struct machine *m, pa_t pa, const void *bytes, size_t size);

/* Whether another PE's global monitor watches bytes of this access. */
bool memory_is_monitored(const struct machine *m, const struct access *access);
/* RAM, and the monitors, below what keeps accesses in order. */
void memory_read_below(void *owner, const struct access *access, uint64_t value[2]);
enum port_result memory_write_below(void *owner, const struct access *access,
                                    const uint64_t value[2]);

/* machine_order.c: the order of accesses (mem/order.h), if the configuration asks for it. */
void machine_order_new(struct machine *m);
void machine_order_free(struct machine *m);
size_t machine_order_bytes(const struct machine *m); /* of its state; 0: off */
/* What a PE's core_ops have to say to it. */
void machine_order_barrier(struct machine *m, unsigned pe, enum barrier_kind kind, unsigned crm);
void machine_order_cache(struct machine *m, unsigned pe, enum sysreg operation, pa_t address);
void machine_order_synchronize(void *owner, unsigned pe);
void machine_order_woken(void *owner, unsigned pe);
void machine_order_instruction_begin(void *owner, unsigned pe, const struct operand_sets *operands);
void machine_order_instruction_end(void *owner, unsigned pe, const struct operand_sets *operands,
                                   bool completed);

/* machine_cache.c: the caches, where they are on (m->cache). */
struct cache_config machine_cache_config(const struct machine *m);
void machine_cache_init(struct machine *m, size_t first_page);
void machine_cache_read(struct machine *m, const struct access *access, uint64_t value[2]);
void machine_cache_write(struct machine *m, const struct access *access, const uint64_t value[2]);
void machine_cache_operation(struct machine *m, unsigned pe, enum sysreg operation,
                             const struct translation *t, uint64_t operand);

/* machine_gic.c: what changes in the GIC, for those who listen. */
/* The access that has changed it. */
struct gic_told {
    unsigned pe;
    enum gic_frame frame;
    uint32_t offset, value;
    bool is_write;
};
bool machine_gic_is_watched(const struct machine *m);
/* Tells what differs from a state that was kept, while it is watched. */
void machine_gic_tell(struct machine *m, const struct gic *before, const struct gic_told *access);
/* An edge has made an interrupt pending. */
void machine_gic_tell_edge(struct machine *m, unsigned pe, unsigned intid);

/* machine_lines.c: timers and wires; recomputed only when an input changed. */
void machine_timer_update(struct machine *m, unsigned pe, uint64_t cycles);
void machine_wires(struct machine *m);
/* The same, where only this PE, devices and the GIC may have changed. */
void machine_wires_of(struct machine *m, unsigned pe);
/* A PE that is switched on sees what the GIC puts out now. */
void machine_wires_reset(struct machine *m, unsigned pe);
/* Fires every deadline that is due at `cycles`. */
void machine_deadlines(struct machine *m, uint64_t cycles);
/* Ends a wait; the PE's time becomes at least `cycles`. */
void machine_wake(struct machine *m, unsigned pe, uint64_t cycles);
/* Whether an event stream has had an event since this was last asked, or came last. */
bool machine_stream_event(struct machine *m, unsigned pe);
/* An event for WFE: ends such a wait, or is kept in the event register. */
void machine_event(struct machine *m, unsigned pe, uint64_t cycles);

/* Objects of guest-input beside the PEs. */
#define GUEST_INPUT_POWER_BUTTON PE_COUNT_MAX

/* machine_devices.c: what lies at the addresses of devices, their lines and their time. */
void machine_devices_reset(struct machine *m);
/* An access that is no GIC's; an external abort where nothing is. */
enum port_result machine_device_access(struct machine *m, const struct access *access,
                                       uint64_t value[2]);
/* The line of the index-th device; false: there are no more. */
bool machine_device_line(const struct machine *m, unsigned index, unsigned *intid, bool *level);
/* The clock's slot of all devices: what happens there next, and what is due. */
#define DEVICE_SLOT (DEADLINE_COUNT_MAX - 1)
void machine_devices_update(struct machine *m);
void machine_devices_fire(struct machine *m, uint64_t cycles);

/* machine_dma.c: memory as devices reach it; false where there is none. */
struct dma_master {
    uint8_t device; /* as in the event DMA */
    bool is_coherent;
};
#define DMA_DEVICE 32u /* the board's bus master; below: virtio devices */
bool machine_dma_read(struct machine *m, const struct dma_master *master, uint64_t pa, void *bytes,
                      size_t size);
bool machine_dma_write(struct machine *m, const struct dma_master *master, uint64_t pa,
                       const void *bytes, size_t size);

/* machine_virtio.c. Lays the devices' pages out from first_page on; how many there are. */
size_t machine_virtio_layout(struct machine *m, size_t first_page);
void machine_virtio_reset(struct machine *m);
enum device_answer machine_virtio_access(struct machine *m, const struct access *a,
                                         uint32_t offset, uint64_t now, uint32_t *word);
bool machine_virtio_level(const struct machine *m, unsigned n);
uint64_t machine_virtio_deadline(const struct machine *m);
void machine_virtio_fire(struct machine *m, uint64_t now);
/* A byte of a console that keys can go to. */
void machine_console_of(struct machine *m, enum machine_input_device device, unsigned pe,
                        uint8_t byte);
size_t machine_virtio_console_room(const struct machine *m);
void machine_virtio_console_input(struct machine *m, uint64_t now, const uint8_t *bytes,
                                  size_t count);
void machine_virtio_console_resize(struct machine *m, unsigned columns, unsigned rows);

/* machine_input.c: takes what came from outside, or, in a replay, what is recorded for now. */
void machine_input_take(struct machine *m);
/* How many steps there are to the next one that is recorded; UINT64_MAX: none is. */
uint64_t machine_input_distance(const struct machine *m);
/* All PEs wait, for ever: a lenient replay goes on with the next input. False: there is none. */
bool machine_input_hurry(struct machine *m);
/* How machine_run() waits where somebody sees to it that time goes by (machine.idle). */
struct machine_idling {
    uint64_t limit; /* in steps: the run's, or the next one when it is to end */
    uint64_t done;  /* one more than the moment for which that has been seen to */
    bool ends;
};
/* All PEs wait, and time is about to go on: whether something may have come before it does. */
bool machine_input_comes(struct machine *m, struct machine_idling *idling);
void machine_input_free(struct machine *m);

/* machine_calls.c: firmware and semihosting, after the engine stopped for them. */
void machine_firmware(struct machine *m, unsigned pe);
void machine_semihosting(struct machine *m, unsigned pe);

/* machine_load.c: loads the payload (again) and starts CPU 0; the others are off. */
bool machine_start(struct machine *m, struct error *error);
/* machine.c: the GIC, and what the host keeps for the guest, as at power-on. */
void machine_gic_reset(struct machine *m);

/* machine_reset.c: power-on again, in the course of a run; asked for by a PE. */
void machine_reset(struct machine *m, unsigned caller);
/* The PE waits for an interrupt and will then begin at entry, as out of reset. */
void machine_power_down(struct machine *m, unsigned pe, uint64_t entry, uint64_t context);

/* How many bytes of machine_state are in use with the configured number of PEs. */
size_t machine_state_bytes(const struct machine *m);
