# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What is read from cgroupfs is what runc says of the same container, on cgroup v1, v2 or both."""

import fcntl
import json
import mmap
import os
import signal
import struct
import subprocess
import sys

from harness import Skip, case, check, equal
from oci import Container, call, find_runtime
from processes import DEADLINE, stat_fields, wait_exit, wait_until

MEMORY = 64 << 20
# Uses some of everything, then sleeps.
BUSY = ("head -c 3000000 /dev/zero >/tmp/file; i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done;"
        " echo ready; sleep 1000")
BLKDISCARD = 0x1277
IO_SIZE = 65536
ENTRIES = ("ioServiceBytesRecursive", "ioServicedRecursive", "ioQueueRecursive",
           "ioServiceTimeRecursive", "ioWaitTimeRecursive", "ioMergedRecursive",
           "ioTimeRecursive", "sectorsRecursive")
USAGES = ("usage", "swap", "kernel", "kernelTCP")
CPU_USAGE = {"total": 0, "kernel": 0, "user": 0, "percpu": [], "percpu_kernel": [],
             "percpu_user": []}
THROTTLING = {"periods": 0, "throttledPeriods": 0, "throttledTime": 0}
CPUSET = {"cpus": [], "mems": [], "cpu_exclusive": 0, "mem_hardwall": 0, "mem_exclusive": 0,
          "memory_migrate": 0, "memory_spread_page": 0, "memory_spread_slab": 0,
          "memory_pressure": 0, "sched_load_balance": 0, "sched_relax_domain_level": 0}
USAGE = {"limit": 0, "usage": 0, "max": 0, "failcnt": 0}
HUGETLB = {"usage": 0, "max": 0, "failcnt": 0}
ENTRY = {"major": 0, "minor": 0, "op": "", "value": 0}


def program(box):
    return os.environ.get("CGROUP_STATS") or os.path.join(os.path.dirname(box.runtime_path),
                                                          "cgroup-stats")


def ask(box, *arguments):
    """Status, output and complaint of the program that reads cgroups."""
    done = subprocess.run([program(box), *map(str, arguments)], capture_output=True, text=True,
                          timeout=DEADLINE, check=False)
    return done.returncode, done.stdout, done.stderr


def answer(box, *arguments):
    status, out, err = ask(box, *arguments)
    equal((status, err), (0, ""), "status and complaints")
    return out


def container(box, command=BUSY, **options):
    return Container(box, find_runtime("runc"), ["sh", "-c", command], **options).create().start()


def busy_container(box):
    busy = container(box, memory=MEMORY)
    busy.monitor.wait_logged(b"ready")
    return busy


def runc(target, *arguments):
    result = call(target.runtime, f"--root={target.root}", *arguments, target.monitor.cid)
    equal((result.returncode, result.stderr), (0, ""), f"runc {arguments[0]}")
    return result.stdout


def filled(values, default):
    """runc leaves out what is 0 or empty."""
    return {key: (values or {}).get(key, zero) for key, zero in default.items()}


def entries(values):
    return sorted(tuple(filled(entry, ENTRY).values()) for entry in values or [])


def is_v1_memory():
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        return any("memory" in line.split(":")[1].split(",") for line in file)


def comparable(data):
    """What both can say, in one form. Pressure is of newer releases of runc, and never stable."""
    memory = {name: filled(data["memory"].get(name), USAGE) for name in USAGES}
    if not is_v1_memory():
        # Only newer releases of runc know of memory.peak.
        memory["usage"].pop("max")
    return {
        "cpu": filled(data["cpu"]["usage"], CPU_USAGE),
        "throttling": filled(data["cpu"]["throttling"], THROTTLING),
        "cpuset": filled(data["cpuset"], CPUSET),
        "cache": data["memory"].get("cache", 0),
        "raw": data["memory"].get("raw", {}),
        **{f"memory {name}": usage for name, usage in memory.items()},
        "pids": filled(data["pids"], {"current": 0, "limit": 0}),
        "blkio": {name: entries(data["blkio"].get(name)) for name in ENTRIES},
        "hugetlb": {size: filled(value, HUGETLB) for size, value in data["hugetlb"].items()},
    }


def ours(box, where):
    return comparable(json.loads(answer(box, "stats", where)))


def theirs(target):
    return comparable(json.loads(runc(target, "events", "--stats"))["data"])


def compare(box, target, where=None):
    """Two readings of ours that are equal, and between them one of runc's. The kernel adds up some
    counters with a delay, also of a container that stands still."""
    where = where or target.monitor.container_pid
    found = []

    def is_stable():
        before, between, after = ours(box, where), theirs(target), ours(box, where)
        found[:] = [before, between]
        return before == after

    wait_until(is_stable, "the counters to stand still")
    equal(set(found[0]), set(found[1]), "groups of fields")
    for name, value in found[0].items():
        equal(value, found[1][name], name)
    return found[0]


