#!/usr/bin/env python3
"""a64.decode -> decoder, op list, assembly templates, manual page.

Usage: decode.py IN OUT.h OUT.md

The grammar is at the head of cpu/a64.decode.  Whatever the input gets wrong stops the build with
one line, `file:line: message`; tests/decode/test_refusals.py has an input for each message.
"""
import re
import sys
from collections import namedtuple

CLASSES = ('alu mul div crc branch load store load_acquire store_release ldex stex prefetch '
           'barrier sys hint wait exception simd fp fp_div atomic').split()
FEATURES = ('fp', 'crc32', 'aes', 'pmull', 'sha1', 'sha256', 'rdm', 'lse', 'rcpc', 'lor', 'pan', 'uao')

Row = namedtuple('Row', 'name mask bits fields line group')
Op = namedtuple('Op', 'name rows asm resolved klass feature unmodelled line')
Form = namedtuple('Form', 'mask bits fields line')
ALL = 0xffffffff


class Refusal(Exception):
    """The input is wrong; the text is file:line: message."""


class Source:
    """One .decode file: formats, operand kinds, rows in order, ops by name."""

    def __init__(self, path):
        self.path, self.formats, self.kinds, self.rows, self.ops = path, {}, {}, [], {}
        self.used_formats, self.used_kinds = set(), set()

    def refuse(self, line, message):
        raise Refusal(f'{self.path}:{line}: {message}')

    # -- bits ---------------------------------------------------------------------------------
    def parse_field(self, token, line):
        """name:len or name=bits -> (name, string of 0 1 .), None if it is neither"""
        m = re.fullmatch(r'([a-z]\w*):(\d+)', token)
        if m:
            if not 0 < int(m[2]) <= 32:
                self.refuse(line, f'field {m[1]} is {m[2]} bits wide')
            return m[1], '.' * int(m[2])
        m = re.fullmatch(r'([a-z]\w*)=([01.]+)', token)
        return (m[1], m[2]) if m else None

    def parse_bits(self, tokens, line):
        """-> (mask, bits, {field: (lsb, len)}, mask of '.', mask of '-')"""
        pos, mask, bits, holes, ignored, fields = 32, 0, 0, 0, 0, {}
        for token in tokens:
            field = self.parse_field(token, line)
            if not field and not re.fullmatch(r'[01.-]+', token):
                self.refuse(line, f'bad bits {token!r}')
            text = field[1] if field else token
            pos -= len(text)
            if pos < 0:
                self.refuse(line, f'more than 32 bits at {token!r}')
            if field:
                if field[0] in fields:
                    self.refuse(line, f'field {field[0]} twice')
                fields[field[0]] = (pos, len(text))
            for i, c in enumerate(reversed(text)):
                if c in '01':
                    mask |= 1 << pos + i
                    bits |= int(c) << pos + i
                elif c == '-':
                    ignored |= 1 << pos + i
                elif not field:
                    holes |= 1 << pos + i
        if pos:
            self.refuse(line, f'{32 - pos} bits, not 32')
        return mask, bits, fields, holes, ignored

    def apply_format(self, name, row, line):
        """the row's '.' bits take the format's fields and fixed bits"""
        mask, bits, fields, holes, ignored = row
        if name not in self.formats:
            self.refuse(line, f'unknown format {name}')
        self.used_formats.add(name)
        form = self.formats[name]
        for field, (lsb, length) in form.fields.items():
            span = ((1 << length) - 1) << lsb
            if span & (mask | ignored):
                self.refuse(line, f'field {field} of {name} covers a fixed bit')
            if span & ~holes:
                self.refuse(line, f'field {field} of {name} covers another field')
            holes &= ~span
        if form.mask & mask & (form.bits ^ bits):
            self.refuse(line, f'{name} fixes a bit otherwise')
        return (mask | form.mask, bits | form.bits, {**form.fields, **fields},
                holes & ~form.mask, ignored)

    # -- lines --------------------------------------------------------------------------------
    def parse(self):
        group = 0
        with open(self.path, encoding='ascii') as file:
            lines = file.read().split('\n')
        for line, raw in enumerate(lines, 1):
            text = strip_comment(raw)
            if not text:
                continue
            if text == '{':
                if group:
                    self.refuse(line, f'{{ inside the {{ of line {group}')
                group = line
            elif text == '}':
                self.close_group(group, line)
                group = 0
            elif text[0] == '@':
                self.parse_format(text, line)
            elif text[0] == '%':
                self.parse_kind(raw, line)
            else:
                self.parse_row(text, line, group)
        if group:
            self.refuse(group, '{ is never closed')
        self.check_unused()
        self.check_overlaps()
        self.check_reachable()

    def close_group(self, group, line):
        if not group:
            self.refuse(line, '} without {')
        if sum(row.group == group for row in self.rows) < 2:
            self.refuse(group, '{ } needs two rows or more')

    def parse_format(self, text, line):
        name, *tokens = text.split()
        if not re.fullmatch(r'@[a-z]\w*', name):
            self.refuse(line, f'bad format name {name!r}')
        if name in self.formats:
            self.refuse(line, f'{name} is already on line {self.formats[name].line}')
        mask, bits, fields, _, ignored = self.parse_bits(tokens, line)
        if ignored:
            self.refuse(line, "a format has no '-'")
        self.formats[name] = Form(mask, bits, fields, line)

    def parse_kind(self, raw, line):
        """%name arg... [arg=field]   sentence"""
        m = re.fullmatch(r'%([a-z]\w*)((?: +[a-z]\w*(?:=[a-z]\w*)?)+?)(?:  +(\S.*))', raw.strip())
        if not m:
            self.refuse(line, 'bad operand line, wanted: %name argument...  sentence')
        if m[1] in self.kinds:
            self.refuse(line, f'operand {m[1]} twice')
        args = [tuple((a + '=').split('=')[:2]) for a in m[2].split()]
        if any(default for _, default in args[:-1]):
            self.refuse(line, 'only the last argument may have a default')
        self.kinds[m[1]] = (args, m[3], line)

    def parse_row(self, text, line, group):
        m = re.fullmatch(r'(\S+)([^"]*?)(?:"([^"]*)"([^"]*))?', text)
        if not m:
            self.refuse(line, 'unbalanced quotes')
        name, tokens = m[1], m[2].split()
        keys = (m[4] or '').split()
        if m[3] is None:                         # without text, keys follow the bits
            while tokens and (re.match(r'(class|feature)=', tokens[-1])
                              or tokens[-1] == 'unmodelled'):
                keys.insert(0, tokens.pop())
        if not re.fullmatch(r'[A-Z]\w*', name):
            self.refuse(line, f'bad name {name!r}')
        form = tokens.pop() if tokens and tokens[-1][0] == '@' else None
        bits = self.parse_bits(tokens, line)
        if form:
            bits = self.apply_format(form, bits, line)
        mask, value, fields, holes, _ = bits
        if holes:
            self.refuse(line, f'bit {holes.bit_length() - 1} is filled by no format')
        row = Row(name, mask, value, fields, line, group)
        self.rows.append(row)
        if name == 'UNALLOCATED':
            if not group:
                self.refuse(line, 'UNALLOCATED belongs inside { }')
            if fields or m[3] is not None or keys:
                self.refuse(line, 'UNALLOCATED has no fields, text or keys')
        else:
            self.add_to_op(row, m[3], keys)

    def parse_keys(self, keys, line):
        found = {}
        for key in keys:
            k, _, v = key.partition('=')
            if k in found:
                self.refuse(line, f'{k} twice')
            if k == 'class' and v not in CLASSES:
                self.refuse(line, f'unknown class {v!r}')
            if k == 'feature' and v not in FEATURES:
                self.refuse(line, f'unknown feature {v!r}')
            if k not in ('class', 'feature') and key != 'unmodelled':
                self.refuse(line, f'unknown key {key!r}')
            found[k] = v
        return found

    def add_to_op(self, row, asm, keys):
        line, known = row.line, self.ops.get(row.name)
        found = self.parse_keys(keys, line)
        if known:
            if asm is not None or keys:
                self.refuse(line, f'{row.name} has its text and class on line {known.line}')
            if row.fields != known.rows[0].fields:
                self.refuse(line, f'{row.name} has other fields than on line {known.line}')
            known.rows.append(row)
            return
        if asm is None:
            self.refuse(line, f'{row.name} has no assembly text')
        if 'class' not in found:
            self.refuse(line, f'{row.name} has no class')
        self.ops[row.name] = Op(row.name, [row], asm, self.resolve(asm, row.fields, line),
                                found['class'], found.get('feature'), 'unmodelled' in found, line)

    # -- assembly text ------------------------------------------------------------------------
    def resolve(self, asm, fields, line):
        """each {kind:field} becomes {kind:lsb+len}, which cpu/disasm.c reads without names"""
        def operand(m):
            kind, _, given = m[1].partition(':')
            if kind not in self.kinds:
                self.refuse(line, f'unknown operand {kind!r}')
            self.used_kinds.add(kind)
            args, given = self.kinds[kind][0], given.split(',') if given else []
            if len(given) == len(args) - 1 and args[-1][1]:
                given.append(args[-1][1])
            if len(given) != len(args):
                names = ' '.join(name for name, _ in args)
                self.refuse(line, f'operand {kind} wants {len(args)} arguments: {names}')
            return f'{{{kind}:{",".join(self.resolve_arg(a, fields, line) for a in given)}}}'
        text = re.sub(r'\{([^{}]*)\}', operand, asm)
        if text.count('{') != asm.count('{') or re.search(r'[{}]', re.sub(r'\{[^{}]*\}', '', text)):
            self.refuse(line, 'unbalanced { } in the assembly text')
        return text

    def resolve_arg(self, arg, fields, line):
        if re.fullmatch(r'\d+', arg):
            return f'={arg}'
        m = re.fullmatch(r'(\w+(?:\.\w+)*)(?:\*(\d+))?(?:<(\w+))?', arg)
        if not m:
            self.refuse(line, f'bad argument {arg!r}')
        def place(name):
            if name not in fields:
                self.refuse(line, f'unknown field {name!r}')
            return f'{fields[name][0]}+{fields[name][1]}'
        text = '.'.join(place(name) for name in m[1].split('.'))
        return text + (f'*{m[2]}' if m[2] else '') + (f'<{place(m[3])}' if m[3] else '')

    # -- the whole ----------------------------------------------------------------------------
    def check_unused(self):
        for name, form in self.formats.items():
            if name not in self.used_formats:
                self.refuse(form.line, f'format {name} is never used')
        for name, (_, _, line) in self.kinds.items():
            if name not in self.used_kinds:
                self.refuse(line, f'operand {name} is never used')
        if not self.ops:
            self.refuse(1, 'no rows')

    def check_overlaps(self):
        for i, a in enumerate(self.rows):
            for b in self.rows[:i]:
                if not a.mask & b.mask & (a.bits ^ b.bits) and not (a.group and a.group == b.group):
                    self.refuse(a.line, f'{a.name} overlaps {b.name} of line {b.line}')

    def check_reachable(self):
        for i, row in enumerate(self.rows):
            before = [b for b in self.rows[:i] if row.group and b.group == row.group]
            if covered(row.mask, row.bits, before):
                self.refuse(row.line, f'{row.name} can never match')


