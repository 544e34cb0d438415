# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the state table that refuse: what is lost, damaged, foreign or in use stays as it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    Corrupt,
    InUse,
    Refused,
    Unsupported,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.journal import Promise
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.conversions.checked import refused, run
from support.conversions.servers import Server
from support.stores.builder import (
    BACKUP,
    STAMP,
    clock,
    log,
    nomad_store,
    raft_directory,
    request,
    write_boltdb,
    write_guard,
    write_journal,
    write_snapshot,
    write_wal,
)


def test_row_2_lost_lists_what_is_left(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / BACKUP, log(3))
    for backend in ("wal", "boltdb"):
        error = refused(raft, Refused, backend=backend)
        assert BACKUP in error.what
    write_guard(raft)
    refused(raft, Refused)
    (raft / "raft.db").unlink()
    write_boltdb(raft / "raft.db", [], Stable())  # what Nomad creates by mistake
    refused(raft, Refused)


@pytest.mark.parametrize("record", ["snapshot", "journal", "wal backup"])
def test_row_2_lost_by_any_record(record: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if record == "snapshot":
        write_snapshot(raft, 5)
    elif record == "journal":
        write_journal(raft, "done", source=Promise(3, None, None, 1, 5, "ab"))
    else:
        write_wal(raft / f"wal.migrated.{STAMP}", log(2))
    refused(raft, Refused)


@pytest.mark.parametrize("raft_db", ["ok", "guard", "absent"])
@pytest.mark.parametrize("damage", ["no metadata", "metadata", "segment gone"])
def test_rows_13_and_15_a_damaged_wal(raft_db: str, damage: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", log(5))
    if raft_db == "ok":
        write_boltdb(raft / "raft.db", log(5))
    elif raft_db == "guard":
        write_guard(raft)
    if damage == "no metadata":
        (raft / "wal/wal-meta.db").unlink()
    elif damage == "metadata":
        (raft / "wal/wal-meta.db").write_bytes(b"x" * 8192)
    else:
        next((raft / "wal").glob("*.wal")).unlink()
    for backend in ("wal", "boltdb"):
        assert "wal" in refused(raft, Corrupt, backend=backend).path


def test_row_14_a_damaged_raft_db(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    (raft / "raft.db").write_bytes(b"no bbolt file" * 1000)
    write_wal(raft / "wal", log(5))
    for backend in ("wal", "boltdb"):
        assert refused(raft, Corrupt, backend=backend).path.endswith("raft.db")


@pytest.mark.parametrize("damage", [b"\xff", b"\x85"])
def test_damage_found_while_converting_leaves_all_as_it_was(damage: bytes, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(200))
    data = bytearray((raft / "raft.db").read_bytes())
    at = data.index(b"\xaaAppendedAt") - 1
    data[at : at + 1] = damage
    (raft / "raft.db").write_bytes(data)
    error = refused(raft, Corrupt)
    assert error.path.endswith("raft.db")


def test_row_19_a_foreign_hard_link(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    os.link(raft / "raft.db", tmp_path / "elsewhere")
    assert "second name" in refused(raft, Refused).what
    os.link(raft / "raft.db", raft / BACKUP)
    refused(raft, Refused)


@pytest.mark.parametrize("kind", ["link", "directory", "fifo", "socket-like guard"])
def test_row_20_something_else_named_raft_db(kind: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if kind == "directory":
        (raft / "raft.db").mkdir()
    elif kind == "fifo":
        os.mkfifo(raft / "raft.db")
    elif kind == "link":
        write_boltdb(tmp_path / "raft.db", log(5))
        (raft / "raft.db").symlink_to(tmp_path / "raft.db")
    else:
        (raft / "raft.db").symlink_to("this-server-is-on-wal")
    for backend in ("wal", "boltdb"):
        assert refused(raft, Refused, backend=backend).path.endswith("raft.db")


@pytest.mark.parametrize("kind", ["link", "file", "unknown metadata", "hard-linked metadata"])
def test_row_21_a_foreign_wal(kind: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    if kind == "file":
        (raft / "wal").touch()
    elif kind == "link":
        write_wal(tmp_path / "wal", log(5))
        (raft / "wal").symlink_to(tmp_path / "wal")
    else:
        write_wal(raft / "wal", log(5))
        if kind == "unknown metadata":
            (raft / "wal/wal-meta.json").touch()
        else:
            os.link(raft / "wal/wal-meta.db", tmp_path / "elsewhere")
    for backend in ("wal", "boltdb"):
        assert "/wal" in refused(raft, Refused, backend=backend).path


@pytest.mark.parametrize("beside", [["wal-meta.json"], ["wal-meta.json", "wal-meta.db"], ["wal-meta.json.tmp"]])
@pytest.mark.parametrize("boltdb", [True, False])
def test_row_21_the_wal_of_a_nomad_to_come_is_nobodys_fault(boltdb: bool, beside: list[str], tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if boltdb:
        write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))
    if "wal-meta.db" not in beside:
        (raft / "wal/wal-meta.db").unlink()
    (raft / "wal" / beside[0]).touch()
    for backend in ("wal", "boltdb"):
        error = refused(raft, Refused, backend=backend)
        assert error.path == str(raft / "wal")
        assert "a newer Nomad has made this WAL: its metadata is in wal-meta.json" in str(error)
        assert "Nothing is wrong with it." in str(error) and "Find out what did" not in str(error)


@pytest.mark.parametrize("content", [b'{"version": 2}', b"{", b"", b"[]", b"\xff"])
def test_row_22_a_journal_of_a_newer_tool(content: bytes, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    (raft / ".raft-migrate.json").write_bytes(content)
    for backend in ("wal", "boltdb"):
        assert refused(raft, Unsupported, backend=backend).path.endswith(".raft-migrate.json")


@pytest.mark.parametrize("how", ["lock", "open"])
@pytest.mark.parametrize("file", ["raft.db", "wal/wal-meta.db", BACKUP])
def test_row_24_a_store_in_use(file: str, how: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if file == "raft.db":
        write_boltdb(raft / "raft.db", log(5))
    else:
        write_wal(raft / "wal", log(5))
        write_boltdb(raft / BACKUP, log(5))
        write_guard(raft)
        write_journal(raft)
    server = Server(raft / file, how)
    server.start()
    try:
        for backend in ("wal", "boltdb"):
            assert f"PID {server.pid} (" in refused(raft, InUse, backend=backend).what
        told = migrate(request(raft, check=True), clock=clock)
        assert told.entries is None and told.state in ("boltdb", "wal")
        assert told.plan
        (warning,) = [one for one in told.warnings if "in use" in one]
        assert f"in use by PID {server.pid} (" in warning
        assert "the real run would refuse. Stop the Nomad server on this host first." in warning
    finally:
        server.stop()
    run(raft)


def test_row_25_another_run_is_waited_for(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    server = Server(raft, "lock")
    server.start()
    try:
        assert "another run" in refused(raft, InUse, lock_timeout_s=0.2).what
        told = migrate(request(raft, check=True), clock=clock)
        assert told.state == "boltdb" and "Another run of this collection is at work here" in told.warnings[0]
    finally:
        server.stop()
    run(raft)


def test_a_state_in_no_row_is_refused(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    (raft / "raft.db").touch(0o600)
    (raft / "wal").mkdir()
    refused(raft, Refused)


@pytest.mark.parametrize("mounted", ["wal", "raft.db"])
def test_row_21_a_store_that_is_a_mount(mounted: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))
    subprocess.run(["mount", "--bind", str(raft / mounted), str(raft / mounted)], check=True)
    try:
        assert "mount" in refused(raft, Refused).what
    finally:
        subprocess.run(["umount", str(raft / mounted)], check=True)
    run(raft)
