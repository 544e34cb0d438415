# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk in memory that can lose power: what is on it after any number of calls, with anything not synced lost or torn.

`Tape` makes the real calls of a run and keeps them. `Disk` takes them in one by one and knows of each file and of each
directory what its last sync has made sure, and what came after it. The rules are those of POSIX, which promise less
than any file system keeps:

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
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, count, islice, product
from pathlib import Path
from typing import Any, NamedTuple, Optional

from ansible_collections.raftops.nomad.plugins.module_utils.disk.syscalls import Buffer, SystemCalls

SECTOR = 512
SUBSETS_MAX = 4


class Op(NamedTuple):
    """One call. `kind`: enter, move, leave (names of directory `node`), write, length, owner (of the file), sync."""

    kind: str
    node: int
    values: tuple[Any, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Node:
    """A file, a directory or a link (`target`)."""

    kind: str
    data: bytes = b""
    entries: dict[str, int] = field(default_factory=dict)
    target: str = ""
    owner: tuple[int, int, int] = (0, 0, 0o600)


Nodes = dict[int, Node]


class Tape(SystemCalls):
    """Makes the real calls and keeps them as `ops`; `nodes` is what was below `root` before."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ops: list[Op] = []
        self.nodes: Nodes = {}
        self._ids: dict[tuple[int, int], int] = {}
        self._numbers = count()
        self.top = self._scan(str(root))

    def _scan(self, path: str) -> int:
        status = os.lstat(path)
        number = self._id(status)
        owner = (status.st_uid, status.st_gid, status.st_mode & 0o777)
        if os.path.islink(path):
            self.nodes[number] = Node("link", target=os.readlink(path), owner=owner)
        elif os.path.isdir(path):
            inside = {name: self._scan(os.path.join(path, name)) for name in os.listdir(path)}
            self.nodes[number] = Node("directory", entries=inside, owner=owner)
        else:
            self.nodes[number] = Node("file", Path(path).read_bytes(), owner=owner)
        return number

    def _id(self, status: os.stat_result) -> int:
        key = (status.st_dev, status.st_ino)
        if key not in self._ids:
            self._ids[key] = next(self._numbers)
        return self._ids[key]

    def _made(self, kind: str, name: str, dir_fd: int, target: str = "") -> None:
        status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        self._ids.pop((status.st_dev, status.st_ino), None)  # of a file that is gone
        number = self._id(status)
        self.nodes[number] = Node(kind, target=target, owner=(0, 0, 0o700 if kind == "directory" else 0o600))
        self._keep("enter", dir_fd, (name, number), f"{kind} {name}")

    def _keep(self, kind: str, fd: int, values: tuple[Any, ...], label: str) -> None:
        self.ops.append(Op(kind, self._id(os.fstat(fd)), values, label))

    def _named(self, name: str, dir_fd: int) -> int:
        return self._id(os.stat(name, dir_fd=dir_fd, follow_symlinks=False))

    def open(self, name: str, flags: int, mode: int, dir_fd: int) -> int:
        fd = super().open(name, flags, mode, dir_fd)
        self._made("file", name, dir_fd)
        return fd

    def mkdir(self, name: str, mode: int, dir_fd: int) -> None:
        super().mkdir(name, mode, dir_fd)
        self._made("directory", name, dir_fd)

    def symlink(self, target: str, name: str, dir_fd: int) -> None:
        super().symlink(target, name, dir_fd)
        self._made("link", name, dir_fd, target)

    def link(self, old: str, new: str, dir_fd: int) -> None:
        super().link(old, new, dir_fd)
        self._keep("enter", dir_fd, (new, self._named(new, dir_fd)), f"link {old} > {new}")

    def rename(self, old: str, new: str, dir_fd: int) -> None:
        super().rename(old, new, dir_fd)
        self._keep("move", dir_fd, (old, new, self._named(new, dir_fd)), f"rename {old} > {new}")

    def unlink(self, name: str, dir_fd: int) -> None:
        number = self._named(name, dir_fd)
        super().unlink(name, dir_fd)
        self._keep("leave", dir_fd, (name, number), f"unlink {name}")

    def rmdir(self, name: str, dir_fd: int) -> None:
        number = self._named(name, dir_fd)
        super().rmdir(name, dir_fd)
        self._keep("leave", dir_fd, (name, number), f"rmdir {name}")

    def pwritev(self, fd: int, buffers: Sequence[Buffer], off: int) -> int:
        content = b"".join(bytes(buffer) for buffer in buffers)
        written = super().pwritev(fd, buffers, off)
        self._keep("write", fd, (off, content[:written]), f"write {_base(fd)}")
        return written

    def ftruncate(self, fd: int, length: int) -> None:
        super().ftruncate(fd, length)
        self._keep("length", fd, (length,), f"length {_base(fd)}")

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        super().fchown(fd, uid, gid)
        self._keep("owner", fd, _owner(fd), f"owner {_base(fd)}")

    def fchmod(self, fd: int, mode: int) -> None:
        super().fchmod(fd, mode)
        self._keep("owner", fd, _owner(fd), f"mode {_base(fd)}")

    def fsync(self, fd: int) -> None:
        super().fsync(fd)
        self._keep("sync", fd, (), f"sync {_base(fd)}")


def _base(fd: int) -> str:
    return os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))


def _owner(fd: int) -> tuple[int, int, int]:
    status = os.fstat(fd)
    return status.st_uid, status.st_gid, status.st_mode & 0o777


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
