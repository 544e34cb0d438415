# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has spin search all states of a model, below .build/model. The result is its figures, or the story of an error."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from support.paths import BUILD, TESTS

from model.tables import promela

HERE = TESTS / "model"
WHERE = BUILD / "model"
SAFETY, LIVENESS = ("-DSAFETY",), ("-DNFAIR=4", "-DNOREDUCE")
MEGABYTES = 12000  # more is never taken
DEPTH = 1_000_000  # none of the searches goes as deep
STEPS = (100, 150, 200, 300, 500, 1000, 3000, DEPTH)


class Checked(NamedTuple):
    """`error` is what spin calls the error, "" for none; then the search was complete. `story`: what led to it."""

    error: str
    states: int
    depth: int
    seconds: float
    megabytes: float
    story: tuple[str, ...]

    def figures(self) -> str:
        return f"{self.states:,} states, depth {self.depth:,}, {self.seconds:.1f} s, {self.megabytes:,.0f} MB"


def checked(model: str, *macros: str, ends: bool = False) -> Checked:
    """All states of the model with these macros, or the first error. With `ends`: also that every fair run ends."""
    where = _compiled(model, macros, LIVENESS if ends else SAFETY)
    return _search(where, model, macros, DEPTH, ("-a", "-f") if ends else ())


def shortest(model: str, *macros: str) -> Checked:
    """The error again with a story that a person can read: the depth is raised until it is found. May take minutes."""
    where = _compiled(model, macros, (*SAFETY, "-DREACH"))
    searches = (_search(where, model, macros, depth, ()) for depth in STEPS)
    return next(found for found in searches if found.error)


def _compiled(model: str, macros: tuple[str, ...], options: tuple[str, ...]) -> Path:
    where = WHERE / "-".join([model, *(re.sub(r"\W", "", macro[2:]) for macro in macros)])
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    for source in HERE.glob("*.pml"):
        shutil.copy(source, where)
    (where / "tables.inc").write_text(promela())
    _run(where, "spin", "-a", *macros, f"{model}.pml")
    _run(where, "gcc", "-O1", "-w", "-DCOLLAPSE", f"-DMEMLIM={MEGABYTES}", *options, "-o", "pan", "pan.c")
    return where


def _search(where: Path, model: str, macros: tuple[str, ...], depth: int, options: tuple[str, ...]) -> Checked:
    said = _run(where, "./pan", f"-m{depth}", "-w24", *options)
    found = re.search(r"^pan:1: (.*) \(at depth", said, re.M)
    cut = depth == DEPTH and ("Search not completed" in said or "max search depth too small" in said)
    assert found or not cut, f"the search was not complete:\n{said}"
    seconds = re.search(r"elapsed time ([\d.e+-]+)", said)
    figure = {name: re.search(pattern, said) for name, pattern in FIGURES.items()}
    return Checked(
        error=found[1] if found else "",
        states=int(float(figure["states"][1])) if figure["states"] else 0,
        depth=int(figure["depth"][1]) if figure["depth"] else 0,
        seconds=float(seconds[1]) if seconds else 0.0,
        megabytes=float(figure["memory"][1]) if figure["memory"] else 0.0,
        story=_story(where, model, macros) if found else (),
    )


FIGURES = {
    "states": r"([\d.e+]+) states, stored",
    "depth": r"depth reached (\d+)",
    "memory": r"([\d.]+)\s+total actual memory usage",
}


def _story(where: Path, model: str, macros: tuple[str, ...]) -> tuple[str, ...]:
    """What the model says of itself on the way to the error."""
    said = _run(where, "spin", "-t", *macros, f"{model}.pml")
    lines = (line.strip() for line in said.splitlines())
    return tuple(line for line in lines if line and not re.match(r"spin:|#|\d+ processes|.*(proc +\d| = )", line))


def _run(where: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    assert command[0] == "./pan" or done.returncode == 0 or "-t" in command, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
