"""What Arm DDI 0183 says of a PL011, written from the manual alone: registers, FIFO, interrupts, loopback, and the time
that characters take. tests/guest/uart.py and uart_input.py hold Armillary and QEMU to it; a difference that QEMU has is
a name in `entries`, which changes the model at the one place where it matters.
"""
import collections

DR, RSR, FR, ILPR, IBRD, FBRD, LCR_H, CR, IFLS, IMSC, RIS, MIS, ICR, DMACR = (
    0x0, 0x4, 0x18, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3c, 0x40, 0x44, 0x48)
IDENTIFICATION = dict(zip(range(0xfe0, 0x1000, 4), (0x11, 0x10, 0x14, 0, 0x0d, 0xf0, 0x05, 0xb1)))
KEPT = {ILPR: 0xff, IBRD: 0xffff, FBRD: 0x3f, LCR_H: 0xff, CR: 0xff87, IFLS: 0x3f, IMSC: 0x7ff, DMACR: 7}
READ = [DR, RSR, FR, ILPR, IBRD, FBRD, LCR_H, CR, IFLS, IMSC, RIS, MIS, DMACR, *IDENTIFICATION]
WRITE = [DR, RSR, FR, ILPR, IBRD, FBRD, LCR_H, CR, IFLS, IMSC, RIS, MIS, ICR, DMACR]
INT_RX, INT_TX, INT_RT, INT_BE, INT_OE = 0x10, 0x20, 0x40, 0x200, 0x400
LBE, SIREN, RXE, FEN, BRK, BE, OE = 0x80, 2, 0x200, 0x10, 1, 0x400, 0x800
STP2, PEN = 8, 2
# output bit of UARTCR, input bit of UARTFR, bit of the interrupt
MODEM = ((0x800, 1, 2), (0x400, 2, 8), (0x1000, 4, 4), (0x2000, 0x100, 1))
LEVELS = (2, 4, 8, 12, 14, 14, 14, 14)
UART_HZ, CYCLES_HZ = 24000000, 1000000000
TIMEOUT_BITS = 32
NEVER = float('inf')


