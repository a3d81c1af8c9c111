# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""libholdfast with runc, each call a program of its own: what a container's life looks like to those
who come, go and meet."""

import json
import os
import shutil
import signal

from harness import case, check, equal
from library import Failed, Library
from processes import is_running, open_files, wait_until

OTHER_FILE = "what another wrote"


def library_case(name, real="runc"):
    def register(function):
        @case(name)
        def with_library(box):
            library = Library(box, real)
            function(library)
            for left in library.names():
                library.call("delete", left, "force")
            equal(library.nothing_left(), [], "what is left")

        return function

    return register


def fake_case(name):
    return library_case(name, real=None)


def read_number(library, *names):
    return int(library.box.read(library.at(*names)))


# --- the life of a container


@library_case("a container is created, started, waited for by another program, and deleted")
def life(library):
    name = library.new("sleep 1000 & wait; exit 3")
    equal(library.call("state", name), "new", "state")
    pid = library.call("start", name)
    equal(library.call("state", name), "created", "state")
    check(is_running(pid), "the process lives")
    equal(library.call("pid", name, "init"), pid, "pid")
    library.call("begin", name)
    equal(library.call("state", name), "running", "state")
    waiter = library.begin("wait", name, "init")
    poller = library.begin("poll", name, "init", 20000)
    equal(library.fails("exit-status", name, "init").code, "PROCESS_NOT_EXITED", "exit status")
    children = [child for child in library.call("pids", name) if child != pid]
    equal(len(children), 1, "the container's other processes")
    os.kill(children[0], signal.SIGTERM)
    equal(waiter.result(), 3, "status")
    equal(poller.result(), 1, "poll")
    equal(library.call("exit-status", name, "init"), 3, "status")
    equal(library.call("wait", name, "init"), 3, "status for who comes late")
    equal(library.call("state", name), "stopped", "state")
    library.call("delete", name)
    equal(library.names(), [], "the root")


@library_case("the forms for main loops do the same")
def async_life(library):
    name = library.new("exit 4")
    pid = library.call("start", name, **{"async": True})
    equal(library.call("pid", name, "init"), pid, "pid")
    waiter = library.begin("wait", name, "init", **{"async": True})
    library.call("exec", name, "e1", library.spec("exit 5"), **{"async": True})
    equal(library.call("wait", name, "e1", **{"async": True}), 5, "status of the exec")
    library.call("begin", name, **{"async": True})
    equal(waiter.result(), 4, "status")
    equal(library.fails("begin", name, **{"async": True}).code, "CONTAINER_EXITED", "begin")
    library.call("delete", name, **{"async": True})
    equal(library.names(), [], "the root")


@library_case("a signal's end is 128 and the signal")
def signalled(library):
    name = library.running("trap '' TERM; sleep 1000")
    library.call("signal", name, "init", 9)
    equal(library.call("wait", name, "init"), 137, "status")
    equal(library.fails("signal", name, "init", 9).code, "CONTAINER_EXITED", "signal")
    equal(library.fails("signal", name, "init", 999).code, "INVALID_ARGUMENT", "signal")


@library_case("an exec runs, ends with its own status, and is removed")
def execs(library):
    name = library.running()
    library.exec(name, "e1", "exit 7")
    equal(library.call("wait", name, "e1"), 7, "status")
    library.exec(name, "e2", "sleep 1000")
    equal(library.call("processes", name), {"init": "running", "e1": "stopped", "e2": "running"},
          "processes")
    equal(library.fails("exec", name, "e1", library.spec("true")).code, "EXISTS", "exec")
    equal(library.fails("exec", name, "init", library.spec("true")).code, "INVALID_ARGUMENT",
          "exec")
    equal(library.fails("exec", name, "../e", library.spec("true")).code, "INVALID_ARGUMENT",
          "exec")
    equal(library.fails("remove-process", name, "e2").code, "INVALID_STATE", "remove")
    equal(library.fails("remove-process", name, "e3").code, "NOT_FOUND", "remove")
    equal(library.fails("remove-process", name, "init").code, "INVALID_ARGUMENT", "remove")
    library.call("remove-process", name, "e1")
    equal(library.call("processes", name), {"init": "running", "e2": "running"}, "processes")
    library.exec(name, "e1", "exit 8")
    equal(library.call("wait", name, "e1"), 8, "status of the second of that name")


@library_case("a container is paused and resumed")
def pauses(library):
    name = library.running()
    library.call("pause", name)
    equal(library.call("state", name), "paused", "state")
    equal(library.call("query", name), "paused", "the runtime's word")
    check(os.path.exists(library.at(name, "paused")), "the mark of the pause")
    error = library.fails("pause", name)
    equal((error.code, "it is paused" in str(error)), ("INVALID_STATE", True), str(error))
    library.call("resume", name)
    equal(library.call("state", name), "running", "state")
    check(not os.path.exists(library.at(name, "paused")), "the mark of the pause is gone")
    equal(library.fails("resume", name).code, "INVALID_STATE", "resume")


@library_case("what is not possible in a state is refused and says which it is")
def wrong_states(library):
    name = library.new()
    for command in ("pause", "resume"):
        error = library.fails(command, name)
        equal((error.code, "it is new" in str(error)), ("INVALID_STATE", True), str(error))
    equal(library.fails("wait", name, "init").code, "CONTAINER_NOT_STARTED", "wait")
    equal(library.fails("begin", name).code, "CONTAINER_NOT_STARTED", "begin")
    equal(library.fails("exec", name, "e", library.spec("true")).code, "CONTAINER_NOT_STARTED",
          "exec")
    equal(library.fails("pids", name).code, "CONTAINER_NOT_STARTED", "pids")
    library.call("start", name)
    equal(library.fails("start", name).code, "EXISTS", "start")
    library.call("begin", name)
    equal(library.fails("begin", name).code, "INVALID_STATE", "begin")
    equal(library.fails("resize", name, "init", 80, 25).code, "INVALID_STATE", "resize")
    library.call("signal", name, "init", 9)
    library.call("wait", name, "init")
    equal(library.fails("begin", name).code, "CONTAINER_EXITED", "begin")
    equal(library.fails("exec", name, "e", library.spec("true")).code, "CONTAINER_EXITED", "exec")
    equal(library.fails("pids", name).code, "CONTAINER_EXITED", "pids")
    equal(library.fails("close-stdin", name, "init").code, "CONTAINER_EXITED", "close stdin")
    equal(library.fails("start", name).code, "EXISTS", "start")
    equal(library.fails("pause", name).code, "INVALID_STATE", "pause")


@library_case("requests reach the monitor: close stdin, resize, reopen logs")
def controls(library):
    fifo = library.box.at("out", "stdin")
    out = library.box.at("out", "stdout")
    os.mkfifo(fifo)
    library.box.write(out, "")
    name = library.new("cat; stty size 2>&1; exit 6")
    library.call("start", name, stdin=fifo, stdout=out)
    library.call("begin", name)
    writer = library.box.keep(os.open(fifo, os.O_WRONLY))
    os.write(writer, b"typed\n")
    library.box.wait_text(out, b"typed")
    log = library.at(name, "init", "ctr.log")
    os.rename(log, log + ".1")
    library.call("reopen-logs", name, "init")
    library.box.wait_file(log)
    library.call("close-stdin", name, "init")
    equal(library.call("wait", name, "init"), 6, "status")
    check(b"stdout F typed" in library.box.read(log + ".1"), "the log")

    name = library.new("trap 'stty size; exit 2' WINCH; echo ready; while :; do sleep 0.1; done",
                       terminal=True)
    library.call("start", name, log="k8s-file:" + library.box.at("out", "tty.log"))
    library.call("begin", name)
    library.box.wait_text(library.box.at("out", "tty.log"), b"ready")
    library.call("resize", name, "init", 91, 33)
    equal(library.call("wait", name, "init"), 2, "status")
    library.box.wait_text(library.box.at("out", "tty.log"), b"33 91")


@library_case("the log goes where it is told, into a directory that is made")
def logs(library):
    name = library.new("echo here")
    log = library.box.at("out", "deep", "er", "c.log")
    library.call("start", name, log=f"k8s-file:{log}")
    library.call("begin", name)
    equal(library.call("wait", name, "init"), 0, "status")
    check(b"stdout F here" in library.box.read(log), "the log")
    check(not os.path.exists(library.at(name, "init", "ctr.log")), "no default log beside it")


# --- errors


@library_case("errors of a start are told in the words of who knows, and leave nothing")
def start_errors(library):
    name = library.new("true")
    bundle = library.bundle("true")
    path = os.path.join(bundle, "config.json")
    config = json.loads(library.box.read(path))
    config["process"]["args"] = ["/bin/nonexistent"]
    library.box.write(path, json.dumps(config))
    error = library.fails("new-start", "wrong-program", bundle)
    equal(error.code, "RUNTIME_FAILED", str(error))
    check("/bin/nonexistent" in str(error), f"names the program: {error}")
    equal(os.listdir(library.at("wrong-program")).count("init"), 0, "init/")
    equal(library.call("state", "wrong-program"), "new", "state")
    check(not library.has_runtime_state("wrong-program"), "the runtime forgot it")

    library.box.write(path, json.dumps({**config, "process": {**config["process"], "args": 3}}))
    error = library.fails("start", "wrong-program")
    equal((error.code, "args" in str(error)), ("INVALID_ARGUMENT", True), str(error))

    library.box.write(path, "{")
    error = library.fails("start", "wrong-program")
    check("config.json" in str(error), str(error))

    error = library.fails("new-start", "no-runtime", library.bundle(), runtime="/nonexistent/runc")
    equal((error.code, "/nonexistent/runc" in str(error)), ("NOT_FOUND", True), str(error))
    error = library.fails("new-start", "no-shim", library.bundle(), shim="/nonexistent/shim")
    equal((error.code, "/nonexistent/shim" in str(error)), ("NOT_FOUND", True), str(error))
    for left in ("no-runtime", "no-shim"):
        check(not os.path.exists(library.at(left, "init")), "no init/")
    library.call("start", name)


@library_case("a monitor that cannot do its work says why")
def monitor_errors(library):
    name = library.new()
    error = library.fails("start", name, log="k8s-file:/proc/nonexistent/log")
    check("/proc/nonexistent" in str(error), str(error))
    check(not os.path.exists(library.at(name, "init")), "no init/")
    library.env["HOLDFAST_MONITOR"] = "/bin/true"
    error = library.fails("start", name)
    equal(error.code, "MONITOR_EXITED", str(error))
    library.env["HOLDFAST_MONITOR"] = "/nonexistent/monitor"
    error = library.fails("start", name)
    equal((error.code, "/nonexistent/monitor" in str(error)), ("MONITOR_EXITED", True), str(error))
    check(not os.path.exists(library.at(name, "init")), "no init/")
    del library.env["HOLDFAST_MONITOR"]
    library.call("start", name)


@library_case("errors of an exec leave the container and no directory")
def exec_errors(library):
    name = library.running()
    spec = json.loads(library.spec("true"))
    spec["args"] = ["/bin/nonexistent"]
    error = library.fails("exec", name, "e1", json.dumps(spec))
    equal(error.code, "RUNTIME_FAILED", str(error))
    check("/bin/nonexistent" in str(error), f"names the program: {error}")
    equal(library.call("processes", name), {"init": "running"}, "processes")


@fake_case("a start that takes too long is undone")
def start_times_out(library):
    library.set_script("hang start\n")
    error = library.fails("new-start", "slow", library.bundle(), timeout=300)
    equal(error.code, "START_TIMED_OUT", str(error))
    equal(os.listdir(library.at("slow")).count("init"), 0, "init/")
    equal(library.call("state", "slow"), "new", "state")
    library.set_script(None)
    library.call("start", "slow")
    equal(library.call("state", "slow"), "created", "state")


@fake_case("a start that is cancelled is undone")
def start_cancelled(library):
    library.set_script("hang end\ncommand sleep 1000\n")
    name = library.new()
    error = library.fails("start", name, cancel_after=200)
    equal(error.code, "g-io-error-quark", str(error))
    check(not os.path.exists(library.at(name, "init")), "no init/")
    check(not library.has_runtime_state(name), "the runtime forgot it")


@fake_case("what a runtime says on stderr alone is told")
def runtime_stderr(library):
    library.runtime = library.box.script("runtime", """
        case "$*" in *create*) ;; *) exit 0 ;; esac
        while [ "$1" != --log ]; do shift; done
        : > "$2"
        echo first >&2
        echo the last word >&2
        exit 3""")
    error = library.fails("new-start", "c", library.bundle())
    equal(error.code, "RUNTIME_FAILED", str(error))
    check("the last word" in str(error), str(error))
    check(not os.path.exists(library.at("c", "init")), "no init/")


@fake_case("a waiter is cancelled without an end")
def wait_cancelled(library):
    name = library.created()
    for form in ({}, {"async": True}):
        error = library.fails("wait", name, "init", cancel_after=100, **form)
        equal(error.code, "g-io-error-quark", str(error))
    equal(library.call("state", name), "created", "state")


# --- what others left


@library_case("a container without its monitor can be loaded, waited for and deleted")
def monitor_killed(library):
    name = library.running()
    library.exec(name, "e1", "sleep 1000")
    library.kill_monitor(name)
    library.kill_monitor(name, "e1")
    equal(library.call("monitor-pid", name, "init"), 0, "monitor")
    equal(library.call("state", name), "running", "state")
    equal(library.fails("exit-status", name, "init").code, "PROCESS_NOT_EXITED", "exit status")
    equal(library.fails("reopen-logs", name, "init").code, "INVALID_STATE", "reopen logs")
    equal(library.fails("delete", name).code, "INVALID_STATE", "delete")
    waiters = [library.begin("wait", name, process, **form)
               for process in ("init", "e1") for form in ({}, {"async": True})]
    poller = library.begin("poll", name, "init", 20000)
    library.call("signal", name, "init", 9)
    for waiter in waiters:
        # 137 where the kernel can tell of another's child, else 255 for unknown
        check(waiter.result() in (137, 255), "status")
    equal(poller.result(), 1, "poll")
    equal(library.call("state", name), "stopped", "state")
    equal(library.call("exit-status", name, "init"), 255, "status nobody could learn")
    check(library.has_runtime_state(name), "the runtime knows it still")
    library.call("delete", name)
    check(not library.has_runtime_state(name), "the runtime forgot it")


@library_case("a monitor that is killed under a waiter does not end the wait")
def monitor_killed_under_waiter(library):
    name = library.running()
    waiters = [library.begin("wait", name, "init", **form) for form in ({}, {"async": True})]
    fifo = library.at(name, "init", "exit")
    for waiter in waiters:
        wait_until(lambda waiter=waiter: fifo in open_files(waiter.pid).values(),
                   "the waiter's descriptor")
    library.kill_monitor(name)
    for waiter in waiters:
        wait_until(lambda waiter=waiter: fifo not in open_files(waiter.pid).values(),
                   "another descriptor")
    library.call("signal", name, "init", 9)
    for waiter in waiters:
        check(waiter.result() in (137, 255), "status")


@library_case("delete refuses while something runs, and with force ends it")
def deletes(library):
    name = library.running("trap '' TERM; sleep 1000")
    library.exec(name, "e1", "trap '' TERM; sleep 1000")
    pids = library.call("pids", name)
    error = library.fails("delete", name)
    equal(error.code, "INVALID_STATE", str(error))
    check("'e1'" in str(error) or "'init'" in str(error), f"names the process: {error}")
    equal(library.call("state", name), "running", "state")
    library.call("delete", name, "force")
    equal([pid for pid in pids if is_running(pid)], [], "processes")
    equal(library.names(), [], "the root")
    equal(library.fails("delete", name).code, "NOT_FOUND", "delete")
    equal(library.fails("start", name).code, "NOT_FOUND", "start")


@library_case("delete with force: new, created, paused, without a monitor")
def forced(library):
    names = [library.new(), library.created(), library.running(), library.running()]
    library.call("pause", names[2])
    library.kill_monitor(names[3])
    states = library.call("list")
    equal([states[name] for name in names], ["new", "created", "paused", "running"], "states")
    for name in names:
        library.call("delete", name, "force")
    equal(library.names(), [], "the root")


@library_case("a half-made process directory is no obstacle")
def half_made(library):
    for files in ((), ("process.json",), ("process.json", "exit", "control")):
        name = library.new()
        library.call("start", name)
        whole = library.at(name, "init")
        keep = library.box.at("out", "keep")
        library.call("signal", name, "init", 9)
        library.call("wait", name, "init")
        wait_until(lambda name=name: library.call("monitor-pid", name, "init") == 0, "the end")
        os.rename(whole, keep)
        os.mkdir(whole, 0o700)
        for file in files:
            os.rename(os.path.join(keep, file), os.path.join(whole, file))
        shutil.rmtree(keep)
        equal(library.call("state", name), "new", "state")
        pid = library.call("start", name)
        check(is_running(pid), "the process lives")
        os.mkdir(library.at(name, "e1"), 0o700)
        library.call("begin", name)
        library.exec(name, "e1", "exit 9")
        equal(library.call("wait", name, "e1"), 9, "status")
        os.mkdir(library.at(name, "e2"), 0o700)
        library.call("delete", name, "force")


@library_case("a created container that no pid file tells of is cleared away by the next start")
def pid_file_missing(library):
    name = library.created()
    pid = library.call("pid", name, "init")
    library.kill_monitor(name)
    os.unlink(library.at(name, "init", "pid"))
    equal(library.call("state", name), "new", "state")
    second = library.call("start", name)
    wait_until(lambda: not is_running(pid), "the end of the first")
    check(second != pid and is_running(second), "another process")


@fake_case("a directory that cannot be deleted whole can be deleted later, and names no container")
def hidden_leftovers(library):
    name = library.new()
    os.rename(library.at(name), library.at(f".deleted-{name}-00000000"))
    equal(library.call("list"), {}, "containers")
    other = library.new()
    library.call("delete", other)
    equal(library.names(), [], "the root")


@fake_case("an exit status that makes no sense is told, and nothing is invented")
def bad_exit_status(library):
    name = library.created()
    library.call("signal", name, "init", 9)
    library.call("wait", name, "init")
    path = library.at(name, "init", "exitStatus")
    for text in ("-1", "256", "12x", "99999999999999999999999", "\0"):
        library.box.write(path, text)
        equal(library.fails("exit-status", name, "init").code, "PROTOCOL", f"status {text!r}")
    library.box.write(path, "")
    equal(library.call("exit-status", name, "init"), 255, "an empty one")
    os.unlink(path)
    equal(library.call("exit-status", name, "init"), 255, "a missing one")


@fake_case("a recycled pid is never signalled, and is no running container")
def recycled_pid(library):
    name = library.created()
    library.kill(library.call("pid", name, "init"))
    library.call("wait", name, "init")
    library.box.write(library.at(name, "init", "pid"), str(os.getpid()))
    equal(library.fails("signal", name, "init", 9).code, "CONTAINER_EXITED", "signal")
    equal(library.call("state", name), "stopped", "state")


@fake_case("a broken process directory is told of and harms no other")
def broken_process(library):
    name = library.created()
    os.mkdir(library.at(name, "e1"), 0o700)
    library.box.write(library.at(name, "e1", "process.json"), "{\"args\":")
    equal(library.call("processes", name), {"init": "running"}, "processes")
    problems = library.call("problems", name)
    equal((len(problems), "'e1'" in problems[0]), (1, True), str(problems))
    equal(library.call("state", name), "created", "state")
    library.call("delete", name, "force")


@fake_case("a control FIFO that is none is left alone")
def control_is_no_fifo(library):
    name = library.created()
    path = library.at(name, "init", "control")
    os.rename(path, path + ".away")
    library.box.write(path, OTHER_FILE)
    equal(library.fails("reopen-logs", name, "init").code, "PROTOCOL", "reopen logs")
    equal(library.box.read(path).decode(), OTHER_FILE, "the file")
    os.unlink(path)
    os.symlink(library.box.write(library.box.at("out", "other"), OTHER_FILE), path)
    library.fails("reopen-logs", name, "init")
    equal(library.box.read(library.box.at("out", "other")).decode(), OTHER_FILE, "the file")


# --- several callers


def outcomes(calls):
    """How many succeeded, and the codes of the others."""
    codes = []
    for one in calls:
        try:
            one.result()
            codes.append("ok")
        except Failed as error:
            codes.append(error.code)
    return sorted(codes)


@library_case("of those who start one container at once one wins")
def concurrent_starts(library):
    name = library.new()
    codes = outcomes([library.begin("start", name) for _ in range(4)])
    equal(codes.count("ok"), 1, str(codes))
    equal(set(codes), {"ok", "EXISTS"}, "codes")
    equal(library.call("state", name), "created", "state")
    codes = outcomes([library.begin("begin", name) for _ in range(4)])
    equal(codes, ["INVALID_STATE"] * 3 + ["ok"], "codes")
    equal(library.call("state", name), "running", "state")
    codes = outcomes([library.begin("pause", name) for _ in range(4)])
    equal(codes, ["INVALID_STATE"] * 3 + ["ok"], "codes")
    equal(library.call("state", name), "paused", "state")


@library_case("execs of different ids run at once, of one id one wins")
def concurrent_execs(library):
    name = library.running()
    codes = outcomes([library.begin("exec", name, f"e{number}", library.spec("sleep 1000"))
                      for number in range(4)])
    equal(codes, ["ok"] * 4, "codes")
    codes = outcomes([library.begin("exec", name, "same", library.spec("sleep 1000"))
                      for _ in range(4)])
    equal(codes, ["EXISTS"] * 3 + ["ok"], "codes")
    equal(len(library.call("processes", name)), 6, "processes")
    equal(len(library.call("pids", name)), 6, "pids")


@library_case("of those who delete one container at once one wins")
def concurrent_deletes(library):
    name = library.running()
    codes = outcomes([library.begin("delete", name, "force") for _ in range(4)])
    equal(codes, ["NOT_FOUND"] * 3 + ["ok"], "codes")
    equal(library.names(), [], "the root")


@library_case("delete and exec, start or pause at once leave one clear state")
def delete_against_others(library):
    for words in (("exec", "e1", library.spec("sleep 1000")), ("begin",), ("pause",)):
        name = library.created() if words[0] == "begin" else library.running()
        other = library.begin(words[0], name, *words[1:])
        deletion = library.begin("delete", name, "force")
        codes = outcomes([other])
        equal(deletion.result(), True, f"delete beside {words[0]}: {codes}")
        check(set(codes) <= {"ok", "NOT_FOUND"}, f"{words[0]}: {codes}")
        equal(library.names(), [], "the root")


@library_case("many containers run at once and are listed with their states")
def many(library):
    names = [library.name() for _ in range(8)]
    calls = [library.begin("new-start", name, library.bundle()) for name in names]
    equal(outcomes(calls), ["ok"] * 8, "codes")
    equal(library.call("list"), {name: "created" for name in names}, "states")
    equal(outcomes([library.begin("delete", name, "force") for name in names]), ["ok"] * 8, "codes")


# --- tasks


@library_case("a task's streams are copied and its mounts come and go")
def tasks(library):
    layer = library.box.at("out", "layer")
    os.makedirs(os.path.join(layer, "bin"))
    bundle = library.bundle("true")
    shutil.copytree(os.path.join(bundle, "rootfs"), layer, symlinks=True, dirs_exist_ok=True)
    library.box.write(os.path.join(layer, "only-here"), "found\n")
    path = os.path.join(bundle, "config.json")
    config = json.loads(library.box.read(path))
    config["process"]["args"] = ["/bin/sh", "-c", "cat /only-here; exit 5"]
    library.box.write(path, json.dumps(config))
    fifos = library.box.at("out", "fifos")
    os.mkdir(fifos, 0o700)
    name = library.name()
    library.call("new", name, bundle)
    call = library.begin("task", name, fifos, "bind", layer, "rbind,ro")
    out, err = call.finish()
    equal((out.splitlines(), err), (["found", "{\"result\":5}"], ""), "output")
    equal(os.listdir(fifos), [], "FIFOs")
    check(any("rootfs" in line for line in mounts()), "mounted until the deletion")
    library.call("delete", name)
    check(not any("rootfs" in line for line in mounts() if library.box.path in line), "unmounted")

    name = library.name()
    library.call("new", name, library.bundle("echo again; exit 6"))
    library.call("new-task", name, fifos)
    equal(library.call("state", name), "created", "state")
    out, _ = library.begin("load-task", name).finish()
    equal(out.splitlines(), ["again", "{\"result\":6}"], "output")


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return file.readlines()


@library_case("a task that cannot start leaves neither mounts nor FIFOs")
def task_errors(library):
    fifos = library.box.at("out", "fifos")
    os.mkdir(fifos, 0o700)
    bundle = library.bundle("true")
    name = library.name()
    library.call("new", name, bundle)
    error = library.fails("new-task", name, fifos, "bind", library.box.at("logs"), "rbind")
    equal(error.code, "RUNTIME_FAILED", str(error))
    equal(os.listdir(fifos), [], "FIFOs")
    check(not any(library.box.path in line for line in mounts()), "nothing is mounted")
    check(not os.path.exists(library.at(name, "init")), "no init/")
