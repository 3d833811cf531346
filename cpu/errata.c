/*
 * The errata that a CPU can be given, by name.
 *
 * What each does stands where the rule is that it weakens: page-split-fault in cpu/memory.c,
 * speculative-at in mmu/versions.c, tlbi-loads in mmu/late.c, stale-fetch in mem/cache_version.c,
 * tlbi-stores in mem/order.c. A machine without what one needs refuses it.
 *
 * Not modelled: errata of AArch32, of EL3, and those that hang the core.
 *
 * Software Developers Errata Notices of the cores; DDI 0487 says what should have been.
 */
#include "cpu/errata.h"

#include <string.h>

const struct erratum_row erratum_rows[ERRATUM_COUNT] = {
#define ERRATUM(id, name, needs, what) [ERRATUM_##id] = {name, what, ERRATUM_NEEDS_##needs},
#include "cpu/errata.def"
#undef ERRATUM
};

bool erratum_by_name(const char *name, enum erratum *erratum)
{
    for (unsigned i = 0; i < ERRATUM_COUNT; i++) {
        if (strcmp(erratum_rows[i].name, name) != 0)
            continue;
        *erratum = (enum erratum)i;
        return true;
    }
    return false;
}
