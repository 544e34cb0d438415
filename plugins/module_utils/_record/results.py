# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which step of the timeline a module is, and which events its result is. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

Result = Mapping[str, Any]
Events = List[Tuple[str, Dict[str, Any]]]

PREFIX = "raftops.nomad."
STEP_OF = {
    "server_info": "look",
    "server_wait": "gate",
    "raft_transfer_leadership": "transfer",
    "raft_write_check": "write",
    "snapshot_save": "snapshot",
    "autopilot_config": "hold",
    "server_backend": "backend",
    "raft_backup_remove": "remove",
}
"""The step that each module is. Others, such as those that ask a person, are no step of a server."""


def step_of(module: str, args: Result) -> str:
    """The step that this call is, "" where it is none. `module` with or without its collection."""
    name = module[len(PREFIX) :] if module.startswith(PREFIX) else module
    if name == "ansible.builtin.pause":
        return "pause"
    if name == "autopilot_config" and args.get("state") == "released":
        return "release"
    if name == "server_wait" and args.get("until") == "back":
        return "prove"
    return "return" if name == "server_backend" and args.get("state") == "returned" else STEP_OF.get(name, "")


def events(server: str, module: str, args: Result, result: Result) -> Events:
    """What is noted of this result besides the end of its step: kinds, and what was given to them."""
    step, own = step_of(module, args), {**result, "server": server}
    told: Events = [("warning", {"server": server, "message": str(one)}) for one in result.get("warnings") or ()]
    if result.get("skipped"):
        return told
    if step in ("backend", "return"):
        if result.get("phases") or result.get("failed"):
            told.append(("worked", own))
    elif result.get("failed"):
        return told
    elif step == "snapshot":
        told.append(("snapshot", {**own, "of": "server" if args.get("stale") else "leader"}))
    elif step == "transfer":
        told.append(("leads", {"server": (result.get("to") or {}).get("id")}))
    elif step == "hold":
        told.append(("held", own))
    elif step == "release" and result.get("changed"):  # it is asked on every host, whoever holds
        told.append(("released", own))
    elif step == "remove" and result.get("changed"):
        told.append(("removed", own))
    return told
