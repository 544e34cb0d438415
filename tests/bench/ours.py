# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert one store with the collection's own code and print the seconds of each phase as JSON; a process of its own.

python ours.py SOURCE TARGET WORKERS [CRC]     TARGET must not exist; CRC: name of a checksum implementation
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".build"))

from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import StoreReader
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.writer import BoltStoreWriter
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal import crc32c
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.reader import WalStore
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.writer import WalStoreWriter


def opened(path: str, workers: int) -> StoreReader:
    if os.path.isdir(path):
        directory = Directory.open(path)
        return WalStore(directory, directory.open_read("wal-meta.db"))
    return BoltStore(os.open(path, os.O_RDONLY), path, workers)


def silent(*_progress: object) -> None:
    """No progress."""


def main(source_path: str, target_path: str, workers: int) -> None:
    started = time.perf_counter()
    source = opened(source_path, workers)
    extents = source.extents()
    if os.path.isdir(source_path):
        parent = Directory.open(os.path.dirname(target_path))
        back = BoltStoreWriter(parent, os.path.basename(target_path), 4096)
        convert.convert(source, back, extents, source.stable(), workers, silent)
        back.close()
        parent.sync()
    else:
        os.mkdir(target_path, 0o700)
        forward = WalStoreWriter(Directory.open(target_path), 64 << 20)
        convert.convert(source, forward, extents, source.stable(), workers, silent)
    converted = time.perf_counter()
    entries = convert.verify(source, opened(target_path, workers), extents, workers, silent)
    verified = time.perf_counter()
    seconds = {"conversion": converted - started, "with verification": verified - started}
    print(json.dumps({"seconds": seconds, "entries": entries, "crc32c": crc32c.implementation()}))


if __name__ == "__main__":
    if len(sys.argv) > 4:
        only = sys.argv[4]
        crc32c.IMPLEMENTATIONS = {only: crc32c.IMPLEMENTATIONS[only]}
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
