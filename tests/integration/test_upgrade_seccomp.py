# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Upgrades of monitors whose container's seccomp filter asks an agent: it goes on answering, and
who asks for its end gets it."""

import os
import signal

from harness import case, check, equal
from oci import find_runtime
from processes import is_running, wait_until
from seccomp import Guarded, rule
from upgrade import install, request, upgrade

CONMON = "it has no upgrade"
# A call for each file that appears.
TRY = """for i in 1 2 3; do while ! test -e /go$i; do sleep 0.02; done
busybox mkdir /tmp/x 2>&1; echo tried-$i; done; while ! test -e /stop; do sleep 0.02; done; exit 3"""


def ours(name):
    return case(name, conmon=CONMON)


def guarded(box, command=TRY):
    install(box)
    return Guarded(box, find_runtime("runc"), command,
                   rules=[rule(["*"], "errno", errno="EXDEV")]).use_process_dir().start()


def touch(container, name):
    path = os.path.join(container.monitor.bundle_dir, "rootfs", name)
    container.box.write(path, "")


@ours("the agent goes on answering, and ends with the container, as does its socket")
def goes_on(box):
    container = guarded(box)
    agent = container.agent_pid()
    for i in range(1, 4):
        upgrade(container.monitor)
        touch(container, f"go{i}")
        container.monitor.wait_logged(b"tried-%d\n" % i)
    equal(container.agent_pid(), agent)
    check(os.path.exists(container.socket), "the socket")
    # A new process brings its filter's descriptor by the same socket.
    session = container.container.exec_sync(["sh", "-c", "busybox mkdir /tmp/x 2>&1"]).spawn().go()
    equal(session.rest(), b'{"exit_code": 1}\n')
    equal(sum(record["count"] for record in container.wait_records(1)), 4)
    equal(container.monitor.logged().count(b"ross-device"), 3)

    touch(container, "stop")
    equal(container.ended(), 3)
    wait_until(lambda: not is_running(agent), "the agent's end")
    check(not os.path.exists(container.socket), "the socket is there")
    equal(container.box.read(container.message_path), b"")


def killed(box, kill_and_upgrade):
    container = guarded(box)
    monitor = container.monitor
    kill_and_upgrade(monitor, container.agent_pid())
    box.wait_text(container.message_path, b"holdfast-seccomp-agent ended")
    wait_until(lambda: not os.path.exists(container.socket), "the socket's end")
    upgrade(monitor)
    for name in ("go1", "go2", "go3", "stop"):
        touch(container, name)

    equal(container.ended(), 3)
    check(b"Function not implemented" in monitor.logged(), monitor.logged())
    equal(box.read(container.message_path).count(b"holdfast-seccomp-agent ended"), 1)


@ours("an agent that is killed after an upgrade is told of once")
def killed_after(box):
    def kill_and_upgrade(monitor, agent):
        upgrade(monitor)
        os.kill(agent, signal.SIGKILL)

    killed(box, kill_and_upgrade)


@ours("an agent that is killed while an upgrade is asked for is told of once")
def killed_meanwhile(box):
    def kill_and_upgrade(monitor, agent):
        os.kill(monitor.daemon_pid, signal.SIGSTOP)
        os.kill(agent, signal.SIGKILL)
        upgrade(monitor, ask=go_on)

    killed(box, kill_and_upgrade)


def go_on(monitor):
    request(monitor)
    os.kill(monitor.daemon_pid, signal.SIGCONT)
