# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Monitors that are upgraded and then killed, or killed while they are upgraded: another one takes
their place, and the container's output and end are whole."""

import json
import random
import time

from adoption import adopt, adoptable, directory, kill_monitor, wait_removed
from harness import case, check, equal
from peers import logged_bytes, parse_log
from processes import is_running
from upgrade import COUNT, check_counted, install, request, rotated, upgrade

CONMON = "it has no upgrade"


def ours(name):
    return case(name, conmon=CONMON)


def counting(box, **options):
    """A container that counts until the file is there."""
    install(box)
    stop = box.at("out", "stop")
    return adoptable(box, COUNT.format(stop=stop, status=7), **options).created(), stop


def finish(box, monitor, stop):
    check(is_running(monitor.container_pid), "the container")
    box.write(stop, "")
    equal(monitor.wait_exited(), b"7")
    wait_removed(monitor)
    return check_counted(monitor.logged(), what="the log")


@ours("upgraded, killed, adopted, upgraded and so on: every line once, and the exit status")
def in_turn(box):
    monitor, stop = counting(box)
    for i in range(6):
        install(box)
        upgrade(monitor)
        upgrade(monitor)
        # Where it stands who answered is all the same.
        box.wait_text(directory(monitor, "upgrade"), b"%d\n" % (2 * i + 2))
        kill_monitor(monitor)
        adopt(monitor)
    upgrade(monitor)

    finish(box, monitor, stop)


def kill_often(monitor):
    rng = random.Random(f"{time.time()}")
    for _ in range(25):
        request(monitor)
        # Any moment is right: an upgrade takes about as long.
        time.sleep(rng.random() * 0.03)
        kill_monitor(monitor)
        adopt(monitor)


@ours("killed at some moment of an upgrade")
def meanwhile(box):
    monitor, stop = counting(box)
    kill_often(monitor)

    finish(box, monitor, stop)


@ours("the same with two logs, which are rotated")
def meanwhile_rotated(box):
    first, second = box.at("logs", "first"), box.at("logs", "second")
    monitor, stop = counting(box, log=[f"k8s-file:{first}", f"json-file:{second}"],
                             args=["--log-size-max", "300000", "--log-rotate",
                                   "--log-max-files", "1000"])
    kill_often(monitor)

    box.write(stop, "")
    equal(monitor.wait_exited(), b"7")
    wait_removed(monitor)
    last = check_counted(logged_bytes(parse_log(rotated(first))), what="the log")
    records = (json.loads(line)["log"].encode() for line in rotated(second).splitlines())
    equal(check_counted(b"".join(records), what="the second log"), last)


@ours("the status of a container whose second monitor was upgraded too")
def ends_alone(box):
    for i in range(4):
        install(box)
        stop = box.at("out", f"stop{i}")
        command = f"while [ ! -e {stop} ]; do sleep 0.02; done; exit {i + 3}"
        monitor = adoptable(box, command).created()
        upgrade(monitor)
        kill_monitor(monitor)
        adopt(monitor)
        upgrade(monitor)
        box.write(stop, "")

        equal(monitor.wait_exited(), b"%d" % (i + 3))
        wait_removed(monitor)
