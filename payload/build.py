#!/usr/bin/env python3
"""Makes the Linux payload: Debian's arm64 kernel, unchanged, as the host, and the same kernel as a guest of its KVM.

Usage: build.py FOLDER [--fetch]

FOLDER gets Image (of the kernel package), busybox, modules (of the kernel package: what virtio takes), host.cpio
(initramfs: busybox, our programs, and the guest's kernel, initramfs and device trees), root.img and root.cpio (the
same as a root file system on a virtio disk, and the initramfs that mounts it) and payload.txt, which says what was made
from what. Packages are
fetched with apt-get by lists of their own, so that the system's architectures stay as they are, and only when they
are not there yet, or with --fetch. What is there already and was made from the same sources is left alone.

Every error is one line on standard error. Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, dtc and e2fsprogs.
"""
import hashlib
import lzma
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
MADE = ('host.cpio', 'root.cpio', 'root.img')
SOURCES = ('build.py', 'kvm.h', 'vmm.c', 'stage2.h', 'stage2.c', 'stage2_entry.S', 'stage2_guest.c', 'tiny.S',
           'guest.dts', 'host-init.sh', 'guest-init.sh', 'root-init.sh')
# Modules of the stock kernel, with what they depend on by themselves; crc32c is what ext4 asks for by name.
CONSOLE_MODULES = ('virtio_mmio', 'virtio_console')
ROOT_MODULES = ('virtio_mmio', 'virtio_blk', 'crc32c_generic', 'ext4')
ROOT_MIB = 64
ROOT_FEATURES = 'sparse_super,large_file,filetype,dir_index,ext_attr,has_journal,extent,metadata_csum,64bit'
ROOT_UUID = '00000000-0000-4000-8000-000000000001'
ROOT_TIME = 1767225600  # of everything on the disk: 2026-01-01 00:00:00 UTC


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
        fetch_modules(unpacked, folder)
        (folder / 'packages.txt').write_text(''.join(p.name + '\n' for p in packages))


def depends(module):
    """-> the names of the modules that one, as bytes, depends on"""
    at = module.find(b'\0depends=')
    if at < 0:
        return []
    return [name for name in module[at + 9:module.index(b'\0', at + 9)].decode().split(',') if name]


def module_content(path):
    data = path.read_bytes()
    if path.suffix == '.xz':
        return lzma.decompress(data)
    if path.suffix != '.ko':
        raise Failure(f'{path.name}: a compressed module of a kind that is not known')
    return data


def fetch_modules(unpacked, folder):
    """keeps the modules that are wanted, each behind those it depends on, and their order; others are built in"""
    # A kernel names its files with - or _ as it likes.
    files = {path.name.split('.')[0].replace('-', '_'): path for path in unpacked.glob('**/lib/modules/**/*.ko*')}
    order = []

    def keep(name):
        if name in order or name not in files:
            return
        content = module_content(files[name])
        for other in depends(content):
            keep(other.replace('-', '_'))
        order.append(name)
        (folder / 'modules' / f'{name}.ko').write_bytes(content)

    shutil.rmtree(folder / 'modules', ignore_errors=True)
    (folder / 'modules').mkdir()
    for name in dict.fromkeys(CONSOLE_MODULES + ROOT_MODULES):
        keep(name)
    (folder / 'modules' / 'order').write_text(''.join(name + '\n' for name in order))


def modules_for(folder, wanted):
    """-> names of these modules and of all that they depend on, in the order of loading"""
    order = (folder / 'modules' / 'order').read_text().split()
    needed = set(wanted)
    for name in reversed(order):
        if name in needed:
            needed |= {other.replace('-', '_') for other in depends((folder / 'modules' / f'{name}.ko').read_bytes())}
    return [name for name in order if name in needed]


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


def compile_program(work, name, *sources):
    """-> a program for the host's Linux, as bytes"""
    command([CROSS + 'gcc', '-O2', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-static', '-s', '-I', HERE.parent,
             '-o', work / name, *(HERE / source for source in sources), '-lpthread'], sources[0])
    return (work / name).read_bytes()


def compile_guest(work, name, address, *sources):
    """-> a bare-metal program for a virtual machine, as bytes; it starts with the first source"""
    elf = work / f'{name}.elf'
    command([CROSS + 'gcc', '-O2', '-Wall', '-Wextra', '-Werror', '-I', HERE.parent, '-ffreestanding',
             '-mgeneral-regs-only', '-fno-pie', '-nostdlib', '-static', '-no-pie', '-Wl,--build-id=none',
             f'-Wl,-Ttext={address:#x}', '-o', elf, *(HERE / source for source in sources)], sources[0])
    command([CROSS + 'objcopy', '-O', 'binary', '-j', '.text', elf, work / name], sources[0])
    return (work / name).read_bytes()


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


