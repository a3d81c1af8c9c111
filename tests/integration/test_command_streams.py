# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""holdfast in pipes: no byte is lost in either direction, and each end of a stream is handed on."""

import hashlib
import os
import signal
import subprocess
import threading

from command import FAILED, NOT_READ, command_case, fake_command_case
from harness import check, equal
from processes import wait_until

MEBIBYTE = 1 << 20
OUTPUT_BYTES = 100 * MEBIBYTE
INPUT_BYTES = 20 * MEBIBYTE
CHUNK = b"\0" * 65536


def digest_of_zeros(length):
    digest = hashlib.sha256()
    while length > 0:
        digest.update(CHUNK[:length])
        length -= len(CHUNK)
    return digest.hexdigest()


def digest_output(running, pause=None):
    """Reads what it prints as it comes."""
    digest = hashlib.sha256()
    length = 0
    while data := running.child.stdout.read1(65536):
        digest.update(data)
        length += len(data)
        if pause:
            pause(length)
    return digest.hexdigest(), length


def run_words(command, script):
    return ["--log=none", *command.bundle_of(command.bundle(script)), command.name()]


@command_case("a hundred mebibytes come whole through run and exec")
def output(command):
    script = f"head -c {OUTPUT_BYTES} /dev/zero; exit 3"
    name = command.start()
    for words in (["run", "--rm", *run_words(command, script)],
                  ["exec", name, "sh", "-c", script]):
        # /dev/zero is a node in the container only if the runtime makes it, as runc does.
        running = command.begin_command(*words)

        digest, length = digest_output(running)

        equal(running.finish().status, 3, f"status of {words[0]}")
        equal((length, digest), (OUTPUT_BYTES, digest_of_zeros(OUTPUT_BYTES)), words[0])


@command_case("what is typed goes through a container and comes back whole, with its end")
def round_trip(command):
    data = os.urandom(INPUT_BYTES)
    name = command.start()
    for words in (["run", "--rm", "-i", *run_words(command, "cat; exit 4")],
                  ["exec", "-i", name, "sh", "-c", "cat; exit 4"]):
        running = command.begin_command(*words, stdin=subprocess.PIPE)
        writer = threading.Thread(target=lambda: (running.write(data), running.close_stdin()))
        writer.start()

        digest, length = digest_output(running)

        writer.join()
        equal(running.finish().status, 4, f"status of {words[0]}")
        equal((length, digest), (INPUT_BYTES, hashlib.sha256(data).hexdigest()), words[0])


@fake_command_case("the end of the input is the container's, and its output goes on")
def half_close(command):
    script = "cat > /dev/null; echo input has ended"

    result = command.run("run", "-i", *run_words(command, script), stdin=b"some input")

    equal((result.status, result.out), (0, b"input has ended\n"), "result")


@fake_command_case("without --interactive the container has no input")
def no_input(command):
    result = command.run("run", *run_words(command, "cat; echo end"), stdin=b"not for it")

    equal((result.status, result.out), (0, b"end\n"), "result")


@fake_command_case("a reader that is slow at times makes the container wait and loses nothing")
def slow_reader(command):
    length = 8 * MEBIBYTE
    running = command.begin_command("run", *run_words(command, f"head -c {length} /dev/zero"))
    stopped = []

    def pause(read_so_far):
        # Stopped itself, it reads nothing.
        if not stopped and read_so_far > MEBIBYTE:
            stopped.append(os.kill(running.pid, signal.SIGSTOP))
            threading.Timer(1, os.kill, (running.pid, signal.SIGCONT)).start()

    digest, read = digest_output(running, pause)

    equal(running.finish().status, 0, "status")
    equal((read, digest), (length, digest_of_zeros(length)), "output")
    check(stopped, "it was stopped")


@fake_command_case("when nobody reads any more, run ends as by SIGPIPE and the container goes on")
def not_read(command):
    name = command.name()
    bundle = command.bundle("while :; do echo y; done")
    running = command.begin_command("run", "--log=none", *command.bundle_of(bundle), name)
    equal(running.read_line(), "y", "a line")

    running.child.stdout.close()
    running.child.stdout = None

    result = running.finish()
    equal((result.status, result.err), (NOT_READ, ""), "result")
    equal(command.ok("--format=json", "list").json[0]["state"], "running", "state")
    command.ok("delete", "-f", name)


