# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft.db files made by BoltStoreWriter: what was put in comes out, in trees that bbolt can go on writing."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.attributes import Attributes
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import IndexGap, WriteFailed
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import REAL, SystemCalls
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import (
    Entries,
    Extent,
    Part,
    Record,
    Rows,
    Stable,
    records_of,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt import format as bbolt
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb import writer as boltdb_writer
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.writer import BoltStoreWriter
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores.builder import batch_of
from support.stores.recording import Recorder

VOTED = Stable(7, 6, b"10.0.0.1:4647")
LEAF, BRANCH = 0x02, 0x01


def part(number: int, records: Sequence[Record]) -> Part:
    return Part(number, records[0][0], len(records), [Extent(records[0][0], len(records), 1, None)])


def write(
    where: Path,
    parts: Sequence[Sequence[Record]],
    stable: Stable = VOTED,
    page_size: int = 4096,
    calls: SystemCalls = REAL,
    attributes: Optional[Attributes] = None,
) -> Path:
    """A raft.db of these parts, each handed over in batches of three."""
    directory = Directory.open(str(where), calls)
    writer = BoltStoreWriter(directory, "raft.db", page_size, attributes)
    try:
        results = [
            writer.write_part(part(number, taken), [batch_of(taken[at : at + 3]) for at in range(0, len(taken), 3)])
            for number, taken in enumerate(parts)
        ]
        writer.seal(results, stable)
    finally:
        writer.close()
        directory.close()
    return where / "raft.db"


def read(path: Path) -> Tuple[List[Record], Stable]:
    fd = os.open(path, os.O_RDONLY)
    try:
        store = BoltStore(fd, str(path))
        return list(records_of(store, store.extents())), store.stable()
    finally:
        os.close(fd)


def records(lens: Sequence[int], first: int = 1) -> List[Record]:
    return [(first + at, bytes([at % 251]) * length) for at, length in enumerate(lens)]


class Tree:
    """All pages of a file by id, read without our reader: each page once, none in between, depth, fan-out."""

    def __init__(self, path: Path, page_size: int) -> None:
        self.data = path.read_bytes()
        self.page_size = page_size
        self.pages: Dict[int, Tuple[int, int, int]] = {}
        at = 0
        while at * page_size < len(self.data):
            page_id, flags, count, overflow = struct.unpack_from("<QHHI", self.data, at * page_size)
            assert page_id == at
            self.pages[at] = (flags, count, overflow)
            at += 1 + overflow
        self.metas = [bbolt.parse_meta(self.data[number * page_size :]) for number in (0, 1)]
        assert [meta.txid for meta in self.metas] == [2, 1]
        assert at == self.metas[0].high_water and len(self.data) == at * page_size

    def children(self, page_id: int) -> List[int]:
        off = page_id * self.page_size
        count = self.pages[page_id][1]
        return [struct.unpack_from("<IIQ", self.data, off + 16 + 16 * at)[2] for at in range(count)]

    def depths(self, page_id: int) -> List[int]:
        if self.pages[page_id][0] == LEAF:
            return [0]
        found = [1 + depth for child in self.children(page_id) for depth in self.depths(child)]
        assert len(set(found)) == 1
        return found[:1]

    def reachable(self, page_id: int) -> List[int]:
        below = self.children(page_id) if self.pages[page_id][0] == BRANCH else []
        return [page_id, *(page for child in below for page in self.reachable(child))]


def sound(path: Path, page_size: int) -> Tree:
    """What bbolt demands of a file that it goes on writing."""
    tree = Tree(path, page_size)
    root_id = tree.metas[0].root_id
    fan_out = (page_size - 16) // 24
    for flags, count, overflow in tree.pages.values():
        if flags == BRANCH:
            assert 2 <= count <= max(fan_out, 3) and (overflow == 0 or page_size < 1024)
        if flags == 0x10:
            assert count == 0
    logs = tree.data.index(b"logs", root_id * page_size)
    (logs_root,) = struct.unpack_from("<Q", tree.data, logs + 4)
    used = [0, 1, 2, root_id]
    if logs_root:
        tree.depths(logs_root)
        used += tree.reachable(logs_root)
    assert sorted(used) == sorted(tree.pages), "a page that nobody refers to"
    return tree


@pytest.mark.parametrize("page_size", [1024, 4096, 16384, 65536])
@pytest.mark.parametrize(
    "lens",
    [[], [1], [70], [0, 0, 0], [200] * 2000, [2048] * 300, [65536] * 40, [100, 5000, 9000, 1, 70000] * 30, [300_000]],
    ids=lambda lens: f"{len(lens)} of {max(lens, default=0)}",
)
def test_what_was_put_in_comes_out(lens: List[int], page_size: int, tmp_path: Path) -> None:
    expected = records(lens, 5)
    path = write(tmp_path, [expected] if expected else [], page_size=page_size)
    assert read(path) == (expected, VOTED)
    sound(path, page_size)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(1, 3).map(lambda count: [30] * count),
            st.integers(1, 2500).map(lambda count: [400] * count),
            st.lists(st.integers(0, 6000), min_size=1, max_size=80),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([1024, 4096]),
    st.integers(1, 2**40),
)
def test_parts_of_any_size_join_to_one_tree(lens: List[List[int]], page_size: int, first: int) -> None:
    import tempfile

    parts: List[List[Record]] = []
    for some in lens:
        parts.append(records(some, first))
        first += len(some)
    with tempfile.TemporaryDirectory() as where:
        path = write(Path(where), parts, page_size=page_size)
        assert read(path)[0] == [record for some in parts for record in some]
        sound(path, page_size)


