# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What clients type: every byte in order, and when stdin ends."""

import hashlib
import os
import random

from harness import case, check, equal
from peers import exchange

MIB = 1 << 20


def with_client(box, command, **options):
    monitor = box.create(command, **{"stdin": True, "autostart": False, **options}).created()
    client = monitor.attach()
    monitor.start()
    return monitor, client


@case("what a client sends reaches the container")
def reaches_container(box):
    monitor, client = with_client(box, "read line; echo got $line")
    client.send(b"hello\n")

    output = client.read_all()

    equal(output[2], b"got hello\n")


@case("what a client sends before the start is not lost")
def before_start(box):
    monitor = box.create("read line; echo got $line", stdin=True, autostart=False).created()
    client = monitor.attach()
    client.send(b"early\n")
    monitor.start()

    output = client.read_all()

    equal(output[2], b"got early\n")


@case("a half-close ends stdin, and output still comes")
def half_close(box):
    monitor, client = with_client(box, "cat; echo end; exit 3")
    client.send(b"data\n")

    client.half_close()
    output = client.read_all()

    equal(output[2], b"data\nend\n")
    equal(monitor.wait_exited(), b"3")


@case("everything sent before a half-close is delivered")
def half_close_with_pending_data(box):
    monitor, client = with_client(box, "while [ ! -e {0}/go ]; do sleep 0.01; done; wc -c"
                                  .format(box.at("out")))
    for _ in range(3):
        client.send(b"x" * 32768)
    client.half_close()
    box.write(box.at("out", "go"), "")

    output = client.read_all()

    equal(output[2].strip(), b"98304")


@case("a full close ends stdin too")
def full_close(box):
    monitor, client = with_client(box, "cat; exit 3")
    client.send(b"data\n")

    client.close()

    equal(monitor.wait_exited(), b"3")
    equal(monitor.logged(), b"data\n")


QUIT = "while read word; do [ $word = quit ] && exit 7; echo $word; done; exit 1"


@case("with --leave-stdin-open a half-close does not end stdin")
def leave_open_half_close(box):
    monitor, client = with_client(box, QUIT, args=["--leave-stdin-open"])
    client.send(b"one\n")
    client.half_close()
    client.read_until(b"one\n")
    second = monitor.attach()

    second.send(b"quit\n")

    equal(monitor.wait_exited(), b"7")
    client.close()
    second.close()


@case("with --leave-stdin-open a full close does not end stdin")
def leave_open_full_close(box):
    monitor, client = with_client(box, QUIT, args=["--leave-stdin-open"])
    client.send(b"one\n")
    client.read_until(b"one\n")
    client.close()
    second = monitor.attach()

    second.send(b"quit\n")

    equal(monitor.wait_exited(), b"7")
    second.close()


@case("without -i stdin is /dev/null")
def no_stdin(box):
    monitor = box.create("readlink /proc/self/fd/0").created()
    monitor.wait_exited()

    equal(monitor.logged(), b"/dev/null\n")


@case("without -i what a client sends is dropped and the container is not disturbed")
def input_without_stdin(box):
    monitor = box.create("while [ ! -e {0}/go ]; do sleep 0.01; done; echo end; exit 3"
                         .format(box.at("out")), autostart=False).created()
    client = monitor.attach()
    monitor.start()
    client.send(b"nobody reads this\n" * 1000)
    client.half_close()
    box.write(box.at("out", "go"), "")

    equal(client.read_all()[2], b"end\n")
    equal(monitor.wait_exited(), b"3")


@case("packets of 40000 bytes are taken whole", conmon="its buffer has 32768 bytes")
def large_packets(box):
    monitor, client = with_client(box, "wc -c")
    for _ in range(4):
        client.send(b"y" * 40000)

    client.half_close()

    equal(client.read_all()[2].strip(), b"160000")


@case("an empty packet is not the end of stdin", conmon="it takes it for the end")
def empty_packet(box):
    monitor, client = with_client(box, QUIT)
    client.send(b"")
    client.send(b"quit\n")

    equal(monitor.wait_exited(), b"7")
    client.close()


@case("several MiB go both ways unchanged")
def both_ways(box):
    data = random.Random(1).randbytes(6 * MIB)
    monitor, client = with_client(box, "cat; exit 3", log="none")

    echoed = exchange(client, data, len(data))
    client.half_close()
    client.read_all()

    equal(hashlib.sha256(echoed).digest(), hashlib.sha256(data).digest(), "checksum")
    equal(monitor.wait_exited(), b"3")


@case("a container that reads slowly gets every byte")
def slow_reader(box):
    command = "i=0; while [ $i -lt 20 ]; do sleep 0.01; head -c 51200; i=$((i + 1)); done | cksum"
    data = bytes(range(256)) * 4000
    monitor, client = with_client(box, command, log="none")
    sum_path = box.write(box.at("out", "data"), data)
    expected = os.popen(f"cksum < {sum_path}").read().encode()

    for start in range(0, len(data), 32000):
        client.send(data[start : start + 32000])
    client.half_close()

    equal(client.read_all()[2], expected)


@case("a container that closes its stdin goes on", conmon="it stops reading from clients")
def container_closes_stdin(box):
    monitor, client = with_client(box, "exec <&-; echo closed; "
                                  "while [ ! -e {0}/go ]; do sleep 0.01; done; exit 3"
                                  .format(box.at("out")))
    client.read_until(b"closed\n")
    for _ in range(10):
        client.send(b"z" * 30000)
    box.write(box.at("out", "go"), "")

    equal(monitor.wait_exited(), b"3")
    client.close()


@case("the input of two clients both arrives")
def two_clients(box):
    monitor, client = with_client(box, "read a; read b; echo $a-$b")
    second = monitor.attach()
    client.send(b"one\n")
    monitor.control(b"9\n")
    second.send(b"two\n")

    output = client.read_all()

    second.close()
    check(output[2] in (b"one-two\n", b"two-one\n"), output)


@case("one of two clients that closes its side ends stdin for both")
def one_of_two_closes(box):
    monitor, client = with_client(box, "cat; exit 3")
    second = monitor.attach()

    second.half_close()

    equal(monitor.wait_exited(), b"3")
    client.close()
    second.close()


@case("a container that does not read stdin can be ended by signal")
def stuck_stdin(box):
    monitor, client = with_client(box, "echo ready; exec sleep 1000")
    client.read_until(b"ready\n")
    client.socket.setblocking(False)
    try:
        for _ in range(1000):
            client.socket.send(b"w" * 32768)
    except BlockingIOError:
        pass

    os.kill(monitor.container_pid, 9)

    equal(monitor.wait_exited(), b"137")
    client.close()


@case("an exec with -i reads what its client sends")
def exec_stdin(box):
    monitor = box.exec("cat; exit 4", stdin=True, exec_attach=True, log="none").spawn().go()
    monitor.packet(monitor.attach_fd)
    client = monitor.attach()
    client.send(b"to the exec")
    client.half_close()
    monitor.go()

    equal(client.read_all()[2], b"to the exec")
    equal(monitor.wait_exited(), b"4")
