# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Raft store as a WAL directory: reads one that raft-wal or this code wrote.

    wal/wal-meta.db                                   list of segments, stable values (meta.py)
    wal/00000000000000000001-0000000000000001.wal     sealed segments (segment.py)...
    wal/00000000000000051713-0000000000000002.wal     ...and last a tail, for appending

A tail that the metadata list but that has no file is legal: raft-wal commits its metadata before it makes the file,
and makes the file when it opens the log (wal.go, Open). A log without entries has nothing but such a tail, and takes
any index as its first. writer.py leaves both behind the last sealed segment.
"""

from __future__ import annotations

import os
from typing import Iterator, List, Sequence

from ..._disk.durable import Directory
from ..._disk.errors import RESTORE, Corrupt, Unsupported
from ..._disk.reading import reading
from ..base import store
from ..base.names import WAL_META
from ..base.store import Entries, Extent, OpenedStore
from . import meta as walmeta
from . import segment
from .meta import SegmentInfo
from .segment import FRAME_HEADER_LEN, Header
from .segmentreader import SegmentReader, Tail, recover_tail

STRANGER = "Find out what it is and move it away before Nomad starts, which might delete it."


class WalStore(OpenedStore):
    """The WAL in a directory, whose wal-meta.db is open on `meta_fd`; both stay the caller's.

    An extent is a segment that has entries; there are no holes. Opening reads the metadata and the whole tail; sealed
    segments are read, and checked, by `batches`. `notes` holds what is unusual but not wrong, as sentences; `broken` is
    true when the log can be read but raft-wal cannot append.
    """

    encoding = store.BINARY

    def __init__(self, directory: Directory, meta_fd: int) -> None:
        self._directory = directory
        self.path = directory.path
        self.notes: List[str] = []
        self.broken = False
        self.meta, stable = walmeta.load(meta_fd, directory.path_of(WAL_META))
        names = directory.names()
        # a listing that lacks a segment is no evidence that it is gone: its name is looked up as well
        names += [name for name in self._known() if name not in names and directory.stat(name) is not None]
        self._check_names(names)
        extents: List[Extent] = []
        for info in self.meta.segments:
            name = segment.file_name(info.base_index, info.id)
            if name not in names and (info.sealed or info.min_index > info.base_index):
                raise Corrupt(
                    "this segment is in the WAL's list of segments, but it is gone",
                    directory.path_of(name),
                    hint=RESTORE,
                )
            if info.sealed:
                extents.append(_extent(info, info.max_index, info.index_start - FRAME_HEADER_LEN, True))
            elif name in names:
                extents += self._tail(info, name)
        self._opened(extents, stable)

    def batches(self, extents: Sequence[Extent]) -> Iterator[Entries]:
        """The entries of these extents, in batches of about a megabyte or one entry. Raises Corrupt.

        Whole segments are read and checked, and a checksum may cover more than a batch: nothing that was read is to be
        trusted before the iteration has ended.
        """
        for extent in extents:
            info, end_off, sealed = extent.place
            name = segment.file_name(info.base_index, info.id)
            with reading(self._directory, name) as fd:
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

    def _known(self) -> List[str]:
        """The names of the segments that the metadata list."""
        return [segment.file_name(info.base_index, info.id) for info in self.meta.segments]

    def _check_names(self, names: Sequence[str]) -> None:
        """Raise for a file that must not be here."""
        known = self._known()
        missing = [name for name in known if name not in names]
        for name in names:
            if name in known or name in (WAL_META, WAL_META + ".tmp"):
                continue
            path = self._directory.path_of(name)
            parsed = segment.parse_file_name(name)
            if parsed is None:
                raise Unsupported("this file is not part of any WAL format known here", path, hint=STRANGER)
            if not (missing in ([], known[-1:]) and self._was_truncated(*parsed, limit=self._stray_limit(missing))):
                raise Corrupt("this segment is not in the WAL's list of segments", path, hint=STRANGER)
            self.notes.append(f"{path} was truncated away, but not removed; Nomad removes it when it starts.")

    def _stray_limit(self, missing: Sequence[str]) -> int:
        """Ids from this one on cannot be those of truncated segments.

        raft-wal changes its metadata first, then makes the new tail, and removes truncated segments last. So a segment
        that is no longer listed may be here while the listed tail is not. That tail then has the last id given out, and
        the stray segments have earlier ones. A missing tail with another id is a damaged name: the stray may be the
        tail.
        """
        next_id = self.meta.next_segment_id
        if not missing:
            return next_id
        return next_id - 1 if self.meta.segments[-1].id == next_id - 1 else 0

    def _was_truncated(self, base_index: int, segment_id: int, limit: int) -> bool:
        """Whether a segment of this name can have been in the list: it followed all segments older than it."""
        older = [info for info in self.meta.segments if info.id <= segment_id]
        return segment_id < limit and all(info.id < segment_id and info.max_index < base_index for info in older)

    def _tail(self, info: SegmentInfo, name: str) -> List[Extent]:
        """The extent of the tail; none while it is empty."""
        path = self._directory.path_of(name)
        with reading(self._directory, name) as fd:
            tail: Tail = recover_tail(fd, os.fstat(fd).st_size, path, Header(info.base_index, info.id))
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
        return [_extent(info, last_index, tail.end_off, tail.sealed)] if tail.entry_count else []


def _extent(info: SegmentInfo, last_index: int, end_off: int, sealed: bool) -> Extent:
    count = last_index - info.min_index + 1
    data_len = end_off + (segment.INDEX_ITEM_LEN * count if sealed else 0)
    return Extent(info.min_index, count, data_len, (info, end_off, sealed))
