# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The processes of a monitor: --sync and daemonised, their pid files, sessions and stdio."""

import os

from harness import case, check, equal
from peers import read_until_end
from processes import (
    children,
    command_line,
    is_running,
    open_files,
    parent_of,
    read_proc,
    session_of,
    status_field,
    wait_exit,
    wait_quiet,
)


@case("the pid file of the monitor is there when the first process ends with status 0")
def pid_file_before_first_exit(box):
    monitor = box.create("exec sleep 1000").spawn().go()

    status = wait_exit(monitor.pid)
    text = box.read(monitor.conmon_pid_file)

    equal(status, 0)
    check(text is not None and text.isdigit(), f"digits and nothing else: {text!r}")
    check(is_running(int(text)), "it names the monitor")
    monitor.first_message()


@case("the runtime's pid file is left as the runtime wrote it")
def container_pid_file(box):
    monitor = box.create("exec sleep 1000").created()

    equal(int(box.read(monitor.pid_file)), monitor.container_pid)


@case("a daemonised monitor has a session of its own")
def own_session(box):
    monitor = box.create("exec sleep 1000").created()

    equal(session_of(monitor.daemon_pid), monitor.daemon_pid)


@case("the first process stays with --sync and is the container's parent")
def sync_stays(box):
    monitor = box.create("exec sleep 1000", sync=True).created()

    check(is_running(monitor.pid), "it runs")
    equal(parent_of(monitor.container_pid), monitor.pid)


@case("no pid file of the monitor is written with --sync")
def sync_writes_no_pid_file(box):
    path = box.at("bundle", "conmon-pidfile0")
    monitor = box.create("exec sleep 1000", sync=True, args=["-P", path]).created()

    check(not os.path.exists(path), path)
    check(is_running(monitor.pid), "it runs")


@case("with --sync the monitor ends with the container's exit status")
def sync_exit_status(box):
    for code in (0, 1, 42):
        monitor = box.create(f"exit {code}", sync=True, bundle=box.add_bundle(f"b{code}"))
        monitor.spawn().go()

        equal(monitor.wait_gone(), code)


@case("with --sync a signal that ended the container is 128 and its number")
def sync_exit_status_of_signal(box):
    monitor = box.create("kill -TERM $$", sync=True).spawn().go()

    equal(monitor.wait_gone(), 143)


@case("a daemonised monitor ends with the container's exit status too")
def daemon_exit_status(box):
    monitor = box.create("exit 42").created()

    equal(monitor.wait_gone(), 42)


@case("exec sync ends with the command's exit status")
def exec_sync_status(box):
    monitor = box.exec_sync("exit 17").spawn().go()

    equal(monitor.wait_gone(), 17)


@case("a pipe given as stderr reaches its end when the monitor has daemonised")
def stderr_is_given_back(box):
    read_end, write_end = os.pipe()
    null = box.keep(os.open("/dev/null", os.O_RDWR))
    monitor = box.create("exec sleep 1000", terminal=True, stdio=[null, null, write_end])
    monitor.spawn().go()
    os.close(write_end)

    text = read_until_end(box.keep(read_end))

    equal(text, b"")
    check(monitor.first_message()["data"] > 0, "a pid")


@case("pipes given as stdin and stdout are given back as well")
def stdio_is_given_back(box):
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    monitor = box.create("exec sleep 1000", stdio=[in_read, out_write, out_write]).spawn().go()
    os.close(in_read)
    os.close(out_write)
    box.keep(in_write)

    read_until_end(box.keep(out_read))
    monitor.first_message()
    wait_quiet(monitor.daemon_pid)

    files = open_files(monitor.daemon_pid)
    equal([files[fd] for fd in (0, 1, 2)], ["/dev/null"] * 3)


@case("the monitor's umask is 0022", conmon="2.1.6 keeps the engine's")
def umask(box):
    old = os.umask(0o077)
    monitor = box.create("umask", autostart=False).created()
    os.umask(old)

    status = read_proc(monitor.daemon_pid, "status").decode()

    equal(status_field(status, "Umask"), "0022")


@case("the container's log is made with a mode others cannot read")
def log_mode(box):
    monitor = box.create("echo x; sleep 1000").created()
    monitor.wait_logged(b"x\n")

    mode = os.stat(monitor.log_path).st_mode & 0o777

    equal(mode & 0o137, 0, "write and execute for others, any for the world")


@case("the monitor is one process while the container runs")
def one_process(box):
    monitor = box.create("exec sleep 1000").created()

    equal(children(monitor.daemon_pid), [monitor.container_pid])


@case("the monitor has no descriptor of the engine's pipes after the start but the sync pipe")
def start_pipe_is_closed(box):
    monitor = box.create("exit 0", autostart=False).created()
    wait_quiet(monitor.daemon_pid)

    # Our end of the start pipe says so by reaching its end.
    equal(os.read(monitor.start_fd, 1), b"")


@case("an idle monitor is not woken up")
def idle_is_idle(box):
    monitor = box.create("exec sleep 1000").created()
    client = monitor.attach()
    wait_quiet(monitor.daemon_pid)
    before = read_proc(monitor.daemon_pid, "status").decode()

    for _ in range(4):
        wait_quiet(monitor.container_pid)

    after = read_proc(monitor.daemon_pid, "status").decode()
    client.close()
    for field in ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"):
        equal(status_field(after, field), status_field(before, field), field)


@case("the command line and environment of the monitor stay readable in /proc")
def proc_entries(box):
    monitor = box.create(
        "exec sleep 1000",
        args=["--exit-command", "/bin/true", "--exit-command-arg", "cleanup-of-it"],
        env={"CONTAINERS_CONF": "/some/where"},
    ).created()

    check("--exit-command-arg cleanup-of-it" in command_line(monitor.daemon_pid), "cmdline")
    check(b"CONTAINERS_CONF=/some/where\0" in read_proc(monitor.daemon_pid, "environ"), "environ")


@case("two monitors in one bundle directory tree do not disturb each other")
def two_monitors(box):
    first = box.create("exit 1", autostart=False).created()
    second = box.exec("exit 2", log="none").created()

    equal(second.wait_exited(), b"2")
    first.start()
    equal(first.wait_exited(), b"1")
