#!/usr/bin/env python3
"""The console on a terminal: keys reach the guest, Ctrl-A is ours, and the terminal is given back at every end."""
import fcntl
import os
import pty
import re
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

# Prints 'v' on a virtio console by an emergency write, and from then on the low byte of its columns when it changes.
VIRTIO = (0xd2a14001,  # mov x1, #0x0a000000
          0x52800ec2,  # mov w2, #'v'
          0xb9010822,  # str w2, [x1, #0x108]
          0x79420023,  # 1: ldrh w3, [x1, #0x100]
          0x6b04007f,  # cmp w3, w4
          0x54ffffc0,  # b.eq 1b
          0x2a0303e4,  # mov w4, w3
          0xb9010823,  # str w3, [x1, #0x108]
          0x17fffffb)  # b 1b

DEAF = (0x14000000,)  # b .

FLOOD = (*ECHO[:3],
         0x52800ec2,  # mov w2, #'v'
         0xb9000022,  # 1: str w2, [x1]
         0x17ffffff)  # b 1b

# The UART at x1 tells CPU 0 of what is typed, by SPI 1 (33); the Distributor is at x3, the CPU interface at x5.
LISTENING = (0xd2a12001,  # mov x1, #0x09000000
             0xd2a10003,  # mov x3, #0x08000000
             0xd2a10025,  # mov x5, #0x08010000
             0x52800022,  # mov w2, #1
             0xb9000062,  # str w2, [x3]            GICD_CTLR
             0x52800042,  # mov w2, #2
             0xb9010462,  # str w2, [x3, #0x104]    GICD_ISENABLER1: 33
             0x52800022,  # mov w2, #1
             0x39208462,  # strb w2, [x3, #0x821]   GICD_ITARGETSR: CPU 0
             0x52801fe2,  # mov w2, #0xff
             0xb90004a2,  # str w2, [x5, #4]        GICC_PMR
             0x52800022,  # mov w2, #1
             0xb90000a2,  # str w2, [x5]            GICC_CTLR
             0x52800202,  # mov w2, #0x10
             0xb9003822,  # str w2, [x1, #0x38]     UARTIMSC.RXIM
             0x52806022,  # mov w2, #0x301
             0xb9003022)  # str w2, [x1, #0x30]     UARTCR: on, transmit, receive

# A dot each second, and what is typed meanwhile; in between it waits. The physical timer is PPI 30.
CLOCK = (*LISTENING,
         0x52a80002,  # mov w2, #1 << 30
         0xb9010062,  # str w2, [x3, #0x100]    GICD_ISENABLER0: 30
         0xd53be006,  # mrs x6, CNTFRQ_EL0
         0xd51be206,  # 1: msr CNTP_TVAL_EL0, x6
         0x52800022,  # mov w2, #1
         0xd51be222,  # msr CNTP_CTL_EL0, x2
         0xd503207f,  # 2: wfi
         0xd53be227,  # mrs x7, CNTP_CTL_EL0
         0x36100087,  # tbz w7, #2, 3f          ISTATUS
         0x528005c2,  # mov w2, #'.'
         0xb9000022,  # str w2, [x1]            UARTDR
         0x17fffff8,  # b 1b
         0xb9401822,  # 3: ldr w2, [x1, #0x18]  UARTFR
         0x3727ff22,  # tbnz w2, #4, 2b         RXFE
         0xb9400022,  # ldr w2, [x1]            UARTDR
         0xb9000022,  # str w2, [x1]
         0x17fffffc)  # b 3b

COUNT_DOWN = (0xd2a005a0,  # mov x0, #45 << 16
              0xf1000400,  # 1: subs x0, x0, #1
              0x54ffffe1)  # b.ne 1b


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
    if not re.search(rb'\ninterrupted at step \d+\r\nCPU 0 at 0000000040\w+.*\r\n'
                     rb'  \w+  \w+ .*\(row \w+\)\r\n  runs\r\n', s.output):
        problems.append(f'no report on the CPU: {s.output}')
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


