# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Autopilot is held before a stop and released afterwards, on each host; a server is taken back that has not passed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.holding import hold, release, take_back
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from support.rolls.scripted import Script, begun, given

HOLDS, RELEASES = "Keep the leader from removing this server", "Release autopilot's removal of dead servers"
RETURNS = "Take the server back to its old backend"
SERVER = {"data_dir": "/opt/nomad", "config_path": ["/etc/nomad.d"], "raft_dir": "/opt/nomad/server/raft"}
FILE = "/opt/nomad/server/raft/.raft-hold.json"


def test_what_is_held_is_compared_with_what_the_plan_has_seen() -> None:
    run, result = Script({HOLDS: {"previous": True, "changed": True}}), {}
    turn = begun(given(s1=SERVER))
    hold(run, turn, result)
    call = run.asked(HOLDS)
    assert call.module == "raftops.nomad.autopilot_config" and not call.asks and not call.rehearses
    expected = turn.before["turn"]["hold"]
    assert call.args == {
        "state": "held", "hold_file": FILE, "origin": "me", "take_over": False, **expected
    }  # fmt: skip
    assert result["previous"] is True


def test_each_host_releases_its_own_file_with_the_value_from_before() -> None:
    run, result = Script({RELEASES: {"config": {"cleanup_dead_servers": True}}}), {}
    release(run, given(s2=SERVER, so_far={"held": {"previous": True}}), result, "s2")
    args = {"state": "released", "hold_file": FILE, "origin": "me", "previous": True, "take_over": False}
    assert run.asked(RELEASES).args == args and result["config"]["cleanup_dead_servers"] is True
    run = Script()
    release(run, given(s2=SERVER), {}, "s2")
    assert run.asked(RELEASES).args["previous"] is None, "then the file says it"


def test_a_return_is_told_what_the_others_have_said() -> None:
    run, result = Script({RETURNS: {"returned": True, "left": "returned"}}), {}
    way: dict[str, Any] = {"observation": {"autopilot": {"failure_tolerance": 1}}}
    take_back(run, given(s1=SERVER)._replace(before=way), result)
    args = run.asked(RETURNS).args
    assert (args["state"], args["backend"], args["repair"], args["force"]) == ("returned", "wal", True, True)
    assert (args["failure_tolerance"], args["voters"]) == (1, given(s1=SERVER).now().voters_after)
    assert args["data_dir"] == "/opt/nomad" and result["returned"] is True


def test_a_return_that_fails_says_how_the_server_is_left() -> None:
    result: dict[str, Any] = {}
    with pytest.raises(Stopped) as told:
        take_back(Script().fails(RETURNS, left="down", failed=True), given(s1=SERVER), result)
    assert told.value.doing == RETURNS and result["left"] == "down" and result["failed"]
