# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""podman exec: one more monitor for each session, with a start of its own."""

import concurrent.futures
import hashlib
import os

from podman_kit import case, check, equal, wait_until
from terminal import CTRL_C, CTRL_D, CTRL_P, CTRL_Q

SESSIONS = 20


def sh(box, container, script, *options, **more):
    return box.podman("exec", *options, container, "sh", "-c", script, **more)


@case("exec hands on standard output and standard error, each by itself")
def exec_separates_streams(box):
    container = box.start("sleep 1000")

    result = sh(box, container, "echo to-out; echo to-err >&2")

    equal((result.status, result.out, result.err), (0, b"to-out\n", b"to-err\n"))


def ends_with(code):
    @case(f"exec ends with the command's exit status {code}")
    def exec_status(box):
        container = box.start("sleep 1000")

        equal(sh(box, container, f"exit {code}").status, code)


for each_code in (0, 1, 42, 125, 127, 255):
    ends_with(each_code)


@case("exec ends with 127 for a program that does not exist and says so")
def exec_not_found(box):
    container = box.start("sleep 1000")

    result = box.podman("exec", container, "/no/such/program")

    equal(result.status, 127)
    check(b"no such file or directory" in result.err, result)


@case("exec ends with 126 for a file that cannot be executed and says so")
def exec_not_executable(box):
    container = box.start("sleep 1000")

    result = box.podman("exec", container, "/etc")

    equal(result.status, 126)
    check(b"permission denied" in result.err, result)


@case("exec ends with 128 plus the signal that killed the command")
def exec_killed(box):
    container = box.start("sleep 1000")

    equal(sh(box, container, "kill -9 $$").status, 137)


@case("exec ends with 137 when its container is killed")
def exec_container_killed(box):
    container = box.start("sleep 1000")
    client = box.spawn("exec", container, "sh", "-c", "touch /tmp/here; sleep 1000")
    wait_until(lambda: os.path.exists(box.at("rootfs/tmp/here")), "the command to begin")

    box.podman("kill", container, expect=0)

    equal(client.wait(60), 137)


@case("exec of a container that has ended is refused")
def exec_too_late(box):
    container = box.start("exit 0")
    box.wait(container)

    equal(sh(box, container, "exit 0").status, 255)


@case("exec -t gives a terminal whose lines end in carriage return and newline")
def exec_terminal(box):
    container = box.start("sleep 1000")

    terminal = box.terminal("exec", "-t", container, "sh", "-c", "tty; echo oops >&2; exit 5")

    equal(terminal.read_all(), b"/dev/pts/0\r\noops\r\n")
    equal(terminal.ended(), 5)


@case("exec -it runs a shell that reads what is typed")
def exec_interactive(box):
    container = box.start("sleep 1000")
    terminal = box.terminal("exec", "-it", container, "sh")
    terminal.read_until(b"# ")

    terminal.type("echo $((6 * 7))")
    terminal.read_until(b"42\r\n")
    terminal.write(CTRL_D)

    equal(terminal.ended(), 0)


@case("exec -it interrupts the command with control-c")
def exec_interrupt(box):
    container = box.start("sleep 1000")
    terminal = box.terminal("exec", "-it", container, "sh")
    terminal.read_until(b"# ")
    terminal.type("sleep 1000")
    terminal.read_until(b"sleep 1000\r\n")

    wait_until(lambda: b"sleep" in box.podman("top", container, "args").out, "the command")
    terminal.write(CTRL_C)
    terminal.read_until(b"# ")
    terminal.type("exit 11")

    equal(terminal.ended(), 11)


@case("exec -it has the size of the caller's terminal from the start")
def exec_size(box):
    container = box.start("sleep 1000")

    terminal = box.terminal("exec", "-it", container, "stty", "size", size=(37, 113))

    equal(terminal.read_all(), b"37 113\r\n")


