#!/usr/bin/env python3
"""tools/decode.py on broken input: each message it can give, with its line. Prints TAP.

A case is a name, the text of a .decode file and the message that must come, as LINE: TEXT.
"""
import os
import subprocess
import sys
import tempfile

SOURCE = os.environ.get('SOURCE', '.')
KIND = '%x reg width=sf  a register\n%i value  a number\n'
TAIL = 'Z 1111111111111111111111111 sf:1 v:1 rd:5 "z {x:rd} {i:v}" class=alu\n'


def good(row):
    """a file in which all is well but perhaps row, which is line 3"""
    return KIND + row + '\n' + TAIL


def row32(bits):
    return f'A {bits} "a" class=alu'


CASES = [
    ('too few bits', good(row32('0' * 31)), '3: 31 bits, not 32'),
    ('too many bits', good(row32('0' * 33)), f"3: more than 32 bits at '{'0' * 33}'"),
    ('no bits', good('A "a" class=alu'), '3: 0 bits, not 32'),
    ('bad bits', good(row32('0' * 30 + ' 2x')), "3: bad bits '2x'"),
    ('empty field', good(row32('0' * 32 + ' f:0')), '3: field f is 0 bits wide'),
    ('field twice', good(row32('0' * 22 + ' rd:5 rd:5')), '3: field rd twice'),
    ('unknown format', good('A ' + '.' * 32 + ' @none "a" class=alu'), '3: unknown format @none'),
    ('field covers a fixed bit',
     KIND + '@f ' + '.' * 27 + ' rd:5\nA ' + '0' * 32 + ' @f "a" class=alu\n' + TAIL,
     '4: field rd of @f covers a fixed bit'),
    ('field covers an ignored bit',
     KIND + '@f ' + '.' * 27 + ' rd:5\nA ' + '0' * 27 + '----- @f "a" class=alu\n' + TAIL,
     '4: field rd of @f covers a fixed bit'),
    ('field covers another field',
     KIND + '@f ' + '.' * 27 + ' rd:5\nA ' + '0' * 27 + ' rt:5 @f "a" class=alu\n' + TAIL,
     '4: field rd of @f covers another field'),
    ('format fixes a bit otherwise',
     KIND + '@f ' + '.' * 26 + '1 rd:5\nA ' + '0' * 27 + '..... @f "a" class=alu\n' + TAIL,
     '4: @f fixes a bit otherwise'),
    ('bit that nothing fills', good(row32('0' * 31 + '.')), '3: bit 0 is filled by no format'),
    ('bit that the format leaves',
     KIND + '@f ' + '.' * 27 + ' rd:5\nA ' + '0' * 25 + '....... @f "a" class=alu\n' + TAIL,
     '4: bit 6 is filled by no format'),
    ('format of 31 bits', good('@f ' + '.' * 31), '3: 31 bits, not 32'),
    ('format with ignored bits', good('@f ' + '-' * 32), "3: a format has no '-'"),
    ('format with a bad name', good('@F ' + '.' * 32), "3: bad format name '@F'"),
    ('format twice', KIND + ('@f ' + '.' * 32 + '\n') * 2 + TAIL, '4: @f is already on line 3'),
    ('format that no row uses', good('@f ' + '.' * 32), '3: format @f is never used'),
    ('overlap outside of { }', good(row32('0' * 32) + '\nB ' + '0' * 31 + '- "b" class=alu'),
     '4: B overlaps A of line 3'),
    ('overlap of two { }',
     good('{\n' + row32('0' * 32) + '\nC ' + '0' * 30 + '10 "c" class=alu\n}\n{\nB ' + '0' * 31
          + '- "b" class=alu\nD ' + '0' * 29 + '100 "d" class=alu\n}'),
     '8: B overlaps A of line 4'),
    ('row that can never match', good('{\nB ' + '0' * 31 + '- "b" class=alu\n' + row32('0' * 32)
                                      + '\n}'), '5: A can never match'),
    ('row that earlier ones cover together',
     good('{\nB ' + '0' * 32 + ' "b" class=alu\nC ' + '0' * 31 + '1 "c" class=alu\nA ' + '0' * 31
          + '- "a" class=alu\n}'), '6: A can never match'),
    ('row covered by UNALLOCATED', good('{\nUNALLOCATED ' + '0' * 31 + '-\n' + row32('0' * 32)
                                        + '\n}'), '5: A can never match'),
    ('{ inside { }', good('{\n{'), '4: { inside the { of line 3'),
    ('} without {', good('}'), '3: } without {'),
    ('{ that is not closed', good('{\n' + row32('0' * 32)), '3: { is never closed'),
    ('{ } with one row', good('{\n' + row32('0' * 32) + '\n}'), '3: { } needs two rows or more'),
    ('UNALLOCATED outside of { }', good('UNALLOCATED ' + '0' * 32),
     '3: UNALLOCATED belongs inside { }'),
    ('UNALLOCATED with a field', good('{\nUNALLOCATED ' + '0' * 27 + ' rd:5\n'
                                      + row32('0' * 26 + '100000') + '\n}'),
     '4: UNALLOCATED has no fields, text or keys'),
    ('bad name', good('a ' + '0' * 32 + ' "a" class=alu'), "3: bad name 'a'"),
    ('no text', good('A ' + '0' * 32 + ' class=alu'), '3: A has no assembly text'),
    ('quote that is not closed', good('A ' + '0' * 32 + ' "a class=alu'), '3: unbalanced quotes'),
    ('no class', good('A ' + '0' * 32 + ' "a"'), '3: A has no class'),
    ('unknown class', good('A ' + '0' * 32 + ' "a" class=magic'), "3: unknown class 'magic'"),
    ('class twice', good('A ' + '0' * 32 + ' "a" class=alu class=mul'), '3: class twice'),
    ('unknown feature', good('A ' + '0' * 32 + ' "a" class=alu feature=magic'),
     "3: unknown feature 'magic'"),
    ('unknown key', good('A ' + '0' * 32 + ' "a" class=alu fast'), "3: unknown key 'fast'"),
    ('second line with a text', good(row32('0' * 32) + '\nA ' + '0' * 31 + '1 "a"'),
     '4: A has its text and class on line 3'),
    ('second line with other fields', good(row32('0' * 27 + ' rd:5') + '\nA ' + '0' * 26
                                           + '1 rt:5'), '4: A has other fields than on line 3'),
    ('unknown operand', good('A ' + '0' * 27 + ' rd:5 "a {q:rd}" class=alu'),
     "3: unknown operand 'q'"),
    ('too many arguments', good('A ' + '0' * 27 + ' rd:5 "a {i:rd,rd}" class=alu'),
     '3: operand i wants 1 arguments: value'),
    ('too few arguments', good('A ' + '0' * 27 + ' rd:5 "a {i}" class=alu'),
     '3: operand i wants 1 arguments: value'),
    ('unknown field', good('A ' + '0' * 27 + ' rd:5 "a {i:rn}" class=alu'),
     "3: unknown field 'rn'"),
    ('default argument without its field', good('A ' + '0' * 27 + ' rd:5 "a {x:rd}" class=alu'),
     "3: unknown field 'sf'"),
    ('bad argument', good('A ' + '0' * 27 + ' rd:5 "a {i:rd*}" class=alu'),
     "3: bad argument 'rd*'"),
    ('braces that do not match', good('A ' + '0' * 27 + ' rd:5 "a {i:rd" class=alu'),
     '3: unbalanced { } in the assembly text'),
    ('operand without a sentence', good('%q value'),
     '3: bad operand line, wanted: %name argument...  sentence'),
    ('operand twice', good('%i value  again'), '3: operand i twice'),
    ('default that is not last', good('%q a=sf b  oddly'),
     '3: only the last argument may have a default'),
    ('operand that no row uses', good('%q value  in vain'), '3: operand q is never used'),
    ('nothing at all', '# empty\n', '1: no rows'),
]


