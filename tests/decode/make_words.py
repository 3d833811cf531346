#!/usr/bin/env python3
"""For developers: asks llvm-mc for its opinion and writes the files that decode tests compare with.

Usage: tests/decode/make_words.py [LLVM-MC [OBJDUMP]]      (from the root of the tree)

words.txt      for each row of a64.decode 24 random words of it, and 8 that differ from one of them
               in a fixed bit: "WORD TEXT", as at address 0x40080000, or "WORD undefined"
allocated.txt  for the words word_of(0) .. word_of(99999): 1 where llvm knows it as Armv8.0, four
               to a hexadecimal digit, first word in the highest bit
LLVM's text is taken with -M no-aliases and brought to one form where ours differs on purpose: see
normalise(). For the few ops whose aliases LLVM prints all the same, GNU objdump gives the text.
"""
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, 'tools')
import decode  # noqa: E402

PC = 0x40080000
PER_ROW, NEAR_PER_ROW, RANDOM_COUNT = 24, 8, 100000
HINTS = ['nop', 'yield', 'wfe', 'wfi', 'sev', 'sevl']


def word_of(i):
    """the i-th random word: the middle of a multiplicative hash, as in test_words.c"""
    x = (i + 1) * 0x9e3779b97f4a7c15 & (1 << 64) - 1
    x ^= x >> 29
    return x * 0xbf58476d1ce4e5b9 >> 24 & 0xffffffff


def ask(llvm, words):
    """-> a text or None for each word"""
    lines = ''.join('0x%02x 0x%02x 0x%02x 0x%02x\n' % tuple(w.to_bytes(4, 'little')) for w in words)
    run = subprocess.run([llvm, '--disassemble', '-triple=aarch64',
                          '-mattr=+v8a,+crc,+aes,+sha2,+rdm,+lse,+rcpc,+lor,+pan,+uaops', '-M', 'no-aliases'],
                         input=lines, capture_output=True, text=True,
                         check=False)
    bad = {int(n) for n in re.findall(r'<stdin>:(\d+):\d+: warning: invalid', run.stderr)}
    texts = iter(line for line in run.stdout.split('\n')
                 if line.strip() and not line.strip().startswith('.'))
    out = [None if n in bad else next(texts) for n in range(1, len(words) + 1)]
    if next(texts, None) is not None:
        sys.exit('llvm-mc printed more instructions than it was given')
    # UDF is the name of words that the architecture keeps undefined for ever; op0 = 0 has no
    # registers, but LLVM takes all of its unallocated space for MSR and MRS
    return [None if text and re.match(r'\s*udf|\s*m(?:rs|sr)\s.*\bs0_', text, re.I) else text
            for text in out]


def is_stubborn(name):
    """LLVM prints aliases of these all the same, or a shift that is not there"""
    return name in ('MOVN', 'MOVZ', 'MOVK', 'SBFM', 'BFM', 'UBFM') or \
        re.match(r'(LD|ST|PRFM).*_reg$', name)


def ask_objdump(objdump, words):
    """-> a text for each word, immediates in decimal"""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b''.join(w.to_bytes(4, 'little') for w in words))
    out = subprocess.run([objdump, '-D', '-b', 'binary', '-m', 'aarch64', '-M', 'no-aliases',
                          file.name], capture_output=True, text=True, check=True).stdout
    os.remove(file.name)
    texts = [re.sub(r'\s+', ' ', m[1].split('//')[0]).strip()
             for m in re.finditer(r'^ +[0-9a-f]+:\t[0-9a-f]{8} \t(.*)$', out, re.M)]
    assert len(texts) == len(words)
    return [re.sub(r'#0x([0-9a-f]+)', lambda m: f'#{int(m[1], 16)}', text) for text in texts]


