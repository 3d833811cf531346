#!/usr/bin/env python3
"""Options that are judged together: what has an effect only with another one is refused without it, and what a run,
a replay, a shrinking and a walk say of findings, of recordings and of places is what there is.
"""
import os
import re
import signal
import subprocess
import sys
import time

from bad_input import RAM, elf, refused, run, write
from cases import Cases

case = Cases()
SPIN = 0x14000000  # b .
NOP = 0xd503201f
SECONDS = 300


def fed(text, *arguments):
    """-> the result of a command with this standard input"""
    return subprocess.run([os.path.join(os.environ['BUILD'], 'armillary'), *arguments], capture_output=True, text=True,
                          errors='replace', timeout=SECONDS, input=text, check=False)


def summary(result):
    """-> the words of the summary line"""
    last = (result.stdout.splitlines() or [''])[-1]
    return dict(word.split('=', 1) for word in last.split()[1:]) if last.startswith('summary: ') else {}


def unexpected(what, result, expected):
    return [] if result == expected else [f'{what}: {result}, not {expected}']


def spinning(folder):
    """-> a guest that does nothing for ever after two instructions"""
    return write(f'{folder}/spin.elf', elf([NOP, NOP, SPIN]))


SILENT = """title: silence
machine: {cpus: 1, ram: 64M}
choices: [next-cpu]
checkers: [%s]
progress-steps: 4321
explore: {max-steps: 100000, schedules: 2}
variants:
  silent: {payload: spin.elf, expect: [progress/no-progress]}
"""


@case('silence is a finding at its step, whoever looks and whichever engine, and is replayed')
def silence(folder):
    guest, trace = spinning(folder), f'{folder}/silence.trace'
    base = ['run', guest, '--check', 'progress', '--progress-steps', '54321', '--max-insns', '3000000']
    problems = []
    for extra in ([], ['--engine', 'precise'], ['--profile', f'{folder}/profile'], ['--record', trace]):
        result = run(*base, *extra)
        problems += unexpected(f'{extra}: result', summary(result).get('result'), 'violation')
        problems += unexpected(f'{extra}: status', result.returncode, 1)
        problems += unexpected(f'{extra}: where', re.findall(r'^progress/no-progress on CPU 0 at step (\d+): for (\d+)',
                                                             result.stdout, re.MULTILINE), [('54321', '54321')])
    for extra in ([], ['--engine', 'precise'], ['--no-story']):
        result = run('replay', trace, *extra)
        problems += unexpected(f'replay {extra}', (result.returncode, summary(result).get('finding'),
                                                   summary(result).get('verdict')), (0, 'progress/no-progress', 'same'))
    result = fed('to end\nback 3\nstep 3\nfinding\n', 'replay', trace, '--steps')
    problems += unexpected('walking', (result.returncode, 'progress/no-progress' in result.stdout), (0, True))
    result = run(*base[:-1], '300000', '--findings', '2')
    problems += unexpected('going on', re.findall(r'^findings: (.*)', result.stdout, re.MULTILINE),
                           ['progress/no-progress: 5 at 1 place'])
    result = run(*base[:4], '--max-insns', '3000000')
    return problems + unexpected('the bound that nobody names', summary(result).get('result'), 'limit')


@case('a search finds silence, and the bound is one of the checker')
def silent_search(folder):
    spinning(folder)
    scenario = write(f'{folder}/scenario.yaml', SILENT % 'progress')
    result = run('explore', scenario, '--payload-dir', folder, '--out', f'{folder}/found')
    problems = unexpected('explore', (result.returncode, 'found=progress/no-progress' in result.stdout), (0, True))
    write(scenario, SILENT % 'guest')
    return problems + refused(['explore', scenario, '--payload-dir', folder], 'scenario.yaml:5', 'progress-steps',
                              'needs the checker progress')


def vmid_trace(name):
    return os.path.join(os.environ['SOURCE'], 'traces', name + '.trace')


