"""More of what was seen: the memory types of both stages in what AT tells, and whatever else
registers and descriptors may say, each as a row: a name, what it needs, and when it is there.
"""
import layout
from tables import Shape, ones
from values import CONTIGUOUS, NG, stage2_shapes

PAN, UAO = 1 << 22, 1 << 23
DONE, FAULT, ANY = 'done', 'fault', 'tried'


def kind_of(byte):
    """a byte of MAIR_ELx"""
    if byte & 0xf0 == 0:
        return {0: 'nGnRnE', 4: 'nGnRE', 8: 'nGRE', 12: 'GRE'}.get(byte, 'reserved')
    if byte & 15 == 0:
        return 'reserved'
    if byte >> 4 != byte & 15:
        return 'mixed'
    nibble = byte & 15
    return 'Non-cacheable' if nibble == 4 else 'transient' if nibble < 8 else \
        'Write-Through' if nibble < 12 else 'Write-Back'


KINDS = ('nGnRnE', 'nGnRE', 'nGRE', 'GRE', 'reserved', 'mixed', 'Non-cacheable', 'transient',
         'Write-Through', 'Write-Back')


class View:
    """an attempt as the rows look at it"""

    def __init__(self, case, attempt, record, found):
        self.case, self.attempt, self.record, self.found = case, attempt, record, found
        self.regs, self.spot = case.registers, attempt.about
        self.at = layout.KIND.get(attempt.probe) == layout.AT
        self.el2 = 'e2' in attempt.probe if self.at else attempt.el == 2
        self.side = 0 if self.el2 else attempt.va >> 55 & 1
        self.leaf1 = self.spot.path1[-1] if self.spot.path1 else None
        self.leaf2 = self.spot.path2[-1] if self.spot.path2 and not self.el2 else None
        self.is_data = not self.at and attempt.probe != 'fetch' and \
            layout.KIND.get(attempt.probe) != layout.CACHE

    def hcr(self, bit):
        return self.regs['hcr_el2'] >> bit & 1

    def sctlr(self, bit):
        return self.regs['sctlr_el2' if self.el2 else 'sctlr_el1'] >> bit & 1

    def tcr(self, low, bits=1):
        return self.regs['tcr_el2' if self.el2 else 'tcr_el1'] >> low & ones(bits)

    def is_fault(self, kind, stage=None):
        return self.found and self.found[0] >> 2 == kind and stage in (None, self.found[1][:7])

    def stage2_on(self):
        return not self.el2 and (self.hcr(0) or self.hcr(12))


def is_tagged(v):
    return not v.at and v.attempt.va >> 56 != (0xff if v.side else 0) and v.sctlr(0)


def border(v):
    a = v.attempt
    return v.spot.is_border and layout.KIND.get(a.probe) in (layout.LOAD, layout.STORE) and \
        (a.va & 0xfff) + layout.SIZE[a.probe] * (2 if a.probe in ('ldp', 'stp') else 1) > 0x1000


def walks_limits(v):
    return v.spot.path1 and any(entry.value >> 59 & 15 for entry in v.spot.path1[:-1])


