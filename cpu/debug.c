/*
 * Self-hosted debug: Software Step, Breakpoint and Watchpoint exceptions.
 *
 * core.debug_on says whether MDSCR_EL1.SS is set, or MDSCR_EL1.MDE together with an enabled break-
 * or watchpoint: only then does a PE run in the precise engine with a look at all this around each
 * step. Where software programs a reserved type or combination, the break- or watchpoint is
 * disabled, which is one of the behaviours that the architecture allows; so is that a mask with
 * an incomplete BAS matches as the BAS says. A stepped WFI or WFE does not wait.
 *
 * Interrupts come before a pending Software Step exception; their order is not defined.
 *
 * Not modelled: an external debugger (Debug state, HDE, the other end of the communication
 * channel), watchpoints on cache maintenance (only DC ZVA has them), AArch32's BAS of breakpoints,
 * the types that need EL2&0 or the debug architecture of Armv8.2.
 *
 * DDI 0487: AArch64.GenerateDebugExceptionsFrom, AArch64.BreakpointMatch, AArch64.WatchpointMatch,
 * AArch64.StateMatch, SSAdvance, CheckSoftwareStep, DebugExceptionReturnSS.
 */
#include "cpu/debug.h"
#include "cpu/effective.h"
#include "cpu/exception.h"
#include "cpu/model.h"
#include "gen/a64.h"

/* How the instruction before ended, in cpu.stepped. */
#define STEPPED_NOT 0u
#define STEPPED_PLAIN 1u
#define STEPPED_EXCLUSIVE 2u

#define WATCH_BAS_ALL 0xffu

static unsigned count_of(const struct core *c, uint64_t field)
{
    return (unsigned)field_get(field, c->cpu->reg[SR_ID_AA64DFR0_EL1]) + 1;
}

/* ---- Whether debug exceptions are generated ---- */

unsigned debug_target(const struct cpu *cpu)
{
    const uint64_t *e = cpu->effective;
    return (e[SR_HCR_EL2] & HCR_EL2_TGE) || (e[SR_MDCR_EL2] & MDCR_EL2_TDE) ? 2 : 1;
}

/* AArch64.GenerateDebugExceptionsFrom, with PSTATE.D as masked. */
static bool is_enabled_from(const struct cpu *cpu, unsigned el, bool masked)
{
    bool is_locked = (cpu->effective[SR_OSLSR_EL1] & OSLSR_EL1_OSLK) != 0;
    bool is_double_locked = (cpu->effective[SR_OSDLR_EL1] & OSDLR_EL1_DLK) != 0 &&
                            (cpu->effective[SR_DBGPRCR_EL1] & DBGPRCR_EL1_CORENPDRQ) == 0;
    if (is_locked || is_double_locked)
        return false;
    unsigned target = debug_target(cpu);
    if (el == target)
        return (cpu->effective[SR_MDSCR_EL1] & MDSCR_EL1_KDE) != 0 && !masked;
    return target > el;
}

static bool is_enabled(const struct cpu *cpu)
{
    return is_enabled_from(cpu, cpu->el, (cpu->daif & PSTATE_D) != 0);
}

/* Whether anything here can happen. */
static bool is_any_on(const struct cpu *cpu)
{
    uint64_t mdscr = cpu->effective[SR_MDSCR_EL1], any = 0;
    for (unsigned n = 0; n < 6; n++)
        any |= cpu->effective[SR_DBGBCR0_EL1 + n] & BCR_E;
    for (unsigned n = 0; n < 4; n++)
        any |= cpu->effective[SR_DBGWCR0_EL1 + n] & WCR_E;
    return (mdscr & MDSCR_EL1_SS) || ((mdscr & MDSCR_EL1_MDE) && any);
}

uint64_t debug_use(const struct core *c, const void *context)
{
    const struct cpu *cpu = c->cpu;
    const uint64_t *e = cpu->effective;
    (void)context;
    if (!is_any_on(cpu))
        return 0;
    uint64_t switches[] = {e[SR_MDSCR_EL1], debug_target(cpu), e[SR_OSLSR_EL1], e[SR_OSDLR_EL1],
                           e[SR_DBGPRCR_EL1], e[SR_CONTEXTIDR_EL1], e[SR_VTTBR_EL2],
                           e[SR_VTCR_EL2] & VTCR_EL2_VS};
    uint64_t hash = hash_bytes(switches, sizeof switches, 1);
    hash = hash_bytes(&e[SR_DBGBVR0_EL1], 6 * sizeof *e, hash);
    hash = hash_bytes(&e[SR_DBGBCR0_EL1], 6 * sizeof *e, hash);
    hash = hash_bytes(&e[SR_DBGWVR0_EL1], 4 * sizeof *e, hash);
    return hash_bytes(&e[SR_DBGWCR0_EL1], 4 * sizeof *e, hash) | 1;
}

void debug_refresh(struct core *c)
{
    bool now = is_any_on(c->cpu);
    if (now != c->debug_on)
        c->lines_may_change = true; /* the engine is chosen anew */
    c->debug_on = now;
}

