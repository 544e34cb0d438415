# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role concludes from what it has read: its variables and conditions, rendered by Ansible's own templating."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).resolve().parents[3] / "roles" / "raft_logstore"
AGENT = {
    "answered": True,
    "down": False,
    "error": "",
    "agent": {"leave_on_interrupt": False, "leave_on_terminate": False},
}
CONFIG = {"agent": {"leave_on_interrupt": False, "leave_on_terminate": False, "raft_dir": "/opt/nomad/server/raft"}}
COMMANDS = {f"raft_logstore_{verb}_command": f"/bin/{verb}" for verb in ("start", "stop", "status")}
PEERS = [{"id": f"id-{name}", "address": f"{name}:4647", "voter": name != "s3"} for name in ("s1", "s2", "s3")]
UNIT = "KillSignal={}\nExecStart={{ path=/bin/nomad ; argv[]=/bin/nomad agent {} ; ignore_errors=no }}"


def templar(facts: dict[str, dict[str, Any]] | None = None, **variables: Any) -> Templar:
    """Ansible's view on s1, with these facts of each host of the group."""
    loader = DataLoader()
    shipped: dict[str, Any] = {}
    for path in [ROLE / "defaults" / "main.yml", *(ROLE / "vars" / "main").glob("*.yml")]:
        shipped |= loader.load_from_file(str(path), trusted_as_template=True)
    facts = facts or {}
    hostvars = {host: {"inventory_hostname": host, **given} for host, given in facts.items()}
    groups = {"nomad_servers": list(facts)}
    disk = {"raft_store": {"refusal": ""}}
    known = {**shipped, "groups": groups, "hostvars": hostvars, "inventory_hostname": "s1", "raft_logstore_disk": disk}
    known |= facts.get("s1", {})
    return Templar(loader=loader, variables={**known, **variables})


def value(name: str, facts: dict[str, dict[str, Any]] | None = None, **variables: Any) -> Any:
    """A variable of the role."""
    return templar(facts, **variables).template(trust_as_template("{{ " + name + " }}"))


def server(name: str, **read: Any) -> dict[str, Any]:
    """The facts of a healthy follower, and what was read instead."""
    seen = {"up": True, "down": False, "id": f"id-{name}", "rank": 3, "held": None, "peers": PEERS, "todo": True}
    return {"raft_logstore_server": {**seen, "role": "follower", **read}}


def three(**instead: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: instead.get(name, server(name)) for name in ("s1", "s2", "s3")}


def condition(task_file: str, task_name: str, **variables: Any) -> list[bool]:
    """The conditions of an assert, each by itself."""
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / task_file), trusted_as_template=True)
    (task,) = [task for task in tasks if task["name"].startswith(task_name)]
    that = task["ansible.builtin.assert"]["that"]
    rendered = templar(**{**task.get("vars", {}), **variables})
    return [rendered.evaluate_expression(one) for one in ([that] if isinstance(that, str) else that)]


def left_behind(wanted: str, state: str, backend: str | None, in_use: bool, **more: Any) -> dict[str, Any]:
    """What diagnostics.yml leaves of a server that failed on its way to a backend."""
    return {
        "raft_logstore_backend": wanted,
        "raft_logstore_store_after": {"raft_store": {"state": state, "backend": backend, "in_use": in_use}},
        "raft_logstore_agent_after": {"answered": False},
        "raft_logstore_stopped": True,
        "raft_logstore_server": {"up": False},
        "raft_logstore_failed": {"task": "Start the agent", "message": "no"},
        **more,
    }


@pytest.mark.parametrize(
    ("state", "backend", "in_use", "to_wal", "to_boltdb"),
    [
        ("boltdb", "boltdb", False, "unswitched", "down"),
        ("boltdb", "boltdb", True, "unswitched", "down"),  # to wal: the stop failed, it runs on its old store
        ("both", "boltdb", False, "unswitched", "down"),
        ("both", None, False, "unknown", "unknown"),  # wal/ holds what raft.db holds, and may hold more
        ("both", "boltdb", True, "unknown", "unknown"),  # nobody has compared the two
        ("wal", "wal", False, "down", "unswitched"),
        ("wal", "wal", True, "down", "unswitched"),
        ("forked", None, False, "unknown", "unknown"),
    ],
)
def test_what_is_done_about_a_failed_server_depends_on_the_store_that_it_has(
    state: str, backend: str | None, in_use: bool, to_wal: str, to_boltdb: str
) -> None:
    for wanted, outcome in ("wal", to_wal), ("boltdb", to_boltdb):
        found = left_behind(wanted, state, backend, in_use)
        assert value("raft_logstore_unswitched", **found) is (outcome == "unswitched")
        assert value("raft_logstore_switched", **found) is (outcome == "down")
        assert value("raft_logstore_outcome", **found) == outcome


