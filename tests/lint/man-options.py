#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Compares the options that the monitor prints with those of its manual page.

    man-options.py MONITOR ROOT

An option of the page is a line `.It Fl c , -cid Ns = Ns Ar id`."""

import re
import subprocess
import sys

import lintlib

PAGE = 'docs/holdfast-monitor.8'
PRINTED = re.compile(r'^ +(?:-(\w), )?--([\w-]+)(=)?', re.MULTILINE)
WRITTEN = re.compile(r'^\.It Fl (?:(\w) , )?-([\w-]+)( Ns = )?', re.MULTILINE)
MENTIONED = re.compile(r'\bFl -([\w-]+)')


def options_of(pattern, text):
    """What each long name comes with: its short name, and whether it has a value."""
    return {name: (short, bool(value)) for short, name, value in pattern.findall(text)}


def missing(these, those, where):
    return ['--%s is not in %s' % (name, where) for name in sorted(these) if name not in those]


def different(printed, written):
    return ['--%s: the program says %s, the page %s' % (name, printed[name], written[name])
            for name in sorted(printed) if name in written and printed[name] != written[name]]


def is_accepted(monitor, name):
    """Whether the monitor takes an option that --help hides. It has a value, or ignores one."""
    return subprocess.run([monitor, '--' + name, 'x', '--version'], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60).returncode == 0


def main(monitor, tree):
    tap = lintlib.Tap()
    text = tree.text(PAGE)
    printed = options_of(PRINTED, subprocess.run([monitor, '--help'], capture_output=True, text=True,
                                                 check=True, timeout=60).stdout)
    written = options_of(WRITTEN, text)
    hidden = set(MENTIONED.findall(text)) - set(printed)
    tap.point('the program prints options', [] if len(printed) > 40 else [str(printed)])
    tap.point('each option of the program is in the page', missing(printed, written, PAGE))
    tap.point('each option of the page is in the program', missing(written, printed, '--help'))
    tap.point('short names and values are the same', different(printed, written))
    tap.point('other options that the page mentions are accepted',
              ['--' + name for name in sorted(hidden) if not is_accepted(monitor, name)])
    tap.point('an option that is none is not accepted',
              ['--no-such-option'] if is_accepted(monitor, 'no-such-option') else [])
    cut = options_of(WRITTEN, re.sub(r'(?m)^\.It Fl c , -cid .*\n', '', text))
    other = options_of(WRITTEN, text.replace('.It Fl T , -timeout', '.It Fl x , -timeout'))
    tap.point('an option left out and a wrong short name would be seen',
              [] if missing(printed, cut, PAGE) and different(printed, other) else ['not seen'])
    return tap.finish()


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit('usage: %s MONITOR ROOT' % sys.argv[0])
    sys.exit(main(sys.argv[1], lintlib.Tree(sys.argv[2])))
