# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""How long a container is without a monitor when that is replaced or upgraded.

A container prints a line each millisecond. Its monitor is upgraded (SIGUSR2), or killed and another
one started (--adopt); the time ends when a client that attaches then is given output. The gap is the
longest time between two lines of the log around that, by the log's own time stamps; "no event" is
that of a time about as long in which nothing happens. conmon can neither be replaced nor upgraded."""

import contextlib
import datetime
import os
import signal
import subprocess
import time

from kit import LIMIT_SECONDS, BenchError, median
from report import Row

LINE_LENGTH = 20
PAUSE_US = 1000
LINES = 10**9
# Before and after an event, so that the gap is whole.
MARGIN_SECONDS = 0.05
TYPICAL_SECONDS = 0.01
PACKET_MAX = 8193
NO_PEER = "(conmon: not possible)"


def wait_for_output(container):
    """Until a client that attaches is given output."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), container.attach() as client:
            if client.recv(PACKET_MAX):
                return
    raise BenchError("nobody serves the container")


def image(pid):
    """Another after each execve."""
    with open(f"/proc/{pid}/auxv", "rb") as file:
        return file.read()


def upgrade(container):
    before = image(container.monitor_pid)
    begin = time.perf_counter()
    os.kill(container.monitor_pid, signal.SIGUSR2)
    while image(container.monitor_pid) == before:
        if time.perf_counter() - begin > LIMIT_SECONDS:
            raise BenchError("the monitor does not upgrade itself")
    wait_for_output(container)
    return time.perf_counter() - begin


def adopt(container):
    """The time begins when the successor is started, not with the kill."""
    os.kill(container.monitor_pid, signal.SIGKILL)
    os.waitpid(container.monitor_pid, 0)
    directory = os.path.join(monitors_dir(container.bench), container.id)
    begin = time.perf_counter()
    done = subprocess.run([container.monitor.path, "--adopt", directory], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        raise BenchError(f"not adopted: {done.stderr.decode(errors='replace')}")
    wait_for_output(container)
    seconds = time.perf_counter() - begin
    with open(os.path.join(container.folder, "monitor.pid"), encoding="ascii") as file:
        container.monitor_pid = int(file.read())
    return seconds


def nothing(_):
    time.sleep(TYPICAL_SECONDS)
    return TYPICAL_SECONDS


def monitors_dir(bench):
    return os.path.join(bench.run_work, "monitors")


def longest_gap(path, offset):
    """Between two lines of a log, in seconds."""
    with open(path, "rb") as file:
        file.seek(offset)
        lines = file.read().split(b"\n")[:-1]
    stamps = [parse_stamp(line.split(b" ", 1)[0].decode()) for line in lines]
    return max(after - before for before, after in zip(stamps, stamps[1:]))


def parse_stamp(text):
    seconds, rest = text.split(".")
    return datetime.datetime.fromisoformat(seconds).timestamp() + float("0." + rest[:9])


def measure_event(container, event):
    """(what the event took, the gap)"""
    offset = whole_lines(container.log)
    time.sleep(MARGIN_SECONDS)
    seconds = event(container)
    time.sleep(MARGIN_SECONDS)
    return seconds, longest_gap(container.log, offset)


def whole_lines(path):
    """Where the last whole line of the log ends."""
    with open(path, "rb") as file:
        return file.read().rfind(b"\n") + 1


def measure(bench, monitor, event, count):
    """The medians of both, in milliseconds."""
    runtime = bench.runtime
    command = [runtime.inner(bench.producer), str(LINE_LENGTH), str(LINES), "/dev/null",
               str(LINE_LENGTH), str(PAUSE_US)]
    arguments = ["--adoptable", "--adoption-dir", monitors_dir(bench)]
    container = bench.container(monitor, command, runtime, arguments=arguments)
    try:
        container.create()
        container.start()
        wait_for_output(container)
        results = [measure_event(container, event) for _ in range(count + 1)][1:]
    finally:
        container.finish()
    seconds, gaps = zip(*results)
    return 1000 * median(seconds), 1000 * median(gaps)


def run(bench):
    monitor = bench.monitors[0]
    count = 10 if bench.quick else 40
    os.makedirs(monitors_dir(bench), mode=0o700, exist_ok=True)
    rows = []
    for name, event in (("upgrade", upgrade), ("adoption", adopt)):
        seconds, gap = measure(bench, monitor, event, count)
        rows += [
            Row(f"{name}: request to output for a client, median {NO_PEER}", "ms",
                {monitor.label: seconds}, 2),
            Row(f"{name}: gap in output, median {NO_PEER}", "ms", {monitor.label: gap}, 2),
        ]
    _, gap = measure(bench, monitor, nothing, count)
    return rows + [Row("no event: gap in output, median", "ms", {monitor.label: gap}, 2)]