def normalise(text, op):
    """one spelling: lower case, absolute targets, no offset of 0, hints by name"""
    text = re.sub(r'\s+', ' ', text.split('//')[0].strip()).lower()
    text = re.sub(r', #0\](?!!)', ']', text)
    hint = re.fullmatch(r'hint #([0-5])', text)
    if hint:
        text = HINTS[int(hint[1])]
    if op and ('{pc:' in op.asm or '{page:' in op.asm):
        base, offset = PC, int(re.search(r'#(-?\d+)$', text)[1])
        if '{page:' in op.asm:
            base = PC & ~0xfff
        text = re.sub(r'#-?\d+$', f'0x{base + offset & (1 << 64) - 1:x}', text)
    return text


def usable(row, text):
    """llvm prints names for some registers and operations of the system space; we print numbers"""
    if text and row.name in ('MRS', 'MSR_reg'):
        return re.search(r'\bs[23]_\d_c\d+_c\d+_\d\b', text)
    if text and row.name == 'SYS':
        return text.startswith('sys')
    return True


def spelled(rows, word):
    """a word that means the same and that LLVM has a text for: it knows MSR PAN and UAO only with the
    ignored bits of CRm zero"""
    return word & ~0xe00 if first_match(rows, word).name in ('MSR_PAN', 'MSR_UAO') else word


def first_match(rows, word):
    for row in rows:
        if word & row.mask == row.bits:
            return row
    return decode.Row('UNALLOCATED', 0, 0, {}, 0, 0)


def main():
    llvm = sys.argv[1] if len(sys.argv) > 1 else 'llvm-mc'
    objdump = sys.argv[2] if len(sys.argv) > 2 else 'aarch64-linux-gnu-objdump'
    source = decode.Source('cpu/a64.decode')
    source.parse()
    rng = random.Random(8)
    pool = []
    for row in source.rows:
        if row.name == 'UNALLOCATED' or source.ops[row.name].unmodelled:
            continue
        seen = set()
        while len(seen) < 4 * PER_ROW and len(seen) < 1 << bin(~row.mask & decode.ALL).count('1'):
            word = row.bits | rng.getrandbits(32) & ~row.mask & decode.ALL
            if first_match(source.rows, word) is not row:
                continue
            seen.add(word)
        near = set()
        fixed = [1 << b for b in range(32) if row.mask >> b & 1]
        while len(near) < NEAR_PER_ROW:
            near.add(rng.choice(sorted(seen)) ^ rng.choice(fixed))
        pool += [(row, word, True) for word in sorted(seen)]
        pool += [(row, word, False) for word in sorted(near)]
    texts = ask(llvm, [spelled(source.rows, word) for _, word, _ in pool])
    stubborn = [i for i, (_, word, _) in enumerate(pool)
                if texts[i] and is_stubborn(first_match(source.rows, word).name)]
    for i, text in zip(stubborn, ask_objdump(objdump, [pool[i][1] for i in stubborn])):
        texts[i] = text
    counts, lines = {}, []
    for (row, word, own), text in zip(pool, texts):
        actual = first_match(source.rows, word)
        op = source.ops.get(actual.name)
        if op and op.unmodelled:
            continue
        text = text and normalise(text, op)
        if not usable(actual, text):
            continue
        counts[row.line, own] = counts.get((row.line, own), 0) + 1
        if counts[row.line, own] <= (PER_ROW if own else NEAR_PER_ROW):
            lines.append(f'{word:08x} {text or "undefined"}')
    with open('tests/decode/words.txt', 'w', encoding='ascii') as file:
        file.write('\n'.join(lines) + '\n')
    verdicts = ask(llvm, [word_of(i) for i in range(RANDOM_COUNT)])
    bits = ''.join('1' if text else '0' for text in verdicts)
    digits = ''.join(f'{int(bits[i:i + 4], 2):x}' for i in range(0, RANDOM_COUNT, 4))
    with open('tests/decode/allocated.txt', 'w', encoding='ascii') as file:
        for i in range(0, len(digits), 100):
            file.write(digits[i:i + 100] + '\n')


if __name__ == '__main__':
    main()
