#!/usr/bin/env python3
"""The GICv2 beside qemu-system-aarch64: random programs of accesses to GICD, GICC, GICH and GICV, with SGIs, timers,
acknowledges, ends and windows in which interrupts are taken, run as one guest on both, one CPU or two in turn. Every
value must be the same, or be held to what it has to do with the other by an entry of DIFFERENCES. What would lead to
other states is left out of the random programs; directed ones (gic_probes.py) show each of these cases, with the values
of both sides. Prints TAP; with LONG set, more of it.
"""
import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import gic_probes
from gic_program import (ACKNOWLEDGE, ADDRESS, DEACTIVATE, END_LAST, LISTS, READ, READ_BYTE, ROWS, WINDOW,
                         WINDOW_EL1, WRITE, Program, name_of)

SOURCE = os.environ.get('SOURCE', '.')
BUILD = os.environ.get('BUILD', 'build')
LONG = bool(os.environ.get('LONG'))
CROSS = 'aarch64-linux-gnu-gcc'
QEMU = 'qemu-system-aarch64'
FLAGS = ['-std=gnu11', '-O2', '-ffreestanding', '-march=armv8-a', '-mstrict-align', '-fno-pic', '-fno-pie',
         '-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-fno-tree-loop-distribute-patterns',
         '-mgeneral-regs-only', '-static', '-nostdlib', '-Wall', '-Wextra', '-Werror', '-Wl,--build-id=none,-N',
         '-Wl,-z,noexecstack,-Ttext=0x40200000,--no-warn-rwx-segments']
SEEDS, ACCESSES = (16, 15000) if LONG else (3, 9000)
ACCESSES_OF_ROW = 100


def logged(operations):
    """-> for each value printed, (index of its operation, whether it is the second of a window)"""
    places = []
    for i, (kind, *_) in enumerate(operations):
        if kind in (READ, READ_BYTE, ACKNOWLEDGE, END_LAST, DEACTIVATE):
            places.append((i, 0))
        elif kind in (WINDOW, WINDOW_EL1):
            places += [(i, 0), (i, 1)]
    return places


NAMES = ('end', 'read', 'read byte', 'write', 'write byte', 'acknowledge', 'end last', 'deactivate', 'window',
         'window EL1', 'timer', 'forget')


def said(operation):
    kind, cpu, argument, address, value = operation
    name, word = name_of(address) if address else ('', 0)
    return f'cpu {cpu}: {NAMES[kind]} {argument} {name}[{word:#x}] {value:#x}'


def run(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                            timeout=600, check=False)
    return result.returncode, [int(line, 16) for line in re.findall(rb'^[0-9a-f]{8}$', result.stdout, re.MULTILINE)], \
        result.stdout


def build(folder, program, name='gic'):
    with open(f'{folder}/table.bin', 'wb') as f:
        f.write(program.table())
    elf = f'{folder}/{name}.elf'
    subprocess.run([CROSS, *FLAGS, f'-Wa,-I{folder}', '-o', elf, f'{SOURCE}/tests/guest/gic.S',
                    f'{SOURCE}/tests/guest/gic.c'], check=True)
    return elf


def on_both(folder, program):
    elf = build(folder, program)
    cpus = str(program.cpus)
    here = run([f'{BUILD}/armillary', 'run', elf, '--cpus', cpus])
    there = run([QEMU, '-M', 'virt,virtualization=on,gic-version=2', '-cpu', 'cortex-a57', '-smp', cpus, '-global',
                 'arm_gic.num-priority-bits=5', '-net', 'none', '-display', 'none', '-serial', 'null', '-monitor',
                 'none', '-semihosting-config', 'enable=on,target=native', '-kernel', elf])
    return here, there


