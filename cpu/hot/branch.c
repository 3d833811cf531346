/*
 * Hot forms of branches, and pairs of a compare and the conditional branch behind it.
 *
 * A branch within its page goes to a slot; one that leaves it finds the other page among those
 * that are mapped now, or is left to the engine's loop. A branch ends a run, and whatever it goes
 * to is entered only if its run fits.
 *
 * Not here: what generates or returns from exceptions, and targets with a tag.
 *
 * DDI 0487, "Branches, Exception Generating and System instructions".
 */
#include "cpu/hot/hot.h"

#define NEAR(offset) (const struct hot_slot *)(const void *)((const char *)s + (offset))

/* To another page, where it is known; `link` is done on the way. */
#define GOTO(address, link)                                                                     \
    do {                                                                                        \
        uint64_t va = (address);                                                                \
        const struct direct_fetch *f = &h->fetch_here[direct_fetch_index(va)];                  \
        if (__builtin_expect((va & ~(uint64_t)(PAGE_BYTES - 4)) + h->fetch_tag != f->hot_tag,   \
                             0))                                                                \
            return hot_stop_amid(HOT_PASS);                                                     \
        link;                                                                                   \
        h->page_va = direct_page(va);                                                           \
        h->slots = f->slots;                                                                    \
        HOT_ENTER(&f->slots[(va & (PAGE_BYTES - 1)) / 4]);                                      \
    } while (0)

#define LINK x[30] = h->page_va + s->word

HOT(b_near)
{
    HOT_ENTER(NEAR((int64_t)s->imm));
}

HOT(b_far)
{
    GOTO(h->page_va + s->imm, (void)0);
}

HOT(bl_near)
{
    LINK;
    HOT_ENTER(NEAR((int64_t)s->imm));
}

HOT(bl_far)
{
    GOTO(h->page_va + s->imm, LINK);
}

/* A target that carries no tag, so that AArch64.BranchAddr is the address itself. */
#define IS_PLAIN(target) (((target) + (UINT64_C(1) << 55)) >> 56 == 0)

HOT(br)
{
    uint64_t target = x[s->rn];
    if (__builtin_expect(!IS_PLAIN(target), 0))
        return hot_stop_amid(HOT_PASS);
    GOTO(target, (void)0);
}

HOT(blr)
{
    uint64_t target = x[s->rn];
    if (__builtin_expect(!IS_PLAIN(target), 0))
        return hot_stop_amid(HOT_PASS);
    GOTO(target, LINK);
}

