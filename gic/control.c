/*
 * Virtual interface control: the registers by which a hypervisor gives a PE's virtual CPU
 * interface its interrupts and looks after it. GICH_VMCR and GICH_APR are the state of GICV in
 * another arrangement; status registers follow from list registers (lists.c).
 *
 * List registers keep bits 18:10 whatever HW says; a list register beyond the last is RAZ/WI.
 *
 * IHI 0048B.b: GIC virtual interface control registers.
 */
#include "gic/control.h"

#include "gic/arbitrate.h"
#include "gic/lists.h"

/* The fields of GICH_VMCR that are whole bits of GICV_CTLR. */
static const struct {
    uint32_t vmcr, ctlr;
} vmcr_bits[] = {
    {(uint32_t)GICH_VMCR_VMGrp0En, (uint32_t)GICV_CTLR_EnableGrp0},
    {(uint32_t)GICH_VMCR_VMGrp1En, (uint32_t)GICV_CTLR_EnableGrp1},
    {(uint32_t)GICH_VMCR_VMAckCtl, (uint32_t)GICV_CTLR_AckCtl},
    {(uint32_t)GICH_VMCR_VMFIQEn, (uint32_t)GICV_CTLR_FIQEn},
    {(uint32_t)GICH_VMCR_VMCBPR, (uint32_t)GICV_CTLR_CBPR},
    {(uint32_t)GICH_VMCR_VEM, (uint32_t)GICV_CTLR_EOImode},
};

static uint32_t vmcr_get(const struct gic_interface *interface)
{
    uint64_t value = field_put(GICH_VMCR_VMPriMask, field_get(GICV_PMR_Priority, interface->pmr)) |
                     field_put(GICH_VMCR_VMBP, interface->bpr) |
                     field_put(GICH_VMCR_VMABP, interface->abpr);
    for (size_t i = 0; i < ARRAY_COUNT(vmcr_bits); i++)
        if (interface->ctlr & vmcr_bits[i].ctlr)
            value |= vmcr_bits[i].vmcr;
    return (uint32_t)value;
}

static void vmcr_put(struct gic_interface *interface, uint32_t value)
{
    interface->ctlr = 0;
    for (size_t i = 0; i < ARRAY_COUNT(vmcr_bits); i++)
        if (value & vmcr_bits[i].vmcr)
            interface->ctlr |= vmcr_bits[i].ctlr;
    interface->pmr = (uint8_t)field_put(GICV_PMR_Priority, field_get(GICH_VMCR_VMPriMask, value));
    interface->bpr = arbitrate_binary_point(field_get(GICH_VMCR_VMBP, value), GIC_BPR_MIN);
    interface->abpr = arbitrate_binary_point(field_get(GICH_VMCR_VMABP, value), GIC_ABPR_MIN);
}

uint32_t control_peek(const struct gic *gic, unsigned pe, enum gicv2 row, uint32_t offset)
{
    const struct gic_virtual *v = &gic->virtual[pe];
    const struct mmio_row *r = gic_row(row);
    unsigned word = (offset - r->offset) / 4;
    switch (r->offset) {
    case GICH_HCR_OFFSET:
        return v->hcr;
    case GICH_VTR_OFFSET:
        return (uint32_t)(field_put(GICH_VTR_PRIbits, GIC_PRIORITY_BITS - 1) |
                          field_put(GICH_VTR_PREbits, GIC_PRIORITY_BITS - 1) |
                          field_put(GICH_VTR_ListRegs, gic->list_registers - 1u));
    case GICH_VMCR_OFFSET:
        return vmcr_get(&v->interface);
    case GICH_MISR_OFFSET:
        return lists_status(gic, pe);
    case GICH_EISR_OFFSET:
        return (uint32_t)(lists_ended(gic, pe) >> 32 * word);
    case GICH_ELRSR_OFFSET:
        return (uint32_t)(lists_empty(gic, pe) >> 32 * word);
    case GICH_APR_OFFSET:
        return v->interface.active_priorities[0];
    case GICH_LR_OFFSET:
        return word < gic->list_registers ? v->list[word] : 0;
    default:
        bug("GIC: no read of %s", r->name);
    }
}

void control_write(struct gic *gic, unsigned pe, enum gicv2 row, uint32_t offset, uint32_t value)
{
    struct gic_virtual *v = &gic->virtual[pe];
    const struct mmio_row *r = gic_row(row);
    unsigned word = (offset - r->offset) / 4;
    if (!r->writable)
        return;
    value &= ~r->zeros;
    switch (r->offset) {
    case GICH_HCR_OFFSET:
        v->hcr = value;
        break;
    case GICH_VMCR_OFFSET:
        vmcr_put(&v->interface, value);
        break;
    case GICH_APR_OFFSET:
        v->interface.active_priorities[0] = value;
        break;
    case GICH_LR_OFFSET:
        if (word < gic->list_registers)
            v->list[word] = value;
        break;
    default:
        bug("GIC: no write of %s", r->name);
    }
    gic_mark(gic, 1u << pe);
}
