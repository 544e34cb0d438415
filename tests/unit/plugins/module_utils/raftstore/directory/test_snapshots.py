# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: which ones Raft would open, in its order, and whether they are whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, Refused
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory import snapshots
from support.stores.builder import (
    NAMES,
    nomad_store,
    raft_directory,
    write_snapshot,
)


@pytest.mark.parametrize("name", NAMES)
def test_those_that_raft_wrote_are_whole(name: str, tmp_path: Path) -> None:
    raft = Directory.open(str(nomad_store(name, tmp_path)))
    found = snapshots.list_snapshots(raft)
    on_disk = sorted((tmp_path / "server/raft/snapshots").iterdir(), key=lambda path: path.name)
    assert sorted(snapshot.id for snapshot in found) == [path.name for path in on_disk]
    for snapshot in found:
        assert snapshot.id.split("-")[:2] == [str(snapshot.term), str(snapshot.index)]
        snapshots.check(raft, snapshot)


def test_newest_first_by_term_then_index_and_two_at_most(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    for index, term in ((50, 2), (10, 3), (20, 3)):
        write_snapshot(raft, index, term)
    assert [snapshot.index for snapshot in snapshots.list_snapshots(Directory.open(str(raft)))] == [20, 10]


@pytest.mark.parametrize("what", ["tmp", "no meta", "bad json", "version 2", "link", "other id", "no crc", "file"])
def test_raft_passes_over_what_it_cannot_use(what: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    good, bad = write_snapshot(raft, 5), write_snapshot(raft, 9)
    meta = json.loads((bad / "meta.json").read_text())
    if what == "tmp":
        bad.rename(str(bad) + ".tmp")
    elif what == "no meta":
        (bad / "meta.json").unlink()
    elif what == "bad json":
        (bad / "meta.json").write_text("{")
    elif what == "link":
        bad.rename(tmp_path / "elsewhere")
        bad.symlink_to(tmp_path / "elsewhere")
    elif what == "file":
        (bad / "meta.json").unlink()
        (bad / "state.bin").unlink()
        bad.rmdir()
        bad.touch()
    else:
        changed = {"version 2": {"Version": 2}, "other id": {"ID": "3-9-1"}, "no crc": {"CRC": 7}}[what]
        (bad / "meta.json").write_text(json.dumps({**meta, **changed}))
    assert [snapshot.id for snapshot in snapshots.list_snapshots(Directory.open(str(raft)))] == [good.name]


@pytest.mark.parametrize(
    "text",
    [
        '{"Version": 1, "ID": "NAME", "Index": Infinity, "Term": 3, "Size": 5, "CRC": ""}',
        '{"Version": 1, "ID": "NAME", "Index": 1e999, "Term": 3, "Size": 5, "CRC": ""}',
        '{"Version": 1, "ID": "NAME", "Index": 9, "Term": "3", "Size": 5, "CRC": ""}',
        '{"Version": 1, "ID": "NAME", "Index": 9, "Term": 3, "Size": -5, "CRC": ""}',
        '{"Version": 1, "ID": "NAME", "Index": true, "Term": 3, "Size": 5, "CRC": ""}',
        '{"Version": 1, "ID": "NAME", "Index": 18446744073709551616, "Term": 3, "Size": 5, "CRC": ""}',
        '{"Version": 1, "ID": "NAME", "Index": ' + "9" * 900_000 + ', "Term": 3, "Size": 5, "CRC": ""}',
        "[" * 100_000,
    ],
    ids=range(8),
)
def test_metadata_that_lie_are_passed_over(text: str, tmp_path: Path) -> None:
    """Raft cannot read these either. The first two once ended in an OverflowError, the last in a RecursionError."""
    raft = raft_directory(tmp_path)
    good, bad = write_snapshot(raft, 5), write_snapshot(raft, 9)
    (bad / "meta.json").write_text(text.replace("NAME", bad.name))
    assert [snapshot.id for snapshot in snapshots.list_snapshots(Directory.open(str(raft)))] == [good.name]


@pytest.mark.parametrize("damage", ["flip", "short", "long", "gone"])
def test_a_damaged_state_is_found(damage: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    state = write_snapshot(raft, 5, state=os.urandom(3 << 20)) / "state.bin"
    directory = Directory.open(str(raft))
    (snapshot,) = snapshots.list_snapshots(directory)
    snapshots.check(directory, snapshot)
    data = bytearray(state.read_bytes())
    data[2 << 20] ^= 1
    content = {"flip": bytes(data), "short": bytes(data[:-1]), "long": bytes(data) + b"x"}
    state.write_bytes(content[damage]) if damage in content else state.unlink()
    with pytest.raises(Refused if damage == "gone" else Corrupt) as caught:
        snapshots.check(directory, snapshot)
    assert caught.value.path == str(state)


def test_none_without_the_directory_and_a_link_is_refused(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    assert snapshots.list_snapshots(Directory.open(str(raft))) == []
    (raft / "snapshots").symlink_to(tmp_path)
    with pytest.raises(Refused, match="symbolic link"):
        snapshots.list_snapshots(Directory.open(str(raft)))
