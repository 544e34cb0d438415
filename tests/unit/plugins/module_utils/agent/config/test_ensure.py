# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wish to the result of raft_logstore_config, on a real directory. What is edited how: test_change."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.agent.config.ensure import (
    Wish,
    carry_out,
    described,
    differences,
    planned,
)
from ansible_collections.raftops.nomad.plugins.module_utils.agent.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "nomad.hcl").write_text('data_dir = "/d"\nserver {\n  enabled = true\n  encrypt = "SECRET"\n}\n')
    return tmp_path


def test_what_is_planned_is_what_is_there_afterwards(config: Path) -> None:
    wish = Wish([str(config)], "wal", wal_segment_size=8)
    what = planned(wish)
    assert [(change.path, change.before) for change in what.changes] == [(str(config / "raft_logstore.hcl"), None)]
    assert carry_out(wish, what) == []
    again = planned(wish)
    assert again.changes == [] and again.found == what.proven
    told = described(what)
    assert (told["changed"], told["previous_backend"], told["backend"]) == (True, "boltdb", "wal")
    assert told["effective"]["wal_segment_size"] == 8 and told["agent"]["raft_dir"] == "/d/server/raft"


def test_the_difference_shows_no_secret(config: Path) -> None:
    shown = differences(planned(Wish([str(config / "nomad.hcl")], "wal")))
    assert shown[0]["before_header"] == str(config / "nomad.hcl") and "raft_logstore" in shown[0]["after"]
    assert "SECRET" not in str(shown)


@pytest.mark.parametrize("size", [0, 2048])
def test_a_segment_size_that_breaks_a_log(config: Path, size: int) -> None:
    with pytest.raises(ConfigError, match="from 1 to 2047"):
        planned(Wish([str(config)], "wal", wal_segment_size=size))