/* Near and far form of a branch on a test. */
#define BRANCH_IF(name, test)                                                                   \
    HOT(name##_near)                                                                            \
    {                                                                                           \
        if (test)                                                                               \
            HOT_ENTER(NEAR((int64_t)s->imm));                                                   \
        HOT_ENTER(s + 1);                                                                       \
    }                                                                                           \
    HOT(name##_far)                                                                             \
    {                                                                                           \
        if (test)                                                                               \
            GOTO(h->page_va + s->imm, (void)0);                                                 \
        HOT_ENTER(s + 1);                                                                       \
    }

BRANCH_IF(cbz_x, x[s->rn] == 0)
BRANCH_IF(cbz_w, (uint32_t)x[s->rn] == 0)
BRANCH_IF(cbnz_x, x[s->rn] != 0)
BRANCH_IF(cbnz_w, (uint32_t)x[s->rn] != 0)
BRANCH_IF(tbz, (x[s->rn] >> s->ra & 1u) == 0)
BRANCH_IF(tbnz, (x[s->rn] >> s->ra & 1u) != 0)

/*
 * X(name, number, what it is of the operands of a subtraction, whether the same is true of a
 * logical result and 0: the carry is not).
 */
#define CONDITIONS(X)                                                                           \
    X(eq, 0, fa == fb, true)                                                                    \
    X(ne, 1, fa != fb, true)                                                                    \
    X(cs, 2, fa >= fb, false)                                                                   \
    X(cc, 3, fa < fb, false)                                                                    \
    X(mi, 4, (int64_t)(fa - fb) < 0, true)                                                      \
    X(pl, 5, (int64_t)(fa - fb) >= 0, true)                                                     \
    X(hi, 8, fa > fb, false)                                                                    \
    X(ls, 9, fa <= fb, false)                                                                   \
    X(ge, 10, (int64_t)fa >= (int64_t)fb, true)                                                 \
    X(lt, 11, (int64_t)fa < (int64_t)fb, true)                                                  \
    X(gt, 12, (int64_t)fa > (int64_t)fb, true)                                                  \
    X(le, 13, (int64_t)fa <= (int64_t)fb, true)
#define CONDITION_COUNT 16u

#define BRANCH_COND(name, number, sub, with_logic)                                              \
    static inline bool is_##name(const struct core_cache *h, uint64_t fa, uint64_t fb)          \
    {                                                                                           \
        bool direct = with_logic ? h->flags_kind != HOT_FLAGS_NZCV                              \
                                 : h->flags_kind == HOT_FLAGS_SUB;                              \
        if (__builtin_expect(direct, 1))                                                        \
            return sub;                                                                         \
        return condition_holds(hot_nzcv(h, fa, fb), number);                                    \
    }                                                                                           \
    HOT(b_##name)                                                                               \
    {                                                                                           \
        if (is_##name(h, fa, fb))                                                               \
            HOT_ENTER(NEAR((int64_t)s->imm));                                                   \
        HOT_ENTER(s + 1);                                                                       \
    }
CONDITIONS(BRANCH_COND)

BRANCH_IF(b_cond, hot_condition(h, fa, fb, s->ra))

/* ---- A compare and the branch behind it, whose offset is in word ---- */

#define FUSED(name, flags, test)                                                                \
    HOT(name)                                                                                   \
    {                                                                                           \
        flags;                                                                                  \
        if (test)                                                                               \
            HOT_ENTER(NEAR((int32_t)s->word));                                                  \
        HOT_ENTER(s + 2);                                                                       \
    }

#define SUBS_FLAGS(operand, sf, cast)                                                           \
    uint64_t p = x[s->rn], q = operand;                                                         \
    x[s->rd] = (cast)(p - q);                                                                   \
    fa = (sf) ? p : p << 32;                                                                    \
    fb = (sf) ? q : q << 32;                                                                    \
    h->flags_kind = HOT_FLAGS_SUB
#define ANDS_FLAGS(operand, sf, cast)                                                           \
    uint64_t r = (cast)(x[s->rn] & (operand));                                                  \
    x[s->rd] = r;                                                                               \
    fa = (sf) ? r : r << 32;                                                                    \
    fb = 0;                                                                                     \
    h->flags_kind = HOT_FLAGS_LOGIC

#define FUSED_SUBS(name, number, sub, with_logic)                                               \
    FUSED(subs_imm_x_b_##name, SUBS_FLAGS(s->imm, true, uint64_t), sub)                         \
    FUSED(subs_imm_w_b_##name, SUBS_FLAGS(s->imm, false, uint32_t), sub)                        \
    FUSED(subs_x_b_##name, SUBS_FLAGS(x[s->rm], true, uint64_t), sub)                           \
    FUSED(subs_w_b_##name, SUBS_FLAGS(x[s->rm], false, uint32_t), sub)
CONDITIONS(FUSED_SUBS)

#define FUSED_ANDS(name, sub)                                                                   \
    FUSED(ands_imm_x_b_##name, ANDS_FLAGS(s->imm, true, uint64_t), sub)                         \
    FUSED(ands_imm_w_b_##name, ANDS_FLAGS(s->imm, false, uint32_t), sub)                        \
    FUSED(ands_x_b_##name, ANDS_FLAGS(x[s->rm], true, uint64_t), sub)                           \
    FUSED(ands_w_b_##name, ANDS_FLAGS(x[s->rm], false, uint32_t), sub)
FUSED_ANDS(eq, fa == 0)
FUSED_ANDS(ne, fa != 0)

hot_function hot_subs_imm_x, hot_subs_imm_w, hot_subs_x, hot_subs_w;
hot_function hot_ands_imm_x, hot_ands_imm_w, hot_ands_x, hot_ands_w;

/* A compare and what it becomes together with the branch, by its condition. */
static const struct {
    hot_function *alone;
    hot_function *with[CONDITION_COUNT];
} fused[] = {
#define ROW(name, number, sub, with_logic) [number] = hot_subs_imm_x_b_##name,
    {hot_subs_imm_x, {CONDITIONS(ROW)}},
#undef ROW
#define ROW(name, number, sub, with_logic) [number] = hot_subs_imm_w_b_##name,
    {hot_subs_imm_w, {CONDITIONS(ROW)}},
#undef ROW
#define ROW(name, number, sub, with_logic) [number] = hot_subs_x_b_##name,
    {hot_subs_x, {CONDITIONS(ROW)}},
#undef ROW
#define ROW(name, number, sub, with_logic) [number] = hot_subs_w_b_##name,
    {hot_subs_w, {CONDITIONS(ROW)}},
#undef ROW
    {hot_ands_imm_x, {hot_ands_imm_x_b_eq, hot_ands_imm_x_b_ne}},
    {hot_ands_imm_w, {hot_ands_imm_w_b_eq, hot_ands_imm_w_b_ne}},
    {hot_ands_x, {hot_ands_x_b_eq, hot_ands_x_b_ne}},
    {hot_ands_w, {hot_ands_w_b_eq, hot_ands_w_b_ne}},
};

/* ---- Decoding ---- */

/* Whether a branch of so many words from word `index` stays in the page. */
static bool is_near(unsigned index, int64_t words)
{
    int64_t to = (int64_t)index + words;
    return to >= 0 && to < (int64_t)CODE_WORDS;
}

bool hot_fuse(struct hot_slot *s, enum a64_op op, uint32_t next, enum a64_op next_op,
              const struct hot_place *place)
{
    (void)op;
    if (next_op != A64_B_cond)
        return false;
    int64_t words = 1 + (int64_t)bits_sign_extend(a64_imm19(next), 19);
    for (unsigned i = 0; i < ARRAY_COUNT(fused); i++) {
        hot_function *with = fused[i].with[a64_bcond(next)];
        if (fused[i].alone != s->go || !with || !is_near(place->index, words))
            continue;
        s->go = with;
        s->word = (uint32_t)(words * (int64_t)sizeof *s);
        return true;
    }
    return false;
}

/* Sets the target of a direct branch: go is its near and its far form. */
static void target(struct hot_slot *s, int64_t words, const struct hot_place *place,
                   hot_function *const *go)
{
    bool near = is_near(place->index, words);
    s->go = go[near ? 0 : 1];
    s->imm = (uint64_t)(near ? words * (int64_t)sizeof *s : ((int64_t)place->index + words) * 4);
}

#define DECODER(name)                                                                           \
    static bool name(struct hot_slot *s, uint32_t w, const struct hot_place *place,             \
                     hot_function *const *go)

DECODER(decode_b)
{
    target(s, (int64_t)bits_sign_extend(a64_imm26(w), 26), place, go);
    s->word = 4 * place->index + 4;
    return true;
}

DECODER(decode_bcond)
{
    static hot_function *const by_cond[CONDITION_COUNT] = {
#define ROW(name, number, sub, with_logic) [number] = hot_b_##name,
        CONDITIONS(ROW)
#undef ROW
    };
    unsigned cond = a64_bcond(w);
    s->ra = (uint8_t)cond;
    target(s, (int64_t)bits_sign_extend(a64_imm19(w), 19), place, go);
    if (s->go == go[0] && by_cond[cond])
        s->go = by_cond[cond];
    return true;
}

/* go: near and far, for X, then for W. */
DECODER(decode_cbz)
{
    s->rn = (uint8_t)a64_rt(w);
    target(s, (int64_t)bits_sign_extend(a64_imm19(w), 19), place, a64_sf(w) ? go : go + 2);
    return true;
}

DECODER(decode_tbz)
{
    s->rn = (uint8_t)a64_rt(w);
    s->ra = (uint8_t)(a64_b5(w) << 5 | a64_b40(w));
    target(s, (int64_t)bits_sign_extend(a64_imm14(w), 14), place, go);
    return true;
}

DECODER(decode_br)
{
    s->rn = (uint8_t)a64_rn(w);
    s->word = 4 * place->index + 4;
    s->go = go[0];
    return true;
}

const struct hot_row hot_rows_branch[A64_COUNT] = {
    [A64_B] = {decode_b, {hot_b_near, hot_b_far}},
    [A64_BL] = {decode_b, {hot_bl_near, hot_bl_far}},
    [A64_B_cond] = {decode_bcond, {hot_b_cond_near, hot_b_cond_far}},
    [A64_CBZ] = {decode_cbz, {hot_cbz_x_near, hot_cbz_x_far, hot_cbz_w_near, hot_cbz_w_far}},
    [A64_CBNZ] = {decode_cbz, {hot_cbnz_x_near, hot_cbnz_x_far, hot_cbnz_w_near, hot_cbnz_w_far}},
    [A64_TBZ] = {decode_tbz, {hot_tbz_near, hot_tbz_far}},
    [A64_TBNZ] = {decode_tbz, {hot_tbnz_near, hot_tbnz_far}},
    [A64_BR] = {decode_br, {hot_br}},
    [A64_BLR] = {decode_br, {hot_blr}},
    [A64_RET] = {decode_br, {hot_br}},
};
