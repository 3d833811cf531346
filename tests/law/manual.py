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


def main():
    tap = Tap()
    manual = manual_options(read('docs/armillary.1'))
    tap.case('commands', differences(set(manual), set(re.findall(r'^  ([a-z]+)\b', help_of(), re.MULTILINE))))
    for command, options in manual.items():
        tap.case(f'options of {command}', differences(options, help_options(help_of(command))))
    page = '.SH COMMANDS\n.TP\n.BI run " X"\ntext\n.TP\n.BI \\-\\-max\\-insns " N"\n.SH END\n'
    tap.case('reads a page', [] if manual_options(page) == {'run': {'--max-insns'}} else [str(manual_options(page))])
    tap.sees('an option that the manual lacks', differences(manual_options(page)['run'],
                                                            help_options('  --max-insns N  x\n  --new  y\n')))
    tap.sees('an option that the program lacks', differences({'--old'}, help_options('')))
    tap.end()


main()
