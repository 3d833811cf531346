/*
 * The part of the monitor that takes memory away from its guest while that runs, in each of the
 * ways for which KVM has to break a live translation of stage 2:
 *
 *   discard   a page is given back to the host (madvise), and another one comes in its place
 *   cow       a page that was read, as the host's page of zeros, is written to
 *   dirty     writes are logged, as for a migration: a block is split, protected, and made again
 *   slot      the memory slot is removed, and comes back with other memory behind it
 *   share     both vCPUs, which have an ASID in common, run on one CPU in turn
 *   rollover  more machines than there are VMIDs
 *
 * The guest (stage2_guest.c) has two vCPUs, on CPUs of their own: this program's first thread is
 * the first one's, and changes memory between two runs of it, while the second one is using that.
 * What either reads there must be what it is told, and a copy made by the log what it is a copy of.
 * The first thing that is not is printed and ends the program with status 1.
 */
#include "payload/kvm.h"
#include "payload/stage2.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>

#define GUEST "/guest/stage2.bin"
#define CODE_SLOT 0u
#define ARENA_SLOT 1u
#define OWN_SLOT 2u
#define IN_BLOCK (PLACES / 2) /* places below are in the arena's first 2 MiB */
#define ROLLOVER_MACHINES 258u /* of a host with VMIDs of 8 bits, and another one now and then */

struct machine {
    int vm;
    int vcpu[2];
    struct kvm_run *run[2];
    struct mailbox *mailbox;
};

static struct {
    int kvm;
    uint8_t *arena; /* that is in the slot now */
    struct mailbox *mailbox; /* of the machine */
    pthread_t second;
    pthread_mutex_t slot_lock; /* held while there is no arena */
    uint64_t stamp;            /* the last one that was given */
    struct machine machine;
} host = {.slot_lock = PTHREAD_MUTEX_INITIALIZER};

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("MARK-STAGE2-BAD ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    exit(1);
}

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static struct arena_page *arena_page(uint64_t page)
{
    return (struct arena_page *)host.arena + page;
}

static void run_on(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    must(sched_setaffinity(0, sizeof set, &set), "a CPU of its own");
}

/* --- the two vCPUs ------------------------------------------------------------------------- */

/* An access to the arena while that was not there. */
static void serve_arena(struct kvm_run *run)
{
    pthread_mutex_lock(&host.slot_lock);
    uint8_t *memory = host.arena + (run->mmio.phys_addr - ARENA_BASE);
    if (run->mmio.is_write)
        memcpy(memory, run->mmio.data, run->mmio.len);
    else
        memcpy(run->mmio.data, memory, run->mmio.len);
    pthread_mutex_unlock(&host.slot_lock);
}

/* Lets a vCPU run until it rings. */
static void run_until_ring(const struct machine *m, int number)
{
    struct kvm_run *run = m->run[number];
    for (;;) {
        if (ioctl(m->vcpu[number], KVM_RUN, 0) < 0) {
            if (errno != EINTR && errno != EAGAIN)
                die("KVM_RUN");
            continue;
        }
        if (run->exit_reason != KVM_EXIT_MMIO)
            fail("vCPU %d: exit reason %u", number, run->exit_reason);
        uint64_t ipa = run->mmio.phys_addr;
        if (ipa >= ARENA_BASE && ipa < ARENA_BASE + ARENA_BYTES) {
            serve_arena(run);
            continue;
        }
        if (ipa != DOORBELL || !run->mmio.is_write)
            fail("vCPU %d: access to %#lx", number, (unsigned long)ipa);
        if (run->mmio.data[0] != RING_DONE)
            fail("vCPU %d: an exception", number);
        return;
    }
}

static uint64_t ask(const struct machine *m, uint64_t what, uint64_t page, uint64_t value)
{
    store(&m->mailbox->ask, what);
    store(&m->mailbox->page, page);
    store(&m->mailbox->value, value);
    run_until_ring(m, 0);
    return load(&m->mailbox->answer);
}

