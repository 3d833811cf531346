#!/usr/bin/env python3
"""Threaded code is threaded: the hot forms of the fast engine end in jumps, none calls the next one.

A call in the place of a jump would work in every short test, and run out of stack in a long run. Read off the object
code of x86-64 and AArch64; where the build says that forms return to a loop (sanitizers, little optimization), there
is nothing to see.
"""
import os
import re
import subprocess

from law import BUILD, Tap

LIBRARY = os.path.join(BUILD, 'cpu', 'libcpu_fast.a')
# An indirect jump, and an indirect call; not those to a place that is linked.
JUMP = re.compile(r'\t(?:jmp\s+\*|br\s+x\d)')
CALL = re.compile(r'\t(?:call\w*\s+\*|blr\s+x\d)')
# These call the handler of a row, or who decodes it, which returns; what comes after it is a jump.
CALLERS = {'hot_slow': 1, 'hot_cut': 1, 'hot_generic': 1, 'hot_generic_sp': 1, 'hot_system': 1, 'hot_system_slow': 1,
           'hot_asking': 1, 'hot_asking_sp': 1, 'hot_asking_system': 1, 'hot_exception': 1, 'hot_compute': 1,
           'hot_run': 2, 'hot_decode': 3, 'hot_undecoded': 3}
FORMS_MIN = 300


def functions(text):
    """-> {name: lines} of the hot functions of a disassembly"""
    found, name = {}, None
    for line in text.splitlines():
        start = re.match(r'[0-9a-f]+ <(\w+)>:', line)
        if start:
            name = start[1]
        elif name and name.startswith('hot_'):
            found.setdefault(name, []).append(line)
    return found


def problems_of(text):
    found = []
    for name, lines in functions(text).items():
        calls = sum(bool(CALL.search(line)) for line in lines)
        if calls > CALLERS.get(name, 0):
            found.append(f'{name}: {calls} indirect calls, where {CALLERS.get(name, 0)} are known')
    return found


def main():
    tap = Tap()
    text = subprocess.run(['objdump', '-d', '--no-show-raw-insn', LIBRARY], capture_output=True, text=True,
                          check=True, env=dict(os.environ, LC_ALL='C')).stdout
    with open(os.path.join(BUILD, 'build.ninja'), encoding='utf-8') as file:
        is_threaded = '-DHOT_THREADED=1' in file.read()
    forms = [name for name, lines in functions(text).items() if any(JUMP.search(line) for line in lines)]
    if is_threaded:
        tap.case('forms that jump', [] if len(forms) >= FORMS_MIN else [f'{len(forms)}, fewer than {FORMS_MIN}'])
        tap.case('forms that call', problems_of(text))
    else:
        tap.case('forms return to a loop in this build', [])
    tap.sees('a form that calls the next one', problems_of('0000 <hot_add>:\n   0:\tcall   *0x20(%rsi)\n'))
    tap.accepts('a form that jumps', problems_of('0000 <hot_add>:\n   0:\tjmp    *0x20(%rsi)\n'))
    tap.end()


main()
