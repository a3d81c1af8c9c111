#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the code's shape that a machine can hold: sizes, state, calls, words."""

import os
import re

import ctext
import lintlib

C_SUFFIXES = ('.c', '.h')
FUNCTION_LINES = 80
FILE_LINES = 800
NESTING = 5

# The one module with state of its own; its header says why.
MUTABLE_ALLOWED = ('src/base/diag.c',)

# What others run; test programs may be looser in their calls.
SHIPPED = ('src', 'include', 'tools', 'bench')
# Where a forked child ends.
CHILD_ENDS = ('src/runtime/spawn.c', 'src/monitor/daemonize.c', 'src/monitor/log-compressor.c',
              'src/monitor/log-sync.c', 'src/sandbox/probe.c')

# (names, folders in which they are forbidden, files in which they are not, what to do instead)
CALLS = (
    (('sprintf', 'vsprintf', 'strcpy', 'strcat', 'gets'), lintlib.FOLDERS, (), 'bound it'),
    (('atoi', 'strtok'), SHIPPED, (), 'use what tells bad input from good'),
    (('system', 'popen'), lintlib.FOLDERS, (), 'run programs without a shell'),
    (('sleep', 'usleep', 'nanosleep'), ('src', 'tests/unit', 'tests/lib'), (),
     'wait for what happens'),
    (('signal',), SHIPPED, (), 'use sigaction'),
    (('exit', 'quick_exit'), ('src',), ('main.c',), 'return; only main ends the program'),
    (('_exit', '_Exit'), ('src',), CHILD_ENDS, 'return; only a forked child ends so'),
    (('g_main_loop_run',), ('src',), ('main.c',), 'only main runs the loop'),
    (('g_idle_add', 'g_idle_add_full', 'g_idle_add_once', 'g_timeout_add', 'g_timeout_add_full',
      'g_timeout_add_once', 'g_timeout_add_seconds', 'g_timeout_add_seconds_full',
      'g_timeout_add_seconds_once', 'g_unix_fd_add', 'g_unix_fd_add_full', 'g_unix_signal_add',
      'g_unix_signal_add_full', 'g_child_watch_add', 'g_child_watch_add_full'), ('src',), (),
     'use base/source.h: an owner keeps a GSource'),
)

# This folder names what it looks for.
WORDS_ALLOWED = 'tests/lint/'
UNFINISHED = re.compile(r'\b(?:TODO|FIXME)\b(?![^\n]*#\d)')
MACHINE_PATH = re.compile(r'(?<![\w.-])/work/|\.\./shared\b')


class CFile:
    def __init__(self, tree, path):
        self.path = path
        self.text = tree.text(path)
        self.problem = None
        self.functions, self.declarations = [], []
        try:
            self.functions, self.declarations = ctext.read_file(self.text)
        except ctext.Unreadable as error:
            self.problem = str(error)

    def is_in(self, folder):
        return self.path.startswith(folder + '/')


def check_state(files):
    problems = []
    for file in files:
        if not file.is_in('src') or file.path in MUTABLE_ALLOWED:
            continue
        declarations = list(file.declarations)
        for function in file.functions:
            declarations += ctext.static_locals(function.body)
        for declaration in declarations:
            name = ctext.mutable_variable(declaration)
            if name is not None:
                problems.append('%s:%d: %s can change' % (file.path, declaration[0].line, name))
    return problems


def check_function_lengths(files):
    problems = []
    for file in files:
        for function in file.functions:
            lines = function.lines - ctext.table_lines(function.body)
            if lines > FUNCTION_LINES:
                problems.append('%s:%d: %s has %d lines' % (file.path, function.line,
                                                            function.name, lines))
    return problems


def check_file_lengths(files):
    lengths = [(f.path, f.text.count('\n')) for f in files]
    return ['%s: %d lines' % (path, n) for path, n in lengths if n > FILE_LINES]


def check_nesting(files):
    problems = []
    for file in files:
        for function in file.functions:
            try:
                nesting = ctext.Nesting(function.body)
            except ctext.Unreadable as error:
                problems.append('%s: %s' % (file.path, error))
                continue
            if nesting.deepest > NESTING:
                problems.append('%s:%d: %s nests %d deep' % (file.path, nesting.line,
                                                             function.name, nesting.deepest))
    return problems


def is_allowed(path, exceptions):
    return path in exceptions or os.path.basename(path) in exceptions


def check_calls(files, names, folders, exceptions, advice):
    call = re.compile(r'(?<![\w.>])(%s)\s*\(' % '|'.join(names))
    problems = []
    for file in files:
        if not any(file.is_in(f) for f in folders) or is_allowed(file.path, exceptions):
            continue
        clean = lintlib.without_comments(file.text)
        for match in call.finditer(clean):
            problems.append('%s:%d: %s(): %s' % (file.path, lintlib.line_of(clean, match.start()),
                                                 match.group(1), advice))
    return problems


def check_words(tree, pattern):
    problems = []
    for path in tree.files() + tree.top_files():
        if path.startswith(WORDS_ALLOWED):
            continue
        text = tree.text(path)
        for match in pattern.finditer(text):
            problems.append('%s:%d: %s' % (path, lintlib.line_of(text, match.start()),
                                           match.group(0)))
    return problems


def main(tree):
    tap = lintlib.Tap()
    files = [CFile(tree, path) for path in tree.files(suffixes=C_SUFFIXES)]
    tap.point('every C file can be read by this lint',
              ['%s: %s' % (f.path, f.problem) for f in files if f.problem])
    tap.point('no variable of a file or a function outlives its use', check_state(files))
    tap.point('no function has more than %d lines' % FUNCTION_LINES, check_function_lengths(files))
    tap.point('no C file has more than %d lines' % FILE_LINES, check_file_lengths(files))
    tap.point('no function nests more than %d deep' % NESTING, check_nesting(files))
    for names, folders, exceptions, advice in CALLS:
        tap.point('no call of %s' % ', '.join(names[:3]),
                  check_calls(files, names, folders, exceptions, advice))
    tap.point('nothing unfinished without an issue', check_words(tree, UNFINISHED))
    tap.point('no path of one machine', check_words(tree, MACHINE_PATH))
    return tap.finish()


if __name__ == '__main__':
    lintlib.run(main)
