# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/awx.md, as far as it goes without AWX: jobs by ansible-runner, ansible-navigator, ansible-builder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cluster.cluster import Cluster
from support.paths import DOCS
from support.rolls import leftbehind, playbooks

BIN = Path(os.environ["FIELD_BIN"])
EXAMPLES = DOCS / "examples/awx"


def program(name: str, *arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One of the installed programs, run to its end without a terminal."""
    env = {**playbooks.environment(), "PATH": f"{BIN}:{os.environ['PATH']}", **environment}
    return subprocess.run(
        [str(BIN / name), *map(str, arguments)],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def having(text: str, place: Path) -> list[str]:
    return [path.name for path in place.rglob("*") if path.is_file() and text in path.read_text(errors="replace")]


@pytest.fixture(scope="module")
def cluster(make_cluster: Any) -> Cluster:
    return make_cluster(size=1, acl=True)


def test_a_job_as_awx_starts_it(cluster: Cluster, tmp_path: Path) -> None:
    """By ansible-runner, from the project's playbook, with the answers of the survey; of these one is empty."""
    survey = yaml.safe_load((EXAMPLES / "templates.yml").read_text())[0]["vars"]["survey"]["spec"]
    answers = {question["variable"]: question["default"] for question in survey}
    assert answers["raft_logstore_config_file"] == ""
    data, token = tmp_path / "job", str(cluster.servers[0].token)
    shutil.copytree(EXAMPLES / "project", data / "project")
    for folder in "env", "inventory":
        (data / folder).mkdir()
    inventory = playbooks.write_inventory(cluster, raft_logstore_allow_outage=True)
    shutil.copy(inventory, data / "inventory/hosts.yml")
    given = {**answers, "raft_logstore_force": True, "awx_job_template_id": 7, "raft_logstore_token": token}
    (data / "env/extravars").write_text(json.dumps(given))
    run = program("ansible-runner", "run", data, "-p", "migrate.yml", "--ident", "job", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert leftbehind.observe(cluster).backends == {"s1": "wal"}
    kept = data / "artifacts/job"
    assert (kept / "status").read_text() == "successful"
    events = [json.loads(path.read_text()) for path in (kept / "job_events").iterdir()]
    assert len(events) > 20
    assert [event["event"] for event in events if "s1: is taken out now" in event["stdout"]] == ["verbose"]
    assert having(token, kept) == [] and token not in run.stdout


def test_what_ansible_runner_keeps_of_the_environment(cluster: Cluster, tmp_path: Path) -> None:
    """It writes all of it into the artifact `command`: what the page warns of."""
    token = str(cluster.servers[0].token)
    (tmp_path / "inventory").mkdir()
    shutil.copy(playbooks.write_inventory(cluster), tmp_path / "inventory/hosts.yml")
    run = program(
        "ansible-runner",
        "run",
        tmp_path,
        "-p",
        "raftops.nomad.status",
        "--ident",
        "one",
        cwd=tmp_path,
        NOMAD_TOKEN=token,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert having(token, tmp_path) == ["command"]


def test_ansible_navigator_without_a_container(cluster: Cluster, tmp_path: Path) -> None:
    token = str(cluster.servers[0].token)
    inventory = playbooks.write_inventory(cluster, raft_logstore_allow_outage=True)
    arguments = ["--mode", "stdout", "--ee", "false", "--pas", tmp_path / "artifact.json", "--lf", tmp_path / "log"]
    command = ["run", "raftops.nomad.rollback", "-i", inventory, *arguments]
    run = program("ansible-navigator", *command, cwd=tmp_path, NOMAD_TOKEN=token)
    assert run.returncode == 0, run.stdout + run.stderr
    assert leftbehind.observe(cluster).backends == {"s1": "boltdb"}
    assert json.loads((tmp_path / "artifact.json").read_text())["status"] == "successful"
    assert having(token, tmp_path) == [] and token not in run.stdout + run.stderr


def test_ansible_builder_makes_the_context_of_the_image(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "execution-environment.yml", tmp_path)
    (tmp_path / "raftops-nomad-1.0.0.tar.gz").write_bytes(b"a tarball")
    run = program("ansible-builder", "create", "--output-filename", "Containerfile", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "context/_build/collections/raftops-nomad-1.0.0.tar.gz").read_bytes() == b"a tarball"
    assert "ansible-core==2.21.5" in (tmp_path / "context/Containerfile").read_text()
