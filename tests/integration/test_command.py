# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The command holdfast with runc: what each command does, prints and returns."""

import json
import os
import re
import shutil
import signal

from command import CANNOT_INVOKE, FAILED, NO_COMMAND, command_case
from harness import check, equal
from processes import is_running, wait_until

STATUS_OF_TERM = 128 + signal.SIGTERM
TRAP = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"


def listed(command):
    return {entry["id"]: entry for entry in command.ok("--format", "json", "list").json}


def wait_state(command, name, state):
    wait_until(lambda: listed(command)[name]["state"] == state, f"{name} to be {state}")


# --- making containers


@command_case("run prints what the container prints and ends with its status")
def run(command):
    name = command.name()
    bundle = command.bundle("echo to stdout; echo to stderr >&2; exit 7")

    result = command.run("run", *command.bundle_of(bundle), name)

    equal((result.status, result.out, result.err), (7, b"to stdout\n", "to stderr\n"), "result")
    equal(listed(command)[name]["state"], "stopped", "state")
    equal(listed(command)[name]["exitStatus"], 7, "status")
    equal(command.ok("delete", name).text, f"{name}\n", "delete")
    equal(command.names(), [], "the root")


@command_case("run --rm deletes the container, and run --detach --rm has its monitor do it")
def remove(command):
    name = command.name()

    result = command.run("run", "--rm", *command.bundle_of(command.bundle("exit 3")), name)

    equal(result.status, 3, "status")
    equal(command.names(), [], "the root")
    # An id that is a command's name is an id all the same.
    detached = "delete"
    bundle = command.bundle(TRAP)
    command.ok("run", "-d", "--rm", *command.bundle_of(bundle), detached)
    command.box.wait_text(command.at(detached, "init", "ctr.log"), b"ready")
    command.ok("kill", detached)
    wait_until(lambda: not command.names(), "the container to be deleted")


@command_case("run --detach prints the id at once, and wait tells the status")
def detached(command):
    name = command.name()
    bundle = command.bundle(TRAP)

    result = command.ok("run", "-d", "-l", "app=web", "--pid-file", command.box.at("out", "pid"),
                        *command.bundle_of(bundle), name)

    equal(result.text, f"{name}\n", "output")
    entry = listed(command)[name]
    equal(entry["labels"], {"app": "web"}, "labels")
    equal(entry["bundle"], bundle, "bundle")
    equal(int(command.box.read(command.box.at("out", "pid"))), entry["pid"], "the pid file")
    check(is_running(entry["pid"]) and is_running(entry["monitorPid"]), "both processes live")
    command.box.wait_text(command.at(name, "init", "ctr.log"), b"ready")
    waiter = command.begin_command("wait", name)
    equal(command.ok("kill", name).text, f"{name}\n", "kill")
    result = waiter.finish()
    equal((result.status, result.text), (9, "9\n"), "wait")


@command_case("create makes a container that start lets run")
def create(command):
    name = command.name()
    bundle = command.bundle("echo it runs; exit 4")

    equal(command.ok("create", *command.bundle_of(bundle), name).text, f"{name}\n", "create")
    equal(listed(command)[name]["state"], "created", "state")
    equal(command.ok("logs", name).text, "", "logs")
    equal(command.ok("start", name).text, f"{name}\n", "start")

    equal(command.run("wait", name).status, 4, "status")
    equal(command.ok("logs", name).text, "it runs\n", "logs")
    check("has ended" in command.fails("start", name), "a second start")