def test_a_person_is_told_what_failed_what_failed_again_and_what_keeps_the_server_stopped() -> None:
    def told(**more: Any) -> str:
        return str(value("raft_logstore_told | select | join(' ')", **left_behind("wal", "wal", "wal", False, **more)))

    again = {"task": "Convert the store", "message": "damaged"}
    drop_in = "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"
    both = told(raft_logstore_failed_again=again)
    assert both.startswith(
        "s1: Start the agent: no. It could not be brought back to boltdb: Convert the store: damaged. "
    )
    assert drop_in in both and both.endswith("No server after it was touched.")
    assert "brought back" not in told() and drop_in not in told(raft_logstore_service_manager="command")
    assert "It is back in the cluster as it was" in told(raft_logstore_put_back="returned")
    assert drop_in not in told(raft_logstore_put_back="returned")
    assert "This server was down before, and still is." in told(raft_logstore_stopped=False)
    assert value("raft_logstore_outcomes.values() | list", **left_behind("boltdb", "wal", "wal", False))


@pytest.mark.parametrize(
    ("switched", "in_use", "manager", "started"),
    [
        (False, False, "command", True),
        (False, True, "command", False),  # perhaps by the agent, which has not gone
        (False, True, "systemd", True),  # not by a second one: by a backup that is being made, say
        (True, True, "command", True),  # it was stopped once more
    ],
)
def test_a_failed_server_is_started_again_but_never_beside_itself(
    switched: bool, in_use: bool, manager: str, started: bool
) -> None:
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / "put_back.yml"), trusted_as_template=True)
    (start,) = [task for task in tasks if task["name"] == "Start the agent as it was"]
    known = {"raft_logstore_switched": switched, "raft_logstore_service_manager": manager}
    found = templar(raft_logstore_store_after={"raft_store": {"in_use": in_use}}, **known)
    assert found.evaluate_expression(start["when"]) is started


def test_the_oldest_hold_says_what_to_put_back() -> None:
    """The second file is what an earlier run wrote while the first one was in force."""
    first = {"origin": "me", "previous": True, "created": "2026-11-22T13:00:00Z"}
    second = {"origin": "me", "previous": False, "created": "2026-11-22T14:00:00Z"}
    facts = three(s1=server("s1", held=second), s3=server("s3", held=first))
    assert value("raft_logstore_before_hold | first", facts) is True
    facts = three(s2={**server("s2"), "raft_logstore_previous": False})
    assert value("raft_logstore_before_hold", facts) == [False]
    assert value("(raft_logstore_before_hold | first) | default('nothing held')", three()) == "nothing held"


def test_a_repaired_server_is_expected_as_voter_only_if_it_was_no_non_voter() -> None:
    voters = {"raft_logstore_voters_before": ["id-s1", "id-s2"]}
    for non_voters, expected in ([], ["id-s1", "id-s2", "id-s3"]), (["id-s3"], ["id-s1", "id-s2"]):
        known = {**voters, "raft_logstore_nonvoters_before": non_voters}
        down = {**server("s3", up=False), "raft_logstore_done": True, "raft_logstore_voters_before": []}
        facts = three(s1={**server("s1"), **known}, s2={**server("s2"), **known}, s3=down)
        assert sorted(value("raft_logstore_voters", facts)) == expected
        here = {"raft_logstore_server": down["raft_logstore_server"]}
        assert sorted(value("raft_logstore_voters_with_this", facts, **here)) == expected


