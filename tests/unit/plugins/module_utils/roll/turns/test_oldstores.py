# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cleanup says before it asks, and at its end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.oldstores import closing, youngest
from support.rolls.servers import ME, three

NOON = 1796040000.0  # 2026-11-30 12:00:00 UTC
OLD, NEW = "wal.migrated.20261120-120000", "raft.db.migrated.20261130-115800-2"
NO_MORE = {"removed": [], "kept": [], "state": "wal", "freed_bytes": 0}


def old(**found: Any) -> dict[str, Any]:
    return {"old_stores": {**NO_MORE, **found}}


def test_old_stores_that_were_just_made_are_better_kept_and_no_way_back_needs_them() -> None:
    lines = youngest(three(s1=old(removed=[OLD]), s2=old(removed=[OLD, NEW]), s3=old(kept=[NEW])), NOON)
    assert max(map(len, lines)) <= 78
    assert " ".join(lines) == (
        "The youngest store to be removed was made 2 minutes ago. Keep old stores for some days, as evidence. rollback "
        "does not need them."
    )


def test_of_old_ones_only_the_age_is_told() -> None:
    told = "The youngest store to be removed was made 10 days ago. rollback does not need them."
    assert " ".join(youngest(three(s1=old(removed=[OLD]), s2=old(kept=[NEW])), NOON)) == told


def test_a_server_whose_clock_is_ahead_has_made_it_just_now() -> None:
    assert "made less than a minute ago" in youngest(three(s1=old(removed=[NEW])), NOON - 3600)[0]


@pytest.mark.parametrize("removed", [[], ["raft.db.migrated.1"], ["raft.db.migrated.99999999-999999"]])
def test_without_a_time_nothing_is_told(removed: list[str]) -> None:
    assert youngest(three(s1=old(removed=removed)), NOON) == []
    assert youngest(three(), NOON) == []


@pytest.mark.parametrize(
    ("found", "options", "kept"),
    [
        ({}, {}, ""),
        ({"kept_snapshots": ["/s/b.snap"]}, {}, " Kept on each server: the newest snapshot."),
        ({"kept_snapshots": ["/s/b"]}, {"keep_snapshots": 2}, " Kept on each server: the newest 2 snapshots."),
        (
            {"kept_snapshots": ["/s/b.snap"], "kept": [NEW]},
            {"keep_backups": 1},
            " Kept on each server: the newest old store and the newest snapshot.",
        ),
    ],
)
def test_the_end_says_what_has_gone_what_stays_and_that_nothing_is_left_to_do(
    found: dict[str, Any], options: dict[str, Any], kept: str
) -> None:
    servers = three(s1=old(removed=[OLD], freed_bytes=3 << 20, **found), s2=old(freed_bytes=4 << 20, **found))
    assert " ".join(closing(servers, ME._replace(**options))) == f"Removed 7.0 MB.{kept} Nothing more to do."


def test_where_nothing_has_gone_nothing_is_said() -> None:
    assert closing(three(s1=old(removed=[OLD])), ME._replace(check_mode=True)) == []
    assert closing(three(s1=old(kept=[OLD])), ME) == closing(three(), ME) == []
    only_snapshots = old(removed_snapshots=["/s/a.snap"], freed_bytes=5)
    assert closing(three(s1=only_snapshots), ME) == ["Removed 5 Bytes. Nothing more to do."]
