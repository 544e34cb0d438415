# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own part: arguments, documented keys, both modes, a failure as a sentence."""

from __future__ import annotations

import os
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
    (diff,) = done["diff"]
    assert BACKUP in diff["before"] and BACKUP not in diff["after"]
    assert set(done) == (documented(raft_backup_remove) - FAILURE) | {"changed", "diff"}
    assert run(raft_backup_remove, data_dir=str(tmp_path), keep=1)["msg"] == "Nothing to remove."
    assert not (raft / BACKUP).exists() and (raft / NEWER).exists()


def test_old_snapshots_go_with_the_old_stores_and_the_newest_stays(tmp_path: Path) -> None:
    server(tmp_path)
    (saved := tmp_path / "snapshots").mkdir(mode=0o700)
    names = ["nomad-316-20261122T104744Z.snap", "nomad-s1.global-20261122T104750Z.snap"]
    for name in [*names, "cluster.snap"]:
        (saved / name).write_bytes(bytes(1000))
    paths = [str(saved / name) for name in names]
    told = run(raft_backup_remove, data_dir=str(tmp_path), snapshot_dir=str(saved), check_mode=True, diff=True)
    assert told["msg"].startswith("Would remove 2 old stores and 1 snapshot, ") and len(os.listdir(saved)) == 3
    assert told["diff"][1] == {"before": "".join(f"{path}\n" for path in paths), "after": f"{paths[1]}\n"}
    done = run(raft_backup_remove, data_dir=str(tmp_path), snapshot_dir=str(saved))
    assert (done["removed_snapshots"], done["kept_snapshots"]) == (paths[:1], paths[1:])
    assert done["freed_bytes"] == told["freed_bytes"] > 1000
    assert sorted(os.listdir(saved)) == ["cluster.snap", names[1]]
    last = run(raft_backup_remove, data_dir=str(tmp_path), snapshot_dir=str(saved), keep_snapshots=0)
    assert last["msg"] == "Removed 1 snapshot, 1000 Bytes." and os.listdir(saved) == ["cluster.snap"]


def test_where_others_can_write_nothing_goes_at_all(tmp_path: Path) -> None:
    raft = server(tmp_path)
    (saved := tmp_path / "snapshots").mkdir()
    saved.chmod(0o777)
    failed = run(raft_backup_remove, data_dir=str(tmp_path), snapshot_dir=str(saved))
    assert failed["failed"] is True and "others can write to this directory" in failed["msg"]
    assert (raft / BACKUP).exists()


def test_all_are_removed_unless_asked_otherwise(tmp_path: Path) -> None:
    server(tmp_path)
    assert run(raft_backup_remove, data_dir=str(tmp_path))["removed"] == [BACKUP, NEWER]


def test_a_refusal_is_a_sentence_with_a_remedy(tmp_path: Path) -> None:
    raft = server(tmp_path)
    (raft / "raft.db").unlink()
    failed = run(raft_backup_remove, data_dir=str(tmp_path))
    assert failed["failed"] is True and failed["hint"] in failed["msg"] and failed["path"] == str(raft)
    assert (raft / BACKUP).exists()