def test_leaves_are_full(tmp_path: Path) -> None:
    path = write(tmp_path, [records([262] * 1400)])
    tree = sound(path, 4096)
    assert [count for flags, count, _overflow in tree.pages.values() if flags == LEAF].count(14) == 100


@pytest.mark.parametrize(
    "stable",
    [Stable(), Stable(0, None, None), Stable(3, None, None), Stable(2**63, 5, b""), VOTED, Stable(9, 9, b"x" * 300)],
)
def test_stable_values_are_kept_and_absent_ones_stay_absent(stable: Stable, tmp_path: Path) -> None:
    for number, parts in enumerate([[], [records([10])]]):
        (tmp_path / str(number)).mkdir()
        path = write(tmp_path / str(number), parts, stable)
        assert read(path)[1] == stable
        assert (b"LastVoteTerm" in path.read_bytes()) == (stable.last_vote_term is not None)


def test_the_metas_are_written_last_and_everything_else_is_on_disk_before(tmp_path: Path) -> None:
    class Offsets(Recorder):
        """Where each write went."""

        def pwritev(self, fd: int, buffers: Sequence[memoryview], off: int) -> int:  # type: ignore[override]
            self.made.append(("write", str(off)))
            return SystemCalls.pwritev(self, fd, buffers, off)

    calls = Offsets()
    write(tmp_path, [records([200] * 500), records([200] * 500, 501)], calls=calls)
    made = [what if name == "write" else name for name, what in calls.made]
    assert made[-3:] == ["fsync", "0", "fsync"]
    assert made.count("0") == 1


def test_owner_and_mode_are_those_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, [records([9])], attributes=Attributes(12345, 54321, 0o640))
    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12345, 54321, 0o640)


def test_a_hole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexGap, match="entry 9 follows entry 3"):
        write(tmp_path, [[*records([5] * 3), *records([5], 9)]])
    (tmp_path / "raft.db").unlink()
    directory = Directory.open(str(tmp_path))
    writer = BoltStoreWriter(directory, "raft.db", 4096)
    with pytest.raises(IndexGap, match="entries 3 to 4 are missing"):
        writer.write_part(Part(0, 1, 4, []), [batch_of(records([5, 5]))])
    writer.close()


def test_a_name_that_is_taken_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "raft.db").write_bytes(b"somebody's")
    with pytest.raises(WriteFailed):
        write(tmp_path, [])
    assert (tmp_path / "raft.db").read_bytes() == b"somebody's"


def test_many_lengths_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boltdb_writer, "_SHAPES_MAX", 2)
    expected = records([length for length in range(600, 640) for _number in range(6)])
    assert read(write(tmp_path, [expected]))[0] == expected


@pytest.mark.parametrize("page_size", [1024, 4096, 65536])
@pytest.mark.parametrize("length", [1, 40, 200, 990, 1000, 2000, 4048])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_rows_make_the_same_file_as_entries_one_by_one(
    before: int, length: int, page_size: int, tmp_path: Path
) -> None:
    """Rows bring their keys along. They begin and end anywhere in a leaf, and come one after the other."""
    items = records([*[7] * before, *[length] * 300, 9])
    files = []
    for name, cuts in (("one", []), ("rows", [(before, 17), (before + 17, 200), (before + 217, 83)])):
        (tmp_path / name).mkdir()
        directory = Directory.open(str(tmp_path / name))
        writer = BoltStoreWriter(directory, "raft.db", page_size)
        batches: List[Entries] = [batch_of(items)]
        if cuts:
            batches = [batch_of(items[:before])] if before else []
            for at, count in cuts:
                framed = b"".join(struct.pack(">Q", index) + value for index, value in items[at : at + count])
                batches.append(Rows(items[at][0], count, framed, 8, 8 + length, length))
            batches.append(batch_of(items[-1:]))
        writer.seal([writer.write_part(part(0, items), batches)], VOTED)
        writer.close()
        files.append((tmp_path / name / "raft.db").read_bytes())
    assert files[0] == files[1]
