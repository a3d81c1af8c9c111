# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""How fast a container's output becomes a k8s-file log, and at what cost in CPU time.

The container runs bench/producer.c. The clock runs from the moment the producer is let go to the
exit file: all is read, written and reported by then. `cat` from the same producer into a file, with
neither container nor log format, is what the pipe and the file system can do.

Rows of our own drivers stand beside conmon's k8s-file, the only thing of its that they can be
compared to: json-file, and two streams into four logs at once."""

import glob
import os
import shlex
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


def run_monitor(bench, monitor, line_length, lines, log, check, drivers=None, both=False):
    fifo = make_fifo(bench)
    runtime = bench.runtime
    command = [runtime.inner(bench.producer), str(line_length), str(lines), runtime.inner(fifo)]
    if both:
        half = shlex.join([command[0], command[1], str(lines // 2), "/dev/null"])
        wait = f"read x < {shlex.quote(command[3])}; {half} & {half} >&2 & wait"
        command = [runtime.inner(os.path.join(bench.rootfs, "bin/sh")), "-c", wait]
    container = bench.container(monitor, command, log=log, drivers=drivers)
    watch = container.exit_watch()
    try:
        container.create()
        container.start()
        begin = let_go(fifo)
        watch.wait_for(container.id)
        seconds = time.perf_counter() - begin
        cpu = container.wait_for_exit()
        if check and drivers is None:
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


def rows_of(results, line_length, total, name=None):
    seconds = {label: median([s for s, _ in runs]) for label, runs in results.items()}
    cpu = {label: median([c for _, c in runs]) for label, runs in results.items()}
    name = name or f"{line_length}-byte lines"
    return [
        Row(f"{name}: output logged", "MB/s", {k: total / 1e6 / v for k, v in seconds.items()}, 0),
        Row(f"{name}: wall time of a GB", "s", {k: v * 1e9 / total for k, v in seconds.items()}, 2),
        Row(f"{name}: CPU time of a line", "ns",
            {k: v * 1e9 * line_length / total for k, v in cpu.items()}, 0),
        Row(f"{name}: CPU time of a GB", "s", {k: v * 1e9 / total for k, v in cpu.items()}, 2),
    ]


def own_drivers(log):
    """Name, drivers of our monitor, whether both streams are written."""
    return [
        ("json-file", [f"json-file:{log}"], False),
        ("two streams, four logs", [f"k8s-file:{log}", f"json-file:{log}.json", f"raw:{log}.raw",
                                    f"k8s-file:{log}.second"], True),
    ]


def remove_all(log):
    for path in glob.glob(glob.escape(log) + "*"):
        os.unlink(path)


def measure_drivers(bench, total, count):
    """Our drivers, each beside conmon's one k8s-file."""
    ours, *peers = bench.monitors
    lines = total // 100
    log = os.path.join(bench.log_folder(9 * total), "log")
    rows = []
    for name, drivers, both in own_drivers(log):
        results = {}
        for _, monitor in turns([ours, *peers], count):
            given = drivers if monitor is ours else None
            result = run_monitor(bench, monitor, 100, lines, log, False, given, both)
            results.setdefault(monitor.label, []).append(result)
            remove_all(log)
        rows.extend(rows_of(results, 100, lines * 100, f"{name} (conmon: k8s-file)"))
    return rows


def run(bench):
    total = GIB // 8 if bench.quick else GIB
    count = 3 if bench.quick else 6
    rows = []
    for line_length in LINE_LENGTHS:
        results = measure(bench, line_length, total, count)
        rows.extend(rows_of(results, line_length, total // line_length * line_length))
    rows.extend(measure_drivers(bench, total, count))
    return rows
