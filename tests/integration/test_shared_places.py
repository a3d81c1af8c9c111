# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Places that an engine gives to two at once, or takes away: bundles, directories, streams."""

import os
import shutil
import signal

from harness import case, check, equal

WAIT = "exec sleep 1000"


@case("an exec in the container's bundle leaves the container's control lines to it")
def exec_in_bundle(box):
    container = box.create(WAIT, terminal=True).created()
    os.kill(container.daemon_pid, signal.SIGSTOP)
    container.control(b"1 33 44\n")

    box.exec("exit 0", bundle=box.bundle, log="none").created().wait_exited()
    os.kill(container.daemon_pid, signal.SIGCONT)

    container.wait_size(33, 44)


@case("an exit file in the socket directory is not removed with the link",
      conmon="it has a link of that name left when it writes the file")
def exit_file_in_socket_dir(box):
    monitor = box.create("exit 3", full_attach=False, exit_dir=box.at("sockets")).created()

    monitor.wait_gone()

    equal(box.read(monitor.exit_file()), b"3")
    check(not os.path.islink(monitor.exit_file()), "a file")
    os.unlink(monitor.exit_file())


@case("a terminal with passthrough runs, and nobody gets what it prints")
def passthrough_terminal(box):
    monitor = box.create("head -c 300000 /dev/zero; exit 4", terminal=True, log="passthrough",
                         autostart=False)

    monitor.created()
    monitor.start()

    equal(monitor.wait_exited(), b"4")


@case("an exit file that cannot be written makes the monitor's own status not zero",
      conmon="it ends with its own code")
def exit_dir_is_gone(box):
    monitor = box.create("exit 0", sync=True, autostart=False).created()
    shutil.rmtree(monitor.exits)
    monitor.start()

    status = monitor.wait_gone()

    equal(status, 1)
    equal(box.read(os.path.join(monitor.persist_dir, "exit")), b"0")
    os.mkdir(monitor.exits)
