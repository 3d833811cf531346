"""The hazards of the allocator that reserves numbers over a rollover (hyp/host/vmid/asid.h), told from the events of
a run: its words are followed through the loads and stores, as hazard.py does for the other allocators.

  one-cpu      a VM's number was reserved on several CPUs, and renewed on some of them only; then the VM took another
               number, while the old one was still reserved under its old name for a CPU that runs the VM by it
  zero-slot    a CPU put a number of a past generation into its slot, which it had seen to be 0
  plain-store  the same, but it had seen another value there: a rollover took it in between
In the last two the number was then given to another VM.
"""
VMS_MAX = 64  # hyp/host/vm.h; struct vmid stands first in struct vm
CPUS_MAX = 8  # hyp/board.h
NUMBER = 8


class Follower:
    """What is known of the allocator's words: they are first known when they are first read or written."""

    def __init__(self, names):
        self.vms, size = names['vms']
        self.slot_size = size // VMS_MAX
        self.vms_end = self.vms + size
        self.at = {names[name][0]: name for name in ('vmid_generation', 'vmid_count')}
        self.active, self.reserved = names['vmid_active'][0], names['vmid_reserved'][0]
        self.now = self.count = None
        self.id = {}         # VM -> its number, with its generation
        self.slot = {}       # CPU -> what its active word holds
        self.seen = {}       # CPU -> what it last read there
        self.kept = {}       # CPU -> what is reserved for it
        self.behind = {}     # VM -> the CPUs on which a renewal left the old name
        self.shown = []      # (mistake, VM, its number, CPU)
        self.given = set()   # numbers given to another VM since such an entry

    def cpu_word(self, array, pa):
        return (pa - array) // 8 if array <= pa < array + 8 * CPUS_MAX else None

    def number(self, name):
        return name & (self.count - 1)

    def slot_stored(self, cpu, pe, name):
        before = self.slot.get(cpu)
        self.slot[cpu] = name
        if cpu != pe or name == 0 or before != 0 or None in (self.now, self.count):
            return
        if name - self.number(name) != self.now:
            mistake = 'plain-store' if self.seen.get(cpu) else 'zero-slot'
            vm = next((vm for vm, held in self.id.items() if held == name), None)
            self.shown.append((mistake, vm, self.number(name), cpu))

    def id_stored(self, vm, name):
        before = self.id.get(vm)
        self.id[vm] = name
        if self.count is None:
            return
        self.given |= {number for _, other, number, _ in self.shown if number == self.number(name) and other != vm}
        if not before:
            return
        if self.number(name) == self.number(before):
            self.behind.setdefault(vm, {}).update({cpu: before for cpu, kept in self.kept.items() if kept == before})
            return
        for cpu, left in self.behind.get(vm, {}).items():
            if self.kept.get(cpu) == left and self.number(left) == self.number(before):
                self.shown.append(('one-cpu', vm, self.number(before), cpu))

    def take(self, event):
        pa, value = int(event['pa'], 16), int(event['value'], 16)
        pe, is_write = int(event['pe']), event['write'] == '1'
        if self.at.get(pa) == 'vmid_generation':
            self.now = value
        elif self.at.get(pa) == 'vmid_count':
            self.count = value
        elif (cpu := self.cpu_word(self.active, pa)) is not None:
            if is_write:
                self.slot_stored(cpu, pe, value)
            else:
                self.slot[cpu] = value
                if cpu == pe:
                    self.seen[cpu] = value
        elif (cpu := self.cpu_word(self.reserved, pa)) is not None:
            self.kept[cpu] = value
        elif self.vms <= pa < self.vms_end:
            vm, offset = divmod(pa - self.vms, self.slot_size)
            if offset == NUMBER and is_write:
                self.id_stored(vm, value)
            elif offset == NUMBER:
                self.id[vm] = value

    def shows(self, variant):
        """-> whether the run has shown the variant's mistake, and what must come of it"""
        numbers = {number for mistake, _, number, _ in self.shown if mistake == variant}
        return bool(numbers) and (variant == 'one-cpu' or bool(numbers & self.given))
