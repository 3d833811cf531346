#!/usr/bin/env python3
"""Recordings of `run`, and walking in them: what ends a run ends its recording there and not before; named files are
found by their content; and `replay --steps` goes to the same states on every way.
"""
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import sys
import time

import terminal as terminal_guest  # beside this file
from cases import Cases

BUILD = os.environ['BUILD']
ARMILLARY = os.path.join(BUILD, 'armillary')
SEARCH = os.path.join(os.environ['SOURCE'], 'traces', 'vmid-publish-order', 'scenario.yaml')
PAYLOAD = os.path.join(BUILD, 'hyp', 'hyp-vmid-correct.elf')
OPTIONS = ['--quantum', '50', '--seed', '3', '--max-insns', '400000']
SECONDS = 300
case = Cases()


def run(*arguments, text=''):
    return subprocess.run([ARMILLARY, *arguments], capture_output=True, text=True, errors='replace', timeout=SECONDS,
                          input=text, check=False)


def summary(result):
    """-> the words of the summary line"""
    last = (result.stdout.splitlines() or [''])[-1]
    return dict(word.split('=', 1) for word in last.split()[1:]) if last.startswith('summary: ') else {}


def record(folder, *options):
    path = os.path.join(folder, 'good.trace')
    result = run('run', PAYLOAD, *OPTIONS, '--record', path, *options)
    assert result.returncode == 1 and summary(result)['result'] == 'limit', result.stderr
    return path, summary(result)


def walk(path, *commands, options=()):
    """-> the result of these commands, one a line"""
    return run('replay', path, '--steps', *options, text=''.join(f'{c}\n' for c in commands))


def steps_in(result):
    return [int(step) for step in re.findall(r'^step (\d+)  CPU', result.stdout, re.MULTILINE)]


def hashes_in(result):
    return re.findall(r'^hash ([0-9a-f]{16})$', result.stdout, re.MULTILINE)


def unexpected(what, result, expected):
    return [] if result == expected else [f'{what}: {result}, not {expected}']


@case('a recording repeats the run on both engines, and its hashes are the same')
def repeats(folder):
    path, recorded = record(folder)
    plain = run('run', PAYLOAD, *OPTIONS)
    problems = unexpected('without --record', summary(plain), recorded)
    for engine in 'fast', 'precise':
        result = run('replay', path, '--no-story', '--engine', engine)
        words = summary(result)
        problems += unexpected(f'{engine}: status', result.returncode, 0)
        problems += unexpected(f'{engine}: hash', words.get('hash'), recorded['hash'])
        problems += unexpected(f'{engine}: verdict', words.get('verdict'), 'same')
    return problems


@case('going on, back and to and fro ends in the same states')
def to_and_fro(folder):
    path, recorded = record(folder)
    places = [1, 777, 31000, 31001, 359999]
    straight = [hashes_in(walk(path, f'to {place}', 'hash'))[0] for place in places]
    commands = [line for place in reversed(places) for line in (f'to {place}', 'hash')]
    problems = unexpected('downwards', hashes_in(walk(path, *commands))[::-1], straight)
    result = walk(path, 'to 31000', 'back 30999', 'hash', 'step 30999', 'hash', 'step', 'hash', 'back 3', 'step 3',
                  'hash', 'to end', 'hash', 'step', 'to start', 'back')
    problems += unexpected('hashes', hashes_in(result), [straight[0], *straight[2:4], straight[3], recorded['hash']])
    steps = steps_in(result)
    problems += unexpected('steps', steps[:6], [31000, 1, 31000, 31001, 30998, 31001])
    problems += unexpected('the ends', steps[-4:], [steps[6], steps[6], 0, 0])
    for text in 'the end of the recording\n', 'the start of the recording\n':
        problems += unexpected(text.strip(), result.stdout.count(text), 1)
    precise = walk(path, 'to 31000', 'hash', 'back', 'to 359999', 'hash',
                   options=['--engine', 'precise', '--snapshots', '0'])
    problems += unexpected('precise, no memory', hashes_in(precise), [straight[2], straight[4]])
    return problems + unexpected('status', result.returncode, 0)


