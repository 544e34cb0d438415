# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and options on plain values, for tests of what a roll decides: three healthy ones, and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server, parse

NAMES = ("s1", "s2", "s3")
PEERS = [{"id": f"id-{name}", "address": f"{name}:4647", "voter": name != "s3"} for name in NAMES]
ME = Options(origin="me")


def facts(name: str, **read: Any) -> dict[str, Any]:
    """What is known of a healthy follower that is still on BoltDB, and what was read instead."""
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


def agent_self(name: str) -> dict[str, Any]:
    """What the agent of a follower on WAL says of itself, as far as a roll looks at it."""
    return {
        "id": f"id-{name}", "name": f"{name}.global", "backend": "wal", "state": "Follower", "version": "2.0.5",
        "leader_address": "s2:1", "rpc_address": f"{name}:1", "raft": {"applied_index": 7, "last_log_index": 8},
        "peers": [{"id": f"id-{name}", "address": f"{name}:1", "voter": True}],
    }  # fmt: skip


STORE: dict[str, Any] = {
    "node_id": "id-s1", "raft_dir": "/opt/nomad/server/raft", "state": "wal", "interrupted": False,
    "interrupted_by": "", "guarded": True, "in_use": True, "last_index": None, "size": 9, "available_bytes": 8,
    "estimated_bytes": 9,
}  # fmt: skip


def looked(
    agent: dict[str, Any], configured: str = "wal", hold: dict[str, Any] | None = None, drop_in: str = "",
    unit: dict[str, Any] | None = None, errors: dict[str, str] | None = None,
    transaction: dict[str, Any] | None = None, rehearsal: Sequence[dict[str, str]] = (), **store: Any,
) -> dict[str, Any]:  # fmt: skip
    """What server_info says of a server that is done, and what was read instead."""
    settings = {"leave_on_interrupt": False, "leave_on_terminate": False, "http_host": "127.0.0.1", "http_port": 4646}
    configuration = {"previous_backend": configured, "agent": settings, "paths": ["/etc/nomad.d"], "unwritable": []}
    return {
        "user_id": 0, "user": "root", "agent": agent, "autopilot": None, "autopilot_config": None,
        "api": {"host": "127.0.0.1", "port": 4646, "use_ssl": False},
        "unit": {"manager": "systemd", "signal": 2, "config_paths": [], "literal": True, **(unit or {})},
        "configuration": configuration, "data_dir": "/opt/nomad", "store": {**STORE, **store},
        "token": {"lacking": []},
        "leftovers": {"hold": hold, "drop_in": drop_in, "transaction": transaction, "snapshots": []},
        "prospect": {"refusal": ""},
        "rehearsal": list(rehearsal),
        "errors": errors or {},
    }  # fmt: skip