static void expect(const struct machine *m, uint64_t what, uint64_t page, uint64_t value)
{
    uint64_t seen = ask(m, what, page, 0);
    if (seen != value)
        fail("vCPU 0 sees %lu in page %lu, which has %lu", (unsigned long)seen,
             (unsigned long)page, (unsigned long)value);
}

static void judge_second(void)
{
    uint64_t bad = load(&host.mailbox->bad);
    if (bad > PLACES)
        fail("vCPU 1 sees %lu in its own page", (unsigned long)load(&host.mailbox->bad_seen));
    else if (bad != 0)
        fail("vCPU 1 sees %lu in place %lu, which has %lu",
             (unsigned long)load(&host.mailbox->bad_seen), (unsigned long)(bad - 1),
             (unsigned long)arena_page(PLACE_PAGE(bad - 1))->stamp);
}

/* Until the second vCPU has gone through all places from here on; the first one runs meanwhile. */
static void wait_round(void)
{
    ask(&host.machine, ASK_ROUND, 0, 0);
    judge_second();
}

/* The same, where the first one would be in its way. */
static void leave_round(void)
{
    uint64_t start = load(&host.mailbox->rounds);
    while (load(&host.mailbox->rounds) < start + 2)
        sched_yield();
    judge_second();
}

static void *second_main(void *cpu)
{
    run_on((int)(intptr_t)cpu);
    run_until_ring(&host.machine, 1);
    return NULL;
}

/* It gets a CPU of its own, if there is one and that is wanted. */
static void second_start(bool apart)
{
    int cpu = apart && sysconf(_SC_NPROCESSORS_ONLN) > 1;
    store(&host.mailbox->stop, 0);
    if (pthread_create(&host.second, NULL, second_main, (void *)(intptr_t)cpu) != 0)
        die("a thread");
}

static void second_stop(void)
{
    store(&host.mailbox->stop, 1);
    pthread_join(host.second, NULL);
    judge_second();
}

/* --- phases -------------------------------------------------------------------------------- */

/* A page of the place comes from the host anew, and gets the next stamp. */
static void place_renew(unsigned place)
{
    struct arena_page *page = arena_page(PLACE_PAGE(place));
    store(&host.mailbox->expected[place], 0);
    must(madvise(page, PAGE, MADV_DONTNEED), "giving a page back");
    store(&page->stamp, ++host.stamp);
    store(&host.mailbox->expected[place], host.stamp);
}

static void discard(void)
{
    second_start(true);
    wait_round();
    for (unsigned place = IN_BLOCK; place < PLACES; place++) {
        place_renew(place);
        expect(&host.machine, ASK_READ, PLACE_PAGE(place), host.stamp);
    }
    wait_round();
    /* Of a block one page goes, and takes the block with it. */
    place_renew(0);
    expect(&host.machine, ASK_READ, PLACE_PAGE(0), host.stamp);
    wait_round();
    second_stop();
}

static void cow(void)
{
    second_start(true);
    wait_round();
    for (unsigned place = IN_BLOCK; place < PLACES; place++) {
        uint64_t page = PLACE_PAGE(place) + 1;
        expect(&host.machine, ASK_READ, page, 0);
        ask(&host.machine, ASK_WRITE, page, ++host.stamp);
        expect(&host.machine, ASK_READ, page, host.stamp);
        if (load(&arena_page(page)->stamp) != host.stamp)
            fail("page %lu has %lu behind a copy on write", (unsigned long)page,
                 (unsigned long)load(&arena_page(page)->stamp));
    }
    wait_round();
    second_stop();
}

static void arena_log(bool on)
{
    slot_set(host.machine.vm, ARENA_SLOT, on ? KVM_MEM_LOG_DIRTY_PAGES : 0, ARENA_BASE,
             ARENA_BYTES, host.arena);
}

