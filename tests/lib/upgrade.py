# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Upgrades of monitors, and containers that count aloud meanwhile."""

import glob
import os
import re
import shutil
import signal
import threading

from harness import Skip, check, equal
from processes import wait_until

# Prints 1, 2, 3, ... as fast as it can until the file is there, then "end".
COUNT = """i=1
while [ ! -e {stop} ]; do seq $i $((i + 4999)); i=$((i + 5000)); done
echo end
exit {status}"""


def install(box, source=None):
    """Puts a copy of the monitor where this box's are started from, in place of what is there."""
    source = source or getattr(box, "original_path", None) or box.monitor_path
    if not hasattr(box, "original_path"):
        box.original_path = box.monitor_path
        box.monitor_path = box.at("out", os.path.basename(source))
    place(box, lambda path: shutil.copy(source, path))


def install_script(box, text):
    """The same with a shell script; $ORIGINAL is the monitor."""
    script = f"#!/bin/sh\nORIGINAL={box.original_path}\n{text}\n"
    place(box, lambda path: box.write(path, script, 0o755))


def place(box, write):
    temporary = box.monitor_path + ".new"
    write(temporary)
    os.chmod(temporary, 0o755)
    os.replace(temporary, box.monitor_path)


def image(pid):
    """Another after each execve: where the kernel put things."""
    with open(f"/proc/{pid}/auxv", "rb") as file:
        return file.read()


def request(monitor):
    if os.environ.get("HOLDFAST_TEST_SANDBOX") == "strict":
        raise Skip("with HOLDFAST_TEST_SANDBOX=strict monitors refuse to be upgraded")
    os.kill(monitor.daemon_pid, signal.SIGUSR2)


def upgrade(monitor, ask=request, times=1):
    for _ in range(times):
        before = image(monitor.daemon_pid)
        ask(monitor)
        wait_until(lambda: image(monitor.daemon_pid) != before, "another program")


class Counter:
    """A container that counts until stop(); options as for Box.create."""

    def __init__(self, box, status=7, command=COUNT, **options):
        self.stop_path = box.at("out", f"stop{len(box.monitors)}")
        self.status = status
        command = command.format(stop=self.stop_path, status=status)
        self.monitor = box.create(command, autostart=False, **options).created()
        self.box = box

    def stop(self):
        self.box.write(self.stop_path, "")


def check_counted(data, newline=b"\n", what="the output"):
    """Every number once and in order, then the end. Returns the last number."""
    lines = data.split(newline)
    equal(lines[-2:], [b"end", b""], f"the end of {what}")
    numbers = lines[:-2]
    for i, line in enumerate(numbers):
        if line != b"%d" % (i + 1):
            near = numbers[max(0, i - 2) : i + 3]
            raise AssertionError(f"{what}: {near!r} where {i + 1} should be")
    check(len(numbers) > 0, f"{what} is empty")
    return len(numbers)


def rotated(path):
    """Everything in a log's files, the oldest first."""
    def number(name):
        return int(re.search(r"\.(\d+)$", name).group(1))

    older = sorted(glob.glob(path + ".*[0-9]"), key=number, reverse=True)
    return b"".join(open(name, "rb").read() for name in older + [path])


class Reader(threading.Thread):
    """An attach client that reads all; a slow one rests between packets."""

    def __init__(self, client, rest_s=0.0):
        super().__init__(daemon=True)
        self.client = client
        self.rest_s = rest_s
        self.done = threading.Event()
        self.start()

    def run(self):
        while self.client.read_packet(60) is not None:
            if self.rest_s:
                self.done.wait(self.rest_s)

    def output(self):
        self.join(60)
        check(not self.is_alive(), "a client that has read all")
        return bytes(self.client.output[2])
