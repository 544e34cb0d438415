# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs from run to run is replaced by something as long, so that lines break where they did. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
PATTERNS = (
    (re.compile(r"\b20\d\d-\d\d-\d\d(?=[ T])"), "2026-01-23"),
    (re.compile(r"\b20\d{6}(-|T)\d{6}(?!\d)"), r"20260123\g<1>123456"),
    (re.compile(r"(?<!\d)\d\d:\d\d:\d\d(?:\.\d+)?"), "12:34:56"),
    (re.compile(r"(?<![\w./])\d+\.\d\d\b(?!\.)"), "1.23"),
    (re.compile(r"(?:(?:boltdb|wal|migrate|nothing|finish|\ds|ms) +|\bapplied |\bnomad-|\b[Pp]rocess )\d{2,}\b"), ""),
    (re.compile(r"\b\d+(?: / \d+)?(?= entries)|\b(?:entry|committed) \d+|\b\d+\.\d+ms\b|\b\d{10}\.\d+\b"), ""),
    (re.compile(r"\b\d+GB\b|\b\d+(?= bytes are| are free)|\b\d+\.\d(?= MB/s)"), ""),
)
ONE_OF_SEVERAL = re.compile(r"(?:ok|changed): \[[\w-]+\]$|skipping: ")
DIGITS = "123456789"


class Normal:
    """The same identifiers get the same replacement in all lines that one of these is given."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def line(self, text: str) -> str:
        """The line without what varies. It is as long as before."""
        text = ID.sub(self._id, text)
        for pattern, instead in PATTERNS:
            text = pattern.sub(lambda found, instead=instead: as_long(found.group(), found.expand(instead)), text)
        return text

    def _id(self, found: re.Match[str]) -> str:
        number = self._ids.setdefault(found.group(), str(len(self._ids) + 1))
        return re.sub(r"[0-9a-f]", number[-1], found.group())


def as_long(text: str, instead: str) -> str:
    """`instead`, or, where that has another length, the text with its digits counted up from 1."""
    if len(text) == len(instead):
        return instead
    digits = iter(DIGITS * len(text))
    return re.sub(r"\d", lambda _found: next(digits), text)


def in_order(lines: Sequence[str]) -> list[str]:
    """The same lines, where several servers do the same at once in the order of their names."""
    ordered: list[str] = []
    for several, group in groupby(lines, lambda line: bool(ONE_OF_SEVERAL.match(line))):
        told = list(group)
        ordered += sorted(told) if several else told
    return ordered


def broken(lines: Sequence[str], columns: int) -> list[str]:
    """The lines as a terminal of so many columns breaks them."""
    rows: list[str] = []
    for line in lines:
        rows += [line[start : start + columns].rstrip() for start in range(0, max(len(line), 1), columns)]
    return rows
