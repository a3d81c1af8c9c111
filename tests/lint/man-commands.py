#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Compares the commands and options that holdfast prints with those of its manual page.

    man-commands.py HOLDFAST ROOT

A command of the page is a line `.It Cm name ...`, and the lines `.It Fl f , -follow` up to the next
one are its options. `Options as of .Cm name` in its text brings those of another, `without .Fl ...`
less some."""

import re
import subprocess
import sys

import lintlib

PAGE = 'docs/holdfast.1'
PRINTED = re.compile(r'^ +(?:-(\w), )?--([\w-]+)(=)?', re.MULTILINE)
WRITTEN = re.compile(r'^\.It Fl (?:(\w) , )?-([\w-]+)( Ns = )?', re.MULTILINE)
PRINTED_COMMAND = re.compile(r'^  ([a-z][a-z-]*) +(\S.*)$', re.MULTILINE)
WRITTEN_COMMAND = re.compile(r'^\.It Cm ([a-z-]+)\b(.*)$', re.MULTILINE)
INHERITED = re.compile(r'^Options as of\n\.Cm ([a-z-]+)', re.MULTILINE)
LESS = re.compile(r'^without\n((?:\.Fl .*\n(?:and\n)?)+)', re.MULTILINE)
LONG_FLAG = re.compile(r'-([\w-]{2,})')
EVERYWHERE = ('help',)


def options_of(pattern, text):
    """What each long name comes with: its short name, and whether it has a value."""
    found = {name: (short, bool(value)) for short, name, value in pattern.findall(text)}
    return {name: facts for name, facts in found.items() if name not in EVERYWHERE}


def sections_of(text):
    """The text of each command in the page."""
    commands = text[text.index('.Sh COMMANDS'):text.index('.Sh FILES')]
    places = list(WRITTEN_COMMAND.finditer(commands))
    ends = [place.start() for place in places[1:]] + [len(commands)]
    return {place.group(1): commands[place.end():end] for place, end in zip(places, ends)}


def written_options(sections, name):
    text = sections.get(name, '')
    options = options_of(WRITTEN, text)
    inherited = INHERITED.search(text)
    if inherited:
        less = LESS.search(text)
        dropped = LONG_FLAG.findall(less.group(1)) if less else ()
        other = written_options(sections, inherited.group(1))
        options.update({key: facts for key, facts in other.items() if key not in dropped})
    return options


def compare(name, printed, written):
    problems = ['%s --%s is not in the page' % (name, option)
                for option in sorted(printed) if option not in written]
    problems += ['%s --%s of the page is none' % (name, option)
                 for option in sorted(written) if option not in printed]
    problems += ['%s --%s: the program says %s, the page %s'
                 % (name, option, printed[option], written[option])
                 for option in sorted(printed)
                 if option in written and printed[option] != written[option]]
    return problems


def help_of(*argv):
    return subprocess.run([*argv, '--help'], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL, timeout=60).stdout


def compare_all(printed, text):
    sections = sections_of(text)
    return [problem for name, options in printed.items()
            for problem in compare(name, options, written_options(sections, name))]


def main(holdfast, tree):
    tap = lintlib.Tap()
    text = tree.text(PAGE)
    general = help_of(holdfast)
    names = dict(PRINTED_COMMAND.findall(general.partition('Commands:\n')[2]))
    sections = sections_of(text)
    printed = {name: options_of(PRINTED, help_of(holdfast, name)) for name in names}
    page_options = text[text.index('.Sh OPTIONS'):text.index('.Sh COMMANDS')]

    tap.point('the program prints commands', [] if len(names) > 20 else [str(names)])
    tap.point('each command of the program is in the page',
              sorted(set(names) - set(sections)))
    tap.point('each command of the page is in the program', sorted(set(sections) - set(names)))
    tap.point('the global options are the same',
              compare('holdfast', options_of(PRINTED, general), options_of(WRITTEN, page_options)))
    tap.point('the options of each command are the same', compare_all(printed, text))
    cut = re.sub(r'(?m)^\.It Fl -leave-stdin-open\n', '', text, count=1)
    other = text.replace('.It Fl n , -tail', '.It Fl m , -tail')
    more = text.replace('.It Fl -raw\n', '.It Fl -raw\n.It Fl -cooked\n')
    tap.point('an option left out, one too many and a wrong short name would be seen',
              [what for what, page in (('left out', cut), ('short name', other), ('more', more))
               if not compare_all(printed, page)])
    return tap.finish()


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit('usage: %s HOLDFAST ROOT' % sys.argv[0])
    sys.exit(main(sys.argv[1], lintlib.Tree(sys.argv[2])))
