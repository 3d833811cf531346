#!/usr/bin/env python3
"""Laws that can be read off the text: determinism (what model code may not call), sizes, openings, switches, hygiene.

Each rule is a function of (path, text) to a list of problems, and has samples that it must object to. Exceptions are
rows with a reason; one that no longer excepts anything is a failure too.
"""
import os
import re

from law import BUILD, CODE, MODEL, Tap, blank, line_of, part_of, read, tree

FILE_LINES, FUNCTION_LINES, COLUMNS, SCRIPT_COLUMNS = 600, 60, 100, 120
EVERYWHERE = ('sim/base', 'mmu', 'mem', 'gic', 'cpu', 'sim')
PARTS = ('mmu', 'mem', 'gic', 'cpu')

# word (a call when it ends in a parenthesis), where it is banned, what to write instead
BANNED = [
    ('rand(', EVERYWHERE, 'choose(): all freedom is a recorded choice'),
    ('srand(', EVERYWHERE, 'a seed of the configuration, and choose()'),
    ('random(', EVERYWHERE, 'choose(): all freedom is a recorded choice'),
    ('drand48(', EVERYWHERE, 'choose(): all freedom is a recorded choice'),
    ('getrandom(', EVERYWHERE, 'choose(): all freedom is a recorded choice'),
    ('time(', EVERYWHERE, 'the PE\'s cycles or the system counter (sim/base/clock.h)'),
    ('clock(', EVERYWHERE, 'the PE\'s cycles or the system counter (sim/base/clock.h)'),
    ('clock_gettime(', EVERYWHERE, 'the PE\'s cycles or the system counter (sim/base/clock.h)'),
    ('gettimeofday(', EVERYWHERE, 'the PE\'s cycles or the system counter (sim/base/clock.h)'),
    ('localtime(', EVERYWHERE, 'the system counter: a run knows no date'),
    ('getenv(', EVERYWHERE, 'an option or a scenario key: a run is images, configuration and choices'),
    ('getpid(', EVERYWHERE, 'a number of the configuration'),
    ('pthread_create(', EVERYWHERE, 'processes: nothing mutable is shared'),
    ('thrd_create(', EVERYWHERE, 'processes: nothing mutable is shared'),
    ('_Thread_local', EVERYWHERE, 'state in the machine'),
    ('__thread', EVERYWHERE, 'state in the machine'),
    ('qsort(', EVERYWHERE, 'a sort whose order of equals is written down (qsort leaves it open)'),
    ('setjmp(', EVERYWHERE, 'a result that says what happened, returned'),
    ('longjmp(', EVERYWHERE, 'a result that says what happened, returned'),
    ('__DATE__', EVERYWHERE, 'nothing: a build is the same at any time'),
    ('__TIME__', EVERYWHERE, 'nothing: a build is the same at any time'),
    ('assert(', EVERYWHERE + ('hyp',), 'ensure(): it stays on in every build'),
    ('sprintf(', EVERYWHERE + ('hyp',), 'snprintf()'),
    ('strcpy(', EVERYWHERE + ('hyp',), 'snprintf(), or memcpy() of a checked length'),
    ('strcat(', EVERYWHERE + ('hyp',), 'snprintf()'),
    ('strtok(', EVERYWHERE, 'a scan that keeps no hidden state'),
    ('atoi(', EVERYWHERE, 'a strict parser that refuses what is left over'),
    ('atol(', EVERYWHERE, 'a strict parser that refuses what is left over'),
    ('alloca(', EVERYWHERE + ('hyp',), 'an array of a fixed size'),
    ('malloc(', PARTS, 'state of a fixed size in the part\'s struct; the caller allocates'),
    ('calloc(', PARTS, 'state of a fixed size in the part\'s struct; the caller allocates'),
    ('realloc(', PARTS, 'state of a fixed size in the part\'s struct; the caller allocates'),
    ('free(', PARTS, 'state of a fixed size in the part\'s struct; the caller allocates'),
    ('abort(', PARTS + ('sim',), 'bug(): it says what was wrong first'),
    ('exit(', EVERYWHERE + ('tests',), 'a returned status (Criterion takes a quiet exit for a pass)'),
    ('_exit(', EVERYWHERE + ('tests',), 'a returned status (Criterion takes a quiet exit for a pass)'),
    ('fprintf(', PARTS, 'an event, or a line of text in struct error'),
    ('printf(', PARTS, 'an event, or a line of text in struct error'),
    ('fopen(', PARTS, 'bytes that the roof has read'),
]

