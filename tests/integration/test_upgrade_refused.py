# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Upgrades that are refused, and programs that cannot go on: the old monitor does."""

import os
import random
import shlex
import subprocess

from harness import case, check, equal
from procdir import ProcessDir
from processes import children, wait_until
from upgrade import Counter, Reader, check_counted, image, install, install_script, request, upgrade

CONMON = "it has no upgrade"
# No interpreter of a script is executed from within a sandbox.
OFF = ("--sandbox", "off")


def ours(name):
    return case(name, conmon=CONMON)


def still_there(monitor, before):
    """It is the same program, and it serves."""
    equal(image(monitor.daemon_pid) == before, True, "the same program")
    client = monitor.attach()
    client.send(b"that\n")
    client.read_until(b"got that\n")
    client.close()


def refused(box, prepare, reason):
    directory, monitor = with_messages(box)
    client = monitor.attach()
    before = image(monitor.daemon_pid)
    prepare(box)
    request(monitor)

    wait_until(lambda: said(directory, "no upgrade"), "a message")
    check(said(directory, reason), f"{reason!r} in {directory.messages()}")
    client.send(b"first\n")
    client.read_until(b"got first\n")
    still_there(monitor, before)
    wait_until(lambda: len(children(monitor.daemon_pid)) == 1, "no child but the container")


def said(directory, text):
    return [message for level, message in directory.messages() if text in message]


def with_messages(box, command="while read x; do echo got $x; done; exit 4", args=()):
    """A monitor that says what it says where it can be read: a daemon's stderr is /dev/null."""
    install(box)
    directory = ProcessDir(box, "p0")
    monitor = box.create(command, stdin=True, sync=True, persist=None, exit_dir=None,
                         socket_dir=None, without=["-P"],
                         args=["--leave-stdin-open", "--process-dir", directory.path,
                               *OFF, *args])
    monitor.pid_file = directory.at("pid")
    box.cleanups.append(directory.end)
    monitor.created()
    monitor.attach_path = lambda: directory.at("attach")
    return directory, monitor


@ours("a binary that is missing")
def missing(box):
    refused(box, lambda box: os.unlink(box.monitor_path), "No such file or directory")


@ours("a program that ends with status 1")
def status_one(box):
    refused(box, lambda box: install_script(box, "exit 1"), "it refuses, with status 1")


@ours("what a program says when it refuses is told")
def says_why(box):
    refused(box, lambda box: install_script(box, "echo not today >&2; exit 1"), "not today")


@ours("a program that is killed")
def killed(box):
    refused(box, lambda box: install_script(box, "kill -9 $$"), "it was killed by signal 9")


@ours("a file that is no program")
def broken(box):
    def prepare(box):
        with open(box.monitor_path + ".new", "wb") as file:
            file.write(b"\x7fELF" + os.urandom(5000))
        os.chmod(box.monitor_path + ".new", 0o755)
        os.replace(box.monitor_path + ".new", box.monitor_path)

    refused(box, prepare, "Exec format error")


@ours("a program that does not know such arguments")
def foreign(box):
    refused(box, lambda box: install(box, "/bin/false"), "it refuses, with status 1")


# Gives the state to the program with another number in the place of its version.
OTHER_VERSION = """case "$1" in --check-state=*) ;; *) exit 99 ;; esac
python3 -c '
import sys
state = sys.stdin.buffer.read()
place = len(b"holdfast-upgrade\\0") + 3 & ~3
sys.stdout.buffer.write(state[:place] + bytes([%d, 0, 0, 0]) + state[place + 4 :])
' > %s
exec $ORIGINAL "$@" < %s"""


@ours("a program that knows only states of an older version")
def older(box):
    path = box.at("out", "state")
    script = OTHER_VERSION % (2, path, path)
    refused(box, lambda box: install_script(box, script), "the state is of version 2")


