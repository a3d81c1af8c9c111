# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""holdfast-shim as the daemon of containerd 0.2 meets it, with a fake runtime."""

import json
import os

from harness import case, check, equal
from processes import command_line, is_running, session_of, stat_fields, wait_until
from shim import Shim, kill


def ours(name):
    return case(name, conmon="it has no shim")


def recorded(box, name="record"):
    return box.read(box.at("out", name, "argv")).decode().splitlines()


@ours("the shim's process becomes the monitor, and lives as long as the container")
def becomes_monitor(box):
    shim = Shim(box, "exec sleep 1000").created()

    check("holdfast-monitor" in command_line(shim.pid), command_line(shim.pid))
    equal(shim.directory.read("monitor.pid"), b"%d" % shim.pid)
    check(is_running(shim.pid), "it lives")
    kill(shim.container_pid)
    equal(shim.wait_exit(), b"137")
    equal(shim.wait_gone(), 0)


@ours("every file of the process directory is there")
def files(box):
    shim = Shim(box, "exit 3", fifos=()).created()

    equal(shim.wait_exit(), b"3")
    shim.wait_gone()
    equal(sorted(os.listdir(shim.directory.path)),
          ["control", "exit", "exitStatus", "lock", "monitor.pid", "monitor.start",
           "monitor.version", "pid", "process.json", "shim-log.json", "starttime"])
    equal(shim.directory.read("shim-log.json"), b"")


@ours("streams are those of process.json")
def streams(box):
    shim = Shim(box, "read line; echo got $line; echo err >&2; exit 6")
    for name in ("stdout", "stderr"):
        shim.directory.open_reader(name)
    shim.created()
    os.write(shim.directory.open_writer(), b"hello\n")

    equal(shim.wait_exit(), b"6")
    equal(shim.directory.read_fifo("stdout"), b"got hello\n")
    equal(shim.directory.read_fifo("stderr"), b"err\n")


@ours("FIFOs that no client opens hold nothing up")
def nobody_opens(box):
    shim = Shim(box, "exit 0").created()

    equal(shim.wait_exit(), b"0")


@ours("a terminal has its size from the control FIFO")
def terminal(box):
    shim = Shim(box, "stty size; read line; echo got $line; exit 2",
                process={"args": ["sh"], "terminal": True})
    shim.directory.control(b"1 111 22\n")
    shim.directory.open_reader("stdout")
    shim.created()
    shim.directory.read_fifo("stdout", text=b"22 111\r\n")
    os.write(shim.directory.open_writer(), b"yes\n")

    equal(shim.wait_exit(), b"2")
    check(b"got yes\r\n" in shim.directory.read_fifo("stdout"), "the answer")


@ours("a control line closes stdin though its client stays")
def close_stdin(box):
    shim = Shim(box, "cat; exit 5")
    shim.directory.open_reader("stdout")
    shim.created()
    os.write(shim.directory.open_writer(), b"data\n")

    shim.directory.control(b"0 0 0\n")

    equal(shim.wait_exit(), b"5")
    equal(shim.directory.read_fifo("stdout"), b"data\n")


@ours("the runtime gets what process.json says")
def runtime_arguments(box):
    shim = Shim(box, script={"record": box.at("out", "record")},
                keys={"runtimeArgs": ["--root", "--strange value"], "noPivotRoot": True}).created()
    shim.wait_exit()

    path = shim.directory.path
    equal(recorded(box)[1:],
          ["--log", f"{path}/log.json", "--log-format", "json", "--root", "--strange value",
           "create", "--bundle", box.bundle, "--pid-file", f"{path}/pid", "--no-pivot", shim.cid])


@ours("a runtime is looked for in PATH")
def runtime_in_path(box):
    os.symlink(box.runtime_path, box.at("out", "some-runtime"))
    path = box.at("out") + ":" + os.environ["PATH"]
    shim = Shim(box, "exit 9", runtime="some-runtime", env={"PATH": path}).created()

    equal(shim.wait_exit(), b"9")


@ours("the runtime deletes a container at its end, before exit hangs up")
def runtime_delete(box):
    record = box.at("out", "deleted")
    shim = Shim(box, "exec sleep 1000", script={"delete:": f"record {record}"},
                keys={"runtimeArgs": ["--some-arg"]}).created()
    check(os.path.isdir(box.at("run", shim.cid)), "the runtime knows it")

    kill(shim.container_pid)
    shim.wait_exit()

    check(not os.path.exists(box.at("run", shim.cid)), "the runtime has deleted it")
    equal(recorded(box, "deleted")[1:], ["--some-arg", "delete", "--force", shim.cid])


@ours("a runtime that fails is told of in its own words")
def runtime_fails(box):
    shim = Shim(box, script={"fail": "no such thing"})

    equal(shim.must_fail(), "oci runtime error: no such thing")


@ours("a runtime that fails without a word of its log is told of too")
def runtime_fails_silently(box):
    shim = Shim(box, script={"exit": "7", "container": "none", "pid_file": "none",
                             "stderr": "out of luck"})

    words = shim.must_fail()

    check(words.startswith("shim error: ") and "out of luck" in words, words)


