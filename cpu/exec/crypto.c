/*
 * Cryptographic instructions: rounds of AES, SHA-1 and SHA-256. Compiled once for each engine.
 *
 * DDI 0487, "Cryptographic Extension"; AESSubBytes(), AESShiftRows(), AESMixColumns(),
 * SHAhashSHA1 operations, SHA256hash(). FIPS 197 defines the boxes: multiplicative inverse in
 * GF(2^8) and an affine map; FIPS 180-4 the hashes. PMULL is in simd_different.c. A CPU without a
 * feature finds its rows UNDEFINED before a handler is asked.
 */
#include "cpu/exec/simd.h"

/* ---- AES: the state is a column of four bytes after the other ---- */

static const uint8_t aes_box[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7,
    0xab, 0x76, 0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf,
    0x9c, 0xa4, 0x72, 0xc0, 0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5,
    0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15, 0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a,
    0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75, 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e,
    0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed,
    0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf, 0xd0, 0xef,
    0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff,
    0xf3, 0xd2, 0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d,
    0x64, 0x5d, 0x19, 0x73, 0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee,
    0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb, 0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c,
    0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5,
    0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08, 0xba, 0x78, 0x25, 0x2e,
    0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a, 0x70, 0x3e,
    0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55,
    0x28, 0xdf, 0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f,
    0xb0, 0x54, 0xbb, 0x16,
};

static const uint8_t aes_box_inverse[256] = {
    0x52, 0x09, 0x6a, 0xd5, 0x30, 0x36, 0xa5, 0x38, 0xbf, 0x40, 0xa3, 0x9e, 0x81, 0xf3,
    0xd7, 0xfb, 0x7c, 0xe3, 0x39, 0x82, 0x9b, 0x2f, 0xff, 0x87, 0x34, 0x8e, 0x43, 0x44,
    0xc4, 0xde, 0xe9, 0xcb, 0x54, 0x7b, 0x94, 0x32, 0xa6, 0xc2, 0x23, 0x3d, 0xee, 0x4c,
    0x95, 0x0b, 0x42, 0xfa, 0xc3, 0x4e, 0x08, 0x2e, 0xa1, 0x66, 0x28, 0xd9, 0x24, 0xb2,
    0x76, 0x5b, 0xa2, 0x49, 0x6d, 0x8b, 0xd1, 0x25, 0x72, 0xf8, 0xf6, 0x64, 0x86, 0x68,
    0x98, 0x16, 0xd4, 0xa4, 0x5c, 0xcc, 0x5d, 0x65, 0xb6, 0x92, 0x6c, 0x70, 0x48, 0x50,
    0xfd, 0xed, 0xb9, 0xda, 0x5e, 0x15, 0x46, 0x57, 0xa7, 0x8d, 0x9d, 0x84, 0x90, 0xd8,
    0xab, 0x00, 0x8c, 0xbc, 0xd3, 0x0a, 0xf7, 0xe4, 0x58, 0x05, 0xb8, 0xb3, 0x45, 0x06,
    0xd0, 0x2c, 0x1e, 0x8f, 0xca, 0x3f, 0x0f, 0x02, 0xc1, 0xaf, 0xbd, 0x03, 0x01, 0x13,
    0x8a, 0x6b, 0x3a, 0x91, 0x11, 0x41, 0x4f, 0x67, 0xdc, 0xea, 0x97, 0xf2, 0xcf, 0xce,
    0xf0, 0xb4, 0xe6, 0x73, 0x96, 0xac, 0x74, 0x22, 0xe7, 0xad, 0x35, 0x85, 0xe2, 0xf9,
    0x37, 0xe8, 0x1c, 0x75, 0xdf, 0x6e, 0x47, 0xf1, 0x1a, 0x71, 0x1d, 0x29, 0xc5, 0x89,
    0x6f, 0xb7, 0x62, 0x0e, 0xaa, 0x18, 0xbe, 0x1b, 0xfc, 0x56, 0x3e, 0x4b, 0xc6, 0xd2,
    0x79, 0x20, 0x9a, 0xdb, 0xc0, 0xfe, 0x78, 0xcd, 0x5a, 0xf4, 0x1f, 0xdd, 0xa8, 0x33,
    0x88, 0x07, 0xc7, 0x31, 0xb1, 0x12, 0x10, 0x59, 0x27, 0x80, 0xec, 0x5f, 0x60, 0x51,
    0x7f, 0xa9, 0x19, 0xb5, 0x4a, 0x0d, 0x2d, 0xe5, 0x7a, 0x9f, 0x93, 0xc9, 0x9c, 0xef,
    0xa0, 0xe0, 0x3b, 0x4d, 0xae, 0x2a, 0xf5, 0xb0, 0xc8, 0xeb, 0xbb, 0x3c, 0x83, 0x53,
    0x99, 0x61, 0x17, 0x2b, 0x04, 0x7e, 0xba, 0x77, 0xd6, 0x26, 0xe1, 0x69, 0x14, 0x63,
    0x55, 0x21, 0x0c, 0x7d,
};