def strip_comment(raw):
    """without the part from # on, unless the # is inside quotes"""
    return re.match(r'(?:"[^"]*"|[^"#]|"(?=[^"]*$))*', raw)[0].strip()


def covered(mask, bits, rows):
    """is every word of this cube matched by one of rows?"""
    rows = [r for r in rows if not r.mask & mask & (r.bits ^ bits)]
    if not rows:
        return False
    extra = rows[0].mask & ~mask
    if not extra:
        return True
    bit = 1 << extra.bit_length() - 1
    return all(covered(mask | bit, bits | value, rows) for value in (0, bit))


# -- output -----------------------------------------------------------------------------------
def emit_decode(rows, done, indent, out):
    """nested switches over the bits that all remaining rows fix; rows are in matching order"""
    for i, row in enumerate(rows):               # nothing after a row that surely matches
        if not row.mask & ~done:
            rows = rows[:i + 1]
            break
    if not rows[0].mask & ~done:
        out.append(f'{indent}return A64_{rows[0].name};')
        return
    common = ALL & ~done
    for row in rows:
        common &= row.mask
    if len(rows) <= 2 or not common and len(rows) <= 4:
        for row in rows:
            rest = row.mask & ~done
            test = f'if ((w & 0x{rest:08x}u) == 0x{row.bits & rest:08x}u) ' if rest else ''
            out.append(f'{indent}{test}return A64_{row.name};')
        if rows[-1].mask & ~done:
            out.append(f'{indent}return A64_UNALLOCATED;')
        return
    if not common:                               # the bit that most rows fix; the others go both ways
        common = max((1 << b for b in range(32) if not done >> b & 1),
                     key=lambda bit: sum(bool(row.mask & bit) for row in rows))
    out.append(f'{indent}switch (w & 0x{common:08x}u) {{')
    keys = {row.bits & common for row in rows if row.mask & common == common}
    if any(row.mask & common != common for row in rows):
        keys = {0, common}
    for key in sorted(keys):
        out.append(f'{indent}case 0x{key:08x}u:')
        some = [row for row in rows if not row.mask & common & (row.bits ^ key)]
        if some:
            emit_decode(some, done | common, indent + '    ', out)
        else:
            out.append(f'{indent}    return A64_UNALLOCATED;')
    out.append(f'{indent}}}')
    out.append(f'{indent}return A64_UNALLOCATED;')