# path, word: reason
BANNED_EXCEPTIONS = {
    ('sim/base/file_out.c', 'getpid('): 'names a file that is renamed at once; no run sees it',
    ('sim/base/image_lines.c', 'qsort('): 'the comparison ends in the order of reading: no equals',
    ('sim/symbols.c', 'qsort('): 'the comparison looks at every member: equals are equal',
    ('sim/profile_print.c', 'qsort('): 'equals are alike in all that is printed',
    ('sim/base/image_symbols.c', 'qsort('): 'the comparison looks at every member: equals are equal',
    ('mmu/tlb_index.c', 'calloc('): 'derived data outside the state, thrown away by a restore',
    ('mmu/tlb_index.c', 'free('): 'derived data outside the state, thrown away by a restore',
    ('cpu/code.c', 'calloc('): 'derived data outside the state, thrown away by a restore',
    ('cpu/code.c', 'malloc('): 'derived data outside the state, thrown away by a restore',
    ('cpu/code.c', 'free('): 'derived data outside the state, thrown away by a restore',
    ('cpu/core.c', 'free('): 'derived data outside the state, thrown away by a restore',
    ('sim/explore_jobs.c', '_exit('): 'the end of a process of its own, made by fork()',
    ('sim/progress.c', 'clock_gettime('): 'how long the host took, shown to people only',
}

# path, enum constant of one of its labels: reason why that switch over an enum has a default
DEFAULT_EXCEPTIONS = {
    ('hyp/host/exit.c', 'ESR_EC_WFX'): 'the exception class is a field of a register, not an enum',
    ('sim/command_bench.c', 'BENCH_PAYLOADS'): 'getopt_long() answers an int, and "?" for what it refuses',
    ('sim/command_explore.c', 'EXPLORE_VARIANT'): 'getopt_long() answers an int, and "?" for what it refuses',
    ('sim/command_replay.c', 'REPLAY_TO'): 'getopt_long() answers an int, and "?" for what it refuses',
    ('sim/command_run.c', 'RUN_CHECK'): 'getopt_long() answers an int, and "?" for what it refuses',
    ('sim/story.c', 'EVENT_HOLD'): 'the mask of the sink lets only the named kinds through',
    ('sim/story_print.c', 'EVENT_MEM'): 'the mask of the sink lets only the named kinds through',
    ('sim/story_print.c', 'EVENT_HOLD'): 'the mask of the sink lets only the named kinds through',
    ('sim/semihosting.c', 'SYS_OPEN'): 'the operation is a number that the guest wrote',
}

# Pieced together so that this file keeps its own law.
PATHS = re.compile(r'(?<![\w.$}~-])/(?:' + '|'.join(['work', 'farm', 'root', 'home', 'Users']) + r')/')
BESIDE = re.compile(r'(?<![\w-])sha' + r'red/')
UPWARDS = re.compile(r'(?<![\w./])((?:\.\./)+)')
UNDONE = re.compile(r'\b(' + '|'.join(['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK']) + r')\b')


