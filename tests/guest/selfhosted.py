#!/usr/bin/env python3
"""Self-hosted debug and performance monitors: what tests/guest/selfhosted.S prints here
and on qemu-system-aarch64 is the same but for what DIFFERENCES names. Prints TAP.
"""
import os
import shutil
import subprocess
import tempfile

SOURCE = os.environ.get('SOURCE', '.')
BUILD = os.environ.get('BUILD', 'build')
CROSS = 'aarch64-linux-gnu-gcc'
QEMU = 'qemu-system-aarch64'
MODELS = ('cortex-a53', 'cortex-a57', 'cortex-a72', 'neoverse-n1')

# name: (here, on QEMU, the rule)
DIFFERENCES = {
    'locked_esr': (0x5a000003, 0xc2000022, 'OSLSR_EL1.OSLK is bit 1, QEMU looks at bit 0'),
    'locked_elr': (0x14, 0x8, 'the same'),
    'pmcr_trapped_esr': (0x6230e739, 0x5a000008, 'MDCR_EL2.TPMCR traps PMCR_EL0: QEMU has no such trap'),
    'pmcr_trapped_elr': (0, 8, 'the same'),
}


def lines_of(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                            check=False)
    lines = {}
    for line in result.stdout.splitlines():
        name, _, value = line.partition(' ')
        if len(value) == 16:
            lines[name] = int(value, 16)
    return result.returncode, lines


def compare(here, there):
    problems = []
    for name in sorted(set(here) | set(there)):
        a, b = here.get(name), there.get(name)
        if (a, b) != DIFFERENCES.get(name, (a, a))[:2]:
            problems.append(f'{name}: {a and hex(a)} here, {b and hex(b)} there')
    if len(here) < 60:
        problems.append(f'only {len(here)} lines here')
    return problems


def check(elf, model):
    status, here = lines_of([f'{BUILD}/armillary', 'run', elf, '--cpus', '1', '--cpu', model])
    problems = [f'armillary ended with status {status}'] if status else []
    status, there = lines_of([QEMU, '-M', 'virt,virtualization=on,gic-version=2', '-cpu', model, '-net', 'none',
                              '-display', 'none', '-serial', 'none', '-monitor', 'none',
                              '-semihosting-config', 'enable=on,target=native', '-kernel', elf])
    problems += [f'QEMU ended with status {status}'] if status else []
    return problems + compare(here, there)


def main():
    for tool in (CROSS, QEMU):
        if not shutil.which(tool):
            print(f'1..0 # SKIP {tool} is not installed')
            return
    print(f'1..{len(MODELS)}')
    with tempfile.TemporaryDirectory() as folder:
        elf = f'{folder}/selfhosted.elf'
        subprocess.run([CROSS, '-nostdlib', '-static', '-o', elf,
                        '-Wl,--build-id=none,-N,-Ttext=0x40200000,--no-warn-rwx-segments',
                        f'{SOURCE}/tests/guest/selfhosted.S'], check=True)
        for i, model in enumerate(MODELS, 1):
            problems = check(elf, model)
            print(f'{"not ok" if problems else "ok"} {i} - {model}')
            for problem in problems:
                print(f'# {problem}')


main()
