# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tables say about a server, in lines that people read."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll import plan as planning
from ansible_collections.raftops.nomad.plugins.module_utils._roll import tables
from ansible_collections.raftops.nomad.plugins.module_utils._roll.tables import table
from support.rolls.servers import ME, server, three

DONE: dict[str, Any] = {
    "running": "wal",
    "configured": "wal",
    "store": "wal",
    "guarded": True,
    "applied": 1,
    "todo": False,
}
PHASES = {"stop": 0.412, "configuration": 0.021, "conversion": 0.25, "start": 0.125, "rejoin": 1.5, "total": 2.31}


def status(**read: Any) -> list[str]:
    """The lines for a cluster whose s2 is as given; the others are done."""
    return tables.status([server(name, **{**DONE, **(read if name == "s2" else {})}) for name in ("s1", "s2", "s3")])


def row(lines: list[str]) -> str:
    (found,) = [line for line in lines if " s2 " in f" {line} "]
    return found


def test_columns_are_as_wide_as_needed_and_lines_end_where_their_text_does() -> None:
    assert tables.table([("a", "bc", "d"), (10, "", "")]) == ["a   bc  d", "10"]


@pytest.mark.parametrize("guarded", [False, True])
def test_a_wal_without_guard_is_in_the_table_of_the_status(guarded: bool) -> None:
    """As the Nomad command makes it: configured for boltdb again, Nomad would start empty."""
    lines = status() if guarded else tables.status(three(s2={**DONE, "guarded": False}))
    assert ("unguarded" in row(lines)) is not guarded
    assert ("The next time its agent is stopped, run raft_migrate_backend on it." in lines[-1]) is not guarded


@pytest.mark.parametrize(("read", "told"), [({}, False), ({"hold": True}, True), ({"interrupted": True}, True)])
def test_the_status_says_that_a_roll_has_not_ended(read: dict[str, Any], told: bool) -> None:
    said = " ".join(status(**read))
    assert ("If it stopped, run the same command again: it goes on from there." in said) is told
    assert len(status(**read)) == (6 if told else 4)


def test_one_that_does_not_answer_is_never_shown_without_its_reason() -> None:
    lines = status(up=False, role="down", error="refused. It runs elsewhere")
    assert row(lines[:4]).endswith("  down")
    assert lines[-1] == "s2: refused. It runs elsewhere."


@pytest.mark.parametrize(
    ("read", "told"),
    [({"configured": "boltdb"}, True), ({"store": "both"}, True), ({"running": "boltdb"}, True), ({}, False)],
)
def test_a_server_of_which_the_next_start_would_not_go_on_is_told(read: dict[str, Any], told: bool) -> None:
    lines = status(**read)
    assert row(lines).endswith("differs") is told
    assert ("The next start would not go on with what runs now, or would fail." in lines[-1]) is told


def test_the_health_is_the_leaders_word_about_a_server() -> None:
    def health(host: str, known: dict[str, bool] | None) -> str:
        servers = [{"id": f"id-{name}", "healthy": healthy} for name, healthy in (known or {}).items()]
        view = {"leader": "id-s1", "voters": [], "servers": servers} if known is not None else None
        (line,) = [line for line in tables.status(three(s3={"view": view})) if line.startswith(host)]
        return line.split()[2]

    assert health("s2", {"s1": True, "s2": True}) == "healthy"
    assert health("s2", {"s1": True, "s2": False}) == "unhealthy"
    assert health("s2", {"s1": True}) == health("s2", None) == "unknown"


def test_of_a_server_that_is_down_only_the_disk_is_told() -> None:
    read = {"up": False, "role": "down", "version": "", "running": "", "applied": None}
    view = {"leader": "id-s1", "voters": [], "servers": [{"id": "id-s2", "healthy": True}]}
    told = row(tables.status(three(s1={"view": view}, s2=read))).split()
    assert told == ["s2", "down", "-", "-", "-", "boltdb", "boltdb", "-", "down"]


def test_a_time_out_of_the_cluster_is_shown_with_what_it_was_made_of() -> None:
    lines = tables.times(three(s1={"times": PHASES}))
    assert lines[0] == "Seconds out of the cluster, on each server's own clock:"
    assert [line.split() for line in lines[1:3]] == [
        ["server", "stop", "configuration", "conversion", "start", "rejoin", "total"],
        ["s1", "0.41", "0.02", "0.25", "0.12", "1.50", "2.31"],
    ]
    assert tables.times(three()) == []


def test_of_one_that_was_down_before_there_is_no_total_and_of_what_did_not_happen_no_time() -> None:
    repaired = {name: PHASES[name] for name in ("stop", "configuration", "start", "rejoin")}
    line = tables.times(three(s3={"times": repaired}))[2]
    assert line.split() == ["s3", "0.41", "0.02", "-", "0.12", "1.50", "repaired"]


def test_each_old_store_has_a_line_that_says_whether_it_goes() -> None:
    old = {"removed": ["raft.db.migrated.1"], "kept": ["raft.db.migrated.2"], "state": "wal", "freed_bytes": 5}
    none = {"removed": [], "kept": [], "state": "boltdb", "freed_bytes": 0}
    lines = tables.cleanup(three(s1={"old_stores": old}, s2={"old_stores": none}, s3={"old_stores": old}))
    assert lines[0].split() == ["server", "store", "old", "store", "action"]
    assert [line.split() for line in lines[1:3]] == [
        ["s1", "wal", "raft.db.migrated.1", "remove"],
        ["s1", "wal", "raft.db.migrated.2", "keep"],
    ]
    assert len(lines) == 7 and lines[-2:] == ["", "10 Bytes will become free."]
    would = tables.cleanup(three(s1={"old_stores": old}), rehearsal=True)
    assert "would-remove" in would[1] and would[-1] == "Would remove 5 Bytes. Nothing was changed."


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, "0 Bytes"), (1023, "1023 Bytes"), (1024, "1.0 KB"), (1536, "1.5 KB"), (10190, "10 KB"),
        (214 << 20, "214 MB"), (5 << 29, "2.5 GB"), (1 << 70, "1024 EB"),
    ],
)  # fmt: skip
def test_sizes_are_for_people(size: int, told: str) -> None:
    assert tables.human(size) == told


def test_tables_fit_on_a_terminal_beside_the_quotes_of_a_callback() -> None:
    names = {"address": "192.168.100.101:4647", "last_index": 12345678, "size": 214 << 20, "applied": 1234567}
    servers = [server(f"nomad-{n}", **{**DONE, **names, "version": "2.0.5", "times": PHASES}) for n in (1, 2, 3)]
    lines = [*tables.status(servers), *tables.times(servers), *table(planning.rows(servers, ME))]
    assert max(map(len, lines)) <= 69 and len(lines) == 15, lines
