# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A WAL of 64 KiB that raft-wal wrote, and what our reader says when one bit of it is flipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.reader import WalStore
from support.stores import judge

LEN_MIN = 64 << 10


class Flip(NamedTuple):
    """A bit of a segment file, and the refusal; None if nothing was noticed."""

    name: str
    off: int
    error: StoreError | None


def make_wal(path: Path) -> None:
    """Sealed segments, the first of them truncated at its head, and a tail with several batches."""
    judge.judge("gen-wal", "-shape", "wal-one-append-each", path)
    judge.append(path, count=203, size="0..350", batch=7, segment=16384)
    judge.truncate(path, head=9, segment=16384)
    judge.append(path, count=2, size="60", batch=2, segment=16384)


def committed(path: Path) -> dict[str, int]:
    """Bytes of each segment up to the end of its last commit frame; zeros follow."""
    return {file.name: -(-len(file.read_bytes().rstrip(b"\0")) // 8) * 8 for file in sorted(path.glob("*.wal"))}


def read(directory: Directory, meta_fd: int) -> int:
    """The number of entries, every byte of them read and checked, as the conversion does it."""
    store = WalStore(directory, meta_fd)
    return sum(len(batch.raws) for batch in store.batches(store.extents()))


def flips(path: Path, first: int, step: int) -> Iterator[Flip]:
    """Every `step`-th bit of all committed bytes from bit `first` on, flipped one at a time."""
    passed = 0
    for name, length in committed(path).items():
        yield from flips_of(path, name, range((first - passed) % step, 8 * length, step))
        passed += 8 * length


def flips_of(path: Path, name: str, bits: range) -> Iterator[Flip]:
    """These bits of one segment, flipped and put right again one by one."""
    directory = Directory.open(str(path))
    meta_fd = directory.open_read("wal-meta.db")
    fd = os.open(path / name, os.O_RDWR)
    expected = read(directory, meta_fd)
    for bit in bits:
        off = bit // 8
        byte = os.pread(fd, 1, off)
        os.pwrite(fd, bytes((byte[0] ^ 1 << bit % 8,)), off)
        error = None
        try:
            read(directory, meta_fd)
        except StoreError as refusal:
            error = refusal
        os.pwrite(fd, byte, off)
        yield Flip(name, off, error)
    assert read(directory, meta_fd) == expected
    os.close(fd)
    os.close(meta_fd)
    directory.close()
