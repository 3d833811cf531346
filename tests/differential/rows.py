"""The rows of cpu/a64.decode as things to execute: which operands a row has, read from its own
fields and assembly text, and random words of it with the set-up that its operands need.

A unit is a few words of which the last ones are under test; see Unit.  Words that are CONSTRAINED
UNPREDICTABLE are not made.  What changes the flow or the regime is made by templates.py.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools'))
import decode  # noqa: E402

NOP, CLREX = 0xd503201f, 0xd5033f5f
ALL = decode.ALL
# The operand kinds whose register is a general one.
GENERAL = ('x', 'xs', 'w', 'x64', 'x64s', 'x5', 'extend', 'extendd', 'index')
# Classes whose address must be aligned, or that fault.
ALIGNED = ('ldex', 'stex', 'load_acquire', 'store_release', 'atomic')
PAGE = 0x1000


class Unit:
    """words to execute, and the ops under test among them: [(op name, index of its word)]; last:
    nothing may follow, because the two CPUs are known to differ here (differences.txt)"""
    __slots__ = ('words', 'tested', 'last', 'register')

    def __init__(self, words, tested, last=False):
        self.words, self.tested, self.last = words, tested, last
        self.register = None                   # of MRS, MSR and SYS: the row of cpu/sysreg.def


def put(word, field, value):
    lsb, length = field
    mask = (1 << length) - 1
    return word & ~(mask << lsb) & ALL | (value & mask) << lsb


def get(word, field):
    return word >> field[0] & (1 << field[1]) - 1


def signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 & 1 else value


# ---- words of the set-up ----
def movz(rd, imm, hw=0):
    return 0xd2800000 | hw << 21 | (imm & 0xffff) << 5 | rd


def movn(rd, imm):
    return 0x92800000 | (imm & 0xffff) << 5 | rd


def movk(rd, imm, hw):
    return 0xf2800000 | hw << 21 | (imm & 0xffff) << 5 | rd


def constant(rd, value):
    """the words that set rd to a 64-bit value"""
    parts = [(value >> 16 * i & 0xffff, i) for i in range(4)]
    used = [p for p in parts if p[0]] or [(0, 0)]
    return [movz(rd, *used[0])] + [movk(rd, *p) for p in used[1:]]


def add_offset(rd, rn, offset):
    """rd = rn + offset, |offset| < 2**24; 31 is SP in both"""
    op, offset = (0x91000000, offset) if offset >= 0 else (0xd1000000, -offset)
    words = []
    if offset >> 12:
        words.append(op | 1 << 22 | (offset >> 12) << 10 | rn << 5 | rd)
        rn = rd
    if offset & 0xfff or not words:
        words.append(op | (offset & 0xfff) << 10 | rn << 5 | rd)
    return words


class Address:
    """how a row reaches memory, by the operands inside [ ] of its text"""

    def __init__(self, op):
        m = re.match(r'\{x64s:(\w+)\}(.*?)\](!?)(.*)', op.asm.split('[', 1)[1])
        fields = op.rows[0].fields
        self.base, inside = fields[m[1]], m[2]
        self.writes_back = bool(m[3]) or m[4].startswith(',')
        self.offset = self.index = None
        found = re.search(r'\{(oi|osi|si|i):(\w+)(?:\*(\d+))?(?:<(\w+))?\}', inside)
        if found:
            self.offset = (fields[found[2]], found[1] in ('osi', 'si'), int(found[3] or 1),
                           fields[found[4]] if found[4] else None)
        found = re.search(r'\{index:(\w+),(\w+),(\w+),(\w+)\}', inside)
        if found:
            self.index = tuple(fields[found[i]] for i in (1, 2, 3))
            self.index_log2 = fields.get(found[4]) or int(found[4])

    def displacement(self, word):
        if not self.offset:
            return 0
        field, is_signed, times, shift = self.offset
        value = get(word, field)
        if is_signed:
            value = signed(value, field[1])
        return value * times << (get(word, shift) if shift else 0)


class RowOp:
    """one op: its rows, and what its operands are"""

    def __init__(self, source, op):
        self.op, self.name, self.klass = op, op.name, op.klass
        self.rows = op.rows
        fields = op.rows[0].fields
        self.general = set()
        for kind, args in re.findall(r'\{(\w+):([^{}]*)\}', op.asm):
            if kind in GENERAL:
                self.general.add(re.split(r'[,*<.]', args)[0])
        self.general = {f for f in self.general if f in fields and fields[f][1] == 5}
        # whether they are vectors does not matter: the anchor is in none of them
        self.written = [fields[f] for f in ('rd', 'rt', 'rt2', 'rs') if f in fields]
        self.address = Address(op) if '[{x64s' in op.asm else None
        self.fields = fields
        self.is_literal = bool(re.search(r'\{pc:', op.asm)) and self.klass != 'branch' \
            and not self.name.startswith('ADR')
        self.needs_alignment = self.klass in ALIGNED or 'atomic' in self.klass
        # loads and stores of vectors may have done a part of their work when they abort
        self.is_vector = bool(self.address) and 'rt' not in self.general
        self.is_casp = self.name.startswith('CASP')
        self.is_pair = 'rt2' in fields
        self.choices = [(row, source.shadows[row.line]) for row in op.rows]

    def word(self, rng):
        """a random word that decodes to this op"""
        while True:
            row, before = self.choices[0] if len(self.choices) == 1 else rng.choice(self.choices)
            word = row.bits | rng.getrandbits(32) & ~row.mask & ALL
            for mask, bits in before:
                if word & mask == bits:
                    break
            else:
                return word

    def is_awkward(self, word):
        """CONSTRAINED UNPREDICTABLE: registers named twice where that matters"""
        f, a = self.fields, self.address
        if self.is_casp and (get(word, f['rs']) & 1 or get(word, f['rt']) & 1):
            return True
        if not a:
            return False
        base = get(word, a.base)
        t = get(word, f['rt']) if 'rt' in self.general else None
        t2 = get(word, f['rt2']) if 'rt2' in self.general else None
        if a.writes_back and base != 31 and base in (t, t2):
            return True
        if a.index and get(word, a.index[0]) == base:
            return True
        if self.is_pair and self.klass in ('load', 'ldex'):
            return get(word, f['rt']) == get(word, f['rt2'])
        if self.is_pair and self.klass not in ('store', 'stex') \
                and get(word, f['rt']) == get(word, f['rt2']):
            return True        # loads of SIMD pairs
        if self.klass == 'stex':
            s = get(word, f['rs'])
            return s in (t, t2) or s == base and s != 31
        return False

    def names(self, word, register):
        """may the word write to this register?"""
        for field in self.written:
            n = get(word, field)
            if n == register or self.is_casp and n | 1 == register:
                return True
        a = self.address
        return bool(a and (get(word, a.base) == register or
                           a.index and get(word, a.index[0]) == register))


class Isa:
    """all rows: ops by name, first match as the decoder does it"""

    def __init__(self, path):
        self.source = decode.Source(path)
        self.source.parse()
        self.shadows = {}
        rows = self.source.rows
        for i, row in enumerate(rows):
            self.shadows[row.line] = [(b.mask, b.bits) for b in rows[:i]
                                      if not b.mask & row.mask & (b.bits ^ row.bits)]
        self.ops = {name: RowOp(self, op) for name, op in self.source.ops.items()
                    if not op.unmodelled}
        self.unmodelled = sorted(n for n, op in self.source.ops.items() if op.unmodelled)

    def match(self, word):
        for row in self.source.rows:
            if word & row.mask == row.bits:
                return row.name
        return 'UNALLOCATED'

    def has(self, word):
        """is the word modelled?"""
        return self.match(word) in self.ops


class Places:
    """where memory operands go, relative to the anchor, which points to the page border"""
    # (chance in 64, lowest, highest)
    FAR = [(PAGE * -1 - 40, PAGE * -1),   # into the page below, which is not there
           (PAGE - 40, PAGE + 24),             # from the last page into a read-only one
           (PAGE + 100, PAGE + 900),           # read-only
           (PAGE * 2 + 100, PAGE * 2 + 900),   # not in stage 2
           (PAGE * 2 - 40, PAGE * 2 + 24),     # from read-only to there
           (PAGE * 3 - 40, PAGE * 3 + 24),     # from there to nothing
           (PAGE * 4 + 100, PAGE * 4 + 900)]   # not for EL0: read-only here, since not recorded

    @staticmethod
    def pick(rng, alignment, is_safe=False, is_atomic=False):
        """is_atomic: not where the two stages of translation have something to say about reading
        and writing each, since it is not said which abort of these comes first"""
        k = 63 if is_safe else rng.getrandbits(6)
        if is_atomic and k in (3, 4):
            k = 2
        if k < 5:
            low, high = Places.FAR[k] if k < 4 else Places.FAR[4 + rng.getrandbits(1)]
            at = rng.randrange(low, high)
        elif k < 24:
            at = rng.randrange(-66, 2)         # across the border between two pages
        else:
            at = rng.randrange(-256 + 64, 256 - 128)
        return at & -alignment


def plain_unit(row, rng, anchor):
    """a unit of an op that neither branches nor reaches the system"""
    while True:
        word = row.word(rng)
        if not row.is_awkward(word) and not row.names(word, anchor):
            break
    if row.is_literal:
        field = row.fields['imm19']
        return Unit([put(word, field, rng.randrange(-500, 500))], [(row.name, 0)])
    if not row.address or row.klass == 'prefetch':
        return Unit([word], [(row.name, 0)])
    a, words = row.address, []
    base = get(word, a.base)
    offset = a.displacement(word)
    if a.index:
        reg, option, s = a.index
        index, log2 = get(word, reg), a.index_log2
        amount = 0 if not get(word, s) else log2 if isinstance(log2, int) else get(word, log2)
        value = rng.getrandbits(rng.choice((3, 8, 15)))
        kind = get(word, option)
        if index == 31:
            value = 0
        elif kind == 2:                        # UXTW: the upper half does not count
            words += [movz(index, value), movk(index, rng.getrandbits(16), 3)]
        elif rng.getrandbits(1):
            words.append(movz(index, value))
        else:
            words.append(movn(index, value))
            value = ~value
        if kind == 6 and index != 31:          # SXTW
            words.append(movk(index, rng.getrandbits(16), 2))
        offset = value << amount
    alignment = 16 if base == 31 else 1
    is_store_exclusive = row.klass == 'stex'
    if row.needs_alignment:
        alignment = max(alignment, 16 if is_store_exclusive or rng.getrandbits(4) else 1)
    at = Places.pick(rng, alignment, is_store_exclusive, row.klass == 'atomic')
    base_at = at - offset
    is_last = False
    if base == 31:
        is_last = row.klass != 'stex' and not rng.getrandbits(5)   # a misaligned stack pointer
        base_at = base_at & -16 | (rng.randrange(16) if is_last else 0)
    words += add_offset(base, anchor, base_at)
    if is_store_exclusive:
        words.append(exclusive_before(row, word, anchor) if rng.getrandbits(2) else CLREX)
    if row.is_vector and not -256 <= at < 256 - 64 or row.name.startswith('LDAPR') and at & 15:
        is_last = True                         # known to differ
    return Unit(words + [word], [(row.name, len(words))], is_last)


def exclusive_before(row, word, anchor):
    """the LDXR of the same size and address that lets a store exclusive succeed. Without it the
    monitor is open: how much of memory it covers, and whether it or an abort of the store comes
    first, is IMPLEMENTATION DEFINED, so that neither is asked for."""
    n, size = get(word, row.address.base), word & 0xc0000000
    busy = {get(word, row.fields[f]) for f in ('rs', 'rt', 'rt2') if f in row.fields} | {n, anchor}
    if not row.is_pair:
        return 0x085f7c1f | size | n << 5
    free = [r for r in (0, 1, 2, 3, 4, 5, 6, 7) if r not in busy]
    return 0x087f0000 | size | 31 << 10 | n << 5 | free[0] if free else NOP