def together(path):
    """signals that come at once are one: the run is stopped meanwhile, and so gets both"""
    problems = []
    for first, second in (signal.SIGTERM, signal.SIGHUP), (signal.SIGINT, signal.SIGTERM):
        s = Session(path)
        if not s.until(s.is_raw):
            problems.append(f'{first.name}: not raw before it')
        os.kill(s.pid, signal.SIGSTOP)
        os.waitpid(s.pid, os.WUNTRACED)
        os.kill(s.pid, first)
        os.kill(s.pid, second)
        os.kill(s.pid, signal.SIGCONT)
        status = s.status()
        if status not in (128 + first, 128 + second) or b'result=interrupted' not in s.output:
            problems.append(f'{first.name} and {second.name}: status {status}')
    return problems


def twice(path):
    """a later one does not wait for the run, which cannot end: nobody reads what it has to print"""
    problems = []
    flood = write_image(f'{path}.flood', FLOOD)
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        s = Session(flood)
        if not s.until(s.is_raw):
            problems.append(f'{number.name}: not raw before it')
        time.sleep(1)
        os.kill(s.pid, number)
        time.sleep(1)
        if os.waitpid(s.pid, os.WNOHANG)[0]:
            problems.append(f'{number.name}: it has ended at the first one')
            continue
        os.kill(s.pid, number)
        if (status := s.status()) != -number:
            problems.append(f'{number.name}: status {status}')
        if s.is_raw():
            problems.append(f'{number.name}: the terminal stays raw')
    return problems


def slow_reader(path):
    """an interrupt while nobody reads what the guest prints loses nothing of it, and is no error of writing"""
    command = [ARMILLARY, 'run', write_image(f'{path}.flood', FLOOD), '--cpus', '1']
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        time.sleep(1)
        output, errors = process.communicate(timeout=SECONDS)
    insns = int(re.search(rb'\nsummary: result=interrupted insns=(\d+) ', output)[1])
    printed, expected = len(re.match(rb'v*', output)[0]), (insns - len(FLOOD) + 3) // 2
    good = process.returncode == 143 and printed == expected and b'could not' not in errors
    return [] if good else [f'status {process.returncode}, {printed} of {expected}: {errors.splitlines()[-1:]}']


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


def write_image(path, words):
    with open(path, 'wb') as file:
        file.write(image(words))
    return path


def inputs(trace):
    """-> (status, what came in, as (device, byte)) of a replay"""
    result = subprocess.run([ARMILLARY, 'replay', trace, '--trace', 'INPUT'], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=SECONDS, check=False)
    return result.returncode, [(int(a, 0), int(b, 0)) for a, b in re.findall(
        r'^INPUT .* device=(\w+) value=(\w+)', result.stdout, re.MULTILINE)]


def consoles(path):
    """keys go to the console that printed last, or to the one that Ctrl-A c says; sizes to the virtio console"""
    trace = f'{path}.trace'
    s = Session(write_image(f'{path}.virtio', VIRTIO), '--virtio', 'console', '--record', trace)
    problems = [] if s.until(lambda: b'vP' in s.output) else [f'nothing printed: {s.output}']
    fcntl.ioctl(s.terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 256 + ord('C'), 0, 0))
    if not s.until(lambda: b'vPC' in s.output):
        problems.append(f'the new size does not come: {s.output}')
    s.send(b'hi')
    time.sleep(0.5)
    for keys, says in ((b'\x01c', b'keys go to the UART'), (b'u\x01c', b'keys go to the virtio console'),
                       (b'!\x01p\x01h', b'Ctrl-A p')):
        s.send(keys)
        if not s.until(lambda: says in s.output):
            problems.append(f'{keys}: no "{says}"')
    s.send(b'\x01x')
    if (status := s.status()) != 130:
        problems.append(f'status {status}')
    status, found = inputs(trace)
    size = ord('C') | 1 << 8 | 50 << 12
    wanted = {3: [size & 0xff, size >> 8 & 0xff, size >> 16], 2: [*b'hi!'], 0: [*b'u'], 1: [ord('p')]}
    for device, values in wanted.items():
        got = [b for d, b in found if d == device]
        if len(got) != len(values) or device != 1 and got != values:
            problems.append(f'device {device}: {got}, not {values}')
    return problems + ([f'replay: status {status}'] if status else [])


