# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Many attach clients: those that come and go, a hundred that read, one that never does.

conmon keeps a descriptor for each client of a quiet container, so it gets only as many as it has
descriptors for, and the figures are per thousand clients. It gets no client that never reads: it
would stand still for as long as that client stays.

What clients can read at most is bounded by the machine: each gets a packet of at most 8193 bytes of
its own, which the kernel allocates, copies and tells the reader of. fan-out.c does that and nothing
else; its figure stands in the column of the reference."""

import os
import time

from kit import LIMIT_SECONDS, TREE, BenchError, median, run, turns
from report import Row
from throughput import REFERENCE, let_go, make_fifo

LINE_LENGTH = 100
READERS = 100
CYCLES = 10000
PEER_CYCLES = 400
SETTLE_SECONDS = 1


def attach(container, deadline=None):
    """A client, also while as many as may wait for the monitor do."""
    deadline = deadline or time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            return container.attach()
        except BlockingIOError:
            time.sleep(0.0001)
    raise BenchError(f"{container.monitor.label} accepts no client")


def footprint(container):
    return (len(os.listdir(f"/proc/{container.monitor_pid}/fd")),
            container.memory()["Private_Dirty"])


def come_and_go(bench, monitor, count):
    """Descriptors and KiB that the monitor has more for each thousand clients that left."""
    container = bench.container(monitor, ["sleep", "1000000"])
    try:
        container.create()
        container.start()
        attach(container).close()
        time.sleep(SETTLE_SECONDS)
        before = footprint(container)
        deadline = time.monotonic() + LIMIT_SECONDS
        for _ in range(count):
            attach(container, deadline).close()
        time.sleep(SETTLE_SECONDS)
        after = footprint(container)
    finally:
        container.finish()
    return [1000 * (a - b) / count for a, b in zip(after, before)]


def make_fan_out(bench):
    """bench/fan-out.c reads faster than a Python program would."""
    path = os.path.join(bench.work, "fan-out")
    if not os.path.exists(path):
        run(["gcc", "-O2", "-o", path, os.path.join(TREE, "bench/fan-out.c")])
    return path


def read_to_the_ends(fan_out, clients):
    """Counts what each client gets, without copying it."""
    fds = [client.fileno() for client in clients]
    reader = run([fan_out, "read", *map(str, fds)], pass_fds=fds)
    return [int(line) for line in reader.split()]


def produce(bench, monitor, total, clients, action):
    """The seconds that a container needs to write @total bytes while @action deals with clients."""
    fifo = make_fifo(bench)
    runtime = bench.runtime
    command = [runtime.inner(bench.producer), str(LINE_LENGTH), str(total // LINE_LENGTH),
               runtime.inner(fifo)]
    container = bench.container(monitor, command)
    watch = container.exit_watch()
    connections = []
    try:
        container.create()
        connections = [attach(container) for _ in range(clients)]
        container.start()
        begin = let_go(fifo)
        action(connections)
        watch.wait_for(container.id)
        return time.perf_counter() - begin
    finally:
        for connection in connections:
            connection.close()
        watch.close()
        container.finish()


def speed(bench, monitor, total, clients):
    """MB/s of the container's output, with all of it at each client."""
    expected = total // LINE_LENGTH * LINE_LENGTH
    fan_out = make_fan_out(bench)

    def read(connections):
        got = read_to_the_ends(fan_out, connections)
        if got != [expected] * clients:
            raise BenchError(f"{monitor.label}: of {expected} bytes clients got {sorted(set(got))}")

    return total / 1e6 / produce(bench, monitor, total, clients, read)


def bare_speed(bench, total, clients):
    """MB/s that one process can send to each client if it does nothing else."""
    return total / 1e6 / float(run([make_fan_out(bench), "bare", str(clients), str(total)]))


def rows_of_cycles(bench):
    own, *peers = bench.monitors
    results = {own.label: come_and_go(bench, own, CYCLES)}
    results.update({p.label: come_and_go(bench, p, PEER_CYCLES) for p in peers})
    return [
        Row("attach: descriptors kept of 1000 clients that left", "",
            {k: v[0] for k, v in results.items()}),
        Row("attach: memory kept of 1000 clients that left", "KiB",
            {k: v[1] for k, v in results.items()}),
    ]


class Bare:
    """In the column of what the kernel alone does."""

    label = REFERENCE


def rows_of_readers(bench):
    total = (8 if bench.quick else 64) << 20
    rows = []
    for clients in (1, READERS):
        values = {}
        for _, program in turns([*bench.monitors, Bare], 3 if bench.quick else 6):
            if program is Bare:
                value = bare_speed(bench, total, clients)
            else:
                value = speed(bench, program, total, clients)
            values.setdefault(program.label, []).append(value)
        name = f"attach: output with clients that read: {clients} ({REFERENCE}: bare sends)"
        rows.append(Row(name, "MB/s", {k: median(v) for k, v in values.items()}, 0))
    return rows


def rows_of_silence(bench):
    total = (8 if bench.quick else 64) << 20
    own = bench.monitors[0]

    def nothing(_):
        pass

    return [
        Row("attach: wall time without a client", "s",
            {own.label: produce(bench, own, total, 0, nothing)}, 2),
        Row("attach: wall time with a client that never reads", "s",
            {own.label: produce(bench, own, total, 1, nothing)}, 2),
    ]


def measure(bench):
    return rows_of_cycles(bench) + rows_of_readers(bench) + rows_of_silence(bench)
