# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A roll that takes only some servers, and the end of a run: after a look, a rehearsal and a roll."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.closing import at_end, closing, ill, verdict
from ansible_collections.raftops.nomad.plugins.module_utils._roll.plan import plan
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import RANKS
from ansible_collections.raftops.nomad.plugins.module_utils._roll.tables import status, times
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.turn import Answered, turn
from support.rolls.servers import ME, PEERS, led, server

WAL = {"running": "wal", "configured": "wal", "store": "wal", "guarded": True, "todo": False, "done": True}
OUT = {**WAL, "times": {"total": 1.2}}
CHECK = ME._replace(check_mode=True)
CANARY = ME._replace(stop_after=1)
SEEN = {"done": True}
LEADS = {**SEEN, "rank": 4}


@pytest.mark.parametrize(
    ("read", "options", "line"),
    [
        (({}, {}, {}), ME, "3 servers: 3 on boltdb. All is well."),
        (
            ({}, {"running": "wal"}, {"up": False, "role": "down", "hold": True}),
            ME,
            "3 servers: 1 on boltdb, 1 on wal, 1 down. The cluster still serves (2 of 3 voters), but cannot lose "
            "another. Look at s2 (differs); s3 (down, hold). A roll is unfinished: if none is running now, run the "
            "same command again.",
        ),
        ((WAL, WAL, WAL), ME, "Nothing to do: 3 of 3 on wal."),
        ((WAL, OUT, OUT), ME, "Done: 3 of 3 on wal. The old stores stay until you run cleanup."),
        (
            ({}, OUT, {}),
            CANARY,
            "1 of 3 on wal. Run this again to go on; without raft_logstore_stop_after it takes all that are left.",
        ),
        ((WAL, WAL, WAL), CHECK, "Nothing to do: 3 of 3 on wal. Nothing was changed."),
        (
            (LEADS, WAL, SEEN),
            CHECK,
            "Nothing stands against the roll now. It would take s3, s1. Nothing was changed. To do it, run the same "
            "command without --check.",
        ),
        (
            (LEADS, SEEN, SEEN),
            CHECK._replace(stop_after=1),
            "Nothing stands against the roll now. It would take s2. s3, s1 would come in a later run. Nothing was "
            "changed. To do it, run the same command without --check.",
        ),
    ],
)
def test_the_last_line(read: tuple[dict[str, Any], ...], options: Any, line: str) -> None:
    assert verdict(led(**dict(zip(("s1", "s2", "s3"), read, strict=True))), options) == line


def test_half_way_is_well_but_not_the_end() -> None:
    """What is well has to be said in these words: a fleet looks for them."""
    told = "3 servers: 2 on boltdb, 1 on wal. All is well. Half way: migrate goes on, rollback goes back."
    assert verdict(led(s3={**WAL, "done": False}), ME) == told
    assert ill(led(s3={**WAL, "done": False})) == []


DOWN = {"up": False, "role": "down"}


@pytest.mark.parametrize(
    ("servers", "says"),
    [
        (led(s3=DOWN), "1 down. The cluster still serves (2 of 3 voters), but cannot lose another. Look at s3 (down)."),
        (led(s2=DOWN, s3=DOWN)[1:], "No server leads: the cluster accepts no writes. Look at s2 (down); s3 (down)."),
        (led(s1={**DOWN, "role": "silent"}), "No server leads: the cluster accepts no writes. Look at s1 (silent)."),
        (
            [*led(), server("s4"), server("s5", **DOWN)],
            "The cluster still serves (4 of 5 voters), but can lose 1 more. Look at s5 (down).",
        ),
        (
            led(s1={"view_planned": {"leader": "id-s1", "voters": ["id-s1", "id-s2"]}}, s3=DOWN),
            "The cluster still serves (2 of 2 voters), but cannot lose another.",
        ),
    ],
)
def test_what_the_cluster_can_still_do_while_servers_are_down(servers: Any, says: str) -> None:
    assert says in verdict(servers, ME)


@pytest.mark.parametrize("read", [{"hold": True}, {"interrupted": True}, {"barred": True}])
def test_a_roll_that_is_unfinished_is_said_last(read: dict[str, Any]) -> None:
    assert verdict(led(s2=read), ME).endswith(
        " A roll is unfinished: if none is running now, run the same command again."
    )
    assert "unfinished" not in verdict(led(s2=DOWN), ME)


def test_of_a_single_server() -> None:
    assert verdict(led()[:1], ME) == "1 server: on boltdb. All is well."


def test_one_that_knows_other_peers_than_its_leader_is_to_be_looked_at() -> None:
    assert ill(led(s2={"peers": PEERS[1:2]})) == ["s2 (peers)"]


def test_one_that_the_leader_does_not_call_healthy_is_to_be_looked_at() -> None:
    view = {"leader": "id-s1", "voters": [], "servers": [{"id": "id-s2", "healthy": False}]}
    assert ill(led(s1={"view": view})) == ["s2 (unhealthy)"]


CONVERTED = {"verified": 663, "backup": "/opt/nomad/data/server/raft/raft.db.migrated.20261122-104750"}


