# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's time out of the cluster, and a server that needs no change: what is proven before it counts as done."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.filter.roll import roll_servers
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.work import let_next, settle, work
from support.rolls.scripted import Script, begun, given
from support.rolls.servers import ME, NAMES

BRING, WRITES = "Bring the server to the backend", "This server applies what is written now"
HEARS, STAYS = "What became of the run before?", "This server, already done, is back for good"
WORKED = {"changed": True, "phases": {"total": 1.5}, "began_at": 7.5, "conversion": {"verified": 3}}
DONE = {"todo": False}
SERVER = {"data_dir": "/opt/nomad", "config_path": ["/etc/nomad.d"]}


def turn(options: Any = ME, before: dict[str, Any] | None = None, **instead: dict[str, Any]) -> Given:
    return begun(given(options=options, **{"s1": SERVER, **instead}), **(before or {}))


def test_the_work_is_one_module_and_then_a_write_proves_it() -> None:
    run, result = Script({BRING: WORKED}), {}
    work(run, turn(), result)
    assert run.done == [BRING, WRITES] and not any(call.asks or call.rehearses for call in run.calls)
    written = run.asked(WRITES)
    assert (written.module, written.args) == (
        "raftops.nomad.raft_write_check",
        {"server_id": "id-s1", "wait_timeout": 30},
    )
    assert result["done"] is True and result["phases"] == {"total": 1.5}


def test_the_last_look_compares_with_all_that_was_decided_before() -> None:
    options = ME._replace(
        backend="boltdb", min_failure_tolerance=2, gate_timeout=17, stop_timeout=18, wait_timeout=190, stable_for=20,
        wal_segment_size=32, rollback_on_failure=False, allow_outage=True,
    )  # fmt: skip
    run, down = Script({BRING: WORKED}), {"up": False, "ours": True, "role": "down", "view_planned": None}
    without = {"leader": "id-s2", "voters": ["id-s2"], "servers": []}  # the leader has removed it since
    work(run, turn(options, s1={**SERVER, **down}, s2={"view_planned": without}), {})
    brought = run.asked(BRING)
    assert brought.module == "raftops.nomad.server_backend"
    assert brought.args == {
        "service_manager": "command", "stop_command": "/stop", "data_dir": "/opt/nomad",
        "config_path": ["/etc/nomad.d"], "backend": "boltdb", "wal_segment_size": 32, "return_on_failure": False,
        "repair": True, "allow_outage": True, "follower": True, "min_failure_tolerance": 2, "gate_timeout": 17,
        "stop_timeout": 18, "wait_timeout": 190, "stable_for": 20, "voters": ["id-s2", "id-s1"], "origin": "me",
        "force": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("read", "state", "copied"),
    [({}, "copied", True), ({"up": False, "ours": True, "role": "down", "running": ""}, "present", False)],
)
def test_a_store_is_copied_on_the_backend_that_it_is_on_and_nothing_else_changes(
    read: dict[str, Any], state: str, copied: bool
) -> None:
    """Of one that an earlier run has left down there is no copy: it is brought back."""
    copies = ME._replace(copies="s1", rollback_on_failure=False)
    run, result = Script({BRING: WORKED}), {}
    work(run, turn(copies, s1={**SERVER, **read}), result)
    args = run.asked(BRING).args
    assert (args["state"], args["backend"], args["wal_segment_size"]) == (state, "boltdb", None)
    assert args["return_on_failure"] is True and args["follower"] is True and args["repair"] is not copied
    assert result["copied"] is copied and run.done == [BRING, WRITES] and result["done"] is True


@pytest.mark.parametrize("must_follow", [True, False])
def test_whether_leadership_must_have_gone_is_what_was_proven_on_the_way(must_follow: bool) -> None:
    run = Script({BRING: WORKED})
    work(run, turn(before={"leadership": {"must_follow": must_follow}}), {})
    assert run.asked(BRING).args["follower"] is must_follow


def test_only_a_server_that_is_down_is_repaired() -> None:
    run = Script({BRING: WORKED})
    work(run, turn(), {})
    assert run.asked(BRING).args["repair"] is False


@pytest.mark.parametrize(
    ("failing", "done", "more"),
    [
        (BRING, [BRING], {"left": "put_back", "phases": {"stop": 1.0}}),
        (WRITES, [BRING, WRITES], {"leader": "id-s2"}),
    ],
)
def test_what_is_not_proven_is_not_done(failing: str, done: list[str], more: dict[str, Any]) -> None:
    """The result has what server_backend has returned: what is done about the server follows from it."""
    run, result = Script({BRING: WORKED}).fails(failing, **more), {}
    with pytest.raises(Stopped) as told:
        work(run, turn(), result)
    assert run.done == done and told.value.doing == failing
    assert "done" not in result and not result["server"].get("done") and result["server"]["serial"] == 1
    returned = more if failing == BRING else WORKED
    assert {name: result[name] for name in returned} == returned