def seen(name: str, down: bool = True, **store: Any) -> Any:
    """One of the things that read.yml concludes about a server that is on the WAL, and configured so."""
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / "read.yml"), trusted_as_template=True)
    (task,) = [task for task in tasks if task["name"] == "Put together what was read"]
    found = {"state": "wal", "interrupted": False, "held": None, "guarded": False, "in_use": False, **store}
    read = {"raft_logstore_agent": {"answered": not down, "down": down, "error": "no answer: refused. Check that."}}
    known = {"raft_logstore_store": found, "raft_logstore_config": {"previous_backend": "wal"}, **read}
    return templar(**known).template(task["vars"]["raft_logstore_seen"][name])


def test_a_server_that_is_down_counts_as_ours_by_what_a_roll_leaves_and_never_while_it_runs_elsewhere() -> None:
    """A guarded WAL that a process has open is an agent at another address: nobody has left it down."""
    assert not seen("ours")
    assert seen("ours", guarded=True) and not seen("ours", guarded=True, in_use=True)
    for left in {"interrupted": True}, {"held": {"origin": "me"}}, {"state": "boltdb"}:
        assert seen("ours", in_use=True, **left), left
    assert "Check that. Its store is in use, so the agent seems to run: wait " in seen("error", in_use=True)
    assert seen("error") == "no answer: refused. Check that"


@pytest.mark.parametrize("missing", sorted(COMMANDS))
def test_each_missing_command_is_named_before_anything_is_stopped(missing: str) -> None:
    read: dict[str, Any] = {"raft_logstore_agent": AGENT, "raft_logstore_config": CONFIG}
    commands = {name: command for name, command in COMMANDS.items() if name != missing}
    (obstacle,) = value("raft_logstore_obstacles", raft_logstore_service_manager="command", **commands, **read)
    assert obstacle == f"set {missing}"
    assert value("raft_logstore_obstacles", raft_logstore_service_manager="command", **COMMANDS, **read) == []
    assert value("raft_logstore_obstacles", **read) == []


@pytest.mark.parametrize(("flag", "leaving", "staying"), [("interrupt", "2", "15"), ("terminate", "15", "2")])
@pytest.mark.parametrize("told_by", ["file", "agent"])
def test_a_server_that_would_leave_at_its_stop_is_an_obstacle(
    flag: str, leaving: str, staying: str, told_by: str
) -> None:
    name = f"leave_on_{flag}"
    config, agent = {**CONFIG["agent"], name: told_by == "file"}, {**AGENT["agent"], name: told_by == "agent"}  # type: ignore[dict-item]
    read = {"raft_logstore_agent": {**AGENT, "agent": agent}, "raft_logstore_config": {"agent": config}}

    def found(shown: str) -> list[str]:
        return list(value("raft_logstore_obstacles", raft_logstore_unit={"stdout": shown}, **read))

    assert name in found(UNIT.format(leaving, "-config /etc/nomad.d"))[0]
    assert name in found("")[0], "the signal of a command is not known"
    assert name in found(UNIT.format(staying, "-config /etc/nomad.d") + "\nExecStop={ path=/bin/kill ; }")[0]
    assert found(UNIT.format(staying, "-config /etc/nomad.d")) == []


def test_a_silent_agent_is_an_obstacle_and_a_stopped_one_is_not() -> None:
    silent = {"answered": False, "down": False, "error": "403", "agent": None}
    (obstacle,) = value("raft_logstore_obstacles", raft_logstore_agent=silent, raft_logstore_config=CONFIG)
    assert "not known to be stopped: 403" in obstacle
    stopped = {**silent, "down": True}
    assert value("raft_logstore_obstacles", raft_logstore_agent=stopped, raft_logstore_config=CONFIG) == []


def test_a_server_that_went_down_by_itself_is_not_repaired() -> None:
    def may(**read: Any) -> list[bool]:
        seen = {"obstacles": [], "up": True, "ours": False, "held": None, "interrupted_by": "", **read}
        known = {"raft_logstore_origin": "me", "raft_logstore_take_over": read.get("take_over", False)}
        return condition("gates.yml", "This server may be stopped", raft_logstore_server=seen, **known)

    assert all(may()) and all(may(up=False, ours=True))
    assert not all(may(up=False)) and not all(may(obstacles=["set something"]))
    assert all(may(held={"origin": "me"})) and not all(may(held={"origin": "elsewhere"})), "since the plan"
    assert not all(may(interrupted_by="elsewhere")) and all(may(interrupted_by="elsewhere", take_over="true"))


