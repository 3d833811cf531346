"""What regs.py reads into: lines, fields, blocks, traps, and the checks over a whole table."""
import re

OP_MAX = (3, 7, 15, 15, 7)
CLOSED = ('owner', 'feature', 'on_read', 'on_write')


class Fault(Exception):
    def __init__(self, path, number, message):
        super().__init__(f'{path}:{number}: {message}')


class Source:
    """One line: its words without comment and sentence, and where it stands."""

    def __init__(self, path, number, raw):
        self.path, self.number, self.sentence = path, number, None
        text = re.sub(r'#(?=([^"]*"[^"]*")*[^"]*$).*', '', raw).strip()
        match = re.fullmatch(r'([^"]*)"([^"\\]*)"', text)
        if match:
            text, self.sentence = match[1], match[2]
        elif '"' in text:
            raise self.fault('a sentence must be the last thing on its line')
        self.words = text.split()
        if self.sentence is not None and not self.words:
            raise self.fault('a sentence without a row')

    def fault(self, message):
        return Fault(self.path, self.number, message)

    def need(self, count):
        if len(self.words) != count:
            raise self.fault(f'"{self.words[0]}" wants {count - 1} words after it')

    def need_at_least(self, count):
        if len(self.words) < count:
            raise self.fault(f'"{self.words[0]}" wants at least {count - 1} words after it')


def parse_number(line, text):
    try:
        return int(text, 0)
    except ValueError:
        raise line.fault(f'"{text}" is not a number') from None


def attributes(line, start, allowed):
    got = {}
    for word in line.words[start:]:
        name, _, value = word.partition('=')
        if name not in allowed:
            raise line.fault(f'unknown attribute "{name}"')
        if name in got:
            raise line.fault(f'attribute "{name}" twice')
        got[name] = value
    return got


def expand(line, name, kind):
    """NAME<n>_EL1[6] -> six (name, index); NAME -> one."""
    if '<' not in name:
        return [(name, None)]
    match = re.fullmatch(r'(\w+)<n>(\w*)\[(\d+)\]', name)
    if not match or kind == 'space':
        raise line.fault(f'"{name}" is not NAME<n>[COUNT]')
    return [(f'{match[1]}{i}{match[2]}', i) for i in range(int(match[3]))]


def numbers(line, text, place, index):
    top = OP_MAX[place]
    if text == 'n':
        if index is None:
            raise line.fault('"n" in an encoding that is no array')
        return [index]
    got = []
    for part in text.split(','):
        match = re.fullmatch(r'(\d+)(?:-(\d+))?', part)
        if part == '*':
            got += range(top + 1)
        elif match:
            got += range(int(match[1]), int(match[2] or match[1]) + 1)
        else:
            raise line.fault(f'"{part}" is not a number or a range')
    if not got or max(got) > top:
        raise line.fault(f'{("op0", "op1", "CRn", "CRm", "op2")[place]} is at most {top}')
    return got


def key_of(op0, op1, crn, crm, op2):
    return op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2


def mask_of(high, low):
    return ((1 << (high - low + 1)) - 1) << low


def parse_access(line, text):
    """el0r_el1rw -> per EL the letters; a level that is not named has those of the one below."""
    if text == 'none':
        return ['', '', '']
    levels = [None, None, None]
    for part in text.split('_'):
        match = re.fullmatch(r'el([012])(r|w|rw|no)', part)
        if not match or levels[int(match[1])] is not None:
            raise line.fault(f'access "{text}" is not like el0r_el1rw')
        levels[int(match[1])] = match[2].replace('no', '')
    for i in range(3):
        if levels[i] is None:
            levels[i] = levels[i - 1] if i else ''
    return levels


