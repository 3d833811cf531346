#!/usr/bin/env python3
"""Both engines say the same of every program of pairs.def, under all checkers that leave the choice of engine open: the
same findings in the same order, with every earlier event that they name, the same counts, the same end.

Each program runs in turns of 1000 instructions and of 7, with the ordinary answers and with random ones that leave the
fast engine in use. Names as arguments: these pairs only.
"""
import itertools
import os
import re
import subprocess
import sys

from pairs import ARMILLARY, GUESTS, all_checkers, read_rows

NEED_EACH = {'cache'}  # checkers that look at each instruction: only the precise engine runs under them
PRECISE_KEYS = ('caches', 'store-buffer')  # with these only the precise engine runs
CHOICES = 'sysreg-effective,tlbi-deliver,unknown-value,line-assert,line-deassert,irq-take'
SEEDS = (0, 1, 2)  # 0: every answer is the ordinary one
QUANTA = ('1000', '7')
FINDING = re.compile(r'[a-z0-9]+/\S+ on CPU ')


def lot(row, seed):
    """-> options that open choices; errata need some that are open"""
    if seed == 0:
        return []
    errata = ['--errata', row['errata']] if row['errata'] else []
    choices = CHOICES + (',spec-fill' if row['errata'] else '')
    return ['--choices', choices, '--rate', '4', '--seed', str(seed), *errata]


def run(row, variant, checkers, engine, more):
    """-> what a run of the program says, and how it ends"""
    machine = [word.split(':') for word in row['machine'].split(',') if word]
    options = [text for key, value in machine for text in ('--' + key, value)]
    result = subprocess.run(
        [ARMILLARY, 'run', os.path.join(GUESTS, f'{variant}_{row["name"]}.elf'), '--cpus', row['cpus'], '--ram', '64M',
         '--timing', 'flat', '--tlb-entries', '256', '--check', checkers, '--findings', '20', '--max-insns', '300000',
         '--engine', engine, *options, *more],
        capture_output=True, text=True, errors='replace', stdin=subprocess.DEVNULL, check=False)
    return [f'exit status {result.returncode}', *result.stdout.splitlines(), *result.stderr.splitlines()]


def difference(row, variant, checkers):
    """-> findings of all runs, and where the engines differ"""
    found = 0
    for seed, quantum in itertools.product(SEEDS, QUANTA):
        more = [*lot(row, seed), '--quantum', quantum]
        precise, fast = (run(row, variant, checkers, engine, more) for engine in ('precise', 'fast'))
        found += sum(FINDING.match(line) is not None for line in precise)
        if not any(line.startswith('summary: ') for line in precise):
            return found, [' '.join(more), *precise]
        for one, other in itertools.zip_longest(precise, fast, fillvalue='(nothing)'):
            if one != other:
                return found, [' '.join(more), 'precise: ' + one, 'fast:    ' + other]
    return found, []


def main():
    rows = [row for row in read_rows() if not sys.argv[1:] or row['name'] in sys.argv[1:]]
    rows = [row for row in rows if not any(key + ':' in row['machine'] for key in PRECISE_KEYS)]
    checkers = ','.join(name for name in all_checkers().split(',') if name not in NEED_EACH)
    print(f'1..{len(rows)}', flush=True)
    failed, total = not rows, 0
    for number, row in enumerate(rows, 1):
        found, problems = 0, []
        for variant in ('bad', 'good'):
            count, what = difference(row, variant, checkers)
            found += count
            problems += [f'{variant}_{row["name"]}: {line}' for line in what]
        if row['bad'].startswith('sync/') and found == 0:
            problems.append(f'{row["bad"]} is never found')
        total += found
        failed |= bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {row["name"]}: {found} findings in both engines')
        for problem in problems:
            print('# ' + problem)
        sys.stdout.flush()
    print(f'# {len(rows)} pairs, {total} findings')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
