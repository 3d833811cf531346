/*
 * Self-hosted debug: the software step state machine, breakpoints, watchpoints, the locks and the
 * routing, each by running instructions of a bare core in the precise engine, which is the one
 * that a PE with debug on may run in.
 */
#include "cpu/sysreg.h"
#include "gen/esr.h"
#include "tests/diff/bare.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOP UINT32_C(0xd503201f)
#define SVC_0 UINT32_C(0xd4000001)
#define BRK_7 UINT32_C(0xd42000e0)
#define WFI UINT32_C(0xd503207f)
#define LDXR_X3_X1 UINT32_C(0xc85f7c23)
#define LDR_X3_X1 UINT32_C(0xf9400023)
#define LDR_W3_X1 UINT32_C(0xb9400023)
#define STR_X3_X1 UINT32_C(0xf9000023)
#define STRB_W3_X1 UINT32_C(0x39000023)
#define LDTR_X3_X1 UINT32_C(0xf8400823)
#define LDADD_X2_X3_X1 UINT32_C(0xf8220023)
#define LDP_X3_X4_X1 UINT32_C(0xa9401023)
#define DC_ZVA_X1 UINT32_C(0xd50b7421)
#define DATA (BARE_USER_BASE + 0x2000)
#define PMC(n) ((uint64_t)(n) << 1)
#define SSC(n) ((uint64_t)(n) << 14)
#define LSC_LOAD 1u
#define LSC_STORE 2u
#define EL0_ONLY 2u
#define EL1_ONLY 1u

static void set(struct bare *b, enum sysreg reg, uint64_t value)
{
    sysreg_set(&b->core, reg, value);
    core_synchronize(&b->core);
}

static uint64_t get(struct bare *b, enum sysreg reg)
{
    return sysreg_get(&b->core, reg);
}

/* A core at a level with the OS lock open and words at its code, all interrupts masked but D. */
static struct bare *core_with(unsigned el, uint64_t mdscr, uint32_t first, uint32_t second)
{
    struct bare *b = bare_new();
    uint32_t words[] = {first, second, NOP, NOP};
    bare_enter(b, el, bare_code(el));
    memcpy(el == 0 ? b->user : b->kernel + 0x4000, words, sizeof words);
    b->cpu.x[1] = DATA;
    set(b, SR_OSLAR_EL1, 0);
    set(b, SR_MDSCR_EL1, mdscr);
    return b;
}

static void step(struct bare *b)
{
    cr_assert(!core_may_run_fast(&b->core));
    bare_run(b, ENGINE_KIND_PRECISE, 1);
}

static unsigned class_of(struct bare *b, unsigned el)
{
    return (unsigned)field_get(ESR_ELx_EC, get(b, el == 2 ? SR_ESR_EL2 : SR_ESR_EL1));
}

static bool took(struct bare *b, unsigned el, unsigned class, uint64_t back)
{
    return b->cpu.el == el && class_of(b, el) == class &&
           get(b, el == 2 ? SR_ELR_EL2 : SR_ELR_EL1) == back;
}

/* ---- Software step ---- */

/* The debugger at EL1 returns to EL0 with SPSR.SS as given. */
static struct bare *stepping(unsigned ss, uint32_t first, uint32_t second)
{
    struct bare *b = core_with(0, MDSCR_EL1_SS, first, second);
    b->cpu.el = 1;
    b->cpu.spsel = 1;
    b->cpu.daif = PSTATE_DAIF;
    b->cpu.pc = BARE_CODE;
    memcpy(b->kernel + 0x4000, &(uint32_t){0xd69f03e0 /* eret */}, 4);
    set(b, SR_SPSR_EL1, field_put(SPSR_SS, ss));
    set(b, SR_ELR_EL1, BARE_USER_BASE);
    step(b);
    cr_assert_eq(b->cpu.el, 0);
    cr_assert_eq(b->cpu.ss, ss);
    return b;
}

