#!/usr/bin/env python3
"""What a PL011 receives, beside qemu-system-aarch64: random programs of register accesses with characters that come
from outside, breaks, silences and looks at the interrupt line, told to the machine (uart_driver.c) and to QEMU (its
qtest protocol, a socket as the other end of the line), each in a known order. A model of the manual in Python says what
each value must be. A difference is excused only if Armillary's value is the model's, and QEMU's is the model's with
entries of DIFFERENCES, each of which changes it at the one place where it matters. Prints TAP; with LONG, more of it.
"""
import collections
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time

from uart_model import (BE, BRK, CR, DR, FEN, FR, IBRD, ICR, IFLS, IMSC, LBE, LCR_H, MIS, READ, RIS, RXE, SIREN, WRITE,
                        Uart)

BUILD = os.environ.get('BUILD', 'build')
QEMU = 'qemu-system-aarch64'
SEEDS, OPERATIONS = (12, 40000) if os.environ.get('LONG') else (6, 16000)
ACCESSES_OF_ROW = 100  # each register is read and written at least so often, on both sides
HAPPENS = 100  # and so often does each of these happen
EVENTS = ('timeout', 'overrun', 'full', 'break', *(f'level {n}' for n in (1, 2, 4, 8, 12, 14)))
UART, PENDING, INTERRUPT = 0x9000000, 0x8000204, 1  # GICD_ISPENDR1, and the bit of SPI 1
WAITING_MAX = 32  # characters that the partner has not yet sent
PATIENCE = 60  # seconds

# Arm DDI 0183 is what decides: what QEMU 7.2 does otherwise, and the rule.
DIFFERENCES = {
    'reserved-bits': 'it keeps reserved bits of registers: they read as zero (register descriptions)',
    'loopback': 'UARTCR.LBE does nothing: nothing is received, no modem line moves (Loopback testing)',
    'infrared': 'with UARTCR.SIREN characters go to UARTTXD all the same: they go to nSIROUT (UARTCR.SIREN)',
    'receive-enable': 'it receives whatever UARTCR says: not without RXE, not with LBE or SIREN (UARTCR.RXE)',
    'receive-level': 'the receive interrupt comes with the first character: at the level of UARTIFLS (UARTRXINTR)',
    'receive-timeout': 'there is no receive timeout: after 32 bit periods with data in the FIFO (UARTRTINTR)',
    'break-interrupt': 'a break in the FIFO does not set UARTRIS.BERIS (UARTEINTR)',
    'flush': 'UARTRIS.RXRIS stays when UARTLCR_H.FEN changes and nothing is left, until that is read (UARTRXINTR)',
    'flush-flags': 'UARTFR.RXFE and RXFF stay then as well, until the next character comes or is read (UARTFR)',
    'fifo-place': 'with the FIFOs off it goes through its 16 places: a read without a character shows another old one',
}


# --- programs --------------------------------------------------------------------------------------------------------

def accesses(rng, uart_on):
    """-> one access or event, or a few of a kind"""
    what = rng.random()
    if what < 0.05:
        return [('c', bytes(rng.getrandbits(8) for _ in range(rng.choice((1, 1, 1, 2, 3, 4, 8, 16)))))]
    if what < 0.12:
        return [('t',)]
    if what < 0.18:
        return [('l',)]
    size = rng.choice((1, 2, 4, 4, 4))
    if what < 0.25:
        return [('r', size, DR)] * rng.randrange(1, 24)
    if what < 0.6:
        return [('r', size, rng.choice(READ + [DR] * 6 + [FR, FR, RIS, RIS, MIS, 0xf00]))]
    if what < 0.64:
        level = ('w', size, IFLS, rng.choice((0, 0, 1, 1, 2, 2, 3, 3, 3, 4)) << 3 | rng.randrange(6))
        fill = [('r', 4, DR)] * 17 + [('c', bytes(rng.getrandbits(8) for _ in range(rng.randrange(1, 17)))), ('l',)]
        return [level, *(fill if rng.random() < 0.6 else [])]
    offset = rng.choice(WRITE + [DR] * 3 + [ICR] * 3 + [LCR_H])
    value = rng.getrandbits(32) if rng.random() < 0.3 else rng.getrandbits(8)
    if offset == CR:
        size, value = 4, uart_on | rng.getrandbits(16) & 0xff79
    if offset == IBRD:
        value &= 0xff
    if offset == IMSC and rng.random() < 0.5:
        value = 0x7ff
    if offset == LCR_H:
        value = value & ~(BRK | FEN) | (FEN if rng.random() < 0.75 else 0)
    return [('w', size, offset, value & ((1 << 8 * size) - 1))]


