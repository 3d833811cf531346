"""The list of differences between QEMU and the architecture: differences.txt."""
import fnmatch
import os
import re

import image
from image import Problem

PATH = os.path.join(image.HERE, 'differences.txt')
KEYS = ('rows', 'what', 'when', 'ours', 'rule', 'try')
OPTIONAL = ('registers',)


class Entry:
    """one difference; see the head of differences.txt"""

    def __init__(self, name, line, keys, isa):
        self.name, self.line, self.keys = name, line, keys
        self.ops = set()
        for word in keys['rows'].split():
            found = [op.name for op in isa.ops.values()
                     if fnmatch.fnmatchcase(op.name, word) or word == f'class:{op.klass}']
            if not found and word.isidentifier():
                raise Problem(f'{PATH}:{line}: {name}: no row {word}')
            self.ops.update(found)
        self.registers = keys.get('registers', '').split()
        self.when, self.ours = (compile(keys[k], PATH, 'eval') for k in ('when', 'ours'))

    def attempt(self):
        """-> words, level, registers that hit the entry"""
        given = self.keys['try'].split()
        words = [int(g, 16) for g in given if re.fullmatch('[0-9a-f]{8}', g)]
        registers = dict(g.split('=') for g in given[len(words) + 1:])
        return words, int(given[len(words)]), {k: int(v, 16) for k, v in registers.items()}

    def covers(self, op, names, register):
        """does it say that the two values differ so? register: that of MRS, MSR or SYS"""
        if self.registers and register not in self.registers:
            return False
        try:
            return op in self.ops and bool(eval(self.when, {}, names)) \
                and eval(self.ours, {}, names) == names['ours']
        except NameError:                      # no such part here, so not this entry
            return False


def parse(path, keys, optional=()):
    """-> (name, line, {key: value}) of each entry of such a file, which has all of the keys"""
    name, at, found = None, 0, {}
    with open(path, encoding='ascii') as file:
        lines = file.read().split('\n')
    for line, text in enumerate(lines + ['[]'], 1):
        text = text.strip()
        if not text or text.startswith('#'):
            continue
        m = re.fullmatch(r'\[([\w-]*)\]', text)
        if m:
            missing = [k for k in keys if name and k not in found]
            if missing:
                raise Problem(f'{path}:{at}: {name} has no {missing[0]}')
            if name:
                yield name, at, found
            name, at, found = m[1], line, {}
            continue
        key, sign, value = text.partition('=')
        if not sign or key.strip() not in (*keys, *optional) or not name or key.strip() in found:
            raise Problem(f'{path}:{line}: wanted one of {", ".join(keys)}, once for each entry')
        found[key.strip()] = value.strip()


def read(isa, path=PATH):
    """-> entries"""
    return [Entry(name, line, keys, isa) for name, line, keys in parse(path, KEYS, OPTIONAL)]


class List:
    """the entries at work"""

    def __init__(self, isa, names, without=()):
        """names: those of the rows of cpu/sysreg.def by key; without: entries to leave out"""
        self.isa, self.names = isa, names
        self.entries = [e for e in read(isa) if e.name not in without]
        # ops whose results differ, so that what follows in a block would have other inputs
        self.last = set()
        for e in self.entries:
            if 'registers' in e.keys:
                self.last |= set(e.keys['registers'].split())
            elif not e.keys['what'].startswith('exception') and \
                    not re.search('taken|aborted', e.keys['when']):
                self.last |= e.ops

    def apply(self, block, theirs, ours, found, before=None, words=()):
        """-> (what remains of the found differences, names of the entries that were hit).
        before: the record with which the last unit began, whose tested words are `words`; without
        it only exceptions are looked at, which stand for themselves."""
        rest, used = [], []
        for item in found:
            hit = self.one(block, theirs, ours, item, before, words)
            if hit:
                used.append(hit)
            else:
                rest.append(item)
        return rest, used

    def register_of(self, op, word):
        return self.names.get(word >> 5 & 0xffff) if op in ('MRS', 'MSR_reg', 'SYS') else None

    def is_unknown(self, block, theirs, ours):
        """-> the entry by which what the last tested word leaves is UNKNOWN after its abort: QEMU
        leaves it half done or not, as its own TLB has it"""
        at, unit = block.units[-1]
        word = block.words[at + unit.tested[-1][1]]
        for entry in self.entries:
            if self.isa.match(word) in entry.ops and entry.keys['when'] == 'aborted' and \
                    aborted(block, theirs, ours, word):
                return entry.name
        return None

    def one(self, block, theirs, ours, item, before, words):
        what, a, b = item
        names = {'theirs': a, 'ours': b, 'el': block.el, 'taken': extra(theirs, ours)}
        m = re.fullmatch(r'exception (\d+) (\w+)', what)
        if before is not None:
            names['read'] = lambda name: before.values[name]
        elif not m or a is None or b is None:
            return None
        if m and a is not None and b is not None and before is None:
            def part(name):
                return theirs.values[f'exception {m[1]} {name}']
            names.update(vector=part('vector'), esr=part('esr'), far=part('far'))
            names['our_far'] = ours.values.get(f'exception {m[1]} far', 0)
            at = part('elr') - block.address
            if at % 4 or not 0 <= at < 4 * len(block.words):
                return None
            words, what = [block.words[at // 4]], f'exception {m[2]}'
        for word in words:
            names.update(word=word, what=what)
            names['aborted'] = aborted(block, theirs, ours, word)
            op = self.isa.match(word)
            register = self.register_of(op, word)
            for entry in self.entries:
                if fnmatch.fnmatchcase(what, entry.keys['what']) and \
                        entry.covers(op, names, register):
                    return entry.name
        return None


def extra(theirs, ours):
    """the syndrome of the last exception that Armillary took, where the two took different ones"""
    last = None
    for i in range(image.EXCEPTIONS_MAX):
        name = f'exception {i} esr'
        if name in ours.values and ours.values[name] >> 26 != theirs.values.get(name, -1) >> 26:
            last = ours.values[name]
    return last


def aborted(block, theirs, ours, word):
    """was the last exception of both a Data Abort of this word?"""
    name = f'exception {min(ours.values["exceptions"], image.EXCEPTIONS_MAX) - 1} '
    for record in (theirs, ours):
        esr, elr = record.values.get(name + 'esr', 0), record.values.get(name + 'elr', 0)
        at = elr - block.address
        if esr >> 26 not in (0x24, 0x25) or at % 4 or not 0 <= at < 4 * len(block.words) or \
                block.words[at // 4] != word:
            return False
    return True
