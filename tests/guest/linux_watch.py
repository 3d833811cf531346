#!/usr/bin/env python3
"""Checkers on Debian's kernel with KVM: the whole nested run is clean, and there was room to judge all of it. Without
one invalidation, or without one barrier, of the kernel's break-before-make it is not: which executions those are is
what the profile of the same run says. Without the payload (./dev linux makes it) this is skipped. Prints TAP.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
sys.path.insert(0, os.path.join(SOURCE, 'payload'))
import boot  # noqa: E402  (the path is known only now)
import build  # noqa: E402

CHECKERS = 'vmid,tlb,bbm,owner,lr,irq,sync,el2'
# operation and place as the profile names them, the finding, and which of its events names the place
DROPS = [
    ('tlbi VALE1is', 'ptep_clear_flush', 'bbm/unclean'),
    ('dsb ishst', 'ptep_clear_flush', 'bbm/no-dsb'),
]


def run(mode, *options):
    command = [sys.executable, os.path.join(SOURCE, 'payload', 'boot.py'), os.path.join(BUILD, 'armillary'), '--cached',
               '--mode', mode, '--', *options]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace',
                          check=False)


def explain(result):
    return [f'status {result.returncode}', *(result.stdout + result.stderr).strip().splitlines()[-20:]]


def check_clean(mode):
    result = run(mode, '--check', CHECKERS, '--timing', 'flat')
    if result.returncode == 0 and 'unjudged:' not in result.stdout:
        return []
    return explain(result)


def first_of(profile, operation, place):
    """-> the number of the first execution of an operation in a function of the host's kernel, or None"""
    for line in profile.splitlines():
        found = re.fullmatch(r' *\d+ +(\d+) +\d+  (.*), host EL1 (\S+)\+0x[0-9a-f]+', line)
        if found and found[2] == operation and found[3] == place:
            return found[1]
    return None


def check_drop(folder, names, operation, place, finding):
    path = os.path.join(folder, 'profile')
    result = run('tiny', '--symbols', names, '--profile', path, '--timing', 'flat')
    if result.returncode != 0:
        return explain(result)
    number = first_of(pathlib.Path(path).read_text(encoding='utf-8'), operation, place)
    if not number:
        return [f'the profile has no {operation} in {place}']
    kind = operation.split()[0]
    result = run('tiny', '--symbols', names, '--drop', f'{kind}:{number}', '--check', 'bbm', '--timing', 'flat',
                 '--max-insns', '600000000')
    told = re.search(rf'^dropped {kind}:{number} at step .*\[{place}\+', result.stderr, re.MULTILINE)
    found = re.search(rf'^{finding} on CPU .*(\n  step .*)*\[{place}\+', result.stdout, re.MULTILINE)
    return [] if result.returncode == 1 and told and found else explain(result)


def main():
    if os.environ.get('CI') != 'true' and not build.is_current(boot.cache_folder()):
        print('1..0 # SKIP no payload in the cache: ./dev linux makes it')
        return 0
    print(f'1..{1 + len(DROPS)}', flush=True)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        names = os.path.join(folder, 'System.map')
        with open(names, 'w', encoding='utf-8') as out:
            subprocess.run([sys.executable, os.path.join(SOURCE, 'payload', 'symbols.py'),
                            str(boot.cache_folder() / 'Image')], stdout=out, check=True)
        cases = [(f'the nested run is clean: {CHECKERS}', check_clean, ('full',))]
        cases += [(f'without one {operation} in {place}: {finding}', check_drop,
                   (folder, names, operation, place, finding))
                  for operation, place, finding in DROPS]
        for number, (what, check, arguments) in enumerate(cases, 1):
            problems = check(*arguments)
            failures += bool(problems)
            print('not ok' if problems else 'ok', number, '-', what)
            for problem in problems:
                print('#', problem)
            sys.stdout.flush()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
