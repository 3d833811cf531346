#!/usr/bin/env python3
"""No hidden state: the libraries of the model have no writable variable of their own, only constants.

State is bytes of the machine. A file-scope or function-scope static that changes would outlive a snapshot, so two runs
of one recording could differ. Read off the object code: symbols in .data, .bss and their like.
"""
import os
import re
import subprocess
import tempfile

from law import BUILD, Tap

LIBRARIES = ['sim/base/libbase.a', 'mmu/libmmu.a', 'mem/libmem.a', 'gic/libgic.a', 'cpu/libcpu_common.a',
             'cpu/libcpu_precise.a', 'cpu/libcpu_fast.a', 'sim/libsim.a']
SYMBOL = re.compile(r'^[0-9a-f]+ (.{7}) (\S+)\t([0-9a-f]+)\s+(\S+)$')
WRITABLE = re.compile(r'\.(data|bss|tdata|tbss)(?!\.rel\.ro)|\*COM\*')

# library, symbol: reason
EXCEPTIONS = {
    ('sim/libsim.a', 'interrupted'): 'set by the signal handler; looked at between steps, and ends the run',
    ('sim/base/libbase.a', 'bug_hook'): 'what bug() dumps before it aborts; nothing runs after it',
    ('sim/base/libbase.a', 'sysreg_names'): 'set once at start; appears only in the text form of events',
    ('sim/base/libbase.a', 'op_names'): 'set once at start; appears only in the text form of events',
}


def writable(path):
    """-> the names of all writable variables of an object file or library"""
    result = subprocess.run(['objdump', '-t', path], capture_output=True, text=True, check=True,
                            env=dict(os.environ, LC_ALL='C'))
    names = []
    for line in result.stdout.splitlines():
        match = SYMBOL.match(line)
        if match and match[4].startswith('__odr_asan.'):
            continue  # the address sanitizer's own
        if match and 'd' not in match[1] and WRITABLE.match(match[2]) and int(match[3], 16):
            names.append(match[4])
    return names


def main():
    tap = Tap()
    used = set()
    for library in LIBRARIES:
        path = os.path.join(BUILD, library)
        if os.path.exists(path):
            found = [(library, name) for name in writable(path)]
            used.update(found)
            tap.case(library, [f'{library}: {name} is a variable: it belongs into the state, or is const'
                               for _, name in found if (library, name) not in EXCEPTIONS])
        else:
            tap.case(library, [f'{path} is not there'])
    tap.case('exceptions are used', [f'{library}: {name}: excepted and not there'
                                     for library, name in set(EXCEPTIONS) - used])
    with tempfile.TemporaryDirectory() as folder:
        for what, text in [('a static in a function', 'int f(void) { static int n; return ++n; }'),
                           ('a variable of a file', 'static int n = 1; int *f(void) { return &n; }'),
                           ('a global', 'long counter;'), ('a variable of each thread', '__thread int n;')]:
            tap.sees(what, sample(folder, text))
        for what, text in [('a constant table', 'const int table[] = {1, 2};'),
                           ('a constant table of texts', 'const char *const table[] = {"a", "b"};')]:
            tap.accepts(what, sample(folder, text))
    tap.end()


def sample(folder, text):
    source, made = os.path.join(folder, 'sample.c'), os.path.join(folder, 'sample.o')
    with open(source, 'w', encoding='utf-8') as file:
        file.write(text + '\n')
    compiler = os.environ.get('CC') or 'cc'
    subprocess.run([compiler, '-O2', '-fPIC', '-c', source, '-o', made], check=True)
    return writable(made)


main()
