# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What stands around a monitor: attach clients, readers of its log, watchers of its directories."""

import collections
import os
import re
import select
import socket
import struct
import time

from processes import DEADLINE, Expired, libc

STDOUT = 2
STDERR = 3
PACKET_MAX = 8193

Record = collections.namedtuple("Record", "time stream tag text")
RECORD = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([PF]) (.*)", re.S
)


class AttachClient:
    """A SEQPACKET client of the attach socket, whose path may be of any length."""

    def __init__(self, path):
        self.output = {STDOUT: bytearray(), STDERR: bytearray()}
        self.packet_sizes = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
        try:
            self.socket.connect(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
        finally:
            os.close(directory)

    def send(self, data):
        self.socket.settimeout(DEADLINE)
        self.socket.send(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def read_packet(self, deadline=None):
        """One packet, or None at the end. It is added to .output."""
        self.socket.settimeout(deadline or DEADLINE)
        try:
            packet = self.socket.recv(4 * PACKET_MAX)
        except ConnectionResetError:
            return None
        except socket.timeout:
            raise Expired("waited in vain for a packet of the attach socket") from None
        if not packet:
            return None
        self.packet_sizes.append(len(packet))
        assert packet[0] in self.output, f"a packet for stream {packet[0]}"
        self.output[packet[0]] += packet[1:]
        return packet

    def read_until(self, text, stream=STDOUT):
        while text not in self.output[stream]:
            if self.read_packet() is None:
                raise AssertionError(f"end of output before {text!r}: {self.output!r:.2000}")
        return self.output[stream]

    def read_all(self):
        while self.read_packet() is not None:
            pass
        return self.output

    def drain(self):
        """What is there already; False once the connection has ended."""
        while select.select([self.socket], [], [], 0)[0]:
            if self.read_packet() is None:
                return False
        return True


def read_all_of(clients):
    """Reads each client to its end, all at the same time; returns what each got on stdout."""
    waiting = {client.socket: client for client in clients}
    while waiting:
        ready, _, _ = select.select(list(waiting), [], [], DEADLINE)
        if not ready:
            raise Expired("waited in vain for the end of attach connections")
        for sock in ready:
            if waiting[sock].read_packet() is None:
                del waiting[sock]
    return [client.output[STDOUT] for client in clients]


def exchange(client, data, size, packet=32768):
    """Sends `data` while reading, until `size` bytes of stdout came."""
    view = memoryview(data)
    while view or len(client.output[STDOUT]) < size:
        writers = [client.socket] if view else []
        readable, writable, _ = select.select([client.socket], writers, [], DEADLINE)
        if not readable and not writable:
            read = len(client.output[STDOUT])
            raise Expired(f"stuck with {len(view)} bytes to send and {read} read")
        if readable and client.read_packet() is None:
            raise AssertionError("the connection ended early")
        if writable:
            client.socket.setblocking(False)
            try:
                view = view[client.socket.send(view[:packet]) :]
            except BlockingIOError:
                pass
    return client.output[STDOUT]


def parse_log(data):
    """The records of a CRI log; every line must be one."""
    records = []
    lines = data.split(b"\n")
    assert lines.pop() == b"", f"the log ends within a line: {data[-200:]!r}"
    for line in lines:
        match = RECORD.fullmatch(line)
        assert match, f"not a record: {line[:300]!r}"
        records.append(Record(match[1].decode(), match[2].decode(), match[3].decode(), match[4]))
    return records


def logged_bytes(records, stream="stdout"):
    """What the container wrote, put together again."""
    parts = []
    for record in records:
        if record.stream == stream:
            parts += [record.text, b"\n" if record.tag == "F" else b""]
    return b"".join(parts)


IN_MODIFY = 0x2
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200


class Watch:
    """inotify on some directories: an ordered list of (directory, mask, name)."""

    def __init__(self, *directories, mask=IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE):
        self.fd = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.events = []
        self.directories = {}
        for directory in directories:
            number = libc.inotify_add_watch(self.fd, os.fsencode(directory), mask)
            assert number >= 0, f"inotify: {directory}"
            self.directories[number] = directory

    def read(self):
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return self.events
        while data:
            number, mask, _, length = struct.unpack_from("iIII", data)
            name = data[16 : 16 + length].rstrip(b"\0").decode()
            self.events.append((self.directories[number], mask, name))
            data = data[16 + length :]
        return self.events

    def names(self, directory):
        return {name for where, _, name in self.read() if where == directory}

    def close(self):
        os.close(self.fd)


def read_until_end(fd, deadline=None):
    """Everything from a pipe or socket up to its end."""
    data = b""
    end = time.monotonic() + (deadline or DEADLINE)
    while True:
        ready, _, _ = select.select([fd], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise Expired(f"no end of a pipe after {len(data)} bytes: {data[-200:]!r}")
        try:
            piece = os.read(fd, 65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def has_ended(fd):
    """Whether the other side of a pipe or socket is closed now and nothing is left to read."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    events = dict(poll.poll(0)).get(fd, 0)
    if not events & (select.POLLHUP | select.POLLERR):
        return False
    return not events & select.POLLIN or not peek(fd)


def peek(fd):
    """What a socket has to read; something if it is no socket."""
    copy = socket.socket(fileno=os.dup(fd))
    with copy:
        try:
            return copy.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except ConnectionResetError:
            return b""