def banned(path, text):
    part, found = part_of(path), []
    code = blank(text)
    for word, parts, instead in BANNED:
        if part in parts:
            pattern = r'(?<![\w.>])' + re.escape(word.rstrip('(')) + (r'\s*\(' if word[-1] == '(' else r'\b')
            found += [(word, f'{path}:{line_of(code, m.start())}: {word.rstrip("(")}: use {instead}')
                      for m in re.finditer(pattern, code)]
    if part in EVERYWHERE:
        for match in re.finditer(r'"(?:\\.|[^"\\\n])*%[-0-9.]*p(?:\\.|[^"\\\n])*"', text):
            found.append(('%p', f'{path}:{line_of(text, match.start())}: %p: use an index or a number of the model'))
    return found


def banned_problems(path, text):
    return [problem for word, problem in banned(path, text) if (path, word) not in BANNED_EXCEPTIONS]


def size_problems(path, text):
    lines = text.split('\n')
    found = []
    if len(lines) - 1 > FILE_LINES:
        found.append(f'{path}: {len(lines) - 1} lines, more than {FILE_LINES}: two subjects?')
    columns = COLUMNS if path.endswith(CODE) else SCRIPT_COLUMNS
    found += [f'{path}:{n}: {len(line)} columns, more than {columns}' for n, line in enumerate(lines, 1)
              if len(line) > columns]
    found += [f'{path}:{n}: a tab' for n, line in enumerate(lines, 1)
              if '\t' in line and not path.endswith('.S')]
    found += [f'{path}:{n}: blanks at the end' for n, line in enumerate(lines, 1) if line != line.rstrip()]
    if text and not text.endswith('\n'):
        found.append(f'{path}: no end of line at the end')
    return found


def function_problems(path, text):
    """a function's braces stand alone at the left edge"""
    found, start = [], None
    for n, line in enumerate(text.split('\n'), 1):
        if line == '{':
            start = n
        elif line.startswith('}') and start is not None:
            if n - start - 1 > FUNCTION_LINES:
                found.append(f'{path}:{start}: a function of {n - start - 1} lines, more than {FUNCTION_LINES}')
            start = None
    return found


def opening_problems(path, text):
    """a source file says first which part of the machine it is"""
    comment = re.match(r'/\*.*?\*/', text, re.DOTALL)
    if not comment:
        return [f'{path}:1: does not open with a comment that says what it is']
    lines = comment[0].count('\n') + 1
    wanted = (1, 40) if part_of(path) == 'tests' else (5, 24)  # 5 to 20 lines, and the borders of the comment
    if not wanted[0] <= lines <= wanted[1]:
        return [f'{path}:1: the opening comment has {lines} lines, not {wanted[0]} to {wanted[1]}']
    return []


def enum_constants(texts):
    """-> the names of all constants of all enums"""
    names = set()
    for text in texts:
        for body in re.findall(r'\benum\b[^;{()]*\{([^}]*)\}', blank(text)):
            names |= set(re.findall(r'(?:^|,)\s*(\w+)', body))
    return names


def switches(code):
    """-> (offset, body without the switches inside it) of each switch"""
    for match in re.finditer(r'\bswitch\b[^{;]*\{', code):
        depth, end = 1, match.end()
        while depth and end < len(code):
            depth += {'{': 1, '}': -1}.get(code[end], 0)
            end += 1
        body = code[match.end():end - 1]
        inner = re.search(r'\bswitch\b[^{;]*\{', body)
        while inner:
            depth, stop = 1, inner.end()
            while depth and stop < len(body):
                depth += {'{': 1, '}': -1}.get(body[stop], 0)
                stop += 1
            body = body[:inner.start()] + body[stop:]
            inner = re.search(r'\bswitch\b[^{;]*\{', body)
        yield match.start(), body


def default_problems(path, text, constants, used=None):
    found, code = [], blank(text)
    for offset, body in switches(code):
        labels = [label for label in re.findall(r'\bcase\s+(\w+)\s*(?::|\.\.\.)', body) if label in constants]
        if not labels or not re.search(r'\bdefault\s*:', body):
            continue
        excepted = [(path, label) for label in labels if (path, label) in DEFAULT_EXCEPTIONS]
        if excepted and used is not None:
            used.update(excepted)
        if not excepted:
            found.append(f'{path}:{line_of(code, offset)}: a switch over an enum ({labels[0]}) has a default: '
                         'a new constant would pass unseen')
    return found


