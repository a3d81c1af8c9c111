# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""podman attach and start --attach: output, input, detaching, the terminal's size."""

import signal
import subprocess

from podman_kit import case, check, equal, wait_until
from processes import open_files
from terminal import CTRL_C, CTRL_P, CTRL_Q

ECHO = "echo ready; while read line; do echo \"got $line\"; done; exit 12"
# Podman sends the first size of `run` from another thread: the container may be earlier and has
# 0 rows then, which busybox does not print. With conmon it is the same.
FIRST_SIZE = "until stty size 2>/dev/null | grep .; do usleep 10000; done"
UNTIL_RELEASED = "until test -e /tmp/go; do usleep 20000; done"


def release(box):
    """Lets a script go on that waits with UNTIL_RELEASED."""
    with open(box.at("rootfs/tmp/go"), "wb"):
        pass


def sockets(pid):
    return {target for target in open_files(pid).values() if target.startswith("socket:")}


def said(client):
    """Output and error output to the end. Podman 4 puts an empty line after the output."""
    out, err = client.communicate(timeout=60)
    return out.removesuffix(b"\n\n"), err


def attach(box, container, *options, **more):
    """A client of the attach socket, once the monitor has taken it."""
    monitor = box.conmon_pid(container)
    before = sockets(monitor)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    client = box.spawn("attach", *options, container, **{**pipes, **more})
    wait_until(lambda: sockets(monitor) - before, "the monitor to accept the client")
    return client


@case("start --attach shows everything from the first byte on and ends with the exit status")
def start_attach(box):
    container = box.create("echo one; echo two >&2; exit 7")

    result = box.podman("start", "--attach", container)

    equal((result.status, result.out, result.err), (7, b"one\n", b"two\n"))


@case("start --attach --interactive carries input and output")
def start_attach_interactive(box):
    container = box.create("cat; exit 7", "-i")

    result = box.podman("start", "--attach", "--interactive", container, input=b"in and out\n")

    equal((result.status, result.out), (7, b"in and out\n"))


@case("attach shows what comes after it and ends with the container")
def attach_output(box):
    container = box.start(f"echo before; {UNTIL_RELEASED}; echo out; echo err >&2; exit 6")
    box.wait_log(container, b"before\n")
    client = attach(box, container)

    release(box)

    equal(said(client), (b"out", b"err\n"))


@case("attach gives the container what is typed and shows its answer")
def attach_input(box):
    container = box.start(ECHO, "-i")
    client = attach(box, container, stdin=subprocess.PIPE)

    client.stdin.write(b"hello\n")
    client.stdin.flush()

    equal(client.stdout.readline(), b"got hello\n")


@case("attach whose input ends closes the container's standard input")
def attach_input_end(box):
    container = box.start(ECHO, "-i")
    client = attach(box, container, stdin=subprocess.PIPE)

    client.stdin.close()

    equal(box.wait(container), 12)
    equal(client.stdout.read().strip(), b"")


@case("two clients see the same output, also after a third has gone")
def attach_several(box):
    container = box.start(f"{UNTIL_RELEASED}; echo line; exit 5")
    third, *clients = [attach(box, container) for _ in range(3)]

    third.kill()
    third.wait()
    release(box)

    for client in clients:
        equal(said(client), (b"line", b""))


@case("the monitor gives up what it held for a client that was killed",
      conmon="keeps the descriptor of a client of a quiet container")  # fmt: skip
def attach_killed(box):
    container = box.start("sleep 1000")
    monitor = box.conmon_pid(container)
    before = len(open_files(monitor))

    client = attach(box, container)
    client.kill()

    wait_until(lambda: len(open_files(monitor)) == before, "the descriptors to be closed")


@case("a client that is stopped does not stop the log and the exit",
      conmon="blocks in a write to the client")  # fmt: skip
