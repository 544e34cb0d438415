# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening a directory below a path that a person gave, without following the service user's links."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk import datadir
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import REAL


def opened(path: Path) -> str:
    """What `open_given` has opened, by the path that the kernel knows it by."""
    directory = datadir.open_given(str(path), REAL)
    try:
        return os.readlink(f"/proc/self/fd/{directory.fd}")
    finally:
        directory.close()


def below(path: Path, *names: str) -> Optional[str]:
    """The same for `descend`; the directory that was given must stay open."""
    given = datadir.open_given(str(path), REAL)
    try:
        found = datadir.descend(given, names)
        assert given.names() is not None, "it is closed"
        if found is None:
            return None
        try:
            return os.readlink(f"/proc/self/fd/{found.fd}")
        finally:
            found.close()
    finally:
        given.close()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data/server/raft").mkdir(parents=True)
    return tmp_path / "data"


@pytest.mark.parametrize("depth", ["", "server", "server/raft"])
def test_a_link_above_is_a_persons_and_is_followed(depth: str, data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(data_dir)
    assert opened(tmp_path / "link" / depth) == str(data_dir / depth)


@pytest.mark.parametrize("depth", ["server", "server/raft"])
@pytest.mark.parametrize("link", ["server", "server/raft"])
def test_a_link_of_another_user_that_ends_the_path_as_server_or_raft_is_refused(
    link: str, depth: str, data_dir: Path, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    (given / link).parent.mkdir(parents=True)
    (given / link).symlink_to(data_dir / link)
    os.chown(given / link, 4711, 4711, follow_symlinks=False)
    if depth == "server" and link == "server/raft":
        assert opened(given / depth) == str(given / depth)
        return
    with pytest.raises(Refused, match="this is a symbolic link of another user") as caught:
        opened(given / depth)
    assert caught.value.path == str(given / link) and caught.value.hint


@pytest.mark.parametrize("missing", ["server", "server/raft", "raft", "elsewhere"])
def test_a_path_must_be_there(missing: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        opened(tmp_path / missing)
    assert caught.value.path == str(tmp_path / missing) and caught.value.hint


def test_down_to_what_is_there(data_dir: Path) -> None:
    (data_dir / "file").touch()
    assert below(data_dir, "server", "raft") == str(data_dir / "server/raft")
    assert below(data_dir, "server") == str(data_dir / "server")
    assert below(data_dir, "server", "wal") is None
    assert below(data_dir, "raft") is None
    assert below(data_dir, "file") is None


@pytest.mark.parametrize("link", ["server", "server/raft"])
def test_no_link_of_another_user_on_the_way_down_is_followed(link: str, data_dir: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    (given / link).parent.mkdir(parents=True)
    (given / link).symlink_to(data_dir / link)
    os.chown(given / link, 4711, 4711, follow_symlinks=False)
    with pytest.raises(Refused, match="symbolic link of another user") as caught:
        below(given, "server", "raft")
    assert caught.value.path == str(given / link)


def linked(tmp_path: Path, target: object) -> Path:
    """A data_dir that belongs to the service user, whose `server/raft` is root's link to this target."""
    raft = tmp_path / "given/server/raft"
    raft.parent.mkdir(parents=True)
    for path in raft.parent, raft.parent.parent:
        os.chown(path, 4711, 4711)
    raft.symlink_to(str(target))
    return raft


@pytest.mark.parametrize("depth", ["", "server", "server/raft"])
@pytest.mark.parametrize("relative", [False, True])
def test_a_link_of_roots_to_a_disk_of_its_own_is_followed_and_keeps_its_name(
    relative: bool, depth: str, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    os.chown(disk, 4711, 4711)
    raft = linked(tmp_path, "../../disk" if relative else disk)
    os.chown(tmp_path / "given", 0, 0)
    given = raft.parent.parent
    assert (opened(given / depth) if depth == "server/raft" else below(given, "server", "raft")) == str(disk)
    directory = datadir.open_given(str(raft), REAL)
    beside = datadir.above(directory)
    assert directory.path == str(raft), "messages name it as its owner does"
    assert os.readlink(f"/proc/self/fd/{beside.fd}") == str(raft.parent), "node-id is beside the link"
    beside.close()
    directory.close()


def test_a_link_of_roots_is_not_followed_to_where_others_could_exchange_it(tmp_path: Path) -> None:
    others = tmp_path / "others"
    (others / "disk").mkdir(parents=True)
    raft = linked(tmp_path, others / "disk")
    assert opened(raft) == str(others / "disk")
    for spoil, mend in (lambda: os.chown(others, 4711, 4711), lambda: os.chown(others, 0, 0)), (
        lambda: others.chmod(0o777), lambda: others.chmod(0o755),
    ):  # fmt: skip
        spoil()
        with pytest.raises(Refused, match=f"others than root may write to {others}") as caught:
            opened(raft)
        assert caught.value.path == str(raft) and "mount --bind" in caught.value.hint
        mend()
        assert opened(raft) == str(others / "disk"), "the remedy"


@pytest.mark.parametrize("target", ["nowhere", "loop", "file"])
def test_a_link_of_roots_to_no_directory(target: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="symbolic link"):
        opened(linked(tmp_path, tmp_path / target))


def test_a_link_of_roots_to_another_link_is_refused_and_the_direct_one_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    raft = linked(tmp_path, tmp_path / "link")
    with pytest.raises(Refused, match="this symbolic link leads to another one") as caught:
        opened(raft)
    assert "pointing to the directory itself" in caught.value.hint
    raft.unlink()
    raft.symlink_to(tmp_path / "disk")
    assert opened(raft) == str(tmp_path / "disk")