@ours("a program that does not answer, after ten seconds")
def silent(box):
    directory, monitor = with_messages(box)
    before = image(monitor.daemon_pid)
    install_script(box, "exec sleep 1000")
    request(monitor)
    wait_until(lambda: len(children(monitor.daemon_pid)) == 2, "the check")
    still_there(monitor, before)
    # Once more is not twice.
    request(monitor)

    wait_until(lambda: said(directory, "it did not answer"), "a message", deadline=20)
    still_there(monitor, before)
    wait_until(lambda: len(children(monitor.daemon_pid)) == 1, "no child but the container")
    install(box)
    upgrade(monitor)


# Says yes, and then cannot go on.
CANNOT = """case "$1" in --check-state=*) exit 0 ;; esac
first=$1 second=$2
shift 2
exec $ORIGINAL "$first" "$second" --no-such-option "$@" """


@ours("a program that says yes and cannot go on hands over to the old one, which tells why")
def falls_back(box):
    directory, monitor = with_messages(box)
    client = monitor.attach()
    client.send(b"one\n")
    client.read_until(b"got one\n")
    before = image(monitor.daemon_pid)
    install_script(box, CANNOT)
    request(monitor)

    wait_until(lambda: said(directory, "--no-such-option"), "a message")
    check(image(monitor.daemon_pid) != before, "it was another program in between")
    client.send(b"two\n")
    client.read_until(b"got two\n")
    install(box)
    upgrade(monitor, times=2)
    client.send(b"three\n")
    client.read_until(b"got three\n")


@ours("the same at full speed: nothing is lost on the way there and back")
def falls_back_at_full_speed(box):
    install(box)
    counter = Counter(box, args=OFF)
    reader = Reader(counter.monitor.attach())
    counter.monitor.start()
    install_script(box, CANNOT)
    for _ in range(8):
        # There and back are two programs, which cannot be told apart from here.
        upgrade(counter.monitor)
    counter.stop()

    last = check_counted(reader.output())
    equal(check_counted(counter.monitor.logged()), last)
    equal(counter.monitor.wait_exited(), b"7")


@ours("once the process has ended it is too late, which is said")
def too_late(box):
    exit_command = ["--exit-command", "/bin/sleep", "--exit-command-arg", "1.5"]
    directory, monitor = with_messages(box, "exit 0", args=exit_command)
    equal(directory.wait_read("exitStatus"), b"0")
    before = image(monitor.daemon_pid)
    request(monitor)

    wait_until(lambda: said(directory, "the process has ended"), "a message")
    equal(image(monitor.daemon_pid) == before, True, "the same program")
    equal(directory.wait_exit(), b"0")


def saved_state(box):
    """What a program that is asked gets, and the arguments that go with it."""
    state, arguments = box.at("out", "state"), box.at("out", "arguments")
    install_script(box, f'cat > {state}.new; printf "%s\\0" "$@" > {arguments}; '
                        f"mv {state}.new {state}; exit 1")
    return state, arguments


@ours("whatever a state is made of, a program says yes or no to it")
def any_bytes(box):
    directory, monitor = with_messages(box)
    client = monitor.attach()
    path, arguments_path = saved_state(box)
    request(monitor)
    state = box.wait_file(path)
    argv = [box.original_path] + box.read(arguments_path).decode().split("\0")[:-1]
    changed = box.at("out", "changed")
    rng = random.Random(7)

    equal(answer(box, argv, state, changed), 0)
    for i in range(60):
        at = rng.randrange(len(state))
        size = rng.choice([1, 1, 4, 16])
        other = {0: state[:at], 1: state[:at] + rng.randbytes(size) + state[at + size :],
                 2: state[at:], 3: rng.randbytes(at)}[i % 4]
        status = answer(box, argv, other, changed)
        check(status in (0, 1), f"status {status} for change {i}, see {shlex.join(argv)}")
    equal(answer(box, argv, b"", changed), 1)
    client.close()


def answer(box, argv, state, path):
    box.write(path, state)
    with open(path, "rb") as file:
        return subprocess.run(argv, stdin=file, stderr=subprocess.DEVNULL, timeout=20,
                              check=False).returncode
