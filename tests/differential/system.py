"""Units for the rows that reach the system: MRS and MSR of every register of cpu/sysreg.def, and
every operation of its SYS space, at the level of the block whether it may or not.

A register that can be written is given a value, read back and given its old value again, so that
no value that is UNKNOWN after reset is compared; bits that are RES0 or RES1, or belong to a
feature that one of the CPUs lacks, are written as such, since what they keep is not defined. Where
any value would pull the ground away (SCTLR of the level that runs, its tables), only the bits
listed in CHANGEABLE are changed, and an access shows what they do. Registers that follow time are
compared in their order only. TLB maintenance is also done for a page that is mapped anew, which an
access shows, and then as it was.
"""
import os
import sys

import image
import rows
from blocks_values import interesting
from rows import Unit, get, put
from templates import some_register

sys.path.insert(0, os.path.join(image.HERE, '..', '..', 'tools'))
import regs  # noqa: E402

# CRn whose registers are a core's own; QEMU has them as constants.
IMPLEMENTATION_DEFINED = (11, 15)
ISB, DSB = 0xd5033fdf, 0xd5033f9f
MASK64 = (1 << 64) - 1
# Bits that the level itself may change under its feet.
CHANGEABLE = {
    (1, 'SCTLR_EL1'): 1 << 1 | 1 << 3 | 1 << 4 | 1 << 9 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18
    | 1 << 26,
    (1, 'TTBR0_EL1'): 0xff << 48,
    (1, 'TCR_EL1'): 0x3f << 16 | 1 << 22 | 0x3f << 24 | 3 << 37,
    (1, 'MAIR_EL1'): ~0xff & MASK64,
    (2, 'SCTLR_EL2'): 1 << 1 | 1 << 3 | 1 << 12,
    (2, 'TTBR0_EL2'): 0,
    (2, 'TCR_EL2'): 1 << 20 | 0x3f << 8,
    (2, 'MAIR_EL2'): ~0xff & MASK64,
}
# What TLB maintenance by address has in its operand for the page at the anchor; ASID 0.
PAGE_OPERAND = image.ANCHOR >> 12
TTLB = 1 << 25             # of HCR_EL2: maintenance by EL1 is trapped
# Bits that are never set: their meaning would outlive the unit, or is not modelled.
NEVER = {'HCR_EL2': 1 << 34 | 1 << 27, 'MDCCINT_EL1': 3 << 29, 'MDSCR_EL1': 1 << 15 | 1, 'PMCR_EL0': 7}
ALWAYS = {'HCR_EL2': 1 << 31}
# Enabled; address bits that are RES0.
NEVER_PREFIX = {'DBGBCR': 1, 'DBGWCR': 1, 'DBGWVR': 3}
# BAS of breakpoints is RES1 without AArch32.
ALWAYS_PREFIX = {'DBGBCR': 15 << 5}
VOLATILE = ('CNTPCT_EL0', 'CNTVCT_EL0', 'PMCCNTR_EL0')
TIMERS = {'CNTP_TVAL_EL0': 'CNTP_CVAL_EL0', 'CNTV_TVAL_EL0': 'CNTV_CVAL_EL0',
          'CNTHP_TVAL_EL2': 'CNTHP_CVAL_EL2'}
# Ones written to the second clear what the first sets.
PAIRS = {'PMCNTENSET_EL0': 'PMCNTENCLR_EL0', 'PMINTENSET_EL1': 'PMINTENCLR_EL1',
         'PMOVSSET_EL0': 'PMOVSCLR_EL0', 'DBGCLAIMSET_EL1': 'DBGCLAIMCLR_EL1'}