# name, feature that it needs or None, outcomes that must be seen, when
ROWS = [
    ('EE, stage 1 of EL1&0', 'bigend', (DONE, FAULT),
     lambda v: not v.el2 and v.sctlr(25) and v.leaf1),
    ('EE, stage 1 of EL2', 'bigend', (DONE, FAULT), lambda v: v.el2 and v.sctlr(25) and v.leaf1),
    ('EE, stage 2', 'bigend', (DONE, FAULT), lambda v: v.regs['sctlr_el2'] >> 25 & 1 and v.leaf2),
    ('EE, stage 1 big-endian, stage 2 not', 'bigend', (DONE,), lambda v: v.leaf1 and v.leaf2 and
     v.sctlr(25) and not v.regs['sctlr_el2'] >> 25 & 1),
    ('E0E, data of EL0', 'bigend', (DONE,),
     lambda v: v.is_data and v.attempt.el == 0 and v.regs['sctlr_el1'] >> 24 & 1),
    ('E0E, unprivileged data of EL1', 'bigend', (DONE,), lambda v: v.attempt.el == 1 and
     v.attempt.probe in ('ldtr', 'sttr', 'sttrh') and
     (v.regs['sctlr_el1'] >> 24 ^ v.regs['sctlr_el1'] >> 25) & 1),
    ('a tag with TBI0', None, (DONE,),
     lambda v: not v.el2 and not v.side and v.tcr(37) and is_tagged(v)),
    ('a tag with TBI1', None, (DONE,),
     lambda v: not v.el2 and v.side and v.tcr(38) and is_tagged(v)),
    ('a tag with TBI of EL2', None, (DONE,), lambda v: v.el2 and v.tcr(20) and is_tagged(v)),
    ('a tag without TBI0', None, (FAULT,),
     lambda v: not v.el2 and not v.side and not v.tcr(37) and is_tagged(v)),
    ('a tag without TBI1', None, (FAULT,),
     lambda v: not v.el2 and v.side and not v.tcr(38) and is_tagged(v)),
    ('a tag without TBI of EL2', None, (FAULT,),
     lambda v: v.el2 and not v.tcr(20) and is_tagged(v)),
    ('EPD0', None, (FAULT,), lambda v: not v.el2 and not v.side and v.tcr(7) and v.sctlr(0)),
    ('EPD1', None, (FAULT,), lambda v: not v.el2 and v.side and v.tcr(23) and v.sctlr(0)),
    ('HPD0', 'hpds', (DONE, FAULT),
     lambda v: not v.el2 and not v.side and v.tcr(41) and walks_limits(v)),
    ('HPD1', 'hpds', (DONE, FAULT),
     lambda v: not v.el2 and v.side and v.tcr(42) and walks_limits(v)),
    ('HPD of EL2', 'hpds', (DONE, FAULT), lambda v: v.el2 and v.tcr(24) and walks_limits(v)),
    ('limits of tables, EL1&0', None, (DONE, FAULT), lambda v: not v.el2 and walks_limits(v)),
    ('limits of tables, EL2', None, (DONE, FAULT), lambda v: v.el2 and walks_limits(v)),
    ('WXN, EL1&0', None, (DONE, FAULT),
     lambda v: not v.el2 and v.sctlr(19) and v.attempt.probe == 'fetch'),
    ('WXN, EL2', None, (DONE, FAULT), lambda v: v.el2 and v.sctlr(19) and v.attempt.probe == 'fetch'),
    ('A1', None, (DONE,), lambda v: not v.el2 and v.tcr(22) and v.leaf1),
    ('another ASID', None, (DONE, FAULT), lambda v: v.spot.context and
     v.spot.context[2] == v.regs['vttbr_el2'] and not v.el2),
    ('another ASID of 16 bits', None, (DONE, FAULT), lambda v: v.spot.context and
     v.spot.context[2] == v.regs['vttbr_el2'] and not v.el2 and v.tcr(36)),
    ('another VMID', None, (DONE, FAULT), lambda v: v.spot.context and
     v.spot.context[2] != v.regs['vttbr_el2']),
    ('another VMID of 16 bits', 'vmid16', (DONE, FAULT), lambda v: v.spot.context and
     v.spot.context[2] != v.regs['vttbr_el2'] and v.regs['vtcr_el2'] >> 19 & 1),
    ('nG', None, (DONE,), lambda v: not v.el2 and v.leaf1 and v.leaf1.value & NG),
    ('across a page border, EL0', None, (DONE,), lambda v: border(v) and v.attempt.el == 0),
    ('across a page border, EL1', None, (DONE,), lambda v: border(v) and v.attempt.el == 1),
    ('across a page border, EL2', None, (DONE,), lambda v: border(v) and v.attempt.el == 2),
    ('across a page border, a fault of the first page', None, (FAULT,),
     lambda v: border(v) and v.record.far == v.attempt.va),
    ('across a page border, a fault of the second page', None, (FAULT,),
     lambda v: border(v) and v.record.far & 0xfff == 0),
    ('DC with VM', None, (DONE, FAULT), lambda v: not v.el2 and v.hcr(12) and v.hcr(0)),
    ('DC without VM', None, (DONE, FAULT), lambda v: not v.el2 and v.hcr(12) and not v.hcr(0)),
    ('TGE, AT', None, (DONE, FAULT), lambda v: not v.el2 and v.hcr(27) and v.at),
    ('TGE, accesses', None, (DONE, FAULT), lambda v: not v.el2 and v.hcr(27) and not v.at),
    ('TGE with M', None, (DONE,), lambda v: not v.el2 and v.hcr(27) and v.sctlr(0)),
    ('PTW', None, (DONE,), lambda v: not v.el2 and v.hcr(2) and v.leaf1),
    ('PTW, permission fault on a walk', None, (FAULT,), lambda v: not v.el2 and v.hcr(2) and
     v.is_fault(3, 'stage 2') and v.found[1] != 'stage 2'),
    ('CD', None, (DONE,), lambda v: v.stage2_on() and v.hcr(32) and v.at),
    ('ID', None, (DONE,), lambda v: v.stage2_on() and v.hcr(33) and v.attempt.probe == 'fetch'),
    ('contiguous, stage 2', None, (DONE,), lambda v: v.leaf2 and v.leaf2.value & CONTIGUOUS),
    ('PAN', 'pan', (DONE, FAULT),
     lambda v: v.attempt.el == 1 and v.attempt.spsr & PAN and v.is_data),
    ('AT that respects PAN', 'pan2', (DONE, FAULT),
     lambda v: v.attempt.probe[-1] == 'p' and v.at and v.attempt.spsr & PAN),
    ('UAO', 'uao', (DONE, FAULT), lambda v: v.attempt.el == 1 and v.attempt.spsr & UAO and
     v.attempt.probe in ('ldtr', 'sttr', 'ldtrb', 'sttrh')),
    ('updates of stage 1 of EL1&0', 'hafdbs', (DONE, FAULT),
     lambda v: not v.el2 and v.tcr(39) and v.leaf1),
    ('updates with dirty state, EL1&0', 'hafdbs', (DONE, FAULT),
     lambda v: not v.el2 and v.tcr(39, 2) == 3 and v.leaf1),
    ('updates of stage 1 of EL2', 'hafdbs', (DONE, FAULT),
     lambda v: v.el2 and v.tcr(21) and v.leaf1),
    ('updates with dirty state, EL2', 'hafdbs', (DONE, FAULT),
     lambda v: v.el2 and v.tcr(21, 2) == 3 and v.leaf1),
    ('updates of stage 2', 'hafdbs', (DONE, FAULT),
     lambda v: v.leaf2 and v.regs['vtcr_el2'] >> 21 & 1),
    ('updates with dirty state, stage 2', 'hafdbs', (DONE, FAULT),
     lambda v: v.leaf2 and v.regs['vtcr_el2'] >> 21 & 3 == 3),
    ('updates of both stages', 'hafdbs', (DONE, FAULT),
     lambda v: v.leaf1 and v.leaf2 and v.tcr(39) and v.regs['vtcr_el2'] >> 21 & 1),
    ('a descriptor that is its own table', None, (ANY,),
     lambda v: any(e in v.case.recursive for e in (*v.spot.path1, *v.spot.path2))),
    ('A, misaligned', None, (FAULT,),
     lambda v: v.sctlr(1) and v.is_data and v.found and v.found[0] == 0x21),
] + [(f'XN[1:0] of stage 2 is {xn}, fetch of EL{el}', 'xnx', (outcome,),
      lambda v, xn=xn, el=el: v.leaf2 and v.attempt.probe == 'fetch' and v.attempt.el == el and
      v.leaf2.value >> 53 & 3 == xn)
     for el in (0, 1) for xn, outcome in enumerate((DONE, FAULT if el else DONE, FAULT,
                                                    DONE if el else FAULT))]


