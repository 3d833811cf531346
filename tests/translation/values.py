"""Values of registers and descriptors: random, but such that most of them work."""
import layout
from tables import Shape, ones, stage2_first

SCTLR_EL1 = 0x30d0d998 | 1 << 26       # RES1, SA SA0, nTWI nTWE, UCT DZE UCI, I
SCTLR_EL2 = 0x30c51835                 # the harness's own: M C I
DEFAULTS = {'sctlr_el1': SCTLR_EL1, 'vbar_el1': 0x40090000, 'hcr_el2': 1 << 31,
            'sctlr_el2': SCTLR_EL2, 'tcr_el2': 0x80853519, 'mair_el2': 0xff, 'vtcr_el2': 1 << 31}
TG0 = {12: 0, 16: 1, 14: 2}
TG1 = {12: 2, 14: 1, 16: 3}
GRANULE0, GRANULE1 = ({code: size for size, code in tg.items()} for tg in (TG0, TG1))
NG, AF, DBM, CONTIGUOUS, PXN, UXN = 1 << 11, 1 << 10, 1 << 51, 1 << 52, 1 << 53, 1 << 54
SAFE_LEAF1 = AF | 3 << 8 | 3 << 6 | 7 << 2     # read-only for all, attribute 7
SAFE_TABLE1 = 0
SAFE_LEAF2 = AF | 3 << 8 | 3 << 6 | 15 << 2
NORMAL = (0xff, 0x44, 0xbb, 0xee, 0x77)
SORTS = (NORMAL, (0x00,), (0x04,), (0x08,), (0x0c,), (0x44,), (0xff, 0xee, 0xdd, 0xcc),
         (0xaa, 0xbb, 0x88, 0x99), (0x77, 0x66, 0x55, 0x33, 0x22, 0x11),
         (0x4f, 0xf4, 0xa4, 0x5d, 0xdb, 0x9f), (0x01, 0x07, 0x09, 0x0e, 0x40, 0xb0, 0xf0))


def field(value, low, bits):
    return value >> low & ones(bits)


def chance(rng, percent):
    return rng.random() * 100 < percent


def void_bit(rng, width=48):
    """makes an address of RAM one where both machines have nothing"""
    bits = (32, 34, 35, 36, 37, 38, 40, 41, 42, 43, 44, 45, 46, 47)
    return 1 << rng.choice([bit for bit in bits if bit < width] or [46])


def output_code(rng, pa_bits):
    """IPS and PS: mostly all, sometimes less or a reserved value"""
    codes = {32: 0, 36: 1, 40: 2, 42: 3, 44: 4, 48: 5}
    return codes[pa_bits] if chance(rng, 60) else rng.choice((0, 1, 2, 2, 3, 4, 5, 6, 7))


def mair(rng):
    """byte 7 is that of the probes"""
    out = [rng.choice(rng.choice(SORTS)) if chance(rng, 80) else rng.getrandbits(8)
           for _ in range(7)]
    out.append(rng.choice(NORMAL))
    return int.from_bytes(bytes(out), 'little')


def sctlr(rng, machine, el, m):
    out = SCTLR_EL1 if el == 1 else SCTLR_EL2 & ~1
    out = out & ~(1 << 2 | 1 << 12) | int(m)
    for bit, percent in ((2, 75), (12, 75), (1, 15), (19, 15)):      # C I A WXN
        if chance(rng, percent):
            out |= 1 << bit
    if 'bigend' in machine.features:
        for bit, percent in ((25, 10), (24, 10 if el == 1 else 0)):  # EE E0E
            if chance(rng, percent):
                out |= 1 << bit
    if el == 1 and 'pan' in machine.features and chance(rng, 50):
        out &= ~(1 << 23)
    return out


def walks(rng):
    """IRGN, ORGN and SH"""
    return rng.getrandbits(4) << 8 | rng.choice((0, 2, 3)) << 12


def tcr(rng, shapes, machine):
    low, high = shapes
    out = 64 - low.bits | walks(rng) | TG0[low.granule] << 14
    out |= (64 - high.bits | walks(rng)) << 16 | TG1[high.granule] << 30
    out |= rng.getrandbits(1) << 22 | output_code(rng, machine.pa_bits) << 32
    if 'hpds' in machine.features and chance(rng, 20):
        out |= rng.getrandbits(2) << 41
    return out | rng.getrandbits(3) << 36                              # AS TBI0 TBI1


def spoil_tcr(rng, value, side):
    """the half under test: sometimes no walks, or a size out of range"""
    if chance(rng, 4):
        value |= 1 << (23 if side else 7)
    if chance(rng, 4):
        size = rng.choice((0, 8, 15, 40, 41, 48, 63, rng.randrange(64)))
        value = value & ~(63 << 16 * side) | size << 16 * side
    if chance(rng, 3):
        value = value & ~(3 << (30 if side else 14)) | rng.getrandbits(2) << (30 if side else 14)
    return value


