# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is, who is asked before, and what the cluster has to be then. Rendered by Ansible."""

from __future__ import annotations

from typing import Any

import pytest
from support.role import PEERS, condition, server, tasks, templar, three, value


def test_a_repaired_server_is_expected_as_voter_only_if_it_was_no_non_voter() -> None:
    voters = {"raft_logstore_voters_before": ["id-s1", "id-s2"]}
    for non_voters, expected in ([], ["id-s1", "id-s2", "id-s3"]), (["id-s3"], ["id-s1", "id-s2"]):
        known = {**voters, "raft_logstore_nonvoters_before": non_voters}
        down = {**server("s3", up=False), "raft_logstore_done": True, "raft_logstore_voters_before": []}
        facts = three(s1={**server("s1"), **known}, s2={**server("s2"), **known}, s3=down)
        assert sorted(value("raft_logstore_voters", facts)) == expected
        here = {"raft_logstore_server": down["raft_logstore_server"]}
        assert sorted(value("raft_logstore_voters_with_this", facts, **here)) == expected


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
    transfer = tasks("transfer.yml")[0]
    failed_when = transfer["block"][0]["failed_when"]
    assert templar(raft_logstore_transfer=result).evaluate_expression(failed_when) is fails


def test_only_without_any_other_voter_and_with_an_outage_allowed_nothing_is_transferred() -> None:
    transfer = tasks("transfer.yml")[0]

    def transfers(voters: list[str], **variables: Any) -> bool:
        before = {"observation": {"autopilot": {"leader": "id-s1", "voters": voters}}}
        rendered = templar(three(), raft_logstore_before=before, raft_logstore_leaders=["s1"], **variables)
        return all(rendered.evaluate_expression(one) for one in transfer["when"])

    assert transfers(["id-s1"]) and transfers(["id-s1", "id-s2"], raft_logstore_allow_outage=True)
    assert not transfers(["id-s1"], raft_logstore_allow_outage=True)


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


def test_a_second_roll_in_one_run_of_ansible_is_refused() -> None:
    assert condition("plan.yml", "This is the first roll") == [True]
    assert condition("plan.yml", "This is the first roll", raft_logstore_done=True) == [False]
