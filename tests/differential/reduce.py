"""From runs that differ to single instructions: which difference is on the list, and which is a
mismatch, told with row, word, text, inputs and both outputs.
"""
import collections
import re
import subprocess
import tempfile

import templates
from image import Block, Run

REDUCED_MOST = 200         # blocks of a chunk that are reduced; the others are only counted


class Mismatch:
    """what it is about (the row), and the whole story"""

    def __init__(self, row, text):
        self.row, self.text = row, text


def disassemble(words):
    """-> a text for each word, by objdump"""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b''.join(w.to_bytes(4, 'little') for w in words))
        file.flush()
        out = subprocess.run(['aarch64-linux-gnu-objdump', '-D', '-b', 'binary', '-m', 'aarch64',
                              file.name], capture_output=True, text=True, check=True).stdout
    return [line.split('\t', 2)[2].replace('\t', ' ') for line in out.split('\n')
            if line.startswith(' ') and '\t' in line]


def cut(block, count):
    """the first words of a block, and the end"""
    short = Block(block.words[:count] + [templates.END_AT[block.el]], block.units, block.el,
                  block.spsr, block.anchor)
    short.config, short.fresh, short.number = block.config, block.fresh, block.number
    short.address = block.address              # at the place of the whole: the same addresses
    return short


def last_tested(block):
    """where the last tested word of a block stands"""
    at, unit = block.units[-1]
    return at + unit.tested[-1][1]


def before_last(block):
    """where to stop for the inputs of that word. A unit that writes a register is not stopped
    halfway, since it would not give the register its old value back."""
    at, unit = block.units[-1]
    return at if unit.register else last_tested(block)


def explain(s, batch, differing, name):
    """-> (hits of listed differences, mismatches)"""
    hits, out, rest = collections.Counter(), [], []
    if not differing:
        return hits, out
    made, inputs, configs = batch
    chosen = [made[n] for n in sorted({run.block.number for run in differing})]
    for run, theirs, ours in s.records((chosen, inputs, configs), differing, name):
        found = theirs.differences(ours)
        left, used = s.listed.apply(run.block, theirs, ours, found)
        if left:
            rest.append((run, theirs, ours, left))
        hits.update(used)
        unknown = None if found else s.listed.is_unknown(run.block, theirs, ours)
        if unknown:
            hits[unknown] += 1
        elif not found:
            out.append(Mismatch('?', f'block {run.block.number} of {name}: only its hash differs'))
    rest = explain_last(s, (chosen, inputs, configs), rest, hits, name)
    first = {}
    for run, *_ in rest:
        if len(first) < REDUCED_MOST:
            first.setdefault(run.block.number, run)
    out += reduce_all(s, list(first.values()), (inputs, configs), name)
    out += [Mismatch('blocks already told', 'not reduced')] * (len(rest) - len(first))
    return hits, out


def explain_last(s, batch, rest, hits, name):
    """-> those of rest that are not explained by what the last tested word of the block does"""
    if not rest:
        return rest
    chosen, inputs, configs = batch
    shorts = {b.number: cut(b, before_last(b)) for b in chosen}
    runs = [Run(shorts[run.block.number], run.input) for run, *_ in rest]
    still = []
    for (run, theirs, ours, left), (_, before, same) in zip(
            rest, (r for r in s.records((list(shorts.values()), inputs, configs), runs, name))):
        unequal, _ = s.listed.apply(run.block, before, same, before.differences(same))
        b = run.block
        again, used = s.listed.apply(b, theirs, ours, left, before, [b.words[last_tested(b)]])
        if unequal or again:
            still.append((run, theirs, ours, left))
        else:
            hits.update(set(used))
    return still


def differ(s, runs, counts, data, name):
    """-> for each run: QEMU's record after so many words, what differs and is not listed"""
    runs = [Run(cut(run.block, count), run.input) for run, count in zip(runs, counts)]
    out = []
    for run, theirs, ours in s.records(([r.block for r in runs], *data), runs, f'reduce-{name}'):
        rest, _ = s.listed.apply(run.block, theirs, ours, theirs.differences(ours))
        out.append((theirs, rest))
    return out


def reduce_all(s, runs, data, name):
    """-> mismatches: of each run a unit after which the two differ, though not before it. The runs
    are of different blocks, in the order of their addresses."""
    runs.sort(key=lambda run: run.block.address)
    places = [[at for at, _ in run.block.units] + [len(run.block.words) - 1] for run in runs]
    low, high = [0] * len(runs), [len(p) - 1 for p in places]
    while any(h - l > 1 for l, h in zip(low, high)):
        middle = [(l + h) // 2 for l, h in zip(low, high)]
        found = differ(s, runs, [p[m] for p, m in zip(places, middle)], data, name)
        for i, (_, rest) in enumerate(found):
            if high[i] - low[i] > 1:
                low[i], high[i] = (low[i], middle[i]) if rest else (middle[i], high[i])
    units = [run.block.units[h - 1] for run, h in zip(runs, high)]
    tested = [at + unit.tested[-1][1] for at, unit in units]
    before = differ(s, runs, tested, data, name)
    after = differ(s, runs, [p[h] for p, h in zip(places, high)], data, name)
    return [tell(run.block, at, unit, b, found) for run, (at, unit), (b, _), (_, found)
            in zip(runs, units, before, after)]


def tell(block, at, unit, before, found):
    texts = disassemble(unit.words)
    row = ' '.join([op for op, _ in unit.tested] + [unit.register] * bool(unit.register))
    out = [f'mismatch: row {row} at EL{block.el}, configuration {block.config}']
    for i, (word, text) in enumerate(zip(unit.words, texts)):
        mark = '>' if i in [k for _, k in unit.tested] else ' '
        out.append(f'  {mark} {block.address + 4 * (at + i):#x}: {word:08x}  {text}')
    out.append('  inputs: ' + show_inputs(before, texts[unit.tested[-1][1]]))
    for what, theirs, ours in found:
        out.append(f'  {what}: QEMU {show(theirs)}, Armillary {show(ours)}')
    if not found:
        out.append('  the difference comes with what follows it in the block')
    return Mismatch(row, '\n'.join(out))


def show(value):
    return 'nothing' if value is None else f'{value:#x}'


def show_inputs(record, text):
    """the registers that the text names, flags and modes"""
    names = ['pstate', 'fpcr', 'fpsr']
    for letter, number in re.findall(r'\b([wxbhsdqv])(\d+)', text):
        names.append(('x' if letter in 'wx' else 'v') + number)
    if re.search(r'\bw?sp\b', text):
        names += ['sp_el0', 'sp_el1', 'sp_el2']
    names = [n for n in dict.fromkeys(names) if n in record.values]
    return ' '.join(f'{n}={record.values[n]:#x}' for n in names)
