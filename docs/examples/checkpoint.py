#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Writes a container's processes to disk and ends it; control-C gives up and leaves it running.

    checkpoint.py ROOT ID NAME

"holdfast restore" or hf_container_start() with the checkpoint's directory brings it back."""

import signal
import sys

import gi

gi.require_version("Holdfast", "1")
from gi.repository import Gio, GLib, Holdfast  # noqa: E402


class Checkpointing:
    def __init__(self):
        self.loop = GLib.MainLoop()
        self.cancellable = Gio.Cancellable()
        self.failure = None

    def run(self, container, checkpoint):
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, self.cancellable.cancel)
        container.checkpoint_async(checkpoint, None, self.cancellable, self.on_done)
        self.loop.run()
        return self.failure

    def on_done(self, container, result):
        try:
            container.checkpoint_finish(result)
        except GLib.Error as error:
            self.failure = error
        self.loop.quit()


def main():
    root, name, checkpoint_name = sys.argv[1:]
    container = Holdfast.Container.load(root, name)
    checkpoint = Holdfast.Checkpoint(name=checkpoint_name, exit=True, tcp=True)
    failure = Checkpointing().run(container, checkpoint)
    if failure:
        sys.exit(f"checkpoint: {failure.message}")
    for made in container.list_checkpoints():
        print(made.get_name(), made.dup_created().format_iso8601())


if __name__ == "__main__":
    main()
