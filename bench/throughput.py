# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""How fast a container's output becomes a log, and at what cost in CPU time.

The container runs bench/producer.c. The clock runs from the moment the producer is let go to the
exit file: all is read, written and reported by then. `cat` from the same producer into a file, with
neither container nor log format, is what the pipe and the file system can do.

Where conmon has no such driver, its k8s-file stands beside ours: json-file, and two streams into
four logs at once. Files are on a tmpfs, and in one case on the disk's file system, without the
fsync at the end: there a write is one to the page cache. The journal is bench/datagram-sink.c."""

import glob
import os
import shlex
import subprocess
import time
from dataclasses import dataclass

from kit import BenchError, cpu_seconds, median, open_journal, turns
from report import Row

GIB = 1 << 30
REFERENCE = "cat"


@dataclass
class Case:
    name: str
    line_length: int = 100
    share: int = 1  # of the bytes of a case that are written here: one in so many
    write_length: int = 65536
    drivers: tuple = ("k8s-file:{log}",)
    peer_drivers: tuple = ("k8s-file:{log}",)
    both: bool = False  # streams
    on_disk: bool = False
    to_journal: bool = False
    log_size: float = 2  # bytes of logs for a byte of output, at most


CASES = [
    Case("100-byte lines"),
    Case("1000-byte lines", line_length=1000),
    Case("100-byte lines, a write for each", share=8, write_length=100),
    Case("100-byte lines, log on a disk", share=2, on_disk=True),
    Case("json-file (conmon: k8s-file)", drivers=("json-file:{log}",)),
    # A quarter of the bytes: the logs are six times as long.
    Case("two streams, four logs (conmon: k8s-file)", share=4, both=True, log_size=7,
         drivers=("k8s-file:{log}", "json-file:{log}.json", "raw:{log}.raw",
                  "k8s-file:{log}.second")),
    Case("journald", share=16, to_journal=True, log_size=0, drivers=("journald",),
         peer_drivers=("journald",)),
]


class Cat:
    label = REFERENCE


def let_go(fifo):
    """Opens the producer's FIFO, which waits until the producer has opened it."""
    fd = os.open(fifo, os.O_WRONLY)
    begin = time.perf_counter()
    os.close(fd)
    return begin


def make_fifo(bench):
    path = os.path.join(bench.rootfs, "tmp", "go")
    if os.path.exists(path):
        os.unlink(path)
    os.mkfifo(path)
    return path


def touch_memory(folder, size):
    """A virtual machine gets memory that it has not used lately from its host page by page, which
    takes longer than all that is measured here. So as much as the logs need is used before."""
    path = os.path.join(folder, "touch")
    block = bytes(1 << 20)
    with open(path, "wb", buffering=0) as file:
        for _ in range(size >> 20):
            file.write(block)
    os.unlink(path)