/* Product by x in GF(2^8), of four bytes at once. */
static inline uint32_t aes_times_x(uint32_t bytes)
{
    uint32_t high = bytes >> 7 & 0x01010101u;
    return (bytes & 0x7f7f7f7fu) << 1 ^ high * 0x1bu;
}

static inline uint32_t rotate_left(uint32_t word, unsigned n)
{
    return word << n | word >> (32 - n);
}

static inline uint32_t rotate_right(uint32_t word, unsigned n)
{
    return rotate_left(word, 32 - n);
}

/* AESMixColumns() of a column: byte i is 2 a[i] + 3 a[i+1] + a[i+2] + a[i+3]. */
static inline uint32_t aes_mix(uint32_t column)
{
    uint32_t sum = column ^ rotate_right(column, 8);
    return aes_times_x(sum) ^ rotate_right(column, 8) ^ rotate_right(sum, 16);
}

/* AESInvMixColumns(): mixing of a column with 4 (a[i] + a[i+2]) added to each byte. */
static inline uint32_t aes_mix_inverse(uint32_t column)
{
    uint32_t sum = column ^ rotate_right(column, 16);
    return aes_mix(column ^ aes_times_x(aes_times_x(sum)));
}

/* Half a round: row r of the state goes r columns to the left, or back, and through a box. */
static enum step aes_round(struct core *c, uint32_t w, const uint8_t box[256], unsigned columns)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector key = vreg_get(c, a64_rn(w)), state = vreg_get(c, a64_rd(w)), r;
    state.d[0] ^= key.d[0];
    state.d[1] ^= key.d[1];
    for (unsigned i = 0; i < 16; i++)
        r.b[i] = box[state.b[(i + 4 * columns * (i % 4)) % 16]];
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return STEP_NEXT;
}

static inline enum step aes_columns(struct core *c, uint32_t w, uint32_t (*mix)(uint32_t column))
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector v = vreg_get(c, a64_rn(w));
    for (unsigned i = 0; i < 4; i++)
        v.s[i] = mix(v.s[i]);
    vreg_set128(c, a64_rd(w), v.d[0], v.d[1]);
    return STEP_NEXT;
}

enum step EXEC(AESE)(struct core *c, uint32_t w)
{
    return aes_round(c, w, aes_box, 1);
}

enum step EXEC(AESD)(struct core *c, uint32_t w)
{
    return aes_round(c, w, aes_box_inverse, 3);
}

enum step EXEC(AESMC)(struct core *c, uint32_t w)
{
    return aes_columns(c, w, aes_mix);
}

enum step EXEC(AESIMC)(struct core *c, uint32_t w)
{
    return aes_columns(c, w, aes_mix_inverse);
}

/* ---- SHA-1 ---- */

/* The functions of x, y and z, as both hashes use them. */
static inline uint32_t sha_choose(uint32_t x, uint32_t y, uint32_t z)
{
    return ((y ^ z) & x) ^ z;
}

static inline uint32_t sha_majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | ((x | y) & z);
}

static inline uint32_t sha_parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

/* Four rounds: Qd is a to d, Sn is e, Vm the words with the constant added. */
static inline enum step sha1_rounds(struct core *c, uint32_t w,
                                    uint32_t (*f)(uint32_t x, uint32_t y, uint32_t z))
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector x = vreg_get(c, a64_rd(w)), words = vreg_get(c, a64_rm(w));
    uint32_t y = vreg_get(c, a64_rn(w)).s[0];
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = f(x.s[1], x.s[2], x.s[3]);
        y += rotate_left(x.s[0], 5) + t + words.s[i];
        uint32_t next = y;
        y = x.s[3];
        x.s[3] = x.s[2];
        x.s[2] = rotate_left(x.s[1], 30);
        x.s[1] = x.s[0];
        x.s[0] = next;
    }
    vreg_set128(c, a64_rd(w), x.d[0], x.d[1]);
    return STEP_NEXT;
}

