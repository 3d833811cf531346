#!/usr/bin/env python3
"""The hypervisor's ELFs on qemu-system-aarch64: see hyp_on_qemu.sh, which does the work (TAP)."""
import os
import sys

# QEMU flushes where hardware would keep entries, so that the variants with a mistake pass, too.
PROGRAMS = ['vmid-correct', 'vmid-posted-2012', 'vmid-gen-first', 'vmid-rwlock', 'vmid-no-recheck', 'vmid-flush-first',
            'vmid-no-wait', 'vmid-asid-style', 'vmid-asid-one-cpu', 'vmid-asid-zero-slot', 'vmid-asid-plain-store',
            'tlb-nested', 'tlb-skip-isb', 'tlb-no-isb', 'tlb-stage1-first', 'walk-guarded', 'walk-unguarded-tlb',
            'walk-vttbr-last']

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(os.environ['BUILD'], 'hyp')
elfs = [os.path.join(folder, f'hyp-{program}.elf') for program in PROGRAMS]
script = os.path.join(here, 'hyp_on_qemu.sh')
os.execv('/bin/sh', ['sh', script] + (elfs if len(sys.argv) == 1 else sys.argv[1:]))
