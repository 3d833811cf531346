#!/usr/bin/env python3
"""cpu/timing.def -> rows of `struct timing` for cpu/timing.c.  Usage: timing.py IN OUT.inc OUT.md

Instruction classes are checked by the C compiler, which knows enum a64_class; that every table has every item
is checked here.
"""
import re
import sys

EVENTS = ['EXCEPTION', 'WALK_STEP', 'TLB_MISS', 'TLB_SECOND', 'TLBI_BROADCAST', 'CYCLES_PER_TICK']
EVENTS += ['LEVEL2', 'MEMORY']  # where an access was served, with caches on
FRAMES = ['GICD', 'GICC', 'GICH', 'GICV', 'UART', 'DEVICE']  # each with _READ and _WRITE: enum timing_frame
ACCESSES = [f'{frame}_{way}' for frame in FRAMES for way in ('READ', 'WRITE')]


def read(path):
    tables, items = [], None
    for number, raw in enumerate(open(path, encoding='utf-8'), 1):
        line = raw.split('#')[0].rstrip()
        if not line:
            continue
        head = re.fullmatch(r'timing (\S+)\s+"(.*)"', line)
        item = re.fullmatch(r'\s+([A-Z0-9_]+) (\d+)', line)
        if head:
            if any(head[1] == t[0] for t in tables):
                sys.exit(f'{path}:{number}: {head[1]} has two tables')
            items = {}
            tables.append((head[1], head[2], items, number))
        elif item and items is not None:
            if item[1] in items:
                sys.exit(f'{path}:{number}: {item[1]} stands twice')
            items[item[1]] = int(item[2])
        else:
            sys.exit(f'{path}:{number}: neither a table nor an item: {line.strip()}')
    if not tables:
        sys.exit(f'{path}:1: no table')
    for name, _, items, number in tables:
        missing = (set(tables[0][2]) | set(EVENTS) | set(ACCESSES)) ^ set(items)
        if missing:
            sys.exit(f'{path}:{number}: {name}: not in every table: {", ".join(sorted(missing))}')
        if items['CYCLES_PER_TICK'] == 0:
            sys.exit(f'{path}:{number}: {name}: CYCLES_PER_TICK is 0')
    return tables


def main():
    source, inc, page = sys.argv[1:]
    tables = read(source)
    with open(inc, 'w', encoding='utf-8') as out:
        out.write('/* generated from timing.def */\n')
        for name, _, items, _ in tables:
            classes = ', '.join(f'[A64_CLASS_{k.removesuffix("_CLASS")}] = {v}'
                                for k, v in items.items() if k not in EVENTS + ACCESSES)
            events = ', '.join(f'.{k.lower()} = {items[k]}' for k in EVENTS)
            frames = ', '.join(f'[TIMING_{k}] = {{{items[k + "_READ"]}, {items[k + "_WRITE"]}}}' for k in FRAMES)
            out.write(f'{{"{name}", {{.instruction = {{{classes}}}, {events}, .device = {{{frames}}}}}}},\n')
    with open(page, 'w', encoding='utf-8') as out:
        out.write('# Timing tables\n')
        for name, what, items, _ in tables:
            out.write(f'\n## {name}\n\n{what}\n\n| item | cycles |\n|---|---|\n')
            out.writelines(f'| {k} | {v} |\n' for k, v in items.items())


main()
