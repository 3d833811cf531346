/*
 * TLB invalidation: operations decoded to messages, and the queue of messages on their way to a
 * PE.
 *
 * A TLBI does nothing at once. Its message lies in the queue of every PE that it covers, the
 * issuer included, and is delivered no later than when a DSB of the issuer finishes (at the
 * issuer itself: at the next context synchronization event after that DSB). Before, it is open
 * whether it has arrived; that is asked at the use of an entry that it removes (choice
 * tlbi-deliver), because anywhere else nobody can tell. What a message removes is a row of
 * tlbi.def. An entry made after the message came stays, unless an older entry was used to make
 * it.
 *
 * Follows AArch64.TLBI_* and "Ordering and completion of TLB maintenance instructions". An access
 * is finished the moment that it is done in this model, so that a delivered message owes nothing
 * more: both halves are done together and the message leaves the queue.
 *
 * Not modelled: range operations, level hints, Outer Shareable operations of FEAT_TLBIOS as
 * encodings (the scope has its place), nXS.
 */
#include "gen/sysreg.h"
#include "gen/vmsa.h"
#include "mmu/late.h"
#include "mmu/regime.h"
#include "mmu/tlb.h"
#include "mmu/versions.h"

#include <string.h>

#define VA_BITS 56u

enum tlbi_match { MATCH_ALL, MATCH_VA_ASID, MATCH_VA, MATCH_ASID, MATCH_IPA };
enum tlbi_vmids { VMIDS_CURRENT, VMIDS_ANY };

#define LEAF1 (1u << TLB_STAGE1 | 1u << TLB_COMBINED)
#define TABLE1 (1u << (TLB_STAGE1 | TLB_TABLE) | 1u << (TLB_COMBINED | TLB_TABLE))
#define LEAF2 (1u << TLB_STAGE2)
#define TABLE2 (1u << (TLB_STAGE2 | TLB_TABLE))

struct tlbi_row {
    uint8_t stages; /* bit per TLB_* stage */
    uint8_t regime, match, vmids;
};

