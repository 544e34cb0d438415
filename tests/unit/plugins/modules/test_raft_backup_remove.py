# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own part: arguments, documented keys, both modes, a failure as a sentence."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.raftops.nomad.plugins.modules import raft_backup_remove
from support.run_module import documented, run
from support.stores.builder import (
    BACKUP,
    log,
    nomad_store,
    write_boltdb,
)

NEWER = "raft.db.migrated.20261124-010203"
FAILURE = {"path", "offset", "hint"}


def server(tmp_path: Path) -> Path:
    raft = nomad_store("compacted", tmp_path)
    for name in (BACKUP, NEWER):
        write_boltdb(raft / name, log(3))
    return raft


def test_it_removes_and_says_what(tmp_path: Path) -> None:
    raft = server(tmp_path)
    told = run(raft_backup_remove, data_dir=str(tmp_path), keep=1, check_mode=True, diff=True)
    assert (raft / BACKUP).exists()
    done = run(raft_backup_remove, path=str(tmp_path), keep=1, diff=True)
    assert told == {**done, "msg": done["msg"].replace("Removed", "Would remove")}
    assert re.fullmatch(r"Removed 1 old store, \d\d+ KB\.", done["msg"])
    assert done["changed"] is True and (done["removed"], done["kept"]) == ([BACKUP], [NEWER])
    assert done["state"] == "boltdb" and done["raft_dir"] == str(raft) and done["freed_bytes"] > 0
    assert BACKUP in done["diff"]["before"] and BACKUP not in done["diff"]["after"]
    assert set(done) == (documented(raft_backup_remove) - FAILURE) | {"changed", "diff"}
    assert run(raft_backup_remove, data_dir=str(tmp_path), keep=1)["msg"] == "Nothing to remove."
    assert not (raft / BACKUP).exists() and (raft / NEWER).exists()


def test_all_are_removed_unless_asked_otherwise(tmp_path: Path) -> None:
    server(tmp_path)
    assert run(raft_backup_remove, data_dir=str(tmp_path))["removed"] == [BACKUP, NEWER]


def test_a_refusal_is_a_sentence_with_a_remedy(tmp_path: Path) -> None:
    raft = server(tmp_path)
    (raft / "raft.db").unlink()
    failed = run(raft_backup_remove, data_dir=str(tmp_path))
    assert failed["failed"] is True and failed["hint"] in failed["msg"] and failed["path"] == str(raft)
    assert (raft / BACKUP).exists()