@command_case("a failed run says why, and leaves nothing")
def run_fails(command):
    bundle = command.bundle("true")
    new = command.bundle_of(bundle)
    os.makedirs(command.box.at("empty"))
    for words, part in (
        (["run", *new, "../x"], "id"),
        (["run", *new, ""], "id"),
        (["run", *new], "usage: holdfast run"),
        (["run", *new, "a", "b"], "usage: holdfast run"),
        (["run", f"--bundle={command.box.at('none')}", "x"], "no such directory"),
        (["run", f"--bundle={command.box.at('empty')}", "x"], "no config.json"),
        (["run", "--runtime=/no/runtime", f"--bundle={bundle}", "x"], "no OCI runtime"),
        (["run", "-t", *new, "x"], "--tty"),
        (["run", "--log-size-max=many", *new, "x"], "size"),
        (["run", "--log=nosuch:/x", *new, "x"], "nosuch"),
        (["run", "--monitor-arg=--no-such-option", *new, "x"], "--no-such-option"),
        (["run", "--no-such-option", *new, "x"], "--no-such-option"),
        (["--format", "xml", "list"], "xml"),
        (["nosuch"], "nosuch"),
        ([], "command"),
    ):
        message = command.fails(*words)
        check(part in message, f"{words}: {message}")
    equal(command.names(), [], "the root")


@command_case("a container's missing or forbidden command is 127 or 126, as with Podman")
def no_command(command):
    for args, status in ((["nosuch"], NO_COMMAND), (["/no/such"], NO_COMMAND),
                         (["/tmp"], CANNOT_INVOKE), (["/bin/plain"], CANNOT_INVOKE)):
        bundle = command.bundle("true")
        path = os.path.join(bundle, "config.json")
        config = json.loads(command.box.read(path))
        config["process"]["args"] = args
        command.box.write(path, json.dumps(config))
        command.box.write(os.path.join(bundle, "rootfs/bin/plain"), "no program", 0o644)
        command.fails("run", *command.bundle_of(bundle), command.name(), status=status)
    equal(command.names(), [], "the root")
    name = command.start()
    command.fails("exec", name, "nosuch", status=NO_COMMAND)
    command.fails("exec", name, "/tmp", status=CANNOT_INVOKE)
    equal([entry["id"] for entry in inspected(command, name)["processes"]], ["init"], "processes")


@command_case("a mount that is missing is no missing command")
def missing_mount(command):
    bundle = command.bundle("true")
    path = os.path.join(bundle, "config.json")
    config = json.loads(command.box.read(path))
    config["mounts"].append({"destination": "/data", "type": "bind", "source": "/no/such",
                             "options": ["bind"]})
    command.box.write(path, json.dumps(config))

    command.fails("run", *command.bundle_of(bundle), command.name(), status=FAILED)

    equal(command.names(), [], "the root")


@command_case("an id is taken once")
def taken(command):
    name = command.start()

    message = command.fails("run", *command.bundle_of(command.bundle("true")), name)

    check(name in message, message)
    equal(listed(command)[name]["state"], "running", "state")


# --- exec


@command_case("exec runs a command in the container, with its streams and its status")
def execute(command):
    name = command.start()

    result = command.run("exec", name, "sh", "-c", "echo out; echo err >&2; exit 5")

    equal((result.status, result.out, result.err), (5, b"out\n", "err\n"), "result")
    equal(command.run("exec", "-i", name, "cat", stdin=b"typed\n").out, b"typed\n", "stdin")
    equal(command.run("exec", name, "--", "sh", "-c", "exit 6").status, 6, "after --")
    equal([entry["id"] for entry in inspected(command, name)["processes"]], ["init"], "processes")


@command_case("exec takes environment, directory and user")
def exec_options(command):
    name = command.start()
    command.env = {"HANDED": "on"}

    text = command.ok("exec", "-e", "A=b=c", "-e", "HANDED", "-e", "NOT_THERE", "-w", "/tmp", "-u",
                      "12:34", name, "sh", "-c",
                      "echo $A $HANDED ${NOT_THERE-unset} $PWD; cat /proc/self/status").text

    equal(text.splitlines()[0], "b=c on unset /tmp", "environment and directory")
    check(re.search(r"^Uid:\t12\t", text, re.M) and re.search(r"^Gid:\t34\t", text, re.M), text)
    for words, part in ((["-u", "root"], "root"), (["-u", "1:"], "1:"), (["-e", "=x"], "=x")):
        check(part in command.fails("exec", *words, name, "true"), words)