def accessors(ops):
    """a64_FIELD(w) where a field has one place, a64_OP_FIELD(w) where it has several"""
    out = []
    for field in sorted({f for op in ops for f in op.rows[0].fields}):
        owners = [op for op in ops if field in op.rows[0].fields]
        places = {op.rows[0].fields[field] for op in owners}
        if len(places) == 1:
            names = [(field, places.pop())]
        else:
            names = [(f'{op.name}_{field}', op.rows[0].fields[field]) for op in owners]
        for name, (lsb, length) in names:
            out.append(f'static inline uint32_t a64_{name}(uint32_t w) '
                       f'{{ return w >> {lsb} & 0x{(1 << length) - 1:x}u; }}')
    return out


def flags_text(op):
    return ' | '.join((['A64_IS_UNMODELLED'] if op.unmodelled else [])
                      + ([f'A64_NEEDS_{op.feature.upper()}'] if op.feature else [])) or '0u'


def op_entry(op):
    common, first = ALL, op.rows[0]
    for row in op.rows:
        common &= row.mask & ~(row.bits ^ first.bits)
    return (f'    X({op.name}, 0x{common:08x}u, 0x{first.bits & common:08x}u, '
            f'A64_CLASS_{op.klass.upper()}, {flags_text(op)}, "{op.resolved}", {op.line}) \\')