#define TLBI_ROW(operation, kind, entries, by, tags) \
    [TLBI_##operation] = {(entries), REGIME_##kind, MATCH_##by, VMIDS_##tags},
static const struct tlbi_row rows[TLBI_OPERATION_COUNT] = {
#include "mmu/tlbi.def"
};
#undef TLBI_ROW

struct tlbi tlbi_make(enum tlbi_operation operation, const struct vmsa_registers *effective,
                      const struct mmu_config *config, uint64_t operand, unsigned scope,
                      unsigned issuer, unsigned el)
{
    ensure(operation < TLBI_OPERATION_COUNT && issuer < PE_COUNT_MAX);
    const struct tlbi_row *row = &rows[operation];
    struct tlbi t;
    memset(&t, 0, sizeof t);
    t.operation = (uint8_t)operation;
    t.scope = (uint8_t)scope;
    t.issuer = (uint8_t)issuer;
    if (row->regime == REGIME_EL10) {
        t.vttbr = effective->vttbr_el2;
        t.vmid = regime_vmid(effective, config);
    }
    if (el == 1 && scope == TLBI_LOCAL && (effective->hcr_el2 & HCR_EL2_FB))
        t.scope = TLBI_INNER;
    uint64_t page = field_get(VMSA_TLBI_VA_VA, operand);
    switch ((enum tlbi_match)row->match) {
    case MATCH_ALL:
        break;
    case MATCH_VA_ASID:
    case MATCH_ASID:
        t.asid = regime_asid(effective, config, field_get(VMSA_TLBI_VA_ASID, operand));
        if (row->match == MATCH_ASID)
            break;
        t.address = bits_sign_extend(page << PAGE_SHIFT, VA_BITS);
        break;
    case MATCH_VA:
        t.address = page << PAGE_SHIFT;
        if (row->regime == REGIME_EL10)
            t.address = bits_sign_extend(t.address, VA_BITS);
        break;
    case MATCH_IPA:
        t.address = field_get(VMSA_TLBI_IPA_IPA, operand) << PAGE_SHIFT;
        break;
    }
    return t;
}

/*
 * An operation by address removes all that comes from the leaf that translates the address: of a
 * stage 1 block that stage 2 maps in smaller pieces, every piece.
 */
static bool address_in(const struct tlb_entry *e, uint64_t address)
{
    return (e->map.input ^ address) >> tlb_index_leaf_size(e) == 0;
}

bool tlbi_covers(const struct tlbi *t, const struct tlb_entry *e, bool ignore_vmid)
{
    const struct tlbi_row *row = &rows[t->operation];
    if (!(row->stages >> e->stage & 1u) || row->regime != e->regime)
        return false;
    if (row->vmids == VMIDS_CURRENT && e->vmid != t->vmid && !ignore_vmid)
        return false;
    switch ((enum tlbi_match)row->match) {
    case MATCH_ALL:
        return true;
    case MATCH_VA_ASID:
        return address_in(e, t->address) && (e->map.is_global || e->asid == t->asid);
    case MATCH_VA:
    case MATCH_IPA:
        return address_in(e, t->address);
    case MATCH_ASID:
        return !e->map.is_global && e->asid == t->asid;
    }
    bug("tlbi.def: operation %u has no match", t->operation);
}

/* Covered, and not made afresh after the message came. */
static bool removes(const struct mmu *mmu, const struct tlbi *t, const struct tlb_entry *e)
{
    return e->source <= t->fills && tlbi_covers(t, e, tlb_ignores_vmid(mmu));
}

/* Slots that may be covered: by address where the operation has one, otherwise all. */
static unsigned candidates(const struct mmu *mmu, const struct tlbi *t, uint32_t *slots)
{
    const struct tlbi_row *row = &rows[t->operation];
    bool by_va = row->match == MATCH_VA_ASID || row->match == MATCH_VA;
    bool by_ipa = row->match == MATCH_IPA;
    if (!by_ipa && !(by_va && !tlb_index_has_pieces(mmu->index)))
        return tlb_index_valid(mmu->index, slots);
    unsigned count = 0;
    for (uint8_t stage = 1; stage < TLB_STAGE_COUNT; stage++) {
        struct tlb_key key = {t->address, t->vmid, 0, row->regime, stage, 0};
        if (row->stages >> stage & 1u)
            count += tlb_index_gather(mmu->index, &key, slots + count);
    }
    return count;
}

static void queue_take(struct mmu_state *state, unsigned i)
{
    struct tlbi *t = &state->queue[i];
    state->queue_count--;
    memmove(t, t + 1, (state->queue_count - i) * sizeof *t);
    memset(&state->queue[state->queue_count], 0, sizeof *t);
}

/* Message i of the queue arrives: its entries go, and it is over. */
static void deliver(struct mmu *mmu, unsigned i)
{
    struct tlbi t = mmu->state->queue[i];
    queue_take(mmu->state, i);
    uint32_t *slots = tlb_index_scratch(mmu->index);
    unsigned count = candidates(mmu, &t, slots), gone = 0;
    for (unsigned k = 0; k < count; k++)
        if (removes(mmu, &t, tlb_index_entry(mmu->index, slots[k])))
            slots[gone++] = slots[k];
    if (mmu_keeps_versions(mmu) && t.received != 0)
        version_removed(mmu->versions, mmu->pe, &t);
    tlb_index_sort(mmu->index, slots, gone);
    for (unsigned k = 0; k < gone; k++) {
        if (__builtin_expect(mmu->config->late_loads, 0))
            late_keep(mmu, tlb_index_entry(mmu->index, slots[k]), &t);
        tlb_remove(mmu, slots[k], TLB_GONE_TLBI, t.message);
    }
    event_emit_TLBI_DELIVER(MMU_HEAD(mmu), t.message, t.issuer, gone > 65535 ? 65535 : gone);
    if (mmu->listener)
        mmu->listener->delivered(mmu->listener->owner, mmu->pe, &t);
}

bool tlbi_awaits(const struct mmu *mmu, const struct tlb_entry *entry)
{
    for (unsigned i = 0; i < mmu->state->queue_count; i++)
        if (removes(mmu, &mmu->state->queue[i], entry))
            return true;
    return false;
}

bool tlbi_lets_use(struct mmu *mmu, const struct tlb_entry *entry)
{
    for (unsigned i = 0; i < mmu->state->queue_count; i++) {
        if (!removes(mmu, &mmu->state->queue[i], entry))
            continue;
        if (choose(mmu->chooser, mmu->counts, CHOICE_TLBI_DELIVER, mmu->pe, 2) == 0) {
            deliver(mmu, i);
            return false;
        }
    }
    return true;
}

/*
 * While a message is on its way each use of an entry that it removes asks: no pointer over one may
 * be kept (struct translation, awaited, says so of new ones).
 */
static void revoke(struct mmu *mmu, const struct tlbi *t)
{
    uint8_t match = rows[t->operation].match;
    bool by_address = match != MATCH_ALL && match != MATCH_ASID;
    if (!by_address || tlb_index_has_pieces(mmu->index)) {
        tlb_revoke_all(mmu);
        return;
    }
    uint32_t *slots = tlb_index_scratch(mmu->index);
    unsigned count = candidates(mmu, t, slots);
    for (unsigned i = 0; i < count; i++)
        tlb_revoke(mmu, tlb_index_entry(mmu->index, slots[i]));
}

void mmu_tlbi_receive(struct mmu *mmu, const struct tlbi *message)
{
    struct mmu_state *state = mmu->state;
    ensure(message->operation < TLBI_OPERATION_COUNT && message->message != 0);
    if (state->queue_count == TLBI_QUEUE_MAX)
        deliver(mmu, 0);
    struct tlbi *t = &state->queue[state->queue_count++];
    *t = *message;
    t->fills = (uint32_t)state->fills;
    t->received = mmu_keeps_versions(mmu) ? version_tick(mmu->versions) : 0;
    t->entries_gone = t->accesses_finished = t->awaits_isb = 0;
    revoke(mmu, t);
}

bool mmu_tlbi_finish(struct mmu *mmu, unsigned issuer, bool covers_broadcast)
{
    struct mmu_state *state = mmu->state;
    bool waits = false;
    for (unsigned i = 0; i < state->queue_count;) {
        struct tlbi *t = &state->queue[i];
        bool covered = t->issuer == issuer && (covers_broadcast || t->scope == TLBI_LOCAL);
        if (covered && issuer != mmu->pe) {
            deliver(mmu, i);
            continue;
        }
        if (covered && t->awaits_isb == 0) {
            t->awaits_isb = 1;
            waits |= t->scope != TLBI_LOCAL;
        }
        i++;
    }
    return waits;
}

void mmu_synchronize(struct mmu *mmu)
{
    for (unsigned i = 0; i < mmu->state->queue_count;) {
        if (mmu->state->queue[i].awaits_isb)
            deliver(mmu, i);
        else
            i++;
    }
    mmu_late_end(mmu);
}
