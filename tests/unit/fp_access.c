/*
 * CheckFPAdvSIMDEnabled64() before every floating-point and SIMD data processing instruction, at
 * every Exception level and for all settings of CPACR_EL1.FPEN, CPTR_EL2.TFP and HCR_EL2.TGE, and
 * UNDEFINED where a CPU has neither; what an instruction leaves in events and in FPSR.
 */
#include "cpu/disasm.h"
#include "cpu/sysreg.h"
#include "gen/esr.h"
#include "gen/trace.h"
#include "tests/diff/bare.h"

#include <criterion/criterion.h>

#define ISS_FP 0x1e00000u /* CV, COND = 14 */

struct setting {
    unsigned el, fpen;
    bool tfp, tge, is_absent;
};

/* A word of each row of data processing; the address of a load would matter, too. */
static uint32_t word_of(enum a64_op op, uint32_t mask, uint32_t bits)
{
    for (uint64_t n = 0; n < 10000; n++) {
        uint32_t word = bits | ((uint32_t)hash_mix(n) & ~mask);
        if (a64_decode(word) == op)
            return word;
    }
    cr_assert_fail("no word of %s", a64_op_name(op));
    return 0;
}

static void apply(struct bare *b, const struct setting *s)
{
    struct core *c = &b->core;
    b->model.features = s->is_absent ? ~(uint32_t)SYSREG_FEATURE_FP : UINT32_MAX;
    sysreg_set(c, SR_CPACR_EL1, field_put(CPACR_EL1_FPEN, s->fpen));
    sysreg_set(c, SR_CPTR_EL2, 0x33ff | (s->tfp ? CPTR_EL2_TFP : 0));
    sysreg_set(c, SR_HCR_EL2, HCR_EL2_RW | (s->tge ? HCR_EL2_TGE : 0));
    bare_enter(b, s->el, 0);
    core_synchronize(c);
}

#define EXECUTES UINT32_MAX

/* The Exception level behind the instruction; *ec: the class of the exception, or EXECUTES. */
static unsigned target(const struct setting *s, unsigned *ec)
{
    unsigned own = s->el == 2 || (s->el == 0 && s->tge) ? 2 : 1;
    *ec = ESR_EC_UNKNOWN;
    if (s->is_absent)
        return own;
    if (s->el < 2 && s->fpen != 3 && !(s->fpen == 1 && s->el == 1)) {
        if (own == 1)
            *ec = ESR_EC_FP;
        return own;
    }
    *ec = s->tfp ? ESR_EC_FP : EXECUTES;
    return s->tfp ? 2 : s->el;
}

static void check(struct bare *b, enum engine_kind kind, uint32_t word, const struct setting *s)
{
    char text[A64_TEXT_BYTES];
    a64_disassemble(word, 0, text, sizeof text);
    apply(b, s);
    unsigned ec, el = target(s, &ec);
    struct engine_result result = bare_step(b, kind, word);
    cr_assert_eq(result.steps, 1);
    cr_assert_eq(b->cpu.el, el, "%s at EL%u, FPEN %u: EL%u, not %u", text, s->el, s->fpen,
                 b->cpu.el, el);
    if (ec == EXECUTES) {
        cr_assert_eq(b->cpu.pc, bare_code(s->el) + 4, "%s at EL%u", text, s->el);
        return;
    }
    uint64_t esr = sysreg_get(&b->core, el == 2 ? SR_ESR_EL2 : SR_ESR_EL1);
    cr_assert_eq(esr, field_put(ESR_ELx_EC, ec) | ESR_ELx_IL | (ec == ESR_EC_FP ? ISS_FP : 0),
                 "%s at EL%u, FPEN %u: %#lx", text, s->el, s->fpen, (unsigned long)esr);
}

static bool is_data_processing(uint32_t class)
{
    return class == A64_CLASS_FP || class == A64_CLASS_FP_DIV || class == A64_CLASS_SIMD;
}

