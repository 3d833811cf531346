"""Makes random cases: registers, tables that lead somewhere, faults of every kind in them, and
what to attempt. What both CPUs have decides what is tried: struct of Machine.
"""
import coverage
import layout
import values
from attempts import Attempts
from focus import Focus, width_of
from tables import Retry, Shape, Tree, WIDTHS, ones, place_in_pool

HVC = 0xd4000aa2           # hvc #0x55: what a fetch from a target runs
START_CODE = {12: {2: 0, 1: 1, 0: 2}, 14: {3: 0, 2: 1, 1: 2}, 16: {3: 0, 2: 1, 1: 2}}
FLIPS = (12, 14, 16, 21, 25, 29, 30, 30, 36, 39)


class Machine:
    """what the two CPUs share, by ID_AA64MMFR0_EL1 to ID_AA64MMFR2_EL1 of both"""

    def __init__(self, *ids):
        def least(register, low):
            return min(values.field(one[register], low, 4) for one in ids)
        self.pa_bits = WIDTHS[least(0, 0)]
        self.granules = [12]
        if least(0, 20):
            self.granules.append(14)
        if all(values.field(one[0], 24, 4) == 0 for one in ids):
            self.granules.append(16)
        self.features = set()
        for name, register, low in (('bigend', 0, 8), ('pan', 1, 20), ('xnx', 1, 28),
                                    ('uao', 2, 4), ('hafdbs', 1, 0), ('hpds', 1, 12)):
            if least(register, low):
                self.features.add(name)
        if least(1, 0) < 2:
            self.features.discard('hafdbs')
        if least(1, 20) >= 2:
            self.features.add('pan2')
        if least(1, 4):
            self.features.add('vmid16')
        if 'pan' in self.features:             # of Armv8.1 like it
            self.features.add('lse')
        wanted = coverage.targets(self)       # one CPU has 16 KiB, and stage 2 is hard to reach
        self.targets = wanted + [one for one in wanted if one[0] == 14 and
                                 one[-1] in (coverage.STAGE2, coverage.WALK)]


class Spot:
    """an address under test: path1 and path2 are its entries in both stages, walk2 those of stage 2
    for each entry of path1"""
    __slots__ = ('va', 'target', 'ipa', 'path1', 'path2', 'shape1', 'shape2', 'side', 'is_wild',
                 'second', 'is_border', 'is_void', 'context')

    def __init__(self, va, target, ipa, side, shape1=None, shape2=None, path1=(), path2=()):
        self.va, self.target, self.ipa, self.side = va, target, ipa, side
        self.shape1, self.shape2, self.path1, self.path2 = shape1, shape2, path1, path2
        self.is_wild = False   # what it leads to may be no target
        self.second = target + 8
        self.is_void = False   # nothing is there
        self.is_border = False # its next 8 bytes are a spot's of their own
        self.context = None    # the registers of its own, as of an Attempt


class Case:
    """registers, memory, attempts"""

    def __init__(self):
        self.registers = dict.fromkeys(layout.REGISTERS, 0)
        self.registers.update(values.DEFAULTS)
        self.writes, self.attempts, self.spots = {}, [], []
        self.name, self.trees = '', []
        self.recursive = set()     # entries that lead to their own table or to the first

    def only(self, attempt):
        """the same with this attempt alone"""
        out = Case()
        out.registers, out.writes, out.name = self.registers, self.writes, self.name
        out.attempts, out.trees, out.spots = [attempt], self.trees, self.spots
        out.recursive = self.recursive
        return out

    def poke(self, pa, value, is_new):
        if not layout.POOL <= pa < layout.POOL_END or (pa in self.writes) == is_new:
            raise Retry
        self.writes[pa] = value


class Maker:
    """makes one case after the other"""

    def __init__(self, rng, machine):
        self.rng, self.machine, self.number = rng, machine, rng.randrange(1 << 20)

    def make(self):
        self.number += 1
        while True:
            try:
                return Build(self.rng, self.machine, self.number).make()
            except Retry:
                continue


