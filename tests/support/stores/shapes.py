# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All stores that the interop tests run over: the judge's shapes, and what Nomad 2.0.5 itself left behind."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from support.recordings import STORE_NAMES, store_facts, unpack_store
from support.stores.judge import judge

_SHAPES = judge("shapes")
BOLTDB: list[str] = _SHAPES["boltdb"]
REFUSED: list[str] = _SHAPES["refused"]
WAL: list[str] = _SHAPES["wal"]
WAL_REFUSED: list[str] = _SHAPES["wal-refused"]
RECORDED = {name: store_facts(name) for name in STORE_NAMES}
RECORDED_BOLTDB = [f"nomad-{name}" for name, facts in RECORDED.items() if facts["backend"] == "boltdb"]
RECORDED_WAL = [f"nomad-{name}" for name, facts in RECORDED.items() if facts["backend"] == "wal"]


def raft_db(name: str, directory: Path) -> Path:
    """The raft.db called `name`, in a Raft directory of its own."""
    if name.startswith("nomad-"):
        return unpack_store(name[6:], directory) / "raft.db"
    (directory / "raft").mkdir()
    judge("gen", "-shape", name, directory / "raft/raft.db")
    return directory / "raft/raft.db"


def wal(name: str, directory: Path) -> Path:
    """The wal/ called `name`, in a Raft directory of its own."""
    if name.startswith("nomad-"):
        return unpack_store(name[6:], directory) / "wal"
    (directory / "raft").mkdir()
    judge("gen-wal", "-shape", name, directory / "raft/wal")
    return directory / "raft/wal"


def content(path: Path) -> dict[str, Any]:
    """Hash and time of change of every file below `path`, to see that nothing touched them."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {
        str(file): (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in files
        if file.is_file()
    }
