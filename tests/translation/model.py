"""What the architecture says of an attempt: translation in both stages, as a third opinion where
QEMU and Armillary differ. Follows AArch64.TranslateAddress and what it calls (DDI 0487), read by
itself; where the architecture leaves a choice it takes the one that Armillary documents.

It knows the memory of a case as the case began.
"""
import layout
from tables import Shape, WIDTHS, ones, swap
from values import AF, DBM, PXN, UXN, granule0, granule1

ADDRESS_SIZE, TRANSLATION, ACCESS, PERMISSION, ALIGNMENT, EXTERNAL, EXTERNAL_WALK = \
    'address size', 'translation', 'access flag', 'permission', 'alignment', 'external', \
    'external on walk'
STATUS = {ADDRESS_SIZE: 0, TRANSLATION: 4, ACCESS: 8, PERMISSION: 12, EXTERNAL_WALK: 0x14}
NON_CACHEABLE, WRITE_BACK = 0x44, 0xff
RAM, RAM_END = 0x40000000, 0x48000000
FLASH_END = 0x08000000      # QEMU's machine has flash below, which reads as 0; no table is put there


class Fault(Exception):
    """as FaultRecord"""

    def __init__(self, kind, stage, level=0, on_walk=False, ipa=None):
        super().__init__(kind)
        self.kind, self.stage, self.level, self.on_walk = kind, stage, level, on_walk
        self.ipa, self.is_write, self.is_control = ipa, False, False
        self.va = None             # of the piece of the access that it is of

    def status(self):
        if self.kind == ALIGNMENT:
            return 0x21
        if self.kind == EXTERNAL:
            return 0x10
        return STATUS[self.kind] + self.level


class Leaf:
    """what a stage says: output address, memory type, S2AP"""

    def __init__(self, output, memory, level=0, may=None):
        self.output, self.memory, self.level, self.may = output, memory, level, may


def is_device(memory):
    return memory & 0xf0 == 0


def field(value, low, bits):
    return value >> low & ones(bits)


def output_bits(code, machine):
    return min(WIDTHS[code], machine.pa_bits)


def memory1(byte):
    """a byte of MAIR; reserved ones as Armillary documents"""
    if byte & 0xf0 == 0:
        return byte & 0x0c
    return byte | 4 if byte & 0x0f == 0 else byte


def memory2(attribute):
    """MemAttr[3:0] of stage 2"""
    if attribute >> 2 == 0:
        return (attribute & 3) << 2
    nibble = {0: 4, 1: 4, 2: 0xb, 3: 0xf}
    return nibble[attribute >> 2] << 4 | nibble[attribute & 3]


