# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own part: arguments, documented keys, check mode, a failure as a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.scratch import MARK, SCRATCH
from ansible_collections.raftops.nomad.plugins.modules import raft_rehearse
from support.run_module import documented, run
from support.stores.builder import log, nomad_store, raft_directory, truth, write_boltdb

FAILURE = {"path", "offset", "hint"}


def contained(*names: str) -> set[str]:
    found: dict[str, Any] = yaml.safe_load(raft_rehearse.RETURN)["rehearsal"]
    for name in names:
        found = found["contains"][name]
    return set(found["contains"])


def test_it_rehearses_and_returns_what_it_documents(tmp_path: Path) -> None:
    """On a file system that cannot clone, too: nobody has this store open."""
    nomad_store("compacted", tmp_path)
    done = run(raft_rehearse, data_dir=str(tmp_path), workers=2)
    found = done["rehearsal"]
    assert set(done) == documented(raft_rehearse) - FAILURE
    assert set(found) == contained() and set(found["there"]) == set(found["back"]) == contained("back")
    assert found["rehearsed"] and found["digest"] == truth("compacted")["digest"] and done["changed"] is False
    assert done["msg"].startswith("boltdb -> wal ")
    assert run(raft_rehearse, path=str(tmp_path))["rehearsal"]["digest"] == found["digest"]


def test_check_mode_makes_nothing_and_tells_of_a_leftover(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    would = run(raft_rehearse, data_dir=str(tmp_path), check_mode=True)
    assert would["changed"] is False and not would["rehearsal"]["rehearsed"] and len(would["plan"]) == 5
    left = raft.parent / SCRATCH
    left.mkdir(0o700)
    (left / MARK).touch()
    assert run(raft_rehearse, data_dir=str(tmp_path), check_mode=True)["changed"] is True and left.exists()
    assert run(raft_rehearse, data_dir=str(tmp_path))["changed"] is True and not left.exists()


def test_progress_is_told_in_a_file_that_is_gone_at_the_end(tmp_path: Path) -> None:
    nomad_store("compacted", tmp_path / "data")
    path = tmp_path / "progress"
    assert run(raft_rehearse, data_dir=str(tmp_path / "data"), progress_file=str(path))["rehearsal"]["rehearsed"]
    assert not path.exists()
    inside = tmp_path / "data/server/progress"
    failed = run(raft_rehearse, data_dir=str(tmp_path / "data"), progress_file=str(inside))
    assert failed["failed"] is True and "below data_dir" in failed["msg"]


def test_a_store_that_cannot_be_converted_fails_with_the_way_out(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(60, first=41))
    done = run(raft_rehearse, data_dir=str(tmp_path))
    assert "there is no usable snapshot" in done["msg"]
    assert done.get("failed") or done["rehearsal"]["refusal"] == done["msg"]
    assert not (raft.parent / SCRATCH).exists()
