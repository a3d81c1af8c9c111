#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every file whose format has comments begins with its licence."""

import os

import lintlib

C_HEADER = '/* SPDX-License-Identifier: Apache-2.0\n * Copyright The Holdfast Authors */\n'
C_SUFFIXES = ('.c', '.h')
HASH_LINE = '# SPDX-License-Identifier: Apache-2.0'
HASH_SUFFIXES = ('.py', '.sh', '.bash', '.bats', '.yml', '.yaml', '.toml', '.supp')
HASH_NAMES = ('meson.build', 'meson_options.txt', 'LAYERS')
# Other comments: anywhere in the first lines.
OTHER_SUFFIXES = ('.map', '.vala', '.js', '.xml', '.service', '.in', '.1', '.5', '.8')


def has_hash_line(text):
    """On the first line, or on the second of a script."""
    lines = text.split('\n')
    return lines[1 if lines[0].startswith('#!') and len(lines) > 1 else 0] == HASH_LINE


def is_good(path, text):
    if path.endswith(C_SUFFIXES):
        return text.startswith(C_HEADER)
    if path.endswith(HASH_SUFFIXES) or os.path.basename(path) in HASH_NAMES:
        return has_hash_line(text)
    if path.endswith(OTHER_SUFFIXES):
        return any('SPDX-License-Identifier: Apache-2.0' in l for l in text.split('\n')[:5])
    return has_hash_line(text) if text.startswith('#!') else True


def main(tree):
    tap = lintlib.Tap()
    for folder in lintlib.FOLDERS:
        bad = [f for f in tree.files((folder,)) if not is_good(f, tree.text(f))]
        tap.point('files of %s have the licence line' % folder, bad)
    top = [f for f in tree.top_files() if not is_good(f, tree.text(f))]
    tap.point('files at the top have the licence line', top)
    return tap.finish()


if __name__ == '__main__':
    lintlib.run(main)
