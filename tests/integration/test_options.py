# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The command line: how it reaches the runtime, its quirks, timeouts, and inherited descriptors."""

import os
import re

from harness import case, check, equal
from processes import is_running, run_plain, wait_until


def runtime_argv(box, **options):
    """The runtime's arguments, the monitor that caused them."""
    directory = box.at("out", "record")
    kind = options.pop("kind", "create")
    script = {"record": directory, **options.pop("script", {})}
    monitor = getattr(box, kind)("exit 0", script=script, **options).spawn().go()
    text = box.wait_text(os.path.join(directory, "argv"), b"\n")
    monitor.rest()
    return text.decode().splitlines()[1:], monitor


@case("create calls the runtime as conmon does")
def create_argv(box):
    argv, monitor = runtime_argv(box)

    equal(argv, ["create", "--bundle", box.bundle, "--pid-file", monitor.pid_file, monitor.cid])


@case("every option of create is at its place")
def create_argv_with_options(box):
    args = ["-s", "--runtime-arg", "--log-format=json", "--runtime-arg", "--log",
            "--runtime-arg=/x", "--no-pivot", "--no-new-keyring", "--runtime-opt",
            "--preserve-fds", "--runtime-opt", "0"]
    argv, monitor = runtime_argv(box, args=args)

    equal(argv, ["--systemd-cgroup", "--log-format=json", "--log", "/x", "create", "--bundle",
                 box.bundle, "--pid-file", monitor.pid_file, "--no-pivot", "--no-new-keyring",
                 "--preserve-fds", "0", monitor.cid])


@case("exec calls the runtime as conmon does")
def exec_argv(box):
    argv, monitor = runtime_argv(box, kind="exec", log="none", args=["-s", "--runtime-opt", "--x"])

    spec = box.at("out", "process0.json")
    equal(argv, ["exec", "--pid-file", monitor.pid_file, "--process", spec, "--detach", "--x",
                 monitor.cid])


@case("exec with a terminal passes a console socket and no --tty", conmon="2.1.6 passes --tty")
def exec_terminal_argv(box):
    argv, monitor = runtime_argv(box, kind="exec", log="none", terminal=True)

    spec = box.at("out", "process0.json")
    equal(argv[:6], ["exec", "--pid-file", monitor.pid_file, "--process", spec, "--detach"])
    equal(argv[6], "--console-socket")
    equal(argv[8:], [monitor.cid])


@case("restore calls the runtime as conmon does")
def restore_argv(box):
    args = ["--restore", "/checkpoint", "--runtime-opt", "--tcp-established"]
    argv, monitor = runtime_argv(box, args=args)

    equal(argv, ["restore", "--bundle", box.bundle, "--pid-file", monitor.pid_file, "--detach",
                 "--image-path", "/checkpoint", "--work-path", box.bundle, "--tcp-established",
                 monitor.cid])


@case("--restore-arg is --runtime-opt")
def restore_arg(box):
    argv, monitor = runtime_argv(box, args=["--restore", "/checkpoint", "--restore-arg", "--x"])

    equal(argv[-2:], ["--x", monitor.cid])


def accepted(box, **options):
    return box.create("exit 0", **options).run()


@case("--api-version takes no value: any number behind it is a stray word")
def api_version_zero(box):
    message = accepted(box, api=False, args=["--api-version", "0"])

    equal(list(message), ["data"])


@case("stray words are ignored")
def stray_words(box):
    equal(list(accepted(box, args=["stray", "words", "1"])), ["data"])


@case("-0 is --persist-dir")
def persist_short(box):
    monitor = box.create("exit 3", persist=None, args=["-0", box.at("out")]).created()

    equal(box.wait_file(box.at("out", "exit")), b"3")
    monitor.wait_gone()


@case("--pidfile is --container-pidfile")
def pid_file_long(box):
    path = box.at("bundle", "other-pid")
    box.ignored_files.add("other-pid")
    argv, _ = runtime_argv(box, without=["-p"], args=["--pidfile", path])

    check(path in argv, argv)


@case("hidden and removed options are accepted", conmon="Debian's has no seccomp notify")
def hidden_options(box):
    args = ["--seccomp-notify-plugins", "y"]

    equal(list(accepted(box, args=args)), ["data"])


@case("options of later conmons are accepted", conmon="2.1.6 does not know them")
def later_options(box):
    args = ["--log-allowlist-dirs", "/x", "--no-container-partial-message", "--log-max-files", "2",
            "--log-rotate"]

    equal(list(accepted(box, args=args)), ["data"])


@case("long options with = and short options with their value attached work")
def option_spellings(box):
    monitor = box.create("exit 0", without=["-n"], args=["--name=some", "--log-level=error"])

    equal(list(monitor.run()), ["data"])


@case("every log level Podman may pass is accepted")
def log_levels(box):
    for level in ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"):
        if box.is_conmon and level in ("panic", "fatal", "warn"):
            continue
        bundle = box.add_bundle("b-" + level)
        monitor = box.create(bundle=bundle, without=["--log-level"], args=["--log-level", level])
        equal(list(monitor.run()), ["data"], level)


@case("a log tag with no log driver is accepted, as podman exec sends it",
      conmon="2.1.6 wants the tag in the locale's encoding")
def tag_without_log(box):
    equal(list(accepted(box, log="none", args=["--log-tag", "{{.Name}} \u00fc"])), ["data"])


