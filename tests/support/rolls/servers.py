# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and options on plain values, for tests of what a roll decides: three healthy ones, and what differs."""

from __future__ import annotations

from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils.roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils.roll.server import Server, parse

NAMES = ("s1", "s2", "s3")
PEERS = [{"id": f"id-{name}", "address": f"{name}:4647", "voter": name != "s3"} for name in NAMES]
ME = Options(origin="me")


def facts(name: str, **read: Any) -> dict[str, Any]:
    """The fact raft_logstore_server of a healthy follower that is still on BoltDB, and what was read instead."""
    seen = {
        "host": name, "id": f"id-{name}", "version": "2.0.5", "role": "follower", "leader": "s1:4647", "peers": PEERS,
        "todo": True, "store": "boltdb", "configured": "boltdb", "running": "boltdb", "interrupted_by": "",
    }  # fmt: skip
    return {**seen, **read}


def server(name: str, **read: Any) -> Server:
    """The same as a value."""
    return parse(facts(name, **read))


def three(**instead: dict[str, Any]) -> list[Server]:
    """s1, s2, s3, and what was read instead on one of them."""
    return [server(name, **instead.get(name, {})) for name in NAMES]


def led(**instead: dict[str, Any]) -> list[Server]:
    """Three servers that agree on s1 as the leader."""
    return three(
        **{name: {"role": "leader" if name == "s1" else "follower", **instead.get(name, {})} for name in NAMES}
    )
