# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The durable layer on a real directory: what is synced in which order, what is refused, what a failing disk leaves."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.attributes import Attributes
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory, lock_exclusive, read_exact
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    Corrupt,
    InUse,
    NoSpace,
    Refused,
    StoreError,
    WriteFailed,
)
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls


class Script(SystemCalls):
    """Real calls, listed; the named one fails with an errno, and writes may be cut short."""

    def __init__(self, failing: str = "", number: int = 0, longest_write: int = 0) -> None:
        self.failing = failing
        self.number = number
        self.longest_write = longest_write
        self.made: List[Tuple[str, Any]] = []

    def _note(self, name: str, what: Any) -> None:
        self.made.append((name, what))
        if name == self.failing:
            raise OSError(self.number, os.strerror(self.number))

    def pwritev(self, fd: int, buffers: Sequence[Any], off: int) -> int:
        self._note("pwritev", off)
        if self.longest_write:
            joined = b"".join(bytes(buffer) for buffer in buffers)[: self.longest_write]
            return os.pwrite(fd, joined, off)
        return super().pwritev(fd, buffers, off)

    def fsync(self, fd: int) -> None:
        self._note("fsync", "directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        super().fsync(fd)

    def rename(self, old: str, new: str, dir_fd: int) -> None:
        self._note("rename", (old, new))
        super().rename(old, new, dir_fd)


def test_a_replaced_file_is_synced_before_its_name_and_the_name_before_the_return(tmp_path: Path) -> None:
    calls = Script()
    (tmp_path / "journal").write_bytes(b"old")
    Directory.open(str(tmp_path), calls).replace_file("journal", "journal.tmp", b"new")
    assert calls.made == [
        ("pwritev", 0),
        ("fsync", "file"),
        ("rename", ("journal.tmp", "journal")),
        ("fsync", "directory"),
    ]
    assert (tmp_path / "journal").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["journal"]


def test_what_a_killed_run_has_left_of_a_replacement_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "journal.tmp").write_bytes(b"half of something")
    Directory.open(str(tmp_path)).replace_file("journal", "journal.tmp", b"new")
    assert (tmp_path / "journal").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["journal"]


@pytest.mark.parametrize("failing", ["pwritev", "fsync", "rename"])
def test_a_failed_replacement_leaves_the_old_file_and_no_temporary(tmp_path: Path, failing: str) -> None:
    (tmp_path / "journal").write_bytes(b"old")
    with pytest.raises(WriteFailed) as caught:
        Directory.open(str(tmp_path), Script(failing, errno.EIO)).replace_file("journal", "journal.tmp", b"new")
    assert str(tmp_path) in str(caught.value) and "Input/output error" in str(caught.value)
    assert os.listdir(tmp_path) == ["journal"]
    assert (tmp_path / "journal").read_bytes() == b"old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_apart(tmp_path: Path, number: int) -> None:
    new = Directory.open(str(tmp_path), Script("pwritev", number)).create("segment")
    with pytest.raises(NoSpace, match="segment"):
        new.write([b"x"])


def test_short_writes_are_continued_where_they_stopped(tmp_path: Path) -> None:
    new = Directory.open(str(tmp_path), Script(longest_write=3)).create("segment")
    new.write([b"", b"abcdefgh", memoryview(b"ij"), bytearray(b"klmnop")])
    new.write([b"q"])
    assert (tmp_path / "segment").read_bytes() == b"abcdefghijklmnopq"
    assert new.length == 17


def test_many_buffers_go_beyond_one_call(tmp_path: Path) -> None:
    new = Directory.open(str(tmp_path)).create("segment")
    new.write([b"%05d" % number for number in range(3000)])
    assert (tmp_path / "segment").read_bytes() == b"".join(b"%05d" % number for number in range(3000))


def test_a_rename_never_replaces(tmp_path: Path) -> None:
    (tmp_path / "wal").mkdir()  # rename(2) would replace an empty directory without a word
    (tmp_path / "wal.partial").mkdir()
    directory = Directory.open(str(tmp_path))
    with pytest.raises(WriteFailed, match="the name is taken"):
        directory.rename("wal.partial", "wal")
    assert sorted(os.listdir(tmp_path)) == ["wal", "wal.partial"]


def test_a_file_is_never_created_over_another(tmp_path: Path) -> None:
    (tmp_path / "raft.db").write_bytes(b"store")
    with pytest.raises(WriteFailed, match="File exists"):
        Directory.open(str(tmp_path)).create("raft.db")
    assert (tmp_path / "raft.db").read_bytes() == b"store"


def test_links_and_special_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link").symlink_to("secret")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dirlink").symlink_to("dir")
    os.mkfifo(tmp_path / "fifo")
    directory = Directory.open(str(tmp_path))
    for name in ("link", "fifo", "dir"):
        with pytest.raises(Refused, match=name):
            directory.open_read(name)
    with pytest.raises(Refused, match="dirlink"):
        directory.subdirectory("dirlink")


def test_attributes_follow_the_old_store(tmp_path: Path) -> None:
    (tmp_path / "raft.db").write_bytes(b"")
    os.chmod(tmp_path / "raft.db", 0o4755)
    directory = Directory.open(str(tmp_path))
    fd = directory.open_read("raft.db")
    attributes = Attributes.of(fd)._replace(uid=os.getuid(), gid=os.getgid())
    os.close(fd)
    directory.create("new", attributes).close()
    directory.make_directory("wal", attributes._replace(mode=0o600).for_directory()).close()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644  # neither set-id nor execute
    assert stat.S_IMODE((tmp_path / "wal").stat().st_mode) == 0o700


def test_a_lock_is_the_one_that_bbolt_takes(tmp_path: Path) -> None:
    (tmp_path / "raft.db").write_bytes(b"")
    first, second = (os.open(tmp_path / "raft.db", os.O_RDWR) for number in range(2))
    fcntl.flock(first, fcntl.LOCK_EX)
    with pytest.raises(InUse, match=r"raft\.db: the file is locked by another process"):
        lock_exclusive(second, str(tmp_path / "raft.db"))
    os.close(first)
    lock_exclusive(second, "")
    os.close(second)


def test_reading_past_the_end_says_where(tmp_path: Path) -> None:
    (tmp_path / "raft.db").write_bytes(b"0123456789")
    fd = os.open(tmp_path / "raft.db", os.O_RDONLY)
    assert read_exact(fd, 4, 3) == b"3456"
    with pytest.raises(Corrupt, match=r"raft\.db at byte 10: the file ends here, but 2 more bytes"):
        read_exact(fd, 4, 8, "raft.db")
    os.close(fd)


def test_what_cannot_be_looked_up_is_told_with_its_path(tmp_path: Path) -> None:
    directory = Directory.open(str(tmp_path))
    with pytest.raises(StoreError, match="cannot read: File name too long"):
        directory.stat("x" * 300)
    os.close(directory.fd)
    with pytest.raises(StoreError, match=f"{tmp_path}.*: Bad file descriptor"):
        directory.names()


def test_a_listing_does_not_go_on_where_another_one_stands(tmp_path: Path) -> None:
    """The position in a held directory is shared with whoever has inherited it, and on btrfs so is what it shows."""
    for name in ("raft.db", "snapshots"):
        (tmp_path / name).touch()
    directory = Directory.open(str(tmp_path))
    with os.scandir(directory.fd) as other:
        assert next(other).name in ("raft.db", "snapshots")
        (tmp_path / "wal").mkdir()
        assert directory.names() == ["raft.db", "snapshots", "wal"]
        assert directory.names() == ["raft.db", "snapshots", "wal"]
    directory.close()
