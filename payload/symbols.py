#!/usr/bin/env python3
"""System.map of an arm64 kernel Image, from the table of symbols that the kernel carries for its own messages.

Usage: symbols.py IMAGE > System.map

A stock kernel's package has no System.map worth the name. The table (kernel/kallsyms.c) is found by its shape: names
are bytes of a dictionary of 256 tokens, whose entries for the digits stand one behind the other; before it lie a
marker for each 256 names, the names, their number, the address that offsets are relative to, and the offsets.
"""
import pathlib
import struct
import sys

DIGITS = b''.join(b'%d\0' % i for i in range(10))
GROUP = 256  # names per marker
SEARCHED = 16 << 20  # bytes before the dictionary
PAGE = 1 << 16  # to which kernels are linked
LEAST, MOST = 1000, 1000000  # symbols of a kernel


class Failure(Exception):
    """says in one line what is wrong"""


def find_tokens(image):
    """-> (where the dictionary begins, its 256 tokens)"""
    at = image.find(DIGITS)
    while at >= 0:
        start = at
        for _ in range(ord('0')):
            start = image.rfind(b'\0', 0, start - 1) + 1
        for slack in range(8):  # what pads the table before it is zero, too
            begin = start + slack
            tokens = image[begin:begin + 16384].split(b'\0')[:256]
            size = sum(len(t) + 1 for t in tokens)
            index = (begin + size + 7) // 8 * 8
            offsets = struct.unpack_from('<256H', image, index)
            expected, total = [], 0
            for token in tokens:
                expected.append(total)
                total += len(token) + 1
            if list(offsets) == expected:
                return begin, tokens
        at = image.find(DIGITS, at + 1)
    raise Failure('no dictionary of tokens')


def parse_names(image, at, count, end):
    """-> (the names as lists of tokens, where each 256th begins, the end), or None when they do not fit"""
    names, groups, start = [], [], at
    for number in range(count):
        if at >= end:
            return None
        if number % GROUP == 0:
            groups.append(at - start)
        length = image[at]
        at += 1
        if length & 0x80:
            length = length & 0x7f | image[at] << 7
            at += 1
        if length == 0:
            return None
        names.append(image[at:at + length])
        at += length
    return names, groups, at


def find_names(image, end):
    """-> (where their number stands, the names); markers behind them prove it"""
    for place in range(end // 8 * 8 - 8, max(end - SEARCHED, 8), -8):
        count, above = struct.unpack_from('<II', image, place)
        if above != 0 or not LEAST <= count <= MOST or place + 8 + 2 * count > end:
            continue
        parsed = parse_names(image, place + 8, count, end)
        if parsed:
            names, groups, behind = parsed
            if struct.unpack_from(f'<{len(groups)}I', image, (behind + 7) // 8 * 8) == tuple(groups):
                return place, names
    raise Failure('no names of symbols')


def relocated(image, place):
    """-> the word at an offset as the kernel's own relocation (R_AARCH64_RELATIVE) leaves it"""
    word = struct.unpack_from('<Q', image, place)[0]
    info = struct.pack('<Q', 0x403)
    at = image.find(info)
    while at >= 8 and word == 0:
        where, _, addend = struct.unpack_from('<QQQ', image, at - 8)
        text = where - place  # where the kernel would begin; its first symbol lies near
        if text >> 48 == 0xffff and text % PAGE == 0 and 0 <= addend - text <= PAGE:
            return addend
        at = image.find(info, at + 8)
    return word


def symbols_of(image):
    """-> [(address, type, name)] by address"""
    tokens_at, tokens = find_tokens(image)
    place, names = find_names(image, tokens_at)
    base = relocated(image, place - 8)
    offsets = struct.unpack_from(f'<{len(names)}I', image, place - 8 - (len(names) * 4 + 7) // 8 * 8)
    found = []
    for offset, name in zip(offsets, names):
        text = b''.join(tokens[token] for token in name).decode('ascii', 'replace')
        found.append((base + offset, text[0], text[1:]))
    if any(a[0] > b[0] for a, b in zip(found, found[1:])):
        raise Failure('addresses that do not grow')
    return found


def system_map(image):
    return ''.join(f'{address:016x} {kind} {name}\n' for address, kind, name in symbols_of(image))


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        sys.stdout.write(system_map(pathlib.Path(sys.argv[1]).read_bytes()))
    except (Failure, OSError, struct.error) as failure:
        print(f'symbols: {sys.argv[1]}: {failure}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