def first_console(path):
    """what is piped in before anybody has printed waits for who does; without a second console it is the UART's"""
    problems = []
    for words, options, device in ((VIRTIO, ['--virtio', 'console'], 2), (DEAF, ['--virtio', 'console'], None),
                                   (DEAF, [], 0)):
        # Nothing is printed before the first look: it counts down first.
        late = write_image(f'{path}.late', COUNT_DOWN + words)
        result = subprocess.run([ARMILLARY, 'run', late, '--cpus', '1', '--max-insns', '12000000', *options, '--record',
                                 f'{path}.trace'], input=b'keys', capture_output=True, timeout=SECONDS, check=False)
        status, found = inputs(f'{path}.trace')
        wanted = [] if device is None else [(device, b) for b in b'keys']
        if result.returncode != 1 or status or found != wanted:
            problems.append(f'{options}: {result.returncode}, {status}, {found}')
    return problems


def deaf(path):
    """a guest that takes nothing cannot keep us from being told"""
    s = Session(write_image(f'{path}.deaf', DEAF))
    problems = [] if s.until(s.is_raw) else ['not raw']
    for _ in range(20):
        s.send(b'x' * 100)
        time.sleep(0.05)
    s.send(b'\x01x')
    return problems + ([] if (status := s.status()) == 130 else [f'status {status}'])


def hashes(path, *options):
    """-> (status, hash) of what runs without anybody at a terminal, and how long it takes"""
    begin = time.monotonic()
    result = subprocess.run([ARMILLARY, *options, path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=SECONDS, check=False)
    found = re.findall(r' hash=(\w+)', result.stdout)
    return (result.returncode, found), time.monotonic() - begin


def time_passes(path):
    """a guest that waits does so by the clock on the wall, is there for keys meanwhile, and replays at once"""
    trace = f'{path}.trace'
    s = Session(write_image(f'{path}.clock', CLOCK), '--record', trace)
    begin, problems = time.monotonic(), []
    for number in range(1, 5):
        time.sleep(0.3)
        sent = time.monotonic()
        s.send(b'%d' % number)  # amid its wait, which it does not make any longer
        if not s.until(lambda: b'%d' % number in s.output) or time.monotonic() - sent > 0.7:
            problems.append(f'key {number} comes back after {time.monotonic() - sent:.1f} s')
        if not s.until(lambda: s.output.count(b'.') >= number):
            problems.append(f'no dot {number}')
    took = time.monotonic() - begin
    if not 3.8 < took < 8:
        problems.append(f'four seconds of the guest took {took:.1f} s')
    with open(f'/proc/{s.pid}/stat', encoding='ascii') as file:
        used = sum(int(word) for word in file.read().rpartition(')')[2].split()[11:13]) / os.sysconf('SC_CLK_TCK')
    if used > 0.5 + took / 4:
        problems.append(f'{used:.1f} s of a processor in {took:.1f} s of waiting')
    s.send(b'\x01x')
    sent = time.monotonic()
    if s.status() != 130 or time.monotonic() - sent > 1:
        problems.append(f'does not end at once: {time.monotonic() - sent:.1f} s')
    wanted = re.findall(rb' choices=4 hash=(\w+)', s.output)
    found, took = hashes(trace, 'replay', '--no-story')
    if found != (0, [h.decode() for h in wanted]) or took > 3:
        problems.append(f'replay: {found}, not {wanted}, in {took:.1f} s')
    (status, _), took = hashes(f'{path}.clock', 'run', '--cpus', '1', '--max-insns', '10000')
    if status != 1 or took > 20:  # more than an hour
        problems.append(f'without a terminal: status {status} after {took:.1f} s')
    return problems


def main():
    cases = [('keys reach the guest; Ctrl-A h helps, Ctrl-A x ends', keys_and_commands),
             ('the terminal is given back before a signal ends the program', signals),
             ('and before a later one ends it at once', twice),
             ('and while the program is stopped', stopping),
             ('signals that come together are one', together),
             ('an interrupt loses nothing of what is printed', slow_reader),
             ('the summary is a line of its own, whatever the guest wrote last', summary_line),
             ('keys go to the console that printed last or was chosen, sizes to the virtio console', consoles),
             ('before any has printed they wait', first_console),
             ('a guest that takes no keys does not keep Ctrl-A from us', deaf),
             ('a guest that waits does so by our clock, without a terminal at once', time_passes)]
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
