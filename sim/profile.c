/*
 * Collecting a profile.
 *
 * Time is exact by level and VM: a PE's cycles belong to a bucket (VM, EL), which changes with
 * exceptions, returns and CONTEXT events; an instruction that changes the level counts with the
 * level that it leads to. EL2 works for whom it was entered from. Cycles in WFI
 * and the like, and those that a held PE is charged, are counted apart. Within a bucket time goes
 * to the stacks that a look finds there: each look takes what its PE has used in that bucket since
 * the last one. So the sums of both are the same, and only the shares within a bucket are
 * estimates.
 *
 * An exit's cycles at EL2 end with the return from there; a vCPU is away until it runs again on
 * any PE, so that the host's work between is in it.
 *
 * DDI 0487: ESR_EL2.EC, HCR_EL2.VM, VTTBR_EL2, VMPIDR_EL2.
 */
#include "cpu/drop.h"
#include "sim/profile_parts.h"

#include <stdlib.h>
#include <string.h>

#define ON(kind) (UINT64_C(1) << EVENT_##kind)

/* What the PE has used since the last time goes to its bucket, or to its waiting. */
static void account(struct profile *p, unsigned pe, uint64_t now, uint64_t insns)
{
    struct profile_pe *s = &p->pe[pe];
    uint64_t cycles = now > s->since ? now - s->since : 0;
    uint32_t bucket = profile_bucket_of(s->vm, s->el);
    if (s->is_waiting || s->is_held) {
        s->waited += cycles;
    } else {
        p->bucket[bucket].cycles += cycles;
        s->pending[bucket] += cycles;
    }
    p->bucket[bucket].insns += insns - s->since_insns;
    s->since = now > s->since ? now : s->since;
    s->since_insns = insns;
}

static uint32_t vm_of(struct profile *p, uint64_t root, uint16_t vmid)
{
    for (uint32_t i = 1; i < p->vm_count; i++) {
        if (p->vm[i].root == root && p->vm[i].vmid == vmid)
            return i;
    }
    if (p->vm_count == PROFILE_VM_MAX - 1)
        return PROFILE_VM_MAX - 1;
    p->vm[p->vm_count] = (struct profile_vm){.root = root, .vmid = vmid};
    return p->vm_count++;
}

/* The vCPU of a VM; NULL: there are too many. */
static struct profile_vcpu *vcpu_of(struct profile *p, uint32_t vm, uint64_t vmpidr)
{
    for (uint32_t i = 0; i < p->vcpu_count; i++) {
        if (p->vcpu[i].vm == vm && p->vcpu[i].vmpidr == vmpidr)
            return &p->vcpu[i];
    }
    if (p->vcpu_count == PROFILE_VCPU_MAX)
        return NULL;
    p->vcpu[p->vcpu_count] = (struct profile_vcpu){.vm = vm, .vmpidr = vmpidr};
    return &p->vcpu[p->vcpu_count++];
}

static void taken(struct profile *p, const struct event *e)
{
    struct profile_pe *s = &p->pe[e->pe];
    account(p, e->pe, e->time, e->insn);
    s->switch_step = e->step + 1;
    s->el = e->exc_take.to_el;
    if (e->exc_take.to_el != 2 || e->exc_take.from_el == 2)
        return;
    uint32_t reason = e->exc_take.vector == 0
                          ? (uint32_t)(e->exc_take.esr >> 26) & 63u
                          : PROFILE_REASON_VECTOR + e->exc_take.vector;
    p->exit[s->vm][reason].count++;
    s->exit_reason = reason;
    s->exit_vm = s->vm;
    s->exit_time = e->time;
    s->has_exit = true;
    struct profile_vcpu *vcpu = s->vm != 0 ? vcpu_of(p, s->vm, s->vmpidr) : NULL;
    if (vcpu) {
        vcpu->left = e->time;
        vcpu->reason = reason;
        vcpu->is_away = true;
    }
}

