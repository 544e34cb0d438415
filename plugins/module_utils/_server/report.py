# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server as server_info returns it: what was seen, as plain values. Decides nothing, and has no secret in it."""

from __future__ import annotations

import os
import pwd
from typing import Any, Dict, List, Optional, Sequence

from .._agent.cluster import snapshotfiles
from .._agent.config.ensure import described
from .._roll.host.rehearsal import Finding
from .look import Seen, drop_in, role

CONFIGURATION = ("backend", "previous_backend", "file", "files", "effective", "agent", "changed_files")


def report(seen: Seen, findings: Sequence[Finding], transaction: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """The `server` of server_info, every key of its RETURN. `transaction` is what backend.caller.left says."""
    agent, store = seen.agent, seen.store or {}
    return {
        "id": store.get("node_id") or (agent.id if agent else "") or None,
        "name": agent.name if agent else "",
        "address": agent.rpc_address if agent else "",
        "region": agent.region if agent else "",
        "version": agent.version if agent else "",
        "user_id": os.geteuid(),
        "user": _user(os.geteuid()),
        "api": seen.api,
        "agent": _agent(seen),
        "autopilot": seen.autopilot.as_dict() if seen.autopilot else None,
        "autopilot_config": seen.autopilot_config.as_dict() if seen.autopilot_config else None,
        "unit": _unit(seen),
        "process": seen.process.as_dict() if seen.process else None,
        "configuration": _configuration(seen),
        "data_dir": seen.data_dir,
        "store": seen.store,
        "token": {
            "asked": seen.rights is not None,
            "lacking": [right._asdict() for right in seen.rights.rights] if seen.rights else [],
        },
        "leftovers": {**_leftovers(seen), "transaction": transaction},
        "prospect": _prospect(seen),
        "rehearsal": [finding._asdict() for finding in findings],
        "errors": seen.errors,
    }


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _agent(seen: Seen) -> Dict[str, Any]:
    asked = seen.asked.as_dict() if seen.asked else {}
    configuration = seen.raft_configuration
    return {
        **{name: asked.get(name) for name in ("answered", "down", "status", "error", "url")},
        "role": role(seen),
        "self": asked.get("agent"),
        "raft_configuration": configuration.as_dict() if configuration else None,
    }


def _unit(seen: Seen) -> Dict[str, Any]:
    plain = {**seen.unit._asdict(), "literal": seen.unit.literal}
    for name in ("config_paths", "drop_ins", "variables", "environment_files"):
        plain[name] = list(plain[name])
    return {"manager": seen.given["service_manager"], "name": seen.unit_name, **plain}


def _configuration(seen: Seen) -> Dict[str, Any]:
    found: Dict[str, Any] = described(seen.planned) if seen.planned else {}
    folders = sorted({os.path.dirname(path) for path in found.get("changed_files", [])})
    unwritable = [folder for folder in folders if not os.access(folder, os.W_OK)]
    about = {name: found.get(name) for name in CONFIGURATION}
    return {"paths": list(seen.paths), **about, "unwritable": unwritable}


def _leftovers(seen: Seen) -> Dict[str, Any]:
    store, path = seen.store or {}, drop_in(seen)
    return {
        "hold": seen.held,
        "journal": bool(store.get("interrupted")),
        "journal_origin": store.get("interrupted_by", ""),
        "snapshots": [one.as_dict() for one in snapshotfiles.found(seen.given["snapshot_dir"])],
        "drop_in": path if path and (path in seen.unit.drop_ins or os.path.lexists(path)) else "",
    }


def _prospect(seen: Seen) -> Dict[str, Any]:
    store, backend = seen.store, seen.given["backend"]
    plan: List[str] = seen.prospect.plan if seen.prospect else []
    return {
        "backend": backend,
        "plan": plan,
        "refusal": seen.prospect.refusal if seen.prospect else seen.errors.get("store", ""),
        "warnings": seen.prospect.warnings if seen.prospect else [],
        "bytes": store["size"] if store else None,
        "required_bytes": store["estimated_bytes"] if store else None,
        "available_bytes": store["available_bytes"] if store else None,
    }
