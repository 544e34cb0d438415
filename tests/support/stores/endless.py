# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores of 125 MB that are made while they are read, and converted in a process of their own, to see its memory.

python -m support.stores.endless forth|back DIRECTORY     prints the peak before and after the conversion, in KiB
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, Sequence

from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Batch, Extent, Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.writer import BoltStoreWriter
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.request import no_progress
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert, entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import GoTime
from support.stores import ours

SEGMENT_LEN = 64 << 20


class Endless:
    """A store of 8000 entries of 16 KiB, which are made while they are read."""

    encoding = "msgpack"
    path = "endless"
    first_index = 1
    entry_count = last_index = 8000
    live_len = entry_count * 16500

    def stable(self) -> Stable:
        return Stable(1, 1, b"me")

    def extents(self) -> Sequence[Extent]:
        return [Extent(index, 50, 50 * 16500, None) for index in range(1, self.last_index, 50)]

    def batches(self, extents: Sequence[Extent]) -> Iterator[Batch]:
        for extent in extents:
            made = [
                entry.encode_msgpack(Entry(index, 1, 0, bytes(16384), b"", GoTime(1_800_000_000, index)))
                for index in range(extent.first_index, extent.last_index + 1)
            ]
            yield Batch(extent.first_index, made)


def peak_growth(direction: str, where: Path) -> int:
    """By how many bytes the peak memory of a fresh process grows when it converts and verifies: see __main__."""
    command = [sys.executable, "-m", "support.stores.endless", direction, str(where)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    before_kib, after_kib = map(int, answer.stdout.split())
    return (after_kib - before_kib) << 10


def peak_kib() -> int:
    """The peak of this process alone: ru_maxrss begins with the peak of the process that has started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def to_wal(where: Path) -> Any:
    """Convert an endless store to `where`/wal; the store."""
    source: Any = Endless()
    target = ours.new_wal(where / "wal", SEGMENT_LEN)
    convert.convert(source, target, source.extents(), source.stable(), 1, no_progress)
    return source


def forth(where: Path) -> None:
    source = to_wal(where)
    with ours.opened(where / "wal") as made:
        assert convert.verify(source, made, source.extents(), 1, no_progress) == source.entry_count


def back(where: Path) -> None:
    """From the wal/ that is there."""
    with ours.opened(where / "wal") as source:
        target = BoltStoreWriter(Directory.open(str(where)), "made.db", 4096)
        convert.convert(source, target, source.extents(), source.stable(), 1, no_progress)
        target.close()
        with ours.opened(where / "made.db") as made:
            assert convert.verify(source, made, source.extents(), 1, no_progress) == source.entry_count


if __name__ == "__main__":
    before = peak_kib()
    {"forth": forth, "back": back}[sys.argv[1]](Path(sys.argv[2]))
    print(before, peak_kib())