def type_problems(path, text):
    """structs are never hidden behind a typedef, but for the addresses (sim/base/base.h)"""
    return [f'{path}:{line_of(text, m.start())}: typedef of a struct, union or enum: write its tag'
            for m in re.finditer(r'\btypedef\s+(struct|union|enum)\b(?![^;{]*\()', blank(text))
            if path != 'sim/base/base.h']


def hygiene_problems(path, text):
    found = []
    for pattern, what in [(PATHS, 'a path of one machine'), (BESIDE, 'a folder beside the repository'),
                          (UNDONE, 'something left undone'), (re.compile(r'\bissue #?\d'), 'a number of an issue')]:
        found += [f'{path}:{line_of(text, m.start())}: {what}: {m[0]}' for m in pattern.finditer(text)]
    found += [f'{path}:{line_of(text, m.start())}: a path that leaves the repository: {m[0]}...'
              for m in UPWARDS.finditer(text) if m[1].count('../') > path.count('/')]
    return found


def in_parts(paths, parts):
    return [path for path in paths if part_of(path) in parts]


def text_files():
    for path in tree():
        try:
            yield path, read(path)
        except UnicodeDecodeError:
            continue  # a recording


def check_tree(tap):
    code = {path: read(path) for path in tree(CODE)}
    scripts = {path: read(path) for path in tree('.py') + ['dev', 'tests/run', '.ci/run']}
    for part in EVERYWHERE + ('hyp', 'tests'):
        tap.case(f'banned words in {part}', [p for path in in_parts(code, (part,)) if path.endswith(CODE)
                                             for p in banned_problems(path, code[path])])
    tap.case('exceptions to banned words are used', [
        f'{path}: {word}: excepted and not there' for path, word in BANNED_EXCEPTIONS
        if path not in code or word not in [w for w, _ in banned(path, code[path])]])
    for part in sorted({part_of(path) for path in code}):
        tap.case(f'sizes in {part}', [p for path in in_parts(code, (part,)) for p in size_problems(path, code[path])])
        tap.case(f'lengths of functions in {part}', [p for path in in_parts(code, (part,))
                                                     for p in function_problems(path, code[path])])
        tap.case(f'openings in {part}', [p for path in in_parts(code, (part,)) if path.endswith('.c')
                                         for p in opening_problems(path, code[path])])
    tap.case('sizes of scripts', [p for path, text in scripts.items() for p in size_problems(path, text)])
    generated = []
    for folder, _, names in os.walk(os.path.join(BUILD, 'gen')):
        generated += [read(os.path.join(folder, name)) for name in names if name.endswith('.h')]
    constants, used = enum_constants(list(code.values()) + generated), set()
    tap.case('enum switches have no default', [p for path in in_parts(code, EVERYWHERE + ('hyp',))
                                               for p in default_problems(path, code[path], constants, used)])
    tap.case('exceptions to that are used', [f'{path}: {label}' for path, label in set(DEFAULT_EXCEPTIONS) - used])
    tap.case('no struct behind a typedef', [p for path in code for p in type_problems(path, code[path])])
    gen = read('gen/meson.build')
    tap.case('every table of facts is in the build', [
        p for path in in_parts(tree(('.def', '.decode')), EVERYWHERE) for p in table_problems(path, gen)])
    tap.case('nothing of one machine, nothing beside the repository', [
        p for path, text in text_files() for p in hygiene_problems(path, text)])


def table_problems(path, gen):
    """a data file that gen/meson.build does not know is in no fingerprint"""
    return [] if re.search(r"'(?:\.\./)?" + re.escape(path) + "'", gen) else [f'{path} is not in gen/meson.build']


