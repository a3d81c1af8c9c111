# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Attach clients: what they see, and that none of them can hold the container or its log up."""

import errno
import hashlib
import os
import select
import socket
import time

from harness import Skip, case, check, equal
from peers import PACKET_MAX, read_all_of
from processes import (
    cpu_ticks,
    end_process,
    is_running,
    open_files,
    read_proc,
    status_field,
    wait_exit,
    wait_quiet,
    wait_until,
)

# A container that prints 100-byte lines: `count` of them.
LINES = "i=0; while [ $i -lt {count} ]; do printf '%099d\\n' $i; i=$((i + 1)); done"
WAIT_FOR_GO = "while [ ! -e {out}/go ]; do sleep 0.01; done; "


def lines(count):
    return b"".join(b"%099d\n" % i for i in range(count))


def attached(box, command, clients=1, **options):
    """A started container with clients that were there before."""
    monitor = box.create(command, autostart=False, **options).created()
    found = [monitor.attach() for _ in range(clients)]
    monitor.start()
    return (monitor, *found)


@case("a client that attached before the start sees all of stdout and stderr")
def before_start(box):
    monitor, client = attached(box, "echo one; echo two >&2; echo three")

    output = client.read_all()

    equal(output, {2: b"one\nthree\n", 3: b"two\n"})


@case("no packet is longer than 8193 bytes")
def packet_size(box):
    monitor, client = attached(box, "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2")

    output = client.read_all()

    equal([len(output[2]), len(output[3])], [300000, 300000])
    check(max(client.packet_sizes) <= PACKET_MAX, f"{max(client.packet_sizes)}")


@case("every client gets everything")
def several_clients(box):
    monitor, *clients = attached(box, LINES.format(count=20000), clients=5, log="none")

    outputs = read_all_of(clients)

    digests = {hashlib.sha256(output).hexdigest() for output in outputs}
    equal(digests, {hashlib.sha256(lines(20000)).hexdigest()})


@case("without a log a slow client gets every byte all the same")
def slow_client(box):
    monitor, client = attached(box, LINES.format(count=30000), log="none")
    while len(client.packet_sizes) < 30:
        client.read_packet()
        wait_quiet(monitor.daemon_pid)

    output = client.read_all()

    equal(hashlib.sha256(output[2]).digest(), hashlib.sha256(lines(30000)).digest())


# Large writes fill the pipe to the brim.
LARGE = 3000000
LARGE_OUTPUT = f"head -c {LARGE} /dev/zero | tr '\\0' x; exit 3"


@case("a client that reads slowly past the container's end costs neither it nor the log a byte")
def slow_client_past_end(box):
    monitor, client = attached(box, LARGE_OUTPUT)
    while client.read_packet() is not None:
        time.sleep(0.04 if len(client.output[2]) > LARGE - 2000000 else 0.01)

    equal(monitor.wait_exited(), b"3")
    equal([len(client.output[2]), len(monitor.logged())], [LARGE, LARGE], "bytes (client, log)")


@case("a client that never reads does not stop the log or the exit", conmon="it stops everything")
def silent_client(box):
    monitor, client = attached(box, LINES.format(count=100000) + "; exit 3",
                               args=["--attach-timeout", "1"])

    status = monitor.wait_exited()

    client.close()
    equal(status, b"3")
    equal(hashlib.sha256(monitor.logged()).digest(), hashlib.sha256(lines(100000)).digest())


@case("a client that never reads does not keep another one from everything",
      conmon="it stops everything")
def silent_beside_reader(box):
    monitor, silent, reader = attached(box, LINES.format(count=100000), clients=2, log="none",
                                       args=["--attach-timeout", "1"])

    output = reader.read_all()[2]

    silent.close()
    equal(hashlib.sha256(output).digest(), hashlib.sha256(lines(100000)).digest())


@case("a client that never reads does not keep a killed container a zombie",
      conmon="it does not reap while it writes to the client")
def silent_client_and_kill(box):
    monitor, client = attached(box, "while :; do echo 0123456789; done", log="none")
    wait_until(lambda: select.select([client.socket], [], [], 0)[0], "output")
    wait_quiet(monitor.container_pid)

    os.kill(monitor.container_pid, 9)
    status = monitor.wait_exited()

    client.close()
    equal(status, b"137")


