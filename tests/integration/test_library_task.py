# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Tasks: first processes whose streams are FIFOs that a program copies, over a root file system that
is mounted for them and unmounted when the container is deleted."""

import json
import os
import random
import shutil
import subprocess
import time

from harness import Skip, case, check, equal
from library import Failed, Library
from processes import reap, run_plain, wait_until

ROUNDS = int(os.environ.get("HOLDFAST_KILL_ROUNDS", "10"))
SEED = int(os.environ.get("HOLDFAST_KILL_SEED") or random.randrange(2**32))
SPREAD = 1.15


class Tasks(Library):
    """Bundles whose root file system is empty until something is mounted on it."""

    def __init__(self, box):
        super().__init__(box)
        self.fifos = box.at("state", "fifos")
        os.makedirs(self.fifos)
        box.cleanups.append(self.unmount_left)

    def unmount_left(self):
        """What a failed case left, the last first."""
        for line in reversed(self.mounted()):
            run_plain("umount", "-l", line.split()[4])

    def mounted(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            return [line for line in file if self.box.path in line]

    def emptied(self, command):
        """The bundle, and its root file system's contents elsewhere."""
        bundle = self.bundle(command)
        image = self.box.at("state", f"image{self.count}")
        shutil.move(os.path.join(bundle, "rootfs"), image)
        os.mkdir(os.path.join(bundle, "rootfs"))
        self.box.write(os.path.join(image, "mark"), "here\n")
        return bundle, image

    def new_in(self, bundle):
        name = self.name()
        self.call("new", name, bundle)
        return name

    def finish(self, call):
        """What a call printed before its result, and the result."""
        out, err = call.finish()
        lines = out.splitlines()
        answer = json.loads(lines[-1]) if lines else {}
        if "result" not in answer:
            raise AssertionError(f"{call.argv[1:]}: {out!r} {err!r}")
        return "\n".join(lines[:-1]), answer["result"]

    def run(self, *words, **options):
        return self.finish(self.begin(*words, **options))

    def fifo_files(self):
        return [name for _, _, names in os.walk(self.fifos) for name in names]


def bind(image, options="rbind,ro"):
    return ["bind", image, options]


def task_case(name):
    def register(function):
        @case(name)
        def with_tasks(box):
            tasks = Tasks(box)
            function(tasks)
            for left in tasks.names():
                tasks.call("delete", left, "force")
            equal(tasks.nothing_left(), [], "what is left")

        return function

    return register


# --- streams


@task_case("a task's output comes through its FIFOs, and they are removed")
def output(tasks):
    name = tasks.new("echo out; echo err >&2; exit 5")
    call = tasks.begin("task", name, tasks.fifos)
    out, err = call.finish()
    lines = out.splitlines()
    equal((lines[0], json.loads(lines[-1])["result"]), ("out", 5), "stdout")
    equal(err, "err\n", "stderr")
    equal(os.listdir(tasks.fifos), [], "FIFOs")


@task_case("a task reads what this program reads, to its end")
def streams_input(tasks):
    name = tasks.new("cat; exit 6")
    argv = [tasks.driver, *tasks.options({}), tasks.root, "task", name, tasks.fifos]
    data = b"".join(b"line %d\n" % i for i in range(30000))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, env=tasks.environment()) as child:
        out, _ = child.communicate(data, timeout=120)
    reap()
    text, _, answer = out.rstrip(b"\n").rpartition(b"\n")
    equal(json.loads(answer), {"result": 6}, "status")
    check(text + b"\n" == data, f"{len(text)} bytes of {len(data)}")


@task_case("another program loads the task, lets it run and gets its output")
def loaded(tasks):
    name = tasks.new("echo from the task; exit 4")
    pid = tasks.call("new-task", name, tasks.fifos)
    equal(tasks.call("state", name), "created", "state")
    equal(tasks.call("pid", name, "init"), pid, "pid")
    equal(sorted(tasks.fifo_files()), ["init-stderr", "init-stdin", "init-stdout"], "FIFOs")

    equal(tasks.run("load-task", name), ("from the task", 4), "output and status")


@task_case("joining a task that has ended does not wait for its streams")
def joined_late(tasks):
    name = tasks.new("exit 3")
    tasks.call("new-task", name, tasks.fifos)
    tasks.call("begin", name)
    equal(tasks.call("wait", name, "init"), 3, "status")
    wait_until(lambda: reap() or tasks.call("monitor-pid", name, "init") == 0, "the monitor's end")

    equal(tasks.run("join-task", name), ("", 3), "output and status")


