"""Which hazard of VMID allocation a recorded run shows, told from its events alone.

The table of traces/README.md says what each variant does wrong; a finding's class does not tell these apart (a VM
under a number of the past hits foreign entries whichever way it got there). So the words that the allocator keeps
are followed through the stores of the run, each entry to a VM is judged by them, and the finding must hang on an
entry that shows the variant's own hazard:

  H0.1  the VM took two numbers in one generation
  H0.2  it entered with a number of a past generation, and the allocator's words said so; the interrupt that throws
        vCPUs out for the new one had been taken
  H0.3  it entered with a number of a past generation, while the words said that it had one of this generation
  H0.4  it had entered before that interrupt, and filled a TLB behind the flush of the next generation
"""
import re
import subprocess
from collections import namedtuple

import hazard_asid

EXPECTED = {'posted-2012': 'H0.1', 'no-recheck': 'H0.2', 'gen-first': 'H0.3', 'rwlock': 'H0.3', 'flush-first': 'H0.4'}
# Of these the report has the whole chain: its sentences, in this order. An entry of a walk that nobody asked for was
# made under another root than the one that runs; root 0 is the host's, with stage 2 off.
AHEAD = r'!!! has, from a walk that nobody asked for, TLB entry \d+: \S+ to \S+ VMID \d+, under root '
ENTERED = r'!!! runs root 0x[0-9a-f]+ with VMID \d+,'
REACHED = r"!!! (uses|writes) \S+ through the entry: PA \S+ is not this VM's"
WROTE = r'!!! writes 0x[0-9a-f]+ to VTTBR_EL2, which was 0x0, in '
INVALIDATED = r'!!! invalidates, with operand \S+ without an ISB: the VMID may still be the old one, in tlb_flush_'
HOST_WALKED = [AHEAD + '0x0,', ENTERED, REACHED]
# Made by a walk of the very VM that uses it, by which the page was another's already.
OWN_WALKED = [AHEAD + r'(?P<root>0x[1-9a-f][0-9a-f]*)', r'!!! root 0x[0-9a-f]+ maps the page', ENTERED, REACHED]
TOLD = {
    'stage1-first': OWN_WALKED,
    'no-wait': [AHEAD + '0x[1-9a-f]', REACHED],
    'no-isb': [WROTE + 'tlb_flush_', INVALIDATED],
    'skip-isb': [WROTE + 'world_switch', INVALIDATED + 'local'],
    'unguarded': HOST_WALKED,
    'unguarded-tlb': HOST_WALKED,
    'vttbr-last': HOST_WALKED,
}
ASID_STYLE = 'one-cpu', 'zero-slot', 'plain-store'
KEEP_VTTBR = 'posted-2012', 'gen-first', 'rwlock'  # what an entry loads is the VTTBR, not the number
VMALLE1, IPAS2E1 = 0, 6  # mmu/tlbi.def
KINDS = ('MEM', 'SYSREG', 'TLBI', 'TLB_FILL', 'EXC_TAKE', 'CONTEXT')
VMS_MAX = 64  # hyp/host/vm.h; struct vmid stands first in struct vm
GENERATION, NUMBER, VTTBR = 0, 8, 16

Entry = namedtuple('Entry', 'pe step vmid slot given shows')


