#!/usr/bin/env python3
"""What `run` watches and plants: --profile on a program whose profile is known (tests/guest/watch.S), --drop on
programs that keep a rule (tests/pairs), so that they draw the report of those that break it, and a replay that needs
no option for that; --findings, which goes on. Prints TAP.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
ARMILLARY = f'{BUILD}/armillary'
CROSS = 'aarch64-linux-gnu-gcc'
NUMBERS = 60  # executions of an operation in a pair, of which one has to matter

# which pair, the operation, what leaving it out draws, checkers
DROPS = [
    ('bbm_stage2_output', 'tlbi', 'bbm/unclean', 'bbm,tlb'),
    ('tlbi_no_dsb_before', 'dsb', 'bbm/no-dsb', 'bbm'),
    ('tlbi_no_dsb_after', 'dsb', 'bbm/unclean', 'bbm'),
    ('isb_vttbr_tlbi', 'isb', 'sync/tlbi', 'sync'),
    ('code_no_ic', 'ic', 'cache/stale-instruction', 'cache'),
    ('code_no_clean', 'dc', 'cache/stale-instruction', 'cache'),
]


def run(*arguments):
    result = subprocess.run([ARMILLARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            errors='replace', timeout=300, check=False)
    return result.returncode, result.stdout, result.stderr


def summary(output):
    return dict(re.findall(r'([a-z_-]+)=(\S+)', output.strip().splitlines()[-1])) if output.strip() else {}


def assemble(folder):
    elf = f'{folder}/watch.elf'
    subprocess.run([CROSS, '-nostdlib', '-static', '-o', elf, f'-Wl,--build-id=none,-T,{SOURCE}/tests/bench/guest.ld',
                    '-Wl,--no-warn-rwx-segments', f'{SOURCE}/tests/guest/watch.S'], check=True)
    return elf


def profile(elf, path, *options):
    status, output, errors = run('run', elf, '--cpus', '2', '--timing', 'flat', '--profile', path, *options)
    if status != 0:
        return [f'status {status}', output, errors], '', '', output
    with open(path, encoding='utf-8') as report, open(path + '.folded', encoding='utf-8') as stacks:
        return [], report.read(), stacks.read(), output


def differences(found, wanted):
    return [] if found == wanted else ['found:', *found.splitlines(), 'wanted:', *wanted.splitlines()]


def check_report(folder):
    """The report, to the letter but for the place of the stage 2 tables, which is not in it."""
    problems, report, _, _ = profile(assemble(folder), f'{folder}/p')
    with open(f'{SOURCE}/tests/guest/watch.txt', encoding='utf-8') as golden:
        return problems + differences(report, golden.read())


def check_stacks(folder):
    """Who calls whom, and that the parts are the whole."""
    problems, report, stacks, _ = profile(assemble(folder), f'{folder}/p')
    cycles = {line.rpartition(' ')[0]: int(line.rpartition(' ')[2]) for line in stacks.splitlines()}
    total = int(re.search(r'(\d+) cycles of CPUs that did not wait', report)[1])
    if sum(cycles.values()) != total:
        problems.append(f'{sum(cycles.values())} cycles in stacks, {total} in all')
    deep = cycles.get('vm5;EL1;guest;outer;middle;leaf', 0)
    if deep < 0.9 * total:
        problems += [f'{deep} cycles of {total} in the leaf, under its callers', *stacks.splitlines()]
    return problems


def check_same(folder):
    """A run with a profile is the same run; two profiles are the same, of both engines."""
    elf = assemble(folder)
    _, output, _ = run('run', elf, '--cpus', '2', '--timing', 'flat')
    problems, reports = [], set()
    for options in ([], [], ['--engine', 'precise'], ['--check', 'vmid,tlb,bbm']):
        wrong, report, stacks, with_it = profile(elf, f'{folder}/p', *options)
        problems += wrong
        reports.add(report + stacks)
        if summary(with_it) != summary(output):
            problems += [f'{options}:', with_it, output]
    return problems + ([] if len(reports) == 1 else [f'{len(reports)} different reports'])


def pair_options(name, checkers):
    return ['run', f'{BUILD}/tests/pairs/good_{name}.elf', '--cpus', '2', '--timing', 'flat', '--quantum', '1',
            '--max-insns', '400000', '--check', checkers]


def check_drop(folder, name, operation, finding, checkers):
    """One of the executions matters; the recording of that run draws the same with nothing said."""
    status, output, errors = run(*pair_options(name, checkers))
    if status != 0:
        return ['it draws a report as it is', output, errors]
    for number in range(1, NUMBERS + 1):
        trace = f'{folder}/{name}.trace'
        status, output, errors = run(*pair_options(name, checkers), '--drop', f'{operation}:{number}',
                                     '--record', trace)
        if 'the run came to' in errors:
            return [f'{number - 1} times {operation}, and none draws {finding}']
        if f'dropped {operation}:{number} at step' not in errors:
            return [f'nothing is said of {operation}:{number}', output, errors]
        if output.splitlines() and any(line.startswith(finding + ' ') for line in output.splitlines()):
            status, again, errors = run('replay', trace)
            keys = summary(again)
            if status != 0 or (keys.get('finding'), keys.get('hash')) != (finding, summary(output)['hash']):
                return ['the replay is another:', again, errors, output]
            return [] if f'{operation}:{number} is left out' in again else ['the story has no drop:', again]
    return [f'none of {NUMBERS} draws {finding}']


def check_unreached(_folder):
    status, _, errors = run(*pair_options('tlbi_no_dsb_before', 'bbm'), '--drop', 'tlbi:1000000')
    good = status == 1 and re.search(
        r'^armillary run: --drop tlbi:1000000: the run came to \d+ of them only$', errors, re.MULTILINE)
    return [] if good else [f'status {status}', errors]


def check_findings(_folder):
    """bad_NAME goes on to its end behind its report, and the reports are counted."""
    options = pair_options('tlbi_no_dsb_before', 'bbm')
    options[1] = options[1].replace('good_', 'bad_')
    status, output, errors = run(*options, '--findings', '1')
    problems = [] if status == 1 and summary(output).get('result') == 'violation' else [f'status {status}']
    if errors.count('bbm/no-dsb on CPU') != 1 or not re.search(r'^findings: bbm/no-dsb: \d+ at \d+ place', output,
                                                               re.MULTILINE):
        problems.append('not told, or told more than once')
    _, plain, _ = run(*options[:-2])
    same = [summary(o).get('hash') for o in (output, plain)]
    if same[0] != same[1]:
        problems.append(f'another end than without checkers: {same}')
    return problems and [*problems, output, errors]


def check_refusals(folder):
    elf = assemble(folder)
    cases = [
        (['--drop', 'tlb:1'], '--drop: tlb:1: no KIND:N, like tlbi:12'),
        (['--drop', 'tlbi:0'], '--drop: tlbi:0: 0 is no number'),
        (['--findings', '0'], '--findings'),
        (['--profile', f'{folder}/none/p'], f'--profile: {folder}/none/p: No such file or directory'),
        (['--findings', '2', '--check', 'tlb', '--record', f'{folder}/t'],
         '--findings: a recording ends with its first finding'),
    ]
    problems = []
    for options, message in cases:
        status, output, errors = run('run', elf, *options)
        if status != 2 or message not in errors or len(errors.splitlines()) != 1 or output:
            problems += [f'{options}: status {status}', output, errors]
    return problems


def main():
    if not shutil.which(CROSS):
        print(f'1..0 # SKIP {CROSS} is not installed')
        return
    cases = [('a profile, to the letter', check_report, ()), ('stacks', check_stacks, ()),
             ('a run is the same with a profile', check_same, ()), ('a drop that never comes', check_unreached, ()),
             ('going on behind findings', check_findings, ()), ('refusals', check_refusals, ())]
    cases += [(f'good_{name} without one {operation} draws {finding}', check_drop, (name, operation, finding, checkers))
              for name, operation, finding, checkers in DROPS]
    print(f'1..{len(cases)}', flush=True)
    for number, (what, check, arguments) in enumerate(cases, 1):
        with tempfile.TemporaryDirectory() as folder:
            problems = check(folder, *arguments)
        print('not ok' if problems else 'ok', number, '-', what)
        for problem in problems:
            for line in problem.splitlines() or ['']:
                print('#', line)
        sys.stdout.flush()


if __name__ == '__main__':
    main()
