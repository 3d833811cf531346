#!/usr/bin/env python3
"""Makes the fingerprint of the model: a hash of the tables that say what the machine does.

fingerprint.py OUTPUT.h TABLE...: OUTPUT defines MODEL_TABLES, 64 bits of the SHA-256 of the tables' facts.
Comments, blank lines and the amount of space do not count. Where a change of the model's C code changes what runs do,
MODEL_SEMANTICS of sim/trace_file.h counts up instead.
"""
import hashlib
import os
import sys


def facts(path):
    with open(path, encoding='utf-8') as f:
        for line in f:
            words = line.split()
            if words and not words[0].startswith('#'):
                yield ' '.join(words)


def main():
    if len(sys.argv) < 3:
        sys.exit(f'usage: {sys.argv[0]} OUTPUT.h TABLE...')
    digest = hashlib.sha256()
    for path in sorted(sys.argv[2:], key=os.path.basename):
        digest.update(f'{os.path.basename(path)}\n'.encode())
        for fact in facts(path):
            digest.update(f'{fact}\n'.encode())
    with open(sys.argv[1], 'w', encoding='utf-8') as f:
        f.write('/* Generated from the tables of the model; do not edit. */\n#pragma once\n'
                f'#define MODEL_TABLES UINT64_C(0x{digest.hexdigest()[:16]})\n')


if __name__ == '__main__':
    main()
