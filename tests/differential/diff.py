#!/usr/bin/env python3
"""Random instruction streams on QEMU and on Armillary: registers, flags, memory and exceptions must
come out alike. Usage: diff.py [--seed N] [--insns N] [--cpu MODEL] ... (see --help).
"""
import argparse
import collections
import multiprocessing
import os
import random
import signal
import struct
import sys
import tempfile

import blocks
import image
import listed
import machines
import reduce
import rows
import system
import templates
from image import Problem

ROOT = os.path.join(image.HERE, '..', '..')
CHUNK = 1000000            # executions in one image
AT_LEAST = 100             # of every row in a full run
FULL = 50000000            # executions in all that make a full run

# Models of Armillary, and of QEMU beside them: what they have both is compared. What a CPU says
# that it is, only where the model is complete.
CPUS = [('armv8.0', 'cortex-a57'), ('cortex-a57', 'cortex-a57'), ('neoverse-n1', 'neoverse-n1')]
COMPLETE = ('cortex-a57',)

settings = None            # of this process: Settings


class Settings:
    """what does not change from chunk to chunk"""

    def __init__(self, options, model, qemu_cpu):
        self.isa = rows.Isa(os.path.join(ROOT, 'cpu', 'a64.decode'))
        self.kernel = image.harness()
        self.program, self.model, self.qemu_cpu = options.program, model, qemu_cpu
        self.engine = options.engine
        self.system = system.System(os.path.join(ROOT, 'cpu', 'sysreg.def'))
        self.listed = listed.List(self.isa, self.system.names, options.without)
        self.folder = options.folder
        self.has_fp = False
        self.absent = self.probe([op.name for op in self.isa.ops.values() if op.op.feature],
                                 self.row_words)
        readable = {b.name: b for b in self.system.registers if 'r' in b.access[2]}
        self.system.use(self.probe(readable, lambda name, rng: [system.mrs(readable[name], 1)]),
                        self.model in COMPLETE)
        # a CPU with the row of ldp q0, q1, [x0] has V registers, FPCR and FPSR
        self.has_fp = self.isa.match(0xad400400) in self.isa.ops.keys() - self.absent
        self.ops = [op for name, op in sorted(self.isa.ops.items())
                    if name not in self.absent and (not options.row or name in options.row)]
        self.system_ops = [op for op in self.ops if op.name in templates.SYSTEM] or self.ops

    def row_words(self, name, rng):
        return rows.constant(28, image.ANCHOR) + rows.plain_unit(self.isa.ops[name], rng, 28).words

    def probe(self, names, words_of):
        """the names whose words are UNDEFINED at EL2 on one of the two CPUs"""
        names, rng, made = sorted(names), random.Random(1), []
        for number, name in enumerate(names):
            words = words_of(name, rng) + [templates.END_AT[2]]
            made.append(image.Block(words, [], 2, blocks.START[2], 28))
            made[-1].number = number
        runs = [image.Run(block, 0) for block in made]
        out = set()
        batch = (made, blocks.make_inputs(rng), blocks.CONFIGS)
        for run, theirs, ours in self.records(batch, runs, 'probe.elf'):
            if 0x2000000 in (r.values.get('exception 0 esr') for r in (theirs, ours)):
                out.add(names[run.block.number])
        return out

    def choose_row(self, rng, is_system):
        """in blocks for the system every other row is one of its rows"""
        ops = self.system_ops if is_system and rng.getrandbits(1) else self.ops
        return ops[rng.randrange(len(ops))]

    def system_unit(self, row, rng, ctx):
        return system.unit(self.system, row, rng, ctx)

    def both(self, content, name):
        """-> log of QEMU, log of Armillary"""
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(content)
        theirs = machines.on_qemu(path, self.qemu_cpu)
        ours, why = machines.on_armillary(self.program, path, self.model, self.engine)
        if ours is None:
            raise Problem(f'{path} stopped Armillary: {why}')
        if len(ours) != len(theirs):
            raise Problem(f'{path}: {len(theirs)} bytes from QEMU, {len(ours)} from Armillary')
        os.remove(path)
        return theirs, ours

    def records(self, batch, runs, name):
        """-> [(run, record of QEMU, record of Armillary)], in parts that fit into the log"""
        chosen, inputs, configs = batch
        out, most = [], (image.TOP - image.LOG) // image.RECORD_BYTES
        for at in range(0, len(runs), most):
            part = runs[at:at + most]
            logs = self.both(image.build(self.kernel, chosen, part, inputs, configs,
                                         self.has_fp, True), name)
            for i, run in enumerate(part):
                span = slice(i * image.RECORD_BYTES, (i + 1) * image.RECORD_BYTES)
                out.append((run, image.Record(logs[0][span]), image.Record(logs[1][span])))
        return out


