# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The exit command: when it runs, what it is given, and the wait before it."""

import os
import signal
import time

from harness import case, check, equal
from peers import has_ended
from processes import (
    children,
    cpu_ticks,
    end_process,
    is_running,
    parent_of,
    status_field,
    switches,
    wait_quiet,
    wait_until,
)


def with_command(box, text, command="exit 0", more=(), **options):
    """A monitor whose exit command is a script; $OUT is a directory for it."""
    script = box.script("exit-command", text)
    args = ["--exit-command", script, *more]
    env = {"OUT": box.at("out"), **options.pop("env", {})}
    return box.create(command, args=args, env=env, **options)


def argument(*words):
    return [word for each in words for word in ("--exit-command-arg", each)]


@case("it gets its arguments as they were given, also those that begin with two dashes")
def arguments(box):
    words = ["--root", "/a b", "container", "--", "cleanup", "", "-x"]
    monitor = with_command(box, 'for w in "$@"; do echo "[$w]"; done > $OUT/args.tmp\n'
                           "mv $OUT/args.tmp $OUT/args", more=argument(*words)).created()
    monitor.wait_gone()

    text = box.wait_file(box.at("out", "args")).decode()

    equal(text.splitlines(), [f"[{word}]" for word in words])


@case("it has the monitor's whole environment")
def environment(box):
    monitor = with_command(box, "env > $OUT/env.tmp; mv $OUT/env.tmp $OUT/env",
                           env={"CONTAINERS_CONF": "/x y", "_CONTAINERS_USERNS": "1"}).created()
    monitor.wait_gone()

    lines = box.wait_file(box.at("out", "env")).decode().splitlines()

    check("CONTAINERS_CONF=/x y" in lines, lines)
    check("_CONTAINERS_USERNS=1" in lines, lines)


@case("it has descriptors 0, 1 and 2, all of /dev/null, and no others")
def descriptors(box):
    read_end, write_end = os.pipe()
    monitor = with_command(box, "ls -l /proc/$$/fd > $OUT/fds.tmp; mv $OUT/fds.tmp $OUT/fds",
                           reserve_fds=[write_end]).created()
    os.close(write_end)
    box.keep(read_end)
    monitor.wait_gone()

    lines = box.wait_file(box.at("out", "fds")).decode().splitlines()
    targets = [line.partition(" -> ")[2] for line in lines if " -> " in line]

    # The shell itself has its script open, and the file it writes to.
    own = ("exit-command", "fds.tmp")
    equal([target for target in targets if not target.endswith(own)], ["/dev/null"] * 3)


@case("it runs after both exit files are there")
def after_exit_files(box):
    monitor = with_command(box, "cat $OUT/../persist/*/exit $OUT/../exits/* > $OUT/seen.tmp\n"
                           "mv $OUT/seen.tmp $OUT/seen", command="exit 42").created()
    monitor.wait_gone()

    equal(box.wait_file(box.at("out", "seen")), b"4242")


@case("it runs after the sync pipe is closed")
def after_sync_pipe(box):
    monitor = with_command(box, ": > $OUT/runs; while [ ! -e $OUT/go ]; do sleep 0.01; done")
    monitor.created()

    box.wait_file(box.at("out", "runs"))
    closed = has_ended(monitor.sync_fd)

    box.write(box.at("out", "go"), "")
    check(closed, "the pipe has ended while the command runs")


@case("it runs after the log is complete")
def after_log(box):
    monitor = with_command(box, "cp $OUT/../logs/ctr0.log $OUT/copy.tmp\n"
                           "mv $OUT/copy.tmp $OUT/copy", command="head -c 500000 /dev/zero | tr '\\0' x").created()
    monitor.wait_gone()

    equal(box.wait_file(box.at("out", "copy")), box.read(monitor.log_path))


@case("the monitor waits for it")
def waited_for(box):
    monitor = with_command(box, "while [ ! -e $OUT/go ]; do sleep 0.01; done; : > $OUT/done")
    monitor.created()
    monitor.wait_exited()
    wait_until(lambda: children(monitor.daemon_pid), "the exit command")
    box.write(box.at("out", "go"), "")

    monitor.wait_gone()

    check(os.path.exists(box.at("out", "done")), "it had ended")


@case("its own exit status is not the monitor's")
def own_status(box):
    monitor = with_command(box, "exit 9", command="exit 4", sync=True).created()

    equal(monitor.wait_gone(), 4)


