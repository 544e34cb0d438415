# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the group against the cluster."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll import cluster
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server, View
from support.rolls.servers import ME, PEERS, led, server, three

VOTERS = ("id-s1", "id-s2", "id-s3")
OUTAGE = ME._replace(allow_outage=True)


def names(servers: list[Server]) -> list[str]:
    return [one.host for one in servers]


def test_the_queue_is_by_rank_and_else_in_the_order_of_the_inventory() -> None:
    servers = three(s1={"rank": 4}, s3={"rank": 0, "up": False})
    assert names(cluster.queue(servers)) == ["s3", "s2", "s1"]
    assert names(cluster.queue(three())) == ["s1", "s2", "s3"]
    assert names(cluster.busy(three(s2={"todo": False}))) == ["s1", "s3"]


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
    assert cluster.without(three(**hosts)) == without


@pytest.mark.parametrize(
    ("voters", "told", "repaired", "tolerated"),
    [
        (VOTERS, 1, "", 1),
        (VOTERS, 0, "", 0),  # the leader knows of more than the number of voters
        (VOTERS[:2], 0, "", 0),
        (VOTERS, 0, "id-s3", 1),
        (VOTERS[:2], 0, "id-s3", 1),  # autopilot has removed it
        (VOTERS[:1], 0, "id-s3", 0),
        ((*VOTERS, "id-s4"), 0, "id-s3", 1),
        ((*VOTERS, "id-s4"), 0, "id-s5", 2),
    ],
)
def test_the_tolerance_is_what_the_leader_says_or_what_it_will_be_when_a_server_is_back(
    voters: tuple[str, ...], told: int, repaired: str, tolerated: int
) -> None:
    assert cluster.tolerated(View("id-s1", voters, told, {}), repaired) == tolerated


@pytest.mark.parametrize(
    ("outage", "size", "roles", "expected"),
    [
        (True, 1, {"s1": {"up": False, "ours": True, "role": "down"}}, True),
        (True, 2, {"s1": {"up": False, "ours": True, "role": "down"}}, True),
        (False, 1, {"s1": {"up": False, "ours": True, "role": "down"}}, False),
        (True, 1, {"s1": {"up": False, "ours": False, "role": "down"}}, False),
        (True, 2, {"s1": {"up": False, "ours": True, "role": "down"}, "s2": {"role": "leader"}}, False),
        (True, 3, {"s1": {"up": False, "ours": True, "role": "down"}}, False),
        (True, 2, {"s1": {"up": False, "ours": True}, "s2": {"up": False, "ours": True}}, False),
        (True, 2, {}, False),
    ],
)
def test_nobody_can_be_asked_only_where_nobody_leads_because_of_the_one_server_that_was_left_down(
    outage: bool, size: int, roles: dict[str, Any], expected: bool
) -> None:
    assert cluster.outage(three(**roles)[:size], ME._replace(allow_outage=outage)) is expected


def test_the_leader_knows_who_is_in_the_cluster_wherever_it_comes() -> None:
    assert [peer.id for peer in cluster.peer_set(three())] == list(VOTERS)
    late = {name: {"peers": PEERS[:2]} for name in ("s1", "s2")}
    assert len(cluster.peer_set(three(**late, s3={"role": "leader", "rank": 1}))) == 3
    assert len(cluster.peer_set(three(s1={"role": "leader", "peers": [], "up": False}))) == 3
    assert cluster.peer_set([]) == ()


def test_strangers_are_in_the_cluster_only_and_no_peers_in_the_group_only() -> None:
    missing = [one for one in three() if one.host != "s2"]
    assert cluster.strangers(missing) == ["s2:4647"]
    extra = [*three(), server("s4", peers=[])]
    assert cluster.no_peers(extra) == ["s4"] and cluster.strangers(extra) == []
    removed = [*three(), server("s4", up=False, peers=[])]
    assert cluster.no_peers(removed) == [], "autopilot may have removed a server that is down"


def test_leaders_are_named_once() -> None:
    assert cluster.leaders_named(led()) == ["s1:4647"]
    assert cluster.leaders_named(led(s3={"leader": "", "up": False})) == ["s1:4647"]
    assert cluster.leaders_named(led(s3={"leader": ""})) == ["s1:4647", ""]


def test_a_repaired_server_is_expected_as_voter_only_if_it_was_no_non_voter() -> None:
    view = {"leader": "id-s1", "voters": ["id-s1", "id-s2"]}
    for third_votes, expected in (True, ["id-s1", "id-s2", "id-s3"]), (False, ["id-s1", "id-s2"]):
        peers = PEERS[:2] if third_votes else PEERS
        known = {"view_planned": view, "peers_planned": peers}
        servers = three(s1=known, s2=known, s3={"up": False, "done": True, "view_planned": None})
        assert sorted(cluster.voters(servers)) == expected
        assert sorted(cluster.voters_with(servers, servers[2])) == expected


def test_a_server_that_is_down_is_expected_as_voter_once_it_is_back() -> None:
    known = {"view_planned": {"leader": "id-s1", "voters": ["id-s1", "id-s2"]}, "peers_planned": PEERS[:2]}
    servers = three(s1=known, s2=known, s3={"up": False})
    assert cluster.voters(servers) == ["id-s1", "id-s2"]
    assert cluster.voters_with(servers, servers[2]) == ["id-s1", "id-s2", "id-s3"]
    assert cluster.voters_with(servers, servers[0]) == ["id-s1", "id-s2"]


def test_where_no_leader_could_be_asked_the_servers_of_the_group_are_the_voters() -> None:
    assert cluster.voters(three()) == ["id-s1", "id-s2", "id-s3"]
    assert cluster.voters(three(s1={"peers_planned": PEERS})) == ["id-s1", "id-s2"]
    right_after_an_election = {"view_planned": {"leader": "", "voters": []}}
    told = {"view_planned": {"leader": "id-s1", "voters": ["id-s1"]}}
    assert cluster.voters(three(s1=right_after_an_election, s2=told)) == ["id-s1"]
