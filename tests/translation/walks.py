#!/usr/bin/env python3
"""Random translation tables, registers and addresses on QEMU and on Armillary: what AT says and
what accesses do must come out alike. Usage: walks.py [--seed N] [--cases N] ... (see --help).
"""
import argparse
import collections
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time

import attempts
import cases
import coverage
import expect
import layout
import listing
import machines
from image import Problem
from layout import RECORD_BYTES, Attempt, Record

CHUNK = 1500               # cases in one image
FULL = 1000000             # translations that make a full run, of all pairs of CPUs together
AT_LEAST = 100             # of everything that a full run must have seen

# Models of Armillary, QEMU's CPUs beside them, and the share of the cases in a run of all: what
# they have both is compared. (QEMU's `max` would add nothing that a model has: see README.md.)
CPUS = [('cortex-a57', 'cortex-a57', 0.3), ('neoverse-n1', 'neoverse-n1', 0.6),
        ('cortex-a53', 'cortex-a53', 0.06), ('cortex-a72', 'cortex-a72', 0.04)]

settings = None            # of this process: Settings


class Settings:
    """what does not change from chunk to chunk"""

    def __init__(self, options, model, qemu_cpu):
        self.kernel, self.folder = layout.harness(), options.folder
        self.program, self.model, self.qemu_cpu = options.program, model, qemu_cpu
        self.engine = options.engine
        self.list = listing.List(options.without)
        self.machine = self.probe()

    def both(self, made, name):
        """-> log of QEMU, log of Armillary"""
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(layout.build(self.kernel, made))
        theirs = machines.on_qemu(path, self.qemu_cpu)
        ours, why = machines.on_armillary(self.program, path, self.model, self.engine)
        if ours is None:
            raise Problem(f'{path} stopped Armillary: {why}')
        wanted = RECORD_BYTES * sum(len(case.attempts) for case in made)
        for log, who in ((theirs, 'QEMU'), (ours, 'Armillary')):
            if len(log) != wanted:
                raise Problem(f'{path}: {len(log)} bytes from {who}, not {wanted}')
        os.remove(path)
        return theirs, ours

    def probe(self):
        """what the identification registers of both say"""
        case = cases.Case()
        for name in ('mmfr0', 'mmfr1', 'mmfr2'):
            pc = layout.PAGE + layout.PROBES[2] + 16 * layout.NUMBER[name]
            case.attempts.append(Attempt(name, 2, attempts.SPSR[2], pc, 0))
        logs = self.both([case], 'probe.elf')
        values = [[Record(log[n * RECORD_BYTES:(n + 1) * RECORD_BYTES]).value for n in range(3)]
                  for log in logs]
        return cases.Machine(*values)


def describe(case, attempt, theirs, ours, s):
    """the whole story of a mismatch"""
    out = [f'mismatch: {attempt.probe} at EL{attempt.el}, address {attempt.va:#x}, PSTATE '
           f'{attempt.spsr:#x}, value {attempt.value:#x}; {case.name}, on {s.model}']
    registers = [f'{name} {value:#x}' for name, value in case.registers.items() if value]
    for at in range(0, len(registers), 4):
        out.append('  ' + ', '.join(registers[at:at + 4]))
    expected = expect.Expected(case, s.machine, attempt)
    for stage, level, pa, value in expected.walker.read:
        out.append(f'  stage {stage} level {level}: {value:#018x} at {pa:#x}')
    listed = expect.Expected(case, s.machine, attempt, s.list.names)
    out.append('  ' + ' ' * 12 + ' '.join(f'{n:>18}' for n in (
        'QEMU', 'Armillary', 'by the manual', 'with the list')))
    for name in layout.FIELDS:
        values = [getattr(r, name) for r in (theirs, ours, expected, listed)]
        mark = '' if values[0] == values[1] else '  differs'
        out.append(f'  {name:<12}' + ' '.join(f'{v:>#18x}' for v in values) + mark)
    if listed.used:
        out.append('  of the list: ' + ', '.join(sorted(listed.used)))
    return '\n'.join(out)


class Mismatch:
    """which kind it is of, and the story"""

    def __init__(self, kind, text):
        self.kind, self.text = kind, text


def do_chunk(job):
    """-> (coverage, hits of differences, mismatches)"""
    seed, chunk, count = job
    s = settings
    rng = random.Random(f'{seed} {chunk}')
    maker = cases.Maker(rng, s.machine)
    made = [maker.make() for _ in range(count)]
    for number, case in enumerate(made):
        case.name = f'case {number} of chunk {chunk}, seed {seed}'
    name, left_out = f'walks-{seed}-{chunk}.elf', 0
    try:
        theirs, ours = s.both(made, name)
    except machines.NotAtEnd:
        left_out = leave_out_strays(made, s)
        if not left_out:
            raise
        theirs, ours = s.both(made, name)
    seen, found, at = collections.Counter({('left out',): left_out}), [], 0
    s.list.hits.clear()
    for case in made:
        differing = []
        for attempt in case.attempts:
            a, b = theirs[at:at + RECORD_BYTES], ours[at:at + RECORD_BYTES]
            at += RECORD_BYTES
            record = Record(b)
            seen.update(coverage.keys(case, attempt, record, s.machine))
            if a != b and not s.list.explains(case, s.machine, attempt, Record(a), record):
                differing.append((attempt, Record(a), record))
        found += [reduced(case, *one, s) for one in differing[:3]]
    return seen, s.list.hits.copy(), found


def leave_out_strays(made, s):
    """takes out what QEMU may never come back from -> how many attempts"""
    count = 0
    for case in made:
        kept = [a for a in case.attempts if not s.list.strays(case, s.machine, a)]
        count += len(case.attempts) - len(kept)
        case.attempts = kept
    return count


