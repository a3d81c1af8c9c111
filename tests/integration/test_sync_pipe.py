# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What the monitor tells on the sync pipe: exact bytes, one packet for each line."""

import json

from harness import case, check, equal
from processes import wait_exit, wait_until

LINE_MAX = 4096
FAILING = {"fail": "boom: no such file or directory"}


def container_pid(monitor):
    return int(monitor.box.read(monitor.pid_file))


@case("create without api version tells the pid under the key pid")
def create_without_api(box):
    monitor = box.create("exec sleep 1000", api=False, transport="stream").spawn().go()

    line = monitor.line()

    equal(line, b'{"pid": %d}\n' % container_pid(monitor))


@case("create with api version tells the pid under the key data")
def create_with_api(box):
    monitor = box.create("exec sleep 1000").spawn().go()

    line = monitor.line()

    equal(line, b'{"data": %d}\n' % container_pid(monitor))


@case("create without api version tells a failure under the key pid")
def create_failure_without_api(box):
    box.expects_nothing_left = True
    monitor = box.create(api=False, transport="stream", script=FAILING).spawn().go()

    line = monitor.line()

    check(line.startswith(b'{"pid": -1, "message": "'), line)
    check(line.endswith(b'"}\n'), line)
    check("boom: no such file or directory" in json.loads(line)["message"], line)


@case("create with api version tells a failure under the key data")
def create_failure_with_api(box):
    box.expects_nothing_left = True
    monitor = box.create(script=FAILING).spawn().go()

    line = monitor.line()

    check(line.startswith(b'{"data": -1, "message": "'), line)
    check("boom: no such file or directory" in json.loads(line)["message"], line)


@case("exec without api version tells nothing before the end")
def exec_without_api(box):
    monitor = box.exec_sync("exit 3", transport="stream").spawn().go()

    everything = monitor.rest()

    equal(everything, b'{"exit_code": 3}\n')


@case("exec without api version tells a failure under the key exit_code")
def exec_failure_without_api(box):
    monitor = box.exec_sync(transport="stream", script=FAILING).spawn().go()

    message = json.loads(monitor.rest())

    equal(list(message), ["exit_code", "message"])
    equal(message["exit_code"], -1)
    check("boom: no such file or directory" in message["message"], message)


@case("exec with api version tells the pid and then the exit status, a packet for each")
def exec_with_api(box):
    monitor = box.exec("exit 3", log="none").spawn().go()

    first = monitor.packet()
    second = monitor.packet()
    end = monitor.packet()

    equal(first, b'{"data": %d}\n' % container_pid(monitor))
    equal(second, b'{"data": 3}\n')
    equal(end, b"")


@case("exec with api version tells a failure once")
def exec_failure_with_api(box):
    box.expects_nothing_left = True
    monitor = box.exec(log="none", script=FAILING).spawn().go()

    lines = monitor.rest().splitlines()

    equal(len(lines), 1, "lines")
    equal(json.loads(lines[0])["data"], -1)


@case("exec without api version tells a timeout as exit_code -1 with conmon's message")
def exec_timeout_without_api(box):
    monitor = box.exec_sync("exec sleep 1000", transport="stream", args=["-T", "1"]).spawn().go()

    everything = monitor.rest()

    equal(everything, b'{"exit_code": -1, "message": "command timed out"}\n')


@case("exec with api version tells a timeout as data -1 with conmon's message")
def exec_timeout_with_api(box):
    monitor = box.exec("exec sleep 1000", log="none", args=["--timeout", "1"]).spawn().go()

    monitor.line()
    second = monitor.rest()

    equal(second, b'{"data": -1, "message": "command timed out"}\n')


@case("exec sync over a plain pipe tells the exit code")
def exec_over_pipe(box):
    monitor = box.exec_sync("exit 42").spawn().go()

    equal(monitor.rest(), b'{"exit_code": 42}\n')


@case("exec sync hands on the runtime's message though an empty pid file was there")
def exec_with_empty_pid_file(box):
    script = {"fail": 'exec failed: "nonesuch": executable file not found in $PATH'}
    monitor = box.exec_sync(script=script).spawn().go()

    message = json.loads(monitor.rest())

    equal(message["exit_code"], -1)
    check("executable file not found in $PATH" in message["message"], message)


@case("exec whose runtime ends with a status of its own but wrote a pid file has not failed",
      conmon="2.1.6 takes the runtime's status for a failure")
def exec_runtime_status_is_no_failure(box):
    monitor = box.exec("exit 0", log="none", script={"exit": 7}).spawn().go()

    equal(monitor.packet(), b'{"data": %d}\n' % container_pid(monitor))
    equal(monitor.packet(), b'{"data": 0}\n')


