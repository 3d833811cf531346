/*
 * LD1 to LD4, ST1 to ST4 and LD1R to LD4R: structures of one to four elements, spread over as
 * many vector registers. Compiled once for each engine.
 *
 * DDI 0487, "Loads and Stores", Advanced SIMD load/store structures. Memory is accessed element by
 * element, in ascending order; where the address allows it, eight or sixteen bytes go at once,
 * which no one can tell apart: an aligned block neither faults in its middle nor needs another
 * alignment, and memory.c takes it apart again for Device memory. A load changes no register before
 * its last access; a store that aborts may have written what comes before; neither changes the
 * base then. No form gives a valid syndrome (ISS.ISV).
 */
#include "cpu/exec/handlers.h"
#include "cpu/exec/vector.h"

#include <string.h>

struct structure {
    unsigned registers; /* 1 to 4 */
    unsigned members;   /* elements of one structure: 1 for LD1, which is register after register */
    unsigned size;      /* log2 of an element's bytes */
    unsigned bytes;     /* of one register: 8 or 16 */
};

/* What one access transfers of consecutive elements, at this address with so much left. */
static inline struct mem_op block_access(uint64_t va, unsigned size, size_t left)
{
    unsigned bytes = 1u << size;
    if ((va & 15) == 0 && left >= 16)
        bytes = 16;
    else if ((va & 7) == 0 && left >= 8)
        bytes = 8;
    return (struct mem_op){
        .size = (uint8_t)bytes, .kind = ACCESS_PLAIN, .element = (uint8_t)(1u << size)};
}

/* Reads length bytes, a multiple of the element, into bytes. */
static bool read_block(struct core *c, uint64_t va, unsigned size, uint8_t *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        struct mem_op op = block_access(va + done, size, length - done);
        uint64_t value[2];
        if (!ENGINE(mem_read)(c, va + done, &op, value))
            return false;
        memcpy(bytes + done, value, op.size);
        done += op.size;
    }
    return true;
}

static bool write_block(struct core *c, uint64_t va, unsigned size, const uint8_t *bytes,
                        size_t length)
{
    for (size_t done = 0; done < length;) {
        struct mem_op op = block_access(va + done, size, length - done);
        uint64_t value[2] = {0, 0};
        memcpy(value, bytes + done, op.size);
        if (!ENGINE(mem_write)(c, va + done, &op, value))
            return false;
        done += op.size;
    }
    return true;
}

/* Up to four registers as they lie in memory, by lanes of any size. */
union block {
    uint64_t d[8];
    uint32_t s[16];
    uint16_t h[32];
    uint8_t b[64];
};

/* Memory order and register order: element e of register r is member r of structure e. */
#define INTERLEAVE(lane)                                                 \
    for (unsigned e = 0; e < elements; e++)                              \
        for (unsigned r = 0; r < s->registers; r++)                      \
            memory->lane[e * s->registers + r] = v[r].lane[e];

#define DEINTERLEAVE(lane)                                               \
    for (unsigned e = 0; e < elements; e++)                              \
        for (unsigned r = 0; r < s->registers; r++)                      \
            v[r].lane[e] = memory->lane[e * s->registers + r];

#define BY_SIZE(what)        \
    switch (s->size) {       \
    case 0:                  \
        what(b) break;       \
    case 1:                  \
        what(h) break;       \
    case 2:                  \
        what(s) break;       \
    default:                 \
        what(d) break;       \
    }

static inline void interleave(const struct structure *s, union block *memory,
                              const union vector v[4])
{
    unsigned elements = s->bytes >> s->size;
    BY_SIZE(INTERLEAVE)
}

static inline void deinterleave(const struct structure *s, const union block *memory,
                                union vector v[4])
{
    unsigned elements = s->bytes >> s->size;
    BY_SIZE(DEINTERLEAVE)
}

static inline enum step begin(struct core *c, uint32_t w, uint64_t *base)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned n = a64_rn(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    *base = reg_get_sp(c, n, true);
    return STEP_NEXT;
}

/* Post-index: by a register, or by the bytes transferred where the register would be 31. */
static inline enum step end(struct core *c, uint32_t w, bool is_post, uint64_t base,
                            unsigned bytes)
{
    if (is_post) {
        unsigned m = a64_rm(w);
        reg_set_sp(c, a64_rn(w), true, base + (m == 31 ? bytes : reg_x(c, m)));
    }
    return STEP_NEXT;
}

static inline struct structure structure_of(uint32_t w, unsigned registers, unsigned members)
{
    return (struct structure){registers, members, a64_arr(w), a64_q(w) ? 16 : 8};
}

static inline enum step load_multiple(struct core *c, uint32_t w, struct structure s, bool is_post)
{
    uint64_t base;
    enum step step = begin(c, w, &base);
    if (step != STEP_NEXT)
        return step;
    union block memory;
    union vector v[4] = {0};
    unsigned length = s.registers * s.bytes;
    if (!read_block(c, base, s.size, memory.b, length))
        return STEP_FAULT;
    if (s.members == 1) {
        for (unsigned r = 0; r < s.registers; r++)
            memcpy(v[r].b, memory.b + r * s.bytes, s.bytes);
    } else {
        deinterleave(&s, &memory, v);
    }
    for (unsigned r = 0; r < s.registers; r++)
        vreg_set128(c, (a64_rt(w) + r) & 31, v[r].d[0], v[r].d[1]);
    return end(c, w, is_post, base, length);
}

