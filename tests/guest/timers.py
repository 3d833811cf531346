#!/usr/bin/env python3
"""The generic timer, WFI and WFE: what tests/guest/timers.S prints here and on qemu-system-aarch64 is the same but for
what DIFFERENCES names. Prints TAP.
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
WRAPS = 'the condition compares what the counter is now: QEMU looks when its own timer fires'
PCTEN = 'CNTPCT_EL0 at EL0 is trapped by CNTHCTL_EL2.EL1PCTEN: QEMU looks at EL1PCEN'
NO_VIRQ = 'a virtual IRQ is pending only while HCR_EL2.IMO is set: QEMU looks at VI'
NO_WAIT = 'QEMU has no event register: a WFE never waits, and so is never trapped'
SVC, HVC = 0x56000010, 0x5a000077  # nothing was trapped; EL1 has handed it on
TRAP, WFE = 0x6232f861, 0x07e00001
DIFFERENCES = {
    'behind_wrap': (1, 5, WRAPS),
    'pcten_cntpct_el0_esr': (HVC, TRAP, PCTEN), 'pcten_cntpct_el0_esr_el1': (SVC, 0, PCTEN),
    'pcen_cntpct_el0_esr': (TRAP, HVC, PCTEN), 'pcen_cntpct_el0_esr_el1': (0, SVC, PCTEN),
    'twi_no_virtual_esr': (0x07e00000, HVC, NO_VIRQ), 'twi_no_virtual_esr_el1': (0, SVC, NO_VIRQ),
    'twe_el1_esr': (WFE, HVC, NO_WAIT), 'twe_el1_esr_el1': (0, SVC, NO_WAIT),
    'twe_el0_esr_el1': (WFE, SVC, NO_WAIT),
    'twe_second_el1_esr': (WFE, HVC, NO_WAIT), 'twe_second_el1_esr_el1': (0, SVC, NO_WAIT),
    'twe_second_el0_esr_el1': (WFE, SVC, NO_WAIT),
    'ntwe_esr_el1': (WFE, SVC, NO_WAIT),
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
    if len(here) < 250:
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
        elf = f'{folder}/timers.elf'
        subprocess.run([CROSS, '-nostdlib', '-static', '-o', elf,
                        '-Wl,--build-id=none,-N,-Ttext=0x40200000,--no-warn-rwx-segments',
                        f'{SOURCE}/tests/guest/timers.S'], check=True)
        for i, model in enumerate(MODELS, 1):
            problems = check(elf, model)
            print(f'{"not ok" if problems else "ok"} {i} - {model}')
            for problem in problems:
                print(f'# {problem}')


main()
