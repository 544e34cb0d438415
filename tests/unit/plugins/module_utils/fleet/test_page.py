# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page over all clusters."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._fleet import states
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.moments import clock
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.page import merged, page

BEGAN = 1795964400.0


def run(**known: dict[str, Any]) -> dict[str, Any]:
    return {
        "do": "migrate",
        "began": BEGAN,
        "command": "ansible-playbook <fleet>",
        "clusters": list(known),
        "states": known,
        "waves": [list(known)],
    }


def rows(text: str) -> list[list[str]]:
    """The words of each row's cells."""
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td.*?</td>", row)]
        for row in re.findall(r"<tr><td.*?</tr>", text)
    ]


def test_failures_come_first_with_their_reason_and_log() -> None:
    good = {
        "state": states.ROLLED,
        "began": BEGAN,
        "ended": BEGAN + 61,
        "servers": 3,
        "backend": "wal",
        "log": "/logs/a",
    }
    bad = {
        "state": states.FAILED,
        "line": "s1 is <not> back & ill.",
        "log": "/logs/b",
        "began": BEGAN,
        "ended": BEGAN + 9,
    }
    text = page(run(a={**good, "report": "clusters/a/report.html"}, b=bad))
    assert '<td><a href="clusters/a/report.html">a</a></td>' in text
    found = rows(text)
    assert [row[0] for row in found] == ["b", "a"]
    assert found[0][2] == "failed" and found[0][-1] == "s1 is &lt;not&gt; back &amp; ill./logs/b"
    assert found[1][:7] == ["a", "1", "rolled", "3", "wal", clock(BEGAN), "1:01"]
    assert "&lt;fleet&gt;" in text and "2 clusters: 1 failed, 1 rolled." in text


class Balanced(HTMLParser):
    """Raises AssertionError where a tag is not closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag not in ("script", "link", "img")
        if tag != "meta":
            self.open.append(tag)
        self.rows += tag == "tr"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_stands_by_itself_and_is_whole_for_two_hundred() -> None:
    parser = Balanced()
    text = page(run(**{f"c{number}": {"state": states.ROLLS, "line": "<b>"} for number in range(200)}))
    parser.feed(text)
    assert parser.open == [] and parser.rows == 201
    assert "http:" not in text and "https:" not in text and "src=" not in text and "url(" not in text


def test_it_runs_nothing_and_is_dark_and_printed_as_its_reader_wants() -> None:
    text = page(run(a={"state": states.ROLLED}))
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    assert html.unescape(policy) == "default-src 'none'; style-src 'unsafe-inline'"
    style = text[text.index("<style>") : text.index("</style>")]
    assert "@media print {" in style
    values = re.findall(r":root \{([^}]*)\}", style)
    assert len(values) == 2 and "@media screen and (prefers-color-scheme: dark) { :root {" in style
    used = set(re.findall(r"var\((--\w+)\)", style))
    for one in values:
        assert set(re.findall(r"(--\w+):", one)) == used, "each colour has a value for light and for dark"
    assert "#" not in re.sub(r":root \{[^}]*\}", "", style), "no colour is fixed"


def test_what_was_rolled_by_an_earlier_run_keeps_its_times() -> None:
    first = run(
        a={"state": states.ROLLED, "began": 5, "ended": 9, "log": "/first"}, b={"state": states.FAILED, "ended": 4}
    )
    second = run(a={"state": states.IN_ORDER, "log": "/second"}, b={"state": states.IN_ORDER})
    made = merged([first, second])
    assert made["states"] == {
        "a": {"state": "in order", "began": 5, "ended": 9, "log": "/first"},
        "b": {"state": "in order"},
    }
    assert made["waves"] == [["a", "b"]]
    assert second["states"]["a"]["log"] == "/second"


def test_a_run_with_limit_leaves_no_cluster_out() -> None:
    canary = run(b={"state": states.ROLLED, "ended": 3})
    wide = {**run(a={"state": states.ROLLED, "ended": 9}, b={"state": states.IN_ORDER}), "waves": [["a"], ["b"]]}
    later = run(c={"state": states.FAILED})
    made = merged([canary, wide, later])
    assert made["clusters"] == ["a", "b", "c"] and made["waves"] == [["a"], ["b"]]
    assert {name: known["state"] for name, known in made["states"].items()} == {
        "a": "rolled",
        "b": "in order",
        "c": "failed",
    }
    assert made["states"]["b"]["ended"] == 3 and "3 clusters: 1 failed, 1 rolled, 1 in order." in page(made)
