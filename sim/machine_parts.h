/*
 * What the files of the machine share with each other, and with nobody else.
 */
#pragma once
#include "sim/machine.h"

/* machine_port.c: memory map, and what a PE asks of the machine around it. */
extern const struct core_ops machine_core_ops;
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
/* The port's page(), code() and peek(). */
uint8_t *memory_page(void *owner, pa_t page, bool is_write);
const uint8_t *memory_code(void *owner, pa_t page);
bool memory_peek(const void *owner, pa_t pa, void *bytes, size_t size);
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
enum gic_why {
    GIC_WHY_WRITTEN,
    GIC_WHY_ACKNOWLEDGED,
    GIC_WHY_ENDED,
    GIC_WHY_DEACTIVATED,
    GIC_WHY_LINE,
};
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
/* Fires every deadline that is due at `cycles`. */
void machine_deadlines(struct machine *m, uint64_t cycles);
/* Ends a wait; the PE's time becomes at least `cycles`. */
void machine_wake(struct machine *m, unsigned pe, uint64_t cycles);
/* An event for WFE: ends such a wait, or is kept in the event register. */
void machine_event(struct machine *m, unsigned pe, uint64_t cycles);

/* machine_calls.c: firmware and semihosting, after the engine stopped for them. */
void machine_firmware(struct machine *m, unsigned pe);
void machine_semihosting(struct machine *m, unsigned pe);

/* How many bytes of machine_state are in use with the configured number of PEs. */
size_t machine_state_bytes(const struct machine *m);
