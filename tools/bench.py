#!/usr/bin/env python3
"""The benchmark's guests on Armillary and, where it is installed, on QEMU: the same ELF, one right after the other.

Usage: bench.py BUILD [NAME...]

Million instructions a second of `armillary bench` (MMU, timing and recording on), and how many times faster that is
than QEMU plain, with -icount shift=0, and with one instruction in each translation block. Times are those that the
processor spent, so that a loaded host disturbs less; with several CPUs plain QEMU runs on several processors at once.
The ratio to QEMU takes the whole of a run on both sides.
"""
import os
import re
import resource
import shutil
import subprocess
import sys

GUESTS = ['cpu', 'mix', 'chase', 'copy', 'crc', 'matmul', 'call', 'trap', 'tables']
QEMU = 'qemu-system-aarch64'
CPU = 'cortex-a57'  # has all that the guests use
MACHINE = ['-M', 'virt,virtualization=on,gic-version=2', '-cpu', CPU, '-m', '512M', '-nographic',
           '-net', 'none']
SECONDS_MAX = 600


def one_insn_option():
    """-> the option for one instruction per block, by the version"""
    text = subprocess.run([QEMU, '--version'], capture_output=True, text=True, check=True).stdout
    major = int(re.search(r'version (\d+)', text)[1])
    return ['-singlestep'] if major < 8 else ['-accel', 'tcg,one-insn-per-tb=on']


def spend(command):
    """-> (processor seconds of a command, its output)"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS_MAX)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode != 0:
        raise SystemExit(f'bench: {" ".join(command)}: {result.stderr.strip() or result.stdout.strip()}')
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, result.stdout


def measure(build, guest, cpus, modes):
    """-> (rate of ours, instructions, ratio by mode or None when the guest said something else there)"""
    program, elf = os.path.join(build, 'armillary'), os.path.join(build, 'tests', 'bench', guest + '.elf')
    _, text = spend([program, 'bench', guest, '--cpus', str(cpus), '--cpu', CPU])
    rate = float(re.search(r'value=(\S+)', text)[1])
    seconds, ours = spend([program, 'run', elf, '--cpus', str(cpus), '--cpu', CPU, '--ram', '512M'])
    insns = int(re.search(r'insns=(\d+)', ours)[1])
    ratios = {}
    for mode, options in modes:
        theirs, text = spend([QEMU] + MACHINE + ['-smp', str(cpus)] + options + ['-kernel', elf])
        same = [line for line in ours.splitlines() if 'result=' in line and 'summary' not in line] == \
            [line for line in text.splitlines() if 'result=' in line]
        ratios[mode] = theirs / seconds if same else None
    return rate, insns, ratios


def main():
    build, names = sys.argv[1], sys.argv[2:] or GUESTS
    for name in names:
        if name not in GUESTS:
            raise SystemExit(f'bench: {name}: no such guest; there are {" ".join(GUESTS)}')
    modes = []
    if shutil.which(QEMU):
        modes = [('plain', []), ('icount', ['-icount', 'shift=0']), ('one-insn', one_insn_option())]
    else:
        print(f'bench: no {QEMU} to compare with (Debian package qemu-system-arm)')
    print(f'{"guest":8} {"cpus":>4} {"Minsns":>8} {"Minsns/s":>9}' +
          ''.join(f' {"x " + mode:>10}' for mode, _ in modes))
    for name in names:
        for cpus in (1,) if name == 'cpu' else (1, 4):
            rate, insns, ratios = measure(build, name, cpus, modes)
            cells = ''.join(f' {"differs" if ratio is None else format(ratio, ".2f"):>10}'
                            for ratio in ratios.values())
            print(f'{name:8} {cpus:>4} {insns / 1e6:>8.1f} {rate:>9.1f}{cells}', flush=True)


main()
