# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wanted log store in a configuration: planned, written, told."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import ensure
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.ensure import Wish
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError

MAIN = b"""data_dir = "/opt/nomad"\r
server {\r
  enabled = true # yes\r
  encrypt = "SECRET"\r
  raft_boltdb { no_freelist_sync = true }\r
}\r
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "nomad.hcl").write_bytes(MAIN)
    (tmp_path / "nomad.hcl").chmod(0o640)
    return tmp_path


def content(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mode, path.read_bytes()) for path in directory.iterdir()}


def test_planned_then_written_then_told(directory: Path) -> None:
    wish = Wish([str(directory)], "wal", wal_segment_size=16, backup=True)
    planned = ensure.planned(wish)
    assert content(directory) == {"nomad.hcl": (0o100640, MAIN)}
    kept = ensure.carry_out(wish, planned)
    told = ensure.described(planned, kept)
    assert told["changed_files"] == [str(directory / "raft_logstore.hcl"), str(directory / "nomad.hcl")]
    assert (told["previous_backend"], told["backend"], len(told["backup_files"])) == ("boltdb", "wal", 1)
    assert told["effective"]["wal_segment_size"] == 16 and told["effective"]["no_freelist_sync"] is True
    assert "SECRET" not in str(ensure.differences(planned)) and "raft_boltdb" in str(ensure.differences(planned))
    again = ensure.planned(wish)
    assert again.changes == [] and again.found == planned.proven


@pytest.mark.parametrize(
    "wish",
    [{"wal_segment_size": 0}, {"wal_segment_size": 2048}, {"verification": {"enabled": True, "interval": "soon"}}],
)
def test_what_nomad_does_not_take_is_refused(directory: Path, wish: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        ensure.planned(Wish([str(directory)], "wal", **wish))  # type: ignore[arg-type]