def test_what_was_done_is_noted_for_the_servers_after_it_and_is_the_newest() -> None:
    before = {"snapshot": "/s/a.snap", "own_snapshot": "/s/b.snap", "held": {"previous": True}}
    run, result, of = Script({BRING: WORKED}), {}, turn(before=before)
    work(run, of, result)
    noted = {
        "done": True, "snapshot": "/s/a.snap", "own_snapshot": "/s/b.snap", "previous": True,
        "times": {"total": 1.5}, "began_at": 7.5, "converted": {"verified": 3}, "serial": 2, "host": "s1",
    }  # fmt: skip
    assert {name: result["server"][name] for name in noted} == noted
    known = roll_servers([[{"server": one} for one in of.servers], [result]])
    assert [one["host"] for one in known] == list(NAMES) and known[0] == result["server"]
    assert of.own.get("done") is None, "what others hold is not changed"


def test_without_a_hold_or_snapshots_nothing_of_them_is_noted() -> None:
    run, result = Script({BRING: WORKED}), {}
    work(run, turn(before={"held": {"skipped": True}}), result)
    noted = result["server"]
    assert (noted["snapshot"], noted["own_snapshot"], noted["previous"]) == ("", "", None)


HOOKS = ME._replace(post_tasks_file="/after.yml")


def refused(host: str, known: list[dict[str, Any]]) -> str:
    """Why this host's turn may not come, the only one of its batch."""
    return given(host, HOOKS, servers=known).now().interlock.refusal


def test_no_other_server_comes_before_the_operators_tasks_have_ended() -> None:
    """They may fail. Then `next` is never run, and what the work has noted is the last of this server."""
    run, worked, passed, of = Script({BRING: WORKED}), {}, {}, turn(HOOKS)
    work(run, of, worked)
    assert worked["done"] and not worked["server"]["done"] and worked["server"]["times"] == {"total": 1.5}
    known = roll_servers([[{"server": one} for one in of.servers], [worked]])
    assert refused("s2", known) == "Not finished: s1. No other server is touched."
    let_next(run, given(options=HOOKS, servers=known), passed)
    assert passed["server"] == {**worked["server"], "done": True, "serial": 3} and run.done == [BRING, WRITES]
    known = roll_servers([[{"server": one} for one in of.servers], [worked], [passed]])
    assert refused("s2", known) == "" and refused("s3", known).startswith("Not finished: s2.")


def test_tasks_before_the_stop_are_over_by_then() -> None:
    result: dict[str, Any] = {}
    work(Script({BRING: WORKED}), turn(ME._replace(pre_tasks_file="/before.yml")), result)
    assert result["server"]["done"] is True


EARLIER = {"phases": {"total": 2.5}, "began_at": 8.5, "conversion": {"verified": 4}}
UNTOLD = {**SERVER, **DONE, "untold": True}


@pytest.mark.parametrize(("read", "done"), [({**SERVER, **DONE}, [STAYS]), (UNTOLD, [HEARS, STAYS])])
def test_a_server_with_nothing_left_to_do_is_heard_and_must_be_back(read: dict[str, Any], done: list[str]) -> None:
    run, result = Script({HEARS: {"earlier": {"result": EARLIER}}}), {}
    settle(run, turn(s1=read), result)
    assert run.done == done and not any(call.asks or call.rehearses for call in run.calls)
    assert result["done"] and result["server"]["done"] and result["server"]["serial"] == 2
    assert result["server"]["times"] == (EARLIER["phases"] if HEARS in done else None)
    back = run.asked(STAYS)
    assert back.module == "raftops.nomad.server_wait" and back.args == {
        "until": "back", "server_id": "id-s1", "backend": "wal", "voters": ["id-s1", "id-s2"], "wait_timeout": 300,
        "stable_for": 10,
    }  # fmt: skip


def test_where_no_server_is_stopped_none_has_to_stay_back() -> None:
    run, result = Script({HEARS: {"earlier": {"result": EARLIER}}}), {}
    settle(run, turn(s1=UNTOLD, s2=DONE, s3=DONE), result)
    assert run.done == [HEARS]
    heard = run.asked(HEARS)
    assert heard.module == "raftops.nomad.server_backend" and "origin" not in heard.args
    assert (heard.args["backend"], heard.args["data_dir"], heard.args["force"]) == ("wal", "/opt/nomad", True)
    noted = result["server"]
    assert (noted["times"], noted["began_at"], noted["converted"]) == ({"total": 2.5}, 8.5, {"verified": 4})


def test_from_when_to_when_it_was_out_is_not_told_of_a_run_that_has_failed() -> None:
    """It may have started its agent twice, and the later start is known alone."""
    result: dict[str, Any] = {}
    settle(Script({HEARS: {"earlier": {"result": {**EARLIER, "failed": True}}}}), turn(s1=UNTOLD), result)
    assert (result["server"]["times"], result["server"]["began_at"]) == (EARLIER["phases"], None)


@pytest.mark.parametrize("heard", [{}, {"earlier": None}, {"earlier": {"result": None}}])
def test_a_run_that_has_done_nothing_is_no_time_out_of_the_cluster(heard: dict[str, Any]) -> None:
    result: dict[str, Any] = {}
    settle(Script({HEARS: heard}), turn(s1=UNTOLD), result)
    assert result["server"]["times"] is None and result["done"]


@pytest.mark.parametrize("failing", [HEARS, STAYS])
def test_a_server_that_has_not_settled_is_not_done(failing: str) -> None:
    run, result = Script().fails(failing), {}
    with pytest.raises(Stopped) as told:
        settle(run, turn(s1=UNTOLD), result)
    assert told.value.doing == failing and run.done[-1] == failing
    assert "done" not in result and not result["server"].get("done")
