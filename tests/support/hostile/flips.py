# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single flipped bits of a raft.db that bbolt wrote, given to HashiCorp's own conversion and to ours.

Where a bit lies is found with code of our own: in which field of the format, or of an entry.
"""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore import migrate
from support.hostile.corpus import pages_of
from support.hostile.place import NoSync
from support.paths import JUDGE
from support.stores import judge
from support.stores.builder import lonely_proc, request

SAME, DIFFERENT, REFUSED, CRASHED = "same content", "different content", "refused", "crashed"
NAMES = (b"AppendedAt", b"Data", b"Extensions", b"Index", b"Term", b"Type")


class Flip(NamedTuple):
    """A bit of the file, and what it belongs to."""

    off: int
    bit: int
    part: str


def sample(raft_db: Path, count: int, seed: int) -> list[Flip]:
    """Random bits of the pages that are not empty."""
    data = raft_db.read_bytes()
    size = pages_of(data)
    filled = [off for off in range(0, len(data), size) if data[off : off + size].strip(b"\0")]
    parts = parts_of(data)
    rng = random.Random(seed)
    places = [(rng.choice(filled) + rng.randrange(size), rng.randrange(8)) for _number in range(count)]
    return [Flip(off, bit, parts.get(off, "page structure or unused")) for off, bit in places]


def parts_of(data: bytes) -> dict[int, str]:
    """What each byte of the keys and values belongs to, by its offset."""
    size = pages_of(data)
    found: dict[int, str] = {}
    for off in range(2 * size, len(data), size):
        page_id, flags, count, _overflow = struct.unpack_from("<QHHI", data, off)
        if page_id * size == off and flags == 2:
            _name_leaf(data, off, count, found)
    return found


def _name_leaf(data: bytes, off: int, count: int, found: dict[int, str]) -> None:
    for number in range(count):
        at = off + 16 + 16 * number
        is_bucket, pos, key_len, value_len = struct.unpack_from("<IIII", data, at)
        value_off = at + pos + key_len
        if is_bucket and data[at + pos : value_off] == b"conf":
            _name_leaf(data, value_off + 16, struct.unpack_from("<H", data, value_off + 26)[0], found)
        elif not is_bucket and key_len != 8:
            found.update(dict.fromkeys(range(value_off, value_off + value_len), "term or vote"))
        elif not is_bucket:
            _name_entry(data, value_off, value_off + value_len, found)


def _name_entry(data: bytes, begin: int, end: int, found: dict[int, str]) -> None:
    """The fields of an entry, by the names that stand before them; the lengths of fields are not part of them."""
    starts = [data.index(name, begin, end) for name in NAMES]
    for name, start, after in zip(NAMES, starts, [*starts[1:], end + 1]):
        first = start + len(name)
        skip = {b"AppendedAt": 1, b"Data": 3 if data[first] == 0xDA else 1}.get(name, 0)
        found.update(dict.fromkeys(range(first + skip, after - 1), f"{name.decode()} of an entry"))


def theirs(raft_db: Path, flip: Flip, where: Path, truth: judge.Content) -> str:
    """What HashiCorp's conversion makes of the flipped file."""
    where.mkdir()
    copy, wal = where / "raft.db", where / "wal"
    shutil.copyfile(raft_db, copy)
    _flip(copy, flip)
    line = [str(JUDGE), "to-wal", "-segment", str(1 << 20), "-batch", str(1 << 20), str(copy), str(wal)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    try:
        if done.returncode:
            is_crash = "goroutine" in done.stderr
            return CRASHED if is_crash else REFUSED
        return SAME if judge.digest(wal) == truth else DIFFERENT
    finally:
        shutil.rmtree(where)


def ours(raft_db: Path, flip: Flip, where: Path, truth: judge.Content) -> str:
    """What our conversion makes of it; the judge reads the new store."""
    raft = where / "raft"
    raft.mkdir(parents=True)
    shutil.copyfile(raft_db, raft / "raft.db")
    (raft / "raft.db").chmod(0o600)
    _flip(raft / "raft.db", flip)
    try:
        migrate.migrate(request(raft), NoSync(), proc=lonely_proc(where))
        return SAME if judge.digest(raft / "wal") == truth else DIFFERENT
    except StoreError:
        return REFUSED
    finally:
        shutil.rmtree(where)


def _flip(path: Path, flip: Flip) -> None:
    with open(path, "r+b") as file:
        file.seek(flip.off)
        (byte,) = file.read(1)
        file.seek(flip.off)
        file.write(bytes((byte ^ 1 << flip.bit,)))