@ours("a runtime that is missing, a bundle that is missing")
def missing_things(box):
    words = Shim(box, runtime="no-such-runtime").must_fail()
    equal(words, 'shim error: OCI runtime "no-such-runtime": executable file not found in $PATH')
    words = Shim(box, runtime="/nowhere/runc").must_fail()
    check(words.startswith("shim error: ") and "/nowhere/runc" in words, words)
    words = Shim(box, bundle="/nowhere/bundle").must_fail()
    check(words.startswith("shim error: ") and "/nowhere/bundle" in words, words)


@ours("a monitor that is missing")
def missing_monitor(box):
    words = Shim(box, env={"HOLDFAST_MONITOR": "/nowhere/monitor"}).must_fail()

    equal(words, "shim error: execute '/nowhere/monitor': No such file or directory")


@ours("a FIFO that is missing")
def missing_fifo(box):
    words = Shim(box, keys={"containerdStdout": "/nowhere/fifo"}).must_fail()

    check(words.startswith("shim error: ") and "/nowhere/fifo" in words, words)


@ours("process.json that is broken in every way names the place")
def broken_process_file(box):
    for text, words in (
        ("", "process.json: "),
        ("{", "process.json: "),
        ("[]", "process.json: "),
        ('{"args": "sh"}', "args: "),
        ('{"args": ["sh", 7]}', "args[1]: "),
        ('{"args": ["sh"], "exec": "yes"}', "exec: "),
        ('{"args": ["sh"], "runtimeArgs": [1]}', "runtimeArgs[0]: "),
        ('{"args": ["sh"], "containerdStdin": 5}', "containerdStdin: "),
        ('{"args": ["sh"], "rootUID": -1}', "rootUID: "),
        ('{"args": ["sh"], "rootUID": 4294967296}', "rootUID: "),
        ('{"args": ["sh"], "monitorArgs": {}}', "monitorArgs: "),
        ('{"args": ["sh"], "checkpoint": "/nowhere"}', "/nowhere"),
    ):
        shim = Shim(box, fifos=())
        box.write(shim.directory.at("process.json"), text)

        said = shim.must_fail()

        check(said.startswith("shim error: ") and words in said, f"{text}: {said}")
        equal(shim.wait_gone(), 1)
    os.unlink(Shim(box, fifos=()).directory.at("process.json"))
    check("process.json" in box.monitors[-1].must_fail(), "a missing file")


@ours("arguments that make no sense")
def bad_arguments(box):
    for identity in ("-x", "a/b"):
        shim = Shim(box, fifos=())
        shim.cid = identity
        check("is no container id" in shim.must_fail(), identity)
    shim = Shim(box, fifos=())
    shim.bundle = ""
    check("is empty" in shim.must_fail(), "an empty bundle")


@ours("errors are told on the sync pipe as well")
def sync_pipe(box):
    for options in ({"runtime": "no-such-runtime"}, {"keys": {"containerdStdout": "/nowhere/f"}}):
        shim = Shim(box, sync=True, **options).spawn()
        shim.wait_gone()

        message = json.loads(os.read(shim.sync_fd, 4096))

        equal(message["data"], -1)
        check(message["message"], message)


@ours("the pid is told on the sync pipe, and nobody else has its end")
def sync_pipe_pid(box):
    shim = Shim(box, "exec sleep 1000", sync=True).spawn()

    equal(json.loads(os.read(shim.sync_fd, 4096)), {"data": shim.container_pid})
    equal(os.read(shim.sync_fd, 4096), b"")


@ours("an exec runs in its container, and has no delete")
def exec_process(box):
    container = Shim(box, "exec sleep 1000").created()
    record = box.at("out", "record")
    shim = container.exec("read a; echo $a; exit 12", script={"record": record})
    shim.directory.open_reader("stdout")
    shim.created()
    os.write(shim.directory.open_writer(), b"word\n")

    equal(shim.wait_exit(), b"12")
    equal(shim.directory.read_fifo("stdout"), b"word\n")
    path = shim.directory.path
    equal(recorded(box)[1:],
          ["--log", f"{path}/log.json", "--log-format", "json", "exec", "--pid-file",
           f"{path}/pid", "--process", f"{path}/process.json", "--detach", container.cid])
    check(is_running(container.container_pid), "the container lives")
    check(os.path.isdir(box.at("run", container.cid)), "the runtime knows it")


@ours("an exec with a terminal")
def exec_terminal(box):
    container = Shim(box, "exec sleep 1000").created()
    shim = container.exec("test -t 0 && echo terminal; exit 13",
                          process={"args": ["sh"], "terminal": True})
    shim.directory.open_reader("stdout")
    shim.created()

    equal(shim.wait_exit(), b"13")
    equal(shim.directory.read_fifo("stdout"), b"terminal\r\n")


@ours("an exec that fails leaves the container alone")
def exec_fails(box):
    container = Shim(box, "exec sleep 1000").created()
    shim = container.exec(script={"fail": "no such command"})

    equal(shim.must_fail(), "oci runtime error: no such command")
    check(is_running(container.container_pid), "the container lives")
    check(os.path.isdir(box.at("run", container.cid)), "the runtime knows it")


