# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification: every difference between two stores is found, and one store that includes another is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, List, Sequence

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Batch, Extent, Part, Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.request import no_progress
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert, entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import GoTime
from support.stores import builder
from support.stores.ours import Opener, new_wal


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens stores, and closes them after the test."""
    opener = Opener()
    yield opener
    opener.close()


def changed(entries: List[Entry], index: int, **fields: Any) -> List[Entry]:
    return [replace(item, **fields) if item.index == index else item for item in entries]


ORIGINAL = builder.log(40)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        (changed(ORIGINAL, 7, term=4), "entry 7 differs"),
        (changed(ORIGINAL, 40, data=b""), "entry 40 differs"),
        (changed(ORIGINAL, 1, type=1), "entry 1 differs"),
        (changed(ORIGINAL, 9, extensions=b"x"), "entry 9 differs"),
        (changed(ORIGINAL, 9, appended_at=GoTime(9000, 6)), "entry 9 differs"),
        (ORIGINAL[:-1], "has 39 entries, 1 to 39; wanted 40, 1 to 40"),
        (ORIGINAL[1:], "has 39 entries, 2 to 40"),
        (builder.log(41), "has 41 entries"),
        ([], "has 0 entries"),
    ],
)
def test_verification_finds_every_difference(
    tmp_path: Path, opened: Opener, entries: List[Entry], problem: str, workers: int
) -> None:
    builder.write_boltdb(tmp_path / "raft.db", ORIGINAL)
    builder.write_wal(tmp_path / "wal", entries)
    source = opened(tmp_path / "raft.db")
    with pytest.raises(Corrupt, match=problem) as caught:
        convert.verify(source, opened(tmp_path / "wal"), source.extents(), workers, no_progress)
    assert caught.value.path == str(tmp_path / "wal")


class Forgetful:
    """A store that says it has everything, and leaves out the last entry when it is read."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def batches(self, extents: Sequence[Extent]) -> Iterator[Batch]:
        for batch in self._store.batches(extents):
            yield batch.clipped(1, self._store.last_index - 1)


def test_entries_that_are_never_read_back_are_missed(tmp_path: Path, opened: Opener) -> None:
    builder.write_boltdb(tmp_path / "raft.db", ORIGINAL)
    builder.write_wal(tmp_path / "wal", ORIGINAL)
    source = opened(tmp_path / "raft.db")
    with pytest.raises(Corrupt, match="entries are missing after the first 39 from 1 on"):
        convert.verify(source, Forgetful(opened(tmp_path / "wal")), source.extents(), 1, no_progress)


def test_the_stable_values_are_compared(tmp_path: Path, opened: Opener) -> None:
    builder.write_boltdb(tmp_path / "raft.db", ORIGINAL)
    builder.write_wal(tmp_path / "wal", ORIGINAL, Stable(3, 3, b"10.0.0.2:4647"))
    source = opened(tmp_path / "raft.db")
    with pytest.raises(Corrupt, match="stable values differ"):
        convert.verify(source, opened(tmp_path / "wal"), source.extents(), 1, no_progress)


def test_forms_that_are_not_written_any_more_are_compared_by_value(tmp_path: Path, opened: Opener) -> None:
    zoned = [replace(item, appended_at=GoTime(9, 9, 3600)) for item in ORIGINAL]
    builder.write_boltdb(tmp_path / "raft.db", [replace(item, appended_at=GoTime(9, 9)) for item in ORIGINAL])
    builder.write_wal(tmp_path / "wal", zoned)
    source = opened(tmp_path / "raft.db")
    assert convert.verify(source, opened(tmp_path / "wal"), source.extents(), 1, no_progress) == 40


def test_sides_that_are_cut_differently_are_compared_entry_by_entry(tmp_path: Path, opened: Opener) -> None:
    """Extents of raft.db, of about two megabytes, beside segments that end anywhere."""
    entries = [Entry(index, 1, 0, bytes(18000), b"", GoTime(9, index)) for index in range(1, 701)]
    builder.write_boltdb(tmp_path / "raft.db", entries)
    source = opened(tmp_path / "raft.db")
    assert len(source.extents()) > 5
    for bad in (0, 1, 233, 234, 466, 700):
        path = tmp_path / f"wal-{bad}"
        made = new_wal(path)
        records = [(item.index, entry.encode_binary(item)) for item in changed(entries, bad, term=2)]
        results = []
        for number, (start, stop) in enumerate(((0, 233), (233, 466), (466, 700))):
            extent = Extent(start + 1, stop - start, 1, None)
            part = Part(number, start + 1, stop - start, [extent])
            results.append(made.write_part(part, iter([builder.batch_of(records[start:stop])])))
        made.seal(results, builder.VOTED)
        target = opened(path)
        if not bad:
            assert convert.verify(source, target, source.extents(), 2, no_progress) == 700
            assert convert.verify(target, source, target.extents(), 2, no_progress) == 700
            continue
        for one, other in ((source, target), (target, source)):
            with pytest.raises(Corrupt, match=f"entry {bad} differs"):
                convert.verify(one, other, one.extents(), 2, no_progress)


def test_one_store_includes_another(tmp_path: Path, opened: Opener) -> None:
    builder.write_boltdb(tmp_path / "raft.db", ORIGINAL)
    whole = opened(tmp_path / "raft.db")
    for number, (entries, expected) in enumerate([
        (ORIGINAL, True), (ORIGINAL[10:20], True), (ORIGINAL[:1], True), (ORIGINAL[39:], True),
        (builder.log(41), False), (builder.log(50, 41), False), (builder.log(50, 30), False),
        (changed(ORIGINAL, 7, term=4), False), (changed(ORIGINAL, 40, data=b"x"), False),
    ]):  # fmt: skip
        builder.write_wal(tmp_path / f"wal-{number}", entries)
        assert convert.includes(whole, opened(tmp_path / f"wal-{number}"), 1, no_progress) == expected


@pytest.mark.parametrize("place", [0, 77, 199])
@pytest.mark.parametrize("change", [{"data": b"y" * 200}, {"term": 4}, {"appended_at": GoTime(1_800_000_000, 7_000)}])
def test_a_difference_among_many_entries_of_one_length(tmp_path: Path, opened: Opener, place: int, change: Any) -> None:
    """They are compared many at a time, in both directions."""
    made = [Entry(index, 3, 0, b"x" * 200, b"", GoTime(1_800_000_000, index)) for index in range(300, 500)]
    changed = [*made[:place], replace(made[place], **change), *made[place + 1 :]]
    builder.write_boltdb(tmp_path / "raft.db", made)
    builder.write_wal(tmp_path / "wal", made)
    builder.write_wal(tmp_path / "other", changed)
    source, same, other = (opened(tmp_path / name) for name in ("raft.db", "wal", "other"))
    for one, two in ((source, same), (same, source)):
        assert convert.verify(one, two, one.extents(), 1, no_progress) == 200
    for one, two in ((source, other), (other, source)):
        with pytest.raises(Corrupt, match=f"entry {300 + place} differs"):
            convert.verify(one, two, one.extents(), 1, no_progress)
