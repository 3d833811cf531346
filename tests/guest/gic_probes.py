"""Directed programs for tests/guest/gic.c: the cases that the random ones leave out, since QEMU goes on from another
state. Of each value read it is said what a GICv2 gives (IHI 0048B.b; GIC-400 where it is IMPLEMENTATION DEFINED), and
what QEMU gives where that is something else. A probe begins with everything cleared, all interrupts off, in Group 0,
and all SPIs edge-triggered.
"""
from gic_program import (ACKNOWLEDGE, ADDRESS, NOTHING, READ, READ_BYTE, TIMER, WORDS, WRITE, WRITE_BYTE, Program)

SPURIOUS, OTHER_GROUP = 1023, 1022
FIRST, SECOND = 40, 41  # SPIs
TIMER_PPI, TIMER_V = 27, 1
GROUPS, ACK_CTL, CBPR, EOI_MODE = 3, 4, 0x10, 0x200
PENDING, ACTIVE, HW = 1 << 28, 1 << 29, 1 << 31
PROBES = []


def probe(name, rule, cpus=1):
    """notes a function that writes a probe: its name is that of its entry in the list of differences"""
    def note(function):
        PROBES.append((name, cpus, rule, function))
        return function
    return note


class Probe(Program):
    """operations, and for each value that they print what it is here and on QEMU"""

    def __init__(self, cpus):
        super().__init__(None, cpus)
        self.expected = []  # (here, on QEMU)

    def look(self, kind, address, here, there):
        self.add(kind, 0, address)
        self.expected.append((here, here if there is None else there))

    def sees(self, name, here, there=None, word=0):
        self.look(READ, ADDRESS[name] + 4 * word, here, there)

    def sees_byte(self, name, index, here, there=None):
        self.look(READ_BYTE, ADDRESS[name] + index, here, there)

    def sees_bit(self, name, intid, here, there=None):
        """of a register with a bit for each interrupt; the others of the word are 0"""
        bit = 1 << intid % 32
        self.sees(name, here * bit, None if there is None else there * bit, intid // 32)

    def takes(self, here, there=None, frame='GICC'):
        self.look(ACKNOWLEDGE, ADDRESS[f'{frame}_IAR'], here, there)

    def set_bit(self, name, intid):
        self.write(name, 1 << intid % 32, intid // 32)

    def set_byte(self, name, index, value):
        self.add(WRITE_BYTE, 0, ADDRESS[name] + index, value)

    def timer(self, on):
        self.add(TIMER, TIMER_V, 0, on)

    def begin(self):
        for self.cpu in reversed(range(self.cpus)):
            self.clear()
            for word in range(WORDS):
                self.write('GICD_ICENABLER', NOTHING, word)
                self.write('GICD_IGROUPR', 0, word)
            for word in range(2, 2 * WORDS):
                self.write('GICD_ICFGR', 0xaaaaaaaa, word)
            for frame in ('GICC', 'GICV'):
                self.write(f'{frame}_PMR', 0xf8)
                self.write(f'{frame}_BPR', 2)
                self.write(f'{frame}_ABPR', 3)
                self.write(f'{frame}_CTLR', GROUPS | ACK_CTL)
            self.write('GICH_HCR', 1)
        self.write('GICD_CTLR', 3)

    def spi(self, intid, priority, group=0, target=1):
        """enabled, not pending"""
        self.set_byte('GICD_IPRIORITYR', intid, priority)
        self.write('GICD_IGROUPR', group << intid % 32, intid // 32)
        if self.cpus > 1:
            self.set_byte('GICD_ITARGETSR', intid, target)
        self.set_bit('GICD_ISENABLER', intid)

    def pend(self, *intids):
        for intid in intids:
            self.set_bit('GICD_ISPENDR', intid)


def program_of(cpus):
    """-> all probes of machines with so many CPUs as one program; for each of its values, whose it is"""
    program, owners = Probe(cpus), []
    for name, its_cpus, _, function in PROBES:
        if its_cpus == cpus:
            program.begin()
            function(program)
            owners += [name] * (len(program.expected) - len(owners))
    return program, owners


@probe('disabled-group', 'GICC_CTLR.EnableGrp0, EnableGrp1: an interrupt of a group that is disabled is not '
       'signalled, and GICC_IAR gives 1023; QEMU acknowledges it')
def _(p):
    p.spi(FIRST, 0x80, group=1)
    p.pend(FIRST)
    p.write('GICC_CTLR', 1 | ACK_CTL)
    p.takes(SPURIOUS, FIRST)


@probe('disabled-group-first', 'the interface decides on the highest priority pending interrupt alone '
       '(GenerateExceptions): while that is of a disabled group, one of the other group is not signalled either')
def _(p):
    p.spi(SECOND, 0x80, group=1)
    p.set_byte('GICD_IPRIORITYR', FIRST, 0x40)
    p.set_bit('GICD_ISENABLER', FIRST)
    p.pend(FIRST, SECOND)
    p.write('GICC_CTLR', 2 | ACK_CTL)
    p.takes(SPURIOUS, FIRST)


@probe('group-not-forwarded', 'GICD_CTLR.EnableGrp1: the Distributor does not forward interrupts of a disabled group')
def _(p):
    p.spi(FIRST, 0x80, group=1)
    p.pend(FIRST)
    p.write('GICD_CTLR', 1)
    p.sees('GICC_HPPIR', SPURIOUS, FIRST)
    p.takes(SPURIOUS, FIRST)


@probe('highest-below-mask', 'GICC_HPPIR does not look at GICC_PMR; QEMU shows 1023 for what is masked')
def _(p):
    p.spi(FIRST, 0x80)
    p.pend(FIRST)
    p.write('GICC_PMR', 0x40)
    p.sees('GICC_HPPIR', FIRST, SPURIOUS)
    p.takes(SPURIOUS)
    p.set_byte('GICD_IPRIORITYR', FIRST, 0xf8)
    p.write('GICC_PMR', 0xff)
    p.sees('GICC_HPPIR', FIRST, SPURIOUS)
    p.takes(SPURIOUS)


@probe('aliases', 'GICC_AIAR, GICC_AEOIR and GICC_AHPPIR serve Group 1 interrupts whatever AckCtl is; QEMU has no '
       'such registers: reads as 0, and nothing is acknowledged or ended')
def _(p):
    p.spi(FIRST, 0x80, group=1)
    p.pend(FIRST)
    p.write('GICC_CTLR', GROUPS)
    p.sees('GICC_AHPPIR', FIRST, 0)
    p.takes(OTHER_GROUP)
    p.sees('GICC_AIAR', FIRST, 0)
    p.sees('GICC_RPR', 0x80, 0xff)
    p.sees_bit('GICD_ISACTIVER', FIRST, 1, 0)
    p.write('GICC_AEOIR', FIRST)
    p.sees('GICC_RPR', 0xff)
    p.sees_bit('GICD_ISACTIVER', FIRST, 0)
    p.sees_bit('GICD_ISPENDR', FIRST, 0, 1)


@probe('aliases-virtual', 'GICV_AIAR, GICV_AEOIR and GICV_AHPPIR likewise')
def _(p):
    p.write('GICH_LR', PENDING | 1 << 30 | 16 << 23 | FIRST)
    p.write('GICV_CTLR', GROUPS)
    p.sees('GICV_AHPPIR', FIRST, 0)
    p.sees('GICV_AIAR', FIRST, 0)
    p.sees('GICH_LR', ACTIVE | 1 << 30 | 16 << 23 | FIRST, PENDING | 1 << 30 | 16 << 23 | FIRST)
    p.write('GICV_AEOIR', FIRST)
    p.sees('GICH_LR', 1 << 30 | 16 << 23 | FIRST, PENDING | 1 << 30 | 16 << 23 | FIRST)


@probe('points-of-two-groups', 'preemption compares the group priorities of both interrupts by the binary point of '
       'the pending one; QEMU compares the whole priority with the running group priority')
def _(p):
    p.spi(FIRST, 0x68)
    p.set_byte('GICD_IPRIORITYR', SECOND, 0x60)
    p.set_bit('GICD_ISENABLER', SECOND)
    p.write('GICD_IGROUPR', 1 << SECOND % 32, SECOND // 32)
    p.write('GICC_ABPR', 5)
    p.pend(FIRST)
    p.takes(FIRST)
    p.pend(SECOND)
    p.takes(SPURIOUS, SECOND)


@probe('point-moved', 'the binary point is that of now, also for what is active; QEMU keeps the running group '
       'priority of the acknowledge')
def _(p):
    p.spi(FIRST, 0x48)
    p.spi(SECOND, 0x40)
    p.pend(FIRST)
    p.takes(FIRST)
    p.write('GICC_BPR', 6)
    p.pend(SECOND)
    p.takes(SPURIOUS, SECOND)


@probe('point-moved-virtual', 'GICV_BPR likewise')
def _(p):
    p.write('GICH_LR', PENDING | 9 << 23 | FIRST)
    p.takes(FIRST, frame='GICV')
    p.write('GICV_BPR', 6)
    p.write('GICH_LR', PENDING | 8 << 23 | SECOND, 1)
    p.takes(SPURIOUS, SECOND, frame='GICV')


@probe('least-point', 'GICC_BPR has a least value that goes with the bits of priority, 2 for five: a lower one '
       'becomes it (GICC_ABPR: 3); QEMU keeps what is written, but 1 for 0 in ABPR, and has a least one for GICV_BPR')
def _(p):
    for value in (0, 1):
        p.write('GICC_BPR', value)
        p.sees('GICC_BPR', 2, value)
    for value in (0, 1, 2):
        p.write('GICC_ABPR', value)
        p.sees('GICC_ABPR', 3, max(value, 1))
    for value in (0, 1):
        p.write('GICV_BPR', value)
        p.sees('GICV_BPR', 2)
        p.write('GICV_ABPR', value)
        p.sees('GICV_ABPR', 3, 1)


@probe('active-priorities-written', 'GICC_APR0 and GICC_NSAPR0 have a bit for each group priority: with five bits of '
       'priority bit n is n << 3, in one word; QEMU has 128 levels in four words')
def _(p):
    p.write('GICC_APR0', 0x10)
    p.sees('GICC_APR0', 0x10)
    p.sees('GICC_RPR', 0x20, 8)
    p.write('GICC_APR0', 0)
    p.write('GICC_NSAPR0', 0x400)
    p.sees('GICC_RPR', 0x50, 0x14)
    p.write('GICC_NSAPR0', 0)
    p.add(WRITE, 0, ADDRESS['GICC_APR0'] + 4, 1)
    p.look(READ, ADDRESS['GICC_APR0'] + 4, 0, 1)
    p.sees('GICC_RPR', 0xff, 0x40)
    p.add(WRITE, 0, ADDRESS['GICC_APR0'] + 4, 0)


@probe('active-priorities-virtual', 'GICH_APR may say any priority, and is compared as a group priority; QEMU compares '
       'the whole one of the list register with it')
def _(p):
    p.write('GICV_BPR', 6)
    p.write('GICH_APR', 1 << 9)
    p.write('GICH_LR', PENDING | 8 << 23 | FIRST)
    p.sees('GICV_RPR', 0x48)
    p.takes(SPURIOUS, FIRST, frame='GICV')


@probe('bypass', 'GICC_CTLR bits 8:5 (FIQBypDisGrp0 and so on) keep what is written; QEMU drops them')
def _(p):
    p.write('GICC_CTLR', 0x1e0 | GROUPS)
    p.sees('GICC_CTLR', 0x1e0 | GROUPS, GROUPS)


@probe('ppi-configuration', 'GICD_ICFGR of PPIs is read-only in a GIC-400 (IMPLEMENTATION DEFINED); writable on QEMU')
def _(p):
    p.write('GICD_ICFGR', 0xaaaaaaaa, 1)
    p.sees('GICD_ICFGR', 0, 0xaaaaaaaa, 1)
    p.write('GICD_ICFGR', 0, 1)


@probe('ppi-made-pending', 'GICD_ISPENDR and GICD_ICPENDR of PPIs are banked; with several CPUs QEMU does nothing',
       cpus=2)
def _(p):
    for p.cpu in (0, 1):
        p.pend(TIMER_PPI)
        p.sees_bit('GICD_ISPENDR', TIMER_PPI, 1, 0)
    p.cpu = 0
    p.set_bit('GICD_ICPENDR', TIMER_PPI)
    p.sees_bit('GICD_ISPENDR', TIMER_PPI, 0)
    p.cpu = 1
    p.sees_bit('GICD_ISPENDR', TIMER_PPI, 1, 0)


@probe('no-target', 'an SPI with no target stays pending, and goes where GICD_ITARGETSR sends it later; QEMU keeps '
       'pending state by CPU, here of none', cpus=2)
def _(p):
    p.spi(FIRST, 0x80, target=0)
    p.pend(FIRST)
    p.sees_bit('GICD_ISPENDR', FIRST, 1, 0)
    p.takes(SPURIOUS)
    p.set_byte('GICD_ITARGETSR', FIRST, 2)
    p.cpu = 1
    p.takes(FIRST, SPURIOUS)


@probe('two-targets', 'an SPI goes to one of its targets: when one has acknowledged it, it is not pending for the '
       'other', cpus=2)
def _(p):
    p.spi(FIRST, 0x80, target=3)
    p.pend(FIRST)
    p.cpu = 1
    p.takes(FIRST)
    p.cpu = 0
    p.sees_bit('GICD_ISPENDR', FIRST, 0, 1)
    p.takes(SPURIOUS, FIRST)


@probe('target-moved', 'GICD_ITARGETSR sends also what is pending already', cpus=2)
def _(p):
    p.spi(FIRST, 0x80, target=1)
    p.pend(FIRST)
    p.set_byte('GICD_ITARGETSR', FIRST, 2)
    p.cpu = 1
    p.takes(FIRST, SPURIOUS)
    p.cpu = 0
    p.takes(SPURIOUS)


@probe('activated-by-write', 'an SPI has one active state, whoever set it: GICC_DIR of any CPU ends what '
       'GICD_ISACTIVER has made active; QEMU keeps it by CPU', cpus=2)
def _(p):
    p.spi(FIRST, 0x80, target=1)
    p.cpu = 1
    p.set_bit('GICD_ISACTIVER', FIRST)
    p.cpu = 0
    p.write('GICC_CTLR', GROUPS | EOI_MODE)
    p.write('GICC_DIR', FIRST)
    p.sees_bit('GICD_ISACTIVER', FIRST, 0, 1)


@probe('reserved-filter', 'GICD_SGIR.TargetListFilter 3 is reserved: nothing here, an SGI to all on QEMU; either may '
       'be')
def _(p):
    p.write('GICD_SGIR', 3 << 24 | 1 << 16 | 5)
    p.sees('GICD_SPENDSGIR', 0, 0x100, 1)
    p.write('GICD_CPENDSGIR', NOTHING, 1)


@probe('sgi-of-nobody', 'GICD_SPENDSGIR: a bit of a CPU that is not there is RAZ/WI, and no bit asks for nothing; '
       'QEMU makes the SGI pending')
def _(p):
    p.set_byte('GICD_SPENDSGIR', 5, 0x20)
    p.sees_byte('GICD_SPENDSGIR', 5, 0, 0x20)
    p.sees_bit('GICD_ISPENDR', 5, 0, 1)
    p.set_byte('GICD_CPENDSGIR', 5, 0xff)
    p.set_byte('GICD_SPENDSGIR', 6, 0)
    p.sees_bit('GICD_ISPENDR', 6, 0, 1)
    p.set_byte('GICD_CPENDSGIR', 6, 0xff)


@probe('source-of-hardware', 'GICH_LR.CPUID is there with HW 0 only: with HW 1 an SGI has CPUID 0 in GICV_IAR; QEMU '
       'gives bits of PhysicalID')
def _(p):
    p.write('GICH_LR', PENDING | HW | 16 << 23 | 0x47 << 10 | 5)
    p.takes(5, 7 << 10 | 5, frame='GICV')


@probe('two-with-one-number', 'two list registers with one VirtualID are UNPREDICTABLE: here each by itself')
def _(p):
    p.write('GICH_LR', PENDING | 16 << 23 | FIRST)
    p.write('GICH_LR', PENDING | 8 << 23 | FIRST, 1)
    p.takes(FIRST, frame='GICV')
    p.sees('GICH_LR', PENDING | 16 << 23 | FIRST, ACTIVE | 16 << 23 | FIRST, 0)
    p.sees('GICH_LR', ACTIVE | 8 << 23 | FIRST, PENDING | 8 << 23 | FIRST, 1)
