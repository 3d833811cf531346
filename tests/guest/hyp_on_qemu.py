#!/usr/bin/env python3
"""The hypervisor's ELFs on qemu-system-aarch64: see hyp_on_qemu.sh, which does the work (TAP)."""
import os
import sys

VARIANTS = ['correct', 'posted-2012', 'gen-first', 'rwlock', 'no-recheck', 'flush-first']

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(os.environ['BUILD'], 'hyp')
elfs = [os.path.join(folder, f'hyp-vmid-{variant}.elf') for variant in VARIANTS]
script = os.path.join(here, 'hyp_on_qemu.sh')
os.execv('/bin/sh', ['sh', script] + (elfs if len(sys.argv) == 1 else sys.argv[1:]))
