/*
 * The checkers, one row each, in the order in which they look at an event:
 *
 *   ROW(NAME, name, events, spares, entries, bytes, sentence)
 *     events   kinds of events that it wants, ON(KIND) | ...
 *     spares   those of them of which it does without what engines may leave out (events_need())
 *     entries  1: it needs the shadow of TLB entries
 *     bytes    of state of its own, but for what grows with the machine (check.c)
 */
#pragma once

/* clang-format off */
#define CHECK_ROWS(ROW) \
    ROW(VMID, vmid,                                                                                \
        ON(CONTEXT),                                                                               \
        0, 0, 0,                                                                                   \
        "one VMID with two stage 2 roots live at once, one root with two shapes, a VM under the "  \
        "host's VMID, or (where declared) one root under two VMIDs")                               \
    ROW(ASID, asid,                                                                                \
        ON(TLB_HIT),                                                                               \
        0, 1, 0,                                                                                   \
        "a use of a translation made from other tables under the same VMID and ASID: an ASID "     \
        "given away too early, two vCPUs with one ASID, another process's global entry")           \
    ROW(TLB, tlb,                                                                                  \
        ON(TLB_HIT) | ON(TLB_GONE) | ON(TLBI_DONE) | ON(TLBI_LOCAL_DONE) |                         \
            ON(STORE_BUFFERED) | ON(STORE_DRAINED) | ON(WATCH_STORE),                              \
        0, 1, sizeof(struct tlb_state),                                                            \
        "an access through a translation that a finished TLBI and DSB of its VM had removed, or "  \
        "a store through it that drains later")                                                    \
    ROW(BBM, bbm,                                                                                  \
        ON(WALK) | ON(WATCH_STORE) | ON(BARRIER) | ON(TLBI) | ON(TLBI_DONE) |                      \
        ON(TLBI_LOCAL_DONE) | ON(CONTEXT) | ON(EFFECTIVE) | ON(ERET),                              \
        ON(BARRIER), 0, sizeof(struct bbm_state),                                                  \
        "a live descriptor changed without break-before-make, a TLBI without the DSB before it, "  \
        "a table reused before what hung on it is clean")                                          \
    ROW(OWNER, owner,                                                                              \
        ON(TLB_FILL) | ON(TLB_HIT),                                                                \
        0, 1, sizeof(struct owner_state),                                                          \
        "an access to a page that the stage 2 root now bound to the VMID does not reach")          \
    ROW(SYNC, sync,                                                                                \
        ON(SYSTEM) | ON(LAG) | ON(TLBI) | ON(BARRIER) | ON(EXC_TAKE) | ON(ERET) | ON(VREG),        \
        ON(SYSTEM) | ON(BARRIER) | ON(VREG), 0, sizeof(struct sync_state),                         \
        "a system register used before the context synchronization that makes its write "          \
        "effective")                                                                               \
    ROW(CACHE, cache,                                                                              \
        ON(RETIRE) | ON(MEM) | ON(FETCH_PAGE) | ON(SYSTEM) | ON(BARRIER) | ON(EXC_TAKE) |          \
            ON(ERET) | ON(CACHE_LINE) | ON(CACHE_STALE),                                           \
        ON(BARRIER), 0, sizeof(struct cache_state),                                                \
        "an instruction executed that was stored and not made visible to fetches (DC, IC, "        \
        "barriers); a read past a dirty line, a hit on a line over newer memory, a read before "   \
        "a clean is finished, data thrown away by an invalidation and missed")                     \
    ROW(REGS, regs,                                                                                \
        ON(SYSTEM) | ON(EXC_TAKE) | ON(ERET) | ON(CONTEXT),                                        \
        0, 0, sizeof(struct regs_state),                                                           \
        "a register value of one vCPU seen by another")                                            \
    ROW(EMUL, emul,                                                                                \
        ON(EXC_TAKE) | ON(ERET) | ON(SYSTEM) | ON(WATCH_STORE) | ON(TLB_FILL),                     \
        0, 0, sizeof(struct emul_state),                                                           \
        "after a stage 2 abort a vCPU goes on with anything changed but what its instruction "     \
        "changes; an abort taken for another one: of a walk, of memory that is back, of the "      \
        "page in an HPFAR_EL2 that is UNKNOWN")                                                    \
    ROW(EL2, el2,                                                                                  \
        ON(FETCH_PAGE) | ON(WATCH_STORE) | ON(EXC_TAKE) | ON(ERET) | ON(EFFECTIVE),                \
        0, 0, sizeof(struct el2_state),                                                            \
        "EL2 executes what is not its text, takes a synchronous abort itself, or leaves with "     \
        "vectors that cannot be fetched")                                                          \
    ROW(LR, lr,                                                                                    \
        ON(LIST_REGISTER) | ON(INTERRUPT) | ON(GIC) | ON(ERET),                                    \
        0, 0, sizeof(struct lr_state),                                                             \
        "list registers in use that cannot be: two with one interrupt, one that is pending and "   \
        "active or has no active interrupt behind it with HW, one past the last")                  \
    ROW(IRQ, irq,                                                                                  \
        ON(LIST_REGISTER) | ON(LIST_MISSED) | ON(INTERRUPT) | ON(GIC) | ON(LINE) |                 \
            ON(MAINTENANCE) | ON(EXC_TAKE) | ON(ERET),                                             \
        0, 0, sizeof(struct irq_state),                                                            \
        "an interrupt taken twice, given again as active, or lost out of a list register; given "  \
        "though its level has gone, left active, deactivated on another PE, or taken again and "   \
        "again to no effect; a maintenance interrupt used for the wrong vCPU")                     \
    ROW(GUEST, guest,                                                                              \
        ON(EXIT),                                                                                  \
        0, 0, 0,                                                                                   \
        "the guest software reports that its self-check failed")                                   \
    ROW(PROGRESS, progress,                                                                        \
        ON(EXC_TAKE) | ON(ERET) | ON(CONTEXT) | ON(WAIT) | ON(CONSOLE) | ON(FIRMWARE) |            \
        ON(EXIT),                                                                                  \
        0, 0, 0,                                                                                   \
        "nothing goes forward: the same abort again and again, or no VM entered or left, "         \
        "no wait, no output")
/* clang-format on */
