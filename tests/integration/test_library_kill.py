# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Callers of libholdfast that are killed in the middle of what they do.

Each round makes what the operation needs, begins the operation in a program of its own, kills that
program at a random moment, and lets other programs go on. No container may be lost, none may have
been started twice, a status is right or unknown, and after a deletion nothing is left.

HOLDFAST_KILL_SEED repeats the moments of a run, HOLDFAST_KILL_ROUNDS sets the rounds of each
operation."""

import os
import random
import shutil
import time

from harness import case, check, equal
from library import Failed, Library
from processes import command_line, descendants, reap, wait_until

ROUNDS = int(os.environ.get("HOLDFAST_KILL_ROUNDS", "14"))
SEED = int(os.environ.get("HOLDFAST_KILL_SEED") or random.randrange(2**32))
# The first moments are what differs most from the last ones: some kills fall behind the end.
SPREAD = 1.15
OLD_SECONDS = 120
STATUS = 3
UNKNOWN = 255
# Ends with STATUS when it is told to.
WAITS = f"trap 'exit {STATUS}' TERM; echo started; while :; do sleep 0.05; done"


def storm_case(name, rounds=ROUNDS, real="runc"):
    def register(function):
        @case(f"{real or 'the fake runtime'}: {name}")
        def with_storm(box):
            library = Library(box, real)
            # A sanitizer that is killed while it looks for leaks complains.
            options = library.environment()["ASAN_OPTIONS"]
            library.env["ASAN_OPTIONS"] = f"{options}:detect_leaks=0"
            storm = Storm(library, name)
            print(f"# seed {SEED}", flush=True)
            for number in range(rounds):
                try:
                    function(storm)
                    storm.sweep()
                except Exception as error:
                    raise AssertionError(f"round {number}, killed after {storm.moment * 1000:.1f} "
                                         f"ms: {type(error).__name__}: {error}") from error

        return with_storm

    return register


def both_runtimes(name):
    """The fake runtime is quick, so that more of the time is the library's own."""

    def register(function):
        storm_case(name)(function)
        storm_case(name, real=None, rounds=2 * ROUNDS)(function)

    return register


class Storm:
    def __init__(self, library, name):
        self.library = library
        self.random = random.Random(f"{SEED} {name}")
        self.moment = 0
        self.length = None

    def kill(self, prepare, *words):
        """Calls with `words`, killed at a random moment of what the first call took."""
        if self.length is None:
            begin = time.monotonic()
            self.library.call(*prepare(), *words)
            self.length = time.monotonic() - begin
            self.library.clean()
        arguments = prepare()
        self.moment = self.random.uniform(0, self.length * SPREAD)
        call = self.library.begin(*arguments, *words)
        time.sleep(self.moment)
        call.kill()
        return arguments[-1]

    def settle(self, *words, accepts=()):
        """Calls until nobody is at work any more; the result, or the code of an error."""

        def answer():
            try:
                return (self.library.call(*words),)
            except Failed as error:
                check(error.code in (*accepts, "BUSY"), f"{words}: {error.code}: {error}")
                return (error.code,) if error.code != "BUSY" else None

        return wait_until(answer, f"{words} not to be busy")[0]

    def monitors(self, name):
        """Monitors at work for the container, started by whomever."""
        reap()
        lines = [command_line(pid) for pid in descendants(os.getpid())]
        return [line for line in lines if f"--cid {name} " in line]

    def deleted(self, name):
        """Deletes what there is."""
        self.settle("delete", name, "force", accepts=("NOT_FOUND",))

    def sweep(self):
        """What killed callers left may stay until the next one comes, and not longer."""
        library = self.library
        for name in library.names():
            check(name.startswith("."), f"left in the root: {name}")
            os.utime(library.at(name), (time.time() - OLD_SECONDS,) * 2)
        name = library.new()
        library.call("delete", name)
        equal(library.nothing_left(), [], "what is left")
        wait_until(lambda: reap() or not descendants(os.getpid()), "the last process")
        while len(library.box.bundles) > 1:
            shutil.rmtree(library.box.bundles.pop())


@both_runtimes("new")
def new(storm):
    library = storm.library

    def prepare():
        return ("new", library.name())

    bundle = library.bundle()
    name = storm.kill(prepare, bundle)
    if name in library.names():
        equal(library.call("state", name), "new", "state")
    else:
        library.call("new", name, bundle)
    equal(library.call("list"), {name: "new"}, "containers")
    storm.deleted(name)


@both_runtimes("start")
def start(storm):
    library = storm.library
    name = storm.kill(lambda: ("start", library.new(WAITS)))
    check(library.call("state", name) in ("new", "created"), "state")
    storm.settle("start", name, accepts=("EXISTS",))
    equal(library.call("state", name), "created", "state")
    equal(library.call("query", name), "created", "the runtime's word")
    equal(len(storm.monitors(name)), 1, "monitors")
    equal(library.call("problems", name), [], "problems")
    library.call("begin", name)
    wait_started(library, name)
    library.call("signal", name, "init", 15)
    equal(library.call("wait", name, "init"), STATUS, "status")
    equal(library.call("wait", name, "init"), STATUS, "status")
    storm.deleted(name)


