/*
 * The machine: the one place where the parts meet. It owns all state, wires PEs, MMUs, GIC,
 * timers and devices together, decides who runs next, and is the only thing that moves time.
 *
 * Everything outside struct machine_state, the ask counts and the copy-on-write memory is wiring
 * or derived and can be thrown away between two steps.
 */
#pragma once
#include "cpu/engine.h"
#include "cpu/model.h"
#include "gic/state.h"
#include "mem/cache.h"
#include "mem/order.h"
#include "sim/base/clock.h"
#include "sim/base/cow.h"
#include "sim/base/image.h"
#include "sim/config.h"
#include "sim/devices/dma.h"
#include "sim/devices/pl011.h"
#include "sim/lines.h"
#include "sim/devices/pl031.h"
#include "sim/devices/pl061.h"
#include "sim/devices/virtio.h"
#include "sim/disk.h"
#include "sim/semihosting.h"

/*
 * D[k] of the choice next-cpu: visible operations of the others. The last is there to wait until
 * all others wait; it ends all the same, long after that of any schedule that is explored, where
 * they never do: another PE that spins until the held one has done its part would spin for ever.
 */
#define HOLD_ANSWERS 6u
#define HOLD_UNTIL_OTHERS_WAIT (UINT64_C(1) << 20)
extern const uint64_t hold_distance[HOLD_ANSWERS];

enum machine_exit { EXIT_NONE, EXIT_OFF, EXIT_RESET, EXIT_SEMIHOST };

STATE_BEGIN
/* What the scheduler and the interconnect keep for each PE. */
struct pe_state {
    uint64_t hold_left;    /* held until the others have executed so many visible operations */
    uint64_t monitor_pa;   /* global exclusive monitor: granule */
    uint32_t monitor_size; /* 0: open */
    uint32_t tlbi_issued;  /* highest TLBI message that this PE has issued */
};

/* Event streams of the PEs. */
struct event_streams {
    uint64_t on;                  /* bit per PE; 0: all is */
    uint64_t since[PE_COUNT_MAX]; /* ticks: its events up to then have gone */
};

/* Beside the state: snapshotted with it so that going back asks the same, never hashed. */
struct machine_side {
    struct choice_counts counts;
    uint64_t visible[PE_COUNT_MAX]; /* hint of next-cpu's question still to be asked; 0: none */
    struct lines lines; /* hashed while an edge is on its way */
    struct event_streams streams; /* hashed while one is on */
};

struct machine_state {
    uint64_t step; /* instruction attempts and asynchronous events of all PEs so far */
    uint64_t now;  /* cycles: time of the PE that ran last */
    uint32_t tlbi_message;   /* the last TLBI's number */
    uint32_t monitors_armed; /* global exclusive monitors that are not open */
    uint32_t exit;                      /* enum machine_exit */
    uint32_t exit_status;
    uint32_t current;      /* PE whose turn it is */
    uint32_t quantum_left; /* steps left of its turn */
    struct clock clock;
    struct pe_state pe[PE_COUNT_MAX];
    struct gic gic;
    uint64_t jumps;      /* how often time went on with all PEs waiting: with step, the moment */
    uint64_t input_next; /* the next ordinal of host-input; machine_input.c */
    struct pl011 uart;
    struct pl031 rtc;
    struct pl061 gpio;
    struct dma dma;
    struct semihosting semihosting;
    uint32_t resets; /* that the machine has come back from */
    uint32_t reserved; /* fills up to 8 bytes */
    struct mmu_state mmu[PE_COUNT_MAX];
    struct cpu cpu[PE_COUNT_MAX];
};
STATE_END

/*
 * What the machine remembers of a page of RAM for the sake of host pointers. Derived: with all
 * notes 0 and the epoch moved on, a run goes the same way.
 */
struct page_note {
    uint32_t read_epoch, write_epoch; /* port_epoch (its low half) when a pointer was last given */
    uint8_t writers;      /* PEs that may keep a pointer for writing, given under write_epoch */
    uint8_t has_code;     /* watched: something was decoded from it */
    uint8_t watchers;     /* bit per enum machine_watcher: machine_watch_page() */
    uint8_t tells_fetches; /* bit per Exception level: machine_watch_fetches() */
};

