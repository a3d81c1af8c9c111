# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""holdfast events with a real runtime: the calls that a container's seccomp filter handed over."""

import json
import os
import signal

from command import command_case
from harness import check, equal
from processes import status_field
from seccomp import add_filter, find_agent, rule


class Watched:
    """A container with a filter, and `holdfast events -f` for it."""

    def __init__(self, command, script, notify, rules):
        agent = find_agent()
        plain = command.environment
        command.environment = lambda: {**plain(), "HOLDFAST_SECCOMP_AGENT": agent}
        self.command = command
        self.name = command.name()
        self.bundle = command.bundle(script)
        listener = command.box.at("run", "notify")
        policy = command.box.write(command.box.at("out", "policy.json"), json.dumps({"rules": rules}))
        add_filter(command.box, self.bundle, listener, notify)
        self.monitor_args = [f"--monitor-arg=--seccomp-notify-socket={listener}",
                             f"--monitor-arg=--seccomp-policy={policy}"]
        self.follower = command.begin_command("--format=json", "events", "-f", self.name)

    def start(self):
        self.command.ok("run", "-d", *self.monitor_args, *self.command.bundle_of(self.bundle),
                        self.name)

    def read_until(self, is_last):
        """What the follower tells up to then."""
        told = [json.loads(self.follower.read_line())]
        while not is_last(told):
            told.append(json.loads(self.follower.read_line()))
        return told

    def finish(self):
        os.kill(self.follower.pid, signal.SIGTERM)
        self.follower.finish()


def calls(told):
    return [event for event in told if event["type"] == "seccomp"]


def count(told, syscall):
    return sum(event["count"] for event in calls(told) if event["syscall"] == syscall)


def rss_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(status_field(file.read(), "VmRSS").split()[0])


@command_case("events tells which calls were handed over and answered, as they come")
def told_as_they_come(command):
    watched = Watched(command, "busybox mkdir /tmp/x; while ! test -e /go; do sleep 0.02; done;"
                      " busybox rmdir /tmp/x; exit 5", ("mkdir", "rmdir"),
                      [rule(["mkdir"], "errno", errno="EXDEV"), rule(["*"], "log")])
    watched.start()

    told = watched.read_until(lambda told: count(told, "mkdir") == 1)
    command.box.write(os.path.join(watched.bundle, "rootfs", "go"), "")
    told += watched.read_until(lambda told: {"exited", "seccomp"} <= {e["type"] for e in told})
    watched.finish()

    first, second = calls(told)
    equal((first["id"], first["process"], first["syscall"], first["action"], first["count"]),
          (watched.name, "init", "mkdir", "errno", 1), "the first")
    equal((second["syscall"], second["action"], second["count"]), ("rmdir", "log", 1), "the second")
    check(first["pid"] > 0 and second["pid"] != first["pid"], told)
    equal([event["exitStatus"] for event in told if event["type"] == "exited"], [5], "status")


@command_case("events of people: one line, with the call, the answer, the pid and the count")
def readable(command):
    watched = Watched(command, "busybox mkdir /tmp/x", ("mkdir",),
                      [rule(["mkdir"], "errno", errno="EXDEV")])
    watched.start()
    [event] = calls(watched.read_until(calls))
    watched.finish()

    [line] = [line for line in command.ok("events", watched.name).lines if " seccomp " in line]
    equal(line.split()[3:], ["seccomp", watched.name, "init", "syscall=mkdir", "action=errno",
                             f"pid={event['pid']}", "count=1"], "line")


@command_case("a burst is counted, hides no other event, and does not grow the follower")
def burst(command):
    wait = "while ! test -e /{}; do sleep 0.02; done"
    each = "i=0; while test $i -lt 10000; do cd /tmp; i=$((i+1)); done; " \
           "i=0; while test $i -lt 150; do busybox mkdir /tmp/x; i=$((i+1)); done"
    watched = Watched(command, f"{each}; {wait.format('go')}; {each}; exit 5", ("chdir", "mkdir"),
                      [rule(["mkdir"], "errno", errno="EXDEV"), rule(["*"], "log")])
    watched.start()

    told = watched.read_until(lambda told: count(told, "mkdir") >= 150)
    before = rss_of(watched.follower.pid)
    command.box.write(os.path.join(watched.bundle, "rootfs", "go"), "")
    told += watched.read_until(lambda told: count(told, "mkdir") >= 150 and
                               "exited" in {event["type"] for event in told})
    after = rss_of(watched.follower.pid)
    watched.finish()

    # runc calls chdir(2) under the filter too.
    check(count(told, "chdir") >= 20000, count(told, "chdir"))
    equal(count(told, "mkdir"), 300, "calls of mkdir")
    equal([event["type"] for event in told if event["type"] != "seccomp"],
          ["created", "started", "exited"], "other events")
    # A sanitizer keeps what was freed.
    check(after <= before + 1024 or "ASAN_OPTIONS" in os.environ, f"{before} KiB, then {after} KiB")
