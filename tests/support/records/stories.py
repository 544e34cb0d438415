# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals of rolls that did not take place: of any number of servers, that end well or fail at any stage.

The values are of the size of those of a real roll on loopback; see docs/screens.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._record.kinds import event

BEGAN = 1795610835.25  # 2026-11-25
STAGES = ("gate", "stop", "conversion", "start", "rejoin")
FAILED = {
    "gate": ("untouched", "s3.global is not healthy: it has not been heard of for 12 s"),
    "stop": ("put_back", "the stop command ended with exit code 1: Job for nomad.service timed out"),
    "conversion": ("put_back", "/srv/nomad/server/raft/wal.partial: No space left on device"),
    "start": ("returned", "the start command ended with exit code 1: Job for nomad.service failed"),
    "rejoin": ("running", "not back after 300 s: nomad-2.global is not caught up"),
}
BEFORE = (("look", 0.31), ("gate", 1.18), ("write", 0.12), ("snapshot", 0.84), ("write", 0.11), ("hold", 0.09))
FORWARD = ("stop", "configuration", "conversion", "start", "rejoin")


class Story:
    """Events as they come, on a clock of its own."""

    def __init__(self, at: float = BEGAN) -> None:
        self.at = at
        self.events: list[dict[str, Any]] = []

    def note(self, kind: str, **given: Any) -> None:
        self.events.append(event(kind, self.at, given))

    def step(self, server: str, step: str, seconds: float, ok: bool = True, message: str = "") -> None:
        self.note("step_began", server=server, step=step)
        self.at += seconds
        self.note("step_ended", server=server, step=step, ok=ok, message=message)


def names(count: int) -> list[str]:
    """In the order in which they are taken, the leader last."""
    width = len(str(count))
    every = [f"nomad-{number:0{width}d}" for number in range(1, count + 1)]
    return [*every[1:], every[0]]


def server(host: str, leads: bool = False, **instead: Any) -> dict[str, Any]:
    """One server of a plan."""
    found = {"host": host, "id": f"id-{host}", "name": f"{host}.global", "version": "2.0.5"}
    found.update(role="leader" if leads else "follower", running="boltdb", store="boltdb", todo=True)
    found.update(size=33554432, needs=80000000, available=12000000000, last_index=8123)
    return {**found, **instead}


def began(story: Story, run: str = "4e1d", **instead: Any) -> None:
    """A run begins."""
    known = {"run": run, "by": "operator", "controller": "controller-1", "origin": "controller-1"}
    known.update(ansible="2.21.0", python="3.13.1", collection="1.0.0", playbook="migrate")
    story.note("run_began", **{**known, "group": "nomad_servers", "backend": "wal", "check": False, **instead})


def planned(story: Story, queue: list[str], done: tuple[str, ...] = (), **instead: Any) -> None:
    """All servers are looked at, and the plan is made."""
    there = {name: {"running": "wal", "store": "wal", "todo": False} for name in done}
    found = [server(host, host == queue[-1], **there.get(host, {})) for host in queue]
    lines = ["order  server   role      backend  disk    action   index  size"]
    lines += [
        f"{at:<5}  {one['host']}  {one['role']:<8}  {one['running']:<7}  {one['store']:<6}  "
        f"{'migrate' if one['todo'] else 'nothing'}  8123  32MB"
        for at, one in enumerate(found, 1)
    ]
    story.at += 2.1
    busy = [one["host"] for one in found if one["todo"]]
    story.note("planned", **{"queue": queue, "busy": busy, "lines": lines, "notes": [], "servers": found, **instead})


def phases(place: int) -> dict[str, float]:
    """What each phase takes: a little other on each server."""
    more = 1 + (place * 7 % 10) / 20
    each = {"stop": 0.41, "configuration": 0.02, "conversion": 0.31, "start": 0.12, "rejoin": 0.52}
    told = {name: round(seconds * more, 3) for name, seconds in each.items()}
    return {**told, "total": round(sum(told.values()), 3)}


def worked(story: Story, host: str, place: int, stable_s: float = 10.0, **instead: Any) -> None:
    """The call of server_backend on a host that is brought to WAL."""
    times = phases(place)
    story.note("step_began", server=host, step="backend")
    start = story.at + 0.3 + times["stop"] + times["configuration"] + times["conversion"]
    story.at += 0.3 + times["total"] + stable_s + 0.2
    raft = f"/srv/{host}/data/server/raft"
    found: dict[str, Any] = {"server": host, "backend": "wal", "previous_backend": "boltdb", "phases": times}
    found.update(began_at=start, conversion=conversion(raft))
    found["configuration"] = {"changed": True, "changed_files": [f"/srv/{host}/config/raft_logstore.hcl"]}
    found.update(instead)
    story.note("worked", **found)
    story.note("step_ended", server=host, step="backend", ok=not found.get("failed"))


def conversion(raft: str) -> dict[str, Any]:
    """Results of raft_migrate_backend."""
    found = {"entries": 8123, "verified": 8123, "first_index": 1, "last_index": 8123, "segments": 2}
    return {**found, "backup": f"{raft}/raft.db.migrated.20261125-124715", "resumed": False}


