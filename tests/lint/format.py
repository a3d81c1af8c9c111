#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format, in the one version whose output .clang-format is written for, changes nothing."""

import os
import re
import shutil
import subprocess

import lintlib

VERSION = '14'


def find_program():
    for name in ('clang-format-' + VERSION, 'clang-format'):
        program = shutil.which(name)
        if program is None:
            continue
        output = subprocess.run([program, '--version'], stdout=subprocess.PIPE, text=True).stdout
        if re.search(r'version %s\.' % VERSION, output):
            return program
    return None


def check(tree, program, files):
    """The places clang-format would change, shortened to 'file:line'."""
    if not files:
        return []
    result = subprocess.run([program, '--dry-run', '--Werror', '--style=file'] + files,
                            cwd=tree.root, stderr=subprocess.PIPE, text=True)
    places = re.findall(r'^(\S+:\d+):\d+: error', result.stderr, re.MULTILINE)
    if result.returncode != 0 and not places:
        return result.stderr.splitlines()
    return list(dict.fromkeys(places))


def main(tree):
    program = find_program()
    if program is None:
        return lintlib.skip_all('clang-format %s is not installed' % VERSION)
    tap = lintlib.Tap()
    if not tree.exists('.clang-format'):
        tap.point('.clang-format is there', [os.path.join(tree.root, '.clang-format')])
    for folder in lintlib.FOLDERS:
        files = tree.files((folder,), ('.c', '.h'))
        tap.point('C files of %s are formatted' % folder, check(tree, program, files))
    return tap.finish()


if __name__ == '__main__':
    lintlib.run(main)