@case("control lines are obeyed while a client does not read", conmon="it stops everything")
def control_while_congested(box):
    monitor, client = attached(box, "while :; do echo 0123456789; done")
    wait_until(lambda: select.select([client.socket], [], [], 0)[0], "output")
    wait_quiet(monitor.container_pid)
    os.rename(monitor.log_path, monitor.log_path + ".old")

    monitor.control(b"2 0 0\n")

    wait_until(lambda: os.path.exists(monitor.log_path), "the new log")
    client.close()


@case("a client that leaves while output flows disturbs nobody")
def leaving_client(box):
    monitor, first, second = attached(box, LINES.format(count=20000), clients=2)
    first.read_packet()
    first.close()

    output = second.read_all()[2]

    equal(hashlib.sha256(output).digest(), hashlib.sha256(lines(20000)).digest())
    equal(hashlib.sha256(monitor.logged()).digest(), hashlib.sha256(lines(20000)).digest())


@case("what is printed while nobody is attached goes to the log only")
def nobody_attached(box):
    command = "echo early; " + WAIT_FOR_GO.format(out=box.at("out")) + "echo late"
    monitor = box.create(command).created()
    monitor.wait_logged(b"early\n")
    client = monitor.attach()
    # The monitor has the client once it answers to it.
    wait_quiet(monitor.daemon_pid)
    box.write(box.at("out", "go"), "")

    equal(client.read_all()[2], b"late\n")
    equal(monitor.logged(), b"early\nlate\n")


@case("a client that takes only the beginning of each packet disturbs nobody")
def partial_reader(box):
    monitor, partial, reader = attached(box, LINES.format(count=20000), clients=2)
    partial.socket.setblocking(False)
    output = bytearray()
    while reader.read_packet() is not None:
        while select.select([partial.socket], [], [], 0)[0] and (piece := partial.socket.recv(10)):
            output += piece[:1]

    equal(hashlib.sha256(reader.output[2]).digest(), hashlib.sha256(lines(20000)).digest())
    equal(hashlib.sha256(monitor.logged()).digest(), hashlib.sha256(lines(20000)).digest())
    equal(set(output), {2}, "the stream bytes that the partial reader saw")


@case("a thousand clients that come and go on a quiet container leave nothing",
      conmon="it keeps a descriptor for each")
def come_and_go(box):
    monitor = box.create("exec sleep 1000").created()
    monitor.attach().close()
    wait_quiet(monitor.daemon_pid)
    before = open_files(monitor.daemon_pid)

    for _ in range(1000):
        monitor.attach().close()
    wait_quiet(monitor.daemon_pid)

    wait_until(lambda: len(open_files(monitor.daemon_pid)) == len(before), "no more descriptors")


def connect_without_pause(path, count):
    """For a process of its own: connects and leaves, as fast as the socket lets it."""
    try:
        os.chdir(os.path.dirname(path))
        for _ in range(count):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
                client.setblocking(False)
                while client.connect_ex("attach") == errno.EAGAIN:
                    pass
    finally:
        os._exit(0)


def flood(box, monitor, count=1 << 40):
    """Two processes full of clients. They end with the box at the latest."""
    pids = []
    for _ in range(2):
        pids.append(os.fork())
        if pids[-1] == 0:
            connect_without_pause(monitor.attach_path(), count)
        box.cleanups.append(lambda pid=pids[-1]: end_process(pid))
    return pids


def end_flood(pids):
    for pid in pids:
        end_process(pid)
        wait_exit(pid)


@case("clients that come and go without a pause do not stop the output",
      conmon="it runs out of descriptors")
def flood_and_output(box):
    command = WAIT_FOR_GO.format(out=box.at("out")) + LINES.format(count=20000) + "; exit 3"
    monitor, client = attached(box, command)
    pids = flood(box, monitor)
    box.write(box.at("out", "go"), "")

    output = client.read_all()[2]
    status = monitor.wait_exited()

    end_flood(pids)
    equal(hashlib.sha256(output).digest(), hashlib.sha256(lines(20000)).digest())
    equal(status, b"3")


