/*
 * Checker regs: what one vCPU left in registers must not be seen by another. System registers are
 * tagged with the vCPU that wrote them last; EL2 and the host, which write on behalf of a vCPU,
 * take the tag away. A read by another vCPU, or a use by the hardware on its behalf, is a
 * violation. General and vector registers are compared when a vCPU is entered: one that does not
 * hold what this vCPU left in it, but exactly what another left on this PE, was not switched.
 *
 * Small numbers (below 64 KiB) and a single register of a vCPU's first entry that happen to agree
 * are not judged; vector registers only while EL2 does not trap them. A vCPU is a stage 2 root
 * and a VMPIDR_EL2. DDI 0487: the System registers of EL1 and EL0; CPTR_EL2.TFP.
 */
#include "sim/check/check_states.h"

#include "cpu/sysreg.h"

#include <inttypes.h>
#include <string.h>

#define ACCIDENT UINT64_C(0x10000)

/* The number of a vCPU + 1; 0 when there is no room. */
static uint32_t vcpu_number(struct regs_state *s, uint64_t root, uint64_t vmpidr)
{
    for (uint32_t i = 0; i < s->vcpu_count; i++) {
        if (s->vcpu[i].root == root && s->vcpu[i].vmpidr == vmpidr)
            return i + 1;
    }
    if (s->vcpu_count == VCPU_MAX)
        return 0;
    s->vcpu[s->vcpu_count] = (struct vcpu_image){.root = root, .vmpidr = vmpidr};
    return ++s->vcpu_count;
}

/* Who runs on the PE at EL1 or EL0, or 0. */
static uint32_t vcpu_now(const struct checks *c, unsigned pe)
{
    const struct shadow_context *now = &c->state->context[pe];
    return now->live ? vcpu_number(c->own[CHECK_REGS], now->root, now->vmpidr) : 0;
}

static void tag(struct checks *c, const struct event *e, uint32_t reg, uint32_t vcpu)
{
    struct regs_state *s = c->own[CHECK_REGS];
    s->tag[e->pe][reg] =
        (struct reg_tag){.step = e->step, .pc = check_pc(c, e->pe), .vcpu = vcpu};
}

/* A vCPU sees a system register: is what is there another's? */
static void seen(struct checks *c, const struct event *e, uint32_t vcpu, uint32_t reg,
                 const char *use)
{
    const struct regs_state *s = c->own[CHECK_REGS];
    const struct reg_tag *t = &s->tag[e->pe][reg];
    if (vcpu == 0 || t->vcpu == 0 || t->vcpu == vcpu)
        return;
    struct finding *f = finding_begin(c, CHECK_REGS, "system-register", e);
    if (!f)
        return;
    const struct vcpu_image *other = &s->vcpu[t->vcpu - 1], *mine = &s->vcpu[vcpu - 1];
    const char *name = sysreg_name((enum sysreg)reg);
    const struct shadow_context *now = &c->state->context[e->pe];
    finding_event(f, t->step, e->pe, t->pc, "vCPU 0x%" PRIx64 " of root 0x%" PRIx64 " sets %s",
                  other->vmpidr, other->root, name);
    if (now->live)
        finding_event(f, now->step, e->pe, now->pc,
                      "enters vCPU 0x%" PRIx64 " of root 0x%" PRIx64, now->vmpidr, now->root);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "vCPU 0x%" PRIx64 " %s %s", mine->vmpidr,
                  use, name);
    finding_end(c, f,
                "on CPU %u vCPU 0x%" PRIx64 " of root 0x%" PRIx64 " sees %s of vCPU 0x%" PRIx64
                " of root 0x%" PRIx64,
                e->pe, mine->vmpidr, mine->root, name, other->vmpidr, other->root);
}

static bool is_at(uint32_t reg)
{
    return reg == SR_AT_S1E1R || reg == SR_AT_S1E1W || reg == SR_AT_S1E0R || reg == SR_AT_S1E0W ||
           reg == SR_AT_S12E1R || reg == SR_AT_S12E1W || reg == SR_AT_S12E0R ||
           reg == SR_AT_S12E0W || reg == SR_AT_S1E2R || reg == SR_AT_S1E2W ||
           reg == SR_AT_S1E1RP || reg == SR_AT_S1E1WP;
}

static void executed(struct checks *c, const struct event *e)
{
    uint32_t vcpu = e->el == 2 ? 0 : vcpu_now(c, e->pe), reg = e->system.reg;
    if (!e->system.write)
        seen(c, e, vcpu, reg, "reads");
    else if (is_at(reg))
        tag(c, e, SR_PAR_EL1, vcpu);
    else
        tag(c, e, reg, vcpu);
}

/* --- general and vector registers ------------------------------------------------------------ */

static void left(struct checks *c, const struct event *e)
{
    struct regs_state *s = c->own[CHECK_REGS];
    uint32_t vcpu = vcpu_now(c, e->pe);
    const struct cpu *cpu = &c->machine->state->cpu[e->pe];
    if (vcpu == 0)
        return;
    struct vcpu_image *image = &s->vcpu[vcpu - 1];
    image->step = e->step;
    image->pc = e->exc_take.pc;
    memcpy(image->x, cpu->x, sizeof image->x);
    memcpy(image->sp, cpu->sp, sizeof image->sp);
    memcpy(image->v, cpu->v, sizeof image->v);
    s->left_by[e->pe] = vcpu;
}

