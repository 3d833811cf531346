"""What a case attempts at its addresses: AT, accesses of every kind, fetches."""
import layout
from layout import Attempt
from tables import ones

DAIF = 0x3c0
SPSR = {0: DAIF, 1: DAIF | 5, 2: DAIF | 9}
PAN, UAO = 1 << 22, 1 << 23
AT_PROBES = [n for n, kind in layout.KIND.items() if kind == layout.AT and n[-1] != 'p']
ACCESSES = [n for n, kind in layout.KIND.items() if kind not in (layout.AT, layout.OTHER)]


class Attempts:
    """of a case in the making: a part of its Build"""

    def odd_va(self, spot, tree):
        """sometimes an address out of range, often a tag"""
        r = self.rng
        if self.chance(25):
            spot.va = spot.va & ones(56) | r.getrandbits(8) << 56
        bits = tree.shape.bits if tree else self.machine.pa_bits
        if self.chance(4) and bits < 55:
            spot.va ^= 1 << r.randrange(bits, 55)

    def attempt_el1(self, spot):
        r = self.rng
        for _ in range(r.randrange(4, 8)):
            probe = r.choice(AT_PROBES[:8])
            el = 1 if self.runs and probe[1] == '1' and probe[2] == 'e' and self.chance(15) else 2
            self.attempt(spot, probe, el)
        if not self.runs:
            if not self.is_lost:
                self.attempt(spot, 'fetch', r.randrange(2))
            return
        if 'pan2' in self.machine.features:
            self.attempt(spot, r.choice(('s1e1rp', 's1e1wp')), r.choice((1, 2)))
        for _ in range(r.randrange(4, 9)):
            self.attempt(spot, r.choice(('fetch', 'ldr', 'str', *r.sample(ACCESSES, 5))),
                         r.randrange(2))

    def is_alone(self, spot):
        """is nothing else in the target's block of 64 bytes?"""
        return not spot.is_wild and not any(
            spot.target & ~63 | n in self.case.writes for n in range(0, 64, 8)
            if n - (spot.target & 63) not in (0, 8))

    def attempt(self, spot, probe, el):
        r, va = self.rng, spot.va
        features = self.machine.features
        if self.is_far and layout.KIND.get(probe) != layout.AT:
            return
        if probe in ('ldadd', 'cas') and 'lse' not in features or probe == 'ivac' and el == 0 or \
                probe == 'zva' and not self.is_alone(spot):
            return
        spsr = SPSR[el]
        if 'pan' in features and self.chance(30):
            spsr |= PAN
        if 'uao' in features and self.chance(20):
            spsr |= UAO
        value = r.getrandbits(64)
        size = layout.SIZE.get(probe, 4)
        if size > 1 and probe != 'stp' and self.chance(12):
            va += r.randrange(1, 8) if probe != 'fetch' else r.choice((1, 2, 3))
        pc = va
        if probe != 'fetch':
            page = layout.PAGE if el == 2 else self.page
            pc = page + layout.PROBES[el] + 16 * layout.NUMBER[probe]
        descriptor = spot.path1[-1].pa if spot.path1 and not self.updates else 0
        self.case.attempts.append(Attempt(probe, el, spsr, pc & ones(64), va & ones(64), value,
                                          spot.target, descriptor, spot))