@case("exec -it follows the caller's terminal to another size")
def exec_resize(box):
    container = box.start("sleep 1000")
    script = "trap 'stty size' WINCH; echo ready; while :; do usleep 20000; done"
    terminal = box.terminal("exec", "-it", container, "sh", "-c", script)
    terminal.read_until(b"ready\r\n")

    terminal.resize(50, 160)

    terminal.read_until(b"50 160\r\n")


@case("exec -it lets go with the detach keys and the command goes on")
def exec_detach(box):
    container = box.start("sleep 1000")
    script = "echo ready; read line; echo $line > /tmp/line; sleep 1000"
    terminal = box.terminal("exec", "-it", container, "sh", "-c", script)
    terminal.read_until(b"ready\r\n")

    terminal.press(CTRL_P, CTRL_Q)

    # Podman 4 looks for an exit status although it was told to let go, and ends with an error.
    terminal.ended()
    check(b"read line" in box.podman("top", container, "args").out, "the command goes on")


@case("exec -i gives the command what is piped in, to its end")
def exec_input(box):
    container = box.start("sleep 1000")

    result = sh(box, container, "cat; echo end", "-i", input=b"line\nno newline")

    equal(result.out, b"line\nno newlineend\n")


@case("exec without -i gives the command an empty standard input")
def exec_no_input(box):
    container = box.start("sleep 1000")

    equal(sh(box, container, "cat; echo end", input=b"not for you").out, b"end\n")


@case("exec -i carries 20 MB in and out with equal checksums")
def exec_volume(box):
    container = box.start("sleep 1000")
    data = b"".join(os.urandom(1 << 20) for _ in range(20))

    result = sh(box, container, "cat", "-i", input=data, expect=0)

    equal(hashlib.sha256(result.out).hexdigest(), hashlib.sha256(data).hexdigest())


@case("exec hands on 17 MB written just before the exit")
def exec_output_volume(box):
    container = box.start("sleep 1000")

    result = sh(box, container, "yes 0123456789abcdef | head -c 17000000; exit 4")

    equal((result.status, len(result.out)), (4, 17000000))
    equal(result.out.replace(b"0123456789abcdef\n", b""), b"")


@case("exec -d runs a command that nobody waits for, and its monitor ends with it")
def exec_detached(box):
    container = box.start("sleep 1000")
    before = box.monitors()

    result = sh(box, container, "until test -e /tmp/go; do usleep 20000; done; touch /tmp/done",
                "-d", expect=0)  # fmt: skip

    equal(len(result.out.strip()), 64, "length of the session's id")
    equal(len(box.monitors()), len(before) + 1, "monitors")
    with open(box.at("rootfs/tmp/go"), "wb"):
        pass
    wait_until(lambda: os.path.exists(box.at("rootfs/tmp/done")), "the command to run")
    wait_until(lambda: box.monitors() == before, "the session's monitor to end")


@case("exec leaves no monitor, no session and no exit file")
def exec_leaves_nothing(box):
    container = box.start("sleep 1000")
    before = box.started()

    sh(box, container, "exit 3", expect=3)

    wait_until(lambda: box.started() == before, "the session's monitor to end")
    equal(box.inspect(container, "ExecIDs"), "[]")
    equal(os.listdir(box.at("tmp/exits")), [])


@case("twenty sessions at once each give their own output and exit status")
def exec_many_at_once(box):
    container = box.start("sleep 1000")

    def one(number):
        data = b"%d " % number * 20000
        result = sh(box, container, f"cat; exit {number}", "-i", input=data)
        return result.status == number and result.out == data

    with concurrent.futures.ThreadPoolExecutor(SESSIONS) as pool:
        right = list(pool.map(one, range(SESSIONS)))

    equal(right, [True] * SESSIONS)
    equal(box.status(container), "running")


@case("fifty sessions in a row each give their own exit status")
def exec_many_in_a_row(box):
    container = box.start("sleep 1000")

    statuses = [sh(box, container, f"exit {number}").status for number in range(50)]

    equal(statuses, list(range(50)))
