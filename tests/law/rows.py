#!/usr/bin/env python3
"""tools/rows.py refuses row files that contradict themselves, with file:line and a reason."""
import os
import subprocess
import sys
import tempfile

SOURCE = os.environ['SOURCE']
TOOL = os.path.join(SOURCE, 'tools', 'rows.py')
EVENT = 'event A "a"\n  x64 x "x"\n'
CHOICE = 'choice a ordinal=insn "what; 0: none"\n'

# (what it shows, input, line of the message or 0 for none, part of the message)
CASES = [
    ('a good event file is taken', '# comment\n\n' + EVENT, 0, ''),
    ('a good choice file is taken', CHOICE + 'choice b-2 ordinal=asked "what; 0: it is" ; DDI 0487\n', 0, ''),
    ('an empty file', '# nothing\n', 1, 'neither event nor choice'),
    ('another sort of rows', '\nreg X 1 2 3\n', 2, 'neither event nor choice'),
    ('an unknown type', EVENT + '  u24 y "y"\n', 3, 'unknown type u24'),
    ('a field before any event', '# x\nevents\n', 2, 'neither event nor choice'),
    ('a field twice', EVENT + '  u8 x "y"\n', 3, 'twice'),
    ('a field that the text form needs', EVENT + '  u8 step "y"\n', 3, 'taken'),
    ('a field that C needs', EVENT + '  u8 int "y"\n', 3, 'taken'),
    ('a field in capitals', EVENT + '  u8 Xy "y"\n', 3, 'small letters'),
    ('a field without a sentence', EVENT + '  u8 y\n', 3, 'TYPE FIELD'),
    ('an empty sentence', EVENT + '  u8 y " "\n', 3, 'empty'),
    ('a sentence that ends the comment', EVENT + '  u8 y "*/ x"\n', 3, 'C comment'),
    ('an event twice', EVENT + EVENT, 3, 'already at line 1'),
    ('an event without fields', 'event B "b"\n' + EVENT, 1, 'no fields'),
    ('an event in small letters', 'event b "b"\n', 1, 'capitals'),
    ('an event that does not fit', EVENT + ''.join(f'  x64 y{i} "y"\n' for i in range(4)), 1, 'no room for y3'),
    ('37 bytes fit beside the head', EVENT + ''.join(f'  x64 y{i} "y"\n' for i in range(3)) +
     ''.join(f'  u8 z{i} "z"\n' for i in range(5)), 0, ''),
    ('38 bytes do not', EVENT + ''.join(f'  x64 y{i} "y"\n' for i in range(3)) +
     ''.join(f'  u8 z{i} "z"\n' for i in range(6)), 1, 'no room for z5'),
    ('more kinds than the mask has bits', ''.join(f'event E{i} "e"\n  u8 x "x"\n' for i in range(65)), 129,
     'more than 64'),
    ('a choice twice', CHOICE + CHOICE, 2, 'already at line 1'),
    ('a choice of another ordinal', 'choice a ordinal=time "what; 0: none"\n', 1, 'insn or asked'),
    ('a choice that does not say what 0 is', 'choice a ordinal=insn "what"\n', 1, 'answer 0'),
    ('a choice in capitals', 'choice A ordinal=insn "what; 0: none"\n', 1, 'small letters'),
    ('a choice with more behind it', CHOICE.strip() + ' more\n', 1, 'choice NAME'),
    ('more choices than open_mask has bits', ''.join(CHOICE.replace('choice a', f'choice a{i}') for i in range(33)), 33,
     'more than 32'),
]


def run(text, folder):
    path = os.path.join(folder, 'rows.def')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    outputs = [os.path.join(folder, 'out' + ending) for ending in ('.h', '.inc', '.md')]
    done = subprocess.run([sys.executable, TOOL, path] + outputs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, check=False)
    return done.returncode, done.stderr, path


def verdict(text, line, message, folder):
    """None, or what is wrong."""
    status, said, path = run(text, folder)
    if line == 0:
        return None if status == 0 else f'refused: {said}'
    if status == 0:
        return 'taken'
    lines = said.strip().split('\n')
    if len(lines) != 1 or not lines[0].startswith(f'{path}:{line}: ') or message not in lines[0]:
        return f'line {line} and "{message}" wanted: {said}'
    return None


def main():
    print(f'1..{len(CASES)}')
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (what, text, line, message) in enumerate(CASES, 1):
            wrong = verdict(text, line, message, folder)
            print(f'{"not ok" if wrong else "ok"} {number} - {what}')
            if wrong:
                failed += 1
                print('# ' + wrong.replace('\n', ' '))
    sys.exit(1 if failed else 0)


main()
