# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a regular file of an open directory, and nothing else that stands under its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils._disk.reading import read_head, reading


@pytest.mark.parametrize(("length", "head"), [(0, b""), (3, b"abc"), (6, b"abcdef"), (4096, b"abcdef")])
def test_no_more_than_asked_for(length: int, head: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abcdef")
    assert read_head(Directory.open(str(tmp_path)), "file", length) == head


@pytest.mark.parametrize("what", ["nothing", "link", "FIFO", "directory"])
def test_only_a_regular_file_is_read(what: str, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"abcdef")
    if what == "link":
        (tmp_path / "file").symlink_to("other")
    elif what == "FIFO":
        os.mkfifo(tmp_path / "file")
    elif what == "directory":
        (tmp_path / "file").mkdir()
    with pytest.raises(Refused) as caught:
        read_head(Directory.open(str(tmp_path)), "file", 6)
    assert caught.value.path == str(tmp_path / "file")


def test_it_is_closed_behind_the_block_whatever_happens_in_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    directory = Directory.open(str(tmp_path))
    before = os.listdir("/proc/self/fd")
    with pytest.raises(KeyError), reading(directory, "file"):
        raise KeyError
    assert os.listdir("/proc/self/fd") == before
