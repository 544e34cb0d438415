# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place of a rehearsal: nobody else's, gone at the end, and nothing but a rehearsal's is ever removed."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from pathlib import Path
from typing import Callable, Iterator

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, Refused
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.scratch import (
    MARK,
    MEASURING,
    SCRATCH,
    is_left,
    kept,
    scratch,
    tidy,
)
from support.stores.builder import listing, raft_directory
from support.stores.recording import KillAt, Killed

Fill = Callable[[Path], None]


@pytest.fixture
def raft(tmp_path: Path) -> Iterator[Directory]:
    with closing(Directory.open(str(raft_directory(tmp_path)))) as directory:
        yield directory


def fill(place: Path) -> None:
    """What a rehearsal leaves when it is killed, and a link that leads out of it."""
    (place / "raft/wal.partial").mkdir(parents=True)
    (place / "raft/wal.partial/1.wal").write_bytes(b"x" * 9000)
    (place / "raft/raft.db").symlink_to("/etc/passwd")


def left(tmp_path: Path, name: str = SCRATCH) -> Path:
    place = tmp_path / "server" / name
    place.mkdir(mode=0o700)
    (place / MARK).touch()
    fill(place)
    return place


def test_it_is_roots_beside_the_raft_directory_and_gone_at_the_end(raft: Directory, tmp_path: Path) -> None:
    place = tmp_path / "server" / SCRATCH
    with scratch(raft) as made:
        assert stat.S_IMODE(place.stat().st_mode) == 0o700 and place.stat().st_uid == os.geteuid()
        assert made.directory.fd and listing(place).keys() == {MARK}
        assert os.readlink(f"/proc/self/fd/{made.home.fd}") == str(place.parent)
        fill(place)
    assert not place.exists() and list((tmp_path / "server").iterdir()) == [tmp_path / "server/raft"]


def test_it_is_removed_after_a_failure(raft: Directory, tmp_path: Path) -> None:
    with pytest.raises(ValueError), scratch(raft):
        fill(tmp_path / "server" / SCRATCH)
        raise ValueError
    assert not is_left(raft)


def test_one_rehearsal_at_a_time(raft: Directory, tmp_path: Path) -> None:
    with scratch(raft):
        fill(tmp_path / "server" / SCRATCH)
        with pytest.raises(InUse, match="another rehearsal or measurement is at work"), scratch(raft):
            pass
        assert tidy(raft) == [] and is_left(raft), "it is at work"
    assert not is_left(raft)


def test_what_a_killed_one_left_is_removed(raft: Directory, tmp_path: Path) -> None:
    left(tmp_path)
    assert is_left(raft) and tidy(raft) == [] and not is_left(raft)
    left(tmp_path)
    with scratch(raft):
        assert listing(tmp_path / "server" / SCRATCH).keys() == {MARK}
    assert os.path.exists("/etc/passwd")


def test_what_a_killed_measurement_left_is_removed_as_well(raft: Directory, tmp_path: Path) -> None:
    for name in (SCRATCH, MEASURING):
        left(tmp_path, name)
    assert is_left(raft) and tidy(raft) == [] and not is_left(raft)


def test_a_copy_that_is_kept_outlives_a_measurement(raft: Directory) -> None:
    """A server was stopped for it."""
    with scratch(raft, keep=True):
        pass
    with scratch(raft, name=MEASURING):
        pass
    with kept(raft) as copy:
        assert copy is not None


def test_killed_at_every_change_it_is_removed_by_the_next(tmp_path: Path) -> None:
    path, number = raft_directory(tmp_path), 0
    while True:
        calls = KillAt(number)
        with closing(Directory.open(str(path), calls)) as raft:
            try:
                with scratch(raft):
                    fill(tmp_path / "server" / SCRATCH)
                break
            except Killed:
                number += 1
        with closing(Directory.open(str(path))) as raft:
            assert tidy(raft) == [] and not is_left(raft)
    assert number > 8


@pytest.mark.parametrize(
    "make",
    [
        lambda place: place.write_text("a file"),
        lambda place: place.symlink_to("raft"),
        lambda place: (place.mkdir(0o700), (place / "somebody's").touch()),
        lambda place: (place.mkdir(0o755), (place / MARK).touch()),
        lambda place: (place.mkdir(0o700), (place / MARK).touch(), os.chown(place, 4711, -1)),
    ],
    ids=["file", "link", "no mark", "open to others", "another user's"],
)
def test_what_no_rehearsal_leaves_is_not_touched(raft: Directory, tmp_path: Path, make: Fill) -> None:
    """The directory above is the service user's, who may give the name to anything, also to a directory of root's."""
    place = tmp_path / "server" / SCRATCH
    make(place)
    before = listing(tmp_path)
    (told,) = tidy(raft)
    assert "no rehearsal or measurement leaves such a thing" in told and "Nothing was removed" in told
    with pytest.raises(Refused, match="no rehearsal or measurement leaves such a thing"), scratch(raft):
        pass
    assert listing(tmp_path) == before
