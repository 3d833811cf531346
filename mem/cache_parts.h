/*
 * What the files of the caches share with each other, and with nobody else.
 */
#pragma once
#include "gen/trace.h"
#include "mem/cache.h"

#define LINE_NONE (-1)

enum line_state {
    LINE_INVALID,
    LINE_SHARED,    /* L1D: others may have it too. L2: clean. L1I: as level 2 has it */
    LINE_EXCLUSIVE, /* L1D: nobody else's L1D has it, clean */
    LINE_MODIFIED,  /* dirty */
    LINE_OLDER,     /* L1I: level 2 has, or had for a time, another value */
};

/* What CACHE_LINE tells. */
enum line_change {
    LINE_ALLOCATED, LINE_WRITTEN_BACK, LINE_INVALIDATED, LINE_EVICTED, LINE_DIRTIED
};
enum line_cache { LINE_IN_L1D, LINE_IN_L1I, LINE_IN_L2 };

/* What CACHE_STALE tells. */
enum stale_kind {
    STALE_READ, STALE_WRITE, STALE_HIT, STALE_CODE, STALE_LOST, STALE_ALLOCATED,
    STALE_UNFINISHED
};

/* The logs of older values. */
#define VERSIONS_DATA 0u
#define VERSIONS_CODE 1u
#define VERSIONS_CLEANED 2u /* to the point of coherency */
#define VERSIONS_UNIFIED 3u /* cleaned to that of unification */
#define VERSION_SIDES 4u

STATE_BEGIN
struct cache_line {
    uint64_t pa;
    uint8_t state; /* enum line_state */
    uint8_t reserved[7];
    uint8_t data[CACHE_LINE_BYTES];
};

/*
 * An older value of a line that a cache may still hold. Data: nobody has the line, unless it came
 * unasked while memory had this value. Code: the L1I of the PEs in reach may hold it. Cleaned: what
 * was below before a DC of the PE in reach, which has executed no DSB since.
 */
struct cache_version {
    uint64_t pa;
    uint64_t number;      /* in order of making, from 1; 0: none */
    uint8_t reach;        /* PEs; not 0, but for data */
    uint8_t issued_local; /* PEs whose IC covers it on themselves, and awaits a DSB */
    uint8_t issued_inner; /* the same for all PEs */
    uint8_t done;         /* PEs on which a finished IC awaits context synchronization */
    uint8_t fetched;      /* PEs that a finished IC has not freed of it: erratum stale-fetch */
    uint8_t reserved[3];
    uint8_t data[CACHE_LINE_BYTES];
};

/* A page that a PE has reached by a cacheable translation, and under which regime. */
struct cache_use {
    uint64_t page; /* with bit 0 for EL2's regime */
    uint64_t regime;
};

#define USE_SLOTS 64u
struct cache_uses {
    struct cache_use data[USE_SLOTS];
    struct cache_use code[USE_SLOTS];
};

struct cache_head {
    uint64_t numbers;   /* versions ever made */
    uint32_t count[VERSION_SIDES]; /* versions there now */
    uint32_t next[VERSION_SIDES];  /* where the next one goes */
    uint32_t lost[VERSION_SIDES];  /* versions that others took the place of */
    uint32_t marked;    /* versions with an IC under way */
    uint32_t reserved;
    uint64_t gone[PE_COUNT_MAX]; /* how often translations went away */
};
STATE_END

#define LINES_PER_PAGE (PAGE_BYTES / sizeof(struct cache_line))
#define VERSIONS_PER_PAGE (PAGE_BYTES / sizeof(struct cache_version))
#define VERSION_PAGES 4u
#define VERSION_COUNT (VERSION_PAGES * VERSIONS_PER_PAGE)
/* Older values offered at one use. */
#define VERSION_ANSWERS 7u

static inline uint64_t line_base(uint64_t pa)
{
    return align_down(pa, CACHE_LINE_BYTES);
}

#define CACHE_CLOCK(c, pe)                                                                  \
    (c)->host.events, (uint8_t)((pe) < PE_COUNT_MAX ? (pe) : 0), *(c)->host.clock[pe].el,   \
        *(c)->host.clock[pe].insn, *(c)->host.clock[pe].time

/* cache_array.c: lines by address. Pointers are good until the next change of any line. */
size_t array_pages(struct cache_array *a, size_t first_page);
int array_find(const struct cache *c, const struct cache_array *a, uint64_t pa);
const struct cache_line *array_at(const struct cache *c, const struct cache_array *a, int index);
struct cache_line *array_change(struct cache *c, const struct cache_array *a, int index);
/* Where the line of pa goes: a free way, else the oldest one's, whose turn ends. */
int array_room(struct cache *c, const struct cache_array *a, uint64_t pa);
/* Makes the line invalid and tells it. */
void array_drop(struct cache *c, const struct cache_array *a, unsigned pe, int index,
                enum line_change why);
void line_tell(struct cache *c, const struct cache_array *a, unsigned pe, enum line_change what,
               uint64_t pa, bool dirty);
void stale_tell(struct cache *c, unsigned pe, enum stale_kind what, bool taken, uint64_t pa,
                unsigned kind);

