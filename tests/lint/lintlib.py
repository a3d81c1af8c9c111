# SPDX-License-Identifier: Apache-2.0
"""What the lints share: the files of the tree, C text without comments, and TAP."""

import os
import re
import sys

# Where the project's own files are; elsewhere there are build folders and what git keeps.
FOLDERS = ('src', 'include', 'tests', 'tools', 'bench', 'docs', '.ci')
SKIPPED = ('__pycache__', 'subprojects')


class Tree:
    """The project below ROOT, as paths relative to it with '/' between their parts."""

    def __init__(self, root):
        self.root = root

    def files(self, folders=FOLDERS, suffixes=None):
        found = []
        for folder in folders:
            for path, names, files in os.walk(os.path.join(self.root, folder)):
                names[:] = sorted(n for n in names if n not in SKIPPED)
                found += [os.path.relpath(os.path.join(path, f), self.root) for f in sorted(files)]
        return [f for f in found if suffixes is None or f.endswith(suffixes)]

    def top_files(self):
        return sorted(f for f in os.listdir(self.root)
                      if os.path.isfile(os.path.join(self.root, f)))

    def folders_of(self, folder):
        path = os.path.join(self.root, folder)
        if not os.path.isdir(path):
            return []
        return sorted(n for n in os.listdir(path)
                      if n not in SKIPPED and os.path.isdir(os.path.join(path, n)))

    def exists(self, path):
        return os.path.isfile(os.path.join(self.root, path))

    def text(self, path):
        """The file's text; '' for one that is not UTF-8, which no lint has rules for."""
        try:
            with open(os.path.join(self.root, path), encoding='utf-8') as file:
                return file.read()
        except UnicodeDecodeError:
            return ''


class Tap:
    """One test point for each rule; what broke it goes to diagnostics."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def point(self, name, problems):
        self.count += 1
        self.failed += bool(problems)
        print('%s %d - %s' % ('not ok' if problems else 'ok', self.count, name))
        for problem in problems:
            print('# ' + problem)

    def finish(self):
        print('1..%d' % self.count)
        return 1 if self.failed else 0


def skip_all(reason):
    print('1..0 # SKIP ' + reason)
    return 0


def run(main):
    """Runs main(tree) for the root given as only argument."""
    if len(sys.argv) != 2:
        sys.exit('usage: %s ROOT' % sys.argv[0])
    sys.exit(main(Tree(sys.argv[1])))


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def _blank(match):
    text = match.group(0)
    if text[0] == '/':
        return re.sub(r'[^\n]', ' ', text)
    return text[0] + ' ' * (len(text) - 2) + text[-1]


def without_comments(text):
    """C text whose comments and string contents are blanks; each byte keeps its place."""
    return _TOKEN.sub(_blank, text)


def without_directives(text):
    """What without_comments() gave, without preprocessor lines as well."""
    return re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', lambda m: re.sub(r'[^\n]', ' ', m.group(0)),
                  text, flags=re.MULTILINE)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1
