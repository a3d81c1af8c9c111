#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows each lint a small tree that is good and then many that differ from it in one file, and sees
that it passes the first and names the fault in each other."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
C = '/* SPDX-License-Identifier: Apache-2.0\n * Copyright The Holdfast Authors */\n\n'
SH = '# SPDX-License-Identifier: Apache-2.0\n'

MAIN = '''#include <glib.h>

#include "base/a.h"

static const char *const names[] = {"a", "b"};
static const struct {
    const char *text;
    int (*run)(int);
} commands[] = {{"x", hf_a}};

struct Later;
typedef struct {
    int (*run)(int);
} Hooks;

G_DEFINE_QUARK(a, hf_a)

int
main(int argc, char **argv)
{
    static const int table[] = {
        1,
        2,
    };

    /* exit(1) and "strcpy(" in a comment or a string are words */
    for (int i = 0; i < 2; i++) {
        switch (table[i]) {
        case 1:
            return hf_a((int)names[i][0] + "exit(1); {"[0] + '{');
        default:
            break;
        }
    }
    exit(commands[0].run(argc));
}
'''
GOOD = {
    '.clang-format': open(os.path.join(HERE, '../../.clang-format'), encoding='utf-8').read(),
    'meson.build': SH,
    'README.md': 'What it is.\n',
    'src/LAYERS': SH + 'base:\ntop: base\nside: base\n',
    'src/base/meson.build': SH + "base_lib = 1\nbase_dep = [base_lib, glib_dep]\n",
    'src/base/a.h': C + '#pragma once\n\nint hf_a(int x);\n',
    'src/base/a.c': C + '#include "base/a.h"\n\nint\nhf_a(int x)\n{\n    return x;\n}\n',
    'src/base/diag.c': C + 'static int level;\n',
    'src/top/meson.build': SH + "top_dep = [base_dep]\nconfigure_file(output: 'made.h')\n",
    'src/top/main.c': C + MAIN,
    'src/side/s.h': C + '#pragma once\n',
    'tests/unit/base/test-a.c': C + '#include "base/a.h"\n',
    'tools/run': '#!/bin/sh\n' + SH + 'true\n',
}


def function(lines, name='hf_b'):
    return C + 'void\n%s(void)\n{\n%s}\n' % (name, ''.join('    %s\n' % l for l in lines))


def nested(depth):
    lines = ['%sif (x)' % ('    ' * i) for i in range(depth)]
    return function(lines + ['    ' * depth + 'y();'])


NESTED_CASES = function([
    'while (a) {', '    for (;;) {', '        do {', '            switch (b) {',
    '            case 1:', '                if (c) {', '                } else if (d) {',
    '                    { x(); }', '                }', '            }', '        } while (e);',
    '    }', '}'])