def wait_started(library, name):
    """Its trap is set when it has said so, which it does once."""
    log = library.box.wait_text(library.at(name, "init", "ctr.log"), b"started")
    equal(log.count(b"started"), 1, "how often it was started")


@storm_case("a start, and the deletion right after")
def start_then_delete(storm):
    library = storm.library
    name = storm.kill(lambda: ("start", library.new(WAITS)))
    storm.deleted(name)
    equal(storm.monitors(name), [], "monitors")
    check(not library.has_runtime_state(name), "the runtime forgot it")


@storm_case("begin")
def begin(storm):
    library = storm.library
    name = storm.kill(lambda: ("begin", library.created(WAITS)))
    check(library.call("state", name) in ("created", "running"), "state")
    storm.settle("begin", name, accepts=("INVALID_STATE",))
    equal(library.call("state", name), "running", "state")
    wait_started(library, name)
    library.call("signal", name, "init", 15)
    equal(library.call("wait", name, "init"), STATUS, "status")
    storm.deleted(name)


@storm_case("exec")
def execs(storm):
    library = storm.library
    command = "echo started; exit 4"
    name = storm.kill(lambda: ("exec", library.running()), "e1", library.spec(command))
    equal(library.call("state", name), "running", "state")
    storm.settle("exec", name, "e1", library.spec(command), accepts=("EXISTS",))
    equal(library.call("wait", name, "e1"), 4, "status")
    log = library.box.wait_text(library.at(name, "e1", "ctr.log"), b"started")
    equal(log.count(b"started"), 1, "how often it was started")
    equal(library.call("processes", name), {"init": "running", "e1": "stopped"}, "processes")
    storm.settle("remove-process", name, "e1")
    storm.deleted(name)


@storm_case("pause and resume")
def pauses(storm):
    library = storm.library
    name = storm.kill(lambda: ("pause", library.running()))
    storm.settle("pause", name, accepts=("INVALID_STATE",))
    equal(library.call("state", name), "paused", "state")
    equal(library.call("query", name), "paused", "the runtime's word")
    call = library.begin("resume", name)
    time.sleep(storm.moment)
    call.kill()
    storm.settle("resume", name, accepts=("INVALID_STATE",))
    equal(library.call("state", name), "running", "state")
    storm.deleted(name)


@storm_case("wait and signal")
def waits(storm):
    library = storm.library
    name = storm.kill(lambda: ("wait", library.created("exit 3")), "init") \
        if storm.length else first_wait(storm)
    library.call("begin", name)
    equal(library.call("wait", name, "init"), STATUS, "status")
    storm.deleted(name)


def first_wait(storm):
    """A wait has no length of its own."""
    storm.length = 0.05
    return storm.library.created("exit 3")


@both_runtimes("delete of an ended container")
def deletes(storm):
    library = storm.library

    def prepare():
        name = library.created()
        library.call("signal", name, "init", 9)
        equal(library.call("wait", name, "init"), 137, "status")
        return ("delete", name)

    name = storm.kill(prepare)
    if name in library.names():
        equal(library.call("state", name), "stopped", "state")
        equal(library.call("exit-status", name, "init"), 137, "status")
    storm.deleted(name)
    check(not library.has_runtime_state(name), "the runtime forgot it")


@both_runtimes("delete of a running container")
def forced(storm):
    library = storm.library

    def prepare():
        name = library.created()
        if library.is_real:
            library.call("begin", name)
            library.exec(name, "e1", "sleep 1000")
        return ("delete", name)

    name = storm.kill(prepare, "force")
    if name in library.names():
        check(library.call("state", name) in ("created", "running", "stopped"), "state")
    storm.deleted(name)
    check(not library.has_runtime_state(name), "the runtime forgot it")


@storm_case("a task with mounts")
def tasks(storm):
    library = storm.library
    fifos = library.box.at("out", "fifos")
    layer = library.box.at("out", "layer")
    os.makedirs(fifos, exist_ok=True)

    def prepare():
        name = library.name()
        bundle = library.bundle("true")
        shutil.rmtree(layer, ignore_errors=True)
        shutil.copytree(os.path.join(bundle, "rootfs"), layer, symlinks=True)
        library.call("new", name, bundle)
        return ("new-task", name)

    name = storm.kill(prepare, fifos, "bind", layer, "rbind")
    check(library.call("state", name) in ("new", "created"), "state")
    storm.deleted(name)
    # The FIFOs are the caller's, and die with him.
    shutil.rmtree(fifos)


@storm_case("start, its monitor killed as well")
def monitor_too(storm):
    library = storm.library
    name = library.new()
    call = library.begin("start", name)
    storm.moment = storm.random.uniform(0, 0.2)
    time.sleep(storm.moment)
    call.kill()
    for pid in descendants(os.getpid()):
        if any(word in command_line(pid) for word in (f"--cid {name} ", f"holdfast-shim {name} ")):
            library.kill(pid)
    storm.settle("start", name, accepts=("EXISTS",))
    check(library.call("state", name) == "created", "state")
    library.call("signal", name, "init", 9)
    check(library.call("wait", name, "init") in (137, UNKNOWN), "status")
    storm.deleted(name)
    # The runtime was killed with its monitor, perhaps between making a cgroup and noting it.
    library.remove_parent_cgroups()
