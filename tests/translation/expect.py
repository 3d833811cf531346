"""The record that an attempt leaves by the architecture: what model.py says of the translation, as
registers and memory.
"""
import layout
from attributes import attributes
from layout import FIELDS
from model import ALIGNMENT, EXTERNAL, EXTERNAL_WALK, PERMISSION, RAM, RAM_END, Fault, Walker
from tables import ones

HVC, SVC_DONE = 0x5a000000, 0x560000fe
DONE, FETCHED = 0xfe, 0x55
# ISV with SAS, SSE, SRT (x1), SF, AR of single loads and stores
SYNDROME = {'ldr': (3, 0, 1, 0), 'str': (3, 0, 1, 0), 'ldtr': (3, 0, 1, 0), 'sttr': (3, 0, 1, 0),
            'ldrb': (0, 0, 0, 0), 'strh': (1, 0, 0, 0), 'ldrsh': (1, 1, 1, 0),
            'ldar': (2, 0, 0, 1), 'stlr': (3, 0, 1, 1), 'ldtrb': (0, 0, 0, 0),
            'sttrh': (1, 0, 0, 0)}
SPSR_EL1 = 0x3c5           # in a handler
PAN = 1 << 22
FOLD = 0x9e3779b97f4a7c15


def key(fault):
    return fault and (fault.kind, fault.stage, fault.level, fault.is_write)


