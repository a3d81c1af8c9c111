# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The start pipe: what may happen before the engine says go, and the attach pipe."""

import os

from harness import case, check, equal
from processes import children, wait_exit, wait_quiet


def attached_exec(box, command="exit 0", **options):
    return box.exec(command, exec_attach=True, log="none", **options)


@case("nothing forks before the start byte")
def no_fork_before_byte(box):
    monitor = box.create("exec sleep 1000").spawn()

    wait_quiet(monitor.pid)

    equal(children(monitor.pid), [])
    check(not os.path.exists(monitor.conmon_pid_file), "no pid file yet")
    monitor.go()
    check(monitor.first_message()["data"] > 0, "a pid")


@case("the end of the start pipe counts as go")
def end_counts_as_go(box):
    monitor = box.create("exec sleep 1000").spawn()

    os.close(monitor.start_fd)
    monitor.start_fd = -1

    check(monitor.first_message()["data"] > 0, "a pid")


@case("a start message of several bytes counts once")
def long_start_message(box):
    monitor = attached_exec(box, transport="stream").spawn()

    monitor.go(b"start\n")
    monitor.packet(monitor.attach_fd)
    wait_quiet(daemon(monitor))

    check(not has_run(monitor), "the runtime waits for the second message")
    monitor.go(b"start\n")
    check(monitor.first_message()["data"] > 0, "a pid")


def daemon(monitor):
    wait_exit(monitor.pid)
    monitor.learn_daemon()
    return monitor.daemon_pid


def has_run(monitor):
    return os.path.exists(monitor.box.at("out", "record"))


@case("an exec with attach says that its socket is there")
def attach_pipe_message(box):
    monitor = attached_exec(box, "exec sleep 1000").spawn().go()

    packet = monitor.packet(monitor.attach_fd)

    equal(packet, b'{"data": 0}\n')
    monitor.attach().close()
    monitor.go()
    check(monitor.first_message()["data"] > 0, "a pid")


@case("an exec with attach does not run the runtime before the second byte")
def second_start_byte(box):
    script = {"record": box.at("out", "record")}
    monitor = attached_exec(box, "exec sleep 1000", script=script).spawn().go()
    monitor.packet(monitor.attach_fd)
    wait_quiet(daemon(monitor))

    early = has_run(monitor)
    monitor.go()
    monitor.first_message()

    check(not early, "the runtime ran too early")
    check(has_run(monitor), "the runtime ran")


@case("the end of the start pipe counts as the second byte")
def end_counts_as_second_byte(box):
    monitor = attached_exec(box, "exec sleep 1000").spawn().go()
    monitor.packet(monitor.attach_fd)

    os.close(monitor.start_fd)
    monitor.start_fd = -1

    check(monitor.first_message()["data"] > 0, "a pid")


@case("a client that attached between the two bytes sees everything")
def attach_before_runtime(box):
    monitor = attached_exec(box, "echo first; echo second >&2").spawn().go()
    monitor.packet(monitor.attach_fd)
    client = monitor.attach()

    monitor.go()
    output = client.read_all()

    equal(output, {2: b"first\n", 3: b"second\n"})


@case("the control FIFOs are there when the attach pipe says so")
def fifos_before_runtime(box):
    monitor = attached_exec(box, "exec sleep 1000", terminal=True).spawn().go()
    monitor.packet(monitor.attach_fd)

    monitor.control(b"1 33 44\n")
    monitor.go()
    monitor.first_message()

    monitor.wait_size(33, 44)


@case("an exec without attach takes one start byte")
def plain_exec_takes_one_byte(box):
    monitor = box.exec("exit 0", log="none").spawn().go()

    check(monitor.first_message()["data"] > 0, "a pid")


@case("the first process ends with status 0 before the second byte")
def first_process_ends_before_second_byte(box):
    monitor = attached_exec(box).spawn().go()
    monitor.packet(monitor.attach_fd)

    equal(wait_exit(monitor.pid), 0)

    monitor.go()
    check(monitor.first_message()["data"] > 0, "a pid")


@case("an engine that went away before the first byte does not keep the monitor",
      conmon="it ends when nobody reads the sync pipe")
def engine_gone_before_first_byte(box):
    monitor = box.create("exit 0").spawn()

    monitor.close_pipes()

    equal(monitor.wait_exited(), b"0")


@case("an engine that went away before the second byte does not keep the monitor",
      conmon="it ends when nobody reads the sync pipe")
def engine_gone_before_second_byte(box):
    monitor = attached_exec(box, "exit 0").spawn().go()
    monitor.packet(monitor.attach_fd)
    daemon(monitor)

    monitor.close_pipes()

    equal(monitor.wait_exited(), b"0")
