# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A system log that collects what it is sent over UDP, TCP or a local socket."""

import contextlib
import os
import select
import socket
import threading


class Server:
    """A system log that collects."""

    def __init__(self, kind, path=None):
        self.is_stream = kind == socket.SOCK_STREAM
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(path or ("127.0.0.1", 0))
        if self.is_stream:
            self.socket.listen()
        self.data = []
        self.end_fd, self.closing_fd = os.pipe()
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def may_read(self, source):
        """Waits for something to come; False: for nothing more."""
        ready, _, _ = select.select([source, self.end_fd], [], [])
        return self.end_fd not in ready

    def collect(self):
        if not self.may_read(self.socket):
            return
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            source = self.socket
            if self.is_stream:
                source = stack.enter_context(self.socket.accept()[0])
            while self.may_read(source):
                data = source.recv(1 << 20)
                if self.is_stream and not data:
                    return
                self.data.append(data)

    def messages(self):
        return frames(b"".join(self.data)) if self.is_stream else list(self.data)

    def close(self):
        """Nobody waits in a call any more when the descriptors are closed: a call that is restarted
        after a signal would be one on whatever has their numbers then."""
        os.close(self.closing_fd)
        self.thread.join()
        self.socket.close()
        os.close(self.end_fd)


def frames(data):
    """Takes octet-counted messages apart."""
    found = []
    while data:
        length, blank, rest = data.partition(b" ")
        if not blank or len(rest) < int(length):
            break
        found.append(rest[: int(length)])
        data = rest[int(length):]
    return found
