# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The monitor with --process-dir: what a loader that comes later finds, and when."""

import os
import signal

from harness import case, check, equal
from peers import AttachClient
from procdir import ProcessDir
from processes import is_running, stat_fields, switches, wait_quiet, wait_until

OURS = dict(sync=True, persist=None, exit_dir=None, socket_dir=None, full_attach=False)


def ours(name):
    return case(name, conmon="it has no process directory")


def start(box, directory, command="exit 0", fifos=(), **options):
    """A monitor with a process directory, and no log unless the case names one."""
    paths = [f"--{name}-path={directory.fifo(name)}" for name in fifos]
    args = ["--process-dir", directory.path, *paths, *options.pop("args", [])]
    without = ["-P"] + (["-l"] if "log" not in options else [])
    monitor = box.create(command, args=args, without=without, **{**OURS, **options})
    monitor.pid_file = directory.at("pid")
    return monitor


def files(directory):
    return sorted(os.listdir(directory.path))


@ours("the files of a process that lives")
def living(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, "exec sleep 1000").created()
    pid = monitor.container_pid

    equal(files(directory), ["attach", "control", "exit", "lock", "monitor.pid", "monitor.start",
                             "monitor.version", "pid", "shim-log.json", "starttime"])
    equal(directory.read("pid"), b"%d" % pid)
    equal(directory.read("starttime"), stat_fields(pid)[19].encode())
    equal(directory.read("monitor.pid"), b"%d" % monitor.pid)
    equal(directory.read("monitor.start"), stat_fields(monitor.pid)[19].encode())
    equal(directory.messages(), [])
    check(directory.is_locked(), "a monitor lives")
    check(not directory.has_hung_up(), "no hang-up")
    equal(os.listdir(box.bundle), ["config.json"])


@ours("the files of a process that has ended")
def ended(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, "exit 42").created()

    equal(directory.wait_exit(), b"42")
    equal(monitor.wait_gone(), 0)
    check(not directory.is_locked(), "no monitor lives")
    equal(files(directory), ["control", "exit", "exitStatus", "lock", "monitor.pid",
                             "monitor.start", "monitor.version", "pid", "shim-log.json",
                             "starttime"])


@ours("both FIFOs are made where nobody made them, and a loader may come later")
def without_daemon(box):
    directory = ProcessDir(box, daemon=False)
    go = box.at("out", "go")
    start(box, directory, f"while [ ! -e {go} ]; do sleep 0.01; done; exit 7").created()
    directory.open_exit()

    check(not directory.has_hung_up(), "no hang-up while it lives")
    box.write(go, "")

    equal(directory.wait_exit(), b"7")


@ours("a signal is 128 and its number")
def signalled(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, "exec sleep 1000").created()

    os.kill(monitor.container_pid, signal.SIGKILL)

    equal(directory.wait_exit(), b"137")


@ours("a process that was killed for its time limit has an unknown status")
def timed_out(box):
    directory = ProcessDir(box)
    start(box, directory, "exec sleep 1000", args=["--timeout", "1"]).created()

    equal(directory.wait_exit(), b"255")


@ours("exitStatus is there before exit hangs up, a hundred times")
def order(box):
    for number in range(100):
        directory = ProcessDir(box, f"p{number}")
        start(box, directory, f"exit {number}").run()

        equal(directory.wait_exit(), b"%d" % number)


@ours("exit hangs up after the exit command has ended")
def after_exit_command(box):
    directory = ProcessDir(box)
    go = box.at("out", "go")
    script = box.script("out/command", f"while [ ! -e {go} ]; do sleep 0.01; done; echo >{go}.done")
    start(box, directory, "exit 3", args=["--exit-command", script]).created()

    directory.wait_read("exitStatus")
    check(not directory.has_hung_up(), "the exit command has not ended")
    box.write(go, "")

    equal(directory.wait_exit(), b"3")
    check(os.path.exists(go + ".done"), "the exit command has ended")


@ours("a monitor that is killed leaves no lock, a hang-up and no status")
def monitor_killed(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, "exec sleep 1000").created()

    os.kill(monitor.pid, signal.SIGKILL)

    equal(directory.wait_exit(), None)
    monitor.wait_gone()
    check(not directory.is_locked(), "no lock")
    check(is_running(monitor.container_pid), "the container lives")


@ours("a second monitor is refused, names the first, and touches nothing")
def second(box):
    directory = ProcessDir(box)
    first = start(box, directory, "exec sleep 1000").created()
    before = {name: directory.read(name) for name in ("pid", "monitor.pid", "shim-log.json")}

    other = start(box, directory, "exit 0").spawn()
    message = other.line()

    check(f"has a monitor, process {first.pid}".encode() in message, message)
    equal(other.wait_gone(), 1)
    equal({name: directory.read(name) for name in before}, before)
    check(is_running(first.container_pid), "the container lives")


