# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to run for one cluster of a fleet, from the options of its task."""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, Mapping

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.module_utils._fleet import childenv, outcome
from ansible_collections.raftops.nomad.plugins.plugin_utils import _fleetchild as child
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import Run
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import plain

MISTAKES = (AnsibleActionFail, OSError, ValueError)  # of the fleet's inventory, or of a command that prints a token
BACKEND = {"assess": "wal", "migrate": "wal", "plan": "wal", "rollback": "boltdb", "status": "wal"}
PLAYBOOK = {
    outcome.ASSESS: ("assess",),
    outcome.LOOK: ("status",),
    outcome.PLAN: ("migrate", "--check"),
    outcome.ROLL: ("migrate",),
}
OURS = {
    "raft_logstore_assess_file": "The assessment of each cluster is kept below raft_fleet_dir.",
    "raft_logstore_backend": "Whether to migrate or to roll back is for all clusters: raft_fleet_do.",
    "raft_logstore_force": "The question is asked once for all clusters; raft_fleet_force answers it.",
    "raft_logstore_group": "The group of its servers is raft_fleet_group.",
    "raft_logstore_report_dir": "The record of each roll is kept below raft_fleet_dir.",
    "raft_logstore_stop_after": "A cluster is rolled as a whole, so that the next wave can rely on it.",
    "raft_logstore_token": "A token must not be kept there: use raft_fleet_token_env or raft_fleet_token_command.",
}


def job(kind: str, place: str, name: str, args: Mapping[str, Any], here: str, run: Run) -> child.Job:
    """The child of a kind that keeps what it leaves in `place`, for the cluster called `name`.

    `here`: the directory of the fleet's inventory. Raises MISTAKES for what keeps it from running.
    """
    inventory = _inventory(name, args, here)
    program = [args["executable"]] if args["executable"] else [sys.executable, "-m", "ansible", "playbook"]
    playbook, *more = PLAYBOOK[kind]
    token = child.token(args["token_env"], child.words(args["token_command"]), os.environ)
    # ansible-runner would turn it off.
    environment = {"ANSIBLE_HOST_KEY_CHECKING": str(C.HOST_KEY_CHECKING)}
    return child.Job(
        kind,
        place,
        [*program, f"raftops.nomad.{playbook}", "-i", inventory, *more],
        {**plain(args["variables"]), **_ours(kind, place, args)},
        childenv.child(os.environ, token, {args["token_env"], *run["token_envs"]}, environment),
        args["engine"],
    )


def _inventory(name: str, args: Mapping[str, Any], here: str) -> str:
    """The path of the cluster's inventory. Raises AnsibleActionFail for options that cannot be."""
    for variable, why in OURS.items():
        if variable in args["variables"]:
            raise AnsibleActionFail(f"raft_fleet_vars of {name} has {variable}. {why} Nothing was changed.")
    if not args["inventory"]:
        raise AnsibleActionFail(f"{name} has no raft_fleet_inventory: the path of the cluster's own inventory.")
    path = os.path.abspath(os.path.join(here, os.path.expanduser(args["inventory"])))
    if not os.path.exists(path):
        raise AnsibleActionFail(f"raft_fleet_inventory of {name} is not there: {path}.")
    return path


def _ours(kind: str, place: str, args: Mapping[str, Any]) -> Dict[str, Any]:
    """The variables that the fleet itself sets."""
    ours = {"raft_logstore_force": True, "raft_logstore_group": args["group"]}
    if kind == outcome.LOOK:
        return ours
    ours["raft_logstore_backend"] = BACKEND[args["do"]]
    if kind == outcome.ASSESS:
        return {**ours, "raft_logstore_assess_file": os.path.join(place, f"{child.ASSESSMENT}.json")}
    return {**ours, "raft_logstore_report_dir": place, "raft_logstore_report_name": child.REPORT}