@command_case("an exec that is left to itself has an id, a log, a status, and can be deleted")
def exec_detached(command):
    name = command.start()

    result = command.ok("exec", "-d", "--id", "job", "--log",
                        f"k8s-file:{command.box.at('logs', 'job')}", name, "sh", "-c",
                        "echo done; exit 8")

    equal(result.text, "job\n", "output")
    equal(command.run("wait", "-p", "job", name).status, 8, "status")
    equal(command.ok("logs", "-p", "job", name).text, "done\n", "log")
    check("job" in command.fails("exec", "-d", "--id", "job", name, "true"), "the id is taken")
    command.ok("delete", "-p", "job", name)
    command.ok("exec", "-d", "--id", "sleeper", name, "sleep", "1000")
    check("runs" in command.fails("delete", "-p", "sleeper", name), "one that runs")
    command.ok("kill", "-s", "KILL", "-p", "sleeper", name)
    equal(command.run("wait", "-p", "sleeper", name).status, 137, "status")


@command_case("exec needs a container that runs")
def exec_nowhere(command):
    check("no such container" in command.fails("exec", "nosuch", "true"), "no container")
    name = command.name()
    command.run("run", *command.bundle_of(command.bundle("true")), name)
    check("has ended" in command.fails("exec", name, "true"), "an ended one")


# --- looking at containers


def inspected(command, name):
    return command.ok("inspect", name).json[0]


@command_case("list shows what is there, in a table and as JSON")
def list_all(command):
    running = command.start()
    ended = command.name()
    command.run("run", *command.bundle_of(command.bundle("exit 3")), ended)

    lines = command.ok("list").lines
    equal(lines[0].split(), ["ID", "PID", "STATE", "CREATED", "RUNTIME", "BUNDLE"], "headings")
    equal(len(lines), 3, "lines")
    check(re.fullmatch(rf"{running} +[0-9]+ +running +.+(ago|now) +runc +/.*", lines[1]), lines[1])
    check(re.fullmatch(rf"{ended} +[0-9]+ +stopped \(3\) +.+(ago|now) +runc +/.*", lines[2]),
          lines[2])
    equal(len({line.index("/") for line in lines[1:]}), 1, "the bundles are aligned")
    equal(command.ok("list", "-q").lines, [running, ended], "ids")
    equal(command.ok("list", "-rq").lines, [running], "ids of those that run")
    # The global options are taken at each place.
    equal(command.ok("list", "--format=json").json, command.ok("--format=json", "list").json, "both")


@command_case("a container that cannot be loaded does not hide the others")
def broken(command):
    name = command.start()
    os.mkdir(command.at("broken"), 0o700)
    command.box.write(command.at("broken", "state.json"), "{", 0o600)

    result = command.run("list", "-q")

    equal((result.status, result.lines), (0, [name]), "ids")
    check("broken" in result.err, result.err)
    check("broken" in command.fails("inspect", "broken"), "inspect")
    shutil.rmtree(command.at("broken"))


@command_case("an empty or missing root is no error for list")
def empty(command):
    equal(command.ok("list", "-q").text, "", "ids")
    equal(command.ok("--format", "json", "list").json, [], "JSON")
    equal(len(command.ok("list").lines), 1, "table")


@command_case("inspect shows all containers that are there, and fails if one is not")
def inspect(command):
    name = command.start()
    command.ok("exec", "-d", "--id", "e1", name, "sleep", "1000")

    entry = inspected(command, name)

    equal([(p["id"], p["state"]) for p in entry["processes"]],
          [("init", "running"), ("e1", "running")], "processes")
    init = entry["processes"][0]
    equal(init["spec"]["args"], ["sh", "-c", "sleep 1000"], "spec")
    equal(init["logPath"], command.at(name, "init", "ctr.log"), "log")
    equal(entry["problems"], [], "problems")
    result = command.run("inspect", "nosuch", name)
    equal(result.status, FAILED, "status")
    equal([found["id"] for found in result.json], [name], "those that are there")
    check("nosuch" in result.err, result.err)


