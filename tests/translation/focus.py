"""What a case is to show for certain: one granule, level, kind of fault and stage, so that a long
run sees all of them often enough.
"""
import coverage
import values
from tables import WIDTHS, Shape


class Focus:
    """one of coverage.targets()"""

    def __init__(self, rng, machine, number):
        self.rng = rng
        self.granule, self.start, self.level, self.kind, self.stage = \
            machine.targets[number // 2 % len(machine.targets)]
        self.is_leaf = self.kind in ('access flag', 'permission', 'done')

    def is_stage2(self):
        return self.stage in (coverage.STAGE2, coverage.WALK)

    def shape2(self, legal):
        """-> (first level, bits) among the legal ones, which reach that level"""
        fit = [one for one in legal if one[0] == self.start]
        return self.rng.choice([one for one in fit if one[1] > 31] or fit)

    def shape1(self):
        while True:
            shape = Shape(self.granule, 64 - self.rng.randrange(16, 40))
            if shape.start == self.start:
                return shape

    def choose_level(self, levels):
        if self.is_leaf and self.level in levels:
            return self.level
        return self.rng.choice([level for level in levels if level >= self.level] or levels)

    def output_code(self, stages):
        """of IPS or PS; stages: those that it is for"""
        if self.kind == 'address size' and self.stage in stages:
            return self.rng.choice((2, 3, 4))
        return 5

    def spoil(self, tree, path, width):
        """the descriptor that shows it"""
        at = {entry.level: entry for entry in path if not entry.protected}
        if self.kind == 'external on walk':
            above = at.get(self.level - 1)
            if above and above.next:
                tree.write(above, above.value | values.void_bit(self.rng, width))
        elif self.level in at:
            entry = at[self.level]
            if self.kind == 'translation':
                tree.write(entry, entry.value & ~1)
            elif self.kind == 'address size' and width < 48:
                tree.write(entry, entry.value | 1 << self.rng.randrange(max(width, 40), 48))
            elif self.kind == 'access flag' and not entry.next:
                tree.write(entry, entry.value & ~values.AF)
            elif self.kind == 'permission' and not entry.next and self.is_stage2():
                tree.write(entry, entry.value & ~(3 << 6) | values.AF)


def width_of(registers, stage, machine):
    """what the case's output size is"""
    code = registers['vtcr_el2'] >> 16 if stage in (coverage.STAGE2, coverage.WALK) else \
        registers['tcr_el2'] >> 16 if stage == coverage.EL2 else registers['tcr_el1'] >> 32
    return min(WIDTHS[code & 7], machine.pa_bits)