Test(debug, one_instruction_is_stepped)
{
    static const uint32_t words[] = {NOP, LDXR_X3_X1, LDR_X3_X1, WFI, 0x14000001 /* b .+4 */};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        struct bare *b = stepping(1, words[i], NOP);
        step(b);
        cr_expect_eq(b->cpu.ss, 0);
        cr_expect_eq(b->cpu.pc, BARE_USER_BASE + 4);
        step(b);
        cr_expect(took(b, 1, ESR_EC_SOFTSTP_LOWER, BARE_USER_BASE + 4), "%08x", words[i]);
        uint64_t iss = get(b, SR_ESR_EL1) & 0x1ffffff;
        uint64_t ex = words[i] == LDXR_X3_X1 ? ISS_SOFTWARE_STEP_EX : 0;
        cr_expect_eq(iss, ISS_SOFTWARE_STEP_ISV | ex | FSC_DEBUG, "%08x: %#lx", words[i], iss);
        cr_expect_eq(get(b, SR_SPSR_EL1) & SPSR_SS, 0);
        bare_free(b);
    }
}

Test(debug, a_return_without_ss_is_pending_at_once)
{
    struct bare *b = stepping(0, NOP, NOP);
    step(b);
    cr_expect(took(b, 1, ESR_EC_SOFTSTP_LOWER, BARE_USER_BASE));
    cr_expect_eq(get(b, SR_ESR_EL1) & 0x1ffffff, FSC_DEBUG); /* it did not step */
    bare_free(b);
}

/* A call counts as stepped, an instruction that faults does not. */
Test(debug, exceptions_of_the_stepped_instruction)
{
    struct bare *b = stepping(1, SVC_0, NOP);
    step(b);
    cr_expect(took(b, 1, ESR_EC_SVC64, BARE_USER_BASE + 4));
    cr_expect_eq(get(b, SR_SPSR_EL1) & SPSR_SS, 0);
    bare_free(b);
    b = stepping(1, LDR_X3_X1, NOP);
    b->cpu.x[1] = BARE_KERNEL_BASE;
    step(b);
    cr_expect(took(b, 1, ESR_EC_DABT_LOWER, BARE_USER_BASE));
    cr_expect_eq(get(b, SR_SPSR_EL1) & SPSR_SS, SPSR_SS);
    bare_free(b);
    b = stepping(1, BRK_7, NOP);
    step(b);
    cr_expect(took(b, 1, ESR_EC_BRK64, BARE_USER_BASE));
    cr_expect_eq(get(b, SR_SPSR_EL1) & SPSR_SS, SPSR_SS);
    bare_free(b);
}

Test(debug, a_level_steps_itself_only_with_kde_and_d_open)
{
    for (unsigned kde = 0; kde < 2; kde++)
        for (unsigned d = 0; d < 2; d++) {
            uint64_t mdscr = MDSCR_EL1_SS | field_put(MDSCR_EL1_KDE, kde);
            struct bare *b = core_with(1, mdscr, NOP, NOP);
            b->cpu.daif = d ? PSTATE_D : 0;
            step(b); /* active and pending: nothing of it is executed */
            bool pending = kde && !d;
            cr_expect_eq(took(b, 1, ESR_EC_SOFTSTP_SAME, BARE_CODE), pending);
            bare_free(b);
        }
}

Test(debug, el2_takes_it_with_tde)
{
    struct bare *b = core_with(1, MDSCR_EL1_SS, NOP, NOP);
    b->cpu.daif = PSTATE_DAIF; /* does not mask what goes to a higher level */
    set(b, SR_MDCR_EL2, 6 | MDCR_EL2_TDE);
    b->cpu.ss = 1;
    step(b);
    step(b);
    cr_expect(took(b, 2, ESR_EC_SOFTSTP_LOWER, BARE_CODE + 4));
    cr_expect_eq(get(b, SR_ESR_EL2) & 0x1ffffff, ISS_SOFTWARE_STEP_ISV | FSC_DEBUG);
    bare_free(b);
}