@command_case("logs shows lines, streams, times, parts and JSON")
def logs(command):
    name = command.name()
    bundle = command.bundle("for i in 1 2 3 4; do echo line $i; done; echo oops >&2; echo -n end")
    command.run("run", *command.bundle_of(bundle), name)

    result = command.ok("logs", name)
    equal(result.text, "line 1\nline 2\nline 3\nline 4\nend", "stdout")
    equal(result.err, "oops\n", "stderr")
    equal(command.ok("logs", "--stream", "stderr", name).err, "oops\n", "one stream")
    equal(command.ok("logs", "--stream=stdout", "-n1", name).text, "line 4\nend", "tail")
    equal(command.ok("logs", name, "--stream=stdout", "-tn", "1").text[-3:], "end", "tail, behind")
    equal(command.ok("logs", name, "--tail", "0").text, "", "tail 0")
    equal(command.ok("logs", "--until", "1h", name).text, "", "until")
    equal(command.ok("logs", "--since", "1h", "--stream=stdout", name).text, result.text, "since")
    stamped = command.ok("logs", "-t", name).lines[0]
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00 line 1", stamped), stamped)
    entries = [json.loads(line) for line in command.ok("--format=json", "logs", name).lines]
    equal([e["log"] for e in entries if e["stream"] == "stdout"],
          ["line 1", "line 2", "line 3", "line 4", "end"], "JSON")
    for words in (["--tail=x"], ["--since=never"], ["--stream=stdin"], ["-p", "nosuch"]):
        command.fails("logs", *words, name)


@command_case("logs -f shows what comes and ends with the container")
def follow(command):
    name = command.start("read_on() { :; }; echo first; while [ ! -e /tmp/go ]; do sleep 0.02; done;"
                         " echo last")
    reader = command.begin_command("logs", "-f", name)
    equal(reader.read_line(), "first", "what is there")
    # The end of the container may be faster than its own.
    command.run("exec", name, "sh", "-c", ": > /tmp/go")

    result = reader.finish()

    equal((result.status, result.out), (0, b"last\n"), "the rest")


@command_case("logs of a container without a log says so")
def no_log(command):
    name = command.start("sleep 1000", "--log=none")

    check("no log" in command.fails("logs", name), "message")


@command_case("top shows the container's processes, as ps is asked to")
def top(command):
    name = command.start("sleep 1000 & sleep 2000; true")
    wait_until(lambda: len(command.ok("--format=json", "top", name).json) == 3, "the processes")

    lines = command.ok("top", name, "-o", "args").lines

    equal(lines[0], "COMMAND", "heading")
    equal(sorted(lines[1:])[1:], ["sleep 1000", "sleep 2000"], "processes")
    check(command.ok("top", name).lines[0].split()[:2] == ["USER", "PID"], "columns")


@command_case("stats shows what a container uses, and update changes its limits")
def stats(command):
    name = command.start()
    command.ok("update", "--memory-limit=64m", "--pids-limit", "50", name)

    lines = command.ok("stats", "--no-stream", name).lines

    check(lines[0].startswith("ID "), lines)
    check(re.search(rf"^{name} +[0-9.]+% +\S+ / 64.0MiB +1 ", lines[1]), lines)
    entry, = command.ok("--format=json", "stats", name).json
    equal(entry["stats"]["memory"]["usage"]["limit"], 64 << 20, "limit")
    equal(entry["stats"]["pids"]["limit"], 50, "limit of pids")
    for words in ([], ["--memory-limit=much"], ["--cpu-shares=x"], ["--pids-limit=-2"]):
        command.fails("update", *words, name)
    command.fails("stats", "nosuch")


@command_case("events tells what happened, in its order, and follows")
def events(command):
    name = command.name()
    command.run("run", *command.bundle_of(command.bundle("exit 3")), name)

    told = [json.loads(line) for line in command.ok("events", "--format=json", name).lines]
    equal([(e["type"], e["process"]) for e in told],
          [("created", "init"), ("started", "init"), ("exited", "init")], "events")
    equal(told[-1]["exitStatus"], 3, "status")
    equal(command.ok("events", "nosuch").text, "", "those of no container")
    watcher = command.begin_command("events", "-f", name)
    for word in ("created", "started", "exited"):
        check(re.search(rf"\d [+]00:00 {word} +{name} init ", watcher.read_line()), word)
    command.ok("delete", name)
    check(f"deleted      {name}" in watcher.read_line(), "deleted")
    os.kill(watcher.pid, signal.SIGTERM)
    equal(watcher.finish().status, -signal.SIGTERM, "status")