def line_break(rng, uart_on):
    """a break: here by loopback, on QEMU it comes from outside"""
    lines = rng.choice((FEN, FEN | 0x60))
    return [('w', 4, CR, uart_on | LBE | rng.getrandbits(6) << 8), ('w', 4, LCR_H, lines), ('w', 4, LCR_H, lines | BRK),
            ('b',), ('w', 4, LCR_H, lines), ('w', 4, CR, uart_on)]


def program(rng, count):
    """operations, in spells: the receiver on, off, infrared, or looped back, where it can overrun"""
    operations = []
    while len(operations) < count:
        uart_on = rng.choice((RXE, RXE, RXE, RXE, 0, RXE | SIREN, RXE | LBE)) | 0x101
        operations.append(('w', 4, CR, uart_on))
        for _ in range(rng.randrange(20, 120)):
            if uart_on & LBE and rng.random() < 0.3:
                operations += [('w', 1, DR, rng.getrandbits(8))] * rng.randrange(1, 19)
            elif uart_on == RXE | 0x101 and rng.random() < 0.06:
                operations += line_break(rng, uart_on)
            else:
                operations += accesses(rng, uart_on)
    return operations


class Model:
    """applies operations to the manual's UART"""

    def __init__(self, entries):
        self.uart = Uart(entries, is_timed=True)
        self.has_line_breaks = 'loopback' in entries

    def room(self):
        return len(self.uart.fifo) < self.uart.depth()

    def do(self, operation):
        """-> the value that it shows, or None"""
        kind, *rest = operation
        value = None
        if kind == 'r':
            value = self.uart.read(rest[1])[0] & ((1 << 8 * rest[0]) - 1)
        elif kind == 'w':
            self.uart.write(rest[1], rest[2])
        elif kind == 'c':
            self.uart.send(rest[0])
        elif kind == 'b' and self.has_line_breaks:
            self.uart.receive(BE)
        elif kind == 'l':
            value = self.uart.line()
        self.uart.go_on(until_quiet=kind == 't')
        return value


def expected(operations, entries):
    model = Model(entries)
    values = [v for v in map(model.do, operations) if v is not None]
    return values, bytes(model.uart.output), model.uart.seen


# --- the two sides ---------------------------------------------------------------------------------------------------

def armillary(operations):
    """-> (values, what went out)"""
    lines = []
    for kind, *rest in operations:
        if kind == 'c':
            lines.append(f'c {rest[0].hex()}')
        elif kind != 'b':
            lines.append(' '.join([kind, *(str(rest[0]) if i == 0 else f'{word:x}' for i, word in enumerate(rest))]))
    result = subprocess.run([f'{BUILD}/tests/uart-driver'], input='\n'.join(lines) + '\n', capture_output=True,
                            text=True, timeout=300, check=False)
    if result.returncode:
        raise RuntimeError(f'the driver ended with status {result.returncode}: {result.stderr.strip()}')
    *values, output = result.stdout.splitlines()
    return [int(v, 16) for v in values], bytes.fromhex(output[2:])


