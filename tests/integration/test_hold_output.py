# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""--hold-output: what a process prints waits for the first attach client."""

import os
import time

from harness import case, check, equal
from peers import STDERR, STDOUT
from processes import is_running, wait_until


def held(box, command, seconds=60, **options):
    return box.exec(command, args=[f"--hold-output={seconds}"], **options).created()


def wait_ended(monitor):
    wait_until(lambda: not is_running(monitor.container_pid), "the end of the process")


@case("a client that comes after the end of a process has all that it printed")
def late_client(box):
    monitor = held(box, "echo out; echo err >&2; exit 7")
    wait_ended(monitor)
    time.sleep(0.3)
    check(not os.path.exists(monitor.exit_file()), "the end was told before the output was taken")

    output = monitor.attach().read_all()

    equal(output, {STDOUT: b"out\n", STDERR: b"err\n"})
    equal(monitor.wait_exited(), b"7")


@case("more than a pipe holds waits for the client, and none of it is lost")
def much_output(box):
    monitor = held(box, "head -c 500000 /dev/zero; head -c 500000 /dev/zero >&2")

    output = monitor.attach().read_all()

    equal([len(output[STDOUT]), len(output[STDERR])], [500000, 500000])


@case("a log has the held output as well")
def with_log(box):
    monitor = held(box, "echo out; sleep 0.1; echo more", log=f"k8s-file:{box.at('logs', 'x')}")
    monitor.log_path = box.at("logs", "x")
    wait_ended(monitor)
    equal(box.read(monitor.log_path), b"")

    monitor.attach().read_all()

    monitor.wait_exited()
    equal(monitor.logged(), b"out\nmore\n")


@case("a terminal's output is held too")
def with_terminal(box):
    monitor = held(box, "echo out; exit 3", terminal=True)
    wait_ended(monitor)

    output = monitor.attach().read_all()

    equal(output[STDOUT], b"out\r\n")
    equal(monitor.wait_exited(), b"3")


@case("without a client it goes on after the time")
def no_client(box):
    log = box.at("logs", "x")
    monitor = held(box, "echo out; exit 4", seconds=1, log=f"k8s-file:{log}")
    monitor.log_path = log

    equal(monitor.wait_exited(), b"4")

    equal(monitor.logged(), b"out\n")


@case("the hold is over with the first client, whatever becomes of it")
def first_client_leaves(box):
    log = box.at("logs", "x")
    monitor = held(box, "echo out; sleep 60", log=f"k8s-file:{log}")
    monitor.log_path = log
    client = monitor.attach()
    client.read_until(b"out\n")

    client.close()

    monitor.wait_logged(b"out\n")


@case("a failing runtime's message is told at once")
def runtime_fails(box):
    monitor = box.exec("exit 0", args=["--hold-output=60"], script={"fail": "no such thing"})

    message = monitor.run()

    equal(message, {"data": -1, "message": "no such thing\n"})