# Values that differ in the random programs, and nothing else of the machine. IHI 0048B.b is what decides.
DIFFERENCES = {
    'identification': 'GICD_IIDR, GICC_IIDR, GICV_IIDR: product and revision are those of no product on QEMU '
                      '(IMPLEMENTATION DEFINED; here the GIC-400)',
    'no-aliases': 'GICx_AIAR and GICx_AHPPIR read as 0 on QEMU and do nothing: they are registers of every GICv2 with '
                  'interrupt groups, and show 1023 where there is nothing for them',
    'no-line-status': 'GICD_PPISR and GICD_SPISR read as 0 on QEMU (IMPLEMENTATION DEFINED; here the GIC-400)',
    'active-priorities': 'GICC_APRn and GICC_NSAPRn have 128 levels on QEMU whatever the bits of priority are: with '
                         'five bits there are 32, in one register',
    '1022-of-too-low-a-priority': 'GICx_IAR on QEMU gives 1022 for a Group 1 interrupt that is hidden by AckCtl = 0 '
                                  'also where its priority does not suffice: then it is 1023 (Special interrupt '
                                  'numbers: 1022 only for an interrupt that could be signalled)',
    'source-in-hppir': 'GICx_HPPIR of an SGI has no CPUID on QEMU: it is the one that GICx_IAR would give',
    'least-binary-point': 'GICC_BPR and GICC_ABPR below the least value, 2 and 3 for five bits of priority, become it; '
                          'QEMU keeps what is written, which splits the priorities alike',
    'bypass-bits': 'GICC_CTLR[8:5], FIQBypDisGrp0 and so on, keep what is written; on QEMU they are 0',
    'targets-without-cpu': 'GICD_ITARGETSR on QEMU keeps bits of CPU interfaces that are not there: RAZ/WI',
}


def spread(value, word):
    """one word of active priorities of five bits as QEMU has it: each level stands four places further on"""
    return sum(1 << 4 * bit for bit in range(8) if value >> 8 * word + bit & 1)


class Relations:
    """what a value here and one on QEMU may have to do with each other, in the order of a program"""

    def __init__(self, cpus):
        self.present = (1 << cpus) - 1
        self.active = {}  # last reading of a word of active priorities here

    def of(self, operation, here, there):
        """the entry that excuses a difference, or None"""
        kind, _, _, address, _ = operation
        name, word = name_of(address)
        short = name[5:]
        for base in ('GICC_APR0', 'GICC_NSAPR0'):
            index = (address - ADDRESS[base]) // 4
            if kind == READ and 0 <= index < 4:
                if index == 0:
                    self.active[base] = here
                expected = self.active[base] if index == 0 else 0
                if here == expected and there == spread(self.active[base], index):
                    return 'active-priorities' if here != there else ''
                return None
        if here == there:
            return ''
        if short == 'IIDR' and (here, there) in ((0x200143b, 0x43b), (0x202143b, 0x2043b)):
            return 'identification'
        if short in ('AIAR', 'AHPPIR') and (here, there) == (1023, 0):
            return 'no-aliases'
        if name in ('GICD_PPISR', 'GICD_SPISR') and there == 0:
            return 'no-line-status'
        if kind == ACKNOWLEDGE and (here, there) == (1023, 1022):
            return '1022-of-too-low-a-priority'
        if short == 'HPPIR' and here & 0x3ff < 16 and there == here & 0x3ff:
            return 'source-in-hppir'
        if name in ('GICC_BPR', 'GICC_ABPR') and there < here == (3 if short == 'ABPR' else 2):
            return 'least-binary-point'
        if name == 'GICC_CTLR' and here & ~0x1e0 == there:
            return 'bypass-bits'
        if name == 'GICD_ITARGETSR' and here == there & self.present * 0x1010101:
            return 'targets-without-cpu'
        return None


STATES = 'invalid', 'pending', 'active', 'pending and active'
ENDS = ((2, 0), (3, 1))  # what an end of interrupt does to a list register
WANTED_TRANSITIONS = {('write', a, b) for a in range(4) for b in range(4)} | \
    {('acknowledge', 1, 2), ('window EL1', 1, 2)} | \
    {(how, *ab) for how in ('end last', 'deactivate', 'GICV_EOIR', 'GICV_DIR') for ab in ENDS}


def transitions(operations, values):
    """-> what list registers have come from and to, by what, where it was looked at before and behind"""
    seen = collections.Counter()
    by_operation = collections.defaultdict(list)
    for (i, _), value in zip(logged(operations), values):
        by_operation[i].append(value)

    def look(first):
        """the list registers as read by four operations"""
        for n in range(LISTS):
            if not 0 <= first + n < len(operations) or \
                    operations[first + n][0::3][:2] != (READ, ADDRESS['GICH_LR'] + 4 * n):
                return None
        return [by_operation[first + n][0] >> 28 & 3 for n in range(LISTS)]

    for i, (kind, cpu, _, address, _) in enumerate(operations):
        before, after = look(i - LISTS), look(i + 1)
        if before is None or after is None or operations[i - 1][1] != cpu:
            continue
        name, word = name_of(address) if address else ('', 0)
        how = name if kind == WRITE and name.startswith('GICV') else NAMES[kind]
        for n in range(LISTS):
            if before[n] != after[n] or (name == 'GICH_LR' and word == n):
                seen[how, before[n], after[n]] += 1
    return seen


