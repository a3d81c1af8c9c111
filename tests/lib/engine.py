# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""One run of the monitor, started the way Podman and CRI-O start conmon."""

import fcntl
import json
import os
import secrets
import select
import signal
import socket
import struct
import termios

import processes
from arguments import arguments
from peers import AttachClient, logged_bytes, parse_log
from processes import (
    DEADLINE,
    Expired,
    command_line,
    descendants,
    end_process,
    is_running,
    open_files,
    wait_exit,
    wait_until,
)

FIRST_FD = 3
# Descriptors are put aside from here on, out of the way of the numbers the monitor gets.
ASIDE_FD = 100


class Monitor:
    """Options, all with the value Podman's create would have:

    api            pass --api-version 1
    transport      "seqpacket" (Podman), "stream" (CRI-O) or "pipe" (CRI-O's exec sync)
    sync           pass --sync: the first process stays the monitor
    terminal, stdin   pass -t, -i
    log            value of -l, a list of them, or None for the box's log file
    bundle         another bundle than the box's
    persist, exit_dir, socket_dir   another directory, or None to leave the option out
    full_attach    pass --full-attach
    exec_attach    pass --exec-attach and an attach pipe
    attach_pipe    False: no attach pipe although exec_attach
    pipes          False: no sync and start pipe at all
    runtime        another runtime than the fake one
    script         lines for the fake runtime (a dict; _ in keys stands for -)
    autostart      False: the container waits for start()
    args           more arguments, at the end
    without        options to leave out, with their values
    env            more environment
    keep_fds       descriptors for the container: they become 3, 4, ...
    reserve_fds    descriptors that come after the pipes
    stdio          three descriptors; default /dev/null, /dev/null and a file
    container      of an exec: the Monitor of the container it is for
    process        of an exec: the text of the process spec
    """

    DEFAULTS = dict(
        api=True,
        transport="seqpacket",
        sync=False,
        terminal=False,
        stdin=False,
        log=None,
        bundle=None,
        persist=True,
        exit_dir=True,
        socket_dir=True,
        full_attach=True,
        exec_attach=False,
        attach_pipe=True,
        pipes=True,
        runtime=None,
        script=None,
        autostart=None,
        args=(),
        without=(),
        env=None,
        keep_fds=(),
        reserve_fds=(),
        stdio=None,
        name="ctr",
        container=None,
        process="{}",
    )

    def __init__(self, box, command, kind, **options):
        unknown = set(options) - set(self.DEFAULTS)
        assert not unknown, f"unknown options {unknown}"
        for key, value in {**self.DEFAULTS, **options}.items():
            setattr(self, key, value)
        self.box = box
        self.kind = kind
        self.command = command
        self.number = len(box.monitors)
        self.uuid = secrets.token_hex(32)
        self.cid = self.container.cid if self.container else self.uuid
        self.pid = None
        self.daemon_pid = None
        self.container_pid = None
        self.started = False
        self.sync_fd = self.start_fd = self.attach_fd = -1
        self.sync_buffer = b""
        self.argv = None  # replaces all arguments
        self.lay_paths()
        self.write_files()

    def lay_paths(self):
        box = self.box
        self.bundle_dir = self.bundle or box.bundle
        if self.kind == "exec" and not self.bundle:
            self.bundle_dir = box.add_bundle("bundle", f"session{self.number}")
        self.pid_file = os.path.join(self.bundle_dir, f"pidfile{self.number}")
        self.conmon_pid_file = os.path.join(self.bundle_dir, f"conmon-pidfile{self.number}")
        self.log_path = box.at("logs", f"ctr{self.number}.log")
        self.stderr_path = box.at("out", f"stderr{self.number}")
        self.persist_dir = box.at("persist", self.uuid) if self.persist is True else self.persist
        self.exits = box.at("exits") if self.exit_dir is True else self.exit_dir
        self.sockets = box.at("sockets") if self.socket_dir is True else self.socket_dir
        if self.persist is True:
            os.mkdir(self.persist_dir, 0o700)
        self.persist_dir = self.persist_dir or box.at("persist", "none")

    def write_files(self):
        box = self.box
        self.script_path = box.at("out", f"script{self.number}")
        self.spec_path = box.at("out", f"process{self.number}.json")
        box.write(self.script_path, self.script_text())
        if self.kind != "create":
            box.write(self.spec_path, self.process)
        if self.kind == "exec-sync":
            # CRI-O makes both beforehand.
            box.write(self.pid_file, "")
            box.write(self.log_path, "")

    def script_text(self):
        lines = [f"command {line}" for line in self.command.splitlines()]
        if self.autostart is None or self.autostart:
            lines.append("autostart 1")
        for key, value in (self.script or {}).items():
            lines += [f"{key.replace('_', '-')} {line}" for line in str(value).splitlines()]
        return "\n".join(lines) + "\n"

    def make_pipes(self):
        """The monitor's ends, in Podman's order: sync, start, attach."""
        if not self.pipes:
            return []
        self.sync_fd, sync_peer = self.channel()
        self.start_fd, start_peer = self.channel("stream" if self.transport == "pipe" else None)
        peers = [sync_peer, start_peer]
        if self.exec_attach and self.attach_pipe:
            self.attach_fd, attach_peer = self.channel()
            peers.append(attach_peer)
        return peers

    def channel(self, transport=None):
        """(our end, the monitor's end); a plain pipe goes from the monitor to us."""
        transport = transport or self.transport
        if transport == "pipe":
            return os.pipe()
        kind = socket.SOCK_SEQPACKET if transport == "seqpacket" else socket.SOCK_STREAM
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        return ours.detach(), theirs.detach()

    def environment(self, pipe_count):
        first = FIRST_FD + len(self.keep_fds)
        names = ["_OCI_SYNCPIPE", "_OCI_STARTPIPE", "_OCI_ATTACHPIPE"]
        env = {
            "PATH": os.environ["PATH"],
            "HOME": "/",
            "TMPDIR": self.box.at("tmp"),
            "XDG_RUNTIME_DIR": self.box.at("run"),
            "FAKE_RUNTIME_ROOT": self.box.at("state"),
            "FAKE_RUNTIME_SCRIPT": self.script_path,
        }
        report = self.box.at("out", "sanitizer")
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            env[name] = ":".join(filter(None, [os.environ.get(name), f"log_path={report}"]))
        env["HOLDFAST_SANDBOX_REPORT"] = self.box.sandbox_report
        env.update({name: str(first + i) for i, name in enumerate(names[:pipe_count])})
        env.update(self.env or {})
        return env

    def spawn(self):
        """Starts the first process. Nothing is sent on the start pipe yet."""
        peers = self.make_pipes()
        wanted = list(self.keep_fds) + peers + list(self.reserve_fds)
        aside = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, ASIDE_FD) for fd in wanted]
        opened = []
        if self.stdio is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            opened = [os.open("/dev/null", os.O_RDWR), os.open(self.stderr_path, flags)]
            stdio = [opened[0], opened[0], opened[1]]
        else:
            stdio = self.stdio
        aside_stdio = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, ASIDE_FD) for fd in stdio]
        actions = [(os.POSIX_SPAWN_DUP2, fd, i) for i, fd in enumerate(aside_stdio + aside)]
        argv = [self.box.monitor_path] + arguments(self)
        self.pid = os.posix_spawn(
            argv[0],
            argv,
            self.environment(len(peers)),
            file_actions=actions,
            setpgroup=0,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
        for fd in aside + aside_stdio + peers + opened:
            os.close(fd)
        return self

    def go(self, data=b"\0"):
        """A start byte."""
        os.write(self.start_fd, data)
        return self

    def run(self):
        """Starts it, says go, takes the first line; returns that as a dict."""
        self.spawn()
        if self.pipes:
            self.go()
        return self.first_message()

    def first_message(self):
        line = self.line()
        assert line.endswith(b"}\n"), f"no message but {line!r}; {self.ending()}"
        message = json.loads(line)
        pid = message.get("data", message.get("pid", message.get("exit_code")))
        if pid is not None and pid > 0 and self.kind != "exec-sync":
            self.container_pid = pid
        self.learn_daemon()
        return message

    def ending(self):
        """Of a monitor that told nothing: how it ended, and what it said."""
        try:
            status = self.wait_gone()
        except Expired as error:
            pids = [self.daemon_pid or self.pid, *descendants(self.daemon_pid or self.pid)]
            family = [(pid, command_line(pid)[:80], open_files(pid)) for pid in pids]
            status = f"{error}; it and its children: {family}"
        return f"status: {status}; stderr: {self.stderr_text()}"

    def learn_daemon(self):
        if self.sync:
            self.daemon_pid = self.pid
        elif os.path.exists(self.conmon_pid_file):
            self.daemon_pid = int(self.box.read(self.conmon_pid_file))

    def created(self):
        """A monitor whose container is there."""
        message = self.run()
        assert self.container_pid, f"not created: {message} {self.stderr_text()}"
        return self

    def launch(self):
        """Starts a monitor that tells nothing before the end (CRI-O's exec sync)."""
        self.spawn()
        self.go()
        self.learn_daemon()
        return self

    def start(self):
        """The runtime's start: the container that waits goes on."""
        fifo = os.path.join(self.bundle_dir, "fake-runtime.start")
        fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, b"\0")
        os.close(fd)
        self.started = True
        return self

    def packet(self, fd=None, deadline=None):
        """One packet of the sync pipe (or attach pipe), b"" at its end."""
        fd = self.sync_fd if fd is None else fd
        ready, _, _ = select.select([fd], [], [], deadline or DEADLINE)
        if not ready:
            raise Expired("waited in vain for a message of the monitor")
        try:
            return os.read(fd, 1 << 20)
        except ConnectionResetError:
            return b""

    def line(self):
        """One line of the sync pipe, newline included; what there is at the end of the pipe."""
        while b"\n" not in self.sync_buffer:
            data = self.packet()
            if not data:
                break
            self.sync_buffer += data
        line, newline, self.sync_buffer = self.sync_buffer.partition(b"\n")
        return line + newline

    def rest(self):
        """Everything on the sync pipe up to its end."""
        while True:
            data = self.packet()
            if not data:
                break
            self.sync_buffer += data
        rest, self.sync_buffer = self.sync_buffer, b""
        return rest

    def close_sync(self):
        if self.sync_fd >= 0:
            os.close(self.sync_fd)
        self.sync_fd = -1

    def close_pipes(self):
        self.close_sync()
        for fd in (self.start_fd, self.attach_fd):
            if fd >= 0:
                os.close(fd)
        self.start_fd = self.attach_fd = -1

    def attach(self):
        return AttachClient(self.attach_path())

    def attach_early(self):
        """For a client that comes before the engine was told that the socket is there."""

        def attached():
            try:
                return self.attach()
            except (FileNotFoundError, ConnectionRefusedError):
                return None

        return wait_until(attached, "the attach socket")

    def attach_path(self):
        if self.full_attach:
            return os.path.join(self.bundle_dir, "attach")
        return os.path.join(self.sockets, self.uuid, "attach")

    def control(self, data, name="ctl"):
        """Writes to a control FIFO, which must have a reader."""
        fd = os.open(os.path.join(self.bundle_dir, name), os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, data)
        os.close(fd)

    def terminal_size(self):
        """(rows, columns) as the container's process has them; None before it has a terminal."""
        fd = os.open(f"/proc/{self.container_pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
        try:
            return struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))[:2]
        except OSError:
            return None
        finally:
            os.close(fd)

    def wait_size(self, rows, columns):
        wait_until(lambda: self.terminal_size() == (rows, columns), f"size {rows} {columns}")

    def exit_file(self):
        return os.path.join(self.exits, self.cid)

    def wait_exited(self):
        """The text of the exit file, as soon as it is there."""
        return self.box.wait_file(self.exit_file())

    def wait_gone(self):
        """The monitor's own exit status."""
        status = wait_exit(self.pid, "the first process")
        self.learn_daemon()
        if self.daemon_pid and self.daemon_pid != self.pid:
            status = wait_exit(self.daemon_pid, "the monitor")
        return status

    def records(self):
        return parse_log(self.box.read(self.log_path))

    def logged(self, stream="stdout"):
        return logged_bytes(self.records(), stream)

    def wait_logged(self, text, stream="stdout"):
        def has_it():
            data = self.box.read(self.log_path) or b""
            whole = data[: data.rfind(b"\n") + 1]
            return text in logged_bytes(parse_log(whole), stream)

        wait_until(has_it, f"{text!r} in the log")

    def end_container(self):
        text = self.box.read(self.pid_file) or b""
        known = [int(text)] if text.strip().isdigit() else []
        for pid in set(processes.descendants(os.getpid())) & set(known + [self.container_pid]):
            for each in processes.descendants(pid) + [pid]:
                end_process(each)

    def end(self):
        """Faults of a monitor that does not end though its container has."""
        if self.pid is None:
            return []
        try:
            self.wait_gone()
        except Expired as error:
            for pid in (self.daemon_pid, self.pid):
                if pid and is_running(pid):
                    end_process(pid)
            return [f"the monitor goes on after its container: {error}"]
        return []

    def stderr_text(self):
        return (self.box.read(self.stderr_path) or b"").decode(errors="replace")

    def describe(self):
        return " ".join([self.box.monitor_path] + arguments(self))
