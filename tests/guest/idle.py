#!/usr/bin/env python3
"""Sleeping CPUs with a tick each (tests/bench/idle.S): every tick comes once, at its time, in 1,000 seconds of eight
CPUs; both engines and two runs end in the same state; and on qemu-system-aarch64 the program counts the same. Nothing
here looks at how long it takes: `armillary bench idle` does. Prints TAP.
"""
import os
import re
import shutil
import subprocess
import tempfile

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
CROSS = 'aarch64-linux-gnu-gcc'
QEMU = 'qemu-system-aarch64'
RATE = 100


def assemble(folder, seconds):
    elf = f'{folder}/idle-{seconds}.elf'
    subprocess.run([CROSS, f'-DSECONDS={seconds}', '-nostdlib', '-static', '-o', elf,
                    f'-Wl,--build-id=none,-T,{SOURCE}/tests/bench/guest.ld', '-Wl,--no-warn-rwx-segments',
                    f'{SOURCE}/tests/bench/idle.S'], check=True)
    return elf


def run(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                            text=True, check=False, timeout=500)
    return result.returncode, result.stdout


def counted(output, cpus, seconds):
    """-> what is wrong with the sums that the guest printed"""
    found = dict(re.findall(r'^(ticks|periods|stray) (\d+)\r?$', output, re.MULTILINE))
    want = {'ticks': str(cpus * seconds * RATE), 'periods': str(cpus * seconds * RATE), 'stray': '0'}
    return [] if found == want else [f'{found}, not {want}: {output[-300:]}']


def here(elf, cpus, *options):
    """-> output, (instructions, cycles, hash)"""
    status, output = run([f'{BUILD}/armillary', 'run', elf, '--cpus', str(cpus), *options])
    keys = dict(re.findall(r'([a-z_]+)=(\S+)', output.splitlines()[-1]))
    ended = tuple(keys.get(key) for key in ('insns', 'cycles', 'hash'))
    return output if status == 0 else f'status {status}\n{output}', ended


def check_long(_folder):
    output, ended = here(f'{BUILD}/tests/bench/idle.elf', 8)
    problems = counted(output, 8, 1000)
    seconds = int(ended[1] or 0) / 1e9
    return problems + ([] if 1000 <= seconds < 1000.001 else [f'{seconds} seconds have passed'])


def check_same(folder):
    elf, problems, ends = assemble(folder, 10), [], set()
    for options in ([], [], ['--engine', 'precise'], ['--engine', 'precise']):
        output, ended = here(elf, 8, *options)
        problems += counted(output, 8, 10)
        ends.add(ended)
    return problems + ([] if len(ends) == 1 else [f'different ends: {sorted(ends)}'])


def check_late(folder):
    """late lines make an interrupt that is no tick, and lose none"""
    elf, stray = assemble(folder, 5), 0
    problems = []
    for seed in range(4):
        output, _ = here(elf, 8, '--seed', str(seed), '--rate', '3', '--choices', 'line-assert,line-deassert,irq-take')
        found = dict(re.findall(r'^(ticks|periods|stray) (\d+)$', output, re.MULTILINE))
        stray += int(found.get('stray', 0))
        if [found.get(key) for key in ('ticks', 'periods')] != [str(8 * 5 * RATE)] * 2:
            problems.append(f'seed {seed}: {output[-300:]}')
    return problems + ([] if stray else ['no interrupt has been late'])


def check_qemu(folder):
    """by counted instructions: by its host's clock a CPU that is late to stop has more ticks"""
    _, output = run([QEMU, '-M', 'virt,virtualization=on,gic-version=2', '-cpu', 'cortex-a57', '-smp', '8',
                     '-icount', 'shift=0,sleep=off', '-net', 'none', '-display', 'none', '-monitor', 'none',
                     '-serial', 'stdio', '-kernel', assemble(folder, 1)])
    return counted(output, 8, 1)


CHECKS = [('1,000 seconds of eight CPUs', check_long), ('both engines and two runs agree', check_same),
          ('late lines lose no tick', check_late), ('the program counts the same on QEMU', check_qemu)]


def main():
    for tool in (CROSS, QEMU):
        if not shutil.which(tool):
            print(f'1..0 # SKIP {tool} is not installed')
            return
    print(f'1..{len(CHECKS)}', flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, (what, check) in enumerate(CHECKS, 1):
            problems = check(folder)
            print(f'{"not ok" if problems else "ok"} {number} - {what}', flush=True)
            for problem in problems:
                print('# ' + problem.replace('\n', '\n# '))


main()
