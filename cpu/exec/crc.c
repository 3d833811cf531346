/*
 * CRC32 and CRC32C. Compiled once for each engine.
 *
 * DDI 0487, CRC32B to CRC32X and CRC32CB to CRC32CX; Poly32Mod2(). The polynomials are 0x04C11DB7
 * and 0x1EDC6F41; bits are reversed here, as they are in the data: 0xedb88320 and 0x82f63b78. A
 * sum is linear over GF(2), so that each byte of the data adds a word of its own, which depends
 * only on how many bytes follow it. A CPU without the feature finds these rows UNDEFINED before
 * a handler is asked.
 */
#include "cpu/exec/handlers.h"

/* What a byte i adds, from what its bits add; and the words of all bytes. */
#define BYTE(i, b0, b1, b2, b3, b4, b5, b6, b7)                                                  \
    (((i) & 1 ? b0 : 0) ^ ((i) & 2 ? b1 : 0) ^ ((i) & 4 ? b2 : 0) ^ ((i) & 8 ? b3 : 0) ^         \
     ((i) & 16 ? b4 : 0) ^ ((i) & 32 ? b5 : 0) ^ ((i) & 64 ? b6 : 0) ^ ((i) & 128 ? b7 : 0))
#define BYTES_4(i, ...)                                                                          \
    BYTE(i, __VA_ARGS__), BYTE((i) + 1, __VA_ARGS__), BYTE((i) + 2, __VA_ARGS__),                \
        BYTE((i) + 3, __VA_ARGS__)
#define BYTES_16(i, ...)                                                                         \
    BYTES_4(i, __VA_ARGS__), BYTES_4((i) + 4, __VA_ARGS__), BYTES_4((i) + 8, __VA_ARGS__),       \
        BYTES_4((i) + 12, __VA_ARGS__)
#define BYTES_64(i, ...)                                                                         \
    BYTES_16(i, __VA_ARGS__), BYTES_16((i) + 16, __VA_ARGS__), BYTES_16((i) + 32, __VA_ARGS__),  \
        BYTES_16((i) + 48, __VA_ARGS__)
#define BYTES(...)                                                                               \
    BYTES_64(0, __VA_ARGS__), BYTES_64(64, __VA_ARGS__), BYTES_64(128, __VA_ARGS__),             \
        BYTES_64(192, __VA_ARGS__)

/* [k][i]: what byte i adds with k bytes behind it. */
static const uint32_t crc32_table[8][256] = {
    {BYTES(0x77073096u, 0xee0e612cu, 0x076dc419u, 0x0edb8832u,
           0x1db71064u, 0x3b6e20c8u, 0x76dc4190u, 0xedb88320u)},
    {BYTES(0x191b3141u, 0x32366282u, 0x646cc504u, 0xc8d98a08u,
           0x4ac21251u, 0x958424a2u, 0xf0794f05u, 0x3b83984bu)},
    {BYTES(0x01c26a37u, 0x0384d46eu, 0x0709a8dcu, 0x0e1351b8u,
           0x1c26a370u, 0x384d46e0u, 0x709a8dc0u, 0xe1351b80u)},
    {BYTES(0xb8bc6765u, 0xaa09c88bu, 0x8f629757u, 0xc5b428efu,
           0x5019579fu, 0xa032af3eu, 0x9b14583du, 0xed59b63bu)},
    {BYTES(0x3d6029b0u, 0x7ac05360u, 0xf580a6c0u, 0x30704bc1u,
           0x60e09782u, 0xc1c12f04u, 0x58f35849u, 0xb1e6b092u)},
    {BYTES(0xcb5cd3a5u, 0x4dc8a10bu, 0x9b914216u, 0xec53826du,
           0x03d6029bu, 0x07ac0536u, 0x0f580a6cu, 0x1eb014d8u)},
    {BYTES(0xa6770bb4u, 0x979f1129u, 0xf44f2413u, 0x33ef4e67u,
           0x67de9cceu, 0xcfbd399cu, 0x440b7579u, 0x8816eaf2u)},
    {BYTES(0xccaa009eu, 0x4225077du, 0x844a0efau, 0xd3e51bb5u,
           0x7cbb312bu, 0xf9766256u, 0x299dc2edu, 0x533b85dau)},
};

static const uint32_t crc32c_table[8][256] = {
    {BYTES(0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu,
           0x105ec76fu, 0x20bd8edeu, 0x417b1dbcu, 0x82f63b78u)},
    {BYTES(0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u,
           0x3fc5f181u, 0x7f8be302u, 0xff17c604u, 0xfbc3faf9u)},
    {BYTES(0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u,
           0x70a27d8au, 0xe144fb14u, 0xc76580d9u, 0x8b277743u)},
    {BYTES(0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u,
           0xe964b13du, 0xd725148bu, 0xaba65fe7u, 0x52a0c93fu)},
    {BYTES(0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u,
           0x8f2261d3u, 0x1ba8b557u, 0x37516aaeu, 0x6ea2d55cu)},
    {BYTES(0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu,
           0xc00c303eu, 0x85f4168du, 0x0e045bebu, 0x1c08b7d6u)},
    {BYTES(0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u,
           0x9c5bfaa6u, 0x3d5b83bdu, 0x7ab7077au, 0xf56e0ef4u)},
    {BYTES(0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau,
           0x847609b4u, 0x0d006599u, 0x1a00cb32u, 0x34019664u)},
};

static inline enum step crc(struct core *c, uint32_t w, unsigned bytes,
                            const uint32_t table[8][256])
{
    uint64_t sum = (uint32_t)reg_x(c, a64_rn(w));
    uint64_t data = (reg_x(c, a64_rm(w)) & bits_ones(8 * bytes)) ^ sum;
    uint32_t result = bytes < 4 ? (uint32_t)sum >> 8 * bytes : 0;
    for (unsigned i = 0; i < bytes; i++)
        result ^= table[bytes - 1 - i][data >> 8 * i & 0xff];
    reg_set(c, a64_rd(w), false, result);
    return STEP_NEXT;
}

#define CRC(name, bytes, table)                       \
    enum step EXEC(name)(struct core *c, uint32_t w)  \
    {                                                 \
        return crc(c, w, bytes, table);               \
    }

CRC(CRC32B, 1, crc32_table)
CRC(CRC32H, 2, crc32_table)
CRC(CRC32W, 4, crc32_table)
CRC(CRC32X, 8, crc32_table)
CRC(CRC32CB, 1, crc32c_table)
CRC(CRC32CH, 2, crc32c_table)
CRC(CRC32CW, 4, crc32c_table)
CRC(CRC32CX, 8, crc32c_table)
