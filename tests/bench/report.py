# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/benchmarks.md and docs/benchmarks.svg from the results of bench.py: medians, ratios, memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any, Optional

Key = tuple[str, str, str, str]
"""Direction, store, cache, subject."""
COLORS = {"ours": "#2a9d8f", "Go": "#e76f51", "Nomad": "#b5179e", "cp": "#8d99ae", "module": "#264653"}
HEAD = """# Benchmarks

Written by `make bench` (tests/bench) from its own results.

Median seconds of {runs} runs each, which alternate. Machine: {machine}. Date: {date}.
*Conversion* counts from opening the source to the synced target; *with verification* adds reading everything back and
comparing every entry. CPU is user and system time of all processes. Peak memory is the largest sum of resident memory
of the process tree, and for Go it has the mapped file in it. *Go* is `tests/judge` on HashiCorp's own libraries and
verifies nothing; with batches of 64 MiB it does the work of `nomad operator raft migrate-backend`, but is slower than
the real command by up to 1.5, so take as much off the ratios where no row says Nomad.

![chart](benchmarks.svg)
"""


def _summary(lines: Iterable[dict[str, Any]]) -> dict[Key, dict[str, float]]:
    runs: dict[Key, list[dict[str, Any]]] = {}
    for line in lines:
        runs.setdefault((line["direction"], line["store"], line["cache"], line["subject"]), []).append(line)
    found: dict[Key, dict[str, float]] = {}
    for key, several in runs.items():
        found[key] = {phase: median(one["seconds"][phase] for one in several) for phase in several[0]["seconds"]}
        found[key] |= {"cpu": median(one["cpu"] for one in several), "peak": max(one["peak"] for one in several),
                       "runs": len(several)}  # fmt: skip
    return found


def _cell(value: Optional[float]) -> str:
    return "" if value is None else f"{value:.2f}"


def write(lines: list[dict[str, Any]], docs: Path) -> None:
    """Write both files."""
    found = _summary(lines)
    counts = sorted({int(row["runs"]) for row in found.values()})
    runs = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    text = [HEAD.format(runs=runs, machine=lines[-1]["machine"], date=lines[-1]["date"])]
    groups = dict.fromkeys(key[:3] for key in found)
    for group in groups:
        rows = {key[3]: row for key, row in found.items() if key[:3] == group}
        best = rows.get("ours", {}).get("conversion")
        text.append(f"\n## {group[0]}, {group[1]}, {group[2]} cache\n\n| | conversion | with verification | process "
                    "| CPU | peak MB | of our conversion |\n|---|---|---|---|---|---|---|\n")  # fmt: skip
        for name, row in rows.items():
            ratio = row["conversion"] / best if best and "conversion" in row else None
            text.append(
                f"| {name} | {_cell(row.get('conversion'))} | {_cell(row.get('with verification'))} | "
                f"{_cell(row['process'])} | {_cell(row['cpu'])} | {int(row['peak']) >> 20} | {_cell(ratio)} |\n"
            )
    (docs / "benchmarks.md").write_text("".join(text))
    (docs / "benchmarks.svg").write_text(_chart(found))


def _chart(found: dict[Key, dict[str, float]]) -> str:
    """Bars of the conversions, lighter with verification, one group for each direction, store and cache."""
    rows: list[str] = []
    y = 20
    bars = {key: row.get("with verification", row.get("conversion", row["process"])) for key, row in found.items()}
    scale = 480 / max(bars.values())
    for group in dict.fromkeys(key[:3] for key in found):
        rows.append(f'<text x="10" y="{y}" font-weight="bold">{", ".join(group)}</text>')
        y += 8
        for key in (key for key in found if key[:3] == group):
            row, color = found[key], next((COLORS[word] for word in COLORS if key[3].startswith(word)), "#555")
            inner = row.get("conversion", 0.0)
            rows.append(f'<text x="10" y="{y + 11}">{key[3]}</text>'
                        f'<rect x="180" y="{y}" width="{bars[key] * scale:.1f}" height="14" fill="{color}" '
                        f'opacity="0.45"/>'
                        f'<rect x="180" y="{y}" width="{inner * scale:.1f}" height="14" fill="{color}"/>'
                        f'<text x="{186 + bars[key] * scale:.0f}" y="{y + 11}">{bars[key]:.2f} s</text>')  # fmt: skip
            y += 18
        y += 22
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{y}" font-family="sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(rows)}</svg>\n')  # fmt: skip
