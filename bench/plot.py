#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Draws what bench/run saved: plot.py RESULTS.json PICTURE.png (needs matplotlib)."""

import json
import sys

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402

COLOURS = ("#1f5a94", "#c0792a", "#8a8a8a")
COLUMNS = 4
LEFT_OUT = ("threads", "wall time", "p90")


def draw(axes, row, labels):
    shown = [label for label in labels if label in row["values"]]
    values = [row["values"][label] for label in shown]
    bars = axes.barh(shown, values, color=[COLOURS[labels.index(label)] for label in shown])
    axes.bar_label(bars, [f"{value:.{row['digits']}f}" for value in values], padding=3, fontsize=8)
    axes.set_title(f"{row['name']}" + (f" ({row['unit']})" if row["unit"] else ""), fontsize=8)
    axes.set_xlim(0, max([*values, 1e-9]) * 1.25)
    axes.invert_yaxis()
    axes.tick_params(labelsize=7)
    axes.set_xticks([])
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        data = json.load(file)
    rows = [row for row in data["rows"] if not any(word in row["name"] for word in LEFT_OUT)]
    labels = list(dict.fromkeys(label for row in data["rows"] for label in row["values"]))
    lines = -(-len(rows) // COLUMNS)
    figure, grid = pyplot.subplots(lines, COLUMNS, figsize=(13, 0.5 + 1.25 * lines), squeeze=False)
    for axes, row in zip(grid.flat, rows):
        draw(axes, row, labels)
    for axes in list(grid.flat)[len(rows):]:
        axes.set_visible(False)
    facts = "; ".join(f"{name}: {value}" for name, value in data["facts"].items())
    figure.text(0.01, 0.005, f"Shorter bars are better, except for MB/s. {facts}", fontsize=7)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(sys.argv[2], dpi=110)


if __name__ == "__main__":
    main()