@ours("a directory whose process has ended, or runs without a monitor, is not used again")
def used(box):
    directory = ProcessDir(box)
    start(box, directory, "exit 4").created()
    directory.wait_exit()
    box.monitors[-1].wait_gone()
    message = start(box, directory, "exit 0").spawn().line()
    check(b"has ended, with status 4" in message, message)

    orphaned = ProcessDir(box, "orphaned")
    monitor = start(box, orphaned, "exec sleep 1000").created()
    os.kill(monitor.pid, signal.SIGKILL)
    monitor.wait_gone()
    message = start(box, orphaned, "exit 0").spawn().line()
    check(b"has a process already, %d" % monitor.container_pid in message, message)
    equal(orphaned.read("pid"), b"%d" % monitor.container_pid)


@ours("a directory that others may write to, that is a file or is missing, is refused")
def bad_directories(box):
    open_to_all = ProcessDir(box, "open", daemon=False)
    os.chmod(open_to_all.path, 0o770)
    for path, words in (
        (open_to_all.path, b"others may write"),
        (box.bundle + "/config.json", b"Not a directory"),
        (box.at("missing"), b"No such file"),
    ):
        directory = ProcessDir.__new__(ProcessDir)
        directory.path = path
        monitor = box.create("exit 0", args=["--process-dir", path], without=["-l", "-P"], **OURS)

        message = monitor.spawn().line()

        check(words in message, message)
        equal(monitor.wait_gone(), 1)
    equal(os.listdir(open_to_all.path), [])


@ours("something else with the name of a FIFO is left alone, and the start fails")
def taken_names(box):
    for name in ("exit", "control"):
        directory = ProcessDir(box, f"with-{name}", daemon=False)
        box.write(directory.at(name), "mine")
        # `exit` is opened before the start pipe is waited for.
        monitor = start(box, directory, "exit 0", pipes=name == "control").spawn()

        message = monitor.go().line() if name == "control" else None
        monitor.wait_gone()

        check(b"is no FIFO" in (message or monitor.stderr_text().encode()), message)
        equal(directory.read(name), b"mine")
        check(any("is no FIFO" in text for level, text in directory.messages() if level == "error"),
              directory.messages())


@ours("what is wrong with the options is told in shim-log.json too")
def bad_options(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, args=["--stdio-owner", "root"]).spawn()

    check(b"stdio-owner" in monitor.line(), "the sync pipe")
    equal(monitor.wait_gone(), 1)
    (level, text), = directory.messages()
    equal(level, "error")
    check("stdio-owner must be UID:GID" in text, text)


@ours("an option that is none is told in shim-log.json")
def unknown_option(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, args=["--no-such-option"]).spawn()

    equal(monitor.wait_gone(), 1)
    (level, text), = directory.messages()
    equal(level, "error")
    check("--no-such-option" in text, text)


@ours("a runtime's failure that it has logged is no error in shim-log.json")
def runtime_failure(box):
    directory = ProcessDir(box)
    log = directory.at("log.json")
    monitor = start(box, directory, script={"fail": "no such thing"},
                    args=["--runtime-arg", "--log", "--runtime-arg", log])

    message = monitor.run()

    equal(message, {"data": -1, "message": "no such thing\n"})
    monitor.wait_gone()
    check(b'"level":"error","msg":"no such thing"' in directory.read("log.json"), "log.json")
    (level, text), = directory.messages()
    equal(level, "warning")
    check("no such thing" in text, text)
    equal(directory.read("exitStatus"), None)


@ours("a runtime's failure without a log is an error in its words")
def runtime_failure_unlogged(box):
    for number, script in enumerate(({"fail": "no such thing"}, {"signal": "9"},
                                     {"pid_file": "none", "container": "none"})):
        directory = ProcessDir(box, f"p{number}")
        monitor = start(box, directory, script=script)
        monitor.run()
        monitor.wait_gone()

        (level, text), = directory.messages()
        equal(level, "error")
        check(number > 0 or "no such thing" in text, text)


@ours("a process that was made and had to be killed has an exit status")
def failed_after_process(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, "exec sleep 1000", terminal=True, script={"console": "none"})
    monitor.run()

    equal(directory.wait_exit(), b"255")
    monitor.wait_gone()
    check(directory.read("pid") is not None, "pid")


