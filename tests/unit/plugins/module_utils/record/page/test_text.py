# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML from values: nothing is HTML that this file has not made."""

from __future__ import annotations

from typing import Optional

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.page.text import (
    Html,
    clock,
    count,
    element,
    join,
    seconds,
    section,
    table,
    unix,
)

EVIL = "\"><script>alert('1')</script>&"


def test_everything_is_escaped_once() -> None:
    assert element("p", "a & b") == "<p>a &amp; b</p>"
    assert element("p", element("b", "<i>")) == "<p><b>&lt;i&gt;</b></p>"
    assert "<script" not in element("p", EVIL, title=EVIL) and element("p", title='"') == '<p title="&quot;"></p>'
    assert "<script" not in table([EVIL], [[EVIL]]) and "<script" not in join([EVIL, EVIL], EVIL[:0])


def test_attributes() -> None:
    assert element("td", "1", class_="n", aria_label="x", style=None, title="") == '<td class="n" aria-label="x">1</td>'
    assert element("meta", name="viewport") == '<meta name="viewport">'


def test_a_section_without_content_is_none() -> None:
    assert section("Warnings", None, "", Html("")) == "" and "<h2>Warnings</h2>" in section("Warnings", "one")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        (0, "0.00 s"),
        (0.414, "0.41 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (99.94, "99.9 s"),
        (99.96, "1 min 40 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_a_time_is_as_long_as_it_has_to_be(value: Optional[float], words: str) -> None:
    assert seconds(value) == words


def test_other_words() -> None:
    assert clock("2026-11-25T12:47:15.250Z") == unix(1795610835.25) == "2026-11-25 12:47:15 UTC"
    assert (clock(None), unix(None), count(None), count(8123)) == ("-", "-", "-", "8\u202f123")
