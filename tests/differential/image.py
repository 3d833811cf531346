"""Puts harness, blocks, inputs and runs into one ELF; takes records apart. The layout is that of
harness.S.
"""
import os
import struct
import subprocess
import tempfile

BASE = 0x40080000
TABLE = BASE + 0x20000    # table1 of the harness, the first in its data
PARAMETERS, CODE, DATA, LOG, TOP = 0x40400000, 0x42000000, 0x44000000, 0x46000000, 0x48000000
WINDOW, ANCHOR = 0x40200000, 0x4020a000
TABLE3 = TABLE + 0x2000   # its third table, which has the pages of the window
INPUT_BYTES, RUN_BYTES, RECORD_BYTES, EXCEPTION_BYTES = 1472, 48, 2240, 48
V_AT, WINDOW_AT, WINDOW_BYTES, EXCEPTIONS_AT = 320, 832, 640, 1472
EXCEPTIONS_MAX = 16
LITERAL_PAD = 4096       # code before the first block and behind the last: literals are read there
HERE = os.path.dirname(os.path.abspath(__file__))


class Problem(Exception):
    """something outside the test is wrong: one line for the user"""


def assemble(source, *options):
    """a harness as bytes from BASE on"""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, 'harness')
        command = ['aarch64-linux-gnu-gcc', '-nostdlib', '-static', '-march=armv8-a', '-Wl,-n',
                   '-Wl,--build-id=none', f'-Wl,-Ttext={BASE:#x}', *options,
                   '-I', os.path.join(HERE, '..', '..'), '-o', out, source]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
            subprocess.run(['aarch64-linux-gnu-objcopy', '-O', 'binary', out, out + '.bin'],
                           check=True, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise Problem(f'{error.filename} is not installed: apt install gcc-aarch64-linux-gnu')
        except subprocess.CalledProcessError as error:
            raise Problem(f'{source}: {error.stderr.strip()}')
        with open(out + '.bin', 'rb') as file:
            return file.read()


def harness():
    return assemble(os.path.join(HERE, 'harness.S'), f'-Wl,-Tdata={TABLE:#x}')


class Block:
    """words, among them the end; what was tested; where to run them"""
    __slots__ = ('words', 'units', 'el', 'spsr', 'anchor', 'config', 'fresh', 'address', 'number')

    def __init__(self, words, units, el, spsr, anchor):
        self.words, self.units, self.el, self.spsr, self.anchor = words, units, el, spsr, anchor
        self.config, self.fresh, self.address, self.number = 0, False, 0, 0


class Run:
    """a block with one of the inputs"""
    __slots__ = ('block', 'input')

    def __init__(self, block, number):
        self.block, self.input = block, number


def build(kernel, blocks, runs, inputs, configs, has_fp, dump):
    """-> the ELF. Blocks get their addresses."""
    at, code = CODE + LITERAL_PAD, bytearray(LITERAL_PAD)
    for block in blocks:
        if block.address == 0:
            block.address = at
        if block.address < at:
            raise ValueError('a block in the way of another')
        code += bytes(block.address - at)
        code += struct.pack(f'<{len(block.words)}I', *block.words)
        at = block.address + 4 * len(block.words)
    code += bytes(LITERAL_PAD)
    data = bytearray()
    for config in configs:
        data += struct.pack('<6Q', *config)
    inputs_at = DATA + len(data)
    for data_in in inputs:
        data += data_in
    data += bytes(-len(data) % 16)
    runs_at = DATA + len(data)
    for run in runs:
        b = run.block
        data += struct.pack('<6Q', b.address, b.address + 4 * len(b.words) - 4,
                            inputs_at + run.input * INPUT_BYTES, b.spsr, DATA + 48 * b.config,
                            b.fresh)
    if len(code) > DATA - CODE or len(data) > LOG - DATA or \
            len(runs) * (RECORD_BYTES if dump else 8) > TOP - LOG:
        raise ValueError('more than fits into one image')
    parameters = struct.pack('<6Q', 0, runs_at, len(runs), int(dump), int(has_fp), LOG)
    return elf([(BASE, kernel), (PARAMETERS, parameters), (CODE, bytes(code)), (DATA, bytes(data))])


def elf(segments):
    head = struct.pack('<4s12BHHIQQQIHHHHHH', b'\x7fELF', 2, 1, 1, *([0] * 9), 2, 183, 1, BASE, 64,
                       0, 0, 64, 56, len(segments), 64, 0, 0)
    offset, table, body = 64 + 56 * len(segments), b'', b''
    for address, content in segments:
        pad = (address - offset) % 4096
        body += bytes(pad)
        offset += pad
        table += struct.pack('<IIQQQQQQ', 1, 7, offset, address, address, len(content),
                             len(content), 4096)
        body += content
        offset += len(content)
    return head + table + body


def make_input(x, sp, fpcr, fpsr, v, window):
    """x: 31 values; sp: 3; v: 64 values; window: 640 bytes"""
    return struct.pack('<31Q3Q2Q2QQQ64Q', *x, *sp, 0, 0, fpcr, fpsr, 0, 0, *v) + window


class Record:
    """what a run left"""

    def __init__(self, raw):
        words = struct.unpack_from('<40Q', raw)
        self.values = {f'x{n}': words[n] for n in range(31)}
        self.values.update({'sp_el0': words[31], 'sp_el1': words[32], 'sp_el2': words[33],
                            'pstate': words[34], 'end': words[35], 'fpcr': words[36],
                            'fpsr': words[37], 'exceptions': words[38]})
        for n in range(32):
            low, high = struct.unpack_from('<QQ', raw, V_AT + 16 * n)
            self.values[f'v{n}'] = high << 64 | low
        for i in range(WINDOW_BYTES // 16):
            low, high = struct.unpack_from('<QQ', raw, WINDOW_AT + 16 * i)
            self.values[f'memory {window_address(16 * i):#x}'] = high << 64 | low
        for i in range(min(words[38], EXCEPTIONS_MAX)):
            fields = struct.unpack_from('<6Q', raw, EXCEPTIONS_AT + EXCEPTION_BYTES * i)
            for name, value in zip(('vector', 'esr', 'far', 'elr', 'spsr', 'hpfar'), fields):
                self.values[f'exception {i} {name}'] = value

    def differences(self, other):
        """names whose values differ, with both values (None: not there)"""
        names = list(self.values) + [n for n in other.values if n not in self.values]
        return [(n, self.values.get(n), other.values.get(n)) for n in names
                if self.values.get(n) != other.values.get(n)]


def window_address(offset):
    if offset < 64:
        return ANCHOR - 0x1000 + offset
    if offset < 576:
        return ANCHOR - 256 + offset - 64
    return ANCHOR + 0x1000 - 64 + offset - 576
