/*
 * Descriptors in memory, for the walks of one translation: reads and compare-and-swaps through the
 * port, in the byte order of the stage, told as events; for observers, what the port shows them.
 *
 * Follows FetchDescriptor and MemSwapTableDesc. A swap is two accesses through the port that are
 * marked atomic; nothing comes between them.
 *
 * Not modelled: descriptors of 128 bits.
 */
#include "gen/sysreg.h"
#include "mmu/speculate.h"
#include "mmu/walker.h"

static struct access access_make(const struct walker *w, uint64_t pa, struct attributes a,
                                 bool is_update, bool is_write)
{
    return (struct access){
        .pa = pa_make(pa),
        .pe = w->mmu->pe,
        .size = 8,
        .kind = ACCESS_WALK,
        .is_write = is_write,
        .atomic = is_update,
        .memory = a.memory,
        .shareability = a.shareability,
        .el = *w->mmu->clock->el,
    };
}

static uint64_t in_order(const struct walker *w, unsigned stage, uint64_t descriptor)
{
    bool swap =
        stage == 1 ? (w->regime->sctlr & SCTLR_EL1_EE) != 0 : w->regime->stage2_is_big_endian;
    return swap ? __builtin_bswap64(descriptor) : descriptor;
}

static bool descriptor_get(struct walker *w, unsigned stage, uint64_t pa, struct attributes a,
                           bool is_update, uint64_t *out)
{
    const struct port *port = w->mmu->port;
    uint64_t value[2] = {0, 0};
    if (w->live == NULL) {
        if (!port->peek(port->owner, pa_make(pa), value, sizeof value[0]))
            return false;
    } else {
        struct access access = access_make(w, pa, a, is_update, false);
        w->cost += w->mmu->config->cost_walk_step;
        if (port->read(port->owner, &access, value) != PORT_OK)
            return false;
    }
    *out = in_order(w, stage, value[0]);
    return true;
}

bool walker_read(struct walker *w, const struct walk_state *s, uint64_t pa, struct attributes a,
                 uint64_t *descriptor)
{
    if (w->past) {
        if (!speculation_read(w->past, s, pa, descriptor))
            return false;
        *descriptor = in_order(w, s->stage, *descriptor);
        return true;
    }
    if (w->live && mmu_keeps_versions(w->mmu))
        version_see_table(w->mmu->versions, pa, s->level, s->stage == 1 && w->regime->stage2_on);
    if (!descriptor_get(w, s->stage, pa, a, false, descriptor))
        return false;
    if (w->live)
        event_emit_WALK(MMU_HEAD(w->live), s->stage, s->level, w->regime->kind, pa, *descriptor,
                        s->input);
    if (w->walk) {
        ensure(w->walk->step_count < WALK_STEP_MAX);
        w->walk->step[w->walk->step_count++] = (struct walk_step){
            .descriptor = *descriptor,
            .descriptor_pa = pa_make(pa),
            .input = s->input,
            .stage = s->stage,
            .level = s->level,
        };
    }
    return true;
}

enum walker_update walker_swap(struct walker *w, unsigned stage, const struct walker_leaf *leaf,
                               uint64_t pa, struct attributes a, uint64_t wanted)
{
    uint64_t now = 0;
    if (w->live == NULL)
        return UPDATE_DONE;
    if (!descriptor_get(w, stage, pa, a, true, &now))
        return UPDATE_FAULT;
    if (now != leaf->descriptor)
        return UPDATE_AGAIN;
    const struct port *port = w->mmu->port;
    struct access access = access_make(w, pa, a, true, true);
    uint64_t value[2] = {in_order(w, stage, wanted), 0};
    if (port->write(port->owner, &access, value) == PORT_EXTERNAL_ABORT)
        return UPDATE_FAULT;
    event_emit_MEM(MMU_HEAD(w->live), 0, pa, value[0], 8, 1, ACCESS_WALK, 0, 0);
    return UPDATE_DONE;
}
