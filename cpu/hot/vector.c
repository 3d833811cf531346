/*
 * Hot forms of Advanced SIMD that compilers use all the time: logic, addition and subtraction,
 * copies of elements, moves from and to general registers, zeroes and other byte masks; and how
 * every other instruction that only computes is done by its handler.
 *
 * Not here: forms of their own for multiplications, shifts, comparisons, permutations, and for
 * whatever saturates.
 *
 * DDI 0487, "Data Processing -- Scalar Floating-Point and Advanced SIMD".
 */
#include "cpu/hot/vector.h"

/* A handler that does not end as usual has changed nothing: once more, with all in its place. */
void hot_compute(HOT_ARGUMENTS)
{
    HOT_VECTORS();
    if (__builtin_expect(h->fpsr_told, 0))
        return hot_generic(HOT_PASS); /* which instruction it was, and when, is told with it */
    exec_function *handler = (exec_function *)(uintptr_t)s->imm;
    if (__builtin_expect(handler(h->core, s->word) != STEP_NEXT, 0))
        return hot_slow(HOT_PASS);
    HOT_NEXT(1);
}

/* imm is ones where the form has 128 bits, and cuts the upper half of the result otherwise. */
#define CUT(value) ((value) & (hot_q){UINT64_MAX, s->imm})

#define VECTOR(name, expression)                                                                \
    HOT(name)                                                                                   \
    {                                                                                           \
        HOT_VECTORS();                                                                          \
        hot_v_set(x, s->rd, CUT(expression));                                                   \
        HOT_NEXT(1);                                                                            \
    }

#define RN hot_v_get(x, s->rn)
#define RM hot_v_get(x, s->rm)
#define RD hot_v_get(x, s->rd)

VECTOR(and_v, RN & RM)
VECTOR(bic_v, RN & ~RM)
VECTOR(orr_v, RN | RM)
VECTOR(orn_v, RN | ~RM)
VECTOR(eor_v, RN ^ RM)
VECTOR(bsl_v, (RD & RN) | (~RD & RM))
VECTOR(bit_v, (RM & RN) | (~RM & RD))
VECTOR(bif_v, (~RM & RN) | (RM & RD))

typedef uint8_t lanes_b __attribute__((vector_size(16)));
typedef uint16_t lanes_h __attribute__((vector_size(16)));
typedef uint32_t lanes_s __attribute__((vector_size(16)));

VECTOR(add_b, (hot_q)((lanes_b)RN + (lanes_b)RM))
VECTOR(add_h, (hot_q)((lanes_h)RN + (lanes_h)RM))
VECTOR(add_s, (hot_q)((lanes_s)RN + (lanes_s)RM))
VECTOR(add_d, RN + RM)
VECTOR(sub_b, (hot_q)((lanes_b)RN - (lanes_b)RM))
VECTOR(sub_h, (hot_q)((lanes_h)RN - (lanes_h)RM))
VECTOR(sub_s, (hot_q)((lanes_s)RN - (lanes_s)RM))
VECTOR(sub_d, RN - RM)

/* ---- Copies: element ra of rn; the general register rn ---- */

#define ELEMENT(type) ((type)(hot_v(x, s->rn)[s->ra * sizeof(type) / 8u] >>                     \
                              s->ra * sizeof(type) % 8u * 8u))
#define REPLICATED(type, value) ((uint64_t)(value) * (UINT64_MAX / (type)UINT64_MAX))

#define DUP(name, type, element)                                                                \
    HOT(name)                                                                                   \
    {                                                                                           \
        HOT_VECTORS();                                                                          \
        uint64_t half = REPLICATED(type, element);                                              \
        hot_v_set(x, s->rd, (hot_q){half, half & s->imm});                                      \
        HOT_NEXT(1);                                                                            \
    }

#define UMOV(name, type)                                                                        \
    HOT(name)                                                                                   \
    {                                                                                           \
        HOT_VECTORS();                                                                          \
        x[s->rd] = ELEMENT(type);                                                               \
        HOT_NEXT(1);                                                                            \
    }

