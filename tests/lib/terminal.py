# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A program on a pseudo terminal: what a person at a keyboard does."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

from processes import DEADLINE, Expired, read_proc, wait_until

CTRL_C = b"\x03"
CTRL_D = b"\x04"
CTRL_P = b"\x10"
CTRL_Q = b"\x11"


class Terminal:
    def __init__(self, command, environment, size=(24, 80)):
        self.command = command
        self.output = b""
        self.master_fd, slave_fd = pty.openpty()
        self.resize(*size)
        self.program = subprocess.Popen(
            command,
            env={**environment, "TERM": "xterm"},
            stdin=slave_fd,
            stdout=slave_fd,
            stderr=slave_fd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave_fd)

    def resize(self, rows, columns):
        packed = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.master_fd, termios.TIOCSWINSZ, packed)

    def write(self, data):
        os.write(self.master_fd, data)

    def press(self, *keys):
        """One key after the other: Podman sees detach keys only in reads of one byte."""
        for key in keys:
            before = self.bytes_read()
            self.write(key)
            wait_until(lambda: self.bytes_read() > before, "the key to be read")

    def bytes_read(self):
        """By the program, from anywhere: while it waits for a key, only a key changes it."""
        text = read_proc(self.program.pid, "io").decode()
        return int(text.partition("rchar: ")[2].split()[0]) if text else sys.maxsize

    def type(self, line):
        """A line as Enter sends it."""
        self.write(line.encode() + b"\r")

    def read_some(self, end):
        """False at the end of the output."""
        ready, _, _ = select.select([self.master_fd], [], [], max(0, end - time.monotonic()))
        if not ready:
            raise Expired(f"{' '.join(self.command[-6:])}: seen so far {self.output!r:.1000}")
        try:
            data = os.read(self.master_fd, 65536)
        except OSError:
            # EIO: nobody has the terminal any more.
            return False
        self.output += data
        return bool(data)

    def read_until(self, text):
        """Everything seen since the last call, up to and with `text`."""
        end = time.monotonic() + DEADLINE
        while text not in self.output:
            if not self.read_some(end):
                raise AssertionError(f"ended without {text!r}, seen {self.output!r:.1000}")
        head, _, self.output = self.output.partition(text)
        return head + text

    def read_all(self):
        end = time.monotonic() + DEADLINE
        while self.read_some(end):
            pass
        output, self.output = self.output, b""
        return output

    def ended(self):
        """The exit status, once the output is read to its end."""
        self.read_all()
        return self.program.wait(DEADLINE)

    def kill(self):
        self.program.kill()

    def wait(self):
        return self.program.wait()

    def close(self):
        if self.master_fd >= 0:
            os.close(self.master_fd)
            self.master_fd = -1
