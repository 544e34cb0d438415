# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How changed configuration files become again what they were, byte for byte.

A record has only what differs, not the files: they hold secrets, and a record outlives the process that made it. It
says for each file the SHA-256 before and after, and the pieces to put back; so it can be seen whether it still fits.
"""

from __future__ import annotations

import hashlib
import os
import re
from difflib import SequenceMatcher
from typing import Any, Dict, List, Optional, Sequence

from ..._agent.config import files
from ..._agent.errors import ConfigError

# A string is one piece, so no part of a secret is ever a difference.
_PIECE = re.compile(rb'"(?:[^"\\\n]|\\.)*"|\s|\w+|.', re.S)

Record = Dict[str, Any]
"""`path`; `before` and `after`: SHA-256 in hex, `before` null for no file; `parts` of the content before, in order: a
text, or [start, end] of what is copied from the content after."""


def record(path: str, before: Optional[bytes], after: bytes) -> Record:
    """How to get from `after` back to `before`."""
    parts = [] if before is None else _parts(_PIECE.findall(after), _PIECE.findall(before))
    digest = None if before is None else _digest(before)
    return {"path": path, "before": digest, "after": _digest(after), "parts": parts}


def fits(one: Record, content: Optional[bytes]) -> bool:
    """Whether the file still has the content that was written."""
    return content is not None and bool(_digest(content) == one["after"])


def is_undone(one: Record, content: Optional[bytes]) -> bool:
    """Whether the file is what it was before, so there is nothing to put back."""
    return bool((None if content is None else _digest(content)) == one["before"])


def original(one: Record, content: bytes) -> Optional[bytes]:
    """The content before; None for a file that was not there. Raises ValueError unless it is exactly that content."""
    if not fits(one, content):
        raise ValueError(f"{one['path']} has been changed since")
    if one["before"] is None:
        return None
    parts = [
        part.encode("utf-8", "surrogateescape") if isinstance(part, str) else content[part[0] : part[1]]
        for part in one["parts"]
    ]
    if _digest(b"".join(parts)) != one["before"]:
        raise ValueError(f"the record of {one['path']} is not whole")
    return b"".join(parts)


def put_back(records: Sequence[Record]) -> List[str]:
    """Make the recorded files again what they were, last one first; the paths that were written or removed.

    Files that are so already are left. Raises ConfigError, before anything is written, when one has been changed since;
    StoreError when it cannot be written.
    """
    todo = []
    for one in records:
        content = files.read(one["path"]) if os.path.lexists(one["path"]) else None
        if is_undone(one, content):
            continue
        try:
            before = original(one, content or b"")
        except ValueError as error:
            raise ConfigError(str(error), hint="Bring the configuration back to the former backend by hand.") from error
        todo.append((one["path"], before, content or b""))
    for path, before, content in reversed(todo):
        if before is None:
            files.remove(path, content)
        else:
            files.write(path, content, before, path, False)
    return [path for path, _before, _content in reversed(todo)]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _parts(now: Sequence[bytes], then: Sequence[bytes]) -> List[Any]:
    """The parts of `then`. Whatever stays, and every string that is still somewhere, is copied from `now`."""
    starts = [0]
    for piece in now:
        starts.append(starts[-1] + len(piece))
    strings = {piece: at for piece, at in zip(now, starts) if piece.startswith(b'"')}
    head = _common(now, then)
    tail = _common(now[head:][::-1], then[head:][::-1])
    matcher = SequenceMatcher(None, now[head : len(now) - tail], then[head : len(then) - tail], autojunk=False)
    parts: List[Any] = [[0, starts[head]]]
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            parts.append([starts[head + i1], starts[head + i2]])
            continue
        for piece in then[head + j1 : head + j2]:
            at = strings.get(piece)
            parts.append(piece.decode("utf-8", "surrogateescape") if at is None else [at, at + len(piece)])
    return [*parts, [starts[len(now) - tail], starts[-1]]]


def _common(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """How many pieces both begin with."""
    count = 0
    for mine, theirs in zip(one, other):
        if mine != theirs:
            break
        count += 1
    return count
