#!/usr/bin/env python3
"""What builds and judges the Linux payload: the archive, the table of kernels, the marks, the table of symbols, and
what it says when there is no payload to be had.
"""
import contextlib
import io
import lzma
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
sys.path.insert(0, os.path.join(SOURCE, 'payload'))
import boot  # noqa: E402  (the path is known only now)
import build  # noqa: E402
import symbols  # noqa: E402

cases = []


def case(function):
    cases.append(function)
    return function


def parse_archive(data):
    """-> {name: (mode, content)} of a newc archive"""
    members, at = {}, 0
    while True:
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        at = (at + 110 + fields[11] + 3) // 4 * 4
        if name == 'TRAILER!!!':
            return members
        members[name] = (fields[1], data[at:at + fields[6]])
        at = (at + fields[6] + 3) // 4 * 4


@case
def archives_hold_what_was_put_in():
    archive = build.Archive()
    archive.file('a/b/c', b'12345', 0o755)
    archive.link('a/l', 'b/c')
    archive.file('empty', b'')
    members = parse_archive(archive.encode())
    return [] if members == {'a': (0o40755, b''), 'a/b': (0o40755, b''), 'a/b/c': (0o100755, b'12345'),
                             'a/l': (0o120777, b'b/c'), 'empty': (0o100644, b'')} else [repr(members)]


@case
def the_table_of_kernels_is_good_and_errors_have_a_line():
    kernels = boot.known_kernels((pathlib.Path(SOURCE) / 'payload' / 'kernels.txt').read_text())
    problems = [] if kernels and all(counts for _, counts in kernels.values()) else ['no counts']
    for bad in ('kernel 1 abc', 'tiny cortex-a57 2 3', 'kernel 1 ' + '0' * 64 + '\ntiny cortex-a57 two 3'):
        try:
            boot.known_kernels(bad, 'k')
            problems.append(f'taken: {bad}')
        except boot.Failure as failure:
            if not str(failure).startswith('k:'):
                problems.append(str(failure))
    return problems


@case
def marks_must_come_in_their_order():
    found = boot.missing_marks('x A y B z', ['A', 'B']), boot.missing_marks('B A', ['A', 'B']), \
        boot.missing_marks('A', ['A', 'A'])
    return [] if found == ([], ['B'], ['A']) else [repr(found)]


def module_of(*depends):
    return b'\x7fELF...\0license=GPL\0depends=' + ','.join(depends).encode() + b'\0name=x\0'


@case
def modules_come_behind_what_they_depend_on():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tree = folder / 'unpacked' / 'usr' / 'lib' / 'modules' / '6.1' / 'kernel'
        tree.mkdir(parents=True)
        # virtio_mmio is built in, mbcache is compressed, and crc16 is not asked for by itself.
        (tree / 'virtio_blk.ko').write_bytes(module_of())
        (tree / 'virtio-console.ko').write_bytes(module_of())
        (tree / 'ext4.ko').write_bytes(module_of('jbd2', 'mbcache', 'crc16'))
        (tree / 'jbd2.ko').write_bytes(module_of('crc16'))
        (tree / 'mbcache.ko.xz').write_bytes(lzma.compress(module_of()))
        (tree / 'crc16.ko').write_bytes(module_of())
        (tree / 'other.ko').write_bytes(module_of())
        build.fetch_modules(folder / 'unpacked', folder)
        root = build.modules_for(folder, build.ROOT_MODULES)
        problems = [] if root == ['virtio_blk', 'crc16', 'jbd2', 'mbcache', 'ext4'] else [repr(root)]
        console = build.modules_for(folder, build.CONSOLE_MODULES)
        problems += [] if console == ['virtio_console'] else [repr(console)]
        if (folder / 'modules' / 'mbcache.ko').read_bytes() != module_of():
            problems.append('a compressed module')
        (tree / 'ext4.ko').rename(tree / 'ext4.ko.zst')
        try:
            build.fetch_modules(folder / 'unpacked', folder)
            problems.append('an unknown compression is taken')
        except build.Failure as failure:
            problems += [] if 'ext4.ko.zst' in str(failure) else [str(failure)]
        return problems


@case
def disks_are_made_by_anybody_and_equal_ones_are_equal():
    archive = build.Archive()
    archive.file('bin/tool', b'#!' + bytes(9000), 0o755)
    archive.link('bin/sh', 'tool')
    archive.folder('proc')
    images = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as name:
            work = pathlib.Path(name)
            build.make_disk(work, archive, work / 'image')
            images.append((work / 'image').read_bytes())
            path = dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin:/sbin')
            check = subprocess.run(['e2fsck', '-fn', work / 'image'], capture_output=True, text=True, env=path,
                                   check=False)
            shown = subprocess.run(['debugfs', '-R', 'stat /bin/tool', work / 'image'], capture_output=True, text=True,
                                   env=path, check=False).stdout
        time.sleep(1.1)  # into another second
    problems = [] if images[0] == images[1] else ['two differ']
    problems += [] if check.returncode == 0 else [check.stdout + check.stderr]
    problems += [f'not {text}: {shown}' for text in ('Mode:  0755', 'User:     0', 'Size: 9002') if text not in shown]
    return problems


