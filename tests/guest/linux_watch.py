#!/usr/bin/env python3
"""Checkers on Debian's kernel with KVM: the whole nested run is clean, so is one in which memory of a guest is taken
away while it runs, and there was room to judge all of them. Without one invalidation, or without one barrier, of the
kernel's break-before-make, of KVM's in stage 2, or where VMIDs and CPUs change hands, they are not: which executions
those are is what the profile of the same run says. Without the payload (./dev linux makes it) this is skipped.
Prints TAP.
"""
import os
import pathlib
import re
import sys
import tempfile

from linux_payload import absent, explain, run, write_names

CHECKERS = 'vmid,tlb,bbm,owner,lr,irq,sync,el2'
WATCHING = 'vmid,tlb,bbm,owner,asid'  # with a drop: those whom it concerns, and none that makes it slow
FLUSH_IPA, FLUSH_VMID = 'EL2 __kvm_nvhe___kvm_tlb_flush_vmid_ipa', 'EL2 __kvm_nvhe___kvm_tlb_flush_vmid'
FLUSH_CPU, FLUSH_ALL = 'EL2 __kvm_nvhe___kvm_flush_cpu_context', 'EL2 __kvm_nvhe___kvm_flush_vm_context'
FIRST, LAST = 1, 2
# The run, as boot.py's options; operation and place as the profile names them; which of these operations in that
# function, by their order there, and which execution; the finding, and what it says, or None and what the monitor says
# of its guest.
DROPS = [
    ('--mode tiny', 'tlbi VALE1is', 'EL1 ptep_clear_flush', 0, FIRST, 'bbm/unclean', r'of stage 1'),
    ('--mode tiny', 'dsb ishst', 'EL1 ptep_clear_flush', 0, FIRST, 'bbm/no-dsb', 'visible'),
    # The first page that is taken away, and what combines both stages of it; the page of zeros, written to.
    ('--mode stage2 --phases discard', 'tlbi IPAS2E1is', FLUSH_IPA, 0, FIRST, 'bbm/unclean',
     r'IPA 0x40400000 \(level 3 of stage 2\)'),
    ('--mode stage2 --phases discard', 'tlbi VMALLE1is', FLUSH_IPA, 0, FIRST, 'bbm/unclean',
     'leaves entries that combine both stages'),
    ('--mode stage2 --phases cow', 'tlbi IPAS2E1is', FLUSH_IPA, 0, FIRST, 'bbm/unclean',
     r'IPA 0x40401000 \(level 3 of stage 2\)'),
    # The block that is split, with each of its barriers; the table that becomes a block again.
    ('--mode stage2 --phases dirty', 'tlbi IPAS2E1is', FLUSH_IPA, 0, FIRST, 'bbm/unclean',
     r'IPA 0x40200000 \(level 2 of stage 2\)'),
    ('--mode stage2 --phases dirty', 'dsb ishst', FLUSH_IPA, 0, FIRST, 'bbm/no-dsb', 'visible'),
    ('--mode stage2 --phases dirty', 'dsb ish', FLUSH_IPA, 0, FIRST, 'bbm/unclean', 'before stage 1'),
    ('--mode stage2 --phases dirty', 'dsb ish', FLUSH_IPA, 1, FIRST, 'bbm/unclean',
     r'IPA 0x40200000 \(level 2 of stage 2\)'),
    ('--mode stage2 --phases dirty', 'tlbi VMALLS12E1is', FLUSH_VMID, 0, LAST, 'bbm/unclean',
     r'IPA 0x40200000 \(level 2 of stage 2\)'),
    ('--mode stage2 --phases dirty', 'dsb ishst', FLUSH_VMID, 0, LAST, 'bbm/unclean', 'no DSB stands between'),
    ('--mode stage2 --phases slot', 'tlbi IPAS2E1is', FLUSH_IPA, 0, FIRST, 'bbm/no-break',
     r'IPA 0x40200000 \(level 2 of stage 2\)'),
    ('--mode stage2 --phases share', 'tlbi VMALLE1', FLUSH_CPU, 0, LAST, 'asid/global', '0x80000000'),
    ('--mode stage2 --phases rollover', 'tlbi ALLE1is', FLUSH_ALL, 0, FIRST, 'owner/foreign-page', 'with VMID 1'),
    # What the kernel alone can know: from when on a page must not be written to without its being logged.
    ('--mode stage2 --phases dirty', 'tlbi VMALLS12E1is', FLUSH_VMID, 0, FIRST, None,
     'MARK-STAGE2-BAD page 0 was written to, and the log did not say so'),
]


