# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What a monitor costs while nothing happens: memory, threads, wake-ups, pipes.

Three kinds of container: one that sleeps, one that sleeps and whose terminal nobody has open, one
that printed 64 MiB and then sleeps; the last with each log driver. Medians over the containers;
wake-ups are summed over them. Pipes are those of stdout and stderr: their pages count against a
limit of the user (fs.pipe-user-pages-soft), which many idle containers share."""

import os
import shlex
import time

from kit import BenchError, DatagramSink, median, open_journal
from report import Row

SETTLE_SECONDS = 2
WATCH_SECONDS = 3
BUSY_LINES = 64 * 1024 * 1024 // 100
SLEEP = ["sleep", "1000000"]
CLOSED_TERMINAL = ["sh", "-c", "exec sleep 1000000 <&- >&- 2>&-"]


def wait_for_file(container, path):
    deadline = time.monotonic() + 120
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise BenchError(f"{container.monitor.label}: the container's output takes too long")
        time.sleep(0.05)
    os.unlink(path)


def make_idle(bench, monitor, command, done=None, **options):
    container = bench.container(monitor, command, **options)
    container.create()
    container.start()
    if done:
        wait_for_file(container, done)
    return container


def measure(bench, monitor, count, **options):
    containers = [make_idle(bench, monitor, **options) for _ in range(count)]
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
    if not options.get("terminal"):
        figures["pipes"] = median([c.pipe_bytes() for c in containers]) / 1024
    for container in containers:
        container.finish()
    return figures


def rows_of(results, kind, count, fields):
    names = {
        "dirty": ("private dirty memory", "KiB"),
        "pss": ("proportional set size", "KiB"),
        "threads": ("threads", ""),
        "pipes": ("size of its pipes", "KiB"),
        "wakeups": (f"wake-ups of {count} in {WATCH_SECONDS} s", ""),
    }
    for field in fields:
        name, unit = names[field]
        yield Row(f"{kind}: {name}", unit, {k: v[field] for k, v in results.items()}, 0)


def busy_options(bench):
    """A container that makes a file when it has printed all."""
    done = os.path.join(bench.rootfs, "tmp", "done")
    producer = shlex.quote(bench.runtime.inner(bench.producer))
    touch = f": > {shlex.quote(bench.runtime.inner(done))}"
    script = f"{producer} 100 {BUSY_LINES}; {touch}; exec sleep 1000000"
    return {"command": [bench.runtime.inner(os.path.join(bench.rootfs, "bin/sh")), "-c", script],
            "done": done}


def measure_drivers(bench, count):
    """After much output, with each driver; conmon beside us where it has the driver."""
    rows = []
    log = os.path.join(bench.run_work, "burst.log")
    journal = open_journal(bench)
    server = DatagramSink(bench, "0")
    drivers = [("json-file", f"json-file:{log}", False),
               ("syslog", f"syslog:udp://127.0.0.1:{server.port}", False),
               ("none", "none", True)]
    if journal:
        drivers.append(("journald", "journald", True))
    for name, driver, is_conmons in drivers:
        monitors = bench.monitors if is_conmons else bench.monitors[:1]
        options = {"drivers": [driver], "log": log,
                   "prefix": journal.prefix if name == "journald" else []}
        results = {monitor.label: measure(bench, monitor, count, **busy_options(bench), **options)
                   for monitor in monitors}
        rows.extend(rows_of(results, f"idle after 64 MiB, {name}", count, ("dirty",)))
    for sink in filter(None, (journal, server)):
        sink.close()
    return rows


def run(bench):
    count = 5 if bench.quick else 20
    few = 2 if bench.quick else 5
    kinds = [
        ("idle", count, {"command": SLEEP}, ("dirty", "pss", "threads", "wakeups", "pipes")),
        ("idle, closed terminal", count, {"command": CLOSED_TERMINAL, "terminal": True},
         ("dirty", "wakeups")),
        ("idle after 64 MiB", few, busy_options(bench), ("dirty", "wakeups", "pipes")),
    ]
    rows = []
    for kind, number, options, fields in kinds:
        results = {monitor.label: measure(bench, monitor, number, **options)
                   for monitor in bench.monitors}
        rows.extend(rows_of(results, kind, number, fields))
    return rows + measure_drivers(bench, few)
