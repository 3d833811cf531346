"""The list of differences between QEMU and the architecture for translations: differences.txt."""
import collections
import os

import layout
import listed
from expect import Expected
from image import Problem

PATH = os.path.join(layout.HERE, 'differences.txt')
KEYS = ('when', 'rule')


def read():
    """-> {name: (when, rule)}"""
    out = {}
    for name, line, keys in listed.parse(PATH, KEYS):
        if name in out:
            raise Problem(f'{PATH}:{line}: {name} is there twice')
        out[name] = (keys['when'], keys['rule'])
    return out


class List:
    """the entries at work"""

    def __init__(self, without=()):
        self.names = frozenset(read()) - set(without)
        self.hits = collections.Counter()

    def explains(self, case, machine, attempt, theirs, ours):
        """Is Armillary's record what the architecture says, and QEMU's what it says with entries of
        the list? Counts these."""
        wanted = Expected(case, machine, attempt).fields()
        if any(getattr(ours, f) != wanted[f] for f in layout.FIELDS):
            return False
        other = Expected(case, machine, attempt, self.names)
        wanted = other.fields()
        if any(getattr(theirs, f) != wanted[f] for f in layout.FIELDS):
            return False
        self.hits.update(other.used)
        return True

    def strays(self, case, machine, attempt):
        """Does QEMU execute, for the vectors, what a table that is no table leads to?"""
        return Expected(case, machine, attempt, self.names).strays
