"""Makes the guest of a litmus shape: shape.inc for harness.S, the image, and its scenario."""
import os
import subprocess
import sys

from shapes import fail

AS, LD = 'aarch64-linux-gnu-as', 'aarch64-linux-gnu-ld'
TEXT = 0x40200000
TABLES = 0x40210000
PAGE = 0x1000
TEST_VA = 0x80000000     # the window of test pages, and of the IPAs behind them
L1, L2, L3, OTHER_L1, OTHER_L2, OTHER_L3, EL2_L1, S2_L1, S2_L2, S2_L3, WORDS, PAGES = \
    (TABLES + i * PAGE for i in range(12))
FLAGS = {'f': WORDS + 0x100, 'g': WORDS + 0x200}   # each in a granule of its own

NORMAL, READ_ONLY, AF, INNER, OWN_ASID, NO_EXEC = 0, 1 << 7, 1 << 10, 3 << 8, 1 << 11, 3 << 53
IDENTITY = 0x40000000
BLOCK, TABLE_OR_PAGE = 1, 3
TCR_EL1 = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 25 << 16 | 1 << 23
TCR_EL2 = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 1 << 31
VTCR = 25 | 1 << 6 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 31
HCR_RW, HCR_FB, HCR_VM = 1 << 31, 1 << 9, 1


def pa_of(name):
    """Where a word of memory is: f, g, or the first of page pN."""
    if name in FLAGS:
        return FLAGS[name]
    return PAGES + (int(name[1:]) - 1) * PAGE


def descriptor(target):
    """Level 3 of stage 1: 'p1', 'p1:ro', an address, or '-'."""
    if target == '-':
        return 0
    name, _, mode = target.partition(':')
    address = int(name, 0) if name.startswith('0x') else pa_of(name)
    return address | AF | INNER | OWN_ASID | NO_EXEC | (READ_ONLY if mode == 'ro' else 0) | TABLE_OR_PAGE


def descriptor2(target):
    return 0 if target == '-' else pa_of(target) | AF | INNER | 3 << 6 | 0xf << 2 | TABLE_OR_PAGE


def content(shape, text):
    """What a register holds: see rules.def."""
    kind, *rest = text.split('.')
    if not rest:
        return int(text, 0)
    index = list(shape.pages).index(rest[0]) if rest[0] in shape.pages else 0
    va = TEST_VA + index * PAGE
    asid = int(rest[1]) if len(rest) > 1 and rest[1].isdigit() else 1
    values = {
        'va': lambda: va,
        'pte': lambda: L3 + 8 * index,
        'pmd': lambda: L2,
        'desc': lambda: descriptor(rest[0] + (':ro' if rest[1:] == ['ro'] else '')),
        'tlbi': lambda: va >> 12 | asid << 48,
        'asid': lambda: int(rest[0]) << 48,
        'mem': lambda: pa_of(rest[0]),
        's2pte': lambda: S2_L3 + 8 * index,
        's2desc': lambda: descriptor2(rest[0]),
        'ipa': lambda: va >> 12,
        'ttbr': lambda: (L1 if rest[0] == '1' else OTHER_L1) | asid << 48,
        'vttbr': lambda: S2_L1 | int(rest[0]) << 48,
    }
    if kind not in values:
        fail(shape.where, f'{shape.name}: {text} is no content of a register')
    return values[kind]()


def tables(shape):
    """All words of the image's data, by address."""
    identity = IDENTITY | AF | INNER | BLOCK
    words = {
        L1 + 8: identity | 1 << 54, L1 + 16: L2 | TABLE_OR_PAGE, L2: L3 | TABLE_OR_PAGE,
        OTHER_L1 + 8: identity | 1 << 54, OTHER_L1 + 16: OTHER_L2 | TABLE_OR_PAGE, OTHER_L2: OTHER_L3 | TABLE_OR_PAGE,
        OTHER_L3: descriptor('p2'),
        EL2_L1 + 8: identity | 1 << 6,
        S2_L1 + 8: identity | 3 << 6 | 0xf << 2, S2_L1 + 16: S2_L2 | TABLE_OR_PAGE, S2_L2: S2_L3 | TABLE_OR_PAGE,
    }
    for index, target in enumerate(shape.pages.values()):
        if shape.stage2:
            words[L3 + 8 * index] = descriptor(hex(TEST_VA + index * PAGE))
            words[S2_L3 + 8 * index] = descriptor2(target)
        else:
            words[L3 + 8 * index] = descriptor(target)
    for name, value in shape.data.items():
        words[pa_of(name)] = value
    return words


