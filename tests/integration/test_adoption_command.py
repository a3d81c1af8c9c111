# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""A monitor that dies is replaced: containers of libholdfast, by the command and with runc."""

import os
import signal

from adoption import adoptable, directory, kill_monitor
from command import command_case
from harness import check, equal
from processes import is_running, wait_exit, wait_until

COUNT = "trap 'exit 9' TERM; i=0; while :; do i=$((i + 1)); echo $i; sleep 0.05; done"


def entry(command, name):
    return command.ok("--format", "json", "inspect", name).json[0]


def run(command, script, *options):
    name = command.name()
    command.ok("run", "-d", *options, *command.bundle_of(command.bundle(script)), name)
    return name


def kill(command, name, process="init", how=signal.SIGKILL):
    pid = int(command.box.wait_file(command.at(name, process, "monitor.pid")))
    os.kill(pid, how)
    wait_until(lambda: not is_running(pid), "the end of the monitor")
    return pid


def monitor_pid(command, name, process="init"):
    return int(command.box.read(command.at(name, process, "monitor.pid")))


@command_case("adopt gives a container a new monitor, and its log goes on without a gap")
def adopt(command):
    name = run(command, COUNT)
    log = command.at(name, "init", "ctr.log")
    command.box.wait_text(log, b" F 3\n")
    old = kill(command, name)

    equal(command.ok("adopt", name).text, f"{name}\n", "adopt")

    check(monitor_pid(command, name) != old, "another monitor")
    seen = len(command.ok("logs", name).text.split())
    wait_until(lambda: len(command.ok("logs", name).text.split()) > seen + 5, "more output")
    command.ok("kill", name)
    equal(command.run("wait", name).status, 9, "status")
    numbers = [int(line) for line in command.ok("logs", name).text.split()]
    equal(numbers, list(range(1, len(numbers) + 1)), "the numbers")
    command.ok("delete", name)


@command_case("adopt --all takes what has no monitor, and says nothing of the others")
def adopt_all(command):
    orphan = run(command, COUNT)
    other = run(command, COUNT)
    kill(command, orphan)

    equal(command.ok("adopt", "--all").text, f"{orphan}\n", "adopt --all")

    equal(command.ok("adopt", "--all").text, "", "a second time")
    for name in (orphan, other):
        command.ok("kill", name)
        equal(command.run("wait", name).status, 9, "status")


@command_case("wait, attach, resize and reopen-logs adopt first")
def implicit(command):
    name = run(command, COUNT)
    kill(command, name)
    command.ok("reopen-logs", name)
    kill(command, name)
    waiter = command.begin_command("wait", name)
    wait_until(lambda: is_running(monitor_pid(command, name)), "a new monitor")

    command.ok("kill", name)

    equal(waiter.finish().status, 9, "status")


@command_case("an exec's monitor is replaced too")
def exec_process(command):
    name = run(command, COUNT)
    log = command.box.at("logs", "e1")
    command.ok("exec", "-d", "--id", "e1", f"--log=k8s-file:{log}", name, "sh", "-c",
               "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done")
    command.box.wait_text(log, b" F up\n")
    kill(command, name, "e1")

    equal(command.ok("adopt", name).text, f"{name}\n", "adopt")

    command.ok("kill", "--process", "e1", name)
    equal(command.run("wait", "--process", "e1", name).status, 5, "status")


@command_case("a process that ended without a monitor is reported as ended, its status unknown")
def ended(command):
    name = run(command, COUNT)
    pid = entry(command, name)["pid"]
    kill(command, name)
    os.kill(pid, signal.SIGKILL)
    wait_exit(pid)

    command.ok("adopt", name)

    equal(command.run("wait", name).status, 255, "status")
    command.ok("delete", name)


@command_case("a session of an engine is adopted by its id")
def engine(command):
    box = command.box
    os.makedirs(os.path.join(command.root, ".monitors"), mode=0o700)
    os.chmod(command.root, 0o700)
    os.symlink(os.path.join(command.root, ".monitors"), box.at("state", "monitors"))
    monitor = adoptable(box, COUNT, env={"PATH": os.environ["PATH"]}).created()
    kill_monitor(monitor)

    equal(command.ok("adopt", "--all").text, f"{monitor.uuid}\n", "adopt --all")

    monitor.learn_daemon()
    check(is_running(monitor.daemon_pid), "a new monitor")
    equal(command.ok("adopt", monitor.uuid).text, f"{monitor.uuid}\n", "it has one")
    os.kill(monitor.container_pid, signal.SIGTERM)
    equal(monitor.wait_exited(), b"9")
    wait_until(lambda: not os.path.exists(directory(monitor)), "the directory's end")
    os.rmdir(os.path.join(command.root, ".monitors"))
    check("no" in command.fails("adopt", "nosuch"), "an id of nothing")
    check("--all" in command.fails("adopt"), "neither")


@command_case("inspect says that a terminal was lost with its monitor")
def lost_terminal(command):
    name = command.name()
    script = "trap '' HUP; echo ready; while :; do sleep 0.05; done"
    bundle = command.bundle(script, terminal=True)
    command.ok("run", "-d", "-t", *command.bundle_of(bundle), name)
    command.box.wait_text(command.at(name, "init", "ctr.log"), b"ready")
    check("terminalLost" not in entry(command, name), "it is there")
    kill(command, name)

    command.ok("adopt", name)

    wait_until(lambda: entry(command, name).get("terminalLost") is True, "the word of inspect")
    command.ok("kill", "--signal", "KILL", name)
    equal(command.run("wait", name).status, 137, "status")
