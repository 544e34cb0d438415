# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as a table, and sentences as lines that a terminal does not break. Pure.

One word in a cell: Ansible's YAML output breaks long lines at single spaces.
"""

from __future__ import annotations

import textwrap
from typing import List, Sequence

WIDTH = 78
TABLE_WIDTH = 69  # with the quotes and the indent of the default callback that makes 80


def table(rows: Sequence[Sequence[object]]) -> List[str]:
    """One line for each row, the first one with the titles; columns as wide as needed."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in texts]


def narrow_table(rows: Sequence[Sequence[object]], spare: Sequence[str]) -> List[str]:
    """The same; while it is wider than TABLE_WIDTH, the columns with these titles are left out, the first one first."""
    lines = table(rows)
    for title in spare:
        if max(map(len, lines)) <= TABLE_WIDTH:
            break
        place = rows[0].index(title)
        rows = [[*row[:place], *row[place + 1 :]] for row in rows]
        lines = table(rows)
    return lines


def wrapped(text: str, indent: str = "  ") -> List[str]:
    """Lines of at most WIDTH, broken between words only; those after the first are indented."""
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
