# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal as text, read whatever has happened to it; and which record a run adds to."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record import journal
from support.records import stories

EVENTS = stories.roll()
WHOLE = b"".join(journal.line(one) for one in EVENTS)


def test_what_was_written_is_read() -> None:
    assert journal.read(WHOLE) == EVENTS


@pytest.mark.parametrize("length", [0, 1, 20, len(WHOLE) - 1, len(WHOLE) - 2])
def test_a_torn_last_line_is_left_out(length: int) -> None:
    read = journal.read(WHOLE[:length])
    whole = WHOLE[:length].count(b"\n")
    assert read in (EVENTS[:whole], EVENTS[: whole + 1]), "a line without its newline may be whole"


@pytest.mark.parametrize(
    "line", [b"[]", b"null", b"7", b"{}", b'{"kind": "won", "at": 1}', b'{"kind": ["leads"], "at": 1}', b"\xff\xfe",
             b'{"kind": "leads"}', b'{"kind": "leads", "at": "soon"}', b"[" * 100000]
)  # fmt: skip
def test_a_line_that_is_no_event_is_left_out(line: bytes) -> None:
    assert journal.read(line + b"\n" + journal.line(EVENTS[0])) == EVENTS[:1]


def test_what_somebody_else_has_added_to_an_event_is_left_out() -> None:
    assert journal.read(b'{"kind": "leads", "at": 1, "server": "a", "token": "t"}\n') == [
        {"kind": "leads", "at": 1.0, "server": "a"}
    ]


def test_the_name() -> None:
    assert journal.name("migrate", "nomad_servers", 1795610835.2) == "migrate-nomad_servers-20261125T124715Z"
    assert journal.wrong_name(journal.name("migrate", "no/mad servers", 0.0)) == ""


def test_names_that_this_has_made_are_known() -> None:
    start = journal.prefix("migrate", "a")
    assert journal.is_named(journal.name("migrate", "a", 1.0), start)
    assert not journal.is_named(journal.name("migrate", "a-b", 1.0), start), "another group's"
    assert not journal.is_named(f"{start}CHG-4711", start)


@pytest.mark.parametrize("given", ["", ".", "..", "a/b", "-x", ".x", "a b", "a\n", "x" * 101, "\u00e4"])
def test_a_name_that_files_cannot_have_is_refused(given: str) -> None:
    assert "raft_logstore_report_name is" in journal.wrong_name(given)
    assert journal.wrong_name("CHG-4711_a.b") == ""


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], False),
        (stories.roll(), False),
        (stories.failed("start"), True),
        (stories.resumed(), False),
        (stories.roll()[:-1], True),
        ([*stories.roll(), stories.roll()[0]], True),
        ([*stories.roll()[:-1], {"kind": "run_ended", "at": 1.0, "ok": True}], False),
        ([*stories.roll()[:-1], {"kind": "run_ended", "at": 1.0, "ok": True, "complete": False}], True),
    ],
)
def test_whether_the_next_run_adds_to_it(events: list[dict[str, Any]], expected: bool) -> None:
    assert journal.goes_on(events) is expected
