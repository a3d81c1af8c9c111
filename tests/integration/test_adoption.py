# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A monitor that dies is replaced: containers of engines (--adoptable, --adopt)."""

import os
import signal
import socket
import subprocess
import time

import adoption
import harness
from adoption import adopt, adoptable, directory, kill_monitor, wait_removed
from harness import check, equal
from peers import STDOUT
from processes import (
    end_process,
    is_running,
    open_files,
    read_proc,
    stat_fields,
    wait_exit,
    wait_quiet,
    wait_until,
)


def case(name):
    return harness.case(name, conmon="nobody takes over for it")


WAIT = "while [ ! -e {go} ]; do sleep 0.01; done; "


def waiting(box, command="", before="", **options):
    """A container that waits for go() before it runs `command`."""
    go = box.at("out", "go")
    return adoptable(box, before + WAIT.format(go=go) + command, **options).created()


def go(box):
    box.write(box.at("out", "go"), "")


@case("what a later monitor needs is there while the container runs, and gone after it")
def files(box):
    monitor = waiting(box, "exit 3")
    pid = monitor.container_pid

    names = set(os.listdir(directory(monitor)))
    equal(names, {"argv", "cwd", "environ", "journal", "lock", "monitor.pid", "monitor.start",
                  "monitor.version",
                  "pid", "starttime", "streams.json"})
    equal(os.stat(directory(monitor)).st_mode & 0o777, 0o700)
    equal(box.read(directory(monitor, "pid")), b"%d" % pid)
    equal(box.read(directory(monitor, "starttime")), stat_fields(pid)[19].encode())
    equal(os.stat(directory(monitor, "environ")).st_mode & 0o777, 0o600)
    go(box)

    equal(monitor.wait_exited(), b"3")
    wait_removed(monitor)


@case("what a monitor had not finished when it was killed goes with its session")
def unfinished(box):
    monitor = waiting(box, "exit 3")
    kill_monitor(monitor)
    box.write(directory(monitor, ".streams.json.0123abcd"), "{")
    adopt(monitor)
    go(box)

    equal(monitor.wait_exited(), b"3")
    wait_removed(monitor)


@case("a container goes on without a monitor, and what it wrote meanwhile is logged")
def written_meanwhile(box):
    monitor = waiting(box, "echo two; echo err >&2; touch {0}; exec sleep 1000".format(
        box.at("out", "done")), before="echo one; ")
    monitor.wait_logged(b"one\n")
    kill_monitor(monitor)
    go(box)
    wait_until(lambda: os.path.exists(box.at("out", "done")), "what is written without a monitor")

    adopt(monitor)

    monitor.wait_logged(b"one\ntwo\n")
    equal(monitor.logged("stderr"), b"err\n")
    check(is_running(monitor.container_pid), "it goes on")


@case("the exit status is that of the process, by every way out")
def exit_status(box):
    for command, expected in (("exit 0", b"0"), ("exit 77", b"77"), ("kill -9 $$", b"137")):
        if os.path.exists(box.at("out", "go")):
            os.unlink(box.at("out", "go"))
        monitor = waiting(box, command, bundle=box.add_bundle("bundle", command.replace(" ", "")))
        kill_monitor(monitor)
        adopt(monitor)

        go(box)

        equal(monitor.wait_exited(), expected, command)
        equal(box.wait_file(os.path.join(monitor.persist_dir, "exit")), expected)
        wait_removed(monitor)


@case("a full pipe holds the writer up, and nothing of it is lost")
def full_pipe(box):
    monitor = waiting(box, "seq 1 200000; exit 5")
    kill_monitor(monitor)
    go(box)
    wait_until(lambda: b"pipe" in read_proc(monitor.container_pid, "wchan") or
               is_blocked(monitor.container_pid), "a writer that waits")

    adopt(monitor)

    equal(monitor.wait_exited(), b"5")
    equal(monitor.logged(), b"".join(b"%d\n" % i for i in range(1, 200001)))


def is_blocked(pid):
    """The pipe is full: its writer, a child of the shell, sleeps."""
    import processes

    found = [child for child in processes.descendants(pid)]
    return bool(found) and all(stat_fields(child)[:1] == ["S"] for child in found)


