#!/usr/bin/env python3
"""Debian's stock kernel boots at EL2, starts KVM, and KVM runs a guest: twice, to the same state.

Without the payload (./dev linux makes it, in the cache folder) this is skipped, unless CI is true, when it is made.
With LONG every number of CPUs, every core and the Linux guest. The second run is recorded, and has to be the same for
all that; some recordings are then walked in: back from random places, with names of the kernel.
"""
import os
import random
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
sys.path.insert(0, os.path.join(SOURCE, 'payload'))
import boot  # noqa: E402  (the path is known only now)
import build  # noqa: E402

IS_CI = os.environ.get('CI') == 'true'
# what, options, whether twice
SHORT = [('KVM and a bare-metal guest, 2 CPUs', ['--mode', 'tiny'], True)]
WALKED = {SHORT[0][0]: 30}  # recordings that are walked in: so many places
LONG = [(f'a Linux guest, {cpus} CPUs, {cpu}', ['--cpus', str(cpus), '--cpu', cpu], True)
        for cpus, cpu in [(1, 'cortex-a57'), (2, 'cortex-a57'), (4, 'cortex-a57'), (8, 'cortex-a57'),
                          (2, 'cortex-a53'), (2, 'cortex-a72')]]
WALKED_LONG = {LONG[1][0]: 200}
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


class Walk:
    """a recording that is walked in"""

    def __init__(self, trace, symbols):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, 'armillary'), 'replay', trace, '--steps', '--symbols', symbols], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def do(self, command, answer):
        """-> the line of the answer"""
        print(command, file=self.process.stdin, flush=True)
        for line in self.process.stdout:
            if line.startswith(answer):
                return line
        raise EOFError(self.process.stderr.read())

    def seconds(self):
        """-> the time of a processor that it has used"""
        with open(f'/proc/{self.process.pid}/schedstat', encoding='ascii') as file:
            return int(file.read().split()[0]) / 1e9

    def peak(self):
        """-> the most memory that it has used, in bytes"""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as file:
            return int(re.search(r'VmHWM:\s+(\d+) kB', file.read())[1]) * 1024

    def end(self):
        self.process.communicate('quit\n')
        return self.process.returncode


def walk(trace, symbols, places, expected):
    """-> what is wrong: all hashes are compared up to the end, and then it goes back by a step at random places"""
    walk, slowest, named, code = Walk(trace, symbols), 0, 0, 0
    last = int(walk.do('to end', 'step').split()[1])
    problems = [] if walk.do('hash', 'hash').split()[1] == expected else ['another hash at the end']
    chosen = random.Random(last)
    for step in (chosen.randrange(1, last) for _ in range(places)):
        words = walk.do(f'to {step}', 'step').split()  # step N CPU c ELe ADDRESS NAME: INSTRUCTION
        before = walk.do('hash', 'hash')
        started = walk.seconds()
        walk.do('back', f'step {step - 1} ')
        slowest = max(slowest, walk.seconds() - started)
        walk.do('step', f'step {step} ')
        if walk.do('hash', 'hash') != before:
            problems.append(f'step {step}: to and fro is another state')
        if words[4] != 'EL0' and int(words[5], 16) >> 63:
            code += 1
            named += not words[6].startswith('0x')
    peak, status = walk.peak(), walk.end()
    print(f'# back by a step: {1000 * slowest:.1f} ms at most; {named} of {code} places named; {peak >> 20} MiB')
    if status != 0:
        problems.append(f'status {status}')
    if slowest > 0.2:
        problems.append(f'{slowest:.3f} s for a step back')
    if peak >= 2 << 30:
        problems.append(f'{peak} bytes of memory')
    if named < 0.95 * code or code == 0:
        problems.append(f'{named} of {code} places in the kernel have a name')
    return problems


def judge_recording(trace, summary, places, folder):
    """-> what is wrong with the recording of a run that ended with this summary"""
    expected = re.search(r' hash=([0-9a-f]{16})', summary)[1]
    result = subprocess.run([os.path.join(BUILD, 'armillary'), 'replay', trace, '--no-story', '--engine', 'precise',
                             *([] if os.environ.get('LONG') else ['--to', '30000000'])],
                            capture_output=True, text=True, check=False)
    problems = []
    if result.returncode != 0:
        problems = [f'replay: status {result.returncode}', *result.stderr.splitlines()[:3]]
    symbols = os.path.join(folder, 'System.map')
    with open(symbols, 'wb') as file:
        subprocess.run([sys.executable, os.path.join(SOURCE, 'payload', 'symbols.py'), boot.cache_folder() / 'Image'],
                       stdout=file, check=True)
    return problems + walk(trace, symbols, places, expected)


def main():
    if not IS_CI and not build.is_current(boot.cache_folder()):
        print('1..0 # SKIP no payload in the cache: ./dev linux makes it')
        return 0
    cases = SHORT + (LONG if os.environ.get('LONG') else [])
    print(f'1..{len(cases)}', flush=True)
    places = WALKED | (WALKED_LONG if os.environ.get('LONG') else {})
    failures = 0
    for number, (what, options, is_twice) in enumerate(cases, 1):
        problems, first = run(options)
        if is_twice and not problems:
            with tempfile.TemporaryDirectory() as folder:
                trace = os.path.join(folder, 'boot.trace')
                rest = [] if '--' in options else ['--']
                problems, second = run([*options, *rest, '--record', trace])
                if not problems and first != second:
                    problems = ['two runs differ:', first, second]
                if not problems and what in places:
                    problems = judge_recording(trace, second, places[what], folder)
        failures += bool(problems)
        print(('not ok' if problems else 'ok'), number, '-', what)
        for problem in problems:
            print('#', problem)
        sys.stdout.flush()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
