# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old stores are removed: see which would go, from servers and a cluster that are in order; ask; say what has gone."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.raftops.nomad.plugins.module_utils._roll import tables
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns import oldstores
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given, Result
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import OLD, WAIT, Run, Stopped, say
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.planning import Asking

QUESTION = (
    "The old Raft stores and snapshots shown above with remove will be deleted from these Nomad servers for good."
)


def find_old(run: Run, given: Given, result: Result) -> None:
    """Which old stores and snapshots would go from this server. Changes nothing."""
    tidy = given.now().end.tidy
    if tidy.refused:
        raise Stopped("This server is in order", tidy.refusal)
    found = run("Find the old stores", OLD, _which(given), rehearses=True)
    result["server"] = given.noted({**given.own, "old_stores": found})


def remove_old(run: Run, given: Given, result: Result) -> None:
    """Remove them. The module looks at all of them once more."""
    done = run("Remove the old stores", OLD, _which(given))
    result["server"] = given.noted({**given.own, "old_stores": done})


def show_removed(_run: Run, given: Given, result: Result) -> None:
    """What has gone from all servers. Once for all of them."""
    result["lines"] = oldstores.closing(given.all, given.options)


def _which(given: Given) -> Dict[str, Any]:
    options = given.options
    return {
        "data_dir": given.own["data_dir"],
        "keep": options.keep_backups,
        "snapshot_dir": options.snapshot_dest,
        "keep_snapshots": options.keep_snapshots,
    }


def ask_cleanup(run: Run, given: Given, _result: Result, asking: Asking, at: float) -> None:
    """The cluster is healthy, and somebody says that they shall go. Once for all servers. `at`: seconds since 1970."""
    now = given.now()
    question = {"until": "healthy", "voters": now.voters, "wait_timeout": 15, "stable_for": 1}
    run("The cluster is healthy", WAIT, question, asks=True)
    say([*tables.cleanup(given.all, given.options.check_mode), *oldstores.youngest(given.all, at)])
    if now.end.has_old:
        asking = {"msg": QUESTION, "hosts": now.end.old, "force": asking.force, "timeout": asking.timeout_s}
        run("Ask before anything is removed", "raftops.nomad.raft_confirm", asking)