@case("attach and control work with the new monitor")
def endpoints(box):
    monitor = waiting(box, "echo hello; exec sleep 1000")
    kill_monitor(monitor)
    adopt(monitor)
    client = monitor.attach()
    wait_quiet(monitor.daemon_pid)

    go(box)

    client.read_until(b"hello\n")
    os.rename(monitor.log_path, monitor.log_path + ".old")
    monitor.control(b"2 0 0\n")
    wait_until(lambda: os.path.exists(monitor.log_path), "a log that was opened anew")


@case("the engine finds what it knows of a monitor: pid file, arguments, environment")
def identity(box):
    monitor = waiting(box, env={"WITH_A_VALUE": "yes"}, args=["--exit-command", "/bin/true",
                                                             "--exit-command-arg", "x y"])
    old_args = read_proc(monitor.daemon_pid, "cmdline").split(b"\0")
    old_pid = monitor.daemon_pid
    kill_monitor(monitor)

    adopt(monitor)

    check(monitor.daemon_pid != old_pid, "another process")
    new_args = read_proc(monitor.daemon_pid, "cmdline").split(b"\0")
    equal(new_args[1], b"--adopt=" + directory(monitor).encode())
    equal(new_args[2:], old_args[1:])
    check(b"WITH_A_VALUE=yes" in read_proc(monitor.daemon_pid, "environ").split(b"\0"), "environ")
    equal(box.read(directory(monitor, "monitor.pid")), b"%d" % monitor.daemon_pid)


@case("the exit command is run")
def exit_command(box):
    said = box.at("out", "said")
    script = box.script("out/command", f"echo ended > {said}")
    monitor = waiting(box, "exit 0", args=["--exit-command", script])
    kill_monitor(monitor)
    adopt(monitor)

    go(box)

    equal(box.wait_text(said, b"ended\n"), b"ended\n")


@case("a second adopter is refused, and so is one beside a monitor that lives")
def one_monitor(box):
    monitor = waiting(box, "exit 0")

    status, text = adoption.adopt_process(monitor)

    equal(status, 1)
    check(f"has a monitor, process {monitor.daemon_pid}" in text, text)
    kill_monitor(monitor)
    adopters = [
        subprocess.Popen([box.monitor_path, "--adopt", directory(monitor)],
                         stderr=subprocess.DEVNULL)
        for _ in range(4)
    ]
    equal(sorted(adopter.wait() for adopter in adopters), [0, 1, 1, 1])
    monitor.learn_daemon()
    go(box)
    equal(monitor.wait_exited(), b"0")


@case("it can be replaced again and again")
def again(box):
    monitor = waiting(box, "echo end; exit 9", before="echo begin; ")
    monitor.wait_logged(b"begin\n")
    for how in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL):
        kill_monitor(monitor, how)
        adopt(monitor)

    go(box)

    equal(monitor.wait_exited(), b"9")
    equal(monitor.logged(), b"begin\nend\n")


@case("a process that ended without a monitor has an unknown status, and the end is told")
def ended_meanwhile(box):
    monitor = waiting(box, "echo last; exit 4", before="echo first; ")
    monitor.wait_logged(b"first\n")
    kill_monitor(monitor)
    go(box)
    wait_exit(monitor.container_pid)

    adopt(monitor)

    equal(monitor.wait_exited(), b"-1")
    wait_removed(monitor)


@case("a monitor that died while it drained had noted the status")
def died_while_draining(box):
    slow = "--attach-timeout=60"
    monitor = waiting(box, "echo end; exit 6", args=["--hold-output=60", slow])
    go(box)
    wait_until(lambda: os.path.exists(directory(monitor, "ending")), "the end of the process")
    kill_monitor(monitor)

    adopt(monitor)

    equal(monitor.wait_exited(), b"6")
    wait_removed(monitor)


@case("a start whose monitor dies is told as a failure, and the exit command run")
def died_while_starting(box):
    said = box.at("out", "said")
    script = box.script("out/command", f"echo ended > {said}")
    monitor = adoptable(box, "exit 0", script={"sleep-ms": 60000}, args=["--exit-command", script])
    monitor.spawn().go()
    wait_exit(monitor.pid)
    monitor.learn_daemon()
    wait_until(lambda: os.path.exists(directory(monitor, "streams.json")), "the runtime's run")
    kill_monitor(monitor)

    status, text = adoption.adopt_process(monitor)

    equal(status, 0, text)
    monitor.learn_daemon()
    box.wait_text(said, b"ended\n")
    wait_removed(monitor)