@case('events are found on both ways where a replay tells them')
def events(folder):
    path, _ = record(folder)
    told = run('replay', path, '--trace', 'EXC_TAKE').stdout
    steps = re.findall(r'^EXC_TAKE .*? step=(\d+) ', told, re.MULTILINE)
    wanted = list(dict.fromkeys(int(step) + 1 for step in steps))
    if len(wanted) < 70:
        return [f'only {len(wanted)} exceptions']
    forwards = walk(path, *['next EXC_TAKE'] * 60)
    problems = unexpected('forwards', steps_in(forwards), wanted[:60])
    problems += unexpected('told', forwards.stdout.count('EXC_TAKE pe='), 60)
    forwards = walk(path, f'to {wanted[-3]}', *['next EXC_TAKE'] * 3)
    problems += unexpected('forwards, at the end', steps_in(forwards)[1:3], wanted[-2:])
    backwards = walk(path, 'to end', *['prev EXC_TAKE'] * 60)
    problems += unexpected('backwards', steps_in(backwards)[1:], wanted[:-61:-1])
    backwards = walk(path, f'to {wanted[2]}', *['prev EXC_TAKE'] * 3)
    return problems + unexpected('backwards, at the start', steps_in(backwards)[1:], [*wanted[1::-1], 0])


@case('places have names, and are found by them')
def names(folder):
    path, _ = record(folder)
    result = walk(path, 'until vmid_update', 'where', 'code', 'regs', 'until vmid_update', 'since vmid_update',
                  'symbol vmid_update', 'symbol vmid_update+8')
    lines = [line for line in result.stdout.splitlines() if line.startswith('step ') and '  CPU ' in line]
    problems = [f'not at vmid_update: {line}' for line in lines if ' vmid_update' not in line]
    steps = steps_in(result)
    problems += unexpected('there and back', (len(steps), steps[1] > steps[0], steps[-1]), (3, True, steps[0]))
    for text in 'vmid_update+0x4', '> CPU', '  x0 ':
        if text not in result.stdout:
            problems.append(f'"{text}" is not shown')
    address = re.search(r'^([0-9a-f]{16}) vmid_update(?: |$)', result.stdout, re.MULTILINE)
    if not address:
        return problems + ['vmid_update has no address']
    with open(f'{folder}/map', 'w') as file:
        file.write(f'{int(address[1], 16) & ~0xfff:016x} T page_of_it\n')
    result = walk(path, 'until page_of_it+' + hex(int(address[1], 16) & 0xfff), options=['--symbols', f'{folder}/map'])
    return problems + unexpected('by a System.map', ' page_of_it+0x' in result.stdout, True)


@case('a store is found that changed a place')
def stores(folder):
    path, _ = record(folder)
    result = walk(path, 'to 20000', 'changed vmid_variant 1', 'changer vmid_variant 1')
    problems = unexpected('status of a place that never changes', result.returncode, 0)
    told = run('replay', path, '--trace', 'MEM').stdout
    stored = [(int(m[1]), int(m[2], 16)) for m in re.finditer(
        r'^MEM .*? step=(\d+) .*? pa=(0x[0-9a-f]+) .*? size=8 write=1 ', told, re.MULTILINE)
        if int(m[2], 16) >> 30 == 1]
    count = {}
    for _, pa in stored:
        count[pa] = count.get(pa, 0) + 1
    place = max(count, key=count.get)
    wanted = {step + 1 for step, pa in stored if pa == place}
    # The hypervisor's host maps memory where it is.
    result = walk(path, *[f'changed {place:#x}'] * 12, 'to end', *[f'changer {place:#x}'] * 3)
    steps = steps_in(result)
    problems += [f'step {step}: no store there' for step in steps if step not in wanted and step < steps[12]]
    result = walk(path, *[f'changed pa:{place:#x}'] * 12, 'to end', *[f'changer pa:{place:#x}'] * 3)
    problems += unexpected('by the physical address', steps_in(result), steps)
    return problems + unexpected('ascending', sorted(set(steps[:12])), steps[:12])


