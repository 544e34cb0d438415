# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own record of what happens to files: inotify(7), which sees every opening by whatever name or link."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

EVENTS = {
    0x1: "read", 0x2: "modified", 0x4: "attributes changed", 0x8: "closed after writing", 0x20: "opened",
    0x40: "moved away", 0x80: "moved here", 0x100: "created in", 0x200: "deleted in", 0x400: "deleted", 0x800: "moved",
}  # fmt: skip
OVERFLOW = 0x4000
_EVENT = struct.Struct("iIII")
_LIBC = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Everything that happens to a tree, from now on."""

    def __init__(self, root: Path) -> None:
        self._fd = _LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._paths = {}
        for path in [root, *root.rglob("*")]:
            number = _LIBC.inotify_add_watch(self._fd, os.fsencode(path), sum(EVENTS))
            assert number >= 0, os.strerror(ctypes.get_errno())
            self._paths[number] = str(path.relative_to(root))

    def events(self) -> list[str]:
        """What has happened since the last call, as sentences without verbs."""
        found = []
        while True:
            try:
                chunk = os.read(self._fd, 1 << 16)
            except BlockingIOError:
                return sorted(set(found))
            pos = 0
            while pos < len(chunk):
                number, mask, _cookie, length = _EVENT.unpack_from(chunk, pos)
                assert not mask & OVERFLOW, "too many events"
                found += [f"{self._paths[number]}: {what}" for bit, what in EVENTS.items() if mask & bit]
                pos += _EVENT.size + length

    def close(self) -> None:
        os.close(self._fd)