static void returned(struct profile *p, const struct event *e)
{
    struct profile_pe *s = &p->pe[e->pe];
    account(p, e->pe, e->time, e->insn);
    s->switch_step = e->step + 1;
    s->el = e->eret.to_el;
    if (e->eret.from_el != 2 || e->eret.to_el == 2)
        return;
    if (s->has_exit)
        p->exit[s->exit_vm][s->exit_reason].el2_cycles += e->time - s->exit_time;
    s->has_exit = false;
    s->vm = s->live_vm; /* unless the CONTEXT of this step says otherwise */
}

/* The vCPU that the registers now name is back. */
static void enters(struct profile *p, const struct event *e)
{
    struct profile_pe *s = &p->pe[e->pe];
    struct profile_vcpu *vcpu = s->vm != 0 ? vcpu_of(p, s->vm, s->vmpidr) : NULL;
    if (!vcpu || !vcpu->is_away)
        return;
    struct profile_exit *exit = &p->exit[vcpu->vm][vcpu->reason];
    exit->away_cycles += e->time > vcpu->left ? e->time - vcpu->left : 0;
    exit->returns++;
    vcpu->is_away = false;
}

/* At the end of the step that changed something: behind an exception or return, part of that. */
static void context(struct profile *p, const struct event *e)
{
    struct profile_pe *s = &p->pe[e->pe];
    if (s->switch_step != e->step + 1)
        account(p, e->pe, e->time, e->insn);
    s->live_vm = e->context.live ? vm_of(p, e->context.root, e->context.vmid) : 0;
    s->vmpidr = e->context.live ? e->context.vmpidr : s->vmpidr;
    s->el = e->el;
    if (s->el == 2)
        return;
    s->vm = s->live_vm;
    enters(p, e);
}

static void waits(struct profile *p, const struct event *e)
{
    struct profile_pe *s = &p->pe[e->pe];
    account(p, e->pe, e->time, e->insn);
    if (e->kind == EVENT_HOLD)
        s->is_held = e->hold.held;
    else
        s->is_waiting = e->wait.wait != CPU_RUNS;
    s->el = e->el;
}

/* A barrier, an invalidation, or one that was left out. */
static void operated(struct profile *p, const struct event *e)
{
    static const uint8_t of_barrier[] = {
        [BARRIER_DMB] = DROP_DMB, [BARRIER_DSB] = DROP_DSB, [BARRIER_ISB] = DROP_ISB};
    uint8_t kind = DROP_TLBI, operation = 0, scope = 0;
    if (e->kind == EVENT_BARRIER) {
        kind = of_barrier[e->barrier.barrier];
        operation = e->barrier.option;
    } else if (e->kind == EVENT_TLBI) {
        operation = e->tlbi.operation;
        scope = e->tlbi.scope;
    } else { /* it counts, and that is all that it does */
        p->executed[e->drop.what]++;
        return;
    }
    uint64_t number = ++p->executed[kind], pc = p->machine->state->cpu[e->pe].pc;
    uint32_t bucket = profile_bucket_of(p->pe[e->pe].vm, e->el);
    uint64_t key = hash_mix(pc + ((uint64_t)kind << 56 | (uint64_t)operation << 48)) + bucket;
    uint32_t slot = (uint32_t)hash_mix(key) % PROFILE_SITE_MAX;
    for (; p->site[slot].count != 0; slot = (slot + 1) % PROFILE_SITE_MAX) {
        struct profile_site *s = &p->site[slot];
        if (s->pc == pc && s->bucket == bucket && s->kind == kind && s->operation == operation) {
            s->count++;
            s->last = number;
            return;
        }
    }
    if (p->site_count == PROFILE_SITE_MAX / 2) {
        p->sites_lost++;
        return;
    }
    struct profile_site *s = &p->site[slot];
    p->site_count++;
    *s = (struct profile_site){.pc = pc, .count = 1, .first = number, .last = number,
                               .bucket = bucket, .kind = kind, .operation = operation,
                               .scope = scope};
    s->frame = profile_frame_at(p, e->pe, pc, &s->offset);
}