def make_command(bench, case, lines, fifo):
    runtime = bench.runtime
    producer = [runtime.inner(bench.producer), str(case.line_length)]
    if not case.both:
        return [*producer, str(lines), runtime.inner(fifo), str(case.write_length)]
    half = shlex.join([*producer, str(lines // 2), "/dev/null", str(case.write_length)])
    wait = f"read x < {shlex.quote(runtime.inner(fifo))}; {half} & {half} >&2 & wait"
    return [runtime.inner(os.path.join(bench.rootfs, "bin/sh")), "-c", wait]


def run_monitor(bench, monitor, case, lines, log, journal):
    fifo = make_fifo(bench)
    drivers = case.drivers if monitor is bench.monitors[0] else case.peer_drivers
    container = bench.container(monitor, make_command(bench, case, lines, fifo), log=log,
                                drivers=[driver.format(log=log) for driver in drivers],
                                prefix=journal.prefix if journal else [],
                                arguments=["--no-sync-log"] * case.on_disk)
    watch = container.exit_watch()
    try:
        container.create()
        container.start()
        begin = let_go(fifo)
        watch.wait_for(container.id)
        seconds = time.perf_counter() - begin
        cpu = container.wait_for_exit()
        if drivers == CASES[0].drivers:
            check_log(monitor, log, lines)
    finally:
        watch.close()
        container.finish()
        remove_all(log)
    return seconds, cpu


def check_log(monitor, log, lines):
    """Every line has one record that ends it."""
    found = 0
    rest = b""
    with open(log, "rb") as file:
        while block := file.read(1 << 24):
            block = rest + block
            found += block.count(b" stdout F ") + block.count(b" stderr F ")
            rest = block[-9:]  # shorter than what is counted
    if found != lines:
        raise BenchError(f"{monitor.label}: {found} of {lines} lines are in the log")


def check_journal(monitor, journal, lines):
    found = journal.close()
    if found < lines:
        raise BenchError(f"{monitor.label}: {found} of {lines} lines are in the journal")


def run_cat(bench, case, lines, log):
    fifo = make_fifo(bench)
    command = [bench.producer, str(case.line_length), str(lines), fifo, str(case.write_length)]
    with open(log, "wb") as output:
        producer = subprocess.Popen(command, stdout=subprocess.PIPE)
        cat = subprocess.Popen(["cat"], stdin=producer.stdout, stdout=output)
        producer.stdout.close()
        begin = let_go(fifo)
        os.waitid(os.P_PID, cat.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.perf_counter() - begin
        cpu = cpu_seconds(cat.pid)
        cat.wait()
        producer.wait()
    os.unlink(log)
    return seconds, cpu


def run_once(bench, program, case, lines, log):
    if case.log_size > 0:
        touch_memory(os.path.dirname(log), int(case.log_size * lines * case.line_length))
    if program is Cat:
        return run_cat(bench, case, lines, log)
    journal = open_journal(bench) if case.to_journal else None
    try:
        result = run_monitor(bench, program, case, lines, log, journal)
        if journal:
            check_journal(program, journal, lines)
    finally:
        if journal:
            journal.close()
    return result


def measure(bench, case, total, count):
    lines = total // case.share // case.line_length
    folder = bench.work if case.on_disk else bench.log_folder(case.log_size * total // case.share)
    log = os.path.join(folder, "log")
    with_cat = not case.both and case.drivers == CASES[0].drivers
    results = {}
    for _, program in turns([*bench.monitors, *[Cat] * with_cat], count):
        result = run_once(bench, program, case, lines, log)
        results.setdefault(program.label, []).append(result)
    return rows_of(case, results, lines)


def rows_of(case, results, lines):
    total = lines * case.line_length
    seconds = {label: median([s for s, _ in runs]) for label, runs in results.items()}
    cpu = {label: median([c for _, c in runs]) for label, runs in results.items()}
    name = case.name
    cpu_of_line = Row(f"{name}: CPU time of a line", "ns",
                      {k: v * 1e9 / lines for k, v in cpu.items()}, 0)
    if case.to_journal:
        return [Row(f"{name}: records taken", "1000/s",
                    {k: lines / 1e3 / v for k, v in seconds.items()}, 0), cpu_of_line]
    return [
        Row(f"{name}: output logged", "MB/s", {k: total / 1e6 / v for k, v in seconds.items()}, 0),
        Row(f"{name}: wall time of a GB", "s", {k: v * 1e9 / total for k, v in seconds.items()}, 2),
        cpu_of_line,
        Row(f"{name}: CPU time of a GB", "s", {k: v * 1e9 / total for k, v in cpu.items()}, 2),
    ]


def remove_all(log):
    for path in glob.glob(glob.escape(log) + "*"):
        os.unlink(path)


def has_journal(bench):
    journal = open_journal(bench)
    if journal:
        journal.close()
    return journal is not None


def run(bench):
    total = GIB // 8 if bench.quick else GIB
    count = 3 if bench.quick else 6
    rows = []
    for case in CASES:
        if case.to_journal and not has_journal(bench):
            continue
        rows.extend(measure(bench, case, total, count))
    return rows
