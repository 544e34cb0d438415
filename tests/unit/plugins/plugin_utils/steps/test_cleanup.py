# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old stores are asked about once every server and the cluster are in order."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps import cleanup
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.cleanup import (
    ask_cleanup,
    find_old,
    remove_old,
    show_removed,
)
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.planning import Asking
from support.rolls.scripted import Script, given
from support.rolls.servers import ME

FIND, HEALTHY, ASK = "Find the old stores", "The cluster is healthy", "Ask before anything is removed"
TIDY: dict[str, Any] = {"running": "wal", "configured": "wal", "store": "wal", "data_dir": "/opt/nomad", "peers": []}
OLD = {"removed": ["raft.db.migrated.20261130-120000"], "kept": [], "state": "wal", "freed_bytes": 5}
AT = 1796040120.0  # 2026-11-30 12:02:00 UTC
ASKS, FORCED = Asking(False, 90), Asking(True, 90)


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
    ask_cleanup(run, given(s2={**TIDY, "old_stores": OLD}), {}, ASKS, AT)
    assert run.done == [HEALTHY, ASK] and "raft.db.migrated.20261130-120000" in " ".join(shown)
    assert "The youngest store to be removed was made 2 minutes ago." in " ".join(shown)
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
        ask_cleanup(run, given(s2={**TIDY, "old_stores": OLD}), {}, FORCED, AT)
    assert told.value.doing == doing and run.done[-1] == doing and bool(shown) is (doing == ASK)


@pytest.mark.usefixtures("shown")
def test_where_nothing_would_go_nobody_is_asked() -> None:
    run = Script()
    ask_cleanup(
        run,
        given(options=ME._replace(check_mode=True), s2={**TIDY, "old_stores": {**OLD, "removed": []}}),
        {},
        ASKS,
        AT,
    )
    assert run.done == [HEALTHY]


def test_what_was_removed_is_known_of_the_server_and_told_at_the_end() -> None:
    removed, result = {**OLD, "freed_bytes": 7 << 20}, {}
    remove_old(Script({"Remove the old stores": removed}), given(s1=TIDY), result)
    assert result["server"]["old_stores"] == removed and result["server"]["serial"] == 2
    told: dict[str, Any] = {}
    show_removed(Script(), given(s1=result["server"]), told)
    assert told["lines"] == ["Removed 7.0 MB. Nothing more to do."]
