/*
 * The rows that tests/diff/rows.c cannot run as a Linux process, and what only other Exception
 * levels show of the others: exceptions that instructions generate, waiting, PSTATE, undefined
 * encodings, and the CONSTRAINED UNPREDICTABLE choices. Each in both engines.
 */
#include "cpu/disasm.h"
#include "cpu/sysreg.h"
#include "gen/esr.h"
#include "tests/diff/operands.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#define HLT_SEMIHOST UINT32_C(0xd45e0000)
#define MARK UINT64_C(0x1122334455667788)

/* How an instruction ends. */
enum ending { TAKES_EXCEPTION, ENDS_RUN, GOES_ON };

struct row {
    enum a64_op op;
    uint32_t word;
    uint8_t el;
    uint64_t hcr; /* beside HCR_EL2.RW */
    enum ending ending;
    unsigned to_el;              /* TAKES_EXCEPTION: target, class, syndrome, offset of ELR */
    uint32_t ec, iss, iss_mask, back;
    enum engine_reason reason; /* ENDS_RUN */
    bool (*check)(const struct cpu *cpu);
};

static bool is_sp_el0(const struct cpu *cpu)
{
    return cpu->spsel == 0;
}

static bool is_sp_elx(const struct cpu *cpu)
{
    return cpu->spsel == 1;
}

static bool has_all_masked(const struct cpu *cpu)
{
    return cpu->daif == PSTATE_DAIF;
}

static bool has_i_masked(const struct cpu *cpu)
{
    return cpu->daif == PSTATE_I;
}

static bool has_nothing_masked(const struct cpu *cpu)
{
    return cpu->daif == 0;
}

static bool has_pan(const struct cpu *cpu)
{
    return cpu->access == PSTATE_PAN;
}

static bool has_uao(const struct cpu *cpu)
{
    return cpu->access == PSTATE_UAO;
}

static bool waits_for_interrupt(const struct cpu *cpu)
{
    return cpu->wait == CPU_WAITS_INTERRUPT;
}

static bool waits_for_event(const struct cpu *cpu)
{
    return cpu->wait == CPU_WAITS_EVENT;
}

static bool has_event(const struct cpu *cpu)
{
    return cpu->event_register == 1;
}

#define EXCEPTION(el, class, iss, back) TAKES_EXCEPTION, el, class, iss, 0x1ffffff, back, 0, NULL
#define UNDEFINED(el) EXCEPTION(el, ESR_EC_UNKNOWN, 0, 0)
#define TRAP(el, class) TAKES_EXCEPTION, el, class, 0, 0, 0, 0, NULL
#define STOPS(reason, check) ENDS_RUN, 0, 0, 0, 0, 0, reason, check
#define LEAVES(check) GOES_ON, 0, 0, 0, 0, 0, 0, check