def reduced(case, attempt, theirs, ours, s):
    """the same attempt alone in its case; if it is not a mismatch then, all of the case"""
    fields = ' '.join(f for f in layout.FIELDS if getattr(theirs, f) != getattr(ours, f))
    kind = f'{attempt.probe} at EL{attempt.el}: {fields}'
    alone = case.only(attempt)
    a, b = s.both([alone], f'alone-{os.getpid()}.elf')
    if a != b and not s.list.explains(alone, s.machine, attempt, Record(a), Record(b)):
        theirs, ours, case = Record(a), Record(b), alone
        text = describe(case, attempt, theirs, ours, s)
    else:
        text = describe(case, attempt, theirs, ours, s) + '\n  only behind the other attempts ' \
            'of its case: ' + ' '.join(a.probe for a in case.attempts)
    return Mismatch(kind, text)


class Result:
    """of runs: what was seen, hits of the list, mismatches, what must be seen"""

    def __init__(self):
        self.seen, self.hits, self.found = collections.Counter(), collections.Counter(), []
        self.wanted, self.cases, self.seconds = set(), 0, time.monotonic()

    def add(self, other):
        self.seen.update(other.seen)
        self.hits.update(other.hits)
        self.found += other.found
        self.wanted |= other.wanted
        self.cases += other.cases

    def translations(self):
        return self.seen['translations',]


def describe_pair(model, result):
    """one line of one pair of CPUs"""
    m = settings.machine
    print(f'{model}, {settings.qemu_cpu} on QEMU: {m.pa_bits} bits, granules of '
          f'{" ".join(str(1 << g - 10) for g in m.granules)} KiB, {" ".join(sorted(m.features))}: '
          f'{result.translations()} translations, {len(result.found)} mismatches', flush=True)


def report(options, total):
    """-> (is anything wrong?)"""
    is_full = options.cpu is None and total.translations() >= FULL
    few = coverage.report(total.seen, total.wanted, AT_LEAST if is_full else 0, options.verbose)
    names = sorted(listing.read().keys() - set(options.without))
    for name in names:
        if total.hits[name]:
            print(f'difference {name}: {total.hits[name]} hits')
    if total.seen['left out',]:
        print(f'left out: {total.seen["left out",]} attempts, whose vectors QEMU fetches through a block at a '
              'level without blocks, and goes on for ever')
    for kind, one in {m.kind: m for m in reversed(total.found)}.items():
        print(one.text)
        print(f'  ({sum(m.kind == kind for m in total.found)} of {kind})')
    never = [name for name in names if is_full and not total.hits[name]]
    if never:
        print(f'never hit: {", ".join(never)}')
    if few:
        print(f'seen less than {AT_LEAST} times: {", ".join(few)}')
    result = 'mismatch' if total.found else 'uncovered' if few or never else 'clean'
    print(f'summary: result={result} translations={total.translations()} cases={total.cases} '
          f'mismatches={len(total.found)} differences={sum(total.hits.values())} '
          f'seed={options.seed} seconds={time.monotonic() - total.seconds:.0f}')
    return result != 'clean'


def start(value):
    """of a process of the pool; Ctrl-C is for the first one"""
    global settings
    settings = value
    if multiprocessing.parent_process():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def run(options, model, qemu_cpu, count, total):
    """adds to the total"""
    with tempfile.TemporaryDirectory(prefix='armillary-walks-') as folder:
        options.folder = folder
        start(Settings(options, model, qemu_cpu))
        jobs = [(options.seed, at, min(CHUNK, count - at * CHUNK))
                for at in range(-(-count // CHUNK))]
        result, done = Result(), 0
        result.wanted = coverage.possible(settings.machine)
        with multiprocessing.Pool(options.jobs, start, (settings,)) as pool:
            try:
                for done, (a, b, c) in enumerate(pool.imap(do_chunk, jobs), 1):
                    result.seen.update(a)
                    result.hits.update(b)
                    result.found += c
                    result.cases += jobs[done - 1][2]
                    if sys.stderr.isatty():
                        print(f'\r{model}: {done}/{len(jobs)}, {len(result.found)} mismatches', end='\r',
                              file=sys.stderr, flush=True)
            except KeyboardInterrupt:
                print(f'walks: stopped, {done} of {len(jobs)} parts are done', file=sys.stderr)
                raise
            finally:
                total.add(result)
                describe_pair(model, result)


def main():
    parser = argparse.ArgumentParser(prog='./dev walks', description=__doc__.split('\n\n')[0])
    parser.add_argument('--seed', type=int, default=1, help='of the random cases (1)')
    parser.add_argument('--cases', type=int, default=10000,
                        help='how many, of about 22 translations each (10000)')
    parser.add_argument('--cpu', choices=[one for one, *_ in CPUS],
                        help='model of Armillary (each in turn, which share the cases)')
    parser.add_argument('--engine', default='fast', choices=('fast', 'precise'))
    parser.add_argument('--without', action='append', default=[], metavar='NAME',
                        help='leave this entry of differences.txt out; repeatable')
    parser.add_argument('--verbose', action='store_true', help='show all that was counted')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--program', default=machines.default_program())
    options = parser.parse_args()
    try:
        machines.need_qemu()
        there = machines.models(options.program)
        total = Result()
        pairs = [one for one in CPUS if options.cpu in (None, one[0]) and one[0] in there]
        try:
            for model, qemu_cpu, share in pairs:
                count = options.cases if options.cpu else -(-options.cases * share // 1)
                run(options, model, qemu_cpu, int(count), total)
        except KeyboardInterrupt:
            report(options, total)
            raise
        return int(report(options, total))
    except Problem as problem:
        print(f'walks: {problem}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
