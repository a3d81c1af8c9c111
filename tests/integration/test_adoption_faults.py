# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Monitors that are killed, and upgraded, at random moments, while containers count aloud at full
speed. HOLDFAST_FAULT_KILLS sets how often that happens to each."""

import glob
import json
import os
import random
import re
import signal
import subprocess
import threading
import time

import harness
from adoption import adopt, adoptable, directory, kill_monitor
from harness import check, equal
from peers import STDOUT
from processes import is_running, wait_quiet, wait_until
from upgrade import request, upgrade

KILLS = int(os.environ.get("HOLDFAST_FAULT_KILLS", "40"))
SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT)
RECORD = re.compile(rb"\S{35} (stdout|stderr) ([PF]) (.*)")
# Both streams count for as long as nobody says stop, then say where they ended.
SEQ = "while [ ! -e {stop} ]; do seq $i $((i + 999)); i=$((i + 1000)); done"
COUNT = "(i=1; {seq}) & (i=1; {seq}) >&2 & wait; while [ ! -e {end} ]; do sleep 0.01; done; exit 7"


def case(name):
    return harness.case(name, conmon="nobody takes over for it")


def counting(box, **options):
    seq = SEQ.format(stop=box.at("out", "stop"))
    monitor = adoptable(box, COUNT.format(seq=seq, end=box.at("out", "end")), **options)
    return monitor.created()


def chain(path):
    """A log with the full files beside it, oldest first."""
    full = sorted(glob.glob(path + ".[0-9]*"), key=lambda name: -int(name.rpartition(".")[2]))
    return [*full, path]


def read_chain(box, path):
    return b"".join(box.read(name) for name in chain(path))


def from_cri(data):
    parts = {b"stdout": [], b"stderr": []}
    for line in data.split(b"\n")[:-1]:
        match = RECORD.fullmatch(line)
        check(match, f"no record: {line[:200]!r}")
        parts[match[1]].append(match[3] + (b"\n" if match[2] == b"F" else b""))
    return {name: b"".join(pieces) for name, pieces in parts.items()}


def from_json(data):
    parts = {b"stdout": [], b"stderr": []}
    for line in data.split(b"\n")[:-1]:
        entry = json.loads(line)
        parts[entry["stream"].encode()].append(entry["log"].encode())
    return {name: b"".join(pieces) for name, pieces in parts.items()}


def check_counted(output, what):
    check(output.endswith(b"\n"), f"{what} ends within a line")
    numbers = [int(line) for line in output.split(b"\n")[:-1]]
    check(len(numbers) >= 1000, f"{what}: only {len(numbers)} lines")
    for i, number in enumerate(numbers, 1):
        if number != i:
            raise AssertionError(f"{what}: {number} in the place of {i}")


def kill_often(monitor, kills=KILLS, hook=None):
    rng = random.Random(f"{time.time()}")
    for i in range(kills):
        time.sleep(rng.random() * 0.03)
        if hook:
            hook(i)
        kill_monitor(monitor, rng.choice(SIGNALS))
        adopt(monitor)


def finish(box, monitor):
    """Lets the counters end and the container with them."""
    box.write(box.at("out", "stop"), "")
    check(is_running(monitor.container_pid), "it lives")
    box.write(box.at("out", "end"), "")
    equal(monitor.wait_exited(), b"7")


@case("no number is lost or doubled in a k8s-file")
def k8s_file(box):
    monitor = counting(box)

    kill_often(monitor)

    finish(box, monitor)
    for stream, output in from_cri(box.read(monitor.log_path)).items():
        check_counted(output, stream)


@case("no number is lost or doubled where logs are rotated")
def rotated(box):
    monitor = counting(box, args=["--log-size-max", "300000", "--log-rotate",
                                  "--log-max-files", "1000"])

    kill_often(monitor)

    finish(box, monitor)
    check(len(chain(monitor.log_path)) > 3, "several files")
    for stream, output in from_cri(read_chain(box, monitor.log_path)).items():
        check_counted(output, stream)


@case("no number is lost or doubled where one read fills several files")
def rotated_often(box):
    monitor = counting(box, args=["--log-size-max", "40000", "--log-rotate",
                                  "--log-max-files", "1000"])
    limit = threading.Timer(3, lambda: box.write(box.at("out", "stop"), ""))
    limit.start()

    kill_often(monitor, kills=15)

    limit.cancel()
    finish(box, monitor)
    data = read_chain(box, monitor.log_path)
    if len(chain(monitor.log_path)) <= 1000:
        for stream, output in from_cri(data).items():
            check_counted(output, stream)


@case("each of several logs is whole: k8s-file, json-file and raw")
def several_logs(box):
    paths = [box.at("logs", name) for name in ("k8s", "json", "raw")]
    log = [f"k8s-file:{paths[0]}", f"json-file:{paths[1]}", f"raw:{paths[2]}"]
    monitor = counting(box, log=log)

    kill_often(monitor)

    finish(box, monitor)
    for stream, output in from_cri(box.read(paths[0])).items():
        check_counted(output, f"k8s-file {stream}")
    for stream, output in from_json(box.read(paths[1])).items():
        check_counted(output, f"json-file {stream}")
    size = sum(len(output) for output in from_cri(box.read(paths[0])).values())
    equal(os.path.getsize(paths[2]), size, "the raw log's size")


def check_seen(client):
    """Of a client whose connection ended with some monitor."""
    try:
        client.read_all()
    except ConnectionError:
        pass
    numbers = client.output[STDOUT].split(b"\n")[1:-1]
    equal(sorted(map(int, numbers)), [int(number) for number in numbers], "order")
    client.close()


@case("clients come and go meanwhile, and each sees whole lines in their order")
def with_clients(box):
    monitor = counting(box)
    clients = []

    def hook(i):
        client = monitor.attach()
        client.drain()
        clients.append(client)

    kill_often(monitor, hook=hook)

    finish(box, monitor)
    for stream, output in from_cri(box.read(monitor.log_path)).items():
        check_counted(output, stream)
    for client in clients:
        check_seen(client)


def upgrade_or_kill(monitor, rng):
    """What comes next for a monitor: another program, another process, or both."""
    what = rng.randrange(4)
    if what <= 1:
        upgrade(monitor)
    if what >= 1:
        if what == 3:
            request(monitor)
            # Somewhere in the upgrade, or after it.
            time.sleep(rng.random() * 0.02)
        kill_monitor(monitor, rng.choice(SIGNALS))
        adopt(monitor)


def mix(monitor, times=KILLS, clients=None):
    """By and by; upgrades of adopters, kills of upgraded ones."""
    rng = random.Random(f"{time.time()}")
    for _ in range(times):
        time.sleep(rng.random() * 0.03)
        if clients is not None:
            clients.append(monitor.attach())
            clients[-1].drain()
        upgrade_or_kill(monitor, rng)


@case("kills and upgrades of one monitor after the other, with rotation and clients")
def mixed(box):
    monitor = counting(box, args=["--log-size-max", "300000", "--log-rotate",
                                  "--log-max-files", "1000"])
    clients = []

    mix(monitor, clients=clients)

    finish(box, monitor)
    check(len(chain(monitor.log_path)) > 3, "several files")
    for stream, output in from_cri(read_chain(box, monitor.log_path)).items():
        check_counted(output, stream)
    for client in clients:
        check_seen(client)


@case("kills and upgrades of one monitor after the other, with several logs")
def mixed_logs(box):
    paths = [box.at("logs", name) for name in ("k8s", "json")]
    monitor = counting(box, log=[f"k8s-file:{paths[0]}", f"json-file:{paths[1]}"])

    # More would be more to read than there is time for.
    mix(monitor, times=min(KILLS, 60))

    finish(box, monitor)
    for stream, output in from_cri(box.read(paths[0])).items():
        check_counted(output, f"k8s-file {stream}")
    for stream, output in from_json(box.read(paths[1])).items():
        check_counted(output, f"json-file {stream}")


@case("a prompt and half lines are kept")
def half_lines(box):
    stop = box.at("out", "stop")
    command = (f"i=0; while [ ! -e {stop} ]; do i=$((i + 1)); printf 'begin-%d' $i; sleep 0.004; "
               f"echo -end; done; echo last; while [ ! -e {box.at('out', 'end')} ]; "
               "do sleep 0.01; done; exit 7")
    monitor = adoptable(box, command).created()

    kill_often(monitor)

    finish(box, monitor)
    lines = from_cri(box.read(monitor.log_path))[b"stdout"].split(b"\n")[:-1]
    equal(lines.pop(), b"last")
    equal(lines, [b"begin-%d-end" % i for i in range(1, len(lines) + 1)])


@case("what came on stderr while the runtime ran is counted once")
def first_words(box):
    stop = box.at("out", "stop")
    command = f"while [ ! -e {stop} ]; do sleep 0.01; done; seq 1 1000 >&2; exit 7"
    monitor = adoptable(box, command, script={"stderr_bytes": 4000}).created()
    box.wait_text(monitor.log_path, b" stderr F ")
    wait_quiet(monitor.daemon_pid)

    for _ in range(2):
        kill_monitor(monitor)
        adopt(monitor)
    box.write(stop, "")

    equal(monitor.wait_exited(), b"7")
    lines = from_cri(box.read(monitor.log_path))[b"stderr"]
    words, numbers = lines[:4000], lines[4000:]
    equal(set(words) - set(b"\n"), set(words[:1]), "the runtime's words")
    equal(numbers, b"".join(b"%d\n" % i for i in range(1, 1001)))


@case("a monitor that is killed while its container starts or ends leaves a clear state")
def around_the_ends(box):
    rng = random.Random(f"{time.time()}")
    for i in range(40):
        # The runtime's, which dies with its monitor.
        box.ignored_files.add(f"pidfile{i}.tmp")
        # A sanitizer that is killed while it looks for leaks complains.
        monitor = adoptable(box, "echo out; exit 3", bundle=box.add_bundle("bundle", f"b{i}"),
                            env={"ASAN_OPTIONS": "detect_leaks=0"})
        monitor.spawn().go()
        wait_until(lambda: os.path.exists(monitor.conmon_pid_file), "the monitor")
        monitor.learn_daemon()
        time.sleep(rng.random() * 0.03)
        try:
            os.kill(monitor.daemon_pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        wait_until(lambda: not is_running(monitor.daemon_pid), "its end")
        if os.path.exists(directory(monitor)):
            text = box.read(monitor.pid_file) or b""
            has_process = text.strip().isdigit()
            result = subprocess.run([box.monitor_path, "--adopt", directory(monitor)],
                                    capture_output=True, check=False, timeout=60)
            equal(result.returncode, 0, f"adoption {i}: {result.stderr!r}")
            monitor.learn_daemon()
            wait_until(lambda: not os.path.exists(directory(monitor)), "the end of the session")
            if has_process:
                check(monitor.wait_exited() in (b"3", b"-1"), "an exit file")
        else:
            equal(monitor.wait_exited(), b"3")
