# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record in short, for AWX."""

from __future__ import annotations

import json

from ansible_collections.raftops.nomad.plugins.module_utils._record.build import build
from ansible_collections.raftops.nomad.plugins.module_utils._record.stats import stats
from support.records import stories


def test_of_a_roll_that_ends_well() -> None:
    made = stats(build("CHG-1", stories.roll()))
    assert (made["per_host"], made["aggregate"]) == (False, False)
    told = made["data"]["raft_logstore_report"]
    assert told == json.loads(json.dumps(told))
    assert (told["outcome"], told["servers"], told["runs"], told["out_at_once"]) == ("done", {"done": 3}, 1, 1)
    assert told["longest_out_s"] == 1.863 and told["failures"] == [] and told["writes_refused"] == 0


def test_of_one_that_failed() -> None:
    told = stats(build("CHG-1", stories.failed("start")))["data"]["raft_logstore_report"]
    assert told["servers"] == {"done": 1, "failed": 1, "waiting": 1}
    assert len(told["failures"]) == 1 and told["failures"][0].startswith("nomad-3: ")


def test_without_a_run() -> None:
    assert stats(build("CHG-1", []))["data"]["raft_logstore_report"]["runs"] == 0
