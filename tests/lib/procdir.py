# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A process directory as containerd's daemon makes it, and what its clients do with it."""

import fcntl
import json
import os
import select
import struct

from processes import DEADLINE, Expired, wait_until

F_OFD_GETLK, F_OFD_SETLK = 36, 37


class ProcessDir:
    """`fifos` names the clients' FIFOs that are made; the daemon makes `exit` and `control` and
    opens both before there is a monitor."""

    def __init__(self, box, name="init", fifos=(), daemon=True):
        self.box = box
        self.path = box.at("state", name)
        self.exit_fd = self.control_fd = -1
        self.fds = {}
        os.makedirs(self.path, mode=0o700)
        for fifo in fifos:
            os.mkfifo(self.fifo(fifo), 0o600)
        if daemon:
            os.mkfifo(self.at("exit"), 0o755)
            os.mkfifo(self.at("control"), 0o755)
            self.open_exit()
            self.control_fd = box.keep(os.open(self.at("control"), os.O_RDWR | os.O_NONBLOCK))

    def at(self, name):
        return os.path.join(self.path, name)

    def fifo(self, name):
        return f"{self.path}-{name}"

    def open_exit(self):
        """As a loader does, before the monitor or while it lives."""
        flags = os.O_RDONLY | os.O_NONBLOCK
        self.exit_fd = self.box.keep(os.open(self.at("exit"), flags))

    def read(self, name):
        return self.box.read(self.at(name))

    def wait_read(self, name):
        """The content of a file that will be there and not be empty."""
        return wait_until(lambda: self.read(name), self.at(name))

    def control(self, text):
        if self.control_fd < 0:
            wait_until(lambda: os.path.exists(self.at("control")), "control")
            self.control_fd = self.box.keep(os.open(self.at("control"), os.O_RDWR | os.O_NONBLOCK))
        os.write(self.control_fd, text)

    def has_hung_up(self):
        poll = select.poll()
        poll.register(self.exit_fd, 0)
        return bool(dict(poll.poll(0)).get(self.exit_fd, 0) & select.POLLHUP)

    def wait_exit(self):
        """What a waiter reads in exitStatus once `exit` has hung up, without another look."""
        poll = select.poll()
        poll.register(self.exit_fd, 0)
        if not poll.poll(DEADLINE * 1000):
            raise Expired(f"no hang-up of {self.path}/exit")
        return self.read("exitStatus")

    def is_locked(self):
        """Whether a monitor lives."""
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fd = os.open(self.at("lock"), os.O_RDONLY)
        try:
            return struct.unpack("hhqqi4x", fcntl.fcntl(fd, F_OFD_GETLK, lock))[0] != fcntl.F_UNLCK
        finally:
            os.close(fd)

    def messages(self):
        """shim-log.json: the level and text of each line."""
        text = (self.read("shim-log.json") or b"").decode()
        lines = [json.loads(line) for line in text.splitlines()]
        return [(line["level"], line["msg"]) for line in lines]

    def open_reader(self, name):
        """A client that reads a FIFO; it need not have a writer yet."""
        fd = os.open(self.fifo(name), os.O_RDONLY | os.O_NONBLOCK)
        self.fds[name] = fd
        return fd

    def open_writer(self, name="stdin"):
        """A client that writes to a FIFO, once the monitor reads it."""

        def opened():
            try:
                return [os.open(self.fifo(name), os.O_WRONLY | os.O_NONBLOCK)]
            except OSError:
                return None

        fd = wait_until(opened, f"a reader of {name}")[0]
        os.set_blocking(fd, True)
        self.fds[name] = fd
        return fd

    def close(self, name):
        os.close(self.fds.pop(name))

    def read_fifo(self, name, size=None, text=None):
        """At least `size` bytes, or up to `text`, or up to the end of the monitor's side."""
        fd = self.fds[name]
        data = b""
        while (size is None or len(data) < size) and (text is None or text not in data):
            if not select.select([fd], [], [], DEADLINE)[0]:
                raise Expired(f"nothing more on {name} after {len(data)} bytes: {data[-200:]!r}")
            piece = os.read(fd, 65536)
            if not piece and (size is None and text is None):
                return data
            assert piece, f"{name} ended after {len(data)} bytes: {data[-200:]!r}"
            data += piece
        return data

    def end(self):
        for name in list(self.fds):
            self.close(name)
