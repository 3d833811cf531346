#!/usr/bin/env python3
"""The counter itself: tests/run must count cases, and see every way in which a test can go wrong.

Each sample is a build folder with a made-up test in it. The last one is a Criterion executable built with sanitizers:
a leak, an overflow and undefined behaviour in the body of a case must fail that case, although Criterion alone would
pass the leak.
"""
import json
import os
import subprocess
import sys
import tempfile

from law import SOURCE, Tap

RUN = os.path.join(SOURCE, 'tests', 'run')

# what, shell script, its last line, its exit status, a text that the report must have
SCRIPTS = [
    ('two cases that pass', 'echo "ok 1 - a"; echo "ok 2 - b"; echo 1..2', '2 passed, 0 failed, 0 skipped', 0, ''),
    ('a case that fails', 'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"; echo "# the reason"',
     '1 passed, 1 failed, 0 skipped', 1, 'the reason'),
    ('a case that is skipped', 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b # SKIP no need"',
     '1 passed, 0 failed, 1 skipped', 0, 'no need'),
    ('a script that skips all of it', 'echo "1..0 # SKIP no tool"', '0 passed, 0 failed, 1 skipped', 1, 'no tool'),
    ('only skipped cases', 'echo 1..1; echo "ok 1 # skip"', '0 passed, 0 failed, 1 skipped', 1, ''),
    ('a bad status without a failed case', 'echo 1..1; echo "ok 1 - a"; exit 3',
     '1 passed, 1 failed, 0 skipped', 1, 'status 3'),
    ('a crash', 'echo 1..2; echo "ok 1 - a"; kill -SEGV $$', '1 passed, 1 failed, 0 skipped', 1, 'signal 11'),
    ('fewer cases than announced', 'echo 1..2; echo "ok 1 - a"', '1 passed, 1 failed, 0 skipped', 1, 'announced 2'),
    ('more cases than announced', 'echo 1..1; echo "ok 1 - a"; echo "ok 2 - b"',
     '2 passed, 1 failed, 0 skipped', 1, 'announced 1'),
    ('no case', 'echo 1..0', '0 passed, 1 failed, 0 skipped', 1, 'no case'),
    ('no word', 'true', '0 passed, 1 failed, 0 skipped', 1, 'announced no number'),
    ('a test that gives up', 'echo 1..1; echo "Bail out! no disk"', '0 passed, 1 failed, 0 skipped', 1, 'no disk'),
    ('a test that is stuck', 'echo 1..1; echo "ok 1 - a"; sleep 60', '1 passed, 1 failed, 0 skipped', 1, 'stuck'),
    ('a report of a process below', 'echo 1..1; echo "ok 1 - a"; file=${ASAN_OPTIONS#log_path=}; '
     'echo leaked >"${file%%:*}.1"', '1 passed, 1 failed, 0 skipped', 1, 'leaked'),
]

CRITERION = r'''
#include <criterion/criterion.h>
#include <stdlib.h>
Test(sample, fine) { cr_assert(1); }
Test(sample, leaks) { char *volatile p = malloc(9); p[0] = 1; p = NULL; }
Test(sample, overflows) { volatile char *p = malloc(9); volatile int i = 9; cr_expect(p[i] != 77); free((void *)p); }
Test(sample, undefined) { volatile int i = 0x7fffffff; i = i + 1; cr_assert(i != 7); }
Test(sample, fails) { cr_assert(0, "as it should"); }
Test(sample, crashes) { abort(); }
'''
FAILING = ['sample::leaks', 'sample::overflows', 'sample::undefined', 'sample::fails', 'sample::crashes']


def run(folder, tests, *options):
    """-> (last line, exit status, everything printed) of tests/run over made-up tests"""
    os.makedirs(os.path.join(folder, 'meson-info'), exist_ok=True)
    with open(os.path.join(folder, 'meson-info', 'intro-tests.json'), 'w', encoding='utf-8') as file:
        json.dump(tests, file)
    result = subprocess.run([sys.executable, RUN, folder, *options], capture_output=True, text=True)
    lines = result.stdout.splitlines() or ['']
    return lines[-1], result.returncode, result.stdout


def made_up(name, command, protocol='tap', suite=(), seconds=3):
    return {'name': name, 'cmd': command, 'protocol': protocol, 'suite': list(suite), 'env': {}, 'timeout': seconds}


def differences(got, line, status, text):
    found = [] if got[0] == line else [f'the last line is {got[0]!r}, not {line!r}']
    found += [] if got[1] == status else [f'the exit status is {got[1]}, not {status}']
    return found + ([] if text in got[2] else [f'{text!r} is not in the report'])


def main():
    tap = Tap()
    for what, script, line, status, text in SCRIPTS:
        with tempfile.TemporaryDirectory() as folder:
            got = run(folder, [made_up('sample', ['sh', '-c', script])])
            tap.case(what, differences(got, line, status, text))
    with tempfile.TemporaryDirectory() as folder:
        got = run(folder, [made_up('sample', [os.path.join(folder, 'none')])])
        tap.case('a test that is not built', differences(got, '0 passed, 1 failed, 0 skipped', 1, 'does not start'))
    one = ['sh', '-c', 'echo 1..1; echo "ok 1 - ${LONG:-short}"']
    with tempfile.TemporaryDirectory() as folder:
        tests = [made_up('a', one), made_up('b', one, suite=['x:long'])]
        tap.case('long tests wait for --long',
                 differences(run(folder, tests), '1 passed, 0 failed, 0 skipped', 0, ''))
        tap.case('--long runs them', differences(run(folder, tests, '--long'), '2 passed, 0 failed, 0 skipped', 0, ''))
        tap.case('--only chooses', differences(run(folder, tests, '--long', '--only', 'b'),
                                               '1 passed, 0 failed, 0 skipped', 0, ''))
        tap.case('no test at all is no success', differences(run(folder, []), '0 passed, 0 failed, 0 skipped', 1, ''))
    with tempfile.TemporaryDirectory() as folder:
        source, made = os.path.join(folder, 'sample.c'), os.path.join(folder, 'sample')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(CRITERION)
        subprocess.run([os.environ.get('CC') or 'cc', '-g', '-O1', '-fsanitize=address,undefined',
                        '-fno-sanitize-recover=all', source, '-o', made, '-lcriterion'], check=True)
        got = run(folder, [made_up('sample', [made], 'exitcode', seconds=60)])
        tap.case('sanitizer reports fail their cases', differences(got, '1 passed, 5 failed, 0 skipped', 1, ''))
        for name in FAILING:
            tap.case(f'{name} is named', [] if f'FAILED  sample: {name}' in got[2] else got[2].splitlines())
    tap.end()


main()
