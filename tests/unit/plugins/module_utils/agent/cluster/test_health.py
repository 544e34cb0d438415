# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two questions of a roll, asked of recorded clusters: each thing that is missing gives its own reason."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api import answers
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.answers import Agent, Autopilot, Peer
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster import health
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.health import Wanted
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.observe import Answers, verdict_on
from support.recordings import recording

# Recorded cluster A: s1 leads, its backend is wal in the later recordings.
S1, S2, S3 = (
    "e93eaec1-b82a-bf92-f2a5-79d404511e21",
    "1e70156a-c6aa-01a1-ba14-e2df5513ced6",
    "0c36f51e-b2bb-1b17-949f-a5a934efe5a8",
)
ALL = frozenset((S1, S2, S3))


def cluster(case: str = "healthy") -> Autopilot:
    return answers.parse_autopilot(recording(f"autopilot_health-{case}")["body"])


def follower(**raft: int) -> Agent:
    """s2 of cluster A after its return, at entry 15 as the leader of the healthy recording."""
    agent = answers.parse_agent(recording("agent_self-follower-boltdb-after-return")["body"])
    return agent._replace(raft={**agent.raft, "commit_index": 15, "applied_index": 15, **raft})


def changed(autopilot: Autopilot, server_id: str, **fields: Any) -> Autopilot:
    servers = tuple(one._replace(**fields) if one.id == server_id else one for one in autopilot.servers)
    return autopilot._replace(servers=servers)


WANTED = Wanted(server_id=S2, backend="boltdb", voters=ALL, failure_tolerance=1)


def test_back_when_everything_is_as_before() -> None:
    verdict = health.back(follower(), cluster(), WANTED)
    assert verdict.ok
    assert "s2.global runs on boltdb, is follower and has applied 15" in verdict.reason


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (follower()._replace(backend="wal"), "runs on wal, not on boltdb"),
        (follower()._replace(backend=""), "an unknown backend"),
        (follower()._replace(state="Candidate"), "neither follower nor leader"),
        (follower()._replace(leader_address=""), "knows no leader"),
        (follower(commit_index=0, applied_index=0), "has not applied anything since its start"),
        (follower(applied_index=0), "has not applied anything"),
        (follower(applied_index=14), "applied entry 14, but 15 is committed"),
    ],
)
def test_not_back_by_its_own_account(agent: Agent, reason: str) -> None:
    verdict = health.back(agent, cluster(), WANTED)
    assert not verdict.ok and reason in verdict.reason and not verdict.final


def peers(*instead: Peer, without: str = "") -> tuple[Peer, ...]:
    """The Raft configuration that s2 has itself, but for one server of it."""
    gone = {without, *(peer.id for peer in instead)}
    return (*(peer for peer in follower().peers if peer.id not in gone), *instead)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (peers(without=S1), f"it lacks the voter {S1} (127.0.0.11:4647)"),
        (peers(without=S2), f"it lacks the voter {S2} (127.0.0.12:4647)"),
        (peers(Peer("other", "10.0.0.9:4647", True)), "it has the voter other (10.0.0.9:4647) that the leader has not"),
        (
            peers(Peer(S3, "127.0.0.13:4647", False)),
            f"it has the non-voter {S3} (127.0.0.13:4647) where the leader has",
        ),
        (
            peers(Peer(S1, "10.0.0.9:4647", True)),
            f"it has the voter {S1} (10.0.0.9:4647) where the leader has the voter {S1} (127.",
        ),
        ((), "it knows no server at all"),
    ],
)
def test_a_server_with_another_raft_configuration_is_neither_back_nor_serves_nor_may_be_stopped(
    own: tuple[Peer, ...], told: str
) -> None:
    """As peers.json leaves one: the leader's own view stays complete and healthy all the time."""
    agent = follower()._replace(peers=own)
    assert cluster().healthy
    for until in "back", "serving", "stoppable":
        verdict = verdict_on(until, Answers(agent, autopilot=cluster()), WANTED)
        assert not verdict.ok and not verdict.final
        assert f"s2.global has another Raft configuration than the leader: {told}" in verdict.reason
    assert verdict_on("healthy", Answers(agent, autopilot=cluster()), WANTED).ok, "that is the leader's word alone"


def test_the_order_in_which_servers_are_named_is_no_difference() -> None:
    agent = follower()._replace(peers=tuple(reversed(follower().peers)))
    assert health.back(agent, cluster(), WANTED).ok


def test_the_first_entry_is_enough_in_a_new_cluster() -> None:
    assert health.back(follower(commit_index=1, applied_index=1), cluster(), WANTED).ok


