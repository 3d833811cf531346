/*
 * The execution table of an engine: for each op of a64.decode its handler. A row without a
 * handler does not link. Compiled once for each engine.
 *
 * Words that are not allocated are UNDEFINED. Ops that the model lacks are UNDEFINED where the
 * CPU does not have the feature they belong to, which the identification registers then say;
 * where it has, the traps of the feature come first, and then the run stops: nothing is silently
 * ignored. CheckFPAdvSIMDEnabled64 (DDI 0487).
 */
#include "cpu/exception.h"
#include "cpu/exec/handlers.h"
#include "cpu/model.h"

/* Whether this CPU has the feature that a row belongs to. */
static inline bool has_feature(const struct core *c, uint32_t flags)
{
    static const struct {
        uint32_t needs, feature;
    } rows[] = {
        {A64_NEEDS_FP, SYSREG_FEATURE_FP},
        {A64_NEEDS_CRC32, SYSREG_FEATURE_CRC32},   {A64_NEEDS_AES, SYSREG_FEATURE_AES},
        {A64_NEEDS_PMULL, SYSREG_FEATURE_PMULL},   {A64_NEEDS_SHA1, SYSREG_FEATURE_SHA1},
        {A64_NEEDS_SHA256, SYSREG_FEATURE_SHA256}, {A64_NEEDS_RDM, SYSREG_FEATURE_RDM},
        {A64_NEEDS_LSE, SYSREG_FEATURE_LSE},       {A64_NEEDS_RCPC, SYSREG_FEATURE_RCPC},
        {A64_NEEDS_LOR, SYSREG_FEATURE_LOR},       {A64_NEEDS_PAN, SYSREG_FEATURE_PAN},
        {A64_NEEDS_UAO, SYSREG_FEATURE_UAO},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++)
        if ((flags & rows[i].needs) != 0 && (c->model->features & rows[i].feature) == 0)
            return false;
    return true;
}

static enum step execute_unallocated(struct core *c, uint32_t w)
{
    (void)c, (void)w;
    return STEP_UNDEFINED;
}

/* For rows with the key `unmodelled`, of which there may be none. */
__attribute__((unused)) static enum step execute_unmodelled(struct core *c, uint32_t w)
{
    if (a64_class(a64_decode(w)) == A64_CLASS_SIMD) {
        if ((c->model->features & SYSREG_FEATURE_FP) == 0)
            return STEP_UNDEFINED;
        enum step step = exception_check_fp(c);
        if (step != STEP_NEXT)
            return step;
    }
    if (!has_feature(c, a64_flags(a64_decode(w))))
        return STEP_UNDEFINED;
    c->unmodelled = "this instruction is allocated, but not modelled";
    return STEP_UNMODELLED;
}

/* Rows with feature=: UNDEFINED on a CPU without it, before anything else is looked at. */
#define X(name, mask, bits, class, flags, text, line)                     \
    static inline enum step gated_##name(struct core *c, uint32_t w)      \
    {                                                                     \
        return has_feature(c, flags) ? EXEC(name)(c, w) : STEP_UNDEFINED; \
    }
A64_LIST(X)
#undef X

exec_function *const ENGINE(exec_table)[A64_COUNT] = {
    [A64_UNALLOCATED] = execute_unallocated,
#define X(name, mask, bits, class, flags, text, line)  \
    [A64_##name] = (flags) ? gated_##name : EXEC(name),
    A64_LIST(X)
#undef X
#define X(name, mask, bits, class, flags, text, line) [A64_##name] = execute_unmodelled,
    A64_UNMODELLED_LIST(X)
#undef X
};
