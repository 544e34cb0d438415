# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge itself: it must read what Nomad wrote as it was read when it was recorded, and see damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.recordings import unpack_store
from support.stores import shapes
from support.stores.judge import Refusal, append, digest, judge


def test_there_are_shapes_enough() -> None:
    assert len(set(shapes.BOLTDB)) >= 60
    assert len(set(shapes.WAL)) >= 40
    assert len(set(shapes.REFUSED)) >= 12 and len(set(shapes.WAL_REFUSED)) >= 2
    assert len(shapes.RECORDED_BOLTDB) == 6 and len(shapes.RECORDED_WAL) == 1


@pytest.mark.parametrize("name", shapes.RECORDED)
def test_recorded_stores_are_read_as_when_they_were_recorded(name: str, tmp_path: Path) -> None:
    facts = shapes.RECORDED[name]
    raft = unpack_store(name, tmp_path)
    found = digest(raft / "wal" if facts["backend"] == "wal" else raft / "raft.db")
    oracle = facts["oracle"]
    assert found.digest == oracle["digest"]
    assert (found.first_index, found.last_index) == (oracle["first_index"], oracle["last_index"])
    assert found.entries == oracle["entries"]
    assert found.stable["current_term"] == oracle["current_term"]
    assert (found.stable["last_vote_term"] or 0) == oracle["last_vote_term"]
    assert (found.stable["last_vote_candidate"] or "") == oracle["last_vote_cand"]
    absent = [found.stable["last_vote_term"], found.stable["last_vote_candidate"]].count(None)
    assert absent == len(facts["stable_keys_absent"])


@pytest.mark.parametrize("name", shapes.BOLTDB)
def test_generated_files_pass_the_check_of_bbolt(name: str, tmp_path: Path) -> None:
    judge("check", shapes.raft_db(name, tmp_path))


def test_the_same_seed_makes_the_same_entries(tmp_path: Path) -> None:
    for number, seed in enumerate((7, 7, 8)):
        judge("gen", "-shape", "every-form", "-seed", seed, tmp_path / f"{number}.db")
    first, second, other = (digest(tmp_path / f"{number}.db") for number in range(3))
    assert first == second
    assert first.digest != other.digest


def test_a_changed_byte_changes_the_digest(tmp_path: Path) -> None:
    path = shapes.raft_db("plain", tmp_path)
    before = digest(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"\xa4Data") + 30] ^= 1
    path.write_bytes(data)
    assert digest(path).digest != before.digest


def test_converting_there_and_back_keeps_everything(tmp_path: Path) -> None:
    source = shapes.raft_db("every-form", tmp_path)
    judge("to-wal", "-batch", 1 << 20, "-segment", 65536, source, tmp_path / "wal")
    judge("to-boltdb", tmp_path / "wal", tmp_path / "back.db")
    judge("check", tmp_path / "back.db")
    assert digest(source) == digest(tmp_path / "wal") == digest(tmp_path / "back.db")


def test_a_seal_that_was_not_recorded_can_be_read_but_not_appended_to(tmp_path: Path) -> None:
    path = shapes.wal("wal-seal-not-recorded", tmp_path)
    assert digest(path).entries == 700
    with pytest.raises(Refusal, match="segment is sealed"):
        append(path)
