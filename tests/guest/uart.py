#!/usr/bin/env python3
"""The PL011 beside qemu-system-aarch64: random programs of register accesses run as a guest on both, and a model of the
manual in Python says what each read must give. A difference is excused only if what Armillary reads is what the model
says, and what QEMU reads is what the model says with entries of DIFFERENCES, each of which changes it at the one place
where it matters. Prints TAP; with LONG set, more of it.
"""
import collections
import os
import random
import re
import shutil
import struct
import subprocess
import tempfile

from uart_model import CR, DR, FEN, FR, ICR, LBE, LCR_H, MIS, READ, RIS, WRITE, Uart

SOURCE = os.environ.get('SOURCE', '.')
BUILD = os.environ.get('BUILD', 'build')
CROSS = 'aarch64-linux-gnu-gcc'
QEMU = 'qemu-system-aarch64'
SEEDS, ACCESSES = (20, 20000) if os.environ.get('LONG') else (3, 6000)
READS_OF_ROW = 100  # every register is read at least so often on both sides

# Arm DDI 0183 is what decides.
DIFFERENCES = {
    'reserved-bits': 'QEMU keeps reserved bits of registers: they read as zero ("must be written as 0, read as zero")',
    'loopback': 'QEMU 7.2 has no loopback: UARTCR.LBE does nothing; nothing is received, and no modem line moves',
}

def program(rng, count):
    """accesses: (size, is_write, offset, value); in spells with loopback and without"""
    accesses = []
    while len(accesses) < count:
        spell = rng.choice(('plain', 'loop', 'loop', 'any'))
        for _ in range(rng.randrange(20, 200)):
            size = rng.choice((1, 2, 4, 4, 4))
            if rng.random() < 0.5:
                offset = rng.choice(READ + [DR, FR, RIS, MIS, RIS] + [0xf00])
                accesses.append((size, False, offset, 0))
                continue
            offset = rng.choice(WRITE + [DR] * 12 + [ICR] * 3)
            value = rng.getrandbits(32) if rng.random() < 0.3 else rng.getrandbits(8)
            if offset == CR:
                value = rng.getrandbits(16) & ~(LBE | 6) | (LBE if spell == 'loop' else 0)
                if spell == 'any':
                    value = rng.getrandbits(32) & ~6
                size = 4
            if offset == LCR_H and rng.random() < 0.8:
                value |= FEN
            accesses.append((size, True, offset, value & ((1 << 8 * size) - 1)))
    return accesses


def expected(accesses, entries):
    uart, values = Uart(entries), []
    for size, is_write, offset, value in accesses:
        if is_write:
            uart.write(offset, value)
        else:
            word, timed = uart.read(offset)
            mask = (1 << 8 * size) - 1
            values.append((word & mask, timed & mask))
    return values


def build(folder, accesses):
    with open(f'{folder}/table.bin', 'wb') as f:
        for size, is_write, offset, value in accesses:
            f.write(struct.pack('<II', size << 16 | is_write << 15 | offset, value))
        f.write(bytes(8))
    subprocess.run([CROSS, '-nostdlib', '-static', '-o', f'{folder}/uart.elf', f'-Wa,-I{folder}',
                    '-Wl,--build-id=none,-N,-Ttext=0x40200000,--no-warn-rwx-segments',
                    f'{SOURCE}/tests/guest/uart.S'], check=True)


def values_of(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    lines = result.stdout.rpartition(b'\n====\n')[2].split(b'\n')
    return result.returncode, [int(line, 16) for line in lines if re.fullmatch(rb'[0-9a-f]{8}', line)]


def same(value, wanted):
    return value & ~wanted[1] == wanted[0] & ~wanted[1]


def compare(accesses, here, there):
    """-> problems, reads of each register, hits of each entry"""
    problems, reads, hits = [], collections.Counter(), collections.Counter()
    manual, other = expected(accesses, ()), expected(accesses, tuple(DIFFERENCES))
    alone = {name: expected(accesses, tuple(n for n in DIFFERENCES if n != name)) for name in DIFFERENCES}
    wanted = [a for a in accesses if not a[1]]
    if len(here) != len(wanted) or len(there) != len(wanted):
        return [f'{len(here)} values here, {len(there)} there, {len(wanted)} wanted'], reads, hits
    for i, (size, _, offset, _) in enumerate(wanted):
        reads[offset] += 1
        where = f'read {i} of {size} bytes at {offset:#x}'
        if not same(here[i], manual[i]):
            problems.append(f'{where}: {here[i]:#x} here, by the manual {manual[i][0]:#x}')
        if not same(there[i], other[i]):
            problems.append(f'{where}: {there[i]:#x} on QEMU, {other[i][0]:#x} by the list, '
                            f'{manual[i][0]:#x} by the manual')
        for name, without in alone.items():
            hits[name] += not same(there[i], without[i])
    return problems, reads, hits


def main():
    for tool in (CROSS, QEMU):
        if not shutil.which(tool):
            print(f'1..0 # SKIP {tool} is not installed')
            return
    print(f'1..{SEEDS + 2}')
    reads, hits = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, SEEDS + 1):
            accesses = program(random.Random(seed), ACCESSES)
            build(folder, accesses)
            elf = f'{folder}/uart.elf'
            ours, here = values_of([f'{BUILD}/armillary', 'run', elf, '--cpus', '1'])
            theirs, there = values_of([QEMU, '-M', 'virt,virtualization=on,gic-version=2', '-cpu', 'cortex-a57', '-net',
                                       'none', '-display', 'none', '-serial', 'null', '-monitor', 'none',
                                       '-semihosting-config', 'enable=on,target=native', '-kernel', elf])
            problems, r, h = compare(accesses, here, there)
            if ours or theirs:
                problems.append(f'status {ours} here, {theirs} on QEMU')
            reads += r
            hits += h
            print(f'{"not ok" if problems else "ok"} {seed} - {len(here)} values of seed {seed}')
            for problem in problems[:10]:
                print(f'# {problem}')
    few = [f'{offset:#x}: {reads[offset]} reads' for offset in READ if reads[offset] < READS_OF_ROW]
    print(f'{"not ok" if few else "ok"} {SEEDS + 1} - every register is read {READS_OF_ROW} times')
    for line in few:
        print(f'# {line}')
    never = [name for name in DIFFERENCES if hits[name] == 0]
    print(f'{"not ok" if never else "ok"} {SEEDS + 2} - each entry of the list is needed: {dict(hits)}')
    for name in never:
        print(f'# {name}: {DIFFERENCES[name]}')


main()
