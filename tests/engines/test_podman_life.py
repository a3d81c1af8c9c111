# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""From create to remove: stop, kill, restart, the exit command, OOM, notifications."""

import os
import signal
import socket

from podman_kit import case, check, equal, printed_id, Skip, wait_until
from processes import is_running, read_proc, session_of

TRAPS = "trap 'echo got it; exit 9' TERM; echo ready; while :; do usleep 20000; done"


@case("stop ends a container that handles the signal with the container's own status")
def stop_handled(box):
    container = box.start(TRAPS)
    box.wait_log(container, b"ready\n")

    box.podman("stop", "--time", "30", container, expect=0)

    equal(box.inspect(container, "State.ExitCode"), "9")
    equal(box.logs(container).out, b"ready\ngot it\n")


@case("stop kills a container that ignores the signal")
def stop_ignored(box):
    container = box.start("trap '' TERM; echo ready; while :; do usleep 20000; done")
    box.wait_log(container, b"ready\n")

    box.podman("stop", "--time", "1", container, expect=0)

    equal(box.inspect(container, "State.ExitCode"), "137")


@case("kill sends the signal that it is told to")
def kill_signal(box):
    container = box.start(TRAPS.replace("TERM", "USR1"))
    box.wait_log(container, b"ready\n")

    box.podman("kill", "--signal", "USR1", container, expect=0)

    equal(box.wait(container), 9)
    equal(box.logs(container).out, b"ready\ngot it\n")


@case("kill without a signal gives 137")
def kill_default(box):
    container = box.start("sleep 1000")

    box.podman("kill", container, expect=0)

    equal(box.wait(container), 137)


@case("a signal to podman run is handed on to the container")
def run_signal_proxy(box):
    script = "trap 'echo here' WINCH; " + TRAPS
    client = box.spawn("run", *box.placed("--name", "proxied"), "sh", "-c", script)
    wait_until(lambda: box.podman("logs", "proxied").out == b"ready\n", "the traps")

    # Podman hands signals on only some time after the start; WINCH does it no harm before.
    def handed_on():
        client.send_signal(signal.SIGWINCH)
        return b"here\n" in box.logs("proxied").out

    wait_until(handed_on, "podman to hand signals on")
    client.send_signal(signal.SIGTERM)

    equal(client.wait(60), 9)


@case("a paused container is still when paused and goes on afterwards")
def pause(box):
    container = box.start("until test -e /tmp/go; do usleep 20000; done; exit 3")

    box.podman("pause", container, expect=0)
    equal(box.status(container), "paused")
    with open(box.at("rootfs/tmp/go"), "wb"):
        pass
    box.podman("unpause", container, expect=0)

    equal(box.wait(container), 3)


@case("restart gives a running container a new monitor and a new process")
def restart_running(box):
    container = box.start("echo run; exec sleep 1000")
    before = box.conmon_pid(container), box.container_pid(container)

    box.podman("restart", "--time", "0", container, expect=0)

    after = box.conmon_pid(container), box.container_pid(container)
    check(not set(before) & set(after), f"{before} and {after}")
    wait_until(lambda: not is_running(before[0]), "the former monitor to end")
    equal(box.status(container), "running")


@case("start runs a container again with another exit status")
def start_again(box):
    container = box.start("test -e /tmp/second && exit 2; touch /tmp/second; exit 1")
    equal(box.wait(container), 1)

    equal(box.podman("start", "--attach", container).status, 2)
    equal(box.inspect(container, "State.ExitCode"), "2")


@case("restart on-failure:2 runs a failing container three times")
def restart_on_failure(box):
    container = box.start("echo run; exit 3", "--restart", "on-failure:2")

    # Without Podman: each run's exit command starts the next.
    wait_until(lambda: len(box.events(container, "died")) == 3, "the third end")
    wait_until(lambda: not box.started(), "the last exit command to end")
    equal(box.inspect(container, "RestartCount"), "2")
    equal(box.inspect(container, "State.ExitCode"), "3")
    equal(box.logs(container).out, b"run\n" * 3)


@case("restart on-failure leaves a container alone that succeeds")
def restart_not_needed(box):
    container = box.start("echo run", "--restart", "on-failure:2")

    wait_until(lambda: not box.started(), "the exit command to end")

    equal(box.logs(container).out, b"run\n")


@case("restart always goes on until the container is stopped")
def restart_always(box):
    container = box.start("echo run; sleep 0.2", "--restart", "always")
    wait_until(lambda: len(box.events(container, "died")) >= 3, "the third end")

    box.podman("stop", "--time", "0", container, expect=0)

    wait_until(lambda: not box.started(), "everything to end")
    equal(box.status(container), "exited")


@case("the exit command cleans up without any podman call")
def exit_command(box):
    container = box.start("until test -e /tmp/go; do usleep 20000; done; exit 3")
    with open(box.at("rootfs/tmp/go"), "wb"):
        pass

    wait_until(lambda: box.events(container, "cleanup"), "the cleanup event")
    wait_until(lambda: not box.started(), "the exit command to end")

    equal(box.events(container, "died")[0]["ContainerExitCode"], 3)
    check(not os.path.exists(f"/run/runc/{container}"), "the runtime forgot the container")
    equal(box.status(container), "exited")
    check(box.inspect(container, "State.FinishedAt") >= box.inspect(container, "State.StartedAt"),
          "the times")  # fmt: skip


@case("inspect shows the pid of a monitor that lives in a session and a cgroup of its own")
def conmon_pid(box):
    container = box.start("sleep 1000")

    pid = box.conmon_pid(container)

    equal(os.readlink(f"/proc/{pid}/exe"), box.monitor)
    equal(read_proc(pid, "comm"), b"conmon\n")
    equal(session_of(pid), pid)
    check(f"{box.cgroup}/conmon\n" in read_proc(pid, "cgroup").decode(), "the cgroup")
    check(b"--exit-command-arg\0cleanup\0" in read_proc(pid, "cmdline"), "the command line")


