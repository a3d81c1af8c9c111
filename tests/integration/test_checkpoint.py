# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Containers that a real CRIU has put on disk and the monitor brings back: --restore."""

import os

from checkpoints import STATUS, Counter, require_criu
from harness import case, check, equal
from oci import find_runtime
from processes import wait_until


def newest(counter):
    return ([0] + counter.numbers())[-1]


def run_until(counter, number):
    """Waits for the number, or a later one; returns the newest."""
    wait_until(lambda: newest(counter) >= number, f"{number} in the log")
    return newest(counter)


def run_on(counter):
    return run_until(counter, newest(counter) + 5)


def follows(numbers, first):
    return numbers == list(range(first, first + len(numbers)))


@case("a restored container goes on from where it was, with log, attach and exit status")
def goes_on(box):
    counter = Counter(box, require_criu()).create().start()
    run_until(counter, 5)
    images = counter.checkpoint("images")
    equal(counter.monitor.wait_exited(), b"137", "status of what CRIU has ended")
    counter.monitor.wait_gone()
    before = counter.numbers()
    check(follows(before, 1), before)

    monitor = counter.restore(images)
    client = monitor.attach()
    run_until(counter, before[-1] + 5)
    counter.stop()
    equal(monitor.wait_exited(), STATUS)
    client.read_all()
    monitor.wait_gone()

    after = counter.numbers()
    check(follows(after, before[-1] + 1), f"{before} went on with {after}")
    seen = [int(line) for line in client.output[2].split()]
    check(seen and seen == after[-len(seen):], f"attach: {seen} of {after}")


@case("three checkpoints of one container each bring back their own moment")
def three(box):
    counter = Counter(box, require_criu()).create().start()
    checkpoints = []
    for turn in range(3):
        least = run_on(counter)
        images = counter.checkpoint(f"images{turn}", leaves_running=turn < 2)
        checkpoints.append((images, least))
    counter.monitor.wait_gone()
    last = counter.numbers()[-1]

    firsts = {}
    for turn in (1, 0, 2):
        images, least = checkpoints[turn]
        counter.restore(images)
        run_on(counter)
        counter.stop()
        equal(counter.monitor.wait_exited(), STATUS, f"status of checkpoint {turn}")
        counter.monitor.wait_gone()
        os.unlink(counter.stop_file())
        numbers = counter.numbers()
        firsts[turn] = numbers[0]
        check(follows(numbers, numbers[0]), f"checkpoint {turn} counts on: {numbers}")
        check(numbers[0] > least, f"checkpoint {turn} was made after {least}: {numbers}")
    check(firsts[0] < firsts[1] < firsts[2] == last + 1, f"{firsts}, after {last}")


@case("a restored container with a terminal has it")
def terminal(box):
    counter = Counter(box, require_criu(), terminal=True).create().start()
    run_until(counter, 3)
    images = counter.checkpoint("images")
    counter.monitor.wait_gone()
    last = counter.numbers()[-1]

    monitor = counter.restore(images)
    run_until(counter, last + 3)
    monitor.control(b"1 31 97\n")
    monitor.wait_size(31, 97)
    counter.stop()

    equal(monitor.wait_exited(), STATUS)
    check(follows(counter.numbers(), last + 1), counter.numbers())


@case("a restore without images is told in the runtime's words")
def no_images(box):
    runtime = find_runtime("runc")
    box.expects_nothing_left = True
    counter = Counter(box, runtime)
    monitor = counter.monitor
    empty = box.at("state", "empty")
    os.mkdir(empty)
    monitor.args = [*monitor.args, "--restore", empty]
    monitor.spawn().go()

    text = monitor.rest().decode()

    check('"data": -1' in text, text)
    check("criu" in text.lower() or "no such file" in text.lower(), text)
    check(monitor.wait_gone() != 0, "the monitor's status")