def test_not_back_while_far_behind_the_leader() -> None:
    ahead = changed(cluster(), S1, last_index=15 + 251)
    assert "but the leader is at 266" in health.back(follower(), ahead, WANTED).reason
    assert health.back(follower(), changed(cluster(), S1, last_index=15 + 250), WANTED).ok


@pytest.mark.parametrize(
    ("autopilot", "reason"),
    [
        (cluster("just_elected"), "no settled leader"),
        (cluster()._replace(leader=""), "no settled leader"),
        (cluster()._replace(servers=cluster().servers[:1] + cluster().servers[2:]), "does not know s2.global"),
        (changed(cluster(), S2, serf_status="left"), "s2.global as left"),
        (changed(cluster(), S2, healthy=False), "does not call s2.global healthy"),
        (cluster()._replace(voters=(S1, S3)), f"missing s2.global ({S2})"),
        (cluster()._replace(voters=(S1, S2, S3, "other")), "unexpected other"),
        (cluster()._replace(failure_tolerance=0), "the failure tolerance is 0, it was 1"),
    ],
)
def test_not_back_in_the_leaders_view(autopilot: Autopilot, reason: str) -> None:
    verdict = health.back(follower(), autopilot, WANTED)
    assert not verdict.ok and reason in verdict.reason


def test_another_server_that_is_out_is_named_by_one_that_waits_only_for_it() -> None:
    seen = changed(cluster(), S3, serf_status="left")._replace(failure_tolerance=0)
    told = "s2.global itself is healthy, but the leader sees s3.global as left, not alive: the failure tolerance is 0, "
    assert health.back(follower(), seen, WANTED).reason == f"{told}it was 1 before"
    assert health.back(follower(), seen, WANTED._replace(failure_tolerance=0)).ok


def test_a_removed_server_that_came_back_is_not_back_although_the_cluster_is_healthy() -> None:
    """Recorded 0.1 s after its restart: status 200, Healthy true, but two voters and no tolerance."""
    seen = cluster("after_return_nonvoter")
    assert seen.healthy
    assert not health.back(follower(), seen, WANTED).ok
    assert not health.healthy(seen, Wanted(voters=ALL)).ok


def test_a_restarted_server_that_the_leader_calls_healthy_is_not_back() -> None:
    restarted = follower(commit_index=0, applied_index=0)
    assert cluster().healthy and not health.back(restarted, cluster(), WANTED).ok


def test_a_non_voter_is_back_as_a_non_voter() -> None:
    two = changed(cluster(), S2, voter=False)._replace(voters=(S1, S3))
    own = tuple(peer._replace(voter=peer.id != S2) for peer in follower().peers)
    verdict = health.back(
        follower()._replace(peers=own), two, WANTED._replace(voters=frozenset((S1, S3)), failure_tolerance=0)
    )
    assert verdict.ok and "healthy non-voter" in verdict.reason


@pytest.mark.parametrize("agent", [follower()._replace(server=False), follower()._replace(id="")])
def test_a_client_is_no_server_and_waiting_does_not_help(agent: Agent) -> None:
    verdict = health.back(agent, cluster(), WANTED)
    assert (verdict.ok, verdict.final, verdict.reason) == (False, True, "the agent is not a server")


def test_another_server_at_this_address_is_final() -> None:
    verdict = health.serving(follower(), cluster(), Wanted(server_id=S3))
    assert not verdict.ok and verdict.final and S3 in verdict.reason and "check host and port" in verdict.reason


def test_serving_does_not_look_at_the_leaders_opinion_of_it() -> None:
    assert health.serving(follower(), changed(cluster(), S2, healthy=False), Wanted()).ok


def test_healthy_needs_all_servers() -> None:
    assert health.healthy(cluster(), Wanted(voters=ALL)).reason == "all 3 servers are healthy"
    assert not health.healthy(cluster("one_failed"), Wanted()).ok
    assert not health.healthy(cluster("just_elected"), Wanted()).ok
    assert not health.healthy(cluster()._replace(healthy=False), Wanted()).ok


def test_one_of_three_may_be_stopped() -> None:
    verdict = health.stoppable(cluster(), S2, Wanted(voters=ALL))
    assert verdict.ok and verdict.reason == "s2.global may be stopped: all 3 servers are healthy"
    assert health.stoppable(cluster(), S1, Wanted()).ok  # the leader too; moving leadership is another step


