#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Prints what happens to containers until one of them has ended.

    follow-events.py ROOT ID

The library has descriptors for any main loop; here they are in asyncio's: that of the events becomes
readable when there may be more, that of a process when it has ended and its status is on disk."""

import asyncio
import datetime
import sys

import gi

gi.require_version("Holdfast", "1")
from gi.repository import Holdfast  # noqa: E402


def print_new(events):
    while event := events.try_next():
        time = datetime.datetime.fromtimestamp(event.get_time_us() / 1e6)
        what = Holdfast.event_type_to_string(event.get_event_type())
        who = "/".join(filter(None, (event.get_container_id(), event.get_process_id())))
        print(f"{time:%H:%M:%S.%f} {what} {who} {event.get_number() or ''}".rstrip(), flush=True)


async def follow(root, name):
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    events = Holdfast.Events.new(root)
    process = Holdfast.Container.load(root, name).get_process(Holdfast.INIT_PROCESS_ID)
    exit_fd = process.get_exit_fd()
    loop.add_reader(events.get_fd(), print_new, events)
    loop.add_reader(exit_fd, ended.set)
    # What was before: the descriptor tells only of what comes.
    print_new(events)

    await ended.wait()

    loop.remove_reader(exit_fd)
    loop.remove_reader(events.get_fd())
    print_new(events)
    _, status = process.get_exit_status()
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(follow(sys.argv[1], sys.argv[2])))
