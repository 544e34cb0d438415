# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the page, beside the record."""

from __future__ import annotations

from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._record.build import build
from ansible_collections.raftops.nomad.plugins.module_utils._record.page import tables
from support.records import stories
from support.records.reading import read, rows


def of(html: str) -> list[dict[str, Any]]:
    return rows(read(html))


def test_the_servers() -> None:
    first, second, third = of(tables.servers(build("x", stories.failed("start"))))
    assert first["server"] == "nomad-2" and first["backend"] == "boltdb \u2192 wal" and first["state"] == "done"
    assert (first["size"], first["entries"]) == ("32 MB", "8\u202f123")
    assert [first[name] for name in ("stop", "convert", "start", "rejoin")] == ["0.41 s", "0.33 s", "0.12 s", "0.52 s"]
    assert first["out of the cluster"] == "1.38 s" and first["agent started, UTC"] == "2026-11-25 12:47:21"
    assert (second["state"], second["backend"], second["out of the cluster"]) == ("failed", "boltdb", "-")
    assert (third["state"], third["role"]) == ("left for later", "leader \u2605")


def test_nobody_knows_the_backend_of_a_lost_one() -> None:
    assert of(tables.servers(build("x", stories.lost())))[1]["backend"] == "boltdb \u2192 ?"


def test_before_anything_was_done_there_are_no_times() -> None:
    story = stories.Story()
    stories.began(story)
    stories.planned(story, stories.names(2))
    assert "stop" not in of(tables.servers(build("x", story.events)))[0]


def test_snapshots_and_what_is_left() -> None:
    record = build("x", stories.roll())
    found = of(tables.snapshots(record))
    assert len(found) == 4 and {row["state"] for row in found} == {"its own", "the leader's"}
    assert all(len(row["SHA-256"]) == 64 and row["file"].endswith(".snap") for row in found)
    assert [row["what"] for row in of(tables.kept(record))] == ["old store, kept", "configuration, changed"] * 3


def test_what_a_cleanup_has_removed() -> None:
    story = stories.Story()
    stories.began(story, playbook="cleanup")
    story.note(
        "removed", server="a", removed=["raft.db.migrated.1"], kept=["wal.migrated.2"], removed_snapshots=["a.snap"]
    )
    told = [(row["what"], row["where"]) for row in of(tables.kept(build("x", story.events)))]
    assert told == [
        ("old store, removed", "raft.db.migrated.1"),
        ("old store, kept", "wal.migrated.2"),
        ("snapshot, removed", "a.snap"),
    ]


def test_without_anything_there_is_no_table() -> None:
    record = build("x", [])
    for made in tables.servers, tables.snapshots, tables.kept:
        assert made(record) == ""
