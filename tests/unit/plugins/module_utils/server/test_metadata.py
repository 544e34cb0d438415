# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program says of the WAL that it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._server.metadata import is_later
from support.paths import LAB


@pytest.mark.parametrize(
    ("text", "later"),
    [
        (b"x" * 5000 + b"wal-meta.json", True),
        (b"wal-meta.dbwal-meta.jsonx", True),
        (b"wal-meta.db", False),
        (b"", False),
    ],
)
def test_a_program_has_the_names_of_its_files_in_it(text: bytes, later: bool, tmp_path: Path) -> None:
    (tmp_path / "nomad").write_bytes(text)
    (tmp_path / "link").symlink_to("nomad")
    assert is_later(str(tmp_path / "nomad")) is later and is_later(str(tmp_path / "link")) is later


def test_a_program_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert not is_later(str(tmp_path / "gone")) and not is_later(str(tmp_path))


def test_a_real_program_with_raft_wal_of_today() -> None:
    assert b"wal-meta.db" in LAB.read_bytes() and not is_later(str(LAB))
