#!/usr/bin/env python3
"""Every header stands by itself: it compiles alone, with the project's warnings, and has #pragma once."""
import concurrent.futures
import os
import re
import subprocess
import tempfile

from law import BUILD, SOURCE, Tap, part_of, read, tree

WARNINGS = ['-std=gnu11', '-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Wstrict-prototypes',
            '-Wmissing-prototypes', '-Wvla', '-Wswitch-enum', '-Werror']
HOST = [os.environ.get('CC') or 'cc']
LINUX = ['aarch64-linux-gnu-gcc', '-D_GNU_SOURCE']  # as the payload's programs are compiled
GUEST = ['aarch64-linux-gnu-gcc', '-ffreestanding', '-nostdinc', '-mgeneral-regs-only']


def guest_includes():
    """the compiler's own freestanding headers: hyp/ has no libc, so neither may its headers"""
    where = subprocess.run([GUEST[0], '-print-file-name=include'], capture_output=True, text=True, check=True)
    return ['-isystem', where.stdout.strip()]


def problems_of(path, text, compilers):
    """-> what is wrong with one header; path is absolute or from the root"""
    found = [] if re.search(r'^#pragma once$', text, re.MULTILINE) else [f'{path}: no #pragma once']
    for compiler in compilers:
        command = compiler + WARNINGS + ['-fsyntax-only', f'-I{SOURCE}', f'-I{BUILD}', '-include', path,
                                         '-x', 'c', os.devnull]
        result = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, env=dict(os.environ, LC_ALL='C'))
        if result.returncode:
            found += [f'{path}: does not compile alone ({" ".join(compiler[:2])})'] + result.stderr.splitlines()[:8]
    return found


def compilers_for(path, text):
    if part_of(path) == 'hyp':
        return [GUEST + guest_includes()]
    if part_of(path) == 'payload':
        return [LINUX]
    if 'ENGINE_' in text:  # compiled once for each engine
        return [HOST + ['-DENGINE_PRECISE=1'], HOST + ['-DENGINE_FAST=1']]
    return [HOST]


def main():
    tap = Tap()
    paths = tree('.h')
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        texts = [read(path) for path in paths]
        results = pool.map(lambda path, text: problems_of(path, text, compilers_for(path, text)), paths, texts)
        for path, problems in zip(paths, results):
            tap.case(path, problems)
    samples = [('a header that needs another first', '#pragma once\nuint32_t f(void);\n', [HOST]),
               ('a header with a warning', '#pragma once\nstatic inline int f(long x) { return x; }\n', [HOST]),
               ('a header without #pragma once', 'int f(void);\n', [HOST]),
               ('libc in a header of the hypervisor', '#pragma once\n#include <string.h>\n',
                [GUEST + guest_includes()])]
    with tempfile.TemporaryDirectory() as folder:
        for what, text, compilers in samples:
            path = os.path.join(folder, 'sample.h')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            tap.sees(what, problems_of(path, text, compilers))
    tap.end()


main()
