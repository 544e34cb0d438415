# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the writer of WAL directories makes: segments within their limit, attributes, times, and no log with a hole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Sequence

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.attributes import Attributes
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    IndexGap,
    Refused,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import (
    Extent,
    Part,
    PartResult,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.meta import SegmentInfo
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.reader import segment
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.writer import WalStoreWriter
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores.builder import batch_of
from support.stores.segments import (
    payloads,
)
from support.stores.wals import VOTED, Record, close_all, content, content_of, open_wal, opened


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def write(path: Path, parts: Sequence[Sequence[Record]], segment_len: int = 1 << 20) -> List[PartResult]:
    """A WAL by the writer under test, one part for each list of records."""
    path.mkdir()
    writer = WalStoreWriter(opened(path), segment_len)
    results = []
    for number, records in enumerate(parts):
        extent = Extent(records[0][0], len(records), sum(len(raw) + 24 for _index, raw in records), None)
        part = Part(number, records[0][0], len(records), [extent])
        results.append(writer.write_part(part, iter([batch_of(records)])))
    writer.seal(results, VOTED)
    return results


def records(first: int, sizes: Iterable[int]) -> List[Record]:
    return list(enumerate(payloads(first, list(sizes)), first))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    first, second = records(170, range(50)), records(220, [200] * 30)
    write(tmp_path / "wal", [first, second])
    store = open_wal(tmp_path / "wal")
    assert content(store) == first + second
    assert store.stable() == VOTED
    assert sorted(os.listdir(tmp_path / "wal")) == [
        "00000000000000000170-0000000000000001.wal",
        "00000000000000000220-0000000000000002.wal",
        "wal-meta.db",
    ]
    assert store.meta.next_segment_id == 4
    last = store.meta.segments[-1]
    assert (last.id, last.base_index, last.min_index, last.sealed) == (3, 250, 250, False)
    assert {info.size_limit for info in store.meta.segments} == {1 << 20}


def test_an_empty_log_keeps_the_votes(tmp_path: Path) -> None:
    write(tmp_path / "wal", [])
    store = open_wal(tmp_path / "wal")
    assert (store.entry_count, store.stable(), os.listdir(tmp_path / "wal")) == (0, VOTED, ["wal-meta.db"])
    assert [(info.id, info.base_index, info.sealed) for info in store.meta.segments] == [(1, 1, False)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 400), st.integers(3000, 9000)), min_size=1, max_size=60),
    st.integers(125, 2500).map(lambda frames: 8 * frames),  # a limit is whole MiB, so frames end at it
)
def test_no_segment_is_larger_than_the_limit_unless_one_entry_is(
    tmp_path_factory: pytest.TempPathFactory, sizes: List[int], limit: int
) -> None:
    path = tmp_path_factory.mktemp("limit") / "wal"
    wanted = records(1, sizes)
    (result,) = write(path, [wanted], limit)
    made = [SegmentInfo(*fields) for fields in result.fields]
    assert content_of(path) == wanted
    for info in made:
        length = (path / segment.file_name(info.base_index, info.id)).stat().st_size
        assert length <= limit or info.base_index == info.max_index
    data_len = sum(len(raw) + 24 for _index, raw in wanted)
    assert len(made) <= 2 * (data_len // (limit - segment.SEAL_OVERHEAD)) + 2
    assert [info.id for info in made] == list(range(1, len(made) + 1))
    shutil.rmtree(path)


def test_files_have_the_attributes_of_the_old_store(tmp_path: Path) -> None:
    (tmp_path / "wal").mkdir()
    writer = WalStoreWriter(
        opened(tmp_path / "wal"),
        1 << 20,
        Attributes(os.getuid(), os.getgid(), 0o640),
        8192,
        lambda: 10**18,
    )
    made = records(1, [5])
    result = writer.write_part(Part(0, 1, 1, [Extent(1, 1, 100, None)]), iter([batch_of(made)]))
    writer.seal([result], VOTED)
    assert {path.stat().st_mode & 0o7777 for path in (tmp_path / "wal").iterdir()} == {0o640}
    info = open_wal(tmp_path / "wal").meta.segments[0]
    assert info.create_time == info.seal_time == "2001-09-09T01:46:40Z"
    assert (tmp_path / "wal/wal-meta.db").stat().st_size % 8192 == 0


def test_times_are_written_as_go_writes_them(tmp_path: Path) -> None:
    times: Dict[int, str] = {10**18 + 5 * 10**8: "2001-09-09T01:46:40.5Z", 10**18 + 7: "2001-09-09T01:46:40.000000007Z"}
    for ns, wanted in times.items():
        path = tmp_path / str(ns)
        path.mkdir()
        WalStoreWriter(opened(path), 1 << 20, clock=lambda ns=ns: ns).seal([], VOTED)
        assert open_wal(path).meta.segments[0].create_time == wanted


def test_a_log_with_a_hole_is_never_finished(tmp_path: Path) -> None:
    with pytest.raises(IndexGap, match="entry 9 follows entry 5"):
        write(tmp_path / "wal", [records(1, [1] * 5), records(9, [1])])
    assert not (tmp_path / "wal/wal-meta.db").exists()


def test_a_part_that_ends_too_early_is_never_finished(tmp_path: Path) -> None:
    writer = WalStoreWriter(opened(tmp_path), 1 << 20)
    with pytest.raises(IndexGap, match="entries 3 to 5 are missing"):
        writer.write_part(Part(0, 1, 5, [Extent(1, 5, 100, None)]), iter([batch_of(records(1, [1, 1]))]))


@pytest.mark.parametrize("segment_len", [0, -1, 1 << 31])
def test_a_segment_size_that_raft_wal_could_not_make_is_refused(tmp_path: Path, segment_len: int) -> None:
    with pytest.raises(Refused, match="cannot be made"):
        WalStoreWriter(opened(tmp_path), segment_len)