/* clang-format off */
static const struct row table[] = {
    {A64_SVC, 0xd4024681, 0, 0,           EXCEPTION(1, ESR_EC_SVC64, 0x1234, 4)},
    {A64_SVC, 0xd4024681, 1, 0,           EXCEPTION(1, ESR_EC_SVC64, 0x1234, 4)},
    {A64_SVC, 0xd4024681, 2, 0,           EXCEPTION(2, ESR_EC_SVC64, 0x1234, 4)},
    {A64_SVC, 0xd4024681, 0, HCR_EL2_TGE, EXCEPTION(2, ESR_EC_SVC64, 0x1234, 4)},
    {A64_HVC, 0xd4024682, 0, 0,           UNDEFINED(1)},
    {A64_HVC, 0xd4024682, 1, 0,           EXCEPTION(2, ESR_EC_HVC64, 0x1234, 4)},
    {A64_HVC, 0xd4024682, 2, 0,           EXCEPTION(2, ESR_EC_HVC64, 0x1234, 4)},
    {A64_HVC, 0xd4024682, 1, HCR_EL2_HCD, UNDEFINED(1)},
    {A64_SMC, 0xd4024683, 0, 0,           UNDEFINED(1)},
    {A64_SMC, 0xd4024683, 1, 0,           STOPS(ENGINE_FIRMWARE, NULL)},
    {A64_SMC, 0xd4024683, 1, HCR_EL2_TSC, EXCEPTION(2, ESR_EC_SMC64, 0x1234, 0)},
    {A64_SMC, 0xd4024683, 2, 0,           STOPS(ENGINE_FIRMWARE, NULL)},
    {A64_BRK, 0xd4224680, 0, 0,           EXCEPTION(1, ESR_EC_BRK64, 0x1234, 0)},
    {A64_BRK, 0xd4224680, 2, 0,           EXCEPTION(2, ESR_EC_BRK64, 0x1234, 0)},
    {A64_HLT, HLT_SEMIHOST, 1, 0,         STOPS(ENGINE_SEMIHOST, NULL)},
    {A64_HLT, 0xd4424680, 1, 0,           UNDEFINED(1)},
    {A64_DCPS1, 0xd4a00001, 1, 0,         UNDEFINED(1)},
    {A64_DCPS2, 0xd4a00002, 0, 0,         UNDEFINED(1)},
    {A64_DCPS3, 0xd4a00003, 2, 0,         UNDEFINED(2)},
    {A64_DRPS, 0xd6bf03e0, 1, 0,          UNDEFINED(1)},
    {A64_ERET, 0xd69f03e0, 0, 0,          UNDEFINED(1)},
    {A64_ERET, 0xd69f03e0, 0, HCR_EL2_TGE, UNDEFINED(2)},
    {A64_WFI, 0xd503207f, 1, 0,           STOPS(ENGINE_WAITS, waits_for_interrupt)},
    {A64_WFI, 0xd503207f, 1, HCR_EL2_TWI, TRAP(2, ESR_EC_WFX)},
    {A64_WFI, 0xd503207f, 2, HCR_EL2_TWI, STOPS(ENGINE_WAITS, waits_for_interrupt)},
    {A64_WFE, 0xd503205f, 1, 0,           STOPS(ENGINE_WAITS, waits_for_event)},
    {A64_WFE, 0xd503205f, 0, HCR_EL2_TWE, TRAP(2, ESR_EC_WFX)},
    {A64_SEVL, 0xd50320bf, 1, 0,          LEAVES(has_event)},
    {A64_MSR_SPSel, 0xd50040bf, 1, 0,     LEAVES(is_sp_el0)},
    {A64_MSR_SPSel, 0xd50041bf, 2, 0,     LEAVES(is_sp_elx)},
    {A64_MSR_SPSel, 0xd50041bf, 0, 0,     UNDEFINED(1)},
    {A64_MSR_PAN, 0xd500419f, 1, 0,       LEAVES(has_pan)},
    {A64_MSR_PAN, 0xd500419f, 2, 0,       LEAVES(has_pan)},
    {A64_MSR_PAN, 0xd500419f, 0, 0,       UNDEFINED(1)},
    {A64_MSR_UAO, 0xd500417f, 1, 0,       LEAVES(has_uao)},
    {A64_MSR_UAO, 0xd500417f, 0, 0,       UNDEFINED(1)},
    {A64_MSR_DAIFSet, 0xd5034fdf, 1, 0,   LEAVES(has_all_masked)},
    {A64_MSR_DAIFSet, 0xd50342df, 2, 0,   LEAVES(has_i_masked)},
    {A64_MSR_DAIFSet, 0xd5034fdf, 0, 0,   TRAP(1, ESR_EC_SYSREG)},
    {A64_MSR_DAIFClr, 0xd5034fff, 1, 0,   LEAVES(has_nothing_masked)},
    {A64_MSR_DAIFClr, 0xd5034fff, 0, 0,   TRAP(1, ESR_EC_SYSREG)},
    {A64_SYSL, 0xd52b7fe3, 1, 0,          UNDEFINED(1)},
    {A64_UNALLOCATED, 0x00000000, 0, 0,   UNDEFINED(1)},
    {A64_UNALLOCATED, 0x12407c00, 1, 0,   UNDEFINED(1)},
};
/* clang-format on */

static void set_hcr(struct bare *b, uint64_t bits)
{
    sysreg_set(&b->core, SR_HCR_EL2, HCR_EL2_RW | bits);
    core_synchronize(&b->core);
}

static void check_exception(struct bare *b, const struct row *row, const char *text)
{
    enum sysreg esr_of[] = {SR_ESR_EL1, SR_ESR_EL1, SR_ESR_EL2};
    enum sysreg elr_of[] = {SR_ELR_EL1, SR_ELR_EL1, SR_ELR_EL2};
    enum sysreg spsr_of[] = {SR_SPSR_EL1, SR_SPSR_EL1, SR_SPSR_EL2};
    cr_expect_eq(b->cpu.el, row->to_el, "%s: EL%u", text, b->cpu.el);
    uint64_t esr = sysreg_get(&b->core, esr_of[row->to_el]);
    cr_expect_eq(field_get(ESR_ELx_EC, esr), row->ec, "%s: ESR %#lx", text, (unsigned long)esr);
    cr_expect_eq(esr & row->iss_mask, row->iss, "%s: ESR %#lx", text, (unsigned long)esr);
    uint64_t elr = sysreg_get(&b->core, elr_of[row->to_el]);
    cr_expect_eq(elr, bare_code(row->el) + row->back, "%s: ELR %#lx", text, (unsigned long)elr);
    uint64_t spsr = sysreg_get(&b->core, spsr_of[row->to_el]);
    cr_expect_eq(spsr >> 2 & 3, row->el, "%s: SPSR %#lx", text, (unsigned long)spsr);
    cr_expect_eq(b->cpu.daif, PSTATE_DAIF, "%s", text);
    cr_expect_eq(b->cpu.spsel, 1, "%s", text);
}

