#!/usr/bin/env python3
"""The recorded traces: each replays strictly, to the same verdict, in several processes (address randomisation on),
with either engine, with events printed and not, with checkers and without; every replay ends in the same hash. And
each is as small as shrinking gets it.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

BUILD, SOURCE = os.environ['BUILD'], os.environ['SOURCE']
ARMILLARY = os.path.join(BUILD, 'armillary')
CHOICES_MOST = 8
WAYS = (['--no-story'], ['--no-story'], [], ['--engine', 'precise'], ['--engine', 'precise', '--no-story'],
        ['--trace', 'all'], ['--check', 'none', '--no-story'], ['--check', 'vmid,tlb,owner,guest', '--no-story'])


def armillary(*arguments):
    return subprocess.run([ARMILLARY, *arguments], capture_output=True, text=True, errors='replace',
                          stdin=subprocess.DEVNULL, check=False)


def summary(result):
    last = (result.stdout.splitlines() or [''])[-1]
    return dict(re.findall(r'([a-z_]+)=(\S+)', last)) if last.startswith('summary: ') else {}


def check(path):
    problems, hashes = [], set()
    for way in WAYS:
        result = armillary('replay', path, *way)
        keys = summary(result)
        if result.returncode != 0 or keys.get('replay') != 'strict':
            problems.append(f'replay {" ".join(way)}: status {result.returncode}: {result.stderr[-300:]}')
        elif '--check' not in way and (keys['verdict'] != 'same' or keys['result'] != 'violation'):
            problems.append(f'replay {" ".join(way)}: {result.stdout[-300:]}')
        hashes.add(keys.get('hash'))
    if len(hashes) != 1:
        problems.append(f'{len(hashes)} different hashes')
    if int(keys.get('choices', CHOICES_MOST + 1)) > CHOICES_MOST:
        problems.append(f'{keys.get("choices")} choices')
    with tempfile.TemporaryDirectory() as folder:
        result = armillary('shrink', path, '--out', f'{folder}/shrunk.trace')
        counts = re.search(r'choices=(\d+) shrunk=(\d+)', result.stdout)
        if keys.get('choices') == '0':
            if result.returncode != 2 or 'no choices' not in result.stderr:
                problems.append(f'shrink without choices: status {result.returncode}: {result.stderr[-300:]}')
        elif result.returncode != 0 or counts is None or counts[1] != counts[2]:
            problems.append(f'shrink: status {result.returncode}: {result.stdout[-300:]}{result.stderr[-300:]}')
    return problems


def main():
    traces = sorted(glob.glob(os.path.join(SOURCE, 'traces', '*', '*.trace')))
    print(f'1..{len(traces)}', flush=True)
    failed = not traces
    for number, path in enumerate(traces, 1):
        problems = check(path)
        failed |= bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {os.path.relpath(path, SOURCE)}')
        for problem in problems:
            print('\n'.join('# ' + line for line in problem.splitlines()))
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
