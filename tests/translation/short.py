#!/usr/bin/env python3
"""A short run of ./dev walks on each pair of CPUs, and the tests of its own machinery: that the list
of differences and the model beside it agree, that a difference which is not on the list is found,
and that a missing QEMU is said. With LONG set, a million translations, which must have seen all that
coverage.py asks for and hit every entry of the list.
"""
import os
import re
import subprocess
import sys
import tempfile

os.environ['PYTHONDONTWRITEBYTECODE'] = '1'
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import layout  # noqa: E402
import listing  # noqa: E402
import machines  # noqa: E402
import walks  # noqa: E402

SHORT, LONG_CASES = {'cortex-a57': 700, 'neoverse-n1': 900}, 48000
LEFT_OUT = 'level-of-a-stage-2-fault-on-a-walk'
WALKS = os.path.join(layout.HERE, 'walks.py')


def run_walks(*arguments, path=None):
    env = dict(os.environ, **({'PATH': path} if path is not None else {}))
    return subprocess.run([sys.executable, WALKS, *arguments], capture_output=True, text=True,
                          check=False, env=env)


def check_clean(model):
    run = run_walks('--cpu', model, '--cases', str(SHORT[model]), '--jobs', '1')
    return None if run.returncode == 0 else run.stdout + run.stderr


def check_long():
    run = run_walks('--cases', str(LONG_CASES))
    return None if run.returncode == 0 else run.stdout + run.stderr


def check_no_qemu():
    with tempfile.TemporaryDirectory() as folder:
        run = run_walks(path=folder)
    wanted = 'walks: qemu-system-aarch64 is not installed; it is the other side of this test: ' \
        'apt install qemu-system-arm\n'
    if run.returncode != 2 or run.stderr != wanted or run.stdout:
        return f'exit status {run.returncode}: {run.stdout}{run.stderr}'
    return None


def check_names():
    """what the model asks for is what the list names"""
    asked = set()
    for name in os.listdir(layout.HERE):
        if name.endswith('.py'):
            with open(os.path.join(layout.HERE, name), encoding='ascii') as file:
                asked |= set(re.findall(r"\bquirk\(\s*'([\w-]+)'\)", file.read()))
    listed = listing.read().keys()
    wrong = sorted(asked ^ listed)
    return f'only on one side: {", ".join(wrong)}' if wrong else None


def check_found(model):
    """a difference that the list does not excuse is told, alone in its case"""
    run = run_walks('--cpu', model, '--cases', '60', '--jobs', '1', '--without', LEFT_OUT)
    told = re.search(r'^mismatch: (\w+) at EL\d, address', run.stdout, re.M)
    walked = re.search(r'^  stage 2 level \d: 0x[0-9a-f]{16} at 0x', run.stdout, re.M)
    if run.returncode != 1 or not told or not walked or 'result=mismatch' not in run.stdout:
        return f'exit status {run.returncode}: {run.stdout}{run.stderr}'
    return None


def main():
    there = machines.models(machines.default_program())
    models = [one for one, *_ in walks.CPUS if one in there and one in SHORT]
    results = [('without QEMU it says what to install', check_no_qemu()),
               ('the model asks for the entries of the list', check_names()),
               ('without an entry there is a mismatch', check_found(models[0]))]
    if os.environ.get('LONG'):
        results.append(('a million translations, no mismatch that is not listed', check_long()))
    else:
        for model in models:
            results.append((f'{model}: no mismatch that is not listed', check_clean(model)))
    print(f'1..{len(results)}')
    for i, (name, problem) in enumerate(results, 1):
        print(f'{"not ok" if problem else "ok"} {i} - {name}')
        for line in (problem or '').split('\n'):
            if line:
                print(f'# {line}')
    return int(any(problem for _, problem in results))


if __name__ == '__main__':
    sys.exit(main())
