#!/usr/bin/env python3
"""tools/regs.py refuses register files that contradict themselves, with file:line and a reason."""
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ['SOURCE'], 'tools'))
import regs  # noqa: E402

HEAD = ('table t T_ "a table"\nowner cpu "the PE"\nfeature f "a feature"\non_read none "nothing"\n'
        'on_write none "nothing"\n')                                   # 5 lines
REG = 'reg A 3 0 1 0 0 access=el1rw owner=cpu effective "a register"\n'  # line 6
BITS = '63:2 res0\n1 X "x"\n0 Y "y"\n'                                    # lines 7 to 9
GOOD = HEAD + REG + BITS
TRAP = 'trap P to=el2 el=1 dir=w when=A.X:1 "a rule"\n'                   # line 6
USER = 'reg B 3 0 1 0 1 access=el1rw owner=cpu traps=P "another"\n63:0 V "v"\n'
FRAME = 'table g G_ "a table"\nframe F size=0x100 "a frame"\n'          # 2 lines
MODEL = 'reg I 3 0 0 0 0 reset=id access=el1r owner=cpu "id"\n63:8 res0\n7:1 V "v"\n0 res1\n'  # from line 6

# (what it shows, input, line of the message or 0 for none, part of the message)
CASES = [
    ('a good register', GOOD, 0, ''),
    ('a good trap', HEAD + TRAP + REG + BITS + USER, 0, ''),
    ('a good memory-mapped register', FRAME + '@0x4 R[3] access=rw per_int=1 banked=32 "r"\n', 0, ''),
    ('a good enum', HEAD + 'word W bits=4 "w"\n3:0 V "v"\nenum e E_ "an enum"\n0 A fields=W "a"\n', 0, ''),
    ('a good model', HEAD + MODEL + 'model m "a model"\nI 3\n', 0, ''),
    ('a row inside a space', GOOD + 'space S 3 0 1 0-7 * access=el1r owner=cpu special "s"\n', 0, ''),
    ('an empty file', '# nothing\n', 1, 'no table line'),
    ('no table line first', 'owner cpu "the PE"\n', 1, 'must come first'),
    ('a second table line', HEAD + 'table u U_ "again"\n', 6, 'second table'),
    ('a line of another language', HEAD + 'event A "a"\n', 6, 'unknown line'),
    ('a missing include', HEAD + 'include nothere.def\n', 0, None),
    ('a field before any register', HEAD + '63:0 V "v"\n', 6, 'outside any register'),
    ('a gap', HEAD + REG + '63:2 res0\n0 Y "y"\n', 8, 'expected bit 1, got 0:0'),
    ('a bit twice', HEAD + REG + '63:2 res0\n2 X "x"\n', 8, 'expected bit 1'),
    ('least significant first', HEAD + REG + '0 Y "y"\n', 7, 'expected bit 63'),
    ('the ends of a field swapped', HEAD + REG + '63:64 res0\n', 7, 'expected bit 63'),
    ('bits left over', HEAD + REG + '63:2 res0\n1 X "x"\n' + USER, 6, 'bits 0:0 unclaimed'),
    ('bits left over at the end', HEAD + REG + '63:2 res0\n', 6, 'bits 1:0 unclaimed'),
    ('a field without a sentence', HEAD + REG + '63:0 X\n', 7, 'no sentence'),
    ('a register without a sentence', HEAD + 'reg A 3 0 1 0 0 access=el1rw owner=cpu\n', 6, 'no sentence'),
    ('a field name twice', HEAD + REG + '63:1 X "x"\n0 X "x"\n', 8, 'second field X'),
    ('a field called as a constant', HEAD + REG + '63:1 RES0 "x"\n', 7, 'second field RES0'),
    ('a register twice', GOOD + REG.replace('0 0 access', '0 1 access') + BITS, 10, 'second A'),
    ('an encoding twice', GOOD + REG.replace('reg A', 'reg B') + BITS, 10, 'B has the encoding of A'),
    ('an encoding out of range', HEAD + REG.replace('3 0 1', '3 8 1') + BITS, 6, 'op1 is at most 7'),
    ('a register in the SYS space', HEAD + REG.replace('3 0 1', '1 0 1') + BITS, 6, 'op0 of a reg'),
    ('an instruction outside it', HEAD + 'sys S 3 0 1 0 0 access=el1w owner=cpu "s"\n', 6, 'op0 of a sys'),
    ('a range outside a space', HEAD + 'sys S 1 0 1 0-1 0 access=el1w owner=cpu "s"\n', 6, 'only a space'),
    ('a space with nothing left', GOOD + 'space S 3 0 1 0 0 access=el1r owner=cpu special "s"\n', 10,
     'no encoding is left'),
    ('an encoding that is no number', HEAD + 'sys S 1 0 x 0 0 access=el1w owner=cpu "s"\n', 6, 'not a number'),
    ('an index without an array', HEAD + 'sys S 1 0 n 0 0 access=el1w owner=cpu "s"\n', 6, 'no array'),
    ('an array without a count', HEAD + 'reg A<n> 3 0 n 0 0 access=el1r owner=cpu fields=W "a"\n', 6, 'COUNT'),
    ('an array without a layout', HEAD + 'reg A<n>[2] 3 0 n 0 0 access=el1r owner=cpu "a"\n', 6, 'fields='),
    ('an unknown attribute', HEAD + REG.replace('effective', 'effectve') + BITS, 6, 'unknown attribute "effectve"'),
    ('an attribute twice', HEAD + REG.replace('effective', 'owner=cpu') + BITS, 6, 'twice'),
    ('an access nobody knows', HEAD + REG.replace('el1rw', 'el3rw') + BITS, 6, 'access "el3rw"'),
    ('a register that nobody may access', HEAD + REG.replace('access=el1rw ', '') + BITS, 6, 'nobody can access'),
    ('an unknown owner', HEAD + REG.replace('owner=cpu', 'owner=gpu') + BITS, 6, 'no owner gpu'),
    ('no owner', HEAD + REG.replace('owner=cpu ', '') + BITS, 6, 'no owner='),
    ('an owner twice', HEAD + 'owner cpu "again"\n', 6, 'there already'),
    ('an unknown read hook', HEAD + REG.replace('effective', 'on_read=magic') + BITS, 6, 'no on_read magic'),
    ('an unknown write hook', HEAD + REG.replace('effective', 'on_write=magic') + BITS, 6, 'no on_write magic'),
    ('an unknown feature of a register', HEAD + REG.replace('effective', 'needs=g') + BITS, 6, 'no feature g'),
    ('an unknown feature of a field', HEAD + REG + '63:1 res0\n0 X needs=g "x"\n', 6, 'no feature g'),
    ('a fixed value that is no bit', HEAD + REG + '63:1 res0\n0 X fixed=2 "x"\n', 8, 'fixed is 0 or 1'),
    ('one without a feature that is not named', HEAD + REG + '63:1 res0\n0 X else1 "x"\n', 8,
     'else1 without needs='),
    ('an unknown layout', HEAD + REG.replace('effective', 'fields=W'), 6, 'no word W'),
    ('a layout of another width', HEAD + 'word W bits=32 "w"\n31:0 V "v"\n' + REG.replace('effective', 'fields=W'), 8,
     'has 32 bits'),
    ('a reset value in reserved bits', HEAD + REG.replace('effective', 'reset=4') + BITS, 6, 'RES0 or RES1'),
    ('a reset value that misses RES1', HEAD + REG + '63:1 res0\n0 res1\n', 6, 'RES0 or RES1'),
    ('a reset like an unknown register', HEAD + REG.replace('effective', 'reset=Z') + BITS, 6, 'reset=Z'),
    ('an unknown trap', HEAD + REG.replace('effective', 'traps=Q') + BITS, 6, 'no trap Q'),
    ('a trap twice on a register', HEAD + TRAP + REG + BITS + USER.replace('=P', '=P,P'), 11, 'one trap twice'),
    ('a trap twice', HEAD + TRAP + TRAP + REG + BITS + USER, 7, 'second trap P'),
    ('a trap that nothing uses', HEAD + TRAP + REG + BITS, 6, 'on no register'),
    ('a trap of an unknown register', HEAD + TRAP.replace('A.X', 'Z.X') + REG + BITS + USER, 6, 'no register Z'),
    ('a trap of an unknown field', HEAD + TRAP.replace('A.X', 'A.Z') + REG + BITS + USER, 6, 'no field Z'),
    ('a trap value that does not fit', HEAD + TRAP.replace(':1', ':2') + REG + BITS + USER, 6, 'wider than'),
    ('a trap by a register without effective copy', HEAD + TRAP + REG.replace('effective ', '') + BITS + USER, 6,
     'no effective copy'),
    ('a trap to nowhere', HEAD + TRAP.replace('to=el2', 'to=el3') + REG + BITS + USER, 6, 'to= is'),
    ('a trap without a level', HEAD + TRAP.replace(' el=1', '') + REG + BITS + USER, 6, 'no el='),
    ('a trap of another direction', HEAD + TRAP.replace('dir=w', 'dir=x') + REG + BITS + USER, 6, 'dir= is'),
    ('a condition that is none', HEAD + TRAP.replace('A.X:1', 'A.X') + REG + BITS + USER, 6, 'when= is'),
    ('a special register with effective copy', HEAD + REG.replace('effective', 'effective special') + BITS, 6,
     'no effective copy'),
    ('a sentence in the middle', HEAD + REG.replace('owner=cpu', '"x" owner=cpu'), 6, 'last thing'),
    ('a value twice in an enum', HEAD + 'enum e E_ "e"\n0 A "a"\n0 B "b"\n', 8, 'B collides with A'),
    ('a name twice in an enum', HEAD + 'enum e E_ "e"\n0 A "a"\n1 A "b"\n', 8, 'A collides with A'),
    ('an empty enum', HEAD + 'enum e E_ "e"\n' + REG + BITS, 6, 'no rows'),
    ('an enum of an unknown layout', HEAD + 'enum e E_ "e"\n0 A fields=W "a"\n', 6, 'no word W'),
    ('memory-mapped without a frame', 'table g G_ "g"\n@0 R access=r "r"\n', 2, 'no frame'),
    ('memory-mapped outside its frame', FRAME + '@0xfc R[2] access=r per_int=1 "r"\n', 3, 'outside its frame'),
    ('memory-mapped on another', FRAME + '@0 R[2] access=r per_int=1 "r"\n@4 S access=r per_int=1 "s"\n', 4,
     'S overlaps R'),
    ('memory-mapped without access', FRAME + '@0 R per_int=1 "r"\n', 3, 'access is r, w or rw'),
    ('a model without a value', HEAD + MODEL + 'model m "m"\nZ 0\n', 11, 'no register with reset=id'),
    ('a model that leaves one out',
     HEAD + MODEL + MODEL.replace('I 3 0 0 0 0', 'J 3 0 0 0 1') + 'model m "m"\nI 1\n', 14, 'no value for J'),
    ('a model against reserved bits', HEAD + MODEL + 'model m "m"\nI 0x101\n', 11, 'RES0 or RES1'),
    ('a model against RES1', HEAD + MODEL + 'model m "m"\nI 2\n', 11, 'RES0 or RES1'),
    ('a model with an unknown feature', HEAD + MODEL + 'model m features=g "m"\nI 1\n', 10, 'no feature g'),
    ('a model like an unknown one', HEAD + MODEL + 'model m like=n "m"\nI 1\n', 10, 'no model n'),
]


def run(text, folder):
    path = os.path.join(folder, 'regs.def')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    outputs = [os.path.join(folder, 'out' + ending) for ending in ('.h', '.inc', '.md')]
    try:
        regs.main(['regs.py', path] + outputs)
    except SystemExit as end:
        return 1, str(end.code), path
    return 0, '', path


def verdict(text, line, message, folder):
    """None, or what is wrong."""
    status, said, path = run(text, folder)
    if message is None:  # another file's fault
        return None if status != 0 and 'nothere.def:' in said else said or 'taken'
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
