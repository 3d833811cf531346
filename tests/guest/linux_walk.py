"""Walking in the recording of a boot: replayed whole, then back by a step from random places, with the kernel's names.

How long a step back takes is printed (processor time), and not judged.
"""
import os
import random
import re
import subprocess

from linux_payload import ARMILLARY, write_names


# It is executed at addresses that are not linked ones.
HYPERVISOR = '__kvm_nvhe___kvm_vcpu_run'


class Walk:
    """a recording that is walked in"""

    def __init__(self, trace, names):
        self.process = subprocess.Popen(
            [ARMILLARY, 'replay', trace, '--steps', '--symbols', names], text=True, bufsize=1,
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


def walk(trace, names, places, expected):
    """-> what is wrong: all hashes are compared on the way to the end; then back by one step from random places"""
    walk, slowest, named, code = Walk(trace, names), 0, 0, 0
    last = int(walk.do('to end', 'step').split()[1])
    problems = [] if walk.do('hash', 'hash').split()[1] == expected else ['another hash at the end']
    chosen = random.Random(last)
    for step in (chosen.randrange(1, last) for _ in range(places)):
        words = walk.do(f'to {step}', 'step').split()  # step N CPU c ELe ADDRESS[ NAME]: INSTRUCTION
        before = walk.do('hash', 'hash')
        started = walk.seconds()
        walk.do('back', f'step {step - 1} ')
        slowest = max(slowest, walk.seconds() - started)
        walk.do('step', f'step {step} ')
        if walk.do('hash', 'hash') != before:
            problems.append(f'step {step}: to and fro is another state')
        if words[4] != 'EL0' and int(words[5].rstrip(':'), 16) >> 63:
            code += 1
            named += not words[5].endswith(':')
    # Code is found by its name wherever EL2 has it; and the last time is before that after a later one.
    walk.do('to start', 'step 0 ')
    there = [walk.do(f'until {HYPERVISOR}', 'step').split() for _ in range(3)]
    back = [walk.do(f'since {HYPERVISOR}', 'step').split() for _ in range(2)]
    if any(words[4] != 'EL2' or words[6] != f'{HYPERVISOR}:' for words in there) or back != there[1::-1]:
        problems.append(f'{HYPERVISOR}: {there}, and back {back}')
    peak, status = walk.peak(), walk.end()
    print(f'# back by a step: {1000 * slowest:.1f} ms at most; {named} of {code} places named; {peak >> 20} MiB')
    if status != 0:
        problems.append(f'status {status}')
    if peak >= 2 << 30:
        problems.append(f'{peak} bytes of memory')
    if named < 0.95 * code or code == 0:
        problems.append(f'{named} of {code} places in the kernel have a name')
    return problems


def judge(trace, summary, places):
    """-> what is wrong with the recording of a run that ended with this summary"""
    expected = re.search(r' hash=([0-9a-f]{16})', summary)[1]
    result = subprocess.run([ARMILLARY, 'replay', trace, '--no-story', '--engine', 'precise',
                             *([] if os.environ.get('LONG') else ['--to', '30000000'])],
                            capture_output=True, text=True, check=False)
    problems = []
    if result.returncode != 0:
        problems = [f'replay: status {result.returncode}', *result.stderr.splitlines()[:3]]
    names = trace + '.map'
    write_names(names)
    return problems + walk(trace, names, places, expected)
