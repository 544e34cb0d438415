# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A prospect is what the conversion in check mode says; the hold beside a store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.hold import Hold, HoldFile
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.request import Request
from ansible_collections.raftops.nomad.plugins.module_utils._server import ondisk
from support.host import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_prospect_changes_nothing_and_names_the_steps(host: Host) -> None:
    before = {path: path.stat().st_mtime_ns for path in host.data_dir.rglob("*")}
    found = ondisk.prospect(Request(str(host.data_dir)))
    assert "convert raft.db to wal.partial/ and compare every entry" in found.plan and found.refusal == ""
    assert {path: path.stat().st_mtime_ns for path in host.data_dir.rglob("*")} == before


def test_a_refusal_is_the_conversions_own(host: Host) -> None:
    found = ondisk.prospect(Request(str(host.data_dir), wal_segment_size=2048))
    assert found.plan == [] and "2048" in found.refusal


def test_the_hold(host: Host) -> None:
    assert ondisk.held(str(host.raft_dir)) == (None, [])
    file = HoldFile(str(host.raft_dir / ".raft-hold.json"), os.geteuid())
    file.write(Hold("controller-1", True, "2026-11-22T13:20:35Z"))
    assert ondisk.held(str(host.raft_dir)) == (
        {"origin": "controller-1", "previous": True, "created": "2026-11-22T13:20:35Z"},
        [],
    )
    Path(file.path).write_text("{}")
    hold, warnings = ondisk.held(str(host.raft_dir))
    assert hold is None and "is not a hold of this collection" in warnings[0]