def header(source, modelled, unmodelled):
    out = ['/* generated from a64.decode by tools/decode.py: do not edit */', '#pragma once',
           '#include <stdint.h>', '', '/* X(CLASS): what kind of work an op is */',
           '#define A64_CLASS_LIST(X) \\'] + [f'    X({c.upper()}) \\' for c in CLASSES] + ['']
    out += ['enum a64_class {'] + [f'    A64_CLASS_{c.upper()},' for c in CLASSES]
    out += ['    A64_CLASS_COUNT', '};', '', '#define A64_IS_UNMODELLED 0x1u']
    out += [f'#define A64_NEEDS_{f.upper()} 0x{2 << i:x}u' for i, f in enumerate(FEATURES)]
    out += ['', '/* X(operand kind, number of arguments) of the assembly text */',
            '#define A64_OPERAND_LIST(X) \\']
    out += [f'    X({k}, {len(v[0])}) \\' for k, v in source.kinds.items()] + ['']
    columns = 'NAME, bits common to all its rows: mask, value, CLASS, flags, assembly, line'
    out += [f'/* modelled ops: X({columns}) */', '#define A64_LIST(X) \\']
    out += [op_entry(op) for op in modelled] + ['']
    out += ['/* allocated ops that the model lacks, in the same form */',
            '#define A64_UNMODELLED_LIST(X) \\'] + [op_entry(op) for op in unmodelled] + ['']
    out += ['/* one per line of a64.decode: X(NAME, mask, value, line); the first match wins */',
            '#define A64_ROW_LIST(X) \\']
    out += [f'    X({r.name}, 0x{r.mask:08x}u, 0x{r.bits:08x}u, {r.line}) \\' for r in source.rows] + ['']
    out += ['enum a64_op {', '    A64_UNALLOCATED,'] + [f'    A64_{op.name},' for op in modelled]
    out += [f'    A64_{op.name},' for op in unmodelled] + ['    A64_COUNT', '};', '']
    for what in ('class', 'flags'):
        out += [f'static inline uint32_t a64_{what}(enum a64_op op)', '{',
                '    static const uint32_t value[A64_COUNT] = {']
        out += [f'        [A64_{op.name}] = '
                + (f'A64_CLASS_{op.klass.upper()},' if what == 'class' else f'{flags_text(op)},')
                for op in modelled + unmodelled] + ['    };', '    return value[op];', '}', '']
    out += accessors(list(source.ops.values())) + ['']
    out += ['static inline enum a64_op a64_decode(uint32_t w)', '{']
    emit_decode(source.rows, 0, '    ', out)
    return out + ['}']


