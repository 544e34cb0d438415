# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory to measure in: root's own, in the file system of the store, and gone afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils._measure.scratch import NAME, clear, scratch


@pytest.fixture
def raft(tmp_path: Path) -> Path:
    made = tmp_path / "server/raft"
    made.mkdir(parents=True)
    (made / "raft.db").write_bytes(b"a store that is in use")
    return made


def fill(path: Path) -> None:
    (path / "raft/wal").mkdir(parents=True)
    for name in ("syncs", "raft/raft.db", "raft/wal/segment"):
        (path / name).write_bytes(b"x")
    (path / "raft/link").symlink_to("/etc/passwd")


def test_it_is_private_while_it_is_there_and_all_of_it_goes(raft: Path) -> None:
    with scratch(str(raft.parents[1]), 0) as directory:
        path = Path(directory.path)
        assert path == raft.parent / NAME and os.stat(path).st_mode & 0o777 == 0o700
        fill(path)
        clear(directory)
        assert list(path.iterdir()) == []
        fill(path)
    assert [one.name for one in raft.parent.iterdir()] == ["raft"]
    assert (raft / "raft.db").read_bytes() == b"a store that is in use"


def test_it_goes_where_measuring_fails(raft: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch(str(raft), 0):
        raise ZeroDivisionError
    assert not (raft.parent / NAME).exists()


def test_what_a_killed_run_has_left_goes_first(raft: Path) -> None:
    left = raft.parent / NAME
    left.mkdir(mode=0o700)
    fill(left)
    with scratch(str(raft), 0) as directory:
        assert directory.names() == []
    assert not left.exists()


def test_two_runs_do_not_share_it(raft: Path) -> None:
    with scratch(str(raft), 0) as first:
        with pytest.raises(Refused, match="another run is measuring here"), scratch(str(raft), 0):
            pass
        assert Path(first.path).is_dir(), "the first one still has its directory"


@pytest.mark.parametrize("what", ["a link", "open to others"])
def test_what_is_somebody_elses_stays(raft: Path, tmp_path: Path, what: str) -> None:
    kept = tmp_path / "kept"
    kept.mkdir(mode=0o755)
    (kept / "file").write_bytes(b"x")
    if what == "a link":
        (raft.parent / NAME).symlink_to(kept)
    else:
        kept.rename(raft.parent / NAME)
    with pytest.raises(Refused, match="this is in the way"), scratch(str(raft), 0):
        pass
    assert (raft.parent / NAME / "file").exists()


def test_a_full_disk_is_left_alone(raft: Path) -> None:
    with pytest.raises(Refused, match="bytes are free, too few"), scratch(str(raft), 1 << 60):
        pass
    assert not (raft.parent / NAME).exists()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system")
def test_another_file_system_than_the_stores_says_nothing(tmp_path: Path) -> None:
    other = Path(f"/dev/shm/raftops-{os.getpid()}")
    (other / "raft").mkdir(parents=True)
    (tmp_path / "server").mkdir()
    (tmp_path / "server/raft").symlink_to(other / "raft")
    try:
        with pytest.raises(Refused), scratch(str(tmp_path), 0):
            pass
        assert list((tmp_path / "server").iterdir()) == [tmp_path / "server/raft"]
    finally:
        (other / "raft").rmdir()
        other.rmdir()
