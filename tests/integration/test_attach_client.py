# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The client of src/attach on pipes and on a terminal of its own, against the monitor."""

import fcntl
import hashlib
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

from harness import case, check, equal
from processes import DEADLINE, Expired, is_running, wait_exit, wait_until

PROGRAM = os.environ.get("ATTACH_CLIENT") or os.path.join(
    sys.argv[1], "tests", "programs", "attach-client")  # fmt: skip
ENDED, FAILED, DETACHED = 0, 1, 10
ECHO = "echo ready; while read line; do echo got $line; done; exit 4"
LINES = "i=0; while [ $i -lt {count} ]; do i=$((i + 1)); echo line $i; done"


def lines(count):
    return b"".join(b"line %d\n" % number for number in range(1, count + 1))


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Client:
    """The program on pipes, or on a terminal if it is told so."""

    def __init__(self, box, monitor, *options, path=None, terminal=False, **more):
        self.report = box.at("out", f"client{len(os.listdir(box.at('out')))}")
        command = [PROGRAM, "--report", self.report, *options, path or monitor.attach_path()]
        self.box = box
        self.seen = b""
        self.master_fd = -1
        if terminal:
            more = {**self.terminal_options(), **more}
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.program = subprocess.Popen(command, **{**pipes, **more})
        if terminal:
            os.close(self.slave_fd)
        box.cleanups.append(self.close)

    def terminal_options(self):
        self.master_fd, self.slave_fd = pty.openpty()
        self.resize(24, 80)
        self.before = self.modes()
        return {
            **dict.fromkeys(("stdin", "stdout", "stderr"), self.slave_fd),
            "start_new_session": True,
            "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        }

    def modes(self):
        return termios.tcgetattr(self.master_fd)

    def resize(self, rows, columns):
        packed = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.master_fd, termios.TIOCSWINSZ, packed)

    def attached(self):
        """Waits until the monitor knows of the client."""
        self.box.wait_text(self.report, b"connected\n")
        return self

    def type(self, keys):
        os.write(self.master_fd, keys)

    def read_until(self, text):
        end = time.monotonic() + DEADLINE
        while text not in self.seen:
            left = max(0, end - time.monotonic())
            if not select.select([self.master_fd], [], [], left)[0]:
                raise Expired(f"waited for {text!r}, seen {self.seen!r:.500}")
            self.seen += os.read(self.master_fd, 65536)

    def status(self):
        if self.program.returncode is not None:  # said() took it
            return self.program.returncode
        return wait_exit(self.program.pid, "the client")

    def said(self, data=b""):
        """Sends `data`, closes the input, and reads both outputs to their ends."""
        return self.program.communicate(data, timeout=DEADLINE)

    def close(self):
        if is_running(self.program.pid):
            self.program.kill()
        for end in (self.program.stdin, self.program.stdout, self.program.stderr):
            if end:
                end.close()
        if self.master_fd >= 0:
            os.close(self.master_fd)
            self.master_fd = -1


def terminal_client(box, command, *options, args=(), **more):
    how = {"terminal": True, "stdin": True, "autostart": False, "args": args}
    monitor = box.create(command, **how).created()
    client = Client(box, monitor, "--terminal", *options, terminal=True, **more).attached()
    monitor.start()
    return monitor, client


def piped_client(box, command, *options, args=(), **more):
    monitor = box.create(command, stdin=True, autostart=False, args=args).created()
    client = Client(box, monitor, *options, **more).attached()
    monitor.start()
    return monitor, client


@case("stdout and stderr arrive each by itself, and the container's end ends the client")
def both_streams(box):
    monitor, client = piped_client(box, "echo out; echo err >&2; exit 3")

    equal(client.said(), (b"out\n", b"err\n"))
    equal(client.status(), ENDED)
    equal(monitor.wait_exited(), b"3")


@case("input from a pipe reaches the container, and its end half-closes")
def half_close(box):
    monitor, client = piped_client(box, "cat; echo end; echo over >&2; exit 5")

    equal(client.said(b"one\ntwo\n"), (b"one\ntwo\nend\n", b"over\n"))
    equal(monitor.wait_exited(), b"5")


@case("20 MB go in and come back with equal checksums")
def volume(box):
    data = os.urandom(20 * 1000 * 1000)
    monitor, client = piped_client(box, "exec cat")

    out, err = client.said(data)

    equal((len(out), digest(out), err), (len(data), digest(data), b""))
    equal(client.status(), ENDED)


@case("20 MB from a file come back through an output that is read late")
def late_reader(box):
    data = os.urandom(20 * 1000 * 1000)
    path = box.write(box.at("out", "data"), data)
    with open(path, "rb") as file:
        monitor, client = piped_client(box, "exec cat", stdin=file)
    select.select([client.program.stdout], [], [], DEADLINE)

    out = bytearray()
    while piece := os.read(client.program.stdout.fileno(), 65536):
        out += piece

    equal((len(out), digest(out)), (len(data), digest(data)))
    equal(client.status(), ENDED)


@case("a client without input sees everything of a container that writes and ends")
def everything(box):
    monitor, client = piped_client(box, LINES.format(count=100000), stdin=subprocess.DEVNULL)

    equal(digest(client.said(None)[0]), digest(lines(100000)))
    equal(client.status(), ENDED)


@case("an output that nobody reads any more ends the client, and the container goes on")
def reader_gone(box):
    monitor, client = piped_client(box, ECHO, args=["--leave-stdin-open"])
    equal(os.read(client.program.stdout.fileno(), 100), b"ready\n")
    client.program.stdout.close()

    client.program.stdin.write(b"x\n")
    client.program.stdin.flush()

    equal(client.status(), FAILED)
    check(b"nobody reads stdout" in client.program.stderr.read(), "the reason")
    check(is_running(monitor.container_pid), "the container runs")


