#!/usr/bin/env python3
"""Turns the floor's row files into C.    rows.py INPUT OUTPUT...

The first word of the input says which: `event` rows (sim/base/trace.def) become structs, emitters
and descriptions of the event kinds; `choice` rows (sim/base/choice.def) the kinds of choice.
An output's ending says what goes in: .h is for everyone, .inc is included once, by event.c or
choice.c, .md is a page for people. A mistake in the input stops the build with
`file:line: message`.
"""
import os
import re
import sys

# type: (bytes, how it is written, C type in the struct, C type of the emitter's parameter)
TYPES = {
    'u8': (1, 'DECIMAL', 'uint8_t', 'unsigned'), 'u16': (2, 'DECIMAL', 'uint16_t', 'unsigned'),
    'u32': (4, 'DECIMAL', 'uint32_t', 'uint32_t'), 'u64': (8, 'DECIMAL', 'uint64_t', 'uint64_t'),
    'x8': (1, 'HEX', 'uint8_t', 'unsigned'), 'x16': (2, 'HEX', 'uint16_t', 'unsigned'),
    'x32': (4, 'HEX', 'uint32_t', 'uint32_t'), 'x64': (8, 'HEX', 'uint64_t', 'uint64_t'),
    'sysreg': (2, 'SYSREG', 'uint16_t', 'unsigned'), 'op': (2, 'OP', 'uint16_t', 'unsigned'),
}
# An event is one cache line: kind, pe, el, a gap of 5 bytes, step, insn, time, and 32 bytes.
# Fields go into the 32 bytes, largest first; what is left over goes into the gap.
EVENT_BYTES, GAP, TAIL = 64, (3, 8), (32, 64)
EVENT_KIND_MAX = 64             # the mask of kinds is 64 bits wide
CHOICE_KIND_MAX = 32            # the mask of open kinds is 32 bits wide
# Not usable as fields: the head's keys in the text form, and the emitters' other names.
RESERVED = {'pe', 'el', 'step', 'insn', 'time', 'events', 'event'}
KEYWORDS = set('auto break case char const continue default do double else enum extern float for '
               'goto if inline int long register restrict return short signed sizeof static '
               'struct switch typedef union unsigned void volatile while'.split())


