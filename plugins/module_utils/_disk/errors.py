# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one family of errors that reading, converting and switching stores may raise.

An error is a sentence for an operator: what is wrong, where (path and byte offset), what to do. The classes say where
the fault lies: the file, the request, or the machine. Any other exception from `disk` or `raftstore` is a bug.
"""

from __future__ import annotations

import errno
from types import TracebackType
from typing import Any, Dict, Optional, Type

PAGES = "https://github.com/raftops/raftops.nomad/tree/main/docs"  # for who has the message and not the files


def page(name: str, section: str) -> str:
    """The address of a section of the documentation, as a message names it."""
    return f"{PAGES}/{name}.md#{section}"


# The ways out that many errors name, here so that each is written once. An older copy of a store is none: it has
# forgotten votes.
REJOIN = f"let this server start over, see {page('runbook', 'when-not-to-use-this-wipe-and-rejoin')} for how"

# It destroys what the server has. What one look at the disk has found is no reason for that: another may refute it.
LOOK_AGAIN = "look again with raft_store_info (verify: true). If it finds the same"

RESTORE = f"Do not start Nomad on this file. Check the disk, and {LOOK_AGAIN}, {REJOIN}."

UNTOUCHED = "The old store is untouched. Run again; if it happens again, suspect the memory or the disk."

_RIGHTS = "Run as root (become: true, or -b): the service user cannot read what root has made here, like the journal."
HINTS = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.ELOOP: "Symbolic links are not followed here; give the real directory.",
}


class StoreError(Exception):
    """What is wrong, in which file (`path`), at which byte from its start (`offset`), and the way out (`hint`)."""

    def __init__(self, what: str, path: str = "", offset: Optional[int] = None, hint: str = "") -> None:
        super().__init__(what, path, offset, hint)
        self.what = what
        self.path = path
        self.offset = offset
        self.hint = hint

    def __str__(self) -> str:
        place = self.path
        if self.offset is not None:
            place = f"{place} at byte {self.offset}".strip()
        text = f"{place}: {self.what}" if place else self.what
        return "{}. {}".format(text.rstrip("."), self.hint) if self.hint else text

    def as_dict(self) -> Dict[str, Any]:
        """The error as plain values, so that it can cross a pipe from a worker and become a module result."""
        return {
            "kind": type(self).__name__,
            "what": self.what,
            "path": self.path,
            "offset": self.offset,
            "hint": self.hint,
        }


class Corrupt(StoreError):
    """The file contradicts its own format or checksum."""


def corrupt(what: str, pos: int) -> Corrupt:
    """The error for a page that contradicts the format, with the hint that all of them share."""
    return Corrupt(what, offset=pos, hint=RESTORE)


class Unsupported(StoreError):
    """The file may be sound, but it is of a kind or version that this code does not know."""


class Refused(StoreError):
    """The request cannot be met safely; a person has to decide or to change something."""


class IndexGap(Refused):
    """The log has a hole that no snapshot covers."""


class InUse(StoreError):
    """Another process has the store, or another run of this code is at work."""


class NoSpace(StoreError):
    """The file system has too little room."""


class WriteFailed(StoreError):
    """The operating system refused a change; `what` has its reason."""


KINDS = {
    kind.__name__: kind for kind in (StoreError, Corrupt, Unsupported, Refused, IndexGap, InUse, NoSpace, WriteFailed)
}


def from_dict(values: Dict[str, Any]) -> StoreError:
    """The error that `as_dict` described; an unknown kind becomes a plain StoreError."""
    kind = KINDS.get(values["kind"], StoreError)
    return kind(values["what"], values["path"], values["offset"], values["hint"])


def unreadable(error: OSError, path: str) -> StoreError:
    """The error for a read that the operating system refused."""
    what = f"cannot read: {error.strerror or error}"
    return StoreError(what, str(error.filename or path), hint=HINTS.get(error.errno or 0, ""))


class located:
    """Completes errors of pure code: sets their path and adds the file offset of the buffer's first byte.

    Use it per page or window, never per entry (about 0.3 microseconds).
    """

    def __init__(self, path: str, base_off: int = 0) -> None:
        self.path = path
        self.base_off = base_off

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], _trace: Optional[TracebackType]
    ) -> None:
        if isinstance(error, StoreError) and not error.path:
            error.path = self.path
            if error.offset is not None:
                error.offset += self.base_off