# Registers that describe the core.
IDENTITY = ('ID_', 'MVFR', 'CCSIDR', 'VPIDR', 'VMPIDR')
# What the harness gives a value before each run, so that it can be read alone.
KNOWN = ('TPIDRRO_EL0', 'TPIDR_EL0', 'TPIDR_EL1', 'SP_EL0', 'SP_EL1', 'ELR_EL1', 'SPSR_EL1',
         'ESR_EL1', 'FAR_EL1', 'NZCV', 'DAIF', 'FPCR', 'FPSR', 'VBAR_EL1', 'TCR_EL1', 'MAIR_EL1',
         'CPACR_EL1', 'SCTLR_EL1', 'TTBR0_EL1', 'TTBR1_EL1', 'CONTEXTIDR_EL1', 'CSSELR_EL1',
         'PAR_EL1', 'HCR_EL2', 'CPTR_EL2', 'MDCR_EL2', 'VTTBR_EL2', 'VTCR_EL2', 'CNTKCTL_EL1',
         'CNTHCTL_EL2', 'VPIDR_EL2', 'VMPIDR_EL2', 'MIDR_EL1', 'MPIDR_EL1')


class System:
    """registers and operations of cpu/sysreg.def that the two CPUs share"""

    def __init__(self, path):
        table = regs.Parser(path).table
        table.check()
        self.registers, self.operations = [], []
        self.by_name = {}
        for block in table.registers:
            if block.unmodelled or block.ops[2][0] in IMPLEMENTATION_DEFINED:
                continue
            if block.kind == 'reg':
                self.registers.append(block)
                self.by_name[block.name] = block
            elif block.kind == 'sys':
                self.operations.append(block)
        self.absent = set()
        self.names = {key: block.name for key, block in table.slots.items()}

    def use(self, absent, is_same_core):
        """leave out what one of the CPUs lacks, and, of different cores, what they say they are"""
        if not is_same_core:
            absent = absent | {b.name for b in self.registers
                               if b.reset == 'id' or b.name.startswith(IDENTITY)}
        self.absent = absent
        self.registers = [b for b in self.registers if b.name not in absent]
        self.operations = [b for b in self.operations if b.name not in absent]

    def value(self, block, value):
        """a value that can be written: RES0, RES1 and absent bits as they must be"""
        value = value & ~block.zeros() | block.ones()
        for field in block.fields:
            if field.ro:
                value &= ~field.mask()
            if field.needs or field.upper:
                value &= ~field.absent(field.needs or field.upper)
                if getattr(field, 'else1', False):
                    value |= field.mask()
        value &= ~NEVER.get(block.name, 0)
        for prefix, bits in NEVER_PREFIX.items():
            if block.name.startswith(prefix):
                value &= ~bits
        for prefix, bits in ALWAYS_PREFIX.items():
            if block.name.startswith(prefix):
                value |= bits
        return (value | ALWAYS.get(block.name, 0)) & MASK64


def mrs(block, rt):
    return 0xd5200000 | block.keys()[0] << 5 | rt


def msr(block, rt):
    return 0xd5000000 | block.keys()[0] << 5 | rt


def normal_value(name, ctx):
    """what the harness has put into a register of the level itself"""
    return {'SCTLR_EL1': ctx.config[0], 'SCTLR_EL2': ctx.config[1], 'MAIR_EL1': 0xff,
            'MAIR_EL2': 0xff, 'TTBR0_EL1': image.TABLE, 'TTBR0_EL2': image.TABLE,
            'TCR_EL1': 0x200803519, 'TCR_EL2': 0x80823519}[name]


def write_and_read(s, block, rng, ctx):
    """save, write, read back, restore; the saved value, which may be UNKNOWN, is forgotten"""
    a = some_register(rng, ctx.anchor)
    b = some_register(rng, ctx.anchor, a)
    d = some_register(rng, ctx.anchor, a, b)
    mask = CHANGEABLE.get((ctx.el, block.name))
    shown = []
    if mask is not None:                       # not as read, which may be trapped
        normal = normal_value(block.name, ctx)
        change = rng.getrandbits(64) & mask & ~block.zeros() & ~block.ones()
        words = rows.constant(a, normal) + rows.constant(b, normal ^ change)
        shown = [ISB] + some_access(rng, ctx, b) + [ISB]
    else:
        words = [mrs(block, a)] + rows.constant(b, s.value(block, interesting(rng)))
    write = len(words)
    words += [msr(block, b), mrs(block, d)] + shown[:-1]
    if block.name in PAIRS and PAIRS[block.name] in s.by_name:
        words += [rows.movn(b, 0), msr(s.by_name[PAIRS[block.name]], b)]
    words += [msr(block, a), rows.movz(a, 0)] + shown[-1:]
    return Unit(words, [('MSR_reg', write), ('MRS', write + 1)])