def bit_text(row):
    names = {}
    for name, (lsb, length) in row.fields.items():
        names[lsb + length - 1] = name, length
    out, pos = [], 31
    while pos >= 0:
        name, length = names.get(pos, (None, 1))
        span = ''.join(str(row.bits >> b & 1) if row.mask >> b & 1 else ('.' if name else '-')
                       for b in range(pos, pos - length, -1))
        if name:
            out += ['', f'{name}:{length}' if set(span) == {'.'} else f'{name}={span}', '']
        else:
            out[-1:] = [out[-1] + span] if out and out[-1] != '' else ['', span]
        pos -= length
    return ' '.join(' '.join(out).split())


def manual(source, modelled, unmodelled):
    out = ['# A64 instructions', '', 'Generated from `cpu/a64.decode`; every other encoding is '
           'unallocated, so UNDEFINED.']
    for title, ops in (('Modelled', modelled), ('Allocated, not modelled', unmodelled)):
        out += ['', f'## {title}', '', '| op | encoding | assembly | class | needs |',
                '|---|---|---|---|---|']
        for op in ops:
            bits = '<br>'.join(f'`{bit_text(row)}`' for row in op.rows)
            out.append(f'| {op.name} | {bits} | `{op.asm}` | {op.klass} | {op.feature or ""} |')
    out += ['', '## Operands of the assembly text', '', '| operand | arguments | prints |',
            '|---|---|---|']
    for kind, (args, sentence, _) in source.kinds.items():
        out.append(f'| {kind} | {" ".join(name for name, _ in args)} | {sentence} |')
    return out


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source = Source(sys.argv[1])
    try:
        source.parse()
    except (Refusal, OSError, UnicodeError) as problem:
        sys.exit(str(problem) if isinstance(problem, Refusal) else f'{sys.argv[1]}: {problem}')
    modelled = [op for op in source.ops.values() if not op.unmodelled]
    unmodelled = [op for op in source.ops.values() if op.unmodelled]
    for path, lines in ((sys.argv[2], header(source, modelled, unmodelled)),
                        (sys.argv[3], manual(source, modelled, unmodelled))):
        with open(path, 'w', encoding='ascii') as file:
            file.write('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
