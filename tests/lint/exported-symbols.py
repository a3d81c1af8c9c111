#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Compares what libholdfast exports with the list of it: programs link to these names.

    exported-symbols.py [--update] LIBRARY LIST

A name that has gone or changed breaks programs that exist; a new one is added to the list with
--update."""

import subprocess
import sys

import lintlib


def exported(library):
    out = subprocess.run(['nm', '--dynamic', '--defined-only', '--format=posix', library],
                         capture_output=True, text=True, check=True, timeout=60).stdout
    return sorted(line.split()[0].partition('@')[0] for line in out.splitlines())


def check(symbols, listed):
    tap = lintlib.Tap()
    tap.point('the library exports symbols', [] if len(symbols) > 100 else symbols)
    tap.point('what is listed is exported', sorted(set(listed) - set(symbols)))
    tap.point('what is exported is listed', sorted(set(symbols) - set(listed)))
    tap.point('all names begin with hf_', [name for name in symbols if not name.startswith('hf_')])
    tap.point('the list is in order', [] if listed == sorted(set(listed)) else ['it is not'])
    return tap.finish()


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != '--update']
    if len(arguments) != 2:
        sys.exit('usage: %s [--update] LIBRARY LIST' % sys.argv[0])
    library, path = arguments
    symbols = exported(library)
    if '--update' in sys.argv:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(''.join(name + '\n' for name in symbols))
    with open(path, encoding='utf-8') as file:
        listed = file.read().splitlines()
    return check(symbols, listed)


if __name__ == '__main__':
    sys.exit(main())
