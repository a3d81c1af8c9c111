# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""How fast a container's output becomes a k8s-file log, and at what cost in CPU time.

The container runs bench/producer.c. The clock runs from the moment the producer is let go to the
exit file: all is read, written and reported by then. `cat` from the same producer into a file, with
neither container nor log format, is what the pipe and the file system can do."""

import os
import subprocess
import time

from kit import BenchError, cpu_seconds, median, turns
from report import Row

LINE_LENGTHS = (100, 1000)
GIB = 1 << 30
REFERENCE = "cat"


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


def run_monitor(bench, monitor, line_length, lines, log, check):
    fifo = make_fifo(bench)
    runtime = bench.runtime
    command = [runtime.inner(bench.producer), str(line_length), str(lines), runtime.inner(fifo)]
    container = bench.container(monitor, command, log=log)
    watch = container.exit_watch()
    try:
        container.create()
        container.start()
        begin = let_go(fifo)
        watch.wait_for(container.id)
        seconds = time.perf_counter() - begin
        cpu = container.wait_for_exit()
        if check:
            check_log(monitor, log, lines)
    finally:
        watch.close()
        container.finish()
    return seconds, cpu


def check_log(monitor, log, lines):
    """Every line has one record that ends it."""
    found = 0
    rest = b""
    with open(log, "rb") as file:
        while block := file.read(1 << 24):
            block = rest + block
            found += block.count(b" stdout F ")
            rest = block[-9:]  # shorter than what is counted
    if found != lines:
        raise BenchError(f"{monitor.label}: {found} of {lines} lines are in the log")


def run_cat(bench, line_length, lines, log):
    fifo = make_fifo(bench)
    with open(log, "wb") as output:
        producer = subprocess.Popen([bench.producer, str(line_length), str(lines), fifo],
                                    stdout=subprocess.PIPE)
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


def measure(bench, line_length, total, count):
    lines = total // line_length
    folder = bench.log_folder(3 * total)
    log = os.path.join(folder, "log")
    results = {}
    for number, program in turns([*bench.monitors, Cat], count):
        if program is Cat:
            result = run_cat(bench, line_length, lines, log)
        else:
            result = run_monitor(bench, program, line_length, lines, log, check=number == 0)
        results.setdefault(program.label, []).append(result)
    return results


def rows_of(results, line_length, total):
    seconds = {label: median([s for s, _ in runs]) for label, runs in results.items()}
    cpu = {label: median([c for _, c in runs]) for label, runs in results.items()}
    name = f"{line_length}-byte lines"
    return [
        Row(f"{name}: output logged", "MB/s", {k: total / 1e6 / v for k, v in seconds.items()}, 0),
        Row(f"{name}: wall time of a GB", "s", {k: v * 1e9 / total for k, v in seconds.items()}, 2),
        Row(f"{name}: CPU time of a GB", "s", {k: v * 1e9 / total for k, v in cpu.items()}, 2),
    ]


def run(bench):
    total = GIB // 8 if bench.quick else GIB
    count = 3 if bench.quick else 6
    rows = []
    for line_length in LINE_LENGTHS:
        results = measure(bench, line_length, total, count)
        rows.extend(rows_of(results, line_length, total // line_length * line_length))
    return rows
