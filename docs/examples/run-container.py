#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Runs a bundle's container, prints what it prints, and ends with its status.

    run-container.py [--root DIR] [--runtime RUNTIME] BUNDLE ID

Nothing here waits: starting and waiting are asynchronous calls in GLib's main loop, where a program
with a user interface has all its other work."""

import argparse
import sys

import gi

gi.require_version("Holdfast", "1")
from gi.repository import GLib, Holdfast  # noqa: E402


class Runner:
    def __init__(self, options):
        self.loop = GLib.MainLoop()
        self.status = 125
        how = Holdfast.ContainerOptions(runtime=options.runtime, labels=["example=run-container"])
        self.container = Holdfast.Container.new(options.root, options.id, options.bundle, how)

    def run(self):
        self.container.start_async(None, None, None, self.on_started)
        self.loop.run()
        # With force, as the process may wait for a start that failed.
        self.container.delete(True)
        return self.status

    def on_started(self, container, result):
        try:
            self.process = container.start_finish(result)
            # The process waits for start(): from the first byte on nothing is missed.
            self.session = self.process.attach(-1, 1, 2)
            self.session.wait_connected()
            self.session.connect("ended", self.on_output_ended)
            self.process.start()
        except GLib.Error as error:
            print(f"run-container: {error.message}", file=sys.stderr)
            self.loop.quit()

    def on_output_ended(self, session):
        self.process.wait_async(None, self.on_exited)

    def on_exited(self, process, result):
        _, self.status = process.wait_finish(result)
        self.loop.quit()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root")
    parser.add_argument("--runtime", default="runc")
    parser.add_argument("bundle")
    parser.add_argument("id")
    try:
        return Runner(parser.parse_args()).run()
    except GLib.Error as error:
        print(f"run-container: {error.message}", file=sys.stderr)
        return 125


if __name__ == "__main__":
    sys.exit(main())
