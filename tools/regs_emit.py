"""Writes what regs.py has read: OUT.h, OUT.inc and OUT.md."""
import os

PAGE = 128     # keys per page of the two-level lookup; 65536 keys in all


def u64(value):
    return f'U64(0x{value:016x})'


def ordered(table):
    """Rows in the order of the enum: with an effective copy, stored, not stored."""
    def rank(block):
        if block.effective:
            return 0
        return 1 if block.kind == 'reg' and not (block.special or block.unmodelled) else 2
    rows = sorted(table.registers, key=rank)
    counts = [sum(rank(r) <= n for r in rows) for n in (0, 1)]
    return rows, counts[0], counts[1]


def masks(block):
    out = []
    for field in block.fields:
        if field.name in ('res0', 'res1'):
            continue
        bits = f'{field.high}:{field.low}' if field.high != field.low else f'{field.high}'
        out.append(f'#define {block.name + "_" + field.name:<28} {u64(field.mask())} '
                   f'/* {bits}: {field.what} */')
    return out


def reserved(block):
    return [f'#define {block.name + "_RES0":<28} {u64(block.res0())}',
            f'#define {block.name + "_RES1":<28} {u64(block.res1())}']


def register_constants(table, block):
    out = [f'/* {block.name}: {block.what} */']
    op = [o[0] for o in block.ops]
    if block.kind == 'reg':
        out.append(f'#define {block.name + "_ENC":<28} '
                   f'S{op[0]}_{op[1]}_C{op[2]}_C{op[3]}_{op[4]}')
    if block.kind != 'space':
        out.append(f'#define {block.name + "_KEY":<28} 0x{block.keys()[0]:04x}')
    if block.kind == 'reg' and not block.unmodelled:
        if block.fields_of is None:
            out += masks(block)
        out += reserved(block)
    return out + ['']


def closed_enums(table):
    out = []
    name = table.name
    for kind in ('owner', 'on_read', 'on_write'):
        if table.closed[kind]:
            out.append(f'enum {name}_{kind} {{')
            out += [f'    {name.upper()}_{kind.upper()}_{n.upper()}, /* {what} */'
                    for n, what in table.closed[kind].items()]
            out += [f'    {name.upper()}_{kind.upper()}_COUNT', '};', '']
    if table.closed['feature']:
        out.append(f'enum {name}_feature {{')
        out += [f'    {name.upper()}_FEATURE_{n.upper()} = 1 << {i}, /* {what} */'
                for i, (n, what) in enumerate(table.closed['feature'].items())]
        out += ['};', f'#define {name.upper()}_FEATURE_COUNT {len(table.closed["feature"])}', '']
    return out


def header(table, source):
    upper = table.name.upper()
    out = [f'/* Generated from {os.path.basename(source)}: {table.what}. Do not edit. */',
           '#pragma once', '#ifdef __ASSEMBLER__', '#ifndef U64', '#define U64(x) x', '#endif',
           '#else', '#include <stdint.h>', '#ifndef U64', '#define U64(x) UINT64_C(x)', '#endif',
           '#endif', '']
    for word in table.words.values():
        out += [f'/* {word.name}: {word.what} */'] + masks(word) + reserved(word) + ['']
    rows, effective, stored = ordered(table)
    for block in rows:
        out += register_constants(table, block)
    for name, size, what in table.frames:
        out += [f'/* {name}: {what} */', f'#define {name + "_SIZE":<28} 0x{size:x}', '']
    for block in table.mmio:
        out += [f'/* {block.name}: {block.what} */',
                f'#define {block.name + "_OFFSET":<28} 0x{block.offset:x}']
        out += (masks(block) if block.fields_of is None else []) + reserved(block) + ['']
    for enum in table.enums.values():
        out += ['#ifdef __ASSEMBLER__']
        out += [f'#define {enum.prefix + n} 0x{v:x}' for v, n, _, _ in enum.values]
        out += ['#else', f'enum {enum.name} {{ /* {enum.what} */']
        out += [f'    {enum.prefix + n} = 0x{v:x}, /* {w} */' for v, n, _, w in enum.values]
        out += ['};', '#endif', '']
    body = closed_enums(table)
    if rows:
        body += [f'enum {table.name} {{'] + [f'    {table.prefix}{r.name},' for r in rows]
        body += [f'    {upper}_COUNT', '};',
                 f'#define {upper}_EFFECTIVE_COUNT {effective} /* these have an effective copy */',
                 f'#define {upper}_STORED_COUNT {stored} /* these have a place in the file */', '']
        body += [f'enum {table.name}_trap {{', '    TRAP_NONE,']
        body += [f'    TRAP_{t},' for t in table.traps] + [f'    {upper}_TRAP_COUNT', '};', '']
    if table.mmio:
        body += [f'enum {table.name} {{'] + [f'    {table.prefix}{r.name},' for r in table.mmio]
        body += [f'    {upper}_COUNT', '};', '']
    if body:
        out += ['#ifndef __ASSEMBLER__'] + body + ['#endif']
    return out


