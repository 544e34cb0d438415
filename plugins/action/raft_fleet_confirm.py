# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show the plans of all clusters of a fleet, and ask once. Touches no host."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Optional

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.module_utils._fleet import resume, states, table
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.waves import waves
from ansible_collections.raftops.nomad.plugins.modules.raft_fleet_confirm import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils._confirm import ask_once, last_line, timeout_s
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetold import remove_old
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import Fleet, Run
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import plain, without_empty
from ansible_collections.raftops.nomad.plugins.plugin_utils._rolls import ansible

WAY_OUT = "To go on without being asked set raft_fleet_force=true."


class ActionModule(ActionBase):
    """What is shown is decided in module_utils._fleet."""

    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The waves; AnsibleActionFail where a plan is refused or nobody has confirmed."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        self._task.args = without_empty(self._task.args)
        args = self.validate_argument_spec(argument_spec=SPEC)[1]
        fleet = Fleet(args["dir"])
        run = fleet.of(ansible(), args["do"])
        if run is None:
            raise AnsibleActionFail(f"This run has no plans in {fleet.path}. Nothing was changed.")
        try:
            sizes = plain(args["waves"])
            cut = waves(sizes if isinstance(sizes, list) else [sizes], run["clusters"])
        except ValueError as error:
            raise AnsibleActionFail(f"{error} Nothing was changed.") from error
        run = fleet.update(run, lambda now: now.update(waves=cut))
        self._remove_old(fleet, args["keep"])
        result.update(changed=False, waves=cut, asked=self._asked(args, run, cut))
        if not self._task.check_mode and args["do"] in states.CHANGING:
            fleet.update(run, lambda now: now.update(confirmed=True))
        return result

    def _remove_old(self, fleet: Fleet, days: int) -> None:
        """Old records are removed here, since this is called once in a run. That they are there stops none."""
        if days <= 0 or self._task.check_mode:
            return
        try:
            remove_old(fleet, days, time.time())
        except OSError as error:
            Display().warning(f"raft_fleet_keep: old records cannot be removed: {error}")

    def _asked(self, args: Dict[str, Any], run: Run, cut: List[List[str]]) -> bool:
        found, lost = states.clusters(run), resume.lost_canaries(run)
        bad = [one.name for one in found if one.state in (states.REFUSED, states.UNREAD)]
        rolls = any(one.state == states.ROLLS for one in found)
        only_shows = self._task.check_mode or args["do"] not in states.CHANGING
        stops = bool(lost or (bad and not args["skip_refused"])) and not only_shows
        if only_shows or stops or not rolls:
            shown = [] if args["do"] in ("assess", "status") else cut
            Display().display("\n".join([*table.plans(found, shown), table.numbers(found)]))
        if stops and lost and args["skip_refused"]:
            raise AnsibleActionFail(
                f"{', '.join(lost)}: no roll is possible there, and that is all of the first wave. Without a canary "
                "nothing begins. Repair that, or put another cluster first in the inventory. Nothing was changed."
            )
        if stops:
            raise AnsibleActionFail(
                f"{', '.join(bad)}: no roll is possible there. Repair that, or leave such clusters out with "
                "raft_fleet_skip_refused=true. Nothing was changed."
            )
        if only_shows or not rolls:
            return False
        how = {"at_once": args["at_once"], "forks": int(context.CLIARGS["forks"]), "pause_s": args["pause"]}
        text = "\n".join(table.question(args["do"], found, cut, how))
        if args["force"]:
            Display().display(text)
            return False
        seconds = timeout_s(args["timeout"])
        answers = os.path.join(C.DEFAULT_LOCAL_TMP, f"confirm-{self._task._uuid}")
        ask_once(answers, f"{text}\n{last_line(seconds)}", seconds, WAY_OUT)
        return True
