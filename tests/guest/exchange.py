#!/usr/bin/env python3
"""Four CPUs send each other SGIs while each has a tick (tests/guest/exchange.c): none is lost or comes twice while
lines are late, interrupts wait and CPUs are held, by random seeds; here, with the checker irq on, and without those on
qemu-system-aarch64. LONG: a million of them. Prints TAP.
"""
import os
import re
import shutil
import subprocess
import tempfile

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
LONG = bool(os.environ.get('LONG'))
CROSS = 'aarch64-linux-gnu-gcc'
QEMU = 'qemu-system-aarch64'
CPUS = 4
CHOICES = 'line-assert,line-deassert,irq-take,next-cpu'
SHORT_ROUNDS, LONG_ROUNDS = 1700, 83334  # from each CPU to each other one: 20,400 and 1,000,008 in all
PERIOD = 500
QEMU_ROUNDS, QEMU_PERIOD = 300, 62500  # the host's time: a tick must leave some to do anything else
FLAGS = ['-std=gnu11', '-O2', '-ffreestanding', '-march=armv8-a', '-mno-outline-atomics', '-fno-pic', '-fno-pie',
         '-fno-tree-loop-distribute-patterns', '-fno-stack-protector', '-fno-asynchronous-unwind-tables',
         '-mgeneral-regs-only', '-static', '-nostdlib', '-Wl,--build-id=none', '-Wl,-z,noexecstack',
         '-Wl,--no-warn-rwx-segments', '-Wall', '-Wextra', '-Werror', f'-I{SOURCE}', f'-DEXCHANGE_CPUS={CPUS}u']
LIBRARY = [f'-Wl,-T,{SOURCE}/tests/bench/guest.ld', f'{SOURCE}/tests/bench/start.S', f'{SOURCE}/tests/bench/guest.c']


def build(folder, rounds, period):
    elf = f'{folder}/exchange-{rounds}-{period}.elf'
    subprocess.run([CROSS, *FLAGS, f'-DROUNDS={rounds}u', f'-DPERIOD={period}u', '-o', elf, *LIBRARY,
                    f'{SOURCE}/tests/guest/exchange.c'], check=True)
    return elf


def run(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                            text=True, check=False, timeout=1500)
    return result.returncode, result.stdout


def judge(status, output, rounds):
    """-> what is wrong, how many interrupts were late or spurious"""
    found = re.search(r'^exchange cpus=(\d+) result=([0-9a-f]{16})', output, re.MULTILINE)
    if status != 0 or not found or int(found[1]) != CPUS:
        return [f'status {status}: {output[-400:]}'], 0
    result = int(found[2], 16)
    sgis, late, faults = result & 0xffffffff, result >> 32 & 0xfffffff, result >> 60
    want = CPUS * (CPUS - 1) * rounds
    problems = [f'{faults} faults'] if faults else []
    return problems + ([] if sgis == want else [f'{sgis} SGIs, not {want}']), late


def here(elf, rounds, *options):
    return judge(*run([f'{BUILD}/armillary', 'run', elf, '--cpus', str(CPUS), '--check', 'irq', *options]), rounds)


def check_quiet(folder):
    problems, late = here(build(folder, SHORT_ROUNDS, PERIOD), SHORT_ROUNDS)
    return problems + ([f'{late} late interrupts with all choices closed'] if late else [])


def check_seeds(folder):
    elf, problems, latest = build(folder, SHORT_ROUNDS, PERIOD), [], 0
    for seed in range(20 if LONG else 3):
        wrong, late = here(elf, SHORT_ROUNDS, '--seed', str(seed), '--rate', str((2, 10, 100)[seed % 3]), '--choices',
                           CHOICES)
        problems += [f'seed {seed}: {what}' for what in wrong]
        latest = max(late, latest)
    return problems + ([] if latest > SHORT_ROUNDS // 10 else [f'at most {latest} interrupts were late'])


def check_quantum(folder):
    elf = build(folder, SHORT_ROUNDS, PERIOD)
    return here(elf, SHORT_ROUNDS, '--quantum', '1', '--seed', '7', '--rate', '20', '--choices', CHOICES)[0]


def check_qemu(folder):
    status, output = run([QEMU, '-M', 'virt,virtualization=on,gic-version=2', '-cpu', 'cortex-a57', '-smp', str(CPUS),
                          '-net', 'none', '-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-kernel',
                          build(folder, QEMU_ROUNDS, QEMU_PERIOD)])
    return judge(status, output, QEMU_ROUNDS)[0]


def check_million(folder):
    elf, problems = build(folder, LONG_ROUNDS, PERIOD), []
    for rate in (5, 50):
        wrong, late = here(elf, LONG_ROUNDS, '--seed', str(rate), '--rate', str(rate), '--choices', CHOICES)
        problems += [f'rate {rate}: {what}' for what in wrong]
        problems += [] if late else [f'rate {rate}: no interrupt was late']
    return problems


CHECKS = [('20,400 SGIs and the ticks, all choices closed', check_quiet), ('the same by random seeds', check_seeds),
          ('the same with turns of one instruction', check_quantum), ('the same program on QEMU', check_qemu)]


def main():
    checks = CHECKS + ([('a million SGIs', check_million)] if LONG else [])
    for tool in (CROSS, QEMU):
        if not shutil.which(tool):
            print(f'1..0 # SKIP {tool} is not installed')
            return
    print(f'1..{len(checks)}', flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, (what, check) in enumerate(checks, 1):
            problems = check(folder)
            print(f'{"not ok" if problems else "ok"} {number} - {what}', flush=True)
            for problem in problems:
                print('# ' + problem.replace('\n', '\n# '))


main()
