#!/usr/bin/env python3
"""Register tables.    regs.py IN.def OUT... [--depfile FILE]

An output's ending says what goes in: .h (freestanding C, and assembler), .inc (description rows,
included once), .md (a page for people). A mistake stops the build with `file:line: message`.

One grammar for system registers, memory-mapped registers, descriptor bits, syndromes and CPU
models. A line starts a block or is a line of the block before it; `#` begins a comment; the last
thing on a line may be a "sentence".

  table NAME PREFIX "..."            the enum of this file's registers; first line of the file
  include FILE | uses FILE           more rows of this table | another table to look names up in
  owner|feature|on_read|on_write NAME "..."          members of the closed enums
  trap NAME to=undef|el1|el2 el=01 dir=rw when=REG.FIELD:VALUE|fn:NAME [ec=0x18] "..."
  word NAME [bits=N] "..."           a layout of bits: a descriptor, a syndrome, a shared layout
  reg|sys NAME op0 op1 CRn CRm op2 [attributes] "..."   a system register | a SYS instruction
                                     (effective [soon]: has an effective copy [that follows at once])
  space NAME op0 op1 CRn CRm op2 [attributes] "..."     ranges (1-7, 11,15, *); rows inside win
  frame NAME size=N "..."            a memory-mapped frame; the @ lines that follow are in it
  @OFFSET NAME[N] access=r|w|rw reset=V [bytes] [banked=N] [per_int=N] "..."
  enum NAME PREFIX "..."             lines: VALUE NAME [fields=WORD] "..."
  model NAME "..."                   lines: REG[n] VALUE; like=MODEL takes another model's lines

Fields are lines  HI[:LO] NAME [needs=FEATURE [else1]] [upper=FEATURE] [fixed=0|1] [ro] "..."  or
HI[:LO] res0|res1, most significant first, every bit exactly once; without the feature the field,
or its upper half, is RES0 (else1: RES1). `NAME<n>_EL1[6]` makes six rows; `n` in its encoding is the index.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import regs_emit  # noqa: E402
from regs_model import (Block, Field, Source, Table, Trap, Fault, attributes, expand, numbers,
                        parse_access, parse_number)

REG_ATTRIBUTES = {'reset', 'access', 'traps', 'owner', 'on_read', 'on_write', 'fields', 'needs',
                  'effective', 'soon', 'unmodelled', 'special'}
MMIO_ATTRIBUTES = {'access', 'reset', 'bytes', 'banked', 'per_int', 'fields'}


class Parser:
    """Turns lines into a Table; everything that can be checked on the spot is checked here."""

    def __init__(self, path):
        self.table = None
        self.block = None
        self.frame = None
        self.files = []
        self.read(path)
        self.close()
        if self.table is None:
            raise Fault(path, 1, 'no table line')

    def read(self, path):
        if path in self.files:
            raise Fault(path, 1, 'included twice')
        self.files.append(path)
        try:
            lines = open(path, encoding='utf-8').read().split('\n')
        except OSError as error:
            raise Fault(path, 0, error.strerror) from error
        for number, raw in enumerate(lines, 1):
            line = Source(path, number, raw)
            if line.words:
                self.line(line)

    def line(self, line):
        word = line.words[0]
        if word[0] == '@':
            self.mmio(line)
        elif word[0].isdigit() and self.block and self.block.kind == 'enum':
            self.value(line)
        elif word[0].isdigit():
            self.field(line)
        elif self.block and self.block.kind == 'model' and word not in ('model', 'like'):
            self.model_line(line)
        else:
            method = getattr(self, 'do_' + word, None)
            if method is None:
                raise line.fault(f'unknown line "{word}"')
            if word not in ('table', 'include') and self.table is None:
                raise line.fault('the table line must come first')
            method(line)

    def close(self):
        """Ends the block before: all its bits must have been claimed."""
        if self.block:
            self.block.finish()
        self.block = None

    def sentence(self, line):
        if not line.sentence:
            raise line.fault(f'{line.words[1]}: no sentence')
        return line.sentence

    def do_table(self, line):
        line.need(3)
        if self.table:
            raise line.fault('second table line')
        self.table = Table(line.words[1], line.words[2], self.sentence(line), line)

    def do_include(self, line):
        line.need(2)
        self.close()
        self.read(os.path.join(os.path.dirname(line.path), line.words[1]))

    def do_uses(self, line):
        line.need(2)
        other = Parser(os.path.join(os.path.dirname(line.path), line.words[1]))
        self.files += other.files
        self.table.used = other.table

    def closed_enum(self, line):
        line.need(2)
        self.close()
        names = self.table.closed[line.words[0]]
        if line.words[1] in names:
            raise line.fault(f'{line.words[0]} {line.words[1]} is there already')
        names[line.words[1]] = self.sentence(line)

    do_owner = do_feature = do_on_read = do_on_write = closed_enum

    def do_trap(self, line):
        self.close()
        trap = Trap(line, attributes(line, 2, {'to', 'el', 'dir', 'when', 'ec'}))
        trap.what = self.sentence(line)
        self.table.add_trap(trap)

    def do_word(self, line):
        self.close()
        got = attributes(line, 2, {'bits'})
        bits = parse_number(line, got.get('bits', '64'))
        self.block = Block('word', line.words[1], line, self.sentence(line), bits)
        self.table.add_word(self.block)

    def do_enum(self, line):
        line.need(3)
        self.close()
        self.block = Block('enum', line.words[1], line, self.sentence(line), 0)
        self.block.prefix = line.words[2]
        self.table.add_enum(self.block)

    def do_reg(self, line):
        self.close()
        if len(line.words) < 7:
            raise line.fault('a register needs a name and op0 op1 CRn CRm op2')
        got = attributes(line, 7, REG_ATTRIBUTES)
        kind = line.words[0]
        names = expand(line, line.words[1], kind)
        shared = Block(kind, names[0][0], line, self.sentence(line), 64)
        for name, index in names:
            block = shared if index in (None, 0) else Block(kind, name, line, shared.what, 64)
            self.register(block, line, got, index)
        if 'fields' not in got and kind == 'reg' and 'unmodelled' not in got:
            if len(names) > 1:
                raise line.fault('an array needs fields=')
            self.block = shared

    do_sys = do_space = do_reg

    def register(self, block, line, got, index):
        block.ops = [numbers(line, w, i, index) for i, w in enumerate(line.words[2:7])]
        if block.kind != 'space' and any(len(op) != 1 for op in block.ops):
            raise line.fault(f'{block.name}: only a space may cover several encodings')
        wanted = {'reg': (2, 3), 'sys': (0, 1), 'space': (0, 1, 2, 3)}[block.kind]
        if any(op not in wanted for op in block.ops[0]):
            raise line.fault(f'{block.name}: op0 of a {block.kind} is one of {wanted}')
        block.access = parse_access(line, got.get('access', 'none'))
        block.traps = [t for t in got.get('traps', '').split(',') if t]
        block.reset = got.get('reset', '0')
        block.reset_value = 0
        if block.reset[0].isdigit():
            block.reset_value = parse_number(line, block.reset)
        for name in ('owner', 'on_read', 'on_write', 'needs'):
            setattr(block, name, got.get(name))
        block.fields_of = got.get('fields')
        for name in ('effective', 'soon', 'unmodelled', 'special'):
            setattr(block, name, name in got)
        if block.kind != 'reg' and block.effective:
            raise line.fault(f'{block.name}: only a register has an effective copy')
        if block.soon and not block.effective:
            raise line.fault(f'{block.name}: soon says when an effective copy follows: there is none')
        self.table.add_register(block)

    def do_frame(self, line):
        self.close()
        got = attributes(line, 2, {'size'})
        size = parse_number(line, got.get('size', '0'))
        self.frame = (line.words[1], size, self.sentence(line))
        self.table.frames.append(self.frame)

    def mmio(self, line):
        self.close()
        line.need_at_least(2)
        if self.frame is None:
            raise line.fault('no frame line before it')
        got = attributes(line, 2, MMIO_ATTRIBUTES)
        name, count = line.words[1], 1
        if name.endswith(']') and '[' in name:
            name, count = name[:-1].split('[')
            count = parse_number(line, count)
        block = Block('mmio', name, line, self.sentence(line), 32)
        block.frame, block.offset = self.frame[0], parse_number(line, line.words[0][1:])
        block.count, block.bytes = count, 'bytes' in got
        block.access = got.get('access', '')
        if block.access not in ('r', 'w', 'rw'):
            raise line.fault(f'{name}: access is r, w or rw')
        block.reset_value = parse_number(line, got.get('reset', '0'))
        block.banked = parse_number(line, got.get('banked', '0'))
        block.per_int = parse_number(line, got.get('per_int', '0'))
        block.fields_of = got.get('fields')
        if block.offset % 4 or block.offset + 4 * count > self.frame[1]:
            raise line.fault(f'{name}: offset outside its frame or not a word')
        self.table.add_mmio(block)
        if block.fields_of is None and not block.per_int:
            self.block = block

    def field(self, line):
        if self.block is None:
            raise line.fault('a field outside any register')
        line.need_at_least(2)
        ends = line.words[0].split(':')
        high, low = parse_number(line, ends[0]), parse_number(line, ends[-1])
        field = Field(line.words[1], high, low, line.sentence or '')
        if field.name in ('res0', 'res1'):
            line.need(2)
        else:
            got = attributes(line, 2, {'needs', 'else1', 'upper', 'fixed', 'ro'})
            if not line.sentence:
                raise line.fault(f'{self.block.name}.{field.name}: no sentence')
            field.needs, field.upper, field.ro = got.get('needs'), got.get('upper'), 'ro' in got
            field.else1 = 'else1' in got
            if field.else1 and not field.needs:
                raise line.fault(f'{field.name}: else1 without needs=')
            if 'fixed' in got:
                field.fixed = parse_number(line, got['fixed'])
                if field.fixed not in (0, 1):
                    raise line.fault(f'{field.name}: fixed is 0 or 1')
        self.block.add_field(line, field)

    def value(self, line):
        line.need_at_least(2)
        got = attributes(line, 2, {'fields'})
        name = line.words[1]
        number = parse_number(line, line.words[0])
        for value, other, _, _ in self.block.values:
            if value == number or other == name:
                raise line.fault(f'{name} collides with {other}')
        self.block.values.append((number, name, got.get('fields'), self.sentence(line)))

    def do_model(self, line):
        self.close()
        got = attributes(line, 2, {'like', 'features'})
        self.block = Block('model', line.words[1], line, self.sentence(line), 0)
        features = got.get('features')
        self.block.features = [f for f in (features or '').split(',') if f]
        like = got.get('like')
        if like:
            base = self.table.find_model(line, like)
            self.block.ids = dict(base.ids)
            if features is None:
                self.block.features = list(base.features)
        self.table.add_model(self.block)

    def model_line(self, line):
        line.need(2)
        self.block.ids[line.words[0]] = (parse_number(line, line.words[1]), line)


def main(argv):
    depfile = None
    if len(argv) > 2 and argv[-2] == '--depfile':
        depfile, argv = argv[-1], argv[:-2]
    endings = [os.path.splitext(name)[1] for name in argv[2:]]
    if not endings or any(e not in regs_emit.WRITERS for e in endings):
        sys.exit('usage: regs.py IN.def OUT.h|OUT.inc|OUT.md... [--depfile FILE]')
    try:
        parser = Parser(argv[1])
        parser.table.check()
        for name, ending in zip(argv[2:], endings):
            regs_emit.write(parser.table, argv[1], name, ending)
    except Fault as fault:
        sys.exit(str(fault))
    if depfile:
        with open(depfile, 'w', encoding='utf-8') as out:
            out.write(f'{" ".join(argv[2:])}: {" ".join(parser.files)}\n')


if __name__ == '__main__':
    main(sys.argv)
