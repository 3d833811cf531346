"""Values that like to be where something changes: ends of ranges, kinds of floating-point numbers."""
import rows

ENDS = (0, 1, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0x7fffffffffffffff, 1 << 63)
# Floating point: zero, smallest denormal, largest, smallest normal, one, largest, infinity, quiet
# and signalling NaN, and numbers near the limits of conversions.
HALF = (0, 1, 0x3ff, 0x400, 0x3c00, 0x7bff, 0x7c00, 0x7e00, 0x7d01, 0x3555, 0x4248)
SINGLE = (0, 1, 0x7fffff, 0x800000, 0x3f800000, 0x7f7fffff, 0x7f800000, 0x7fc00001, 0x7f800001,
          0x4b000000, 0x4f000000, 0x4effffff, 0x5f000000, 0x5effffff, 0x3f000000, 0x33800000)
DOUBLE = (0, 1, 0xfffffffffffff, 0x10000000000000, 0x3ff0000000000000, 0x7fefffffffffffff,
          0x7ff0000000000000, 0x7ff8000000000001, 0x7ff0000000000001, 0x4330000000000000,
          0x41e0000000000000, 0x41dfffffffc00000, 0x43e0000000000000, 0x43dfffffffffffff,
          0x3fe0000000000000, 0x3810000000000000, 0x380fffffe0000000, 0x36a0000000000000)


def interesting(rng):
    """64 bits that like to be at an end of some range"""
    k = rng.getrandbits(3)
    if k < 3:
        value = ENDS[rng.randrange(len(ENDS))]
        if k == 1:
            value = ~value
        elif k == 2:
            value = value << 32 | ENDS[rng.randrange(8)]
        return value & 0xffffffffffffffff
    value = rng.getrandbits(64)
    if k == 3:
        return value >> rng.getrandbits(6)
    if k == 4:
        return (rows.signed(value, 64) >> rng.getrandbits(6)) & 0xffffffffffffffff
    return value


def float_lanes(rng):
    """64 bits of two singles, four halves or a double that are at a corner, or near one"""
    k = rng.getrandbits(3)
    width, values = ((64, DOUBLE), (32, SINGLE), (16, HALF))[0 if k < 4 else 1 if k < 7 else 2]
    out = 0
    for at in range(0, 64, width):
        value = values[rng.randrange(len(values))]
        j = rng.getrandbits(2)
        if j == 1:
            value += rng.randrange(-2, 3)
        elif j == 2:
            value = rng.getrandbits(width)
        out |= ((value ^ rng.getrandbits(1) << width - 1) & (1 << width) - 1) << at
    return out
