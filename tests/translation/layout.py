"""Puts harness and cases into one ELF; takes records apart. The layout is that of harness.S."""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'differential'))
import image  # noqa: E402

PAGE, PAGE2 = 0x40090000, 0x40091000      # what runs under the tables of a case
ALIAS_BITS = 26          # below are no devices, but memory that holds no code
PROBES = {0: 0xc00, 1: 0x800, 2: 0x1800}  # behind PAGE, for each level
POOL, POOL_END = 0x41000000, 0x42000000   # tables and targets
PARAMETERS, CASES, LOG, TOP = 0x44000000, 0x44001000, 0x46000000, 0x48000000
RECORD_BYTES = 80
REGISTERS = ('sctlr_el1', 'tcr_el1', 'ttbr0_el1', 'ttbr1_el1', 'mair_el1', 'vbar_el1', 'hcr_el2',
             'vtcr_el2', 'vttbr_el2', 'sctlr_el2', 'tcr_el2', 'ttbr0_el2', 'mair_el2', 'flags',
             'alias')
CONTEXT = ('ttbr0_el1', 'ttbr1_el1', 'vttbr_el2')  # may be another for each attempt
FIELDS = ('how', 'value', 'esr_el2', 'esr_el1', 'far', 'hpfar', 'elr', 'low', 'high', 'descriptor')

# The probes in the order of harness.S: name, what it is, bytes, does it write.
AT, LOAD, STORE, BOTH, CACHE, OTHER = 'at', 'load', 'store', 'both', 'cache', 'other'
LIST = [(name, AT, 1, name.rstrip('p').endswith('w')) for name in (
    's1e1r', 's1e1w', 's1e0r', 's1e0w', 's12e1r', 's12e1w', 's12e0r', 's12e0w', 's1e2r', 's1e2w',
    's1e1rp', 's1e1wp')] + [
    ('ldr', LOAD, 8, False), ('str', STORE, 8, True), ('ldtr', LOAD, 8, False),
    ('sttr', STORE, 8, True), ('ldrb', LOAD, 1, False), ('strh', STORE, 2, True),
    ('ldrsh', LOAD, 2, False), ('ldp', LOAD, 8, False), ('stp', STORE, 8, True),
    ('ldxr', LOAD, 8, False), ('ldar', LOAD, 4, False), ('stlr', STORE, 8, True),
    ('stxr', BOTH, 8, True), ('cvac', CACHE, 1, False), ('civac', CACHE, 1, False),
    ('ivac', CACHE, 1, True), ('cvau', CACHE, 1, False), ('zva', STORE, 1, True),
    ('ivau', CACHE, 1, False), ('prfm', LOAD, 1, False), ('ldadd', BOTH, 8, True),
    ('cas', BOTH, 8, True), ('ldtrb', LOAD, 1, False), ('sttrh', STORE, 2, True),
    ('mmfr0', OTHER, 1, False), ('mmfr1', OTHER, 1, False), ('mmfr2', OTHER, 1, False)]
NUMBER = {row[0]: number for number, row in enumerate(LIST)}
KIND = {row[0]: row[1] for row in LIST}
SIZE = {row[0]: row[2] for row in LIST}
WRITES = {row[0]: row[3] for row in LIST}


def harness():
    return image.assemble(os.path.join(HERE, 'harness.S'))


class Attempt:
    """one AT or access; about: the address that it is about, as the generator knows it"""
    __slots__ = ('probe', 'el', 'spsr', 'pc', 'va', 'value', 'about', 'target', 'second',
                 'descriptor', 'context')

    def __init__(self, probe, el, spsr, pc, va, value=0, about=None):
        self.probe, self.el, self.spsr, self.pc, self.va = probe, el, spsr, pc, va
        self.value, self.about = value, about
        self.target = self.second = self.descriptor = 0
        self.context = None        # values of CONTEXT; None: those of the case

    def elsewhere(self, probe, el, spsr, va):
        """another one with the same tables"""
        out = Attempt(probe, el, spsr, va, va, 0, self.about)
        out.context = self.context
        return out

    def pack(self, registers):
        context = self.context or [registers[name] for name in CONTEXT]
        return struct.pack('<10Q', self.pc, self.spsr, self.va, self.value, self.target,
                           self.second, *context, self.descriptor)


class Record:
    """what an attempt left"""
    __slots__ = FIELDS

    def __init__(self, raw):
        for name, value in zip(FIELDS, struct.unpack('<10Q', raw)):
            setattr(self, name, value)


def build(kernel, cases):
    """-> the ELF"""
    out = bytearray()
    attempts = 0
    for case in cases:
        out += struct.pack('<15Q', *[case.registers[r] for r in REGISTERS])
        out += struct.pack('<2Q', len(case.writes), len(case.attempts))
        for address, value in case.writes.items():
            out += struct.pack('<2Q', address, value)
        for attempt in case.attempts:
            out += attempt.pack(case.registers)
        attempts += len(case.attempts)
    if len(out) > LOG - CASES or attempts * RECORD_BYTES > TOP - LOG:
        raise ValueError('more than fits into one image')
    parameters = struct.pack('<3Q', CASES, len(cases), LOG)
    return image.elf([(image.BASE, kernel), (PARAMETERS, parameters), (CASES, bytes(out))])