@case("conmon-pidfile has the pid of the monitor that stays")
def conmon_pidfile(box):
    path = box.at("monitor.pid")

    container = box.start("sleep 1000", "--conmon-pidfile", path)

    with open(path, encoding="ascii") as file:
        equal(file.read(), str(box.conmon_pid(container)))


@case("the monitor ends by itself after its container")
def conmon_ends(box):
    container = box.start("until test -e /tmp/go; do usleep 20000; done")
    pid = box.conmon_pid(container)

    with open(box.at("rootfs/tmp/go"), "wb"):
        pass

    wait_until(lambda: not is_running(pid), "the monitor to end")


@case("podman info tells the version of the monitor")
def info(box):
    field = box.podman("info", "--format", "{{.Host.Conmon.Version}}", expect=0).out.decode()
    path = box.podman("info", "--format", "{{.Host.Conmon.Path}}", expect=0).out.decode()

    check(field.startswith("conmon version 2."), field)
    check(", commit: " in field, field)
    equal(path.strip(), box.monitor)


@case("an OOM kill is told as such", conmon="2.1.6 misses it where cgroup v1 and v2 are mixed")
def oom_killed(box):
    result = box.run("tail /dev/zero", "--memory", "20m", "--name", "hungry")
    if result.status == 0:
        raise Skip("this machine does not limit memory")

    equal(result.status, 137)
    equal(box.inspect("hungry", "State.OOMKilled"), "true")


@case("a SIGKILL that is no OOM kill is not told as one")
def oom_not_killed(box):
    container = box.start("sleep 1000", "--memory", "50m")

    box.podman("kill", container, expect=0)

    equal(box.wait(container), 137)
    equal(box.inspect(container, "State.OOMKilled"), "false")


@case("a container goes on without its monitor, and podman can use and remove it")
def conmon_killed(box):
    container = box.start("sleep 1000")
    pid = box.container_pid(container)
    # Podman waits in vain for the exit file and never has the OCI runtime delete the container.
    box.ignores_runtime_state = True

    os.kill(box.conmon_pid(container), signal.SIGKILL)
    wait_until(lambda: not box.monitors(), "the monitor to die")

    equal(box.status(container), "running")
    equal(box.podman("exec", container, "echo", "here").out, b"here\n")
    box.podman("rm", "--force", "--time", "0", container, expect=0)
    check(not is_running(pid), "the container's process has ended")


@case("SIGTERM to the monitor ends the container, whose status is kept")
def conmon_terminated(box):
    container = box.start(TRAPS)
    box.wait_log(container, b"ready\n")

    os.kill(box.conmon_pid(container), signal.SIGTERM)

    equal(box.wait(container), 9)


def notify_socket(box):
    path = box.at("notify.sock")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(path)
    server.settimeout(60)
    box.cleanups.append(server.close)
    return server, path


@case("sdnotify=container relays READY=1 and podman names the monitor as the main process")
def sdnotify_container(box):
    server, path = notify_socket(box)
    container = printed_id(box.run(
        "echo $NOTIFY_SOCKET; sleep 1000", "-d", "--sdnotify", "container",
        environment={"NOTIFY_SOCKET": path}, expect=0,
    ))  # fmt: skip
    equal(server.recv(4096), b"MAINPID=%d" % box.conmon_pid(container))
    inside = box.wait_log(container, b"\n").decode().strip()

    # The container's own view of the path, from outside: busybox cannot send to a socket.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.connect(f"/proc/{box.container_pid(container)}/root{inside}")
        client.send(b"READY=1\nMAINPID=1\n")

    equal(server.recv(4096).strip(), b"READY=1")


@case("sdnotify=conmon names the monitor as the main process that is ready")
def sdnotify_conmon(box):
    server, path = notify_socket(box)

    container = printed_id(box.run(
        "sleep 1000", "-d", "--sdnotify", "conmon",
        environment={"NOTIFY_SOCKET": path}, expect=0,
    ))  # fmt: skip

    told = server.recv(4096).split(b"\n")
    equal(sorted(told), [b"MAINPID=%d" % box.conmon_pid(container), b"READY=1"])


@case("ps --all lists what ran with the status of each")
def ps_all(box):
    for code in (0, 1, 42):
        box.run(f"exit {code}", "--name", f"ended-{code}")
    box.start("sleep 1000", "--name", "runs")

    lines = box.podman("ps", "--all", "--format", "{{.Names}} {{.Status}}", expect=0).out.decode()

    for code in (0, 1, 42):
        check(f"ended-{code} Exited ({code})" in lines, lines)
    check("runs Up" in lines, lines)


@case("rm --force ends a running container and its monitor")
def rm_force(box):
    container = box.start("sleep 1000")
    pids = box.conmon_pid(container), box.container_pid(container)

    box.podman("rm", "--force", "--time", "0", container, expect=0)

    wait_until(lambda: not any(is_running(pid) for pid in pids), "both to end")
    equal(box.podman("ps", "--all", "--quiet", expect=0).out, b"")


@case("a container that is created and never started has no monitor")
def never_started(box):
    container = box.create("exit 0")

    equal(box.status(container), "created")
    equal(box.started(), [])


@case("an initialised container waits with its monitor until it is started")
def init_then_start(box):
    container = box.create("echo went; exit 3")

    box.podman("init", container, expect=0)
    equal(len(box.monitors()), 1, "monitors")
    equal(box.logs(container).out, b"")
    box.podman("start", container, expect=0)

    equal(box.wait(container), 3)
    equal(box.logs(container).out, b"went\n")