def snapshot(story: Story, host: str, of: str, name: str) -> None:
    digest = "09640763a2efc71c19b4978b1cae74c30053a7118f7ffa826dee1a2da847c0ad"
    path = f"/srv/{host}/snapshots/nomad-{name}-20261125T124715Z.snap"
    story.note("snapshot", server=host, of=of, path=path, sha256=digest, size=50320, index=8120, term=6)


def turn(story: Story, queue: list[str], place: int) -> None:
    """One server's turn that ends well."""
    before(story, queue, place)
    worked(story, queue[place], place)
    story.step(queue[place], "write", 0.14)


def before(story: Story, queue: list[str], place: int) -> None:
    """What comes before it is taken out; leadership moves to the first one before the leader's own turn."""
    for step, seconds in BEFORE:
        if step == "write" and place and place == len(queue) - 1 and story.events[-1].get("step") == "gate":
            story.step(queue[place], "transfer", 2.3)
            story.note("leads", server=f"id-{queue[0]}")
        story.step(queue[place], step, seconds)
        if step == "snapshot":
            snapshot(story, queue[place], "server", queue[place])
    if not place:
        snapshot(story, queue[0], "leader", "8120")
        story.note("held", server=queue[0], previous=True)


def latency(story: Story, queue: list[str], when: str, leader: str, factor: float) -> None:
    """What a commit costs, by the agents' own metrics: the leader has others than its followers."""
    for host in queue:
        metrics = {"nomad.raft.rpc.appendEntries.storeLogs": 1.0 * factor}
        if host == leader:
            metrics = {"nomad.raft.commitTime": 3.6 * factor, "nomad.raft.leader.dispatchLog": 2.15 * factor}
        story.note("latency", server=host, when=when, metrics=metrics)


def roll(count: int = 3) -> list[dict[str, Any]]:
    """A whole roll that ends well."""
    story, queue = Story(), names(count)
    began(story)
    planned(story, queue)
    latency(story, queue, "before", queue[-1], 1.0)
    for place in range(count):
        turn(story, queue, place)
    for host in queue:
        story.step(host, "prove", 0.2)
    story.note("released", server=queue[0])
    latency(story, queue, "after", queue[0], 0.41)
    story.note("writes", tried=4312, refused=0, lost=0, longest_gap_s=0.21)
    lines = [f"{host}: on wal, out of the cluster 1.38 s" for host in queue]
    verdict = f"Done: {count} of {count} on wal. The old stores stay until you run cleanup."
    story.note("run_ended", verdict=verdict, lines=[*lines, verdict], ok=True, complete=True)
    return story.events


def failed(stage: str, count: int = 3, place: int = 1) -> list[dict[str, Any]]:
    """A roll that ends at the second server, at one of STAGES."""
    story, queue = Story(), names(count)
    began(story)
    planned(story, queue)
    for earlier in range(place):
        turn(story, queue, earlier)
    fail(story, queue, place, stage)
    return story.events


def fail(story: Story, queue: list[str], place: int, stage: str) -> None:
    """The turn of a server that fails, and what is noted then."""
    host, (left, message) = queue[place], FAILED[stage]
    if stage == "gate":
        story.step(host, "look", 0.31)
        story.step(host, "gate", 30.0, False, message)
    else:
        before(story, queue, place)
        worked(story, host, place, **failure(stage, place, left, message))
    story.note("failed", server=host, step=stage, message=f"{host}: {stage.capitalize()}: {message}.", left=left)
    verdict = f"{host}: {stage.capitalize()}: {message}. No server after it was touched."
    story.note("run_ended", verdict=verdict, ok=False, complete=False)


def failure(stage: str, place: int, left: str, message: str) -> Mapping[str, Any]:
    """Results of server_backend that has failed at a step."""
    times = phases(place)
    known = {name: times[name] for name in FORWARD[: FORWARD.index(stage)]}
    back = {"start": 0.2, "rejoin": 0.6} if left in ("put_back", "returned") else {}
    backend = "wal" if left == "running" else "boltdb"
    told: dict[str, Any] = {"failed": True, "step": stage, "failure": message, "left": left, "backend": backend}
    told.update(phases={**known, **back}, conversion=None, returned=left == "returned", again="")
    return told


def lost(count: int = 3, place: int = 1) -> list[dict[str, Any]]:
    """A host is lost while it is out: nothing is heard of it."""
    story, queue = Story(), names(count)
    began(story)
    planned(story, queue)
    for earlier in range(place):
        turn(story, queue, earlier)
    before(story, queue, place)
    story.note("step_began", server=queue[place], step="backend")
    story.at += 21.4
    message = f"{queue[place]} cannot be reached: Connection timed out. Its host finishes this by itself."
    story.note("failed", server=queue[place], step="backend", message=message, unreachable=True)
    story.note("run_ended", verdict=message, ok=False, complete=False)
    return story.events


def resumed(count: int = 3) -> list[dict[str, Any]]:
    """A roll that fails at the start of the second server, and the re-run an hour later, which ends well."""
    story, queue = Story(), names(count)
    story.events = failed("start", count)
    story.at = story.events[-1]["at"] + 3600
    began(story, "77aa")
    planned(story, queue, done=tuple(queue[:1]))
    for place in range(1, count):
        turn(story, queue, place)
    verdict = f"Done: {count} of {count} on wal. The old stores stay until you run cleanup."
    story.note("run_ended", verdict=verdict, lines=[verdict], ok=True, complete=True)
    return story.events