# --- working with containers


@command_case("kill sends any signal, by name or number, to any process")
def kill(command):
    name = command.start("trap 'echo got hup' HUP; trap 'exit 9' USR1; echo ready;"
                         " while :; do sleep 0.02; done")
    log = command.at(name, "init", "ctr.log")
    command.box.wait_text(log, b"ready")

    command.ok("kill", "-s", "hup", name)
    command.box.wait_text(log, b"got hup")
    command.ok("kill", name, "--signal=SIGUSR1")

    equal(command.run("wait", name).status, 9, "status")
    check("has ended" in command.fails("kill", name), "an ended one")
    check("NOSUCH" in command.fails("kill", "-s", "NOSUCH", name), "no signal")


@command_case("pause and resume change the state, once")
def pause(command):
    name = command.start()

    equal(command.ok("pause", name).text, f"{name}\n", "pause")
    equal(listed(command)[name]["state"], "paused", "state")
    check("paused" in command.fails("pause", name), "again")
    command.ok("resume", name)
    equal(listed(command)[name]["state"], "running", "state")
    check("running" in command.fails("resume", name), "again")


@command_case("resize sets a terminal's size, and needs one")
def resize(command):
    name = command.start("while :; do stty size; sleep 0.05; done", terminal=True)

    command.ok("resize", name, "100", "30")

    command.box.wait_text(command.at(name, "init", "ctr.log"), b"30 100")
    check("size" in command.fails("resize", name, "100", "x"), "a size that is none")
    plain = command.start()
    check("terminal" in command.fails("resize", plain, "80", "24"), "no terminal")


@command_case("reopen-logs opens log files anew")
def reopen(command):
    log = command.box.at("logs", "web")
    name = command.start("while :; do echo tick; sleep 0.02; done", f"--log=k8s-file:{log}")
    command.box.wait_text(log, b"tick")
    os.rename(log, log + ".1")

    command.ok("reopen-logs", name)

    command.box.wait_text(log, b"tick")


@command_case("delete refuses what runs, unless it is forced; one that fails keeps none of the others")
def delete(command):
    first, second = command.start(), command.start()

    check("runs" in command.fails("delete", first), "refused")
    result = command.run("delete", "-f", first, "nosuch", second)

    equal((result.status, result.lines), (FAILED, [first, second]), "result")
    check("nosuch" in result.err, result.err)
    equal(command.names(), [], "the root")


@command_case("wait goes on after a container that is not there")
def wait_several(command):
    name = command.name()
    command.run("run", *command.bundle_of(command.bundle("exit 3")), name)

    result = command.run("wait", "nosuch", name)

    equal((result.status, result.text), (FAILED, "3\n"), "result")


@command_case("a container that somebody else made is there for the command")
def others(command):
    name = command.running("sleep 1000")

    equal(listed(command)[name]["state"], "running", "state")
    command.ok("kill", "-s", "KILL", name)
    equal(command.run("wait", name).status, 137, "status")


@command_case("the status of a process whose monitor was killed is unknown, and never 0")
def unknown(command):
    name = command.start()
    command.kill_monitor(name)

    command.ok("kill", "-s", "KILL", name)

    result = command.run("wait", name)
    check(result.status in (137, 255), result)
    command.ok("delete", name)


@command_case("checkpoint, restore and their failures are told")
def checkpoint(command):
    name = command.start()

    equal(command.ok("checkpoints", name).lines, ["NAME   CREATED"], "none")
    equal(command.ok("--format=json", "checkpoints", name).json, [], "none")
    check("nosuch" in command.fails("delete-checkpoint", name, "nosuch"), "delete")
    bundle = listed(command)[name]["bundle"]
    command.fails("restore", *command.bundle_of(bundle), command.name(), "nosuch")
    equal(command.names(), [name], "the root")
