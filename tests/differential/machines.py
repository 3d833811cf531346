"""Runs an image on QEMU and on Armillary, and hands back the log that it wrote to the console."""
import os
import shutil
import subprocess

from image import Problem

QEMU = 'qemu-system-aarch64'
TIMEOUT = 120              # seconds: a hundred times what an image takes


class NotAtEnd(Problem):
    """it goes on and on"""


def need_qemu():
    if not shutil.which(QEMU):
        raise Problem(f'{QEMU} is not installed; it is the other side of this test: '
                      'apt install qemu-system-arm')


def execute(command):
    try:
        return subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise NotAtEnd(f'{" ".join(command)}: not at its end after {TIMEOUT} seconds') from error


def on_qemu(path, cpu):
    command = [QEMU, '-M', 'virt,virtualization=on,gic-version=2', '-cpu', cpu, '-m', '128M',
               '-display', 'none', '-monitor', 'none', '-serial', 'none', '-nodefaults',
               '-semihosting-config', 'enable=on,target=native', '-kernel', path]
    run = execute(command)
    if run.returncode:
        raise Problem(f'{" ".join(command)}: exit status {run.returncode}: '
                      f'{run.stderr.decode(errors="replace").strip()[-400:]}')
    return run.stdout


def on_armillary(program, path, model, engine='both'):
    """-> (log, None), or (None, what it said) when the model is incomplete. Both engines must give
    the same log, and the same state at its end: the same hash."""
    if engine == 'both':
        fast, precise = (run_engine(program, path, model, e) for e in ('fast', 'precise'))
        if fast != precise:
            raise Problem(f'{path}: the engines are not alike: {fast[1]} (fast), {precise[1]} (precise)')
        return fast[0], None if fast[0] is not None else fast[1]
    log, said = run_engine(program, path, model, engine)
    return log, None if log is not None else said


def run_engine(program, path, model, engine):
    """-> (log or None, the summary or what it said)"""
    command = [program, 'run', path, '--cpus', '1', '--ram', '128M', '--cpu', model,
               '--engine', engine, '--timing', 'flat']
    run = execute(command)
    log, mark, summary = run.stdout.rpartition(b'summary: ')
    if run.returncode == 3:
        return None, run.stderr.decode(errors='replace').strip()
    if run.returncode or not mark:
        raise Problem(f'{" ".join(command)}: exit status {run.returncode}: '
                      f'{run.stderr.decode(errors="replace").strip()[-2000:]}')
    if len(log) % 8 == 1:  # what is told has 8 bytes; it does not end a line, so that the summary begins one
        log = log[:-1]
    return log, summary.decode().strip()


def models(program):
    """-> the CPU models of Armillary"""
    try:
        run = subprocess.run([program, 'info', 'models'], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(f'{program} info models: {error}') from error
    return {line.split()[0] for line in run.stdout.split('\n') if line.strip()}


def default_program():
    build = os.environ.get('BUILD', 'build')
    return os.path.join(build, 'armillary')