class Uart:
    """a UART whose partner sends only while there is room; is_timed: the time of everything is known"""

    def __init__(self, entries=(), is_timed=False):
        self.entries, self.is_timed = entries, is_timed
        self.kept = dict.fromkeys(KEPT, 0)
        self.kept.update({CR: 0x300, IFLS: 0x12})
        self.raw, self.status, self.modem, self.overrun = 0, 0, 0, False
        self.fifo, self.slots, self.place = [], [0] * 16, 0
        self.is_empty, self.is_full = True, False
        self.now, self.divisor, self.arrives_at, self.timeout_at = 0, 0, NEVER, NEVER
        self.sender, self.output = [], []
        self.arrived = 0  # characters from the partner, of all time
        self.seen = collections.Counter()  # what has happened how often

    # --- time

    def time_of(self, bits):
        return bits * 16 * max(self.divisor, 64) * (CYCLES_HZ // 1000000) // (64 * (UART_HZ // 1000000))

    def character_bits(self):
        line = self.kept[LCR_H]
        return 1 + 5 + (line >> 5 & 3) + 1 + bool(line & PEN) + bool(line & STP2)

    def start(self):
        """the partner's next character begins as soon as it can be taken"""
        if 'receive-enable' in self.entries:
            is_on = True
        else:
            is_on = self.kept[CR] & RXE and not self.kept[CR] & (LBE | SIREN)
        if not self.sender or not is_on or len(self.fifo) >= self.depth():
            self.arrives_at = NEVER
        elif self.arrives_at == NEVER:
            self.arrives_at = self.now + self.time_of(self.character_bits())

    def go_on(self, until_quiet=False):
        """time goes on until no character is under way, or nothing at all"""
        while self.arrives_at != NEVER or (until_quiet and self.timeout_at != NEVER):
            self.now = min(self.arrives_at, self.timeout_at)
            if self.timeout_at <= self.now:
                self.timeout_at = NEVER
                if self.fifo and 'receive-timeout' not in self.entries:
                    self.raw |= INT_RT
                    self.seen['timeout'] += 1
            if self.arrives_at <= self.now:
                self.arrives_at = NEVER
                self.arrived += 1
                self.receive(self.sender.pop(0))
                self.start()

    def send(self, characters):
        self.sender += characters
        self.start()

    # --- the receiver

    def depth(self):
        return 16 if self.kept[LCR_H] & FEN else 1

    def level(self):
        if self.depth() == 1 or 'receive-level' in self.entries:
            return 1
        return LEVELS[self.kept[IFLS] >> 3 & 7]

    def loops(self):
        return bool(self.kept[CR] & LBE) and 'loopback' not in self.entries

    def receive(self, character):
        self.timeout_at = self.now + self.time_of(TIMEOUT_BITS) if self.is_timed else NEVER
        if len(self.fifo) >= self.depth():
            self.overrun = True
            self.status |= 8
            self.raw |= INT_OE
            self.seen['overrun'] += 1
            return
        self.overrun = False
        self.slots[(self.place + len(self.fifo)) % 16] = character
        self.fifo.append(character)
        self.is_empty = False
        self.is_full |= len(self.fifo) == self.depth()
        self.seen['full'] += len(self.fifo) == 16
        if character & BE and 'break-interrupt' not in self.entries:
            self.raw |= INT_BE
            self.seen['break'] += 1
        if len(self.fifo) == self.level():
            self.raw |= INT_RX
            self.seen[f'level {self.level()}'] += 1

    def take(self):
        value = self.slots[self.place] | (OE if self.overrun else 0)
        self.status = (self.status & 8) | (value >> 8 & 7)
        self.is_empty, self.is_full = len(self.fifo) <= 1, False
        if not self.fifo and 'flush' in self.entries:
            self.raw &= ~INT_RX
        if self.fifo:
            self.fifo.pop(0)
            stays = self.depth() == 1 and 'fifo-place' not in self.entries
            self.place = 0 if stays else (self.place + 1) % 16
            if len(self.fifo) < self.level():
                self.raw &= ~INT_RX
            if not self.fifo:
                self.timeout_at = NEVER
                self.raw &= ~INT_RT if self.is_timed else -1
            self.start()
        return value

    def flush(self):
        self.fifo, self.place, self.timeout_at = [], 0, NEVER
        if 'flush-flags' not in self.entries:
            self.is_empty, self.is_full = True, False
        if 'flush' not in self.entries:
            self.raw &= ~(INT_RX | (INT_RT if self.is_timed else 0))

    def modem_update(self):
        inputs = 0
        for output, level, _ in MODEM:
            if self.loops() and self.kept[CR] & output:
                inputs |= level
        for _, level, interrupt in MODEM:
            if (inputs ^ self.modem) & level:
                self.raw |= interrupt
        self.modem = inputs

    # --- registers

    def flags(self):
        return 0x80 | self.modem | (0x10 if self.is_empty else 0) | (0x40 if self.is_full else 0)

    def line(self):
        return int(bool(self.raw & self.kept[IMSC]))

    def read(self, offset):
        """-> value, bits of it that an unknown time decides"""
        if offset == DR:
            return self.take(), 0
        timeout = INT_RT if not self.is_timed and (self.fifo or self.raw & INT_RT) else 0
        if offset in (RIS, MIS):
            mask = 0x7ff if offset == RIS else self.kept[IMSC]
            return self.raw & mask, timeout & mask
        if offset in KEPT:
            return self.kept[offset], 0
        return {RSR: self.status, FR: self.flags(), **IDENTIFICATION}.get(offset, 0), 0

    def write(self, offset, value):
        if offset in KEPT:
            before = self.kept[offset]
            self.kept[offset] = value if 'reserved-bits' in self.entries else value & KEPT[offset]
            if offset == LCR_H:
                self.divisor = self.kept[IBRD] * 64 + self.kept[FBRD]
                if (before ^ value) & FEN:
                    self.flush()
                if (before ^ value) & value & BRK and self.loops():
                    self.receive(BE)
            if offset == CR:
                self.modem_update()
            if offset in (LCR_H, CR):
                self.start()
        elif offset == DR:
            self.raw |= INT_TX
            if not self.kept[CR] & SIREN or 'infrared' in self.entries:
                self.output.append(value & 0xff)
            if self.loops():
                self.receive(value & 0xff)
        elif offset == RSR:
            self.status = 0
        elif offset == ICR:
            self.raw &= ~value
