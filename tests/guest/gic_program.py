"""Random programs for tests/guest/gic.c: operations on a GICv2 that lead to the same state here and on QEMU.

Left out is what leads QEMU to another state. Each of these has a directed program in gic_probes.py, by the name that is
given here, which says what every value is on both sides and which rule decides:
- GICx_CTLR and GICD_CTLR with one group enabled (disabled-group, disabled-group-first, group-not-forwarded);
- GICx_HPPIR of what GICx_PMR masks (highest-below-mask); GICx_AIAR, GICx_AHPPIR and GICx_AEOIR while something is
  there for them (aliases, aliases-virtual);
- binary points that split the groups' priorities differently, or that change while something is active
  (points-of-two-groups, point-moved, point-moved-virtual), and GICV's below the least (least-point);
- GICC_APRn and GICH_APR other than 0 (active-priorities-written, active-priorities-virtual);
- GICD_ICFGR of PPIs (ppi-configuration); GICD_ISPENDR and GICD_ICPENDR of PPIs with two CPUs (ppi-made-pending);
- SPIs with no target (no-target), with two (two-targets), whose target changes while they are pending (target-moved),
  or that GICD_ISACTIVER makes active and something ends (activated-by-write);
- GICD_SGIR with filter 3 (reserved-filter), GICD_SPENDSGIR with no CPU or one that is not there (sgi-of-nobody);
- list registers with HW 1 and an SGI's number (source-of-hardware), or two with one number (two-with-one-number).
GICD_ICFGR of interrupts that may be pending changes only while they are disabled: else it is UNPREDICTABLE.
"""
import collections
import os
import re
import struct

SOURCE = os.environ.get('SOURCE', '.')

FRAMES = {'GICD': 0x08000000, 'GICC': 0x08010000, 'GICH': 0x08030000, 'GICV': 0x08040000}
(END, READ, READ_BYTE, WRITE, WRITE_BYTE, ACKNOWLEDGE, END_LAST, DEACTIVATE, WINDOW, WINDOW_EL1, TIMER,
 FORGET) = range(12)
NOTHING = 0xffffffff
LISTS = 4
WORDS = 9  # of interrupts: 288


def rows():
    """registers of the data file: name -> (address, words, access, bytes)"""
    found, frame = {}, None
    with open(f'{SOURCE}/gic/gicv2.def', encoding='ascii') as f:
        for line in f:
            if line.startswith('frame '):
                frame = line.split()[1]
            m = re.match(r'@(0x[0-9a-f]+) (\w+)(?:\[(\d+)\])? (.*?)"', line)
            if m:
                words = m[4].split()
                access = next(w[7:] for w in words if w.startswith('access='))
                found[m[2]] = (FRAMES[frame] + int(m[1], 16), int(m[3] or 1), access, 'bytes' in words)
    return found


ROWS = rows()
ADDRESS = {name: row[0] for name, row in ROWS.items()}
PLACES = {start + 4 * word: (name, word) for name, (start, count, _, _) in ROWS.items() for word in range(count)}


def name_of(address):
    return PLACES.get(address & ~3, ('none', address))


SGIS, PPIS, SPIS = 16, (25, 26, 27, 30), range(32, 64)  # that random programs make pending
TIMERS = 3


