# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk in memory that can lose power: what is on it after any number of calls, with anything not synced lost or torn.

`Disk` takes in the calls of a run (tape.py) one by one and knows of each file and of each directory what its last sync
has made sure and what came later. The rules are those of POSIX, which promise less than any file system keeps:

- a file's content and attributes are sure after its fsync, a directory's names after the directory's;
- what is not sure is there or not, name by name and write by write, in any combination; a write may be torn, or be
  there as zeros; a rename is there as a whole or not at all;
- a name may be there before what it names: an empty file, an empty directory.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, islice, product
from pathlib import Path
from typing import Any, Optional

from support.conversions.tape import Node, Nodes, Op, Tape

SECTOR = 512
SUBSETS_MAX = 4


class Disk:
    """What is sure and what is not, after the calls taken in so far."""

    def __init__(self, tape: Tape) -> None:
        self.sure: Nodes = dict(tape.nodes)  # one that does not exist yet has no name
        self.top = tape.top
        self.unsure: dict[int, list[Op]] = {}

    def copy(self) -> Disk:
        """The same disk, to be changed on its own."""
        other = copy.copy(self)
        other.sure = dict(self.sure)
        other.unsure = {node: list(ops) for node, ops in self.unsure.items()}
        return other

    def take(self, op: Op) -> None:
        """The next call."""
        if op.kind == "sync":
            for made in self.unsure.pop(op.node, ()):
                self.sure[op.node] = applied(self.sure[op.node], made)
        else:
            self.unsure.setdefault(op.node, []).append(op)

    def states(self, limit: int, seed: int, only: Optional[int] = None) -> Iterator[Nodes]:
        """What may be found after a power cut now: at most `limit` of the combinations, the extreme ones first.

        `only`: the parts of this file or directory are lost one by one, those of the others all together.
        """
        choices = {node: list(_outcomes(self.sure[node], ops)) for node, ops in self.unsure.items()}
        numbers = sorted(choices)
        nothing = {node: 0 for node in numbers}
        all_of_it = {node: 1 if len(choices[node]) > 1 else 0 for node in numbers}
        singles = [
            {**others, node: index}
            for node in numbers
            if only in (None, node)
            for index in range(len(choices[node]))
            for others in (nothing, all_of_it)
        ]
        mixed = self._mixed(choices, numbers, limit, seed) if only is None else iter(())
        picked = chain([nothing, all_of_it], singles, mixed)
        for pick in islice(picked, limit):
            yield {**self.sure, **{node: choices[node][index] for node, index in pick.items()}}

    def _mixed(
        self, choices: dict[int, list[Node]], numbers: Sequence[int], limit: int, seed: int
    ) -> Iterator[dict[int, int]]:
        combined = 1
        for node in numbers:
            combined *= len(choices[node])
        if combined <= limit:
            for indexes in product(*(range(len(choices[node])) for node in numbers)):
                yield dict(zip(numbers, indexes))
            return
        chance = random.Random(seed)
        while True:
            yield {node: chance.randrange(len(choices[node])) for node in numbers}


def _outcomes(node: Node, ops: Sequence[Op]) -> Iterator[Node]:
    """Nothing of it, all of it, then everything between."""
    yield node
    yield _all(node, ops)
    for some in _subsets(ops):
        yield _all(node, some)
    if node.kind == "file":
        for number, op in enumerate(ops):
            if op.kind == "write":
                before = _all(node, ops[:number])
                off, content = op.values
                yield applied(before, op._replace(values=(off, content[: len(content) // 2 // SECTOR * SECTOR])))
                yield applied(before, op._replace(values=(off, b"\0" * len(content))))


def _subsets(ops: Sequence[Op]) -> Iterator[Sequence[Op]]:
    if len(ops) <= SUBSETS_MAX:
        yield from chain.from_iterable(combinations(ops, size) for size in range(1, len(ops)))
        return
    for number in range(len(ops)):
        yield ops[:number]
        yield [*ops[:number], *ops[number + 1 :]]
        yield ops[number : number + 1]


def _all(node: Node, ops: Sequence[Op]) -> Node:
    for op in ops:
        node = applied(node, op)
    return node


def applied(node: Node, op: Op) -> Node:
    """The node after this call."""
    if op.kind == "write":
        off, content = op.values
        return replace(node, data=node.data[:off].ljust(off, b"\0") + content + node.data[off + len(content) :])
    if op.kind == "length":
        return replace(node, data=node.data[: op.values[0]].ljust(op.values[0], b"\0"))
    if op.kind == "owner":
        return replace(node, owner=op.values)
    entries = dict(node.entries)
    number = op.values[-1]
    if op.kind in ("move", "leave") and entries.get(op.values[0]) == number:
        del entries[op.values[0]]
    if op.kind in ("move", "enter"):
        entries[op.values[-2]] = number
    return replace(node, entries=entries)


def shape(nodes: Nodes, top: int) -> Any:
    """A value that is equal for equal trees, hard links included."""
    seen: dict[int, int] = {}

    def look(number: int) -> Any:
        node = nodes[number]
        first = seen.setdefault(number, len(seen))
        inside = tuple((name, look(node.entries[name])) for name in sorted(node.entries))
        return first, node.kind, hash(node.data), node.target, node.owner, inside

    return look(top)


def write_out(nodes: Nodes, top: int, where: Path) -> None:
    """Make this tree at `where`, which must not exist."""
    places: dict[int, Path] = {}

    def put(number: int, path: Path) -> None:
        node = nodes[number]
        first: Optional[Path] = places.setdefault(number, path)
        if first is not None and first != path:
            os.link(first, path, follow_symlinks=False)
            return
        if node.kind == "link":
            os.symlink(node.target, path)
        elif node.kind == "directory":
            path.mkdir()
            for name, inner in node.entries.items():
                put(inner, path / name)
        else:
            path.write_bytes(node.data)
        os.chown(path, node.owner[0], node.owner[1], follow_symlinks=False)
        if node.kind != "link":
            path.chmod(node.owner[2])

    put(top, where)
