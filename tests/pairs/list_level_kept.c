/*
 * A guest may switch a timer off whose interrupt is pending, and has not been taken. A host that
 * puts the list register back as it was gives it an interrupt with no cause: the level has to be
 * looked at whenever a pending list register is put back.
 *
 * IHI 0048B.b: GICH_LR.HW: the list register does not follow the physical interrupt's line.
 */
#include "tests/pairs/lists.h"

#define LIST_HW_PENDING (list_of(CNTV_INTID, LIST_PENDING) | LIST_HW | LIST_PHYSICAL(CNTV_INTID))

static volatile uint64_t is_off;

static void guest(void)
{
    write_register(cntv_ctl_el0, 0);
    isb();
    kick();
    while (!is_off)
        ;
    uint32_t iar = vgic_acknowledge();
    if (iar != SPURIOUS)
        vgic_end(iar);
    hvc();
}

void pair_main(void)
{
    static struct vcpu v;
    lists_on(1u << KICK | 1u << CNTV_INTID);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    device_write(GICC, 1u << 9 | 1);
    write_register(cntvoff_el2, 0);
    write_register(cntv_cval_el0, 0);
    write_register(cntv_ctl_el0, CTL_ENABLE);
    isb();
    while (take_and_end() != CNTV_INTID)
        ;
    device_write(GICH_LR(0), LIST_HW_PENDING);
    do {
        vcpu_run(&v);
        if (take_and_end() == KICK)
            device_write(GICC + 0x1000, KICK);
        if (read_register(cntv_ctl_el0) & CTL_ENABLE)
            continue;
#ifndef BAD
        if (device_read(GICH_LR(0)) & LIST_PENDING) {
            device_write(GICH_LR(0), 0);
            device_write(GICC + 0x1000, CNTV_INTID);
        }
#endif
        is_off = 1; /* and the guest has been left since */
    } while (exit_class(v.esr) != EXIT_HVC);
}