@case("detach keys in a pipe are data")
def keys_in_a_pipe(box):
    monitor, client = piped_client(box, "exec cat")

    equal(client.said(b"\x10\x11")[0], b"\x10\x11")
    equal(client.status(), ENDED)


@case("on a terminal, what is typed is echoed by the container and read by it")
def typed(box):
    monitor, client = terminal_client(box, ECHO)
    client.read_until(b"ready\r\n")

    client.type(b"hello\r")

    client.read_until(b"hello\r\ngot hello\r\n")
    client.type(b"\x04")
    equal(client.status(), ENDED)
    equal(monitor.wait_exited(), b"4")
    equal(client.modes(), client.before)


@case("control-C on the client's terminal is for the container")
def interrupt(box):
    monitor, client = terminal_client(box, "echo ready; exec sleep 1000")
    client.read_until(b"ready")

    client.type(b"\x03")

    equal(client.status(), ENDED)
    equal(monitor.wait_exited(), b"130")
    equal(client.modes(), client.before)


@case("the detach keys leave the container running, and it can be attached to again")
def detach(box):
    monitor, client = terminal_client(box, ECHO, args=["--leave-stdin-open"])
    client.read_until(b"ready\r\n")
    check(client.modes() != client.before, "the terminal is raw")

    client.type(b"before\r\x10\x11")

    equal(client.status(), DETACHED)
    equal(client.modes(), client.before)
    check(is_running(monitor.container_pid), "the container runs")
    monitor.wait_logged(b"got before\r\n")
    second = Client(box, monitor, "--terminal", terminal=True).attached()
    second.type(b"again\r")
    second.read_until(b"got again\r\n")
    second.type(b"\x04")
    equal(second.status(), ENDED)


@case("detach keys typed one by one detach; half of them and another key reach the container")
def detach_one_by_one(box):
    monitor, client = terminal_client(box, ECHO, "--detach-keys", "ctrl-a,b")
    client.read_until(b"ready\r\n")

    client.type(b"\x01")
    client.type(b"x\r")
    client.read_until(b"got \x01x\r\n")
    client.type(b"\x01")
    client.type(b"b")

    equal(client.status(), DETACHED)
    check(is_running(monitor.container_pid), "the container runs")


for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):

    @case(f"{number.name} ends the client and gives the terminal back, the container runs")
    def killed(box, number=number):
        monitor, client = terminal_client(box, ECHO)
        client.read_until(b"ready\r\n")
        check(client.modes() != client.before, "the terminal is raw")

        os.kill(client.program.pid, number)

        equal(client.status(), -number)
        equal(client.modes(), client.before)
        check(is_running(monitor.container_pid), "the container runs")


@case("after a stop the terminal is raw again")
def stopped(box):
    monitor, client = terminal_client(box, ECHO)
    client.read_until(b"ready\r\n")
    raw = client.modes()
    os.kill(client.program.pid, signal.SIGSTOP)
    termios.tcsetattr(client.master_fd, termios.TCSANOW, client.before)

    os.kill(client.program.pid, signal.SIGCONT)

    wait_until(lambda: client.modes() == raw, "a raw terminal")
    client.type(b"\x10\x11")
    equal(client.status(), DETACHED)
    equal(client.modes(), client.before)


@case("a container without a terminal leaves the client's terminal as it is")
def no_terminal(box):
    monitor = box.create(ECHO, stdin=True, autostart=False).created()
    client = Client(box, monitor, terminal=True).attached()
    monitor.start()
    client.read_until(b"ready\r\n")

    equal(client.modes(), client.before)

    client.type(b"hello\n")
    client.read_until(b"got hello\r\n")
    client.type(b"\x04")
    equal(client.status(), ENDED)


@case("the container's terminal has the size of the client's and follows it")
def size(box):
    monitor = box.create(ECHO, terminal=True, stdin=True).created()
    control = os.path.join(monitor.bundle_dir, "ctl")
    client = Client(box, monitor, "--terminal", "--control", control, terminal=True)
    monitor.wait_size(24, 80)

    client.resize(33, 1200)

    monitor.wait_size(33, 1200)
    client.type(b"\x10\x11")
    equal(client.status(), DETACHED)


@case("a socket whose path is longer than an address is reached")
def long_path(box):
    bundle = box.add_bundle("b" * 120, "c" * 120)
    monitor = box.create("echo far", autostart=False, bundle=bundle).created()
    check(len(monitor.attach_path()) > 240, "a long path")
    client = Client(box, monitor).attached()

    monitor.start()

    equal(client.said(), (b"far\n", b""))
    equal(client.status(), ENDED)


@case("a monitor that is killed ends the client and gives the terminal back")
def monitor_killed(box):
    monitor, client = terminal_client(box, ECHO)
    box.expects_nothing_left = False
    client.read_until(b"ready\r\n")

    os.kill(monitor.daemon_pid, signal.SIGKILL)

    equal(client.status(), ENDED)
    equal(client.modes(), client.before)


@case("without a socket the client says so and leaves the terminal alone")
def no_socket(box):
    client = Client(box, None, path=box.at("nothing", "attach"), terminal=True)

    equal(client.status(), FAILED)
    client.read_until(b"No such file or directory")
    equal(client.modes(), client.before)


@case("a packet for a stream that there is not ends the client with a reason")
def unknown_stream(box):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(box.at("out", "socket"))
    listener.listen()
    client = Client(box, None, path=box.at("out", "socket"))
    connection, _ = listener.accept()

    connection.send(b"\x02fine\n")
    connection.send(b"\x07what")

    out, err = client.said()
    equal((client.status(), out), (FAILED, b"fine\n"))
    check(b"stream 7" in err, err)
    connection.close()
    listener.close()
