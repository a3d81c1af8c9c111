# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What a monitor costs while nothing happens: memory, threads, wake-ups.

Three kinds of container: one that sleeps, one that sleeps and whose terminal nobody has open, one
that printed 64 MiB and then sleeps. Medians over the containers; wake-ups are summed over them."""

import os
import shlex
import time

from kit import BenchError, median
from report import Row

SETTLE_SECONDS = 2
WATCH_SECONDS = 3
BUSY_LINES = 64 * 1024 * 1024 // 100
SLEEP = ["sleep", "1000000"]
CLOSED_TERMINAL = ["sh", "-c", "exec sleep 1000000 <&- >&- 2>&-"]


def wait_for_last_line(container, text):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with open(container.log, "rb") as log:
            log.seek(max(0, os.path.getsize(container.log) - 200))
            if text in log.read():
                return
        time.sleep(0.05)
    raise BenchError(f"{container.monitor.label}: the log lacks its last line")


def make_idle(bench, monitor, command, terminal, last_line):
    container = bench.container(monitor, command, terminal=terminal)
    container.create()
    container.start()
    if last_line:
        wait_for_last_line(container, last_line)
    return container


def measure(bench, monitor, count, command, terminal=False, last_line=None):
    containers = [make_idle(bench, monitor, command, terminal, last_line) for _ in range(count)]
    time.sleep(SETTLE_SECONDS)
    before = [c.status("voluntary_ctxt_switches") for c in containers]
    time.sleep(WATCH_SECONDS)
    after = [c.status("voluntary_ctxt_switches") for c in containers]
    memory = [c.memory() for c in containers]
    figures = {
        "dirty": median([m["Private_Dirty"] for m in memory]),
        "pss": median([m["Pss"] for m in memory]),
        "threads": max(c.status("Threads") for c in containers),
        "wakeups": sum(after) - sum(before),
    }
    for container in containers:
        container.finish()
    return figures


def rows_of(results, kind, count, fields):
    names = {
        "dirty": ("private dirty memory", "KiB"),
        "pss": ("proportional set size", "KiB"),
        "threads": ("threads", ""),
        "wakeups": (f"wake-ups of {count} in {WATCH_SECONDS} s", ""),
    }
    for field in fields:
        name, unit = names[field]
        yield Row(f"{kind}: {name}", unit, {k: v[field] for k, v in results.items()}, 0)


def run(bench):
    count = 5 if bench.quick else 20
    few = 2 if bench.quick else 5
    producer = shlex.quote(bench.runtime.inner(bench.producer))
    busy = f"{producer} 100 {BUSY_LINES}; echo last; exec sleep 1000000"
    kinds = [
        ("idle", count, {"command": SLEEP}, ("dirty", "pss", "threads", "wakeups")),
        ("idle, closed terminal", count, {"command": CLOSED_TERMINAL, "terminal": True},
         ("dirty", "wakeups")),
        ("idle after 64 MiB", few, {"command": ["sh", "-c", busy], "last_line": b" F last"},
         ("dirty", "wakeups")),
    ]
    rows = []
    for kind, number, options, fields in kinds:
        results = {monitor.label: measure(bench, monitor, number, **options)
                   for monitor in bench.monitors}
        rows.extend(rows_of(results, kind, number, fields))
    return rows
