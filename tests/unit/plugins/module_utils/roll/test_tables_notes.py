# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands below the table of the status: each server that is not as it should be, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll import tables
from support.rolls.servers import PEERS, led

DONE: dict[str, Any] = {"running": "wal", "configured": "wal", "store": "wal", "guarded": True, "todo": False}
DOWN: dict[str, Any] = {
    "up": False,
    "role": "down",
    "running": "",
    "error": "http://10.0.0.12:4646: Connection refused",
}
SAYS_ILL = {"leader": "id-s1", "voters": [], "servers": [{"id": "id-s2", "healthy": False}]}
NOW = 1796040000.0  # 2026-11-30T12:00:00Z


def saved(name: str, size: int, created: str) -> dict[str, Any]:
    return {"path": f"/var/lib/nomad-raft-snapshots/{name}.snap", "size": size, "created": created}


def below(now: float | None = None, **instead: dict[str, Any]) -> list[str]:
    """What stands below the table where s1, s2 and s3 are done, but for what is given."""
    servers = led(**{name: {**DONE, **instead.get(name, {})} for name in ("s1", "s2", "s3")})
    lines = tables.status(servers, now)
    assert all(len(line) <= 69 for line in lines[:4]) and all(len(line) <= 78 for line in lines), lines
    return lines[5:]


def note(**read: Any) -> str:
    """What is said below the table where s2 is as given, as one line."""
    return " ".join(line.strip() for line in below(s2=read))


@pytest.mark.parametrize(
    ("read", "begins", "says"),
    [
        (DOWN, "s2: down: http://10.0.0.12:4646: Connection refused.", "Start its agent."),
        ({**DOWN, "ours": True}, "s2: down: ", "refused. Start its agent, or run the same command again."),
        (
            {**DOWN, "ours": True, "hold": True},
            "s2: down: ",
            "refused. An unfinished roll is recorded on it. Start its agent, or run the same command again.",
        ),
        (
            {**DOWN, "ours": True, "interrupted": True},
            "s2: down: ",
            "refused. It is as an unfinished run leaves a server. If none is at work on it, run the same command again",
        ),
        ({**DOWN, "ours": True, "barred": True}, "s2: down: ", "ends well, systemd does not start its agent."),
        ({**DOWN, "ours": True, "configured": "boltdb"}, "s2: down: ", "It is as an unfinished run leaves a server"),
        ({**DOWN, "role": "silent", "error": "timed out"}, "s2: silent: timed out.", "It is not known to be stopped."),
        ({**DOWN, "error": ""}, "s2: down: its agent does not answer.", ""),
        ({"peers": PEERS[1:2]}, "s2: peers: it knows other servers", "Remove nothing and stop nothing"),
        ({"interrupted": True}, "s2: interrupted: a conversion was begun", "run the same command again: it goes on"),
        ({"barred": True}, "s2: barred: a run that was interrupted keeps systemd", "run the same command again"),
        ({"hold": True}, "s2: hold: a roll is under way, or stopped", "run the same command again: it goes on"),
        (
            {"hold": True, "settings": {"cleanup_dead_servers": False}},
            "s2: hold: a roll is under way, or stopped before its end. If it stopped, run the same command again",
            "there. Until the roll ends, autopilot removes no dead servers (CleanupDeadServers is false).",
        ),
        ({"guarded": False}, "s2: unguarded: if configured for boltdb", "run raft_migrate_backend on it."),
        (
            {"configured": "boltdb"},
            "s2: differs: it runs on wal, is configured for boltdb and has wal on its disk.",
            "Run the roll to its end, or correct the configuration.",
        ),
        ({"store": "both"}, "s2: differs: it runs on wal, is configured for wal and has both on its disk.", ""),
        ({**DOWN, "store": "boltdb"}, "s2: down: ", "s2: differs: it is configured for wal and has boltdb"),
        (
            {"at_work": True, "barred": True, "transaction": "Process 812 has been bringing it to wal since 12:00."},
            "s2: at work: Process 812 has been bringing it to wal since 12:00.",
            "",
        ),
        (
            {**DOWN, "at_work": True, "interrupted": True, "hold": True, "transaction": "Process 812 has been at it."},
            "s2: at work: Process 812 has been at it. It is down meanwhile.",
            "",
        ),
        (
            {**DOWN, "ours": True, "interrupted": True, "hold": True, "untold": True, "transaction": "It ended."},
            "s2: down: http://10.0.0.12:4646: Connection refused. It ended.",
            "",
        ),
        (
            {**DOWN, "untold": True, "transaction": "It has failed: no start."},
            "s2: down: http://10.0.0.12:4646: Connection refused. It has failed: no start. Start its agent.",
            "",
        ),
        (
            {**DOWN, "role": "silent", "at_work": True, "transaction": "Process 812 has been at it."},
            "s2: silent: http://10.0.0.12:4646: Connection refused. It is not known to be stopped. ",
            "s2: at work: Process 812 has been at it.",
        ),
        (
            {"hold": True, "untold": True, "transaction": "Its own host finished it."},
            "s2: hold: a roll is under way",
            "it goes on from there. s2: Its own host finished it.",
        ),
        (
            {"configured": "boltdb", "barred": True, "untold": True, "transaction": "It ended."},
            "s2: barred: It ended.",
            "",
        ),
        ({"untold": True, "transaction": "The run has ended."}, "s2: The run has ended.", ""),
    ],
)  # fmt: skip
def test_each_bad_state_is_said_with_what_to_do(read: dict[str, Any], begins: str, says: str) -> None:
    said = note(**read)
    assert said.startswith(begins) and says in said


