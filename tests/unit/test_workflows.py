# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
""".github/workflows: steps run targets of the Makefile or scripts of the checkout, and every part of `make test`."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from support.paths import CHECKOUT

WORKFLOWS = sorted((CHECKOUT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"(?m)^([a-z][a-z0-9-]*):", (CHECKOUT / "Makefile").read_text()))
SCRIPTS = ("tests/tools/", ".ci/")
PINNED = re.compile(r"\./\.github/workflows/[a-z]+\.yml|[\w.-]+/[\w.-]+@[0-9a-f]{40}")


def jobs(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load(text)["jobs"].values())


def commands(job: dict[str, Any]) -> Iterator[str]:
    """What the steps of a job run, once for each combination of its matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    for values in itertools.product(*matrix.values()):
        for step in job.get("steps", []):
            command = step.get("run", "")
            for name, value in zip(matrix, values, strict=True):
                command = command.replace(f"${{{{ matrix.{name} }}}}", value)
            if command:
                yield command


def is_ours(command: str) -> bool:
    program, *arguments = shlex.split(command)
    if program == "make":
        return bool(arguments) and set(arguments) <= TARGETS
    return program.startswith(SCRIPTS) and not arguments and os.access(CHECKOUT / program, os.X_OK)


def run_by(name: str) -> set[str]:
    text = (CHECKOUT / ".github/workflows" / name).read_text()
    return {command for job in jobs(text) for command in commands(job)}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_step_runs_what_the_checkout_has(path: Any) -> None:
    assert [command for command in run_by(path.name) if not is_ours(command)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_named_by_its_commit(path: Any) -> None:
    used = [step.get("uses") for job in jobs(path.read_text()) for step in [job, *job.get("steps", [])]]
    assert [name for name in used if name and not PINNED.fullmatch(name)] == []


def test_every_part_of_make_test_is_run_for_a_change() -> None:
    parts = (CHECKOUT / "tests/tools/run-tests").read_text()
    lanes = " ".join(re.findall(r"_lane=\(([^)]*)\)", parts)).split() + re.findall(r"(?m)^alone (test-\S+)$", parts)
    assert len(lanes) >= 8
    assert {f"make {part}" for part in lanes} <= run_by("test.yml")


def test_what_takes_longer_is_run_at_all() -> None:
    assert run_by("nightly.yml") | run_by("weekly.yml") >= {".ci/run", "make test-molecule", "make test-long"}


@pytest.mark.parametrize(
    "command",
    [
        "make nothing",
        "make",
        "make lint; rm -rf .",
        "pip install x",
        "tests/tools/nothing",
        "make -C / lint",
        ".ci/../Makefile",
    ],
)
def test_other_commands_are_seen(command: str) -> None:
    assert not is_ours(command)
