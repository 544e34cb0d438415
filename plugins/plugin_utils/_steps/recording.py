# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning and the end of a run in its record: who runs what, the plan, what was done, or why it ends."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import uuid
from typing import Any, Dict, Mapping, Sequence, Tuple

from ansible import context
from ansible.release import __version__
from ansible_collections.raftops.nomad.plugins.module_utils._roll import cluster
from ansible_collections.raftops.nomad.plugins.module_utils._roll.closing import verdict
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server
from ansible_collections.raftops.nomad.plugins.plugin_utils._record import prepare, stats
from ansible_collections.raftops.nomad.plugins.plugin_utils._recorder import Recorder
from ansible_collections.raftops.nomad.plugins.plugin_utils._user import user

PLANNED = ("host", "id", "name", "version", "role", "running", "store", "size", "needs", "available", "last_index")


def playbook() -> str:
    """The name of the playbook that was called, without its collection or directory."""
    called = str((context.CLIARGS.get("args") or ["unknown"])[0])
    name, suffix = os.path.splitext(os.path.basename(called))
    return name if suffix in (".yml", ".yaml") else suffix.lstrip(".") or name


def collection_version() -> str:
    """Of the collection that is installed or checked out here; "" where its files do not say."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    installed, checked_out = os.path.join(root, "MANIFEST.json"), os.path.join(root, "galaxy.yml")
    with contextlib.suppress(OSError, ValueError, KeyError), open(installed, encoding="utf-8") as file:
        return str(json.load(file)["collection_info"]["version"])
    with contextlib.suppress(OSError), open(checked_out, encoding="utf-8") as file:
        return next((line.split()[1] for line in file if line.startswith("version:")), "")
    return ""


def begun(options: Options, group: str, host: str, at: float, secrets: Sequence[str]) -> Tuple[str, Recorder]:
    """A run begins: the name of its record and what notes in it; "" where none was asked for.

    Raises AnsibleActionFail where the record cannot be written.
    """
    name = prepare(options.report_dir, options.report_name, playbook(), group, at)
    recorder = Recorder(options.report_dir if name else "", name, host, secrets)
    who = {
        "run": uuid.uuid4().hex,
        "by": user(),
        "controller": os.uname().nodename,
        "origin": options.origin,
        "ansible": __version__,
        "python": platform.python_version(),
        "collection": collection_version(),
        "playbook": playbook(),
        "group": group,
        "backend": options.backend,
        "check": options.check_mode,
    }
    recorder.note("run_began", who)
    return name, recorder


def planned(recorder: Recorder, found: Mapping[str, Any], servers: Sequence[Server]) -> None:
    """The plan, and which server leads."""
    rows = [{**{name: getattr(one, name) for name in PLANNED}, "todo": one.todo} for one in servers]
    recorder.note("planned", {**found, "servers": rows})
    for leader in cluster.leaders(servers):
        recorder.note("leads", {"server": leader.host})


def latency(recorder: Recorder, servers: Sequence[Mapping[str, Any]], when: str) -> None:
    """What a write has cost `before` or `after`, as the looks at the servers have it."""
    for one in servers:
        if one.get(f"latency_{when}"):
            recorder.note("latency", {"server": one["host"], "when": when, "metrics": one[f"latency_{when}"]})


def refused(recorder: Recorder, message: str) -> None:
    """The run ends before its first server: nothing was changed."""
    recorder.note("run_ended", {"verdict": message, "ok": False, "complete": False})
    recorder.write()


def failed(recorder: Recorder, told: Mapping[str, Any]) -> None:
    """The run ends at a server. `told`: server, step, message, left."""
    recorder.note("failed", told)
    refused(recorder, told["message"])


def ended(recorder: Recorder, servers: Sequence[Server], options: Options, lines: Sequence[str]) -> None:
    """The roll has ended well. `lines` are those that were shown. It goes on later where servers are left."""
    _well(recorder, verdict(servers, options), lines, bool(options.copies) or not cluster.busy(servers))


def cleaned(recorder: Recorder, servers: Sequence[Server], options: Options) -> None:
    """The cleanup has ended well. It is complete whatever backend the servers are on."""
    _well(recorder, verdict(servers, options), [], True)


def _well(recorder: Recorder, told: str, lines: Sequence[str], complete: bool) -> None:
    recorder.note("run_ended", {"verdict": told, "lines": list(lines), "complete": complete, "ok": True})
    recorder.write()


def in_short(options: Options, name: str) -> Dict[str, Any]:
    """What the result of a task has for a job's artifacts, as set_stats makes them; empty where there is no record."""
    found = stats(options.report_dir, name) if name else {}
    return {"ansible_stats": found} if found else {}
