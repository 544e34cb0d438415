# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories of servers that go away and come back, told on real clusters; the tests look at what was recorded.

Dead servers are noticed after about 40 s, so the stories run side by side, each on a cluster of its own.
"""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from support.cluster.cluster import Cluster, Server, wait_until
from support.cluster.http_api import Answer

HEALTH = "/v1/operator/autopilot/health"
CONFIGURATION = "/v1/operator/autopilot/configuration"
PEERS = "/v1/operator/raft/configuration"


class Story:
    """A cluster in which a follower goes away, seen through the leader: moments by name, seconds since the stop."""

    def __init__(self, root: Path) -> None:
        self.cluster = Cluster(root)
        self.seen: Dict[str, Answer] = {}
        self.terms: Dict[str, str] = {}
        self.after: Dict[str, float] = {}
        self.exit_code: Optional[int] = None
        self.failure: Optional[BaseException] = None
        self.stopped_at = 0.0

    def form(self) -> None:
        self.cluster.start()
        self.cluster.wait_healthy()
        leader = self.cluster.leader()
        assert leader is not None
        self.leader: Server = leader
        self.away: Server = self.cluster.followers()[0]
        self.away_id: str = self.away.api("GET", "/v1/agent/self").body["member"]["Tags"]["id"]

    def stop(self, sig: int = signal.SIGINT) -> None:
        self.stopped_at = time.monotonic()
        self.exit_code = self.away.stop(sig)

    def note(self, moment: str, path: str = HEALTH, server: Optional[Server] = None) -> Answer:
        self.seen[moment] = (server or self.leader).api("GET", path)
        self.terms[moment] = self.raft(self.leader).get("term", "")
        return self.seen[moment]

    def wait(self, moment: str, true: Callable[[], Any], timeout: float) -> None:
        wait_until(moment, true, timeout)
        self.after[moment] = time.monotonic() - self.stopped_at

    def health_status(self) -> int:
        return self.leader.try_api("GET", HEALTH).status

    def listed(self) -> Dict[str, Any]:
        """The absent server's line in autopilot health; {} when it is not listed."""
        servers = self.leader.try_api("GET", HEALTH).body["Servers"] or []
        return next((one for one in servers if one["ID"] == self.away_id), {})

    def is_peer(self) -> bool:
        return any(one["ID"] == self.away_id for one in self.leader.api("GET", PEERS).body["Servers"])

    def member_status(self) -> str:
        members = self.leader.api("GET", "/v1/agent/members").body["Members"]
        return next((str(one["Status"]) for one in members if one["Tags"]["id"] == self.away_id), "")

    def raft(self, server: Optional[Server] = None) -> Dict[str, str]:
        answer = (server or self.away).try_api("GET", "/v1/agent/self")
        return dict(answer.body["stats"]["raft"]) if answer.status == 200 else {}

    def has_caught_up(self) -> bool:
        raft = self.raft()
        return bool(raft) and raft["applied_index"] == raft["commit_index"] != "0"


def removed(story: Story) -> None:
    """Dead-server cleanup is on, 300 writes after the stop: unhealthy at once, removed after ~39 s, comes back."""
    story.form()
    story.stop()
    for number in range(300):
        assert story.cluster.write(f"removed/{number}", {"n": str(number)}).status == 200
    story.wait("unhealthy", lambda: story.health_status() == 429, 15)
    story.note("unhealthy")
    story.note("members while away", "/v1/agent/members")
    story.wait("removed", lambda: not story.is_peer(), 75)
    story.note("members after removal", "/v1/agent/members")
    story.note("peers after removal", PEERS)
    story.wait("healthy without it", lambda: story.health_status() == 200, 15)
    story.note("healthy without it")
    story.away.start()
    story.stopped_at = time.monotonic()
    story.wait("listed again", lambda: story.listed() != {}, 30)
    story.note("listed again")
    story.note("peers with the non-voter", PEERS)
    story.seen["own view of the non-voter"] = Answer(0, {}, story.raft())
    story.wait("voter again", lambda: story.listed().get("Voter"), 45)
    story.note("voter again")