def run(text, folder):
    paths = [os.path.join(folder, name) for name in ('in.decode', 'out.h', 'out.md')]
    for path in paths[1:]:
        if os.path.exists(path):
            os.remove(path)
    with open(paths[0], 'w', encoding='ascii') as file:
        file.write(text)
    done = subprocess.run([sys.executable, os.path.join(SOURCE, 'tools/decode.py'), *paths],
                          capture_output=True, text=True, check=False)
    return paths, done


def check(text, wanted, folder):
    """-> what is wrong, or None"""
    paths, done = run(text, folder)
    message = f'{paths[0]}:{wanted}\n'
    if done.stderr != message:
        return f'said {done.stderr!r}, not {message!r}'
    if done.returncode != 1 or os.path.exists(paths[1]) or os.path.exists(paths[2]):
        return f'exit status {done.returncode}, or a file was written'
    return None


def check_good(folder):
    paths, done = run(good(row32('0' * 27 + ' rd:5')), folder)
    if done.returncode or not all(os.path.exists(p) for p in paths):
        return f'a good file was refused: {done.stderr}'
    return None


def check_covered(_):
    """every message that decode.py can give has a case"""
    import re
    with open(os.path.join(SOURCE, 'tools/decode.py'), encoding='ascii') as file:
        body = file.read()
    messages = re.findall(r"""refuse\((?:\w+\.)?\w+,\s*f?(['"])(.*?)\1\)""", body, re.S)
    if len(messages) < 35:
        return f'only {len(messages)} messages found'
    for _, message in messages:
        parts = re.split(r'\{\{|\}\}|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}', message.replace(r"\'", "'"))
        pattern = '.*'.join(re.escape(part) for part in parts)
        if not any(re.search(pattern, wanted) for _, _, wanted in CASES):
            return f'no case gives: {message}'
    return None


def main():
    checks = [(name, lambda f, t=text, w=wanted: check(t, w, f)) for name, text, wanted in CASES]
    checks += [('a good file is taken', check_good), ('every message has a case', check_covered)]
    print(f'1..{len(checks)}')
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, call) in enumerate(checks, 1):
            problem = call(folder)
            print(f'{"not ok" if problem else "ok"} {i} - {name}')
            if problem:
                failed += 1
                print(f'# {problem}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
