# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Upgrades of monitors that talk to others: the journal, a system log, a service manager, the
kernel's OOM killer. Nothing is said twice, and nothing is missing."""

import os
import re
import signal
import socket

from harness import case, check, equal
from journald import Journal
from memory_cgroup import directory_of, kills_in, wait_watched
from oci import Container, find_runtime
from processes import DEADLINE, run_plain, wait_until
from syslogd import Server
from upgrade import Counter, Reader, check_counted, install, request, upgrade

CONMON = "it has no upgrade"
LAST = 60000
LIMIT = 16 << 20
# As upgrade.COUNT, with rests.
SLOWLY = """i=1
while [ ! -e {stop} ]; do seq $i $((i + 99)); i=$((i + 100)); sleep 0.005; done
echo end
exit {status}"""
EAT = "x=0123456789abcdef; while :; do x=$x$x; done"


def ours(name):
    return case(name, conmon=CONMON)


def journal_text(journal, monitor):
    entries = journal.of(monitor, "--output-fields=MESSAGE,CONTAINER_PARTIAL_MESSAGE")
    return b"".join(entry["MESSAGE"] + (b"" if "CONTAINER_PARTIAL_MESSAGE" in entry else b"\n")
                    for entry in entries)


@ours("a journald that is stopped, and goes on: every line is there once, in order")
def journald(box):
    install(box)
    with Journal() as journal:
        command = f"read x; printf half; read x; seq {LAST}; read x; exit 3"
        monitor = box.create(command, log="journald", stdin=True).created()
        client = monitor.attach()
        client.send(b"\n")
        client.read_until(b"half")
        upgrade(monitor)
        journal.stop()
        client.send(b"\n")
        client.read_until(b"1\n")
        upgrade(monitor, times=4)
        journal.resume()
        upgrade(monitor, times=4)
        client.read_until(b"\n%d\n" % LAST)
        upgrade(monitor)
        client.send(b"\n")

        equal(monitor.wait_exited(), b"3")
        monitor.wait_gone()
        text = journal_text(journal, monitor)
        client.close()

    expected = b"half" + b"".join(b"%d\n" % number for number in range(1, LAST + 1))
    equal(text == expected, True, "every byte")


@ours("a journald that is started anew is found afterwards")
def journald_anew(box):
    install(box)
    with Journal() as journal:
        monitor = box.create("while read line; do echo $line; done; exit 3", log="journald",
                             stdin=True).created()
        client = monitor.attach()
        for i in range(4):
            if i % 2:
                journal.end()
            client.send(b"word-%d\n" % i)
            client.read_until(b"word-%d\n" % i)
            upgrade(monitor)
            if i % 2:
                journal.start()
            wait_until(lambda i=i: b"word-%d\n" % i in journal_text(journal, monitor), "an entry")
        client.half_close()
        equal(monitor.wait_exited(), b"3")
        text = journal_text(journal, monitor)
        client.close()

    equal(text, b"word-0\nword-1\nword-2\nword-3\n")


def syslog_case(box, server, address):
    """The server takes one connection only, so it has to be the same one all the time."""
    install(box)
    # Each line whole, as a system log has no way to tell of a part of one.
    counter = Counter(box, command=SLOWLY, log=f"syslog:{address}")
    reader = Reader(counter.monitor.attach())
    counter.monitor.start()
    upgrade(counter.monitor, times=8)
    counter.stop()
    printed = reader.output()
    equal(counter.monitor.wait_exited(), b"7")
    counter.monitor.wait_gone()

    last = check_counted(printed)
    wait_until(lambda: len(server.messages()) > last, "all messages")
    texts = [re.search(rb" stdout - (.*)", message).group(1) for message in server.messages()]
    equal(check_counted(b"\n".join(texts) + b"\n", what="the system log"), last)
    server.close()


@ours("syslog over TCP: every line once and in order, over one connection")
def syslog_tcp(box):
    server = Server(socket.SOCK_STREAM)
    syslog_case(box, server, f"tcp://127.0.0.1:{server.port}")


