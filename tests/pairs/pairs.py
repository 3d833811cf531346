#!/usr/bin/env python3
"""The pairs of pairs.def: of each rule a program that keeps it and one that breaks it. bad_NAME draws the report that
its row names, within the schedules of the row; good_NAME draws none in 50 random schedules, each of which comes to its
end, with all the same choices open and all the same checkers on.

With LONG set good_NAME has 10,000 schedules. Names as arguments: these pairs only.
"""
import os
import re
import shlex
import subprocess
import sys
import time

BUILD, SOURCE = os.environ['BUILD'], os.environ['SOURCE']
ARMILLARY = os.path.join(BUILD, 'armillary')
TABLE = os.path.join(SOURCE, 'tests', 'pairs', 'pairs.def')
GUESTS = os.path.join(BUILD, 'tests', 'pairs')
JOBS = str(os.cpu_count() or 1)
SCHEDULES = 10000 if os.environ.get('LONG') else 50
CHOICES = ('next-cpu,tlbi-deliver,tlb-evict,tlb-conflict,sysreg-effective,spec-fill,unknown-value,'
           'line-assert,line-deassert,irq-take')
CHOICES_OF = {'caches': 'cache-writeback,cache-allocate,icache-stale',
              'store-buffer': 'store-drain,load-early,tlbi-drain'}
KEYS = {'cpus': '1', 'schedules': '1', 'checkers': '', 'machine': '', 'seed': '1', 'errata': '',
        'search': '', 'bad': None}


def read_rows():
    """-> the rows of the table: dictionaries with name, title and KEYS"""
    rows = []
    with open(TABLE, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            words = shlex.split(line, comments=True)
            if not words:
                continue
            row = dict(KEYS, name=words[1] if len(words) > 3 else '', title=words[-1])
            for word in words[2:-1]:
                key, sign, value = word.partition('=')
                if key not in KEYS or not sign or not value:
                    sys.exit(f'{TABLE}:{number}: {word}: no such key')
                row[key] = value
            if words[0] != 'pair' or not re.fullmatch(r'[a-z0-9_]+', row['name']) or not row['bad']:
                sys.exit(f'{TABLE}:{number}: a row is: pair NAME bad=CHECKER/CLASS [KEY=VALUE ...] "title"')
            if row['name'] in (r['name'] for r in rows):
                sys.exit(f'{TABLE}:{number}: {row["name"]} stands there twice')
            rows.append(row)
    return rows


def all_checkers():
    """-> the names of all checkers, with commas"""
    text = subprocess.run([ARMILLARY, 'info', 'checkers'], capture_output=True, text=True, check=True).stdout
    return ','.join(re.findall(r'^([a-z0-9]+) ', text, re.MULTILINE))


def write_scenario(row, checkers, errata, search=''):
    """-> the file of the row's scenario, in the build folder"""
    which = '-search' if search else '' if errata == row['errata'] else '-without'
    folder = os.path.join(GUESTS, row['name'] + which)
    os.makedirs(folder, exist_ok=True)
    more = [kinds for key, kinds in CHOICES_OF.items() if key + ':' in row['machine']]
    choices = search or ','.join([CHOICES, *more])
    machine = ''.join(f'  {word.replace(":", ": ")}\n' for word in row['machine'].split(',') if word)
    machine += f'  errata: [{errata}]\n' if errata else ''
    path = os.path.join(folder, 'scenario.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(f'title: A pair, one of which {row["title"]}\n'
                f'machine:\n  cpus: {row["cpus"]}\n  ram: 64M\n  quantum: 1\n  timing: flat\n'
                f'  tlb-entries: 256\n{machine}'
                f'choices: [{choices}]\n'
                f'checkers: [{row["checkers"] or checkers}]\n'
                'start: {symbol: pair_main}\n'
                'explore:\n  strategy: random\n  max-steps: 400000\n'
                'variants:\n'
                f'  bad:\n    payload: bad_{row["name"]}.elf\n    expect: [{row["bad"]}]\n'
                f'  good:\n    payload: good_{row["name"]}.elf\n    expect: clean\n')
    return path


def explore(scenario, variant, schedules, seed, *more):
    result = subprocess.run(
        [ARMILLARY, 'explore', scenario, '--variant', variant, '--schedules', str(schedules), '--seed', seed,
         '--jobs', JOBS, '--payload-dir', GUESTS, '--out', os.path.join(os.path.dirname(scenario), variant),
         '--no-shrink', *more],
        capture_output=True, text=True, errors='replace', stdin=subprocess.DEVNULL, check=False)
    found = re.search(r'^variant: .* found=(\S*) ', result.stdout, re.MULTILINE)
    return result, found[1] if found else ''


def explain(result):
    return (result.stdout + result.stderr).splitlines()


def check_bad(row, scenario):
    """-> what is wrong with the program that breaks the rule"""
    result, found = explore(scenario, 'bad', row['schedules'], row['seed'])
    if result.returncode == 0 and found == row['bad']:
        return []
    return [f'found={found}, the row says {row["bad"]}', *explain(result)]


def check_good(row, scenario):
    """-> what is wrong with the program that keeps the rule"""
    result, found = explore(scenario, 'good', SCHEDULES, '1', '--keep-going')
    summary = ''.join(line for line in result.stdout.splitlines() if line.startswith('summary: '))
    counts = {key: int(value) for key, value in re.findall(r'(schedules|unfair)=(\d+)', summary)}
    if result.returncode == 0 and found == 'nothing' and counts == {'schedules': SCHEDULES, 'unfair': 0}:
        return []
    return [f'found={found}', *explain(result)]


def check_without(row, scenario):
    """-> what is wrong with the program that lacks the workaround, on a machine that has no errata"""
    result, found = explore(scenario, 'bad', SCHEDULES, '1', '--keep-going')
    return [] if found == 'nothing' else [f'found={found}', *explain(result)]


def tests_of(rows, checkers):
    """-> for each test its name, what it shows, and what is wrong"""
    for row in rows:
        scenario = write_scenario(row, checkers, row['errata'])
        searched = write_scenario(row, checkers, row['errata'], row['search']) if row['search'] else scenario
        yield f'bad_{row["name"]}', f'{row["bad"]}: {row["title"]}', check_bad(row, searched)
        yield f'good_{row["name"]}', f'clean in {SCHEDULES} schedules', check_good(row, scenario)
        if row['errata']:
            scenario = write_scenario(row, checkers, '')
            yield f'bad_{row["name"]}', f'clean without {row["errata"]}', check_without(row, scenario)


def main():
    begun = time.monotonic()
    rows = [row for row in read_rows() if not sys.argv[1:] or row['name'] in sys.argv[1:]]
    checkers = all_checkers()
    print(f'1..{sum(3 if row["errata"] else 2 for row in rows)}', flush=True)
    failed = not rows
    for number, (name, told, problems) in enumerate(tests_of(rows, checkers), 1):
        failed |= bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {name} {told}')
        for problem in problems:
            print('# ' + problem)
        sys.stdout.flush()
    minutes = (time.monotonic() - begun) / 60
    print(f'# {len(rows)} pairs, {SCHEDULES} schedules of each good program, {minutes:.1f} minutes')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
