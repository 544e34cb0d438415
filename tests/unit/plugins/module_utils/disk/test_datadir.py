# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening a directory below a path that a person gave, without following the service user's links."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.disk import datadir
from ansible_collections.raftops.nomad.plugins.module_utils.disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils.disk.syscalls import REAL


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
def test_a_link_that_ends_the_path_as_server_or_raft_is_refused(
    link: str, depth: str, data_dir: Path, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    (given / link).parent.mkdir(parents=True)
    (given / link).symlink_to(data_dir / link)
    if depth == "server" and link == "server/raft":
        assert opened(given / depth) == str(given / depth)
        return
    with pytest.raises(Refused, match="this is a symbolic link, which is not followed here") as caught:
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
def test_no_link_on_the_way_down_is_followed(link: str, data_dir: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    (given / link).parent.mkdir(parents=True)
    (given / link).symlink_to(data_dir / link)
    with pytest.raises(Refused, match="symbolic link") as caught:
        below(given, "server", "raft")
    assert caught.value.path == str(given / link)
