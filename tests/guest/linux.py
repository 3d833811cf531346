#!/usr/bin/env python3
"""Debian's stock kernel boots at EL2, starts KVM, and KVM runs a guest: twice, to the same state.

Without the payload (./dev linux makes it, in the cache folder) this is skipped, unless CI is true, when it is made.
The second run is recorded, and has to be the same all the same; this recording is replayed and walked in.
A shell of it can be typed into, on either console.
With LONG, every combination of the following, each twice:
  - a Linux guest with 1 or 2 CPUs of its own, on 1, 2, 4 and 8 CPUs of each core; root file system and console go
    through their four pairs meanwhile
  - a bare-metal guest of KVM, on each of those machines with each root file system and each console
  - the machine resets itself after that, and does it again
  - memory of a guest is taken away and given back while it runs
  - seeds: with random interrupt latencies, exclusives that fail, and another quantum each. They go as far as the
    bare-metal guest, by which KVM has been through all that it does; a Linux guest makes that longer and not richer
and a kernel that panics, which the report shows.
"""
import concurrent.futures
import itertools
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

import linux_payload
import linux_walk
from linux_payload import boot, build, summary

CPUS, CORES, SEEDS = (1, 2, 4, 8), ('cortex-a57', 'cortex-a53', 'cortex-a72'), 20
FREEDOM = 'line-assert,line-deassert,irq-take,exclusive-fail'


def machine(cpus, core, root='ram', console='uart'):
    return ['--cpus', str(cpus), '--cpu', core, '--root', root, '--console', console]


def names(cpus, core, root, console):
    return f'{cpus} CPUs, {core}, root {root}, console {console}'


def long_cases():
    """-> [(what, options)]"""
    places = list(itertools.product(sorted(boot.ROOTS), sorted(boot.CONSOLES)))
    cases = []
    for number, (cpus, core, vcpus) in enumerate(itertools.product(CPUS, CORES, build.GUEST_VCPUS)):
        place = places[(number + number // len(places)) % len(places)]
        cases.append((f'a Linux guest of {vcpus}: {names(cpus, core, *place)}',
                      [*machine(cpus, core, *place), '--vcpus', str(vcpus)]))
    for cpus, core, place in itertools.product(CPUS, CORES, places):
        cases.append((f'a bare-metal guest: {names(cpus, core, *place)}',
                      ['--mode', 'tiny', *machine(cpus, core, *place)]))
    for number, (cpus, core) in enumerate(itertools.product(CPUS, CORES)):
        place = places[number % len(places)]
        cases.append((f'a reset: {names(cpus, core, *place)}', ['--mode', 'reboot', *machine(cpus, core, *place)]))
    for cpus, core in zip(CPUS, CORES):
        cases.append((f'memory taken away: {cpus} CPUs, {core}', ['--mode', 'stage2', *machine(cpus, core)]))
    cases.append(('4 CPUs released by a spin table',
                  ['--mode', 'tiny', *machine(4, 'cortex-a57'), '--', '--release', 'spin-table']))
    for seed in range(1, SEEDS + 1):
        cases.append((f'seed {seed}', ['--mode', 'tiny', '--', '--seed', str(seed), '--choices', FREEDOM, '--rate',
                                       '200', '--quantum', str(100 + 37 * seed)]))
    return cases


def twice(options, places=0):
    """-> what is wrong: with one of two runs, that they differ, or with the recording of the second"""
    problems, first = summary(*options)
    if problems:
        return problems
    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, 'boot.trace')
        problems, second = summary(*options, *([] if '--' in options else ['--']), '--record', trace)
        if not problems and first != second:
            problems = ['two runs differ:', first, second]
        if not problems and places:
            problems = linux_walk.judge(trace, second, places)
    return problems


def walked(options):
    return twice(options, 200 if os.environ.get('LONG') else 30)


def panic(options):
    """-> what is wrong with the report on a kernel that cannot go on, and stays where it is"""
    with tempfile.NamedTemporaryFile('w') as table:
        linux_payload.write_names(table.name)
        result = linux_payload.run(*options, '--symbols', table.name)
    problems = [] if result.returncode == 1 else [f'status {result.returncode}']
    problems += [f'"{text}" is missing' for text, there in (
        ('Kernel panic', result.stdout), ('summary: result=limit', result.stdout),
        ('the limit of instructions was reached', result.stderr)) if text not in there]
    # One CPU is in the loop of panic(), the other one has been stopped.
    for text in r'^CPU \d at ffff\w+ (__\w*delay|panic)', r'^CPU \d at ffff\w+ \w*cpu_stop\b':
        if not re.search(text, result.stderr, re.MULTILINE):
            problems.append(f'no line like {text}')
    if len(re.findall(r'^  (?:runs|waits for an \w+ \(WF[EI]\))', result.stderr, re.MULTILINE)) != 2:
        problems.append('no reason for each CPU')
    return problems + (result.stderr.splitlines()[-12:] if problems else [])


def typed(options):
    """-> what is wrong with a shell that somebody types into, on a terminal"""
    command = linux_payload.COMMAND
    master, slave = pty.openpty()
    output = b''
    with subprocess.Popen(command + options, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        wanted = [(b'built-in shell', b'echo $((1234+4321))\r'), (b'5555', b'busybox poweroff -f\r')]
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                output += os.read(master, 4096) if select.select([master], [], [], 1)[0] else b''
            except OSError:
                break  # it has ended
            if wanted and wanted[0][0] in output:
                os.write(master, wanted.pop(0)[1])
        process.kill()
    os.close(master)
    good = process.returncode == 0 and b'\nsummary: result=off ' in output
    return [] if good else [f'status {process.returncode}', *output.decode(errors='replace').splitlines()[-12:]]


def main():
    status = linux_payload.absent()
    if status is not None:
        return status
    cases = [('KVM and a bare-metal guest, 2 CPUs', ['--mode', 'tiny'], walked)]
    cases += [(f'a shell on the console {console}', ['--mode', 'shell', '--console', console], typed)
              for console in sorted(boot.CONSOLES)]
    if os.environ.get('LONG'):
        cases += [(what, options, twice) for what, options in long_cases()]
        cases.append(('a Linux guest, walked in', machine(2, 'cortex-a57'), walked))
        cases.append(('a kernel that panics and stays is reported',
                      ['--append', 'rdinit=/none panic=0', '--', '--max-insns', '600000000'], panic))
    print(f'1..{len(cases)}', flush=True)
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs = [pool.submit(function, options) for _, options, function in cases]
        for number, ((what, _, _), job) in enumerate(zip(cases, jobs), 1):
            try:
                problems = job.result()
            except Exception as e:  # a case that breaks is a failure, and the others still count
                problems = [f'{type(e).__name__}: {e}']
            failures += bool(problems)
            print(('not ok' if problems else 'ok'), number, '-', what)
            for problem in problems:
                print('#', problem)
            sys.stdout.flush()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
