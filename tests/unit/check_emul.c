/*
 * Checker emul: what an abort at stage 2 was taken for. A vCPU of VM A aborts, its hypervisor does
 * something, and the vCPU goes on; told in events. What an emulated instruction may change is in
 * check_context.c.
 *
 * Stage 1 is off, so that an address is an IPA.
 */
#include "tests/unit/check_world.h"

#define DATA_ABORT (UINT64_C(0x24) << 26)
#define FSC_TRANSLATION_L3 UINT64_C(0x07)
#define FSC_PERMISSION_L3 UINT64_C(0x0f)
#define FSC_ACCESS_FLAG_L3 UINT64_C(0x0b)
#define FSC_EXTERNAL UINT64_C(0x10)
#define ISV UINT64_C(0x1000000)
#define SAS(log2) ((uint64_t)(log2) << 22)
#define SSE UINT64_C(0x200000)
#define SRT(n) ((uint64_t)(n) << 16)
#define SF UINT64_C(0x8000)
#define S1PTW UINT64_C(0x80)
#define WNR UINT64_C(0x40)
#define LOADS_X5 (DATA_ABORT | ISV | SAS(3) | SRT(5) | SF)

#define PC UINT64_C(0x4000)
#define VCPU UINT64_C(0x80000000)
#define OTHER_IPA (IPA_OF_VM + PAGE_BYTES)
#define TABLE3 (ROOT_A + 0x2000)
#define DESCRIPTOR(ipa) (TABLE3 + ((ipa) >> PAGE_SHIFT) * 8)
#define STAGE2_LEAF UINT64_C(0x7ff) /* page, AF, inner shareable, read and write, Normal */
#define STAGE2_READ UINT64_C(0x77f) /* the same, but not to be written */

static void expect(struct check_world *w, const char *kind)
{
    const struct finding *f = found(w);
    if (kind) {
        cr_assert_not_null(f, "%s is expected", kind);
        cr_assert_eq(f->check, CHECK_EMUL);
        cr_assert_str_eq(f->kind, kind);
        cr_assert_geq(f->event_count, 2);
    } else {
        cr_assert_null(f, "%s: %s", f ? f->kind : "", f ? f->text : "");
    }
    check_world_close(w);
}

static void enters(struct check_world *w, uint64_t pc)
{
    w->m->state->cpu[0].el = 2;
    world_set(w->m, 0, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_VM);
    world_set(w->m, 0, SR_VTTBR_EL2, ROOT_A | UINT64_C(5) << 48);
    world_set(w->m, 0, SR_VMPIDR_EL2, VCPU);
    send(w, EVENT_ERET, 0,
         (struct event){.eret = {.from_el = 2, .to_el = 1, .pc = pc, .spsr = 5}});
    w->m->state->cpu[0].el = 1;
    send(w, EVENT_CONTEXT, 0,
         (struct event){.context = {.live = 1, .vmid = 5, .root = ROOT_A, .vmpidr = VCPU}});
}

static void aborts(struct check_world *w, uint64_t esr, uint64_t far)
{
    world_set(w->m, 0, SR_SPSR_EL2, 5);
    send(w, EVENT_EXC_TAKE, 0,
         (struct event){.exc_take = {.from_el = 1, .to_el = 2, .esr = esr, .far = far, .pc = PC}});
    w->m->state->cpu[0].el = 2;
    send(w, EVENT_CONTEXT, 0, (struct event){.context = {.live = 0}});
}

/* The VM is in the guest; with bbm the checker also knows whose descriptors there are. */
static struct check_world emul_world(bool with_bbm, uint64_t page)
{
    uint32_t mask = 1u << CHECK_EMUL | (with_bbm ? 1u << CHECK_BBM : 0);
    struct check_world w = check_world(mask, false, 0);
    world_set(w.m, 0, SR_SCTLR_EL1, 0);
    world_set(w.m, 0, SR_VTCR_EL2,
              field_put(VTCR_EL2_T0SZ, 25) | field_put(VTCR_EL2_SL0, 1) |
                  field_put(VTCR_EL2_PS, 2));
    maps(&w, ROOT_A, page);
    enters(&w, PC);
    return w;
}

