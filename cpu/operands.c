/*
 * Operands: the sets of registers that an instruction's word names, from the rows that
 * tools/operands.py makes of a64.decode.
 *
 * Not told apart: vector registers (one member for all, with FPCR and FPSR), system registers but
 * NZCV and the stack pointers, and the stack pointers. Post-index registers count as part of the
 * address, which they are only for the next access.
 *
 * DDI 0487 B2.3, "Dependency definitions": register data, address and control dependencies.
 */
#include "cpu/operands.h"

#define OPERAND_BIT(n) (UINT64_C(1) << (n))
#include "gen/operands.inc"

struct operand_slot {
    uint8_t lsb;
    uint8_t place; /* OPERAND_PLACE_*; 0: none */
    uint8_t roles; /* OPERAND_ROLE_* */
};

struct operand_row {
    struct operand_slot slot[OPERAND_SLOTS];
    uint64_t source, target, branch, data; /* what the word does not name */
};

#define SLOTS(...) __VA_ARGS__
#define ROW(name, slots, sources, targets, branches, stored)                               \
    [A64_##name] = {.slot = {SLOTS slots},                                                  \
                    .source = sources,                                                      \
                    .target = targets,                                                      \
                    .branch = branches,                                                     \
                    .data = stored},
static const struct operand_row rows[A64_COUNT] = {OPERAND_LIST(ROW)};

/* op0:op1:CRn:CRm:op2 of MSR and MRS, as in bits 19:5 of the word with op0<1> left out. */
#define SYSTEM_FIELD(op0, op1, crn, crm, op2) \
    (((op0) & 1u) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/* What MRS reads, or MSR writes, beside the system registers. */
static uint64_t system_operand(uint32_t word)
{
    switch (word >> 5 & 0x7fffu) {
    case SYSTEM_FIELD(3u, 3u, 4u, 2u, 0u):
        return OPERAND_BIT(OPERAND_NZCV);
    case SYSTEM_FIELD(3u, 0u, 4u, 1u, 0u): /* SP_EL0 */
    case SYSTEM_FIELD(3u, 4u, 4u, 1u, 0u): /* SP_EL1 */
        return OPERAND_BIT(OPERAND_SP);
    case SYSTEM_FIELD(3u, 3u, 4u, 4u, 0u): /* FPCR */
    case SYSTEM_FIELD(3u, 3u, 4u, 4u, 1u): /* FPSR */
        return OPERAND_BIT(OPERAND_VECTOR);
    default:
        return 0;
    }
}

static uint64_t slot_set(const struct operand_slot *slot, uint32_t word)
{
    unsigned n = word >> slot->lsb & 31u;
    if (slot->place == OPERAND_PLACE_NEXT)
        n = (n + 1) & 31u;
    return n == 31 && slot->place != OPERAND_PLACE_SP ? 0 : OPERAND_BIT(n);
}

struct operand_sets operands_of(enum a64_op op, uint32_t word)
{
    const struct operand_row *row = &rows[op];
    struct operand_sets o = {.source = row->source,
                         .target = row->target,
                         .branch = row->branch,
                         .data = row->data};
    for (unsigned i = 0; i < OPERAND_SLOTS && row->slot[i].place != 0; i++) {
        const struct operand_slot *slot = &row->slot[i];
        uint64_t set = slot_set(slot, word);
        o.address |= slot->roles & OPERAND_ROLE_ADDRESS ? set : 0;
        o.data |= slot->roles & OPERAND_ROLE_DATA ? set : 0;
        o.branch |= slot->roles & OPERAND_ROLE_BRANCH ? set : 0;
        o.source |= slot->roles & OPERAND_ROLE_SOURCE ? set : 0;
        o.target |= slot->roles & OPERAND_ROLE_TARGET ? set : 0;
        o.base |= slot->roles & OPERAND_ROLE_BASE ? set : 0;
        o.status |= slot->roles & OPERAND_ROLE_STATUS ? set : 0;
    }
    if (op == A64_MRS)
        o.source |= system_operand(word);
    if (op == A64_MSR_reg)
        o.target |= system_operand(word);
    return o;
}
