# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of one encoding to entries of the other: as many at once as have a known form, the others strictly. Pure.

`columns.py` takes thousands in one step if all are as Nomad writes them today. If not, each half is tried by itself,
until few are left. Those go one by one, in order, through the codecs of `entry.py`, which decide what is valid.
"""

from __future__ import annotations

from typing import Callable, Dict, List

from ..base.store import BINARY, MSGPACK, Batch, Entries, Rows
from .columns import LONG, convert_batch, convert_rows
from .entry import Entry, decode, encode_binary, encode_msgpack

FEW = 4  # so few entries go one by one right away, unless they are long: then copying costs more than anything else
HALVES_MIN = 32  # a smaller batch is not halved
OTHER = {MSGPACK: BINARY, BINARY: MSGPACK}
ENCODE: Dict[str, Callable[[Entry], bytes]] = {MSGPACK: encode_msgpack, BINARY: encode_binary}


def transcode(source: str, target: str, entries: Entries) -> Entries:
    """The entries in the target's encoding; unchanged if both are the same. Raises Corrupt, naming the entry."""
    if source == target:
        return entries
    if isinstance(entries, Rows):
        rows = convert_rows(source, entries)
        if rows is not None:
            return rows
        entries = Batch(entries.first_index, entries.raws)
    return Batch(entries.first_index, _convert(source, entries))


def _convert(source: str, batch: Batch) -> List[bytes]:
    count = len(batch.raws)
    made = convert_batch(source, batch) if count > FEW or batch.data_len > count * LONG else None
    if made is not None:
        return made.raws
    if count < HALVES_MIN:
        encode = ENCODE[OTHER[source]]
        return [encode(decode(source, index, raw)) for index, raw in batch.records()]
    half = batch.first_index + count // 2
    first, second = batch.clipped(batch.first_index, half - 1), batch.clipped(half, batch.last_index)
    return [*_convert(source, first), *_convert(source, second)]
