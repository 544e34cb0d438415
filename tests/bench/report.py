# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/benchmarks.md and docs/benchmarks.svg from the results of bench.py: medians, ratios, memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Optional

from bench import rollreport
from bench.subjects import COMPARED, STORES, TO_WAL

Key = tuple[str, str, str, str]
"""Direction, store, cache, subject."""
COLORS = {"ours": "#2a9d8f", "Go": "#e76f51", "Nomad": "#b5179e", "cp": "#8d99ae", "module": "#264653"}
HEAD = """# Benchmarks

Written by `make bench` (tests/bench) from its own results.

## Summary

Seconds, and how many times as long the others take. Our goal, where there is one, is in brackets. *Nomad* is
{nomad}; it has no way to BoltDB. *Best Go* is HashiCorp's
libraries at the faster of two batch sizes. The last ratio is the other way round: our conversion's time divided by that
of a copy of the file.

{summary}
## How

Median seconds of {runs} runs each, taken in turn. Machine: {machine}. Date: {date}.
*Ours* runs on this host's own Python, with the checksum it finds there: {crc}. The goals are for this row.
*Ours, crc32c package* and *module*, the whole Ansible module, run on the Python of `.venv`, which has that package.
*Conversion* counts from opening the source to the synced target, for *Nomad* and *cp* from the start of their
process; *with verification* adds reading everything back and comparing every entry. CPU is user and system time of all
processes. Peak memory is the largest sum of resident memory of the process tree; for Go it includes the mapped file.
*Go* is `tests/judge` on HashiCorp's own libraries and
verifies nothing; with batches of 64 MiB it does the work of `nomad operator raft migrate-backend`. It has been seen up
to 1.5 times as slow as the real command: where no row says Nomad, divide the ratios by that.

![chart](benchmarks.svg)
"""
BY_SIZE = """
## Time and memory by size

To WAL, warm. A raft.db of about this size has entries of 2 KiB and is about half data. One log has
a single entry, which has to fit into memory several times.

| raft.db | entries | runs | conversion | with verification | conversion, microseconds an entry | peak MB |
|---|---|---|---|---|---|---|
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


def _groups(found: dict[Key, dict[str, float]]) -> Iterator[tuple[tuple[str, ...], dict[str, dict[str, float]]]]:
    """Direction, store and cache, with the row of each subject."""
    for group in dict.fromkeys(key[:3] for key in found):
        yield group, {key[3]: row for key, row in found.items() if key[:3] == group}


def _ratio(of: Optional[float], to: Optional[float], goal: str = "") -> str:
    return "" if not of or not to else f"{of / to:.2f}" + (f" ({goal})" if goal else "")


def _summary_table(found: dict[Key, dict[str, float]]) -> str:
    """Ours against the reference, the best Go and a copy, with the goals that the project has set itself."""
    lines = ["| | ours | with verification | Nomad | of ours | of ours with verification | best Go of ours "
             "| ours of cp + fsync | peak MB |", "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for group, rows in _groups(found):
        if "ours" not in rows:
            continue
        ours, verified = rows["ours"]["conversion"], rows["ours"]["with verification"]
        go = min((row["conversion"] for name, row in rows.items() if name.startswith("Go")), default=None)
        forward, cold, small = group[0] == TO_WAL, group[2] == "cold", group[1].endswith("200 B")
        command = rows.get("Nomad", rows.get("Go, 64 MiB batches", {})).get("conversion") if forward else None
        copy = rows.get("cp + fsync", {}).get("conversion")
        lines.append("| " + " | ".join([
            ", ".join(group), _cell(ours), _cell(verified), _cell(command),
            _ratio(command, ours, "8" if cold and forward else "4" if forward else ""),
            _ratio(command, verified, "2" if forward and not cold else ""),
            _ratio(go, ours, "1.5" if not forward else "1.7" if not cold else ""),
            _ratio(ours, copy, "" if small or cold else "1.5 or less"),
            f"{int(rows['ours']['peak']) >> 20} (128 or less)"]) + " |")  # fmt: skip
    return "\n".join(lines) + "\n"


def _by_size(found: dict[Key, dict[str, float]]) -> str:
    lines = [BY_SIZE]
    for (direction, store, cache, subject), row in found.items():
        if store not in COMPARED and (direction, cache, subject) == (TO_WAL, "warm", "ours"):
            each = row["conversion"] / STORES[store][1] * 1e6 if STORES[store][1] > 1 else None
            times = [_cell(row["conversion"]), _cell(row["with verification"]), _cell(each)]
            cells = [store, f"{STORES[store][1]:,}", str(int(row["runs"])), *times, f"{int(row['peak']) >> 20}"]
            lines.append("| " + " | ".join(cells) + " |\n")
    return "".join(lines) if len(lines) > 1 else ""


def write(lines: list[dict[str, Any]], docs: Path) -> None:
    """Write both files."""
    every = _summary(lines)
    found = {key: row for key, row in every.items() if key[1] in COMPARED}
    counts = sorted({int(row["runs"]) for row in found.values()})
    nomad = any(key[3] == "Nomad" for key in found)
    head = {
        "runs": counts[0] if len(counts) == 1 else f"{counts[0]} to {counts[-1]}",
        "nomad": f"`nomad operator raft migrate-backend`{'' if nomad else ', here Go with its batches of 64 MiB'}",
        "summary": _summary_table(found),
        "crc": next((line["crc32c"] for line in reversed(lines) if line["subject"] == "ours"), "not measured"),
        "machine": lines[-1]["machine"],
        "date": lines[-1]["date"],
    }
    text = [HEAD.format(**head), _by_size(every)]
    for group, rows in _groups(found):
        best = rows.get("ours", {}).get("conversion")
        text.append(f"\n## {group[0]}, {group[1]}, {group[2]} cache\n\n| | conversion | with verification | process "
                    "| CPU | peak MB | of our conversion |\n|---|---|---|---|---|---|---|\n")  # fmt: skip
        for name, row in rows.items():
            ratio = row["conversion"] / best if best and "conversion" in row else None
            text.append(
                f"| {name} | {_cell(row.get('conversion'))} | {_cell(row.get('with verification'))} | "
                f"{_cell(row['process'])} | {_cell(row['cpu'])} | {int(row['peak']) >> 20} | {_cell(ratio)} |\n"
            )
    page = docs / "benchmarks.md"
    page.write_text("".join(text) + rollreport.kept(page))
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
