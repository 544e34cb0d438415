# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft_disk_info: its results are those that it documents, and check mode leaves the disk alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.module_utils._measure import trial
from ansible_collections.raftops.nomad.plugins.modules import raft_disk_info
from support.recordings import unpack_store
from support.run_module import documented, run


def test_it_returns_what_it_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SMALL", 50_000)
    monkeypatch.setattr(trial, "LARGE", 100_000)
    unpack_store("follower", tmp_path)
    result = run(raft_disk_info, data_dir=str(tmp_path), entries=663, data_bytes=400_000)
    assert set(result) == documented(raft_disk_info) | {"changed"} and result["changed"] is False
    disk: dict[str, Any] = yaml.safe_load(raft_disk_info.RETURN)["disk"]["contains"]
    assert set(result["disk"]) == set(disk) and set(result["disk"]["syncs"]) == set(disk["syncs"]["contains"])
    assert set(result["disk"]["trial"][0]) == set(disk["trial"]["contains"])


@pytest.mark.parametrize("without", [{"check_mode": True}, {"measure": False}, {"check_mode": True, "entries": ""}])
def test_check_mode_measures_nothing(tmp_path: Path, without: dict[str, Any]) -> None:
    result = run(raft_disk_info, data_dir=str(tmp_path), data_bytes=None, **without)
    assert result == {"changed": False, "disk": {"id": "", "syncs": None, "trial": [], "error": ""}}