# (lint, file, its text, what the lint says)
BAD = (
    ('layers', 'src/base/a.c', C + '#include "top/t.h"\n', 'src/base/a.c:4: base may not include'),
    ('layers', 'src/top/t.c', C + '#include "side/s.h"\n', 'top may not include "side/s.h"'),
    ('layers', 'src/top/t.c', C + '#  include "a.h"\n', '"a.h" has no folder'),
    ('layers', 'src/base/b.c', C + '#include "made.h"\n', '"made.h" has no folder'),
    ('layers', 'src/top/t.c', C + '#include "base/no.h"\n', 'there is no src/base/no.h'),
    ('layers', 'src/base/a.c', C + '#include <gio/gio.h>\n', '<gio/gio.h> is too heavy'),
    ('layers', 'src/base/a.c', C + '#include <glib-object.h>\n', 'is too heavy'),
    ('layers', 'src/new/n.h', C + '#pragma once\n', 'src/new is not in src/LAYERS'),
    ('layers', 'src/LAYERS', SH + 'top: base\nbase:\nside: base\n', 'top stands on base'),
    ('layers', 'src/LAYERS', SH + 'base:\ntop: base\nside: base\nside: top\n', 'not one "folder'),
    ('layers', 'src/top/meson.build', SH + 'x = [side_dep]\n', 'meson.build:2: top may not use'),
    ('layers', 'src/base/meson.build', SH + 'x = top_lib\n', 'base may not use top_lib'),
    ('layers', 'tests/unit/base/test-a.c', C + '#include "top/t.h"\n', 'tests of base may not'),

    ('spdx', 'src/base/a.c', 'int x;\n', 'src/base/a.c'),
    ('spdx', 'src/base/a.h', '/* SPDX-License-Identifier: Apache-2.0 */\n', 'src/base/a.h'),
    ('spdx', 'src/top/meson.build', 'x = 1\n', 'src/top/meson.build'),
    ('spdx', 'tools/run', '#!/bin/sh\ntrue\n', 'tools/run'),
    ('spdx', 'tools/run.py', '\n' + SH, 'tools/run.py'),
    ('spdx', 'meson.build', '', '# meson.build'),
    ('spdx', '.ci/jobs.yml', 'jobs:\n', '.ci/jobs.yml'),

    ('format', 'src/base/a.c', C + 'int\nhf_a(int x){\n  return x;\n}\n', 'src/base/a.c:5'),
    ('format', 'tests/unit/base/test-a.c', C + 'int  x;\n', 'tests/unit/base/test-a.c:4'),
    ('format', 'src/base/a.h', C + '#include "z.h"\n#include "b.h"\n', 'src/base/a.h:4'),

    ('style', 'src/base/a.c', C + 'static int count;\n', 'src/base/a.c:4: count can change'),
    ('style', 'src/base/a.c', C + 'int table[2][3] = {{1}};\n', 'table can change'),
    ('style', 'src/base/a.c', C + 'static const char *name = "x";\n', 'name can change'),
    ('style', 'src/base/a.c', C + 'static const char *names[] = {"x"};\n', 'names can change'),
    ('style', 'src/base/a.c', C + 'static struct {\n    int x;\n} state;\n', 'state can change'),
    ('style', 'src/base/a.c', C + 'static struct A a;\n', 'a can change'),
    ('style', 'src/base/a.c', C + 'struct {\n    int x;\n} state;\n', 'state can change'),
    ('style', 'src/base/a.c', C + 'static int x __attribute__((used));\n', 'x can change'),
    ('style', 'src/base/a.c', C + 'static const char *(*hooks[2])(int);\n', 'hooks can change'),
    ('style', 'src/base/a.c', C + 'static int (*hook)(void);\n', 'hook can change'),
    ('style', 'src/base/a.c', C + 'static GQuark (*const a)(void) = b;\nint c;\n', 'c can change'),
    ('style', 'src/base/a.c', C + 'G_DEFINE_QUARK(a, b)\nstatic guint n;\n', ':5: n can change'),
    ('style', 'src/base/a.c', C + '#define A { (\nstatic guint n;\n', 'n can change'),
    ('style', 'src/base/a.c', function(['static int calls;', 'calls++;']), 'calls can change'),
    ('style', 'src/base/a.c', function(['x();'] * 79), 'hf_b has 81 lines'),
    ('style', 'src/base/a.c', C + '/**/\n' * 798, 'src/base/a.c: 801 lines'),
    ('style', 'src/base/a.c', nested(6), 'hf_b nests 6 deep'),
    ('style', 'src/base/a.c', NESTED_CASES, 'src/base/a.c:14: hf_b nests 6 deep'),
    ('style', 'src/base/a.c', C + 'int f(void)\n{\n', 'line 5: "{" is not closed'),
    ('style', 'src/base/a.c', function(['sprintf(a, b);']), 'src/base/a.c:7: sprintf()'),
    ('style', 'tests/unit/base/test-a.c', function(['strcpy (a, b);']), 'strcpy()'),
    ('style', 'src/base/a.c', function(['strcat(a, b);']), 'strcat()'),
    ('style', 'src/base/a.c', function(['gets(a);']), 'gets()'),
    ('style', 'src/base/a.c', function(['x = atoi(a);']), 'atoi()'),
    ('style', 'src/base/a.c', function(['x = strtok(a, b);']), 'strtok()'),
    ('style', 'src/base/a.c', function(['system("x");']), 'system()'),
    ('style', 'tests/unit/base/test-a.c', function(['popen("x", y);']), 'popen()'),
    ('style', 'src/base/a.c', function(['sleep(1);']), 'sleep()'),
    ('style', 'tests/unit/base/test-a.c', function(['usleep(1);']), 'usleep()'),
    ('style', 'src/base/a.c', function(['signal(SIGPIPE, SIG_IGN);']), 'signal()'),
    ('style', 'src/base/a.c', function(['exit(1);']), 'exit()'),
    ('style', 'src/top/spawn.c', function(['_exit(1);']), '_exit()'),
    ('style', 'src/base/a.c', function(['g_main_loop_run(x);']), 'g_main_loop_run()'),
    ('style', 'src/base/a.c', function(['g_idle_add(x, y);']), 'g_idle_add()'),
    ('style', 'src/base/a.c', function(['g_timeout_add_seconds(1, x, y);']), 'g_timeout_add'),
    ('style', 'src/base/a.c', function(['g_unix_fd_add(1, x, y, z);']), 'g_unix_fd_add()'),
    ('style', 'src/base/a.c', C + '/* TODO: all of it */\n', 'src/base/a.c:4: TODO'),
    ('style', 'tools/run', '#!/bin/sh\n' + SH + '# FIXME\n', 'tools/run:3: FIXME'),
    ('style', 'README.md', 'See /work/main.\n', 'README.md:1: /work/'),
    ('style', 'tools/run', '#!/bin/sh\n' + SH + 'cat ../shared/x\n', 'tools/run:3: ../shared'),
)

