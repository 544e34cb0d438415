# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster shows while a server is away and after it is back; runs unchanged on a real Nomad (NOMAD_BIN)."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from support.cluster.compare import assert_like, assert_same_error
from support.cluster.departures import Story, tell_all
from support.cluster.http_api import Answer


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Story]:
    return tell_all(tmp_path_factory.mktemp("absence"))


def story_of(stories: Dict[str, Story], name: str) -> Story:
    story = stories[name]
    assert story.failure is None, f"story {name}: {story.failure!r}"
    return story


def server_line(answer: Answer, identity: str) -> Dict[str, Any]:
    return next(one for one in answer.body["Servers"] if one["ID"] == identity)


def test_stopped_and_removed(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "removed")
    assert story.exit_code == 1
    # 300 entries behind is enough to be unhealthy; nobody has noticed the death yet.
    assert story.after["unhealthy"] < 15
    assert_like(story.seen["unhealthy"], "autopilot_health-one_unhealthy_429")
    assert server_line(story.seen["unhealthy"], story.away_id)["SerfStatus"] == "alive"
    assert story.seen["unhealthy"].body["FailureTolerance"] == 0
    assert_like(story.seen["members while away"], "agent_members-one_unhealthy_429")
    assert 30 < story.after["removed"] < 60
    assert_like(story.seen["peers after removal"], "raft_configuration-one_removed")
    assert_like(story.seen["members after removal"], "agent_members-one_removed")
    health = story.seen["healthy without it"]
    assert_like(health, "autopilot_health-one_left")
    assert (len(health.body["Servers"]), len(health.body["Voters"]), health.body["FailureTolerance"]) == (2, 2, 0)


def test_removed_server_comes_back_as_non_voter(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "removed")
    again = story.seen["listed again"]
    assert_like(again, "autopilot_health-after_return_nonvoter")
    assert (len(again.body["Voters"]), server_line(again, story.away_id)["Voter"]) == (2, False)
    assert story.seen["own view of the non-voter"].body["num_peers"] == "0"
    peers = {one["ID"]: one["Voter"] for one in story.seen["peers with the non-voter"].body["Servers"]}
    assert (len(peers), peers[story.away_id]) == (3, False)
    assert 8 < story.after["voter again"] < 40
    assert len(story.seen["voter again"].body["Voters"]) == 3


def test_idle_stopped_server_looks_healthy_for_long(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "kept")
    assert_like(story.seen["5 s away"], "autopilot_health-one_server_stopped_5s")
    assert story.seen["5 s away"].body["FailureTolerance"] == 1
    assert_like(story.seen["peers 5 s away"], "raft_configuration-one_server_stopped_5s")
    assert 30 < story.after["failed in gossip"] < 60
    assert story.after["failed in gossip"] < story.after["unhealthy"] < story.after["failed in gossip"] + 6


def test_health_says_left_where_the_members_list_says_failed(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "kept")
    assert_like(story.seen["unhealthy"], "autopilot_health-one_failed")
    assert server_line(story.seen["unhealthy"], story.away_id)["SerfStatus"] == "left"
    assert_like(story.seen["members unhealthy"], "agent_members-one_failed")
    members = {one["Tags"]["id"]: one["Status"] for one in story.seen["members unhealthy"].body["Members"]}
    assert members[story.away_id] == "failed"


def test_without_cleanup_nobody_is_removed(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "kept")
    assert_like(story.seen["peers 12 s later"], "raft_configuration-one_failed")
    assert len(story.seen["peers 12 s later"].body["Servers"]) == 3
    assert len(story.seen["unhealthy 12 s later"].body["Voters"]) == 3


def test_transfer_to_a_stopped_voter_fails_at_once(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "kept")
    assert_like(story.seen["refused transfer"], "transfer-to_stopped")
    assert story.seen["refused transfer"].body == (
        f"failed to transfer leadership in 3 attempts. last error: failed to make TimeoutNow RPC to {story.away_id}: "
        f"dial tcp {story.away.rpc_address}: connect: connection refused"
    )


def test_stable_since_never_moves_under_one_leader(stories: Dict[str, Story]) -> None:
    """A busy machine can cost the leader its place; the next one counts anew."""
    story = story_of(stories, "kept")
    moments: Dict[str, List[str]] = {}
    for name in "before", "5 s away", "unhealthy", "unhealthy 12 s later", "back":
        stable_since = server_line(story.seen[name], story.away_id)["StableSince"]
        moments.setdefault(story.terms[name], []).append(stable_since)
    assert max(map(len, moments.values())) > 1
    assert all(len(set(one)) == 1 for one in moments.values()), moments


def test_restarted_server_is_called_healthy_long_before_it_applied_anything(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "kept")
    first = story.seen["own view at first"].body
    assert (first["state"], first["commit_index"], first["applied_index"]) == ("Follower", "0", "0")
    assert int(first["last_log_index"]) > 0 and first["num_peers"] == "2" and first["last_contact"] != "never"
    # The leader backs off up to 10 s from a peer that was down.
    assert 1 < story.after["caught up"] < 13
    assert story.after["healthy again"] < 6


def test_leaving_server_takes_itself_out(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "left")
    assert story.exit_code == 0
    assert story.after["out of the peers"] < 10
    assert_like(story.seen["members"], "agent_members-one_left")
    assert_like(story.seen["health without it"], "autopilot_health-one_left")
    assert story.seen["health without it"].body["FailureTolerance"] == 0


def test_new_leader_after_the_old_one_stopped(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "quorum_lost")
    assert story.after["new leader"] < 12
    # With one server down, the new leader's first state comes too late and is dropped: no servers for about 3 s.
    assert story.after["listed servers"] > story.after["new leader"] + 1
    assert_like(story.seen["after the election"], "autopilot_health-leader_stopped_new_leader")


def test_without_leader_calls_fail_after_a_hold(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "quorum_lost")
    for case in (
        "autopilot_health",
        "autopilot_configuration",
        "status_leader",
        "status_peers",
        "raft_configuration",
        "snapshot",
        "agent_health",
    ):
        assert_same_error(story.seen[f"{case}-no_leader"], f"{case}-no_leader")
        assert 4 < story.after[f"{case}-no_leader"] < 8


def test_without_leader_local_answers_come_at_once(stories: Dict[str, Story]) -> None:
    story = story_of(stories, "quorum_lost")
    assert_same_error(story.seen["status_leader-no_leader-stale"], "status_leader-no_leader-stale")
    assert_like(story.seen["raft_configuration-quorum_lost-stale"], "raft_configuration-follower-stale")
    assert story.seen["snapshot-no_leader-stale"].status == 200
    assert_like(story.seen["agent_self-quorum_lost"], "agent_self-quorum_lost", ("RaftLogStoreConfig", "UI"))
    assert story.seen["agent_self-quorum_lost"].body["stats"]["nomad"]["leader_addr"] == ""
    assert story.seen["agent_members-no_leader"].status == 200
    for case in ("status_leader-no_leader-stale", "agent_self-quorum_lost", "agent_members-no_leader"):
        assert story.after[case] < 3