/* cache_level2.c: L2 and memory; what fetches see changes here only. */
void memory_line(const struct cache *c, uint64_t pa, uint8_t data[CACHE_LINE_BYTES]);
/* The value at the point of unification. */
void unified_value(const struct cache *c, uint64_t pa, uint8_t data[CACHE_LINE_BYTES]);
/* Puts a whole line into L2, dirty or as memory has it. */
void unified_put(struct cache *c, unsigned pe, uint64_t pa, const uint8_t *data, bool dirty);
/* Writes bytes to memory and to the copy in L2 if there is one. */
void unified_write_through(struct cache *c, uint64_t pa, const void *bytes, size_t size);
/* Writes bytes to memory alone. */
void unified_write_past(struct cache *c, uint64_t pa, const void *bytes, size_t size);
/* Writes a line to memory from above: L2's copy is the same, clean. */
void unified_write_back(struct cache *c, unsigned pe, uint64_t pa, const uint8_t *data);
/* Writes a dirty L2 line to memory, and takes a line out. */
void unified_clean(struct cache *c, unsigned pe, int index);
void unified_drop(struct cache *c, unsigned pe, int index, enum line_change why);
/*
 * The line for a cache above: from L2, or from memory, where an older value may have come unasked
 * (cache-allocate). Kept in L2 if allocate.
 */
enum cache_served unified_get(struct cache *c, unsigned pe, uint64_t pa, bool allocate,
                              uint8_t data[CACHE_LINE_BYTES]);

/* cache_past.c: lines that somebody goes past or may have lost. */
/* An access past the caches is about to read, or to write, these bytes of memory. */
void past_read(struct cache *c, unsigned pe, unsigned kind, uint64_t pa, size_t size);
/* Such a read, whose bytes are those of memory, may come before an unfinished DC. */
void past_clean(struct cache *c, unsigned pe, unsigned kind, uint64_t pa, size_t size,
                uint8_t *bytes);
void past_write(struct cache *c, unsigned pe, unsigned kind, uint64_t pa);
/* A hit on these bytes of a clean line (size 0: of which the whole counts): it may have gone. */
void past_hit(struct cache *c, unsigned pe, unsigned kind, uint64_t pa, size_t size);
/* A dirty line is about to be dropped: writes it back if that has happened before. */
void past_invalidate(struct cache *c, unsigned pe, const struct cache_array *a, int index);
/* Whether a L1D or L2 has the line at all, and whether dirty. */
bool data_cached(const struct cache *c, uint64_t pa, bool dirty);
/* The L1D that has the line dirty: its PE, index in *index; -1: none. */
int data_owner(const struct cache *c, uint64_t pa, int *index);
/* Writes the L1D's dirty line to L2, or to memory: it stays, clean. */
void data_clean(struct cache *c, unsigned pe, int index, bool to_unification);

/* cache_version.c: older values, and who can have read ahead. */
struct cache_head *head_change(struct cache *c);
const struct cache_head *head_at(const struct cache *c);
/* The PE reaches the page by a cacheable translation now. */
void use_note(struct cache *c, unsigned pe, bool code, bool el2, uint64_t pa);
/* PEs that can read ahead in the page now. */
unsigned use_live(const struct cache *c, bool code, uint64_t pa);
void version_add(struct cache *c, unsigned side, uint64_t pa, const uint8_t *data, unsigned reach);
void version_drop(struct cache *c, unsigned side, uint64_t pa);
/* The newest versions of a line that differ from data[from..from+size) and, there, from each
   other; as numbers for version_data. At most VERSION_ANSWERS. */
struct version_list {
    unsigned count;
    uint16_t slot[VERSION_ANSWERS];
};
struct version_list version_list(const struct cache *c, unsigned side, unsigned reach, uint64_t pa,
                                 const uint8_t *data, unsigned from, unsigned size);
const uint8_t *version_data(const struct cache *c, unsigned side, unsigned slot);
/* Erratum stale-fetch. Whether the PE has it only because it fetched it before a finished IC; and
   it no longer has those of a line, or FETCHED_ALL. */
#define FETCHED_ALL UINT64_MAX
bool version_was_fetched(const struct cache *c, unsigned slot, unsigned pe);
void version_fetched_anew(struct cache *c, unsigned pe, uint64_t pa);
/* Memory under a line that no data cache has is about to change. */
void ahead_before_write(struct cache *c, uint64_t pa);
/* The line was taken out of all data caches; through a translation that is live, if live. */
void ahead_after_drop(struct cache *c, uint64_t pa, bool live);
/* All lines of an L2 set were taken out. */
void ahead_drop_set(struct cache *c, unsigned set);
/* The line is in a cache now. */
void ahead_end(struct cache *c, uint64_t pa);
void version_ic(struct cache *c, uint64_t pa, bool all, unsigned pe, bool broadcast);
/* Whether a DC of the line awaits its DSB. */
bool version_cleaning(const struct cache *c, uint64_t pa);

/* cache_code.c: the value at the point of unification was `before`, and may now be another. */
void code_changed(struct cache *c, uint64_t pa, const uint8_t before[CACHE_LINE_BYTES]);
/* Where fetches see the L1 data caches: a store has changed this line. */
void code_stored(struct cache *c, unsigned pe, int index);
enum cache_served code_fetch(struct cache *c, const struct access *access, uint64_t value[2]);
