#!/usr/bin/env python3
"""KVM and a Linux guest on two CPUs under random schedules: 100 seeds, small quanta, CPUs that are held behind visible
operations, interrupt lines that come late. Each run ends with all markers and switches itself off; a recorded one is
replayed and walked in. Without the payload (./dev linux makes it) this is skipped. Prints TAP.
"""
import concurrent.futures
import os
import sys
import tempfile

import linux_payload
import linux_walk

SEEDS, RECORDED = 100, 1
FREEDOM = ['--choices', 'next-cpu,line-assert,line-deassert,irq-take', '--rate', '1000']


def run(seed, *options):
    """-> (what is wrong, the summary)"""
    problems, summary = linux_payload.summary(
        '--cpus', '2', '--', '--seed', str(seed), '--quantum', str(20 + 10 * (seed % 10)), *FREEDOM, *options)
    if 'choices=0 ' in summary:
        problems = ['nothing was chosen', summary]
    return problems, summary


def schedule(seed):
    """-> (what is wrong, the summary)"""
    if seed != RECORDED:
        return run(seed)
    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, 'boot.trace')
        problems, summary = run(seed, '--record', trace)
        if not problems:
            problems = linux_walk.judge(trace, summary, 20)
        return problems, summary


def main():
    status = linux_payload.absent()
    if status is not None:
        return status
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