def test_a_server_comes_only_when_all_before_it_are_done_and_all_were_looked_at() -> None:
    def comes(facts: dict[str, dict[str, Any]], **variables: Any) -> bool:
        known = {"ansible_play_batch": ["s3"], "ansible_play_hosts_all": ["s1", "s2", "s3"], **variables}
        return all(condition("main.yml", "Every server before", facts=facts, inventory_hostname="s3", **known))

    done = {name: {**server(name), "raft_logstore_done": True} for name in ("s1", "s2")}
    assert comes(three(**done))
    assert not comes(three(s1=done["s1"])), "s2 is not finished"
    assert not comes(three(**done), ansible_play_batch=["s3", "s4"])
    assert not comes({**three(**done), "s4": {}}), "s4 was not looked at"


@pytest.mark.parametrize(
    ("outage", "size", "roles", "alone"),
    [
        ("true", 1, {"s1": {"up": False, "ours": True, "role": "down"}}, True),
        ("true", 2, {"s1": {"up": False, "ours": True, "role": "down"}}, True),
        ("false", 1, {"s1": {"up": False, "ours": True, "role": "down"}}, False),
        ("true", 1, {"s1": {"up": False, "ours": False, "role": "down"}}, False),
        ("true", 2, {"s1": {"up": False, "ours": True, "role": "down"}, "s2": {"role": "leader"}}, False),
        ("true", 3, {"s1": {"up": False, "ours": True, "role": "down"}}, False),
        ("true", 2, {}, False),
    ],
)
def test_nobody_is_asked_only_where_nobody_leads_because_of_this_server(
    outage: str, size: int, roles: dict[str, dict[str, Any]], alone: bool
) -> None:
    names = ["s1", "s2", "s3"][:size]
    facts = {name: server(name, **{"role": "follower", "ours": False, **roles.get(name, {})}) for name in names}
    assert value("raft_logstore_alone", facts, raft_logstore_allow_outage=outage) is alone


def test_a_person_is_told_of_a_hold_until_it_is_released() -> None:
    held = {"facts": three(s2={**server("s2"), "raft_logstore_previous": True})}
    assert "stays off until a run ends well" in value("raft_logstore_hold_note", **held)
    assert value("raft_logstore_hold_note", raft_logstore_released=True, **held) == ""
    assert value("raft_logstore_hold_note", three()) == ""
    assert value("raft_logstore_hold_note", three(), raft_logstore_hold={"failed": True}).endswith(
        "may be off: a run that ends well sees to it."
    )


@pytest.mark.parametrize("name", ["nomad", "nomad.service"])
def test_the_drop_in_is_in_the_directory_of_the_unit(name: str) -> None:
    path = value("raft_logstore_drop_in", raft_logstore_service_name=name)
    assert path == "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"


@pytest.mark.parametrize(
    ("raft_dir", "root"),
    [("/opt/nomad/server/raft", "/opt/nomad"), ("/srv/own/raft", "/srv/own"), ("/opt/raft/server/raft", "/opt/raft")],
)
def test_modules_are_given_the_directory_above_what_the_service_user_owns(raft_dir: str, root: str) -> None:
    config = {"agent": {"raft_dir": raft_dir}}
    assert value("raft_logstore_data_root", raft_logstore_config=config) == root
    assert value("raft_logstore_data_root", raft_logstore_config=config, raft_logstore_data_dir="/else") == "/else"


@pytest.mark.parametrize(
    ("arguments", "paths", "literal"),
    [
        ("-config /etc/nomad.d -config=/etc/extra.hcl", ["/etc/nomad.d", "/etc/extra.hcl"], True),
        ('-config "/etc/nomad d"', ['"/etc/nomad'], False),
        ("-config='/etc/nomad d'", ["'/etc/nomad"], False),
        ("-config $DIR", ["$DIR"], False),
        (r"-config /etc/nomad\x20d", [r"/etc/nomad\x20d"], False),
        ("-dev", [], False),
    ],
)
def test_config_arguments_are_taken_from_the_unit_only_when_they_are_plain(
    arguments: str, paths: list[str], literal: bool
) -> None:
    unit = {"raft_logstore_unit": {"stdout": UNIT.format("2", arguments)}}
    assert value("raft_logstore_paths", **unit) == paths
    assert all(condition("read.yml", "The agent's configuration is known", **unit)) is literal
    given = {**unit, "raft_logstore_config_path": ["/etc/it's"]}
    assert all(condition("read.yml", "The agent's configuration is known", **given))


