# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the Raft directory, and opening what is in it without following anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import REAL
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory import raftdir
from support.stores.builder import (
    BACKUP,
    STAMP,
    log,
    nomad_store,
    raft_directory,
    write_boltdb,
    write_guard,
    write_wal,
)


def located(path: Path) -> str:
    directory = raftdir.locate(str(path), REAL)
    directory.close()
    return directory.path


def test_from_any_depth_and_through_a_link_above(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path / "data")
    for given in (tmp_path / "data", tmp_path / "data/server", raft):
        assert located(given) == str(raft)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert located(tmp_path / "link") == str(tmp_path / "link/server/raft")


def test_a_raft_directory_of_any_name_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "copy/snapshots").mkdir(parents=True)
    assert located(tmp_path / "copy") == str(tmp_path / "copy")
    (tmp_path / "raft").mkdir()
    assert located(tmp_path / "raft") == str(tmp_path / "raft")


def test_anything_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "client/server").mkdir(parents=True)
    (tmp_path / "file").touch()
    for given in ("", "server", "client", "file", "missing"):
        with pytest.raises(Refused) as caught:
            located(tmp_path / given)
        assert caught.value.path == str(tmp_path / given) and caught.value.hint


@pytest.mark.parametrize("link", ["server", "server/raft", "raft"])
def test_links_of_another_user_below_are_refused_with_their_path(link: str, tmp_path: Path) -> None:
    real = raft_directory(tmp_path / "real")
    given = tmp_path / "given"
    (given / link).parent.mkdir(parents=True)
    (given / link).symlink_to(real if link != "server" else real.parent)
    os.chown(given / link, 4711, 4711, follow_symlinks=False)
    with pytest.raises(Refused, match="this is a symbolic link of another user") as caught:
        located(given)
    assert caught.value.path == str(given / link)


def test_backups_are_known_by_name_oldest_first() -> None:
    names = [
        "raft.db",
        "raft.db.migrated.3",
        "wal.migrated.2",
        "raft.db.superseded.1",
        "wal.superseded.4",
        "x.migrated.1",
    ]
    assert raftdir.backups(names) == [
        "raft.db.superseded.1",
        "wal.migrated.2",
        "raft.db.migrated.3",
        "wal.superseded.4",
    ]


def test_what_names_tell_of_a_wal(tmp_path: Path) -> None:
    directory = Directory.open(str(tmp_path))
    assert raftdir.wal_kind(directory) == "0"
    (tmp_path / "wal-meta.db.tmp").touch()
    assert raftdir.wal_kind(directory) == "0", "what a server leaves that is killed while it makes its first WAL"
    (tmp_path / "wal-meta.db.tmp").unlink()
    (tmp_path / "00000000000000000001-0000000000000001.wal").touch()
    assert raftdir.wal_kind(directory) == "bad"
    (tmp_path / "wal-meta.db").touch()
    (tmp_path / "wal-meta.db.tmp").touch()
    assert raftdir.wal_kind(directory) == "ok"
    (tmp_path / "wal-meta.v2").touch()
    assert raftdir.wal_kind(directory) == "foreign"
    (tmp_path / "wal-meta.json.tmp").touch()
    assert raftdir.wal_kind(directory) == "later"


class Blind(Directory):
    """A directory whose listing lacks what is there."""

    def names(self) -> list[str]:
        return []


def test_a_listing_alone_does_not_tell_that_a_wal_is_empty(tmp_path: Path) -> None:
    """An empty one would be moved aside."""
    directory = Blind.open(str(tmp_path))
    (tmp_path / "wal-meta.db").touch()
    assert raftdir.wal_kind(directory) == "ok"
    (tmp_path / "wal-meta.db").unlink()
    assert raftdir.wal_kind(directory) == "0"
    directory.close()


def test_a_store_file_reads_what_it_holds_open(tmp_path: Path) -> None:
    write_boltdb(tmp_path / BACKUP, log(5))
    write_wal(tmp_path / "wal", log(7))
    (tmp_path / "raft.db").touch()
    directory = Directory.open(str(tmp_path))
    old = raftdir.StoreFile(directory, BACKUP, change=False)
    wal = raftdir.StoreFile(directory.subdirectory("wal"), "wal-meta.db", change=True)
    empty = raftdir.StoreFile(directory, "raft.db", change=True)
    assert (old.read_boltdb().last_index, wal.read_wal().last_index) == (5, 7)
    nothing = empty.read_boltdb()
    assert (nothing.entry_count, list(nothing.batches(nothing.extents())), nothing.stable()) == (0, [], Stable())
    for file in (old, wal, empty):
        file.close()
        file.close()
    assert STAMP in old.path


NODE_ID = "e93eaec1-b82a-bf92-f2a5-79d404511e21"


@pytest.mark.parametrize("content", [NODE_ID, NODE_ID + "\n", f" {NODE_ID}\n\n"])
def test_the_id_of_the_server_lies_beside_its_raft_directory(content: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    (raft.parent / "node-id").write_text(content)
    assert raftdir.node_id(Directory.open(str(raft))) == NODE_ID


@pytest.mark.parametrize("what", ["nothing", "link", "FIFO", "directory", "secret", "long", "binary"])
def test_what_the_service_user_puts_in_place_of_the_id_is_not_given_back(what: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    path = raft.parent / "node-id"
    (tmp_path / "other").write_text(NODE_ID)
    if what == "link":
        path.symlink_to(tmp_path / "other")
    elif what == "FIFO":
        os.mkfifo(path)
    elif what == "directory":
        path.mkdir()
    elif what != "nothing":
        path.write_bytes({"secret": b"root:$6$secret", "long": NODE_ID.encode() * 2, "binary": b"\xff" * 36}[what])
    assert raftdir.node_id(Directory.open(str(raft))) is None


def test_a_listing_shows_kinds(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_guard(raft)
    write_wal(raft / "wal", log(2))
    (raft / "version").touch()
    lines = raftdir.listing(Directory.open(str(raft)))
    assert lines == [f"raft.db -> this-server-is-on-wal/see-{BACKUP}", "version", "wal/"]
