# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown above the question: who would be taken, in lines that fit on a terminal."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._roll.question import question
from support.rolls.servers import ME, led

SIZES = {"size": 214 << 20, "needs": 90 << 20, "available": 5 << 30}


def test_what_would_be_done_is_told_with_what_it_needs() -> None:
    servers = led(s1={"rank": 4, **SIZES}, s2={"todo": False, "rank": 1}, s3=SIZES)
    lines = question(servers, ME).splitlines()
    assert [line.split() for line in lines[1:-3]] == [
        ["order", "server", "role", "size", "needs", "free"],
        ["1", "s3", "follower", "214MB", "90MB", "5.0GB"],
        ["2", "s1", "leader", "214MB", "90MB", "5.0GB"],
    ]
    assert lines[-3] == "2 to move, 1 done." and max(map(len, lines)) <= 80


def test_a_canary_says_who_comes_later() -> None:
    lines = question(led(s1={"rank": 4}), ME._replace(stop_after=1)).splitlines()
    assert [line.split()[1] for line in lines[2:-3]] == ["s2"]
    assert lines[-3] == "1 to move, 0 done, 2 in a later run."
