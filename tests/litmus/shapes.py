"""Reads the tables of litmus shapes (tests/litmus/*.def) strictly. An error is one line `file:line: message`."""
import itertools
import os
import re
import sys

FILES = ('rules.def', 'own.def', 'location.def', 'mapping.def', 'unmapping.def', 'stages.def', 'three.def')
FAULT = 15
WORDS = re.compile(r'"([^"]*)"')


class Shape:
    """One row, as it stands in the table."""

    def __init__(self, name, where):
        self.name, self.where = name, where
        self.about = ''
        self.pages, self.data, self.warm = {}, {}, []
        self.stage2 = self.evict = self.fb = False
        self.threads = []   # of (el, {register: content}, [line])
        self.observe = []
        self.allow, self.beyond, self.forbid = [], {}, []
        self.rules = []


def fail(where, text):
    sys.exit(f'{where}: {text}')


def outcomes(shape, text, where):
    """'1,F 2,F' as tuples of numbers."""
    result = []
    for word in text.split():
        values = tuple(FAULT if v == 'F' else int(v, 0) for v in word.split(','))
        if len(values) != len(shape.observe):
            fail(where, f'{word} has {len(values)} values, {len(shape.observe)} are observed')
        result.append(values)
    return result


def pairs(text, where):
    result = {}
    for word in text.split():
        key, sign, value = word.partition('=')
        if not sign or not value or key in result:
            fail(where, f'{word} is no new NAME=VALUE')
        result[key] = value
    return result


def read_line(shape, key, rest, where):
    """A line of a row that is not an instruction."""
    if key == 'about':
        shape.about = WORDS.fullmatch(rest).group(1)
    elif key == 'map':
        shape.pages = pairs(rest, where)
    elif key == 'data':
        shape.data = {name: int(value, 0) for name, value in pairs(rest, where).items()}
    elif key == 'warm':
        shape.warm += [tuple(word.split(':')) for word in rest.split()]
    elif key in ('stage2', 'evict', 'fb'):
        setattr(shape, key, True)
    elif key == 'thread':
        number, _, registers = rest.partition(' ')
        if int(number) != len(shape.threads):
            fail(where, f'thread {number} comes as number {len(shape.threads)}')
        el = 2 if registers.startswith('el2 ') else 1
        shape.threads.append((el, pairs(registers.removeprefix('el2 '), where), []))
    elif key == 'observe':
        shape.observe = rest.split()
    elif key == 'allow':
        shape.allow = outcomes(shape, rest, where)
    elif key == 'beyond':
        values, why = rest.split(' ', 1)
        shape.beyond[outcomes(shape, values, where)[0]] = WORDS.fullmatch(why).group(1)
    elif key == 'forbid':
        shape.forbid = outcomes(shape, rest, where)
    elif key == 'by':
        shape.rules = rest.split()
    else:
        fail(where, f'{key} is no key of a shape')


def check(shape, rules):
    """What must hold of every row."""
    for rule in shape.rules:
        if rule not in rules:
            fail(shape.where, f'{shape.name}: there is no rule {rule}')
    if not (shape.about and shape.rules and shape.allow and shape.threads and shape.pages):
        fail(shape.where, f'{shape.name}: about, map, thread, allow and by are needed')
    listed = list(itertools.chain(shape.allow, shape.beyond, shape.forbid))
    if len(set(listed)) != len(listed):
        fail(shape.where, f'{shape.name}: an outcome stands twice')


def load(folder):
    """The rows of all tables, in order, and the rules by name."""
    shapes, rules = [], {}
    for name in FILES:
        path = os.path.join(folder, name)
        current = thread = rule = None
        for number, line in enumerate(open(path, encoding='utf-8').read().splitlines(), 1):
            where, text = f'{path}:{number}', line.strip()
            key, _, rest = text.partition(' ')
            if not text or text.startswith('#'):
                continue
            if not line.startswith(' ') and key == 'rule':
                rule = rules.setdefault(rest, {})
            elif not line.startswith(' ') and key == 'shape':
                current, thread = Shape(rest, where), None
                if any(s.name == rest for s in shapes):
                    fail(where, f'{rest} is there twice')
                shapes.append(current)
            elif current is None and key in ('says', 'in'):
                rule[key] = WORDS.fullmatch(rest).group(1)
            elif current is None:
                fail(where, f'{text} belongs to nothing')
            elif thread is not None and (line.startswith('    ') or text.endswith(':')):
                thread.append(text)
            else:
                read_line(current, key, rest, where)
                thread = current.threads[-1][2] if key == 'thread' else None
    for shape in shapes:
        check(shape, rules)
    used = {rule for shape in shapes for rule in shape.rules}
    for rule in rules:
        if rule not in used:
            fail(os.path.join(folder, 'rules.def'), f'rule {rule} is cited by no shape')
    return shapes, rules
