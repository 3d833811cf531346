"""The memory attributes that PAR_EL1 tells, by the architecture, or with what QEMU does otherwise."""
from model import NON_CACHEABLE, WRITE_BACK, field, is_device, memory1, memory2

OUTER, INNER = 2, 3
TAGGED = 0xf0          # a type of Armv8.5


def is_reserved(byte):
    """a byte of MAIR_ELx that says no memory type in Armv8.0"""
    return byte & 0x0f == 0 and byte != 0 if byte & 0xf0 else byte & 3 != 0


def is_outer(memory):
    return is_device(memory) or memory == NON_CACHEABLE


def strength(nibble):
    """0: Non-cacheable, 1: Write-Through, 2: Write-Back"""
    return 0 if nibble == 4 else 1 if nibble < 4 or 8 <= nibble < 12 else 2


def weaker(one, two, quirk):
    """nibbles of Normal memory: the weaker of both, with hints and transience of stage 1"""
    if not strength(one) or not strength(two):
        return 4
    if strength(two) == 2 or strength(one) == 1:
        return one
    if one < 8 and not quirk('transience-with-write-through-of-stage-2'):
        return one & 3
    return 8 | one & 3


def combine(one, two, quirk):
    """S2CombineS1MemAttrs"""
    low = next((n for n in (0, 4, 8) if n in (one & 15, two & 15)), 12)
    if is_device(one) and is_device(two):
        return low
    if is_device(one) or is_device(two):
        memory = one if is_device(one) else two
        if low != memory & 15 and quirk('device-memory-of-one-stage'):
            return low
        return memory
    return weaker(one >> 4, two >> 4, quirk) << 4 | weaker(one & 15, two & 15, quirk)


def stage2_memory(attribute, is_uncached, quirk):
    memory = memory2(attribute)
    if is_device(memory):
        return memory
    if is_uncached:
        return NON_CACHEABLE
    if attribute & 3 == 0 and quirk('reserved-memory-types-of-stage-2'):
        return memory & 0xf0 | 0x0f
    return memory


def attributes(walker, quirk):
    """-> memory type as a byte of MAIR_ELx, shareability: of the walker's translation"""
    regs, el2 = walker.regs, walker.regime() == 2
    memory, share = walker.byte, walker.share1
    if not (is_reserved(memory) and quirk('reserved-memory-types')):
        memory = memory1(memory)
    cached = regs['sctlr_el2' if el2 else 'sctlr_el1'] >> 2 & 1
    if not is_outer(memory) and walker.shape1 and not cached and \
            not quirk('attributes-while-the-cache-is-off'):
        memory = NON_CACHEABLE
    share = usual(share, memory, quirk)
    if walker.leaf2 is None:
        if is_outer(memory) and share != OUTER and \
                not quirk('shareability-of-device-memory-in-par'):
            share = OUTER
        return memory, share
    value = walker.value2
    is_tagged = memory == TAGGED        # which is left of it only by that quirk
    memory = combine(WRITE_BACK if is_tagged else memory,
                     stage2_memory(field(value, 2, 4), walker.hcr(32), quirk), quirk)
    if is_tagged and memory == WRITE_BACK:
        memory = TAGGED
    shares = (share, usual(field(value, 8, 2), memory, quirk))
    share = OUTER if OUTER in shares else INNER if INNER in shares else 0
    return memory, OUTER if is_outer(memory) else share


def usual(share, memory, quirk):
    """what the reserved shareability becomes"""
    if share == 1 and not is_outer(memory):
        return 1 if quirk('reserved-shareability') else OUTER
    return share
