#!/usr/bin/env python3
"""KVM and a Linux guest on two CPUs under random schedules: 100 seeds, small quanta, CPUs that are held behind visible
operations, interrupt lines that come late. Each run ends with all markers and switches itself off; a recorded one is
replayed and walked in. Without the payload (./dev linux makes it) this is skipped. Prints TAP.
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
sys.path.insert(0, os.path.join(SOURCE, 'payload'))
import boot  # noqa: E402  (the path is known only now)
import build  # noqa: E402
import linux_walk  # noqa: E402  (beside this file)

SEEDS, RECORDED = 100, 1
FREEDOM = ['--choices', 'next-cpu,line-assert,line-deassert,irq-take', '--rate', '1000']


def run(seed, *options):
    """-> (what is wrong, the summary)"""
    result = subprocess.run(
        [sys.executable, os.path.join(SOURCE, 'payload', 'boot.py'), os.path.join(BUILD, 'armillary'), '--cached',
         '--cpus', '2', '--', '--seed', str(seed), '--quantum', str(20 + 10 * (seed % 10)), *FREEDOM, *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace', check=False)
    summary = re.findall('^summary: .*', result.stdout, re.MULTILINE)
    if result.returncode != 0 or not summary:
        return [f'status {result.returncode}', *(result.stdout + result.stderr).strip().splitlines()[-12:]], ''
    if 'choices=0 ' in summary[-1]:
        return ['nothing was chosen', summary[-1]], ''
    return [], summary[-1]


def schedule(seed):
    """-> (what is wrong, the summary)"""
    if seed != RECORDED:
        return run(seed)
    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, 'boot.trace')
        problems, summary = run(seed, '--record', trace)
        if not problems:
            problems = linux_walk.judge(os.path.join(BUILD, 'armillary'), SOURCE, boot.cache_folder() / 'Image', trace,
                                        summary, 20)
        return problems, summary


def main():
    if os.environ.get('CI') != 'true' and not build.is_current(boot.cache_folder()):
        print('1..0 # SKIP no payload in the cache: ./dev linux makes it')
        return 0
    print(f'1..{SEEDS}', flush=True)
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for seed, (problems, summary) in enumerate(pool.map(schedule, range(1, SEEDS + 1)), 1):
            failures += bool(problems)
            print('not ok' if problems else 'ok', seed, f'- seed {seed}')
            for line in problems or [summary]:
                print('#', line)
            sys.stdout.flush()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
