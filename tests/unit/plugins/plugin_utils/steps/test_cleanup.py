# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old stores are asked about once every server and the cluster are in order."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps import cleanup
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.cleanup import ask_cleanup, find_old
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from support.rolls.scripted import Script, given
from support.rolls.servers import ME

FIND, HEALTHY, ASK = "Find the old stores", "The cluster is healthy", "Ask before anything is removed"
TIDY: dict[str, Any] = {"running": "wal", "configured": "wal", "store": "wal", "data_dir": "/opt/nomad", "peers": []}
OLD = {"removed": ["raft.db.migrated.1"], "kept": [], "state": "wal", "freed_bytes": 5}


def test_what_would_go_is_found_in_a_rehearsal_whatever_the_run_is() -> None:
    run, result = Script({FIND: OLD}), {}
    find_old(run, given(s1=TIDY, options=ME._replace(keep_backups=2)), result)
    assert run.done == [FIND] and run.calls[0].rehearses
    where = {"data_dir": "/opt/nomad", "snapshot_dir": "/var/lib/nomad-raft-snapshots"}
    assert run.calls[0][1:3] == ("raftops.nomad.raft_backup_remove", {**where, "keep": 2, "keep_snapshots": 1})
    assert result["server"]["old_stores"] == OLD and result["server"]["serial"] == 2


def test_nothing_is_found_on_a_server_that_is_not_in_order() -> None:
    run = Script({FIND: OLD})
    with pytest.raises(Stopped) as told:
        find_old(run, given(s1={**TIDY, "hold": True}), {})
    assert told.value.doing == "This server is in order" and run.done == []
    assert "a roll has left its hold there" in told.value.message


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that a person sees."""
    lines: list[str] = []
    monkeypatch.setattr(cleanup, "say", lines.extend)
    return lines


def test_the_leader_is_asked_then_the_old_stores_are_shown_then_a_person_is_asked(shown: list[str]) -> None:
    run = Script()
    ask_cleanup(run, given(s2={**TIDY, "old_stores": OLD}), {}, False, 90)
    assert run.done == [HEALTHY, ASK] and "raft.db.migrated.1" in " ".join(shown)
    asked, person = run.calls
    assert asked.asks and asked[1:3] == (
        "raftops.nomad.server_wait",
        {"until": "healthy", "voters": ["id-s1", "id-s2"], "wait_timeout": 15, "stable_for": 1},
    )
    assert not person.asks and person[1:3] == (
        "raftops.nomad.raft_confirm",
        {"msg": cleanup.QUESTION, "hosts": ["s2"], "force": False, "timeout": 90},
    )


@pytest.mark.parametrize("doing", [HEALTHY, ASK])
def test_nothing_goes_after_what_has_failed(shown: list[str], doing: str) -> None:
    run = Script().fails(doing)
    with pytest.raises(Stopped) as told:
        ask_cleanup(run, given(s2={**TIDY, "old_stores": OLD}), {}, True, 90)
    assert told.value.doing == doing and run.done[-1] == doing and bool(shown) is (doing == ASK)


@pytest.mark.usefixtures("shown")
def test_where_nothing_would_go_nobody_is_asked() -> None:
    run = Script()
    ask_cleanup(
        run,
        given(options=ME._replace(check_mode=True), s2={**TIDY, "old_stores": {**OLD, "removed": []}}),
        {},
        False,
        90,
    )
    assert run.done == [HEALTHY]
