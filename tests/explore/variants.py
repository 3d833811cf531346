#!/usr/bin/env python3
"""Every variant of every scenario, searched on the freshly built payloads: a buggy one is found, and what is found is
one of the findings that its scenario names, and comes about by the hazard that the variant stands for; the correct one
stays clean. Traces that the search writes are shrunk and replay.

With LONG set at full size: each buggy variant from ten seeds within 20,000 schedules by some strategy; the correct
one by an exhaustive search of depth 2 at each of the scenario's places, and 100,000 random schedules; and, so that
the exhaustive search says something, each buggy variant is found by it, too, within the same bounds.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

import hazard

BUILD, SOURCE = os.environ['BUILD'], os.environ['SOURCE']
ARMILLARY = os.path.join(BUILD, 'armillary')
LONG = bool(os.environ.get('LONG'))
JOBS = str(os.cpu_count() or 1)
BUDGET = 20000
SEEDS = range(1, 11) if LONG else range(1, 2)
RANDOM_SCHEDULES = 100000 if LONG else 400
CHOICES_MOST = 8
EXHAUSTIVE = 'exhaustive'
STRATEGIES = 'random', 'conflict', 'portfolio', 'pct', 'systematic'


def armillary(*arguments):
    return subprocess.run([ARMILLARY, *arguments], capture_output=True, text=True, errors='replace',
                          stdin=subprocess.DEVNULL, check=False)


def summary(result):
    """-> the keys of the last line"""
    last = (result.stdout.splitlines() or [''])[-1]
    return dict(re.findall(r'([a-z_]+)=(\S+)', last)) if last.startswith('summary: ') else {}


def variants():
    """-> (scenario file, variant, its payload, expects a finding), as the scenarios say"""
    for path in sorted(glob.glob(os.path.join(SOURCE, 'traces', '*', 'scenario.yaml'))):
        with open(path, encoding='utf-8') as f:
            text = f.read().split('\nvariants:\n', 1)[1]
        for match in re.finditer(r'^  ([\w-]+):\n((?:    .*\n?)+)', text, re.MULTILINE):
            payload = re.search(r'^    payload: (\S+)$', match[2], re.MULTILINE)[1]
            yield path, match[1], os.path.join(BUILD, 'hyp', payload), 'expect: clean' not in match[2]


def is_searched_exhaustively(path):
    """-> whether the scenario names places for the systematic search, which comes to an end there"""
    with open(path, encoding='utf-8') as f:
        return re.search(r'^exhaustive:', f.read(), re.MULTILINE) is not None


def check_trace(path, variant, payload):
    """-> what is wrong with a trace that the search wrote"""
    result = armillary('replay', path, '--no-story')
    keys = summary(result)
    if result.returncode != 0 or keys.get('replay') != 'strict' or keys.get('verdict') != 'same':
        return [f'{path}: status {result.returncode}: {result.stdout[-200:]}{result.stderr[-200:]}']
    if int(keys['choices']) > CHOICES_MOST:
        return [f'{path}: {keys["choices"]} choices are left']
    return hazard.check(ARMILLARY, path, variant, payload)


def find_exhaustively(scenario, variant, payload, folder):
    """-> what is wrong: nothing when the systematic search finds it within its bounds"""
    out = os.path.join(folder, variant)
    result = armillary('explore', scenario, '--variant', variant, '--strategy', 'systematic', '--depth', '2',
                       '--jobs', JOBS, '--out', out)
    print(f'# {variant} systematic: first {summary(result).get("first")}', flush=True)
    if result.returncode != 0:
        return [f'status {result.returncode}: {result.stdout[-300:]}{result.stderr[-300:]}']
    return [p for trace in glob.glob(os.path.join(out, '*.trace')) for p in check_trace(trace, variant, payload)]


def find(scenario, variant, payload, seed, folder):
    """-> what is wrong: nothing when some strategy finds the variant's hazard within the budget"""
    tried = []
    for strategy in STRATEGIES:
        out = os.path.join(folder, f'{variant}-{seed}-{strategy}')
        result = armillary('explore', scenario, '--variant', variant, '--strategy', strategy, '--seed', str(seed),
                           '--schedules', str(BUDGET), '--jobs', JOBS, '--out', out)
        if result.returncode != 0:
            tried.append(f'{strategy}: status {result.returncode}: {result.stdout[-300:]}{result.stderr[-300:]}')
            continue
        traces = glob.glob(os.path.join(out, '*.trace'))
        problems = [p for trace in traces for p in check_trace(trace, variant, payload)]
        print(f'# {variant} seed {seed}: {strategy}, first {summary(result)["first"]} {problems or ""}', flush=True)
        if not problems:
            return []
        tried += problems  # another hazard of the same variant may come first
    return tried


def survive(scenario, variant):
    """-> what is wrong with a variant that must stay clean"""
    problems = []
    depth = '2' if LONG else '1'
    schedules = RANDOM_SCHEDULES if is_searched_exhaustively(scenario) or LONG else RANDOM_SCHEDULES // 4
    searches = [['--strategy', 'random', '--schedules', str(schedules)]]
    if is_searched_exhaustively(scenario):
        searches += [['--strategy', 'systematic', '--depth', depth],
                     ['--strategy', 'pct', '--schedules', str(RANDOM_SCHEDULES // 4)]]
    for arguments in searches:
        result = armillary('explore', scenario, '--variant', variant, '--keep-going', '--jobs', JOBS, *arguments)
        keys = summary(result)
        last = result.stdout.splitlines()[-1] if result.stdout else ''
        print(f'# {variant} {" ".join(arguments)}: {last}', flush=True)
        if result.returncode != 0 or keys.get('result') != 'clean':
            problems.append(f'{" ".join(arguments)}: status {result.returncode}: {result.stdout[-400:]}'
                            f'{result.stderr[-300:]}')
        elif 'systematic' in arguments and keys.get('exhausted') != 'yes':
            problems.append(f'{" ".join(arguments)}: not exhausted: {result.stdout[-300:]}')
    return problems


def main():
    rows = list(variants())
    cases = [(s, v, p, seed) for s, v, p, buggy in rows if buggy for seed in SEEDS]
    cases += [(s, v, p, EXHAUSTIVE) for s, v, p, buggy in rows if buggy and LONG and is_searched_exhaustively(s)]
    cases += [(s, v, p, None) for s, v, p, buggy in rows if not buggy]
    print(f'1..{len(cases)}', flush=True)
    failed = False
    for number, (scenario, variant, payload, seed) in enumerate(cases, 1):
        name = f'{os.path.basename(os.path.dirname(scenario))} {variant}'
        with tempfile.TemporaryDirectory() as folder:
            if seed is None:
                problems, name = survive(scenario, variant), f'{name} stays clean'
            elif seed == EXHAUSTIVE:
                problems, name = find_exhaustively(scenario, variant, payload, folder), f'{name} is found exhaustively'
            else:
                problems, name = find(scenario, variant, payload, seed, folder), f'{name} is found from seed {seed}'
        failed |= bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {name}')
        for problem in problems:
            print('\n'.join('# ' + line for line in problem.splitlines()))
        sys.stdout.flush()
    sys.exit(1 if failed or not cases else 0)


if __name__ == '__main__':
    main()