class Qemu:
    """a board without CPUs that run: accesses by qtest, the line's other end is a socket"""

    def __init__(self, folder):
        self.log, self.counted, self.puts = f'{folder}/qemu.log', 0, 0
        names = {name: f'{folder}/{name}' for name in ('qtest', 'line', 'monitor')}
        listeners = {name: self.listen(path) for name, path in names.items()}
        self.process = subprocess.Popen(
            [QEMU, '-M', 'virt,virtualization=on,gic-version=2', '-cpu', 'cortex-a57', '-S', '-display',
             'none', '-nodefaults', '-qtest', f'unix:{names["qtest"]}', '-qtest-log', '/dev/null', '-chardev',
             f'socket,id=line,path={names["line"]}', '-serial', 'chardev:line', '-chardev',
             f'socket,id=monitor,path={names["monitor"]}', '-mon', 'chardev=monitor,mode=control', '-trace',
             'enable=pl011_put_fifo', '-D', self.log], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.ends = {name: self.accept(listener) for name, listener in listeners.items()}
        self.files = {name: self.ends[name].makefile('rwb') for name in ('qtest', 'monitor')}
        self.files['monitor'].readline()
        self.monitor('{"execute": "qmp_capabilities"}')
        self.output = b''

    @staticmethod
    def listen(path):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(PATIENCE)
        return listener

    @staticmethod
    def accept(listener):
        end, _ = listener.accept()
        end.settimeout(PATIENCE)
        listener.close()
        return end

    def monitor(self, command):
        self.files['monitor'].write(command.encode() + b'\n')
        self.files['monitor'].flush()
        while True:
            answer = self.files['monitor'].readline()
            if b'"return"' in answer:
                return
            if not answer or b'"error"' in answer:
                raise RuntimeError(f'QEMU: {command}: {answer.decode()}')

    def qtest(self, command):
        self.files['qtest'].write(command.encode() + b'\n')
        self.files['qtest'].flush()
        answer = self.files['qtest'].readline().split()
        if not answer or answer[0] != b'OK':
            raise RuntimeError(f'QEMU: {command}: {answer}')
        return int(answer[1], 16) if len(answer) > 1 else 0

    def wait_for(self, puts):
        """until so many characters are in the FIFO, or have been"""
        end = time.monotonic() + PATIENCE
        while self.puts < puts:
            with open(self.log, 'rb') as f:
                f.seek(self.counted)
                text = f.read()
            text = text[:text.rfind(b'\n') + 1]
            self.counted += len(text)
            self.puts += text.count(b'pl011_put_fifo ')
            if self.puts < puts and time.monotonic() > end:
                raise RuntimeError(f'QEMU has taken {self.puts} characters, not {puts}')

    def drain(self):
        """what has gone out so far, so that the socket never fills"""
        self.ends['line'].setblocking(False)
        try:
            while part := self.ends['line'].recv(65536):
                self.output += part
        except BlockingIOError:
            pass
        self.ends['line'].settimeout(PATIENCE)

    def do(self, operation):
        kind, *rest = operation
        if kind == 'r':
            return self.qtest(f'read{"bw l"[rest[0] - 1]} {UART + rest[1]:#x}')
        if kind == 'w':
            self.qtest(f'write{"bw l"[rest[0] - 1]} {UART + rest[1]:#x} {rest[2]:#x}')
        elif kind == 'l':
            return self.qtest(f'readl {PENDING:#x}') >> INTERRUPT & 1
        elif kind == 'b':
            self.monitor('{"execute": "chardev-send-break", "arguments": {"id": "line"}}')
        elif kind == 'c':
            self.ends['line'].sendall(rest[0])
        return None

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        for end in [*self.files.values(), *self.ends.values()]:
            end.close()


def qemu(operations):
    """-> (values, what went out); a model with all entries tells when a character is still to come"""
    values, model, breaks = [], Model(tuple(DIFFERENCES)), 0
    with tempfile.TemporaryDirectory() as folder:
        machine = Qemu(folder)
        try:
            for i, operation in enumerate(operations):
                value = machine.do(operation)
                if value is not None:
                    values.append(value)
                model.do(operation)
                breaks += operation[0] == 'b'
                machine.wait_for(model.uart.arrived + breaks)
                if i % 100 == 0:
                    machine.drain()
            machine.drain()
            return values, machine.output
        finally:
            machine.close()


# --- the comparison --------------------------------------------------------------------------------------------------

def fitting(operations):
    """Leaves out characters when many wait already, and a break for which QEMU's FIFO has no room: it writes that over
    another character, and counts 17.
    """
    ours, model, kept = Model(()), Model(tuple(DIFFERENCES)), []
    for operation in operations:
        if operation[0] == 'w' and operation[2] == LCR_H and operation[3] & BRK and not model.room():
            operation = ('w', 4, LCR_H, operation[3] & ~BRK)
        elif operation[0] == 'b' and (not model.room() or not kept[-1][3] & BRK):
            continue
        elif operation[0] == 'c' and max(len(ours.uart.sender), len(model.uart.sender)) > WAITING_MAX:
            continue
        for each in ours, model:
            each.do(operation)
        kept.append(operation)
    return kept


def compare(operations, here, there):
    """-> problems, hits of each entry, what has happened"""
    shown = [o for o in operations if o[0] in 'rl']
    manual, output, seen = expected(operations, ())
    other, sent, _ = expected(operations, tuple(DIFFERENCES))
    problems, hits = [], collections.Counter()
    if (len(here[0]), len(there[0])) != (len(shown), len(shown)):
        return [f'{len(here[0])} values here, {len(there[0])} there, {len(shown)} wanted'], hits, seen
    for i, operation in enumerate(shown):
        what = f'value {i}, {operation}'
        if here[0][i] != manual[i]:
            problems.append(f'{what}: {here[0][i]:#x} here, by the manual {manual[i]:#x}')
        if there[0][i] != other[i]:
            problems.append(f'{what}: {there[0][i]:#x} on QEMU, by the list {other[i]:#x}, '
                            f'by the manual {manual[i]:#x}')
    if here[1] != output or there[1] != sent:
        problems.append(f'what went out: {len(here[1])} here, {len(there[1])} there; '
                        f'wanted {len(output)} and {len(sent)}')
    for name in DIFFERENCES:
        values, gone, _ = expected(operations, tuple(n for n in DIFFERENCES if n != name))
        hits[name] = sum(a != b for a, b in zip(there[0], values)) + (there[1] != gone)
    return problems, hits, seen


def count_accesses(operations):
    return collections.Counter((o[0], o[2]) for o in operations if o[0] in 'rw')


def verdict(number, what, problems):
    print(f'{"not ok" if problems else "ok"} {number} - {what}', flush=True)
    for problem in problems[:12]:
        print(f'# {problem}')


def main():
    if not shutil.which(QEMU):
        print(f'1..0 # SKIP {QEMU} is not installed')
        return
    print(f'1..{SEEDS + 3}', flush=True)
    counts, hits, seen = collections.Counter(), collections.Counter(), collections.Counter()
    for seed in range(1, SEEDS + 1):
        operations = fitting(program(random.Random(seed), OPERATIONS))
        try:
            here, there = armillary(operations), qemu(operations)
            problems, h, s = compare(operations, here, there)
        except (RuntimeError, OSError) as error:
            problems, h, s, here = [str(error)], {}, {}, ([], b'')
        counts += count_accesses(operations)
        hits.update(h)
        seen.update(s)
        verdict(seed, f'{len(here[0])} values and {len(here[1])} characters out, seed {seed}', problems)
    few = [f'{kind} {offset:#x}: {counts[kind, offset]}' for kind, rows in (('r', READ), ('w', WRITE))
           for offset in rows if counts[kind, offset] < ACCESSES_OF_ROW]
    verdict(SEEDS + 1, f'every register is read and written {ACCESSES_OF_ROW} times', few)
    rare = [f'{name}: {seen[name]} times' for name in EVENTS if seen[name] < HAPPENS]
    verdict(SEEDS + 2, f'each happens {HAPPENS} times: {dict(sorted(seen.items()))}', rare)
    never = [f'{name}: {DIFFERENCES[name]}' for name in DIFFERENCES if hits[name] == 0]
    verdict(SEEDS + 3, f'each entry of the list is needed: {dict(hits)}', never)


main()