def kept(story: Story) -> None:
    """Dead-server cleanup is off and nobody writes: healthy for ~40 s, never removed, late to catch up when back."""
    story.form()
    entry = story.leader.api("GET", CONFIGURATION).body
    assert story.leader.api("PUT", CONFIGURATION, dict(entry, CleanupDeadServers=False)).body is True
    # StableSince is from the first state with a complete round of statistics on; let it settle.
    wait_until("all healthy", lambda: story.health_status() == 200, 10)
    story.note("before")
    story.stop()
    wait_until("5 s away", lambda: time.monotonic() - story.stopped_at > 5, 10)
    story.note("5 s away")
    story.note("peers 5 s away", PEERS)
    story.wait("failed in gossip", lambda: story.member_status() == "failed", 75)
    story.wait("unhealthy", lambda: story.health_status() == 429, 30)
    story.note("unhealthy")
    story.note("members unhealthy", "/v1/agent/members")
    # Autopilot looks every 10 s for somebody to remove; longer than that it must leave this one alone.
    wait_until("12 s later", lambda: time.monotonic() - story.stopped_at > story.after["unhealthy"] + 12, 20)
    story.note("peers 12 s later", PEERS)
    story.note("unhealthy 12 s later")
    story.seen["refused transfer"] = story.leader.api(
        "PUT", f"/v1/operator/raft/transfer-leadership?id={story.away_id}"
    )
    story.away.start()
    story.stopped_at = time.monotonic()
    story.wait("leader known", lambda: story.away.try_api("GET", "/v1/agent/health").status == 200, 10)
    story.seen["own view at first"] = Answer(0, {}, story.raft())
    story.wait("healthy again", lambda: story.health_status() == 200, 20)
    story.wait("caught up", story.has_caught_up, 20)
    wait_until("its health", lambda: story.listed().get("Healthy"), 10)
    story.note("back")


def left(story: Story) -> None:
    """leave_on_interrupt is set: the server takes itself out, and is a voter again only ~17 s after its start."""
    for server in story.cluster.servers:
        server.config_path.write_text(server.config_path.read_text() + "leave_on_interrupt = true\n")
    story.form()
    story.stop()
    story.wait("out of the peers", lambda: not story.is_peer(), 10)
    story.note("members", "/v1/agent/members")
    story.wait("out of health", lambda: story.listed() == {}, 10)
    wait_until("healthy", lambda: story.health_status() == 200, 10)
    story.note("health without it")
    assert story.member_status() == "left"


def quorum_lost(story: Story) -> None:
    """The leader goes, then a second server: a new leader, then none; calls that need one say so after 5 s."""
    story.form()
    story.leader.stop()
    story.stopped_at = time.monotonic()
    rest = story.cluster.running()
    story.wait("new leader", lambda: story.cluster.leader() in rest, 20)
    story.leader = story.cluster.leader() or rest[0]
    story.away = next(server for server in rest if server is not story.leader)
    story.wait("listed servers", lambda: story.leader.try_api("GET", HEALTH).body["Servers"], 15)
    story.note("after the election")
    story.stop()
    calls = {
        "autopilot_health-no_leader": HEALTH,
        "autopilot_configuration-no_leader": CONFIGURATION,
        "status_leader-no_leader": "/v1/status/leader",
        "status_peers-no_leader": "/v1/status/peers",
        "raft_configuration-no_leader": PEERS,
        "snapshot-no_leader": "/v1/operator/snapshot",
        "agent_health-no_leader": "/v1/agent/health?type=server",
        "status_leader-no_leader-stale": "/v1/status/leader?stale",
        "raft_configuration-quorum_lost-stale": PEERS + "?stale",
        "snapshot-no_leader-stale": "/v1/operator/snapshot?stale",
        "agent_self-quorum_lost": "/v1/agent/self",
        "agent_members-no_leader": "/v1/agent/members",
    }
    story.wait("no leader", lambda: story.leader.api("GET", "/v1/status/leader?stale").body == "", 10)
    story.stopped_at = time.monotonic()

    def ask(case: str, path: str) -> None:
        story.note(case, path)
        story.after[case] = time.monotonic() - story.stopped_at

    side_by_side([threading.Thread(target=ask, args=call) for call in calls.items()])


def side_by_side(threads: List[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def tell_all(root: Path) -> Dict[str, Story]:
    """Every story, told side by side; one that went wrong says so in its `failure`."""
    tellers = {teller.__name__: teller for teller in (removed, kept, left, quorum_lost)}
    told = {name: Story(root / name) for name in tellers}

    def tell(name: str) -> None:
        try:
            tellers[name](told[name])
        except (AssertionError, OSError, LookupError, TypeError) as error:
            told[name].failure = error
        finally:
            told[name].cluster.stop_all()

    side_by_side([threading.Thread(target=tell, args=(name,)) for name in tellers])
    return told