class Source:
    """The rows of a file; remembers where they stand, for messages."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path, encoding='utf-8') as f:
                lines = f.read().split('\n')
        except (OSError, UnicodeError) as e:
            sys.exit(f'{path}:1: {e}')
        self.rows = []
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.lstrip().startswith('#'):
                self.rows.append((number, line.strip()))

    def die(self, number, message):
        sys.exit(f'{self.path}:{number}: {message}')


def c_string(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def check_sentence(source, number, text):
    if not text.strip():
        source.die(number, 'the sentence is empty')
    if not all(' ' <= c <= '~' for c in text):
        source.die(number, 'the sentence has a character outside printable ASCII')
    if '*/' in text:
        source.die(number, 'the sentence would end a C comment')
    return text


class Event:
    def __init__(self, name, sentence, number):
        self.name, self.sentence, self.number = name, sentence, number
        self.fields = []        # (type, name, sentence)
        self.offset = {}        # field name -> offset in struct event

    def place(self, source):
        """Gives every field an offset: aligned, in the tail if it fits, else in the gap."""
        room = {GAP: GAP[0], TAIL: TAIL[0]}
        for kind, name, _ in sorted(self.fields, key=lambda f: -TYPES[f[0]][0]):
            size = TYPES[kind][0]
            for area in (TAIL, GAP):
                at = (room[area] + size - 1) // size * size
                if at + size <= area[1]:
                    self.offset[name], room[area] = at, at + size
                    break
            else:
                source.die(self.number, f'event {self.name} does not fit into {EVENT_BYTES} '
                                        f'bytes: no room for {name}')


def parse_trace(source):
    events, names = [], {}
    for number, line in source.rows:
        m = re.fullmatch(r'event\s+(\S+)\s+"([^"]*)"', line)
        if m:
            name = m[1]
            if not re.fullmatch(r'[A-Z][A-Z0-9]*(_[A-Z0-9]+)*', name):
                source.die(number, f'event name {name}: capitals, digits and single _ wanted')
            if name in names:
                source.die(number, f'event {name} is already at line {names[name]}')
            if name == 'KIND_COUNT' or name.lower() in KEYWORDS:
                source.die(number, f'event name {name} would collide in C')
            names[name] = number
            events.append(Event(name, check_sentence(source, number, m[2]), number))
            continue
        m = re.fullmatch(r'(\S+)\s+(\S+)\s+"([^"]*)"', line)
        if not m or m[1] == 'event':
            source.die(number, f'neither `event NAME "sentence"` nor `TYPE FIELD "sentence"`: {line}')
        kind, name = m[1], m[2]
        if not events:
            source.die(number, f'field {name} stands before the first event')
        if kind not in TYPES:
            source.die(number, f'unknown type {kind}')
        if not re.fullmatch(r'[a-z][a-z0-9]*(_[a-z0-9]+)*', name):
            source.die(number, f'field name {name}: small letters, digits and single _ wanted')
        if name in RESERVED or name in KEYWORDS:
            source.die(number, f'field name {name} is taken')
        if name in (f[1] for f in events[-1].fields):
            source.die(number, f'field {name} is there twice')
        events[-1].fields.append((kind, name, check_sentence(source, number, m[3])))
    if not events:
        source.die(1, 'no events')
    if len(events) > EVENT_KIND_MAX:
        source.die(events[EVENT_KIND_MAX].number, f'more than {EVENT_KIND_MAX} kinds')
    for e in events:
        if not e.fields:
            source.die(e.number, f'event {e.name} has no fields')
        e.place(source)
    return events


def event_struct(e):
    """The members in the order of their place; every byte has a name."""
    members = [(e.offset[name], TYPES[kind][0], TYPES[kind][2], name, sentence)
               for kind, name, sentence in e.fields]
    out, at, spare = [f'struct event_{e.name.lower()} {{'], 0, 0
    fixed = [(0, 3, 'uint8_t', 'head_bytes[3]', ''), (8, 24, 'uint64_t', 'head_words[3]', '')]
    for start, size, ctype, name, sentence in sorted(members + fixed) + [(EVENT_BYTES, 0, '', '', '')]:
        if start > at:
            out.append(f'    uint8_t zero{spare}[{start - at}];')
            spare += 1
        if size:
            note = f' /* {sentence} */' if sentence else ''
            out.append(f'    {ctype} {name};{note}')
        at = start + size
    return out + ['};']


def parameters(e):
    own = ['struct events *events', 'unsigned pe', 'unsigned el', 'uint64_t insn', 'uint64_t time']
    return wrap(own + [f'{TYPES[kind][3]} {name}' for kind, name, _ in e.fields])


def wrap(items):
    """Joins with commas; a new line after about 80 characters."""
    lines, line = [], ''
    for item in items:
        if line and len(line) + len(item) > 78:
            lines.append(line)
            line = ''
        line += (', ' if line else '') + item
    return ',\n    '.join(lines + [line])


def trace_header(events, path):
    out = [f'/* Generated from {path}; do not edit. */', '#pragma once',
           '#include "sim/base/event.h"', '', 'enum event_kind {']
    out += [f'    EVENT_{e.name}, /* {e.sentence} */' for e in events]
    out += ['    EVENT_KIND_COUNT', '};', '', 'STATE_BEGIN']
    for e in events:
        out += event_struct(e) + ['']
    out += ['/* One cache line. The head is the same for all kinds; unused bytes are 0. */',
            'struct event {', '    union {', '        struct {',
            '            uint8_t kind; /* enum event_kind */',
            '            uint8_t pe;', '            uint8_t el;', '            uint8_t gap[5];',
            "            uint64_t step; /* the machine's */",
            "            uint64_t insn; /* the PE's executed instructions */",
            "            uint64_t time; /* the PE's cycles */",
            '            uint64_t tail[4];', '        };']
    out += [f'        struct event_{e.name.lower()} {e.name.lower()};' for e in events]
    out += ['    };', '};', 'STATE_END', '',
            f'_Static_assert(sizeof(struct event) == {EVENT_BYTES}, "an event has a fixed size");', '',
            '/* The halves of the emitters that run only when somebody listens. */']
    out += [f'void event_send_{e.name}({parameters(e)}) __attribute__((cold));' for e in events]
    for e in events:
        names = wrap(['events', 'pe', 'el', 'insn', 'time'] + [f[1] for f in e.fields])
        out += ['', f'/* {e.sentence} */',
                f'static inline void event_emit_{e.name}({parameters(e)})', '{',
                f'    if (__builtin_expect((events->mask >> EVENT_{e.name}) & 1u, 0))',
                f'        event_send_{e.name}({names});', '}']
    return out


def trace_rows(events, path):
    out = [f'/* Generated from {path}; do not edit. Included once, by event.c. */']
    for e in events:
        out += ['', f'static const struct event_field event_fields_{e.name}[] = {{']
        for kind, name, sentence in e.fields:
            size, form = TYPES[kind][0], TYPES[kind][1]
            out.append(f'    {{"{name}", {c_string(sentence)}, {e.offset[name]}, {size}, '
                       f'EVENT_FORM_{form}}},')
        out += ['};']
    out += ['', 'const struct event_row event_rows[EVENT_KIND_COUNT] = {']
    for e in events:
        out.append(f'    [EVENT_{e.name}] = {{"{e.name}", {c_string(e.sentence)}, '
                   f'event_fields_{e.name}, {len(e.fields)}}},')
    out += ['};']
    for e in events:
        member = e.name.lower()
        out += ['', f'void event_send_{e.name}({parameters(e)})', '{', '    struct event event;',
                f'    event_begin(&event, events, EVENT_{e.name}, pe, el, insn, time);']
        for kind, name, _ in e.fields:
            size, _, ctype, passed = TYPES[kind]
            value = name
            if ctype != passed:
                out.append(f'    ensure({name} <= UINT{8 * size}_MAX);')
                value = f'({ctype}){name}'
            out.append(f'    event.{member}.{name} = {value};')
        out += ['    events_send(events, &event);', '}']
    return out


def parse_choice(source):
    rows, names = [], {}
    for number, line in source.rows:
        m = re.fullmatch(r'choice\s+(\S+)\s+ordinal=(\S+)\s+"([^"]*)"\s*(?:;\s*(.*))?', line)
        if not m:
            source.die(number, f'not `choice NAME ordinal=insn|asked|moment "sentence" [; reference]`: {line}')
        name, ordinal, sentence, reference = m[1], m[2], m[3], (m[4] or '').strip()
        if not re.fullmatch(r'[a-z][a-z0-9]*(-[a-z0-9]+)*', name):
            source.die(number, f'choice name {name}: small letters, digits and single - wanted')
        if name in names:
            source.die(number, f'choice {name} is already at line {names[name]}')
        if ordinal not in ('insn', 'asked', 'moment'):
            source.die(number, f'ordinal={ordinal}: insn or asked or moment wanted')
        if not re.search(r'; 0: .', check_sentence(source, number, sentence)):
            source.die(number, f'the sentence of {name} does not say what answer 0 is ("; 0: ...")')
        names[name] = number
        rows.append((name, ordinal, sentence, reference))
        if len(rows) > CHOICE_KIND_MAX:
            source.die(number, f'more than {CHOICE_KIND_MAX} kinds')
    if not rows:
        source.die(1, 'no kinds of choice')
    return rows


def choice_constant(name):
    return 'CHOICE_' + name.upper().replace('-', '_')


def choice_header(rows, path):
    out = [f'/* Generated from {path}; do not edit. */', '#pragma once', '', 'enum choice_kind {']
    out += [f'    {choice_constant(name)}, /* {sentence} */' for name, _, sentence, _ in rows]
    return out + ['    CHOICE_KIND_COUNT', '};']


def choice_rows(rows, path):
    out = [f'/* Generated from {path}; do not edit. Included once, by choice.c. */',
           'const struct choice_row choice_rows[CHOICE_KIND_COUNT] = {']
    for name, ordinal, sentence, reference in rows:
        out.append(f'    [{choice_constant(name)}] = {{"{name}", {c_string(sentence)}, '
                   f'{c_string(reference)}, CHOICE_ORDINAL_{ordinal.upper()}}},')
    return out + ['};']


def page_text(text):
    return text.replace('|', '\\|').replace('<', '&lt;')


def trace_page(events, path):
    out = ['# Events', '', f'Everything that changes in the machine is told as one of these ({path}). Each '
           'has also `pe`, `el`, `step` (of the machine), `insn` (instructions that the PE has '
           'executed) and `time` (its cycles).']
    for e in events:
        out += ['', f'## {e.name}', '', page_text(e.sentence), '', '| field | type | meaning |', '|---|---|---|']
        out += [f'| {name} | {kind} | {page_text(sentence)} |' for kind, name, sentence in e.fields]
    return out


def choice_page(rows, path):
    counted = {'insn': 'instructions executed by the PE', 'asked': 'times asked', 'moment': 'moments of the machine'}
    out = ['# Choices', '', f'Everything that the architecture, or the world outside, leaves open ({path}).', '',
           '| kind | ordinal | what is open | reference |', '|---|---|---|---|']
    return out + [f'| {name} | {counted[ordinal]} | {page_text(sentence)} | {page_text(reference)} |'
                  for name, ordinal, sentence, reference in rows]


MODES = {'event': (parse_trace, {'.h': trace_header, '.inc': trace_rows, '.md': trace_page}),
         'choice': (parse_choice, {'.h': choice_header, '.inc': choice_rows, '.md': choice_page})}


def main():
    if len(sys.argv) < 3:
        sys.exit(f'usage: {sys.argv[0]} INPUT OUTPUT...')
    path, outputs = sys.argv[1], sys.argv[2:]
    source = Source(path)
    number, first = source.rows[0] if source.rows else (1, 'nothing')
    if first.split()[0] not in MODES:
        source.die(number, f'neither {" nor ".join(MODES)}: {first}')
    parse, makers = MODES[first.split()[0]]
    rows = parse(source)
    for output in outputs:
        ending = os.path.splitext(output)[1]
        if ending not in makers:
            sys.exit(f'{sys.argv[0]}: {output}: no such output; endings: {" ".join(makers)}')
        with open(output, 'w', encoding='utf-8') as f:
            f.write('\n'.join(makers[ending](rows, os.path.basename(path))) + '\n')


if __name__ == '__main__':
    main()
