# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which step each module is, and which events its result."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.module_utils._record.kinds import event
from ansible_collections.raftops.nomad.plugins.module_utils._record.results import STEP_OF, events, step_of
from ansible_collections.raftops.nomad.plugins.module_utils._record.timeline import STEPS
from support.paths import PLUGINS


def documented(module: str) -> dict[str, Any]:
    """The result of a module as its documentation shows it."""
    text = (PLUGINS / f"modules/{module}.py").read_text().partition('RETURN = r"""')[2].partition('"""')[0]
    found = yaml.safe_load(text)

    def sample(told: dict[str, Any]) -> Any:
        return {key: sample(one) for key, one in told["contains"].items()} if "contains" in told else told.get("sample")

    return {name: sample(told) for name, told in found.items()}


@pytest.mark.parametrize("module", STEP_OF)
def test_each_module_is_there_and_a_step_that_is_known(module: str) -> None:
    assert (PLUGINS / f"modules/{module}.py").exists() and STEP_OF[module] in STEPS
    assert step_of(f"raftops.nomad.{module}", {}) == step_of(module, {}) == STEP_OF[module]


@pytest.mark.parametrize(
    ("module", "args", "step"),
    [
        ("autopilot_config", {"state": "released"}, "release"),
        ("server_wait", {"until": "back"}, "prove"),
        ("server_wait", {"until": "stoppable"}, "gate"),
        ("server_backend", {"state": "returned"}, "return"),
        ("ansible.builtin.pause", {"seconds": 5}, "pause"),
        ("raftops.nomad.raft_confirm", {}, ""),
        ("ansible.builtin.debug", {}, ""),
    ],
)
def test_the_same_module_may_be_several_steps(module: str, args: dict[str, Any], step: str) -> None:
    assert step_of(module, args) == step and (not step or step in STEPS)


@pytest.mark.parametrize(
    ("module", "args", "kind", "kept"),
    [
        ("snapshot_save", {}, "snapshot", {"of": "leader", "size": 50320, "index": 316, "term": 6}),
        ("snapshot_save", {"stale": True}, "snapshot", {"of": "server"}),
        ("autopilot_config", {"state": "held"}, "held", {"previous": True}),
        ("autopilot_config", {"state": "released"}, "released", {"server": "a"}),
        ("raft_transfer_leadership", {}, "leads", {"server": "1e70156a-c6aa-01a1-ba14-e2df5513ced6"}),
        ("server_backend", {}, "worked", {"backend": "wal", "began_at": 1795610835.25}),
        ("raft_backup_remove", {}, "removed", {"removed": ["raft.db.migrated.20261122-104750"], "freed_bytes": 335872}),
    ],
)
def test_results_as_the_modules_document_them(
    module: str, args: dict[str, Any], kind: str, kept: dict[str, Any]
) -> None:
    ((found, given),) = events("a", module, args, {**documented(module), "changed": True, "failed": False})
    told = event(found, 1.0, given)
    assert found == kind and {name: told.get(name) for name in kept} == kept


def test_all_that_is_documented_of_the_work_is_kept() -> None:
    ((_kind, given),) = events("a", "server_backend", {}, {**documented("server_backend"), "failed": True})
    told = event("worked", 1.0, given)
    assert set(told["phases"]) == {"stop", "configuration", "conversion", "start", "rejoin", "total"}
    assert told["conversion"]["verified"] == 663 and told["left"] == "returned" and told["step"] == "rejoin"


def test_what_fails_changes_nothing_of_what_it_was_for() -> None:
    failed = {"failed": True, "msg": "no", "warnings": ["slow"]}
    for module in "snapshot_save", "autopilot_config", "raft_transfer_leadership", "raft_backup_remove", "server_wait":
        assert events("a", module, {}, failed) == [("warning", {"server": "a", "message": "slow"})]
    assert [kind for kind, _given in events("a", "server_backend", {}, failed)] == ["warning", "worked"]


def test_a_release_that_found_nothing_held_is_none() -> None:
    assert events("a", "autopilot_config", {"state": "released"}, {"changed": False, "previous": None}) == []


@pytest.mark.parametrize("result", [{"skipped": True}, {"changed": False, "phases": {}}, {"changed": False}])
def test_what_was_not_done_is_not_told(result: dict[str, Any]) -> None:
    for module in "server_backend", "raft_backup_remove", "server_info":
        assert events("a", module, {}, result) == []
