#!/usr/bin/env python3
"""State is bytes: no struct between STATE_BEGIN and STATE_END has a pointer, a function or a host-dependent type in it,
and what the machine's state is made of stands between them.

Padding in such a struct stops the build (base.h); this looks at what the compiler does not mind.
"""
import re

from law import MODEL, Tap, blank, part_of, read, tree

BLOCK = re.compile(r'^STATE_BEGIN\b(.*?)^STATE_END\b', re.DOTALL | re.MULTILINE)
STRUCT = re.compile(r'\bstruct (\w+)\s*\{(.*?)^\}', re.DOTALL | re.MULTILINE)
FIXED = re.compile(r'^(?:const )?(?:u?int(?:8|16|32|64)_t|char|(?:va|ipa|pa)_t|struct \w+)\s')
ROOTS = ('machine_state', 'machine_side', 'order_state', 'check_state')


def states(texts):
    """-> name of each struct that is state: (path, its body), comments blanked"""
    found = {}
    for path, text in texts.items():
        for block in BLOCK.finditer(blank(text)):
            for name, body in STRUCT.findall(block[1]):
                found[name] = (path, body)
    return found


def problems_of(texts, roots=()):
    """-> what is wrong with the state structs in texts (path: C text), and with what the roots are made of"""
    found, problems = states(texts), []
    for name, (path, body) in found.items():
        for member in (' '.join(m.split()) for m in body.split(';')):
            if not member:
                continue
            if '*' in member or '(' in member.replace('__attribute__((', ''):
                problems.append(f'{path}: struct {name}: "{member}" is a pointer: state is bytes')
            elif not FIXED.match(member):
                problems.append(f'{path}: struct {name}: "{member}" is not of a type of fixed size')
    todo, done = list(roots), set()
    while todo:
        name = todo.pop()
        if name in done:
            continue
        done.add(name)
        if name not in found:
            problems.append(f'struct {name} is part of the state, but does not stand between STATE_BEGIN and STATE_END')
            continue
        todo += re.findall(r'\bstruct (\w+)\s+\w+', found[name][1])
    return problems


def main():
    tap = Tap()
    texts = {path: read(path) for path in tree(('.h', '.c')) if part_of(path).split('/')[0] in MODEL}
    tap.case('state structs have neither pointers nor types of the host', problems_of(texts))
    tap.case('all that the state is made of is marked', problems_of({p: t for p, t in texts.items()}, ROOTS))
    tap.case('the state is found', [] if len(states(texts)) > 10 else ['hardly any struct is marked as state'])
    for what, members in [('a pointer', 'uint8_t *bytes;'), ('an array of pointers', 'const char *names[4];'),
                          ('a pointer to a function', 'void (*call)(int n);'), ('a long', 'long n;'),
                          ('a bool', 'uint32_t a; bool on;'), ('a size', 'size_t size;'),
                          ('an enum by itself', 'enum kind kind;'), ('a bit field of int', 'unsigned on : 1;')]:
        tap.sees(what, problems_of({'sample.h': f'STATE_BEGIN\nstruct s {{\n    {members}\n}};\nSTATE_END\n'}))
    tap.sees('a part that is not marked', problems_of(
        {'sample.h': 'struct part {\n    int n;\n};\n'
                     'STATE_BEGIN\nstruct s {\n    struct part part[2];\n};\nSTATE_END\n'}, ['s']))
    for what, text in [('a comment with a star',
                        'STATE_BEGIN\nstruct s {\n    uint32_t n; /* 2 * n */\n};\nSTATE_END\n'),
                       ('a pointer outside', 'struct s {\n    int *p;\n};\n'),
                       ('parts that are marked', 'STATE_BEGIN\nstruct part {\n    uint64_t n;\n};\n'
                        'struct s {\n    struct part part[2];\n    pa_t pa;\n};\nSTATE_END\n')]:
        tap.accepts(what, problems_of({'sample.h': text}, ['s'] if 'parts' in what else ()))
    tap.end()


main()