@case
def marks_follow_the_options():
    def marks(*options):
        sys.argv = ['boot.py', 'armillary', *options]
        return boot.marks_of(boot.arguments())
    problems = []
    if marks('--mode', 'bootonly', '--cpus', '4') != ['MARK-HOST-UP cpus=4']:
        problems.append(repr(marks('--mode', 'bootonly', '--cpus', '4')))
    found = marks('--mode', 'reboot', '--root', 'virtio')
    if found.count(boot.ROOT) != 2 or found.count('MARK-TINY-RC 0') != 2 or found[-1] != 'MARK-ROOT-CLEAN 2':
        problems.append(repr(found))
    found = marks('--mode', 'stage2', '--phases', 'slot,cow')
    if found[-3:] != ['MARK-STAGE2-slot', 'MARK-STAGE2-cow', 'MARK-STAGE2-RC 0']:
        problems.append(repr(found))
    if [f'MARK-STAGE2-{name}' for name in boot.PHASES] != marks('--mode', 'stage2')[2:-1]:
        problems.append(repr(marks('--mode', 'stage2')))
    sys.argv = ['boot.py', 'armillary', '--root', 'virtio', '--console', 'virtio']
    command = boot.command_of(boot.arguments(), pathlib.Path('cache'))
    if not {'cache/root.cpio', 'cache/root.img', 'console'} <= set(command) or 'console=hvc0' not in ' '.join(command):
        problems.append(repr(command))
    for option in ('--drive', 'disk'), ('--drive=disk',):
        sys.argv = ['boot.py', 'armillary', '--root', 'virtio', '--', *option]
        if 'cache/root.img' in (command := boot.command_of(boot.arguments(), pathlib.Path('cache'))):
            problems.append(repr(command))
    found = marks('--root', 'virtio', '--', '--drive', 'written-before')[-1]
    if found != 'MARK-ROOT-CLEAN ':
        problems.append(found)
    for options, resets in (['full'], ['0']), (['reboot'], ['1']), (['shell'], []), (['full', '--', '--resets=9'], []):
        sys.argv = ['boot.py', 'armillary', '--mode', *options]
        found = boot.command_of(boot.arguments(), pathlib.Path('cache'))
        if [number for option, number in zip(found, found[1:]) if option == '--resets'] != resets:
            problems.append(f'{options}: {found}')
    return problems


@case
def only_a_run_is_judged():
    problems, prepare, run = [], boot.prepare, boot.run
    boot.prepare, boot.run = lambda *arguments: None, lambda command: (0, '')
    judge, boot.judge = boot.judge, lambda *arguments: ['judged']
    for options, status in (['--', '--help'], 0), (['--', '--cpus', '1'], 1):
        sys.argv = ['boot.py', 'armillary', *options]
        with contextlib.redirect_stderr(io.StringIO()):
            if (found := boot.main()) != status:
                problems.append(f'{options}: {found}')
    boot.prepare, boot.run, boot.judge = prepare, run, judge
    return problems


def kernel_with(names, base):
    """a file that is a kernel's table of symbols and nothing else; the dictionary has single letters"""
    tokens = [bytes([i]) if 32 < i < 127 else b'?' for i in range(256)]
    text = [('T' + name).encode() for name in names]
    table = b''.join(bytes([len(t)]) + t for t in text)
    markers, at = [], 0
    for i, t in enumerate(text):
        if i % symbols.GROUP == 0:
            markers.append(at)
        at += 1 + len(t)

    def padded(data):
        return data + bytes(-len(data) % 8)
    index, total = [], 0
    for token in tokens:
        index.append(total)
        total += len(token) + 1
    return b''.join(padded(part) for part in (
        bytes(64), struct.pack(f'<{len(names)}I', *(16 * i for i in range(len(names)))), struct.pack('<Q', base),
        struct.pack('<I', len(names)), table, struct.pack(f'<{len(markers)}I', *markers),
        b''.join(t + b'\0' for t in tokens), struct.pack('<256H', *index)))


