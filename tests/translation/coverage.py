"""What was seen, counted from Armillary's records: walks (granule x first level x level x outcome x
stage), instructions (level x instruction x outcome x stage), and by aspects.py memory types and
what registers and descriptors may say. `possible` is what a full run must see.
"""
import aspects
import layout
from expect import Expected
from tables import Shape, stage2_first
from values import granule0, granule1

KINDS = {0: 'address size', 1: 'translation', 2: 'access flag', 3: 'permission',
         5: 'external on walk'}
EL1, EL2, STAGE2, WALK = 'stage 1 of EL1&0', 'stage 1 of EL2', 'stage 2', \
    'stage 2 on a walk of stage 1'
STAGES = (EL1, EL2, STAGE2, WALK)
OTHER = {0x21: 'alignment', 0x10: 'external'}

# Instructions that a walk cannot tell apart.
FAMILY = {'ldr': 'load', 'ldrb': 'load', 'ldrsh': 'load', 'str': 'store', 'strh': 'store',
          'ldtr': 'unprivileged', 'ldtrb': 'unprivileged', 'sttr': 'unprivileged',
          'sttrh': 'unprivileged', 'ldp': 'pair', 'stp': 'pair', 'ldxr': 'exclusive',
          'stxr': 'exclusive', 'ldar': 'ordered', 'stlr': 'ordered',
          'cvac': 'maintenance', 'civac': 'maintenance', 'ivac': 'maintenance',
          'cvau': 'maintenance', 'ivau': 'maintenance', 'zva': 'DC ZVA', 'ldadd': 'atomic',
          'cas': 'atomic', 'fetch': 'fetch', 'prfm': 'PRFM'}
FAMILY.update({name: f'AT {name.upper()}' for name, kind in layout.KIND.items()
               if kind == layout.AT})


def fault(case, attempt, record, machine):
    """-> (status, stage) or None"""
    found = told(attempt, record)
    if found and record.esr_el2 >> 26 in (0x20, 0x21, 0x24, 0x25) and \
            (layout.KIND.get(attempt.probe) == layout.AT or case.registers['hcr_el2'] >> 27 & 1):
        one = Expected(case, machine, attempt).fault    # the syndrome does not tell the stage
        if one is None or one.status() != found[0]:
            return None
        return found[0], (WALK if one.on_walk else STAGE2) if one.stage == 2 else \
            EL2 if 'e2' in attempt.probe or attempt.el == 2 and \
            layout.KIND.get(attempt.probe) != layout.AT else EL1
    return found


def told(attempt, record):
    """the same as far as the record tells it"""
    if layout.KIND.get(attempt.probe) == layout.AT and record.elr == attempt.pc + 16:
        par = record.value
        if not par & 1:
            return None
        stage = (WALK if par >> 8 & 1 else STAGE2) if par >> 9 & 1 else \
            EL2 if 'e2' in attempt.probe else EL1
        return par >> 1 & 0x3f, stage
    for esr in (record.esr_el1, record.esr_el2):
        if esr >> 26 in (0x20, 0x21, 0x24, 0x25):
            if esr == record.esr_el1:
                stage = EL1
            elif attempt.el == 2:
                stage = EL2
            else:
                stage = WALK if esr >> 7 & 1 else STAGE2
            return esr & 0x3f, stage
    return None


def granule(case, attempt, stage, machine):
    regs = case.registers
    if stage == EL2:
        return granule0(machine, regs['tcr_el2'] >> 14 & 3)
    if stage in (STAGE2, WALK):
        return granule0(machine, regs['vtcr_el2'] >> 14 & 3)
    if attempt.va >> 55 & 1:
        return granule1(machine, regs['tcr_el1'] >> 30 & 3)
    return granule0(machine, regs['tcr_el1'] >> 14 & 3)


def is_own_fetch(attempt, record):
    """the probe itself, or the vector, was out of reach"""
    return record.esr_el2 >> 26 == 0x20 and attempt.probe != 'fetch'