/*
 * What a machine boots: an image, and what the boot protocol of arm64 kernels has beside it.
 * Everything belongs to the caller and outlives the machine, which loads it again at a reset.
 */
struct machine_payload {
    const struct image *image;
    const char *initrd_name; /* for messages */
    const uint8_t *initrd;   /* NULL: none */
    size_t initrd_size;
    const char *tree_name;
    const uint8_t *tree; /* a device tree to be fitted to the machine; NULL: one is made */
    size_t tree_size;
};

/* Why machine_run came back. */
enum machine_stop {
    MACHINE_LIMIT,      /* the step limit */
    MACHINE_EXIT,       /* state.exit says how */
    MACHINE_IDLE,       /* all PEs wait and there is no deadline */
    MACHINE_UNMODELLED, /* see machine.unmodelled and machine.unmodelled_pe */
    MACHINE_BREAK,      /* the break point was reached; its instruction has not been executed */
    MACHINE_REQUEST,    /* an observer asked (machine_request_stop) */
};

/* Where input from outside goes. */
enum machine_input_device {
    INPUT_UART,         /* bytes to the PL011 */
    INPUT_POWER_BUTTON, /* one press for each byte, whatever it is */
    INPUT_VIRTIO,       /* bytes to the first virtio console; without one they are gone */
    INPUT_VIRTIO_SIZE,  /* its terminal's size, as machine_input_size() packs it */
    INPUT_DEVICE_COUNT
};
#define INPUT_SIZE_BYTES 3u  /* 12 bits of columns and 12 bits of rows */
#define INPUT_SIZE_MAX 4095u

/* Where a virtio device's state lies: pages of the machine's memory; and its drive. */
struct machine_virtio {
    size_t page;
    unsigned drive;
};

/* What to do when all PEs wait and time would go on. */
enum machine_idle {
    IDLE_GO_ON, /* to what comes next */
    IDLE_LOOK,  /* input may have come at this moment: ask again if it leads to nothing */
    IDLE_END,   /* the run is to end soon: go on, and stop (MACHINE_REQUEST) behind the next step */
};

struct machine {
    struct machine_config config;
    struct machine_payload payload;
    struct machine_state *state;
    struct machine_side *side;
    size_t device_page; /* of memory: the first one that is neither RAM nor of the processors */
    struct cow *memory; /* RAM, the TLBs of the PEs; version log and caches, if they are on */

    /* Wiring. */
    struct chooser chooser;
    struct events events;
    struct core core[PE_COUNT_MAX];
    struct mmu mmu[PE_COUNT_MAX];
    struct mmu_config mmu_config;
    struct version_log versions; /* where spec-fill may be open */
    bool has_versions;
    struct port port;
    struct cache *cache; /* NULL: caches are off */
    struct cache cache_wiring;
    struct event_clock event_clock[PE_COUNT_MAX];
    enum engine_kind engine;
    void (*console)(void *context, uint8_t byte); /* UART and semihosting output */
    void *console_context;
    /*
     * Asked before time goes on by so many cycles with all PEs waiting; NULL: nobody. What it does
     * to the machine is give it input, which is recorded: a replay needs nobody to ask.
     */
    enum machine_idle (*idle)(void *context, struct machine *m, uint64_t cycles);
    void *idle_context;
    uint64_t hz; /* cycles in a second, as devices see it */
    struct machine_virtio virtio[VIRTIO_PLACES];
    struct disk disk[DRIVE_MAX]; /* what the files held */
    struct machine_input *input; /* what came from outside and waits; machine_input.c */
    enum machine_input_device printed; /* the console that did last; INPUT_DEVICE_COUNT: none */

    /* A break point: pe < 0 for any. With a condition, at that place in any page where it holds. */
    bool break_on;
    int break_pe;
    uint64_t break_pc;
    bool (*break_if)(void *context, const struct machine *m, unsigned pe); /* NULL: none */
    void *break_context;
    bool break_passed; /* stopped at it; the next run goes on */
    bool stop_requested; /* machine_request_stop() */

    const char *unmodelled; /* what the model lacks, or NULL */
    unsigned unmodelled_pe;
    unsigned wires_changed; /* scratch of machine_lines.c: bit per PE that sees another level */
    uint64_t port_epoch; /* grows when host pointers into RAM are revoked */
    struct page_note *notes; /* by page of RAM */
    struct code_cache *code;
    struct timing timing;
    struct cpu_model model;
    struct order *order; /* store buffers and the history of writes; NULL: off */
    struct mmu_listener mmu_listener;
};