@ours("syslog to a local socket: every line once and in order")
def syslog_local(box):
    path = box.at("out", "log")
    server = Server(socket.SOCK_DGRAM, path)
    syslog_case(box, server, f"unix://{path}")
    os.unlink(path)


@ours("what a container says to the service manager is handed on once, before and after")
def notified(box):
    install(box)
    host = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    host.settimeout(DEADLINE)
    host.bind(box.at("out", "notify"))
    box.cleanups.append(host.close)
    os.mkdir(os.path.join(box.bundle, "notify"))
    monitor = box.create("exec sleep 1000",
                         args=[f"--sdnotify-socket={box.at('out', 'notify')}"]).created()
    path = os.path.join(box.bundle, "notify", "notify.sock")

    for i in range(4):
        # It finds these and the request at once.
        os.kill(monitor.daemon_pid, signal.SIGSTOP)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as container:
            for word in range(3):
                container.sendto(b"STATUS=%d-%d" % (i, word), path)
        upgrade(monitor, ask=lambda monitor: request_and_go(monitor))
        for word in range(3):
            equal(host.recv(65536).strip(), b"STATUS=%d-%d" % (i, word))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as container:
        container.sendto(b"READY=1", path)
    equal(host.recv(65536).strip(), b"READY=1")


def request_and_go(monitor):
    request(monitor)
    os.kill(monitor.daemon_pid, signal.SIGCONT)


def eater(box, **options):
    """Each empty line makes one process eat all memory; then it says how many did. Others come
    back."""
    command = f"""i=0; while read x; do [ -n "$x" ] && echo $x && continue
sh -c '{EAT}'; i=$((i + 1)); echo $i; done; exit 3"""
    container = Container(box, find_runtime("runc"), ["sh", "-c", command], memory=LIMIT,
                          stdin=True, **options)
    return container


@ours("an OOM kill after an upgrade is told, and one before is not told again")
def oom_mark(box):
    install(box)
    container = eater(box).create()
    monitor = container.monitor
    wait_watched(monitor)
    container.start()
    client = monitor.attach()
    marks = [os.path.join(where, "oom") for where in (monitor.persist_dir, monitor.bundle_dir)]

    for i in range(1, 4):
        client.send(b"\n")
        client.read_until(b"%d\n" % i)
        for mark in marks:
            box.wait_file(mark)
        equal(kills_in(directory_of(container)), i)
        wait_until(lambda: told(marks), "both marks")
        upgrade(monitor, times=2)
        # It serves, so it has looked at everything once.
        client.send(b"word\n")
        client.read_until(b"word\n")
        equal([os.path.exists(mark) for mark in marks], [False, False], "marks made again")
    client.half_close()
    equal(monitor.wait_exited(), b"3")


def told(marks):
    """Both are there; they are taken away, so that a second telling shows."""
    if not all(os.path.exists(mark) for mark in marks):
        return False
    for mark in marks:
        os.unlink(mark)
    return True


@ours("the count of OOM kills in a process directory goes on from where it was")
def oom_count(box):
    install(box)
    directory = box.at("state", "init")
    os.mkdir(directory, 0o700)
    container = eater(box)
    monitor = container.monitor
    monitor.args = [*monitor.args, "--process-dir", directory]
    monitor.attach_path = lambda: os.path.join(directory, "attach")
    container.create()
    wait_watched(monitor)
    container.start()
    client = monitor.attach()

    for i in range(1, 4):
        upgrade(monitor)
        client.send(b"\n")
        client.read_until(b"%d\n" % i)
        wait_until(lambda i=i: box.read(os.path.join(directory, "oom")) == b"%d" % i, f"count {i}")
        equal(kills_in(directory_of(container)), i)
    client.half_close()
    equal(monitor.wait_exited(), b"3")
    equal(box.read(os.path.join(directory, "oom")), b"3")
