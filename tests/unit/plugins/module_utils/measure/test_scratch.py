# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory to measure in: root's own, in the file system of the store, and gone afterwards."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, Refused
from ansible_collections.raftops.nomad.plugins.module_utils._measure.scratch import scratch
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.scratch import MARK, MEASURING, clear
from support.attributes import mounted


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
        assert path == raft.parent / MEASURING and os.stat(path).st_mode & 0o777 == 0o700
        fill(path)
        clear(directory)
        assert list(path.iterdir()) == [path / MARK]
        fill(path)
    assert [one.name for one in raft.parent.iterdir()] == ["raft"]
    assert (raft / "raft.db").read_bytes() == b"a store that is in use"


def test_it_goes_where_measuring_fails(raft: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch(str(raft), 0):
        raise ZeroDivisionError
    assert not (raft.parent / MEASURING).exists()


def test_what_a_killed_run_has_left_goes_first(raft: Path) -> None:
    left = raft.parent / MEASURING
    left.mkdir(mode=0o700)
    (left / MARK).touch()
    fill(left)
    with scratch(str(raft), 0) as directory:
        assert directory.names() == [MARK]
    assert not left.exists()


def test_two_runs_do_not_share_it(raft: Path) -> None:
    with scratch(str(raft), 0) as first:
        with pytest.raises(InUse, match="another rehearsal or measurement is at work"), scratch(str(raft), 0):
            pass
        assert Path(first.path).is_dir(), "the first one still has its directory"


@pytest.mark.parametrize("what", ["a link", "open to others", "without the mark"])
def test_what_is_somebody_elses_stays(raft: Path, tmp_path: Path, what: str) -> None:
    kept = tmp_path / "kept"
    kept.mkdir(mode=0o700 if what == "without the mark" else 0o755)
    (kept / "file").write_bytes(b"x")
    if what == "a link":
        (raft.parent / MEASURING).symlink_to(kept)
    else:
        kept.rename(raft.parent / MEASURING)
    with pytest.raises(Refused, match="no rehearsal or measurement leaves such a thing"), scratch(str(raft), 0):
        pass
    assert (raft.parent / MEASURING / "file").exists()


def test_what_is_to_stay_free_for_the_server_stays_free(raft: Path) -> None:
    """A quarter of a GB at least, as with a rehearsal."""
    free = shutil.disk_usage(raft).free
    for needs in (1 << 60, free - (128 << 20)):
        with pytest.raises(Refused, match="bytes are free: too few"), scratch(str(raft), needs):
            pass
        assert not (raft.parent / MEASURING).exists()


def test_another_file_system_than_the_stores_says_nothing(raft: Path) -> None:
    with mounted("-t", "tmpfs", "none", raft):
        with pytest.raises(Refused, match="a file system of its own"), scratch(str(raft), 0):
            pass
        assert [path.name for path in raft.parent.iterdir()] == ["raft"]
