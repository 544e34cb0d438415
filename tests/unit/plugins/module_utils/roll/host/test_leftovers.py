# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier runs have left, from one look. That a server counts as ours for it: roll/test_server.py."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._roll.host import leftovers
from support.rolls.servers import looked


def test_of_a_server_that_nobody_has_touched_there_is_nothing() -> None:
    left = leftovers.left(looked({}))
    assert not any(left.values()) and left["held"] is None


def test_each_thing_that_is_left_is_told() -> None:
    hold = {"origin": "me", "previous": True, "created": "2026-11-22T13:20:35Z"}
    ended = {"at_work": False, "untold": True, "sentence": "It has ended."}
    look = looked({}, hold=hold, drop_in="/run/systemd/x.conf", transaction=ended)
    look["leftovers"]["snapshots"] = [{"path": "/s/a.snap", "size": 3, "created": "2026-11-22T10:47:44Z"}]
    assert leftovers.left(look) == {
        "held": hold, "hold": True, "barred": True, "at_work": False, "untold": True, "transaction": "It has ended.",
        "snapshots": ({"path": "/s/a.snap", "size": 3, "created": "2026-11-22T10:47:44Z"},),
    }  # fmt: skip
