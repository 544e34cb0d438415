# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of a run, made for real and kept one by one: what a disk that can lose power (disk.py) is built from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import Buffer, SystemCalls


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