enum step EXEC(SHA1C)(struct core *c, uint32_t w)
{
    return sha1_rounds(c, w, sha_choose);
}

enum step EXEC(SHA1P)(struct core *c, uint32_t w)
{
    return sha1_rounds(c, w, sha_parity);
}

enum step EXEC(SHA1M)(struct core *c, uint32_t w)
{
    return sha1_rounds(c, w, sha_majority);
}

enum step EXEC(SHA1H)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    vreg_set64(c, a64_rd(w), rotate_left(vreg_get(c, a64_rn(w)).s[0], 30));
    return STEP_NEXT;
}

enum step EXEC(SHA1SU0)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector d = vreg_get(c, a64_rd(w)), n = vreg_get(c, a64_rn(w)), m = vreg_get(c, a64_rm(w));
    vreg_set128(c, a64_rd(w), d.d[1] ^ d.d[0] ^ m.d[0], n.d[0] ^ d.d[1] ^ m.d[1]);
    return STEP_NEXT;
}

enum step EXEC(SHA1SU1)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector d = vreg_get(c, a64_rd(w)), n = vreg_get(c, a64_rn(w)), r;
    r.s[0] = rotate_left(d.s[0] ^ n.s[1], 1);
    r.s[1] = rotate_left(d.s[1] ^ n.s[2], 1);
    r.s[2] = rotate_left(d.s[2] ^ n.s[3], 1);
    r.s[3] = rotate_left(d.s[3], 1) ^ rotate_left(d.s[0] ^ n.s[1], 2);
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return STEP_NEXT;
}

/* ---- SHA-256 ---- */

/* SHA256hash(): four rounds on a to d in x and e to h in y. */
static void sha256_rounds(union vector *x, union vector *y, const union vector *words)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t e = y->s[0], a = x->s[0];
        uint32_t sigma1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t sigma0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t t = y->s[3] + sigma1 + sha_choose(e, y->s[1], y->s[2]) + words->s[i];
        uint32_t new_e = x->s[3] + t;
        uint32_t new_a = t + sigma0 + sha_majority(a, x->s[1], x->s[2]);
        for (unsigned k = 3; k > 0; k--) {
            x->s[k] = x->s[k - 1];
            y->s[k] = y->s[k - 1];
        }
        x->s[0] = new_a;
        y->s[0] = new_e;
    }
}

enum step EXEC(SHA256H)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector x = vreg_get(c, a64_rd(w)), y = vreg_get(c, a64_rn(w));
    union vector words = vreg_get(c, a64_rm(w));
    sha256_rounds(&x, &y, &words);
    vreg_set128(c, a64_rd(w), x.d[0], x.d[1]);
    return STEP_NEXT;
}

enum step EXEC(SHA256H2)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector x = vreg_get(c, a64_rn(w)), y = vreg_get(c, a64_rd(w));
    union vector words = vreg_get(c, a64_rm(w));
    sha256_rounds(&x, &y, &words);
    vreg_set128(c, a64_rd(w), y.d[0], y.d[1]);
    return STEP_NEXT;
}

/* Each word, and the small sigma 0 of the next one. */
enum step EXEC(SHA256SU0)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector d = vreg_get(c, a64_rd(w)), n = vreg_get(c, a64_rn(w));
    uint32_t next[4] = {d.s[1], d.s[2], d.s[3], n.s[0]};
    for (unsigned i = 0; i < 4; i++)
        d.s[i] += rotate_right(next[i], 7) ^ rotate_right(next[i], 18) ^ next[i] >> 3;
    vreg_set128(c, a64_rd(w), d.d[0], d.d[1]);
    return STEP_NEXT;
}

/* The words seven back, and the small sigma 1 of those two back, of which two are new. */
enum step EXEC(SHA256SU1)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector d = vreg_get(c, a64_rd(w)), n = vreg_get(c, a64_rn(w)), m = vreg_get(c, a64_rm(w));
    uint32_t seven[4] = {n.s[1], n.s[2], n.s[3], m.s[0]};
    for (unsigned i = 0; i < 4; i++) {
        uint32_t two = i < 2 ? m.s[2 + i] : d.s[i - 2];
        d.s[i] += (rotate_right(two, 17) ^ rotate_right(two, 19) ^ two >> 10) + seven[i];
    }
    vreg_set128(c, a64_rd(w), d.d[0], d.d[1]);
    return STEP_NEXT;
}
