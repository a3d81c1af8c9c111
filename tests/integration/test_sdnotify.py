# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What a container says to sd_notify(3), and how much of it reaches the host's service manager."""

import os
import socket
import stat

from harness import case, check, equal
from processes import DEADLINE, wait_quiet

WAIT = "exec sleep 1000"


class Host:
    """The service manager's socket; an abstract one if `name` begins with @."""

    def __init__(self, box, name=None):
        self.name = name or box.at("out", "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE)
        self.socket.bind(self.name.replace("@", "\0", 1) if name else self.name)
        box.cleanups.append(self.socket.close)

    def receive(self):
        return self.socket.recv(65536)


def relayed(box, host, bundle=None):
    os.mkdir(os.path.join(bundle or box.bundle, "notify"))
    return box.create(WAIT, bundle=bundle, args=[f"--sdnotify-socket={host.name}"]).created()


def notify(monitor, data):
    directory = os.open(os.path.join(monitor.bundle_dir, "notify"), os.O_PATH | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as container:
        container.sendto(data, f"/proc/self/fd/{directory}/notify.sock")
    os.close(directory)


@case("READY=1 is handed on")
def ready(box):
    host = Host(box)
    monitor = relayed(box, host)

    notify(monitor, b"READY=1")

    equal(host.receive().strip(b"\n"), b"READY=1")


@case("MAINPID and FDSTORE are not handed on, what is allowed beside them is",
      conmon="2.1.6 hands READY=1 on and nothing else")
def whitelist(box):
    host = Host(box)
    monitor = relayed(box, host)

    notify(monitor, b"MAINPID=1\nFDSTORE=1\nFDNAME=x\nSTATUS=all well\nREADY=1\nX=y")

    equal(sorted(host.receive().split()), sorted(b"STATUS=all well\nREADY=1".split()))


@case("a message of which nothing is allowed is not handed on at all")
def nothing_allowed(box):
    host = Host(box)
    monitor = relayed(box, host)

    notify(monitor, b"MAINPID=1")
    notify(monitor, b"WATCHDOG=1")

    equal(host.receive().strip(b"\n"), b"WATCHDOG=1")


@case("any user of the container may write to the socket")
def mode(box):
    host = Host(box)
    relayed(box, host)

    found = os.stat(os.path.join(box.bundle, "notify", "notify.sock")).st_mode

    check(stat.S_ISSOCK(found), "a socket")
    equal(stat.S_IMODE(found), 0o777)


@case("a bundle with a long path has its socket too")
def long_bundle(box):
    host = Host(box)
    monitor = relayed(box, host, box.add_bundle("l" * 200))

    notify(monitor, b"READY=1")

    equal(host.receive().strip(b"\n"), b"READY=1")


@case("an abstract socket of the host is reached", conmon="it takes the @ for a path")
def abstract(box):
    host = Host(box, f"@holdfast-{os.getpid()}")
    monitor = relayed(box, host)

    notify(monitor, b"READY=1")

    equal(host.receive().strip(b"\n"), b"READY=1")


@case("a host that does not read does not stop the container's exit")
def silent_host(box):
    host = Host(box)
    monitor = relayed(box, host)
    for count in range(300):
        notify(monitor, b"STATUS=" + b"x" * 1000)
        if count % 100 == 0:
            wait_quiet(monitor.daemon_pid)

    os.kill(monitor.container_pid, 9)

    equal(monitor.wait_exited(), b"137")


@case("the socket is removed at the container's exit", conmon="it leaves it")
def removed(box):
    host = Host(box)
    monitor = relayed(box, host)

    os.kill(monitor.container_pid, 9)
    monitor.wait_gone()

    equal(os.listdir(os.path.join(box.bundle, "notify")), [])