Test(debug, brk_goes_to_el2_with_tde)
{
    for (unsigned tde = 0; tde < 2; tde++) {
        struct bare *b = core_with(0, MDSCR_EL1_SS, BRK_7, NOP);
        set(b, SR_OSLAR_EL1, 1); /* BRK knows no lock */
        set(b, SR_MDCR_EL2, 6 | field_put(MDCR_EL2_TDE, tde));
        step(b);
        cr_expect(took(b, tde ? 2 : 1, ESR_EC_BRK64, BARE_USER_BASE));
        bare_free(b);
    }
}

Test(debug, locks_disable_debug_exceptions)
{
    static const struct {
        unsigned os, dlk, corenpdrq;
        bool open;
    } rows[] = {{0, 0, 0, true}, {1, 0, 0, false}, {0, 1, 0, false}, {0, 1, 1, true}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bare *b = core_with(0, MDSCR_EL1_SS, NOP, NOP);
        set(b, SR_OSDLR_EL1, rows[i].dlk);
        set(b, SR_DBGPRCR_EL1, rows[i].corenpdrq);
        set(b, SR_OSLAR_EL1, rows[i].os);
        step(b);
        cr_expect_eq(b->cpu.el, rows[i].open ? 1 : 0, "row %zu", i);
        bare_free(b);
    }
}

/* ---- Breakpoints ---- */

/* Whether an instruction at a level meets breakpoint 0, and is not executed. */
static bool breaks(struct bare *b, unsigned el)
{
    b->cpu.x[7] = 5;
    step(b);
    bool hit = b->cpu.el == 1 && class_of(b, 1) == (el == 1 ? ESR_EC_BREAKPT_SAME
                                                            : ESR_EC_BREAKPT_LOWER);
    if (hit) {
        cr_expect_eq(get(b, SR_ESR_EL1) & 0x1ffffff, FSC_DEBUG);
        cr_expect_eq(get(b, SR_ELR_EL1), bare_code(el));
    }
    return hit;
}

#define ADD_X7 UINT32_C(0x910004e7) /* add x7, x7, #1 */

