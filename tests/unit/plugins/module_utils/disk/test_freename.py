# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Free names, and the time in them."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._disk.freename import free_name, stamp


def test_a_taken_name_gets_the_next_number_that_is_free() -> None:
    assert free_name([], "raft.db") == "raft.db"
    assert free_name(["raft.db"], "raft.db") == "raft.db-2"
    assert free_name(["raft.db", "raft.db-2", "raft.db-4"], "raft.db") == "raft.db-3"


def test_an_ending_stays_at_the_end() -> None:
    assert free_name(["a.hcl"], "a.hcl", "~") == "a.hcl~"
    assert free_name(["a.hcl~"], "a.hcl", "~") == "a.hcl-2~"


def test_the_time_is_utc_to_the_second() -> None:
    assert stamp(1795344470.9) == "20261122-104750"