def symbols(elf):
    """-> {name: (address, size)}"""
    text = subprocess.run(['aarch64-linux-gnu-nm', '-S', elf], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 4:
            found[words[3]] = int(words[0], 16), int(words[1], 16)
    return found


class Slot:
    """What is known of the VMID of one struct vm; None: not yet."""

    def __init__(self):
        self.generation = None  # what its word says
        self.given = None       # the generation in which the number that an entry would load was handed out
        self.numbers = {}       # generation -> how many numbers it took


class Follower:
    """Follows a run event by event. A trace tells events from its start mark on, so that words are first known when
    they are first read; a number is taken to be of the generation that its word says, until something is stored."""

    def __init__(self, names, keeps_vttbr):
        self.vms, size = names['vms']
        self.slot_size = size // VMS_MAX
        self.end = self.vms + size
        self.now_at = names['vmid_generation'][0]
        self.handed_out_at = VTTBR if keeps_vttbr else NUMBER
        self.now, self.flushed_in, self.first = None, None, None
        self.slots = [Slot() for _ in range(VMS_MAX)]
        self.thrown_out = {}  # PE -> the generation for which it was interrupted, or which it began
        self.read = {}      # PE -> slot whose number it has last read at EL2
        self.loaded = {}    # PE -> what it will enter with
        self.inside = {}    # PE -> its present entry
        self.entries = []

    def word(self, pa):
        """-> (slot, its number, offset), or None outside the vmid words"""
        if not self.vms <= pa < self.end:
            return None
        number, offset = divmod(pa - self.vms, self.slot_size)
        return (self.slots[number], number, offset) if offset in (GENERATION, NUMBER, VTTBR) else None

    def store(self, slot, offset, value):
        if offset == NUMBER:
            slot.numbers[self.now] = slot.numbers.get(self.now, 0) + 1
        if offset == self.handed_out_at:
            slot.given = self.now
        elif offset == GENERATION:
            slot.generation = value
            if slot.given is None:
                slot.given = value - 1

    def load(self, slot, number, offset, event):
        if offset == GENERATION:
            slot.generation = int(event['value'], 16)
            if slot.given is None:
                slot.given = slot.generation
        elif event['el'] == '2':
            self.read[event['pe']] = number

    def memory(self, event):
        pa = int(event['pa'], 16)
        if pa == self.now_at:
            self.now = int(event['value'], 16)
            if self.first is None:
                self.first = self.now - int(event['write'])
            if event['write'] == '1':
                self.thrown_out[event['pe']] = self.now
            return
        word = self.word(pa)
        if word and event['write'] == '1':
            self.store(word[0], word[2], int(event['value'], 16))
        elif word:
            self.load(*word, event)

    def load_vttbr(self, event):
        """VTTBR_EL2 was written: for an entry, or for a TLBI."""
        pe, value = event['pe'], int(event['new'], 16)
        self.loaded.pop(pe, None)
        if value >> 48 == 0 or pe not in self.read:
            return
        slot = self.slots[self.read[pe]]
        shows = set()
        # Not known: its words were looked at before the mark, and not touched since.
        given = self.first if slot.given is None else slot.given
        if slot.numbers.get(self.now, 0) > 1:
            shows.add('H0.1')
        if given != self.now:
            if slot.generation == self.now:
                shows.add('H0.3')
            elif self.thrown_out.get(pe) == self.now:
                shows.add('H0.2')
        self.loaded[pe] = Entry(pe, int(event['step']), value >> 48, self.read[pe], given, shows)

    def context(self, event):
        pe = event['pe']
        if event['live'] == '0':
            self.inside.pop(pe, None)
        elif pe in self.loaded:
            self.inside[pe] = self.loaded[pe]
            self.entries.append(self.loaded.pop(pe))

    def fill(self, event):
        entry = self.inside.get(event['pe'])
        if entry and not entry.shows and int(event['vmid']) == entry.vmid \
           and self.flushed_in == self.now != entry.given:
            entry.shows.add('H0.4')

    def take(self, kind, event):
        if kind == 'MEM':
            self.memory(event)
        elif kind == 'SYSREG' and event['reg'] == 'VTTBR_EL2':
            self.load_vttbr(event)
        elif kind == 'CONTEXT':
            self.context(event)
        elif kind == 'TLBI' and int(event['vttbr'], 16) == 0:  # by the host: everything; a VM's own name its VTTBR
            self.flushed_in = self.now
        elif kind == 'EXC_TAKE' and event['to_el'] == event['vector'] == '1':  # an IRQ, by the host
            self.thrown_out[event['pe']] = self.now
        elif kind == 'TLB_FILL':
            self.fill(event)

    def shown(self, pe):
        """-> the hazards of the entries that a finding on this PE hangs on: of its VM, and under its number"""
        if pe not in self.inside:
            return set()
        last = self.inside[pe]
        return {(hazard, entry.slot == last.slot) for entry in self.entries for hazard in entry.shows
                if entry.slot == last.slot or entry.vmid == last.vmid}


def check_told(armillary, trace, variant, story):
    """-> what is missing in the report: nothing if it tells the variant's chain, sentence by sentence"""
    text = ' '.join(re.split(r'[\s|]+', story))  # the columns of the CPUs, and lines that were broken
    at, root = 0, None
    for wanted in TOLD[variant]:
        found = re.compile(wanted).search(text, at)
        if not found:
            return [f'{trace}: {variant} is to be told by "{wanted}": {text[-600:]}']
        at = found.end()
        root = found.groupdict().get('root', root)
    return check_order(armillary, trace, root) if root else []


def check_order(armillary, trace, root):
    """-> what is missing: nothing if EL2 dropped what combines both stages before what translates the IPA, for it"""
    events = subprocess.run([armillary, 'replay', trace, '--no-story', '--trace', 'TLBI'], capture_output=True,
                            text=True, check=False).stdout
    done = re.findall(r'^TLBI pe=(\d+) el=2 .*operation=(\d+) .*vttbr=0x[0-9a-f]{4}([0-9a-f]{12})$', events,
                      re.MULTILINE)
    done = [(pe, int(operation)) for pe, operation, of in done if int(of, 16) == int(root, 16)]
    if len(done) > 1 and done[-1] == (done[-2][0], IPAS2E1) and done[-2][1] == VMALLE1:
        return []
    return [f'{trace}: the invalidations for root {root} by EL2 were {done}']


def check_asid(armillary, trace, variant, elf):
    """-> what is missing in a run of the allocator that reserves numbers"""
    follower = hazard_asid.Follower(symbols(elf))
    with subprocess.Popen([armillary, 'replay', trace, '--trace', 'MEM'], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            kind, _, rest = line.partition(' ')
            if kind == 'MEM':
                follower.take(dict(word.split('=', 1) for word in rest.split()))
    if follower.shows(variant):
        return []
    return [f'{trace}: {variant} is not shown: {follower.shown}, given away {follower.given}']


def check(armillary, trace, variant, elf):
    """-> what is wrong with the chain of events of a trace: a list of lines, empty if it shows its variant's hazard"""
    story = subprocess.run([armillary, 'replay', trace], capture_output=True, text=True, check=False).stdout
    found = re.search(r'^[a-z]+/[a-z-]+ on CPU (\d+) at step (\d+)', story, re.MULTILINE)
    if not found:
        return [f'{trace}: no finding to be judged: {story[-200:]}']
    if variant in TOLD:
        return check_told(armillary, trace, variant, story)
    if variant in ASID_STYLE:
        return check_asid(armillary, trace, variant, elf)
    follower = Follower(symbols(elf), variant in KEEP_VTTBR)
    with subprocess.Popen([armillary, 'replay', trace, '--trace', ','.join(KINDS)], stdout=subprocess.PIPE,
                          text=True) as process:
        for line in process.stdout:
            kind, _, rest = line.partition(' ')
            if kind in KINDS:
                follower.take(kind, dict(word.split('=', 1) for word in rest.split()))
    shown = follower.shown(found[1])
    wanted = EXPECTED[variant]
    # Two numbers are the VM's own; the others may be shown by whoever filled what was hit.
    if (wanted, True) in shown or (wanted != 'H0.1' and (wanted, False) in shown):
        return []
    return [f'{trace}: {variant} is to show {wanted}, shown is {sorted(shown)} behind {len(follower.entries)} entries']
