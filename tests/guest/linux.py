#!/usr/bin/env python3
"""Debian's stock kernel boots at EL2, starts KVM, and KVM runs a guest: twice, to the same state.

Without the payload (./dev linux makes it, in the cache folder) this is skipped, unless CI is true, when it is made.
With LONG every number of CPUs, every core and the Linux guest.
"""
import os
import re
import subprocess
import sys

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
sys.path.insert(0, os.path.join(SOURCE, 'payload'))
import boot  # noqa: E402  (the path is known only now)
import build  # noqa: E402

IS_CI = os.environ.get('CI') == 'true'
# what, options, whether twice
SHORT = [('KVM and a bare-metal guest, 2 CPUs', ['--mode', 'tiny'], True)]
LONG = [(f'a Linux guest, {cpus} CPUs, {cpu}', ['--cpus', str(cpus), '--cpu', cpu], True)
        for cpus, cpu in [(1, 'cortex-a57'), (2, 'cortex-a57'), (4, 'cortex-a57'), (8, 'cortex-a57'),
                          (2, 'cortex-a53'), (2, 'cortex-a72')]]
LONG += [('a Linux guest with 2 CPUs of its own', ['--vcpus', '2'], True),
         ('the host resets itself', ['--mode', 'reboot'], False),
         ('4 CPUs released by a spin table', ['--mode', 'tiny', '--cpus', '4', '--', '--release', 'spin-table'], False)]


def run(options):
    """-> (what is wrong, the summary)"""
    command = [sys.executable, os.path.join(SOURCE, 'payload', 'boot.py'), os.path.join(BUILD, 'armillary'), *options]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace',
                            check=False)
    summary = re.findall('^summary: .*', result.stdout, re.MULTILINE)
    if result.returncode != 0 or not summary:
        lines = (result.stdout + result.stderr).strip().splitlines()
        return [f'status {result.returncode}', *lines[-12:]], ''
    return [], summary[-1]


def main():
    if not IS_CI and not build.is_current(boot.cache_folder()):
        print('1..0 # SKIP no payload in the cache: ./dev linux makes it')
        return 0
    cases = SHORT + (LONG if os.environ.get('LONG') else [])
    print(f'1..{len(cases)}', flush=True)
    failures = 0
    for number, (what, options, is_twice) in enumerate(cases, 1):
        problems, first = run(options)
        if is_twice and not problems:
            problems, second = run(options)
            if not problems and first != second:
                problems = ['two runs differ:', first, second]
        failures += bool(problems)
        print(('not ok' if problems else 'ok'), number, '-', what)
        for problem in problems:
            print('#', problem)
        sys.stdout.flush()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
