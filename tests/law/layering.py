#!/usr/bin/env python3
"""Who may include whom. The folder listing is the diagram of the parts; this keeps it true.

sim/base is the floor and sim/ the roof; mmu, gic and cpu stand between and know the floor only, but that cpu
sees the one public header of mmu; gic and cpu never meet. hyp/ is guest software: register headers and itself.
Every project include is written from the root.
"""
import os
import re

from law import BUILD, CODE, SOURCE, Tap, line_of, part_of, read, tree

FACTS = ['gen/sysreg.', 'gen/vmsa.', 'gen/gicv2.', 'gen/esr.', 'gen/pl011.']
FLOOR = ['sim/base/', 'gen/trace.', 'gen/choice.']
C = {'stdint.h', 'stddef.h', 'stdbool.h', 'stdarg.h', 'limits.h'}
LIBC = C | {'string.h', 'inttypes.h', 'stdio.h', 'stdlib.h', 'errno.h', 'ctype.h'}

# part: (prefixes of project headers, system headers; None: any)
ALLOWED = {
    'sim/base': (FLOOR, LIBC | {
        'endian.h',
        'fcntl.h', 'unistd.h', 'sys/stat.h', 'sys/types.h',  # files of images
        'elf.h', 'libelf.h', 'gelf.h', 'dwarf.h', 'elfutils/libdw.h', 'elfutils/libdwfl.h'}),
    'mmu': (FLOOR + ['mmu/', 'gen/vmsa.', 'gen/sysreg.', 'gen/esr.'], C | {'string.h', 'stdlib.h'}),
    'mem': (FLOOR + ['mem/'], C | {'string.h'}),
    'gic': (FLOOR + ['gic/', 'gen/gicv2.'], C | {'string.h'}),
    'cpu': (FLOOR + ['cpu/', 'mmu/mmu.h', 'gen/a64.', 'gen/sysreg.', 'gen/esr.', 'gen/vmsa.', 'gen/models.',
                     'gen/timing.', 'gen/operands.'], C | {'string.h', 'stdlib.h', 'stdio.h', 'inttypes.h'}),
    'sim': (['sim/', 'cpu/', 'mmu/', 'gic/', 'mem/', 'gen/'], None),
    'ui': (['ui/', 'sim/', 'cpu/', 'mmu/', 'gic/', 'mem/', 'gen/'], None),
    'hyp': (FACTS + ['hyp/'], C),
    'payload': (['payload/'], None),  # programs for Linux, and guests of theirs
    'tests': (['tests/', 'sim/', 'cpu/', 'mmu/', 'gic/', 'mem/', 'gen/'], None),
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.MULTILINE)


def problems_of(path, text, exists):
    """-> what is wrong with the includes of one file"""
    part = part_of(path)
    if part not in ALLOWED:
        return [f'{path}: no part of the table in tests/law/layering.py']
    project, system = ALLOWED[part]
    found = []
    for match in INCLUDE.finditer(text):
        where, name = f'{path}:{line_of(text, match.start())}', match[2]
        if match[1] == '<':
            if system is not None and name not in system:
                found.append(f'{where}: {part} may not include <{name}>')
        elif not exists(name):
            found.append(f'{where}: "{name}" is no path from the root, or no file')
        elif not name.startswith(tuple(project)):
            found.append(f'{where}: {part} may not include {name}')
    return found


def exists(name):
    return os.path.isfile(os.path.join(BUILD if name.startswith('gen/') else SOURCE, name))


def main():
    tap = Tap()
    paths = tree(CODE)
    for part in sorted({part_of(path) for path in paths} | set(ALLOWED)):
        tap.case(f'includes of {part}', [p for path in paths if part_of(path) == part
                                         for p in problems_of(path, read(path), exists)])
    for path, line in [
            ('sim/base/clock.c', '#include "mmu/mmu.h"'), ('sim/base/clock.c', '#include "sim/machine.h"'),
            ('sim/base/event.c', '#include "gen/sysreg.h"'), ('mmu/walk.c', '#include "cpu/cpu.h"'),
            ('mem/cache.c', '#include "mmu/mmu.h"'), ('mem/cache.c', '#include "sim/machine.h"'),
            ('gic/gic.c', '#include "cpu/cpu.h"'), ('cpu/core.c', '#include "gic/gic.h"'),
            ('cpu/core.c', '#include "mmu/tlb.h"'), ('cpu/core.c', '#include "sim/machine.h"'),
            ('cpu/core.c', '#include <time.h>'), ('hyp/host/main.c', '#include "sim/base/base.h"'),
            ('hyp/host/main.c', '#include "gen/choice.h"'), ('hyp/host/main.c', '  #  include <string.h>'),
            ('attic/old.c', '')]:
        tap.sees(f'{line or "a folder of its own"} in {path}', problems_of(path, line, lambda name: True))
    tap.sees('an include that is not written from the root',
             problems_of('mmu/walk.c', '#include "mmu.h"', exists))
    tap.accepts('mmu/mmu.h in cpu', problems_of('cpu/core.c', '#include "mmu/mmu.h"', lambda name: True))
    tap.end()


main()
