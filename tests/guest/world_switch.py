#!/usr/bin/env python3
"""What a world switch costs (tests/guest/world_switch.c) on the Cortex-A57's timing table, beside what was measured on
hardware: that the virtual interface control dominates has to fall out of the cost of its accesses. Prints TAP.

Published: Dall, Li, Lim, Nieh and Koloventzos, "ARM Virtualization: Performance and Architectural Implications", ISCA
2016, the table of what a KVM ARM hypercall saves and restores, on an Applied Micro X-Gene at 2.4 GHz with a GICv2,
Linux 4.0. The parts add up to 4,202 and 1,506 of the 6,500 cycles of a hypercall; the rest is the host's own work.
"""
import os
import re
import shutil
import subprocess
import tempfile

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
CROSS = 'aarch64-linux-gnu-gcc'
FLAGS = ['-std=gnu11', '-O2', '-ffreestanding', '-march=armv8-a', '-fno-pic', '-fno-pie', '-fomit-frame-pointer',
         '-fno-tree-loop-distribute-patterns', '-fno-stack-protector', '-fno-asynchronous-unwind-tables',
         '-mgeneral-regs-only', '-static', '-nostdlib', '-Wl,--build-id=none', '-Wl,-z,noexecstack',
         '-Wl,--no-warn-rwx-segments', '-Wall', '-Wextra', '-Werror', f'-I{SOURCE}']
LIBRARY = [f'-Wl,-T,{SOURCE}/tests/bench/guest.ld', f'{SOURCE}/tests/bench/start.S', f'{SOURCE}/tests/bench/guest.c']
PUBLISHED = {'general': (152, 184), 'vector': (282, 310), 'el1': (230, 511), 'vgic': (3250, 181), 'timer': (104, 106),
             'el2': (184, 214)}  # EL2's configuration and its virtual memory registers
# How far off: the table knows the accesses to the GIC one by one, and the rest as plain instructions, which the
# published figures have with the cache misses and stalls of a real switch
WITHIN = {'vgic': 0.10}
TOTAL_WITHIN = 0.30


def measured(folder):
    """-> for each part the cycles of its save and its restore"""
    elf = f'{folder}/world_switch.elf'
    subprocess.run([CROSS, *FLAGS, '-o', elf, *LIBRARY, f'{SOURCE}/tests/guest/world_switch.c'], check=True)
    result = subprocess.run([f'{BUILD}/armillary', 'run', elf, '--cpus', '1', '--cpu', 'cortex-a57'],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                            check=False, timeout=300)
    return {name: (int(save), int(restore))
            for name, save, restore in re.findall(r'^(\w+) (\d+) (\d+)$', result.stdout, re.MULTILINE)}, result.stdout


def result(number, problems, what):
    print(f'{"not ok" if problems else "ok"} {number} - {what}')
    for problem in problems:
        print(f'# {problem}')


def main():
    if not shutil.which(CROSS):
        print(f'1..0 # SKIP {CROSS} is not installed')
        return
    print('1..3')
    with tempfile.TemporaryDirectory() as folder:
        parts, said = measured(folder)
    missing = [f'no {name}: {said[-300:]}' for name in PUBLISHED if name not in parts]
    result(1, missing, 'each part has a cost')
    if missing:
        raise SystemExit(1)
    for name, (save, restore) in PUBLISHED.items():
        print(f'# {name}: {parts[name][0]} and {parts[name][1]} cycles; published {save} and {restore}')
    wrong = [f'{name}: {parts[name][i]} cycles, published {PUBLISHED[name][i]}' for name, limit in WITHIN.items()
             for i in (0, 1) if abs(parts[name][i] - PUBLISHED[name][i]) > limit * PUBLISHED[name][i]]
    result(2, wrong, 'saving and restoring the virtual interface control cost what was measured, within 10 %')
    total, published = (sum(sum(of) for of in table.values()) for table in (parts, PUBLISHED))
    wrong = [] if abs(total - published) <= TOTAL_WITHIN * published and 2 * sum(parts['vgic']) > total else ['too far']
    result(3, wrong, f'a world switch costs {total} cycles, published {published}; most of it is the virtual interface')


main()
