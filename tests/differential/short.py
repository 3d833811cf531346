#!/usr/bin/env python3
"""A short run of ./dev diff on each pair of CPUs, and the tests of its own machinery: that each
entry of differences.txt is hit by what it names, that without it there is a mismatch, that a wrong
result is found and reduced to its instruction, and that a missing QEMU is said. With LONG set, ten
million instructions of each of ten seeds.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

os.environ['PYTHONDONTWRITEBYTECODE'] = '1'
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import blocks  # noqa: E402
import diff  # noqa: E402
import image  # noqa: E402
import machines  # noqa: E402
import reduce  # noqa: E402
import rows  # noqa: E402
import templates  # noqa: E402

SHORT, LONG_INSNS, LONG_SEEDS = 60000, 10000000, 10
DIFF = os.path.join(image.HERE, 'diff.py')


def options(folder):
    return argparse.Namespace(program=machines.default_program(), engine='both', row=None,
                              folder=folder, without=())


def run_diff(*arguments, path=None):
    env = dict(os.environ, **({'PATH': path} if path is not None else {}))
    return subprocess.run([sys.executable, DIFF, *arguments], capture_output=True, text=True,
                          check=False, env=env)


def check_clean(model):
    size = ['--insns', str(LONG_INSNS), '--seeds', str(LONG_SEEDS)] if os.environ.get('LONG') \
        else ['--insns', str(SHORT), '--jobs', '1']
    run = run_diff('--cpu', model, *size)
    return None if run.returncode == 0 else run.stdout + run.stderr


def check_no_qemu():
    with tempfile.TemporaryDirectory() as folder:
        run = run_diff(path=folder)
    wanted = 'diff: qemu-system-aarch64 is not installed; it is the other side of this test: ' \
        'apt install qemu-system-arm\n'
    if run.returncode != 2 or run.stderr != wanted or run.stdout:
        return f'exit status {run.returncode}: {run.stdout}{run.stderr}'
    return None


def try_block(s, tried, el, registers):
    """these words alone, the last of them under test, with these registers"""
    words = []
    for name, value in registers.items():
        if name == 'sp':
            words += rows.constant(28, value) + [0x9100039f]   # mov sp, x28
        else:
            words += rows.constant(int(name[1:]), value)
    words += tried
    unit = rows.Unit(words, [(s.isa.match(tried[-1]), len(words) - 1)], True)
    block = image.Block(unit.words + [templates.END_AT[el]], [(0, unit)], el, blocks.START[el], 28)
    return (([block], blocks.make_inputs(random.Random(1)), blocks.CONFIGS),
            image.Run(block, 0))


def check_entry(s, entry):
    words, el, registers = entry.attempt()
    if s.isa.match(words[-1]) not in entry.ops:
        return f'{words[-1]:08x} is {s.isa.match(words[-1])}, which the entry does not name'
    batch, run = try_block(s, words, el, registers)
    image.build(s.kernel, batch[0], [run], batch[1], batch[2], s.has_fp, True)
    hits, found = reduce.explain(s, batch, [run], 'entry.elf')
    if found or not hits[entry.name]:
        return '\n'.join(m.text for m in found) or f'it is not hit: {dict(hits)}'
    everything = s.listed.entries
    s.listed.entries = [e for e in everything if e.name != entry.name]
    _, found = reduce.explain(s, batch, [run], 'entry.elf')
    s.listed.entries = everything
    return None if found else 'without it there is no mismatch'


def settings_for(entry, made):
    """a pair of CPUs that has the rows of what the entry tries, or None"""
    words = entry.attempt()[0]
    for s in made.values():
        ops = {s.isa.match(word) for word in words}
        names = {s.system.names.get(words[-1] >> 5 & 0xffff)} & s.system.absent
        if ops <= set(s.isa.ops) and not ops & s.absent and not names:
            return s
    return None


def check_entries(made):
    """of each entry; one about registers only where all pairs of CPUs are there"""
    out = []
    for entry in next(iter(made.values())).listed.entries:
        s = settings_for(entry, made)
        if entry.registers and len(made) < len(diff.CPUS):
            continue
        if s:
            problem = check_entry(s, entry)
        elif entry.ops and len(made) == len(diff.CPUS):
            problem = 'no pair of CPUs has its rows'
        else:
            continue
        out.append((f'{entry.name} is hit, and needed', problem))
    return out


def check_reduction(s):
    """a block in which one result differs, by an entry left out, is told as that instruction"""
    entries, s.listed.entries = s.listed.entries, []
    anchor, rng = 28, random.Random(2)
    units, words = [], rows.constant(anchor, image.ANCHOR)
    for name in ['ADD_imm', 'EOR_reg', 'MADD', 'LDR_imm', 'MSR_DAIFSet', 'SUB_reg', 'CSEL']:
        row = s.isa.ops[name]
        unit = rows.Unit([0xd5034fdf], [(name, 0)]) if name == 'MSR_DAIFSet' \
            else rows.plain_unit(row, rng, anchor)
        units.append((len(words), unit))
        words += unit.words
    block = image.Block(words + [templates.END_AT[0]], units, 0, blocks.START[0], anchor)
    batch, run = ([block], blocks.make_inputs(rng), blocks.CONFIGS), image.Run(block, 0)
    image.build(s.kernel, [block], [run], batch[1], batch[2], s.has_fp, True)
    _, found = reduce.explain(s, batch, [run], 'reduction.elf')
    s.listed.entries = entries
    if len(found) != 1 or found[0].row != 'MSR_DAIFSet' or 'd5034fdf' not in found[0].text:
        return '\n'.join(m.text for m in found) or 'nothing was found'
    return None


def main():
    there = machines.models(machines.default_program())
    pairs = [(a, b) for a, b in diff.CPUS if a in there]
    results = [('without QEMU it says what to install', check_no_qemu())]
    for model, _ in pairs:
        results.append((f'{model}: no mismatch that is not listed', check_clean(model)))
    with tempfile.TemporaryDirectory() as folder:
        made = {a: diff.Settings(options(folder), a, b) for a, b in pairs}
        results.append(('a mismatch is reduced to its instruction',
                        check_reduction(made[pairs[0][0]])))
        results += check_entries(made)
    print(f'1..{len(results)}')
    for i, (name, problem) in enumerate(results, 1):
        print(f'{"not ok" if problem else "ok"} {i} - {name}')
        for line in (problem or '').split('\n'):
            if line:
                print(f'# {line}')
    return int(any(problem for _, problem in results))


if __name__ == '__main__':
    sys.exit(main())