@case("a monitor that died before it noted the process finds it by the runtime's pid file")
def died_before_note(box):
    monitor = waiting(box, "exit 8")
    kill_monitor(monitor)
    os.unlink(directory(monitor, "pid"))
    os.unlink(directory(monitor, "starttime"))

    adopt(monitor)
    go(box)

    equal(monitor.wait_exited(), b"8")


@case("a process that has the pid but is another is not taken for it")
def another_process(box):
    monitor = waiting(box, "exit 8")
    kill_monitor(monitor)
    box.write(directory(monitor, "starttime"), "1")

    adopt(monitor)

    equal(monitor.wait_exited(), b"-1")
    check(is_running(monitor.container_pid), "it is left alone")
    end_process(monitor.container_pid)


@case("the time that --timeout gave goes on")
def timeout(box):
    begin = time.monotonic()
    monitor = waiting(box, args=["--timeout", "3"])
    kill_monitor(monitor)
    adopt(monitor)

    equal(monitor.wait_exited(), b"-1")

    check(time.monotonic() - begin < 20, "not from the beginning again")


@case("an exec session is adopted like a container")
def exec_session(box):
    monitor = waiting(box, "echo out; exit 12", kind="exec", log=f"k8s-file:{box.at('logs', 'x')}")
    monitor.log_path = box.at("logs", "x")
    kill_monitor(monitor)
    adopt(monitor)

    go(box)

    equal(monitor.wait_exited(), b"12")
    equal(monitor.logged(), b"out\n")


@case("a terminal that nobody kept is gone, and streams.json says so")
def lost_terminal(box):
    monitor = waiting(box, "exit 5", before="trap '' HUP; echo ready; ", terminal=True)
    monitor.wait_logged(b"ready")
    kill_monitor(monitor)

    adopt(monitor)

    streams = directory(monitor, "streams.json")
    wait_until(lambda: b'"terminalLost":true' in (box.read(streams) or b""),
               "the word in streams.json")
    go(box)
    equal(monitor.wait_exited(), b"5")


@case("an adopter holds as few descriptors as the first monitor, and sleeps")
def idle(box):
    monitor = waiting(box, "exit 0")
    wait_quiet(monitor.daemon_pid)
    before = sorted(open_files(monitor.daemon_pid).values(), key=kind_of)
    kill_monitor(monitor)
    adopt(monitor)
    wait_quiet(monitor.daemon_pid)

    after = sorted(open_files(monitor.daemon_pid).values(), key=kind_of)

    check(len(after) <= len(before), f"{before} {after}")
    go(box)
    monitor.wait_exited()


def kind_of(target):
    return target.split(":")[0]


class FdStore:
    """A service manager's notify socket that keeps descriptors."""

    def __init__(self, box):
        self.path = box.at("run", "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)
        box.cleanups.append(self.socket.close)
        box.ignored_files.add("notify")

    def receive(self):
        """The text of one message, and its descriptor or None."""
        data, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
        return data.decode(), fds[0] if fds else None


@case("a terminal that a service manager keeps is taken back")
def kept_terminal(box):
    store = FdStore(box)
    monitor = waiting(box, "echo after; read line; echo got $line; exit 5", before="echo before; ",
                      terminal=True, env={"NOTIFY_SOCKET": store.path})
    text, fd = store.receive()
    name = f"holdfast-{monitor.uuid}"
    equal(text.split("\n")[:2], ["FDSTORE=1", f"FDNAME={name}"])
    monitor.wait_logged(b"before\r\n")
    kill_monitor(monitor)

    result = subprocess.run(
        ["sh", "-c", f'exec "$0" --adopt "$1" 3<&{fd} {fd}<&-', box.monitor_path,
         directory(monitor)],
        pass_fds=(fd,), env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": name},
        capture_output=True, timeout=60, check=False)
    equal(result.returncode, 0, str(result.stderr))
    monitor.learn_daemon()
    os.close(fd)
    client = monitor.attach()
    go(box)
    client.read_until(b"after\r\n")
    client.send(b"word\n")
    client.read_until(b"got word\r\n")

    equal(monitor.wait_exited(), b"5")
    equal(store.receive()[0].split("\n")[0], "FDSTOREREMOVE=1")