/* --- stage1-walk ----------------------------------------------------------------------------- */

static void walk_story(uint64_t esr, uint64_t skip, const char *kind)
{
    struct check_world w = emul_world(false, 0);
    aborts(&w, DATA_ABORT | esr, IPA_OF_VM);
    enters(&w, PC + skip);
    expect(&w, kind);
}

Test(check_emul, an_abort_of_a_walk_taken_for_one_of_the_access)
{
    walk_story(S1PTW | FSC_TRANSLATION_L3, 4, "stage1-walk");
    walk_story(S1PTW | WNR | FSC_PERMISSION_L3, 4, "stage1-walk");
    walk_story(S1PTW | FSC_TRANSLATION_L3, 0, NULL);
    walk_story(FSC_TRANSLATION_L3, 4, NULL);
    walk_story(S1PTW | FSC_TRANSLATION_L3, 64, NULL); /* to a handler of the guest's, say */
}

/* --- spurious -------------------------------------------------------------------------------- */

struct memory_story {
    uint64_t esr;
    bool was_memory, is_back, is_retried;
    uint64_t content, loaded;
    const char *kind;
    bool becomes_memory; /* it is first translated behind the abort */
};

static void memory_story(const struct memory_story *s)
{
    struct check_world w = emul_world(false, PAGE_OF_VM);
    world_write(w.m, PAGE_OF_VM + 8, s->content);
    if (s->was_memory)
        fills(&w, 0, 1, 2, IPA_OF_VM, PAGE_OF_VM, 5);
    maps(&w, ROOT_A, 0); /* the break */
    aborts(&w, s->esr, IPA_OF_VM + 8);
    if (s->is_back)
        maps(&w, ROOT_A, PAGE_OF_VM);
    if (s->becomes_memory) {
        runs(&w, 1, ROOT_A, 5);
        fills(&w, 1, 1, 2, IPA_OF_VM, PAGE_OF_VM, 5);
    }
    w.m->state->cpu[0].x[5] = s->loaded;
    enters(&w, s->is_retried ? PC : PC + 4);
    expect(&w, s->kind);
}

Test(check_emul, a_moment_without_a_page_taken_for_a_device)
{
    const uint64_t load = LOADS_X5 | FSC_TRANSLATION_L3, minus = UINT64_C(0xffffffffffffff85);
    const uint64_t byte = (load & ~SAS(3)) | SSE;
    const struct memory_story stories[] = {
        {load, true, true, false, 0x77, 0, "spurious", false},
        {load, true, true, false, 0x77, 0x77, NULL, false},  /* the emulator knows what is there */
        {load, true, true, true, 0x77, 0, NULL, false},      /* tried again */
        {load, true, false, false, 0x77, 0, NULL, false},    /* it has become a device */
        {load, false, true, false, 0x77, 0, NULL, false},    /* it was one */
        {load | WNR, true, true, false, 0x77, 0, NULL, false},
        {load & ~ISV, true, true, false, 0x77, 0, NULL, false},
        {LOADS_X5 | FSC_PERMISSION_L3, true, true, false, 0x77, 0, NULL, false},
        {byte, true, true, false, 0x185, minus, NULL, false}, /* a byte, with its sign */
        {byte, true, true, false, 0x185, 0x05, "spurious", false},
        {byte & ~SF, true, true, false, 0x185, minus & UINT32_MAX, NULL, false},
        {load | SRT(31), true, true, false, 0x77, 0, NULL, false}, /* nowhere */
        {load, false, true, false, 0x77, 0, NULL, true},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(stories); i++)
        memory_story(&stories[i]);
}

/* --- unknown-hpfar --------------------------------------------------------------------------- */