class Expected:
    """fields as in a record; walker: how it came about; fault: or None"""

    def __init__(self, case, machine, attempt, quirks=()):
        self.quirks, self.used = quirks, set()
        self.strays = False        # the vectors are fetched from where none are
        self.case, self.attempt, self.fault = case, attempt, None
        self.pieces = []           # of the access: (first address, leaf)
        self.first = attempt.va
        self.walker = Walker(case, machine, attempt, self.quirk)
        self.is_at = layout.KIND.get(attempt.probe) == layout.AT
        self.how, self.value = attempt.spsr << 32, attempt.value
        self.esr_el2 = self.esr_el1 = self.far = self.hpfar = 0
        self.elr = attempt.pc + 16
        self.memory = dict(case.writes)
        self.run()
        target = attempt.target
        self.low, self.high = self.word(target), self.word(attempt.second)
        self.memory.update(self.walker.changed)
        self.descriptor = self.word(attempt.descriptor) if attempt.descriptor else 0
        if case.registers['flags'] & 2:
            self.descriptor = self.fold()

    def quirk(self, name):
        """is it to be so? Asked where it makes a difference"""
        if name in self.quirks:
            self.used.add(name)
        return name in self.quirks

    def fields(self):
        return {name: getattr(self, name) for name in FIELDS}

    def word(self, pa):
        return self.memory.get(pa, 0)

    def fold(self):
        """all that the case wrote, but for the target, which is put back"""
        out, a = 0, self.attempt
        for pa, value in self.case.writes.items():
            if pa not in (a.target, a.second):
                value = self.word(pa)
            out = out * FOLD + value & ones(64)
        return out

    # ---- what happens ----

    def run(self):
        a = self.attempt
        if a.probe == 'fetch':
            a.va = self.branch(a.pc)
            if a.va & 3 and not self.aborts_first():
                self.elr = a.va
                self.take(0x22, 0, a.va, False)
                return
        elif a.el < 2 and self.fetch_fails(a.pc, a.el, a.spsr):
            return
        if a.probe == 'prfm' or layout.KIND.get(a.probe) == layout.CACHE and \
                self.quirk('cache-maintenance-that-translates-nothing'):
            self.finish()
            return
        self.translate()
        if a.probe in ('cas', 'ldadd'):
            self.run_atomic()
        if self.fault is None and a.probe == 'stxr':
            self.store_half()
        if self.is_at:
            self.run_at()
        elif self.fault:
            self.abort()
        elif a.probe == 'fetch':
            self.elr = a.va + (4 if a.el else 0)
            self.end(HVC | FETCHED) if a.el else self.take(0, 0, 0, False)
        else:
            self.access()
            self.finish()

    def translate(self):
        """each element, and of it each page; a fault has the address that it is of"""
        a, va = self.attempt, self.attempt.va
        self.first = va
        try:
            for first in (va, va + 8) if a.probe in ('ldp', 'stp') else (va,):
                self.element(first)
                if a.probe == 'stp' and first == va:
                    self.store(va, 8, a.value)
        except Fault as fault:
            self.fault, fault.va = fault, a.va
        a.va, self.walker.is_rest = va, False

    def element(self, first):
        a = self.attempt
        size = layout.SIZE.get(a.probe, 1)
        border = (first | 0xfff) + 1
        begins = [first]
        if layout.KIND.get(a.probe) in (layout.LOAD, layout.STORE) and first + size > border:
            begins.append(border & (1 << 64) - 1)
        new = []
        for a.va in begins:
            self.walker.is_rest = a.va != first
            new.append((a.va, self.walker.translate()))
            if a.va == first and len(begins) > 1 and layout.KIND[a.probe] == layout.LOAD and \
                    not RAM <= new[0][1].output < RAM_END and \
                    self.quirk('external-abort-before-the-second-page'):
                break
        for a.va, leaf in new:
            self.walker.check_memory(leaf)
            self.pieces.append((a.va, leaf))
            if layout.KIND.get(a.probe) == layout.STORE and a.va == first and len(new) > 1:
                self.store(first, size, 0 if first != self.first else a.value, border - first)

    def aborts_first(self):
        """a misaligned PC that is translated all the same"""
        walker = Walker(self.case, self.walker.machine, self.attempt, self.quirk)
        fault = None
        try:
            walker.translate()
        except Fault as one:
            fault = one
        if not fault and not walker.changed or \
                not self.quirk('misaligned-pc-behind-the-translation'):
            return False
        self.walker.changed = walker.changed
        return fault is not None

    def run_atomic(self):
        """a load, and then a store, on a QEMU of one processor"""
        a, first = self.attempt, self.fault
        if 'atomics-in-two-halves' not in self.quirks or first and first.status() == 0x21:
            return
        plain = Expected(self.case, self.walker.machine, a)
        probe, self.fault = a.probe, None
        self.walker = Walker(self.case, self.walker.machine, a, self.quirk)
        try:
            for a.probe in ('ldr', 'str'):
                leaf = self.walker.translate()
                self.walker.check_memory(leaf)
                self.pieces = [(a.va, leaf)]
        except Fault as fault:
            self.fault = fault
            fault.is_write = a.probe == 'str'
        a.probe = probe
        if plain.walker.changed != self.walker.changed or key(plain.fault) != key(self.fault):
            self.quirk('atomics-in-two-halves')

    def store_half(self):
        """of LDXR and STXR"""
        a = self.attempt
        a.probe = 'str'
        try:
            self.walker.check_memory(self.walker.translate())
        except Fault as fault:
            self.fault = fault
        a.probe = 'stxr'
        if self.fault:
            self.fault.is_write, self.elr = True, a.pc + 20

    def branch(self, va):
        """AArch64.BranchAddr"""
        regs, el = self.case.registers, self.attempt.el
        if el == 2:
            return va & ones(56) if regs['tcr_el2'] >> 20 & 1 else va
        if not regs['tcr_el1'] >> (38 if va >> 55 & 1 else 37) & 1:
            return va
        return va & ones(56) | (0xff << 56 if va >> 55 & 1 else 0)

    def end(self, esr):
        """an HVC as it was meant"""
        self.esr_el2 = esr
        self.how |= 0x200 if self.attempt.el == 2 else 0x400

    def finish(self):
        if self.attempt.el:
            self.end(HVC | DONE)
        else:
            self.take(SVC_DONE >> 26, SVC_DONE & ones(25), 0, False)

    def take(self, klass, iss, far, to_el2, hpfar=0):
        """an exception; to EL1, whose vector tells EL2, unless to_el2 or from EL2"""
        el = self.attempt.el
        esr = klass << 26 | 1 << 25 | iss
        self.far, self.hpfar = far, hpfar
        if el == 2 or to_el2 or self.walker.hcr(27):
            self.esr_el2 = esr
            self.how |= 0x200 if el == 2 else 0x400
        else:
            self.esr_el1, self.esr_el2 = esr, HVC | (4 if el == 1 else 8)
            self.how |= 0x400
            self.fetch_vector(0x200 if el == 1 else 0x400)

    def fetch_vector(self, offset):
        """the first instruction at EL1 may be out of reach by stage 2"""
        va = self.case.registers['vbar_el1'] + offset
        spsr, machine = SPSR_EL1, self.walker.machine
        if 'pan' in machine.features:          # AArch64.TakeException
            sets = not self.case.registers['sctlr_el1'] >> 23 & 1
            spsr |= PAN if sets else self.attempt.spsr & PAN
        if self.fetch_fails(va, 1, spsr):
            self.esr_el1 = 0

    def fetch_fails(self, va, el, spsr):
        """Is what is to be executed at EL1 or EL0 out of reach by stage 2?"""
        a = self.attempt
        walker = Walker(self.case, self.walker.machine,
                        a.elsewhere('fetch', el, spsr, va), self.vector_quirk)
        try:
            walker.translate()
        except Fault as fault:
            if fault.stage == 2:
                self.how, self.elr = 0x400 | spsr << 32, va
                self.esr_el2 = 0x82000000 | fault.status() | fault.on_walk << 7
                self.far, self.hpfar = va, self.ipa_of(fault)
                return True
        return False

    def vector_quirk(self, name):
        there = self.quirk(name)
        self.strays |= there and name == 'blocks-at-levels-without'
        return there

    @staticmethod
    def ipa_of(fault):
        if fault.stage == 2 and fault.ipa is not None and \
                fault.kind not in (EXTERNAL, EXTERNAL_WALK, ALIGNMENT) and \
                (fault.kind != PERMISSION or fault.on_walk):
            return fault.ipa >> 12 << 4
        return 0

    def abort(self):
        a, fault = self.attempt, self.fault
        kind = layout.KIND.get(a.probe)
        to_el2 = fault.stage == 2
        iss = fault.status() | (1 << 7 if fault.on_walk else 0)
        if a.probe != 'fetch':
            is_op = kind in (layout.CACHE, layout.AT)
            if is_op or fault.is_write or kind == layout.STORE:
                iss |= 1 << 6
            iss |= is_op << 8
            if fault.kind == EXTERNAL_WALK and a.probe in SYNDROME and to_el2 and \
                    not fault.on_walk and not self.quirk('isv-of-an-external-abort'):
                pass
            elif (to_el2 or a.el == 2 and self.quirk('isv-of-an-abort-within-el2')) and \
                    not fault.on_walk and a.probe in SYNDROME and not is_op:
                sas, sse, sf, ar = SYNDROME[a.probe]
                iss |= 1 << 24 | sas << 22 | sse << 21 | 1 << 16 | sf << 15 | ar << 14
        klass = (0x20 if a.probe == 'fetch' else 0x24) + (a.el == 2 or a.el == 1 and not to_el2)
        self.elr = a.va if a.probe == 'fetch' else self.elr - 16
        far = a.va if fault.va is None else fault.va
        if fault.kind == EXTERNAL and kind == layout.LOAD and far & layout.SIZE[a.probe] - 1 and \
                self.quirk('far-of-a-misaligned-external-abort'):
            far &= ~(layout.SIZE[a.probe] - 1)
        if fault.kind == EXTERNAL and a.probe == 'zva' and far & 63 and \
                self.quirk('far-of-a-zeroed-block'):
            far &= ~63
        self.take(klass, iss, far, to_el2, self.ipa_of(fault))

    def run_at(self):
        a, fault = self.attempt, self.fault
        if fault and (fault.kind == EXTERNAL_WALK or a.el == 1 and fault.on_walk):
            self.abort()
            return
        if fault:
            self.value = 1 | fault.status() << 1 | fault.on_walk << 8 | (fault.stage == 2) << 9 | \
                1 << 11
        else:
            memory, share = attributes(self.walker, self.quirk)
            self.value = memory << 56 | self.pieces[0][1].output & ones(48) & ~ones(12) | 0xa00 | \
                share << 7
        self.finish()

    # ---- memory ----

    def is_big(self):
        regs, el = self.case.registers, self.attempt.el
        if el == 0:
            return regs['sctlr_el1'] >> 24 & 1
        return regs['sctlr_el2' if el == 2 else 'sctlr_el1'] >> 25 & 1

    def where(self, va):
        """the PA of a byte"""
        first, leaf = [one for one in self.pieces if one[0] <= va][-1]
        return leaf.output + va - first

    def load(self, va, size):
        at = [self.where(va + n) for n in range(size)]
        raw = bytes(self.word(pa & ~7) >> 8 * (pa & 7) & 0xff for pa in at)
        return int.from_bytes(raw, 'big' if self.is_big() else 'little')

    def store(self, va, size, value, count=None):
        """count: only so many bytes of it"""
        raw = (value & ones(8 * size)).to_bytes(size, 'big' if self.is_big() else 'little')
        for n, byte in enumerate(raw[:count]):
            pa = self.where(va + n)
            at, shift = pa & ~7, 8 * (pa & 7)
            self.memory[at] = self.word(at) & ~(0xff << shift) | byte << shift

    def access(self):
        a, va = self.attempt, self.attempt.va
        size = layout.SIZE[a.probe]
        if a.probe in ('ldr', 'ldtr', 'ldrb', 'ldrsh', 'ldp', 'ldxr', 'ldar', 'ldtrb'):
            self.value = self.load(va, size)
            if a.probe == 'ldrsh' and self.value >> 15:
                self.value |= ones(64) & ~ones(16)
        elif a.probe in ('str', 'sttr', 'strh', 'sttrh', 'stlr', 'stxr', 'stp'):
            if a.probe == 'stp':
                self.store(va + 8, 8, 0)
            else:
                self.store(va, size, a.value)
            if a.probe == 'stxr':
                self.value = 0
        elif a.probe == 'zva':
            for n in range(0, 64, 8):
                self.memory[(self.where(va) & ~63) + n] = 0
        elif a.probe == 'ldadd':
            self.value = self.load(va, 8)
            self.store(va, 8, self.value + a.value)
        elif a.probe == 'cas' and self.load(va, 8) == 0:
            self.store(va, 8, a.value)
