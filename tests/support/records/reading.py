# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of HTML as a tree of elements, read strictly: what is opened is closed, in order, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Optional

ALONE = ("meta", "br")


class Element:
    """An element: its name, its attributes, and what is in it."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name, self.attributes = name, attributes
        self.inside: list[Element | str] = []

    def every(self, name: str = "", class_: str = "") -> Iterator[Element]:
        """All below it with this name and class, in the order of the page."""
        for one in self.inside:
            if isinstance(one, Element):
                if name in ("", one.name) and (not class_ or class_ in one.classes):
                    yield one
                yield from one.every(name, class_)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """What one reads, without the style sheet."""
        if self.name == "style":
            return ""
        return " ".join(filter(None, (one if isinstance(one, str) else one.text for one in self.inside)))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Optional[str]]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in ALONE:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"{tag} ends in {self.open[-1].name}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.open[-1].inside.append(data.strip())


def read(page: str) -> Element:
    """The page. Raises AssertionError where it is not well formed."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert len(reader.open) == 1, f"{reader.open[-1].name} is not closed"
    return reader.open[0]


def rows(table: Element) -> list[dict[str, Any]]:
    """The rows of a table by the titles of its columns."""
    titles = [cell.text for cell in table.every("th")]
    found = [[cell.text for cell in row.every("td")] for row in table.every("tr")]
    return [dict(zip(titles, cells, strict=True)) for cells in found if cells]