def some_access(rng, ctx, t):
    """a load through xt, now and then misaligned or with a tag in the top byte"""
    words = rows.add_offset(t, ctx.anchor, rows.Places.pick(rng, 1 << rng.randrange(4)))
    if not rng.getrandbits(2):
        words.append(0xb2781c00 | t << 5 | t)                  # orr xt, xt, #0xff << 56
    return words + [0xf9400000 | t << 5 | t]                   # ldr xt, [xt]


def remap(block, rng, ctx, word):
    """the page at the anchor led elsewhere or nowhere, maintenance, an access, and back"""
    a = some_register(rng, ctx.anchor)
    b = some_register(rng, ctx.anchor, a)
    d = some_register(rng, ctx.anchor, a, b)
    entry = image.TABLE3 + 8 * (image.ANCHOR >> 12 & 511)
    kept = image.WINDOW + 0x11000 | 0x743
    other = rng.choice((0, image.WINDOW + 0x14000 | 0x743, image.WINDOW + 0x16000 | 0x7c3,
                        kept ^ 0x400))                         # nowhere, read-only, not accessed
    word = put(word, (0, 5), d)
    maintain = [DSB, word, DSB, ISB]
    words = rows.constant(a, entry) + rows.constant(b, kept) + rows.constant(d, other)
    words += [0xf9000000 | a << 5 | d] + rows.constant(d, PAGE_OPERAND)    # str xd, [xa]
    tested = len(words) + 1
    words += maintain
    words += rows.add_offset(d, ctx.anchor, rng.randrange(-8, 200)) + [0xf9400000 | d << 5 | d]
    words += [0xf9000000 | a << 5 | b] + rows.constant(b, PAGE_OPERAND)    # str xb, [xa]
    words += [DSB, put(word, (0, 5), b), DSB, ISB]
    return Unit(words, [('SYS', tested)])


def order_of_time(block, rng, ctx):
    """two reads: the second is not before the first, and that is all that is kept"""
    a = some_register(rng, ctx.anchor)
    b = some_register(rng, ctx.anchor, a)
    words = [rows.movz(a, 0), rows.movz(b, 0), ISB, mrs(block, a), ISB, mrs(block, b),
             0xeb00001f | a << 16 | b << 5,                    # cmp xb, xa
             0x9a9f37e0 | a, rows.movz(b, 0),                  # cset xa, hs
             0xeb1f03ff]                                       # cmp xzr, xzr: the flags as always
    return Unit(words, [('MRS', 3), ('MRS', 5)])


def timer_value(s, block, rng, ctx):
    """TVAL goes down with time: its highest bits, long before they change"""
    a = some_register(rng, ctx.anchor)
    b = some_register(rng, ctx.anchor, a)
    deadline = s.by_name[TIMERS[block.name]]
    words = [rows.movz(a, 0)] + rows.constant(b, rng.randrange(1, 8) << 28 | 8 << 24)
    words += [msr(block, b), mrs(block, b), 0xd35cfc00 | b << 5 | b,     # lsr xb, xb, #28
              rows.movn(a, 0), msr(deadline, a)]
    return Unit(words, [('MSR_reg', len(words) - 5), ('MRS', len(words) - 4)])


def read_only(block, rng, ctx):
    return Unit([mrs(block, some_register(rng, ctx.anchor))], [('MRS', 0)])


