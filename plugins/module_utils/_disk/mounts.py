# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an open file is mounted, and on what kind of file system. Reads /proc only.

A store on another mount than its Raft directory could be copied, but not renamed: the failure would come after the new
store was published. The kernel's mount number reveals even a bind mount of the same device.
"""

from __future__ import annotations

import os
import re
from typing import Dict, List, NamedTuple

from .errors import REJOIN, Refused

PROC = "/proc"
_OCTAL = re.compile(r"\\([0-7]{3})")
_UPPER = "upperdir="
IN_MEMORY = ("tmpfs", "ramfs", "devtmpfs", "rootfs")
REFUSED_KINDS = {
    "nfs": "flock on a directory does not work there",
    "nfs4": "flock on a directory does not work there",
    "cifs": "locks are emulated there",
    "smb3": "locks are emulated there",
    "vfat": "it has no hard links",
    "exfat": "it has no hard links",
    "msdos": "it has no hard links",
}


class Mount(NamedTuple):
    """The kernel's number of a mount, the kind of its file system and its place; "" if the kernel does not say.

    `upper` is where an overlay keeps what is written to it.
    """

    number: int
    kind: str
    point: str = ""
    read_only: bool = False
    upper: str = ""


def parse_mount_number(fdinfo: str) -> int:
    """The mount number in /proc/self/fdinfo/FD; 0 when it is not there (Linux before 3.15)."""
    for line in fdinfo.splitlines():
        name, _colon, value = line.partition(":")
        if name == "mnt_id":
            return int(value)
    return 0


def parse_mountinfo(mountinfo: str) -> Dict[int, Mount]:
    """Mount number -> mount, from /proc/self/mountinfo (proc(5): the kind is the field after the lone hyphen)."""
    mounts = {}
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if "-" not in fields[6:]:
            continue
        kind, *rest = fields[fields.index("-", 6) + 1 :]
        options = [*fields[5].split(","), *(rest[-1].split(",") if rest else [])]  # of the mount, of its file system
        upper = [option[len(_UPPER) :] for option in options if option.startswith(_UPPER)]
        mounts[int(fields[0])] = Mount(
            int(fields[0]), kind, _unescaped(fields[4]), "ro" in options, _unescaped(upper[0]) if upper else ""
        )
    return mounts


def _unescaped(field: str) -> str:
    """A path of mountinfo, in which a blank is written as \\040."""
    return _OCTAL.sub(lambda found: chr(int(found.group(1), 8)), field)


def mount_number(fd: int, proc: str = PROC) -> int:
    """The number of the mount that this open file was reached through."""
    return parse_mount_number(read_text(f"{proc}/self/fdinfo/{fd}"))


def mount_of(fd: int, proc: str = PROC) -> Mount:
    """The mount of an open file."""
    number = mount_number(fd, proc)
    return parse_mountinfo(read_text(f"{proc}/self/mountinfo")).get(number, Mount(number, ""))


def refuse_kind(kind: str, path: str) -> None:
    """Raises Refused for a file system on which the switch would not be safe."""
    if kind in REFUSED_KINDS:
        raise Refused(
            f"this is on a {kind} file system, and {REFUSED_KINDS[kind]}",
            path,
            hint=f"Move the server's data_dir to a local file system, or {REJOIN}.",
        )


def read_text(path: str) -> str:
    """The text of a small file, as those below /proc; "" when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        chunks: List[bytes] = []
        while True:
            chunk = os.read(fd, 65536)
            if not chunk:
                return b"".join(chunks).decode("utf-8", "replace")
            chunks.append(chunk)
    finally:
        os.close(fd)
