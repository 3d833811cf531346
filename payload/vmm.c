/*
 * A virtual machine monitor for KVM on arm64, as small as one can be that boots Linux: it runs
 * inside the simulated machine, as the first user of /dev/kvm there. The guest gets RAM, the
 * kernel's own GICv2, PSCI, timers, and a UART that can do what a console needs.
 *
 *   vmm [-t TREE] [-i INITRD] [-c CPUS] [-m MIB] KERNEL
 *   vmm -s [PHASE...]        another machine, whose memory is taken away: stage2.c
 *
 * Guest-physical map, the same in guest.dts: GICD 0x08000000, GICC 0x08010000, UART 0x09000000 on
 * SPI 1, RAM at 0x40000000 with the tree at its start, the kernel 2 MiB above, the initrd as high
 * as it goes on a border of 2 MiB. It ends with status 0 when the guest powers off.
 *
 * Not here: input, more devices, migration, and any error that is not fatal.
 */
#include "payload/kvm.h"
#include "payload/stage2.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define GICD_BASE UINT64_C(0x08000000)
#define GICC_BASE UINT64_C(0x08010000)
#define UART_BASE UINT64_C(0x09000000)
#define UART_BYTES UINT64_C(0x1000)
#define UART_SPI 33u
#define RAM_BASE UINT64_C(0x40000000)
#define INTERRUPTS 64u
#define VCPUS_MAX 8

static struct {
    int vm;
    uint8_t *ram;
    uint64_t ram_bytes;
    int count;
    int vcpu[VCPUS_MAX];
    struct kvm_run *run[VCPUS_MAX];
    unsigned long mmio_exits, signal_exits; /* under the UART's lock */
} machine = {.ram_bytes = UINT64_C(256) << 20, .count = 1};

/* --- the UART: what a driver writes it reads back, and characters are gone at once --------- */

enum { DR = 0x00, FR = 0x18, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34,
       IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44, PERIPH_ID0 = 0xfe0 };

#define FR_BOTH_EMPTY 0x90u
#define INT_TX 0x20u

