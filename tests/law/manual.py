#!/usr/bin/env python3
"""The manual page and the program name the same commands and the same options."""
import os
import re
import subprocess

from law import BUILD, Tap, read


def manual_options(text):
    """-> {command: options} of the page's section COMMANDS"""
    section = text.split('.SH COMMANDS')[1].split('\n.SH ')[0]
    commands, current = {}, None
    for entry in section.split('\n.TP\n')[1:]:
        head = entry.split('\n')[0].replace('\\-', '-')
        option = re.match(r'\.B[IR]? (--[a-z-]+)', head)
        if option:
            commands[current].add(option[1])
        else:
            current = re.match(r'\.B[IR]? (\w+)', head)[1]
            commands[current] = set()
    return commands


def help_of(*arguments):
    program = os.path.join(BUILD, 'armillary')
    return subprocess.run([program, *arguments, '--help'], capture_output=True, text=True, check=True).stdout


def help_options(text):
    return set(re.findall(r'^  (--[a-z-]+)', text, re.MULTILINE)) - {'--help'}


def differences(manual, program):
    return [f'{name}: only in the manual' for name in sorted(manual - program)] + [
        f'{name}: only in the program' for name in sorted(program - manual)]


def words_after(text, pattern):
    """-> the words of the first match's list: with commas, bars or `or` between them, and remarks in brackets"""
    match = re.search(pattern, re.sub(r'\([^)]*\)', '', text), re.DOTALL)
    return set(re.findall(r'[a-z]+', re.sub(r'\bor\b|which takes turns', '', match[1]))) if match else set()


def manual_lists(manual):
    """-> {what: names} of the lists that the page and the program both have"""
    text = manual.replace('\\-', '-')
    return {'topics in the synopsis': words_after(text, r'armillary info\n\.IR ([^\n]*)'),
            'topics': words_after(text, r'TOPIC is ([^.]*)\.'),
            'strategies': words_after(text, r'\.BI --strategy " NAME"\n(.*?)\n\.TP')}


def program_lists():
    topics = words_after(help_of('info'), r'armillary info ([^\n]*)')
    return {'topics in the synopsis': topics, 'topics': topics,
            'strategies': words_after(help_of('explore'), r'--strategy NAME +(.*?)\n  --')}


def refused_lists():
    """-> the same as the program tells whoever names none of them"""
    program = os.path.join(BUILD, 'armillary')
    topics = subprocess.run([program, 'info', 'x'], capture_output=True, text=True, check=False).stderr
    names = subprocess.run([program, 'explore', 'x', '--strategy', 'x'], capture_output=True, text=True, check=False)
    return {'topics': words_after(topics, r'none of ([^\n]*)'),
            'strategies': words_after(names.stderr, r'none of ([^\n]*)')}


def unexplained(manual, source):
    """-> names that a profile has in the place of symbols and VMs, and the page has not"""
    names = re.findall(r'"(\[[^"]+\]|host|more-vms)"', source)
    return [f'{name}: only in the program' for name in names if name not in manual.replace('\\-', '-')]


def main():
    tap = Tap()
    manual = manual_options(read('docs/armillary.1'))
    tap.case('commands', differences(set(manual), set(re.findall(r'^  ([a-z]+)\b', help_of(), re.MULTILINE))))
    for command, options in manual.items():
        tap.case(f'options of {command}', differences(options, help_options(help_of(command))))
    lists, page_lists = program_lists(), manual_lists(read('docs/armillary.1'))
    for what, names in lists.items():
        tap.case(what, differences(page_lists[what], names) or ([] if len(names) > 3 else [f'only {names}']))
    readme = words_after(read('README.md').replace('\\', ''), r'`info ([^`]*)`')
    tap.case('topics of README.md', differences(readme, lists['topics']))
    for what, names in refused_lists().items():
        tap.case(f'{what}, told to who names none', differences(names, lists[what]))
    source = read('sim/profile_stack.c')
    tap.case('names of a profile', unexplained(read('docs/armillary.1'), source))
    tap.sees('a name of a profile that the manual lacks', unexplained('[EL0] host', source))
    page = '.TP\n.BI \\-\\-strategy " NAME"\nrandom (at will), pct or portfolio, which takes turns (x)\n.TP\n'
    tap.sees('a strategy that the manual lacks', differences(manual_lists(page)['strategies'], lists['strategies']))
    page = '.SH COMMANDS\n.TP\n.BI run " X"\ntext\n.TP\n.BI \\-\\-max\\-insns " N"\n.SH END\n'
    tap.case('reads a page', [] if manual_options(page) == {'run': {'--max-insns'}} else [str(manual_options(page))])
    tap.sees('an option that the manual lacks', differences(manual_options(page)['run'],
                                                            help_options('  --max-insns N  x\n  --new  y\n')))
    tap.sees('an option that the program lacks', differences({'--old'}, help_options('')))
    tap.end()


main()