@ours("an exit command is not run for a start that left nothing")
def exit_command_after_failure(box):
    ran = box.at("out", "ran")
    script = box.script("out/command", f"echo >{ran}")
    for number, (options, runs) in enumerate((
        ({"script": {"fail": "container with given ID already exists"}}, False),
        ({"args": ["--stdout-path", "/nowhere/fifo"]}, False),
        ({"script": {"fail": "out of luck"}}, True),
    )):
        directory = ProcessDir(box, f"p{number}")
        args = ["--exit-command", script, *options.pop("args", [])]
        monitor = start(box, directory, args=args, **options)
        monitor.run()
        monitor.wait_gone()

        equal(os.path.exists(ran), runs, str(number))


@ours("a resize says the width first")
def resize(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, "exec sleep 1000", terminal=True).created()

    directory.control(b"1 132 43\n")

    monitor.wait_size(43, 132)


@ours("a resize before the monitor is there counts")
def early_resize(box):
    directory = ProcessDir(box)
    directory.control(b"1 99 33\n")

    monitor = start(box, directory, "exec sleep 1000", terminal=True).created()

    monitor.wait_size(33, 99)


@ours("control lines that mean nothing are told of and ignored")
def bad_lines(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, "exec sleep 1000", terminal=True).created()

    directory.control(b"hello\n4 0 0\n1 -5 7\n" + b"x" * 1000 + b"\n1 80 24\n")

    monitor.wait_size(24, 80)
    texts = [text for _, text in directory.messages()]
    equal(len(texts), 4, texts)
    equal({level for level, _ in directory.messages()}, {"warning"})


@ours("a control line closes stdin after all that was written before it")
def close_stdin(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, "cat; exit 5", stdin=True).created()
    client = AttachClient(directory.at("attach"))
    client.send(b"data\n")
    client.read_until(b"data\n")

    directory.control(b"0 0 0\n")

    equal(directory.wait_exit(), b"5")
    monitor.wait_gone()


@ours("a control line reopens the log")
def reopen(box):
    directory = ProcessDir(box)
    monitor = start(box, directory, "echo one; while [ ! -e {0} ]; do sleep 0.01; done; echo two"
                    .format(box.at("out", "go")), log=None).created()
    monitor.wait_logged(b"one\n")
    os.rename(monitor.log_path, monitor.log_path + ".old")

    directory.control(b"2 0 0\n")
    wait_until(lambda: os.path.exists(monitor.log_path), "the new log")
    box.write(box.at("out", "go"), "")
    directory.wait_exit()

    equal(monitor.logged(), b"two\n")


@ours("attach clients come to the process directory, however long its path is")
def attach(box):
    deep = "/".join(["d" * 60] * 4)
    directory = ProcessDir(box, deep)
    monitor = start(box, directory, "read line; echo got $line", stdin=True).created()
    client = AttachClient(directory.at("attach"))

    client.send(b"hello\n")

    equal(client.read_all()[2], b"got hello\n")
    equal(directory.wait_exit(), b"0")
    monitor.wait_gone()
    check(not os.path.exists(directory.at("attach")), "the socket is removed")


@ours("without --sync it goes into the background and is its directory's monitor all the same")
def background(box):
    directory = ProcessDir(box)
    args = ["--process-dir", directory.path]
    options = {**OURS, "sync": False}
    monitor = box.create("exec sleep 1000", args=args, without=["-l"], **options)
    monitor.created()

    check(monitor.daemon_pid != monitor.pid, "two processes")
    equal(directory.read("monitor.pid"), b"%d" % monitor.daemon_pid)
    check(directory.is_locked(), "a monitor lives")
    os.kill(monitor.container_pid, 9)
    equal(directory.wait_exit(), b"137")


@ours("shim-log.json does not grow beyond its limit")
def log_limit(box):
    directory = ProcessDir(box)
    box.write(directory.at("shim-log.json"), b'{"level":"info","msg":"x","time":""}\n' * 28339)
    start(box, directory, "exec sleep 1000", terminal=True).created()

    for _ in range(5):
        directory.control(b"nonsense\n" * 3)
    wait_until(lambda: "nothing more is said" in directory.messages()[-1][1], "the last line")
    size = os.path.getsize(directory.at("shim-log.json"))
    directory.control(b"nonsense\n1 80 24\n")
    box.monitors[0].wait_size(24, 80)

    equal(os.path.getsize(directory.at("shim-log.json")), size)
    check(size < (1 << 20) + 1024, size)


@ours("an idle monitor with FIFOs has no wake-ups")
def idle(box):
    names = ("stdin", "stdout", "stderr")
    directory = ProcessDir(box, fifos=names)
    monitor = start(box, directory, "exec sleep 1000", fifos=names).created()
    wait_quiet(monitor.pid)
    before = switches(monitor.pid)

    wait_quiet(monitor.pid)

    equal(switches(monitor.pid), before)
