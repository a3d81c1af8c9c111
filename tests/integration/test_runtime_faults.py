# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""OCI runtimes that fail: one JSON line says so, the monitor ends, nothing is left behind."""

import json
import os
import signal

from harness import case, check, equal
from processes import is_running, wait_exit, wait_until


def failure(box, monitor):
    """Runs a monitor whose runtime fails; the message on the sync pipe."""
    box.expects_nothing_left = True
    monitor.spawn().go()
    lines = monitor.rest().splitlines()

    equal(len(lines), 1, f"lines on the sync pipe: {lines}")
    message = json.loads(lines[0])
    equal(list(message)[1:], ["message"])
    equal(list(message.values())[0], -1)
    check(message["message"], "a message")
    check(monitor.wait_gone() != 0, "the monitor's status")
    equal(box.read(monitor.exit_file()), None, "exit file")
    return message["message"]


@case("a runtime that fails: its own words are the message")
def fails(box):
    text = failure(box, box.create(script={"fail": "runc create failed: invalid mount"}))

    check("runc create failed: invalid mount" in text, text)


@case("a runtime that fails for a container with a terminal: the same",
      conmon="it leaves the console socket's directory")
def fails_with_terminal(box):
    text = failure(box, box.create(terminal=True, script={"fail": "invalid mount"}))

    check("invalid mount" in text, text)


@case("a runtime that fails in passthrough mode is told", conmon="it tells no message")
def fails_with_passthrough(box):
    failure(box, box.create(log="passthrough", script={"fail": "invalid mount"}))


@case("a runtime that fails without a word is told", conmon="it tells an empty message")
def fails_silently(box):
    failure(box, box.create(script={"container": "none", "pid_file": "none", "exit": 1}))


@case("a runtime that is killed is told", conmon="it tells an empty message")
def is_killed(box):
    failure(box, box.create(script={"container": "none", "pid_file": "none", "signal": 9}))


@case("a runtime that succeeds and writes no pid file is told", conmon="it tells nothing")
def no_pid_file(box):
    failure(box, box.create(script={"container": "none", "pid_file": "none"}))


@case("a runtime that leaves an empty pid file is told", conmon="it tells nothing")
def empty_pid_file(box):
    failure(box, box.create(script={"container": "none", "pid_file": "empty"}))


@case("a runtime that leaves garbage in the pid file is told", conmon="it takes pid 12")
def garbage_pid_file(box):
    failure(box, box.create(script={"container": "none", "pid_file": "garbage"}))


for pid in ("0", "-1", "99999999999999999999"):

    @case(f"a pid file that says {pid} is told", conmon="it takes it for a pid")
    def impossible_pid(box, pid=pid):
        failure(box, box.create(script={"container": "none", "pid_file": f"text {pid}"}))


@case("a pid file from an earlier run is not taken for the runtime's",
      conmon="2.1.6 takes it")
def stale_pid_file(box):
    monitor = box.create(script={"container": "none", "pid_file": "none", "exit": 1})
    box.write(monitor.pid_file, "1")
    failure(box, monitor)


@case("an exec whose runtime fails and had an old pid file is told")
def stale_pid_file_of_exec(box):
    monitor = box.exec(log="none", script={"fail": "exec failed"})
    box.write(monitor.pid_file, "")
    text = failure(box, monitor)

    check("exec failed" in text, text)


@case("an exec with a client whose runtime fails: the client's connection ends")
def exec_with_client(box):
    monitor = box.exec(exec_attach=True, log="none", script={"fail": "exec failed"}).spawn().go()
    box.expects_nothing_left = True
    monitor.packet(monitor.attach_fd)
    client = monitor.attach()
    monitor.go()

    client.read_all()

    equal(json.loads(monitor.rest())["data"], -1)


CONSOLES = [("none", "does not connect to the console socket"),
            ("silent", "sends nothing over the console socket"),
            ("garbage", "sends no descriptor over the console socket"),
            ("not-a-terminal", "sends a pipe as console")]

for how, what in CONSOLES:

    @case(f"a runtime that {what} is told", conmon="it waits for ever or says nothing")
    def bad_console(box, how=how):
        failure(box, box.create(terminal=True, script={"console": how}))


@case("a runtime that sends two consoles does not leave a descriptor behind",
      conmon="it says nothing")
def two_consoles(box):
    failure(box, box.create(terminal=True, script={"console": "two"}))


@case("the container of a runtime that failed after making it is not left without a watcher",
      conmon="it tells nothing")
def fails_late(box):
    monitor = box.create("exec sleep 1000", script={"exit": 1})
    monitor.spawn().go()
    message = json.loads(monitor.line())

    equal(message["data"], -1)
    check(monitor.rest() == b"", "one line")
    box.expects_nothing_left = True


@case("a runtime that hangs is ended by SIGTERM to the monitor, though the engine is gone")
def hangs_without_engine(box):
    box.expects_nothing_left = True
    script = {"hang": "start", "record": box.at("out", "record")}
    monitor = box.create(script=script).spawn().go()
    box.wait_file(box.at("out", "record", "oom_score_adj"))
    runtime = int(box.read(box.at("out", "record", "ids")).split()[0])
    wait_exit(monitor.pid)
    monitor.learn_daemon()
    monitor.close_pipes()

    os.kill(monitor.daemon_pid, signal.SIGTERM)

    wait_until(lambda: not is_running(runtime), "the runtime's end")
    check(monitor.wait_gone() != 0, "the monitor's status")


@case("a monitor that is killed takes the runtime with it")
def monitor_killed(box):
    script = {"hang": "start", "record": box.at("out", "record")}
    monitor = box.create(script=script).spawn().go()
    box.wait_file(box.at("out", "record", "oom_score_adj"))
    runtime = int(box.read(box.at("out", "record", "ids")).split()[0])
    wait_exit(monitor.pid)
    monitor.learn_daemon()

    os.kill(monitor.daemon_pid, signal.SIGKILL)

    wait_until(lambda: not is_running(runtime), "the runtime's end")
    # Nobody was left to remove it.
    box.ignored_files |= {"attach", "ctl", "winsz"}


@case("a runtime that prints while it succeeds does not disturb the message")
def prints_and_succeeds(box):
    script = {"stderr": "warning: something", "stdout": "on stdout"}
    monitor = box.create("exec sleep 1000", script=script).spawn().go()

    line = monitor.line()

    equal(line, b'{"data": %d}\n' % int(box.read(monitor.pid_file)))


@case("a runtime that prints 1 MiB while it succeeds does not stop the start",
      conmon="it waits for the runtime without reading, for ever")
def prints_much_and_succeeds(box):
    monitor = box.create("exec sleep 1000", script={"stderr_bytes": 1 << 20}).spawn().go()

    line = monitor.line()

    equal(line, b'{"data": %d}\n' % int(box.read(monitor.pid_file)))


@case("a slow runtime is waited for")
def slow_runtime(box):
    script = {"delay_start": 300, "delay_pid_file": 300, "delay_exit": 300}
    monitor = box.create("exit 3", script=script).created()

    equal(monitor.wait_exited(), b"3")