def per_thread(shape, bodies):
    """A body for each PE, by its number in x28."""
    lines = []
    for number in range(1, len(bodies)):
        lines += [f'    cmp x28, #{number}', f'    b.eq 10{number}f']
    for number, body in enumerate(bodies):
        lines += [f'10{number}:'] + [f'    {line}' for line in body] + ['    b 109f']
    return lines + ['109:']


def warm_of(shape, number):
    lines = []
    for thread, page in shape.warm:
        if int(thread) == number:
            lines += [f'ldr x19, ={content(shape, "va." + page):#x}', 'ldr x19, [x19]']
    return lines


def thread_of(shape, number):
    _, registers, program = shape.threads[number]
    lines = [f'ldr {register}, ={content(shape, text):#x}' for register, text in registers.items()]
    if number == 0:
        lines += ['.rept 64', 'nop', '.endr', 'litmus_start:', 'sev']
    else:
        lines += ['sevl', 'wfe', 'wfe']   # the event register is clear behind the first
    return lines + program + ['b finish']


def include(shape):
    """The text of shape.inc."""
    threads = range(len(shape.threads))
    hcr = HCR_RW | (HCR_FB if shape.fb else 0) | (HCR_VM if shape.stage2 else 0)
    names = {'THREADS': len(shape.threads), 'tcr_el1_value': TCR_EL1, 'tcr_el2_value': TCR_EL2, 'vtcr_value': VTCR,
             'vttbr_value': S2_L1 | 1 << 48, 'ttbr_value': L1 | 1 << 48, 'hcr_value': hcr, 'el2_l1': EL2_L1,
             'ready': WORDS, 'el2_threads': sum(1 << i for i in threads if shape.threads[i][0] == 2)}
    lines = [f'    .set {name}, {value:#x}' for name, value in names.items()]
    lines += ['    .macro warm'] + per_thread(shape, [warm_of(shape, i) for i in threads]) + ['    .endm']
    lines += ['    .macro thread'] + per_thread(shape, [thread_of(shape, i) for i in threads]) + ['    .endm']
    lines += ['    .section .tables, "aw"', 'TABLES_START:']
    at = TABLES
    for address, value in sorted(tables(shape).items()):
        lines += [f'    .skip {address - at:#x}', f'    .quad {value:#x}']
        at = address + 8
    for name in observed_words(shape):
        lines += [f'    .global word_{name}', f'    .type word_{name}, %object',
                  f'    .set word_{name}, TABLES_START + {pa_of(name) - TABLES:#x}']
    return '\n'.join(lines + ['    .text']) + '\n'


def observed_words(shape):
    return [name for name in shape.observe if ':' not in name]


def scenario(shape, payload, kinds):
    """The scenario in which `armillary explore` searches it."""
    words = []
    for name in shape.observe:
        thread, sign, register = name.partition(':')
        words.append(f'cpu{thread}.{register}' if sign else f'word_{name}')
    evict = f'evict: {{from: {TEST_VA:#x}, to: {TEST_VA + 16 * PAGE - 1:#x}}}\n' if shape.evict else ''
    kinds = kinds + (['tlb-evict'] if shape.evict else [])
    return f'''title: {shape.name}
machine: {{cpus: {len(shape.threads)}, ram: 4M, model: armv8.0, quantum: 1, timing: flat,
          tlb-entries: 64, store-buffer: 4, history: 16}}
choices: [{', '.join(kinds)}]
checkers: []
start: {{symbol: litmus_start}}
outcome: ["{'", "'.join(words)}"]
{evict}explore: {{strategy: complete, max-steps: 100000}}
variants:
  shape: {{payload: {payload}, expect: clean}}
'''


def run(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        sys.exit(f'{" ".join(command)}: {result.stdout}')


def build(shape, folder, harness, kinds):
    """Writes shape.inc, the image and scenario.yaml into a folder; returns the scenario's path."""
    os.makedirs(folder, exist_ok=True)
    with open(f'{folder}/shape.inc', 'w', encoding='utf-8') as file:
        file.write(include(shape))
    run([AS, '-I', folder, '-o', f'{folder}/shape.o', harness])
    run([LD, '-nostdlib', '-static', '-N', '--build-id=none', '--no-warn-rwx-segments', f'-Ttext={TEXT:#x}',
         f'--section-start=.tables={TABLES:#x}', '-o', f'{folder}/shape.elf', f'{folder}/shape.o'])
    path = f'{folder}/scenario.yaml'
    with open(path, 'w', encoding='utf-8') as file:
        file.write(scenario(shape, 'shape.elf', kinds))
    return path
