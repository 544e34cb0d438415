# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A roll of a cluster with ACLs at the highest verbosity: its tokens are in nothing that it prints, logs or leaves."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.cluster.cluster import Cluster
from support.rolls import leftbehind, playbooks
from support.security.log import CommandLines, SystemLog, files_with

WRONG = "9d1e7a52-0b0b-4c4c-8e8e-5f5f5f5f0001"
OURS = {"server.json", "inventory.yml"}  # where this test itself keeps the token


class Told(NamedTuple):
    """What two runs told: their outputs, Ansible's log, the system's log, and all command lines."""

    cluster: Cluster
    token: str
    roll: str
    refused: str
    log: str
    system_log: bytes
    command_lines: bytes


@pytest.fixture(autouse=True)
def small_units() -> None:
    """The product's own sizes."""


@pytest.fixture
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A roll with the right token from the inventory, and the status with a wrong one from the environment."""
    root = tmp_path_factory.mktemp("tokens")
    cluster = Cluster(root / "c", acl=True)
    cluster.start()
    try:
        cluster.wait_healthy(90)
        token = cluster.servers[0].token
        assert token
        system_log, command_lines = SystemLog(), CommandLines()
        inventory = playbooks.write_inventory(cluster, raft_logstore_token=token)
        roll = run("migrate", inventory, root, ANSIBLE_KEEP_REMOTE_FILES="0")
        refused = run("status", playbooks.write_inventory(cluster), root, NOMAD_TOKEN=WRONG)
        commands, system = command_lines.stop(), system_log.stop()
        assert roll.returncode == 0, roll.stdout[-3000:]
        yield Told(cluster, token, roll.stdout, refused.stdout, (root / "log").read_text(), system, commands)
    finally:
        cluster.stop_all()


def run(playbook: str, inventory: Path, root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    temporary = str(root / "ansible")
    known = {**playbooks.environment(), "ANSIBLE_LOG_PATH": str(root / "log"), "ANSIBLE_REMOTE_TEMP": temporary}
    return subprocess.run(
        playbooks.command(playbook, inventory, "-vvvv", "--diff"),
        cwd=playbooks.CHECKOUT,
        env={**known, "ANSIBLE_LOCAL_TEMP": temporary, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=playbooks.TIMEOUT_S,
        check=False,
    )


def test_no_token_is_in_what_a_roll_says_or_leaves(told: Told, cover: Callable[..., None]) -> None:
    """One test: a machine has one system log, and a second worker could not listen to it as well."""
    assert_it_was_used_and_is_in_no_output(told, cover)
    assert_it_is_in_no_log_and_on_no_command_line(told, cover)
    assert_no_file_that_was_left_has_it(told)
    assert_snapshots_are_private_and_nothing_of_them_is_shown(told)


def assert_it_was_used_and_is_in_no_output(told: Told, cover: Callable[..., None]) -> None:
    assert set(leftbehind.observe(told.cluster).backends.values()) == {"wal"}
    assert "Using module file" in told.roll, "this is not the highest verbosity"
    for secret in (told.token, WRONG):
        for text in (told.roll, told.refused, told.log):
            assert secret not in text
    assert "403" in told.refused
    cover("characters of output at -vvvv searched for tokens", len(told.roll) + len(told.refused) + len(told.log))


def assert_it_is_in_no_log_and_on_no_command_line(told: Told, cover: Callable[..., None]) -> None:
    assert b"ansible" in told.system_log and b"ansible-playbook" in told.command_lines
    for secret in (told.token.encode(), WRONG.encode()):
        assert secret not in told.system_log
        assert secret not in told.command_lines
    cover("bytes of the system's log searched for tokens", len(told.system_log))


def assert_no_file_that_was_left_has_it(told: Told) -> None:
    """Except the stores and the snapshots, which are the cluster's own memory and are private."""
    found = set()
    for server in told.cluster.servers:
        raft = server.raft_dir
        assert (raft / ".raft-migrate.json").stat().st_mode & 0o777 == 0o600
        assert told.token not in (raft / ".raft-migrate.json").read_text()
        found |= set(files_with(told.token, server.config_dir, OURS))
    assert found == set()
    assert list(files_with(told.token, told.cluster.root.parent / "ansible", OURS)) == []


def assert_snapshots_are_private_and_nothing_of_them_is_shown(told: Told) -> None:
    saved = leftbehind.snapshots(told.cluster)
    assert len(saved) == 1 + len(told.cluster.servers)
    for path in saved:
        status = path.stat()
        assert (status.st_mode & 0o777, status.st_uid) == (0o600, os.geteuid())
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert leftbehind.snapshot_is_sound(path)
    assert not list(saved[0].parent.glob(".snapshot.partial"))
