# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tables say about a server, in lines that people read."""

from __future__ import annotations

from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._roll import plan as planning
from ansible_collections.raftops.nomad.plugins.module_utils._roll import tables
from ansible_collections.raftops.nomad.plugins.module_utils._text.lines import table
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


def row(lines: list[str], host: str) -> str:
    (found,) = [line for line in lines if line.startswith(f"{host} ")]
    return found


def test_the_health_is_the_leaders_word_about_a_server() -> None:
    def health(host: str, known: dict[str, bool] | None) -> str:
        servers = [{"id": f"id-{name}", "healthy": healthy} for name, healthy in (known or {}).items()]
        view = {"leader": "id-s1", "voters": [], "servers": servers} if known is not None else None
        return row(tables.status(three(s3={"view": view}))[:4], host).split()[2]

    assert health("s2", {"s1": True, "s2": True}) == "healthy"
    assert health("s2", {"s1": True, "s2": False}) == "unhealthy"
    assert health("s2", {"s1": True}) == health("s2", None) == "unknown"


def test_of_a_server_that_is_down_only_the_disk_is_told() -> None:
    read = {"up": False, "role": "down", "version": "", "running": "", "applied": None}
    view = {"leader": "id-s1", "voters": [], "servers": [{"id": "id-s2", "healthy": True}]}
    told = row(tables.status(three(s1={"view": view}, s2=read)), "s2").split()
    assert told == ["s2", "down", "-", "-", "-", "boltdb", "boltdb", "-"]


def test_a_time_out_of_the_cluster_is_shown_with_what_it_was_made_of() -> None:
    lines = tables.times(three(s1={"times": PHASES}))
    assert lines[0] == "Seconds out of the cluster, on each server's own clock:"
    assert [line.split() for line in lines[1:3]] == [
        ["server", "stop", "configuration", "conversion", "start", "back", "total"],
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
    assert lines[0].split() == ["server", "store", "old", "action"]
    assert [line.split() for line in lines[1:3]] == [
        ["s1", "wal", "raft.db.migrated.1", "remove"],
        ["s1", "wal", "raft.db.migrated.2", "keep"],
    ]
    assert len(lines) == 7 and lines[-2:] == ["", "10 Bytes will become free."]
    would = tables.cleanup(three(s1={"old_stores": old}), rehearsal=True)
    last = "Would remove 5 Bytes. Nothing was changed. To do it, run the same command without --check."
    assert "would-remove" in would[1] and would[-1] == last


def test_where_no_server_has_any_there_is_nothing_to_remove() -> None:
    none = {"removed": [], "kept": [], "state": "wal", "freed_bytes": 0}
    assert tables.cleanup(three(s1={"old_stores": none})) == ["There is nothing to remove."]
    assert tables.cleanup(three(), rehearsal=True) == ["There is nothing to remove."]


def test_a_snapshot_has_a_line_like_an_old_store() -> None:
    saved = {"removed_snapshots": ["/s/nomad-1-T1.snap"], "kept_snapshots": ["/s/nomad-2-T2.snap"]}
    old = {"removed": [], "kept": [], "state": "wal", "freed_bytes": 5, **saved}
    lines = tables.cleanup(three(s1={"old_stores": old}))
    assert [line.split() for line in lines[1:3]] == [
        ["s1", "wal", "nomad-1-T1.snap", "remove"],
        ["s1", "wal", "nomad-2-T2.snap", "keep"],
    ]


def test_a_table_that_is_too_wide_leaves_out_what_matters_least() -> None:
    def titles(host: str) -> list[str]:
        read = {"version": "2.0.5+ent", "applied": 12345678}
        return tables.status([server(host, **{**DONE, **read})])[0].split()

    whole = ["server", "role", "health", "version", "running", "config", "disk", "applied"]
    assert titles("n1") == whole
    assert titles("nomad-server-1") == [title for title in whole if title != "version"]
    assert titles("nomad-server-1.dc1.example") == [title for title in whole if title not in ("version", "applied")]


def test_tables_fit_on_a_terminal_beside_the_quotes_of_a_callback() -> None:
    names = {"address": "192.168.100.101:4647", "last_index": 12345678, "size": 214 << 20, "applied": 1234567}
    servers = [server(f"nomad-{n}", **{**DONE, **names, "version": "2.0.5", "times": PHASES}) for n in (1, 2, 3)]
    lines = [*tables.status(servers), *tables.times(servers), *table(planning.rows(servers, ME))]
    assert max(map(len, lines)) <= 69 and len(lines) == 13, lines
