# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Rows of figures, the one table they are printed in, and the JSON file they are saved in."""

import json
import os
import platform
import time


class Row:
    """One figure for each program that was measured. @values: label -> number."""

    def __init__(self, name, unit, values, digits=1):
        self.name = name
        self.unit = unit
        self.values = values
        self.digits = digits


def ratio(row, own, other):
    if own not in row.values or not row.values.get(other):
        return ""
    return f"{row.values[own] / row.values[other]:.2f}"


def cell(row, label):
    return f"{row.values[label]:.{row.digits}f}" if label in row.values else ""


def print_table(rows, labels, reference):
    """@labels: the monitors, ours first. @reference: what the pipe alone does (cat)."""
    own, *peers = labels
    columns = [*labels, reference]
    ratios = [(own, other) for other in [*peers, reference]]
    table = [["", "unit", *columns, *(f"{a}/{b.split()[0]}" for a, b in ratios)]]
    for row in rows:
        table.append([row.name, row.unit, *(cell(row, label) for label in columns),
                      *(ratio(row, a, b) for a, b in ratios)])
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        print("  ".join([line[0].ljust(widths[0]), line[1].ljust(widths[1]),
                         *(line[i].rjust(widths[i]) for i in range(2, len(line)))]).rstrip())


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def machine():
    return {
        "processors": f"{os.cpu_count()} x {cpu_model()}",
        "kernel": platform.release(),
        "date": time.strftime("%Y-%m-%d"),
    }


def save(path, rows, facts):
    data = {
        "facts": facts,
        "rows": [{"name": row.name, "unit": row.unit, "digits": row.digits, "values": row.values}
                 for row in rows],
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=2)
        file.write("\n")
