/*
 * Exceptions: entry from every level and stack pointer, routing, syndromes, and returns for every
 * SPSR mode; traps of WFI, WFE, SMC, HVC and floating point for every combination of their bits.
 */
#include "tests/unit/core_world.h"

#include "cpu/effective.h"
#include "cpu/exception.h"
#include "cpu/syndrome.h"
#include "cpu/sysreg.h"
#include "cpu/sysreg_row.h"
#include "gen/esr.h"

#define VECTORS_EL1 UINT64_C(0x10000)
#define VECTORS_EL2 UINT64_C(0x20000)

static struct core_world *world_at(unsigned el)
{
    struct core_world *w = world_new(2);
    world_set(w, SR_VBAR_EL1, VECTORS_EL1);
    world_set(w, SR_VBAR_EL2, VECTORS_EL2);
    w->cpu.el = (uint8_t)el;
    w->cpu.daif = 0;
    w->cpu.pc = 0x8000;
    return w;
}

static void set_hcr(struct core_world *w, uint64_t bits)
{
    world_set(w, SR_HCR_EL2, HCR_EL2_RW | bits);
}

static uint64_t esr_of(const struct core_world *w)
{
    return w->cpu.reg[w->cpu.el == 2 ? SR_ESR_EL2 : SR_ESR_EL1];
}

static unsigned ec_of(const struct core_world *w)
{
    return (unsigned)field_get(ESR_ELx_EC, esr_of(w));
}

static uint64_t elr_of(const struct core_world *w)
{
    return w->cpu.reg[w->cpu.el == 2 ? SR_ELR_EL2 : SR_ELR_EL1];
}

/* The level that an exception for "EL1 or higher" goes to. */
static unsigned usual_target(unsigned el, bool tge)
{
    return el == 2 || (el == 0 && tge) ? 2 : 1;
}

Test(exception, entry_saves_and_sets_pstate)
{
    for (unsigned el = 0; el < 3; el++)
        for (unsigned spsel = 0; spsel < (el ? 2u : 1u); spsel++)
            for (unsigned bits = 0; bits < 256; bits++) {
                struct core_world *w = world_at(el);
                w->cpu.spsel = (uint8_t)spsel;
                w->cpu.nzcv = (bits & 15u) << 28;
                w->cpu.daif = (bits >> 4) << 6;
                unsigned target = usual_target(el, false);
                cr_assert_eq(exception_svc(&w->core, 0x1234), STEP_EXCEPTION);
                uint64_t spsr = w->cpu.reg[target == 2 ? SR_SPSR_EL2 : SR_SPSR_EL1];
                cr_assert_eq(spsr, (uint64_t)(bits & 15u) << 28 | (bits >> 4) << 6 | el << 2 |
                                       spsel);
                cr_assert_eq(w->cpu.el, target);
                cr_assert_eq(w->cpu.spsel, 1);
                cr_assert_eq(w->cpu.daif, PSTATE_DAIF);
                cr_assert_eq(elr_of(w), 0x8004);
                uint64_t base = target == 2 ? VECTORS_EL2 : VECTORS_EL1;
                uint64_t block = el < target ? 0x400 : spsel ? 0x200 : 0;
                cr_assert_eq(w->cpu.pc, base + block);
                cr_assert_eq(esr_of(w), 0x15u << 26 | 1u << 25 | 0x1234u);
                cr_assert_eq(w->told[EVENT_EXC_TAKE], 1);
                world_free(w);
            }
}

Test(exception, il_is_saved_and_cleared)
{
    struct core_world *w = world_at(1);
    w->cpu.il = 1;
    cr_assert_eq(exception_illegal_state(&w->core), STEP_EXCEPTION);
    cr_assert_eq(ec_of(w), 0x0e);
    cr_assert_eq(w->cpu.reg[SR_SPSR_EL1] & SPSR_IL, SPSR_IL);
    cr_assert_eq(w->cpu.il, 0);
    cr_assert_eq(elr_of(w), 0x8000);
    world_free(w);
}