/* Copies the pages that were written to since the last time; -> how many. */
static unsigned log_copy(uint8_t *copy)
{
    uint64_t bits[ARENA_BYTES / PAGE / 64];
    struct kvm_dirty_log log = {.slot = ARENA_SLOT, .dirty_bitmap = bits};
    unsigned count = 0;
    must(ioctl(host.machine.vm, KVM_GET_DIRTY_LOG, &log), "the log of writes");
    for (uint64_t page = 0; page < ARENA_BYTES / PAGE; page++) {
        if ((bits[page / 64] >> page % 64 & 1) == 0)
            continue;
        memcpy(copy + page * PAGE, host.arena + page * PAGE, PAGE);
        count++;
    }
    return count;
}

static void dirty(void)
{
    uint8_t *copy = blocks_make(ARENA_BYTES);
    unsigned copied = 0;
    second_start(true);
    wait_round();
    second_stop();
    arena_log(true);
    memcpy(copy, host.arena, ARENA_BYTES);
    second_start(true); /* writes to the block first, which is split */
    for (unsigned i = 0; i < 3; i++) {
        wait_round();
        copied += log_copy(copy);
    }
    wait_round();
    second_stop();
    copied += log_copy(copy);
    for (uint64_t page = 0; page < ARENA_BYTES / PAGE; page++) {
        if (memcmp(copy + page * PAGE, host.arena + page * PAGE, PAGE) != 0)
            fail("page %lu was written to, and the log did not say so", (unsigned long)page);
    }
    printf("stage2: %u pages copied by the log of writes\n", copied);
    arena_log(false);
    second_start(true); /* writes to what the log has protected: pages become a block again */
    wait_round();
    second_stop();
    munmap(copy, ARENA_BYTES);
}

static void arena_fill(uint8_t *arena)
{
    for (unsigned place = 0; place < PLACES; place++)
        ((struct arena_page *)arena)[PLACE_PAGE(place)].stamp = ++host.stamp;
}

static uint8_t *arena_make(void)
{
    uint8_t *arena = blocks_make(ARENA_BYTES);
    must(madvise(arena, BLOCK, MADV_HUGEPAGE), "blocks");
    must(madvise(arena + BLOCK, ARENA_BYTES - BLOCK, MADV_NOHUGEPAGE), "pages");
    return arena;
}

static void stamps_tell(void)
{
    for (unsigned place = 0; place < PLACES; place++)
        store(&host.mailbox->expected[place], arena_page(PLACE_PAGE(place))->stamp);
}

static void slot(void)
{
    second_start(true);
    wait_round();
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *arena = arena_make();
        arena_fill(arena);
        for (unsigned place = 0; place < PLACES; place++)
            store(&host.mailbox->expected[place], 0);
        pthread_mutex_lock(&host.slot_lock);
        slot_set(host.machine.vm, ARENA_SLOT, 0, ARENA_BASE, 0, host.arena);
        host.arena = arena; /* the old one is nobody's, and stays */
        slot_set(host.machine.vm, ARENA_SLOT, 0, ARENA_BASE, ARENA_BYTES, host.arena);
        pthread_mutex_unlock(&host.slot_lock);
        stamps_tell();
        for (unsigned place = 0; place < PLACES; place++) {
            uint64_t page = PLACE_PAGE(place);
            expect(&host.machine, ASK_READ, page, arena_page(page)->stamp);
        }
        wait_round();
    }
    second_stop();
}

static void share(void)
{
    second_start(false);
    for (unsigned i = 0; i < 4; i++) {
        leave_round();
        expect(&host.machine, ASK_OWN, 0, 0);
    }
    second_stop();
}

/* --- machines ------------------------------------------------------------------------------ */

#define NORMAL 0x701u /* a block: accessed, inner shareable, MAIR attribute 0, any EL1 access */
#define DEVICE UINT64_C(0x60000000000405) /* accessed, MAIR attribute 1, not to be executed */
#define TABLE 3u

/* Level 1: devices, RAM, and a level 2 table with what each vCPU has of its own. */
static void tables_make(uint8_t *code, unsigned vcpu)
{
    uint64_t at = TABLE_BASE + vcpu * TABLE_BYTES;
    uint64_t *level1 = (uint64_t *)(code + (at - CODE_BASE)), *level2 = level1 + PAGE / 8;
    level1[0] = DEVICE;
    level1[1] = CODE_BASE | NORMAL;
    level1[OWN_VA >> 30] = (at + PAGE) | TABLE;
    level2[0] = (OWN_BASE + vcpu * BLOCK) | NORMAL;
}