static unsigned numbers[ARRAY_COUNT(table)];

ParameterizedTestParameters(privileged, rows)
{
    for (unsigned i = 0; i < ARRAY_COUNT(table); i++)
        numbers[i] = i;
    return cr_make_param_array(unsigned, numbers, ARRAY_COUNT(table));
}

ParameterizedTest(unsigned *number, privileged, rows)
{
    const struct row *row = &table[*number];
    char text[A64_TEXT_BYTES];
    cr_assert_eq(a64_disassemble(row->word, 0, text, sizeof text), row->op, "%s", text);
    for (unsigned kind = 0; kind < 2; kind++) {
        struct bare *b = bare_new();
        set_hcr(b, row->hcr);
        bare_enter(b, row->el, 0);
        struct engine_result result = bare_step(b, (enum engine_kind)kind, row->word);
        cr_expect_eq(result.steps, 1);
        if (row->ending == TAKES_EXCEPTION) {
            check_exception(b, row, text);
        } else {
            cr_expect_eq(result.reason, row->ending == ENDS_RUN ? row->reason : ENGINE_BUDGET,
                         "%s: reason %d", text, (int)result.reason);
            cr_expect_eq(b->cpu.pc, bare_code(row->el) + 4, "%s", text);
            cr_expect_eq(b->cpu.el, row->el, "%s", text);
        }
        cr_expect(!row->check || row->check(&b->cpu), "%s at EL%u", text, row->el);
        bare_free(b);
    }
}

Test(privileged, every_row_that_qemu_does_not_run_is_here)
{
#define X(name, mask, bits, class, flags, text, line)                                         \
    if (operands_excluded(A64_##name)) {                                                      \
        bool found = false;                                                                   \
        for (unsigned i = 0; i < ARRAY_COUNT(table); i++)                                     \
            found |= table[i].op == A64_##name;                                               \
        cr_expect(found, "%s is run nowhere", #name);                                         \
    }
    A64_LIST(X)
#undef X
}

/* ---- Exception return, events and barriers ---- */

static void check_return(unsigned el, enum sysreg spsr, enum sysreg elr, uint64_t mode)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct bare *b = bare_new();
        set_hcr(b, 0);
        bare_enter(b, el, 0);
        sysreg_set(&b->core, spsr, UINT64_C(0xa0000000) | PSTATE_I | mode);
        sysreg_set(&b->core, elr, MARK & ~UINT64_C(3));
        bare_step(b, (enum engine_kind)kind, UINT32_C(0xd69f03e0));
        cr_expect_eq(b->cpu.pc, MARK & ~UINT64_C(3));
        cr_expect_eq(b->cpu.el, mode >> 2);
        cr_expect_eq(b->cpu.spsel, mode & 1);
        cr_expect_eq(b->cpu.daif, PSTATE_I);
        cr_expect_eq(b->cpu.nzcv, PSTATE_N | PSTATE_C);
        cr_expect_eq(b->cpu.il, 0);
        bare_free(b);
    }
}

Test(privileged, eret_goes_down)
{
    check_return(1, SR_SPSR_EL1, SR_ELR_EL1, 0x0);
    check_return(1, SR_SPSR_EL1, SR_ELR_EL1, 0x5);
    check_return(2, SR_SPSR_EL2, SR_ELR_EL2, 0x4);
    check_return(2, SR_SPSR_EL2, SR_ELR_EL2, 0x9);
}

Test(privileged, sev_and_barriers_reach_the_machine)
{
    struct bare *b = bare_new();
    bare_enter(b, 1, 0);
    bare_step(b, ENGINE_KIND_PRECISE, UINT32_C(0xd503209f)); /* sev */
    cr_assert_eq(b->events_sent, 1);
    bare_step(b, ENGINE_KIND_PRECISE, UINT32_C(0xd5033bbf)); /* dmb ish */
    cr_assert_eq(b->barriers, 1u << BARRIER_DMB);
    bare_step(b, ENGINE_KIND_FAST, UINT32_C(0xd5033f9f)); /* dsb sy */
    cr_assert_eq(b->barriers, 1u << BARRIER_DMB | 1u << BARRIER_DSB);
    bare_step(b, ENGINE_KIND_FAST, UINT32_C(0xd5033fdf)); /* isb */
    cr_assert_eq(b->barriers, 1u << BARRIER_DMB | 1u << BARRIER_DSB | 1u << BARRIER_ISB);
    bare_free(b);
}