class Fields:
    """Emits every list of fields once and answers its name."""

    def __init__(self, table):
        self.table, self.lists, self.out = table, {}, []

    def name_of(self, block):
        if id(block.fields) not in self.lists:
            list_name = f'{self.table.name}_fields_{block.fields_of or block.name}'
            self.lists[id(block.fields)] = list_name
            self.out.append(f'static const struct reg_field {list_name}[] = {{')
            for f in block.fields:
                kind = {'res0': 'REG_FIELD_RES0', 'res1': 'REG_FIELD_RES1'}.get(f.name)
                if kind is None and f.fixed is not None:
                    kind = f'REG_FIELD_FIXED{f.fixed}'
                kind = kind or ('REG_FIELD_RO' if f.ro else 'REG_FIELD_RW')
                name = f.name.upper() if kind.startswith('REG_FIELD_RES') else f.name
                what = f.what or 'reserved'
                self.out.append(f'    {{ .name = "{name}", .what = "{what}", .high = {f.high}, '
                                f'.low = {f.low}, .kind = {kind}, '
                                f'.needs = {feature(self.table, f.needs)}, '
                                f'.upper_needs = {feature(self.table, f.upper)}, '
                                f'.else_one = {str(f.else1).lower()} }},')
            self.out += ['};', '']
        return self.lists[id(block.fields)]

    def refer(self, block):
        if not block.fields:
            return '.fields = NULL, .field_count = 0'
        return f'.fields = {self.name_of(block)}, .field_count = {len(block.fields)}'


def feature(table, name):
    return f'{table.name.upper()}_FEATURE_{name.upper()}' if name else '0'


def register_row(table, block, fields):
    upper = table.name.upper()
    access = sum(1 << (2 * el + 'rw'.index(c)) for el in range(3) for c in block.access[el])
    reset, value = 'REG_RESET_VALUE', u64(block.reset_value)
    if block.reset in ('unknown', 'id'):
        reset = 'REG_RESET_' + block.reset.upper()
    elif block.reset[0].isalpha():
        reset, value = 'REG_RESET_COPY', table.prefix + block.reset
    absent = [f'{{ {feature(table, f)}, {u64(block.absent(f))}, {u64(block.absent_ones(f))} }}'
              for f in table.closed['feature'] if block.absent(f) or block.absent_ones(f)]
    traps = ', '.join('TRAP_' + t for t in block.traps) or 'TRAP_NONE'
    bools = ', '.join(f'.is_{n} = {str(getattr(block, n)).lower()}'
                      for n in ('effective', 'soon', 'unmodelled', 'special'))
    return [f'    [{table.prefix}{block.name}] = {{',
            f'        .name = "{block.name}", .what = "{block.what}",',
            f'        .key = 0x{table.own_keys(block)[0]:04x}, .kind = {upper}_KIND_{block.kind.upper()}, '
            f'.access = 0x{access:02x}, .owner = {upper}_OWNER_{block.owner.upper()},',
            f'        .on_read = {upper}_ON_READ_{(block.on_read or "none").upper()}, '
            f'.on_write = {upper}_ON_WRITE_{(block.on_write or "none").upper()}, '
            f'.needs = {feature(table, block.needs)},',
            f'        .reset_kind = {reset}, .reset = {value}, {bools},',
            f'        .zeros = {u64(block.zeros())}, .ones = {u64(block.ones())}, '
            f'.read_only = {u64(block.mask(lambda f: f.ro))},',
            f'        .absent = {{ {", ".join(absent) or "{ 0, 0, 0 }"} }}, '
            f'.absent_count = {len(absent)},',
            f'        .trap = {{ {traps} }}, .trap_count = {len(block.traps)},',
            f'        {fields.refer(block)},', '    },']


