#!/usr/bin/env python3
"""What the command line does with bad input: one line on standard error that names the file or option and what is
wrong, exit status 2, and nothing written over. And what it says of guests that go wrong: a report, and the status of
a verdict (1) or of something that is not modelled (3).
"""
import os
import re
import struct
import subprocess
import sys
import tempfile

BUILD = os.environ['BUILD']
ARMILLARY = os.path.join(BUILD, 'armillary')
PAYLOAD = os.path.join(BUILD, 'hyp', 'hyp-vmid-correct.elf')
RAM = 0x40000000
cases = []


def case(name):
    def add(function):
        cases.append((name, function))
        return function
    return add


def run(*arguments, cwd=None):
    return subprocess.run([ARMILLARY, *arguments], capture_output=True, text=True, errors='replace', timeout=120,
                          stdin=subprocess.DEVNULL, cwd=cwd, check=False)


def refused(arguments, *says):
    """the command must end with status 2 and one line that says all of this; -> what is wrong, or nothing"""
    result = run(*arguments)
    lines = result.stderr.splitlines()
    problems = []
    if result.returncode != 2:
        problems.append(f'status {result.returncode}, not 2')
    if len(lines) != 1:
        problems.append(f'{len(lines)} lines on standard error')
    problems += [f'"{text}" is not in it' for text in says if text not in result.stderr]
    return [f'{" ".join(arguments)}: {p}: {result.stderr.strip()[:300]}' for p in problems]


def write(path, content):
    with open(path, 'wb' if isinstance(content, bytes) else 'w') as f:
        f.write(content)
    return path