def cgroup_folders(pid):
    """The container's folder in each hierarchy that has one."""
    folders = set()
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            name = controllers.removeprefix("name=") or "unified"
            bases = [f"/sys/fs/cgroup/{name}"] + ["/sys/fs/cgroup"] * (not controllers)
            folders |= {base + path for base in bases if path != "/"}
    return sorted(folder for folder in folders if os.path.exists(f"{folder}/cgroup.procs"))


def join(pid):
    """This process enters the container's cgroups."""
    for folder in cgroup_folders(pid):
        with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write("0")


def loop_device(box):
    """A block device of its own."""
    backing = box.write(box.at("tmp", "backing"), bytes(4 << 20))
    done = call("losetup", "--find", "--show", backing)
    if done.returncode != 0:
        raise Skip(f"this machine: losetup: {done.stderr.strip()}")
    device = done.stdout.strip()
    box.cleanups.insert(0, lambda: call("losetup", "--detach", device))
    os.unlink(backing)
    return device


def count_block_io(pid, device):
    """The counters of v1 start with a limit. This one limits nothing here."""
    number = os.stat(device).st_rdev
    for folder in cgroup_folders(pid):
        path = f"{folder}/blkio.throttle.read_bps_device"
        if os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write(f"{os.major(number)}:{os.minor(number)} {1 << 40}")


def do_block_io(file):
    """Three writes, two reads and a discard, past the page cache."""
    buffer = mmap.mmap(-1, IO_SIZE)
    for number in range(3):
        os.pwritev(file, [buffer], number * IO_SIZE)
    for number in range(2):
        os.preadv(file, [buffer], number * IO_SIZE)
    fcntl.ioctl(file, BLKDISCARD, struct.pack("QQ", 1 << 20, IO_SIZE))