def test_what_was_done_is_told_for_the_ticket() -> None:
    times = {"stop": 0.4, "conversion": 0.2, "start": 0.1, "rejoin": 0.5, "total": 1.2}
    first = {**OUT, "times": times, "began_at": 1795344470.5, "converted": CONVERTED, "previous": True}
    first["snapshot"] = "/s/nomad-316.snap"
    last = {**WAL, "times": {"start": 0.4, "rejoin": 0.6}, "began_at": 1795344480.5, "own_snapshot": "/s/nomad-s3.snap"}
    lines = closing(led(s1=WAL, s2=first, s3=last), ME)
    assert max(map(len, lines)) <= 78
    assert lines == [
        "",
        "s2: on wal, out of the cluster 1.20 s, 2026-11-22 10:47:49 to 10:47:51 UTC",
        "  663 entries converted and compared",
        "  kept /opt/nomad/data/server/raft/raft.db.migrated.20261122-104750",
        "s3: on wal, was down before, back 2026-11-22 10:48:01 UTC",
        "Snapshots (secret: the cluster's keys are in them; cleanup removes old ones):",
        "  s2 /s/nomad-316.snap",
        "  s3 /s/nomad-s3.snap",
        "Autopilot's removal of dead servers is as it was before.",
        "Done: 3 of 3 on wal. The old stores stay until you run cleanup.",
    ]


def test_a_terminal_breaks_no_line_of_a_server_with_a_long_name() -> None:
    times = {"conversion": 100.0, "rejoin": 23.4, "total": 123.4}
    done = {**OUT, "times": times, "began_at": 1795344470.5}
    lines = closing([server("nomad-server-1.dc1.example", **done)], ME._replace(backend="boltdb"))
    first, second = lines[1:3]
    assert max(map(len, lines)) <= 78 and second.startswith("  ")
    assert f"{first} {second.strip()}" == (
        "nomad-server-1.dc1.example: on boltdb, out of the cluster 123.40 s, 2026-11-22 10:46:10 to 10:48:13 UTC"
    )


def test_a_time_out_over_midnight_has_both_dates() -> None:
    times = {"copying": 10.0, "rejoin": 5.0, "total": 15.0}
    lines = closing(led(s2={**OUT, "times": times, "began_at": 1795392000.0}), ME)
    told = " ".join(line.strip() for line in lines)
    assert "out of the cluster 15.00 s, 2026-11-22 23:59:50 to 2026-11-23 00:00:05 UTC" in told


def test_of_one_that_has_not_come_back_nobody_can_say_when() -> None:
    lines = closing(led(s2={**WAL, "times": {"stop": 0.4, "start": 0.1}, "began_at": 1795392000.0}), ME)
    assert lines[1] == "s2: on wal, was down before"


SAVED = {"path": "/s/nomad-316.snap", "size": 3, "created": "2026-11-22T10:47:50Z"}


def test_after_a_roll_only_its_own_snapshots_are_named_a_look_lists_all_that_are_there() -> None:
    there = {name: {"snapshots": [SAVED, SAVED]} for name in ("s1", "s2", "s3")}
    assert " ".join(" ".join(at_end(led(**there), ME)).split()).count("2 snapshots, 6 Bytes") == 3
    rolled = at_end(led(**{**there, "s2": {**there["s2"], **OUT, "own_snapshot": "/s/own.snap"}}), ME)
    assert [line for line in rolled if "snap" in line.lower()] == [
        "Snapshots (secret: the cluster's keys are in them; cleanup removes old ones):",
        "  s2 /s/own.snap",
    ]


def test_the_end_is_the_cluster_then_the_times_then_what_was_done() -> None:
    servers = led(s1=WAL, s2=OUT, s3=WAL)
    expected = [*status(servers), "", *times(servers), *closing(servers, ME)]
    assert at_end(servers, ME) == expected and times(servers) != []
    assert at_end(led(), ME) == [*status(led()), *closing(led(), ME)]


def test_a_hold_that_is_still_there_is_not_said_to_be_over() -> None:
    lines = closing(led(s1={**OUT, "previous": True}, s2={**WAL, "hold": True}, s3=WAL), ME)
    assert not any("Autopilot" in line for line in lines)


def test_a_rehearsal_has_left_nothing() -> None:
    lines = closing(led(s1={**SEEN, "previous": True, "snapshot": "/s/"}), CHECK)
    assert lines[:1] == [""] and " ".join(lines[1:]).startswith("Nothing stands against the roll now.")
    assert not [line for line in lines if "Autopilot" in line or "Snapshots" in line]


def test_where_nothing_was_done_there_is_only_the_verdict() -> None:
    assert closing(led(), ME) == ["", "3 servers: 3 on boltdb. All is well."]


def test_a_canary_is_the_first_with_something_to_do_and_the_others_come_later() -> None:
    servers = led(s1={"rank": RANKS["leader"]}, s2={"todo": False, "rank": 1})
    made = plan(servers, ME._replace(stop_after=1))
    assert (made.queue, made.busy) == (["s2", "s3"], ["s3"])
    assert [line.split()[5] for line in made.lines[1:4]] == ["nothing", "migrate", "later"]
    assert plan(servers, ME).busy == plan(servers, ME._replace(stop_after=2)).busy == ["s3", "s1"]


@pytest.mark.parametrize(("strict", "hold", "fails"), [(True, True, True), (False, True, False), (True, False, False)])
def test_a_look_fails_where_it_was_asked_to_and_something_is_wrong(strict: bool, hold: bool, fails: bool) -> None:
    assert turn(led(s2={"hold": hold}), "s1", ME._replace(status_strict=strict), Answered()).end.ill.refused is fails
