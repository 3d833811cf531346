"""Trees of translation tables in the memory of a case: only the descriptors that are walked are
written, wherever their tables lie.
"""
import layout

WIDTHS = (32, 36, 40, 42, 44, 48, 48, 48)  # of TCR_EL1.IPS and its like


class Retry(Exception):
    """this case cannot be made so: another one"""


def ones(bits):
    return (1 << bits) - 1


def swap(value):
    return int.from_bytes(value.to_bytes(8, 'little'), 'big')


class Shape:
    """of the tables for addresses of so many bits: granule 12, 14 or 16, start: the first level"""

    def __init__(self, granule, bits, start=None):
        self.granule, self.bits, self.stride = granule, bits, granule - 3
        self.start = 4 - -(-(bits - granule) // self.stride) if start is None else start

    def shift(self, level):
        """log2 of what a descriptor of this level covers"""
        return self.granule + self.stride * (3 - level)

    def index_bits(self, level):
        return self.bits - self.shift(level) if level == self.start else self.stride

    def leaf_levels(self):
        """where blocks and pages can be"""
        first = 1 if self.granule == 12 else 2
        return [level for level in (1, 2, 3) if level >= max(self.start, first)]


def stage2_first(granule, pa_bits):
    """the highest level where stage 2 can start"""
    return {12: 0 if pa_bits >= 44 else 1, 14: 1 if pa_bits >= 42 else 2,
            16: 1 if pa_bits >= 44 else 2}[granule]


class Entry:
    """a descriptor: of which level, where, and what is behind it"""
    __slots__ = ('level', 'where', 'pa', 'value', 'next', 'output', 'protected')

    def __init__(self, level, where, pa):
        self.level, self.where, self.pa, self.protected = level, where, pa, False
        self.value, self.next, self.output = 0, None, 0


class Table:
    """base: in the output addresses of its tree; a PA is such an address ^ flip"""
    __slots__ = ('base', 'flip')

    def __init__(self, base, flip):
        self.base, self.flip = base, flip


class Tree:
    """place(bytes) -> Table gives room; reach(address, flip) is told of each descriptor; poke(pa,
    value, is it new) writes"""

    def __init__(self, shape, place, reach, poke, is_swapped):
        self.shape, self.place, self.reach, self.poke = shape, place, reach, poke
        self.is_swapped, self.entries = is_swapped, {}
        self.root = place(8 << shape.index_bits(shape.start))

    def write(self, entry, value, is_new=False):
        entry.value = value
        self.poke(entry.pa, swap(value) if self.is_swapped else value, is_new)

    def map(self, address, output, level, leaf, table, protect):
        """Maps address to output by a descriptor of that level with the bits `leaf`; table() gives
        the bits of a new table descriptor. -> the entries from the first to the leaf"""
        at, path, shape = self.root, [], self.shape
        for number in range(shape.start, 4):
            shift = shape.shift(number)
            index = address >> shift & ones(shape.index_bits(number))
            where = at.base + 8 * index
            entry = self.entries.get(where)
            if entry is None:
                entry = self.entries[where] = Entry(number, where, where ^ at.flip)
                self.reach(where, at.flip, protect)
                if number >= level and number in shape.leaf_levels():
                    entry.output = output & ~ones(shift)
                    self.write(entry, entry.output | leaf | (3 if number == 3 else 1), True)
                else:
                    entry.next = self.place(8 << shape.stride)
                    self.write(entry, entry.next.base | table() | 3, True)
            entry.protected = entry.protected or protect
            path.append(entry)
            if entry.next is None:
                if entry.output | address & ones(shift) != output:
                    raise Retry
                return path
            at = entry.next
        raise Retry


def place_in_pool(rng, size, flip):
    """a table of that size, aligned to it, at an address whose PA lies in the pool"""
    pa = rng.randrange(layout.POOL, layout.POOL_END - size, 16)
    return Table((pa ^ flip) & ~(size - 1), flip)