@pytest.mark.parametrize(
    ("autopilot", "wanted", "reason"),
    [
        (cluster("one_removed"), Wanted(), "left, not alive"),
        (cluster("just_elected"), Wanted(), "no settled leader"),
        (cluster("one_unhealthy_429"), Wanted(), "does not call s2.global healthy"),
        (cluster()._replace(voters=(S1, S2)), Wanted(voters=ALL), "not the expected ones"),
        (cluster()._replace(failure_tolerance=0), Wanted(), "failure tolerance of the cluster is 0, not 1 or more"),
        (cluster(), Wanted(min_failure_tolerance=2), "not 2 or more"),
        (cluster("after_return_nonvoter"), Wanted(), "does not know the server"),
    ],
)
def test_not_stoppable(autopilot: Autopilot, wanted: Wanted, reason: str) -> None:
    verdict = health.stoppable(autopilot, S2, wanted)
    assert not verdict.ok and reason in verdict.reason


def test_the_majority_is_counted_even_when_the_tolerance_lies() -> None:
    """A leader that claims tolerance with two voters: without one of them there is no majority."""
    two = cluster("after_return_nonvoter")._replace(failure_tolerance=1)
    verdict = health.stoppable(two, S1, Wanted())
    assert verdict.reason == "only 1 healthy voters would be left, but 2 are a majority"


def test_an_outage_has_to_be_allowed() -> None:
    two = cluster("after_return_nonvoter")
    assert not health.stoppable(two, S1, Wanted()).ok
    assert health.stoppable(two, S1, Wanted(allow_outage=True)).ok
    assert not health.stoppable(cluster("one_failed"), S2, Wanted(allow_outage=True)).ok  # but not with a sick cluster


def test_a_non_voter_may_be_stopped_without_tolerance() -> None:
    two = changed(cluster(), S2, voter=False)._replace(voters=(S1, S3), failure_tolerance=0)
    assert health.stoppable(two, S2, Wanted()).ok
    assert not health.stoppable(two, S3, Wanted()).ok
    assert "only 1 healthy voters" in health.stoppable(two._replace(failure_tolerance=1), S3, Wanted()).reason


def test_the_one_that_is_down_may_be_repaired_when_the_others_are_well() -> None:
    down = cluster("one_failed")
    stopped = next(one.id for one in down.servers if not one.healthy)
    assert not health.stoppable(down, stopped, Wanted()).ok
    assert health.stoppable(down, stopped, Wanted(repair=True)).ok
    other = next(one.id for one in down.servers if one.healthy)
    assert not health.stoppable(down, other, Wanted(repair=True)).ok


@pytest.mark.parametrize(
    ("autopilot", "wanted", "reason"),
    [
        (cluster("just_elected"), Wanted(), "no settled leader"),
        (changed(cluster(), S3, healthy=False), Wanted(), "does not call s3.global healthy"),
        (changed(cluster(), S3, serf_status="left"), Wanted(), "s3.global as left, not alive"),
        (cluster(), Wanted(voters=frozenset((S1, S2))), "voters are not the expected ones"),
    ],
)
def test_not_to_be_repaired_even_where_an_outage_is_allowed(autopilot: Autopilot, wanted: Wanted, reason: str) -> None:
    assert health.stoppable(cluster(), S2, Wanted(repair=True, allow_outage=True)).ok
    verdict = health.stoppable(autopilot, S2, wanted._replace(repair=True, allow_outage=True))
    assert not verdict.ok and reason in verdict.reason


def test_a_removed_one_may_be_repaired_and_a_cluster_of_two_only_with_an_outage() -> None:
    assert health.stoppable(cluster("one_left"), "gone", Wanted(repair=True)).ok
    two = cluster("one_failed")
    stopped = next(one.id for one in two.servers if not one.healthy)
    voters = tuple(one.id for one in two.servers if one.healthy or one.id == stopped)[1:]
    small = two._replace(voters=voters, servers=tuple(one for one in two.servers if one.id in voters))
    if small.server(small.leader) is None:
        small = changed(small, next(one.id for one in small.servers if one.healthy), leader=True)
        small = small._replace(leader=next(one.id for one in small.servers if one.leader))
    assert not health.stoppable(small, stopped, Wanted(repair=True)).ok
    assert health.stoppable(small, stopped, Wanted(repair=True, allow_outage=True)).ok


def test_no_predicate_accepts_what_a_stopped_server_looked_like_to_its_leader() -> None:
    """5 s after its stop an idle server is still Healthy:true for the leader: only the server itself can tell."""
    assert health.healthy(cluster("one_server_stopped_5s"), Wanted()).ok


def test_a_leader_that_must_follow_is_not_stoppable() -> None:
    """Just before its stop: leadership that was moved away can have come back."""
    assert health.stoppable(cluster(), S2, Wanted(follower=True)).ok
    verdict = health.stoppable(cluster(), S1, Wanted(follower=True))
    assert not verdict.ok and "s1.global is the leader" in verdict.reason