Test(exception, synchronous_routing)
{
    static const struct {
        enum step (*call)(struct core *c);
        unsigned ec;
        bool has_far;
    } rows[] = {
        {exception_undefined, 0x00, false},
        {exception_illegal_state, 0x0e, false},
        {exception_pc_alignment, 0x22, true},
        {exception_sp_alignment, 0x26, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        for (unsigned el = 0; el < 3; el++)
            for (unsigned tge = 0; tge < 2; tge++) {
                if (tge && el == 1)
                    continue;
                struct core_world *w = world_at(el);
                set_hcr(w, tge ? HCR_EL2_TGE : 0);
                world_set(w, SR_FAR_EL1, 0xabc);
                world_set(w, SR_FAR_EL2, 0xabc);
                rows[i].call(&w->core);
                cr_assert_eq(w->cpu.el, usual_target(el, tge), "row %zu EL%u", i, el);
                cr_assert_eq(ec_of(w), rows[i].ec);
                cr_assert_eq(elr_of(w), 0x8000);
                uint64_t far = w->cpu.reg[w->cpu.el == 2 ? SR_FAR_EL2 : SR_FAR_EL1];
                cr_assert_eq(far, rows[i].has_far ? 0x8000 : 0xabc);
                world_free(w);
            }
}

static struct fault fault_of(enum fault_kind kind, unsigned level, unsigned stage, bool s1ptw)
{
    return (struct fault){.kind = (uint8_t)kind, .level = (uint8_t)level,
                          .stage = (uint8_t)stage, .s1ptw = s1ptw,
                          .va = va_make(0x123456789abc), .ipa = ipa_make(0x7654321fff)};
}

Test(exception, fault_status_codes)
{
    static const struct {
        enum fault_kind kind;
        unsigned first_level, last_level, code; /* at the first level */
    } rows[] = {
        {FAULT_ADDRESS_SIZE, 0, 3, 0x00},      {FAULT_TRANSLATION, 0, 3, 0x04},
        {FAULT_ACCESS_FLAG, 1, 3, 0x09},       {FAULT_PERMISSION, 1, 3, 0x0d},
        {FAULT_EXTERNAL, 0, 0, 0x10},          {FAULT_EXTERNAL_ON_WALK, 0, 3, 0x14},
        {FAULT_ALIGNMENT, 0, 0, 0x21},         {FAULT_TLB_CONFLICT, 0, 0, 0x30},
        {FAULT_UNSUPPORTED_EXCLUSIVE, 0, 0, 0x35},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        for (unsigned level = rows[i].first_level; level <= rows[i].last_level; level++) {
            struct fault fault = fault_of(rows[i].kind, level, 1, false);
            cr_assert_eq(syndrome_status(&fault), rows[i].code + level - rows[i].first_level);
        }
}

/* Every combination: kind, stage, S1PTW, write, cache operation, fetch, level it comes from. */
Test(exception, aborts_for_all_combinations)
{
    const uint32_t load_store = 1u << 24 | 2u << 22 | 1u << 21 | 17u << 16 | 1u << 15 | 1u << 14;
    static const enum fault_kind kinds[] = {FAULT_TRANSLATION, FAULT_ACCESS_FLAG,
                                            FAULT_ADDRESS_SIZE, FAULT_PERMISSION,
                                            FAULT_ALIGNMENT, FAULT_TLB_CONFLICT,
                                            FAULT_EXTERNAL_ON_WALK, FAULT_EXTERNAL};
    const unsigned count = ARRAY_COUNT(kinds);
    for (unsigned n = 0; n < count * 3 * 16 * 3; n++) {
        enum fault_kind kind = kinds[n % count];
        unsigned form = n / count % 3; /* stage 1, stage 2, stage 2 on a stage 1 walk */
        unsigned el = n / (count * 3 * 16), flags = n / (count * 3) % 16;
        bool external = kind == FAULT_EXTERNAL || kind == FAULT_EXTERNAL_ON_WALK;
        bool write = flags & 1, cache = flags & 2, fetch = flags & 4, tge = flags & 8;
        if (fetch && (write || cache))
            continue;
        if ((el == 2 && form != 0) || (el == 1 && tge))
            continue;
        struct core_world *w = world_at(el);
        set_hcr(w, tge ? HCR_EL2_TGE : 0);
        world_set(w, SR_HPFAR_EL2, 0x50);
        w->core.fault = fault_of(kind, 2, form ? 2 : 1, form == 2);
        w->core.fault.is_write = write;
        w->core.fault.is_cache_op = cache;
        w->core.fault.is_fetch = fetch;
        w->core.fault_iss = fetch ? 0 : load_store;
        uint32_t iss = syndrome_status(&w->core.fault);
        cr_assert_eq(exception_abort(&w->core), STEP_EXCEPTION);

        unsigned target = form ? 2 : usual_target(el, tge);
        cr_assert_eq(w->cpu.el, target, "case %u", n);
        unsigned ec = (fetch ? 0x20u : 0x24u) + (target == el);
        cr_assert_eq(ec_of(w), ec, "case %u", n);
        iss |= form == 2 ? 1u << 7 : 0;
        if (!fetch)
            iss |= (form == 1 && !external ? load_store : 0) | (cache ? 1u << 8 : 0) |
                   (write || cache ? 1u << 6 : 0);
        cr_assert_eq(field_get(ESR_ELx_ISS, esr_of(w)), iss, "case %u", n);
        cr_assert_eq(w->cpu.reg[target == 2 ? SR_FAR_EL2 : SR_FAR_EL1], 0x123456789abc);
        bool has_ipa = kind == FAULT_TRANSLATION || kind == FAULT_ACCESS_FLAG ||
                       kind == FAULT_ADDRESS_SIZE || (kind == FAULT_PERMISSION && form == 2);
        bool valid = form != 0 && has_ipa;
        cr_assert_eq(w->cpu.reg[SR_HPFAR_EL2], valid ? 0x76543210u : 0x50u, "case %u",
                     n);
        cr_assert_eq(elr_of(w), 0x8000);
        world_free(w);
    }
}

static uint64_t mrs(struct core_world *w, enum sysreg reg)
{
    uint32_t word = UINT32_C(0xd5200000) | (uint32_t)sysreg_row(reg)->key << 5 | 1u;
    cr_assert_eq(sysreg_execute_mrs(&w->core, word), STEP_NEXT);
    return w->cpu.x[1];
}

/* Nobody is asked until the register is read; then it keeps its value. */
Test(exception, unknown_registers_are_a_choice)
{
    static const uint64_t far[] = {0x77, 0, UINT64_MAX, UINT64_C(0xa5a5a5a5a5a5a5a5)};
    for (uint32_t answer = 0; answer < 4; answer++) {
        struct core_world *w = world_at(1);
        world_set(w, SR_FAR_EL2, 0x77);
        world_set(w, SR_HPFAR_EL2, 0x70);
        world_open(w, CHOICE_UNKNOWN_VALUE, answer);
        exception_hvc(&w->core, 0);
        cr_assert_eq(w->asked, 0);
        cr_assert_eq(ec_of(w), 0x16);
        cr_assert_eq(mrs(w, SR_FAR_EL2), far[answer]);
        uint64_t hpfar = answer == 0 ? 0x70 : far[answer] & HPFAR_EL2_FIPA;
        cr_assert_eq(mrs(w, SR_HPFAR_EL2), hpfar);
        cr_assert_eq(w->asked, 2);
        cr_assert_eq(mrs(w, SR_FAR_EL2), far[answer]);
        cr_assert_eq(mrs(w, SR_ESR_EL2), w->cpu.reg[SR_ESR_EL2]);
        cr_assert_eq(w->asked, 2, "once for each");
        world_free(w);
    }
}

/* A stage 2 permission fault of the access: HPFAR_EL2 may be right, as software hopes. */
Test(exception, unknown_hpfar_may_be_right)
{
    for (uint32_t answer = 0; answer < 5; answer += 4) {
        struct core_world *w = world_at(1);
        set_hcr(w, HCR_EL2_VM);
        world_set(w, SR_HPFAR_EL2, 0x70);
        world_set(w, SR_SCTLR_EL1, 0);
        world_open(w, CHOICE_UNKNOWN_VALUE, answer);
        w->core.fault = fault_of(FAULT_PERMISSION, 3, 2, false);
        w->core.fault.va = va_make(0x7654321abc);
        exception_abort(&w->core);
        cr_assert_eq(mrs(w, SR_FAR_EL2), 0x7654321abc);
        cr_assert_eq(w->asked, 0, "FAR_EL2 is known");
        cr_assert_eq(mrs(w, SR_HPFAR_EL2), answer == 0 ? 0x70 : 0x76543210);
        cr_assert_eq(w->asked, 1);
        world_free(w);
    }
}

/* What makes a register known again: a write, and an exception that sets it. */
Test(exception, unknown_ends_with_a_write)
{
    struct core_world *w = world_at(2);
    world_open(w, CHOICE_UNKNOWN_VALUE, 1);
    world_set(w, SR_SPSR_EL2, 5);
    world_set(w, SR_ESR_EL2, 0x1234);
    cr_assert_eq(exception_return(&w->core), STEP_BRANCHED);
    cr_assert_eq(w->cpu.el, 1);
    exception_hvc(&w->core, 9);
    cr_assert_eq(mrs(w, SR_ESR_EL2), w->cpu.reg[SR_ESR_EL2]);
    cr_assert_eq(field_get(ESR_ELx_ISS, w->cpu.reg[SR_ESR_EL2]), 9);
    cr_assert_eq(w->asked, 0);
    w->cpu.x[2] = 0x4321;
    uint32_t msr = UINT32_C(0xd5000000) | (uint32_t)sysreg_row(SR_FAR_EL2)->key << 5 | 2u;
    cr_assert_eq(sysreg_execute_msr(&w->core, msr), STEP_NEXT);
    cr_assert_eq(mrs(w, SR_FAR_EL2), 0x4321);
    cr_assert_eq(w->asked, 0);
    cr_assert_eq(exception_return(&w->core), STEP_BRANCHED);
    exception_interrupt(&w->core, INTERRUPT_IRQ); /* sets no syndrome; to EL1 */
    w->cpu.el = 2;
    cr_assert_eq(mrs(w, SR_ESR_EL2), 0, "left UNKNOWN by the return");
    cr_assert_eq(w->asked, 1);
    world_free(w);
}

Test(exception, unknown_is_not_noted_while_the_kind_is_closed)
{
    struct core_world *w = world_at(1);
    exception_hvc(&w->core, 0);
    cr_assert_eq(w->cpu.unknown, 0);
    world_free(w);
}

Test(exception, calls_and_their_traps)
{
    for (unsigned n = 0; n < 3 * 16; n++) {
        unsigned el = n % 3, bits = n / 3;
        bool tge = bits & 1, hcd = bits & 2, tsc = bits & 4, conduit = bits & 8;
        if (tge && el == 1)
            continue;
        uint64_t hcr = (tge ? HCR_EL2_TGE : 0) | (hcd ? HCR_EL2_HCD : 0) | (tsc ? HCR_EL2_TSC : 0);
        struct core_world *w = world_at(el);
        set_hcr(w, hcr);
        w->core.conduit_hvc = conduit;
        enum step step = exception_hvc(&w->core, 7);
        if (el == 0 || hcd) {
            cr_assert_eq(ec_of(w), 0x00);
            cr_assert_eq(w->cpu.el, usual_target(el, tge));
        } else if (el == 1 && conduit) {
            cr_assert_eq(step, STEP_FIRMWARE);
            cr_assert_eq(w->cpu.el, 1);
        } else {
            cr_assert_eq(esr_of(w), 0x16u << 26 | 1u << 25 | 7);
            cr_assert_eq(w->cpu.el, 2);
            cr_assert_eq(elr_of(w), 0x8004);
        }
        world_free(w);

        w = world_at(el);
        set_hcr(w, hcr);
        step = exception_smc(&w->core, 9);
        if (el == 0) {
            cr_assert_eq(ec_of(w), 0x00);
        } else if (el == 1 && tsc) {
            cr_assert_eq(esr_of(w), 0x17u << 26 | 1u << 25 | 9);
            cr_assert_eq(elr_of(w), 0x8000);
            cr_assert_eq(w->cpu.el, 2);
        } else {
            cr_assert_eq(step, STEP_FIRMWARE);
            cr_assert_eq(w->cpu.el, el);
        }
        world_free(w);
    }
}

static void note_barrier(void *owner, unsigned pe, enum barrier_kind kind, unsigned crm)
{
    struct core_world *w = owner;
    cr_assert_eq(pe, w->core.pe);
    cr_assert_eq(kind, BARRIER_DSB);
    w->counter = crm;
}

enum step exec_DSB_precise(struct core *c, uint32_t w); /* as the engine's table has it */

/* HCR_EL2.BSU widens barriers of EL1 and EL0: none, inner, outer, all; their types stay. */
Test(exception, barriers_reach_as_far_as_bsu_says)
{
    static const uint8_t wider[4][4] = {
        /* by CRm<3:2>: outer, none, inner, all */
        {0, 1, 2, 3}, {0, 2, 2, 3}, {0, 0, 0, 3}, {3, 3, 3, 3}};
    for (unsigned bsu = 0; bsu < 4; bsu++)
        for (unsigned crm = 0; crm < 16; crm++)
            for (unsigned el = 0; el < 3; el++) {
                struct core_world *w = world_at(el);
                set_hcr(w, field_put(HCR_EL2_BSU, bsu));
                w->ops.barrier = note_barrier;
                exec_DSB_precise(&w->core, UINT32_C(0xd503309f) | crm << 8);
                unsigned expected = crm;
                if (el < 2 && (crm & 3) != 0)
                    expected = (unsigned)wider[bsu][crm >> 2] << 2 | (crm & 3);
                cr_assert_eq(w->counter, expected, "BSU %u CRm %u EL%u", bsu, crm, el);
                world_free(w);
            }
}

Test(exception, breakpoint_and_halt_instructions)
{
    for (unsigned el = 0; el < 3; el++)
        for (unsigned tde = 0; tde < 2; tde++) {
            struct core_world *w = world_at(el);
            world_set(w, SR_MDCR_EL2, tde ? MDCR_EL2_TDE : 0);
            exception_brk(&w->core, 0xf00d);
            cr_assert_eq(w->cpu.el, tde || el == 2 ? 2 : 1);
            cr_assert_eq(esr_of(w), 0x3cu << 26 | 1u << 25 | 0xf00d);
            cr_assert_eq(elr_of(w), 0x8000);
            world_free(w);
        }
    struct core_world *w = world_at(1);
    cr_assert_eq(exception_hlt(&w->core, 0xf000), STEP_SEMIHOST);
    cr_assert_eq(w->cpu.el, 1);
    cr_assert_eq(exception_hlt(&w->core, 1), STEP_EXCEPTION);
    cr_assert_eq(ec_of(w), 0x00);
    world_free(w);
}

Test(exception, wait_for_all_combinations)
{
    for (unsigned n = 0; n < 3u * 64; n++) {
        unsigned el = n % 3, bits = n / 3;
        bool is_wfe = bits & 1, allow = bits & 2, trap = bits & 4, tge = bits & 8;
        bool ready = bits & 16, other = bits & 32;
        if (tge && el == 1)
            continue;
        struct core_world *w = world_at(el);
        /* The bits of the other instruction must not matter. */
        uint64_t sctlr = allow ? (is_wfe ? SCTLR_EL1_nTWE : SCTLR_EL1_nTWI) : 0;
        sctlr |= other ? (is_wfe ? SCTLR_EL1_nTWI : SCTLR_EL1_nTWE) : 0;
        world_set(w, SR_SCTLR_EL1, sctlr);
        uint64_t hcr = tge ? HCR_EL2_TGE : 0;
        hcr |= trap ? (is_wfe ? HCR_EL2_TWE : HCR_EL2_TWI) : 0;
        hcr |= other ? (is_wfe ? HCR_EL2_TWI : HCR_EL2_TWE) : 0;
        set_hcr(w, hcr);
        w->cpu.daif = PSTATE_DAIF;
        if (ready && is_wfe)
            w->cpu.event_register = 1;
        if (ready && !is_wfe)
            w->cpu.lines = CPU_LINE_IRQ;
        enum step step = exception_wait(&w->core, is_wfe);
        unsigned to = el == 0 && !allow ? usual_target(0, tge) : el < 2 && trap ? 2 : 0;
        if (ready) {
            cr_assert_eq(step, STEP_NEXT, "case %u", n);
            cr_assert_eq(w->cpu.event_register, 0);
            cr_assert_eq(w->cpu.wait, CPU_RUNS);
        } else if (to) {
            cr_assert_eq(step, STEP_EXCEPTION, "case %u", n);
            cr_assert_eq(w->cpu.el, to, "case %u", n);
            cr_assert_eq(esr_of(w), 0x01u << 26 | 1u << 25 | 1u << 24 | 14u << 20 | is_wfe);
            cr_assert_eq(elr_of(w), 0x8000);
        } else {
            cr_assert_eq(step, STEP_WAIT, "case %u", n);
            cr_assert_eq(w->cpu.wait, is_wfe ? CPU_WAITS_EVENT : CPU_WAITS_INTERRUPT);
            cr_assert_eq(w->told[EVENT_WAIT], 1);
        }
        world_free(w);
    }
}

Test(exception, floating_point_for_all_combinations)
{
    for (unsigned n = 0; n < 3u * 4 * 4; n++) {
        unsigned el = n % 3, fpen = n / 3 % 4;
        bool tfp = n / 12 & 1, tge = n / 24 & 1;
        if (tge && el == 1)
            continue;
        struct core_world *w = world_at(el);
        world_set(w, SR_CPACR_EL1, field_put(CPACR_EL1_FPEN, fpen));
        world_set(w, SR_CPTR_EL2, tfp ? CPTR_EL2_TFP : 0);
        set_hcr(w, tge ? HCR_EL2_TGE : 0);
        enum step step = exception_check_fp(&w->core);
        bool by_el1 = (el == 0 && fpen != 3) || (el == 1 && (fpen & 1) == 0);
        if (by_el1 && tge) {
            cr_assert_eq(w->cpu.el, 2);
            cr_assert_eq(ec_of(w), 0x00);
        } else if (by_el1 || tfp) {
            cr_assert_eq(w->cpu.el, by_el1 ? 1 : 2, "case %u", n);
            cr_assert_eq(esr_of(w), 0x07u << 26 | 1u << 25 | 1u << 24 | 14u << 20);
        } else {
            cr_assert_eq(step, STEP_NEXT, "case %u", n);
        }
        world_free(w);
    }
}

Test(exception, interrupts_use_their_vectors)
{
    static const uint64_t offset[] = {
        [INTERRUPT_SERROR] = 0x180, [INTERRUPT_VSERROR] = 0x180, [INTERRUPT_FIQ] = 0x100,
        [INTERRUPT_VFIQ] = 0x100,   [INTERRUPT_IRQ] = 0x80,      [INTERRUPT_VIRQ] = 0x80};
    for (enum interrupt_kind kind = INTERRUPT_SERROR; kind <= INTERRUPT_VIRQ; kind++)
        for (unsigned routed = 0; routed < 2; routed++) {
            struct core_world *w = world_at(0);
            set_hcr(w, HCR_EL2_VSE |
                           (routed ? HCR_EL2_AMO | HCR_EL2_IMO | HCR_EL2_FMO : 0));
            world_set(w, SR_ESR_EL1, 0x99);
            world_set(w, SR_ESR_EL2, 0x99);
            w->cpu.wait = CPU_WAITS_INTERRUPT;
            exception_interrupt(&w->core, kind);
            bool is_virtual = kind >= INTERRUPT_VSERROR;
            cr_assert_eq(w->cpu.el, routed && !is_virtual ? 2 : 1);
            uint64_t base = w->cpu.el == 2 ? VECTORS_EL2 : VECTORS_EL1;
            cr_assert_eq(w->cpu.pc, base + 0x400 + offset[kind]);
            cr_assert_eq(elr_of(w), 0x8000);
            cr_assert_eq(w->cpu.wait, CPU_RUNS);
            bool is_serror = kind == INTERRUPT_SERROR || kind == INTERRUPT_VSERROR;
            cr_assert_eq(esr_of(w), is_serror ? 0x2fu << 26 | 1u << 25 : 0x99u);
            cr_assert_eq((w->cpu.effective[SR_HCR_EL2] & HCR_EL2_VSE) == 0,
                         kind == INTERRUPT_VSERROR);
            world_free(w);
        }
}

/* A mode field of SPSR_ELx, in the words of the manual. */
static bool mode_is_legal(unsigned mode, unsigned from, bool tge)
{
    switch (mode) {
    case 0x0: /* EL0t */
        return true;
    case 0x4: /* EL1t */
    case 0x5: /* EL1h */
        return !tge;
    case 0x8: /* EL2t */
    case 0x9: /* EL2h */
        return from == 2;
    default: /* reserved, EL3, AArch32 */
        return false;
    }
}

Test(exception, return_for_every_mode)
{
    for (unsigned from = 1; from < 3; from++)
        for (unsigned mode = 0; mode < 32; mode++)
            for (unsigned tge = 0; tge < 2; tge++)
                for (unsigned il = 0; il < 2; il++) {
                    if (tge && from == 1)
                        continue;
                    struct core_world *w = world_at(from);
                    set_hcr(w, tge ? HCR_EL2_TGE : 0);
                    w->cpu.spsel = 1;
                    w->cpu.monitor_size = 64;
                    uint64_t spsr = 0xa0000000u | 0x2c0u | (il ? 1u << 20 : 0) | mode;
                    world_set(w, from == 2 ? SR_SPSR_EL2 : SR_SPSR_EL1, spsr);
                    world_set(w, from == 2 ? SR_ELR_EL2 : SR_ELR_EL1, 0x4444);
                    cr_assert_eq(exception_return(&w->core), STEP_BRANCHED);
                    bool legal = mode_is_legal(mode, from, tge);
                    cr_assert_eq(w->cpu.il, !legal || il, "mode %u", mode);
                    cr_assert_eq(w->cpu.el, legal ? mode >> 2 : from, "mode %u", mode);
                    cr_assert_eq(w->cpu.spsel, legal ? mode & 1 : 1);
                    cr_assert_eq(w->cpu.nzcv, 0xa0000000u);
                    cr_assert_eq(w->cpu.daif, 0x2c0);
                    cr_assert_eq(w->cpu.pc, 0x4444);
                    cr_assert_eq(w->cpu.monitor_size, 0);
                    cr_assert_eq(w->cpu.event_register, 1);
                    cr_assert_eq(w->told[EVENT_ERET], 1);
                    world_free(w);
                }
}

Test(exception, return_from_el0_is_undefined)
{
    struct core_world *w = world_at(0);
    cr_assert_eq(exception_return(&w->core), STEP_EXCEPTION);
    cr_assert_eq(ec_of(w), 0x00);
    world_free(w);
}

Test(exception, return_drops_the_tag_of_an_address)
{
    static const uint64_t low = UINT64_C(0x5a00123456789abc), high = UINT64_C(0x5aff123456789abc);
    for (unsigned tbi = 0; tbi < 4; tbi++)
        for (unsigned upper = 0; upper < 2; upper++) {
            struct core_world *w = world_at(2);
            world_set(w, SR_TCR_EL1, (tbi & 1 ? TCR_EL1_TBI0 : 0) | (tbi & 2 ? TCR_EL1_TBI1 : 0));
            world_set(w, SR_SPSR_EL2, 5);
            world_set(w, SR_ELR_EL2, upper ? high : low);
            exception_return(&w->core);
            uint64_t bare = upper ? UINT64_C(0xffff123456789abc) : UINT64_C(0x0000123456789abc);
            bool drops = tbi >> upper & 1;
            cr_assert_eq(w->cpu.pc, drops ? bare : upper ? high : low);
            world_free(w);
        }
}

/* An exception looks at the effective VBAR, and then everything programmed is in effect. */
Test(exception, entry_synchronizes_context)
{
    struct core_world *w = world_at(1);
    effective_program(&w->core, SR_VBAR_EL1, 0x40000);
    cr_assert_eq(w->cpu.unsynchronized_count, 1);
    exception_svc(&w->core, 0);
    cr_assert_eq(w->cpu.pc, VECTORS_EL1 + 0x200);
    cr_assert_eq(w->cpu.unsynchronized_count, 0);
    cr_assert_eq(w->cpu.effective[SR_VBAR_EL1], 0x40000);
    exception_svc(&w->core, 0);
    cr_assert_eq(w->cpu.pc, 0x40200);
    world_free(w);

    w = world_at(1);
    world_open(w, CHOICE_SYSREG_EFFECTIVE, 1);
    effective_program(&w->core, SR_VBAR_EL1, 0x40000);
    exception_svc(&w->core, 0);
    cr_assert_eq(w->cpu.pc, 0x40200);
    world_free(w);
}
