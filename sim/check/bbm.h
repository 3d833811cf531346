/*
 * Checker bbm: its state and the parts of it to each other. bbm.c hears events, bbm_table.c keeps
 * tables and records, bbm_rules.c says what the architecture demands of a change and what an
 * invalidation reaches, bbm_report.c tells it.
 */
#pragma once
#include "sim/base/base.h"

#define BBM_ROOM_MIN 1024u
#define BBM_ROOM_MAX 65000u /* indexes have 16 bits */
#define BBM_BUCKETS 4096u
#define BBM_RECORD_BUCKETS 1024u
#define BBM_USERS 4u
#define BBM_WORDS 512u /* of 8 bytes in a page of 4 KiB */

enum bbm_state_of { BBM_BROKEN, BBM_SUSPECT };

/* Why the last invalidation that was near did not clean a record. */
enum bbm_why {
    BBM_WHY_NONE,
    BBM_WHY_DSB,    /* no DSB between store and TLBI */
    BBM_WHY_VMID,   /* another VMID */
    BBM_WHY_ASID,   /* another ASID */
    BBM_WHY_LOCAL,  /* did not reach all PEs */
    BBM_WHY_LEAF,   /* last level only, and a table went */
    BBM_WHY_STAGE1, /* stage 2 only: what combines both stages is still there */
    BBM_WHY_ORDER,  /* stage 1 was invalidated before stage 2 */
    BBM_WHY_REST,   /* of what hung below a table something was left */
    BBM_WHY_COUNT
};

STATE_BEGIN
/* Under which registers a table was walked. */
struct bbm_user {
    uint64_t root; /* of stage 2; 0: none */
    uint64_t ttbr; /* of stage 1; 0 for a table of stage 2 */
    uint16_t vmid, asid;
    uint8_t regime;
    uint8_t pes;      /* bit per PE */
    uint8_t any_asid; /* walked under several */
    uint8_t reserved;
};

/* 4 KiB of a table. */
struct bbm_page {
    uint64_t pa;   /* | 1; 0: free */
    uint64_t base; /* input address of word 0, whether or not that is part of the table */
    uint64_t step, pc; /* first walked */
    uint64_t cached[BBM_WORDS / 64]; /* words that a TLB may hold */
    struct bbm_user user[BBM_USERS];
    uint16_t next;     /* in its bucket: index + 1 */
    uint16_t unlinked; /* the record by which it was taken out of the tables: index + 1 */
    uint8_t user_count, stage, level, shift;
    uint8_t swap;  /* descriptors are big-endian */
    uint8_t mixed; /* found at several places: input addresses say nothing */
    uint8_t pe, reserved[5];
};

/* A descriptor that was changed while a TLB may hold what it said before. */
struct bbm_record {
    uint64_t pa; /* | 1; 0: free */
    uint64_t old; /* what it said */
    uint64_t step, pc;     /* of the store */
    uint64_t visible_step; /* of the DSB behind it on the same PE; 0: none yet */
    uint64_t stage2_step;  /* when its stage 2 part was finished last */
    uint64_t near_step, near_pc; /* of the last invalidation that did not do */
    uint64_t below[BBM_WORDS / 64]; /* words of the table it pointed to that may be held */
    uint16_t next;
    uint16_t page;          /* index */
    uint8_t stage2[BBM_USERS];   /* PEs where stage 2 entries may be */
    uint8_t combined[BBM_USERS]; /* PEs where entries with stage 1 in them may be */
    uint8_t pe, state, why;
    uint8_t near_pe, near_operation, near_scope;
    uint8_t child_shift; /* log2 of what a word below covers; 0: not known */
    uint8_t reserved[5];
};

struct bbm_state {
    uint32_t page_count, record_count, suspect_count;
    uint32_t page_top, record_top; /* no index from here on was ever used */
    uint32_t done;                 /* finished invalidations applied */
    uint32_t room;                 /* how many pages there may be, and how many records */
    uint32_t page_free;            /* no index below is free */
    uint16_t page_bucket[BBM_BUCKETS];
    uint16_t record_bucket[BBM_RECORD_BUCKETS];
    struct bbm_page page[]; /* room; the records lie behind them */
};
STATE_END

#define BBM_ROW_BYTES (sizeof(struct bbm_page) + sizeof(struct bbm_record))

/* The records, by index. */
static inline struct bbm_record *bbm_records(const struct bbm_state *b)
{
    return (struct bbm_record *)(uintptr_t)&b->page[b->room];
}

struct checks;
struct event;
struct shadow_tlbi;

/* bbm_table.c. Tables: NULL when there is none, or no room. */
struct bbm_page *bbm_page_find(struct bbm_state *b, uint64_t pa);
struct bbm_page *bbm_page_add(struct bbm_state *b, uint64_t pa);
void bbm_page_drop(struct checks *c, struct bbm_page *page);
struct bbm_record *bbm_record_find(struct bbm_state *b, uint64_t pa);
struct bbm_record *bbm_record_add(struct bbm_state *b, uint64_t pa, const struct bbm_page *page);
void bbm_record_remove(struct bbm_state *b, struct bbm_record *r);
struct bbm_page *bbm_page_of(struct bbm_state *b, const struct bbm_record *r);
static inline bool bbm_bit(const uint64_t *bits, unsigned i)
{
    return bits[i / 64] >> i % 64 & 1;
}
void bbm_bit_set(uint64_t *bits, unsigned i, bool value);
bool bbm_bits_any(const uint64_t *bits);
/* The word of a page that an address names. */
static inline unsigned bbm_word(uint64_t pa)
{
    return (unsigned)(pa / 8 % BBM_WORDS);
}

/* bbm_rules.c. What a descriptor is at its place. */
bool bbm_is_live(const struct bbm_page *page, uint64_t descriptor);
bool bbm_is_table(const struct bbm_page *page, uint64_t descriptor);
uint64_t bbm_table_address(uint64_t descriptor);
/* What of a change demands break-before-make, in words, or NULL. Both values are live. */
const char *bbm_demands_break(const struct checks *c, const struct bbm_page *page, uint64_t old,
                              uint64_t new);
/* PEs whose registers in effect lead to the table now. */
unsigned bbm_in_use(const struct checks *c, const struct bbm_page *page);
unsigned bbm_user_in_use(const struct checks *c, const struct bbm_page *page,
                         const struct bbm_user *u);
/* Whether a PE uses the table of stage 1 so that an entry which it may yet have would serve it. */
bool bbm_is_reached(const struct checks *c, const struct bbm_page *page,
                    const struct bbm_record *r, unsigned pe);
/*
 * Behind an invalidation of all that a VM or regime has: who no longer has the table in use is no
 * user of it. True: nobody is, nothing of the page is held anywhere.
 */
bool bbm_forget_users(const struct checks *c, struct bbm_page *page, const struct shadow_tlbi *t);
/* Takes off a record what an invalidation removed; true: nothing is left. */
bool bbm_invalidate(struct bbm_state *b, struct bbm_record *r, const struct shadow_tlbi *t);
/* Whether an operation by address names what the record's descriptor covers, for its users. */
bool bbm_names(struct bbm_state *b, const struct bbm_record *r, const struct shadow_tlbi *t);
bool bbm_is_visible(const struct bbm_record *r, const struct shadow_tlbi *t);

/* bbm_report.c. detail: what a change would demand, or NULL. */
void bbm_report(struct checks *c, const struct event *e, const char *kind,
                const struct bbm_page *page, const struct bbm_record *r, uint64_t pa,
                uint64_t value, const char *detail);