@case("create tells one packet and nothing at the container's exit")
def create_tells_nothing_at_exit(box):
    monitor = box.create("exit 5").spawn().go()

    monitor.packet()
    rest = monitor.rest()

    equal(rest, b"")


@case("a message of 1 MiB from the runtime becomes one line of at most 4096 bytes",
      conmon="it waits for the runtime without reading, for ever")
def long_error(box):
    box.expects_nothing_left = True
    script = {"stderr_bytes": 1 << 20, "fail": "the last line says why"}
    monitor = box.create(script=script).spawn().go()

    packet = monitor.packet()

    check(len(packet) <= LINE_MAX, f"{len(packet)} bytes")
    message = json.loads(packet)
    equal(message["data"], -1)
    check(message["message"], "a message")
    equal(monitor.rest(), b"")


@case("of a long message the last line is kept", conmon="it keeps the beginning only")
def long_error_keeps_end(box):
    box.expects_nothing_left = True
    # The runtime prints `fail` after `stderr`, so the reason is what comes last.
    script = {"stderr": "\n".join(["x" * 70] * 2000), "fail": "the last line says why"}
    monitor = box.create(script=script).spawn().go()

    message = json.loads(monitor.packet())

    check("the last line says why" in message["message"], message)


NASTY = r"""printf 'quote " backslash \\ tab \t bell \a esc \033[1m nul \000 ' >&2
printf 'bad \377\376\303( cut \342\202' >&2
exit 1"""


@case("quotes, control characters and invalid UTF-8 in the message are valid JSON",
      conmon="it hands invalid UTF-8 on")
def nasty_bytes(box):
    box.expects_nothing_left = True
    monitor = box.create(runtime=box.script("nasty", NASTY)).spawn().go()

    packet = monitor.packet()

    text = json.loads(packet.decode("utf-8"))["message"]
    check('quote " backslash \\ tab' in text, text)
    check("esc \x1b[1m" in text, text)
    check("\ufffd" in text, text)


FLOOD = r"""i=0
while [ $i -lt 3000 ]; do
    printf '"\\\377\001"\\\377\001"\\\377\001' >&2
    i=$((i + 1))
done
exit 1"""


@case("a message of which every byte is escaped stays within 4096 bytes",
      conmon="its line grows with escaping")
def escaped_bytes_are_counted(box):
    box.expects_nothing_left = True
    text = "\\\"" * 40
    script = {"stderr": "\n".join([text] * 500), "fail": text}
    monitor = box.create(script=script).spawn().go()

    packet = monitor.packet()

    check(len(packet) <= LINE_MAX, f"{len(packet)} bytes")
    equal(json.loads(packet)["data"], -1)


@case("raw control bytes in a flood of stderr do not break the line",
      conmon="it hands invalid UTF-8 on")
def flood_of_nasty_bytes(box):
    box.expects_nothing_left = True
    monitor = box.create(runtime=box.script("flood", FLOOD)).spawn().go()

    packet = monitor.packet()

    check(len(packet) <= LINE_MAX, f"{len(packet)} bytes")
    equal(json.loads(packet.decode("utf-8"))["data"], -1)


@case("a reader of the sync pipe that went away before the pid does not end the monitor",
      conmon="it ends")
def peer_gone_before_pid(box):
    monitor = box.create("exit 6", autostart=False, script={"delay_pid_file": 100})
    monitor.spawn()
    monitor.close_sync()
    monitor.go()

    box.wait_file(monitor.pid_file)
    wait_until(lambda: box.read(monitor.pid_file), "a pid")
    monitor.start()

    equal(monitor.wait_exited(), b"6")


@case("a reader of the sync pipe that went away after the pid does not end the monitor")
def peer_gone_after_pid(box):
    monitor = box.exec("exit 6", log="none", script={"delay_exit": 50}).spawn().go()
    monitor.packet()
    monitor.close_sync()

    equal(monitor.wait_exited(), b"6")
    equal(monitor.wait_gone(), 6)


@case("a reader of the sync pipe that went away before a failure leaves nothing behind")
def peer_gone_before_failure(box):
    box.expects_nothing_left = True
    monitor = box.create(script={**FAILING, "delay_start": 50}).spawn()
    monitor.close_sync()
    monitor.go()

    status = wait_exit(monitor.pid)

    equal(status, 0, "the first process, which has daemonised")
    check(monitor.wait_gone() != 0, "the monitor's status tells the failure")


@case("without a sync pipe the monitor works all the same")
def no_pipes(box):
    monitor = box.create("exit 4", pipes=False).spawn()

    equal(monitor.wait_exited(), b"4")
