"""Blocks of random units, and the inputs that they run with. Everything follows from the seed."""
import random

import image
import rows
import templates
from blocks_values import float_lanes, interesting
from image import Block, Run

UNITS = 16                 # under test in a block
RUNS_PER_BLOCK = 8
INPUTS = 64
START = {0: 0x3c0, 1: 0x3c5, 2: 0x3c9}       # SPSR: EL0t, EL1h, EL2h, all masked
NORMAL = (0x34d5d99d, 0x30c5183d, 0x80000001, 0x300000, 0x33ff, 6)  # HPMN: all counters are EL1's
# SCTLR_EL1, SCTLR_EL2, HCR_EL2, CPACR_EL1, CPTR_EL2, MDCR_EL2, one of which holds for a block.
CONFIGS = [
    NORMAL,
    (0x34d5d99f, 0x30c5183f) + NORMAL[2:],    # A: alignment is checked
    (0x34d5d985, 0x30c51835) + NORMAL[2:],    # SA, SA0: stack alignment is not
    (0x30d00981 | 0x1004, 0x30c5183d) + NORMAL[2:],  # EL0 may do nothing special
]
RANDOM_CONFIGS = 16        # in each batch, with bits of TRAPS
# Bits that trap something in HCR_EL2, CPTR_EL2 and MDCR_EL2; CPACR_EL1.FPEN.
HCR_TRAPS = (1 << 12, 1 << 13, 1 << 14, 1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 21, 1 << 22,
             1 << 23, 1 << 24, 1 << 25, 1 << 26, 1 << 28, 1 << 30)   # not HCD: blocks end with HVC
HCR_VIRTUAL = (1 << 4 | 1 << 7, 1 << 3 | 1 << 6, 0, 0)     # IMO and VI, FMO and VF
CPTR_TRAPS = (1 << 31, 1 << 10)
MDCR_TRAPS = (1 << 9, 1 << 10, 1 << 11)


class Context:
    """what a template may know about the block it is in"""
    __slots__ = ('el', 'anchor', 'config', 'is_system')

    def __init__(self, el, anchor, config, is_system):
        self.el, self.anchor, self.config, self.is_system = el, anchor, config, is_system


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


def make_block(rng, choose_row, system_unit, last, configs):
    """one block; choose_row(rng) gives the next row, system_unit(row, rng, ctx) its unit;
    last: names of ops after which nothing may follow"""
    el = rng.randrange(3)
    is_system = not rng.getrandbits(5)
    number = rng.randrange(len(configs)) if not rng.getrandbits(0 if is_system else 2) else 0
    ctx = Context(el, rng.randrange(4, 29), configs[number], is_system)
    words, units = [], []
    words += rows.constant(ctx.anchor, image.ANCHOR)
    while len(units) < UNITS:
        row = choose_row(rng, is_system)
        unit = system_unit(row, rng, ctx) if row.name in templates.SYSTEM \
            else make_unit(row, rng, ctx)
        if unit is None:
            continue
        units.append((len(words), unit))
        words += unit.words
        if row.name == 'ERET' and el and not unit.last and not rng.getrandbits(4):
            unit = templates.eret_down(row, rng, ctx)
            units.append((len(words), unit))
            words += unit.words
            break
        if unit.last or row.name in last or unit.register in last:
            words.append(templates.END_AT[el])
            break
    else:
        words.append(templates.END_AT[el])
    block = Block(words, units, el, START[el] | rng.getrandbits(4) << 28, ctx.anchor)
    block.fresh, block.config = is_system, number
    return block


def random_configs(rng):
    """traps of EL2, and virtual interrupts that are pending"""
    out = []
    for _ in range(RANDOM_CONFIGS):
        sctlr1, sctlr2, hcr, cpacr, cptr, mdcr = CONFIGS[rng.randrange(len(CONFIGS))]
        hcr |= HCR_VIRTUAL[rng.getrandbits(2)]
        for bit in HCR_TRAPS:
            hcr |= bit if not rng.getrandbits(2) else 0
        for bit in CPTR_TRAPS:
            cptr |= bit if not rng.getrandbits(2) else 0
        for bit in MDCR_TRAPS:
            mdcr |= bit if not rng.getrandbits(2) else 0
        if not rng.getrandbits(2):
            cpacr = rng.getrandbits(2) << 20
        out.append((sctlr1, sctlr2, hcr, cpacr, cptr, mdcr))
    return out


def make_batch(seed, chunk, insns, choose_row, system_unit, last):
    """-> blocks, runs, inputs, configurations; about `insns` executions of units"""
    rng = random.Random(f'{seed} {chunk}')
    inputs = make_inputs(rng)
    configs = CONFIGS + random_configs(rng)
    blocks, units = [], max(1, insns // RUNS_PER_BLOCK)
    while units > 0:
        blocks.append(make_block(rng, choose_row, system_unit, last, configs))
        units -= len(blocks[-1].units)
    blocks.sort(key=lambda b: b.config)        # a change of configuration is expensive
    runs = []
    for number, block in enumerate(blocks):
        block.number = number
        first = rng.randrange(INPUTS)
        runs += [Run(block, (first + i) % INPUTS) for i in range(RUNS_PER_BLOCK)]
    return blocks, runs, inputs, configs
