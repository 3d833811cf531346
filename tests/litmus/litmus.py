#!/usr/bin/env python3
"""Litmus shapes of address translation: each is searched completely, and what was seen is what its row expects.

A case per shape (tests/litmus/*.def; the tables, their rules and verdicts are told in rules.def). Two comparisons: an
outcome that is seen must be allowed (or beyond what the model has to show), and each allowed one must be seen. Rows
with an outcome beyond are counted apart. Prints TAP.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import tempfile

import guest
import shapes

SOURCE, BUILD = os.environ.get('SOURCE', '.'), os.environ.get('BUILD', 'build')
LONG = bool(os.environ.get('LONG'))
FOLDER = os.path.join(SOURCE, 'tests', 'litmus')
KINDS = ['next-step', 'tlbi-deliver', 'tlbi-drain', 'sysreg-effective', 'spec-fill', 'store-drain', 'load-early']
FEWEST = 40

# Searched again with no state left out: the outcomes must be the same.
EVERY_PATH = ['CoTTf.inv+po', 'ROT.inv+po', 'RBS+dsb-tlbiis', 'SwitchTable.different-asid+po']
EVERY_PATH_LONG = ['LB.TT.inv+pos', 'CoTfRpte+po', 'SB.TfTf.inv+pos', 'MP.RTf.inv+dmb+addr']

# Outcomes that are searched for by themselves and written as traces.
FIND = {'RBS+dsb-tlbiis': (2,), 'MP.RT.EL1+dsb-tlbiis+dsb-isb': (1, 1)}

# name: what its missing outcomes still need of the model. One that misses nothing any more is a failure.
PENDING = {}


def explore(shape, folder, options=()):
    """Searches; returns the outcomes with the numbers of their ends, and problems of the search itself."""
    path = guest.build(shape, folder, os.path.join(FOLDER, 'harness.S'), KINDS)
    command = [os.path.join(BUILD, 'armillary'), 'explore', path, '--payload-dir', folder, '--out', folder, *options]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    seen = {}
    for values, ends in re.findall(r'^outcome: variant=shape values=(\S+) ends=(\d+)$', result.stdout, re.MULTILINE):
        seen[tuple(int(v, 16) for v in values.split(','))] = int(ends)
    problems = []
    if result.returncode or 'exhausted=yes' not in result.stdout or not seen:
        problems = [f'status {result.returncode}'] + result.stdout.splitlines()
    return seen, problems


def text_of(values):
    return ','.join('F' if v == shapes.FAULT else str(v) for v in values)


def compare(shape, seen):
    """Both ways: (outcomes that should not be there, outcomes that should)."""
    wrong = [v for v in seen if v not in shape.allow and v not in shape.beyond]
    missing = [v for v in shape.allow if v not in seen]
    return sorted(wrong), sorted(missing)


def judge(shape, seen, pending):
    wrong, missing = compare(shape, seen)
    problems = [f'forbidden, but seen: {text_of(v)}' for v in wrong]
    if missing and shape.name not in pending:
        problems += [f'allowed, but never seen: {text_of(v)}' for v in missing]
    if not missing and shape.name in pending:
        problems.append('misses nothing any more: take it off PENDING')
    return problems


def check_shape(shape, folder):
    seen, problems = explore(shape, os.path.join(folder, shape.name))
    if not problems:
        problems = judge(shape, seen, PENDING)
    names = ' '.join(shape.observe)
    notes = [f'{names}: ' + ' '.join(f'{text_of(v)}({n})' for v, n in sorted(seen.items()))]
    return seen, problems, notes


def check_every_path(shape, seen, folder):
    """Leaving out states that were met before loses no outcome."""
    every, problems = explore(shape, os.path.join(folder, 'every'), ['--every-path'])
    if set(every) != set(seen):
        problems.append(f'{sorted(seen)} became {sorted(every)}')
    if sum(every.values()) <= sum(seen.values()):
        problems.append('no more ends than with states left out: nothing was left out')
    return problems


def check_find(shape, values, folder):
    """A run that has an outcome is found, written and replays strictly; an outcome that nothing has is not found."""
    armillary, out = os.path.join(BUILD, 'armillary'), os.path.join(folder, 'find')
    path = guest.build(shape, out, os.path.join(FOLDER, 'harness.S'), KINDS)
    search = [armillary, 'explore', path, '--payload-dir', out, '--out', out, '--find']
    problems = []
    for text, status in ((text_of(values), 0), (','.join(['0x77'] * len(values)), 1)):
        if subprocess.run([*search, text], stdout=subprocess.DEVNULL, check=False).returncode != status:
            problems.append(f'--find {text}: another status than {status}')
    result = subprocess.run([armillary, 'replay', '--no-story', f'{out}/shape-outcome.trace'], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode or 'replay=strict' not in result.stdout:
        problems += [f'replay: status {result.returncode}'] + result.stdout.splitlines()
    return problems


def check_comparison(table):
    """The comparison sees an outcome too many and one too few, in every row."""
    problems = []
    for shape in table:
        good = {v: 1 for v in shape.allow}
        if judge(shape, good, {}):
            problems.append(f'{shape.name}: its own outcomes are refused')
        for v in shape.allow:
            if not judge(shape, {w: 1 for w in shape.allow if w != v}, {}):
                problems.append(f'{shape.name}: {text_of(v)} is not missed')
        for v in shape.forbid or [(shapes.FAULT + 1,) * len(shape.observe)]:
            if not judge(shape, {**good, v: 1}, {}):
                problems.append(f'{shape.name}: {text_of(v)} is let through')
    return problems


class Tap:
    """Numbers the cases."""

    def __init__(self, count):
        self.number = 0
        print(f'1..{count}')

    def case(self, name, problems, notes=()):
        self.number += 1
        print(f'{"not ok" if problems else "ok"} {self.number} - {name}')
        for line in [*problems, *notes]:
            print(f'# {line}')


def summary(table, results):
    allowed = sum(len(s.allow) for s in table)
    beyond = [s for s in table if s.beyond]
    shown = sum(1 for s in beyond for v in s.beyond if v in results[s.name][0])
    missing = sum(len(compare(s, results[s.name][0])[1]) for s in table)
    wrong = sum(len(compare(s, results[s.name][0])[0]) for s in table)
    return (f'{len(table)} shapes: {allowed} allowed outcomes, {missing} not seen; {wrong} forbidden ones seen; '
            f'{len(beyond)} shapes with an outcome beyond the model ({shown} seen all the same)')


def main():
    for tool in (guest.AS, guest.LD):
        if not shutil.which(tool):
            print(f'1..0 # SKIP {tool} is not installed')
            return
    table, rules = shapes.load(FOLDER)
    by_name = {s.name: s for s in table}
    again = EVERY_PATH + (EVERY_PATH_LONG if LONG else [])
    tap = Tap(2 + len(table) + len(again) + len(FIND))
    unknown = [name for name in [*PENDING, *again, *FIND] if name not in by_name]
    tap.case(f'{len(table)} shapes by {len(rules)} rules', unknown + ([] if len(table) >= FEWEST else ['too few']))
    tap.case('the comparison goes both ways', check_comparison(table))
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = dict(zip(by_name, pool.map(lambda s: check_shape(s, folder), table)))
        for shape in table:
            _, problems, notes = results[shape.name]
            tap.case(f'{shape.name}: {shape.about}', problems, notes)
        for name in again:
            tap.case(f'{name}: every path', check_every_path(by_name[name], results[name][0], folder))
        for name, values in FIND.items():
            tap.case(f'{name}: a trace of {text_of(values)}', check_find(by_name[name], values, folder))
    print(f'# {summary(table, results)}')
    if PENDING:
        print(f'# {len(PENDING)} shapes wait for more of the model')


main()
