# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""How the end of a container is told in files, and in which order."""

import os
import time

from harness import case, check, equal
from peers import IN_CREATE, IN_MOVED_TO, Watch, has_ended, read_all_of
from processes import end_process, wait_exit, wait_until

STATUSES = [("exit 0", 0), ("exit 1", 1), ("exit 42", 42), ("exit 255", 255), ("kill -9 $$", 137),
            ("kill -TERM $$", 143), ("kill -HUP $$", 129)]


@case("both exit files hold the status in digits and nothing else")
def content(box):
    for number, (command, status) in enumerate(STATUSES):
        monitor = box.create(command, bundle=box.add_bundle(f"b{number}")).spawn().go()

        equal(monitor.wait_exited(), str(status).encode(), command)
        equal(box.read(os.path.join(monitor.persist_dir, "exit")), str(status).encode(), command)


@case("an exec's exit file is written like a container's")
def exec_exit_file(box):
    monitor = box.exec("exit 42", log="none").spawn().go()

    equal(monitor.wait_exited(), b"42")


@case("the exit file of the persist dir is there before that of the exit dir")
def persist_first(box):
    monitor = box.create("exit 0", autostart=False).created()
    watch = Watch(monitor.persist_dir, box.at("exits"))
    monitor.start()

    monitor.wait_exited()
    wait_until(lambda: monitor.cid in watch.names(box.at("exits")), "the event of the exit file")

    final = [(where, name) for where, mask, name in watch.events
             if mask & (IN_CREATE | IN_MOVED_TO) and name in ("exit", monitor.cid)]
    watch.close()
    equal(final, [(monitor.persist_dir, "exit"), (box.at("exits"), monitor.cid)])


@case("the exit file appears whole")
def appears_whole(box):
    monitor = box.create("exit 42", autostart=False).created()
    watch = Watch(box.at("exits"))
    monitor.start()

    wait_until(lambda: monitor.cid in watch.names(box.at("exits")), "the event of the exit file")
    content_at_event = box.read(monitor.exit_file())

    watch.close()
    equal(content_at_event, b"42")


@case("no temporary name is seen in the exit dir", conmon="it writes ID.XXXXXX and renames it")
def no_temporary_names(box):
    monitor = box.create("exit 0", autostart=False).created()
    watch = Watch(box.at("exits"))
    monitor.start()
    monitor.wait_exited()
    monitor.wait_gone()

    names = watch.names(box.at("exits"))

    watch.close()
    equal(names, {monitor.cid})


@case("nothing else is left in the persist dir")
def persist_dir_content(box):
    monitor = box.create("exit 0").created()
    monitor.wait_gone()

    equal(os.listdir(monitor.persist_dir), ["exit"])


@case("without an exit dir the persist dir's file is written all the same")
def persist_only(box):
    monitor = box.create("exit 3", exit_dir=None).created()

    equal(box.wait_file(os.path.join(monitor.persist_dir, "exit")), b"3")


@case("without a persist dir the exit dir's file is written all the same")
def exit_dir_only(box):
    monitor = box.create("exit 3", persist=None).created()

    equal(monitor.wait_exited(), b"3")


@case("a process that ends before the runtime does keeps its status")
def ends_before_runtime(box):
    monitor = box.create("exit 9", script={"delay_exit": 300}).created()

    equal(monitor.wait_exited(), b"9")


@case("a process that ends before its pid file is written keeps its status")
def ends_before_pid_file(box):
    monitor = box.create("exit 9", script={"delay_pid_file": 300}).created()

    equal(monitor.wait_exited(), b"9")


NOT_OURS = """while [ $# -gt 0 ]; do [ "$1" = --pid-file ] && file=$2; shift; done
printf %s "$FOREIGN_PID" > "$file"
"""


@case("a status that cannot be learnt is -1, never 0")
def unknown_status(box):
    foreign = os.posix_spawn("/bin/sleep", ["sleep", "1000"], {})
    runtime = box.script("runtime", NOT_OURS)
    monitor = box.create(runtime=runtime, env={"FOREIGN_PID": str(foreign)}).created()

    end_process(foreign)
    wait_exit(foreign)
    status = monitor.wait_exited()

    # From Linux 6.15 on a pidfd tells the status of a process that is nobody's child.
    check(status in (b"-1", b"137"), status)