def check(folder, program):
    """-> problems, accesses of each row, hits of each entry, transitions, interrupts taken"""
    (status, here, said_here), (other_status, there, said_there) = on_both(folder, program)
    rows_hit, hits = program.rows_hit, collections.Counter()
    places = logged(program.operations)
    if status or other_status or len(here) != len(places) or len(there) != len(places):
        return [f'status {status} here, {other_status} on QEMU; {len(here)} and {len(there)} values of {len(places)}',
                repr(said_here[-200:]), repr(said_there[-200:])], rows_hit, hits, collections.Counter(), 0
    relations, problems, taken = Relations(program.cpus), [], 0
    for (i, second), a, b in zip(places, here, there):
        operation = program.operations[i]
        entry = relations.of(operation, a, b)
        if entry is None:
            problems = [f'{said(o)}' for o in program.operations[max(0, i - 40):i]]
            problems.append(f'operation {i}, {said(operation)}: {a:#x} here, {b:#x} on QEMU')
            break
        hits[entry] += entry != ''
        taken += operation[0] in (WINDOW, WINDOW_EL1) and not second and a != 0
    seen, other_seen = transitions(program.operations, here), transitions(program.operations, there)
    if not problems and seen != other_seen:
        problems.append('list registers go other ways')
    return problems, rows_hit, hits, seen, taken


def check_probes(folder):
    """-> problems, hits of the entries: values that differ as they say"""
    problems, hits = [], collections.Counter()
    for cpus in (1, 2):
        program, owners = gic_probes.program_of(cpus)
        (status, here, _), (other_status, there, _) = on_both(folder, program)
        places = logged(program.operations)
        if status or other_status or len({len(v) for v in (here, there, places, program.expected, owners)}) != 1:
            return [f'{cpus} CPUs: status {status} here, {other_status} on QEMU'], hits
        for (i, _), owner, wanted, *found in zip(places, owners, program.expected, here, there):
            if tuple(found) != wanted:
                problems.append(f'{owner}, {said(program.operations[i])}: {found[0]:#x} here, {found[1]:#x} on QEMU; '
                                f'{wanted[0]:#x} and {wanted[1]:#x} are meant')
            hits[owner] += found[0] != found[1]
    return problems, hits


def result(number, problems, what):
    print(f'{"not ok" if problems else "ok"} {number} - {what}')
    for problem in problems:
        print(f'# {problem}')
    sys.stdout.flush()


def main():
    for tool in (CROSS, QEMU):
        if not shutil.which(tool):
            print(f'1..0 # SKIP {tool} is not installed')
            return
    print(f'1..{SEEDS + 4}')
    rows_hit, hits, seen, total, interrupts = (collections.Counter(), collections.Counter(), collections.Counter(), 0,
                                               0)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, SEEDS + 1):
            program = Program(random.Random(seed), 1 + seed % 2)
            while sum(1 for o in program.operations if o[3]) < ACCESSES:
                program.episode(1000)
            problems, r, h, t, taken = check(folder, program)
            accesses = sum(r.values())
            rows_hit, hits, seen = rows_hit + r, hits + h, seen + t
            total, interrupts = total + accesses, interrupts + taken
            result(seed, problems, f'{accesses} accesses, {taken} interrupts taken, {program.cpus} CPUs, seed {seed}')
        problems, probe_hits = check_probes(folder)
    few = [f'{name}: {rows_hit[name]}' for name in ROWS if rows_hit[name] < ACCESSES_OF_ROW]
    result(SEEDS + 1, few, f'every register has {ACCESSES_OF_ROW} accesses or more of {total}; {interrupts} interrupts')
    missing = [f'{how}: {STATES[a]} to {STATES[b]}' for how, a, b in sorted(WANTED_TRANSITIONS - set(seen))]
    result(SEEDS + 2, missing, f'{len(WANTED_TRANSITIONS)} transitions of list registers, '
           f'{sum(seen[t] for t in WANTED_TRANSITIONS)} times')
    never = [f'{name}: {what}' for name, what in DIFFERENCES.items() if hits[name] == 0]
    result(SEEDS + 3, never, f'each entry of the list of differences is needed: {dict(hits)}')
    problems += [f'{name}: {rule}' for name, _, rule, _ in gic_probes.PROBES if probe_hits[name] == 0]
    result(SEEDS + 4, problems, f'{len(gic_probes.PROBES)} directed programs, each with other values on QEMU: '
           f'{dict(probe_hits)}')


main()