def check_clean(what, checkers):
    result = run(*what.split(), '--', '--check', checkers)
    if result.returncode == 0 and 'unjudged:' not in result.stdout:
        return []
    return explain(result)


def executions(profile, operation, place):
    """-> [(first, last)]: numbers of executions of an operation in a function of the host's kernel, by their places"""
    found = []
    for line in profile.splitlines():
        match = re.fullmatch(r' *\d+ +(\d+) +(\d+)  (.*), host (EL\d \S+)\+0x([0-9a-f]+)', line)
        if match and match[3] == operation and match[4] == place:
            found.append((int(match[5], 16), match[1], match[2]))
    return [numbers for _, *numbers in sorted(found)]


class Folder:
    """what several cases need: names of the kernel's, and a profile of each run, made once"""

    def __init__(self, path):
        self.path, self.made = pathlib.Path(path), {}
        self.names = str(self.path / 'System.map')
        write_names(self.names)

    def profile(self, what):
        """-> (profile, what is wrong)"""
        if what not in self.made:
            path = self.path / 'profile'
            result = run(*what.split(), '--', '--symbols', self.names, '--profile', str(path))
            self.made[what] = ('', explain(result)) if result.returncode else (path.read_text(encoding='utf-8'), [])
        return self.made[what]


def judge(result, dropped, place, finding, says):
    """-> whether a run says that it has dropped something, and what came of it"""
    if not re.search(rf'^dropped {dropped} at step .*\[{place.split()[1]}\+', result.stderr, re.MULTILINE):
        return False
    if finding is None:
        return 'result=off' in result.stdout and says in result.stdout
    story = re.search(rf'^{finding} on CPU .*(\n  step .*)*', result.stdout, re.MULTILINE)
    return result.returncode == 1 and 'result=violation' in result.stdout and story and re.search(says, story[0])


def check_drop(folder, what, operation, place, index, when, finding, says):
    profile, problems = folder.profile(what)
    if problems:
        return problems
    numbers = executions(profile, operation, place)
    if len(numbers) <= index:
        return [f'the profile has {len(numbers)} places of {operation} in {place}']
    dropped = f'{operation.split()[0]}:{numbers[index][when - 1]}'
    result = run(*what.split(), '--', '--symbols', folder.names, '--drop', dropped, '--check', WATCHING,
                 '--max-insns', '800000000')
    return [] if judge(result, dropped, place, finding, says) else explain(result)


def main():
    status = absent()
    if status is not None:
        return status
    clean = [('the nested run', '--mode full', CHECKERS), ('taking memory away', '--mode stage2', CHECKERS + ',asid')]
    print(f'1..{len(clean) + len(DROPS)}', flush=True)
    failures = 0
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(path)
        cases = [(f'{name} is clean: {checkers}', check_clean, (what, checkers)) for name, what, checkers in clean]
        for what, operation, place, index, when, finding, says in DROPS:
            which = f'{operation} number {index + 1} in {place}, the {"first" if when == FIRST else "last"} time'
            cases.append((f'{what.split()[-1]} without {which}: {finding or says}', check_drop,
                          (folder, what, operation, place, index, when, finding, says)))
        for number, (what, check, arguments) in enumerate(cases, 1):
            problems = check(*arguments)
            failures += bool(problems)
            print('not ok' if problems else 'ok', number, '-', what)
            for problem in problems:
                print('#', problem)
            sys.stdout.flush()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
