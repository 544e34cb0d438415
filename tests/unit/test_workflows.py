# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
""".github/workflows: steps run targets of the Makefile or scripts of the checkout, and every part of `make test`."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
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


def test_a_tag_is_checked_as_a_release_and_not_as_a_rehearsal() -> None:
    build = yaml.safe_load((CHECKOUT / ".github/workflows/release.yml").read_text())["jobs"]["build"]
    (step,) = [step for step in build["steps"] if step.get("run") == "make release-check"]
    assert step["env"]["RELEASE"] == "yes"
    fetched = [step["with"]["path"] for step in build["steps"] if "download-artifact" in step.get("uses", "")]
    assert fetched == [step["env"]["BUILT_ELSEWHERE"]]


def test_a_tag_that_is_not_the_version_that_was_built_makes_no_draft(tmp_path: Path) -> None:
    (tmp_path / "gh").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n')
    (tmp_path / "gh").chmod(0o755)
    tools, dist = tmp_path / "tests/tools", tmp_path / ".build/dist"
    tools.mkdir(parents=True)
    dist.mkdir(parents=True)
    shutil.copy(CHECKOUT / "tests/tools/draft-release", tools)
    (dist / "raftops-nomad-1.0.0.tar.gz").touch()
    for tag, code in (("1.0.1", 1), ("1.0.0", 0)):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_REF_NAME": tag}
        told = subprocess.run([tools / "draft-release"], env=environment, capture_output=True, text=True, check=False)
        assert told.returncode == code, told.stderr
        assert ("The tag 1.0.1 is not the version that was built" in told.stderr) == (code == 1)
        assert (tmp_path / "called").exists() == (code == 0)


def test_what_others_publish_is_tried_without_a_change() -> None:
    """The cores, the Pythons of hosts, the site and the release's check. The word `on` is true to YAML 1.1."""
    assert yaml.safe_load((CHECKOUT / ".github/workflows/test.yml").read_text())[True]["schedule"]


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


@pytest.mark.parametrize("page", [".github/CODEOWNERS", "MAINTAINERS.md"])
def test_what_two_maintainers_review_is_there(page: str) -> None:
    text = (CHECKOUT / page).read_text()
    named = re.findall(r"(?m)^/(\S+) @", text) + re.findall(r"`(plugins/[\w/]+)`", text)
    assert len(named) >= 3 and [path for path in named if not (CHECKOUT / path).exists()] == []