class Walker:
    """the walks of one attempt; read: the descriptors as (stage, level, address, value)"""

    def __init__(self, case, machine, attempt, quirk=lambda name: False):
        self.quirk, self.hpd = quirk, 0
        self.regs, self.case, self.machine, self.attempt = case.registers, case, machine, attempt
        if attempt.context:
            self.regs = dict(case.registers, **dict(zip(layout.CONTEXT, attempt.context)))
        self.read, self.leaf1, self.leaf2, self.walk_leaf2 = [], None, None, None
        self.byte, self.share1, self.value2 = None, None, None
        self.shape1, self.shape2 = None, None
        self.changed = {}          # descriptors that were updated: PA: bytes as a number
        self.ended = None          # the fault, if any
        self.is_astray = False     # through a block that is none
        self.is_rest = False       # the second page of an access that crosses into it

    def hcr(self, bit):
        return self.regs['hcr_el2'] >> bit & 1

    def stage2_on(self):
        return self.hcr(0) or self.hcr(12)

    def descriptor(self, pa, stage, level, is_swapped):
        if self.is_astray and pa < FLASH_END:
            return 0
        if not RAM <= pa < RAM_END:
            raise Fault(EXTERNAL_WALK, stage, level)
        value = self.changed.get(pa, self.case.writes.get(pa, 0))
        value = swap(value) if is_swapped else value
        self.read.append((stage, level, pa, value))
        return value

    # ---- stage 2 ----

    def start2(self, ipa, on_walk):
        regs, machine = self.regs, self.machine
        vtcr = regs['vtcr_el2']
        granule, bits = granule0(machine, field(vtcr, 14, 2)), 64 - field(vtcr, 0, 6)
        sl0 = field(vtcr, 6, 2)
        most = {12: 44, 14: 42, 16: 44}[granule]
        start = (2 if granule == 12 else 3) - sl0
        shape = Shape(granule, bits, start)
        reach = bits - shape.shift(start)
        if not 16 <= 64 - bits <= 39 or bits > machine.pa_bits or sl0 == 3 or \
                sl0 == 2 and machine.pa_bits < most or not 1 <= reach <= shape.stride + 4 or \
                ipa >> bits or self.is_narrow(vtcr, bits, start):
            raise Fault(TRANSLATION, 2, 0, on_walk, ipa)
        return shape

    def is_narrow(self, vtcr, bits, start):
        width = output_bits(field(vtcr, 16, 3), self.machine)
        granule = granule0(self.machine, field(vtcr, 14, 2))
        return bits > width and self.quirk('intermediate-addresses-beyond-the-output-size') or \
            width <= {12: 42, 14: 40, 16: 42}[granule] and start == (granule != 12) and \
            self.quirk('first-level-of-stage-2-by-the-output-size')

    def updates(self, stage, el2):
        """-> HA, HD of the stage's register"""
        if 'hafdbs' not in self.machine.features:
            return 0, 0
        name, low = ('vtcr_el2', 21) if stage == 2 else ('tcr_el2', 21) if el2 else ('tcr_el1', 39)
        return self.regs[name] >> low & 1, self.regs[name] >> low & self.regs[name] >> low + 1 & 1

    def update(self, pa, old, new, is_swapped):
        if not RAM <= pa < RAM_END:
            raise ValueError('an update of what is no memory')
        if new != old:
            self.changed[pa] = swap(new) if is_swapped else new

    def is_dirtying(self, access):
        """does such an access set the dirty state?"""
        kind = layout.KIND.get(self.attempt.probe)
        if access not in ('write', 'both') or kind == layout.CACHE:
            return False
        return kind != layout.AT or self.quirk('dirty-state-by-at')

    def stage2(self, ipa, access, on_walk):
        """-> Leaf. access: 'read', 'write', 'both', 'fetch'"""
        regs = self.regs
        shape = self.shape2 = self.start2(ipa, on_walk)
        width = output_bits(field(regs['vtcr_el2'], 16, 3), self.machine)
        size = 8 << shape.index_bits(shape.start)
        table = field(regs['vttbr_el2'], 0, 48) & ~(size - 1)
        if table >> width:
            raise Fault(ADDRESS_SIZE, 2, 0, on_walk, ipa)
        swapped = regs['sctlr_el2'] >> 25 & 1
        ha, hd = self.updates(2, False)
        for level in range(shape.start, 4):
            index = ipa >> shape.shift(level) & ones(shape.index_bits(level))
            pa = table + 8 * index
            try:
                value = self.descriptor(pa, 2, level, swapped)
            except Fault as fault:
                fault.on_walk, fault.ipa = on_walk, ipa
                raise
            step = self.decode(shape, level, value, width, 2, ha, on_walk, ipa)
            if step is None:
                break
            table = step
        low = ones(shape.shift(level))
        may = field(value, 6, 2) | (2 if hd and value & DBM else 0)
        leaf = Leaf(value & ones(48) & ~low | ipa & low, memory2(field(value, 2, 4)), level, may)
        new, fault = value | (AF if ha else 0), None
        try:
            self.check2(leaf, value, access, on_walk, ipa)
        except Fault as one:
            fault = one
        if fault is None and hd and value & DBM and \
                (access == 'write' if on_walk else self.is_dirtying(access)):
            new |= 1 << 7
        if fault is None or new != value and \
                (fault.is_control or not self.quirk('access-flag-with-a-fault')):
            self.update(pa, value, new, swapped)
        if fault:
            raise fault
        return leaf

    def check2(self, leaf, value, access, on_walk, ipa):
        if on_walk:
            self.walk_leaf2 = leaf
        else:
            self.value2 = value
        if on_walk:
            if self.hcr(2) and is_device(leaf.memory):
                fault = Fault(PERMISSION, 2, leaf.level, True, ipa)
                fault.is_control = leaf.may & 1    # not for want of the right to read
                raise fault
        else:
            self.check_alignment(leaf, access, Fault(ALIGNMENT, 2, leaf.level, False, ipa))
        xn = field(value, 53, 2) if 'xnx' in self.machine.features else value >> 53 & 2
        is_el0 = self.as_el() == 0
        fetches = {0: True, 1: is_el0, 2: False, 3: not is_el0}[xn]
        self.permit({'read': leaf.may & 1, 'write': leaf.may & 2, 'fetch': fetches}, access,
                    Fault(PERMISSION, 2, leaf.level, on_walk, ipa))

    def check_alignment(self, leaf, access, fault):
        """AArch64.S1HasAlignmentFault and its like of stage 2"""
        if access != 'fetch' and is_device(leaf.memory) and self.is_misaligned() and \
                not self.quirk('alignment-in-device-memory'):
            raise fault

    def permit(self, may, access, fault):
        if access == 'both':
            fault.is_write = bool(may['read'])
            if not may['read'] or not may['write']:
                raise fault
        elif not may[access]:
            raise fault

    def decode(self, shape, level, value, width, stage, ha, on_walk=False, ipa=None):
        """-> the next table, or None at a leaf"""
        table = value & 2 and level < 3
        leaf = (value & 2 != 0) == (level == 3)
        if not value & 1 or not (table or leaf and (level in shape.leaf_levels() or
                                                    self.quirk('blocks-at-levels-without'))):
            raise Fault(TRANSLATION, stage, level, on_walk, ipa)
        self.is_astray |= leaf and level not in shape.leaf_levels()
        # a block where there are none is QEMU's: it looks at all of the address
        low = shape.shift(level) if leaf and level in shape.leaf_levels() else shape.granule
        if (value & ones(48) & ~ones(low)) >> width:
            raise Fault(ADDRESS_SIZE, stage, level, on_walk, ipa)
        if table:
            return value & ones(48) & ~ones(shape.granule)
        if not value & AF and not ha:
            raise Fault(ACCESS, stage, level, on_walk, ipa)
        return None

    # ---- stage 1 ----

    def regime(self):
        """2: that of EL2"""
        probe = self.attempt.probe
        if layout.KIND.get(probe) == layout.AT:
            return 2 if 'e2' in probe else 1
        return 2 if self.attempt.el == 2 else 1

    def as_el(self):
        """whose permissions count"""
        a = self.attempt
        if layout.KIND.get(a.probe) == layout.AT:
            return int(a.probe.rpartition('e')[2][0])
        if a.probe in ('ldtr', 'sttr', 'ldtrb', 'sttrh') and a.el == 1 and not a.spsr >> 23 & 1:
            return 0
        return a.el

    def is_pan(self):
        a = self.attempt
        if layout.KIND.get(a.probe) == layout.AT:
            return a.probe[-1] == 'p' and a.spsr >> 22 & 1
        return a.el == 1 and self.as_el() == 1 and a.spsr >> 22 & 1 and \
            layout.KIND.get(a.probe) != layout.CACHE

    def size(self):
        return layout.SIZE.get(self.attempt.probe, 4)

    def is_misaligned(self):
        a = self.attempt
        if layout.KIND.get(a.probe) in (layout.AT, layout.CACHE) or a.probe == 'fetch':
            return False
        return self.is_rest or a.probe == 'zva' or a.va & self.size() - 1 != 0

    def start1(self, va):
        """-> (shape, first table, output bits, upper half)"""
        regs, el2 = self.regs, self.regime() == 2
        upper = not el2 and va >> 55 & 1
        tcr = regs['tcr_el2' if el2 else 'tcr_el1']
        bits = 64 - field(tcr, 16 * upper, 6)
        granule = granule1(self.machine, field(tcr, 30, 2)) if upper else \
            granule0(self.machine, field(tcr, 14, 2))
        width = output_bits(field(tcr, 16 if el2 else 32, 3), self.machine)
        tbi = tcr >> (20 if el2 else 37 + upper) & 1
        top = 55 if tbi else 63
        expected = ones(64) if upper else 0
        if not 16 <= 64 - bits <= 39 or \
                field(va ^ expected, bits, top + 1 - bits) or \
                not el2 and tcr >> (23 if upper else 7) & 1:
            raise Fault(TRANSLATION, 1, 0)
        shape = Shape(granule, bits)
        self.hpd = 'hpds' in self.machine.features and tcr >> (24 if el2 else 41 + upper) & 1
        ttbr = regs['ttbr0_el2' if el2 else 'ttbr1_el1' if upper else 'ttbr0_el1']
        table = ttbr & ones(48) & ~((8 << shape.index_bits(shape.start)) - 1)
        if table >> width:
            raise Fault(ADDRESS_SIZE, 1, 0)
        return shape, table, width

    def stage1(self, va, access):
        shape, table, width = self.start1(va)
        self.shape1 = shape
        regs, el2 = self.regs, self.regime() == 2
        sctlr = regs['sctlr_el2' if el2 else 'sctlr_el1']
        limits = 0
        ha, hd = self.updates(1, el2)
        for level in range(shape.start, 4):
            index = va >> shape.shift(level) & ones(shape.index_bits(level))
            ipa = pa = table + 8 * index
            if not el2 and self.stage2_on():
                pa = self.walk2(pa, level)
            value = self.descriptor(pa, 1, level, sctlr >> 25 & 1)
            step = self.decode(shape, level, value, width, 1, ha)
            if step is None:
                break
            table, limits = step, limits | (0 if self.hpd else value >> 59 & 15)
        low = ones(shape.shift(level))
        byte = regs['mair_el2' if el2 else 'mair_el1'] >> 8 * field(value, 2, 3) & 0xff
        self.byte, self.share1 = byte, field(value, 8, 2)
        memory = memory1(byte)
        leaf = Leaf(value & ones(48) & ~low | va & low, memory, level)
        self.leaf1 = leaf
        new, fault, effective = value | (AF if ha else 0), None, value
        if hd and value & DBM and not (value >> 7 & 1 and access not in ('write', 'both') and
                                       self.quirk('clean-pages-that-only-stores-may-write')):
            effective &= ~(1 << 7)
        try:
            self.check_alignment(leaf, access, Fault(ALIGNMENT, 1, level))
            self.check1(effective, limits, sctlr, access, level)
        except Fault as one:
            fault = one
        if fault is None and hd and value & DBM and self.is_dirtying(access):
            new &= ~(1 << 7)
        if fault is None or new != value and not self.quirk('access-flag-with-a-fault'):
            if new != value and not el2 and self.stage2_on():
                self.walk2(ipa, level, 'write')
            self.update(pa, value, new, sctlr >> 25 & 1)
        if fault:
            raise fault
        return leaf

    def walk2(self, ipa, level, access='read'):
        """where stage 2 puts a descriptor of that level, which is to be read or written"""
        try:
            return self.stage2(ipa, access, True).output
        except Fault as fault:
            if access == 'write' and not self.quirk('wnr-of-an-update'):
                fault.is_write = True
            if fault.level != level and self.quirk('level-of-a-stage-2-fault-on-a-walk'):
                fault.level = level
            raise

    def check1(self, value, limits, sctlr, access, level):
        """AArch64.S1CheckPermissions; limits: APTable, XNTable (UXNTable), PXNTable"""
        el2, el = self.regime() == 2, self.as_el()
        wxn = sctlr >> 19 & 1
        read_only = value >> 7 & 1 or limits >> 3 & 1
        user = value >> 6 & 1 and not limits >> 2 & 1
        xn, pxn = value & UXN or limits & 2, value & PXN or limits & 1
        if el2:
            may = {'read': True, 'write': not read_only,
                   'fetch': not xn and not (wxn and not read_only)}
        elif el == 0:
            may = {'read': user, 'write': user and not read_only,
                   'fetch': not xn and not (wxn and user and not read_only)}
        else:
            pan = self.is_pan() and user
            may = {'read': not pan, 'write': not read_only and not pan,
                   'fetch': not pxn and not (user and not read_only) and
                   not (wxn and not read_only)}
        self.permit(may, access, Fault(PERMISSION, 1, level))

    def translate(self):
        """-> Leaf of the whole, or raises Fault"""
        try:
            return self.whole()
        except Fault as fault:
            self.ended = fault
            raise

    def whole(self):
        a, el2, regs = self.attempt, self.regime() == 2, self.regs
        at = layout.KIND.get(a.probe) == layout.AT
        access = 'fetch' if a.probe == 'fetch' else \
            'both' if a.probe in ('ldadd', 'cas') else \
            'write' if layout.WRITES[a.probe] else 'read'
        sctlr = regs['sctlr_el2' if el2 else 'sctlr_el1']
        # STXR comes behind an LDXR of the same address, which faults first
        if a.probe == 'stxr':
            access = 'read'
        exact = a.probe in ('ldxr', 'stxr', 'ldar', 'stlr', 'ldadd', 'cas')
        if a.probe != 'zva' and not self.is_rest and self.is_misaligned() and \
                (exact or sctlr >> 1 & 1):
            raise Fault(ALIGNMENT, 1)
        two = not el2 and self.stage2_on() and not (at and a.probe.startswith('s1e'))
        is_host = not el2 and self.hcr(27)
        if sctlr & 1 and (el2 or not self.hcr(12)) and \
                (not is_host or self.quirk('stage-1-in-spite-of-tge')):
            leaf = self.stage1(a.va, access)
        else:
            leaf = self.disabled(a.va, access, el2)
        if two:
            leaf = self.leaf2 = self.stage2(leaf.output, access, False)
        return leaf

    def check_memory(self, leaf):
        """an external abort of the access itself"""
        kind = layout.KIND.get(self.attempt.probe)
        if kind not in (layout.AT, layout.CACHE) and not RAM <= leaf.output < RAM_END:
            self.ended = Fault(EXTERNAL, 1)
            raise self.ended

    def disabled(self, va, access, el2):
        """AArch64.S1DisabledOutput"""
        tcr = self.regs['tcr_el2' if el2 else 'tcr_el1']
        tbi = tcr >> (20 if el2 else 37 + (va >> 55 & 1)) & 1
        address = va & ones(56) if tbi else va
        if address >> self.machine.pa_bits:
            raise Fault(ADDRESS_SIZE, 1, 0)
        memory = WRITE_BACK if self.hcr(12) and not el2 else 0
        self.leaf1 = leaf = Leaf(address, memory)
        self.byte, self.share1 = memory, 0
        self.check_alignment(leaf, access, Fault(ALIGNMENT, 1))
        return leaf
