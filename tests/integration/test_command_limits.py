# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What a running container may use and uses: update, stats, pause and the events of it, with runc."""

import json
import os
import re
import shutil
import signal

from command import command_case
from harness import Skip, check, equal
from oci import call
from processes import is_running, wait_until

MIB = 1 << 20
# A file in memory cannot be taken from it.
EATER = "head -c 40000000 /dev/zero >/dev/big; echo full; sleep 1000"


def stats_of(command, *names):
    return {entry["id"]: entry for entry in command.ok("--format=json", "stats", *names).json}


def typed(command, name):
    return [(e["type"], e.get("process")) for e in
            map(json.loads, command.ok("events", "--format=json", name).lines)]


@command_case("limits are changed while it runs, and again while it is paused")
def changed(command):
    name = command.start()
    command.ok("update", "--memory-limit=96m", "--memory-swap=96m", "--pids-limit=60",
               "--cpu-quota=50000", "--cpu-period=100000", "--cpu-shares=300", name)
    stats = stats_of(command, name)[name]["stats"]
    equal((stats["memory"]["usage"]["limit"], stats["pids"]["limit"]), (96 * MIB, 60), "limits")

    command.ok("pause", name)
    command.ok("update", "--memory-limit=80m", name)
    command.ok("resume", name)

    stats = stats_of(command, name)[name]["stats"]
    equal((stats["memory"]["usage"]["limit"], stats["pids"]["limit"]), (80 * MIB, 60), "limits")
    wait_until(lambda: command.call("state", name) == "running", "it to run")


@command_case("what is no limit is refused before anything is changed")
def bad(command):
    name = command.start()
    command.ok("update", "--pids-limit=50", name)
    for option in ("--memory-limit=much", "--memory-limit=", "--memory-limit=-2", "--cpu-shares=x",
                   "--cpu-shares=1.5", "--pids-limit=-2", "--pids-limit=99999999999999999999",
                   "--memory-limit=99999999999g", "--cpu-quota=1e3"):
        message = command.fails("update", "--pids-limit=40", option, name)
        check(option.split("=")[0].strip("-") in message, f"{option}: {message}")
    check("no limit" in command.fails("update", name), "without any")
    check("no such container" in command.fails("update", "--pids-limit=9", "nosuch"), "nosuch")

    equal(stats_of(command, name)[name]["stats"]["pids"]["limit"], 50, "limit of pids")


@command_case("what the runtime or the kernel refuses is told in its words")
def refused(command):
    name = command.start()
    before = stats_of(command, name)[name]["stats"]["memory"]["usage"]["limit"]
    for option in ("--cpuset-cpus=4000", "--cpuset-cpus=nonsense", "--cpu-period=1",
                   "--cpu-shares=-1"):
        message = command.fails("update", option, name)
        check(message.startswith(f"update container '{name}': ") and len(message) > 60, message)
        print(f"# {option}: {message}", flush=True)
    equal(command.call("state", name), "running", "state")
    equal(stats_of(command, name)[name]["stats"]["memory"]["usage"]["limit"], before, "limit")


@command_case("a limit below what is used: the kernel's error reaches the user, or its OOM killer acts")
def below_usage(command):
    name = command.start(EATER)
    command.box.wait_text(command.at(name, "init", "ctr.log"), b"full")
    used = stats_of(command, name)[name]["stats"]["memory"]["usage"]["usage"]
    check(used > 30 * MIB, f"{used} bytes used")

    result = command.run("update", "--memory-limit=8m", "--memory-swap=8m", name)

    if result.status == 0:
        # cgroup v2 takes the limit and makes room for it.
        wait_until(lambda: command.call("state", name) == "stopped", "the end")
        equal(command.run("wait", name).lines, ["137"], "status")
        return
    equal(result.status, 125, f"status of {result}")
    check("busy" in result.err.lower() or "below" in result.err.lower()
          or "memory" in result.err.lower(), result.err)
    check(result.err.startswith(f"holdfast: update container '{name}'"), result.err)
    print(f"# {result.err.strip()}", flush=True)
    equal(command.call("state", name), "running", "state")


@command_case("what does not run has no limits and no statistics")
def not_running(command):
    name = command.name()
    command.ok("create", *command.bundle_of(command.bundle("exit 0")), name)
    command.ok("update", "--pids-limit=50", name)
    command.ok("start", name)
    command.ok("wait", name)

    check("it is stopped" in command.fails("update", "--pids-limit=50", name), "update")

    equal(stats_of(command, name), {}, "statistics")
    new = command.new()
    check("it is new" in command.fails("update", "--pids-limit=50", new), "update of a new one")