/* WFE does not wait when the event register is set, and clears it. */
Test(privileged, wfe_consumes_an_event)
{
    struct bare *b = bare_new();
    bare_enter(b, 1, 0);
    b->cpu.event_register = 1;
    struct engine_result result = bare_step(b, ENGINE_KIND_FAST, UINT32_C(0xd503205f));
    cr_assert_eq(result.reason, ENGINE_BUDGET);
    cr_assert_eq(b->cpu.event_register, 0);
    bare_free(b);
}

/* ---- Aborts and alignment ---- */

/* ISV, SAS, SSE, SRT, SF, AR of a Data Abort's ISS. */
#define SYNDROME(sas, sse, srt, sf, ar) \
    (1u << 24 | (sas) << 22 | (sse) << 21 | (srt) << 16 | (sf) << 15 | (ar) << 14)

static const struct {
    uint32_t word, iss; /* ISS[24:14] */
} aborts[] = {
    {0xf9400003, SYNDROME(3, 0, 3, 1, 0)},  /* ldr x3, [x0] */
    {0xb9400003, SYNDROME(2, 0, 3, 0, 0)},  /* ldr w3, [x0] */
    {0x3900001f, SYNDROME(0, 0, 31, 0, 0)}, /* strb wzr, [x0] */
    {0x39c00003, SYNDROME(0, 1, 3, 0, 0)},  /* ldrsb w3, [x0] */
    {0x79800003, SYNDROME(1, 1, 3, 1, 0)},  /* ldrsh x3, [x0] */
    {0xb9800003, SYNDROME(2, 1, 3, 1, 0)},  /* ldrsw x3, [x0] */
    {0xf8000003, SYNDROME(3, 0, 3, 1, 0)},  /* stur x3, [x0] */
    {0xf8000803, SYNDROME(3, 0, 3, 1, 0)},  /* sttr x3, [x0] */
    {0xf87f6803, SYNDROME(3, 0, 3, 1, 0)},  /* ldr x3, [x0, xzr] */
    {0x88dffc03, SYNDROME(2, 0, 3, 0, 1)},  /* ldar w3, [x0] */
    {0xc89ffc03, SYNDROME(3, 0, 3, 1, 1)},  /* stlr x3, [x0] */
    {0xf8408403, 0},                         /* ldr x3, [x0], #8 */
    {0xf8008c03, 0},                         /* str x3, [x0, #8]! */
    {0xa9400c02, 0},                         /* ldp x2, x3, [x0] */
    {0xa8000c02, 0},                         /* stnp x2, x3, [x0] */
    {0xc85f7c03, 0},                         /* ldxr x3, [x0] */
    {0xc8027c03, 0},                         /* stxr w2, x3, [x0] */
};

/* An abort leaves all registers as they were, and says what a hypervisor may know. */
Test(privileged, aborts_have_a_syndrome_and_change_nothing)
{
    for (unsigned i = 0; i < 2 * ARRAY_COUNT(aborts); i++) {
        struct bare *b = bare_new();
        bare_enter(b, 1, 0);
        for (unsigned n = 1; n < 31; n++)
            b->cpu.x[n] = MARK + n;
        b->cpu.x[0] = UINT64_C(0x8000000000); /* past the end of TTBR0's range */
        bare_step(b, (enum engine_kind)(i & 1), aborts[i / 2].word);
        uint64_t esr = sysreg_get(&b->core, SR_ESR_EL1);
        cr_expect_eq(field_get(ESR_ELx_EC, esr), ESR_EC_DABT_SAME, "%#x", aborts[i / 2].word);
        cr_expect_eq(b->core.fault_iss, aborts[i / 2].iss, "%#x: %#x", aborts[i / 2].word,
                     b->core.fault_iss);
        cr_expect_eq(b->cpu.x[0], UINT64_C(0x8000000000));
        for (unsigned n = 1; n < 31; n++)
            cr_expect_eq(b->cpu.x[n], MARK + n, "%#x: x%u", aborts[i / 2].word, n);
        bare_free(b);
    }
}