Test(fp_access, every_row_checks_first)
{
    static const struct {
        enum a64_op op;
        uint32_t mask, bits, class;
    } rows[] = {
#define X(name, mask, bits, class, flags, text, line) {A64_##name, mask, bits, class},
        A64_LIST(X)
#undef X
    };
    unsigned checked = 0;
    for (unsigned kind = 0; kind < 2; kind++) {
        struct bare *b = bare_new();
        for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
            if (!is_data_processing(rows[i].class))
                continue;
            checked++;
            uint32_t word = word_of(rows[i].op, rows[i].mask, rows[i].bits);
            for (unsigned n = 0; n < 96; n++) {
                struct setting s = {n % 3, n / 3 % 4, n / 12 & 1, n / 24 & 1, n / 48 & 1};
                if (!(s.tge && s.el == 1)) /* there is no EL1 then */
                    check(b, (enum engine_kind)kind, word, &s);
            }
        }
        bare_free(b);
    }
    cr_assert_gt(checked, 2 * 170);
}

/* FPCR and FPSR trap as their instructions do, and keep what is theirs. */
Test(fp_access, control_registers)
{
    static const uint32_t words[] = {
        0xd53b4401, 0xd51b4401, 0xd53b4421, 0xd51b4421, /* mrs, msr FPCR; mrs, msr FPSR: x1 */
    };
    struct bare *b = bare_new();
    for (unsigned i = 0; i < ARRAY_COUNT(words); i++) {
        for (unsigned n = 0; n < 96; n++) {
            struct setting s = {n % 3, n / 3 % 4, n / 12 & 1, n / 24 & 1, false};
            if (!(s.tge && s.el == 1))
                check(b, ENGINE_KIND_FAST, words[i], &s);
        }
    }
    struct setting open = {.el = 1, .fpen = 3};
    apply(b, &open);
    b->cpu.x[1] = UINT64_MAX;
    bare_step(b, ENGINE_KIND_FAST, words[1]);
    bare_step(b, ENGINE_KIND_FAST, words[3]);
    cr_assert_eq(sysreg_get(&b->core, SR_FPCR), FPCR_AHP | FPCR_DN | FPCR_FZ | FPCR_RMode);
    cr_assert_eq(sysreg_get(&b->core, SR_FPSR), FPSR_QC | FPSR_IDC | FPSR_IXC | FPSR_UFC |
                                                    FPSR_OFC | FPSR_DZC | FPSR_IOC);
    bare_free(b);
}

struct heard {
    struct event vreg, sysreg;
    unsigned vregs, sysregs;
};

static void hear(void *context, const struct event *event)
{
    struct heard *heard = context;
    if (event->kind == EVENT_VREG) {
        heard->vreg = *event;
        heard->vregs++;
    } else {
        heard->sysreg = *event;
        heard->sysregs++;
    }
}

/* fdiv d1, d2, d3 of 1 by 3, twice: the second time FPSR.IXC is set already. */
Test(fp_access, a_write_is_told)
{
    struct bare *b = bare_new();
    struct heard heard = {.vregs = 0};
    struct setting open = {.el = 1, .fpen = 3};
    apply(b, &open);
    sysreg_set(&b->core, SR_FPCR, 0);
    sysreg_set(&b->core, SR_FPSR, 0);
    b->cpu.v[1][0] = 5;
    b->cpu.v[1][1] = 6;
    b->cpu.v[2][0] = UINT64_C(0x3ff0000000000000);
    b->cpu.v[3][0] = UINT64_C(0x4008000000000000);
    events_attach(&b->events, hear, &heard,
                  UINT64_C(1) << EVENT_VREG | UINT64_C(1) << EVENT_SYSREG);
    cr_assert(!core_may_run_fast(&b->core));
    bare_step(b, ENGINE_KIND_PRECISE, 0x1e631841);
    cr_assert_eq(heard.vregs, 1);
    cr_assert_eq(heard.vreg.vreg.reg, 1);
    cr_assert_eq(heard.vreg.vreg.old_low, 5);
    cr_assert_eq(heard.vreg.vreg.old_high, 6);
    cr_assert_eq(heard.vreg.vreg.low, UINT64_C(0x3fd5555555555555));
    cr_assert_eq(heard.vreg.vreg.high, 0);
    cr_assert_eq(heard.sysregs, 1);
    cr_assert_eq(heard.sysreg.sysreg.reg, SR_FPSR);
    cr_assert_eq(heard.sysreg.sysreg.new, FPSR_IXC);
    bare_step(b, ENGINE_KIND_PRECISE, 0x1e631841);
    cr_assert_eq(heard.vregs, 2);
    cr_assert_eq(heard.sysregs, 1);
    cr_assert_eq(b->cpu.v[1][0], UINT64_C(0x3fd5555555555555));
    cr_assert_eq(b->cpu.v[1][1], 0);
    bare_free(b);
}
