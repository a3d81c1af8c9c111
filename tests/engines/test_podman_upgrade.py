# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Containers whose monitor is upgraded while Podman uses it."""

import os
import shutil
import signal

from podman_kit import case, check, equal, wait_until

READER = "while read x; do echo got $x; done; exit 4"


def upgrade(box, container):
    """SIGUSR2 to the monitor; returns once it is another program."""
    pid = int(box.inspect(container, "State.ConmonPid"))

    def image():
        with open(f"/proc/{pid}/auxv", "rb") as file:
            return file.read()

    before = image()
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: image() != before, "another program")
    return pid


def install(box):
    """The same program as another file."""
    shutil.copy(box.monitor, box.monitor + ".new")
    os.replace(box.monitor + ".new", box.monitor)


@case("logs, exec, attach and stop go on after upgrades")
def all_goes_on(box):
    container = box.start("trap 'echo bye; exit 9' TERM; i=0; "
                          "while :; do i=$((i+1)); echo $i; usleep 1000; done")
    for _ in range(5):
        install(box)
        pid = upgrade(box, container)

    equal(os.path.basename(os.readlink(f"/proc/{pid}/exe")), "conmon")
    equal(box.podman("exec", container, "echo", "inside", expect=0).out, b"inside\n")
    box.podman("stop", "--time", "30", container, expect=0)
    equal(box.inspect(container, "State.ExitCode"), "9")
    lines = box.logs(container).out.split(b"\n")
    equal(lines[-2:], [b"bye", b""])
    equal(lines[:-2] == [b"%d" % (i + 1) for i in range(len(lines) - 2)], True, "every number")


@case("podman run -i sees nothing of an upgrade, and what is typed arrives")
def run_interactive(box):
    client = box.spawn("run", *box.placed("-i", "--name", "typed"), "sh", "-c", READER,
                       stdin=-1, stdout=-1)  # fmt: skip
    for word in (b"one", b"two", b"three"):
        client.stdin.write(word + b"\n")
        client.stdin.flush()
        equal(client.stdout.readline(), b"got " + word + b"\n")
        upgrade(box, "typed")
    client.stdin.close()

    equal(client.stdout.read(), b"")
    equal(client.wait(60), 4)
    check(b"got three" in box.logs("typed").out, "the log")