@task_case("a task that cannot be made leaves no FIFO and no process")
def not_made(tasks):
    bundle = tasks.bundle("true")
    path = os.path.join(bundle, "config.json")
    config = json.loads(tasks.box.read(path))
    config["process"]["cwd"] = "relative"
    tasks.box.write(path, json.dumps(config))
    name = tasks.new_in(bundle)

    error = tasks.fails("task", name, tasks.fifos)

    equal(error.code, "RUNTIME_FAILED", str(error))
    check("cwd" in str(error).lower(), f"the runtime's words: {error}")
    equal(os.listdir(tasks.fifos), [], "FIFOs")
    equal(tasks.call("state", name), "new", "state")


# --- mounts


@task_case("a bind mount is there for the task, and gone after the deletion")
def bound(tasks):
    bundle, image = tasks.emptied("cat /mark; echo x >/new 2>/dev/null || echo read-only")
    name = tasks.new_in(bundle)
    text, status = tasks.run("task", name, tasks.fifos, *bind(image))
    equal((text, status), ("here\nread-only", 0), "output and status")
    equal(len(tasks.mounted()), 1, f"mounts before the deletion: {tasks.mounted()}")

    tasks.call("delete", name)

    equal(tasks.mounted(), [], "mounts")
    equal(os.listdir(os.path.join(bundle, "rootfs")), [], "the directory beneath")


@task_case("the type bind alone is a bind mount, and a bundle may be reached through a link")
def linked(tasks):
    bundle, image = tasks.emptied("cat /mark")
    link = tasks.box.at("state", "link")
    os.symlink(bundle, link)
    name = tasks.new_in(link)
    equal(tasks.run("task", name, tasks.fifos, *bind(image, "defaults")), ("here", 0), "output")
    equal(len(tasks.mounted()), 1, "mounts before the deletion")

    tasks.call("delete", name)

    equal(tasks.mounted(), [], "mounts")


def overlay(tasks, image):
    """Over a tmpfs, as an overlay cannot lie over another everywhere."""
    upper = tasks.box.at("state", "upper")
    os.makedirs(upper)
    status, _, err = run_plain("mount", "-t", "tmpfs", "tmpfs", upper)
    if status != 0:
        raise Skip(f"this machine mounts no tmpfs: {err}")
    tasks.box.cleanups.append(lambda: run_plain("umount", "-l", upper))
    for folder in ("diff", "work", "probe"):
        os.mkdir(os.path.join(upper, folder))
    options = f"lowerdir={image},upperdir={upper}/diff,workdir={upper}/work"
    status, _, err = run_plain("mount", "-t", "overlay", "overlay", "-o", options, f"{upper}/probe")
    if status != 0:
        raise Skip(f"this machine mounts no overlay there: {err}")
    run_plain("umount", f"{upper}/probe")
    return ["overlay", "overlay", options], upper


@task_case("an overlay takes what the task writes, and is gone after the deletion")
def overlaid(tasks):
    bundle, image = tasks.emptied("cat /mark; echo kept >/new")
    mount, upper = overlay(tasks, image)
    before = tasks.mounted()
    name = tasks.new_in(bundle)
    equal(tasks.run("task", name, tasks.fifos, *mount), ("here", 0), "output and status")
    equal(len(tasks.mounted()), len(before) + 1, "mounts before the deletion")

    tasks.call("delete", name)

    equal(tasks.mounted(), before, "mounts")
    equal(tasks.box.read(os.path.join(upper, "diff", "new")), b"kept\n", "the upper directory")
    equal(run_plain("umount", upper)[0], 0, "umount")


@task_case("of several mounts the last is seen, and all are undone")
def several(tasks):
    bundle, image = tasks.emptied("cat /mark")
    other = tasks.box.at("state", "other")
    shutil.copytree(image, other, symlinks=True)
    tasks.box.write(os.path.join(other, "mark"), "on top\n")
    name = tasks.new_in(bundle)
    equal(tasks.run("task", name, tasks.fifos, *bind(image), *bind(other)), ("on top", 0), "output")
    equal(len(tasks.mounted()), 2, "mounts before the deletion")

    tasks.call("delete", name)

    equal(tasks.mounted(), [], "mounts")