Test(privileged, a_misaligned_sp_is_no_base)
{
    static const uint32_t words[] = {0xf94003e0, 0xf90003e0, 0xa94007e0, 0xa90007e0,
                                     0xc85f7fe0, 0xc8017fe0, 0xc8dfffe0, 0xc89fffe0};
    for (unsigned i = 0; i < 2 * ARRAY_COUNT(words); i++) {
        struct bare *b = bare_new();
        bare_enter(b, 1, 0);
        cpu_sp_set(&b->cpu, BARE_KERNEL_BASE + 0x6008);
        bare_step(b, (enum engine_kind)(i & 1), words[i / 2]);
        uint64_t esr = sysreg_get(&b->core, SR_ESR_EL1);
        cr_expect_eq(field_get(ESR_ELx_EC, esr), ESR_EC_SP_ALIGN, "%#x", words[i / 2]);
        bare_enter(b, 1, 0);
        bare_step(b, (enum engine_kind)(i & 1), UINT32_C(0xf98003e0)); /* prfm pldl1keep, [sp] */
        cr_expect_eq(b->cpu.pc, BARE_CODE + 4);
        bare_free(b);
    }
}

/* ---- CONSTRAINED UNPREDICTABLE ---- */

static uint32_t answer;

static uint32_t decide(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    (void)context, (void)hint;
    cr_expect_eq(name->kind, (uint32_t)CHOICE_UNPREDICTABLE);
    cr_expect_eq(n, 3);
    return answer;
}

#define BASE (BARE_KERNEL_BASE + 0x6000)

static const struct {
    uint32_t word;
    uint64_t x[4]; /* registers 0 to 3 afterwards, as written; see set_operands() */
} ambiguous[] = {
    {0xf8408400, {0x10, 0x100, 0x200, 0x300}},      /* ldr x0, [x0], #8 */
    {0xf8008c00, {BASE + 8, 0x100, 0x200, 0x300}},  /* str x0, [x0, #8]! */
    {0xa9400401, {BASE, 0x20, 0x200, 0x300}},       /* ldp x1, x1, [x0] */
    {0xa8c10400, {0x10, 0x20, 0x200, 0x300}},       /* ldp x0, x1, [x0], #16 */
    {0xa9810400, {BASE + 16, 0x100, 0x200, 0x300}}, /* stp x0, x1, [x0, #16]! */
    {0xc87f0401, {BASE, 0x20, 0x200, 0x300}},       /* ldxp x1, x1, [x0] */
    {0xc8017c01, {BASE, 1, 0x200, 0x300}},          /* stxr w1, x1, [x0] */
    {0xc8007c01, {1, 0x100, 0x200, 0x300}},         /* stxr w0, x1, [x0] */
    {0xc8230c01, {BASE, 0x100, 0x200, 1}},          /* stxp w3, x1, x3, [x0] */
};

/* x0 is the base of memory that holds 0x10, 0x20, ...; the monitor is open. */
static void set_operands(struct bare *b)
{
    bare_enter(b, 1, 0);
    b->cpu.x[0] = BASE;
    for (unsigned n = 1; n < 4; n++)
        b->cpu.x[n] = 0x100 * n;
    for (uint64_t i = 0; i < 8; i++)
        memcpy(b->kernel + 0x6000 + 8 * i, &(uint64_t){0x10 * (i + 1)}, 8);
    chooser_init(&b->chooser, CHOICE_DECIDE);
    b->chooser.decide = decide;
    b->chooser.open_mask = 1u << CHOICE_UNPREDICTABLE;
}

Test(privileged, registers_named_twice_are_a_choice)
{
    for (unsigned i = 0; i < 6 * ARRAY_COUNT(ambiguous); i++) {
        uint32_t word = ambiguous[i / 6].word;
        struct bare *b = bare_new();
        set_operands(b);
        uint64_t before[4];
        memcpy(before, b->cpu.x, sizeof before);
        answer = i / 2 % 3;
        bare_step(b, (enum engine_kind)(i & 1), word);
        const uint64_t *after = answer == 0 ? ambiguous[i / 6].x : before;
        for (unsigned n = 0; n < 4; n++)
            cr_expect_eq(b->cpu.x[n], after[n], "%#x, answer %u: x%u is %#lx", word, answer, n,
                         (unsigned long)b->cpu.x[n]);
        cr_expect_eq(b->chooser.record_count, answer != 0, "%#x", word);
        if (answer == 2)
            cr_expect_eq(field_get(ESR_ELx_EC, sysreg_get(&b->core, SR_ESR_EL1)), ESR_EC_UNKNOWN);
        else
            cr_expect_eq(b->cpu.pc, BARE_CODE + 4, "%#x, answer %u", word, answer);
        bare_free(b);
    }
}
