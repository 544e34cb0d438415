# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write one page over all clusters of a fleet. Touches no host."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.module_utils._fleet import page, states, table
from ansible_collections.raftops.nomad.plugins.modules.raft_fleet_report import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils import _fleetchild as child
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import Fleet, Run, read, replace
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import without_empty


class ActionModule(ActionBase):
    """What the page says is decided in module_utils._fleet.page."""

    _supports_check_mode = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Where the page is."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        self._task.args = without_empty(self._task.args)
        args = self.validate_argument_spec(argument_spec=SPEC)[1]
        fleet = Fleet(args["dir"])
        runs = [run for run in map(read, fleet.runs()) if run]
        if not runs:
            raise AnsibleActionFail(f"There are no records of a fleet in {fleet.path}. Run raftops.nomad.fleet first.")
        runs = [run for run in runs if run["do"] in states.CHANGING] or runs[-1:]
        path = os.path.abspath(os.path.expanduser(args["dest"] or os.path.join(fleet.path, "report.html")))
        made = page.merged([_settled(run, os.path.dirname(path)) for run in runs])
        try:
            changed = replace(path, page.page(made))
        except OSError as error:
            raise AnsibleActionFail(f"Cannot write the page: {error}") from error
        Display().display(f"{table.numbers(states.clusters(made))}\n{path}")
        return {**result, "changed": changed, "path": path}


def _settled(run: Run, here: str) -> Run:
    """The run, with the ends of rolls that have outlived it, as their keepers have left them, and each roll's page."""
    for known in run["states"].values():
        child.settle(known)
        place = child.where(known)
        own = os.path.join(place, f"{child.REPORT}.html")
        if place and os.path.exists(own):
            known["report"] = os.path.relpath(own, here)
    return run