/* ---- Software step ---- */

static bool is_step_on(const struct cpu *cpu)
{
    return (cpu->effective[SR_MDSCR_EL1] & MDSCR_EL1_SS) != 0;
}

void debug_step_advance(struct cpu *cpu)
{
    if (is_step_on(cpu))
        cpu->ss = 0;
}

bool debug_step_of_return(const struct cpu *cpu, uint64_t spsr, unsigned to_el)
{
    return is_step_on(cpu) && !is_enabled(cpu) &&
           is_enabled_from(cpu, to_el, (spsr & SPSR_D) != 0) && (spsr & SPSR_SS) != 0;
}

bool debug_before(struct core *c)
{
    const struct cpu *cpu = c->cpu;
    bool is_active = is_step_on(cpu) && is_enabled(cpu);
    c->is_stepping = is_active && cpu->ss;
    if (!is_active || cpu->ss)
        return false;
    exception_software_step(c, cpu->stepped != STEPPED_NOT, cpu->stepped == STEPPED_EXCLUSIVE);
    return true;
}

void debug_after(struct core *c, uint32_t word, enum step ended)
{
    struct cpu *cpu = c->cpu;
    bool took_exception =
        ended == STEP_FAULT || ended == STEP_UNDEFINED || ended == STEP_EXCEPTION;
    if (!c->is_stepping || took_exception) {
        cpu->stepped = STEPPED_NOT;
        return;
    }
    cpu->ss = 0;
    bool is_exclusive = a64_class(a64_decode(word)) == A64_CLASS_LDEX;
    cpu->stepped = is_exclusive ? STEPPED_EXCLUSIVE : STEPPED_PLAIN;
}

/* ---- Breakpoints ---- */

/* The effective VMID against that of DBGBVR<n>_EL1. */
static bool vmid_matches(const struct core *c, uint64_t value)
{
    const uint64_t *e = c->cpu->effective;
    bool wide = (c->model->features & SYSREG_FEATURE_VMID16) != 0 &&
                (e[SR_VTCR_EL2] & VTCR_EL2_VS) != 0;
    uint64_t mask = wide ? 0xffff : 0xff;
    return ((field_get(VTTBR_EL2_VMID, e[SR_VTTBR_EL2]) ^ value >> 32) & mask) == 0;
}

/* AArch64.BreakpointValueMatch: of the address, or called by the one that is linked to this. */
static bool value_matches(const struct core *c, unsigned n, uint64_t va, bool is_linked_to)
{
    const struct cpu *cpu = c->cpu;
    uint64_t control = cpu->effective[SR_DBGBCR0_EL1 + n];
    uint64_t value = cpu->effective[SR_DBGBVR0_EL1 + n];
    unsigned type = (unsigned)field_get(BCR_BT, control);
    bool is_context_aware = n >= count_of(c, ID_AA64DFR0_EL1_BRPs) -
                                     count_of(c, ID_AA64DFR0_EL1_CTX_CMPs);
    bool is_address = type <= 1, is_linked = type & 1;
    bool has_context = (type & 6u) == 2, has_vmid = (type & 12u) == 8;
    if ((control & BCR_E) == 0 || (!is_address && !has_context && !has_vmid) ||
        (!is_address && !is_context_aware))
        return false;
    if (is_linked_to ? !is_linked || is_address : is_linked && !is_address)
        return false;
    if (is_address)
        return exception_branch_address(cpu, va & ~UINT64_C(3)) ==
               exception_branch_address(cpu, value & ~UINT64_C(3));
    if (cpu->el > 1)
        return false;
    if (has_context && (uint32_t)cpu->effective[SR_CONTEXTIDR_EL1] != (uint32_t)value)
        return false;
    return !has_vmid || vmid_matches(c, value);
}

/* Security state, levels and link of a break- or watchpoint. */
struct condition {
    unsigned ssc, hmc, pxc, lbn;
    bool is_linked;
};

/* AArch64.StateMatch without EL3: as an access or a fetch of level el. */
static bool state_matches(const struct core *c, const struct condition *k, unsigned el)
{
    bool levels_of_el10 = k->hmc == 0 && k->ssc == 0 && k->pxc != 0;
    bool levels_with_el2 = k->hmc == 1 && k->ssc == 0 && (k->pxc & 1u) != 0;
    bool only_el2 = k->hmc == 1 && k->ssc == 3 && k->pxc == 0;
    if (!levels_of_el10 && !levels_with_el2 && !only_el2)
        return false; /* reserved */
    bool matches = el == 2 ? k->hmc == 1 : (k->pxc >> (el == 1 ? 0 : 1) & 1u) != 0;
    if (!matches || !k->is_linked)
        return matches;
    unsigned count = count_of(c, ID_AA64DFR0_EL1_BRPs);
    return k->lbn < count && value_matches(c, k->lbn, 0, true);
}

