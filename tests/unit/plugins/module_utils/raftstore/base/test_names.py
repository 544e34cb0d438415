# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: readable, free, and never one that is not ours."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base import names


def test_a_name_carries_its_time_and_a_taken_one_gets_a_number() -> None:
    stamp = "20261122-104750"
    first = names.free_name([], "raft.db", "migrated", stamp)
    second = names.free_name([first], "raft.db", "migrated", stamp)
    third = names.free_name([first, second], "raft.db", "migrated", stamp)
    assert (first, second, third) == (f"raft.db.migrated.{stamp}", f"{first}-2", f"{first}-3")
    for name in (first, second, third):
        assert names.BACKUP.match(name) and names.SECOND_NAME.match(name) and names.OLD_STORE.match(name)


@pytest.mark.parametrize(
    "name",
    ["raft.db", "wal", "raft.db.migrated.", "raft.db.migrated.1/../x", "xraft.db.migrated.1", "wal.migrated.1\n"],
)
def test_other_names_are_no_backups(name: str) -> None:
    assert not names.BACKUP.match(name) and not names.OLD_STORE.match(name)


def test_the_guard_is_known_by_the_directory_it_points_into() -> None:
    assert names.guard_target("raft.db.migrated.1") == "this-server-is-on-wal/see-raft.db.migrated.1"
    assert names.is_guard_target(names.guard_target(""))
    for target in ("this-server-is-on-wal", "/this-server-is-on-wal/see", "elsewhere/raft.db"):
        assert not names.is_guard_target(target)


def test_what_may_be_removed_is_no_store() -> None:
    assert not {names.RAFT_DB, names.WAL_DIR, names.JOURNAL} & set(names.PARTIALS)
    assert not any(names.OLD_STORE.match(name) for name in names.PARTIALS)
