# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Peers of holdfast-seccomp-agent that are no OCI runtime."""

import array
import json
import os
import socket
import subprocess

from harness import case, check, equal
from processes import DEADLINE, open_files, wait_until
from seccomp import find_agent

NO_CONMON = "it has no seccomp notifications"
STATE = {"fds": ["seccompFd"], "state": {"id": "ctr"}}


class Agent:
    """The program by itself."""

    def __init__(self, box):
        self.path = box.at("run", "socket")
        box.ignored_files.add("socket")
        self.messages = b""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(self.path)
            listener.listen(64)
            read_fd, write_fd = os.pipe()
            os.set_blocking(read_fd, False)
            self.owner_fd = box.keep(read_fd)
            argv = [find_agent(), "--id", "ctr", "--record", box.at("out", "records")]
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(argv, stdin=listener, stdout=write_fd)
            os.close(write_fd)
        box.cleanups.append(self.process.kill)
        self.wait_said(b"ready\n")
        self.fds = len(open_files(self.process.pid))

    def said(self):
        try:
            self.messages += os.read(self.owner_fd, 65536)
        except BlockingIOError:
            pass
        return self.messages

    def wait_said(self, words):
        wait_until(lambda: words in self.said(), f"{words!r} of the agent")

    def connect(self):
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.settimeout(DEADLINE)
        peer.connect(self.path)
        return peer

    def send(self, data, fds=()):
        """All of it, then a hang-up."""
        with self.connect() as peer:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            sent = peer.sendmsg([data], rights)
            try:
                peer.sendall(data[sent:])
            except (BrokenPipeError, ConnectionResetError):
                pass

    def settle(self):
        """Nothing of what was sent is kept. Then it is ended."""
        wait_until(lambda: len(open_files(self.process.pid)) == self.fds, "closed descriptors")
        equal(self.process.poll(), None)
        self.said()
        self.process.kill()
        self.process.wait(DEADLINE)


@case("garbage is refused", NO_CONMON)
def garbage(box):
    agent = Agent(box)
    for data in (b"\0" * 100, b"}", b"{}", b"[]", b"{" * 10000 + b"}", b"\xff}", b""):
        agent.send(data)

    agent.wait_said(b"warning refused:")
    agent.settle()


@case("a state without a descriptor is refused", NO_CONMON)
def no_descriptor(box):
    agent = Agent(box)
    agent.send(json.dumps(STATE).encode())

    agent.wait_said(b"1 descriptors are named, 0 came")
    agent.settle()


@case("a descriptor that is no filter's is refused", NO_CONMON)
def other_descriptor(box):
    agent = Agent(box)
    with open("/dev/null", "rb") as file:
        agent.send(json.dumps(STATE).encode(), [file.fileno()])

    agent.wait_said(b"no seccomp filter's: '/dev/null'")
    agent.settle()


@case("many descriptors are refused and closed", NO_CONMON)
def many_descriptors(box):
    agent = Agent(box)
    with open("/dev/null", "rb") as file:
        for count in (2, 17, 253):
            agent.send(json.dumps(STATE).encode(), [file.fileno()] * count)

    agent.wait_said(b"more than 16 descriptors")
    agent.settle()


@case("a huge message is refused", NO_CONMON)
def huge(box):
    agent = Agent(box)
    agent.send(b'{"state":"' + b"x" * (4 << 20))

    agent.wait_said(b"more than 262144 bytes")
    agent.settle()


@case("another container's filter is refused", NO_CONMON)
def other_container(box):
    agent = Agent(box)
    with open("/dev/null", "rb") as file:
        agent.send(json.dumps({**STATE, "state": {"id": "other"}}).encode(), [file.fileno()])

    agent.wait_said(b"a filter of container 'other'")
    agent.settle()


@case("connections are bounded", NO_CONMON)
def many_connections(box):
    agent = Agent(box)
    peers = [agent.connect() for _ in range(20)]

    agent.wait_said(b"more than 16 connections")
    for peer in peers:
        peer.close()
    agent.settle()


@case("who says nothing is let go of", NO_CONMON)
def silent(box):
    agent = Agent(box)
    peer = agent.connect()

    agent.wait_said(b"no whole state within 10 s")
    equal(peer.recv(1), b"")
    peer.close()
    agent.settle()


@case("messages are bounded", NO_CONMON)
def chatty(box):
    agent = Agent(box)
    for _ in range(40):
        agent.send(b"x")
    agent.settle()

    check(agent.said().count(b"refused") <= 10, agent.said())


@case("the agent ends with its owner when there is no filter", NO_CONMON)
def owner_gone(box):
    agent = Agent(box)
    with open(os.devnull, "rb") as file:
        os.dup2(file.fileno(), agent.owner_fd)

    equal(agent.process.wait(DEADLINE), 0)


@case("standard input must be a socket that listens", NO_CONMON)
def no_socket(box):
    result = subprocess.run([find_agent(), "--id", "ctr", "--record", box.at("out", "r")],
                            stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE,
                            check=False)

    equal((result.returncode, result.stdout),
          (1, b"error standard input is no socket that listens\n"))
