#!/usr/bin/env python3
"""The console on a terminal: keys reach the guest, Ctrl-A is ours, and the terminal is given back at every end."""
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

ARMILLARY = os.path.join(os.environ['BUILD'], 'armillary')
SECONDS = 60

# Echoes what the UART receives, for ever: DR at 0, FR at 0x18 with RXFE in bit 4; UARTEN, RXE and TXE on.
ECHO = (0xd2a12001,  # mov x1, #0x09000000
        0x52806022,  # mov w2, #0x301
        0xb9003022,  # str w2, [x1, #0x30]
        0xb9401822,  # 1: ldr w2, [x1, #0x18]
        0x3727ffe2,  # tbnz w2, #4, 1b
        0xb9400022,  # ldr w2, [x1]
        0xb9000022,  # str w2, [x1]
        0x17fffffc)  # b 1b


def image(words=ECHO):
    header = struct.pack('<IIQQQ24xII', 0x14000010, 0, 0, 0x10000, 0, 0x644d5241, 0)
    return header + b''.join(struct.pack('<I', w) for w in words)


class Session:
    """a run on a terminal of its own"""

    def __init__(self, path, *options):
        self.output = b''
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execv(ARMILLARY, [ARMILLARY, 'run', path, '--cpus', '1', '--quantum', '100000', *options])
        self.before = None

    def modes(self):
        return termios.tcgetattr(self.terminal)[:4]

    def is_raw(self):
        return not termios.tcgetattr(self.terminal)[3] & termios.ICANON

    def until(self, condition):
        """reads until it holds; -> whether it ever does"""
        end = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > end:
                return False
            if select.select([self.terminal], [], [], 0.05)[0]:
                try:
                    self.output += os.read(self.terminal, 4096)
                except OSError:
                    time.sleep(0.05)  # nobody has it open any more: the process is about to end
        return True

    def send(self, keys):
        os.write(self.terminal, keys)

    def status(self):
        """-> how it ended; a signal is negative"""
        ended = []

        def is_over():
            if not ended:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                ended.extend([status] if pid else [])
            return bool(ended)
        if not self.until(is_over):
            os.kill(self.pid, signal.SIGKILL)
            return None
        return os.waitstatus_to_exitcode(ended[0])


def keys_and_commands(path):
    s = Session(path)
    problems = [] if s.until(s.is_raw) else ['the terminal does not become raw']
    s.send(b'hello\x03\x01\x01')
    if not s.until(lambda: b'hello\x03\x01' in s.output):
        problems.append(f'keys do not come back: {s.output!r}')
    s.send(b'\x01h')
    if not s.until(lambda: b'Ctrl-A Ctrl-A sends' in s.output):
        problems.append('no help')
    s.send(b'\x01x')
    if (status := s.status()) != 130:
        problems.append(f'Ctrl-A x: status {status}')
    if b'result=interrupted' not in s.output:
        problems.append('no summary at the end')
    return problems


def signals(path):
    problems = []
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129),
                           (signal.SIGQUIT, -signal.SIGQUIT), (signal.SIGABRT, -signal.SIGABRT),
                           (signal.SIGSEGV, None)):
        s = Session(path)
        if not s.until(s.is_raw):
            problems.append(f'{number.name}: not raw before it')
        os.kill(s.pid, number)
        found = s.status()
        if found != status and status is not None:
            problems.append(f'{number.name}: status {found}')
        if status == 128 + number and b'result=interrupted' not in s.output:
            problems.append(f'{number.name}: no summary')
        if s.is_raw():
            problems.append(f'{number.name}: the terminal stays raw')
    return problems


def twice(path):
    """a second one does not wait for the run, which is stopped meanwhile and so gets both at once"""
    problems = []
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        s = Session(path)
        if not s.until(s.is_raw):
            problems.append(f'{number.name}: not raw before it')
        os.kill(s.pid, signal.SIGSTOP)
        os.waitpid(s.pid, os.WUNTRACED)
        os.kill(s.pid, number)
        other = signal.SIGTERM if number != signal.SIGTERM else signal.SIGHUP
        os.kill(s.pid, other)
        os.kill(s.pid, signal.SIGCONT)
        if (status := s.status()) not in (-number, -other):
            problems.append(f'{number.name} and {other.name}: status {status}')
        if s.is_raw():
            problems.append(f'{number.name} and {other.name}: the terminal stays raw')
    return problems


def stopping(path):
    s = Session(path)
    problems = [] if s.until(s.is_raw) else ['not raw']
    os.kill(s.pid, signal.SIGTSTP)
    if not s.until(lambda: not s.is_raw()):
        problems.append('stopped, and the terminal is still raw')

    def goes_on():  # a shell would wait until it has stopped; one that comes before that is lost
        os.kill(s.pid, signal.SIGCONT)
        return s.is_raw()
    if not s.until(goes_on):
        problems.append('goes on, and the terminal is not raw')
    s.send(b'\x01x')
    if s.status() != 130 or s.is_raw():
        problems.append('does not end well')
    return problems


def summary_line(path):
    """whether the guest has ended its line or not, that of the summary is the last one, and whole"""
    problems = []
    for text, wanted in ((b'', b''), (b'amid', b'amid\n'), (b'end\n', b'end\n'), (b'a\r', b'a\r\n')):
        result = subprocess.run([ARMILLARY, 'run', path, '--cpus', '1', '--max-insns', '5000000'], input=text,
                                capture_output=True, timeout=SECONDS, check=False)
        console, _, last = result.stdout.partition(b'summary: ')
        if console != wanted or not last.startswith(b'result=limit ') or last.count(b'\n') != 1:
            problems.append(f'{text}: {result.stdout}')
    return problems


def main():
    cases = [('keys reach the guest; Ctrl-A h helps, Ctrl-A x ends', keys_and_commands),
             ('the terminal is given back before a signal ends the program', signals),
             ('and before a second signal ends it at once', twice),
             ('and while the program is stopped', stopping),
             ('the summary is a line of its own, whatever the guest wrote last', summary_line)]
    print(f'1..{len(cases)}')
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'Image')
        with open(path, 'wb') as f:
            f.write(image())
        for number, (what, function) in enumerate(cases, 1):
            problems = function(path)
            failures += bool(problems)
            print('not ok' if problems else 'ok', number, '-', what)
            for problem in problems:
                print('#', problem)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