class Build(Attempts):
    """one case in the making"""

    def __init__(self, rng, machine, number):
        self.rng, self.machine, self.case = rng, machine, Case()
        self.flip, self.stage2, self.width = 0, None, machine.pa_bits
        self.runs = True       # code can run at EL1 and EL0
        self.updates = False   # hardware updates descriptors
        self.is_far = False    # accesses may go anywhere, so that only AT can be tried
        self.is_lost = False   # not even an exception can be taken to EL1
        self.page = layout.PAGE  # its virtual address there
        self.page2 = layout.PAGE # and at EL2
        self.maps2 = []        # what stage 2 maps, for another stage 2
        self.focus = Focus(rng, machine, number) if number % 2 else None
        self.is_plain = not self.focus and self.chance(45)  # no faults, memory types
        self.other = None      # the registers for other tables
        self.own_leaves = 0    # NG, where the ASID tells tables apart
        self.walks = []        # the paths of stage 2 to descriptors of stage 1

    def chance(self, percent):
        return self.rng.random() * 100 < percent

    def make(self):
        if 'hafdbs' in self.machine.features and not self.is_plain and self.chance(20):
            self.updates = True
            self.case.registers['flags'] |= 2
        if self.focus.stage == coverage.EL2 if self.focus else self.chance(8 if self.is_plain else 25):
            self.make_el2()
        else:
            self.make_el1()
        return self.case

    # ---- where things are ----

    def place(self, size, loose=False):
        flip = self.flip
        if loose and self.stage2 and self.chance(80 if self.focus and self.focus.is_stage2() else 30):
            flip ^= self.far(flip)
        return place_in_pool(self.rng, size, flip)

    def far(self, flip):
        """other address bits, by which stage 2 gets a path of its own"""
        bits = self.rng.getrandbits(48) & ones(self.width) & ~(1 << 24)
        blocks = self.focus and self.focus.is_leaf and self.focus.is_stage2() and self.width > 36
        low = self.rng.choice([f for f in FLIPS if f < self.width and (not blocks or f > 29)])
        return bits & ~ones(low)

    def target(self, like=None):
        """16 bytes to be looked at; like: (low bits of the address, how many)"""
        for _ in range(9):
            pa = self.rng.randrange(layout.POOL, layout.POOL_END, 16)
            if like is not None:
                pa = pa & ~ones(like[1]) | like[0] & ones(like[1])
            if pa not in self.case.writes and pa + 8 not in self.case.writes:
                self.case.writes[pa] = HVC | self.rng.getrandbits(32) << 32
                self.case.writes[pa + 8] = self.rng.getrandbits(64)
                return pa
        raise Retry

    def void(self, address):
        """the same where nothing is, or where no address reaches"""
        return address | values.void_bit(self.rng)

    # ---- stage 2 ----

    def make_stage2(self):
        r, regs = self.rng, self.case.registers
        focus = self.focus if self.focus and self.focus.is_stage2() else None
        granule = focus.granule if focus else r.choice(self.machine.granules)
        legal = values.stage2_shapes(granule, self.machine.pa_bits)
        starts = sorted({start for start, _ in legal})
        start = r.choice(starts + starts[:1])
        bits = r.choice([bits for one, bits in legal if one == start])
        ps = values.output_code(r, self.machine.pa_bits)
        if focus:
            start, bits = focus.shape2(legal)
            ps = focus.output_code((coverage.STAGE2, coverage.WALK))
        sl0 = START_CODE[granule][start]
        vtcr = values.vtcr(r, granule, 64 - bits, sl0, ps)
        extra = values.updates(r, 21) if self.updates else 0
        if 'vmid16' in self.machine.features:
            extra |= r.getrandbits(1) << 19    # VS
        if not focus and not self.is_plain and self.chance(18):
            self.runs = False
            while sl0 in START_CODE[granule].values() and \
                    (2 - sl0 + (granule != 12), bits) in legal:
                bits, sl0 = 64 - r.randrange(64), r.randrange(4)
            vtcr = values.vtcr(r, granule, 64 - bits, sl0, ps)
            if self.chance(30):                # or one that is reserved or not there
                vtcr = vtcr & ~(3 << 14) | r.getrandbits(2) << 14
            start, bits = r.choice(legal)
        ips = WIDTHS[regs['tcr_el1'] >> 32 & 7] if regs['sctlr_el1'] & 1 else 48
        self.width = min(bits, ips, self.machine.pa_bits)
        self.flip = self.far(0) if self.width > 30 else self.far(0) | 1 << 30
        shape = Shape(granule, bits, start)
        self.stage2 = tree = self.make_tree2(shape)
        regs['vtcr_el2'] = vtcr | extra
        regs['vttbr_el2'] = tree.root.base | r.getrandbits(16 if 'vmid16' in self.machine.features
                                                           else 8) << 48
        if self.chance(10):                    # bits that no table's address has
            regs['vttbr_el2'] |= r.getrandbits(16) & (8 << shape.index_bits(start)) - 1 & ~1
        first = focus and focus.kind == 'external on walk' and focus.level == start
        if self.chance(70 if first else 0 if self.is_plain else 4):
            regs['vttbr_el2'] |= values.void_bit(r, WIDTHS[ps] if first else 48)
            self.runs = False
        regs['hcr_el2'] |= values.stage2_controls(r, not focus and regs['sctlr_el1'] & 1,
                                                  self.is_plain)
        self.map2(layout.PAGE ^ self.flip, layout.PAGE, True)

    def make_tree2(self, shape):
        tree = Tree(shape, lambda size: place_in_pool(self.rng, size, 0), lambda *_: None,
                    self.case.poke, self.case.registers['sctlr_el2'] >> 25 & 1)
        self.case.trees.append((2, tree))
        return tree

    def map2(self, ipa, pa, protect):
        """by stage 2, where there is one; -> the entries"""
        if self.stage2 is None:
            return ()
        self.maps2.append((ipa, pa, protect))
        r, difference = self.rng, ipa ^ pa
        low = (difference & -difference).bit_length() - 1 if difference else 64
        levels = [level for level in self.stage2.shape.leaf_levels()
                  if self.stage2.shape.shift(level) <= low]
        if not levels or ipa >> self.stage2.shape.bits:
            raise Retry
        leaf = values.SAFE_LEAF2 if protect else values.leaf2(r, self.machine, self.is_plain)
        if self.updates and not protect:
            leaf = values.old_or_clean(r, leaf, 2)
        level = self.focus.choose_level(levels) if self.focus and self.focus.is_stage2() and \
            not protect else r.choice(levels)
        return self.stage2.map(ipa, pa, level, leaf, lambda: values.table2(r), protect)

    # ---- stage 1 ----

    def make_tree(self, shape, is_swapped, loose):
        def reach(where, flip, protect):
            path = self.map2(where, where ^ flip, protect)
            if path and not protect:
                self.walks.append(path)
        tree = Tree(shape, lambda size: self.place(size, loose), reach, self.case.poke, is_swapped)
        self.case.trees.append((1, tree))
        return tree

    def make_spot(self, tree, side, va=None, low=None):
        """an address of this side, led to a target; va: the address; low: of it and of the target
        alike are these low bits"""
        r = self.rng
        pa = self.target(low)
        flip = self.flip
        if self.stage2 and self.chance(90 if self.focus else 60):
            flip ^= self.far(flip)
        if low is not None:
            flip &= ~ones(low[1])
        ipa = pa ^ flip if tree or va is None else va
        spot = Spot(0, pa, ipa, side, tree and tree.shape, self.stage2 and self.stage2.shape)
        to = pa
        if not self.is_plain and self.chance(6):
            to, spot.is_void = self.void(pa), True
            if not self.stage2:
                ipa = to
        if tree is None:
            spot.va = ipa
        else:
            levels = [level for level in tree.shape.leaf_levels()
                      if low is None or tree.shape.shift(level) <= low[1]]
            if not levels:
                raise Retry
            level = self.focus.choose_level(levels) if self.focus and \
                not self.focus.is_stage2() else r.choice(levels)
            within = ones(tree.shape.shift(level))
            inside = va & ones(tree.shape.bits) if va is not None else \
                (r.getrandbits(64) & ~within | ipa & within) & ones(tree.shape.bits)
            leaf = values.leaf1(r, self.is_plain) | self.own_leaves
            if self.updates:
                leaf = values.old_or_clean(r, leaf, 1)
            spot.path1 = tree.map(inside, ipa, level, leaf, lambda: values.table1(r), False)
            spot.va = inside | (ones(64) & ~ones(tree.shape.bits) if side else 0)
        spot.path2 = self.map2(ipa, to, False)
        self.case.spots.append(spot)
        return spot

    def make_border(self, tree, side):
        """the last bytes of a page and the first of the next, each led to a target of its own"""
        low = self.rng.choice([tree.shape.granule, tree.shape.shift(2)] if tree else [12, 16, 21])
        low = low if low <= 21 else tree.shape.granule
        spot = self.make_spot(tree, side, None, (ones(low) - 7, low))
        after = self.make_spot(tree, side, spot.va + 8, (0, low))
        spot.second, spot.is_border = after.target, True
        spot.is_wild = after.is_wild = True
        return spot

    def make_other(self, tree, side, spot):
        """the same address by other tables, led to another target"""
        self.make_spot(tree, side, spot.va, (spot.va, tree.shape.granule)).context = self.other

    def break_entries(self):
        """some descriptors become what they should not be"""
        if self.is_plain:
            return
        everywhere = [(stage, tree, e) for stage, tree in self.case.trees
                      for e in tree.entries.values() if not e.protected]
        chosen = [one for one in everywhere if self.chance(2)]
        for spot in self.case.spots:
            own = {*spot.path1, *spot.path2}
            near = [one for one in everywhere if one[2] in own]
            walked = [one for one in everywhere if one[0] == 2 and one[2] not in own]
            percent = 10 if self.focus else 50
            if self.chance(percent):
                chosen += self.one_of(near)
            elif self.chance(percent):
                chosen += self.one_of(walked)
        self.focus_on(everywhere)
        walked = {entry for path in self.walks for entry in path}
        is_risky = False
        for _, tree, entry in chosen:
            value = values.broken(self.rng, tree, entry)
            is_risky |= bool(value & 1 and (value ^ entry.value) & 0xfffff002)
            if value & 3 == 1 and entry.next and entry in walked:
                value &= ~1            # there QEMU would look for tables anywhere
            tree.write(entry, value)
            if entry.next and value & 3 == 3 and value & ones(48) >> 12 << 12 != entry.next.base and \
                    not value >> 32 & 0xffff:
                self.case.recursive.add(entry)
            if entry.value & 3 == 1 and entry.level not in tree.shape.leaf_levels():
                self.is_far = True     # QEMU takes it for a block of terabytes
        for spot in self.case.spots:
            spot.is_wild = spot.is_wild or is_risky

    def focus_on(self, everywhere):
        """what the case is to show, in most of its addresses"""
        focus = self.focus
        if focus is None:
            return
        width = width_of(self.case.registers, focus.stage, self.machine)
        if focus.stage == coverage.WALK:
            paths = self.rng.sample(self.walks, min(1, len(self.walks)))
        else:
            paths = [spot.path2 if focus.is_stage2() else spot.path1 for spot in self.case.spots]
        trees = {entry: tree for _, tree, entry in everywhere}
        for path in paths:
            if self.chance(80) and any(entry in trees for entry in path):
                tree = next(trees[entry] for entry in path if entry in trees)
                focus.spoil(tree, path, width)

    def one_of(self, entries):
        """any, or one of the first level that is there: those are rare"""
        if entries and self.chance(50):
            stage = self.rng.choice([stage for stage, *_ in entries])
            entries = [one for one in entries if one[0] == stage]
            first = min(one[2].level for one in entries)
            entries = [one for one in entries if one[2].level == first]
        return [self.rng.choice(entries)] if entries else []

    # ---- whole cases ----

    def make_el1(self):
        r, regs = self.rng, self.case.registers
        focus = self.focus
        stage1 = bool(self.chance(85 if self.is_plain else 80) or focus and focus.stage != coverage.STAGE2)
        tested = r.getrandbits(1)
        is_both = self.chance(20)
        if not focus and not self.is_plain and self.chance(7):
            regs['hcr_el2'] |= 1 << 27        # TGE: no EL1, no stage 1
            is_both = False
            # QEMU does stage 1 in spite of it: nothing can run where it is on
            self.runs = bool(not stage1 or self.chance(60))
            stage1, self.is_lost = stage1 and not self.runs, not self.runs
        shapes = [self.shape1(), self.shape1()]
        regs['sctlr_el1'] = values.sctlr(r, self.machine, 1, stage1)
        regs['mair_el1'] = values.mair(r)
        regs['tcr_el1'] = values.tcr(r, shapes, self.machine)
        if self.updates:
            regs['tcr_el1'] |= values.updates(r, 39)
        if focus:
            regs['tcr_el1'] = regs['tcr_el1'] & ~(7 << 32) | focus.output_code((coverage.EL1,)) << 32
        if focus.is_stage2() if focus else self.is_plain or self.chance(60):
            if 'bigend' in self.machine.features and self.chance(10):
                regs['sctlr_el2'] |= 1 << 25
            self.make_stage2()
        self.page = layout.PAGE ^ self.flip
        trees = [None, None]
        if stage1:
            for side in (0, 1):
                trees[side] = self.make_side(side, shapes[side], is_both or side == tested)
            if is_both:
                self.runs, self.is_lost = False, True
            elif not self.is_stage1_off():
                self.map_page(trees[1 - tested], 1 - tested)
            else:
                trees = [None, None]
        if regs['sctlr_el2'] >> 25 & 1:
            self.make_el2_tables()
        regs['vbar_el1'] = self.page
        two = None if focus or self.updates or is_both or self.is_plain else \
            r.choice(('ASID', 'VMID', None, None, None, None))
        if two == 'ASID' and trees[tested]:
            self.own_leaves = values.NG
            other = self.make_asid(shapes[tested], tested)
        for _ in range(r.randrange(4, 7) if self.is_plain else r.randrange(1, 4)):
            side = r.getrandbits(1) if is_both else tested
            if self.chance(15) and (trees[side] or self.stage2):
                self.make_border(trees[side], side if trees[side] else 0)
                continue
            spot = self.make_spot(trees[side], side if trees[side] else 0)
            if self.own_leaves:
                self.make_other(other, side, spot)
            self.odd_va(spot, trees[side])
        if two == 'VMID' and self.stage2:
            self.make_vmid()
        self.break_entries()
        for spot in self.case.spots:
            self.attempt_el1(spot)
        if two:
            r.shuffle(self.case.attempts)

    def is_stage1_off(self):
        """of EL1&0, whatever SCTLR_EL1.M says: HCR_EL2.DC and TGE"""
        return self.case.registers['hcr_el2'] & (1 << 12 | 1 << 27)

    def make_asid(self, shape, side):
        """tables under another ASID, whose leaves have nG as those of the first; -> the tree"""
        r, regs = self.rng, self.case.registers
        tree = self.make_tree(shape, regs['sctlr_el1'] >> 25 & 1, True)
        ttbr = [regs['ttbr0_el1'], regs['ttbr1_el1']]
        ttbr[side] = ttbr[side] & ~ones(48) | tree.root.base
        ttbr[regs['tcr_el1'] >> 22 & 1] ^= 1 << 48 + \
            r.randrange(16 if regs['tcr_el1'] >> 36 & 1 else 8)
        self.other = (*ttbr, regs['vttbr_el2'])
        return tree

    def make_vmid(self):
        """another stage 2, which puts tables where they are and the rest elsewhere"""
        r, regs = self.rng, self.case.registers
        spots = {spot.ipa: spot for spot in self.case.spots}
        maps, self.maps2 = self.maps2, []
        self.stage2 = self.make_tree2(self.stage2.shape)
        vmid = regs['vttbr_el2'] >> 48 ^ 1 << r.randrange(16 if regs['vtcr_el2'] >> 19 & 1 else 8)
        context = (regs['ttbr0_el1'], regs['ttbr1_el1'], self.stage2.root.base | vmid << 48)
        for ipa, pa, protect in maps:
            spot = spots.get(ipa)
            if protect or spot is None:
                self.map2(ipa, pa, protect)
                continue
            target = self.target((spot.target, r.choice((12, 14, 16))))
            other = Spot(spot.va, target, ipa, spot.side, spot.shape1, spot.shape2, spot.path1,
                         self.map2(ipa, target, False))
            other.context, other.is_wild = context, True
            if not spot.is_border:
                self.case.spots.append(other)

    def shape1(self):
        r = self.rng
        if self.focus and self.focus.stage == coverage.EL1:
            return self.focus.shape1()
        bits = 64 - r.choice((16, 25, r.randrange(16, 40), r.randrange(16, 40)))
        return Shape(r.choice(self.machine.granules), bits)

    def make_side(self, side, shape, is_tested):
        r, regs = self.rng, self.case.registers
        tree = self.make_tree(shape, regs['sctlr_el1'] >> 25 & 1, is_tested)
        ttbr = tree.root.base | r.getrandbits(16) << 48
        if is_tested:
            if self.chance(10):
                ttbr |= r.getrandbits(12) & (8 << shape.index_bits(shape.start)) - 1 & ~1
            focus = self.focus
            first = focus and focus.kind == 'external on walk' and \
                focus.stage == coverage.EL1 and focus.level == shape.start
            if self.chance(50 if first else 0 if self.is_plain else 4):
                ttbr |= values.void_bit(r, self.machine.pa_bits if first else 48)
            if not self.is_plain:
                regs['tcr_el1'] = values.spoil_tcr(r, regs['tcr_el1'], side)
        regs['ttbr1_el1' if side else 'ttbr0_el1'] = ttbr
        return tree

    def map_page(self, tree, side):
        """the page of probes, in the half that is not tested"""
        r, shape = self.rng, tree.shape
        ipa = layout.PAGE ^ self.flip
        level = r.choice(shape.leaf_levels())
        low = ones(shape.shift(level))
        inside = (r.getrandbits(64) & ~low | ipa & low) & ones(shape.bits)
        leaf = values.SAFE_LEAF1 | (values.NG if self.chance(50) else 0)
        tree.map(inside, ipa, level, leaf, lambda: values.SAFE_TABLE1, True)
        self.page = inside | (ones(64) & ~ones(shape.bits) if side else 0)

    def make_el2_tables(self):
        """the registers of EL2 are the case's own"""
        r, regs = self.rng, self.case.registers
        if self.focus and self.focus.stage == coverage.EL2:
            shape = self.focus.shape1()
        else:
            shape = Shape(r.choice(self.machine.granules),
                          64 - r.choice((16, r.randrange(16, 34), r.randrange(16, 40))))
        tree = Tree(shape, lambda size: place_in_pool(r, size, 0), lambda *_: None,
                    self.case.poke, regs['sctlr_el2'] >> 25 & 1)
        self.case.trees.append((1, tree))
        level = r.choice([level for level in shape.leaf_levels() if shape.shift(level) < shape.bits])
        if shape.bits < 31 and regs['sctlr_el2'] & 1:
            low = ones(shape.shift(level))
            self.page2 = (r.getrandbits(64) & ~low | layout.PAGE & low) & \
                ones(min(shape.bits, layout.ALIAS_BITS))
            regs['alias'] = self.page2
        for page in (0, layout.PAGE2 - layout.PAGE):
            if shape.bits > 30 or regs['alias']:
                tree.map(self.page2 + page, layout.PAGE + page, level, values.SAFE_LEAF1,
                         lambda: values.SAFE_TABLE1, True)
        regs['tcr_el2'] = values.tcr_el2(r, shape, self.machine)
        if self.updates:
            regs['tcr_el2'] |= values.updates(r, 21)
        if self.focus:
            code = self.focus.output_code((coverage.EL2,))
            regs['tcr_el2'] = regs['tcr_el2'] & ~(7 << 16) | code << 16
        regs['ttbr0_el2'] = tree.root.base
        regs['mair_el2'] = values.mair(r)
        regs['flags'] |= 1
        return tree

    def make_el2(self):
        r, regs = self.rng, self.case.registers
        regs['sctlr_el2'] = values.sctlr(r, self.machine, 2, self.chance(93))
        tree = self.make_el2_tables()
        self.width = 48
        if not regs['sctlr_el2'] & 1:
            tree = None
        for _ in range(r.randrange(1, 4)):
            if tree and self.chance(15):
                self.make_border(tree, 0)
            else:
                self.odd_va(self.make_spot(tree, 0), tree)
        self.break_entries()
        for spot in self.case.spots:
            for _ in range(r.randrange(6, 12)):
                probe = r.choice(('s1e2r', 's1e2w')) if self.chance(25) else self.access(spot)
                self.attempt(spot, probe, 2)