def trap_rows(table):
    upper = table.name.upper()
    out = [f'static const struct {table.name}_trap_row {table.name}_trap_rows[{upper}_TRAP_COUNT]'
           ' = {', '    [TRAP_NONE] = { .name = "none", .what = "no trap" },']
    for t in table.traps.values():
        els = sum(1 << el for el in t.els)
        dirs = sum(1 << 'rw'.index(c) for c in t.dir)
        where = f'.reg = {upper}_COUNT, .function = "{t.function}"' if t.function else \
            f'.reg = {table.prefix}{t.reg}, .mask = {t.reg}_{t.field}, .value = {t.value}'
        out.append(f'    [TRAP_{t.name}] = {{ .name = "{t.name}", .what = "{t.what}", '
                   f'.to = {upper}_TO_{t.to.upper()}, .els = {els}, .dirs = {dirs}, '
                   f'.ec = 0x{t.ec:02x}, {where} }},')
    return out + ['};', '']


def trap_function(table):
    """One switch: does this rule's condition hold?  Generated, so that each is one test."""
    name = table.name
    out = [f'static bool {name}_trap_holds(enum {name}_trap trap, '
           f'const struct {name}_query *query,', '    const uint64_t *effective)', '{',
           '    switch (trap) {', '    case TRAP_NONE:', '        return false;']
    for t in table.traps.values():
        out.append(f'    case TRAP_{t.name}:')
        if t.function:
            out.append(f'        return {name}_when_{t.function}(query, effective);')
        else:
            field = next(f for f in table.names[t.reg].fields if f.name == t.field)
            out.append(f'        return (effective[{table.prefix}{t.reg}] & {t.reg}_{t.field}) == '
                       f'{u64(t.value << field.low)};')
    return out + [f'    case {name.upper()}_TRAP_COUNT:', '        break;', '    }',
                  '    return false;', '}', '']


def lookup(table):
    """Key -> row: a page number for the high bits, then a row for the low ones; one table of
    each, and equal pages are kept once."""
    names = {id(b): f'{table.prefix}{b.name}' for b in table.registers}
    none = f'{table.name.upper()}_COUNT'
    pages, index = [], []
    for start in range(0, 1 << 16, PAGE):
        page = tuple(names[id(table.slots[k])] if k in table.slots else none
                     for k in range(start, start + PAGE))
        if page not in pages:
            pages.append(page)
        index.append(pages.index(page))
    out = [f'static const uint8_t {table.name}_page[{len(index)}] = {{']
    out += ['    ' + ', '.join(map(str, index[i:i + 16])) + ',' for i in range(0, len(index), 16)]
    out += ['};', f'static const uint16_t {table.name}_slot[{len(pages)}][{PAGE}] = {{']
    for page in pages:
        out.append('    {')
        out += ['        ' + ', '.join(page[i:i + 4]) + ',' for i in range(0, PAGE, 4)]
        out.append('    },')
    out += ['};', f'#define {table.name.upper()}_PAGE_KEYS {PAGE}', '']
    return out


def rows(table, source):
    fields = Fields(table)
    out = []
    blocks, _, _ = ordered(table)
    if table.words:
        body = [f'    {{ .name = "{w.name}", .what = "{w.what}", .bits = {w.bits}, '
                f'{fields.refer(w)} }},' for w in table.words.values()]
        out += [f'static const struct word_row {table.name}_words[] = {{'] + body + ['};', '']
    if blocks:
        out += [f'static const struct {table.name}_row {table.name}_rows'
                f'[{table.name.upper()}_COUNT] = {{']
        for block in blocks:
            out += register_row(table, block, fields)
        out += ['};', ''] + trap_rows(table) + trap_function(table) + lookup(table)
    if table.mmio:
        out += [f'static const struct mmio_row {table.name}_rows[{table.name.upper()}_COUNT] = {{']
        out += [f'    [{table.prefix}{b.name}] = {{ .name = "{b.name}", .what = "{b.what}", '
                f'.frame = "{b.frame}",\n        .offset = 0x{b.offset:x}, .count = {b.count}, '
                f'.readable = {str("r" in b.access).lower()}, '
                f'.writable = {str("w" in b.access).lower()}, '
                f'.bytes = {str(b.bytes).lower()}, .banked = {b.banked}, '
                f'.per_int = {b.per_int},\n        .reset = 0x{b.reset_value:08x}, '
                f'.zeros = 0x{b.zeros():08x}, .ones = 0x{b.ones():08x}, '
                f'{fields.refer(b)} }},' for b in table.mmio]
        out += ['};', '']
    for enum in table.enums.values():
        out += [f'static const struct value_row {enum.name}_rows[] = {{']
        out += [f'    {{ .value = 0x{v:x}, .name = "{n}", .what = "{w}", '
                f'.word = {quoted(f)} }},' for v, n, f, w in enum.values]
        out += ['};', '']
    if table.models:
        out += models(table)
    return [f'/* Generated from {os.path.basename(source)}: {table.what}. Do not edit. */', ''] + \
        fields.out + out