def elf(words, address=RAM + 0x200000, machine=183, segment=None, size=None):
    """a minimal ELF executable whose one segment holds these instructions"""
    code = b''.join(struct.pack('<I', w) for w in words)
    where = address if segment is None else segment
    ident = b'\x7fELF\x02\x01\x01' + bytes(9)
    header = ident + struct.pack('<HHIQQQIHHHHHH', 2, machine, 1, address, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    length = len(code) if size is None else size
    program = struct.pack('<IIQQQQQQ', 1, 5, 120, where, where, length, length, 4096)
    return header + program + code


@case('usage: commands, options and operands')
def usage(folder):
    problems = []
    for arguments, says in (
            ([], 'no command'), (['gui'], 'gui: unknown command'), (['run'], 'IMAGE is missing'),
            (['run', PAYLOAD, PAYLOAD], 'one IMAGE'), (['run', '--bogus', PAYLOAD], '--bogus: unknown option'),
            (['run', '--cpus'], '--cpus: needs'), (['run', '--cpus', '9', PAYLOAD], '--cpus: 9'),
            (['run', '--cpus', 'two', PAYLOAD], '--cpus: two'), (['run', '--ram', '1x', PAYLOAD], '--ram: 1x'),
            (['run', '--ram', '1000', PAYLOAD], '--ram'), (['run', '--cpu', 'none', PAYLOAD], 'none'),
            (['run', '--entry', 'el3', PAYLOAD], '--entry: el3'), (['run', '--check', 'ghost', PAYLOAD], 'ghost'),
            (['run', '--prop', 'nonsense', PAYLOAD], '--prop: nonsense'),
            (['run', '--engine', 'warp', PAYLOAD], '--engine: warp'),
            (['run', '--choices', 'luck', PAYLOAD], '--choices: luck'),
            (['run', '--max-insns', '0', PAYLOAD], '--max-insns: 0'),
            (['explore'], 'SCENARIO is missing'), (['explore', 'x', '--strategy', 'luck'], '--strategy: luck'),
            (['explore', 'x', '--jobs', '0'], '--jobs: 0'), (['replay'], 'FILE.trace is missing'),
            (['shrink', 'x', 'y'], 'one FILE.trace'), (['info'], 'topic is missing'),
            (['info', 'weather'], 'weather'), (['bench', 'mood'], 'mood')):
        problems += refused(arguments, says)
    return problems


@case('each option of the machine: a bad value is refused with its name')
def machine_options(folder):
    text = run('run', '--help').stdout
    options = re.findall(r'^  --([a-z-]+)', text[:text.index('  --initrd')], re.MULTILINE)
    problems = [] if len(options) > 20 else [f'only {len(options)} options']
    for option in options:
        bad = {'append': 'x' * 2048, 'cpu': ''}.get(option, '@')
        problems += refused(['run', f'--{option}', bad, PAYLOAD], f'--{option}: ')
    return problems


@case('images: missing, truncated, foreign, outside RAM')
def images(folder):
    good = open(PAYLOAD, 'rb').read()
    problems = []
    for name, content, says in (
            ('truncated.elf', good[:1000], ''), ('cut.elf', good[:len(good) // 2], ''), ('empty.elf', b'', ''),
            ('text.elf', b'#!/bin/sh\n' * 20, ''), ('x86.elf', elf([0], machine=62), ''),
            ('below.elf', elf([0], segment=0x1000), ''), ('above.elf', elf([0], segment=RAM + (1 << 40)), ''),
            ('wraps.elf', elf([0], segment=2**64 - 4096), ''), ('longer.elf', elf([0], size=1 << 20), '')):
        problems += refused(['run', write(f'{folder}/{name}', content)], name, says)
    problems += refused(['run', f'{folder}/missing.elf'], 'missing.elf')
    problems += refused(['run', folder], folder)
    problems += refused(['run', PAYLOAD, '--symbols', f'{folder}/missing.elf'], 'missing.elf')
    return problems


SCENARIO = '''title: t
choices: [next-cpu]
checkers: [vmid]
explore: {max-steps: 400000, schedules: 2, strategy: pct, length: 100, window: 100}
start: {symbol: vmid_rollover}
variants:
  correct: {payload: hyp-vmid-correct.elf, expect: clean}
'''


def arm64_image(words, image_size=0x10000, text_offset=0, flags=0, length=None):
    """an arm64 Image whose first word is a branch over the header"""
    header = struct.pack('<IIQQQ24xII', 0x14000010, 0, text_offset, image_size, flags, 0x644d5241, 0)
    data = header + b''.join(struct.pack('<I', w) for w in words)
    return data if length is None else data + bytes(length - len(data))


OFF = (0x52800100, 0x72b08000, 0xd4000003)  # mov w0, #8; movk w0, #0x8400, lsl #16; smc #0: SYSTEM_OFF


@case('arm64 Images: what is wrong with one is said in one line')
def images(folder):
    problems = []
    good = write(os.path.join(folder, 'Image'), arm64_image(OFF))
    result = run('run', good)
    if result.returncode != 0 or 'result=off' not in result.stdout:
        problems.append(f'the good one: status {result.returncode}: {result.stderr.strip()}')
    for name, content, says in (
            ('gzip', b'\x1f\x8b\x08\x00' + bytes(100), 'gzip'),
            ('big-endian', arm64_image(OFF, flags=1), 'big-endian'),
            ('no-magic', arm64_image(OFF).replace(b'ARM\x64', b'ARM\x65'), 'neither'),
            ('truncated', arm64_image(OFF)[:40], 'neither'),
            ('longer-than-it-says', arm64_image(OFF, image_size=64), 'its header allows'),
            ('bad-offset', arm64_image(OFF, text_offset=0x80004), 'text_offset'),
            ('bigger-than-ram', arm64_image(OFF, image_size=1 << 40), 'outside RAM'),
            ('all-of-ram', arm64_image(OFF, image_size=64 << 20), 'no room')):
        problems += refused(['run', write(os.path.join(folder, name), content)], name, says)
    problems += refused(['run', os.path.join(folder, 'missing')], 'missing')
    problems += refused(['run', folder], folder)
    return problems


@case('what stands beside the image: missing, empty, damaged, too big')
def beside(folder):
    image = write(os.path.join(folder, 'Image'), arm64_image(OFF))
    empty = write(os.path.join(folder, 'empty'), b'')
    text = write(os.path.join(folder, 'text'), b'this is no device tree, but long enough to be looked at as one')
    big = write(os.path.join(folder, 'big'), bytes(64 << 20))
    problems = []
    for arguments, says in (
            (['--initrd', os.path.join(folder, 'none')], ['--initrd', 'none']),
            (['--initrd', empty], ['--initrd', 'empty']), (['--initrd', big], ['big', 'no room']),
            (['--initrd', folder], ['--initrd', folder]),
            (['--dtb', os.path.join(folder, 'none')], ['--dtb', 'none']), (['--dtb', empty], ['--dtb', 'empty']),
            (['--dtb', text], ['text', 'no device tree']), (['--dtb', big], ['big', 'more than']),
            (['--resets', 'many'], ['--resets: many']), (['--release', 'both'], ['--release: both']),
            (['--append', 'x' * 2048], ['--append', 'longer'])):
        problems += refused(['run', image, *arguments], *says)
    return problems


# A line on the console, 2 * 0x8000000 instructions, and off.
SAYS_AND_COUNTS = (0xd2a12001, 0x52800140, 0x39000020, 0xd2a10002, 0xf1000442, 0x54ffffe1, *OFF)


@case('disks: missing, no size of a disk; and one that shrinks and goes while it is in use is as it was')
def disks(folder):
    guest = write(f'{folder}/guest.elf', elf(SAYS_AND_COUNTS))
    disk, left, nowhere = f'{folder}/disk.img', f'{folder}/left.img', f'{folder}/none/left.img'
    content = bytes(range(256)) * 512
    problems = refused(['run', guest, '--drive', disk], '--drive', disk, 'No such file')
    problems += refused(['run', guest, '--drive', write(disk, content[:1000])], '--drive', '1000 bytes')
    os.mkfifo(f'{folder}/pipe')
    problems += refused(['run', guest, '--drive', f'{folder}/pipe'], '--drive', 'not a file')
    write(disk, content)
    with subprocess.Popen([ARMILLARY, 'run', guest, '--cpus', '1', '--drive', f'{disk},overlay={left}'],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        os.truncate(disk, 512)
        os.remove(disk)
        if process.poll() is not None:
            problems.append('the guest was too fast')
        process.stdout.read()
    if process.returncode != 0:
        problems.append(f'a disk that shrinks: status {process.returncode}')
    elif open(left, 'rb').read() != content:
        problems.append('a disk that shrinks changes what the guest has')
    write(disk, content)
    result = run('run', guest, '--cpus', '1', '--drive', f'{disk},overlay={nowhere}')
    if result.returncode != 2 or len(result.stderr.splitlines()) != 1 or nowhere not in result.stderr:
        problems.append(f'an overlay that cannot be written: status {result.returncode}: {result.stderr}')
    return problems


@case('scenarios: line, key and reason')
def scenarios(folder):
    problems = []
    for name, content, says in (
            ('empty', '', ':1: '), ('broken', 'a: [b', 'scenario.yaml:'), ('key', SCENARIO + 'more: 1\n', ':8: more: '),
            ('number', SCENARIO.replace('400000', '4e5'), ':4: max-steps: 4e5'),
            ('payload', SCENARIO.replace('hyp-vmid-correct', 'absent'), 'absent.elf'),
            ('symbol', SCENARIO.replace('vmid_rollover', 'no_such_symbol'), 'no_such_symbol')):
        os.mkdir(f'{folder}/{name}')
        write(f'{folder}/{name}/scenario.yaml', content)
        problems += refused(['explore', f'{folder}/{name}', '--out', f'{folder}/out'], says)
    write(f'{folder}/good.yaml', SCENARIO)
    problems += refused(['explore', f'{folder}/good.yaml', '--variant', 'other'], '--variant: other')
    problems += refused(['explore', f'{folder}/nowhere'], f'{folder}/nowhere')
    result = run('explore', f'{folder}/good.yaml', '--out', f'{folder}/out')
    if result.returncode != 0 or 'summary: result=clean' not in result.stdout.splitlines()[-1]:
        problems.append(f'the good one: status {result.returncode}: {result.stdout}{result.stderr}')
    return problems


def record(folder):
    path = f'{folder}/good.trace'
    result = run('run', PAYLOAD, '--seed', '3', '--rate', '2', '--max-insns', '40000', '--record', path)
    assert result.returncode == 1, result.stderr
    return path


@case('traces: damaged, truncated and foreign')
def traces(folder):
    good = open(record(folder), 'rb').read()
    problems = []
    for name, content in (
            ('cut', good[:len(good) - 1]), ('half', good[:len(good) // 2]), ('head', good[:10]), ('empty', b''),
            ('foreign', b'\x7fELF' + good[4:]), ('flipped', good[:400] + bytes([good[400] ^ 1]) + good[401:]),
            ('version', good[:8] + b'\x63' + good[9:]), ('longer', good + b'x')):
        for command in 'replay', 'shrink':
            problems += refused([command, write(f'{folder}/{name}.trace', content)], f'{name}.trace')
    problems += refused(['replay', f'{folder}/missing.trace'], 'missing.trace')
    problems += refused(['replay', f'{folder}/good.trace', '--trace', 'GOSSIP'], '--trace: GOSSIP')
    problems += refused(['replay', f'{folder}/good.trace', '--to', 'x'], '--to: x')
    result = run('replay', f'{folder}/good.trace', '--no-story')
    if result.returncode != 0 or 'verdict=same' not in result.stdout:
        problems.append(f'the good one: status {result.returncode}: {result.stdout}{result.stderr}')
    return problems


@case('nothing is written over')
def overwriting(folder):
    precious = write(f'{folder}/precious', 'precious')
    problems = refused(['run', PAYLOAD, '--max-insns', '1000', '--record', precious], precious)
    problems = [p for p in problems if 'lines on' not in p]  # the report of the limit is there too
    trace = record(folder)
    problems += refused(['shrink', trace, '--out', precious], precious)
    problems += refused(['shrink', trace, '--out', f'{folder}/no/such/folder'], 'no/such/folder')
    if open(precious).read() != 'precious':
        problems.append('the file was written over')
    return problems


def reported(arguments, status, result_word, *says):
    result = run('run', *arguments)
    text = result.stderr
    last = (result.stdout.splitlines() or [''])[-1]
    problems = []
    if result.returncode != status:
        problems.append(f'status {result.returncode}, not {status}')
    if not last.startswith(f'summary: result={result_word} insns='):
        problems.append(f'last line "{last}"')
    for word in ('CPU 0', ' x0 ', ' sp ') + says:
        if word not in text:
            problems.append(f'"{word}" is not in the report')
    return [f'{" ".join(arguments)}: {p}: {text[:600]}' for p in problems]


BRANCH_TO_SELF, WFI, NOP = 0x14000000, 0xd503207f, 0xd503201f
BR_X1, MOV_X1_1G = 0xd61f0020, 0xd2a20001  # movz x1, #0x1000, lsl #16: nothing there
SEVL, WFE = 0xd50320bf, 0xd503205f
MOVZ_X0, MSR_CNTP_TVAL, MSR_CNTP_CTL = 0xd2800000, 0xd51be200, 0xd51be220
# ldr x0, =PSCI CPU_ON (movz/movk); x1 = 1; adr x2, .+16 (behind the WFI and the branch); smc
CPU_ON_SELF = (0xd2800060, 0xf2b88000, 0xd2800021, 0x10000082, 0xd4000003)
MRS_X0_CLUSTER = 0xd538f300  # S3_0_C15_C3_0


@case('guests: jumping into nowhere, looping, waiting for ever, not modelled')
def guests(folder):
    problems = []
    nowhere = write(f'{folder}/nowhere.elf', elf([MOV_X1_1G, BR_X1]))
    problems += reported([nowhere, '--cpus', '1'], 1, 'limit', 'is lost')
    loop = write(f'{folder}/loop.elf', elf([NOP, BRANCH_TO_SELF]))
    problems += reported([loop, '--cpus', '1', '--max-insns', '10000'], 1, 'limit', '0000000040200004', 'b ', '  runs')
    wait = write(f'{folder}/wait.elf', elf([WFI, BRANCH_TO_SELF]))
    problems += reported([wait, '--cpus', '1'], 1, 'limit', 'all CPUs wait', '(WFI), none of its timers is set')
    event = write(f'{folder}/event.elf', elf([SEVL, WFE, WFE, BRANCH_TO_SELF]))
    problems += reported([event, '--cpus', '3'], 1, 'limit', 'all CPUs wait', '(WFE), none of', 'CPU 1 is off',
                         'CPU 2 is off')
    # CNTP_TVAL_EL0 = 0x10000000, and on: long after the other CPU has used up what there is.
    timer = write(f'{folder}/timer.elf', elf([MOVZ_X0 | 0x1000 << 5 | 1 << 21, MSR_CNTP_TVAL, MOVZ_X0 | 1 << 5,
                                              MSR_CNTP_CTL, *CPU_ON_SELF, WFI, BRANCH_TO_SELF, NOP, BRANCH_TO_SELF]))
    problems += reported([timer, '--cpus', '2', '--max-insns', '10000'], 1, 'limit', '(WFI), a timer of its own in ',
                         'CPU 1 at', '  runs')
    problems += reported([PAYLOAD, '--cpus', '2', '--max-insns', '200000'], 1, 'limit', '.c:', 'CPU 1')
    cluster = write(f'{folder}/cluster.elf', elf([NOP, MRS_X0_CLUSTER]))
    problems += reported([cluster, '--cpus', '1', '--cpu', 'neoverse-n1'], 3, 'unmodelled', '0000000040200004',
                         'N1_CLUSTER0_EL1')
    return problems


@case('a guest-side exit status and --help, --version')
def statuses(folder):
    problems = []
    result = run('run', PAYLOAD, '--prop', '/hypervisor:armillary,vmid-bits=2',
                 '--prop', '/hypervisor:armillary,workload=two-ids')
    if result.returncode != 0 or 'result=exit' not in result.stdout.splitlines()[-1]:
        problems.append(f'a clean end: status {result.returncode}: {result.stdout[-300:]}')
    for arguments in (['--help'], ['--version'], *([c, '--help'] for c in
                                                   ('run', 'explore', 'shrink', 'replay', 'info', 'bench'))):
        result = run(*arguments)
        if result.returncode != 0 or not result.stdout or result.stderr:
            problems.append(f'{" ".join(arguments)}: status {result.returncode}: {result.stderr}')
    for topic in 'isa', 'sysregs', 'gic', 'choices', 'checkers', 'models':
        result = run('info', topic)
        if result.returncode != 0 or not result.stdout:
            problems.append(f'info {topic}: status {result.returncode}: {result.stderr}')
    return problems


def main():
    print(f'1..{len(cases)}', flush=True)
    failed = False
    for number, (name, function) in enumerate(cases, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                problems = function(folder)
            except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
                problems = [f'{type(e).__name__}: {e}']
        failed |= bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {name}')
        for problem in problems:
            print('\n'.join('# ' + line for line in problem.splitlines()))
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