static void report_register(struct checks *c, const struct event *e, const char *name, unsigned n,
                            uint64_t value, const struct vcpu_image *mine,
                            const struct vcpu_image *other)
{
    struct finding *f = finding_begin(c, CHECK_REGS, "register", e);
    if (!f)
        return;
    finding_event(f, other->step, e->pe, other->pc,
                  "vCPU 0x%" PRIx64 " of root 0x%" PRIx64 " is left with %s%u = 0x%" PRIx64,
                  other->vmpidr, other->root, name, n, value);
    if (mine->step != 0)
        finding_event(f, mine->step, e->pe, mine->pc,
                      "vCPU 0x%" PRIx64 " of root 0x%" PRIx64 " was left last", mine->vmpidr,
                      mine->root);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "vCPU 0x%" PRIx64 " of root 0x%" PRIx64 " is entered with %s%u = 0x%" PRIx64,
                  mine->vmpidr, mine->root, name, n, value);
    finding_end(c, f, "on CPU %u vCPU 0x%" PRIx64 " of root 0x%" PRIx64 " is entered with %s%u of "
                "vCPU 0x%" PRIx64 " of root 0x%" PRIx64,
                e->pe, mine->vmpidr, mine->root, name, n, other->vmpidr, other->root);
}

/* A register as it is, as this vCPU left it, as the other one did. */
static bool is_foreign(uint64_t now, uint64_t mine, uint64_t other)
{
    return now == other && now != mine && now >= ACCIDENT;
}

static void compare(struct checks *c, const struct event *e, const struct vcpu_image *mine,
                    const struct vcpu_image *other)
{
    const struct cpu *cpu = &c->machine->state->cpu[e->pe];
    unsigned count = 0, first = 0, enough = mine->step == 0 ? 2 : 1;
    for (unsigned n = 0; n < 31; n++) {
        if (is_foreign(cpu->x[n], mine->x[n], other->x[n]) && count++ == 0)
            first = n;
    }
    if (count >= enough) {
        report_register(c, e, "X", first, cpu->x[first], mine, other);
        return;
    }
    for (unsigned n = 0; n < 2; n++) {
        if (mine->step != 0 && is_foreign(cpu->sp[n], mine->sp[n], other->sp[n])) {
            report_register(c, e, "SP_EL", n, cpu->sp[n], mine, other);
            return;
        }
    }
    if (cpu->effective[SR_CPTR_EL2] & CPTR_EL2_TFP)
        return;
    for (unsigned n = 0; n < 32; n++) {
        if (is_foreign(cpu->v[n][0], mine->v[n][0], other->v[n][0]) ||
            is_foreign(cpu->v[n][1], mine->v[n][1], other->v[n][1])) {
            report_register(c, e, "V", n, cpu->v[n][0], mine, other);
            return;
        }
    }
}

/* What translation uses at once; the rest is seen when it is read. */
static void hardware_sees(struct checks *c, const struct event *e, uint32_t vcpu)
{
    static const uint32_t with_mmu[] = {SR_TTBR0_EL1, SR_TTBR1_EL1, SR_TCR_EL1, SR_MAIR_EL1};
    seen(c, e, vcpu, SR_SCTLR_EL1, "runs under");
    bool mmu = check_effective(c, e->pe)[SR_SCTLR_EL1] & SCTLR_EL1_M;
    for (unsigned i = 0; mmu && i < ARRAY_COUNT(with_mmu); i++)
        seen(c, e, vcpu, with_mmu[i], "runs under");
}

static void entered(struct checks *c, const struct event *e)
{
    struct regs_state *s = c->own[CHECK_REGS];
    uint64_t root = check_root(c, e->pe);
    uint32_t other = s->left_by[e->pe];
    if (root == 0)
        return;
    uint32_t vcpu = vcpu_number(s, root, check_vcpu(c, e->pe));
    if (vcpu == 0)
        return;
    if (other != 0 && other != vcpu)
        compare(c, e, &s->vcpu[vcpu - 1], &s->vcpu[other - 1]);
    hardware_sees(c, e, vcpu);
}

/* An exception to EL1 writes these itself, for whoever runs. */
static void taken_at_el1(struct checks *c, const struct event *e)
{
    static const uint32_t written[] = {SR_ELR_EL1, SR_SPSR_EL1, SR_ESR_EL1, SR_FAR_EL1};
    uint32_t vcpu = vcpu_now(c, e->pe);
    seen(c, e, vcpu, SR_VBAR_EL1, "takes an exception by");
    for (unsigned i = 0; i < ARRAY_COUNT(written); i++)
        tag(c, e, written[i], vcpu);
}

void check_regs(struct checks *c, const struct event *e)
{
    if (e->kind == EVENT_SYSTEM)
        executed(c, e);
    else if (e->kind == EVENT_EXC_TAKE && e->exc_take.to_el == 1)
        taken_at_el1(c, e);
    else if (e->kind == EVENT_EXC_TAKE && e->exc_take.from_el < 2)
        left(c, e);
    else if (e->kind == EVENT_ERET && e->eret.from_el == 2 && e->eret.to_el < 2)
        entered(c, e);
    else if (e->kind == EVENT_ERET && e->eret.from_el == 1) {
        seen(c, e, vcpu_now(c, e->pe), SR_ELR_EL1, "returns by");
        seen(c, e, vcpu_now(c, e->pe), SR_SPSR_EL1, "returns by");
    }
}
