# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""One byte through the attach socket, `cat` in the container, and back; then attach_load.py.

A wake-up on another processor costs more than all the monitor does, and other work on the machine
costs more than that. So the programs under comparison run at the same time, each with its container,
everything on one processor, and take turns of a few milliseconds. Each turn has a median and a 99th
percentile; the rows show the medians of those.

Where it is allowed, all of them have a real-time priority, which keeps other work off: only as root,
and only under the fake runtime, because the cgroup of a real one gives no real-time budget."""

import os
import sys
import time
from contextlib import contextmanager

import attach_load
from kit import BenchError, median, percentile, turns
from report import Row

PACKET_MAX = 8193
STDOUT_BYTE = b"\x02x"
WARM_UP = 50
TRIPS_PER_TURN = 200


def round_trips(client, count):
    seconds = []
    for _ in range(count):
        begin = time.perf_counter()
        client.send(b"x")
        packet = client.recv(PACKET_MAX)
        seconds.append(time.perf_counter() - begin)
        if packet != STDOUT_BYTE:
            raise BenchError(f"{packet!r} came back")
    return seconds


@contextmanager
def on_one_processor():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@contextmanager
def before_other_work(containers):
    pids = [0, *(pid for c in containers for pid in (c.monitor_pid, c.pid))]
    try:
        for pid in pids:
            os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except OSError as error:
        print(f"without real-time priority: {error}", file=sys.stderr)
        give_back(pids)
    try:
        yield
    finally:
        give_back(pids)


def give_back(pids):
    for pid in pids:
        os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))


def attach_all(bench, containers):
    """A client for each monitor, by label. What is spawned here stays on this process's processor."""
    clients = {}
    for monitor in bench.monitors:
        runtime = bench.fake or bench.runtime
        container = bench.container(monitor, ["cat"], runtime, stdin=True)
        containers.append(container)
        container.create()
        container.start()
        clients[monitor.label] = container.attach()
        round_trips(clients[monitor.label], WARM_UP)
    return clients


def measure(bench, count):
    """label -> the turns' medians, the turns' 99th percentiles."""
    results = {monitor.label: ([], []) for monitor in bench.monitors}
    containers = []
    clients = {}
    with on_one_processor():
        try:
            clients = attach_all(bench, containers)
            with before_other_work(containers):
                for _, monitor in turns(bench.monitors, count):
                    seconds = round_trips(clients[monitor.label], TRIPS_PER_TURN)
                    results[monitor.label][0].append(median(seconds))
                    results[monitor.label][1].append(percentile(seconds, 99))
        finally:
            for client in clients.values():
                client.close()
            for container in containers:
                container.finish()
    return results


def run(bench):
    results = measure(bench, 40 if bench.quick else 400)
    return [
        Row("attach: round trip of a byte, median", "us",
            {k: 1e6 * median(v) for k, (v, _) in results.items()}),
        Row("attach: round trip of a byte, p99", "us",
            {k: 1e6 * median(v) for k, (_, v) in results.items()}),
        *attach_load.measure(bench),
    ]
