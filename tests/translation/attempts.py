"""What a case attempts at its addresses: AT, accesses of every kind, fetches."""
import coverage
import layout
from layout import Attempt
from tables import ones

DAIF = 0x3c0
SPSR = {0: DAIF, 1: DAIF | 5, 2: DAIF | 9}
PAN, UAO = 1 << 22, 1 << 23
AT_PROBES = [n for n, kind in layout.KIND.items() if kind == layout.AT and n[-1] != 'p']
CROSSING = ('ldr', 'str', 'ldr', 'str', 'ldtr', 'sttr', 'strh', 'ldrsh', 'ldp', 'stp', 'sttrh')
# One of these, and then one of it.
FAMILIES = (('fetch',), ('ldr', 'ldrb', 'ldrsh'), ('str', 'strh'),
            ('ldtr', 'sttr', 'ldtrb', 'sttrh'), ('ldp', 'stp'), ('ldxr', 'stxr'), ('ldar', 'stlr'),
            ('cvac', 'civac', 'ivac', 'cvau', 'ivau', 'prfm'), ('zva',), ('zva', 'ldadd', 'cas'),
            ('ldadd', 'cas'))


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
        below = self.focus and self.focus.is_stage2()
        for _ in range(r.randrange(2, 5) if below else r.randrange(4, 8)):
            probe = r.choice(AT_PROBES[:8])
            if self.is_plain and self.chance(85):
                probe = r.choice(AT_PROBES[4:8])
            el = 1 if self.runs and probe[1] == '1' and probe[2] == 'e' and \
                not self.is_host() and self.chance(15) else 2
            self.attempt(spot, probe, el)
        if not self.runs:
            for _ in range(0 if self.is_lost else 8 if below else 3):
                self.attempt(spot, 'fetch', self.low_level())
            return
        if 'pan2' in self.machine.features:
            for probe in ('s1e1rp', 's1e1wp') if below else (r.choice(('s1e1rp', 's1e1wp')),):
                self.attempt(spot, probe, 2 if self.is_host() else r.choice((1, 2)))
        for _ in range(r.randrange(9, 16) if below else 2 if self.is_plain else r.randrange(4, 9)):
            self.attempt(spot, self.access(spot), self.low_level())
        for _ in range(2 if spot.is_void else 0):          # it may fault before it gets there
            self.attempt(spot, 'zva', self.low_level())
        if below and self.focus.stage == coverage.STAGE2:  # rare: Device memory comes first
            for probe in ('zva', 'zva', 'zva', 'zva', *(('ldp',) * 3 if self.is_device(spot) else ())):
                self.attempt(spot, probe, self.low_level())

    def access(self, spot):
        """one of the probes that are no AT"""
        r = self.rng
        if spot.is_border and self.chance(80):
            return r.choice(CROSSING)
        return r.choice(r.choice(FAMILIES))

    def is_host(self):
        """HCR_EL2.TGE: EL1 is out of reach"""
        return self.case.registers['hcr_el2'] >> 27 & 1

    def low_level(self):
        return 0 if self.is_host() else self.rng.randrange(2)

    def is_alone(self, spot):
        """is nothing else in the target's block of 64 bytes?"""
        return not spot.is_wild and not any(
            spot.target & ~63 | n in self.case.writes for n in range(0, 64, 8)
            if (spot.target & ~63 | n) not in (spot.target, spot.second))

    def is_checked(self, el):
        """a misaligned access cannot get through: SCTLR_ELx.A"""
        return self.case.registers['sctlr_el2' if el == 2 else 'sctlr_el1'] >> 1 & 1

    @staticmethod
    def is_device(spot):
        return spot.path2 and not spot.path2[-1].value >> 4 & 3

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
        if spot.is_border:
            if size > 1 and probe not in ('fetch', 'stp', 'ldp') and self.chance(85):
                va += r.randrange(9 - size, 8)
        elif size > 1 and (probe != 'stp' or self.is_checked(el)) and \
                self.chance(60 if self.is_device(spot) else 12):
            va += r.randrange(1, 8) if probe != 'fetch' else r.choice((1, 2, 3))
        pc = va
        if probe != 'fetch':
            page = self.page2 if el == 2 else self.page
            pc = page + layout.PROBES[el] + 16 * layout.NUMBER[probe]
        one = Attempt(probe, el, spsr, pc & ones(64), va & ones(64), value, spot)
        one.target, one.second, one.context = spot.target, spot.second, spot.context
        one.descriptor = spot.path1[-1].pa if spot.path1 and not self.updates else 0
        self.case.attempts.append(one)