@case('shrinking: refuses what cannot become less, counts every run, and both engines come to the same')
def shrinking(folder):
    guest, clean, none = spinning(folder), f'{folder}/clean.trace', f'{folder}/none.trace'
    off = write(f'{folder}/off.elf', elf([0x52800100, 0x72b08000, 0xd4000003]))  # PSCI SYSTEM_OFF by SMC
    problems = unexpected('clean', run('run', off, '--record', clean).returncode, 0)
    run('run', guest, '--max-insns', '1000', '--record', none)
    problems += refused(['shrink', clean], 'clean.trace', 'verdict is clean')
    problems += refused(['shrink', none], 'none.trace', 'no choices')
    two = vmid_trace('vmid-publish-order/gen-first')
    problems += refused(['shrink', two, '--runs', '1'], '--runs: 1')
    problems += refused(['shrink', two, '--out', f'{folder}/no/folder'], 'no/folder')
    results = []
    for extra in ['--engine', 'precise'], ['--engine', 'fast'], []:
        result = run('shrink', two, '--out', f'{folder}/{len(results)}.trace', *extra)
        problems += unexpected(f'{extra}: status', result.returncode, 0)
        results.append((re.findall(r'shrunk: .* runs=(\d+) complete=(\w+)', result.stdout), summary(result)))
    problems += unexpected('precise and fast', results[:2], [results[2]] * 2)
    for runs in 2, 3:
        result = run('shrink', two, '--out', f'{folder}/few{runs}.trace', '--runs', str(runs))
        problems += unexpected(f'--runs {runs}', re.findall(r'runs=(\d+) complete=(\w+)', result.stdout),
                               [(str(runs), 'no')])
    return problems


@case('a replay tells what was found, with a story or without')
def told(folder):
    guest, trace = spinning(folder), f'{folder}/long.trace'
    first = run('run', guest, '--check', 'progress', '--progress-steps', '20000001', '--record', trace)
    report = first.stdout.splitlines()[:3]
    problems = unexpected('the report', report[0][:27], 'progress/no-progress on CPU')
    for path, expected, ways in (
            (trace, report, ([], ['--no-story'], ['--trace', 'EXIT'], ['--engine', 'precise'])),
            (vmid_trace('vmid-two-ids/posted-2012'), None, (['--no-story'], ['--trace', 'EXIT']))):
        for way in ways:
            lines = run('replay', path, *way).stdout.splitlines()
            if expected is None:
                problems += unexpected(f'{way}: lines', (lines[0][:24], lines[-2][:7]),
                                       ('vmid/two-vmids on CPU 0 ', '  step '))
            else:
                problems += unexpected(f'{way}', lines[:-1], expected)
    lines = run('replay', vmid_trace('vmid-two-ids/posted-2012')).stdout
    return problems + unexpected('by the story', lines.count('vmid/two-vmids on CPU'), 1)


NEEDS = (
    (['--choices', 'next-cpu'], '--choices: needs --seed'), (['--rate', '7'], '--rate: needs --seed'),
    (['--tlb', 'core', '--tlb-entries', '9'], '--tlb-entries: needs --tlb architectural'),
    (['--cache-sets', '8'], '--cache-sets: needs --caches on'),
    (['--entropy-seed', '8', '--virtio', 'net'], '--entropy-seed: needs --virtio entropy'),
    (['--embed', '1M'], '--embed: needs --record'), (['--findings', '3'], '--findings: needs --check'),
    (['--progress-steps', '3', '--check', 'tlb'], '--progress-steps: needs --check progress'),
    *((['--seed', '1', '--choices', kind], f'--choices: {kind}: needs ') for kind in
      ('store-drain', 'load-early', 'tlbi-drain', 'cache-writeback', 'cache-allocate', 'icache-stale', 'host-input')),
    (['--check', ''], '--check: '), (['--seed', '1', '--choices', ''], "--choices: '' is no kind"),
    (['--seed', '1', '--choices', 'next-cpu,'], "--choices: '' is no kind"), (['--errata', ''], "--errata: '' is"),
    (['--virtio', 'net,,net'], "--virtio: ''"))


@case('run: an option without what it needs is refused, and with it taken')
def run_needs(folder):
    guest, problems = spinning(folder), []
    for options, says in NEEDS:
        problems += refused(['run', guest, '--max-insns', '10', *options], says)
    for options in (['--seed', '1', '--choices', 'next-cpu', '--rate', '7'], ['--tlb-entries', '9'],
                    ['--caches', 'on', '--cache-sets', '8'], ['--cache-sets', '8', '--caches', 'on'],
                    ['--entropy-seed', '8', '--virtio', 'net,entropy'], ['--findings', '3', '--check', 'tlb'],
                    ['--seed', '1', '--store-buffer', '4', '--choices', 'store-drain,tlbi-drain'],
                    ['--seed', '1', '--history', '4', '--choices', 'load-early,tlbi-drain'],
                    ['--seed', '1', '--caches', 'on', '--choices', 'cache-writeback,cache-allocate,icache-stale']):
        result = run('run', guest, '--max-insns', '10', *options)
        problems += unexpected(' '.join(options), (result.returncode, summary(result).get('result')), (1, 'limit'))
    return problems