static bool breakpoint_matches(const struct core *c, unsigned n, uint64_t va)
{
    uint64_t control = c->cpu->effective[SR_DBGBCR0_EL1 + n];
    struct condition k = {
        .ssc = (unsigned)field_get(BCR_SSC, control),
        .hmc = (unsigned)field_get(BCR_HMC, control),
        .pxc = (unsigned)field_get(BCR_PMC, control),
        .lbn = (unsigned)field_get(BCR_LBN, control),
        .is_linked = (field_get(BCR_BT, control) & 11u) == 1,
    };
    return value_matches(c, n, va, false) && state_matches(c, &k, c->cpu->el);
}

static bool is_generated(const struct cpu *cpu)
{
    return (cpu->effective[SR_MDSCR_EL1] & MDSCR_EL1_MDE) != 0 && is_enabled(cpu);
}

bool debug_fetch(struct core *c)
{
    uint64_t pc = c->cpu->pc;
    if (!is_generated(c->cpu))
        return false;
    for (unsigned n = 0; n < count_of(c, ID_AA64DFR0_EL1_BRPs); n++) {
        if (!breakpoint_matches(c, n, pc))
            continue;
        c->fault = (struct fault){
            .kind = FAULT_DEBUG, .stage = 1, .is_fetch = 1, .va = va_make(pc)};
        c->fault_iss = 0;
        exception_abort(c);
        return true;
    }
    return false;
}

/* ---- Watchpoints ---- */

/* AArch64.WatchpointByteMatch for any of size bytes at va. */
static bool bytes_match(const struct cpu *cpu, unsigned n, uint64_t va, unsigned size)
{
    uint64_t control = cpu->effective[SR_DBGWCR0_EL1 + n];
    uint64_t bas = field_get(WCR_BAS, control), mask = field_get(WCR_MASK, control);
    uint64_t wvr = cpu->effective[SR_DBGWVR0_EL1 + n];
    uint64_t value = exception_branch_address(cpu, wvr & ~UINT64_C(3));
    uint64_t lowest = bas & -bas, above = bas + lowest;
    bool is_contiguous = (above & (above - 1)) == 0;
    unsigned bottom = (value & 4u) != 0 && is_contiguous ? 2 : 3;
    if (mask == 1 || mask == 2)
        return false; /* reserved */
    for (unsigned i = 0; i < size; i++) {
        uint64_t at = exception_branch_address(cpu, va + i);
        bool selected = bas >> (at & bits_ones(bottom)) & 1u;
        unsigned low = mask > bottom ? (unsigned)mask : bottom;
        if (selected && at >> low == value >> low)
            return true;
    }
    return false;
}

static bool watchpoint_matches(const struct core *c, unsigned n, unsigned el, bool loads,
                               bool stores)
{
    uint64_t control = c->cpu->effective[SR_DBGWCR0_EL1 + n];
    uint64_t lsc = field_get(WCR_LSC, control);
    struct condition k = {
        .ssc = (unsigned)field_get(WCR_SSC, control),
        .hmc = (unsigned)field_get(WCR_HMC, control),
        .pxc = (unsigned)field_get(WCR_PAC, control),
        .lbn = (unsigned)field_get(WCR_LBN, control),
        .is_linked = (control & WCR_WT) != 0,
    };
    bool wanted = (loads && (lsc & 1u)) || (stores && (lsc & 2u));
    return (control & WCR_E) && wanted && state_matches(c, &k, el);
}

bool debug_watch(struct core *c, uint64_t va, unsigned size, unsigned el, bool is_write,
                 bool is_atomic)
{
    if (!is_generated(c->cpu))
        return false;
    for (unsigned n = 0; n < count_of(c, ID_AA64DFR0_EL1_WRPs); n++) {
        bool loads = !is_write || is_atomic, stores = is_write || is_atomic;
        if (!watchpoint_matches(c, n, el, loads, stores) || !bytes_match(c->cpu, n, va, size))
            continue;
        bool by_load = loads && (field_get(WCR_LSC, c->cpu->effective[SR_DBGWCR0_EL1 + n]) & 1u);
        c->fault = (struct fault){
            .kind = FAULT_DEBUG, .stage = 1, .is_write = !by_load, .va = va_make(va)};
        c->fault_iss = 0;
        return true;
    }
    return false;
}

/* ---- The communication channel: nobody is at its other end ---- */

static void dcc_set(struct core *c, uint64_t set, uint64_t clear)
{
    effective_change_bits(c, SR_MDSCR_EL1, clear, set);
}

uint64_t debug_dcc_read(struct core *c, enum sysreg reg)
{
    const struct cpu *cpu = c->cpu;
    uint64_t low = cpu->reg[SR_OSDTRRX_EL1];
    dcc_set(c, 0, MDSCR_EL1_RXfull);
    return reg == SR_DBGDTR_EL0 ? cpu->reg[SR_OSDTRTX_EL1] << 32 | low : low;
}

void debug_dcc_write(struct core *c, enum sysreg reg, uint64_t value)
{
    if (reg == SR_DBGDTR_EL0)
        effective_program(c, SR_OSDTRRX_EL1, value >> 32);
    effective_program(c, SR_OSDTRTX_EL1, (uint32_t)value);
    dcc_set(c, MDSCR_EL1_TXfull, 0);
}
