# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a Raft store as a WAL directory: one sealed segment for each part, wal-meta.db last (see reader.py)."""

from __future__ import annotations

import time
from typing import Callable, Iterable, Iterator, List, Optional, Sequence

from ..._disk.attributes import Attributes
from ..._disk.durable import Directory
from ..._disk.errors import IndexGap, Refused
from ..base import store
from ..base.names import WAL_META
from ..base.store import Batch, Entries, Part, PartResult, Stable
from ..bbolt.writer import DatabaseWriter
from . import meta as walmeta
from . import segment
from .meta import SegmentInfo, WalMeta
from .segment import Header
from .segmentwriter import SegmentWriter

NS_PER_S = 1_000_000_000


class WalStoreWriter:
    """Makes a WAL in an empty directory. A part becomes one sealed segment of at most `segment_len` bytes.

    A part with more than `part_len` bytes is cut into several. Only a segment with a single entry may be larger than
    the limit. Any two neighbours together are larger, so 2 * (bytes // part_len) + 2 part numbers suffice.
    `attributes` are those of the new files, `page_size` that of wal-meta.db; `clock` gives the time of the segments in
    Unix nanoseconds.

    `part_len` counts bytes as a BoltDB source does, which is an upper bound for the bytes here. Besides its data and
    their length, its index, term and type, the smallest entry of four keys takes 46 bytes there: 16 of element, 8 of
    key, 22 of msgpack. Here it takes at most 35: 8 of frame header, 7 of padding, 4 of index, 1 of extensions and 15 of
    time. Lengths and numbers are never longer in binary than in msgpack, except by 1 byte each for an index and a term
    of 64 bits. Every further key adds 12 bytes or more there, and no more than that here.
    """

    encoding = store.BINARY

    def __init__(
        self,
        directory: Directory,
        segment_len: int,
        attributes: Optional[Attributes] = None,
        page_size: int = 4096,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        if not 0 < segment_len <= segment.MAX_FILE_LEN:
            raise Refused(f"a segment of {segment_len} bytes cannot be made; at most {segment.MAX_FILE_LEN} can")
        self.part_len = segment_len - segment.SEAL_OVERHEAD
        self._directory = directory
        self._segment_len = segment_len
        self._attributes = attributes
        self._page_size = page_size
        self._clock = clock

    def write_part(self, part: Part, batches: Iterable[Entries]) -> PartResult:
        """Write and sync the segment, or segments, of this part. Result fields: the values of each SegmentInfo."""
        must_cut = sum(extent.data_len for extent in part.extents) > self.part_len
        todo = _singly(batches) if must_cut else iter(batches)
        made: List[SegmentInfo] = []
        written = 0
        next_index = part.first_index
        batch = next(todo, None)
        while batch is not None:
            info = self._begin(part.number + 1 + len(made), next_index)
            new = self._directory.create(segment.file_name(info.base_index, info.id), self._attributes)
            try:
                writer = SegmentWriter(new, Header(info.base_index, info.id))
                batch = self._fill(writer, batch, todo, must_cut)
                index_start = writer.seal()
                # The content is on disk. Drop it from the page cache, to make verification read the disk.
                new.write_back(0, new.length)
            finally:
                new.close()
            written += new.length
            next_index = writer.next_index
            made.append(info._replace(max_index=next_index - 1, index_start=index_start, seal_time=self._now()))
        if next_index != part.first_index + part.entry_count:
            raise IndexGap(f"entries {next_index} to {part.first_index + part.entry_count - 1} are missing", self.path)
        return PartResult(part.number, written, [list(info) for info in made])

    @property
    def path(self) -> str:
        """The directory, for messages."""
        return self._directory.path

    def _begin(self, segment_id: int, base_index: int) -> SegmentInfo:
        return SegmentInfo(segment_id, base_index, base_index, 0, 0, self._now(), walmeta.ZERO_TIME, self._segment_len)

    def _now(self) -> str:
        s, ns = divmod(self._clock(), NS_PER_S)
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(s)) + f".{ns:09d}".rstrip("0").rstrip(".") + "Z"

    def _fill(
        self, writer: SegmentWriter, batch: Entries, todo: Iterator[Entries], must_cut: bool
    ) -> Optional[Entries]:
        """Append batches until one would make the segment too large; that one, or None at the end."""
        writer.append(batch)
        for batch in todo:
            if must_cut:
                growth = sum(segment.frame_len(len(payload)) + segment.INDEX_ITEM_LEN for payload in batch.raws)
                if writer.sealed_len() + growth > self._segment_len:
                    return batch
            writer.append(batch)
        return None

    def seal(self, results: Sequence[PartResult], stable: Stable) -> None:
        """Write wal-meta.db, sync it and the directory."""
        segments = [SegmentInfo(*fields) for result in results for fields in result.fields]
        for before, after in zip(segments, segments[1:]):
            if after.base_index != before.max_index + 1:
                raise IndexGap(
                    f"entry {after.base_index} follows entry {before.max_index}, but a WAL has no holes", self.path
                )
        next_id = segments[-1].id + 1 if segments else 1
        tail = self._begin(next_id, segments[-1].max_index + 1 if segments else 1)
        new = self._directory.create(WAL_META, self._attributes)
        try:
            walmeta.write(DatabaseWriter(new, self._page_size), WalMeta(next_id + 1, [*segments, tail]), stable)
        finally:
            new.close()
        self._directory.sync()


def _singly(batches: Iterable[Entries]) -> Iterator[Batch]:
    for batch in batches:
        for index, raw in batch.records():
            yield Batch(index, [raw])