@ours("an exec's capabilities in the old form reach the runtime in the new one")
def old_capabilities(box):
    container = Shim(box, "exec sleep 1000").created()
    record = box.at("out", "record")
    process = {"args": ["sh"], "cwd": "/", "capabilities": ["CAP_KILL"],
               "rlimits": [{"type": "RLIMIT_CORE", "hard": 18446744073709551615, "soft": 0}]}
    shim = container.exec(process=process, script={"record": record}).created()
    shim.wait_exit()

    spec = recorded(box)[recorded(box).index("--process") + 1]
    equal(spec, shim.directory.at("process-oci.json"))
    sets = {name: ["CAP_KILL"] for name in ("bounding", "effective", "permitted")}
    equal(json.loads(box.read(spec)), {**process, "capabilities": sets})


@ours("a container is restored from a checkpoint with what that was made with")
def restore(box):
    checkpoint = box.at("out", "checkpoint")
    os.mkdir(checkpoint)
    box.write(f"{checkpoint}/config.json", json.dumps({
        "name": "x", "tcp": True, "unixSockets": True, "shell": True, "exit": True,
        "emptyNS": ["network"]}))
    shim = Shim(box, "exit 14", script={"record": box.at("out", "record")},
                keys={"checkpoint": checkpoint}).created()

    equal(shim.wait_exit(), b"14")
    words = recorded(box)
    words = words[words.index("restore"):]
    equal(words[:-2],
          ["restore", "--bundle", box.bundle, "--pid-file", shim.directory.at("pid"), "--detach",
           "--image-path", checkpoint, "--work-path", box.bundle, "--shell-job",
           "--tcp-established", "--ext-unix-sk", "--empty-ns=network", "--work-path"])
    check(words[-2].startswith(f"{checkpoint}/criu.work/restore-"), words[-2])


@ours("monitorArgs go to the monitor")
def monitor_args(box):
    log = box.at("logs", "ctr.log")
    shim = Shim(box, "echo hello", keys={"monitorArgs": [f"--log-path=k8s-file:{log}"]},
                fifos=()).created()

    shim.wait_exit()

    check(box.read(log).endswith(b"stdout F hello\n"), box.read(log))


@ours("a second shim for the same directory is refused and deletes nothing")
def second_shim(box):
    first = Shim(box, "exec sleep 1000").created()
    pid = first.pid
    first.spawn()
    second = first.pid
    first.wait_gone()
    first.pid = pid

    check(is_running(first.container_pid), "the container lives")
    check(os.path.isdir(box.at("run", first.cid)), "the runtime knows it")
    equal(first.directory.read("monitor.pid"), b"%d" % pid)
    check(second != pid, "two processes")


@ours("a create that fails because the container exists does not delete it")
def exists_already(box):
    first = Shim(box, "exec sleep 1000", identity="same").created()
    again = Shim(box, identity="same", name="init2", script={"fail": "container with given ID "
                                                             "already exists"},
                 keys={"exec": False})

    equal(again.must_fail(), "oci runtime error: container with given ID already exists")
    again.wait_gone()
    check(os.path.isdir(box.at("run", "same")), "the runtime knows it")
    check(is_running(first.container_pid), "the container lives")


@ours("what a failed create left with the runtime is deleted")
def failed_create_is_deleted(box):
    shim = Shim(box, "exec sleep 1000", script={"pid_file": "none", "exit": "1"})

    check(shim.must_fail().startswith("shim error: "), shim.failure())

    wait_until(lambda: not os.path.exists(box.at("run", shim.cid)), "the delete")


@ours("the shim is in a session of its own, or at least in a group")
def session(box):
    shim = Shim(box, "exec sleep 1000").created()

    check(session_of(shim.pid) == shim.pid or int(stat_fields(shim.pid)[2]) == shim.pid,
          stat_fields(shim.pid)[1:5])


@ours("process.json as containerd 0.2.8 wrote it is understood")
def from_containerd(box):
    shim = Shim(box, "cat; exit 15")
    text = {"consoleSize": {"height": 0, "width": 0}, "user": {"uid": 0, "gid": 0},
            "args": ["/bin/sh", "-c", "true"], "env": ["PATH=/bin", "TERM=xterm"], "cwd": "/",
            "noNewPrivileges": True, "exec": False,
            **{f"containerd{n.capitalize()}": shim.directory.fifo(n) for n in shim.fifos},
            "runtimeArgs": None, "noPivotRoot": True, "checkpoint": "", "rootUID": 0, "rootGID": 0}
    box.write(shim.directory.at("process.json"), json.dumps(text, separators=(",", ":")) + "\n")
    shim.directory.open_reader("stdout")
    shim.created()
    os.write(shim.directory.open_writer(), b"through\n")
    shim.directory.close("stdin")

    equal(shim.wait_exit(), b"15")
    equal(shim.directory.read_fifo("stdout"), b"through\n")
