# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy one store into another, and prove that both hold the same. Knows stores only by their common interface.

The path of an entry: the source cuts its log into extents; extents become parts, one for each unit of the target; a
worker reads a part's entries in batches, `transcode` changes their encoding, the target writes and syncs them.
Verification goes the other way: it reads the new files from the disk, transcodes back, and compares with the source.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..._disk.errors import UNTOUCHED, Corrupt, IndexGap, located
from ..base.store import (
    Entries,
    Extent,
    Part,
    PartResult,
    ProgressSink,
    Rows,
    Stable,
    StoreReader,
    StoreWriter,
    records_of,
)
from ..base.workers import Tell, run
from .entry import decode, digest_line, same
from .transcode import transcode

PART_MIN = 8 << 20  # less than this is not worth another process


class Report(NamedTuple):
    """What a conversion did. `results` are the target's; `elapsed` is in seconds."""

    entries: int
    bytes_read: int
    bytes_written: int
    results: Sequence[PartResult]
    elapsed: float


def make_parts(extents: Sequence[Extent], part_len: int, workers: int) -> List[Part]:
    """Consecutive extents as parts of about equal size, at most `part_len` unless a single extent is larger.

    The target may cut a larger part further, into pieces of which any two neighbours together exceed `part_len`; the
    number of the next part leaves room for them. Raises IndexGap if there is a hole: no target has one.
    """
    for before, after in zip(extents, extents[1:]):
        if after.first_index != before.last_index + 1:
            raise IndexGap(f"the log has a hole: entry {after.first_index} follows entry {before.last_index}")
    total = sum(extent.data_len for extent in extents)
    count = max(-(-total // part_len), min(workers, total // PART_MIN), 1)
    count = -(-count // workers) * workers if total >= workers * PART_MIN else count
    parts: List[Part] = []
    run_of: List[Extent] = []
    run_len = passed_len = number = 0
    for extent in extents:
        is_full = run_len + extent.data_len > part_len or passed_len * count >= total * (len(parts) + 1)
        if run_of and is_full:
            parts.append(_part(number, run_of))
            number += 1 if run_len <= part_len else 2 * (run_len // part_len) + 2
            run_of, run_len = [], 0
        run_of.append(extent)
        run_len += extent.data_len
        passed_len += extent.data_len
    return [*parts, _part(number, run_of)] if run_of else parts


def _part(number: int, extents: Sequence[Extent]) -> Part:
    return Part(number, extents[0].first_index, sum(extent.entry_count for extent in extents), extents)


def convert(
    source: StoreReader,
    target: StoreWriter,
    extents: Sequence[Extent],
    stable: Stable,
    workers: int,
    progress: ProgressSink,
) -> Report:
    """Copy the entries of these extents of the source, and the stable values, into the target, and seal it.

    `workers` processes do the work; with 1, this process. After a StoreError the target is incomplete and must be
    thrown away.
    """
    started_s = time.monotonic()
    entries = sum(extent.entry_count for extent in extents)
    parts = make_parts(extents, target.part_len, workers)

    def copy(part: Part, tell: Tell) -> Any:
        with located(source.path):
            return target.write_part(part, _transcoded(source, target.encoding, part.extents, tell))

    made = run(parts, copy, workers, lambda done, length: progress("convert", done, entries, length))
    results = [PartResult(*fields) for fields in made]
    target.seal(results, stable)
    return Report(
        entries,
        sum(extent.data_len for extent in extents),
        sum(result.bytes_written for result in results),
        results,
        time.monotonic() - started_s,
    )


def _transcoded(source: StoreReader, encoding: str, extents: Sequence[Extent], tell: Tell) -> Iterator[Entries]:
    for batch in source.batches(extents):
        yield transcode(source.encoding, encoding, batch)
        tell(batch.entry_count, batch.data_len)


class Pair(NamedTuple):
    """The same entries on both sides: `source` and `target` are extents that have them, and perhaps more."""

    first_index: int
    last_index: int
    source: Sequence[Extent]
    target: Sequence[Extent]


def verify(
    source: StoreReader, target: StoreReader, extents: Sequence[Extent], workers: int, progress: ProgressSink
) -> int:
    """The number of entries that were read from the target and found equal to those of these extents of the source.

    Every entry is compared: transcoded back it must give the source's bytes; otherwise both strict decoders must agree
    (the source may have a form that is no longer written). The stable values are compared too. Raises Corrupt.
    """
    if target.stable() != source.stable():
        raise Corrupt("the stable values differ from those in " + source.path, target.path)
    return _compare_all(source, target, _pairs(extents, target), workers, progress)


def includes(target: StoreReader, source: StoreReader, workers: int, progress: ProgressSink) -> bool:
    """Whether the target has every entry of the source, compared as in `verify`; it may have more before and after.

    Damage found on the way means no.
    """
    pairs = [
        Pair(one.first_index, one.last_index, [one], many)
        for one, many in _overlaps(source.extents(), target.extents())
    ]
    try:
        return _compare_all(source, target, pairs, workers, progress) == source.entry_count
    except Corrupt:
        return False


def _compare_all(
    source: StoreReader, target: StoreReader, pairs: Sequence[Pair], workers: int, progress: ProgressSink
) -> int:
    entries = sum(pair.last_index - pair.first_index + 1 for pair in pairs)

    def compare(pair: Pair, tell: Tell) -> int:
        return _compare(source, target, pair, tell)

    return sum(run(pairs, compare, workers, lambda done, length: progress("verify", done, entries, length)))


def _pairs(extents: Sequence[Extent], target: StoreReader) -> List[Pair]:
    """The work of verifying, cut where the side with fewer extents is cut. Raises Corrupt if the ranges differ."""
    theirs = target.extents()
    count = sum(extent.entry_count for extent in extents)
    first, last = (extents[0].first_index, extents[-1].last_index) if extents else (0, 0)
    if (target.entry_count, target.first_index, target.last_index) != (count, first, last):
        raise Corrupt(
            f"this store has {target.entry_count} entries, {target.first_index} to {target.last_index}; "
            f"wanted {count}, {first} to {last}",
            target.path,
        )
    if len(extents) <= len(theirs):
        return [Pair(one.first_index, one.last_index, [one], many) for one, many in _overlaps(extents, theirs)]
    return [Pair(one.first_index, one.last_index, many, [one]) for one, many in _overlaps(theirs, extents)]


def _overlaps(few: Sequence[Extent], many: Sequence[Extent]) -> Iterator[Tuple[Extent, Sequence[Extent]]]:
    """Each of the few, with those of the many that have some of its entries. Both are ascending."""
    start = 0
    for extent in few:
        while start < len(many) and many[start].last_index < extent.first_index:
            start += 1
        stop = start
        while stop < len(many) and many[stop].first_index <= extent.last_index:
            stop += 1
        yield extent, many[start:stop]


def _clipped(store: StoreReader, extents: Sequence[Extent], pair: Pair) -> Iterator[Entries]:
    """The entries of the pair from these extents, which are read, and so checked, in full."""
    index = pair.first_index
    for batch in store.batches(extents):
        clipped = batch.clipped(pair.first_index, pair.last_index)
        if clipped.entry_count:
            if clipped.first_index != index:
                raise Corrupt(f"entry {clipped.first_index} where entry {index} should be", store.path)
            index += clipped.entry_count
            yield clipped


def _compare(source: StoreReader, target: StoreReader, pair: Pair, tell: Tell) -> int:
    """The number of entries in both; raises Corrupt at the first difference. Both are read to their ends."""
    theirs, ours = _clipped(source, pair.source, pair), _clipped(target, pair.target, pair)
    wanted: Optional[Entries] = None
    found: Optional[Entries] = None
    back: Optional[Entries] = None
    index = pair.first_index
    while True:
        wanted = wanted or next(theirs, None)
        if found is None:
            found = next(ours, None)
            with located(target.path):
                back = transcode(target.encoding, source.encoding, found) if found else None
        if wanted is None or found is None or back is None:
            break
        stop = min(wanted.last_index, found.last_index)
        if not _equal(wanted.clipped(index, stop), back.clipped(index, stop)):
            _compare_strictly(source, target, *(side.clipped(index, stop) for side in (wanted, back, found)))
        index = stop + 1
        if wanted.last_index < index:
            wanted = None
        if found.last_index < index:
            tell(found.entry_count, found.data_len)
            found = back = None  # before more is read: entries may be long
    if wanted or found or index <= pair.last_index:
        less = source if found else target
        raise Corrupt(
            f"entries are missing after the first {index - pair.first_index} from {pair.first_index} on", less.path
        )
    return index - pair.first_index


def _equal(wanted: Entries, back: Entries) -> bool:
    """Whether these entries are the same bytes."""
    if isinstance(wanted, Rows) and isinstance(back, Rows) and wanted[4:] == back[4:]:  # stride and length
        return wanted.framed == back.framed
    return wanted.raws == back.raws


def _compare_strictly(source: StoreReader, target: StoreReader, wanted: Entries, back: Entries, found: Entries) -> None:
    """Raise Corrupt unless the entries are equal, although not all have come back as the source's bytes."""
    for old_raw, back_raw, (index, new_raw) in zip(wanted.raws, back.raws, found.records()):
        if old_raw == back_raw:
            continue
        with located(source.path):
            old = decode(source.encoding, index, old_raw)
        if not same(old, decode(target.encoding, index, new_raw)):
            raise Corrupt(
                f"entry {index} differs from the one in {source.path}",
                target.path,
                hint=UNTOUCHED,
            )


def digest(store: StoreReader) -> str:
    """SHA-256 over the digest lines of all entries, in hex. It does not depend on the kind of store."""
    hashed = hashlib.sha256()
    with located(store.path):
        for index, raw in records_of(store, store.extents()):
            hashed.update(digest_line(decode(store.encoding, index, raw)))
    return hashed.hexdigest()