def quoted(name):
    return f'"{name}"' if name else 'NULL'


def models(table):
    home = table.used or table
    out = []
    for i, model in enumerate(table.models):
        out.append(f'static const struct {home.name}_value {table.name}_values_{i}[] = {{')
        for name, (value, _) in model.ids.items():
            base, _, rest = name.partition('[')
            out.append(f'    {{ .reg = {home.prefix}{base}, .index = {rest.rstrip("]") or 0}, '
                       f'.value = {u64(value)} }},')
        out += ['};', '']
    out.append(f'static const struct cpu_model {table.name}_rows[] = {{')
    for i, model in enumerate(table.models):
        features = ' | '.join(feature(home, f) for f in model.features) or '0'
        out.append(f'    {{ .name = "{model.name}", .what = "{model.what}", .features = {features}, '
                   f'.values = {table.name}_values_{i}, .value_count = {len(model.ids)} }},')
    return out + ['};', '']


def field_table(block):
    out = ['| bits | field | meaning |', '|---|---|---|']
    for f in block.fields:
        bits = f'{f.high}:{f.low}' if f.high != f.low else f'{f.high}'
        note = f' (needs {f.needs}{", else RES1" if f.else1 else ""})' if f.needs else ''
        note += f' (always {f.fixed})' if f.fixed is not None else ''
        note += ' (read-only)' if f.ro else ''
        out.append(f'| {bits} | {f.name.upper() if f.name in ("res0", "res1") else f.name} '
                   f'| {f.what}{note} |')
    return out + ['']


def manual(table):
    out = [f'# {table.what}', '']
    for word in table.words.values():
        out += [f'## {word.name}', '', f'{word.what}.', ''] + field_table(word)
    for block in ordered(table)[0]:
        out += [f'## {block.name}', '', f'{block.what}.', '']
        ops = ' '.join(f'{o[0]}' if len(o) == 1 else f'{o[0]}..{o[-1]}' for o in block.ops)
        reach = ', '.join(f'EL{i}: {a}' for i, a in enumerate(block.access) if a) or 'nobody'
        facts = [f'encoding {ops}', f'access {reach}', f'owner {block.owner}']
        facts += [f'reset {block.reset}'] if block.kind == 'reg' else []
        facts += [f'traps {", ".join(block.traps)}'] if block.traps else []
        facts += ['has an effective copy'] if block.effective else []
        facts += ['which follows at once unless by choice'] if block.soon else []
        facts += ['not modelled: stops the run'] if block.unmodelled else []
        facts += [f'needs {block.needs}'] if block.needs else []
        out += ['; '.join(facts) + '.', '']
        if block.fields and block.fields_of:
            out += [f'Fields: see {block.fields_of}.', '']
        elif block.fields:
            out += field_table(block)
    if table.traps:
        out += ['## Traps', '', '| rule | to | EL | direction | when | EC | meaning |',
                '|---|---|---|---|---|---|---|']
        out += [f'| {t.name} | {t.to} | {", ".join(map(str, t.els))} | {t.dir} | {t.when} '
                f'| 0x{t.ec:02x} | {t.what} |' for t in table.traps.values()] + ['']
    for block in table.mmio:
        size = f'[{block.count}]' if block.count > 1 else ''
        out += [f'## {block.name}{size}', '', f'{block.what}.', '',
                f'{block.frame} + 0x{block.offset:03x}, {block.access}, reset '
                f'0x{block.reset_value:08x}.', '']
        out += field_table(block) if block.fields and not block.fields_of else []
    for enum in table.enums.values():
        out += [f'## {enum.name}', '', f'{enum.what}.', '', '| value | name | meaning |',
                '|---|---|---|']
        out += [f'| 0x{v:02x} | {n} | {w} |' for v, n, _, w in enum.values] + ['']
    for model in table.models:
        out += [f'## {model.name}', '', f'{model.what}.', '', '| register | value |', '|---|---|']
        out += [f'| {n} | 0x{v:016x} |' for n, (v, _) in model.ids.items()] + ['']
    return out


WRITERS = {'.h': header, '.inc': rows, '.md': lambda table, source: manual(table)}


def write(table, source, name, ending):
    with open(name, 'w', encoding='utf-8') as out:
        out.write('\n'.join(WRITERS[ending](table, source)) + '\n')