def refused(path, command, *says):
    result = walk(path, command, 'to 5')
    lines = result.stderr.splitlines()
    problems = unexpected(f'{command}: status', result.returncode, 2) + unexpected(f'{command}: lines', len(lines), 1)
    problems += [f'{command}: "{text}" is not in {lines}' for text in says if text not in result.stderr]
    return problems + unexpected(f'{command}: what follows is not done', steps_in(result), [])


@case('bad commands: one line, and the walk ends')
def bad_commands(folder):
    path, _ = record(folder)
    problems = []
    for command, says in (('jump', 'jump'), ('to', 'to: wrong number'), ('to x', 'x is no number'),
                          ('step 1 9', 'CPU 9'), ('next GOSSIP', 'GOSSIP'),
                          ('until nowhere', 'nowhere'), ('mem 0x10', 'no memory at 0x10'),
                          ('mem 3', 'no memory at 0x3'), ('mem pa:3', 'no memory at pa:0x3'), ('mem pa:x', 'pa:x'),
                          ('until pa:0x40200000', 'for mem, changed and changer only'),
                          ('changed 0x40200ffc 8', '8 bytes'), ('code 1+x', '1+x'), ('until +4', '+4 is no address'),
                          ('mem 0x40200000 4097', 'no more than 4096'),
                          ('code 0x40200000 5000', 'no more than 4096'), ('to 1 2 3 4 5', 'too many')):
        problems += refused(path, command, says)
    for options, says in ((['--steps', '--trace', 'MEM'], '--steps'), (['--symbols', path], path),
                          (['--steps', '--snapshots', 'x'], '--snapshots')):
        result = run('replay', path, *options)
        problems += unexpected(f'{options}: status', result.returncode, 2)
        problems += unexpected(f'{options}: lines', len(result.stderr.splitlines()), 1)
        problems += unexpected(f'{options}: says {says}', says in result.stderr, True)
    return problems


@case('no line of input breaks it')
def any_line(folder):
    path, _ = record(folder, '--max-insns', '3000')
    chosen, problems = random.Random(7), []
    words = ['to', 'step', 'back', 'next', 'prev', 'until', 'since', 'changed', 'changer', 'mem', 'code', 'regs',
             'symbol', 'where', 'finding', 'snapshots', '0', '1', '-1', '+', '0x', '0x40200000', str(1 << 63),
             str(1 << 64), 'MEM', 'MEM,', ',', 'pa:', 'pa:0x40200004', 'pa:x', 'vmid_update',
             'vmid_update+', '+4', '#', 'start', 'end', 'a' * 300, '\0', '\xff', '%s%n']
    for _ in range(120):
        line = ' '.join(chosen.choices(words, k=chosen.randrange(1, 5)))
        result = walk(path, 'to 1500', line)
        if result.returncode not in (0, 2) or (result.returncode == 2) != (len(result.stderr.splitlines()) == 1):
            problems.append(f'{line!r}: status {result.returncode}: {result.stderr[:200]}')
    return problems


@case('at a terminal a bad command is told and the next one read')
def terminal(folder):
    path, _ = record(folder)
    pid, master = pty.fork()
    if pid == 0:
        os.execv(ARMILLARY, [ARMILLARY, 'replay', path, '--steps'])
    output = b''

    def until(text):
        nonlocal output
        end = time.monotonic() + SECONDS
        while text not in output and time.monotonic() < end:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    output += os.read(master, 4096)
                except OSError:
                    break
        return [] if text in output else [f'{text} never came: {output[-300:]}']

    problems = until(b'0> ')
    os.write(master, b'jump\nto 100\n')
    problems += until(b'jump is no command') + until(b'100> ')
    os.write(master, b'\x03')
    time.sleep(0.2)
    os.write(master, b'back\n')
    problems += until(b'99> ')
    os.write(master, b'\x04')  # the end of the input, behind a prompt
    problems += until(b'99> \r\nsummary: result=limit')
    return problems + unexpected('status', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)


def image(*words):
    """an arm64 Image of these instructions"""
    header = struct.pack('<IIQQQ24xII', 0x14000010, 0, 0, 0x10000, 0, 0x644d5241, 0)
    return header + b''.join(struct.pack('<I', word) for word in words)