@case("--version prints what engines parse")
def version(box):
    status, out, err = run_plain(box.monitor_path, "--version")

    equal(status, 0)
    equal(err, "")
    check(re.fullmatch(r"conmon version \d+\.\d+\.\d+\ncommit: .*\n", out), out)
    podman = r"^(version:|conmon version)? (?P<Major>\d+).(?P<Minor>\d+).(?P<Patch>\d+)"
    check(re.match(podman, out), "Podman 4.3's expression")


@case("the version is 2.2.1", conmon="2.1.6")
def version_number(box):
    _, out, _ = run_plain(box.monitor_path, "--version")

    equal(out.splitlines()[0], "conmon version 2.2.1")


@case("--help lists the options engines look for")
def help_text(box):
    status, out, _ = run_plain(box.monitor_path, "--help")

    equal(status, 0)
    for option in ("--log-global-size-max", "--sync", "--exit-dir", "--full-attach", "--cid"):
        check(option in out, option)


@case("--timeout kills the process group, and the status is -1")
def timeout(box):
    command = f"sleep 1000 & echo $! > {box.at('out', 'child')}; wait"
    monitor = box.create(command, args=["--timeout", "1"]).created()

    equal(monitor.wait_exited(), b"-1")

    child = int(box.read(box.at("out", "child")))
    wait_until(lambda: not is_running(child), "the end of the whole group")


@case("--timeout does not touch a container that ends in time")
def timeout_not_reached(box):
    monitor = box.create("exit 3", args=["--timeout", "100"]).created()

    equal(monitor.wait_exited(), b"3")


@case("what was printed before a timeout is in the log")
def timeout_and_log(box):
    monitor = box.create("echo before; exec sleep 1000", args=["--timeout", "1"]).created()
    monitor.wait_exited()

    equal(monitor.logged(), b"before\n")


@case("--timeout with -1 for the monitor's own status is 255")
def timeout_monitor_status(box):
    monitor = box.exec_sync("exec sleep 1000", args=["-T", "1"]).spawn().go()

    equal(monitor.wait_gone(), 255)


@case("descriptors an engine preserves reach the container under their numbers")
def preserved(box):
    read_end, write_end = os.pipe()
    other = os.open("/dev/zero", os.O_RDONLY)
    args = ["--runtime-opt", "--preserve-fds", "--runtime-opt", "2"]
    monitor = box.create("echo hello >&3; readlink /proc/self/fd/4 >&3", args=args,
                         keep_fds=[write_end, other]).created()
    os.close(write_end)
    os.close(other)
    box.keep(read_end)
    monitor.wait_exited()

    equal(os.read(read_end, 100), b"hello\n/dev/zero\n")


def listen_pid(box, **options):
    directory = box.at("out", "record")
    monitor = box.create("exit 0", script={"record": directory}, **options).spawn().go()
    box.wait_file(os.path.join(directory, "oom_score_adj"))
    env = dict(line.split("=", 1) for line in
               box.read(os.path.join(directory, "env")).decode().splitlines() if "=" in line)
    runtime_pid = box.read(os.path.join(directory, "ids")).split()[0].decode()
    monitor.first_message()
    return env, runtime_pid


@case("LISTEN_PID of another process is handed on as it is")
def listen_pid_of_another(box):
    env, runtime_pid = listen_pid(box, env={"LISTEN_PID": "1", "LISTEN_FDS": "1"})

    equal(env["LISTEN_PID"], "1")
    equal(env["LISTEN_FDS"], "1")


@case("LISTEN_PID of the monitor becomes the runtime's own pid")
def listen_pid_of_monitor(box):
    # systemd sets it to the pid of the process that it starts.
    box.monitor_path = box.script("activated", f'LISTEN_PID=$$ exec {box.monitor_path} "$@"')
    env, runtime_pid = listen_pid(box, sync=True, env={"LISTEN_FDS": "1"})

    equal(env["LISTEN_PID"], runtime_pid)


@case("--replace-listen-pid makes LISTEN_PID the runtime's own pid")
def replace_listen_pid(box):
    env, runtime_pid = listen_pid(box, args=["--replace-listen-pid"],
                                  env={"LISTEN_PID": "1", "LISTEN_FDS": "1",
                                       "LISTEN_FDNAMES": "a:b"})

    equal(env["LISTEN_PID"], runtime_pid)
    equal([env["LISTEN_FDS"], env["LISTEN_FDNAMES"]], ["1", "a:b"])


@case("without LISTEN_PID none is invented")
def no_listen_pid(box):
    env, _ = listen_pid(box, args=["--replace-listen-pid"])

    check("LISTEN_PID" not in env, env)


@case("a LISTEN_PID that is no number is told as a failure")
def bad_listen_pid(box):
    box.expects_nothing_left = True
    monitor = box.create(env={"LISTEN_PID": "abc", "LISTEN_FDS": "1"}).spawn().go()

    told = monitor.rest()

    check(monitor.wait_gone() != 0, "a failure")
    check(b'"data": -1' in told or monitor.stderr_text(), "a message")


@case("options may come in any order and the last value counts")
def last_value_counts(box):
    path = box.at("logs", "other.log")
    monitor = box.create("exit 3", exit_dir=None, args=["--exit-dir", "/nonexistent", "--exit-dir",
                                                        box.at("exits"), "--name", path]).created()

    equal(box.wait_file(box.at("exits", monitor.cid)), b"3")