@case("one that cannot be executed changes nothing")
def cannot_execute(box):
    monitor = box.create("exit 4", args=["--exit-command", "/nonexistent/podman"]).created()

    equal(monitor.wait_exited(), b"4")
    check(monitor.wait_gone() is not None, "the monitor ends")


@case("what it leaves running does not become the monitor's child")
def no_subreaper(box):
    monitor = with_command(box, "(sleep 1000 & echo $! > $OUT/pid.tmp; mv $OUT/pid.tmp $OUT/pid)\n"
                           "while [ ! -e $OUT/go ]; do sleep 0.01; done").created()
    pid = int(box.wait_text(box.at("out", "pid"), b"\n"))

    known = (os.getpid(), monitor.daemon_pid)
    parent = wait_until(lambda: parent_of(pid) in known and parent_of(pid), "a new parent")

    box.write(box.at("out", "go"), "")
    monitor.wait_gone()
    check(is_running(pid), "it lives")
    end_process(pid)
    equal(parent, os.getpid(), "the subreaper above the monitor")


@case("it runs after a failed exec sync and a failed create as conmon runs it")
def after_failure(box):
    monitor = with_command(box, ": > $OUT/ran", script={"fail": "no"})
    monitor.spawn().go()
    monitor.rest()
    monitor.wait_gone()

    # Podman cleans up after a failed create itself.
    check(box.read(monitor.exit_file()) is None, "no exit file")


@case("it has default signal dispositions and an empty signal mask",
      conmon="it inherits an ignored SIGPIPE")
def signal_state(box):
    monitor = with_command(box, "cp /proc/self/status $OUT/st.tmp\n"
                           "mv $OUT/st.tmp $OUT/st").created()
    monitor.wait_gone()

    status = box.wait_file(box.at("out", "st")).decode()

    for field in ("SigIgn", "SigBlk"):
        # Without the real-time signals, which the C library does not let programs reset.
        equal(int(status_field(status, field), 16) & 0x7FFFFFFF, 0, field)


DELAYED = ["--exit-delay", "3"]


@case("with --exit-delay the exit file does not wait for it",
      conmon="its sleeper is another process")
def delay_and_exit_file(box):
    monitor = with_command(box, ": > $OUT/ran", more=["--exit-delay", "1000"]).created()

    equal(monitor.wait_exited(), b"0")

    check(not os.path.exists(box.at("out", "ran")), "it has not run yet")
    os.kill(monitor.daemon_pid, signal.SIGTERM)


@case("with --exit-delay the command runs that much later")
def delay(box):
    monitor = with_command(box, "date +%s.%N > $OUT/t.tmp; mv $OUT/t.tmp $OUT/t",
                           more=["--exit-delay", "1"]).created()
    monitor.wait_exited()
    exited = os.stat(monitor.exit_file()).st_mtime

    ran = float(box.wait_file(box.at("out", "t")))

    check(ran - exited > 0.9, f"{ran - exited} s after the exit file")
    monitor.wait_gone()


@case("during the delay there is one process, and it is not woken up",
      conmon="it keeps two processes")
def delay_is_idle(box):
    monitor = with_command(box, "exit 0", more=["--exit-delay", "1000"]).created()
    monitor.wait_exited()
    wait_until(lambda: not children(monitor.daemon_pid), "the helpers' end")
    wait_quiet(monitor.daemon_pid)
    before = (cpu_ticks(monitor.daemon_pid), switches(monitor.daemon_pid))

    time.sleep(1)

    after = (cpu_ticks(monitor.daemon_pid), switches(monitor.daemon_pid))
    equal(after, before, "(CPU ticks, voluntary switches)")
    equal(children(monitor.daemon_pid), [])
    os.kill(monitor.daemon_pid, signal.SIGTERM)


@case("SIGTERM during the delay runs the command at once", conmon="its sleeper is another process")
def delay_is_cut_short(box):
    monitor = with_command(box, ": > $OUT/ran", more=["--exit-delay", "1000"]).created()
    monitor.wait_exited()
    wait_until(lambda: not children(monitor.daemon_pid), "the helpers' end")
    wait_quiet(monitor.daemon_pid)

    os.kill(monitor.daemon_pid, signal.SIGTERM)

    box.wait_file(box.at("out", "ran"))
    equal(monitor.wait_gone(), 0)


@case("an exec's exit command runs too")
def of_exec(box):
    script = box.script("exit-command", ": > $OUT/ran")
    monitor = box.exec("exit 3", log="none", env={"OUT": box.at("out")},
                       args=["--exit-command", script]).created()

    box.wait_file(box.at("out", "ran"))

    equal(monitor.wait_exited(), b"3")