@case('replay and explore: the same')
def other_needs(folder):
    trace, problems = vmid_trace('vmid-two-ids/posted-2012'), []
    for options, says in (
            (['--snapshots', '1M'], '--snapshots: needs --steps'), (['--trace', ''], "--trace: '' is no kind"),
            (['--trace', 'MEM,'], "--trace: '' is no kind"), (['--check', ''], '--check: '),
            (['--story', '--no-story'], '--story: not with'), (['--story', '--trace', 'MEM'], '--story: not with'),
            (['--steps', '--no-story'], '--no-story: not with --steps'),
            (['--steps', '--trace', 'MEM'], '--trace: not with --steps'),
            (['--payload-dir', f'{folder}/none'], '--payload-dir: there is no such folder'),
            (['--to', '132084'], '--to: 132084 is behind the end of the recording, step 132083'),
            (['--steps', '--to', '132084'], '--to: 132084 is behind the end')):
        problems += refused(['replay', trace, *options], says)
    result = run('replay', trace, '--to', '132083', '--no-story', '--payload-dir', folder)
    problems += unexpected('--to the end', result.returncode, 0)
    problems += unexpected('a list in a walk', fed('next MEM,\n', 'replay', trace, '--steps').returncode, 2)
    spinning(folder)
    text = SILENT % 'progress'
    scenario = write(f'{folder}/scenario.yaml', text)
    for options, says in ((['--every-path'], '--every-path: needs --strategy complete'),
                          (['--find', '1'], '--find: needs --strategy complete'),
                          (['--strategy', 'portfolio', '--depth', '1'], '--depth: needs --strategy systematic')):
        problems += refused(['explore', scenario, '--payload-dir', folder, *options], says)
    for old, new, says in (('ram: 64M', 'cache-sets: 8', ':2: cache-sets: needs caches on'),
                           ('ram: 64M', 'tlb: core, tlb-entries: 8', ':2: tlb-entries: needs tlb architectural'),
                           ('ram: 64M', 'entropy-seed: 8', ':2: entropy-seed: needs virtio entropy'),
                           ('[next-cpu]', '[next-cpu, load-early]', ':3: choices: load-early: needs a history'),
                           ('[next-cpu]', '[host-input]', ':3: choices: host-input: needs')):
        write(scenario, text.replace(old, new))
        problems += refused(['explore', scenario, '--payload-dir', folder], f'scenario.yaml{says}')
    more = text.replace('[next-cpu]', '[load-early]').replace('ram: 64M', 'history: 4, cache-sets: 8, caches: on')
    write(scenario, more)
    result = run('explore', scenario, '--payload-dir', folder, '--out', f'{folder}/found')
    return problems + unexpected('with what they need', (result.returncode, result.stderr), (0, ''))


@case('lists that are given again add to what they were')
def lists(folder):
    guest, trace = spinning(folder), vmid_trace('vmid-two-ids/posted-2012')
    silent = ['run', guest, '--max-insns', '100000', '--check', 'progress', '--progress-steps', '4321']
    problems = unexpected('--check', summary(run(*silent, '--check', 'tlb')).get('result'), 'violation')
    problems += refused([*silent, '--seed', '1', '--choices', 'load-early', '--choices', 'irq-take'],
                        '--choices: load-early: needs a history')
    for first, second, found in (('tlb', 'none', 'limit'), ('none', 'vmid', 'vmid/two-vmids'),
                                 ('vmid', 'tlb', 'vmid/two-vmids')):
        result = run('replay', trace, '--no-story', '--check', first, '--check', second)
        problems += unexpected(f'replay: {first}, {second}', summary(result).get('finding'), found)
    kinds = {line.split()[0] for line in run('replay', trace, '--trace', 'CONTEXT', '--trace',
                                             'EXC_TAKE').stdout.splitlines()[:-1]}
    return problems + unexpected('--trace', {'CONTEXT', 'EXC_TAKE'} <= kinds, True)


