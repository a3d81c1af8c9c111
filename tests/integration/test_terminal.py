# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Containers with a terminal: echo, line ends, sizes, and the two control FIFOs."""

import os
import stat

from harness import case, check, equal
from processes import cpu_ticks, wait_quiet, wait_until

WAIT = "exec sleep 1000"


def terminal(box, command, **options):
    return box.create(command, terminal=True, **options)


@case("a newline reaches clients as carriage return and newline")
def onlcr(box):
    monitor = terminal(box, "echo hello", autostart=False).created()
    client = monitor.attach()
    monitor.start()

    output = client.read_all()

    equal(output, {2: b"hello\r\n", 3: b""})


@case("stdout and stderr are one stream in the log")
def logged(box):
    monitor = terminal(box, "echo out; echo err >&2").created()
    monitor.wait_exited()

    equal(monitor.logged(), b"out\r\nerr\r\n")


@case("all of the last output arrives, though the process ends at once")
def last_output(box):
    monitor = terminal(box, "head -c 1000000 /dev/zero | tr '\\0' x; exit 3", autostart=False)
    monitor.created()
    client = monitor.attach()
    monitor.start()

    output = client.read_all()

    equal(len(output[2]), 1000000)
    equal(monitor.wait_exited(), b"3")
    equal(len(monitor.logged()), 1000000)


@case("what is typed is echoed and read")
def echo(box):
    monitor = terminal(box, "read line; echo got $line", autostart=False).created()
    client = monitor.attach()
    monitor.start()
    client.send(b"abc\r")

    client.read_all()

    equal(client.output[2], b"abc\r\ngot abc\r\n")


@case("what is typed before the console is there is not lost")
def early_input(box):
    script = {"delay_start": 300}
    monitor = terminal(box, "read line; echo got $line", script=script).spawn().go()
    client = monitor.attach_early()
    client.send(b"early\r")

    client.read_all()

    check(client.output[2].endswith(b"got early\r\n"), client.output)


@case("control-C on the terminal interrupts the container")
def interrupt(box):
    monitor = terminal(box, "echo ready; exec sleep 1000", autostart=False).created()
    client = monitor.attach()
    monitor.start()
    client.read_until(b"ready")

    client.send(b"\x03")

    equal(monitor.wait_exited(), b"130")
    client.close()


@case("the container's three descriptors are a terminal")
def is_terminal(box):
    monitor = terminal(box, "for fd in 0 1 2; do test -t $fd || exit 1; done; exit 7").created()

    equal(monitor.wait_exited(), b"7")


@case("both control FIFOs are FIFOs of mode 0660", conmon="2.1.6 applies the engine's umask")
def fifo_modes(box):
    old = os.umask(0o077)
    monitor = terminal(box, WAIT).created()
    os.umask(old)

    for name in ("ctl", "winsz"):
        mode = os.stat(os.path.join(box.bundle, name)).st_mode
        check(stat.S_ISFIFO(mode), name)
        equal(stat.S_IMODE(mode), 0o660, name)
    wait_quiet(monitor.daemon_pid)


@case("a size given while the container runs takes effect")
def resize(box):
    monitor = terminal(box, WAIT).created()

    monitor.control(b"1 25 81\n")

    monitor.wait_size(25, 81)


@case("a size given before the console is there takes effect")
def resize_before_console(box):
    script = {"delay_start": 300}
    monitor = terminal(box, WAIT, script=script).spawn().go()
    wait_until(lambda: os.path.exists(os.path.join(box.bundle, "winsz")), "the FIFOs")
    wait_control(monitor, b"1 33 44\n")

    monitor.first_message()

    monitor.wait_size(33, 44)


def wait_control(monitor, data):
    """A FIFO is there a moment before its reader."""

    def written():
        try:
            monitor.control(data)
            return True
        except OSError:
            return False

    wait_until(written, "a reader of ctl")


@case("a size written to winsz takes effect")
def resize_by_winsz(box):
    monitor = terminal(box, WAIT).created()

    monitor.control(b"26 82\n", "winsz")

    monitor.wait_size(26, 82)


@case("sizes above 1000 are sizes")
def large_size(box):
    monitor = terminal(box, WAIT).created()

    monitor.control(b"1 1200 3000\n")

    monitor.wait_size(1200, 3000)


@case("the size 0 0 is a size")
def zero_size(box):
    monitor = terminal(box, WAIT).created()
    monitor.control(b"1 25 81\n")
    monitor.wait_size(25, 81)

    monitor.control(b"1 0 0\n")

    monitor.wait_size(0, 0)


@case("of many sizes the last one counts", conmon="it drops what its buffer does not hold")
def many_sizes(box):
    monitor = terminal(box, WAIT).created()

    monitor.control(b"".join(b"1 %d 80\n" % rows for rows in range(1, 60)))

    monitor.wait_size(59, 80)