def granule0(machine, code):
    """by TG0; one that is reserved or not there is 4 KiB"""
    size = GRANULE0.get(code)
    return size if size in machine.granules else 12


def granule1(machine, code):
    size = GRANULE1.get(code)
    return size if size in machine.granules else 12


def tcr_el2(rng, shape, machine):
    out = 1 << 31 | 1 << 23 | 64 - shape.bits | walks(rng) | TG0[shape.granule] << 14
    if 'hpds' in machine.features and chance(rng, 10):
        out |= 1 << 24
    return out | output_code(rng, machine.pa_bits) << 16 | rng.getrandbits(1) << 20


def vtcr(rng, granule, t0sz, sl0, ps):
    return 1 << 31 | ps << 16 | TG0[granule] << 14 | walks(rng) | sl0 << 6 | t0sz


def stage2_controls(rng, may_default, is_plain):
    """of HCR_EL2: VM, and PTW, CD, ID; DC, which is stage 2 without VM, too"""
    out = 1
    if may_default and chance(rng, 15 if is_plain else 6):
        out = rng.choice((1 << 12, 1 << 12 | 1))
    for bit, percent in ((2, 25), (32, 10), (33, 10)):
        if chance(rng, percent):
            out |= 1 << bit
    return out


def stage2_shapes(granule, pa_bits):
    """-> [(first level, bits)] that VTCR_EL2 may say"""
    out = []
    for start in range(stage2_first(granule, pa_bits), 3 if granule == 12 else 4):
        shift = Shape(granule, 48, start).shift(start)
        most = min(shift + granule - 3 + 4, pa_bits, 48)
        out += [(start, bits) for bits in range(max(shift + 1, 25), most + 1)]
    return out


def updates(rng, low):
    """HA and HD"""
    return (rng.random() < 0.85) << low | (rng.random() < 0.75) << low + 1


def old_or_clean(rng, leaf, stage):
    """not accessed, or read-only until it becomes dirty"""
    if chance(rng, 45):
        leaf &= ~AF
    if chance(rng, 60):
        leaf |= DBM
        if chance(rng, 60):
            leaf = leaf | 1 << 7 if stage == 1 else leaf & ~(1 << 7)
    return leaf


def ignored(rng):
    """bits that hardware does not look at: 63, 58 to 55"""
    return rng.getrandbits(1) << 63 | rng.getrandbits(4) << 55 if chance(rng, 40) else 0


def leaf1(rng, is_plain=False):
    out = ignored(rng) | rng.getrandbits(2) << 8 | rng.choice((0, 1, 1, 1, 2, 3)) << 6
    out |= rng.getrandbits(1) << 11 | rng.getrandbits(1) << 5 | rng.getrandbits(3) << 2
    for bit, percent in ((AF, 100 if is_plain else 94), (CONTIGUOUS, 12), (PXN, 20), (UXN, 20)):
        if chance(rng, percent):
            out |= bit
    return out


def leaf2(rng, machine, is_plain=False):
    memory = 15 if chance(rng, 5 if is_plain else 40) else rng.getrandbits(4)
    out = ignored(rng) | rng.getrandbits(2) << 8 | memory << 2
    out |= (3 if is_plain or chance(rng, 70) else rng.getrandbits(2)) << 6
    for bit, percent in ((AF, 100 if is_plain else 94), (CONTIGUOUS, 12), (UXN, 15)):
        if chance(rng, percent):
            out |= bit
    if 'xnx' in machine.features and chance(rng, 35):
        out |= PXN
    return out


def table_ignored(rng):
    return rng.getrandbits(8) << 51 | rng.getrandbits(10) << 2 if chance(rng, 30) else 0


def table1(rng):
    """mostly without limits"""
    out = table_ignored(rng)
    for bit, percent in ((59, 8), (60, 8), (61, 8), (62, 8), (63, 20)):
        if chance(rng, percent):
            out |= 1 << bit
    return out


def table2(rng):
    return table_ignored(rng) | (rng.getrandbits(5) << 59 if chance(rng, 20) else 0)


def broken(rng, tree, entry):
    """another value for a descriptor"""
    value, shape = entry.value, tree.shape
    if entry.next is None:
        how = rng.choice(('invalid', 'type', 'far', 'far', 'access', 'access'))
        if how == 'type' and entry.level < 3 and not entry.output & layout.POOL & 0x3fffffff:
            how = 'access'   # no table may lie outside the pool
    else:
        how = rng.choice(('invalid', 'far', 'far', 'far', 'root', 'self', 'block', 'block'))
    if how == 'invalid':
        return value & ~1
    if how == 'far':
        return value | void_bit(rng)
    if how == 'access':
        return value & ~AF
    if how == 'type':
        return value ^ 2
    if how == 'block' and entry.level not in shape.leaf_levels():
        return value & ~2 | AF
    address = ones(48) & ~ones(shape.granule)
    if how == 'root' and tree.root.base & ones(shape.granule) == 0:
        return value & ~address | tree.root.base
    if how == 'self':
        return value & ~address | entry.where & address
    return value
