#!/usr/bin/env python3
"""a64.decode -> which registers each op reads and writes, and what for.

Usage: operands.py IN OUT.inc

The registers of an op are those of its assembly text; what they are for follows from its class and the name of the
field. cpu/operands.c reads the rows. What it does not know stops the build with one line, `file:line: message`.
"""
import re
import sys

import decode

# Operand kinds of the assembly text: general registers (31 is nothing, or SP), vectors, and no registers.
GENERAL = 'x w x64 x5 extend extendd index by lanesby'.split()
GENERAL_SP = 'xs x64s'.split()
VECTORS = ('v vw va vs v5 vi viw vm ss ssw sdq q s5 sh shw e5 e54 element list table lane vf vf2 vfp fe '
           'vd1').split()
NONE = ('i ih si oi osi pc page lsl12 hw shift mask cond crn option sy prfop order sysreg two bits shr shl msl '
        'bytemask fbits float8').split()
PLACES = {'X': 1, 'SP': 2, 'NEXT': 3}

LOADS, STORES = ('load', 'load_acquire', 'ldex', 'prefetch'), ('store', 'store_release', 'stex')
COMPUTES = ('alu', 'mul', 'div', 'crc', 'fp', 'fp_div', 'simd')
ROLES = {'ADDRESS': 1, 'DATA': 2, 'BRANCH': 4, 'SOURCE': 8, 'TARGET': 16, 'BASE': 32, 'STATUS': 64}
SLOTS = 5

SETS_FLAGS = re.compile(r'(ADDS|SUBS|ANDS|BICS|ADCS|SBCS|CCMN|CCMP|FCMPE?|FCCMPE?)(_|$)')
TAKES_FLAGS = re.compile(r'(ADCS?|SBCS?)$')
KEEPS_REST = ('MOVK', 'BFM')   # of their destination


def roles_of_memory(source, op, field, operand):
    """loads, stores, prefetches and atomic accesses"""
    writes_back = ']!' in op.asm or '], ' in op.asm
    if field == 'rn':
        return ['ADDRESS'] + (['BASE'] if writes_back else [])
    if field == 'rm' and operand in ('index', 'by', 'lanesby'):
        return ['ADDRESS']
    if op.klass in LOADS and field in ('rt', 'rt2'):
        return ['TARGET']
    if op.klass in STORES and field in ('rt', 'rt2'):
        return ['DATA']
    if op.klass == 'stex' and field == 'rs':
        return ['STATUS']
    if op.klass == 'atomic' and op.name.startswith('CAS'):
        return {'rs': ['DATA', 'TARGET'], 'rt': ['DATA']}[field]
    if op.klass == 'atomic' and field in ('rs', 'rt'):
        return ['DATA'] if field == 'rs' else ['TARGET']
    return source.refuse(op.line, f'{op.name}: what register {field} is for is not known')


def roles_of(source, op, field, operand):
    """what a register operand is for"""
    if op.klass in LOADS + STORES + ('atomic',):
        return roles_of_memory(source, op, field, operand)
    if op.klass in COMPUTES:
        if field == 'rd':
            return ['TARGET'] + (['SOURCE'] if op.name in KEEPS_REST else [])
        if field in ('rn', 'rm', 'ra'):
            return ['SOURCE']
    if op.klass == 'branch' and field in ('rn', 'rt'):
        return ['BRANCH']
    if op.name in ('MRS', 'SYSL') and field == 'rt':
        return ['TARGET']
    if op.name == 'MSR_reg' and field == 'rt':
        return ['SOURCE']
    if op.name == 'SYS' and field == 'rt':
        return ['ADDRESS', 'SOURCE']
    return source.refuse(op.line, f'{op.name}: what register {field} is for is not known')


def fixed_of(op, fields):
    """registers that the encoding does not name -> [(role, OPERAND)]"""
    found = []
    if 'cond' in fields or TAKES_FLAGS.match(op.name):
        found.append(('SOURCE', 'NZCV'))
    if 'bcond' in fields:
        found.append(('BRANCH', 'NZCV'))
    if SETS_FLAGS.match(op.name):
        found.append(('TARGET', 'NZCV'))
    if op.name in ('BL', 'BLR'):
        found.append(('TARGET', 30))
    if op.name in ('ERET', 'DRPS'):
        found += [('SOURCE', 'SYSTEM'), ('BRANCH', 'SYSTEM'), ('TARGET', 'NZCV')]
    if op.name in ('MRS', 'SYSL'):
        found.append(('SOURCE', 'SYSTEM'))
    if op.name in ('MSR_reg', 'SYS'):
        found.append(('TARGET', 'SYSTEM'))
    return found


def row_of(source, op):
    """-> slots [(lsb, place, roles)], fixed [(role, operand)]"""
    fields = op.rows[0].fields
    slots, fixed = [], fixed_of(op, fields)
    for kind, given in re.findall(r'\{(\w+):([^{}]*)\}', op.asm):
        if kind in NONE:
            continue
        names = given.split(',')
        field = names[1 if kind in ('element', 'sys') else 0]
        if kind == 'sys':
            field = 'rt'
        if kind in VECTORS:
            field = field.split('.')[-1] if kind == 'element' else field
            field = {'rm4': 'rm'}.get(field, field)
            fixed += [(role, 'VECTOR') for role in roles_of(source, op, field, kind)]
            continue
        if kind not in GENERAL + GENERAL_SP + ['next', 'sys']:
            source.refuse(op.line, f'{op.name}: whether operand {kind} is a register is not known')
        if field not in fields:
            source.refuse(op.line, f'{op.name}: operand {kind} names no field')
        place = 'SP' if kind in GENERAL_SP else 'NEXT' if kind == 'next' else 'X'
        slots.append((fields[field][0], place, roles_of(source, op, field, kind)))
    if len(slots) > SLOTS:
        source.refuse(op.line, f'{op.name} has more than {SLOTS} general registers')
    return slots, fixed


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source = decode.Source(sys.argv[1])
    out = ['/* generated from a64.decode by tools/operands.py: do not edit */',
           f'#define OPERAND_SLOTS {SLOTS}u']
    out += [f'#define OPERAND_PLACE_{name} {value}u' for name, value in PLACES.items()]
    out += [f'#define OPERAND_ROLE_{name} {value}u' for name, value in ROLES.items()]
    out += ['', '/* X(NAME, ({lsb, place, roles}...), source, target, branch) */', '#define OPERAND_LIST(X) \\']
    try:
        source.parse()
        for op in source.ops.values():
            slots, fixed = row_of(source, op)
            if not slots and not fixed:
                continue
            text = ', '.join(f'{{{lsb}, {PLACES[place]}, {sum(ROLES[r] for r in set(roles))}}}'
                             for lsb, place, roles in slots)
            sets = []
            for role in ('SOURCE', 'TARGET', 'BRANCH', 'DATA'):
                names = sorted({f'OPERAND_BIT({x if isinstance(x, int) else "OPERAND_" + x})'
                                for r, x in fixed if r == role})
                sets.append(' | '.join(names) or '0')
            out.append(f'    X({op.name}, ({text or "{0, 0, 0}"}), {", ".join(sets)}) \\')
    except (decode.Refusal, OSError, UnicodeError) as problem:
        sys.exit(str(problem) if isinstance(problem, decode.Refusal) else f'{sys.argv[1]}: {problem}')
    with open(sys.argv[2], 'w', encoding='ascii') as file:
        file.write('\n'.join(out + ['']) + '\n')


if __name__ == '__main__':
    main()