def do_chunk(job):
    """-> (executions by op, hits of differences, mismatches)"""
    seed, chunk, insns = job
    s = settings
    made, runs, inputs, configs = blocks.make_batch(seed, chunk, insns, s.choose_row, s.system_unit,
                                           s.listed.last)
    name = f'chunk-{seed}-{chunk}.elf'
    theirs, ours = s.both(image.build(s.kernel, made, runs, inputs, configs, s.has_fp,
                                      False), name)
    count = len(runs)
    pairs = zip(struct.unpack(f'<{count}Q', theirs), struct.unpack(f'<{count}Q', ours))
    differing = [run for run, (a, b) in zip(runs, pairs) if a != b]
    executed = collections.Counter()
    for block in made:
        for _, unit in block.units:
            for op, _ in unit.tested:
                executed[op] += blocks.RUNS_PER_BLOCK
            if unit.register:
                executed['register ' + unit.register] += blocks.RUNS_PER_BLOCK
    hits, found = reduce.explain(s, (made, inputs, configs), differing, name)
    return executed, hits, found


def report(options, model, executed, hits, found):
    """-> (is anything wrong?)"""
    s = settings
    names = [op.name for op in s.ops]
    registers = ['register ' + b.name for b in s.system.registers + s.system.operations
                 if s.system_ops is not s.ops]
    print(f'{model}, {s.qemu_cpu} on QEMU:')
    for what, absent in (('rows', s.absent), ('registers', s.system.absent)):
        if absent:
            print(f'{what} not compared, as the two CPUs do not share them: '
                  f'{" ".join(sorted(absent))}')
    counts = [executed[n] for n in names + registers]
    print(f'rows executed: {sum(executed[n] > 0 for n in names)} of {len(names)}; registers and '
          f'operations: {sum(executed[n] > 0 for n in registers)} of {len(registers)}; '
          f'each at least {min(counts)} times')
    is_full = options.insns * options.seeds >= FULL
    never = [n for n in names + registers if not executed[n]]
    few = [n for n in names + registers if 0 < executed[n] < AT_LEAST]
    for name, count in sorted(hits.items()):
        print(f'difference {name}: {count} hits')
    if never:
        print(f'never executed: {", ".join(never)}')
    if few and is_full:
        print(f'executed less than {AT_LEAST} times: {", ".join(few)}')
    for row, one in {m.row: m for m in reversed(found)}.items():
        print(one.text)
        print(f'  ({sum(m.row == row for m in found)} of {row})')
    bad = bool(found) or is_full and bool(never or few)
    print(f'summary: result={"mismatch" if found else "uncovered" if bad else "clean"} '
          f'insns={sum(executed[n] for n in names)} rows={sum(executed[n] > 0 for n in names)} '
          f'mismatches={len(found)} differences={sum(hits.values())}')
    return bad


def start(value):
    """of a process of the pool; Ctrl-C is for the first one"""
    global settings
    settings = value
    if multiprocessing.parent_process():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def run(options, model, qemu_cpu):
    with tempfile.TemporaryDirectory(prefix='armillary-diff-') as folder:
        options.folder = folder
        start(Settings(options, model, qemu_cpu))
        jobs = []
        for seed in range(options.seed, options.seed + options.seeds):
            left, chunk = options.insns, 0
            while left > 0:
                jobs.append((seed, chunk, min(left, CHUNK)))
                left, chunk = left - CHUNK, chunk + 1
        executed, hits, found = collections.Counter(), collections.Counter(), []
        done = 0
        with multiprocessing.Pool(options.jobs, start, (settings,)) as pool:
            try:
                for done, (a, b, c) in enumerate(pool.imap(do_chunk, jobs), 1):
                    executed.update(a)
                    hits.update(b)
                    found += c
                    if sys.stderr.isatty():
                        print(f'\r{model}: {done}/{len(jobs)}, {len(found)} mismatches', end='\r',
                              file=sys.stderr, flush=True)
            except KeyboardInterrupt:
                print(f'diff: stopped, {done} of {len(jobs)} parts are done', file=sys.stderr)
                report(options, model, executed, hits, found)
                raise
        return report(options, model, executed, hits, found)


def main():
    parser = argparse.ArgumentParser(prog='./dev diff', description=__doc__.split('\n\n')[0])
    parser.add_argument('--seed', type=int, default=1, help='first seed (1)')
    parser.add_argument('--seeds', type=int, default=1, help='how many seeds (1)')
    parser.add_argument('--insns', type=int, default=1000000, help='per seed (1000000)')
    parser.add_argument('--cpu', choices=[a for a, _ in CPUS],
                        help='model of Armillary (one after the other all that there are)')
    parser.add_argument('--engine', default='both', choices=('both', 'fast', 'precise'),
                        help='of Armillary; both must come to the same state (both)')
    parser.add_argument('--row', action='append', help='only this row of a64.decode; repeatable')
    parser.add_argument('--without', action='append', default=[], metavar='NAME',
                        help='leave this entry of differences.txt out; repeatable')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--program', default=machines.default_program())
    options = parser.parse_args()
    try:
        machines.need_qemu()
        there = machines.models(options.program)
        return int(any([run(options, model, qemu_cpu) for model, qemu_cpu in CPUS
                        if options.cpu in (None, model) and model in there]))
    except Problem as problem:
        print(f'diff: {problem}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