@case("a pid that names no process is not taken for a success")
def vanished_process(box):
    gone = os.posix_spawn("/bin/true", ["true"], {})
    wait_exit(gone)
    runtime = box.script("runtime", NOT_OURS)
    monitor = box.create(runtime=runtime, env={"FOREIGN_PID": str(gone)})
    message = monitor.run()
    monitor.container_pid = None

    monitor.wait_gone()

    status = box.read(monitor.exit_file())
    box.ignored_files |= {"attach", "ctl", "winsz"}
    check(status == b"-1" or message["data"] == -1, f"{message} {status}")


@case("descriptors that engines reserve are closed before the exit file is there")
def reserved_closed_first(box):
    read_end, write_end = os.pipe()
    monitor = box.create("exit 0", autostart=False, reserve_fds=[write_end]).created()
    os.close(write_end)
    box.keep(read_end)
    check(not has_ended(read_end), "held open while the container runs")
    monitor.start()

    monitor.wait_exited()

    check(has_ended(read_end), "closed when the exit file is there")


@case("attach connections end before the exit file is there")
def attach_ends_first(box):
    monitor = box.create("echo bye", autostart=False).created()
    client = monitor.attach()
    monitor.start()

    monitor.wait_exited()
    open_still = client.drain()

    check(not open_still, "the connection has ended")
    equal(client.output[2], b"bye\n")


@case("the exit file comes within 5 s of the end of attach under heavy output")
def exit_file_under_load(box):
    command = "head -c 30000000 /dev/zero | tr '\\0' x"
    monitor = box.create(command, autostart=False, log="none").created()
    clients = [monitor.attach() for _ in range(3)]
    monitor.start()

    sizes = [len(output) for output in read_all_of(clients)]
    ended = time.monotonic()
    monitor.wait_exited()

    equal(sizes, [30000000] * 3)
    check(time.monotonic() - ended < 5, "within 5 s")


@case("the sync pipe of an exec tells the status after the exit file is there")
def sync_line_after_exit_file(box):
    monitor = box.exec("exit 8", log="none").spawn().go()
    monitor.packet()

    monitor.packet()
    status = box.read(monitor.exit_file())

    equal(status, b"8")


@case("nothing is made in an exec's bundle after its exit file")
def bundle_is_left_alone(box):
    monitor = box.exec("exit 0", log="none").created()
    monitor.wait_exited()
    for name in os.listdir(monitor.bundle_dir):
        os.unlink(os.path.join(monitor.bundle_dir, name))
    os.rmdir(monitor.bundle_dir)
    box.bundles.remove(monitor.bundle_dir)

    status = monitor.wait_gone()

    equal(status, 0)
    check(not os.path.exists(monitor.bundle_dir), "the bundle is gone")


@case("an exit file that was there from an earlier run is replaced")
def stale_exit_file(box):
    monitor = box.create("exit 5", autostart=False)
    box.write(monitor.exit_file(), "77")
    box.write(os.path.join(monitor.persist_dir, "exit"), "77")
    monitor.created().start()

    monitor.wait_gone()

    equal(box.read(monitor.exit_file()), b"5")
    equal(box.read(os.path.join(monitor.persist_dir, "exit")), b"5")


@case("the exit file is written although the log disk is full")
def full_log(box):
    monitor = box.create("head -c 100000 /dev/zero; exit 5", log="k8s-file:/dev/full").created()

    equal(monitor.wait_exited(), b"5")


@case("an exit dir that became unwritable does not stop the other reports",
      conmon="it ends without the sync line")
def exit_dir_gone(box):
    exits = box.at("logs", "exits")
    os.mkdir(exits)
    monitor = box.exec("read x", log="none", exit_dir=exits, stdin=True).created()
    client = monitor.attach()
    os.rmdir(exits)

    client.half_close()
    line = monitor.line()

    client.close()
    equal(line, b'{"data": 1}\n')
    equal(box.read(os.path.join(monitor.persist_dir, "exit")), b"1")


@case("a hundred containers that end at once all get their own status")
def many_at_once(box):
    monitors = []
    for number in range(100):
        bundle = box.add_bundle(f"b{number}")
        monitors.append(box.create(f"exit {number}", bundle=bundle, log="none").spawn().go())

    statuses = [int(monitor.wait_exited()) for monitor in monitors]

    equal(statuses, list(range(100)))