def put_modules(archive, folder, names):
    for name in names:
        archive.file(f'modules/{name}.ko', (folder / 'modules' / f'{name}.ko').read_bytes())


def make_disk(work, archive, image):
    """an ext4 file system with what an archive has; equal content makes equal bytes, and nobody needs to be root"""
    root = work / 'root'
    root.mkdir()
    names = []
    for name, mode, content in archive.members:
        path = root / name
        names.append(name)
        if stat.S_ISDIR(mode):
            path.mkdir()
        elif stat.S_ISLNK(mode):
            path.symlink_to(content.decode())
        else:
            path.write_bytes(content)
            path.chmod(stat.S_IMODE(mode))
    # Nothing is left to what the system thinks an ext4 is.
    (work / 'mke2fs.conf').write_text('[defaults]\n blocksize = 4096\n inode_size = 256\n reserved_ratio = 0\n'
                                      f'[fs_types]\n ext4 = {{\n  base_features = {ROOT_FEATURES}\n }}\n')
    environment = dict(os.environ, E2FSPROGS_FAKE_TIME=str(ROOT_TIME), MKE2FS_CONFIG=str(work / 'mke2fs.conf'),
                       PATH=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    command(['mke2fs', '-q', '-t', 'ext4', '-N', '256', '-U', ROOT_UUID, '-E',
             f'hash_seed={ROOT_UUID},lazy_itable_init=0,lazy_journal_init=0,nodiscard', '-d', root, image,
             f'{ROOT_MIB}M'], 'root.img', env=environment)
    # What mke2fs takes over from the files here: whose they are, and when they were made.
    fields = ''.join(f'sif "/{name}" {field} {value}\n' for name in [*names, '', 'lost+found']
                     for field, value in (('uid', 0), ('gid', 0), *((f, f'@{ROOT_TIME}') for f in
                                                                    ('atime', 'ctime', 'mtime', 'crtime'))))
    (work / 'fields').write_text(fields)
    command(['debugfs', '-w', '-f', work / 'fields', image], 'root.img', env=environment)


def build(folder):
    busybox = (folder / 'busybox').read_bytes()
    console, root = modules_for(folder, CONSOLE_MODULES), modules_for(folder, ROOT_MODULES)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = pathlib.Path(name)
        initrd = system_of(busybox, (HERE / 'guest-init.sh').read_text()).encode()
        host_init = (HERE / 'host-init.sh').read_text()
        host_init = host_init.replace('@GUEST_MIB@', str(GUEST_MIB)).replace('@CONSOLE_MODULES@', ' '.join(console))
        host = system_of(busybox, host_init)
        put_modules(host, folder, console)
        host.file('bin/vmm', compile_program(work, 'vmm', 'vmm.c', 'stage2.c'), 0o755)
        host.file('guest/tiny.bin', compile_guest(work, 'tiny.bin', 0x40200000, 'tiny.S'))
        host.file('guest/stage2.bin', compile_guest(work, 'stage2.bin', 0x40000000, 'stage2_entry.S', 'stage2_guest.c'))
        host.file('guest/Image', (folder / 'Image').read_bytes())
        host.file('guest/initrd.cpio', initrd)
        for vcpus in GUEST_VCPUS:
            host.file(f'guest/tree-{vcpus}.dtb', guest_tree(work, vcpus, len(initrd)))
        (work / 'host.cpio').write_bytes(host.encode())
        first = system_of(busybox, (HERE / 'root-init.sh').read_text().replace('@ROOT_MODULES@', ' '.join(root)))
        first.folder('root')
        put_modules(first, folder, root)
        (work / 'root.cpio').write_bytes(first.encode())
        host.file('written', b'0\n')
        make_disk(work, host, work / 'root.img')
        for name in MADE:
            (work / name).replace(folder / name)


# --- the folder ------------------------------------------------------------------------------------------------------

def made_from(folder):
    """what the payload depends on: our sources, the kernel and busybox; '' when something is missing"""
    inputs = [HERE / name for name in SOURCES] + [folder / name for name in ('Image', 'busybox', 'modules/order')]
    if not all(path.exists() for path in inputs):
        return ''
    return ''.join(f'{sha256(path)} {path.name}\n' for path in inputs)


def is_current(folder):
    written = folder / 'payload.txt'
    return (all((folder / name).exists() for name in MADE) and written.exists() and
            written.read_text() == made_from(folder))


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