# What is typed comes back, and in between it waits.
KEYS = (*terminal_guest.LISTENING,
        0xd503207f,  # 1: wfi
        0xb9401822,  # 2: ldr w2, [x1, #0x18]  UARTFR
        0x3727ffc2,  # tbnz w2, #4, 1b         RXFE
        0xb9400022,  # ldr w2, [x1]            UARTDR
        0xb9000022,  # str w2, [x1]
        0x17fffffc)  # b 2b


def is_recorded(trace, output):
    """-> what is wrong with the recording of a run that was interrupted"""
    replay = run('replay', trace, '--no-story')
    words = summary(replay)
    recorded = re.findall(r'summary: result=interrupted .* hash=([0-9a-f]{16})', output)
    problems = unexpected('status of the replay', replay.returncode, 0)
    problems += unexpected('hash', [words.get('hash')], recorded)
    problems += unexpected('verdict', words.get('verdict'), 'same')
    problems += unexpected('how it ended', [words.get(w) for w in ('result', 'finding', 'recorded')],
                           ['interrupted'] * 3)
    result = walk(trace, 'to end', 'finding', 'hash', 'back', 'step', 'hash')
    problems += unexpected('at the end', 'the recording ends with interrupted' in result.stdout, True)
    problems += unexpected('the end of a walk', summary(result).get('result'), 'interrupted')
    last = int(re.search(r'^step (\d+)', result.stdout, re.MULTILINE)[1])
    for to, says in ((last // 2, f'stopped at step {last // 2} of {last}'), (last, 'ended with result interrupted')):
        if last < 1000000:  # a longer story is told too slowly
            there = run('replay', trace, '--to', str(to))
            problems += unexpected(f'--to {to}: status', there.returncode, 0)
            problems += unexpected(f'--to {to}: says {says}', says in there.stdout, True)
    return problems + unexpected('walk', hashes_in(result), 2 * recorded)


def write_image(folder, *words):
    path = f'{folder}/image'
    with open(path, 'wb') as file:
        file.write(image(*words))
    return ['run', path, '--cpus', '1', '--record', f'{path}.trace'], f'{path}.trace'


ENDS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def catches(process, number):
    """whether the process has a handler for a signal"""
    with open(f'/proc/{process.pid}/status', encoding='ascii') as file:
        mask = int(re.search(r'^SigCgt:\s+([0-9a-f]+)', file.read(), re.MULTILINE)[1], 16)
    return mask >> number - 1 & 1 != 0


def interrupted(arguments, number, text=None, prepare=None):
    """-> (status, output) of a command that gets this signal after a while, with text for its input"""
    with subprocess.Popen([ARMILLARY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=prepare,
                          stdin=subprocess.PIPE if text else subprocess.DEVNULL) as process:
        if text:
            process.stdin.write(text.encode())
            process.stdin.flush()
        end = time.monotonic() + SECONDS
        while not catches(process, number) and not prepare and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(number)
        if prepare:  # that one is ignored
            time.sleep(1)
            process.send_signal(signal.SIGINT)
        output = process.stdout.read().decode()
        return process.wait(SECONDS), output


@case('an interrupt leaves a recording up to there')
def interrupts(folder):
    problems = []
    for number in ENDS:
        arguments, trace = write_image(folder, 0x91000400, 0x17ffffff)  # 1: add x0, x0, #1; b 1b
        status, output = interrupted(arguments, number)
        problems += unexpected(f'{number.name}: status', status, 128 + number) + is_recorded(trace, output)
    status, output = interrupted(arguments, signal.SIGHUP, prepare=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    return problems + unexpected('nohup: status', status, 130) + is_recorded(trace, output)


@case('an interrupt ends what goes through a recording, and a search')
def interrupts_others(folder):
    arguments, trace = write_image(folder, 0x91000400, 0x17ffffff)
    last = 4000000000
    problems = unexpected('recording', run(*arguments, '--max-insns', str(last)).returncode, 1)
    typed = f'{folder}/typed.trace'  # what still has to come is no divergence
    echo, _ = write_image(folder, *terminal_guest.ECHO)
    result = run(*echo[:-1], typed, '--max-insns', '200000000', text='x' * 100000)
    problems += unexpected('typed', int(summary(result)['choices']) > 50, True)
    search = ['explore', SEARCH, '--variant', 'correct', '--strategy', 'random', '--schedules', '100000000',
              '--out', f'{folder}/found']
    for number in ENDS:
        for what, options, text in (('replay', ['replay', trace, '--no-story', '--engine', 'precise'], None),
                                    ('walk', ['replay', trace, '--steps', '--engine', 'precise'], f'to {last - 1}\n'),
                                    ('replay with input', ['replay', typed, '--no-story', '--engine', 'precise'], None),
                                    ('search', search, None), ('search by two', [*search, '--jobs', '2'], None)):
            status, output = interrupted(options, number, text)
            problems += unexpected(f'{what}, {number.name}: status', status, 128 + number)
            problems += unexpected(f'{what}, {number.name}: summary', 'summary: ' in output, True)
    return problems


@case('so does one while all CPUs wait for a key, after some have been typed')
def interrupts_idle(folder):
    # Reads DR, and waits for ever: UART on, RXIM, SPI 1 enabled in the Distributor, whose interrupt ends WFI.
    arguments, trace = write_image(folder, *KEYS)
    pid, master = pty.fork()
    if pid == 0:
        os.execv(ARMILLARY, [ARMILLARY, *arguments])
    output = b''
    end = time.monotonic() + SECONDS
    typed = [b'a', b'b', b'\x01x']
    while time.monotonic() < end:
        if select.select([master], [], [], 0.5)[0]:
            try:
                output += os.read(master, 4096)
            except OSError:
                break
        elif typed:
            os.write(master, typed.pop(0))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    problems = unexpected('status', status, 130) + unexpected('echo', b'ab' in output, True)
    problems += unexpected('choices', re.findall(rb' choices=(\d+)', output), [b'2'])
    return problems + is_recorded(trace, output.decode(errors='replace').replace('\r', ''))


@case('named files are found by their content, and others refused')
def named(folder):
    path, _ = record(folder, '--embed', '0')
    with open(PAYLOAD, 'rb') as file:
        content = file.read()
    problems = unexpected('size', os.path.getsize(path) < 20000, True)
    problems += unexpected('where it was', run('replay', path, '--no-story').returncode, 0)

    os.mkdir(f'{folder}/a')
    os.mkdir(f'{folder}/b')
    copy = f'{folder}/a/{os.path.basename(PAYLOAD)}'
    moved = f'{folder}/b/{os.path.basename(PAYLOAD)}'
    with open(copy, 'wb') as file:
        file.write(content)
    trace = f'{folder}/moved.trace'
    result = run('run', copy, '--max-insns', '5000', '--record', trace, '--embed', '1K')
    assert result.returncode == 1, result.stderr
    os.rename(copy, moved)

    def refusal(what, says, *options):
        result = run('replay', trace, '--no-story', *options)
        lines = result.stderr.splitlines()
        wrong = unexpected(f'{what}: status', result.returncode, 2) + unexpected(f'{what}: lines', len(lines), 1)
        return wrong + unexpected(f'{what}: says {says}', all(word in result.stderr for word in says), True)

    problems += refusal('gone', ['moved.trace', 'is no longer at', copy])
    elsewhere = run('replay', trace, '--no-story', '--payload-dir', f'{folder}/b')
    problems += unexpected('--payload-dir', elsewhere.returncode, 0)
    with open(copy, 'wb') as file:
        file.write(content[:-1] + bytes([content[-1] ^ 1]))
    problems += refusal('another', ['moved.trace', 'is another file than', copy])
    os.unlink(copy)
    os.rename(moved, f'{folder}/{os.path.basename(PAYLOAD)}')
    problems += unexpected('beside the trace', run('replay', trace, '--no-story').returncode, 0)
    shrunk = run('replay', trace, '--steps', text='to end\nback\n')
    return problems + unexpected('a walk', shrunk.returncode, 0)


if __name__ == '__main__':
    sys.exit(case.run())
