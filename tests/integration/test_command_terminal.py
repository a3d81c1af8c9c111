# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""holdfast at a terminal: sizes, keys, what a container's bytes may not do, and the modes at the
end."""

import os
import signal
import termios

from command import command_case, fake_command_case
from harness import check, equal
from processes import wait_until
from terminal import CTRL_C, CTRL_P, CTRL_Q

SHELL = "while read -r line; do eval \"$line\"; done"


def modes(terminal):
    return termios.tcgetattr(terminal.master_fd)[:4]


def state(command, name):
    return command.ok("inspect", name).json[0]["state"]


def run_words(command, script, *options):
    name = command.name()
    bundle = command.bundle(script, terminal=True)
    return name, ["run", "-it", *options, *command.bundle_of(bundle), name]


@command_case("run -it has the terminal's size, follows it, and ends with the shell's status")
def size(command):
    name, words = run_words(command, "stty size; while read -r line; do eval \"$line\"; done", "--rm")
    terminal = command.terminal(*words, size=(30, 100))
    terminal.read_until(b"30 100")

    terminal.resize(20, 80)
    os.kill(terminal.program.pid, signal.SIGWINCH)
    terminal.type("until [ \"$(stty size)\" = '20 80' ]; do sleep 0.01; done; echo it fo''llows")
    terminal.read_until(b"it follows")
    terminal.type("exit 5")

    equal(terminal.ended(), 5, "status")
    equal(command.names(), [], "the root")


@command_case("the detach keys leave a container, attach comes back, and the modes are restored")
def detach(command):
    name, words = run_words(command, SHELL)
    terminal = command.terminal(*words)
    before = modes(terminal)
    terminal.type("echo at fi''rst")
    terminal.read_until(b"at first")
    check(modes(terminal) != before, "the terminal is raw")
    terminal.press(CTRL_P, CTRL_Q)
    equal(terminal.ended(), 0, "status")
    equal(modes(terminal), before, "modes")
    equal(state(command, name), "running", "state")

    terminal = command.terminal("attach", "--detach-keys=ctrl-x,x", name)
    terminal.type("echo ag''ain")
    terminal.read_until(b"again")
    terminal.press(b"\x18", b"x")
    equal(terminal.ended(), 0, "status")

    terminal = command.terminal("attach", name)
    terminal.type("exit 6")
    equal(terminal.ended(), 6, "status")


@command_case("exec -it is a terminal of its own, where control-C is a key")
def execute(command):
    name = command.start()
    terminal = command.terminal("exec", "-it", name, "sh", "-c",
                                "trap 'echo interrupted; exit 7' INT; stty size; echo ready;"
                                " while :; do sleep 0.02; done", size=(25, 90))
    terminal.read_until(b"25 90")
    terminal.read_until(b"ready")

    terminal.write(CTRL_C)

    terminal.read_until(b"interrupted")
    equal(terminal.ended(), 7, "status")


@command_case("a process without a terminal can be run from one")
def plain(command):
    name = command.start()
    terminal = command.terminal("exec", "-i", name, "sh", "-c", "read line; echo got $line; exit 8")
    before = modes(terminal)

    terminal.type("a line")

    terminal.read_until(b"got a line")
    equal(terminal.ended(), 8, "status")
    equal(modes(terminal), before, "modes")


@fake_command_case("logs shows escape sequences on a terminal, and hands them on elsewhere")
def escapes(command):
    name = command.name()
    bundle = command.bundle(r"printf '\033[31mred\033[0m\r\n'")
    command.run("run", *command.bundle_of(bundle), name)

    terminal = command.terminal("logs", name)
    equal(terminal.read_all(), b"\\x1b[31mred\\x1b[0m\r\n", "on a terminal")
    terminal.ended()
    terminal = command.terminal("logs", "--raw", name)
    equal(terminal.read_all(), b"\033[31mred\033[0m\r\r\n", "raw")
    terminal.ended()
    equal(command.ok("logs", name).out, b"\033[31mred\033[0m\r\n", "in a pipe")


@fake_command_case("a message with control characters in it does nothing to the terminal")
def message(command):
    terminal = command.terminal("inspect", "a\033]0;title\007b")

    text = terminal.read_all()

    equal(terminal.ended(), 125, "status")
    check(b"\033" not in text and b"\007" not in text, text)


@command_case("stats is drawn again in place on a terminal, until control-C")
def stats(command):
    name = command.start()
    terminal = command.terminal("stats", name)
    for _ in range(2):
        terminal.read_until(b"\033[H\033[J")
        terminal.read_until(name.encode())

    terminal.write(CTRL_C)

    terminal.read_all()
    wait_until(lambda: terminal.program.poll() is not None, "its end")