def keys(case, attempt, record, found):
    v = View(case, attempt, record, found)
    for name, _, outcomes, when in ROWS:
        if when(v):
            outcome = ANY if outcomes == (ANY,) else FAULT if found else DONE
            yield ('register or descriptor', name, outcome)
    t0sz = v.tcr(16 * v.side, 6)
    if v.leaf1:
        yield ('input size', 'EL2' if v.el2 else f'TTBR{v.side}_EL1', t0sz)
        if v.leaf1.value & CONTIGUOUS and not found:
            yield ('contiguous', v.spot.shape1.granule, v.leaf1.level)
    if v.stage2_on() and not v.attempt.probe.startswith('s1e') or \
            v.found and v.found[1][:7] == 'stage 2':
        yield from keys_of_stage2(v)
    if v.at and not found:
        yield ('memory', type1(v), type2(v))


def keys_of_stage2(v):
    vtcr, shape = v.regs['vtcr_el2'], v.spot.shape2
    if shape is None:
        return
    if 64 - (vtcr & 63) == shape.bits and vtcr >> 6 & 3 == (2 if shape.granule == 12 else 3) - shape.start:
        reach = shape.bits - shape.shift(shape.start)
        yield ('tables side by side', shape.granule, shape.start,
               1 << max(0, reach - shape.stride))
    elif v.found and v.found[1][:7] == 'stage 2' and v.found[0] == 4:
        yield ('SL0 that does not go with T0SZ', {0: 12, 1: 16, 2: 14}.get(vtcr >> 14 & 3, 0),
               vtcr >> 6 & 3)


def type1(v):
    if not v.leaf1 or not v.sctlr(0):
        return 'DC' if v.hcr(12) and not v.el2 else 'off'
    mair = v.regs['mair_el2' if v.el2 else 'mair_el1']
    return kind_of(mair >> 8 * (v.leaf1.value >> 2 & 7) & 0xff)


def type2(v):
    if v.attempt.probe.startswith('s1e') or not v.stage2_on() or not v.leaf2:
        return 'none'
    return v.leaf2.value >> 2 & 15


def possible(machine):
    out = {('register or descriptor', name, outcome) for name, needs, outcomes, _ in ROWS
           if needs is None or needs in machine.features for outcome in outcomes}
    out |= {('input size', name, n) for name in ('EL2', 'TTBR0_EL1', 'TTBR1_EL1')
            for n in range(16, 40)}
    out |= {('memory', one, two) for one in KINDS for two in ('none', *range(16))}
    out |= {('memory', one, two) for one in ('off', 'DC') for two in range(16)}
    for size in machine.granules:
        out |= {('contiguous', size, level) for level in Shape(size, 48).leaf_levels()}
        for start, bits in stage2_shapes(size, machine.pa_bits):
            reach = bits - Shape(size, bits, start).shift(start)
            out.add(('tables side by side', size, start, 1 << max(0, reach - size + 3)))
        for sl0 in range(4):
            out.add(('SL0 that does not go with T0SZ', size, sl0))
    return out