/* The checker learns whose tables these are from a walk. */
static void walks(struct check_world *w)
{
    uint64_t at[3] = {ROOT_A, ROOT_A + 0x1000, DESCRIPTOR(IPA_OF_VM)};
    struct core *core = &w->m->core[0];
    core->regime[REGIME_EL10] = core_regime_peek(core->cpu, &w->m->mmu_config, REGIME_EL10);
    for (unsigned i = 0; i < 3; i++)
        send(w, EVENT_WALK, 0,
             (struct event){.walk = {.stage = 2, .level = (uint8_t)(1 + i),
                                     .regime = REGIME_EL10, .descriptor_pa = at[i],
                                     .descriptor = world_read(w->m, at[i]),
                                     .input = IPA_OF_VM}});
}

static void stores(struct check_world *w, uint64_t pa, uint64_t value)
{
    w->m->events.step = ++w->step;
    struct access access = {.pa = pa_make(pa), .pe = 0, .size = 8, .is_write = 1};
    uint64_t two[2] = {value, 0};
    cr_assert_eq(w->m->port.write(w->m->port.owner, &access, two), PORT_OK);
}

static void reads_hpfar(struct check_world *w, uint64_t ipa)
{
    struct event e = {.system = {.reg = SR_HPFAR_EL2, .value = ipa >> 8}};
    e.el = 2;
    send(w, EVENT_SYSTEM, 0, e);
}

struct hpfar_story {
    uint64_t esr;
    uint64_t read;     /* the IPA that HPFAR_EL2 says; 0: not read */
    uint64_t mends[2]; /* whose descriptors are changed; 0: nobody's */
    uint64_t skip;
    const char *kind;
};

/* The page of the access is mapped to be read; the abort is one of a write to it. */
static void hpfar_story(const struct hpfar_story *s)
{
    struct check_world w = emul_world(true, PAGE_OF_VM);
    world_write(w.m, DESCRIPTOR(IPA_OF_VM), PAGE_OF_VM | STAGE2_READ);
    walks(&w);
    aborts(&w, DATA_ABORT | WNR | s->esr, IPA_OF_VM + 8);
    if (s->read != 0)
        reads_hpfar(&w, s->read);
    for (unsigned i = 0; i < 2; i++)
        if (s->mends[i] != 0)
            stores(&w, DESCRIPTOR(s->mends[i]),
                   s->mends[i] == IPA_OF_VM ? PAGE_OF_VM | STAGE2_LEAF
                                            : (PAGE_OF_VM + PAGE_BYTES) | STAGE2_READ);
    enters(&w, PC + s->skip);
    expect(&w, s->kind);
}

Test(check_emul, hpfar_used_where_no_abort_has_set_it)
{
    const struct hpfar_story stories[] = {
        {FSC_PERMISSION_L3, OTHER_IPA, {OTHER_IPA, 0}, 0, "unknown-hpfar"},
        {FSC_PERMISSION_L3, OTHER_IPA, {IPA_OF_VM, 0}, 0, NULL}, /* only saved */
        {FSC_PERMISSION_L3, OTHER_IPA, {OTHER_IPA, IPA_OF_VM}, 0, NULL},
        {FSC_PERMISSION_L3, OTHER_IPA, {0, 0}, 0, NULL},
        {FSC_PERMISSION_L3, IPA_OF_VM, {IPA_OF_VM, 0}, 0, NULL}, /* right by luck */
        {FSC_PERMISSION_L3, 0, {OTHER_IPA, 0}, 0, NULL},
        {FSC_PERMISSION_L3, OTHER_IPA, {OTHER_IPA, 0}, 4, NULL}, /* not tried again */
        {FSC_EXTERNAL, OTHER_IPA, {OTHER_IPA, 0}, 0, "unknown-hpfar"},
        /* These set it. */
        {FSC_TRANSLATION_L3, OTHER_IPA, {OTHER_IPA, 0}, 0, NULL},
        {FSC_ACCESS_FLAG_L3, OTHER_IPA, {OTHER_IPA, 0}, 0, NULL},
        {FSC_PERMISSION_L3 | S1PTW, OTHER_IPA, {OTHER_IPA, 0}, 0, NULL},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(stories); i++)
        hpfar_story(&stories[i]);
}