@fake_command_case("when nobody reads any more, run --rm ends the container")
def not_read_and_removed(command):
    bundle = command.bundle("while :; do echo y; done")
    running = command.begin_command("run", "--rm", "--log=none", *command.bundle_of(bundle),
                                    command.name())
    running.read_line()

    running.child.stdout.close()
    running.child.stdout = None

    equal(running.finish().status, NOT_READ, "status")
    equal(command.names(), [], "the root")


@fake_command_case("a signal to run goes to the container")
def signals(command):
    script = "trap 'echo got term; exit 6' TERM; echo ready; while :; do sleep 0.02; done"
    running = command.begin_command("run", *run_words(command, script))
    equal(running.read_line(), "ready", "a line")

    os.kill(running.pid, signal.SIGTERM)

    result = running.finish()
    equal((result.status, result.out), (6, b"got term\n"), "result")


@fake_command_case("attach joins a container that runs, and its end ends it")
def attach(command):
    name = command.start("while read line; do echo got $line; done; exit 5", "-i")
    running = command.begin_command("attach", name, stdin=subprocess.PIPE)

    running.write(b"one\n")

    equal(running.read_line(), "got one", "a line")
    running.close_stdin()
    equal(running.finish().status, 5, "status")
    check("has ended" in command.fails("attach", name), "an ended one")


@fake_command_case("a client that only looks on leaves the input alone")
def look_on(command):
    name = command.start("while :; do echo tick; sleep 0.05; done & ticker=$!;"
                         " while read line; do echo got $line; done; kill $ticker", "-i")
    viewer = command.begin_command("attach", "--no-stdin", name)
    equal(viewer.read_line(), "tick", "the viewer's first line")
    typist = command.begin_command("attach", name, stdin=subprocess.PIPE)

    typist.write(b"one\n")

    wait_until(lambda: typist.read_line() == "got one", "the typist's line")
    typist.close_stdin()
    equal(typist.finish().status, 0, "the typist's status")
    equal(viewer.finish().status, 0, "the viewer's status")


@fake_command_case("when the monitor dies, run says so and waits for the process")
def monitor_dies(command):
    name = command.name()
    bundle = command.bundle("echo ready; trap 'exit 9' TERM; while :; do sleep 0.02; done")
    running = command.begin_command("run", *command.bundle_of(bundle), name)
    running.read_line()

    command.kill_monitor(name)

    equal(running.child.stderr.readline().decode(),
          "holdfast: the monitor has closed the connection, but the process goes on: waiting for it\n",
          "message")
    os.kill(running.pid, signal.SIGTERM)
    # A kernel from 6.15 on tells it.
    check(running.finish().status in (9, 255), "status")


@fake_command_case("output that cannot be written is a failure, for whatever is printed")
def full(command):
    name = command.start("echo a line; exec sleep 1000")
    command.box.wait_text(command.at(name, "init", "ctr.log"), b"a line")
    with open("/dev/full", "wb") as full_device:
        result = command.run("list", stdout=full_device)
        equal((result.status, result.err),
              (FAILED, "holdfast: the output could not be written\n"), "list")
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    with os.fdopen(write_fd, "wb") as unread:
        result = command.run("list", stdout=unread)
        equal((result.status, result.err), (NOT_READ, ""), "list to nobody")
        result = command.run("logs", name, stdout=unread)
        equal((result.status, result.err), (NOT_READ, ""), "logs to nobody")


@fake_command_case("streams that are closed are no trap")
def closed(command):
    name = command.name()
    words = [*command.argv(), "run", "-i", *command.bundle_of(command.bundle("echo hello")), name]
    done = subprocess.run(["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *words], check=False,
                          env=command.environment())

    equal(done.returncode, 0, "status")
    equal(command.ok("logs", name).text, "hello\n", "log")
    wait_until(lambda: command.run("wait", name).status == 0, "its end")
