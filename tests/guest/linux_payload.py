"""What the tests that boot Debian's kernel have in common: the payload, runs of it, and the names in its kernel."""
import os
import pathlib
import re
import subprocess
import sys

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
ARMILLARY = os.path.join(BUILD, 'armillary')
sys.path.insert(0, os.path.join(SOURCE, 'payload'))
import boot  # noqa: E402  (the path is known only now)
import build  # noqa: E402
import symbols  # noqa: E402

COMMAND = [sys.executable, os.path.join(SOURCE, 'payload', 'boot.py'), ARMILLARY, '--cached']
IMAGE = boot.cache_folder() / 'Image'


def absent():
    """-> None if there is a payload, which is made where CI is true; else the exit status, and TAP has been printed"""
    if build.is_current(boot.cache_folder()):
        return None
    if os.environ.get('CI') != 'true':
        print('1..0 # SKIP no payload in the cache: ./dev linux makes it')
        return 0
    try:
        boot.prepare(boot.cache_folder(), False, False)
    except boot.Failure as failure:
        print(f'1..1\nnot ok 1 - a payload\n# {failure}')
        return 1
    return None


def run(*options):
    """boot.py with these options -> the result"""
    return subprocess.run([*COMMAND, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors='replace', check=False)


def explain(result, lines=20):
    return [f'status {result.returncode}', *(result.stdout + result.stderr).strip().splitlines()[-lines:]]


def summary(*options):
    """-> (what is wrong with a run that ends well, its summary)"""
    result = run(*options)
    found = re.findall('^summary: .*', result.stdout, re.MULTILINE)
    if result.returncode != 0 or not found:
        return explain(result, 12), ''
    return [], found[-1]


def write_names(path):
    """the kernel's own table of names, as a System.map"""
    pathlib.Path(path).write_text(symbols.system_map(IMAGE.read_bytes()), encoding='utf-8')
