# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Raft store as a WAL directory: `WalStore` reads one that raft-wal or this code wrote, `WalStoreWriter` makes one.

    wal/wal-meta.db                                   list of segments, stable values (walmeta.py)
    wal/00000000000000000001-0000000000000001.wal     sealed segments (segment.py)...
    wal/00000000000000051713-0000000000000002.wal     ...and last a tail, which is appended to

A tail that the metadata list but that has no file is legal: raft-wal commits its metadata before it makes the file,
and makes the file when it opens the log (wal.go, Open). A log without entries has nothing but such a tail, and takes
any index as its first. Both are what the writer here leaves behind the last sealed segment.
"""

from __future__ import annotations

import os
import time
from typing import Callable, Iterable, Iterator, List, Optional, Sequence

from ...disk.attributes import Attributes
from ...disk.durable import Directory
from ...disk.errors import Corrupt, IndexGap, Refused, Unsupported
from ..base import store
from ..base.names import WAL_META
from ..base.store import Batch, Entries, Extent, Part, PartResult, Stable
from ..bbolt.format import RESTORE
from ..bbolt.writer import DatabaseWriter
from . import meta as walmeta
from . import segment
from .meta import SegmentInfo, WalMeta
from .segment import FRAME_HEADER_LEN, Header
from .segmentreader import SegmentReader, Tail, recover_tail
from .segmentwriter import SegmentWriter

NS_PER_S = 1_000_000_000
STRANGER = "Find out what it is and move it away before Nomad starts, which might delete it."


class WalStore:
    """The WAL in a directory, whose wal-meta.db is open on `meta_fd`; both stay the caller's.

    Opening reads the metadata and the whole tail; sealed segments are read, and checked, by `records`. `notes` holds
    what is unusual but not wrong, as sentences; `broken` is true when the log can be read but raft-wal cannot append.
    """

    encoding = store.BINARY

    def __init__(self, directory: Directory, meta_fd: int) -> None:
        self._directory = directory
        self.path = directory.path
        self.notes: List[str] = []
        self.broken = False
        self.meta, self._stable = walmeta.load(meta_fd, directory.path_of(WAL_META))
        names = directory.names()
        self._check_names(names)
        self._extents: List[Extent] = []
        for info in self.meta.segments:
            name = segment.file_name(info.base_index, info.id)
            if name not in names and (info.sealed or info.min_index > info.base_index):
                raise Corrupt(
                    "this segment is in the WAL's list of segments, but it is gone",
                    directory.path_of(name),
                    hint=RESTORE,
                )
            if info.sealed:
                self._add(info, info.max_index, info.index_start - FRAME_HEADER_LEN, True)
            elif name in names:
                self._add_tail(info, name)
        self.first_index = self._extents[0].first_index if self._extents else 0
        self.last_index = self._extents[-1].last_index if self._extents else 0
        self.entry_count = sum(extent.entry_count for extent in self._extents)
        self.live_len = sum(extent.data_len for extent in self._extents)

    def stable(self) -> Stable:
        """The stable values; an absent key is None."""
        return self._stable

    def extents(self) -> Sequence[Extent]:
        """One extent for each segment that has entries, ascending and without holes."""
        return self._extents

    def batches(self, extents: Sequence[Extent]) -> Iterator[Entries]:
        """The entries of these extents, in batches of about a megabyte or one entry. Raises Corrupt.

        Whole segments are read and checked, and a checksum may cover more than a batch: nothing that was read is to be
        trusted before the iteration has ended.
        """
        for extent in extents:
            info, end_off, sealed = extent.place
            name = segment.file_name(info.base_index, info.id)
            fd = self._directory.open_read(name)
            try:
                path = self._directory.path_of(name)
                reader = SegmentReader(fd, path, Header(info.base_index, info.id), end_off, sealed)
                for batch in reader.batches():
                    clipped = batch.clipped(extent.first_index, extent.last_index)
                    if clipped.entry_count:
                        yield clipped
                if reader.entry_count <= extent.last_index - info.base_index:
                    raise Corrupt(
                        f"the segment has {reader.entry_count} entries from {info.base_index} on, "
                        f"but its last one should be {extent.last_index}",
                        path,
                        hint=RESTORE,
                    )
            finally:
                os.close(fd)

    def _check_names(self, names: Sequence[str]) -> None:
        """Raise for a file that cannot be here."""
        known = [segment.file_name(info.base_index, info.id) for info in self.meta.segments]
        missing = [name for name in known if name not in names]
        for name in names:
            if name in known or name in (WAL_META, WAL_META + ".tmp"):
                continue
            path = self._directory.path_of(name)
            parsed = segment.parse_file_name(name)
            if parsed is None:
                raise Unsupported("this file does not belong to a WAL as it is known here", path, hint=STRANGER)
            if not (missing in ([], known[-1:]) and self._was_truncated(*parsed, limit=self._stray_limit(missing))):
                raise Corrupt("this segment is not in the WAL's list of segments", path, hint=STRANGER)
            self.notes.append(f"{path} was truncated away, but not removed; Nomad removes it when it starts.")

    def _stray_limit(self, missing: Sequence[str]) -> int:
        """Ids from this one on cannot be those of truncated segments.

        raft-wal changes its metadata first, then makes the new tail, and removes truncated segments last. So one that
        is not listed any more may be here while the listed tail is not; but that one got the last id given out, and the
        others theirs before. A listed tail with another id is a damaged name, for which the stray could stand.
        """
        next_id = self.meta.next_segment_id
        if not missing:
            return next_id
        return next_id - 1 if self.meta.segments[-1].id == next_id - 1 else 0

    def _was_truncated(self, base_index: int, segment_id: int, limit: int) -> bool:
        """Whether a segment of this name can have been in the list before: it followed all that are older than it."""
        older = [info for info in self.meta.segments if info.id <= segment_id]
        return segment_id < limit and all(info.id < segment_id and info.max_index < base_index for info in older)

    def _add_tail(self, info: SegmentInfo, name: str) -> None:
        path = self._directory.path_of(name)
        fd = self._directory.open_read(name)
        try:
            tail: Tail = recover_tail(fd, os.fstat(fd).st_size, path, Header(info.base_index, info.id))
        finally:
            os.close(fd)
        if tail.sealed:
            self.broken = True
            self.notes.append(
                f"{path} is complete, but wal-meta.db does not know it: Nomad opens such a log and then refuses every "
                "append with 'segment is sealed'."
            )
        last_index = info.base_index + tail.entry_count - 1
        if last_index < info.min_index and (tail.entry_count or info.min_index > info.base_index):
            raise Corrupt(
                f"the segment ends with entry {last_index}, but the log begins at {info.min_index}", path, hint=RESTORE
            )
        if tail.entry_count:
            self._add(info, last_index, tail.end_off, tail.sealed)

    def _add(self, info: SegmentInfo, last_index: int, end_off: int, sealed: bool) -> None:
        count = last_index - info.min_index + 1
        data_len = end_off + (segment.INDEX_ITEM_LEN * count if sealed else 0)
        self._extents.append(Extent(info.min_index, count, data_len, (info, end_off, sealed)))


class WalStoreWriter:
    """Makes a WAL in an empty directory. A part becomes one sealed segment of at most `segment_len` bytes.

    A part with more than `part_len` bytes is cut into several, of which only one that holds a single entry may be
    larger than the limit; any two neighbours together are, so 2 * (bytes // part_len) + 2 part numbers are room enough.
    `attributes` are those of the new files, `page_size` that of wal-meta.db; `clock` gives the time of the segments in
    Unix nanoseconds.

    `part_len` counts bytes as a BoltDB source does, and that is a bound of what the entries take here. Besides its data
    with their length, its index, term and type, the smallest entry of four keys takes 46 bytes there: 16 of element, 8
    of key, 22 of msgpack. Here it takes at most 35: 8 of frame header, 7 of padding, 4 of index, 1 of extensions and 15
    of time. Lengths and numbers are never longer in binary than in msgpack, but for 1 byte each of an index and a term
    of 64 bits. Every further key adds 12 bytes or more there, and at most as much here.
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
            raise Refused(f"a segment of {segment_len} bytes cannot be made, at most {segment.MAX_FILE_LEN}")
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
                # The content is on disk; out of the page cache with it, so that verification reads the disk.
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
                    f"entry {after.base_index} follows entry {before.max_index}, a WAL has no holes", self.path
                )
        next_id = segments[-1].id + 1 if segments else 1
        tail = self._begin(next_id, segments[-1].max_index + 1 if segments else 1)
        new = self._directory.create(WAL_META, self._attributes)
        try:
            walmeta.build(DatabaseWriter(new, self._page_size), WalMeta(next_id + 1, [*segments, tail]), stable)
        finally:
            new.close()
        self._directory.sync()


def _singly(batches: Iterable[Entries]) -> Iterator[Batch]:
    for batch in batches:
        for index, raw in batch.records():
            yield Batch(index, [raw])