/* A machine in the state of power-on; NULL with error for a bad configuration. */
struct machine *machine_new(const struct machine_config *config, struct error *error);
void machine_free(struct machine *m);

/* A byte for the console: hands it to machine.console and tells CONSOLE. */
void machine_console(struct machine *m, unsigned pe, uint8_t byte);

/*
 * Input from outside, at the present step. It is recorded as choices (host-input), so that a replay
 * needs none: there, the recording is what counts and this does nothing. A device takes what it has
 * room for, the rest waits beside the machine.
 */
void machine_input(struct machine *m, enum machine_input_device device, const uint8_t *bytes,
                   size_t count);
/*
 * The same for the console: the one that has printed last. With a virtio console there and nothing
 * printed yet, the bytes wait for whoever is first.
 */
void machine_console_input(struct machine *m, const uint8_t *bytes, size_t count);
/* Where they go now; INPUT_DEVICE_COUNT: they wait. */
enum machine_input_device machine_console_device(const struct machine *m);
/* Nobody will print: what waits for a console goes to the UART. False: nothing does. */
bool machine_console_settle(struct machine *m);
bool machine_has_virtio_console(const struct machine *m);
/* Tells the virtio console how large its terminal is; up to 4095 columns and rows. */
void machine_input_size(struct machine *m, unsigned columns, unsigned rows);
/* The content of a drive as the guest sees it now; the bytes are there. */
void machine_disk_read(const struct machine *m, unsigned drive, uint64_t at, void *bytes,
                       size_t size);
/* How many bytes still wait beside the machine. */
size_t machine_input_waiting(const struct machine *m);

/*
 * Puts a payload and the device tree into RAM and sets CPU 0 to its entry, the others off.
 * False with "NAME: reason".
 */
bool machine_boot(struct machine *m, const struct machine_payload *payload, struct error *error);
/* The same with nothing but an image. */
bool machine_load(struct machine *m, const struct image *image, struct error *error);

/* Runs until state.step reaches step_limit or something stops it. */
enum machine_stop machine_run(struct machine *m, uint64_t step_limit);

/* For observers: the run ends behind the current step; the state is not touched. */
void machine_request_stop(struct machine *m);

/* Who watches pages. A reset of the machine ends what checkers watch: they begin anew. */
enum machine_watcher { WATCHER_BBM, WATCHER_EL2, WATCHER_TLB, WATCHER_SESSION };

/*
 * For observers: from now on, until the last watcher says no more, each store to a page of RAM that
 * changes it is told as WATCH_STORE, and no writable host pointer to it is out. Derived: a run is
 * the same with it.
 */
void machine_watch_page(struct machine *m, pa_t page, enum machine_watcher who, bool on);
/* The same of fetches at these Exception levels (bit per level): each is told as FETCH_PAGE. */
void machine_watch_fetches(struct machine *m, pa_t page, unsigned levels);

/* A picture of the whole machine, ask counts included. */
struct machine_snapshot;
struct machine_snapshot *machine_save(struct machine *m);
void machine_restore(struct machine *m, const struct machine_snapshot *s);
void machine_snapshot_free(struct machine_snapshot *s);
uint64_t machine_snapshot_step(const struct machine_snapshot *s);

/* Hash of all state but the ask counts; the same on every host, engine and build. */
uint64_t machine_hash(struct machine *m);

/* Totals. */
uint64_t machine_insns(const struct machine *m);
uint64_t machine_cycles(const struct machine *m); /* the largest of the PEs' times */

/* Observers: physical memory, and a virtual address of a PE translated by walking. */
bool machine_peek(const struct machine *m, pa_t pa, void *bytes, size_t size);
/* The level that the source of a PPI's or SPI's line has, whether the GIC has seen it or not. */
bool machine_line_source(const struct machine *m, unsigned pe, unsigned intid);
bool machine_peek_va(const struct machine *m, unsigned pe, va_t va, struct walk *walk);

/* The engine door: runs one PE; the machine's loop calls it, tests may. */
struct engine_result engine_run(struct machine *m, unsigned pe, const struct engine_budget *budget);
