"""Blocks of random units, and the inputs that they run with. Everything follows from the seed."""
import random

import image
import rows
import templates
from image import Block, Run

UNITS = 16                 # under test in a block
RUNS_PER_BLOCK = 8
INPUTS = 64
START = {0: 0x3c0, 1: 0x3c5, 2: 0x3c9}       # SPSR: EL0t, EL1h, EL2h, all masked
NORMAL = (0x34d5d81d, 0x30c5183d, 0x80000001, 0x300000, 0x33ff, 0)
# SCTLR_EL1, SCTLR_EL2, HCR_EL2, CPACR_EL1, CPTR_EL2, MDCR_EL2, one of which holds for a block.
CONFIGS = [
    NORMAL,
    (0x34d5d81f, 0x30c5183f) + NORMAL[2:],    # A: alignment is checked
    (0x34d5d805, 0x30c51835) + NORMAL[2:],    # SA, SA0: stack alignment is not
    (0x30d00801 | 0x1004, 0x30c5183d) + NORMAL[2:],  # EL0 may do nothing special
]
FIXED_CONFIG_CHANCE = 12   # in 16: the normal one

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


class Context:
    """what a template may know about the block it is in"""
    __slots__ = ('el', 'anchor', 'may_unmask', 'is_fresh')

    def __init__(self, el, anchor):
        self.el, self.anchor = el, anchor
        self.may_unmask = self.is_fresh = False


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


def make_inputs(rng):
    out = []
    for _ in range(INPUTS):
        x = [interesting(rng) for _ in range(31)]
        sp = [image.ANCHOR - 128 + 16 * rng.getrandbits(4) for _ in range(3)]
        v = [float_lanes(rng) if rng.getrandbits(2) else interesting(rng) for _ in range(64)]
        fpcr = rng.getrandbits(5) << 22
        if rng.getrandbits(1):
            fpcr &= 3 << 22                    # half of them: only the rounding mode
        fpsr = rng.getrandbits(1) << 27 | rng.getrandbits(5) | rng.getrandbits(1) << 7
        if rng.getrandbits(1):
            fpsr = 0
        window = rng.getrandbits(8 * 640).to_bytes(640, 'little')
        out.append(image.make_input(x, sp, fpcr, fpsr, v, window))
    return out


def make_unit(row, rng, ctx):
    make = templates.BY_NAME.get(row.name)
    return make(row, rng, ctx) if make else rows.plain_unit(row, rng, ctx.anchor)


def make_block(rng, choose_row, system_unit, last):
    """one block; choose_row(rng) gives the next row, system_unit(row, rng, ctx) its unit;
    last: names of ops after which nothing may follow"""
    el = rng.randrange(3)
    ctx = Context(el, rng.randrange(4, 29))
    words, units = [], []
    words += rows.constant(ctx.anchor, image.ANCHOR)
    while len(units) < UNITS:
        row = choose_row(rng)
        unit = system_unit(row, rng, ctx) if row.name in templates.SYSTEM \
            else make_unit(row, rng, ctx)
        if unit is None:
            continue
        units.append((len(words), unit))
        words += unit.words
        if row.name == 'ERET' and el and not rng.getrandbits(4):
            unit = templates.eret_down(row, rng, ctx)
            units.append((len(words), unit))
            words += unit.words
            break
        if unit.last or row.name in last:
            words.append(templates.END_AT[el])
            break
    else:
        words.append(templates.END_AT[el])
    block = Block(words, units, el, START[el] | rng.getrandbits(4) << 28, ctx.anchor)
    block.fresh = ctx.is_fresh
    if rng.getrandbits(4) >= FIXED_CONFIG_CHANCE:
        block.config = rng.randrange(len(CONFIGS))
    return block


def make_batch(seed, chunk, insns, choose_row, system_unit, last):
    """-> blocks, runs, inputs; about `insns` executions of units"""
    rng = random.Random(f'{seed} {chunk}')
    inputs = make_inputs(rng)
    blocks, units = [], max(1, insns // RUNS_PER_BLOCK)
    while units > 0:
        blocks.append(make_block(rng, choose_row, system_unit, last))
        units -= len(blocks[-1].units)
    blocks.sort(key=lambda b: b.config)        # a change of configuration is expensive
    runs = []
    for number, block in enumerate(blocks):
        block.number = number
        first = rng.randrange(INPUTS)
        runs += [Run(block, (first + i) % INPUTS) for i in range(RUNS_PER_BLOCK)]
    return blocks, runs, inputs
