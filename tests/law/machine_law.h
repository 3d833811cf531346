/* A loaded machine for the law tests: the correct hypervisor of the build folder. */
#pragma once
#include "sim/machine.h"

struct law_machine {
    struct image image;
    struct machine *machine;
};

/* pe_count CPUs, quantum as given; the image is $BUILD/hyp/hyp-vmid-correct.elf. */
void law_machine_open(struct law_machine *l, unsigned pe_count, unsigned quantum);
void law_machine_close(struct law_machine *l);