def test_an_answer_of_another_server_is_refused() -> None:
    read = {"raft_logstore_agent": {"answered": True, "agent": {"id": "id-s1"}}}
    for node_id, right in ("id-s1", True), ("id-s2", False), (None, False):
        disk = {"raft_logstore_disk": {"raft_store": {"node_id": node_id}}}
        assert all(condition("read.yml", "The agent that answers", **read, **disk)) is right


def test_the_group_is_compared_with_the_cluster_by_id() -> None:
    def same(facts: dict[str, dict[str, Any]]) -> bool:
        return all(condition("cluster.yml", "The group is the cluster", facts=facts))

    assert same(three())
    assert same(three(s3=server("s3", up=False, id="id-removed", peers=[]))) is False, "s3 is a stranger then"
    missing = {name: facts for name, facts in three().items() if name != "s2"}
    assert not same(missing) and value("raft_logstore_strangers", missing) == ["s2:4647"]
    assert not same(three(s2=server("s2", id="id-s1")))
    extra = {**three(), "s4": server("s4", peers=[])}
    assert not same(extra) and value("raft_logstore_no_peers", extra) == ["s4"]
    removed = {**three(), "s4": server("s4", up=False, peers=[])}
    assert same(removed), "autopilot may have removed a server that is down"
    late = {name: server(name, peers=PEERS[:2]) for name in ("s1", "s2")}
    assert same(three(**late, s3=server("s3", role="leader", rank=1))), "the leader knows, wherever it comes"


@pytest.mark.parametrize(
    ("result", "fails"),
    [
        ({"failed": True, "denied": True}, False),
        ({"failed": True, "denied": False}, True),
        ({"failed": True}, True),
        ({"failed": False}, False),
    ],
)
def test_only_a_denied_transfer_lets_the_leader_be_stopped_without_one(result: dict[str, bool], fails: bool) -> None:
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / "transfer.yml"), trusted_as_template=True)
    failed_when = tasks[0]["block"][0]["failed_when"]
    assert templar(raft_logstore_transfer=result).evaluate_expression(failed_when) is fails


def test_only_without_any_other_voter_and_with_an_outage_allowed_nothing_is_transferred() -> None:
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / "transfer.yml"), trusted_as_template=True)

    def transfers(voters: list[str], **variables: Any) -> bool:
        before = {"observation": {"autopilot": {"leader": "id-s1", "voters": voters}}}
        rendered = templar(three(), raft_logstore_before=before, raft_logstore_leaders=["s1"], **variables)
        return all(rendered.evaluate_expression(one) for one in tasks[0]["when"])

    assert transfers(["id-s1"]) and transfers(["id-s1", "id-s2"], raft_logstore_allow_outage=True)
    assert not transfers(["id-s1"], raft_logstore_allow_outage=True)


@pytest.mark.parametrize(("size", "legal"), [(1, True), (2047, True), (0, False), (2048, False), (4096, False)])
def test_a_segment_size_that_breaks_a_running_wal_is_refused_before_a_stop(size: int, legal: bool) -> None:
    assert all(condition("read.yml", "The segment size is one", raft_logstore_wal_segment_size=size)) is legal


@pytest.mark.parametrize(
    ("stable_for", "wait_timeout", "fine"), [("9", "10", True), (10, "10", False), (30, 120, True)]
)
def test_a_server_must_have_the_time_to_stay_back(stable_for: Any, wait_timeout: Any, fine: bool) -> None:
    given = {"raft_logstore_stable_for": stable_for, "raft_logstore_wait_timeout": wait_timeout}
    assert condition("read.yml", "There is time to see that a server stays back", **given) == [fine]


def test_a_second_roll_in_one_run_of_ansible_is_refused() -> None:
    assert condition("plan.yml", "This is the first roll") == [True]
    assert condition("plan.yml", "This is the first roll", raft_logstore_done=True) == [False]