static struct {
    pthread_mutex_t lock;
    uint32_t kept[UART_BYTES / 4]; /* registers without an effect, by number */
    uint32_t raw, mask;
    int level;
} uart = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint32_t uart_read(uint64_t offset)
{
    static const uint8_t id[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    switch (offset) {
    case FR:
        return FR_BOTH_EMPTY;
    case IMSC:
        return uart.mask;
    case RIS:
        return uart.raw;
    case MIS:
        return uart.raw & uart.mask;
    case IBRD: case FBRD: case LCR_H: case CR: case IFLS:
        return uart.kept[offset / 4];
    }
    return offset >= PERIPH_ID0 ? id[(offset - PERIPH_ID0) / 4] : 0;
}

static void uart_write(uint64_t offset, uint32_t value)
{
    switch (offset) {
    case DR:
        putchar((int)(value & 0xff));
        if ((value & 0xff) == '\n')
            fflush(stdout);
        uart.raw |= INT_TX;
        break;
    case IMSC:
        uart.mask = value;
        break;
    case ICR:
        uart.raw &= ~value;
        break;
    default:
        uart.kept[offset / 4] = value;
    }
}

static void uart_drive_line(void)
{
    int level = (uart.raw & uart.mask) != 0;
    if (level == uart.level)
        return;
    uart.level = level;
    struct kvm_irq_level line = {.level = (uint32_t)level};
    line.irq = (uint32_t)KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | UART_SPI;
    must(ioctl(machine.vm, KVM_IRQ_LINE, &line), "interrupt line");
}

/* An access of the guest that nobody but us answers; where there is nothing it reads 0. */
static void serve(struct kvm_run *run)
{
    uint64_t offset = run->mmio.phys_addr - UART_BASE;
    uint32_t size = run->mmio.len < 4 ? run->mmio.len : 4, value = 0;
    pthread_mutex_lock(&uart.lock);
    machine.mmio_exits++;
    if (run->mmio.is_write)
        memcpy(&value, run->mmio.data, size);
    else
        memset(run->mmio.data, 0, sizeof run->mmio.data);
    if (offset < UART_BYTES && run->mmio.is_write) {
        uart_write(offset, value);
        uart_drive_line();
    } else if (offset < UART_BYTES) {
        value = uart_read(offset);
        memcpy(run->mmio.data, &value, sizeof value);
    }
    pthread_mutex_unlock(&uart.lock);
}

/* --- virtual CPUs -------------------------------------------------------------------------- */

static void guest_ended(uint32_t how)
{
    fflush(stdout);
    printf("vmm: system event %u after %lu device accesses and %lu interruptions\n", how,
           machine.mmio_exits, machine.signal_exits);
    fflush(stdout);
    exit(how == KVM_SYSTEM_EVENT_SHUTDOWN || how == KVM_SYSTEM_EVENT_RESET ? 0 : 1);
}

static void *vcpu_main(void *number)
{
    int vcpu = (int)(intptr_t)number;
    struct kvm_run *run = machine.run[vcpu];
    for (;;) {
        if (ioctl(machine.vcpu[vcpu], KVM_RUN, 0) < 0 && errno != EINTR && errno != EAGAIN)
            die("KVM_RUN");
        switch (run->exit_reason) {
        case KVM_EXIT_MMIO:
            serve(run);
            break;
        case KVM_EXIT_INTR:
            pthread_mutex_lock(&uart.lock);
            machine.signal_exits++;
            pthread_mutex_unlock(&uart.lock);
            break;
        case KVM_EXIT_SYSTEM_EVENT:
            guest_ended(run->system_event.type);
            break;
        default:
            fprintf(stderr, "vmm: vCPU %d: exit reason %u\n", vcpu, run->exit_reason);
            exit(1);
        }
    }
    return NULL;
}

static void vcpus_make(int kvm)
{
    uint32_t features = 1u << KVM_ARM_VCPU_PSCI_0_2;
    for (int i = 0; i < machine.count; i++) {
        machine.vcpu[i] = vcpu_make(kvm, machine.vm, i, features, &machine.run[i]);
        features |= 1u << KVM_ARM_VCPU_POWER_OFF;
    }
}

/* --- the rest of the machine --------------------------------------------------------------- */

static void ram_make(void)
{
    machine.ram = blocks_make(machine.ram_bytes);
    slot_set(machine.vm, 0, 0, RAM_BASE, machine.ram_bytes, machine.ram);
}

/* A file into RAM; at_top: as high as it goes, else at `offset`. */
static void ram_load(const char *path, uint64_t offset, int at_top)
{
    struct stat about;
    int file = must(open(path, O_RDONLY), path);
    must(fstat(file, &about), path);
    uint64_t size = (uint64_t)about.st_size;
    if (size > machine.ram_bytes || (!at_top && offset > machine.ram_bytes - size)) {
        fprintf(stderr, "vmm: %s does not fit\n", path);
        exit(1);
    }
    if (at_top)
        offset = (machine.ram_bytes - size) / BLOCK * BLOCK;
    for (uint64_t done = 0; done < size;) {
        ssize_t part = read(file, machine.ram + offset + done, size - done);
        if (part <= 0)
            die(path);
        done += (uint64_t)part;
    }
    close(file);
}

static void gic_attribute(int gic, uint32_t group, uint64_t attribute, void *value)
{
    struct kvm_device_attr a = {.group = group, .attr = attribute, .addr = (uintptr_t)value};
    must(ioctl(gic, KVM_SET_DEVICE_ATTR, &a), "GIC attribute");
}

static int gic_make(void)
{
    struct kvm_create_device device = {.type = KVM_DEV_TYPE_ARM_VGIC_V2};
    must(ioctl(machine.vm, KVM_CREATE_DEVICE, &device), "GICv2");
    return (int)device.fd;
}

static void gic_place(int gic)
{
    uint64_t gicd = GICD_BASE, gicc = GICC_BASE;
    uint32_t interrupts = INTERRUPTS;
    gic_attribute(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_DIST, &gicd);
    gic_attribute(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU, &gicc);
    gic_attribute(gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts);
    gic_attribute(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

static void usage(void)
{
    fprintf(stderr, "usage: vmm [-t TREE] [-i INITRD] [-c CPUS] [-m MIB] KERNEL | -s [PHASE...]\n");
    exit(2);
}

int main(int argc, char **argv)
{
    const char *tree = NULL, *initrd = NULL;
    for (int option; (option = getopt(argc, argv, "st:i:c:m:")) != -1;) {
        if (option == 's') {
            stage2_run(argc - optind, argv + optind);
            return 0;
        } else if (option == 't')
            tree = optarg;
        else if (option == 'i')
            initrd = optarg;
        else if (option == 'c')
            machine.count = atoi(optarg);
        else if (option == 'm')
            machine.ram_bytes = strtoull(optarg, NULL, 10) << 20;
        else
            usage();
    }
    if (optind + 1 != argc || machine.count < 1 || machine.count > VCPUS_MAX)
        usage();
    int kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm");
    machine.vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "a virtual machine");
    ram_make();
    ram_load(argv[optind], BLOCK, 0);
    if (tree)
        ram_load(tree, 0, 0);
    if (initrd)
        ram_load(initrd, 0, 1);
    int gic = gic_make();
    vcpus_make(kvm);
    gic_place(gic);
    register_set(machine.vcpu[0], CORE_REGISTER(regs.pc), RAM_BASE + BLOCK);
    register_set(machine.vcpu[0], CORE_REGISTER(regs.regs[0]), RAM_BASE);
    for (int i = 1; i < machine.count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, vcpu_main, (void *)(intptr_t)i) != 0)
            die("a thread");
    }
    vcpu_main((void *)(intptr_t)0);
    return 1;
}