@case('a physical address of a finding is a place of a walk')
def physical(folder):
    trace = vmid_trace('vmid-publish-order/gen-first')
    report = run('replay', trace, '--no-story').stdout
    page = re.search(r' reaches PA (0x[0-9a-f]+),', report)[1]
    result = fed(f'to end\nchanger {page}\n', 'replay', trace, '--steps')
    problems = unexpected('a virtual one', (result.returncode, result.stderr.strip()), (
        2, f'armillary replay: {page} is not mapped on CPU 1 (pa:{page} is memory)'))
    result = fed(f'to end\nmem pa:{page} 2\nmem 0x81a3c 2\nchanger pa:{page}\n', 'replay', trace, '--steps')
    words = re.findall(r'^(?:pa:)?[0-9a-f]{16}: ((?:[0-9a-f]{16} ?)+)$', result.stdout, re.MULTILINE)
    return problems + unexpected('physical', (result.returncode, len(words[0]), words[0] == words[1]), (0, 33, True))


@case('messages: who says it, about what, and why; and nothing twice')
def messages(folder):
    guest, problems = spinning(folder), []
    few = ['run', guest, '--max-insns', '100']
    for arguments in ['--version'], ['--help'], ['help'], ['info', 'models']:
        with open('/dev/full', 'w', encoding='utf-8') as full:
            result = subprocess.run([os.path.join(os.environ['BUILD'], 'armillary'), *arguments], stdout=full,
                                    stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
        problems += unexpected(f'{arguments}: full', (result.returncode, result.stderr),
                               (2, 'armillary: standard output: could not be written\n'))
    result = run(*few, '--drop', 'tlbi:5')
    problems += unexpected('--drop', 'armillary run: --drop tlbi:5: the run came to 0' in result.stderr, True)
    os.symlink('/dev/full', f'{folder}/p.folded')
    problems += refused([*few, '--profile', f'{folder}/p'], f'--profile: {folder}/p.folded: exists and is no file')
    for content, says in ((b'x' * 100, 'it does not begin like one'),
                          (b'\xd0\x0d\xfe\xed' + bytes(96), 'no device tree')):
        problems += refused([*few, '--dtb', write(f'{folder}/tree', content)], f'--dtb: {folder}/tree: ', says)
        problems += unexpected('--dtb', 'FDT_' in run(*few, '--dtb', f'{folder}/tree').stderr, False)
    for size in '0', '1', '128G', '1T':
        problems += refused([*few, '--ram', size], 'is not a multiple of 2 MiB in 2M..64G')
    problems += unexpected('--ram 64m', summary(run(*few, '--ram', '64m')), summary(run(*few, '--ram', '64M')))
    result = run(*few)
    problems += unexpected('an address', re.findall(r'^CPU 0 at (.*)$', result.stderr, re.MULTILINE),
                           [f'{RAM + 0x200008:016x}'])
    run(*few, '--record', f'{folder}/t.trace')
    for word in 'q', 'exit', 'quit':
        result = fed(f'to end\n{word}\njump\n', 'replay', f'{folder}/t.trace', '--steps')
        problems += unexpected(word, (result.returncode, f'  {RAM + 0x200008:016x}: b 0x' in result.stdout), (0, True))
    return problems


@case('shrinking that is interrupted says how far it came')
def interrupted(folder):
    trace = f'{folder}/long.trace'
    guest = write(f'{folder}/exclusive.elf', elf([0x885f7c02, 0x88037c02, 0x17fffffe]))  # ldxr, stxr, and again
    made = run('run', guest, '--seed', '3', '--choices', 'exclusive-fail', '--rate', '1000000', '--max-insns',
               '50000000', '--record', trace)
    if summary(made).get('choices', '0') == '0':
        return [f'no choices: {made.stdout}']
    process = subprocess.Popen([os.path.join(os.environ['BUILD'], 'armillary'), 'shrink', trace, '--engine', 'precise',
                                '--out', f'{folder}/out'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=SECONDS)
    words = dict(word.split('=') for word in (out.splitlines() or [''])[-1].split()[1:])
    problems = unexpected('end', (process.returncode, words.get('result')), (130, 'interrupted'))
    return problems + ([] if int(words.get('insns', 0)) > 0 and words['hash'] != '0' * 16 else [out, errors])


if __name__ == '__main__':
    sys.exit(case.run())
