# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A real systemd-journald, started by hand, in a mount namespace of the test program's own.

    with journald.Journal() as journal:
        ...                                  # what is started here logs to this journal
        journal.entries(CONTAINER_NAME="x")  # as journalctl -o json has them

The namespace has its own /run/systemd and /run/log/journal, so that journald, whose places are
fixed, meets no other one. What was mounted there goes with the last process of the namespace.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess

from harness import Skip
from processes import DEADLINE, end_process, libc, stat_fields, wait_exit, wait_until

CLONE_NEWNS = 0x20000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
SOCKET = "/run/systemd/journal/socket"
STORAGE = "/run/log/journal"
CONF = "/run/systemd/journald.conf.d/zz-test.conf"
# Neither a limit of the rate nor entries of others.
SETTINGS = """\
[Journal]
Storage=volatile
RateLimitIntervalSec=0
RateLimitBurst=0
RuntimeMaxUse=2G
RuntimeKeepFree=1M
ReadKMsg=no
Audit=no
ForwardToSyslog=no
ForwardToKMsg=no
ForwardToConsole=no
ForwardToWall=no
LineMax=1M
"""


def find_journald():
    """Its path, or a Skip with the reason."""
    if os.geteuid() != 0:
        raise Skip("this machine: a journald of one's own needs root")
    if shutil.which("journalctl") is None:
        raise Skip("journalctl is not installed")
    for path in ("/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"):
        if os.path.exists(path):
            break
    else:
        raise Skip("systemd-journald is not installed")
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            if len(file.read().strip()) == 32:
                return path
    except OSError:
        pass
    raise Skip("this machine has no /etc/machine-id, without which journald does not start")


def call_libc(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


class Journal:
    def __init__(self):
        self.program = find_journald()
        self.directory = None
        self.namespace = -1
        self.pid = None
        self.mounted = set()

    def __enter__(self):
        self.directory = os.open(".", os.O_PATH | os.O_DIRECTORY)
        self.namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        try:
            try:
                call_libc("unshare", CLONE_NEWNS)
                call_libc("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
                self.make_private(STORAGE)
                self.make_private(os.path.dirname(os.path.dirname(SOCKET)))
            except OSError as error:
                raise Skip(f"this machine lets nobody make a mount namespace: {error}") from error
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.pid is not None:
            self.resume()
            self.end()
        if self.namespace >= 0:
            call_libc("setns", self.namespace, CLONE_NEWNS)
            os.close(self.namespace)
        if self.directory is not None:
            os.fchdir(self.directory)
            os.close(self.directory)
        self.namespace, self.directory = -1, None

    def make_private(self, path):
        """An empty folder: a tmpfs over it, or over the nearest folder above it that is there."""
        point = path
        while not os.path.isdir(point):
            point = os.path.dirname(point)
        if point not in self.mounted:
            call_libc("mount", b"tmpfs", point.encode(), b"tmpfs", 0, b"mode=755")
            self.mounted.add(point)
        os.makedirs(path, exist_ok=True)

    def start(self, settings=""):
        """journald itself; again after end(): a restart that closes the sockets."""
        for folder in (os.path.dirname(CONF), os.path.dirname(SOCKET)):
            os.makedirs(folder, exist_ok=True)
        with open(CONF, "w", encoding="ascii") as file:
            file.write(SETTINGS + settings)
        null = os.open("/dev/null", os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, null, number) for number in range(3)]
        self.pid = os.posix_spawn(self.program, [self.program], {"PATH": os.environ["PATH"]},
                                  file_actions=actions)
        os.close(null)
        wait_until(lambda: os.path.exists(SOCKET) and stat_fields(self.pid)[0] == "S", SOCKET)
        self.sync()

    def end(self):
        """As if it had crashed, and nobody held its sockets."""
        end_process(self.pid)
        wait_exit(self.pid, "journald")
        self.pid = None
        os.unlink(SOCKET)

    def stop(self):
        """It takes nothing until resume()."""
        os.kill(self.pid, signal.SIGSTOP)
        wait_until(lambda: stat_fields(self.pid)[0] == "T", "a journald that is stopped")

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    @staticmethod
    def sync():
        """Until what was sent is in the journal's files."""
        subprocess.run(["journalctl", "--sync"], check=True, timeout=DEADLINE,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def read(self, *arguments, **matches):
        """What journalctl prints."""
        words = [f"{name}={value}" for name, value in matches.items()]
        return subprocess.run(
            ["journalctl", "--directory", STORAGE, "--no-pager", "--quiet", *arguments, *words],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=DEADLINE,
        ).stdout  # fmt: skip

    def entries(self, *arguments, **matches):
        """Dicts of the fields; MESSAGE is always bytes."""
        self.sync()
        lines = self.read("--output=json", "--all", *arguments, **matches).splitlines()
        entries = [json.loads(line) for line in lines]
        for entry in entries:
            message = entry.get("MESSAGE", "")
            # What is no printable text comes as a list of numbers.
            entry["MESSAGE"] = message.encode() if isinstance(message, str) else bytes(message)
        return entries

    def of(self, monitor, *arguments):
        return self.entries(*arguments, CONTAINER_ID_FULL=monitor.cid)

