# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""An engine that is killed: whatever the step, the container is watched and its end is told."""

import os
import signal

from harness import case, check, equal
from processes import is_running, session_of, wait_exit, wait_quiet


def engine_process(box, monitor, steps):
    """A process that plays the engine, does `steps`, and is killed then."""
    ready_read, ready_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            monitor.spawn()
            steps(monitor)
            os.write(ready_write, b"%d" % monitor.pid)
            signal.pause()
        finally:
            os._exit(1)
    os.close(ready_write)
    box.keep(ready_read)
    monitor.pid = int(os.read(ready_read, 20))
    os.kill(child, signal.SIGKILL)
    wait_exit(child)
    return monitor


def go(monitor):
    monitor.go()


def go_and_read(monitor):
    monitor.go()
    monitor.line()


@case("killed before the start byte: the container runs and its end is told",
      conmon="it ends when nobody reads the sync pipe")
def before_start_byte(box):
    monitor = engine_process(box, box.create("exit 3"), lambda monitor: None)

    equal(monitor.wait_exited(), b"3")


@case("killed after the start byte: the container runs and its end is told",
      conmon="it ends when nobody reads the sync pipe")
def after_start_byte(box):
    monitor = engine_process(box, box.create("exit 3", script={"delay_start": 200}), go)

    equal(monitor.wait_exited(), b"3")


@case("killed after the pid came: the container's end is told and its log is whole")
def after_pid(box):
    monitor = engine_process(box, box.create("echo x; exit 3", autostart=False), go_and_read)

    monitor.start()

    equal(monitor.wait_exited(), b"3")
    equal(monitor.logged(), b"x\n")


@case("killed after the pid of an exec came: the exec's end is told")
def after_exec_pid(box):
    monitor = box.exec("read x; exit 3", stdin=True, log="none")
    engine_process(box, monitor, go_and_read)

    monitor.attach().close()

    equal(monitor.wait_exited(), b"3")


@case("killed between the two start bytes of an exec: the exec runs and its end is told",
      conmon="it ends when nobody reads the sync pipe")
def between_start_bytes(box):
    def first_byte(monitor):
        monitor.go()
        monitor.packet(monitor.attach_fd)

    monitor = engine_process(box, box.exec("exit 3", exec_attach=True, log="none"), first_byte)

    equal(monitor.wait_exited(), b"3")


@case("killed while the runtime fails: nothing is left")
def while_runtime_fails(box):
    box.expects_nothing_left = True
    monitor = box.create(script={"delay_start": 200, "fail": "no"})
    engine_process(box, monitor, go)

    check(monitor.wait_gone() != 0, "the monitor's status")


@case("killed with --sync after the pid came: the monitor stays and tells the end")
def sync_after_pid(box):
    monitor = engine_process(box, box.create("exit 3", autostart=False, sync=True), go_and_read)
    check(is_running(monitor.pid), "it stays")

    monitor.start()

    equal(monitor.wait_exited(), b"3")
    equal(monitor.wait_gone(), 3)


@case("a hang-up of the engine's terminal does not reach a daemonised monitor")
def hang_up(box):
    monitor = engine_process(box, box.create("exit 3", autostart=False), go_and_read)
    wait_exit(monitor.pid)
    monitor.learn_daemon()

    equal(session_of(monitor.daemon_pid), monitor.daemon_pid)
    monitor.start()
    equal(monitor.wait_exited(), b"3")


@case("an attach pipe that nobody reads does not end the monitor", conmon="it ends")
def attach_pipe_unread(box):
    monitor = box.exec("exit 3", exec_attach=True, log="none").spawn()
    os.close(monitor.attach_fd)
    monitor.attach_fd = -1

    monitor.go()
    monitor.attach_early().close()
    monitor.go()

    equal(monitor.wait_exited(), b"3")


@case("a stderr that nobody reads does not end a monitor with --sync",
      conmon="it ends")
def stderr_unread(box):
    read_end, write_end = os.pipe()
    null = box.keep(os.open("/dev/null", os.O_RDWR))
    monitor = box.create("read x; exit 3", stdin=True, sync=True, stdio=[null, null, write_end],
                         without=["--log-level"], args=["--log-level", "debug"])
    monitor.spawn()
    os.close(read_end)
    os.close(write_end)
    monitor.go()
    monitor.first_message()
    # Something to complain of.
    monitor.control(b"nonsense\n")
    wait_quiet(monitor.pid)

    monitor.attach().close()

    equal(monitor.wait_exited(), b"3")
