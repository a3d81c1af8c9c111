#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds includes, and the dependencies of each folder's library, to src/LAYERS."""

import re

import lintlib

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
# 200 KiB and more of private memory in a process of which there is one for each container.
HEAVY = re.compile(r'^(gio/|json-glib/|systemd/|glib-object\.h|gobject/)')
LIGHT_FOLDERS = ('base', 'protocol', 'cgroup', 'runtime', 'logging', 'attach', 'sandbox', 'monitor')
DEPENDENCY = re.compile(r'\b(\w+)_(?:dep|lib)\b')


def read_layers(tree):
    """Folder to the set of folders it may include; and what is wrong with the file itself."""
    layers, problems = {}, []
    for number, line in enumerate(tree.text('src/LAYERS').splitlines(), 1):
        line = line.split('#')[0].strip()
        if not line:
            continue
        folder, colon, rest = line.partition(':')
        for below in rest.split():
            if below not in layers:
                problems.append('src/LAYERS:%d: %s stands on %s, which is not above it in the file'
                                % (number, folder, below))
        if not colon or folder in layers:
            problems.append('src/LAYERS:%d: not one "folder: folders"' % number)
        layers[folder] = set(rest.split())
    return layers, problems


def check_folders(tree, layers):
    return ['src/%s is not in src/LAYERS' % f for f in tree.folders_of('src') if f not in layers]


def is_generated(tree, folder, header):
    """The folder's own build file makes it, in the build folder."""
    path = 'src/%s/meson.build' % folder
    return tree.exists(path) and "output: '%s'" % header in tree.text(path)


def check_include(tree, where, folder, header, allowed):
    if '/' not in header and is_generated(tree, folder, header):
        return []
    if '/' not in header:
        return ['%s: "%s" has no folder before it' % (where, header)]
    if header.split('/')[0] not in allowed | {folder}:
        return ['%s: %s may not include "%s"' % (where, folder, header)]
    if not tree.exists('src/' + header):
        return ['%s: there is no src/%s' % (where, header)]
    return []


def check_source(tree, path, folder, allowed):
    problems = []
    text = tree.text(path)
    for match in INCLUDE.finditer(text):
        where = '%s:%d' % (path, lintlib.line_of(text, match.start()))
        if match.group(1) == '"':
            problems += check_include(tree, where, folder, match.group(2), allowed)
        elif folder in LIGHT_FOLDERS and HEAVY.match(match.group(2)):
            problems.append('%s: <%s> is too heavy for the monitor' % (where, match.group(2)))
    return problems


def check_sources(tree, layers):
    problems = []
    for path in tree.files(('src',), ('.c', '.h')):
        folder = path.split('/')[1]
        if folder in layers:
            problems += check_source(tree, path, folder, layers[folder])
    return problems


def check_build_files(tree, layers):
    """A folder's meson.build names the *_dep and *_lib of no folder it may not include."""
    problems = []
    for folder, allowed in layers.items():
        path = 'src/%s/meson.build' % folder
        text = re.sub(r'#.*', '', tree.text(path)) if tree.exists(path) else ''
        for match in DEPENDENCY.finditer(text):
            name = match.group(1)
            if name in layers and name not in allowed | {folder}:
                problems.append('%s:%d: %s may not use %s' % (
                    path, lintlib.line_of(text, match.start()), folder, match.group(0)))
    return problems


def check_unit_tests(tree, layers):
    """A folder's unit tests see what the folder sees, and the files beside them."""
    problems = []
    for path in tree.files(('tests/unit',), ('.c', '.h')):
        folder = path.split('/')[2]
        text = tree.text(path)
        for match in INCLUDE.finditer(text):
            below = match.group(2).split('/')[0]
            if match.group(1) == '"' and below in layers and folder in layers \
                    and below not in layers[folder] | {folder}:
                problems.append('%s:%d: tests of %s may not include "%s"' % (
                    path, lintlib.line_of(text, match.start()), folder, match.group(2)))
    return problems


def main(tree):
    tap = lintlib.Tap()
    layers, problems = read_layers(tree)
    tap.point('src/LAYERS goes from the bottom to the top', problems)
    tap.point('every folder of src is a layer', check_folders(tree, layers))
    tap.point('includes stay within the layers', check_sources(tree, layers))
    tap.point('libraries stay within the layers', check_build_files(tree, layers))
    tap.point('unit tests stay within the layers', check_unit_tests(tree, layers))
    return tap.finish()


if __name__ == '__main__':
    lintlib.run(main)
