# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON from files that an unprivileged user can write. Pure.

Python's own parser is not safe here: deep nesting ends in a RecursionError, Infinity becomes a float, a number of a
million digits takes minutes on older versions, and a few megabytes of empty lists take a hundred megabytes of memory.
Nothing that Nomad, raft-wal or this collection write has any of that.
"""

from __future__ import annotations

import json
from typing import Any, Callable, List, Optional, Tuple

MAX_DIGITS = 20  # as many as the largest number of 64 bits
MIN_OBJECT_LEN = 32  # bytes of text per list or object; those that we and Nomad write take far more
FREE_OBJECTS = 64

PairsHook = Callable[[List[Tuple[str, Any]]], Any]


def loads(raw: bytes, pairs_hook: Optional[PairsHook] = None) -> Any:
    """The value of this text. Raises ValueError, and nothing else. `pairs_hook` is json's object_pairs_hook."""
    if raw.count(b"[") + raw.count(b"{") > FREE_OBJECTS + len(raw) // MIN_OBJECT_LEN:
        raise ValueError("it has more lists and objects than anything that is written here")
    try:
        return json.loads(
            raw.decode("utf-8"), object_pairs_hook=pairs_hook, parse_int=short_int, parse_constant=no_constant
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def short_int(digits: str) -> int:
    """The number, for json's parse_int. Raises ValueError for one that cannot have 64 bits."""
    if len(digits) > MAX_DIGITS + 1:
        raise ValueError("a number is too long")
    return int(digits)


def no_constant(name: str) -> None:
    """For json's parse_constant: raises ValueError for NaN and Infinity."""
    raise ValueError(f"{name} is not JSON")