#define COPIES(size, type)                                                                      \
    DUP(dup_v_##size, type, ELEMENT(type))                                                      \
    DUP(dup_x_##size, type, (type)x[s->rn])                                                     \
    UMOV(umov_##size, type)

COPIES(b, uint8_t)
COPIES(h, uint16_t)
COPIES(s, uint32_t)
COPIES(d, uint64_t)

HOT(fmov_sw)
{
    HOT_VECTORS();
    hot_v_set64(x, s->rd, (uint32_t)x[s->rn]);
    HOT_NEXT(1);
}

HOT(fmov_dx)
{
    HOT_VECTORS();
    hot_v_set64(x, s->rd, x[s->rn]);
    HOT_NEXT(1);
}

HOT(fmov_vx)
{
    HOT_VECTORS();
    hot_v_set(x, s->rd, (hot_q){hot_v(x, s->rd)[0], x[s->rn]});
    HOT_NEXT(1);
}

HOT(movi_d)
{
    HOT_VECTORS();
    hot_v_set64(x, s->rd, s->imm);
    HOT_NEXT(1);
}

HOT(movi_2d)
{
    HOT_VECTORS();
    hot_v_set(x, s->rd, (hot_q){s->imm, s->imm});
    HOT_NEXT(1);
}

/* ---- Decoding ---- */

#define DECODER(name)                                                                           \
    static bool name(struct hot_slot *s, uint32_t w, const struct hot_place *place,             \
                     hot_function *const *go)

/* The bits of the upper half that a form has. */
static uint64_t upper_half(uint32_t w)
{
    return a64_q(w) ? UINT64_MAX : 0;
}

DECODER(decode_logic)
{
    (void)place;
    hot_v_operands(s, w);
    s->imm = upper_half(w);
    s->go = go[0];
    return true;
}

/* go: by size. */
DECODER(decode_lanes)
{
    bool is_hot = decode_logic(s, w, place, go);
    s->go = go[a64_size(w)];
    return is_hot;
}

/* The lowest one of imm5 is the size, what is above it the element; go: by size. */
DECODER(decode_dup)
{
    bool is_hot = decode_logic(s, w, place, go);
    unsigned imm5 = a64_imm5(w), size = (unsigned)__builtin_ctz(imm5);
    s->ra = (uint8_t)(imm5 >> (size + 1));
    s->go = go[size];
    return is_hot;
}

DECODER(decode_umov)
{
    bool is_hot = decode_dup(s, w, place, go);
    s->rd = hot_to(a64_rd(w));
    return is_hot;
}

/* FMOV from the element of bit 19, to a general register. */
DECODER(decode_fmov_out)
{
    bool is_hot = decode_logic(s, w, place, go);
    s->rd = hot_to(a64_rd(w));
    s->ra = w >> 19 & 1u;
    return is_hot;
}

DECODER(decode_byte_mask)
{
    (void)place;
    s->rd = (uint8_t)a64_rd(w);
    s->imm = bits_byte_mask(a64_abc(w) << 5 | a64_defgh(w));
    s->go = go[0];
    return true;
}

#define BY_SIZE(name) {hot_##name##_b, hot_##name##_h, hot_##name##_s, hot_##name##_d}

const struct hot_row hot_rows_vector[A64_COUNT] = {
    [A64_AND_v] = {decode_logic, {hot_and_v}},
    [A64_BIC_v] = {decode_logic, {hot_bic_v}},
    [A64_ORR_v] = {decode_logic, {hot_orr_v}},
    [A64_ORN_v] = {decode_logic, {hot_orn_v}},
    [A64_EOR_v] = {decode_logic, {hot_eor_v}},
    [A64_BSL_v] = {decode_logic, {hot_bsl_v}},
    [A64_BIT_v] = {decode_logic, {hot_bit_v}},
    [A64_BIF_v] = {decode_logic, {hot_bif_v}},
    [A64_ADD_v] = {decode_lanes, BY_SIZE(add)},
    [A64_SUB_v] = {decode_lanes, BY_SIZE(sub)},
    [A64_DUP_v] = {decode_dup, BY_SIZE(dup_v)},
    [A64_DUP_x] = {decode_dup, BY_SIZE(dup_x)},
    [A64_UMOV] = {decode_umov, BY_SIZE(umov)},
    [A64_FMOV_ws] = {decode_fmov_out, {hot_umov_s}},
    [A64_FMOV_xd] = {decode_fmov_out, {hot_umov_d}},
    [A64_FMOV_xv] = {decode_fmov_out, {hot_umov_d}},
    [A64_FMOV_sw] = {decode_logic, {hot_fmov_sw}},
    [A64_FMOV_dx] = {decode_logic, {hot_fmov_dx}},
    [A64_FMOV_vx] = {decode_logic, {hot_fmov_vx}},
    [A64_MOVI_d] = {decode_byte_mask, {hot_movi_d}},
    [A64_MOVI_2d] = {decode_byte_mask, {hot_movi_2d}},
};
