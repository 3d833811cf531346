"""What was seen: granule x level x fault x stage, counted from Armillary's records."""
import layout
from tables import Shape
from values import granule0, granule1

KINDS = {0: 'address size', 1: 'translation', 2: 'access flag', 3: 'permission',
         5: 'external on walk'}
EL1, EL2, STAGE2, WALK = 'stage 1 of EL1&0', 'stage 1 of EL2', 'stage 2', \
    'stage 2 on a walk of stage 1'
STAGES = (EL1, EL2, STAGE2, WALK)


def fault(attempt, record):
    """-> (status, stage) or None"""
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


def keys(case, attempt, record, machine):
    yield 'translations'
    yield f'probe {attempt.probe} at EL{attempt.el}'
    found = fault(attempt, record)
    if found is None:
        spot = attempt.about
        if spot and spot.path1:
            stage = EL2 if attempt.el == 2 and 'e1' not in attempt.probe and \
                'e0' not in attempt.probe else EL1
            yield key(spot.shape1.granule, spot.path1[-1].level, 'done', stage)
        if spot and spot.path2 and not attempt.probe.startswith('s1'):
            yield key(spot.shape2.granule, spot.path2[-1].level, 'done', STAGE2)
        return
    status, stage = found
    if status == 0x21:
        yield f'alignment, {stage}'
    elif status == 0x10:
        yield 'external abort on the access'
    elif status >> 2 in KINDS:
        yield key(granule(case, attempt, stage, machine), status & 3, KINDS[status >> 2], stage)
    else:
        yield f'status {status:#x}'


def key(size, level, what, stage):
    return f'{1 << size - 10} KiB, level {level}: {what}, {stage}'


def targets(machine):
    """-> [(granule, level, what, stage)] that a full run must see"""
    out = []
    for size in machine.granules:
        shape = Shape(size, 48)
        first = {12: 0 if machine.pa_bits >= 44 else 1, 14: 1 if machine.pa_bits >= 42 else 2,
                 16: 1 if machine.pa_bits >= 44 else 2}
        for stage in STAGES:
            start = shape.start if stage in (EL1, EL2) else first[size]
            for level in range(start, 4):
                kinds = ['translation', 'address size']
                # what EL2 runs with has a first table
                kinds += ['external on walk'] * (stage != EL2 or level > shape.start)
                if level in shape.leaf_levels():
                    kinds += ['access flag', 'permission'] + ['done'] * (stage != WALK)
                out += [(size, level, kind, stage) for kind in kinds]
    return out


def possible(machine):
    """all that a full run must see"""
    return ['external abort on the access', *(f'alignment, {s}' for s in (EL1, EL2, STAGE2)),
            *(key(*one) for one in targets(machine))]


def report(seen, machine, least, verbose):
    """prints; -> what was seen less often than so"""
    wanted = possible(machine)
    counts = [seen[k] for k in wanted]
    print(f'granule x level x fault x stage: {sum(c > 0 for c in counts)} of {len(wanted)} seen, '
          f'each at least {min(counts)} times')
    if verbose:
        for name in sorted(seen):
            print(f'  {name}: {seen[name]}')
        for name in wanted:
            if not seen[name]:
                print(f'  {name}: never')
    return [name for name in wanted if seen[name] < least]
