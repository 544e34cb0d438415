# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan concludes for the whole cluster, where no cluster can be made sick in that way. Rendered by Ansible."""

from __future__ import annotations

from typing import Any

import pytest
from support.role import AGENT, COMMANDS, CONFIG, condition, server, three, value

VOTERS = ["id-s1", "id-s2", "id-s3"]
LACKING = [
    {"capability": name, "purpose": f"for {name}", "path": f"/v1/{name}"}
    for name in ("agent:read", "operator:read", "operator:write", "management")
]


def led(**instead: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Three servers that agree on s1 as the leader."""
    known = {"role": "follower", "leader": "s1:4647", "interrupted": False}
    facts = {name: {**known, "role": "leader" if name == "s1" else "follower"} for name in ("s1", "s2", "s3")}
    return three(**{name: server(name, **read) for name, read in {**facts, **instead}.items()})


@pytest.mark.parametrize(
    ("instead", "agreed"),
    [
        ({}, True),
        ({"s1": {"role": "follower", "leader": ""}}, False),  # an election is under way
        ({"s1": {"role": "follower", "leader": "s1:4647"}}, False),
        ({"s2": {"role": "leader", "leader": "s2:4647"}}, False),  # an old leader that does not know it yet
        ({"s3": {"role": "follower", "leader": "s2:4647"}}, False),
        ({"s3": {"role": "follower", "leader": ""}}, False),  # cut off from the others
        ({"s3": {"role": "down", "leader": "", "up": False}}, True),
    ],
)
def test_one_server_leads_and_all_that_answer_name_the_same_one(instead: dict[str, Any], agreed: bool) -> None:
    assert all(condition("cluster.yml", "One server leads", facts=led(**instead))) is agreed


@pytest.mark.parametrize(
    ("hosts", "without"),
    [
        ({}, ""),
        ({"s2": {"up": False, "interrupted": True}}, "id-s2"),
        ({"s2": {"interrupted": True}}, "id-s2"),
        ({"s2": {"interrupted": True}, "s3": {"up": False, "interrupted": False}}, "id-s3"),
    ],
)
def test_one_server_does_not_count_the_one_that_is_down_or_interrupted(hosts: dict[str, Any], without: str) -> None:
    facts = three(
        **{name: server(name, **{"interrupted": False, **hosts.get(name, {})}) for name in ("s1", "s2", "s3")}
    )
    assert value("raft_logstore_without", facts) == without


def tolerated(least: int, voters: list[str], told: int, without: str, outage: bool = False) -> bool:
    health = {"observation": {"autopilot": {"voters": voters, "failure_tolerance": told}}}
    given = {"raft_logstore_health": health, "raft_logstore_without": without, "raft_logstore_allow_outage": outage}
    return all(condition("cluster.yml", "The cluster can lose", raft_logstore_min_failure_tolerance=least, **given))


def test_the_tolerance_is_what_the_leader_says_while_all_are_well() -> None:
    assert tolerated(1, VOTERS, 1, "") and not tolerated(2, VOTERS, 1, "")
    assert not tolerated(1, VOTERS, 0, ""), "the leader knows of more than the number of voters"
    assert not tolerated(1, VOTERS[:2], 0, "") and tolerated(1, VOTERS[:2], 0, "", outage=True)


def test_the_tolerance_is_judged_with_the_server_that_is_repaired() -> None:
    assert tolerated(1, VOTERS, 0, "id-s3") and not tolerated(2, VOTERS, 0, "id-s3")
    assert tolerated(1, VOTERS[:2], 0, "id-s3"), "autopilot has removed it"
    assert not tolerated(1, VOTERS[:1], 0, "id-s3")


@pytest.mark.parametrize(
    ("store", "guarded", "configured", "empty"),
    [
        ("wal", False, "boltdb", True),
        ("wal", False, "wal", False),
        ("wal", True, "boltdb", False),
        ("boltdb", False, "boltdb", False),
    ],
)
def test_a_wal_that_nothing_keeps_nomad_from_passing_over_is_noticed(
    store: str, guarded: bool, configured: str, empty: bool
) -> None:
    read = {"store": store, "guarded": guarded, "configured": configured}
    assert value("raft_logstore_starts_empty", raft_logstore_server=read) is empty


def test_a_token_needs_all_but_leadership_and_no_hold_where_none_is_wanted() -> None:
    rights = {"raft_logstore_rights": {"lacking": LACKING}}
    all_needed = value("raft_logstore_lacks", **rights)
    assert all_needed == ", ".join(
        f"{name} for {name} /v1/{name}" for name in ("agent:read", "operator:read", "operator:write")
    )
    assert "operator:write" not in value("raft_logstore_lacks", raft_logstore_hold_autopilot=False, **rights)
    assert value("raft_logstore_lacks", raft_logstore_rights={"lacking": LACKING[3:]}) == ""
    assert value("raft_logstore_lacks", raft_logstore_rights={"skipped": True}) == "", "without ACLs nothing is asked"


@pytest.mark.parametrize(
    ("uid", "manager", "places", "words"),
    [
        (0, "systemd", [], ""),
        (1000, "systemd", [], "who may not stop a unit"),
        (1000, "command", [{"item": "/etc/nomad.d/x.hcl", "stat": {"exists": True, "writeable": True}}], ""),
        (
            1000,
            "command",
            [{"item": "/a.hcl", "stat": {"exists": True, "writeable": False}}],
            "may not write to /a.hcl",
        ),
        (1000, "command", [{"item": "/b.hcl", "stat": {"exists": False}}], "may not write to /b.hcl"),
    ],
)
def test_who_may_not_do_what_has_to_be_done_is_told_before_a_stop(
    uid: int, manager: str, places: list[dict[str, Any]], words: str
) -> None:
    found = value(
        "raft_logstore_powerless",
        ansible_facts={"effective_user_id": uid, "user_id": "deploy"},
        raft_logstore_service_manager=manager,
        raft_logstore_config_places={"results": places},
    )
    assert (words in found and "the modules run as deploy" in found) if words else found == ""
    facts = three(s2={**server("s2"), "raft_logstore_preflight": {"powerless": found}})
    for host in ("s1", "s3"):
        facts[host]["raft_logstore_preflight"] = {"powerless": ""}
    assert all(condition("cluster.yml", "The modules may do", facts=facts)) is not bool(words)


def test_what_the_conversion_would_refuse_is_an_obstacle() -> None:
    read: dict[str, Any] = {"raft_logstore_agent": AGENT, "raft_logstore_config": CONFIG, **COMMANDS}
    disk = {"raft_store": {"refusal": "/opt/raft: it needs 9 bytes, and 8 are free. Free some space. "}}
    (obstacle,) = value("raft_logstore_obstacles", raft_logstore_disk=disk, **read)
    assert (
        obstacle == "its store cannot be brought to wal: /opt/raft: it needs 9 bytes, and 8 are free. Free some space"
    )


@pytest.mark.parametrize(
    ("left", "take_over", "goes_on"),
    [
        ({}, False, True),
        ({"held": {"origin": "me", "previous": True, "created": "2026-11-22T13:00:00Z"}}, False, True),
        ({"held": {"origin": "elsewhere", "previous": True, "created": "2026-11-22T13:00:00Z"}}, False, False),
        ({"held": {"origin": "elsewhere", "previous": True, "created": "2026-11-22T13:00:00Z"}}, True, True),
        ({"interrupted_by": "me"}, False, True),
        ({"interrupted_by": "elsewhere"}, False, False),  # a journal without a hold: none was wanted
        ({"interrupted_by": "elsewhere"}, True, True),
    ],
)
def test_what_another_controller_has_begun_is_left_to_it_unless_taken_over(
    left: dict[str, Any], take_over: bool, goes_on: bool
) -> None:
    facts = three(**{name: server(name, interrupted_by="") for name in ("s1", "s2", "s3")})
    facts["s2"] = server("s2", **{"interrupted_by": "", **left})
    known = {"raft_logstore_origin": "me", "raft_logstore_take_over": take_over}
    assert all(condition("cluster.yml", "No roll of another controller", facts=facts, **known)) is goes_on