static inline enum step store_multiple(struct core *c, uint32_t w, struct structure s,
                                       bool is_post)
{
    uint64_t base;
    enum step step = begin(c, w, &base);
    if (step != STEP_NEXT)
        return step;
    union block memory;
    union vector v[4];
    unsigned length = s.registers * s.bytes;
    for (unsigned r = 0; r < s.registers; r++)
        v[r] = vreg_get(c, (a64_rt(w) + r) & 31);
    if (s.members == 1) {
        for (unsigned r = 0; r < s.registers; r++)
            memcpy(memory.b + r * s.bytes, v[r].b, s.bytes);
    } else {
        interleave(&s, &memory, v);
    }
    if (!write_block(c, base, s.size, memory.b, length))
        return STEP_FAULT;
    return end(c, w, is_post, base, length);
}

#define MULTIPLE(name, what, registers, members)                                        \
    enum step EXEC(name)(struct core *c, uint32_t w)                                    \
    {                                                                                   \
        return what##_multiple(c, w, structure_of(w, registers, members), false);       \
    }                                                                                   \
    enum step EXEC(name##_post)(struct core *c, uint32_t w)                             \
    {                                                                                   \
        return what##_multiple(c, w, structure_of(w, registers, members), true);        \
    }

MULTIPLE(LD1x1, load, 1, 1)
MULTIPLE(LD1x2, load, 2, 1)
MULTIPLE(LD1x3, load, 3, 1)
MULTIPLE(LD1x4, load, 4, 1)
MULTIPLE(LD2, load, 2, 2)
MULTIPLE(LD3, load, 3, 3)
MULTIPLE(LD4, load, 4, 4)
MULTIPLE(ST1x1, store, 1, 1)
MULTIPLE(ST1x2, store, 2, 1)
MULTIPLE(ST1x3, store, 3, 1)
MULTIPLE(ST1x4, store, 4, 1)
MULTIPLE(ST2, store, 2, 2)
MULTIPLE(ST3, store, 3, 3)
MULTIPLE(ST4, store, 4, 4)

/* ---- One structure: to or from one lane of each register, or to all lanes ---- */

/* Reads one structure; elements zero-extended. */
static inline bool read_elements(struct core *c, uint64_t va, unsigned count, unsigned size,
                                 uint64_t elements[4])
{
    struct mem_op op = {.size = (uint8_t)(1u << size), .kind = ACCESS_PLAIN};
    for (unsigned r = 0; r < count; r++) {
        uint64_t value[2];
        if (!ENGINE(mem_read)(c, va + (r << size), &op, value))
            return false;
        elements[r] = value[0];
    }
    return true;
}

/* A doubleword has the lsz of a word, and arr = 1. The index is what q:s:arr has above the size. */
static inline unsigned lane_size(uint32_t w)
{
    unsigned size = a64_lsz(w);
    return size == 2 && (a64_arr(w) & 1) ? 3 : size;
}

static inline unsigned lane_index(uint32_t w)
{
    return (a64_q(w) << 3 | a64_s(w) << 2 | a64_arr(w)) >> lane_size(w);
}

static inline enum step load_lane(struct core *c, uint32_t w, unsigned count, bool is_post)
{
    uint64_t base, elements[4];
    enum step step = begin(c, w, &base);
    if (step != STEP_NEXT)
        return step;
    unsigned size = lane_size(w), index = lane_index(w);
    if (!read_elements(c, base, count, size, elements))
        return STEP_FAULT;
    for (unsigned r = 0; r < count; r++) {
        union vector v = vreg_get(c, (a64_rt(w) + r) & 31);
        vector_set_lane(&v, size, index, elements[r]);
        vreg_set128(c, (a64_rt(w) + r) & 31, v.d[0], v.d[1]);
    }
    return end(c, w, is_post, base, count << size);
}

static inline enum step store_lane(struct core *c, uint32_t w, unsigned count, bool is_post)
{
    uint64_t base;
    enum step step = begin(c, w, &base);
    if (step != STEP_NEXT)
        return step;
    unsigned size = lane_size(w), index = lane_index(w);
    struct mem_op op = {.size = (uint8_t)(1u << size), .kind = ACCESS_PLAIN};
    for (unsigned r = 0; r < count; r++) {
        uint64_t value[2] = {vreg_lane(c, (a64_rt(w) + r) & 31, size, index), 0};
        if (!ENGINE(mem_write)(c, base + (r << size), &op, value))
            return STEP_FAULT;
    }
    return end(c, w, is_post, base, count << size);
}

static inline enum step load_replicate(struct core *c, uint32_t w, unsigned count, bool is_post)
{
    uint64_t base, elements[4];
    enum step step = begin(c, w, &base);
    if (step != STEP_NEXT)
        return step;
    unsigned size = a64_arr(w);
    if (!read_elements(c, base, count, size, elements))
        return STEP_FAULT;
    for (unsigned r = 0; r < count; r++) {
        uint64_t half = bits_replicate(elements[r], 8u << size);
        vreg_set128(c, (a64_rt(w) + r) & 31, half, a64_q(w) ? half : 0);
    }
    return end(c, w, is_post, base, count << size);
}

#define ONE(name, what, count)                              \
    enum step EXEC(name)(struct core *c, uint32_t w)        \
    {                                                       \
        return what(c, w, count, false);                    \
    }                                                       \
    enum step EXEC(name##_post)(struct core *c, uint32_t w) \
    {                                                       \
        return what(c, w, count, true);                     \
    }

ONE(LD1_lane, load_lane, 1)
ONE(LD2_lane, load_lane, 2)
ONE(LD3_lane, load_lane, 3)
ONE(LD4_lane, load_lane, 4)
ONE(ST1_lane, store_lane, 1)
ONE(ST2_lane, store_lane, 2)
ONE(ST3_lane, store_lane, 3)
ONE(ST4_lane, store_lane, 4)
ONE(LD1R, load_replicate, 1)
ONE(LD2R, load_replicate, 2)
ONE(LD3R, load_replicate, 3)
ONE(LD4R, load_replicate, 4)
