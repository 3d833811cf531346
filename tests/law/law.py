"""What the law tests share: the files of the tree, C text without comments, TAP."""
import os
import re

SOURCE = os.environ.get('SOURCE') or os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
BUILD = os.environ.get('BUILD') or os.path.join(SOURCE, 'build')
CODE = ('.c', '.h', '.S')
MODEL = ('sim', 'mmu', 'mem', 'gic', 'cpu')


def tree(endings=None):
    """-> the paths of all files of the project, from its root; build folders and hidden ones left out"""
    paths = []
    for folder, folders, names in os.walk(SOURCE):
        here = os.path.relpath(folder, SOURCE)
        folders[:] = sorted(f for f in folders if f == '.ci' or not f.startswith('.') and f != '__pycache__'
                            and not (here == '.' and f.startswith('build')))
        for name in sorted(names):
            path = os.path.normpath(os.path.join(here, name))
            if endings is None or path.endswith(endings):
                paths.append(path)
    return paths


def read(path):
    with open(os.path.join(SOURCE, path), encoding='utf-8') as file:
        return file.read()


def part_of(path):
    """-> the folder that the layering table has a row for"""
    folder = os.path.dirname(path)
    return 'sim/base' if (folder + '/').startswith('sim/base/') else folder.split('/')[0]


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(text, strings=True):
    """C text with comments, and strings unless they are wanted, blanked; lines and columns stay"""
    def replace(match):
        found = match[0]
        if found[0] in '"\'' and not strings:
            return found
        inside = re.sub(r'[^\n]', ' ', found)
        return found[0] + inside[1:-1] + found[-1] if found[0] in '"\'' else inside
    return TOKEN.sub(replace, text)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


class Tap:
    """One line per case; the reasons of a failure follow it as comments."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def case(self, what, problems):
        self.count += 1
        self.failed += bool(problems)
        print(f'{"not ok" if problems else "ok"} {self.count} - {what}')
        for problem in problems:
            print(f'# {problem}')

    def sees(self, what, problems):
        """a sample that breaks the law: the law must object to it"""
        self.case(f'objects to {what}', [] if problems else ['it did not'])

    def accepts(self, what, problems):
        """a sample that keeps the law although it looks like a breach"""
        self.case(f'accepts {what}', problems)

    def end(self):
        print(f'1..{self.count}', flush=True)
        raise SystemExit(1 if self.failed else 0)