def run_in_container(pid, function):
    """Runs a function in a process that is in the container's cgroups, not in its namespaces."""
    child = os.fork()
    if child == 0:
        try:
            join(pid)
            function()
            os._exit(0)
        except BaseException as error:  # whatever it is, this process must not go on as the test
            print(f"# {type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
    equal(wait_exit(child), 0, "status of the process in the container's cgroup")


@case("every field is what runc says of a paused container")
def fields_of_paused(box):
    busy = busy_container(box)
    runc(busy, "pause")

    found = compare(box, busy)

    check(found["cpu"]["total"] > 0, "cpu time")
    check(found["memory usage"]["usage"] > 3000000, "memory")
    equal(found["memory usage"]["limit"], MEMORY)
    check(found["cache"] > 2900000, "page cache")
    check(len(found["raw"]) > 10, "memory.stat")
    check(found["pids"]["current"] > 0, "processes")
    runc(busy, "resume")


@case("limits that were changed are what runc says")
def updated(box):
    busy = busy_container(box)
    limits = {"memory": {"limit": 48 << 20, "swap": 48 << 20}, "pids": {"limit": 77},
              "cpu": {"quota": 50000, "period": 100000}}
    subprocess.run([busy.runtime, f"--root={busy.root}", "update", "--resources", "-",
                    busy.monitor.cid], input=json.dumps(limits), text=True, check=True,
                   capture_output=True, timeout=DEADLINE)

    found = compare(box, busy)

    equal((found["memory usage"]["limit"], found["pids"]["limit"]), (48 << 20, 77))
    equal(found["memory swap"]["limit"], 48 << 20)


@case("a container without limits is what runc says")
def unlimited(box):
    plain = container(box, "echo ready; sleep 1000")
    plain.monitor.wait_logged(b"ready")

    found = compare(box, plain)

    check(found["memory usage"]["limit"] > 1 << 60, "no limit of memory")
    equal(found["pids"]["limit"], 0)


@case("throttling is what runc says")
def throttled(box):
    busy = container(box, "while :; do :; done")
    limits = {"cpu": {"quota": 5000, "period": 100000}}
    subprocess.run([busy.runtime, f"--root={busy.root}", "update", "--resources", "-",
                    busy.monitor.cid], input=json.dumps(limits), text=True, check=True,
                   capture_output=True, timeout=DEADLINE)
    where = busy.monitor.container_pid
    # The time counts once a throttling is over.
    wait_until(lambda: ours(box, where)["throttling"]["throttledTime"] > 0, "throttling")
    # What is throttled to a twentieth takes longer to freeze than runc has patience.
    os.kill(where, signal.SIGSTOP)

    found = compare(box, busy)

    check(found["throttling"]["periods"] > 0, "periods")
    check(found["throttling"]["throttledPeriods"] > 0, "throttled periods")


@case("block I/O is what runc says")
def block_io(box):
    busy = busy_container(box)
    pid = busy.monitor.container_pid
    device = loop_device(box)
    count_block_io(pid, device)
    # The container's rules for devices hold for open(2) alone.
    file = box.keep(os.open(device, os.O_RDWR | os.O_DIRECT))
    run_in_container(pid, lambda: do_block_io(file))
    runc(busy, "pause")

    found = compare(box, busy)

    number = os.stat(device).st_rdev
    values = {entry[2]: entry[3] for entry in found["blkio"]["ioServiceBytesRecursive"]
              if entry[:2] == (os.major(number), os.minor(number))}
    equal((values["Write"], values["Read"]), (3 * IO_SIZE, 2 * IO_SIZE))
    runc(busy, "resume")


@case("stored cgroups give the same as the process, and still do when it has moved below")
def stored(box):
    busy = busy_container(box)
    pid = busy.monitor.container_pid
    saved = box.write(box.at("out", "cgroups"), answer(box, "dirs", pid))
    nested = [f"{folder}/below" for folder in cgroup_folders(pid)]
    for folder in nested:
        os.mkdir(folder)
    box.cleanups.insert(0, lambda: [os.rmdir(f) for f in reversed(nested) if os.path.isdir(f)])
    runc(busy, "pause")

    compare(box, busy, f"@{saved}")

    runc(busy, "resume")
    for folder in nested:
        if "cpuset" not in folder:
            with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as procs:
                procs.write(str(pid))
    equal(ours(box, f"@{saved}")["memory usage"]["limit"], MEMORY)
    check(str(pid) in answer(box, "pids", f"@{saved}").split(), "the process below")
    for folder, parent in ((f, os.path.dirname(f)) for f in nested):
        with open(f"{parent}/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write(str(pid))
        os.rmdir(folder)


@case("the processes are those of runc's ps")
def processes_of(box):
    busy = container(box, "sleep 1000 & sleep 1000 & echo ready; wait")
    busy.monitor.wait_logged(b"ready")

    pids = [int(line) for line in answer(box, "pids", busy.monitor.container_pid).split()]

    equal(pids, sorted(json.loads(runc(busy, "ps", "--format", "json"))))
    equal(len(pids), 3)
    check(busy.monitor.container_pid in pids, "the first process")


@case("a paused container is frozen, a resumed one is not")
def frozen(box):
    plain = container(box, "sleep 1000")
    pid = plain.monitor.container_pid

    equal(answer(box, "freezer", pid), "thawed\n")
    runc(plain, "pause")
    equal(answer(box, "freezer", pid), "frozen\n")
    runc(plain, "resume")
    equal(answer(box, "freezer", pid), "thawed\n")


@case("a cgroup that is gone is no cgroup with zeros")
def gone(box):
    plain = container(box, "sleep 1000")
    saved = box.write(box.at("out", "cgroups"), answer(box, "dirs", plain.monitor.container_pid))
    os.kill(plain.monitor.container_pid, 9)
    plain.monitor.wait_exited()
    plain.delete()

    for command in ("stats", "pids", "freezer"):
        status, out, err = ask(box, command, f"@{saved}")
        equal((status, out), (1, ""), command)
        check("does not exist" in err, err)


@case("a process that has ended has no cgroups, also while it is a zombie")
def zombie(box):
    child = os.fork()
    if child == 0:
        os._exit(0)
    wait_until(lambda: stat_fields(child)[0] == "Z", "the zombie")

    status, out, err = ask(box, "stats", child)

    os.waitpid(child, 0)
    equal((status, out, err), (1, "", f"process {child} has ended\n"))
    equal(ask(box, "stats", child), (1, "", f"process {child} has ended\n"))


@case("a cgroup that goes while it is read is either whole or gone")
def goes_while_read(box):
    for number in range(5):
        plain = container(box, "sleep 1000", name=f"g{number}")
        saved = box.write(box.at("out", "cgroups"),
                          answer(box, "dirs", plain.monitor.container_pid))
        with open(box.at("out", f"times{number}"), "wb") as out, open(
                box.at("out", f"complaint{number}"), "wb") as err:
            reader = subprocess.Popen([program(box), "time", f"@{saved}", "1000000"], stdout=out,
                                      stderr=err)
        box.cleanups.insert(0, reader.kill)
        wait_until(lambda: os.path.getsize(out.name) > 0, "the first readings")

        plain.delete()

        equal(wait_exit(reader.pid), 1, "status")
        message = box.read(err.name).decode()
        check("does not exist" in message, message)