def test_nothing_is_said_where_all_is_well() -> None:
    assert below() == []


def test_one_that_its_leader_does_not_call_healthy() -> None:
    said = below(s1={"view": SAYS_ILL})
    assert said[0].startswith("s2: unhealthy: its leader does not call it healthy.")


def test_a_run_at_work_bars_the_start_without_a_second_note() -> None:
    assert "barred" not in note(at_work=True, barred=True, transaction="At it.")


@pytest.mark.parametrize("left", [{"interrupted": True}, {"barred": True}, {"at_work": True, "transaction": "At it."}])
def test_what_one_run_has_left_is_told_once(left: dict[str, Any]) -> None:
    """The hold that it leaves on each server, and autopilot's setting, among it."""
    held = {"hold": True, "settings": {"cleanup_dead_servers": False}}
    told = [line for line in below(s1=held, s2={**DOWN, "ours": True, **held, **left}) if not line.startswith(" ")]
    assert len(told) == 2 and told[0].startswith("s2: ") and told[1].startswith("Until the roll ends, autopilot")


def test_no_removal_is_said_only_where_autopilot_removes_none() -> None:
    assert "autopilot" not in note(hold=True, settings={"cleanup_dead_servers": True})
    assert "autopilot" not in note(settings={"cleanup_dead_servers": False})


def test_servers_of_which_the_same_is_to_be_said_share_a_note() -> None:
    said = below(s1={"guarded": False}, s3={"guarded": False})
    assert [line for line in said if not line.startswith("  ")] == said[:1] and said[0].startswith("s1, s3: unguarded:")


def test_the_most_urgent_comes_first_whatever_the_order_of_the_servers() -> None:
    said = below(s1={"guarded": False}, s2={"hold": True}, s3=DOWN)
    assert [line.split(":")[1].strip() for line in said if not line.startswith(" ")] == ["down", "hold", "unguarded"]


def test_snapshots_are_said_with_their_sizes_and_ages_and_what_removes_them() -> None:
    two = [saved("a", 214 << 20, "2026-11-22T10:47:44Z"), saved("b", 5, "2026-11-30T08:30:00Z")]
    assert below(NOW, s1={"snapshots": two[:1]}, s2={"snapshots": two}) == [
        "In /var/lib/nomad-raft-snapshots: s1: 1 snapshot, 214 MB, the newest 8 days",
        "  old; s2: 2 snapshots, 214 MB, the newest 3 hours old.",
        "Snapshots are secret: they contain the cluster's keys. The playbook cleanup",
        "  removes the old ones.",
    ]
    assert "the newest of 2026-11-22T10:47:44Z." in note(snapshots=two[:1])
