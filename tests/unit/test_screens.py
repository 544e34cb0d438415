# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of `make screens`: what varies is gone and lines break where they did; nothing is left out unsaid."""

from __future__ import annotations

import re

import pytest
from screens.normal import Normal, broken, in_order
from screens.page import TAIL, page
from screens.story import Screen

FIRST, SECOND = "0b2f7c1e-1a2b-3c4d-5e6f-0123456789ab", "ffffffff-1a2b-3c4d-5e6f-0123456789ab"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("started at 2026-11-22 10:47:50 UTC", "started at 2027-01-01 00:00:01 UTC"),
        ("raft.db.migrated.20261122-104750", "raft.db.migrated.20270101-000001"),
        ("out of the cluster for 1.20 s", "out of the cluster for 9.99 s"),
        (f"nomad-1 is {FIRST}", f"nomad-1 is {SECOND}"),
    ],
)
def test_two_runs_give_the_same_line_which_is_as_long_as_before(one: str, other: str) -> None:
    assert Normal().line(one) == Normal().line(other)
    assert len(Normal().line(one)) == len(one)
    assert Normal().line(one) not in (one, other)


def test_two_servers_stay_two() -> None:
    normal = Normal()
    assert normal.line(FIRST) != normal.line(SECOND)
    assert normal.line(FIRST) == normal.line(f"again {FIRST}").split()[1]


@pytest.mark.parametrize("text", ["3 servers: 3 on boltdb.", "10.0.0.11:4646", "2.0.5", "(15 s of 300 s)"])
def test_what_does_not_vary_is_left(text: str) -> None:
    assert Normal().line(text) == text


def test_lines_break_at_the_last_column() -> None:
    assert broken(["a" * 10, "", "bc  "], 4) == ["aaaa", "aaaa", "aa", "", "bc"]


def test_what_several_servers_do_at_once_is_in_the_order_of_their_names() -> None:
    lines = ["TASK [Look]", "ok: [nomad-2]", "ok: [nomad-1]", "ok: [nomad-1] => (item=b)", "ok: [nomad-1] => (item=a)"]
    assert in_order(lines) == ["TASK [Look]", "ok: [nomad-1]", "ok: [nomad-2]", *lines[3:]]


def test_rows_that_are_not_shown_are_counted() -> None:
    turns = ["PLAY [Roll through the servers] **", "fatal: [nomad-1]: FAILED! => {" + "x" * 1000 + "}", ""]
    lines = [f"line {number}" for number in range(80 + TAIL + 30)]
    lines += [
        *turns,
        *turns,
        *turns[1:],
        "line The last lines of its log:",
        *"abcdefghi",
        "fatal: [nomad-1]: FAILED!",
        "",
        "PLAY [Prove the end state] **",
    ]
    text = page([Screen("Roll", "About.", "roll", lines, 0, above=7)], 80, "")
    hidden = [int(found) for found in re.findall(r"\[\.\.\. (\d+) lines", text)]
    (block,) = re.findall(r"```text\n(.*?)```", text, re.S)
    shown = [row for row in block.splitlines() if not row.startswith(("[...", "$ "))]
    count = len(broken(lines, 80))
    assert sum(hidden) + len(shown) == count
    assert hidden[0] == 7 and f"{count} lines. Exit code 0." in text
