/*
 * The list registers of a virtual CPU interface: which of them are empty, which of them the
 * hypervisor is to be told of, the causes of the maintenance interrupt, and deactivation.
 *
 * Where two valid list registers hold one interrupt ID, which is UNPREDICTABLE, each is signalled
 * by itself and an end finds the lowest active one; the CPUID that an end names is not looked at.
 * GICH_MISR.NP asks for the pending state: a list register that is pending and active is not in it.
 * A physical interrupt ID that cannot be deactivated by a list register (an SGI, or one that does
 * not exist) is left alone.
 *
 * IHI 0048B.b: GICH_LR, GICH_EISR, GICH_ELRSR, GICH_MISR, GICH_HCR, Maintenance interrupts.
 */
#include "gic/lists.h"

#include "gen/gicv2.h"
#include "gic/distributor.h"

static bool is_valid(uint32_t list)
{
    return (list & GICH_LR_State) != 0;
}

/* Whether the hypervisor wants to know when the interrupt is gone: not if it is a physical one. */
static bool is_to_tell(uint32_t list)
{
    return !(list & GICH_LR_HW) && (list & GICH_LR_SOFTWARE_EOI);
}

static uint64_t invalid_lists(const struct gic *gic, unsigned pe, bool to_tell)
{
    uint64_t lists = 0;
    for (unsigned i = 0; i < gic->list_registers; i++) {
        uint32_t list = gic->virtual[pe].list[i];
        if (!is_valid(list) && is_to_tell(list) == to_tell)
            lists |= UINT64_C(1) << i;
    }
    return lists;
}

uint64_t lists_empty(const struct gic *gic, unsigned pe)
{
    return invalid_lists(gic, pe, false);
}

uint64_t lists_ended(const struct gic *gic, unsigned pe)
{
    return invalid_lists(gic, pe, true);
}

/* A cause that is there while its enable bit in GICH_HCR is set and the condition holds. */
static uint32_t cause(uint32_t hcr, uint64_t enable, bool condition, uint64_t status)
{
    return (hcr & enable) && condition ? (uint32_t)status : 0;
}

uint32_t lists_status(const struct gic *gic, unsigned pe)
{
    const struct gic_virtual *v = &gic->virtual[pe];
    unsigned valid = 0, pending = 0, ended = 0;
    for (unsigned i = 0; i < gic->list_registers; i++) {
        valid += is_valid(v->list[i]);
        pending += (v->list[i] & GICH_LR_State) == LIST_PENDING;
        ended += !is_valid(v->list[i]) && is_to_tell(v->list[i]);
    }
    bool group0 = v->interface.ctlr & GICV_CTLR_EnableGrp0;
    bool group1 = v->interface.ctlr & GICV_CTLR_EnableGrp1;
    return (ended != 0 ? (uint32_t)GICH_MISR_EOI : 0) |
           cause(v->hcr, GICH_HCR_UIE, valid <= 1, GICH_MISR_U) |
           cause(v->hcr, GICH_HCR_LRENPIE, (v->hcr & GICH_HCR_EOICount) != 0, GICH_MISR_LRENP) |
           cause(v->hcr, GICH_HCR_NPIE, pending == 0, GICH_MISR_NP) |
           cause(v->hcr, GICH_HCR_VGrp0EIE, group0, GICH_MISR_VGrp0E) |
           cause(v->hcr, GICH_HCR_VGrp0DIE, !group0, GICH_MISR_VGrp0D) |
           cause(v->hcr, GICH_HCR_VGrp1EIE, group1, GICH_MISR_VGrp1E) |
           cause(v->hcr, GICH_HCR_VGrp1DIE, !group1, GICH_MISR_VGrp1D);
}

bool lists_maintenance(const struct gic *gic, unsigned pe)
{
    return (gic->virtual[pe].hcr & GICH_HCR_En) && lists_status(gic, pe) != 0;
}

int lists_find_active(const struct gic *gic, unsigned pe, unsigned intid)
{
    for (unsigned i = 0; i < gic->list_registers; i++) {
        uint32_t list = gic->virtual[pe].list[i];
        if ((list & LIST_ACTIVE) && field_get(GICH_LR_VirtualID, list) == intid)
            return (int)i;
    }
    return -1;
}

void lists_acknowledge(struct gic *gic, unsigned pe, unsigned index)
{
    uint32_t *list = &gic->virtual[pe].list[index];
    *list = (*list & ~LIST_PENDING) | LIST_ACTIVE;
    gic_mark(gic, 1u << pe);
}

void lists_deactivate(struct gic *gic, unsigned pe, unsigned intid)
{
    struct gic_virtual *v = &gic->virtual[pe];
    int found = lists_find_active(gic, pe, intid);
    gic_mark(gic, 1u << pe);
    if (found < 0) {
        v->hcr += (uint32_t)field_put(GICH_HCR_EOICount, 1); /* wraps from 31 to 0 */
        return;
    }
    uint32_t list = v->list[found];
    v->list[found] = list & ~LIST_ACTIVE;
    unsigned physical = (unsigned)field_get(GICH_LR_PhysicalID, list);
    if ((list & GICH_LR_HW) && physical >= GIC_SGI_COUNT && physical < gic->interrupts)
        distributor_deactivate(gic, pe, physical);
}