class Field:
    def __init__(self, name, high, low, what):
        self.name, self.high, self.low, self.what = name, high, low, what
        self.needs, self.upper, self.fixed, self.ro, self.else1 = None, None, None, False, False

    def mask(self):
        return mask_of(self.high, self.low)

    def absent(self, feature):
        """The bits that are RES0 without this feature."""
        total = self.mask() if self.needs == feature and not self.else1 else 0
        if self.upper == feature:
            total |= mask_of(self.high, (self.high + self.low + 1) // 2)
        return total


class Block:
    """A register, word, enum or model with its lines."""

    def __init__(self, kind, name, line, what, bits):
        self.kind, self.name, self.line, self.what, self.bits = kind, name, line, what, bits
        self.fields, self.next_bit = [], bits - 1
        self.values, self.ids, self.features = [], {}, []
        self.fields_of = None

    def add_field(self, line, field):
        if field.high != self.next_bit or field.low > field.high or field.low < 0:
            raise line.fault(f'{self.name}: expected bit {self.next_bit}, '
                             f'got {field.high}:{field.low}')
        if field.name not in ('res0', 'res1'):
            if field.name in [f.name for f in self.fields] + ['RES0', 'RES1', 'ENC']:
                raise line.fault(f'{self.name}: second field {field.name}')
        self.fields.append(field)
        self.next_bit = field.low - 1

    def finish(self):
        if self.kind in ('reg', 'word', 'mmio') and self.next_bit != -1:
            raise self.line.fault(f'{self.name}: bits {self.next_bit}:0 unclaimed')
        if self.kind in ('enum', 'model') and not (self.values or self.ids):
            raise self.line.fault(f'{self.name}: no rows')

    def mask(self, wanted):
        total = 0
        for field in self.fields:
            if wanted(field):
                total |= field.mask()
        return total

    def res0(self):
        return self.mask(lambda f: f.name == 'res0')

    def res1(self):
        return self.mask(lambda f: f.name == 'res1')

    def absent(self, feature):
        total = 0
        for field in self.fields:
            total |= field.absent(feature)
        return total

    def absent_ones(self, feature):
        return self.mask(lambda f: f.else1 and f.needs == feature)

    def zeros(self):
        return self.mask(lambda f: f.name == 'res0' or f.fixed == 0)

    def ones(self):
        return self.mask(lambda f: f.name == 'res1' or f.fixed == 1)

    def keys(self):
        a, b, c, d, e = self.ops
        return [key_of(i, j, k, m, n) for i in a for j in b for k in c for m in d for n in e]


class Trap:
    def __init__(self, line, got):
        line.need_at_least(2)
        self.line, self.name = line, line.words[1]
        for name in ('to', 'el', 'dir', 'when'):
            if name not in got:
                raise line.fault(f'trap {self.name}: no {name}=')
        self.to = got['to']
        if self.to not in ('undef', 'el1', 'el2'):
            raise line.fault(f'trap {self.name}: to= is undef, el1 or el2')
        if not re.fullmatch(r'0?1?2?', got['el']) or not got['el']:
            raise line.fault(f'trap {self.name}: el= is some of 0, 1, 2 in order')
        if got['dir'] not in ('r', 'w', 'rw'):
            raise line.fault(f'trap {self.name}: dir= is r, w or rw')
        self.els, self.dir, self.when = [int(c) for c in got['el']], got['dir'], got['when']
        self.ec = parse_number(line, got.get('ec', '0x18'))
        match = re.fullmatch(r'fn:([a-z]\w*)|(\w+)\.(\w+):(\w+)', self.when)
        if not match:
            raise line.fault(f'trap {self.name}: when= is REG.FIELD:VALUE or fn:NAME')
        self.function, self.reg, self.field = match[1], match[2], match[3]
        self.value = parse_number(line, match[4]) if match[4] else None


class Table:
    def __init__(self, name, prefix, what, line):
        self.name, self.prefix, self.what, self.line = name, prefix, what, line
        self.closed = {name: {} for name in CLOSED}
        self.traps, self.words, self.enums = {}, {}, {}
        self.registers, self.mmio, self.frames, self.models = [], [], [], []
        self.used = None
        self.names, self.slots = {}, {}

    def add_name(self, block):
        if block.name in self.names:
            raise block.line.fault(f'second {block.name}')
        self.names[block.name] = block

    def add_trap(self, trap):
        if trap.name in self.traps:
            raise trap.line.fault(f'second trap {trap.name}')
        self.traps[trap.name] = trap

    def add_word(self, block):
        self.add_name(block)
        self.words[block.name] = block

    def add_enum(self, block):
        self.add_name(block)
        self.enums[block.name] = block

    def add_register(self, block):
        self.add_name(block)
        for key in block.keys():
            other = self.slots.get(key)
            if other and (other.kind == 'space') == (block.kind == 'space'):
                raise block.line.fault(f'{block.name} has the encoding of {other.name}')
            if block.kind != 'space' or other is None:
                self.slots[key] = block
        self.registers.append(block)

    def own_keys(self, block):
        """A space has the keys that no row inside it takes."""
        return [key for key in block.keys() if self.slots[key] is block]

    def add_mmio(self, block):
        self.add_name(block)
        for other in self.mmio:
            if other.frame == block.frame and other.offset < block.offset + 4 * block.count and \
                    block.offset < other.offset + 4 * other.count:
                raise block.line.fault(f'{block.name} overlaps {other.name}')
        self.mmio.append(block)

    def add_model(self, block):
        if any(m.name == block.name for m in self.models):
            raise block.line.fault(f'second model {block.name}')
        self.models.append(block)

    def find_model(self, line, name):
        for model in self.models:
            if model.name == name:
                return model
        raise line.fault(f'no model {name} before this one')

    # Checks that need the whole table -----------------------------------------------------

    def check(self):
        for block in self.registers + self.mmio:
            self.take_layout(block)
        for block in self.registers + list(self.words.values()) + self.mmio:
            self.check_fields(block)
        used = set()
        for block in self.registers:
            self.check_register(block)
            used |= set(block.traps)
        for trap in self.traps.values():
            if trap.name not in used:
                raise trap.line.fault(f'trap {trap.name} is on no register')
            self.check_trap(trap)
        for enum in self.enums.values():
            for _, name, fields, _ in enum.values:
                if fields and fields not in self.words:
                    raise enum.line.fault(f'{name}: no word {fields}')
        for model in self.models:
            self.check_model(model)

    def take_layout(self, block):
        if block.fields_of is not None:
            word = self.words.get(block.fields_of)
            if word is None:
                raise block.line.fault(f'{block.name}: no word {block.fields_of}')
            if word.bits != block.bits:
                raise block.line.fault(f'{block.name}: {word.name} has {word.bits} bits')
            block.fields, block.next_bit = word.fields, -1

    def check_fields(self, block):
        for field in block.fields:
            for needs in (field.needs, field.upper):
                if needs is not None and needs not in self.closed['feature']:
                    raise block.line.fault(f'{block.name}.{field.name}: no feature {needs}')

    def check_register(self, block):
        line, name = block.line, block.name
        for what in ('owner', 'on_read', 'on_write'):
            value = getattr(block, what)
            if value is not None and value not in self.closed[what]:
                raise line.fault(f'{name}: no {what} {value}')
        if block.needs is not None and block.needs not in self.closed['feature']:
            raise line.fault(f'{name}: no feature {block.needs}')
        if not self.own_keys(block):
            raise line.fault(f'{name}: no encoding is left for it')
        if block.owner is None:
            raise line.fault(f'{name}: no owner=')
        for trap in block.traps:
            if trap not in self.traps:
                raise line.fault(f'{name}: no trap {trap}')
        if len(set(block.traps)) != len(block.traps):
            raise line.fault(f'{name}: one trap twice')
        if not any(block.access) and block.kind != 'space' and not block.unmodelled:
            raise line.fault(f'{name}: nobody can access it')
        if block.special and block.effective:
            raise line.fault(f'{name}: a special register has no effective copy')
        if block.reset[0].isalpha() and block.reset not in ('unknown', 'id'):
            source = self.names.get(block.reset)
            if source is None or source.kind != 'reg' or source.reset != 'id':
                raise line.fault(f'{name}: reset={block.reset} is no register with reset=id')
        elif block.kind == 'reg' and block.reset not in ('unknown', 'id') and block.fields:
            value = block.reset_value
            if value & block.zeros() or value & block.ones() != block.ones() or value >> 64:
                raise line.fault(f'{name}: reset value breaks its RES0 or RES1 bits')

    def check_trap(self, trap):
        if trap.function:
            return
        reg = self.names.get(trap.reg)
        if reg is None or reg.kind != 'reg':
            raise trap.line.fault(f'trap {trap.name}: no register {trap.reg}')
        if not reg.effective:
            raise trap.line.fault(f'trap {trap.name}: {trap.reg} has no effective copy')
        for field in reg.fields:
            if field.name == trap.field:
                if trap.value >> (field.high - field.low + 1):
                    raise trap.line.fault(f'trap {trap.name}: value wider than the field')
                return
        raise trap.line.fault(f'trap {trap.name}: no field {trap.field} in {trap.reg}')

    def check_model(self, model):
        home = self.used or self
        wanted = {r.name: r for r in home.registers if r.reset == 'id'}
        for feature in model.features:
            if feature not in home.closed['feature']:
                raise model.line.fault(f'{model.name}: no feature {feature}')
        for name, (value, line) in model.ids.items():
            base = name.split('[')[0]
            reg = home.names.get(base)
            if reg is None or reg.kind != 'reg' or (base == name and name not in wanted):
                raise line.fault(f'{model.name}: {name} is no register with reset=id')
            absent = sum(reg.absent(f) for f in home.closed['feature'] if f not in model.features)
            if value >> 64 or value & (reg.zeros() | absent) or value & reg.ones() != reg.ones():
                raise line.fault(f'{model.name}: {name} breaks RES0 or RES1 bits')
        for name, reg in wanted.items():
            if reg.needs and reg.needs not in model.features:
                model.ids.pop(name, None)  # it came with like=, or there is nothing to say
            elif name not in model.ids:
                raise model.line.fault(f'{model.name}: no value for {name}')
