# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real file systems to work on: those of a disk in a file, in memory, and one laid over another. Needs root."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN, _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2


class Kind(NamedTuple):
    """A file system on a disk: how it is made and mounted."""

    name: str
    size: int
    make: tuple[str, ...]
    options: str


ON_DISK = {
    kind.name: kind
    for kind in (
        Kind("btrfs", 128 << 20, ("mkfs.btrfs", "-q", "-f"), "loop"),
        Kind("ext4", 64 << 20, ("mkfs.ext4", "-q", "-F"), "loop"),
        Kind("xfs", 300 << 20, ("mkfs.xfs", "-q", "-f"), "loop"),
    )
}
NAMES = (*ON_DISK, "tmpfs", "overlay")


class Disk:
    """A file system in a file, mounted at `top`."""

    def __init__(self, kind: Kind, where: Path) -> None:
        self.kind = kind
        self.image = where / "image"
        self.top = where / "mounted"
        self.top.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(kind.size)
        subprocess.run([*kind.make, str(self.image)], check=True, stdout=subprocess.DEVNULL)
        self.mount()

    def mount(self) -> None:
        mount(self.kind.make[0].split(".")[1], self.kind.options, str(self.image), self.top)

    def cut(self) -> None:
        """What has not been synced is gone; every call fails from now on."""
        fd = os.open(self.top, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def umount(self) -> None:
        subprocess.run(["umount", str(self.top)], check=True)


@contextlib.contextmanager
def disk_of(kind: Kind, where: Path) -> Iterator[Disk]:
    disk = Disk(kind, where)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk.top)], check=False)


@contextlib.contextmanager
def mounted(name: str, where: Path) -> Iterator[Path]:
    """An empty file system of this name (of NAMES), below the directory `where`."""
    with contextlib.ExitStack() as mounts:
        if name in ON_DISK:
            yield mounts.enter_context(disk_of(ON_DISK[name], where)).top
            return
        memory = where / "memory"
        memory.mkdir()
        mount("tmpfs", "size=256m", "tmpfs", memory)
        mounts.callback(subprocess.run, ["umount", "-l", str(memory)], check=False)
        if name == "tmpfs":
            yield memory
            return
        parts = {part: memory / part for part in ("lower", "upper", "work", "merged")}
        for path in parts.values():
            path.mkdir()
        (parts["lower"] / "below").mkdir()  # a merged directory is listed in another way than one of the upper layer
        mount(name, ",".join(f"{part}dir={parts[part]}" for part in ("lower", "upper", "work")), name, parts["merged"])
        mounts.callback(subprocess.run, ["umount", "-l", str(parts["merged"])], check=False)
        yield parts["merged"]


def mount(kind: str, options: str, source: str, where: Path) -> None:
    subprocess.run(["mount", "-t", kind, "-o", options, source, str(where)], check=True)
