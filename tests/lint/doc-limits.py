#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Compares the table of limits in docs/errors.md with the constants it names.

A row is `| what | VALUE UNIT | `CONSTANT` FILE |`; FILE is below src/."""

import re
import sys

import lintlib

PAGE = 'docs/errors.md'
ROW = re.compile(r'^\| .* \| ([\d.]+) ?(\w*) \| `(\w+)` (\S+) \|$', re.MULTILINE)
UNITS = {'': 1, 'bytes': 1, 'KiB': 1024, 'MiB': 1024 * 1024}
SECONDS = {'ms': 0.001, 's': 1}


def value_of(text, name):
    """The number that a #define of the file stands for, or None."""
    match = re.search(r'^#define %s +([^/\n]+)' % re.escape(name), text, re.MULTILINE)
    if match is None:
        return None
    expression = re.sub(r'\b[A-Z_]\w*', lambda m: str(value_of(text, m.group(0))), match.group(1))
    return eval(expression) if re.fullmatch(r'[\d+*() ]+', expression) else None


def expected(number, unit, name):
    """What the constant has to be: times are in ms or s, as its name says."""
    if unit in SECONDS:
        return round(float(number) * SECONDS[unit] * (1000 if name.endswith('_MS') else 1), 6)
    return float(number) * UNITS[unit]


def faults_of(rows, read):
    faults = []
    for number, unit, name, path in rows:
        value = value_of(read('src/' + path), name)
        if value is None:
            faults.append('%s: %s is not in src/%s' % (PAGE, name, path))
        elif value != expected(number, unit, name):
            faults.append('%s: %s is %s, not %s %s' % (PAGE, name, value, number, unit))
    return faults


def main(tree):
    tap = lintlib.Tap()
    table = tree.text(PAGE).partition('\n## Deadlines and limits\n')[2]
    lines = re.findall(r'^\| .*', table, re.MULTILINE)[2:]
    rows = ROW.findall(table)
    tap.point('each row of the table of limits can be read',
              [line for line in lines if not ROW.match(line)] if lines else ['there is none'])
    tap.point('the limits are those of the source', faults_of(rows, tree.text))
    read = {'src/a.c': '#define A_MS (2 * B)\n#define B 4\n'}.get
    good = ROW.findall('| what | 8 ms | `A_MS` a.c |\n| what | 4 | `B` a.c |\n')
    bad = ROW.findall('| what | 8 s | `A_MS` a.c |\n| what | 5 | `B` a.c |\n| x | 1 | `C` a.c |\n')
    tap.point('a wrong value, a wrong unit and a missing name would be seen',
              faults_of(good, read) + [str(row) for row in bad if not faults_of([row], read)])
    return tap.finish()


if __name__ == '__main__':
    lintlib.run(main)