Test(debug, breakpoints_by_address_and_level)
{
    static const struct {
        uint64_t control;
        bool at[2]; /* EL0, EL1 */
    } rows[] = {
        {BCR_E | PMC(EL0_ONLY), {true, false}},
        {BCR_E | PMC(EL1_ONLY), {false, true}},
        {BCR_E | PMC(3), {true, true}},
        {BCR_E | BCR_HMC | PMC(3), {true, true}},
        {BCR_E | BCR_HMC | PMC(1), {false, true}},
        {BCR_E | BCR_HMC | SSC(3), {false, false}}, /* EL2 alone */
        {BCR_E | SSC(1) | PMC(3), {false, false}},  /* reserved without EL3 */
        {BCR_E, {false, false}},                                   /* reserved */
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        for (unsigned el = 0; el < 2; el++)
            for (unsigned miss = 0; miss < 2; miss++) {
                struct bare *b = core_with(el, MDSCR_EL1_MDE | MDSCR_EL1_KDE, ADD_X7, NOP);
                set(b, SR_DBGBVR0_EL1, bare_code(el) + 4 * miss);
                set(b, SR_DBGBCR0_EL1, rows[i].control);
                cr_expect_eq(breaks(b, el), rows[i].at[el] && !miss, "row %zu, EL%u", i, el);
                cr_expect_eq(b->cpu.x[7], rows[i].at[el] && !miss ? 5 : 6);
                bare_free(b);
            }
}

Test(debug, a_breakpoint_needs_mde)
{
    struct bare *b = core_with(0, MDSCR_EL1_KDE, ADD_X7, NOP);
    set(b, SR_DBGBVR0_EL1, BARE_USER_BASE);
    set(b, SR_DBGBCR0_EL1, BCR_E | PMC(3));
    cr_expect(core_may_run_fast(&b->core));
    bare_run(b, ENGINE_KIND_PRECISE, 1);
    cr_expect_eq(b->cpu.el, 0);
    bare_free(b);
}

/* Breakpoints 4 and 5 are aware of the context; 0 may be linked to them. */
Test(debug, breakpoints_by_context)
{
    static const struct {
        unsigned n, type, context, vmid;
        bool hit;
    } rows[] = {
        {4, 2, 77, 0, true},  {4, 2, 78, 0, false},  {0, 2, 77, 0, false},
        {5, 8, 0, 9, true},   {5, 8, 0, 8, false},   {5, 10, 77, 9, true},
        {5, 10, 77, 8, false}, {5, 10, 78, 9, false}, {5, 6, 77, 9, false},
        {5, 3, 77, 0, false}, /* linked: alone it matches nothing */
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bare *b = core_with(0, MDSCR_EL1_MDE, ADD_X7, NOP);
        set(b, SR_CONTEXTIDR_EL1, 77);
        set(b, SR_VTTBR_EL2, field_put(VTTBR_EL2_VMID, 9));
        set(b, (enum sysreg)(SR_DBGBVR0_EL1 + rows[i].n),
            rows[i].context | (uint64_t)rows[i].vmid << 32);
        set(b, (enum sysreg)(SR_DBGBCR0_EL1 + rows[i].n),
            BCR_E | PMC(3) | field_put(BCR_BT, rows[i].type));
        cr_expect_eq(breaks(b, 0), rows[i].hit, "row %zu", i);
        bare_free(b);
    }
}

Test(debug, a_linked_breakpoint_needs_both)
{
    for (unsigned context = 0; context < 2; context++)
        for (unsigned lbn = 3; lbn < 7; lbn++) {
            struct bare *b = core_with(0, MDSCR_EL1_MDE, ADD_X7, NOP);
            set(b, SR_CONTEXTIDR_EL1, 77);
            set(b, SR_DBGBVR5_EL1, 77 + context);
            set(b, SR_DBGBCR5_EL1, BCR_E | field_put(BCR_BT, 3));
            set(b, SR_DBGBVR0_EL1, BARE_USER_BASE);
            set(b, SR_DBGBCR0_EL1,
                BCR_E | PMC(3) | field_put(BCR_BT, 1) | field_put(BCR_LBN, lbn));
            cr_expect_eq(breaks(b, 0), context == 0 && lbn == 5);
            bare_free(b);
        }
}

/* ---- Watchpoints ---- */

#define WATCH(bas, lsc, pac)                                                             \
    (WCR_E | (uint64_t)(bas) << 5 | (uint64_t)(lsc) << 3 | (uint64_t)(pac) << 1)
#define MASK(n) ((uint64_t)(n) << 24)
#define BOTH (LSC_LOAD | LSC_STORE)

/* clang-format off */
static const struct {
    uint32_t word;
    unsigned el;
    uint64_t address, value, control;
    char hit; /* '-' no, 'r' and 'w': with WnR 0 and 1 */
    uint64_t far; /* beyond the address */
} watches[] = {
    {LDR_X3_X1, 0, DATA, DATA, WATCH(0xff, BOTH, 3), 'r', 0},
    {STR_X3_X1, 0, DATA, DATA, WATCH(0xff, BOTH, 3), 'w', 0},
    {LDR_X3_X1, 0, DATA, DATA, WATCH(0xff, LSC_STORE, 3), '-', 0},
    {STR_X3_X1, 0, DATA, DATA, WATCH(0xff, LSC_LOAD, 3), '-', 0},
    {LDR_X3_X1, 0, DATA + 8, DATA, WATCH(0xff, BOTH, 3), '-', 0},
    {LDR_X3_X1, 0, DATA + 5, DATA + 8, WATCH(0x0f, BOTH, 3), 'r', 0},
    {LDR_W3_X1, 0, DATA, DATA, WATCH(0xf0, BOTH, 3), '-', 0},
    {LDR_W3_X1, 0, DATA + 4, DATA, WATCH(0xf0, BOTH, 3), 'r', 0},
    {LDR_W3_X1, 0, DATA + 4, DATA + 4, WATCH(0x0f, BOTH, 3), 'r', 0},
    {LDR_W3_X1, 0, DATA, DATA + 4, WATCH(0x0f, BOTH, 3), '-', 0},
    {STRB_W3_X1, 0, DATA + 2, DATA, WATCH(0x04, BOTH, 3), 'w', 0},
    {STRB_W3_X1, 0, DATA + 3, DATA, WATCH(0x04, BOTH, 3), '-', 0},
    {STRB_W3_X1, 0, DATA + 63, DATA, WATCH(0xff, BOTH, 3) | MASK(6), 'w', 0},
    {STRB_W3_X1, 0, DATA + 64, DATA, WATCH(0xff, BOTH, 3) | MASK(6), '-', 0},
    {STRB_W3_X1, 0, DATA, DATA, WATCH(0xff, BOTH, 3) | MASK(2), '-', 0}, /* reserved */
    {LDP_X3_X4_X1, 0, DATA, DATA + 8, WATCH(0xff, BOTH, 3), 'r', 8},
    {LDR_X3_X1, 1, DATA, DATA, WATCH(0xff, BOTH, EL0_ONLY), '-', 0},
    {LDR_X3_X1, 1, DATA, DATA, WATCH(0xff, BOTH, EL1_ONLY), 'r', 0},
    {LDTR_X3_X1, 1, DATA, DATA, WATCH(0xff, BOTH, EL0_ONLY), 'r', 0},
    {LDTR_X3_X1, 1, DATA, DATA, WATCH(0xff, BOTH, EL1_ONLY), '-', 0},
    {LDADD_X2_X3_X1, 0, DATA, DATA, WATCH(0xff, BOTH, 3), 'r', 0},
    {LDADD_X2_X3_X1, 0, DATA, DATA, WATCH(0xff, LSC_STORE, 3), 'w', 0},
    {DC_ZVA_X1, 0, DATA + 9, DATA + 48, WATCH(0xff, LSC_STORE, 3), 'w', 0},
    {DC_ZVA_X1, 0, DATA + 9, DATA + 64, WATCH(0xff, LSC_STORE, 3), '-', 0},
    {NOP, 0, DATA, DATA, WATCH(0xff, BOTH, 3), '-', 0},
    {LDR_X3_X1, 0, DATA, DATA, WATCH(0xff, BOTH, 3) & ~WCR_E, '-', 0},
};
/* clang-format on */

Test(debug, watchpoints)
{
    for (size_t i = 0; i < ARRAY_COUNT(watches); i++) {
        unsigned el = watches[i].el;
        struct bare *b =
            core_with(el, MDSCR_EL1_MDE | MDSCR_EL1_KDE, watches[i].word, NOP);
        memset(b->user + 0x2000, 0x11, 256);
        b->cpu.x[1] = watches[i].address;
        b->cpu.x[3] = UINT64_MAX;
        set(b, SR_DBGWVR3_EL1, watches[i].value);
        set(b, SR_DBGWCR3_EL1, watches[i].control);
        set(b, SR_DBGWCR0_EL1, WCR_E); /* matches nothing, but keeps debug on */
        step(b);
        bool hit = b->cpu.pc != bare_code(el) + 4;
        cr_expect_eq(hit, watches[i].hit != '-', "row %zu", i);
        if (hit) {
            unsigned class = el == 1 ? ESR_EC_WATCHPT_SAME : ESR_EC_WATCHPT_LOWER;
            uint64_t wnr = watches[i].hit == 'w' ? ISS_WATCHPOINT_WNR : 0;
            cr_expect(took(b, 1, class, bare_code(el)), "row %zu", i);
            cr_expect_eq(get(b, SR_ESR_EL1) & 0x1ffffff, wnr | FSC_DEBUG, "row %zu", i);
            uint64_t far = get(b, SR_FAR_EL1), base = watches[i].address + watches[i].far;
            bool is_block = watches[i].word == DC_ZVA_X1;
            cr_expect_eq(far, is_block ? align_down(base, 64) : base, "row %zu", i);
            cr_expect_eq(b->cpu.x[3], UINT64_MAX, "row %zu", i);
            for (unsigned k = 0; k < 256; k++)
                cr_expect_eq(b->user[0x2000 + k], 0x11, "row %zu", i);
        }
        bare_free(b);
    }
}

/* A translation fault comes before a watchpoint, a breakpoint behind a fetch fault. */
Test(debug, faults_of_translation_come_first)
{
    struct bare *b = core_with(0, MDSCR_EL1_MDE, LDR_X3_X1, NOP);
    b->cpu.x[1] = BARE_KERNEL_BASE;
    set(b, SR_DBGWVR0_EL1, BARE_KERNEL_BASE);
    set(b, SR_DBGWCR0_EL1, WATCH(0xff, BOTH, 3));
    step(b);
    cr_expect(took(b, 1, ESR_EC_DABT_LOWER, BARE_USER_BASE));
    bare_free(b);
}

/* ---- Registers ---- */

/* The flag that keeps a PE out of the fast engine. */
Test(debug, it_is_on_only_while_something_may_come_of_it)
{
    struct bare *b = bare_new();
    struct core *c = &b->core;
    cr_expect(!c->debug_on);
    sysreg_set(c, SR_MDSCR_EL1, MDSCR_EL1_SS);
    cr_expect(!c->debug_on); /* not yet effective */
    core_synchronize(c);
    cr_expect(c->debug_on && !core_may_run_fast(c));
    set(b, SR_MDSCR_EL1, MDSCR_EL1_MDE);
    cr_expect(!c->debug_on);
    set(b, SR_DBGBCR2_EL1, BCR_E);
    cr_expect(c->debug_on);
    set(b, SR_DBGBCR2_EL1, 0);
    cr_expect(!c->debug_on && core_may_run_fast(c));
    set(b, SR_DBGWCR3_EL1, WCR_E);
    cr_expect(c->debug_on);
    c->debug_on = false;
    core_restored(c); /* it is derived */
    cr_expect(c->debug_on);
    bare_free(b);
}

/* An engine that switches debug on gives way at once, so that the next step is looked at. */
Test(debug, switching_it_on_ends_the_run_of_the_fast_engine)
{
    struct bare *b = core_with(1, 0, 0xd5100241 /* msr mdscr_el1, x1 */, 0xd5033fdf /* isb */);
    b->cpu.x[1] = MDSCR_EL1_SS | MDSCR_EL1_KDE;
    struct engine_budget budget = {.steps = 100, .cycles = UINT64_MAX};
    struct engine_result result = core_run_fast(&b->core, &budget);
    cr_expect_eq(result.steps, 2);
    cr_expect_eq(result.reason, ENGINE_LINES);
    bare_free(b);
}

/* Nobody reads what is transmitted, nobody sends. */
Test(debug, the_communication_channel)
{
    struct bare *b = core_with(1, 0, NOP, NOP);
    cr_expect_eq(get(b, SR_MDCCSR_EL0), 0);
    set(b, SR_DBGDTRRX_EL0, UINT64_C(0xffffffff00000041));
    cr_expect_eq(get(b, SR_MDCCSR_EL0), MDCCSR_EL0_TXfull);
    cr_expect_eq(get(b, SR_OSDTRTX_EL1), 0x41);
    set(b, SR_OSLAR_EL1, 1); /* locked: the saved state may be put back */
    set(b, SR_OSDTRRX_EL1, 0x51);
    set(b, SR_MDSCR_EL1, MDSCR_EL1_RXfull);
    cr_expect_eq(get(b, SR_MDCCSR_EL0), MDCCSR_EL0_RXfull);
    set(b, SR_OSLAR_EL1, 0);
    cr_expect_eq(get(b, SR_DBGDTR_EL0), UINT64_C(0x4100000051));
    cr_expect_eq(get(b, SR_MDCCSR_EL0), 0);
    set(b, SR_MDSCR_EL1, MDSCR_EL1_RXfull); /* unlocked: it is the channel's own */
    cr_expect_eq(get(b, SR_MDCCSR_EL0), 0);
    bare_free(b);
}