@case("clients that come and go without a pause keep no other one out",
      conmon="it runs out of descriptors")
def flood_and_client(box):
    monitor = box.create("cat", stdin=True, args=["--leave-stdin-open", "--attach-max", "8"])
    monitor.created()
    pids = flood(box, monitor)

    for number in range(30):
        client = monitor.attach()
        client.send(b"%d\n" % number)
        client.read_until(b"%d\n" % number)
        client.close()

    end_flood(pids)


def dirty_kib(pid):
    return int(status_field(read_proc(pid, "smaps_rollup").decode(), "Private_Dirty").split()[0])


@case("six thousand clients that come and go without a pause leave no memory in use",
      conmon="it runs out of descriptors")
def flood_and_memory(box):
    if "ASAN_OPTIONS" in os.environ:
        raise Skip("this machine has AddressSanitizer, which keeps memory on purpose")
    monitor = box.create("exec sleep 1000").created()
    monitor.attach().close()
    wait_quiet(monitor.daemon_pid)
    before = dirty_kib(monitor.daemon_pid)

    for pid in flood(box, monitor, 3000):
        wait_exit(pid)
    wait_quiet(monitor.daemon_pid)

    grown = dirty_kib(monitor.daemon_pid) - before
    check(grown <= 24, f"{grown} KiB more than {before} KiB")


@case("a client that half-closed costs no time and still gets output")
def half_closed_is_idle(box):
    command = WAIT_FOR_GO.format(out=box.at("out")) + "echo late"
    monitor, client = attached(box, command)
    client.half_close()
    wait_quiet(monitor.daemon_pid)
    before = cpu_ticks(monitor.daemon_pid)

    for _ in range(4):
        wait_quiet(monitor.daemon_pid)

    equal(cpu_ticks(monitor.daemon_pid), before)
    box.write(box.at("out", "go"), "")
    equal(client.read_all()[2], b"late\n")


@case("clients beyond --attach-max are refused and the others are not disturbed",
      conmon="it has no limit")
def too_many_clients(box):
    command = WAIT_FOR_GO.format(out=box.at("out")) + "echo late"
    monitor = box.create(command, args=["--attach-max", "3"]).created()
    clients = [monitor.attach() for _ in range(3)]

    refused = monitor.attach()
    equal(refused.read_all(), {2: b"", 3: b""})

    box.write(box.at("out", "go"), "")
    equal(read_all_of(clients), [b"late\n"] * 3)
    refused.close()


@case("a refused client's place is free once another one left", conmon="it has no limit")
def place_is_freed(box):
    command = WAIT_FOR_GO.format(out=box.at("out")) + "echo late"
    monitor = box.create(command, args=["--attach-max", "1"]).created()
    monitor.attach().close()
    wait_quiet(monitor.daemon_pid)
    client = monitor.attach()

    box.write(box.at("out", "go"), "")

    equal(client.read_all()[2], b"late\n")


@case("the connection ends when the container has exited")
def end_at_exit(box):
    monitor, client = attached(box, "exit 0")

    equal(client.read_all(), {2: b"", 3: b""})


@case("a client that connected and was not accepted before the exit sees the output")
def late_accept(box):
    monitor = box.create("echo bye", autostart=False).created()
    os.kill(monitor.daemon_pid, 19)
    client = monitor.attach()
    monitor.start()
    wait_until(lambda: not is_running(monitor.container_pid), "the container's end")
    os.kill(monitor.daemon_pid, 18)

    equal(client.read_all()[2], b"bye\n")


@case("binary output reaches clients unchanged")
def binary(box):
    monitor, client = attached(box, "printf '\\000\\001\\377\\n\\000'")

    equal(client.read_all()[2], b"\0\1\xff\n\0")


@case("an exec's client gets 4 MiB, and then the exit file comes")
def exec_output(box):
    monitor = box.exec(LINES.format(count=40000) + "; exit 9", exec_attach=True, log="none")
    monitor.spawn().go()
    monitor.packet(monitor.attach_fd)
    client = monitor.attach()
    monitor.go()

    output = client.read_all()[2]

    equal(hashlib.sha256(output).digest(), hashlib.sha256(lines(40000)).digest())
    equal(monitor.wait_exited(), b"9")