def keys(case, attempt, record, machine):
    yield ('translations',)
    found, spot = fault(case, attempt, record, machine), attempt.about
    if is_own_fetch(attempt, record) or spot is None:
        return
    yield from aspects.keys(case, attempt, record, found)
    family = FAMILY[attempt.probe]
    if found is None:
        yield ('instruction', attempt.el, family, 'done', '')
        if spot.path1:
            stage = EL2 if attempt.el == 2 and 'e1' not in attempt.probe and \
                'e0' not in attempt.probe else EL1
            yield ('walk', spot.shape1.granule, spot.shape1.start, spot.path1[-1].level, 'done',
                   stage)
        if spot.path2 and not attempt.probe.startswith('s1e'):
            yield ('walk', spot.shape2.granule, spot.shape2.start, spot.path2[-1].level, 'done',
                   STAGE2)
        return
    status, stage = found
    what = OTHER.get(status) or KINDS.get(status >> 2, f'status {status:#x}')
    yield ('instruction', attempt.el, family, what, stage)
    if status not in OTHER:
        shape = spot.shape2 if stage in (STAGE2, WALK) else spot.shape1
        size = granule(case, attempt, stage, machine)
        if shape and shape.granule == size and shape.start <= status & 3:
            yield ('walk', size, shape.start, status & 3, what, stage)
        else:
            yield ('before a walk', size, what, stage)


def targets(machine):
    """-> [(granule, first level, level, what, stage)] that a full run must see"""
    out = []
    for size in machine.granules:
        for stage in STAGES:
            first = Shape(size, 48).start if stage in (EL1, EL2) else \
                stage2_first(size, machine.pa_bits)
            last = Shape(size, 25).start if stage in (EL1, EL2) else 2 if size == 12 else 3
            for start in range(first, last + 1):
                for level in range(start, 4):
                    # a narrow range is one table, or at stage 2 reached by wide addresses only
                    kinds = ['translation', 'address size']
                    # what EL2 runs with has a first table
                    kinds += ['external on walk'] * (stage != EL2 or level > start)
                    if level in Shape(size, 48, start).leaf_levels():
                        kinds += ['access flag', 'permission'] + ['done'] * (stage != WALK)
                    out += [(size, start, level, kind, stage) for kind in kinds]
    return out


def instructions(machine):
    """-> the keys of instructions that a full run must see"""
    walked = ['translation', 'address size', 'access flag', 'permission', 'external on walk']
    for probe, family in FAMILY.items():
        kind = layout.KIND.get(probe)
        if family == 'atomic' and 'lse' not in machine.features or \
                kind == layout.AT and probe[-1] == 'p' and 'pan2' not in machine.features:
            continue
        for el in (2,) if kind == layout.AT else (0, 1, 2):
            own = EL2 if 'e2' in probe or kind != layout.AT and el == 2 else EL1
            stages = [own] + ([STAGE2] if own == EL1 and not probe.startswith('s1e') else []) + \
                ([WALK] if own == EL1 else [])
            yield ('instruction', el, family, 'done', '')
            if family == 'PRFM':
                continue
            for stage in stages:
                for what in walked:
                    if what != 'permission' or stage != own or may_lack(probe, el, machine):
                        yield ('instruction', el, family, what, stage)
            if kind in (layout.LOAD, layout.STORE, layout.BOTH):
                yield ('instruction', el, family, 'external', own)
                yield ('instruction', el, family, 'alignment', own)
                if own == EL1 and family not in ('exclusive', 'ordered', 'atomic'):
                    yield ('instruction', el, family, 'alignment', STAGE2)


def may_lack(probe, el, machine):
    """can stage 1 forbid it? EL2 and, but for PAN, EL1 read everything"""
    if layout.KIND.get(probe) == layout.AT:
        return 'e0' in probe or layout.WRITES[probe] or probe[-1] == 'p'
    if layout.WRITES.get(probe, True) or el == 0:
        return True
    return el == 1 and 'pan' in machine.features and layout.KIND[probe] != layout.CACHE


def possible(machine):
    """the keys of all that a full run must see"""
    return {*(('walk', *one) for one in targets(machine)), *instructions(machine),
            *aspects.possible(machine)}


def text(key):
    """for people"""
    kind, *rest = key
    if kind == 'walk':
        size, start, level, what, stage = rest
        return f'{1 << size - 10} KiB from level {start}, level {level}: {what}, {stage}'
    if kind == 'instruction':
        el, family, what, stage = rest
        return f'{family} at EL{el}: {what}{", " if stage else ""}{stage}'
    return ': '.join(str(one) for one in key)


def report(seen, wanted, least, verbose):
    """prints; -> what was seen less often than so"""
    for kind in sorted({key[0] for key in wanted}):
        counts = [seen[key] for key in wanted if key[0] == kind]
        print(f'coverage, {kind}: {sum(c > 0 for c in counts)} of {len(counts)} seen, '
              f'each at least {min(counts)} times')
    if verbose:
        for key in sorted(seen, key=str):
            print(f'  {text(key)}: {seen[key]}{"" if key in wanted else " (not asked for)"}')
        for key in sorted(wanted - seen.keys(), key=str):
            print(f'  {text(key)}: never')
    return [f'{text(key)} ({seen[key]})' for key in sorted(wanted, key=str) if seen[key] < least]