# What is near a fault and is none: (lint, file, its text)
FINE = (
    ('layers', 'src/top/t.c', C + '#include "made.h"\n'),
    ('layers', 'src/top/t.c', C + '#include <gio.h>\n#include "base/a.h"\n'),
    ('spdx', 'docs/page.md', '# A page\n'),
    ('spdx', 'tests/data.json', '{}\n'),
    ('style', 'src/base/a.c', function(['x();'] * 78)),
    ('style', 'src/base/a.c', function(['static const int t[] = {'] + ['    1,'] * 100 + ['};'])),
    ('style', 'src/base/a.c', C + '/**/\n' * 797),
    ('style', 'src/base/a.c', nested(5)),
    ('style', 'src/base/a.c', function(['if (a) {', '} else if (b) {'] + ['} else if (c) {'] * 9
                                       + ['}'])),
    ('style', 'src/base/a.c', function(['hf_process_ref_signal(a);', 'self->exit(1);'])),
    ('style', 'src/runtime/spawn.c', function(['_exit(127);'])),
    ('style', 'src/base/a.c', C + '/* TODO: all of it (#12) */\n'),
    ('style', 'README.md', 'Give --work-path DIR/work/x and https://host/a/work/b.\n'),
    ('style', 'src/base/a.c', C + 'static GQuark (*const a)(void) = b;\nextern char **environ;\n'),
    ('style', 'src/base/a.c', C + 'void hf_x(int a, void (*run)(void));\n'),
    ('style', 'src/base/a.c', C + 'static const struct {\n    int x;\n} a[] = {{1}};\n'
                                  'enum { A, B };\nunion U {\n    int x;\n};\n'),
)


def write_tree(root, changes):
    for path, text in {**GOOD, **changes}.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8') as file:
            file.write(text)


def run_lint(lint, changes):
    root = tempfile.mkdtemp(prefix='holdfast-lint-')
    try:
        write_tree(root, changes)
        result = subprocess.run([sys.executable, '-B', os.path.join(HERE, lint + '.py'), root],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return result.returncode, result.stdout
    finally:
        shutil.rmtree(root)


class Report:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def point(self, is_ok, output, name):
        self.count += 1
        skip = ' # SKIP clang-format 14 is not installed' if output.startswith('1..0') else ''
        is_ok = is_ok or bool(skip)
        self.failed += not is_ok
        print('%s %d - %s%s' % ('ok' if is_ok else 'not ok', self.count, name, skip))
        if not is_ok:
            print(''.join('# %s\n' % line for line in output.splitlines()), end='')


def main():
    report = Report()
    for lint in ('layers', 'spdx', 'format', 'style'):
        status, output = run_lint(lint, {})
        report.point(status == 0 and 'not ok' not in output, output, lint + ' passes a good tree')
    for lint, path, text in FINE:
        status, output = run_lint(lint, {path: text})
        report.point(status == 0, output, '%s passes %s' % (lint, path))
    for lint, path, text, message in BAD:
        status, output = run_lint(lint, {path: text})
        is_found = status == 1 and 'not ok' in output and message in output
        report.point(is_found, output, '%s says: %s' % (lint, message.replace('#', '')))
    print('1..%d' % report.count)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
