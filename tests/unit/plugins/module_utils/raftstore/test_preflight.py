# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused or warned of before anything is changed: rights, space, values."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.preflight import check_request, required_bytes
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.switch import migrate
from ansible_collections.raftops.nomad.tests.unit.plugins.module_utils.raftstore.builder import (
    as_user,
    clock,
    listing,
    nomad_store,
    request,
    walk,
)


@pytest.mark.parametrize(("backend", "size"), [("wal", 0), ("wal", 2048), ("wal", -1), ("sqlite", 64), ("WAL", 64)])
def test_values_that_no_nomad_could_work_with(backend: str, size: int) -> None:
    with pytest.raises(Refused) as caught:
        check_request(backend, size, "/opt/nomad")
    assert caught.value.path == "/opt/nomad" and caught.value.hint


def test_the_usual_values_pass() -> None:
    for size in (1, 64, 2047):
        check_request("wal", size, "x")
        check_request("boltdb", size, "x")


def test_space_is_asked_for_live_entries_and_one_more_segment() -> None:
    assert required_bytes(1000, 64) - required_bytes(0, 64) == 1000
    assert required_bytes(0, 64) >= 64 << 20
    assert required_bytes(0, 2) - required_bytes(0, 1) == 1 << 20


def owned(tmp_path: Path, uid: int) -> Path:
    """A store of Nomad that belongs to this user, below directories that everybody may search."""
    raft = nomad_store("compacted", tmp_path)
    for path in [tmp_path, *walk(tmp_path)]:
        os.chown(path, uid, uid)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid in (0, uid) and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o711)
    return raft


def test_the_owner_may_convert_and_is_warned(tmp_path: Path) -> None:
    raft = owned(tmp_path, 54321)
    text = as_user(54321, lambda: "; ".join(migrate(request(raft), clock=clock).warnings))
    assert "could not be looked at" in text
    assert (raft / "wal").stat().st_uid == 54321
    assert migrate(request(raft), clock=clock).state == "wal"


def test_somebody_else_is_refused(tmp_path: Path) -> None:
    raft = owned(tmp_path, 54321)
    (raft / "raft.db").chmod(0o666)
    raft.chmod(0o777)
    before = listing(raft)
    assert as_user(12345, lambda: str(migrate(request(raft), clock=clock))).startswith("Refused: ")
    assert listing(raft) == before
