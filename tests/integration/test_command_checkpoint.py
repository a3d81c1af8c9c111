# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Checkpoints and restores through the command and so the library, each call a program of its own.
Those that succeed need a CRIU that works."""

import json
import os

from checkpoints import COUNTER, RESTORE_FILES, require_criu, share_network
from command import command_case
from harness import check, equal
from peers import logged_bytes, parse_log
from processes import wait_until


class Counting:
    """A container that counts on stdout, from 1 up, and ends with 7."""

    def __init__(self, command, *words, network=False):
        self.command = command
        command.box.ignored_files |= {*RESTORE_FILES, "checkpoints"}
        self.bundle = command.bundle(COUNTER)
        path = os.path.join(self.bundle, "config.json")
        config = json.loads(command.box.read(path))
        if not network:
            share_network(config)
        command.box.write(path, json.dumps(config))
        self.name = command.name()
        command.ok("run", "-d", *words, *command.bundle_of(self.bundle), self.name)

    def numbers(self):
        data = self.command.box.read(self.command.at(self.name, "init", "ctr.log")) or b""
        records = parse_log(data[: data.rfind(b"\n") + 1])
        return [int(line) for line in logged_bytes(records).split()]

    def newest(self):
        return ([0] + self.numbers())[-1]

    def run_on(self):
        until = self.newest() + 4
        wait_until(lambda: self.newest() >= until, f"{until} in the log")
        return self.newest()

    def state(self):
        return self.command.call("state", self.name)

    def restore(self, checkpoint, *words):
        self.command.ok("restore", "-d", *words, *self.command.bundle_of(self.bundle), self.name,
                        checkpoint)

    def stop(self):
        stop = os.path.join(self.bundle, "rootfs", "stop")
        self.command.box.write(stop, "")
        try:
            return self.command.run("wait", self.name).lines
        finally:
            os.unlink(stop)

    def delete(self):
        self.command.ok("delete", self.name)


def follows(numbers, first):
    return numbers == list(range(first, first + len(numbers)))


def listed(command, name, *words):
    return [entry["name"] for entry in
            command.ok("--format=json", "checkpoints", *words, name).json]


@command_case("a failed checkpoint says why, leaves no checkpoint, and the container runs on")
def fails(command):
    counting = Counting(command, network=True)
    before = counting.run_on()

    # With a network of its own it is not dumped where CRIU works (share_network()).
    message = command.fails("checkpoint", counting.name, "one")

    check("checkpoint 'one'" in message and counting.name in message, message)
    check("criu" in message.lower(), f"the reason: {message}")
    print(f"# {message}", flush=True)
    equal(listed(command, counting.name), [], "checkpoints")
    folder = os.path.join(counting.bundle, "checkpoints")
    equal(os.listdir(folder) if os.path.isdir(folder) else [], [], "what is left in the folder")
    equal(counting.state(), "running", "state")
    check(counting.run_on() > before, "it counts on")
    equal(counting.stop(), ["7"], "status")


@command_case("what is no checkpoint is told, and nothing is left of its restore")
def missing(command):
    counting = Counting(command)
    command.fails("delete-checkpoint", counting.name, "none")
    command.fails("delete-checkpoint", counting.name, "../init")
    command.fails("checkpoint", counting.name, "a/b")
    command.fails("checkpoint", "nosuch", "one")
    equal(counting.stop(), ["7"], "status")
    message = command.fails("checkpoint", counting.name, "one")
    check("it is stopped" in message, message)
    counting.delete()
    os.makedirs(os.path.join(counting.bundle, "checkpoints", "empty"))

    result = command.run("restore", "-d", *command.bundle_of(counting.bundle), counting.name,
                         "empty")

    equal(result.status, 125, f"status of {result}")
    check(result.err.startswith("holdfast: "), result.err)
    equal(command.names(), [], "the root")


@command_case("CRIU: a restored container counts on, with log, attach, events and exit status")
def goes_on(command):
    require_criu()
    counting = Counting(command)
    counting.run_on()
    command.ok("checkpoint", "--exit", counting.name, "one")
    command.run("wait", counting.name)
    before = counting.numbers()
    check(follows(before, 1), before)
    told = command.ok("events", "--format=json", counting.name).lines
    check("one" in [json.loads(line).get("checkpoint") for line in told], told)
    counting.delete()

    counting.restore("one")
    equal(counting.state(), "running", "state")
    watcher = command.begin_command("attach", counting.name)
    first = int(watcher.read_line())
    counting.run_on()
    equal(counting.stop(), ["7"], "status")

    equal(watcher.finish().status, 7, "status of attach")
    after = counting.numbers()
    check(follows(after, before[-1] + 1), f"{before} went on with {after}")
    check(first in after, f"attach saw {first} of {after}")
    types = [json.loads(line)["type"]
             for line in command.ok("events", "--format=json", counting.name).lines]
    equal(types, ["created", "started", "exited"], "events")


@command_case("CRIU: three checkpoints of one container each bring back their own moment")
def three(command):
    require_criu()
    counting = Counting(command)
    least = {}
    for name in ("a", "b", "c"):
        least[name] = counting.run_on()
        command.ok("checkpoint", counting.name, name)
        equal(counting.state(), "running", f"state after {name}")
    equal(listed(command, counting.name), ["a", "b", "c"], "checkpoints")
    message = command.fails("checkpoint", counting.name, "b")
    check("already" in message, message)
    equal(counting.stop(), ["7"], "status")
    counting.delete()

    firsts = {}
    for name in ("b", "a", "c"):
        counting.restore(name)
        counting.run_on()
        equal(counting.stop(), ["7"], f"status of {name}")
        numbers = counting.numbers()
        check(follows(numbers, numbers[0]) and numbers[0] > least[name],
              f"{name}, made after {least[name]}: {numbers}")
        firsts[name] = numbers[0]
        counting.delete()
    check(firsts["a"] < firsts["b"] < firsts["c"], firsts)


@command_case("CRIU: a checkpoint is kept, listed, restored from and deleted in any directory")
def elsewhere(command):
    require_criu()
    counting = Counting(command)
    counting.run_on()
    folder = command.box.at("state", "elsewhere")
    where = f"--directory={folder}"
    command.ok("checkpoint", where, counting.name, "one")
    equal(listed(command, counting.name), [], "in the bundle")
    equal(listed(command, counting.name, where), ["one"], "in the directory")
    config = json.loads(command.box.read(os.path.join(folder, "one", "config.json")))
    equal(sorted(config), ["created", "emptyNS", "exit", "name", "shell", "tcp", "unixSockets"],
          "keys")
    command.call("signal", counting.name, "init", 9)
    command.run("wait", counting.name)
    last = counting.newest()
    counting.delete()

    # The library's own call, in the place of the command.
    command.call("new", counting.name, counting.bundle)
    pid = command.call("start", counting.name, checkpoint=os.path.join(folder, "one"))
    check(pid > 0, pid)
    equal(counting.state(), "running", "state")
    command.call("begin", counting.name)
    counting.run_on()
    check(0 < counting.numbers()[0] <= last + 1, f"{last}, then {counting.numbers()}")
    command.ok("delete-checkpoint", where, counting.name, "one")
    equal(os.listdir(folder), [], "the directory")
    equal(counting.stop(), ["7"], "status")


@command_case("CRIU: a task from a checkpoint is restored by its start, with streams")
def task(command):
    require_criu()
    counting = Counting(command)
    counting.run_on()
    command.ok("checkpoint", "--exit", counting.name, "one")
    command.run("wait", counting.name)
    last = counting.newest()
    counting.delete()
    command.call("new", counting.name, counting.bundle)
    fifos = command.box.at("state", "fifos")
    os.mkdir(fifos)
    images = os.path.join(counting.bundle, "checkpoints", "one")

    call = command.begin("task", counting.name, fifos, checkpoint=images)
    wait_until(lambda: counting.newest() > last + 3, "the log to go on")
    stop = os.path.join(counting.bundle, "rootfs", "stop")
    command.box.write(stop, "")
    out, _ = call.finish()

    lines = out.splitlines()
    equal(json.loads(lines[-1])["result"], 7, "status")
    numbers = [int(line) for line in lines[:-1]]
    check(numbers and follows(numbers, last + 1), f"{last}, then {numbers}")
