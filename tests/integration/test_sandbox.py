# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What a monitor gives up once its container runs, and what an intruder in it could still do."""

import os
import resource
import signal
import subprocess

from harness import Skip, case, check, equal
from processes import read_proc, status_field, wait_until

CONMON = "it has no sandbox"
PROBE_SIGNAL = signal.SIGRTMIN + 5
# Of what an intruder tries, what no sandbox keeps him from and what only a filter does.
CAP_KILL = 1 << 5


def ours(name):
    return case(name, conmon=CONMON)


def needs_probe(box):
    """A build without the option sandbox_probe has nobody who tries."""
    monitor = box.create("sleep 1000", args=["--sandbox", "off"]).created()
    ignored = int(status_field(read_proc(monitor.daemon_pid, "status").decode(), "SigBlk"), 16)
    monitor.end_container()
    monitor.wait_gone()
    if not ignored >> (PROBE_SIGNAL - 1) & 1:
        raise Skip("this build has no sandbox_probe")


def field(monitor, name, base=10):
    return int(status_field(read_proc(monitor.daemon_pid, "status").decode(), name), base)


def is_filtered(monitor):
    return field(monitor, "Seccomp") == 2


@ours("show")
def show(box):
    for args in ([], ["--sandbox", "strict"], ["--sandbox", "off"], ["--exit-command", "/bin/true"]):
        monitor = box.create("sleep 1000", args=args).created()
        wait_until(lambda: True, "x")
        import time; time.sleep(0.5)
        print("#", args, [field(monitor, n, b) for n, b in (("Seccomp", 10), ("NoNewPrivs", 10), ("CapPrm", 16), ("CapEff", 16), ("CapBnd", 16))], open("/proc/%d/limits" % monitor.daemon_pid).read().split("\n")[5], os.listdir("/proc/%d/fd" % monitor.daemon_pid))
        os.environ
        for l in open("/proc/%d/smaps_rollup" % monitor.daemon_pid): 
            if "Private" in l: print("#", l.strip())
        os.kill(monitor.daemon_pid, PROBE_SIGNAL)
        time.sleep(1)
        print("#", (box.read(box.sandbox_report) or b"").decode().replace("\n", "; "))
        if os.path.exists(box.sandbox_report): os.unlink(box.sandbox_report)
        monitor.end_container()
        monitor.wait_gone()
    box.expects_denials = True
