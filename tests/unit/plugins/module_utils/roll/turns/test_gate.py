# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate is closed where there is a refusal, and only there."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.gate import gate


def test_it_is_closed_where_there_is_a_refusal() -> None:
    assert gate("s1 is down.") == (True, "s1 is down.")
    assert gate("") == (False, "")