def register_unit(s, block, rng, ctx):
    if block.name in VOLATILE:
        return order_of_time(block, rng, ctx)
    if block.name in TIMERS:
        return timer_value(s, block, rng, ctx)
    if block.name == 'OSLAR_EL1':
        a = some_register(rng, ctx.anchor)
        return Unit([rows.movz(a, rng.getrandbits(1)), msr(block, a),
                     mrs(s.by_name['OSLSR_EL1'], a), msr(block, 31)], [('MSR_reg', 1), ('MRS', 2)])
    can_read = 'r' in ''.join(block.access)
    can_write = 'w' in ''.join(block.access)
    if not can_write:
        if rng.getrandbits(4):
            return read_only(block, rng, ctx)
        return Unit([msr(block, some_register(rng, ctx.anchor))], [('MSR_reg', 0)])
    if not can_read:
        return Unit([msr(block, 31)], [('MSR_reg', 0)])
    if block.name in KNOWN and rng.getrandbits(1):
        return read_only(block, rng, ctx)
    return write_and_read(s, block, rng, ctx)


def is_own(name, ctx):
    """TLB maintenance that covers the page, which is global, in the regime in which the block runs,
    and that is not trapped"""
    if not name.startswith('TLBI') or name.startswith(('TLBI_IPA', 'TLBI_ASIDE1')):
        return False
    if ctx.el == 2:
        return 'E2' in name
    return ctx.el == 1 and 'E1' in name and 'S12' not in name and 'ALLE1' not in \
        name.replace('VMALLE1', '') and not ctx.config[2] & TTLB


def operation_unit(s, block, rng, ctx, word):
    """a SYS operation, on an address that is there but for AT and DC ZVA"""
    t = some_register(rng, ctx.anchor)
    word = put(put(word, (5, 16), block.keys()[0] | 1 << 14), (0, 5), t)
    name = block.name
    if is_own(name, ctx) and rng.getrandbits(1):
        return remap(block, rng, ctx, word)
    if name.startswith(('AT_', 'DC_ZVA')):
        words = rows.add_offset(t, ctx.anchor, rows.Places.pick(rng, 1))
    elif name.startswith(('DC_', 'IC_')) and not name.endswith('SW'):
        words = rows.add_offset(t, ctx.anchor, rng.randrange(-4096, 4096))
    else:
        words = rows.constant(t, interesting(rng))
    words.append(word)
    tested = [('SYS', len(words) - 1)]
    if name.startswith('AT_'):
        words += [ISB, mrs(s.by_name['PAR_EL1'], some_register(rng, ctx.anchor))]
    elif name.startswith('TLBI'):
        words += [DSB, ISB]
    return Unit(words, tested)


def privileged_access(row, rng, ctx):
    """MSR PAN, a load that it may stop, and PAN as it was"""
    n = some_register(rng, ctx.anchor)
    word = row.word(rng)
    if ctx.el == 0:
        return Unit([word], [(row.name, 0)])
    words = [word] + rows.add_offset(n, ctx.anchor, rows.Places.pick(rng, 8, True))
    words += [0xf9400000 | n << 5 | n, 0xd500409f]             # ldr xn, [xn]; msr pan, #0
    return Unit(words, [(row.name, 0)])


def unit(s, row, rng, ctx):
    """a unit for one of templates.SYSTEM"""
    if row.name == 'MSR_PAN':
        return privileged_access(row, rng, ctx)
    if not ctx.is_system:
        return None
    word = row.word(rng)
    if row.name in ('SYS', 'SYSL'):
        if row.name == 'SYSL' or not rng.getrandbits(4):
            key = get(word, (5, 16))
            crn = key >> 7 & 15
            if crn in (7, 8, 9, 11, 15) or not rng.getrandbits(4) and row.name == 'SYSL':
                return None
            if row.name == 'SYSL':
                word = put(word, (0, 5), some_register(rng, ctx.anchor))
            return Unit([word], [(row.name, 0)])
        block = s.operations[rng.randrange(len(s.operations))]
        made = operation_unit(s, block, rng, ctx, word)
    else:
        block = s.registers[rng.randrange(len(s.registers))]
        made = register_unit(s, block, rng, ctx)
    made.register = block.name
    return made
