#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Counts what ran: test-summary.py [--strict] [--suite LABEL=LOG | --reports LABEL=GLOB |
--failure LABEL=WHY]...

LOG is a JSON log of `meson test` (one object a line). A TAP program counts once for each of its
test points, any other program once. What is planned but has no result, a program that ends badly
after its points, and a program that ran nothing each count as a failure. --reports counts each file
that matches GLOB as a failure: sanitizers leave one for each process they stop. --failure is one
that happened elsewhere, in a build for example.

A program that fails under a valgrind that lacks a system call which the program needs is a skip, if
valgrind has no complaint of its memory. A skip is excused if its reason begins with "this machine".
With --strict one that is not makes the exit status 1. The last line printed is
`N passed, N failed, N skipped`."""

import argparse
import glob
import json
import re
import sys
from collections import Counter

POINT = re.compile(r"(ok|not ok)\s+\d+\s*(?:- )?\s*(.*?)\s*(?:(?<!\\)#\s*(\S+)\s*(.*))?$")
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$", re.IGNORECASE)
EXCUSE = "this machine"
LACKING = re.compile(r"unhandled \S+ syscall: (\d+)")
COMPLAINT = re.compile(r"==\d+== (Invalid|Conditional|Use of|Mismatched|Syscall param|Source and|"
                       r"[\d,]+ .*definitely lost)")
SKIP_STATUS = 77


class Suite:
    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.failed = []  # (test, why)
        self.skipped = []  # (test, reason)
        self.seconds = 0.0


def short_name(name):
    """meson prefixes a test's name with `project:suite / `."""
    return name.split(" / ", 1)[-1]


def add_point(suite, program, match):
    verdict, name, directive, words = match.groups()
    test = f"{program} {name}".rstrip()
    if verdict != "ok":
        suite.failed.append((test, "not ok"))
    elif directive and directive.lower().startswith("skip"):
        suite.skipped.append((test, words or "no reason given"))
    else:
        suite.passed += 1


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def add_plain_program(suite, program, result):
    """A program without TAP: its exit status is the one result."""
    if result["result"] == "OK":
        suite.passed += 1
    elif result["result"] == "SKIP" and result["returncode"] == SKIP_STATUS:
        suite.skipped.append((program, last_line(result["stdout"])))
    elif result["result"] == "SKIP":
        suite.failed.append((program, "ran no test"))
    else:
        suite.failed.append((program, how_it_ended(result)))


def how_it_ended(result):
    status = result["returncode"]
    ending = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    return f"{result['result'].lower()}, {ending}"


def add_tap_program(suite, program, result, plan, points):
    failures = len(suite.failed)
    for point in points:
        add_point(suite, program, point)
    planned = int(plan.group(1)) if plan else None
    if planned == 0 and not points:
        suite.skipped.append((program, plan.group(2) or "no reason given"))
    elif planned is not None and planned > len(points):
        missing = planned - len(points)
        suite.failed += [(program, f"no result; {how_it_ended(result)}")] * missing
    elif planned is None:
        suite.failed.append((program, f"no plan; {how_it_ended(result)}"))
    if len(suite.failed) == failures and result["result"] not in ("OK", "SKIP"):
        suite.failed.append((program, how_it_ended(result)))


def lacking_syscall(result):
    text = result.get("stderr") or ""
    return None if COMPLAINT.search(text) else LACKING.search(text)


def add_program(suite, result):
    program = short_name(result["name"])
    failures = len(suite.failed)
    lines = (result.get("stdout") or "").splitlines()
    plans = [found for found in map(PLAN.match, lines) if found]
    points = [found for found in map(POINT.match, lines) if found]
    suite.seconds += result["duration"]
    if plans or points:
        add_tap_program(suite, program, result, plans[0] if plans else None, points)
    else:
        add_plain_program(suite, program, result)
    lacking = lacking_syscall(result)
    if lacking and len(suite.failed) > failures:
        del suite.failed[failures:]
        suite.skipped.append((program, f"{EXCUSE}'s valgrind lacks system call {lacking.group(1)}"))


def load_suite(argument):
    name, _, path = argument.partition("=")
    suite = Suite(name)
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            for line in log:
                add_program(suite, json.loads(line))
    except (OSError, ValueError) as error:
        suite.failed.append((name, f"its log cannot be read: {error}"))
    return suite


def load_reports(argument):
    name, _, pattern = argument.partition("=")
    suite = Suite(name)
    for path in sorted(glob.glob(pattern)):
        with open(path, encoding="utf-8", errors="replace") as report:
            text = report.read()
        told = re.search(r"(SUMMARY|ERROR|runtime error).*", text)
        suite.failed.append((path, told.group(0) if told else last_line(text)))
    return suite


def add_failure(argument):
    name, _, why = argument.partition("=")
    suite = Suite(name)
    suite.failed.append((name, why))
    return suite


def print_list(title, rows):
    if rows:
        print(f"\n{title}:")
    for (suite, test, why), times in Counter(rows).items():
        print(f"  {suite}: {test} ({why})" + (f", {times} times" if times > 1 else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strict", action="store_true")
    for name in ("suite", "reports", "failure"):
        parser.add_argument(f"--{name}", action="append", default=[])
    options = parser.parse_args()

    suites = [load_suite(argument) for argument in options.suite]
    suites += [found for found in map(load_reports, options.reports) if found.failed]
    suites += map(add_failure, options.failure)
    skipped = [(suite.name, *row) for suite in suites for row in suite.skipped]
    failed = [(suite.name, *row) for suite in suites for row in suite.failed]
    excused = [row for row in skipped if row[2].lower().startswith(EXCUSE)]
    unexcused = [row for row in skipped if row not in excused]

    print(f"\n{'suite':<28}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}")
    for suite in suites:
        print(f"{suite.name:<28}{suite.passed:>8}{len(suite.failed):>8}"
              f"{len(suite.skipped):>8}{suite.seconds:>9.1f}")
    print_list("Skipped, as this machine cannot run them", excused)
    print_list("Skipped for another reason" + (" (an error in CI)" if options.strict else ""),
               unexcused)
    print_list("Failed", failed)

    passed = sum(suite.passed for suite in suites)
    print(f"\n{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(1 if failed or not passed or (options.strict and unexcused) else 0)


if __name__ == "__main__":
    main()
