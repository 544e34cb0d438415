# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft_store_info's result on the stores that Nomad wrote, and in every state."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    Corrupt,
    InUse,
    Refused,
    Unsupported,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.describe import describe
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.stores.builder import (
    BACKUP,
    NAMES,
    as_user,
    clock,
    listing,
    log,
    nomad_store,
    raft_directory,
    request,
    truth,
    write_boltdb,
    write_guard,
    write_journal,
    write_snapshot,
    write_wal,
)


@pytest.fixture
def data_home() -> Iterator[Path]:
    """A data_dir that other users may reach; those of pytest are its user's alone."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


KEYS = {
    "raft_dir", "node_id", "state", "in_use", "guarded", "interrupted", "interrupted_by", "hold", "backend",
    "first_index", "last_index", "entries", "gaps", "stable", "size", "page_size", "segments", "snapshots", "backups",
    "required_bytes", "available_bytes", "migratable", "problems",
    "refusal", "estimated_bytes",
}  # fmt: skip


def info(raft: Path, **options: bool) -> Dict[str, Any]:
    """The result; nothing may have changed, and no lock may be left."""
    before = listing(raft)
    result = describe(str(raft), **options)
    assert listing(raft) == before
    assert set(result) - {"digest"} == KEYS and ("digest" in result) == bool(options.get("digest"))
    return result


@pytest.mark.parametrize("name", NAMES)
def test_every_store_of_nomad_as_hashicorps_libraries_read_it(name: str, tmp_path: Path) -> None:
    raft, oracle = nomad_store(name, tmp_path), truth(name)
    result = info(raft, digest=True, verify=True)
    assert result["digest"] == oracle["digest"]
    for key in ("entries", "first_index", "last_index"):
        assert result[key] == oracle[key]
    assert (result["stable"]["last_vote_term"] or 0) == oracle["last_vote_term"]
    assert (result["stable"]["last_vote_candidate"] or "") == oracle["last_vote_cand"]
    assert result["stable"]["current_term"] == oracle["current_term"]
    missing = result["last_index"] - result["first_index"] + 1 - result["entries"]
    assert sum(gap["last"] - gap["first"] + 1 for gap in result["gaps"]) == missing
    assert result["migratable"] and result["problems"] == [] and not result["in_use"]
    on_wal = name == "wal-follower"
    assert (result["state"], result["segments"], result["page_size"]) == (
        ("wal", 5, None) if on_wal else ("boltdb", None, 4096)
    )


def test_after_a_conversion_the_digest_is_the_same(tmp_path: Path) -> None:
    raft = nomad_store("follower", tmp_path)
    before = info(raft, digest=True)
    migrate(request(raft), clock=clock)
    after = info(raft, digest=True)
    assert after["digest"] == before["digest"]
    assert (after["state"], after["guarded"], after["interrupted"], after["backups"]) == ("wal", True, False, [BACKUP])


def test_every_state_has_its_name(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    assert info(raft)["state"] == "empty"
    write_snapshot(raft, 3)
    assert (info(raft)["state"], info(raft)["migratable"]) == ("lost", False)
    write_boltdb(raft / "raft.db", log(5))
    write_journal(raft)
    assert (info(raft)["state"], info(raft)["interrupted"], info(raft)["interrupted_by"]) == (
        "boltdb",
        True,
        "elsewhere",
    )
    write_wal(raft / "wal", log(5))
    assert (info(raft)["state"], info(raft)["backend"]) == ("both", "boltdb")
    (raft / "raft.db").unlink()
    write_boltdb(raft / "raft.db", log(5, note="other"))
    lost = info(raft)
    assert (lost["state"], lost["backend"], lost["migratable"]) == ("forked", None, False)
    assert "each have something" in lost["problems"][0]
    (raft / "raft.db").write_bytes(b"x" * 5000)
    assert info(raft)["state"] == "damaged"
    (raft / "raft.db").unlink()
    (raft / "raft.db").mkdir()
    assert info(raft)["state"] == "foreign"
    (raft / ".raft-migrate.json").write_text("{}")
    assert info(raft)["state"] == "newer_tool"
    (raft / ".raft-hold.json").write_text("{}")
    assert info(raft)["hold"]


def test_a_store_in_use_is_not_read(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    fd = os.open(raft / "raft.db", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    result = info(raft)
    assert result["in_use"] and (result["state"], result["backend"]) == ("boltdb", "boltdb")
    assert result["entries"] is None and result["stable"] is None and result["required_bytes"] is None
    assert result["size"] == 524288 and result["snapshots"]
    for options in ({"digest": True}, {"verify": True}):
        with pytest.raises(InUse):
            describe(str(raft), **options)
    os.close(fd)


def test_another_run_at_work_hides_nothing(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    free = info(raft)
    fd = os.open(raft, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert {**info(raft), "available_bytes": 0} == {**free, "available_bytes": 0}
    os.close(fd)


def test_verify_finds_what_a_look_does_not(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", log(5))
    write_guard(raft)
    segment = next((raft / "wal").glob("*.wal"))
    segment.write_bytes(segment.read_bytes().replace(b"entry 2 of term 3", b"entry 2 of tErm 3", 1))
    for options in ({"digest": True}, {"verify": True}):
        with pytest.raises(Corrupt) as caught:
            describe(str(raft), **options)
        assert caught.value.path == str(segment)


@pytest.mark.parametrize("option", ["digest", "verify"])
def test_no_digest_and_no_check_without_a_store_that_was_read(option: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    options = {option: True}
    assert info(raft, **options).get("digest") is None  # never was one
    write_snapshot(raft, 3)
    with pytest.raises(Refused, match="there was one"):
        describe(str(raft), **options)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5, note="other"))
    with pytest.raises(Refused, match="each have something"):
        describe(str(raft), **options)
    (raft / ".raft-migrate.json").write_text("{}")
    with pytest.raises(Unsupported, match="was not written by this version"):
        describe(str(raft), **options)


def test_the_digest_of_two_stores_is_that_of_the_one_that_has_everything(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", log(9))
    lone = info(raft, digest=True)
    write_boltdb(raft / "raft.db", log(5))
    both = info(raft, digest=True, verify=True)
    assert (both["state"], both["backend"]) == ("both", None), "Nomad would open the other"
    for key in ("digest", "entries", "first_index", "last_index", "stable", "size"):
        assert both[key] == lone[key]
    (raft / "raft.db").unlink()
    write_boltdb(raft / "raft.db", log(12))
    newer = info(raft, digest=True)
    assert (newer["state"], newer["backend"], newer["entries"]) == ("both", "boltdb", 12)
    assert newer["digest"] not in (None, lone["digest"])


@pytest.mark.parametrize("closed", ["journal", "directory"])
def test_the_user_of_the_server_is_told_to_become_root(closed: str, data_home: Path) -> None:
    """A journal that root has written is root's alone: its owner tells it from a forged one."""
    raft = nomad_store("never-voted", data_home)
    for path in [data_home, data_home / "server", raft, *raft.iterdir()]:
        os.chown(path, 12345, 12345)
    migrate(request(raft), clock=clock)
    if closed == "directory":
        os.chown(raft, 0, 0)
    text = as_user(12345, lambda: str(describe(str(data_home))))
    assert "Permission denied" in text and text.endswith(
        "Run as root (become: true, or -b): the service user cannot read what root has made here, like the journal."
    )


def test_no_raft_directory(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        describe(str(tmp_path))