@command_case("statistics of all that run: busy, idle, paused; and of those that were asked for")
def several(command):
    busy = command.start("while :; do :; done")
    idle = command.start()
    paused = command.start("while :; do :; done")
    gone = command.start("exit 0")
    command.ok("wait", gone)
    command.ok("pause", paused)

    seen = stats_of(command)

    equal(sorted(seen), sorted([busy, idle, paused]), "containers")
    check(seen[busy]["cpuPercent"] > 1, seen[busy]["cpuPercent"])
    check(seen[idle]["cpuPercent"] < 1 and seen[paused]["cpuPercent"] < 1, "idle and paused")
    equal(sorted(stats_of(command, idle, busy)), sorted([idle, busy]), "of two")
    table = command.ok("stats", "--no-stream", busy).lines
    check(re.match(rf"{busy} +[0-9.]+% +\S+ / \S+ +1 ", table[1]), table)
    command.ok("resume", paused)


@command_case("statistics are drawn again and again on a terminal")
def live(command):
    name = command.start()
    terminal = command.terminal("stats", name)
    for _ in range(3):
        terminal.read_until(name.encode())
    terminal.kill()
    terminal.wait()


@command_case("the runtime's own statistics agree")
def agrees(command):
    if shutil.which("runc") is None:
        raise Skip("this machine has no runc")
    name = command.start()
    command.ok("update", "--memory-limit=64m", "--pids-limit=33", name)

    ours = stats_of(command, name)[name]["stats"]
    told = call(command.runtime, f"--root={command.runtime_root}", "events", "--stats", name)
    theirs = json.loads(told.stdout)["data"]

    equal(ours["pids"], theirs["pids"], "pids")
    equal(ours["memory"]["usage"]["limit"], theirs["memory"]["usage"]["limit"], "limit")
    check(ours["cpu"]["usage"]["total"] <= theirs["cpu"]["usage"]["total"], "CPU time")


def follow_until(follower, type_name):
    told = [json.loads(follower.read_line())]
    while told[-1]["type"] != type_name:
        told.append(json.loads(follower.read_line()))
    return told


@command_case("events of a pause, an exec and a signal, followed by somebody else")
def events(command):
    name = command.name()
    follower = command.begin_command("--format=json", "events", "-f", name)
    command.ok("run", "-d", *command.bundle_of(command.bundle("sleep 1000")), name)
    command.ok("pause", name)
    command.ok("resume", name)
    equal(command.run("exec", name, "sh", "-c", "exit 4").status, 4, "status of the exec")
    command.ok("kill", "-s", "KILL", name)
    equal(command.run("wait", name).lines, ["137"], "status")
    expected = typed(command, name)
    command.ok("delete", name)

    told = follow_until(follower, "deleted")
    os.kill(follower.pid, signal.SIGTERM)
    follower.finish()

    types = [event["type"] for event in told]
    equal([t for t in types if t not in ("started", "exited")],
          ["created", "paused", "resumed", "deleted"], "events")
    of_init = [(e["type"], e.get("exitStatus")) for e in told if e.get("process") == "init"]
    equal(of_init, [("created", None), ("started", None), ("exited", 137)], "of the first process")
    of_exec = [(e["type"], e.get("exitStatus")) for e in told
               if e.get("process") not in (None, "init")]
    equal(of_exec, [("started", None), ("exited", 4)], "of the exec")
    check({pair for pair in expected} >= {("created", "init"), ("exited", "init")}, expected)
    times = [event["time"] for event in told]
    equal(times, sorted(times), "order")
    check(not is_running(follower.pid), "the follower has ended")


@command_case("who follows events and is late is told of what came and went meanwhile")
def late(command):
    name, short = command.start(), command.name()
    follower = command.begin_command("--format=json", "events", "-f")
    # It looks when it is told of this.
    command.ok("pause", name)
    equal(follow_until(follower, "paused")[-1]["id"], name, "paused")
    os.kill(follower.pid, signal.SIGSTOP)
    command.ok("resume", name)
    command.ok("pause", name)
    command.ok("resume", name)
    equal(command.run("exec", name, "sh", "-c", "exit 4").status, 4, "status of the exec")
    bundle = command.bundle_of(command.bundle("exit 3"))
    equal(command.run("run", "--rm", *bundle, short).status, 3, "status of the container")
    os.kill(follower.pid, signal.SIGCONT)

    told = follow_until(follower, "deleted")
    os.kill(follower.pid, signal.SIGTERM)
    follower.finish()

    words = [(e["type"], e["id"], e.get("exitStatus")) for e in told]
    equal([word for word in words if word[1] == name],
          [("resumed", name, None), ("paused", name, None), ("resumed", name, None),
           ("started", name, None), ("exited", name, 4)], "of the container that stays")
    equal([word for word in words if word[1] == short],
          [("created", short, None), ("started", short, None), ("exited", short, 3),
           ("deleted", short, None)], "of the one that came and went")
    equal([n for n in os.listdir(command.root) if n.startswith(".events")], [], "what is left")
