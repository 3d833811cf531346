/*
 * What both parts of the payload's monitor need of KVM: calls that must succeed, memory, virtual
 * CPUs and their registers. Any error ends the program.
 */
#pragma once
#include <errno.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define BLOCK UINT64_C(0x200000)

static inline void die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

static inline int must(int result, const char *what)
{
    if (result < 0)
        die(what);
    return result;
}

/* Memory of its own at a border of 2 MiB, so that it may be mapped in blocks. */
static inline uint8_t *blocks_make(uint64_t bytes)
{
    uint8_t *memory = mmap(NULL, bytes + BLOCK, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        die("memory");
    return memory + (BLOCK - (uintptr_t)memory % BLOCK) % BLOCK;
}

static inline void slot_set(int vm, uint32_t slot, uint32_t flags, uint64_t ipa, uint64_t bytes,
                            uint8_t *memory)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot,
        .flags = flags,
        .guest_phys_addr = ipa,
        .memory_size = bytes,
        .userspace_addr = (uintptr_t)memory,
    };
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "the guest's memory");
}

/* -> the new vCPU of this number; `features` as in KVM_ARM_VCPU_INIT. */
static inline int vcpu_make(int kvm, int vm, int number, uint32_t features, struct kvm_run **run)
{
    struct kvm_vcpu_init init = {0};
    size_t size = (size_t)must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "size of a vCPU's page");
    must(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "preferred target");
    init.features[0] |= features;
    int vcpu = must(ioctl(vm, KVM_CREATE_VCPU, number), "vCPU");
    *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (*run == MAP_FAILED)
        die("a vCPU's page");
    must(ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "initialising a vCPU");
    return vcpu;
}

static inline void register_set(int vcpu, uint64_t id, uint64_t value)
{
    struct kvm_one_reg one = {.id = id, .addr = (uintptr_t)&value};
    must(ioctl(vcpu, KVM_SET_ONE_REG, &one), "setting a register");
}

#define CORE_REGISTER(member) \
    (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(member))
