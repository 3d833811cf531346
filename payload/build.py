#!/usr/bin/env python3
"""Makes the Linux payload: Debian's arm64 kernel, unchanged, as the host, and the same kernel as a guest of its KVM.

Usage: build.py FOLDER [--fetch]

FOLDER gets Image (of the kernel package), busybox, host.cpio (initramfs: busybox, vmm, tiny.bin, and
the guest's kernel, initramfs and device trees) and payload.txt, which says what was made from what. Packages are
fetched with apt-get by lists of their own, so that the system's architectures stay as they are, and only when they
are not there yet, or with --fetch. What is there already and was made from the same sources is left alone.

Every error is one line on standard error. Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and dtc.
"""
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CROSS = os.environ.get('CROSS', 'aarch64-linux-gnu-')
GUEST_MIB = 256
GUEST_VCPUS = (1, 2)
GUEST_BOOTARGS = 'console=ttyAMA0 quiet panic=-1 nokaslr cryptomgr.notests'
BLOCK = 0x200000
SOURCES = ('build.py', 'vmm.c', 'tiny.S', 'guest.dts', 'host-init.sh', 'guest-init.sh')


class Failure(Exception):
    """says in one line what is wrong"""


def command(arguments, what, **options):
    """-> standard output of a command that must succeed"""
    try:
        result = subprocess.run([str(a) for a in arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                check=False, **options)
    except OSError as error:
        raise Failure(f'{what}: {arguments[0]}: {error.strerror}') from error
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines()
        raise Failure(f'{what}: {lines[-1] if lines else arguments[0] + " failed"}')
    return result.stdout


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


# --- Debian's packages -----------------------------------------------------------------------------------------------

class Apt:
    """apt-get for arm64 with state of its own; the sources and keys are the system's"""

    def __init__(self, state):
        for name in ('lists/partial', 'cache/archives/partial'):
            (state / name).mkdir(parents=True, exist_ok=True)
        self.options = [f'-o{name}={value}' for name, value in {
            'APT::Architecture': 'arm64', 'APT::Architectures': 'arm64', 'APT::Sandbox::User': 'root',
            'Dir::State::Lists': state / 'lists', 'Dir::State::status': '/dev/null', 'Dir::Cache': state / 'cache',
            'Acquire::Retries': 2, 'Acquire::http::Timeout': 20, 'Acquire::https::Timeout': 20}.items()]

    def run(self, tool, *arguments, what, cwd=None):
        return command([tool, '-qq', *self.options, *arguments], what, cwd=cwd)


def fetch(folder):
    """Debian's newest kernel and busybox"""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = pathlib.Path(name)
        apt = Apt(work / 'apt')
        why = 'the packages of Debian (arm64) cannot be fetched'
        apt.run('apt-get', 'update', what=why)
        depends = apt.run('apt-cache', 'depends', 'linux-image-arm64', what=why)
        kernels = [line.split()[-1] for line in depends.splitlines() if 'Depends: linux-image-' in line]
        if not kernels:
            raise Failure(f'{why}: no linux-image-arm64 in the lists of packages (no network?)')
        apt.run('apt-get', 'download', kernels[0], 'busybox-static', what=why, cwd=work)
        packages = sorted(work.glob('*.deb'))
        for package in packages:
            command(['dpkg-deb', '-x', package, work / 'unpacked'], package.name)
        unpacked = work / 'unpacked'
        found = {'Image': list(unpacked.glob('boot/vmlinuz-*')),
                 'busybox': list(unpacked.glob('bin/busybox')) + list(unpacked.glob('usr/bin/busybox'))}
        for target, files in found.items():
            if not files:
                raise Failure(f'{target} is in none of {" ".join(p.name for p in packages)}')
            shutil.copyfile(files[0], folder / target)
        (folder / 'packages.txt').write_text(''.join(p.name + '\n' for p in packages))


# --- what is built ---------------------------------------------------------------------------------------------------

class Archive:
    """an initramfs (cpio "newc"): owner root, time 0, so that equal content makes equal bytes"""

    def __init__(self):
        self.members = []
        self.folders = set()

    def add(self, name, mode, content):
        parent = os.path.dirname(name)
        if parent and parent not in self.folders:
            self.folder(parent)
        self.members.append((name, mode, content))

    def folder(self, name):
        self.folders.add(name)
        self.add(name, stat.S_IFDIR | 0o755, b'')

    def file(self, name, content, mode=0o644):
        self.add(name, stat.S_IFREG | mode, content)

    def link(self, name, target):
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def encode(self):
        parts = []
        for number, (name, mode, content) in enumerate([*self.members, ('TRAILER!!!', 0, b'')], 1):
            links = 2 if stat.S_ISDIR(mode) else 1
            fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
            header = b'070701' + b''.join(b'%08X' % f for f in fields) + name.encode() + b'\0'
            parts += [header, bytes(-len(header) % 4), content, bytes(-len(content) % 4)]
        data = b''.join(parts)
        return data + bytes(-len(data) % 512)


def compile_programs(work):
    """-> (vmm, tiny guest) as bytes"""
    gcc = CROSS + 'gcc'
    command([gcc, '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-s', '-o', work / 'vmm', HERE / 'vmm.c',
             '-lpthread'], 'vmm.c')
    command([gcc, '-nostdlib', '-static', '-Wl,--build-id=none', '-Wl,-Ttext=0x40200000', '-o', work / 'tiny.elf',
             HERE / 'tiny.S'], 'tiny.S')
    command([CROSS + 'objcopy', '-O', 'binary', '-j', '.text', work / 'tiny.elf', work / 'tiny.bin'], 'tiny.S')
    return (work / 'vmm').read_bytes(), (work / 'tiny.bin').read_bytes()


def system_of(busybox, init):
    """an archive with busybox, a shell and a first process"""
    archive = Archive()
    for name in ('dev', 'proc', 'sys'):
        archive.folder(name)
    archive.file('bin/busybox', busybox, 0o755)
    archive.link('bin/sh', 'busybox')
    archive.file('init', init.encode(), 0o755)
    return archive


def guest_tree(work, vcpus, initrd_size):
    """-> the guest's device tree, as bytes"""
    ram = 0x40000000
    start = ram + (GUEST_MIB * 0x100000 - initrd_size) // BLOCK * BLOCK
    cpus = '\n'.join(f'cpu@{i} {{ device_type = "cpu"; compatible = "arm,armv8"; reg = <{i}>; '
                     'enable-method = "psci"; };' for i in range(vcpus))
    text = (HERE / 'guest.dts').read_text()
    for word, value in {'BOOTARGS': GUEST_BOOTARGS, 'INITRD_START': hex(start), 'CPUS': cpus,
                        'INITRD_END': hex(start + initrd_size), 'RAM_BYTES': hex(GUEST_MIB * 0x100000)}.items():
        text = text.replace(f'@{word}@', value)
    (work / 'guest.dts').write_text(text)
    command(['dtc', '-q', '-I', 'dts', '-O', 'dtb', '-o', work / 'guest.dtb', work / 'guest.dts'], 'guest.dts')
    return (work / 'guest.dtb').read_bytes()


def build(folder):
    busybox = (folder / 'busybox').read_bytes()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = pathlib.Path(name)
        vmm, tiny = compile_programs(work)
        initrd = system_of(busybox, (HERE / 'guest-init.sh').read_text()).encode()
        host = system_of(busybox, (HERE / 'host-init.sh').read_text().replace('@GUEST_MIB@', str(GUEST_MIB)))
        host.file('bin/vmm', vmm, 0o755)
        host.file('guest/tiny.bin', tiny)
        host.file('guest/Image', (folder / 'Image').read_bytes())
        host.file('guest/initrd.cpio', initrd)
        for vcpus in GUEST_VCPUS:
            host.file(f'guest/tree-{vcpus}.dtb', guest_tree(work, vcpus, len(initrd)))
        (work / 'host.cpio').write_bytes(host.encode())
        (work / 'host.cpio').replace(folder / 'host.cpio')


# --- the folder ------------------------------------------------------------------------------------------------------

def made_from(folder):
    """what the payload depends on: our sources, the kernel and busybox; '' when something is missing"""
    inputs = [HERE / name for name in SOURCES] + [folder / name for name in ('Image', 'busybox')]
    if not all(path.exists() for path in inputs):
        return ''
    return ''.join(f'{sha256(path)} {path.name}\n' for path in inputs)


def is_current(folder):
    written = folder / 'payload.txt'
    return (folder / 'host.cpio').exists() and written.exists() and written.read_text() == made_from(folder)


def make(folder, wants_fetch=False):
    """everything that is not there yet, or not made from these sources"""
    if wants_fetch or not (folder / 'packages.txt').exists() or not made_from(folder):
        fetch(folder)
    if not is_current(folder):
        build(folder)
        (folder / 'payload.txt').write_text(made_from(folder))


def main():
    arguments = sys.argv[1:]
    wants_fetch = '--fetch' in arguments
    names = [a for a in arguments if a != '--fetch']
    if len(names) != 1 or names[0].startswith('-'):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    folder = pathlib.Path(names[0])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        make(folder, wants_fetch)
    except Failure as failure:
        print(f'payload: {failure}', file=sys.stderr)
        return 1
    except OSError as error:
        print(f'payload: {error.filename or folder}: {error.strerror}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
