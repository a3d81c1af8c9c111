# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The client of docs/attach.md does what the page says."""

import os
import subprocess
import sys

from harness import case, check, equal
from processes import DEADLINE

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
EXAMPLE = os.path.join(DOCS, "examples", "attach.py")

# The container prints only after it was typed to, so that the example is attached by then.
PRINTS = "read line; echo out $line; echo err $line >&2; cat; echo end; exit 3"


def start_example(box, command, **options):
    monitor = box.create(command, stdin=True, autostart=False, **options).created()
    example = subprocess.Popen([sys.executable, "-B", EXAMPLE, monitor.bundle_dir],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    box.cleanups.append(example.kill)
    monitor.start()
    return monitor, example


@case("the example joins all three streams and ends with the container")
def three_streams(box):
    monitor, example = start_example(box, PRINTS)

    out, err = example.communicate(b"go\nmore\n", timeout=DEADLINE)

    equal(out, b"out go\nmore\nend\n")
    equal(err, b"err go\n")
    equal(monitor.wait_exited(), b"3")


@case("the example ends with the container though its own input goes on")
def input_goes_on(box):
    monitor, example = start_example(box, "read line; echo got $line")
    example.stdin.write(b"hello\n")
    example.stdin.flush()

    out = example.stdout.read()

    equal(out, b"got hello\n")
    equal(example.stderr.read(), b"")


@case("the example reaches a bundle with a path longer than a socket's address")
def long_path(box):
    bundle = box.add_bundle("b" * 100, "c" * 100)
    monitor, example = start_example(box, PRINTS, bundle=bundle)

    out, _ = example.communicate(b"go\n", timeout=DEADLINE)

    equal(out, b"out go\nend\n")


@case("docs/attach.md shows the example as it is")
def page_shows_it(box):
    page = box.read(os.path.join(DOCS, "attach.md"))
    program = box.read(EXAMPLE).partition(b'"""\n\n')[2]

    check(program and b"```python\n" + program + b"```\n" in page, "the page has the program")