@case
def symbols_are_read_from_a_kernel():
    names = [f'function_{i}' for i in range(1500)]
    base = 0xffff800008010000
    image = kernel_with(names, base)
    found = symbols.symbols_of(image)
    problems = [] if found == [(base + 16 * i, 'T', name) for i, name in enumerate(names)] else [repr(found[:3])]
    line = symbols.system_map(image).splitlines()[2]
    problems += [] if line == f'{base + 32:016x} T function_2' else [line]
    for cut in (0, 100, len(image) // 2, len(image) - 600):
        try:
            symbols.symbols_of(image[:cut])
            problems.append(f'{cut} bytes are taken')
        except (symbols.Failure, struct.error):
            pass
    return problems


@case
def without_payload_and_network_there_is_one_line():
    with tempfile.TemporaryDirectory() as folder:
        # No cache, and an apt-get that finds nobody.
        tool = os.path.join(folder, 'apt-get')
        with open(tool, 'w', encoding='ascii') as f:
            f.write('#!/bin/sh\necho "E: Could not resolve" >&2\nexit 100\n')
        os.chmod(tool, 0o755)
        problems = []
        for options, says in (([], 'cannot be fetched'), (['--cached'], 'no payload')):
            result = subprocess.run(
                [sys.executable, os.path.join(SOURCE, 'payload', 'boot.py'), 'armillary', *options],
                env=dict(os.environ, XDG_CACHE_HOME=folder, PATH=folder + ':' + os.environ['PATH']),
                capture_output=True, text=True, check=False)
            lines = result.stderr.splitlines()
            if result.returncode != 2 or len(lines) != 1 or says not in lines[0]:
                problems.append(f'{options}: status {result.returncode}: {result.stderr}')
        return problems


def boot_py(*arguments, **more):
    return subprocess.Popen([sys.executable, os.path.join(SOURCE, 'payload', 'boot.py'), *arguments], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


@case
def bad_usage_is_one_line_and_help_is_help():
    problems = []
    for arguments, says in ((['x', '--cpus', '9'], '--cpus'), (['x', '--mode', 'no'], '--mode'), ([], 'armillary'),
                            (['x', '--what'], '--what'), (['x', '--phases', 'a'], 'discard'),
                            (['x', '--phases', 'cow', '--mode', 'tiny'], '--phases: needs --mode stage2'),
                            (['x', '--vcpus', '2', '--mode', 'tiny'], '--vcpus: needs --mode full')):
        with boot_py(*arguments) as process:
            _, told = process.communicate(timeout=60)
        if process.returncode != 2 or told.count('\n') != 1 or says not in told:
            problems.append(f'{arguments}: {process.returncode}: {told}')
    with boot_py('--help') as process:
        shown, told = process.communicate(timeout=60)
    missing = [o for o in ('--mode', '--cpus', '--append', '--cached', './dev linux') if o not in shown]
    if process.returncode != 0 or told or missing:
        problems.append(f'--help: {process.returncode}: {missing}: {told}')
    with tempfile.TemporaryDirectory() as folder:  # a copy that has nothing to build
        os.symlink(os.path.join(SOURCE, 'payload'), f'{folder}/payload')
        with open(os.path.join(SOURCE, 'dev'), encoding='utf-8') as file, open(f'{folder}/dev', 'w') as copy:
            copy.write(file.read())
        result = subprocess.run(['bash', f'{folder}/dev', 'linux', '--cpus', '2', '--help'], capture_output=True,
                                text=True, check=False)
        if result.returncode != 0 or result.stdout != shown or os.path.exists(f'{folder}/build'):
            problems.append(f'./dev linux --help: {result.returncode}: {result.stdout[:200]}{result.stderr[:200]}')
    return problems


RUNNER = """#!/bin/sh
trap 'echo ending; sleep 1; echo "summary: result=interrupted"; exit 130' INT TERM HUP
echo up
while :; do sleep 0.1; done
"""


@case
def an_interrupted_run_is_shown_to_its_end():
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        runner = os.path.join(folder, 'runner')
        with open(runner, 'w') as file:
            file.write(RUNNER)
        os.chmod(runner, 0o755)
        code = ('import sys; sys.path.insert(0, sys.argv[1]); import boot\n'
                'try: sys.exit(boot.run([sys.argv[2]])[0])\n'
                'except boot.Failure as failure: print(failure); sys.exit(2)')

        def start(command):
            return subprocess.Popen([sys.executable, '-c', code, os.path.join(SOURCE, 'payload'), command], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        for number, to_all in ((signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, False)):
            with start(runner) as process:
                shown = process.stdout.readline()
                (os.killpg if to_all else os.kill)(process.pid, number)
                try:
                    shown += process.communicate(timeout=60)[0]
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
            if process.returncode != 130 or not shown.endswith('ending\nsummary: result=interrupted\n'):
                problems.append(f'{number.name}: {process.returncode}: {shown}')
        with start(f'{folder}/nothing') as process:
            shown = process.communicate(timeout=60)[0]
        if process.returncode != 2 or shown != f'{folder}/nothing: No such file or directory\n':
            problems.append(f'no program: {process.returncode}: {shown}')
    return problems


def main():
    print(f'1..{len(cases)}')
    failures = 0
    for number, function in enumerate(cases, 1):
        problems = function()
        failures += bool(problems)
        print('not ok' if problems else 'ok', number, '-', function.__name__.replace('_', ' '), flush=True)
        for problem in problems:
            print('#', problem)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
