# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused or warned of before anything is changed: rights, values, the configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.preflight import check_request
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.request import Request
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.stores.builder import (
    as_user,
    clock,
    listing,
    nomad_store,
    request,
    walk,
)


@pytest.mark.parametrize(
    "values",
    [
        {"wal_segment_size": 0},
        {"wal_segment_size": 2048},
        {"wal_segment_size": -1},
        {"backend": "sqlite"},
        {"backend": "WAL"},
        {"workers": -1},
        {"lock_timeout_s": -1},
    ],
)
def test_values_that_mean_nothing_are_refused_first(values: Dict[str, Any]) -> None:
    wrong = Request("/there/is/no/such/directory", **values)
    with pytest.raises(Refused) as caught:
        migrate(wrong)
    assert caught.value.path == wrong.data_dir and caught.value.hint
    assert str(*values.values()) in caught.value.what


def test_the_usual_values_pass() -> None:
    for size in (1, 64, 2047):
        check_request(Request("x", "wal", size, workers=0, lock_timeout_s=0.0))
        check_request(Request("x", "boltdb", size, workers=8))


def test_the_way_back_says_what_the_configuration_must_be(tmp_path: Path) -> None:
    raft = nomad_store("wal-follower", tmp_path)
    told = migrate(request(raft, backend="boltdb", check=True), clock=clock)
    assert any('backend = "boltdb"' in warning for warning in told.warnings)
    assert migrate(request(raft, backend="boltdb", effective_backend=lambda: "wal"), clock=clock).warnings == []


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
    assert "could not be inspected" in text
    assert (raft / "wal").stat().st_uid == 54321
    assert migrate(request(raft), clock=clock).state == "wal"


def test_somebody_else_is_refused(tmp_path: Path) -> None:
    raft = owned(tmp_path, 54321)
    (raft / "raft.db").chmod(0o666)
    raft.chmod(0o777)
    before = listing(raft)
    assert as_user(12345, lambda: str(migrate(request(raft), clock=clock))).startswith("Refused: ")
    assert listing(raft) == before
