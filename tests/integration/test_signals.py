# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Signals to the monitor, and what its children inherit from it."""

import os
import signal

from harness import case, check, equal
from processes import is_running, status_field, wait_exit, wait_quiet, wait_until

TRAPS = """trap 'echo TERM; exit 3' TERM
trap 'echo INT; exit 4' INT
trap 'echo QUIT; exit 5' QUIT
echo ready
while :; do sleep 0.01; done"""


def ready(box, command=TRAPS, **options):
    monitor = box.create(command, **options).created()
    monitor.wait_logged(b"ready\n")
    return monitor


@case("SIGTERM, SIGINT and SIGQUIT go on to the container")
def forwarded(box):
    expected = {signal.SIGTERM: b"3", signal.SIGINT: b"4", signal.SIGQUIT: b"5"}
    for number, status in expected.items():
        monitor = ready(box, bundle=box.add_bundle(f"b{number}"))

        os.kill(monitor.daemon_pid, number)

        equal(monitor.wait_exited(), status, signal.Signals(number).name)


@case("a container that does not end by SIGTERM is not left alone")
def container_ignores(box):
    monitor = ready(box, "trap : TERM; echo ready; while :; do sleep 0.01; done")

    os.kill(monitor.daemon_pid, signal.SIGTERM)
    wait_until(lambda: is_running(monitor.daemon_pid), "the monitor")

    check(is_running(monitor.container_pid), "the container")
    os.kill(monitor.container_pid, signal.SIGKILL)
    equal(monitor.wait_exited(), b"137")


@case("SIGTERM while the runtime works goes to the runtime", conmon="it tells nothing")
def to_runtime(box):
    box.expects_nothing_left = True
    script = {"hang": "start", "record": box.at("out", "record")}
    monitor = box.create(script=script).spawn().go()
    box.wait_file(box.at("out", "record", "oom_score_adj"))
    ids = box.read(box.at("out", "record", "ids")).split()
    wait_exit(monitor.pid)
    monitor.learn_daemon()

    os.kill(monitor.daemon_pid, signal.SIGTERM)
    line = monitor.line()

    check(b'"data": -1' in line, line)
    wait_until(lambda: not is_running(int(ids[0])), "the runtime's end")
    check(monitor.wait_gone() != 0, "the monitor's status")


@case("SIGTERM before the start byte ends the monitor and leaves nothing")
def before_start(box):
    box.expects_nothing_left = True
    monitor = box.create().spawn()
    wait_quiet(monitor.pid)

    os.kill(monitor.pid, signal.SIGTERM)

    check(wait_exit(monitor.pid) != 0, "a failure")


@case("SIGPIPE and SIGUSR1 do not end the monitor: CRI-O stops scopes with the first")
def ignored_signals(box):
    monitor = ready(box)

    for number in (signal.SIGPIPE, signal.SIGUSR1):
        os.kill(monitor.daemon_pid, number)
    os.kill(monitor.daemon_pid, signal.SIGTERM)

    equal(monitor.wait_exited(), b"3")


def standard_signals(status, field):
    """Without the real-time signals, which the C library does not let programs reset."""
    return int(status_field(status, field), 16) & 0x7FFFFFFF


def recorded(box, key, **options):
    directory = box.at("out", "record")
    script = {key: directory}
    monitor = box.create("exit 0", script=script, **options).created()
    monitor.wait_exited()
    return lambda name: box.read(os.path.join(directory, name)).decode()


@case("the runtime starts with default signal dispositions and an empty mask",
      conmon="it ignores SIGPIPE")
def runtime_signal_state(box):
    status = recorded(box, "record")("status")

    for field in ("SigIgn", "SigBlk"):
        equal(standard_signals(status, field), 0, field)


@case("so does the container", conmon="it ignores SIGPIPE")
def container_signal_state(box):
    status = recorded(box, "record-container")("status")

    for field in ("SigIgn", "SigBlk"):
        equal(standard_signals(status, field), 0, field)


@case("the runtime has the engine's oom_score_adj, not the monitor's")
def runtime_oom_score(box):
    score = recorded(box, "record")("oom_score_adj")

    equal(score, box.read("/proc/self/oom_score_adj").decode())


@case("the runtime gets SIGKILL when the monitor dies")
def runtime_dies_with_monitor(box):
    equal(recorded(box, "record")("pdeathsig").strip(), "9")


@case("the container does not die with the monitor")
def container_survives(box):
    equal(recorded(box, "record-container")("pdeathsig").strip(), "0")


@case("the runtime has no descriptor of the monitor's")
def runtime_descriptors(box):
    lines = recorded(box, "record")("fds").splitlines()

    numbers = [int(line.split()[0]) for line in lines]

    equal(numbers, [0, 1, 2])


@case("the runtime has the engine's environment")
def runtime_environment(box):
    lines = recorded(box, "record", env={"MARK": "a b"})("env").splitlines()

    check("MARK=a b" in lines, lines)


@case("the runtime has the engine's working directory")
def runtime_cwd(box):
    equal(recorded(box, "record")("cwd"), os.getcwd())


@case("a monitor that is killed leaves its container running")
def monitor_killed(box):
    monitor = ready(box, "echo ready; exec sleep 1000")

    os.kill(monitor.daemon_pid, signal.SIGKILL)
    wait_exit(monitor.daemon_pid)

    check(is_running(monitor.container_pid), "the container")
    equal(box.read(monitor.exit_file()), None)
