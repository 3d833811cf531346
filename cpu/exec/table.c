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
    c->unmodelled = "this instruction is allocated, but not modelled";
    return STEP_UNMODELLED;
}

exec_function *const ENGINE(exec_table)[A64_COUNT] = {
    [A64_UNALLOCATED] = execute_unallocated,
#define X(name, mask, bits, class, flags, text, line) [A64_##name] = EXEC(name),
    A64_LIST(X)
#undef X
#define X(name, mask, bits, class, flags, text, line) [A64_##name] = execute_unmodelled,
    A64_UNMODELLED_LIST(X)
#undef X
};