def attach_stopped(box):
    container = box.start(f"{UNTIL_RELEASED}; yes 0123456789abcdef | head -c 17000000; exit 5")
    client = attach(box, container)

    client.send_signal(signal.SIGSTOP)
    release(box)

    equal(box.wait(container), 5)
    equal(len(box.logs(container).out), 17000000)


@case("attach to a terminal lets go with control-p control-q and can come back")
def attach_detach(box):
    container = box.start(ECHO, "-it")
    for line in ("first", "second"):
        terminal = box.terminal("attach", container)
        terminal.type(line)
        terminal.read_until(b"got " + line.encode() + b"\r\n")

        terminal.press(CTRL_P, CTRL_Q)

        equal(terminal.ended(), 0)
    equal(box.status(container), "running")


@case("attach takes other detach keys")
def attach_detach_keys(box):
    container = box.start(ECHO, "-it")
    terminal = box.terminal("attach", "--detach-keys", "ctrl-x,y", container)
    terminal.type("line")
    terminal.read_until(b"got line\r\n")

    terminal.press(b"\x18", b"y")

    equal(terminal.ended(), 0)
    equal(box.status(container), "running")


@case("half of the detach keys and another key reach the container as they were typed")
def attach_half_keys(box):
    terminal = box.run_on_terminal("stty raw -echo; echo ready; head -c 2 | od -An -tx1", "-it")
    terminal.read_until(b"ready\n")

    terminal.press(CTRL_P, b"z")

    terminal.read_until(b" 10 7a")


@case("run -it lets go with the detach keys and the container goes on")
def run_detach(box):
    terminal = box.run_on_terminal(ECHO, "-it", "--name", "left")
    terminal.read_until(b"ready\r\n")

    terminal.press(CTRL_P, CTRL_Q)

    equal(terminal.ended(), 0)
    equal(box.status("left"), "running")


@case("run -it sends control-c to the program in the container")
def run_interrupt(box):
    terminal = box.run_on_terminal("trap 'exit 13' INT; echo ready; sleep 1000 & wait", "-it")
    terminal.read_until(b"ready\r\n")

    terminal.write(CTRL_C)

    equal(terminal.ended(), 13)


@case("run -it gives the container the size of the caller's terminal")
def run_size(box):
    equal(box.run_on_terminal(FIRST_SIZE, "-it", size=(37, 113)).read_all(), b"37 113\r\n")


@case("run -it gives the container a size above a thousand columns",
      conmon="2.2 refuses such sizes")  # fmt: skip
def run_wide(box):
    equal(box.run_on_terminal(FIRST_SIZE, "-it", size=(37, 1013)).read_all(), b"37 1013\r\n")


@case("run -it follows the caller's terminal to another size")
def run_resize(box):
    script = "trap 'stty size' WINCH; echo ready; while :; do usleep 20000; done"
    terminal = box.run_on_terminal(script, "-it")
    terminal.read_until(b"ready\r\n")

    for rows, columns in ((50, 160), (10, 40)):
        terminal.resize(rows, columns)
        terminal.read_until(f"{rows} {columns}\r\n".encode())


@case("attach brings its terminal's size with it")
def attach_size(box):
    script = "while read line; do stty size; done"
    container = box.start(script, "-it")
    terminal = box.terminal("attach", container, size=(33, 99))

    def has_size():
        terminal.type("")
        return b"33 99\r\n" in terminal.read_until(b"\r\n") + terminal.read_until(b"\r\n")

    wait_until(has_size, "the size")
    check(terminal.program.poll() is None, "the client goes on")


@case("a container that writes without pause loses nothing while clients come and go")
def attach_chatty(box):
    script = "i=0; until test -e /tmp/go; do echo $i; i=$((i + 1)); done; echo last $i"
    container = box.start(script)
    for _ in range(5):
        client = attach(box, container)
        client.stdout.readline()
        client.kill()
        client.communicate()

    release(box)
    box.wait(container)

    *numbers, last = box.logs(container).out.decode().splitlines()
    equal(last, f"last {len(numbers)}")
    equal(numbers, [str(number) for number in range(len(numbers))])
