#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Makes the fuzz targets' corpora: seeds.py FOLDER TARGET... For each target a folder with what it
should see at least, and with each input that was a fault once (REGRESSIONS), so that replaying it is a
test."""

import gzip
import os
import struct
import sys

TIME = b"2026-01-31T23:59:59.123456789+01:00"
CONTAINER = (b'{"bundle":"/b","labels":["a=b","c"],"stdin":"","stdout":"","stderr":"","runtime":'
             b'"runc","runtimeArgs":["--debug"],"shim":"","noPivotRoot":true,"created":'
             b'"2026-01-31T12:00:00.000001Z","rootfs":"/b/rootfs","mounts":[{"type":"overlay",'
             b'"source":"overlay","options":["lowerdir=/l"]}]}')
PROCESS = (b'{"terminal":true,"user":{"uid":1,"gid":2,"additionalGids":[3]},"args":["sh","-c"],'
           b'"env":["A=b"],"cwd":"/","capabilities":["CAP_KILL"],"rlimits":[{"type":"RLIMIT_CORE",'
           b'"hard":18446744073709551615,"soft":1}],"exec":true,"containerdStdin":"/i",'
           b'"containerdStdout":"/o","containerdStderr":"","runtimeArgs":["--log=x"],'
           b'"noPivotRoot":true,"checkpoint":"","rootUID":1,"rootGID":1,"monitorArgs":["-l","x"]}')
INIT = (b'{"args":["sh"],"cwd":"/","containerdStdout":"--cid=evil","containerdStdin":"-x",'
        b'"checkpoint":"/c","noPivotRoot":true,"runtimeArgs":["--cid","evil"],'
        b'"capabilities":{"bounding":["CAP_KILL"]}}')
CHECKPOINT = (b'{"created":"2026-01-31T12:00:00Z","name":"one","tcp":true,"unixSockets":true,'
              b'"shell":true,"exit":true,"emptyNS":["network"]}')
JSON_LINE = b'{"log":"\\u003ca\\ud83d\\ude00\\n","stream":"stdout","attrs":{"a":"b"},"time":"%s"}'
MOUNTS = (b"30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
          b"31 25 0:27 / /sys/fs/cgroup/memory rw shared:7 - cgroup cgroup rw,memory\n")
CGROUPS = b"12:memory:/a b\n3:cpu,cpuacct:/x\n1:name=systemd:/init\n0::/a/../b\n"


SECCOMP_STATE = (b'{"ociVersion":"0.2.0","fds":["seccompFd"],"pid":4422,"metadata":"m","state":{'
                 b'"ociVersion":"0.2.0","id":"ctr","status":"creating","pid":4422,"bundle":"/b"}}')
SECCOMP_POLICY = (b'{"rules":[{"syscalls":["mkdir","openat"],"action":"errno","errno":"EXDEV",'
                  b'"perMinute":2},{"syscalls":["*"],"action":"log"}],"perMinute":9}')
SECCOMP_RECORD = (b'{"time":"2026-01-31T23:59:59.123456789Z","id":"ctr","pid":77,"syscall":"mkdir",'
                  b'"arch":"SCMP_ARCH_X86_64","args":["0x0"],"action":"errno","errno":"EXDEV",'
                  b'"count":3}')


def number(value):
    return struct.pack(">H", value)


def packets(*parts):
    return b"".join(b"\0" + number(len(part)) + part for part in parts)


def pieces(data, size, fds):
    """As fuzz-seccomp.c takes them; the first has the descriptors."""
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    choices = [0xff if fds > 3 else fds] + [0x40] * len(parts)
    return b"".join(bytes([choice, len(part) - 1]) + part for choice, part in zip(choices, parts))


def part(kind, *steps):
    """A state for one of the parts of fuzz-restore.c, and the steps that make it."""
    return bytes([kind]) + b"".join(steps)


def step(kind, name, value):
    return bytes([kind]) + name.encode() + b"\0" + value


def num(name, value):
    return step(0, name, bytes([value + 5]))


def flag(name):
    return step(1, name, b"\1")


def data(name, value):
    return step(2, name, bytes([len(value)]) + value)


def fd(name, kind):
    return step(4, name, bytes([kind]))


def begin(name):
    return step(6, name, b"")


END = b"\7"


def argv(*words):
    return b"\0".join(words)


CREATE = (b"--api-version", b"1", b"-c", b"web", b"-u", b"web", b"-r", b"/bin/sh", b"-b", b"/b",
          b"-p", b"/b/pid", b"-l", b"k8s-file:/b/log", b"--log-level", b"debug")

SEEDS = {
    "attach-client": [packets(b"\2hello", b"\3world\n"), packets(b"\2", b"\3"), packets(b"\4bad"),
                      b"\1" + number(8193) + b"\2" + b"x" * 50],
    "attach-peer": [b"\0\5hello\1\5world\x0b\0\2\0\3\4", b"\7\0\0\5typed\3\0\x09\3abc"],
    "cgroup-dirs": [b"memory /sys/fs/cgroup/memory/a\\040b\nunified /x\n", CGROUPS + b"\0" + MOUNTS],
    "cgroup-parse": [b"max\n", b"-1\n", b"1 2 3\n", b"0-3,7\n", b"usage_usec 5\nuser_usec 3\n",
                     b"cpu user system\n0 1 2\n1 3 4\n", b"1\n2\n0\n77\n", b"0-65535"],
    "cgroup-parse-io": [b"8:0 Read 5\n8:0 Total 5\nTotal 5\n", b"8:0 7\n",
                        b"8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0\n",
                        b"some avg10=0.10 avg60=1.00 avg300=99.99 total=12\n"
                        b"full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"],
    "cgroup-path": [CGROUPS + b"\0" + MOUNTS, b"0::/x\n", b"5:memory:/part/a\n0::/\0"],
    "checkpoint-config": [CHECKPOINT, b"{}"],
    "cli-text": [b"10m", b"2026-01-31T12:00:00Z", b"1769860800.5", b"1.5GiB", b"SIGRTMIN+3",
                 b"\x1b[31m\xc2\x9b5n\xe2\x80\xae\0\xff\n\t"],
    "console-socket": [b"\0\2\1\0\x08/dev/ptmx", b"\0\x08\0\6\2\1\xff\3abc\x04\x0a\2\0\3abc\5",
                       b"\0\x08\x10\x18\x20\x28\6\x2a\1\0\1a"],
    "container-file": [CONTAINER, b'{"bundle":"/b","runtime":"runc"}'],
    "control-line": [number(2) + b"1 24 80\n2 0 0\n0 0 0\n24 80\n" + b"9" * 300 + b"\n1 1 1\n"],
    "crash-journal": [b"\0\4\x04\5\0\0\0\3\0\x05hello", b"\0\4\x0c\1\0\0\0\0\0\0\0\5\0\0\0\3\0\6hello\n",
                      b"\0\x10\x20" + struct.pack("<QQII", 7, 9, 3, 64) + b"\1\0\3abc",
                      b"\4\0\x40" + b"x" * 64, b"\0\0\4\x65\0\0\0"],
    "cri-line": [b"\5" + TIME + b" stdout F hello", b"\x30" + TIME + b" stderr P:x ",
                 b"\1" + b"2026-01-31T23:59:59Z stdout F " + TIME + b" stderr F no\n"],
    "detach-keys": [b"ctrl-p,ctrl-q\0a\x10b\x10\x10\x11c", b"a,a,b\0aaab", b"DEL,ctrl-\\\0\x7f\x1c"],
    "journal-fields": [argv(b"0123456789abcdef", b"web\nPRIORITY=0", b"tag", b"APP=x\nMESSAGE=y",
                            b"line\nMESSAGE=forged\nPRIORITY=0\n")],
    "json-log-line": [number(9) + JSON_LINE % TIME, b'","stream":"stderr","time":"x"}\n\xff\xe2\x80\xa8',
                      number(3) + b'{"log":"\\ud800\\u0000","stream":"stderr","time":"%s"}' % TIME],
    "json-text": [CONTAINER, PROCESS, b'{"a":[1,-1,1.5,1e400,18446744073709551616,null,"\\ud83d'
                  b'\\ude00"],"a":{}}', b'{"a":' + b"[" * 70 + b"]" * 70 + b"}"],
    "log-reader": [b"\4" + number(60) + TIME + b" stdout F one\n" + TIME + b" stdout P two\n" +
                   TIME + b" stderr F three\ngarbage\n" + TIME,
                   b"\x0e" + number(0) + number(2) + JSON_LINE % TIME + b"\n" + JSON_LINE % TIME,
                   b"\0" + number(0) + TIME + b" stdout F " + b"x" * 400 + b"\n"],
    "log-round-trip": [bytes([choice]) + number(20) + b"\x20one\ntwo\nthree\n\xff\0x\x21" + TIME +
                       b" stdout F forged\n\x41{\"log\":\"x\\n\"}\n\r\n\n" * 3
                       for choice in range(16)],
    "log-spec": [b"k8s-file:/a:b\0APP=x", b":/a", b"journald\0A_1=", b"none:", b"off", b"/a\0=",
                 b"syslog:udp://x"],
    "log-unpack": [b"\0" + gzip.compress(b"one\ntwo\n" * 9, mtime=0) + b"\0" * 9, b"\1one\ntwo\n",
                   b"\0" + gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0),
                   b"\0" + gzip.compress(bytes(100000), mtime=0)[:60]],
    "monitor-reply": [b'{"data": 42}\n', b'{"data": -1, "message": "no\\n"}\n', b'{"data": 0}',
                      b'{"data": 9223372036854775807}'],
    "notify-filter": [b"READY=1\nMAINPID=1\nSTATUS=x\nFDSTORE=1\nX_READY=1\0", b"\nREADY=1\n\n"],
    "number-file": [b"42\n", b" 7 ", b"", b"-1", b"18446744073709551616", b"1\0"],
    "options": [argv(*CREATE), argv(*CREATE, b"--exec", b"--exec-process-spec", b"/p"),
                argv(*CREATE, b"--log-size-max", b"9223372036854775807", b"--log-rotate",
                     b"--log-max-files", b"3", b"--log-compress", b"--log-mode",
                     b"journald=non-blocking", b"--log-buffer", b"4m", b"--stdio-owner", b"1:2"),
                argv(b"--exit-command", b"x", b"--exit-command-arg", b"--y", b"-T", b"5", b"-t")],
    "process-file": [PROCESS, INIT],
    "process-stat": [b"sh", b") R 1 (x) 5\n", b"77 (sh) S " + b"1 " * 30],
    "runtime-log": [b'{"level":"info","msg":"x"}\n{"level":"error","msg":"no"}\n{"level":"fat',
                    b'{"level":"fatal","msg":"\\u001b[31m"}'],
    "saved-state": [b"name\0"],
    "seccomp-peer": [pieces(SECCOMP_STATE, 40, 1), pieces(SECCOMP_STATE, 255, 1),
                     pieces(SECCOMP_STATE, 7, 3), pieces(b"{}", 255, 20), b"\xff\0{"],
    "seccomp-policy": [SECCOMP_POLICY, b'{"rules":[]}'],
    "seccomp-record": [SECCOMP_RECORD, b'{"time":"2026-01-31T23:59:59Z","syscall":"*","count":9}'],
    "seccomp-records": [bytes(range(256)) * 2, b"\x84\x53\0\0\0" * 20,
                        b"".join(b"\x94" + struct.pack("<I", i) for i in range(300))],
    "seccomp-state": [SECCOMP_STATE],
    "shim-argv": [PROCESS, INIT],
    "shim-checkpoint": [CHECKPOINT, b"{}"],
    "streams-file": [b'{"stdin":1,"stdout":2,"stderr":3,"terminal":true,"cgroup":"/x"}', b"{}"],
    "upgrade-state": [
        part(0, fd("pidfd", 5), num("pid", 7), num("start-time", 9)),
        part(1, fd("counter", 4), fd("event", 5), fd("directory", 5), flag("has-count"),
             flag("is-waiting"), flag("looks-again"), *(num(name, 1) for name in (
                 "nested", "seen", "lost", "first", "last"))),
        part(2, fd("fd", 0), data("line", b"1 24 "), flag("is-dropped")),
        part(2, fd("fd", 0), data("line", b"1" * 250)),
        part(3, fd("fd", 1), data("waiting", b"abc"), flag("is-fifo"), flag("is-congested")),
        part(4, fd("fd", 0), flag("is-finishing")),
        part(5, fd("directory", 5), fd("socket", 3)),
        part(6, fd("listener", 2), num("clients", 2), flag("is-congested"),
             begin("client0"), fd("socket", 2), data("records", packets(b"\2one")), END,
             begin("client1"), fd("socket", 2), num("input", 1), num("stalled-since", 5),
             num("in-flight", 3), flag("is-hung-up"), data("failure", b"gone\0"), END),
        part(7, fd("fd", 1), num("state", 1), data("waiting", b"abc"), flag("is-full")),
        part(7, data("failure", b"broken\0")),
        part(8, num("read-size", 200), begin("stdout"), fd("fd", 0), END,
             begin("stderr"), fd("fd", 2), flag("is-terminal"), END, flag("is-paused")),
        *(part(kind, num("sinks", 1), begin("stdout"), data("carry", b"half"), END, begin("stderr"), END,
             begin("sink0"), fd("fd", 4), num("state", 1), data("records", bytes(24)),
             num("bytes", 3), data("policy-cause", b"full\0"), begin("missing"),
             num("records", 2), num("bytes", 5), END, END) for kind in (9, 12, 13)),
        *(part(kind, num("sinks", 1), begin("stdout"), END, begin("stderr"), END, begin("sink0"),
               fd("socket", 3), data("records", bytes(16) + struct.pack("<Q", 3) + b"abc"),
               flag("is-stalled"), num("sent", 1), num("retry", 9), num("back-off", 2),
               flag("is-connecting"), flag("is-torn"), END) for kind in (14, 15)),
        part(10, fd("_OCI_SYNCPIPE", 1)),
        part(11, data("path", b"/p\0"), fd("directory", 5), fd("lock", 4), fd("exit", 1),
             begin("messages"), fd("fd", 4), flag("is-full"), END),
        part(16, begin("session"), begin("log"), num("sinks", 1), END, begin("process"), END,
             begin("terminal"), END, begin("adoption"), END, END, begin("parent"), END),
    ],
    "sync-message": [b"\0\2" + number(32810) + b"runtime said \"no\"\n\xff", b"\0\1\0\0" + b"x" * 4090],
}

REGRESSIONS = {
    # A raw log was given nothing to write of a part that it had.
    "crash-journal": [b"\0\4\x0c\1" + bytes(7) + b"\4e\0\0\4\0\6" + bytes(18) +
                      b"\xa5\xa5\xa5\0\0xxxx"],
    # A call's number can be below 0: `holdfast events` took its name for none.
    "seccomp-records": [b"\x04\0\0\0\x99"],
    # A mount point that is no path could not be written down.
    "cgroup-dirs": [CGROUPS + b"\0" + MOUNTS.replace(b" /sys/fs/cgroup/memory", b" sys")],
    # The library did not understand what the monitor said of a runtime that printed a NUL.
    "sync-message": [b"\0\2" + number(32810) + b"no\0\xff"],
}


def main():
    folder, *targets = sys.argv[1:]
    for target in targets:
        inputs = SEEDS[target]
        path = os.path.join(folder, target)
        os.makedirs(path, exist_ok=True)
        for i, data in enumerate(inputs + REGRESSIONS.get(target, [])):
            with open(os.path.join(path, f"{i:03}"), "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main()
