# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole page: well formed, in order, alone, and safe whatever is in its names."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.build import build
from ansible_collections.raftops.nomad.plugins.module_utils._record.page.page import page
from support.records import stories
from support.records.reading import Element, read

EVIL = "\"'><img src=x onerror=alert(1)><script>alert(1)</script></style></title>&lt;"
STORIES: dict[str, list[dict[str, Any]]] = {
    "three": stories.roll(3),
    "eighty": stories.roll(80),
    "lost": stories.lost(),
    "resumed": stories.resumed(),
    "under way": stories.roll()[:20],
    "nothing": [],
    **{stage: stories.failed(stage) for stage in stories.STAGES},
}


def made(events: list[dict[str, Any]]) -> Element:
    return read(page(build("CHG-1", events)))


def evil(value: Any) -> Any:
    """The same with all texts but those that name something made hostile."""
    if isinstance(value, dict):
        same = ("kind", "step", "role", "when", "left")
        return {name: one if name in same else evil(one) for name, one in value.items()}
    if isinstance(value, list):
        return [evil(one) for one in value]
    return f"{value}{EVIL}" if isinstance(value, str) else value


@pytest.mark.parametrize("name", STORIES)
def test_it_is_well_formed_and_alone(name: str) -> None:
    text = page(build("CHG-1", STORIES[name]))
    assert text.startswith("<!DOCTYPE html>\n")
    found = read(text)
    policy = next(one for one in found.every("meta") if one.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    names = {one.name for one in found.every()}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "a", "form", "base", "svg"}
    for one in found.every():
        assert not {key for key in one.attributes if key.startswith("on") or key in ("src", "href", "action")}
    assert "://" not in text


@pytest.mark.parametrize("name", STORIES)
def test_hostile_names_are_only_text(name: str) -> None:
    plain, hostile = made(STORIES[name]), made(evil(STORIES[name]))
    assert {one.name for one in hostile.every()} <= {one.name for one in plain.every()}
    assert all(key in ("class", "style", "title", "role", "aria-label", "aria-hidden", "scope", "tabindex", "lang",
                       "charset", "http-equiv", "content", "name") for one in hostile.every()
               for key in one.attributes)  # fmt: skip
    for one in hostile.every():
        assert EVIL[:6] not in one.attributes.get("style", "") + one.attributes.get("class", "")


def test_the_end_comes_first_then_what_failed() -> None:
    found = made(stories.failed("start"))
    order = [one for one in next(found.every("main")).inside if isinstance(one, Element)]
    assert [one.name for one in order[:3]] == ["header", "div", "div"] and order[1].classes == ["failure"]
    titles = [one.text for one in found.every("h2")]
    assert titles[:2] == ["Timeline", "Servers"] and "Commit latency, before and after" not in titles
    assert next(found.every("title")).text == "nomad_servers to wal: failed"


def test_all_of_a_roll_is_in_it() -> None:
    found = made(stories.roll(80))
    tables = list(found.every("table"))
    assert len(list(tables[0].every("tr"))) == 81
    assert all(f"nomad-{number:02d}" in found.text for number in range(1, 81))
    assert all(scrolls.name == "table" for holder in found.every("div", "scroll") for scrolls in holder.every("table"))
    assert len(list(found.every("div", "scroll"))) == len(tables), "each table scrolls by itself"


def test_it_is_of_a_size_that_one_can_mail() -> None:
    assert len(page(build("x", stories.roll(80)))) < 1_000_000