class Program:
    """a list of operations, and what the writer knows of the state that they lead to"""

    def __init__(self, rng, cpus):
        self.rng, self.cpus = rng, cpus
        self.operations = []  # (kind, cpu, argument, address, value)
        self.cpu = 0
        self.mask = {(cpu, frame): 0 for cpu in range(cpus) for frame in ('GICC', 'GICV')}
        self.control = {}
        self.rows_hit = collections.Counter()  # accesses
        self.few = False

    def add(self, kind, argument=0, address=0, value=0):
        if address:
            self.rows_hit[name_of(address)[0]] += 1
        self.operations.append((kind, self.cpu, argument, address, value & 0xffffffff))

    def write(self, name, value, word=0):
        self.add(WRITE, 0, ADDRESS[name] + 4 * word, value)

    def read(self, name, word=0):
        self.add(READ, 0, ADDRESS[name] + 4 * word)

    def priorities(self, frame):
        """bits of active priorities; one word here, four with as many levels as QEMU counts"""
        for name in ('APR0', 'NSAPR0'):
            for word in range(4):
                self.read(f'{frame}_{name}', word)

    def set_mask(self, frame, value):
        self.mask[self.cpu, frame] = value
        self.write(f'{frame}_PMR', value)

    def clear(self):
        """what is common to the start of all episodes, on this CPU"""
        self.add(FORGET)
        for timer in range(TIMERS):
            self.add(TIMER, timer, 0, 0)
        for name in ('GICC_CTLR', 'GICH_HCR', 'GICH_APR', 'GICV_CTLR'):
            self.write(name, 0)
        for word in range(LISTS):
            self.write('GICH_LR', 0, word)
        for word in range(4):
            self.write('GICC_APR0', 0, word)
            self.write('GICC_NSAPR0', 0, word)
            self.write('GICD_CPENDSGIR', NOTHING, word)
        for word in range(WORDS):
            self.write('GICD_ICACTIVER', NOTHING, word)
            self.write('GICD_ICPENDR', NOTHING, word)

    def configure_shared(self):
        rng = self.rng
        self.write('GICD_CTLR', 0)
        for word in range(1, WORDS):
            self.write('GICD_IGROUPR', rng.getrandbits(32), word)
            self.write('GICD_ICENABLER', NOTHING, word)
            self.write('GICD_ISENABLER', rng.getrandbits(32) | (rng.getrandbits(32) if word == 1 else 0), word)
            self.write('GICD_ICFGR', rng.getrandbits(32), 2 * word)
            self.write('GICD_ICFGR', rng.getrandbits(32), 2 * word + 1)
        for spi in SPIS:
            self.add(WRITE_BYTE, 0, ADDRESS['GICD_ITARGETSR'] + spi, rng.choice((1, 2)) if self.cpus == 2 else 0xff)

    def configure(self):
        rng = self.rng
        self.write('GICD_IGROUPR', rng.choice((0, NOTHING, rng.getrandbits(32), rng.getrandbits(32))))
        self.write('GICD_ISENABLER', rng.getrandbits(32) | 0x4e000000)
        self.write('GICD_ICPENDR', NOTHING)
        self.few = rng.random() < 0.5
        for intid in (*range(32), *SPIS):
            self.priority(intid)
        self.set_mask('GICC', rng.choice((0xf8, 0xf0, 0xff, 0x80)))
        self.set_mask('GICV', rng.choice((0xf8, 0xf0, 0xff, 0x80)))
        for frame in ('GICC', 'GICV'):
            point = rng.randrange(2 * (frame == 'GICV'), 7)
            self.write(f'{frame}_BPR', point)
            self.write(f'{frame}_ABPR', point + 1)
            self.control[self.cpu, frame] = rng.getrandbits(3) << 2 | (rng.getrandbits(1) << 9) | 3
            self.write(f'{frame}_CTLR', self.control[self.cpu, frame])
        self.write('GICH_HCR', rng.getrandbits(8) | (rng.random() < 0.9) | rng.getrandbits(5) << 27)
        for timer in range(TIMERS):
            self.add(TIMER, timer, 0, rng.choice((0, 1, 3)))

    def priority(self, intid):
        value = self.rng.choice((0x20, 0x48, 0x90)) if self.few else self.rng.randrange(0xf8)
        self.add(WRITE_BYTE, 0, ADDRESS['GICD_IPRIORITYR'] + intid, value)

    def episode(self, length):
        """from a known state on, random operations"""
        for self.cpu in range(self.cpus):
            self.clear()
        self.cpu = 0
        self.configure_shared()
        for self.cpu in range(self.cpus):
            self.configure()
        self.cpu = self.rng.randrange(self.cpus)
        self.write('GICD_CTLR', 3)
        end = len(self.operations) + length
        while len(self.operations) < end:
            if self.rng.random() < 0.05:
                self.cpu = self.rng.randrange(self.cpus)
            self.step()

    def step(self):
        rng = self.rng
        action = rng.choices(ACTIONS, WEIGHTS)[0]
        getattr(self, 'do_' + action)(rng)

    def do_sgi(self, rng):
        filter_, targets = rng.choice(((0, 1), (2, 0), (0, 3), (1, 0), (0, 2), (0, 0xff)))
        self.write('GICD_SGIR', filter_ << 24 | targets << 16 | rng.randrange(SGIS))

    def do_sgi_set(self, rng):
        name = rng.choice(('GICD_SPENDSGIR', 'GICD_CPENDSGIR'))
        # a CPU that is there; QEMU keeps bits of those that are not
        value = 0
        for byte in range(4):
            value |= rng.randrange(1, 1 << self.cpus) << 8 * byte if name == 'GICD_CPENDSGIR' else 0
        if name == 'GICD_SPENDSGIR' or rng.random() < 0.5:
            self.add(WRITE_BYTE, 0, ADDRESS[name] + rng.randrange(16), rng.randrange(1, 1 << self.cpus))
        else:
            self.write(name, value, rng.randrange(4))

    def do_timer(self, rng):
        self.add(TIMER, rng.randrange(TIMERS), 0, rng.choice((0, 1, 1, 3)))

    def do_acknowledge(self, _):
        self.add(ACKNOWLEDGE, 0, ADDRESS['GICC_IAR'])

    def do_end(self, _):
        self.add(END_LAST, 0, ADDRESS['GICC_EOIR'])

    def do_deactivate(self, _):
        self.add(DEACTIVATE, 0, ADDRESS['GICC_DIR'])

    def watched(self, *operation):
        """an operation, now and then between two looks at the list registers"""
        looks = self.rng.random() < 0.3
        for word in range(LISTS * looks):
            self.read('GICH_LR', word)
        self.add(*operation)
        for word in range(LISTS * looks):
            self.read('GICH_LR', word)

    def do_acknowledge_virtual(self, _):
        self.watched(ACKNOWLEDGE, 1, ADDRESS['GICV_IAR'])

    def do_end_virtual(self, _):
        self.watched(END_LAST, 1, ADDRESS['GICV_EOIR'])

    def do_deactivate_virtual(self, _):
        self.watched(DEACTIVATE, 1, ADDRESS['GICV_DIR'])

    def do_window(self, rng):
        if rng.random() < 0.5:
            self.add(WINDOW, rng.choice((1, 2, 3, 3)))
        else:
            self.watched(WINDOW_EL1, rng.choice((1, 2, 3, 3)))

    def do_end_of_list(self, rng):
        """a list register that is active without having been acknowledged, and its end"""
        word = rng.randrange(LISTS)
        virtual = 16 + 4 * rng.randrange(200) + word
        self.write('GICH_LR', virtual | rng.randrange(31) << 23 | rng.choice((2, 3)) << 28 | rng.getrandbits(1) << 30
                   | rng.choice((0, 1 << 19, 1 << 31 | rng.choice(SPIS) << 10)), word)
        self.watched(WRITE, 0, ADDRESS[rng.choice(('GICV_EOIR', 'GICV_DIR'))], virtual)

    def do_list(self, rng):
        """no two list registers have one interrupt: which of them is meant then is open"""
        word = rng.randrange(LISTS)
        virtual = 4 * rng.randrange(0, 255) + word if rng.random() < 0.5 else word + 4 * rng.randrange(5)
        value = virtual | rng.randrange(31) << 23 | rng.choice((0, 1, 1, 1, 2, 3)) << 28 | rng.getrandbits(1) << 30
        if rng.random() < 0.4:
            value |= 1 << 31 | rng.choice((*PPIS, *SPIS, *SPIS)) << 10
            if virtual < 16:  # QEMU takes a part of the physical number for the source of an SGI
                value |= 16
        else:
            value |= rng.getrandbits(1) << 19 | (rng.getrandbits(3) << 10 if virtual < 16 else 0)
        self.watched(WRITE, 0, ADDRESS['GICH_LR'] + 4 * word, value)

    def do_again(self, rng):
        """what is acknowledged becomes pending once more, and ends"""
        word = rng.randrange(LISTS)
        value = 16 + 4 * rng.randrange(200) + word | rng.getrandbits(1) << 30
        value |= rng.choice((0, 1 << 19, 1 << 31 | rng.choice(SPIS) << 10))
        self.write('GICH_LR', value | 1 << 28, word)
        self.add(ACKNOWLEDGE, 1, ADDRESS['GICV_IAR'])
        self.write('GICH_LR', value | 3 << 28, word)
        self.watched(END_LAST, 1, ADDRESS['GICV_EOIR'])
        self.watched(DEACTIVATE, 1, ADDRESS['GICV_DIR'])

    def do_lists_read(self, rng):
        self.read(rng.choice(('GICH_MISR', 'GICH_EISR', 'GICH_ELRSR', 'GICH_HCR', 'GICH_VTR', 'GICH_APR',
                              'GICH_VMCR')))
        self.read('GICH_LR', rng.randrange(LISTS))

    def do_lists_control(self, rng):
        if rng.random() < 0.7:
            self.write('GICH_HCR', rng.getrandbits(8) | (rng.random() < 0.9) | rng.choice((0, 0, 1, 31)) << 27)
        else:
            self.write(rng.choice(('GICH_MISR', 'GICH_EISR', 'GICH_ELRSR', 'GICH_VTR')), rng.getrandbits(32))

    def do_lists_machine(self, rng):
        """GICH_VMCR, with binary points that split alike, as everywhere"""
        point = rng.randrange(2, 7)
        self.write('GICH_APR', 0)
        priority = rng.randrange(31)
        self.mask[self.cpu, 'GICV'] = priority << 3
        control = rng.getrandbits(3) << 2 | (rng.getrandbits(1) << 9) | 3
        self.control[self.cpu, 'GICV'] = control
        self.write('GICH_VMCR', priority << 27 | point << 21 | (point + 1) << 18 | control)
        self.read('GICH_VMCR')
        self.read('GICV_CTLR')

    def do_highest(self, rng):
        frame = rng.choice(('GICC', 'GICV'))
        mask = self.mask[self.cpu, frame]
        self.write(f'{frame}_PMR', 0xf8)  # QEMU shows only what the mask lets through
        self.read(f'{frame}_HPPIR')
        self.write(f'{frame}_PMR', mask)

    def do_mask(self, rng):
        self.set_mask(rng.choice(('GICC', 'GICV')), rng.choice((0xf8, 0xf8, 0xff, 0x80, rng.getrandbits(8))))

    def do_control(self, rng):
        frame = rng.choice(('GICC', 'GICV'))
        value = self.control[self.cpu, frame] ^ 1 << rng.choice((2, 3, 3, 9, *(range(5, 9) if frame == 'GICC' else ())))
        self.control[self.cpu, frame] = value
        if rng.random() < 0.2:
            self.write(f'{frame}_CTLR', value & ~3)
            self.read(f'{frame}_HPPIR')
            self.add(ACKNOWLEDGE, int(frame == 'GICV'), ADDRESS[f'{frame}_IAR'])
        self.write(f'{frame}_CTLR', value)
        self.read(f'{frame}_CTLR')

    def do_interface_read(self, rng):
        frame = rng.choice(('GICC', 'GICV'))
        name = rng.choice(('CTLR', 'PMR', 'BPR', 'RPR', 'RPR', 'ABPR', 'APR0', 'IIDR', 'EOIR', 'DIR'))
        if name == 'APR0' and frame == 'GICC':
            self.priorities('GICC')
        else:
            self.read(f'{frame}_{name}')

    def do_aliases(self, rng):
        """QEMU has none: only where nothing is there for them"""
        frame = rng.choice(('GICC', 'GICV'))
        self.write(f'{frame}_CTLR', self.control[self.cpu, frame] & ~3)
        self.read(f'{frame}_AIAR')
        self.read(f'{frame}_AHPPIR')
        self.write(f'{frame}_AEOIR', 1023)
        self.write(f'{frame}_CTLR', self.control[self.cpu, frame])

    def do_distributor_read(self, rng):
        name = rng.choice([n for n in ROWS if n.startswith('GICD_')])
        address, count, _, takes_bytes = ROWS[name]
        word = rng.randrange(min(count, 3 if rng.random() < 0.6 else count))
        if takes_bytes and rng.random() < 0.3:
            self.add(READ_BYTE, 0, address + 4 * word + rng.randrange(4))
        else:
            self.add(READ, 0, address + 4 * word)

    def do_least(self, _):
        """a read of the register that has been accessed least"""
        name = min(ROWS, key=lambda n: (self.rows_hit[n], n))
        if name.endswith(('AIAR', 'AEOIR', 'AHPPIR')):
            self.do_aliases(self.rng)
        elif name.endswith('HPPIR'):
            self.do_highest(self.rng)
        elif name.endswith('IAR'):
            self.add(ACKNOWLEDGE, int(name == 'GICV_IAR'), ADDRESS[name])
        elif name in ('GICC_APR0', 'GICC_NSAPR0'):
            self.priorities('GICC')
        else:
            self.read(name, self.rng.randrange(min(ROWS[name][1], 2)))

    def do_pending_read(self, rng):
        self.read(rng.choice(('GICD_ISPENDR', 'GICD_ICPENDR', 'GICD_ISACTIVER', 'GICD_ICACTIVER')), rng.randrange(2))

    def do_pending(self, rng):
        """SPIs of the second word, and interrupts of the first where it is sure to change no other CPU's"""
        name = rng.choice(('GICD_ISPENDR', 'GICD_ISPENDR', 'GICD_ICPENDR'))
        word = 1 if self.cpus > 1 else rng.randrange(2)
        self.write(name, 1 << rng.randrange(32) | (rng.getrandbits(32) if rng.random() < 0.1 else 0), word)

    def do_active(self, rng):
        word = rng.choice((0, *range(2, WORDS)))
        self.write(rng.choice(('GICD_ISACTIVER', 'GICD_ICACTIVER', 'GICD_ICACTIVER')),
                   1 << rng.randrange(32) | 1 << rng.randrange(32), word)

    def do_enable(self, rng):
        word = rng.choice((0, 1, 1, 1, *range(2, 12)))
        if rng.random() < 0.5:
            self.write('GICD_ICENABLER', 1 << rng.randrange(32), word)
        elif word != 0:
            self.write('GICD_ISENABLER', rng.getrandbits(32), word)
        else:
            self.write('GICD_ISENABLER', rng.getrandbits(32), 0)

    def do_group(self, rng):
        # not of what may be active: QEMU ends an interrupt in the group that it has then, and so do we
        word = rng.choice((0, 1, 2, 3))
        self.write('GICD_IGROUPR', rng.getrandbits(32), word)

    def do_priority(self, rng):
        self.priority(rng.choice((*range(32), *SPIS)))
        if rng.random() < 0.3:
            self.write('GICD_IPRIORITYR', rng.getrandbits(32), rng.randrange(16, 255))

    def do_read_only(self, rng):
        name = rng.choice([n for n, row in ROWS.items() if row[2] == 'r'])
        self.write(name, rng.getrandbits(32))

    def do_targets(self, rng):
        word = rng.choice((*range(8), *range(16, 72), *range(16, 255)))
        self.write('GICD_ITARGETSR', rng.getrandbits(32), word)
        self.read('GICD_ITARGETSR', word)

    def do_configuration(self, rng):
        self.write('GICD_ICFGR', rng.getrandbits(32), rng.choice((0, *range(4, 64))))

    def do_any_end(self, rng):
        """the end of an interrupt that is none, or not the last one"""
        name = rng.choice(('GICC_EOIR', 'GICC_DIR'))
        self.write(name, rng.choice((1023, 1022, 1021, 1020, 300)))

    def table(self):
        words = [struct.pack('<BBBBII', 0, self.cpus, 0, 0, 0, 0)]
        words += [struct.pack('<BBBBII', kind, cpu, argument, 0, address, value)
                  for kind, cpu, argument, address, value in self.operations]
        return b''.join(words) + bytes(12)


CHOICES = {
    'sgi': 8, 'sgi_set': 4, 'timer': 4, 'acknowledge': 8, 'end': 14, 'deactivate': 6, 'acknowledge_virtual': 8,
    'end_virtual': 10, 'end_of_list': 2, 'again': 2, 'least': 40, 'deactivate_virtual': 3, 'window': 9, 'list': 8,
    'lists_read': 8, 'lists_control': 2, 'lists_machine': 0.5, 'highest': 3, 'mask': 2, 'control': 1.5,
    'interface_read': 6, 'aliases': 1, 'distributor_read': 12, 'pending_read': 6, 'pending': 5, 'active': 1,
    'enable': 2, 'group': 1, 'priority': 3, 'read_only': 3, 'targets': 2, 'configuration': 1, 'any_end': 1}
ACTIONS, WEIGHTS = list(CHOICES), list(CHOICES.values())
