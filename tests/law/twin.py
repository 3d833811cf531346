#!/usr/bin/env python3
"""Twins: two processes that are given the same run end in the same state, whatever the host does with their addresses.

Each pair is two processes of the program, with address randomisation as the host has it; engines, observers and
recording must not show either, and what does belong to the run - seed, quantum, CPUs - must.
"""
import os
import subprocess
import tempfile

from law import BUILD, Tap

PROGRAM = os.path.join(BUILD, 'armillary')
PAYLOAD = os.path.join(BUILD, 'hyp', 'hyp-vmid-correct.elf')
HELD = ['--choices', 'next-cpu,irq-take,tlbi-deliver,exclusive-fail', '--rate', '300', '--quantum', '1']
ASKED = ['--choices', 'next-cpu,irq-take,line-assert,exclusive-fail', '--rate', '300', '--quantum', '50']
LIMIT = ['--max-insns', '300000']
# A different memory layout in the second process: another environment and another place of the heap.
OTHER = dict(os.environ, PADDING='x' * 5000, MALLOC_PERTURB_='165', MALLOC_TOP_PAD_='100000')


def run(options, environment=None):
    """-> the key=value pairs of the summary, the other lines, the standard error"""
    result = subprocess.run([PROGRAM, 'run', PAYLOAD] + options, capture_output=True, text=True, env=environment,
                            timeout=250)
    lines = result.stdout.splitlines()
    summary = lines[-1] if lines and lines[-1].startswith('summary: ') else ''
    return dict(pair.split('=', 1) for pair in summary.split()[1:]), lines[:-1], result.stderr


def compare(first, second, what):
    """-> in what two runs differ"""
    problems = []
    for key in ('result', 'insns', 'cycles', 'choices', 'hash'):
        if key not in first[0] or key not in second[0]:
            problems.append(f'no {key} in a summary: {first[2] or second[2]}')
        elif first[0][key] != second[0][key]:
            problems.append(f'{what}: {key} is {first[0][key]} and {second[0][key]}')
    if first[1] != second[1]:
        problems.append(f'{what}: the output differs')
    return problems


def hash_of(options):
    return run(options)[0].get('hash')


def main():
    tap = Tap()
    base = ['--cpus', '2'] + LIMIT
    for what, options in [('one CPU', ['--cpus', '1'] + LIMIT), ('two CPUs', base),
                          ('four CPUs', ['--cpus', '4', '--quantum', '7'] + LIMIT),
                          ('seeded choices', base + HELD + ['--seed', '7'])]:
        tap.case(f'twins: {what}', compare(run(options), run(options, OTHER), what))
    for seed in range(1, 13):  # several visible operations in a turn, and questions behind them
        options = ['--cpus', str(2 + seed % 3), *LIMIT, *ASKED, '--seed', str(seed)]
        tap.case(f'engines: seed {seed}', compare(run(options + ['--engine', 'precise']),
                                                  run(options + ['--engine', 'fast']), 'the engine'))
    for what, options in [('two CPUs', base), ('seeded choices', base + HELD + ['--seed', '7'])]:
        tap.case(f'engines: {what}', compare(run(options + ['--engine', 'precise']),
                                             run(options + ['--engine', 'fast']), 'the engine'))
        watched = run(options + ['--check', 'vmid,tlb,owner,guest,progress'])
        tap.case(f'observers: {what}', compare(run(options), watched, 'watching'))
        with tempfile.TemporaryDirectory() as folder:
            recording = options + ['--record', os.path.join(folder, 'twin.trace')]
            plain, recorded = run(options), run(recording)
            recorded = (recorded[0], [line for line in recorded[1] if folder not in line], recorded[2])
            tap.case(f'recording: {what}', compare(plain, recorded, 'recording'))
    seeds = {hash_of(base + HELD + ['--seed', str(seed)]) for seed in (1, 2, 3)}
    tap.case('a seed makes a difference', [] if len(seeds) == 3 else [f'three seeds, hashes {seeds}'])
    shapes = {hash_of(LIMIT + shape) for shape in (['--cpus', '2'], ['--cpus', '3'], ['--cpus', '2', '--quantum', '3'],
                                                   ['--cpus', '2', '--timing', 'flat'])}
    tap.case('the configuration makes a difference', [] if len(shapes) == 4 else [f'four shapes, hashes {shapes}'])
    one = ({'result': 'exit', 'insns': '1', 'cycles': '1', 'choices': '0', 'hash': 'a'}, ['x'], '')
    tap.sees('another hash', compare(one, (dict(one[0], hash='b'), ['x'], ''), 'sample'))
    tap.sees('another output', compare(one, (one[0], ['y'], ''), 'sample'))
    tap.sees('no summary', compare(one, ({}, ['x'], ''), 'sample'))
    tap.end()


main()
