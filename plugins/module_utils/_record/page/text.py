# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML from values: what is not HTML already is escaped, wherever it comes from. And values as words. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from html import escape
from typing import Any, Iterable, Optional, Sequence, Union

_ALONE = ("meta", "br")


class Html(str):
    """Text that is HTML already: only what this file returns."""

    __slots__ = ()


Content = Union[str, Html, None]


def element(tag: str, /, *content: Content, **attributes: Any) -> Html:
    """An element. Attributes: `_` becomes `-`, `class_` is class; those that are None or "" are left out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value not in (None, "")
    )
    return Html(f"<{tag}{told}>" if tag in _ALONE else f"<{tag}{told}>{join(content)}</{tag}>")


def join(parts: Iterable[Content], between: str = "") -> Html:
    """All of them in one, each escaped unless it is HTML."""
    told = (part if isinstance(part, Html) else escape(part, quote=True) for part in parts if part)
    return Html(between.join(told))


def table(titles: Sequence[Content], rows: Iterable[Sequence[Content]], numbers: Sequence[int] = ()) -> Html:
    """A table that scrolls by itself where it is wider than the page. `numbers`: the columns that are right-aligned."""

    def cells(kind: str, row: Sequence[Content]) -> Html:
        return join(
            element(kind, cell, class_="n" if at in numbers else None, scope="col" if kind == "th" else None)
            for at, cell in enumerate(row)
        )

    head = element("thead", element("tr", cells("th", titles)))
    body = element("tbody", *(element("tr", cells("td", row)) for row in rows))
    return element("div", element("table", head, body), class_="scroll", tabindex="0")


def section(title: str, *content: Content, class_: Optional[str] = None) -> Html:
    """A part of the page; nothing where it has no content."""
    inside = join(content)
    return element("section", element("h2", title), inside, class_=class_) if inside else Html("")


def seconds(value: Optional[float]) -> str:
    """A time as long as it has to be: 0.41 s, 12.3 s, 4 min 10 s, 2 h 05 min; "-" for None."""
    if value is None:
        return "-"
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 99.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def clock(moment: Optional[str]) -> str:
    """A time of the record for people: 2026-11-22 13:20:35 UTC; "-" for None."""
    return f"{moment[:10]} {moment[11:19]} UTC" if moment else "-"


def unix(at: Optional[float]) -> str:
    """The same of a Unix time."""
    return "-" if at is None else f"{datetime.fromtimestamp(at, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def count(number: Any) -> str:
    """A whole number with its thousands apart; "-" for None."""
    return "-" if number is None else f"{number:,}".replace(",", "\u202f")