def check_samples(tap):
    for path, text in [('cpu/a.c', 'x = rand();'), ('gic/a.c', 'time (NULL);'), ('mmu/a.c', 'char *s = malloc(4);'),
                       ('sim/a.c', 'getenv("X")'), ('sim/base/a.c', 'qsort(a, 1, 2, f);'),
                       ('sim/run.c', 'printf("at %p", x);'), ('cpu/a.c', 'puts(__DATE__);'),
                       ('tests/unit/a.c', 'exit(0);'), ('hyp/a.c', 'assert(x);'), ('sim/a.c', 'pthread_create(&t);')]:
        tap.sees(f'{text} in {path}', banned_problems(path, text))
    for path, text in [('cpu/a.c', '/* no rand() here */ port_time(p); "time(";'), ('sim/a.c', 'p = malloc(1);'),
                       ('cpu/a.c', 'timer->clock(1); x.time(2); operand(3);')]:
        tap.accepts(f'{text} in {path}', banned_problems(path, text))
    tap.sees('601 lines', size_problems('cpu/a.c', 'x\n' * 601))
    tap.sees('101 columns', size_problems('cpu/a.c', 'x' * 101 + '\n'))
    tap.sees('a tab', size_problems('cpu/a.c', '\tx\n'))
    tap.sees('blanks at the end of a line', size_problems('cpu/a.c', 'x \n'))
    tap.sees('a last line without an end', size_problems('cpu/a.c', 'x'))
    tap.accepts('600 lines of 100 columns', size_problems('cpu/a.c', ('x' * 100 + '\n') * 600))
    tap.sees('a function of 61 lines', function_problems('cpu/a.c', 'int f(void)\n{\n' + '    x;\n' * 61 + '}\n'))
    tap.accepts('a function of 60 lines', function_problems('cpu/a.c', 'int f(void)\n{\n' + '    x;\n' * 60 + '}\n'))
    tap.sees('a file that opens with an include', opening_problems('cpu/a.c', '#include "cpu/cpu.h"\n'))
    tap.sees('an opening of one line', opening_problems('cpu/a.c', '/* A file. */\n'))
    constants = enum_constants(['enum color {\n RED, /* x, y */\n GREEN = 2\n};', 'enum { LOOSE };'])
    tap.case('finds enum constants', [] if constants == {'RED', 'GREEN', 'LOOSE'} else [str(constants)])
    tap.sees('a default beside enum labels', default_problems(
        'cpu/a.c', 'switch (c) {\ncase RED: { return 1; }\ncase GREEN:\ndefault: return 0; }', constants))
    tap.sees('a default in the outer of two switches', default_problems(
        'cpu/a.c', 'switch (c) { case RED: switch (n) { case 1: break; } break; default: break; }', constants))
    tap.accepts('a default beside numbers, in a switch inside one over an enum', default_problems(
        'cpu/a.c', 'switch (c) { case RED: switch (n) { case 1: break; default: break; } }', constants))
    tap.sees('typedef struct', type_problems('cpu/a.h', 'typedef struct cpu { int x; } cpu_t;'))
    tap.accepts('a typedef of a function', type_problems('cpu/a.h', 'typedef struct cpu *step_function(int);'))
    tap.sees('a table that is not in the build', table_problems('cpu/new.def', "['regs', 'cpu/sysreg.def']"))
    for text in ['see /' + 'work/main', 'open("/' + 'home/x")', 'in sha' + 'red/design', 'TO' + 'DO: later',
                 'issue #' + '12', '../' * 2 + 'notes']:
        tap.sees(text, hygiene_problems('cpu/a.c', text))
    for text in ['#include "sim/base/base.h"', 'a/../b', 'https://x.org/home/y', '/tmp/name-XXXXXX']:
        tap.accepts(text, hygiene_problems('cpu/a.c', text))


def main():
    tap = Tap()
    check_tree(tap)
    check_samples(tap)
    tap.end()


if __name__ == '__main__':
    main()