@task_case("a root file system that is a mount of its own stays mounted")
def own_mount(tasks):
    bundle, image = tasks.emptied("cat /mark")
    rootfs = os.path.join(bundle, "rootfs")
    status, _, err = run_plain("mount", "--bind", rootfs, rootfs)
    equal(status, 0, err)
    name = tasks.new_in(bundle)
    equal(tasks.run("task", name, tasks.fifos, *bind(image)), ("here", 0), "output and status")

    tasks.call("delete", name)

    equal(len(tasks.mounted()), 1, f"the bundle's own mount: {tasks.mounted()}")
    equal(run_plain("umount", rootfs)[0], 0, "umount")


@task_case("if the second mount fails the first is undone, and why is told")
def second_fails(tasks):
    bundle, image = tasks.emptied("cat /mark")
    name = tasks.new_in(bundle)

    error = tasks.fails("task", name, tasks.fifos, *bind(image), *bind("/no/such/source"))

    check("/no/such/source" in str(error) and "No such file" in str(error), str(error))
    equal(tasks.mounted(), [], "mounts")
    equal(os.listdir(tasks.fifos), [], "FIFOs")
    equal(tasks.run("task", name, tasks.fifos, *bind(image)), ("here", 0), "the next try")


@task_case("if the task cannot be made its mounts are undone")
def start_fails(tasks):
    bundle, image = tasks.emptied("true")
    os.unlink(os.path.join(image, "bin", "sh"))
    name = tasks.new_in(bundle)

    error = tasks.fails("new-task", name, tasks.fifos, *bind(image))

    equal(error.code, "RUNTIME_FAILED", str(error))
    equal(tasks.mounted(), [], "mounts")
    equal(tasks.call("state", name), "new", "state")


@task_case("an object that was loaded before the mounts were made undoes them")
def stale(tasks):
    bundle, image = tasks.emptied("sleep 1000")
    name = tasks.new_in(bundle)

    tasks.call("stale-delete", name, tasks.fifos, *bind(image))

    equal(tasks.mounted(), [], "mounts")
    equal(tasks.names(), [], "the root")


@task_case("a task from a checkpoint is made at its start, and its mounts go with the container")
def deferred(tasks):
    bundle, image = tasks.emptied("true")
    images = tasks.box.at("state", "no-images")
    os.mkdir(images)
    tasks.box.ignored_files |= {"criu.work", "restore.log", "descriptors.json", "stats-restore"}
    name = tasks.new_in(bundle)

    equal(tasks.call("new-task", name, tasks.fifos, *bind(image), checkpoint=images), 0, "pid")

    equal(tasks.call("state", name), "new", "state")
    check(not os.path.exists(tasks.at(name, "init")), "there is no init")
    equal(len(tasks.mounted()), 1, "mounts")
    error = tasks.fails("task", name, tasks.fifos, *bind(image), checkpoint=images)
    check(error.code in ("RUNTIME_FAILED", "MONITOR_EXITED"), f"{error.code}: {error}")
    check(not os.path.exists(tasks.at(name, "init")), "there is no init")
    equal(len(tasks.mounted()), 1, "mounts")
    tasks.call("delete", name)
    equal(tasks.mounted(), [], "mounts")


@task_case("a caller that is killed anywhere leaves nothing that a deletion does not undo")
def killed(tasks):
    print(f"# seed {SEED}", flush=True)
    chance = random.Random(SEED)
    length = None
    for number in range(ROUNDS + 1):
        bundle, image = tasks.emptied("sleep 1000")
        name = tasks.new_in(bundle)
        words = ("new-task", name, tasks.fifos, *bind(image), *bind(image))
        begin = time.monotonic()
        moment = 0
        if length is None:
            tasks.call(*words)
            length = time.monotonic() - begin
        else:
            moment = chance.uniform(0, length * SPREAD)
            call = tasks.begin(*words)
            time.sleep(moment)
            call.kill()
        where = f"round {number}, killed after {moment * 1000:.1f} ms"
        wait_until(lambda name=name: settled(tasks, name), f"{where}: the deletion")
        equal(tasks.mounted(), [], f"{where}: mounts")
        check(not tasks.has_runtime_state(name), f"{where}: the runtime forgot it")
        shutil.rmtree(tasks.fifos)
        os.mkdir(tasks.fifos)
        shutil.rmtree(image)


def settled(tasks, name):
    try:
        tasks.call("delete", name, "force")
    except Failed as error:
        if error.code != "BUSY":
            raise
        return False
    return True
