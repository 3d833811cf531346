/* Errata that a CPU can be given (cpu/errata.def). */
#pragma once
#include "sim/base/base.h"

enum erratum {
#define ERRATUM(id, name, needs, what) ERRATUM_##id,
#include "cpu/errata.def"
#undef ERRATUM
    ERRATUM_COUNT
};

/* What must be there for an erratum to show. */
enum erratum_needs {
    ERRATUM_NEEDS_NOTHING,
    ERRATUM_NEEDS_SPEC_FILL,
    ERRATUM_NEEDS_STORE_BUFFER,
    ERRATUM_NEEDS_UNKNOWN_VALUE,
    ERRATUM_NEEDS_LATE_LOADS,
    ERRATUM_NEEDS_EARLY_FETCHES
};

struct erratum_row {
    const char *name;
    const char *what;
    enum erratum_needs needs;
};
extern const struct erratum_row erratum_rows[ERRATUM_COUNT];

/* The erratum of this name; false: there is none. */
bool erratum_by_name(const char *name, enum erratum *erratum);

/* Whether a CPU with these errata (a bit each) has one. */
static inline bool erratum_is_on(uint32_t errata, enum erratum erratum)
{
    return __builtin_expect(errata != 0, 0) && (errata >> erratum & 1u);
}
