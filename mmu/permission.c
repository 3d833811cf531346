/*
 * The permission tables of VMSAv8-64.
 *
 * Stage 1 of EL1&0: AP[2:1] gives EL1 and EL0 read or read-write; EL1 never executes what EL0 may
 * write; SCTLR_ELx.WXN makes writable execute-never. EL2 has one privilege. Execute-only is
 * possible at both stages. Stage 2 permits reading by S2AP[0], writing by S2AP[1], executing by
 * XN[1:0] alone: 0 all, 1 EL0 only, 2 nobody, 3 EL1 only.
 */
#include "mmu/permission.h"

uint8_t permission_stage1(struct permission_bits b)
{
    unsigned permit = PERMIT_READ;
    if (!b.read_only)
        permit |= PERMIT_WRITE;
    if (!b.two_privileges) {
        if (!b.uxn && !(b.wxn && !b.read_only))
            permit |= PERMIT_FETCH;
        return (uint8_t)permit;
    }
    bool el0_writes = b.el0 && !b.read_only;
    if (b.el0)
        permit |= PERMIT_READ_EL0;
    if (el0_writes)
        permit |= PERMIT_WRITE_EL0;
    if (!b.uxn && !(b.wxn && el0_writes))
        permit |= PERMIT_FETCH_EL0;
    if (!b.pxn && !el0_writes && !(b.wxn && !b.read_only))
        permit |= PERMIT_FETCH;
    return (uint8_t)permit;
}

uint8_t permission_stage2(unsigned s2ap, unsigned xn)
{
    unsigned permit = 0;
    if (s2ap & 1u)
        permit |= PERMIT_READ | PERMIT_READ_EL0;
    if (s2ap & 2u)
        permit |= PERMIT_WRITE | PERMIT_WRITE_EL0;
    if (xn == 0 || xn == 3)
        permit |= PERMIT_FETCH;
    if (xn == 0 || xn == 1)
        permit |= PERMIT_FETCH_EL0;
    return (uint8_t)permit;
}

uint8_t permission_needed(const struct mmu_request *request)
{
    unsigned need = PERMIT_READ_EL0;
    if (request->is_atomic)
        need |= PERMIT_WRITE_EL0;
    else if (request->kind == ACCESS_FETCH)
        need = PERMIT_FETCH_EL0;
    else if (request->is_write)
        need = PERMIT_WRITE_EL0;
    return (uint8_t)(request->el == 0 ? need : need * PERMIT_READ);
}