@case("lines that come a byte at a time on both FIFOs at once are put together",
      conmon="both FIFOs share one line buffer")
def byte_at_a_time(box):
    monitor = terminal(box, WAIT).created()
    fds = [os.open(os.path.join(box.bundle, name), os.O_WRONLY) for name in ("ctl", "winsz")]
    box.keep(*fds)

    for pair in zip(b"1 45 67\n", b"46 68   "):
        for fd, byte in zip(fds, pair):
            os.write(fd, bytes([byte]))

    monitor.wait_size(45, 67)
    os.write(fds[1], b"\n")
    monitor.wait_size(46, 68)


@case("a line in two halves from two writers that come and go is put together")
def half_lines(box):
    monitor = terminal(box, WAIT).created()

    monitor.control(b"1 4")
    wait_quiet(monitor.daemon_pid)
    monitor.control(b"7 69\n")

    monitor.wait_size(47, 69)


GARBAGE = [b"foo\n", b"\n", b"999\n", b"1 2\n", b"1 -1 -1\n", b"999 2 2\n", b"1 100000 100000\n",
           b"1 10.5 20.3\n", b"\0\xff\n"]


@case("garbage on ctl is ignored, and what follows in the same write is not",
      conmon="it drops what follows")
def garbage(box):
    monitor = terminal(box, WAIT).created()

    for number, line in enumerate(GARBAGE, 20):
        monitor.control(line + b"1 %d 90\n" % number)
        monitor.wait_size(number, 90)


@case("a line of 10000 bytes is dropped whole, and what follows is not",
      conmon="it drops what follows")
def overlong_line(box):
    monitor = terminal(box, WAIT).created()

    monitor.control(b"1" * 10000 + b" 2 3\n1 28 91\n")

    monitor.wait_size(28, 91)


@case("sizes for a container without a terminal are ignored")
def resize_without_terminal(box):
    monitor = box.create("read line; exit 6", stdin=True).created()
    monitor.control(b"1 25 81\n")
    client = monitor.attach()

    client.send(b"x\n")

    equal(monitor.wait_exited(), b"6")
    client.close()


CLOSE_AND_REOPEN = """tty=$(tty)
exec <&- >&- 2>&-
: > {out}/closed
while [ ! -e {out}/go ]; do sleep 0.01; done
echo again > $tty
exit 5"""


def closed_terminal(box):
    monitor = terminal(box, CLOSE_AND_REOPEN.format(out=box.at("out"))).created()
    box.wait_file(box.at("out", "closed"))
    wait_quiet(monitor.daemon_pid)
    return monitor


@case("a terminal that everybody closed can be opened and written to again")
def reopened(box):
    monitor = closed_terminal(box)

    box.write(box.at("out", "go"), "")

    equal(monitor.wait_exited(), b"5")
    check(b"again\r\n" in monitor.logged(), monitor.logged())


@case("a terminal that everybody closed costs no time")
def closed_costs_nothing(box):
    monitor = closed_terminal(box)
    before = cpu_ticks(monitor.daemon_pid)

    for _ in range(4):
        wait_quiet(monitor.daemon_pid)

    equal(cpu_ticks(monitor.daemon_pid), before)
    box.write(box.at("out", "go"), "")
    monitor.wait_exited()


@case("a client that leaves does not hang up the terminal")
def client_leaves(box):
    monitor = terminal(box, "echo ready; read line; exit 6", autostart=False).created()
    client = monitor.attach()
    monitor.start()
    client.read_until(b"ready")
    client.close()

    second = monitor.attach()
    second.send(b"x\r")

    equal(monitor.wait_exited(), b"6")
    second.close()


@case("an exec with a terminal tells its status and all of its output")
def exec_with_terminal(box):
    monitor = box.exec("echo hello; exit 4", terminal=True, exec_attach=True, log="none")
    monitor.spawn().go()
    monitor.packet(monitor.attach_fd)
    client = monitor.attach()
    monitor.go()

    equal(client.read_all()[2], b"hello\r\n")
    monitor.line()
    equal(monitor.line(), b'{"data": 4}\n')
    equal(monitor.wait_exited(), b"4")


@case("exec sync with a terminal logs what the command prints")
def exec_sync_with_terminal(box):
    monitor = box.exec_sync("echo hello; exit 4", terminal=True).spawn().go()

    equal(monitor.rest(), b'{"exit_code": 4}\n')
    equal(monitor.logged(), b"hello\r\n")


@case("the console socket's directory is gone when the container runs")
def console_directory_is_gone(box):
    monitor = terminal(box, WAIT).created()
    wait_quiet(monitor.daemon_pid)

    equal(os.listdir(box.at("tmp")) + os.listdir(box.at("run")), [])
