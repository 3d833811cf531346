/*
 * The vector operands of a64.decode as text: arrangements, elements, register lists, and the
 * immediates of SIMD instructions. See disasm.c for how templates call them.
 *
 * An arrangement is three bits: log2 of the element's bytes, then q. Not done here: alias
 * mnemonics. DDI 0487, "A64 SIMD and Floating-point Instruction Descriptions" (assembler symbols).
 */
#include "cpu/disasm_write.h"
#include "cpu/exec/bits.h"

static const char size_letter[] = "bhsdq";

static unsigned small(const struct argument *a)
{
    return (unsigned)a->raw;
}

static void put_vector(struct writer *out, unsigned n, unsigned arrangement)
{
    unsigned size = arrangement >> 1;
    disasm_put(out, "v%u.%u%c", n & 31, (arrangement & 1 ? 16u : 8u) >> size, size_letter[size]);
}

static void put_scalar(struct writer *out, unsigned n, unsigned size)
{
    disasm_put(out, "%c%u", size_letter[size], n);
}

static unsigned lowest_one(unsigned value)
{
    return (unsigned)__builtin_ctz(value);
}

static unsigned highest_one(unsigned value)
{
    return 31u - (unsigned)__builtin_clz(value);
}

void operand_v(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), small(a + 1));
}

void operand_vw(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), (small(a + 1) + 1) << 1 | 1u);
}

void operand_va(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), small(a + 1) + 2);
}

void operand_vs(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), 2u << 1 | small(a + 1));
}

void operand_v5(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), lowest_one(small(a + 1)) << 1 | small(a + 2));
}

void operand_vi(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), highest_one(small(a + 1) >> 1) << 1 | (small(a + 1) & 1));
}

void operand_viw(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), (highest_one(small(a + 1)) + 1) << 1 | 1u);
}

void operand_vm(struct writer *out, const struct argument *a)
{
    unsigned cmode = small(a + 1), size = cmode == 14 ? 0 : cmode >> 2 == 2 ? 1 : 2;
    put_vector(out, small(a), size << 1 | small(a + 2));
}

void operand_ss(struct writer *out, const struct argument *a)
{
    put_scalar(out, small(a), small(a + 1));
}

void operand_ssw(struct writer *out, const struct argument *a)
{
    put_scalar(out, small(a), small(a + 1) + 1);
}

void operand_sdq(struct writer *out, const struct argument *a)
{
    put_scalar(out, small(a), small(a + 1) + 2);
}

void operand_q(struct writer *out, const struct argument *a)
{
    put_scalar(out, small(a), 4);
}

void operand_s5(struct writer *out, const struct argument *a)
{
    put_scalar(out, small(a), lowest_one(small(a + 1)));
}

void operand_sh(struct writer *out, const struct argument *a)
{
    put_scalar(out, small(a), highest_one(small(a + 1)));
}

void operand_shw(struct writer *out, const struct argument *a)
{
    put_scalar(out, small(a), highest_one(small(a + 1)) + 1);
}

void operand_e5(struct writer *out, const struct argument *a)
{
    unsigned imm5 = small(a + 1), size = lowest_one(imm5);
    disasm_put(out, "v%u.%c[%u]", small(a), size_letter[size], imm5 >> (size + 1));
}

void operand_e54(struct writer *out, const struct argument *a)
{
    unsigned size = lowest_one(small(a + 1));
    disasm_put(out, "v%u.%c[%u]", small(a), size_letter[size], small(a + 2) >> size);
}

void operand_x5(struct writer *out, const struct argument *a)
{
    bool is_x = lowest_one(small(a + 1)) == 3;
    disasm_put_register(out, small(a), is_x, is_x ? "xzr" : "wzr");
}

void operand_element(struct writer *out, const struct argument *a)
{
    unsigned size = small(a), n = small(a + 1), index = small(a + 2);
    if (size == 1)
        disasm_put(out, "v%u.h[%u]", n & 15, index);
    else
        disasm_put(out, "v%u.%c[%u]", n, size_letter[size], index >> (size - 1));
}

void operand_two(struct writer *out, const struct argument *a)
{
    if (a->raw != 0)
        disasm_put(out, "2");
}

