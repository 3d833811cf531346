#!/usr/bin/env python3
"""Boots Debian's arm64 kernel with KVM on Armillary: ./dev linux.

Usage: ./dev linux [OPTION...] [-- OPTION...]     (itself: boot.py ARMILLARY and the same)

  --mode tiny|bootonly|full|reboot|shell|stage2
                    how far to go: bootonly (the host, and off), tiny (then a bare-metal guest of KVM), full (then
                    Linux as a guest), reboot (as tiny, and then the host resets itself once), shell (a shell of the
                    host's), stage2 (a guest whose memory is taken away while it runs) (full)
  --cpus N          CPUs of the machine, 1 to 8 (2)
  --cpu MODEL       their model (cortex-a57)
  --ram SIZE        its memory (1G)
  --vcpus N         CPUs of the Linux guest that --mode full has, 1 or 2 (1)
  --phases LIST     which of stage2's, like discard,dirty (all)
  --root ram|virtio where the root file system is: in memory, or on a virtio disk, which a copy of the kernel's own
                    modules mounts; what the host writes there is forgotten, unless -- --drive says more (ram)
  --console uart|virtio
                    what the console is: the UART, or a virtio device (uart)
  --append TEXT     more boot arguments
  --fetch           fetches the packages again
  --cached          never fetches them, and makes nothing
  --                what follows is for `armillary run`; the kernel's names, for --symbols, are what
                    `payload/symbols.py IMAGE` prints, with the Image of the folder that the payload is kept in

The payload is made once and kept in $XDG_CACHE_HOME/armillary/linux (~/.cache if that is not set). The console is
shown; the last line is the run's summary. Exit status: that of the run, or 1 when a mark of the payload is missing or
the number of instructions is not the reference machine's within 3 %; 2 for bad usage or no payload.
"""
import argparse
import fcntl
import os
import pathlib
import re
import signal
import subprocess
import sys

import build

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCE = 0.03
BOOTARGS = 'quiet panic=-1 cryptomgr.notests'
ENDS = (signal.SIGTERM, signal.SIGHUP)  # are sent to one process: the run gets them, too
CONSOLES = {'uart': ('console=ttyAMA0', []), 'virtio': ('console=hvc0', ['--virtio', 'console'])}
ROOTS = {'ram': ('host.cpio', None), 'virtio': ('root.cpio', 'root.img')}
ROOT, ROOT_CLEAN = '/dev/vda / ext4 rw', 'MARK-ROOT-CLEAN {boots}'

HOST, KVM = 'MARK-HOST-UP cpus={cpus}', 'Hyp mode initialized successfully'
TINY = ['MARK-TINY-START', 'MARK-TINY-IRQ-OK', 'MARK-TINY-RC 0']
PHASES = ('discard', 'cow', 'dirty', 'slot', 'share', 'rollover')  # of stage2.c
GUEST = ['MARK-GUEST-UP cpus={vcpus}', 'MARK-GUEST-RC 0']
# mode: what the console must say, in this order
MARKS = {
    'bootonly': [HOST],
    'tiny': [HOST, KVM, *TINY],
    'full': [HOST, KVM, *TINY, *GUEST],
    'reboot': [HOST, KVM, *TINY] * 2,
    'shell': [HOST],
    'stage2': [HOST, KVM],
}


class Failure(Exception):
    """says in one line what is wrong"""


def cache_folder():
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return pathlib.Path(base) / 'armillary' / 'linux'


def known_kernels(text, name='kernels.txt'):
    """-> {sha256: (version, {(mode, cpu, cpus): instructions})}"""
    kernels, counts = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split('#')[0].split()
        if not words:
            continue
        if words[0] == 'kernel' and len(words) == 3 and re.fullmatch('[0-9a-f]{64}', words[2]):
            counts = {}
            kernels[words[2]] = (words[1], counts)
        elif counts is not None and len(words) == 4 and words[2].isdigit() and words[3].isdigit():
            counts[words[0], words[1], int(words[2])] = int(words[3]) * 1000000
        else:
            raise Failure(f'{name}:{number}: neither a kernel nor a count: {line.strip()}')
    return kernels


def missing_marks(console, marks):
    """-> the marks that the console does not have in their order"""
    at, missing = 0, []
    for mark in marks:
        found = console.find(mark, at)
        if found < 0:
            missing.append(mark)
        else:
            at = found + len(mark)
    return missing


def prepare(folder, fetch, cached):
    """sees to it that the payload is in its folder"""
    if cached and not build.is_current(folder):
        raise Failure(f'{folder}: no payload, and none is to be made')
    if cached:
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with open(folder / 'lock', 'w', encoding='ascii') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # who comes meanwhile waits, and finds it made
            build.make(folder, fetch)
    except build.Failure as failure:
        raise Failure(str(failure)) from failure
    except OSError as error:
        raise Failure(f'{error.filename or folder}: {error.strerror}') from error


def is_given(rest, option):
    """-> whether it is among what is for `armillary run`"""
    return any(word == option or word.startswith(option + '=') for word in rest)


def boots_of(options):
    return MARKS[options.mode].count(HOST)


