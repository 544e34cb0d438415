# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random test cases that can be made smaller: a case is built from choices, and the list of choices is what shrinks.

A generator asks `Choices` for small numbers and makes a case of them. The numbers are kept; with some removed or
lowered, the same generator builds a simpler case, since 0 is the simplest choice everywhere.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Choices:
    """Draws from a seed, or from a tape of earlier draws; an exhausted tape gives zeros."""

    def __init__(self, seed: str = "", tape: Sequence[int] | None = None) -> None:
        self._random = random.Random(seed)
        self._tape = tape
        self.drawn: list[int] = []

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1."""
        if self._tape is None:
            number = self._random.randrange(limit)
        else:
            number = min(self._tape[len(self.drawn)] if len(self.drawn) < len(self._tape) else 0, limit - 1)
        self.drawn.append(number)
        return number

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def one_in(self, count: int) -> bool:
        """True once in `count` times, on average."""
        return self.below(count) == count - 1


def shrink(tape: Sequence[int], fails: Callable[[list[int]], bool], seconds: float = 20) -> list[int]:
    """The simplest tape, found in this time, with which the case still fails."""
    best, deadline = list(tape), time.monotonic() + seconds
    progress = True
    while progress:
        progress = False
        for candidate in _simpler(best):
            if time.monotonic() > deadline:
                return best
            if fails(candidate):
                best, progress = candidate, True
                break
    return best


def _simpler(tape: list[int]) -> Iterator[list[int]]:
    for length in (64, 16, 4, 1):
        for start in range(0, len(tape), max(1, length // 2)):
            yield tape[:start] + tape[start + length :]
    for at, number in enumerate(tape):
        for lower in {0, number // 2, number - 1} - {number, -1}:
            yield [*tape[:at], lower, *tape[at + 1 :]]
