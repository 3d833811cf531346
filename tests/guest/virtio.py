#!/usr/bin/env python3
"""The virtio devices as a driver sees them: what tests/guest/virtio.c prints here and on qemu-system-aarch64, and
the disk that it leaves, are the same but for what DIFFERENCES names. A recorded run replays on the same disk, and says
so in one line when that is another one. Prints TAP.
"""
import os
import shutil
import subprocess
import tempfile

SOURCE = os.environ.get('SOURCE', '.')
BUILD = os.environ.get('BUILD', 'build')
CROSS = 'aarch64-linux-gnu-gcc'
QEMU = 'qemu-system-aarch64'
SECTORS = 64
DEVICES = ['--virtio', 'console,entropy,net,net']

# name: (here, on QEMU, the rule)
DIFFERENCES = {f'broken_interrupt{i}': (2, 3, 'InterruptStatus bit 0 is for used buffers, and none was used')
               for i in range(5)}


def run(command, folder):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
                          cwd=folder, stdin=subprocess.DEVNULL)


def lines_of(result):
    lines = {}
    for line in (result.stdout + result.stderr).splitlines():
        name, _, value = line.partition(' ')
        if len(value) == 16 and name[-1].isdigit():
            lines[name] = int(value, 16)
    return lines


def disk():
    return bytes((i * 7 + i // 512) & 255 for i in range(SECTORS * 512))


def write(path, content):
    with open(path, 'wb') as f:
        f.write(content)


def content(path):
    with open(path, 'rb') as f:
        return f.read()


def armillary(folder, *options):
    return run([os.path.abspath(f'{BUILD}/armillary'), *options], folder)


def boot(folder, *options):
    return armillary(folder, 'run', 'virtio.elf', '--cpus', '1', *DEVICES, *options)


def qemu(folder):
    write(f'{folder}/qemu.img', disk())
    return run([QEMU, '-M', 'virt,virtualization=on,gic-version=2', '-cpu', 'cortex-a57', '-display', 'none',
                '-serial', 'none', '-monitor', 'none', '-semihosting-config', 'enable=on,target=native',
                '-global', 'virtio-mmio.force-legacy=false', '-drive', 'if=none,id=d,file=qemu.img,format=raw',
                '-device', 'virtio-blk-device,drive=d', '-chardev', 'file,id=c,path=console.txt',
                '-device', 'virtio-serial-device', '-device', 'virtconsole,chardev=c', '-device', 'virtio-rng-device',
                '-netdev', 'hubport,id=a,hubid=1', '-netdev', 'hubport,id=b,hubid=1',
                '-device', 'virtio-net-device,netdev=a', '-device', 'virtio-net-device,netdev=b',
                '-kernel', 'virtio.elf'], folder)


def both_sides(folder):
    ours = boot(folder, '--drive', 'disk.img,overlay=left.img')
    theirs = qemu(folder)
    problems = [f'{name} ended with status {r.returncode}: {r.stderr[-300:]}'
                for name, r in (('armillary', ours), ('QEMU', theirs)) if r.returncode]
    here, there = lines_of(ours), lines_of(theirs)
    for name in sorted(set(here) | set(there)):
        a, b = here.get(name), there.get(name)
        if (a, b) != DIFFERENCES.get(name, (a, a))[:2]:
            problems.append(f'{name}: {a is not None and hex(a)} here, {b is not None and hex(b)} there')
    if len(here) < 45:
        problems.append(f'only {len(here)} lines here')
    if 'out of the virtio console\n' not in ours.stdout:
        problems.append('nothing came out of the console here')
    if content(f'{folder}/left.img') != content(f'{folder}/qemu.img'):
        problems.append('the disks differ')
    if content(f'{folder}/disk.img') != disk() or content(f'{folder}/left.img') == disk():
        problems.append('what was written is not where it belongs')
    return problems


def engines_and_caches(folder):
    """only what takes time may differ, and nothing does that the guest prints"""
    plain, problems = lines_of(boot(folder, '--drive', 'disk.img')), []
    for options in (['--engine', 'precise'], ['--caches', 'on'], ['--store-buffer', '16', '--history', '32'],
                    ['--seed', '5', '--choices', 'device-done', '--rate', '2'], ['--timing', 'flat']):
        other = boot(folder, '--drive', 'disk.img', *options)
        if lines_of(other) != plain or other.returncode:
            problems.append(f'{" ".join(options)}: other lines, status {other.returncode}: {other.stderr[-300:]}')
    return problems


def recorded(folder):
    problems = []
    made = boot(folder, '--drive', 'disk.img', '--seed', '9', '--choices', 'device-done', '--rate', '2', '--record',
                'run.trace')
    if made.returncode or 'choices=0' in made.stdout:
        problems.append(f'recording: status {made.returncode}: {made.stdout[-200:]}{made.stderr}')
    again = armillary(folder, 'replay', '--no-story', 'run.trace')
    if again.returncode:
        problems.append(f'replay: status {again.returncode}: {again.stderr}')
    other = bytearray(disk())
    other[-1] ^= 1
    for what, change in (('changed', lambda: write(f'{folder}/disk.img', other)),
                         ('longer', lambda: write(f'{folder}/disk.img', disk() + bytes(512))),
                         ('gone', lambda: os.remove(f'{folder}/disk.img'))):
        change()
        again = armillary(folder, 'replay', '--no-story', 'run.trace')
        lines = again.stderr.splitlines()
        if again.returncode != 2 or len(lines) != 1 or 'disk.img' not in lines[0]:
            problems.append(f'{what}: status {again.returncode}: {again.stderr}')
    write(f'{folder}/disk.img', disk())
    return problems


def read_only(folder):
    lines = lines_of(boot(folder, '--drive', 'disk.img,ro'))
    wanted = lines.get('block_write_status0')
    return [] if wanted == 0x101 else [f'a write to it: {wanted}']


def bad_options(folder):
    problems = []
    write(f'{folder}/short.img', bytes(100))
    for options, says in ((['--drive', 'none.img'], 'none.img'), (['--drive', 'short.img'], 'short.img: 100 bytes'),
                          (['--drive', '.'], 'not a file'), (['--drive', 'disk.img,rw'], 'rw is neither'),
                          (['--drive', 'disk.img,overlay='], 'neither'), (['--virtio', 'tape'], 'tape is neither'),
                          (['--drive', 'disk.img'] * 5, 'more than 4'), (['--virtio', 'net,' * 40], 'more than 32'),
                          (['--rtc', '-1'], '--rtc'), (['--entropy-seed', 'x'], '--entropy-seed')):
        result = boot(folder, *options)
        if result.returncode != 2 or len(result.stderr.splitlines()) != 1 or says not in result.stderr:
            problems.append(f'{" ".join(options)}: status {result.returncode}: {result.stderr[:300]}')
    result = boot(folder, '--drive', 'disk.img,overlay=nowhere/x')
    if result.returncode != 2 or 'nowhere/x' not in result.stderr:
        problems.append(f'an overlay that cannot be written: status {result.returncode}: {result.stderr[:300]}')
    return problems


CASES = [('the same as on QEMU', both_sides),
         ('the same with other engines, caches, orders and times', engines_and_caches),
         ('a run on a disk is recorded and replayed', recorded), ('a read-only disk', read_only),
         ('bad options', bad_options)]


def main():
    for tool in (CROSS, QEMU):
        if not shutil.which(tool):
            print(f'1..0 # SKIP {tool} is not installed')
            return
    print(f'1..{len(CASES)}')
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([CROSS, '-O1', '-ffreestanding', '-nostdlib', '-static', '-mstrict-align', '-mgeneral-regs-only',
                        '-fno-builtin', '-fno-pie', '-o', f'{folder}/virtio.elf',
                        '-Wl,--build-id=none,-N,-Ttext=0x40200000,-e,_start,--no-warn-rwx-segments',
                        f'{SOURCE}/tests/guest/virtio.c'], check=True)
        write(f'{folder}/disk.img', disk())
        for i, (name, function) in enumerate(CASES, 1):
            problems = function(folder)
            print(f'{"not ok" if problems else "ok"} {i} - {name}')
            for problem in problems:
                print(f'# {problem}')


main()
