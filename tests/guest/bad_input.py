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

from cases import Cases

BUILD = os.environ['BUILD']
ARMILLARY = os.path.join(BUILD, 'armillary')
PAYLOAD = os.path.join(BUILD, 'hyp', 'hyp-vmid-correct.elf')
RAM = 0x40000000
case = Cases()


def run(*arguments, cwd=None):
    return subprocess.run([ARMILLARY, *arguments], capture_output=True, text=True, errors='replace', timeout=120,
                          stdin=subprocess.DEVNULL, cwd=cwd, check=False)


def refused(arguments, *says):
    """the command must end with status 2 and one line that says all of this; -> what is wrong, or nothing"""
    result = run(*arguments)
    lines = result.stderr.splitlines()
    problems = ['it ran'] if 'summary:' in result.stdout else []
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
            (['run', '--cpus', '2', '-xh', PAYLOAD], ' -x: unknown option'), (['run', ''], 'the name is empty'),
            (['run', '--cpus'], '--cpus: needs'), (['run', '--cpus', '9', PAYLOAD], '--cpus: 9'),
            (['run', '--cpus', 'two', PAYLOAD], '--cpus: two'), (['run', '--ram', '1x', PAYLOAD], '--ram: 1x'),
            (['run', '--ram', '1000', PAYLOAD], '--ram'), (['run', '--cpu', 'none', PAYLOAD], 'none'),
            (['run', '--entry', 'el3', PAYLOAD], '--entry: el3'), (['run', '--check', 'ghost', PAYLOAD], 'ghost'),
            (['run', '--prop', 'nonsense', PAYLOAD], '--prop: nonsense'),
            (['run', '--engine', 'warp', PAYLOAD], '--engine: warp'),
            (['run', '--choices', 'luck', PAYLOAD], '--choices: luck'),
            (['run', '--max-insns', '0', PAYLOAD], '--max-insns: 0'),
            (['run', '--embed', '1G', PAYLOAD], '--embed: 1G'), (['explore'], 'SCENARIO is missing'),
            (['explore', 'x', '--strategy', 'luck'], '--strategy: luck'),
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
def arm64_images(folder):
    problems = []
    good = write(os.path.join(folder, 'Image'), arm64_image(OFF))
    result = run('run', good)
    if result.returncode != 0 or 'result=off' not in result.stdout:
        problems.append(f'the good one: status {result.returncode}: {result.stderr.strip()}')
    for name, content, says in (
            ('gzip', b'\x1f\x8b\x08\x00' + bytes(100), 'gzip'),
            ('xz', b'\xfd7zXZ\x00' + bytes(100), 'xz'), ('zboot', b'MZ\x00\x00zimg' + bytes(100), 'zboot'),
            ('header', arm64_image(OFF)[:64], 'its first branch leads to offset 64, the file has 64 bytes'),
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


BRANCH_TO_SELF, WFI, NOP = 0x14000000, 0xd503207f, 0xd503201f
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
    problems += refused(['run', guest, '--drive', f'{disk},ro,overlay={left}'], '--drive', 'overlay')
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
    problems += refused(['run', guest, '--cpus', '1', '--drive', f'{disk},overlay={nowhere}'], nowhere)
    return problems


@case('outputs: what cannot be written, is needed or is no such file is refused before the run')
def outputs(folder):
    guest, sectors, loops = write(f'{folder}/guest.elf', elf(OFF)), bytes(range(256)) * 8, elf([NOP, BRANCH_TO_SELF])
    disk, other = write(f'{folder}/disk.img', sectors), write(f'{folder}/other.img', sectors)
    text, initrd = write(f'{folder}/text', 'precious'), write(f'{folder}/initrd', 'initrd')
    endless, link = write(f'{folder}/endless.elf', loops), f'{folder}/link'
    os.mkfifo(f'{folder}/pipe')
    os.symlink('disk.img', link)
    os.link(guest, f'{folder}/guest-too')
    kept = {path: open(path, 'rb').read() for path in (guest, disk, other, text, initrd)}
    problems = []

    def drive(out, disk=disk):
        return ['--drive', f'{disk},overlay={out}']
    for option in lambda path: ['--record', path], lambda path: ['--profile', path], drive:
        name = option('x')[0]
        for bad, says in (('none/x', 'No such file'), ('text/x', 'Not a directory'), ('', 'Is a directory'),
                          ('pipe', 'exists and is no file'), ('text', 'not written over'),
                          ('guest.elf', '(IMAGE)'), ('guest-too', '(IMAGE)'), ('initrd', '(--initrd)'),
                          ('other.img', '(--drive)')):
            # A guest that never ends: refused means before the run.
            problems += refused(['run', guest if bad.startswith('guest') else endless, '--initrd', initrd, '--drive',
                                 other, *option(f'{folder}/{bad}')], f'{name}: {folder}/{bad}', says)
    for name in '--record', '--profile':
        problems += refused(['run', endless, name, ''], f'{name}: the name is empty')
    small, stacks = write(f'{folder}/small.img', sectors[:512]), write(f'{folder}/p.folded', 'a;b 1\n')
    for options, says in (
            (drive(small), ('small.img', 'not a disk of 2048 bytes')),
            ([*drive(f'{folder}/new'), *drive(f'{folder}/./new', other)], ('--drive: ', 'is written by --drive, too')),
            ([*drive(link), '--drive', disk], (link, 'is read by this run (--drive)')),
            ([*drive(link), '--record', f'{folder}/t'], (link, 'a replay of the recording')),
            (['--profile', f'{folder}/p', '--record', f'{folder}/p'], ('--profile', '--record, too')),
            (['--profile', f'{folder}/q', '--record', f'{folder}/q.folded'], ('q.folded', '--record, too')),
            (['--profile', f'{folder}/p', '--symbols', stacks], ('p.folded', '(--symbols)'))):
        problems += refused(['run', endless, *options], *says)
    problems += [f'{path} was changed' for path, content in kept.items() if open(path, 'rb').read() != content]
    strange = [name for name in os.listdir(folder) if name.endswith(('.tmp', '.part'))]
    problems += [f'{name} was left' for name in strange]
    return problems


@case('outputs: links, permissions and the files of others stay, and one that fails takes no other with it')
def kept_outputs(folder):
    guest, sectors = write(f'{folder}/guest.elf', elf(OFF)), bytes(range(256)) * 8
    disk, other = write(f'{folder}/disk.img', sectors), write(f'{folder}/other.img', sectors)
    problems = []
    for option, name in (('--drive', 'disk'), ('--record', 'trace'), ('--profile', 'profile')):
        out, link = f'{folder}/{name}-out', f'{folder}/{name}-link'
        part = write(f'{out}.part', 'precious')
        os.symlink(f'{name}-out', link)
        argument = f'{disk},overlay={link}' if option == '--drive' else link
        for turn in 'first', 'second':  # the second one replaces what the first has left
            result = run('run', guest, option, argument)
            if result.returncode != 0 or not os.path.islink(link) or not os.path.getsize(out):
                problems.append(f'{option}, {turn} time: status {result.returncode}: {result.stderr}')
            os.chmod(out, 0o640)
        if os.stat(out).st_mode & 0o777 != 0o640 or open(part).read() != 'precious':
            problems.append(f'{option}: permissions, or {part}, were changed')
        run('run', guest, option, argument)
        if os.stat(out).st_mode & 0o777 != 0o640:
            problems.append(f'{option}: permissions were changed')
    if open(f'{folder}/disk-out', 'rb').read() != sectors:
        problems.append('the disk is another one')
    # A folder that goes while the guest runs: the other disk and the recording are there all the same.
    os.mkdir(f'{folder}/goes')
    says = write(f'{folder}/says.elf', elf(SAYS_AND_COUNTS))
    with subprocess.Popen([ARMILLARY, 'run', says, '--cpus', '1', '--drive', f'{disk},overlay={folder}/goes/out',
                           '--drive', f'{other},overlay={folder}/stays', '--record', f'{folder}/stays.trace'],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        process.stdout.readline()
        os.rmdir(f'{folder}/goes')
        stderr = process.stderr.read()
    if process.returncode != 2 or 'goes/out' not in stderr or len(stderr.splitlines()) != 1:
        problems.append(f'a folder that goes: status {process.returncode}: {stderr}')
    if not os.path.exists(f'{folder}/stays') or not os.path.exists(f'{folder}/stays.trace'):
        problems.append('one disk that cannot be written takes another, or the recording, with it')
    return problems


@case('a recording with disks replays from anywhere, where its disks are there by their content')
def recorded_disks(folder):
    guest = write(f'{folder}/guest.elf', elf(OFF))
    made, moved, shelf = (f'{folder}/{name}' for name in ('made', 'moved', 'shelf'))
    for path in made, moved, shelf:
        os.mkdir(path)
    contents = {'a.img': bytes(range(256)) * 8, 'b.img': bytes(4096)}
    for name, content in contents.items():
        write(f'{made}/{name}', content)
    result = run('run', guest, '--drive', 'a.img', '--drive', '../made/b.img,ro', '--record', 'x.trace', cwd=made)
    problems = [] if result.returncode == 0 else [f'recording: status {result.returncode}: {result.stderr}']

    def replays(what, *arguments, cwd='/'):
        result = run('replay', '--no-story', *arguments, cwd=cwd)
        if result.returncode != 0 or 'verdict=same' not in result.stdout:
            problems.append(f'{what}: status {result.returncode}: {result.stderr}')
    replays('in another folder', f'{made}/x.trace')
    replays('beside it', 'x.trace', cwd=made)
    os.rename(f'{made}/x.trace', f'{moved}/x.trace')
    replays('moved without its disks', f'{moved}/x.trace')
    os.rename(f'{made}/a.img', f'{moved}/a.img')
    replays('one disk beside it, the other where it was', f'{moved}/x.trace')
    os.rename(f'{moved}/a.img', f'{shelf}/a.img')
    problems += refused(['replay', f'{moved}/x.trace'], 'recorded disk, of 2048 bytes', 'is no longer at', 'made/a.img')
    replays('--payload-dir', f'{moved}/x.trace', '--payload-dir', shelf)
    write(f'{made}/a.img', bytes(2048))
    problems += refused(['replay', f'{moved}/x.trace'], 'recorded disk', 'is another file than', 'made/a.img')
    replays('another one where it was', f'{moved}/x.trace', '--payload-dir', shelf)
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
    file = write(f'{folder}/file', 'precious')
    for out, says in ((f'{folder}/no/such', 'No such file'), (file, 'exists and is no folder'), ('', 'name is empty'),
                      (f'{file}/out', 'Not a directory')):
        problems += refused(['explore', f'{folder}/good.yaml', '--out', out], f'--out: {out}', says)
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


@case('what never ends is not read to its end')
def endless_inputs(folder):
    hole, pipe = f'{folder}/hole', f'{folder}/pipe'
    with open(hole, 'wb') as f:
        f.truncate(1 << 42)
    os.mkfifo(pipe)
    problems = []
    for arguments, option in ((['run'], ''), (['run', PAYLOAD, '--initrd'], '--initrd: '),
                              (['run', PAYLOAD, '--dtb'], '--dtb: '), (['run', PAYLOAD, '--symbols'], '--symbols: '),
                              (['run', PAYLOAD, '--drive'], '--drive: '), (['replay'], ''), (['shrink'], ''),
                              (['explore'], ''), (['replay', record(folder), '--symbols'], '--symbols: ')):
        problems += refused([*arguments, '/dev/zero'], f'{option}/dev/zero: not a file')
        says = 'bytes are no disk' if option == '--drive: ' else 'more than'
        problems += refused([*arguments, hole], f'{option}{hole}: ', says)
        if option == '--drive: ' or arguments == ['run'] or option == '--symbols: ':
            continue  # a pipe is none, and the bound of an image would be a long way
        with subprocess.Popen(f'exec cat /dev/zero > {pipe}', shell=True, stderr=subprocess.DEVNULL) as endless:
            problems += refused([*arguments, pipe], f'{option}{pipe}: more than')
            endless.wait()
    # A payload through a pipe is as good as a file.
    trace = f'{folder}/x.trace'
    for arguments in [], ['--symbols', PAYLOAD], ['--embed', '0', '--record', trace]:
        with subprocess.Popen(f'exec cat {PAYLOAD} > {pipe}', shell=True) as feeder:
            result = run('run', pipe, '--max-insns', '1000', *arguments)
            feeder.wait()
        if 'summary: result=limit' not in result.stdout:
            problems.append(f'a payload from a pipe: status {result.returncode}: {result.stderr}')
    result = run('replay', '--no-story', trace)
    if result.returncode != 0:
        problems.append(f'a recorded payload from a pipe: status {result.returncode}: {result.stderr}')
    return problems


@case('nothing is written over')
def overwriting(folder):
    precious = write(f'{folder}/precious', 'precious')
    problems = refused(['run', PAYLOAD, '--max-insns', '1000', '--record', precious], precious)
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
    for topic in 'isa', 'sysregs', 'gic', 'choices', 'checkers', 'models', 'errata', 'events':
        result = run('info', topic)
        if result.returncode != 0 or not result.stdout:
            problems.append(f'info {topic}: status {result.returncode}: {result.stderr}')
    return problems


if __name__ == '__main__':
    sys.exit(case.run())