static void put_list(struct writer *out, unsigned first, unsigned count, unsigned arrangement)
{
    disasm_put(out, "{ ");
    for (unsigned i = 0; i < count; i++) {
        disasm_put(out, "%s", i ? ", " : "");
        put_vector(out, first + i, arrangement);
    }
    disasm_put(out, " }");
}

void operand_list(struct writer *out, const struct argument *a)
{
    put_list(out, small(a), small(a + 1), small(a + 2));
}

void operand_table(struct writer *out, const struct argument *a)
{
    put_list(out, small(a), small(a + 1) + 1, 1);
}

/* log2 of an element's bytes from lsz:arr: a doubleword has the lsz of a word, and arr = 1. */
static unsigned lane_size(unsigned lsz, unsigned arr)
{
    return lsz == 2 && (arr & 1) ? 3 : lsz;
}

void operand_lane(struct writer *out, const struct argument *a)
{
    unsigned lane = small(a + 2), index = lane & 15, size = lane_size(lane >> 4, lane & 3);
    disasm_put(out, "{ ");
    for (unsigned i = 0; i < small(a + 1); i++)
        disasm_put(out, "%sv%u.%c", i ? ", " : "", (small(a) + i) & 31, size_letter[size]);
    disasm_put(out, " }[%u]", index >> size);
}

static void put_post(struct writer *out, unsigned rm, unsigned bytes)
{
    if (rm == 31)
        disasm_put(out, "#%u", bytes);
    else
        disasm_put_register(out, rm, true, "xzr");
}

void operand_by(struct writer *out, const struct argument *a)
{
    put_post(out, small(a), small(a + 1) << small(a + 2));
}

void operand_lanesby(struct writer *out, const struct argument *a)
{
    unsigned lsz = small(a + 2) >> 2, arr = small(a + 2) & 3;
    put_post(out, small(a), small(a + 1) << lane_size(lsz, arr));
}

void operand_bits(struct writer *out, const struct argument *a)
{
    disasm_put(out, "#%u", 8u << small(a));
}

void operand_shr(struct writer *out, const struct argument *a)
{
    unsigned immhb = small(a), width = 8u << highest_one(immhb >> 3);
    disasm_put(out, "#%u", 2 * width - immhb);
}

void operand_shl(struct writer *out, const struct argument *a)
{
    unsigned immhb = small(a), width = 8u << highest_one(immhb >> 3);
    disasm_put(out, "#%u", immhb - width);
}

void operand_msl(struct writer *out, const struct argument *a)
{
    unsigned cmode = small(a), bytes = cmode >> 1 & 3;
    if (cmode >> 1 == 6)
        disasm_put(out, ", msl #%u", cmode & 1 ? 16 : 8);
    else if (cmode != 14 && bytes != 0)
        disasm_put(out, ", lsl #%u", 8 * bytes);
}

void operand_bytemask(struct writer *out, const struct argument *a)
{
    disasm_put(out, "#%#016llx", (unsigned long long)bits_byte_mask(small(a)));
}

void operand_vf(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), 4 + small(a + 1));
}

void operand_vf2(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), 5 + 2 * small(a + 1));
}

void operand_vfp(struct writer *out, const struct argument *a)
{
    put_vector(out, small(a), a[1].raw ? 7 : 4);
}

void operand_fe(struct writer *out, const struct argument *a)
{
    bool is_double = a[1].raw != 0;
    disasm_put(out, "v%u.%c[%u]", small(a), is_double ? 'd' : 's', small(a + 2) >> is_double);
}

void operand_vd1(struct writer *out, const struct argument *a)
{
    disasm_put(out, "v%u.d[1]", small(a));
}

void operand_fbits(struct writer *out, const struct argument *a)
{
    disasm_put(out, "#%u", 64 - small(a));
}

void operand_float8(struct writer *out, const struct argument *a)
{
    unsigned imm8 = small(a), fraction = 16 + (imm8 & 15), exponent = (imm8 >> 4 & 7) ^ 4;
    disasm_put(out, "#%s%.8f", imm8 & 0x80 ? "-" : "", fraction * (double)(1u << exponent) / 128);
}
