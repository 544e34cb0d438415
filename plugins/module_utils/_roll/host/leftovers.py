# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier runs have left on a server, from one look at it, server_info's. Pure."""

from __future__ import annotations

from typing import Any, Dict, Mapping


def transaction(look: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a run of server_backend does there or has left: at_work, untold, sentence."""
    return look["leftovers"]["transaction"] or {"at_work": False, "untold": False, "sentence": ""}


def left(look: Mapping[str, Any]) -> Dict[str, Any]:
    """What runs have left: a hold, a drop-in, snapshots, an answer that nobody has got. As Found has them."""
    found, ended = look["leftovers"], transaction(look)
    return {
        "held": found["hold"],
        "hold": found["hold"] is not None,
        "barred": bool(found["drop_in"]),
        "at_work": ended["at_work"],
        "untold": ended["untold"],
        "transaction": ended["sentence"],
        "snapshots": tuple(found["snapshots"]),
    }


def ours(look: Mapping[str, Any]) -> bool:
    """Whether a roll leaves a server like this. A guarded WAL that a process has open runs at another address."""
    store, found = look["store"], look["leftovers"]
    return bool(
        store["interrupted"]
        or found["hold"] is not None
        or transaction(look)["at_work"]
        or found["drop_in"]
        or (store["guarded"] and not store["in_use"])
        or (store["state"] in ("boltdb", "wal") and store["state"] != look["configuration"]["previous_backend"])
    )