def command_of(options, folder):
    (console, devices), (initrd, disk) = CONSOLES[options.console], ROOTS[options.root]
    words = [console, BOOTARGS]
    words += [f'MODE={options.mode}'] if options.mode != 'full' else []
    words += [f'VCPUS={options.vcpus}'] if options.vcpus != 1 else []
    words += [f'PHASES={",".join(options.phases)}'] if options.phases else []
    bootargs = ' '.join(words + [options.append]).strip()
    command = [options.armillary, 'run', str(folder / 'Image'), '--initrd', str(folder / initrd), '--ram',
               options.ram, '--cpus', str(options.cpus), '--cpu', options.cpu, '--append', bootargs, *devices]
    if disk and not is_given(options.rest, '--drive'):
        command += ['--drive', str(folder / disk)]
    if not is_given(options.rest, '--timing'):
        command += ['--timing', 'flat']
    # A kernel that panics resets the machine, and would do so for ever; somebody at a shell may want to.
    if options.mode != 'shell' and not is_given(options.rest, '--resets'):
        command += ['--resets', str(boots_of(options) - 1)]
    return command + options.rest


def run(command):
    """shows what the run prints, as it comes and up to its end; -> (status, all of it)"""
    parts = []
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
    except OSError as error:
        raise Failure(f'{command[0]}: {error.strerror}') from error
    # A terminal sends Ctrl-C to both: the run ends by it, and says how.
    before = {signal.SIGINT: signal.signal(signal.SIGINT, lambda number, frame: None)}
    for end in ENDS:
        if signal.getsignal(end) != signal.SIG_IGN:  # nohup
            before[end] = signal.signal(end, lambda number, frame: process.send_signal(number))
    try:
        with process:
            while data := process.stdout.read1(65536):
                parts.append(data)
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
    except OSError as error:
        sys.stdout = None  # nothing more can be written at the end
        raise Failure(f'standard output: {error.strerror}') from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    status = process.returncode
    return 128 - status if status < 0 else status, b''.join(parts).decode(errors='replace')


def marks_of(options):
    marks = []
    for mark in MARKS[options.mode]:
        marks.append(mark.format(cpus=options.cpus, vcpus=options.vcpus))
        if mark == HOST and options.root == 'virtio':
            marks.append(ROOT)
    if options.mode == 'stage2':
        marks += [f'MARK-STAGE2-{phase}' for phase in options.phases or PHASES] + ['MARK-STAGE2-RC 0']
    if options.root == 'virtio' and options.mode != 'shell':  # another disk may have been written before
        marks.append(ROOT_CLEAN.format(boots='' if is_given(options.rest, '--drive') else boots_of(options)))
    return marks


def judge(options, folder, console):
    """-> what is wrong with a run that ended well, one line each"""
    marks = marks_of(options)
    found = [f'"{mark}" is not on the console' for mark in missing_marks(console, marks)]
    version, counts = known_kernels((HERE / 'kernels.txt').read_text()).get(build.sha256(folder / 'Image'), (None, {}))
    expected = counts.get((options.mode, options.cpu, options.cpus))
    insns = re.findall(r'^summary: .*\binsns=(\d+)', console, re.MULTILINE)
    is_plain = (not options.rest and not options.append and options.vcpus == 1 and options.root == 'ram' and
                options.console == 'uart')
    if version is None:
        print('linux: warning: this kernel is newer than the table of known ones: no count to compare with',
              file=sys.stderr)
    elif expected and is_plain and insns:
        off = int(insns[-1]) / expected - 1
        if abs(off) > TOLERANCE:
            found.append(f'{int(insns[-1])} instructions, {100 * off:+.1f} % of the {expected} of the reference')
    return found


def phases_of(text):
    for phase in text.split(','):
        if phase not in PHASES:
            raise argparse.ArgumentTypeError(f'{phase}: none of {", ".join(PHASES)}')
    return text.split(',')


class Parser(argparse.ArgumentParser):
    """errors of one line, and the help that this file begins with"""

    def error(self, message):
        raise Failure(f'{message} (see ./dev linux --help)')

    def print_help(self, file=None):
        print(__doc__.strip(), file=file)


def arguments():
    parser = Parser(allow_abbrev=False)
    parser.add_argument('armillary')
    parser.add_argument('--cpus', type=int, default=2, choices=range(1, 9))
    parser.add_argument('--mode', default='full', choices=sorted(MARKS))
    parser.add_argument('--cpu', default='cortex-a57')
    parser.add_argument('--vcpus', type=int, default=1, choices=build.GUEST_VCPUS)
    parser.add_argument('--ram', default='1G')
    parser.add_argument('--phases', type=phases_of, default=[])
    parser.add_argument('--root', default='ram', choices=sorted(ROOTS))
    parser.add_argument('--console', default='uart', choices=sorted(CONSOLES))
    parser.add_argument('--append', default='')
    parser.add_argument('--fetch', action='store_true')
    parser.add_argument('--cached', action='store_true')
    own, rest = sys.argv[1:], []
    if '--' in own:
        own, rest = own[:own.index('--')], own[own.index('--') + 1:]
    options = parser.parse_args(own)
    options.rest = rest
    if options.phases and options.mode != 'stage2':
        parser.error('argument --phases: needs --mode stage2')
    if options.vcpus != 1 and options.mode != 'full':
        parser.error('argument --vcpus: needs --mode full')
    return options


def main():
    folder = cache_folder()
    try:
        options = arguments()
        prepare(folder, options.fetch, options.cached)
        status, console = run(command_of(options, folder))
        is_run = not {'--help', '-h'} & set(options.rest)
        problems = judge(options, folder, console) if status == 0 and is_run else []
    except Failure as failure:
        print(f'linux: {failure}', file=sys.stderr)
        return 2
    for problem in problems:
        print(f'linux: {problem}', file=sys.stderr)
    return 1 if problems else status


if __name__ == '__main__':
    sys.exit(main())
