# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a file from being put in place at a path, whoever asks: mounts, attributes, links. Reads only.

A file is put in place by a rename over its name, so the file and its directory both count. Root's rights do not
help against any of this: a read-only mount, the immutable and append-only attributes of chattr(1), and a name that is
itself a mount, as containers bind single files. Also what does not last, and what others could exchange.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from typing import NamedTuple

from .mounts import IN_MEMORY, PROC, Mount, mount_number, mount_of

# linux/fs.h: _IOR('f', 1, long). Elsewhere than on x86 and ARM the number is another one, and the answer "not known".
FS_IOC_GETFLAGS = 0x80000000 | struct.calcsize("l") << 16 | ord("f") << 8 | 1
FS_IMMUTABLE = 0x10
FS_APPEND = 0x20
_LOOK = os.O_PATH | os.O_CLOEXEC


class Place(NamedTuple):
    """A path, where its links lead, and what stands there. `mount` is that of the directory.

    `volatile`: what is written there is gone after a reboot, or with the container whose root it is on.
    """

    path: str
    real: str
    kind: str  # file, directory, other, or "" for nothing
    mount: Mount
    bound: bool  # the name is a mount of its own
    frozen: str  # the path that is immutable or append-only, "" when neither the file nor its directory is
    volatile: bool = False


def look(path: str, proc: str = PROC) -> Place:
    """The place of this path, links followed. Raises OSError when even the directory cannot be reached."""
    real = os.path.realpath(path)
    folder = os.path.dirname(real)
    directory = os.open(folder, _LOOK | os.O_DIRECTORY)
    try:
        mount = mount_of(directory, proc)
    finally:
        os.close(directory)
    try:
        fd = os.open(real, _LOOK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return Place(path, real, "", mount, False, folder if _frozen(folder) else "", _is_volatile(mount, proc))
    try:
        kind, number = _kind(os.fstat(fd).st_mode), mount_number(fd, proc)
    finally:
        os.close(fd)
    frozen = [one for one in (real, folder) if _frozen(one)]
    volatile = _is_volatile(mount, proc)
    return Place(path, real, kind, mount, number != mount.number, frozen[0] if frozen else "", volatile)


def _is_volatile(mount: Mount, proc: str) -> bool:
    """An overlay is what its upper directory is; the one of a container's root cannot be seen from inside."""
    if mount.kind != "overlay":
        return mount.kind in IN_MEMORY
    try:
        upper = os.open(mount.upper, _LOOK | os.O_DIRECTORY) if mount.point != "/" else -1
    except OSError:  # not known: the path may be one that was there only while the system started (/sysroot/...)
        return False
    if upper < 0:
        return True
    try:
        below = mount_of(upper, proc)
    finally:
        os.close(upper)
    return below.kind in IN_MEMORY or (below.kind == "overlay" and below.point == "/")


def _kind(mode: int) -> str:
    return "file" if stat.S_ISREG(mode) else "directory" if stat.S_ISDIR(mode) else "other"


def _frozen(path: str) -> bool:
    """Whether a file or directory is immutable or append-only; False where the file system does not tell."""
    if _kind(os.stat(path).st_mode) == "other":
        return False
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        flags = struct.pack("l", 0)
        (value,) = struct.unpack("l", fcntl.ioctl(fd, FS_IOC_GETFLAGS, flags))
    except OSError:  # ENOTTY: this file system has no such attributes
        return False
    finally:
        os.close(fd)
    return bool(value & (FS_IMMUTABLE | FS_APPEND))


def untrusted_above(path: str, uid: int) -> str:
    """The first directory above a path, without links, in which others than root and user `uid` may change names.

    "" when there is none. A sticky directory lets nobody move another's files. Raises OSError.
    """
    folder = path
    while folder != os.sep:
        folder = os.path.dirname(folder)
        status = os.stat(folder)
        sticky = status.st_mode & stat.S_ISVTX
        if status.st_uid not in (0, uid) or (status.st_mode & 0o022 and not sticky):
            return folder
    return ""