static uint8_t *code_make(void)
{
    uint8_t *code = blocks_make(CODE_BYTES);
    must(madvise(code, CODE_BYTES, MADV_NOHUGEPAGE), "pages");
    int file = must(open(GUEST, O_RDONLY), GUEST);
    must((int)read(file, code, MAILBOX_BASE - CODE_BASE), GUEST);
    close(file);
    tables_make(code, 0);
    tables_make(code, 1);
    return code;
}

static struct machine machine_make(int vcpus, uint8_t *code, uint8_t *own, uint8_t *arena,
                                   uint64_t arena_bytes)
{
    struct machine m = {
        .vm = must(ioctl(host.kvm, KVM_CREATE_VM, 0), "a virtual machine"),
        .mailbox = (struct mailbox *)(code + (MAILBOX_BASE - CODE_BASE)),
    };
    slot_set(m.vm, CODE_SLOT, 0, CODE_BASE, CODE_BYTES, code);
    slot_set(m.vm, ARENA_SLOT, 0, ARENA_BASE, arena_bytes, arena);
    slot_set(m.vm, OWN_SLOT, 0, OWN_BASE, 2 * BLOCK, own);
    for (int i = 0; i < vcpus; i++) {
        m.vcpu[i] = vcpu_make(host.kvm, m.vm, i, 0, &m.run[i]);
        register_set(m.vcpu[i], CORE_REGISTER(regs.pc), CODE_BASE);
        register_set(m.vcpu[i], CORE_REGISTER(regs.regs[0]), (uint64_t)i);
    }
    return m;
}

static uint8_t *own_make(void)
{
    uint8_t *own = blocks_make(2 * BLOCK);
    must(madvise(own, 2 * BLOCK, MADV_NOHUGEPAGE), "pages");
    return own;
}

/*
 * Machines one after the other, each with a page of its own, until VMIDs are used again. The first
 * one of all, which has the lowest VMID, runs between them, so that its translations are there
 * when that is given to another one.
 */
static void rollover(void)
{
    uint8_t *code = code_make(), *own = own_make(), *pages = blocks_make(ROLLOVER_MACHINES * PAGE);
    must(madvise(pages, ROLLOVER_MACHINES * PAGE, MADV_NOHUGEPAGE), "pages");
    for (unsigned i = 0; i < ROLLOVER_MACHINES; i++) {
        struct arena_page *page = (struct arena_page *)pages + i;
        struct machine m = machine_make(1, code, own, (uint8_t *)page, PAGE);
        expect(&host.machine, ASK_READ, 0, arena_page(0)->stamp);
        store(&page->stamp, ++host.stamp);
        run_until_ring(&m, 0);
        expect(&m, ASK_READ, 0, host.stamp);
    }
}

static const struct {
    const char *name;
    void (*go)(void);
} phases[] = {
    {"discard", discard}, {"cow", cow},     {"dirty", dirty},
    {"slot", slot},       {"share", share}, {"rollover", rollover},
};

static void phase_go(const char *name)
{
    for (unsigned i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        if (strcmp(phases[i].name, name) != 0)
            continue;
        phases[i].go();
        printf("MARK-STAGE2-%s\n", name);
        fflush(stdout);
        return;
    }
    fprintf(stderr, "stage2: no phase %s\n", name);
    exit(2);
}

void stage2_run(int count, char **names)
{
    host.kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm");
    host.arena = arena_make();
    arena_fill(host.arena);
    run_on(0);
    host.machine = machine_make(2, code_make(), own_make(), host.arena, ARENA_BYTES);
    host.mailbox = host.machine.mailbox;
    stamps_tell();
    run_until_ring(&host.machine, 0);
    for (unsigned i = 0; count == 0 && i < sizeof phases / sizeof phases[0]; i++)
        phase_go(phases[i].name);
    for (int i = 0; i < count; i++)
        phase_go(names[i]);
}