static void hear(void *context_of, const struct event *e)
{
    struct profile *p = context_of;
    if (e->kind == EVENT_EXC_TAKE)
        taken(p, e);
    else if (e->kind == EVENT_ERET)
        returned(p, e);
    else if (e->kind == EVENT_CONTEXT)
        context(p, e);
    else if (e->kind == EVENT_WAIT || e->kind == EVENT_HOLD)
        waits(p, e);
    else
        operated(p, e);
}

static void begin_pe(struct profile *p, unsigned pe)
{
    const struct cpu *cpu = &p->machine->state->cpu[pe];
    struct profile_pe *s = &p->pe[pe];
    s->since = s->start = cpu->cycles;
    s->since_insns = cpu->insns;
    s->el = cpu->el;
    s->is_waiting = cpu->wait != CPU_RUNS;
    s->is_held = p->machine->state->pe[pe].hold_left != 0;
    bool is_live = cpu->el < 2 && (cpu->effective[SR_HCR_EL2] & HCR_EL2_VM);
    if (!is_live)
        return;
    struct regime regime = core_regime_peek(cpu, &p->machine->mmu_config, REGIME_EL10);
    s->vm = s->live_vm =
        vm_of(p, cpu->effective[SR_VTTBR_EL2] & VTTBR_EL2_BADDR, (uint16_t)regime.vmid);
    s->vmpidr = cpu->effective[SR_VMPIDR_EL2];
}

struct profile *profile_new(struct machine *m, const struct symbol_place *names)
{
    struct profile *p = calloc(1, sizeof *p);
    ensure(p != NULL);
    p->machine = m;
    p->names = names;
    p->vm_count = p->node_count = 1;
    p->name_count = names ? symbols_count(names->symbols) : 0;
    p->node = calloc(PROFILE_NODE_MAX, sizeof *p->node);
    p->node_index = calloc((size_t)2 * PROFILE_NODE_MAX, sizeof *p->node_index);
    p->site = calloc(PROFILE_SITE_MAX, sizeof *p->site);
    p->name = calloc(p->name_count + 1, sizeof *p->name);
    ensure(p->node != NULL && p->node_index != NULL && p->site != NULL && p->name != NULL);
    p->first_step = m->state->step;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        begin_pe(p, pe);
    events_attach(&m->events, hear, p,
                  ON(EXC_TAKE) | ON(ERET) | ON(CONTEXT) | ON(WAIT) | ON(HOLD) | ON(BARRIER) |
                      ON(TLBI) | ON(DROP));
    return p;
}

/* After a reset of the machine the level is another without any event. */
static void bring_up(struct profile *p, unsigned pe)
{
    const struct cpu *cpu = &p->machine->state->cpu[pe];
    account(p, pe, cpu->cycles, cpu->insns);
    p->pe[pe].el = cpu->el;
    p->pe[pe].is_waiting = cpu->wait != CPU_RUNS;
}

void profile_sample(struct profile *p)
{
    unsigned pe = p->machine->state->current;
    struct profile_pe *s = &p->pe[pe];
    bring_up(p, pe);
    uint64_t *pending = &s->pending[profile_bucket_of(s->vm, s->el)];
    if (*pending == 0)
        return;
    p->looks++;
    profile_stack_add(p, pe, *pending);
    *pending = 0;
}

void profile_end(struct profile *p)
{
    events_detach(&p->machine->events, hear, p);
    for (unsigned pe = 0; pe < p->machine->config.pe_count; pe++) {
        bring_up(p, pe);
        for (uint32_t bucket = 0; bucket < PROFILE_BUCKETS; bucket++) {
            if (p->pe[pe].pending[bucket] != 0)
                profile_stack_special(p, bucket, FRAME_UNSEEN, p->pe[pe].pending[bucket]);
            p->pe[pe].pending[bucket] = 0;
        }
    }
}

void profile_free(struct profile *p)
{
    if (!p)
        return;
    free(p->node);
    free(p->node_index);
    free(p->site);
    free(p->name);
    free(p);
}
