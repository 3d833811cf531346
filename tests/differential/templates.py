"""Units for rows that change the flow: each is closed in itself, so that whatever happens in it,
execution goes on behind its last word, and what happened is seen in registers or in the
exceptions that were noted.
"""
import rows
from rows import Unit, get, put, constant, movz

END_AT = {0: 0xd41fffe1, 1: 0xd41fffe2, 2: 0xd41fffe2}   # svc #0xffff, hvc #0xffff
PSCI_VERSION, PSCI_FEATURES, AFFINITY_INFO = 0x84000000, 0x8400000a, 0xc4000004


TWI, NTWI, VIRTUAL_PENDING = 1 << 13, 1 << 16, 1 << 6 | 1 << 7


def mark(register, number):
    """add xr, xr, #number"""
    return 0x91000000 | number << 10 | register << 5 | register


def branch_to(words):
    return 0x14000000 | words & 0x3ffffff


def some_register(rng, *others):
    while True:
        r = rng.randrange(30)
        if r not in others:
            return r


def b_relative(row, rng, ctx):
    """forwards over marks, or backwards to one; both ways go on behind"""
    field = next(row.fields[f] for f in ('imm26', 'imm19', 'imm14') if f in row.fields)
    m = some_register(rng, ctx.anchor)
    while True:
        word = row.word(rng)
        if not row.names(word, ctx.anchor):
            break
    if rng.getrandbits(1):
        return Unit([put(word, field, 3), mark(m, 1), mark(m, 2)], [(row.name, 0)])
    return Unit([branch_to(3), mark(m, 4), branch_to(2), put(word, field, -2)], [(row.name, 3)])


def b_register(row, rng, ctx):
    """to an address that ADR made; one in 64 is misaligned"""
    m = some_register(rng, ctx.anchor)
    word = row.word(rng)
    n = some_register(rng, ctx.anchor, m)
    word = put(word, row.fields['rn'], n)
    adr = 0x10000000 | n                      # adr xn, . + 4 * 4 (or 5, with the next word)
    words, distance = [], 4
    if not rng.getrandbits(6):
        words, distance = [0xb2400000 | n << 5 | n], 5        # orr xn, xn, #1
        if rng.getrandbits(1):
            words = [0xb27f0000 | n << 5 | n]                 # orr xn, xn, #2
    adr |= distance << 5
    return Unit([adr] + words + [word, mark(m, 1), mark(m, 2)], [(row.name, 1 + len(words))])


def immediate(row, rng, forbidden):
    while True:
        word = row.word(rng)
        if get(word, row.fields['imm16']) not in forbidden:
            return word


def call(row, rng, ctx):
    return Unit([immediate(row, rng, (0xffff, 0xfffe, 0xf000))], [(row.name, 0)])


def smc(row, rng, ctx):
    """firmware calls that both answer alike; nothing but UNDEFINED at EL0"""
    word = 0xd4000003
    function = rng.choice((PSCI_VERSION, PSCI_FEATURES, AFFINITY_INFO))
    words = constant(0, function)
    words += constant(1, PSCI_VERSION if function == PSCI_FEATURES else 0) + [movz(2, 0)]
    return Unit(words + [word], [(row.name, len(words))])


def unallocated(row, rng, ctx):
    return Unit([row.word(rng)], [(row.name, 0)])


def eret(row, rng, ctx):
    """back to where it is, with other flags and masks; an illegal return one time in eight"""
    a = some_register(rng, ctx.anchor)
    b = some_register(rng, ctx.anchor, a)
    word = row.word(rng)
    if ctx.el == 0:
        return Unit([word], [(row.name, 0)])
    m = {1: 5, 2: 9}[ctx.el]
    if not rng.getrandbits(2):
        m -= 1                                # SP_EL0
    is_illegal = not rng.getrandbits(3)
    if is_illegal:
        m = rng.choice((0xd, 0xc, 1, 2, 3, 0xa, 0xb, 6, 7, 0xf))
    spsr = rng.getrandbits(4) << 28 | rng.getrandbits(4) << 6 | m
    spsr_reg, elr_reg = {1: (0xd5184000, 0xd5184020), 2: (0xd51c4000, 0xd51c4020)}[ctx.el]
    words = constant(a, spsr) + [spsr_reg | a, 0x10000000 | 3 << 5 | b, elr_reg | b, word]
    return Unit(words, [(row.name, len(words) - 1)], is_illegal)


def eret_down(row, rng, ctx):
    """to a lower level, where the block ends"""
    a = some_register(rng, ctx.anchor)
    b = some_register(rng, ctx.anchor, a)
    m = rng.choice({1: (0,), 2: (0, 4, 5)}[ctx.el])
    spsr = rng.getrandbits(4) << 28 | 0x3c0 | m
    spsr_reg, elr_reg = {1: (0xd5184000, 0xd5184020), 2: (0xd51c4000, 0xd51c4020)}[ctx.el]
    words = constant(a, spsr) + [spsr_reg | a, 0x10000000 | 3 << 5 | b, elr_reg | b, row.word(rng)]
    return Unit(words + [END_AT[m >> 2]], [(row.name, len(words) - 1)])


def wfe(row, rng, ctx):
    """after an event, so that it does not wait"""
    return Unit([rng.choice((0xd50320bf, 0xd503209f)), row.word(rng)], [(row.name, 1)])


def wfi(row, rng, ctx):
    """only where it is trapped, or a virtual interrupt is pending"""
    sctlr1, hcr = ctx.config[0], ctx.config[2]
    if ctx.el == 2 or not (hcr & TWI or hcr & VIRTUAL_PENDING or
                           ctx.el == 0 and not sctlr1 & NTWI):
        return None
    return Unit([row.word(rng)], [(row.name, 0)])


def clrex(row, rng, ctx):
    """after it a store exclusive fails"""
    n = some_register(rng, ctx.anchor)
    s = some_register(rng, ctx.anchor, n)
    at = rows.Places.pick(rng, 16, True)
    words = rows.add_offset(n, ctx.anchor, at) + [0xc85f7c1f | n << 5]
    words.append(row.word(rng))
    tested = [(row.name, len(words) - 1)]
    return Unit(words + [0xc8007c1f | s << 16 | n << 5], tested)


BY_NAME = {
    'B': b_relative, 'BL': b_relative, 'B_cond': b_relative, 'CBZ': b_relative,
    'CBNZ': b_relative, 'TBZ': b_relative, 'TBNZ': b_relative,
    'BR': b_register, 'BLR': b_register, 'RET': b_register,
    'SVC': call, 'HVC': call, 'BRK': call, 'HLT': call, 'SMC': smc,
    'DCPS1': unallocated, 'DCPS2': unallocated, 'DCPS3': unallocated, 'DRPS': unallocated,
    'ERET': eret, 'WFE': wfe, 'WFI': wfi, 'CLREX': clrex,
}
# Made by system.py from the rows of cpu/sysreg.def.
SYSTEM = ('SYS', 'SYSL', 'MSR_reg', 'MRS', 'MSR_PAN')
